"""Operations: the ops API, its client, and the servers on this machine's loopback."""

from __future__ import annotations

from vineview.ops.client import OpsClient
from vineview.ops.clip_server import ClipServer
from vineview.ops.server import OpsServer

__all__ = ["ClipServer", "OpsClient", "OpsServer"]
