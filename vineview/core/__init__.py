"""The embedded video manager. Standard library only; knows nothing of Jupyter."""

from __future__ import annotations

from vineview.core.breaker import BreakerState, CircuitBreaker
from vineview.core.cache import ByteCache
from vineview.core.changes import Change, ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.loading import Controller, Loader, ScriptedLoader
from vineview.core.manager import VideoManager
from vineview.core.metrics import Metrics
from vineview.core.policy import ContentFilter, UrlPolicy, Verdict
from vineview.core.state import ErrorClass, LoadState, VideoState
from vineview.core.view import ManagerView

__all__ = [
    "BreakerState",
    "ByteCache",
    "Change",
    "ChangeKind",
    "CircuitBreaker",
    "ContentFilter",
    "Controller",
    "ErrorClass",
    "LoadState",
    "Loader",
    "ManagerView",
    "Metrics",
    "ScriptedLoader",
    "UrlPolicy",
    "Verdict",
    "VideoEvent",
    "VideoManager",
    "VideoManagerConfig",
    "VideoState",
]
