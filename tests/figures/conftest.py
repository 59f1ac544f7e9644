"""A leaking session as a frame, with a spike, an outage and a few events."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

SPIKE, OUTAGE = 700, slice(1200, 1290)


@pytest.fixture
def samples() -> pd.DataFrame:
    """2000 samples 5 s apart, from 200 to 900 MB, one spike of 1500 MB, 90 samples missing."""
    rng = np.random.default_rng(7)
    at = pd.date_range("2026-01-01", periods=2000, freq="5s", tz="UTC")
    memory = 200 + np.arange(2000) * 0.35 + rng.normal(0, 8, 2000)
    memory[SPIKE] = 1500.0
    controllers = np.clip(7 + np.round(5 * np.sin(np.arange(2000) / 90)), 0, 15)
    frame = pd.DataFrame(
        {
            "at": at,
            "video_memory_mb": memory,
            "estimated_memory_mb": controllers * 20.0,
            "video_controllers": controllers,
        }
    )
    return frame.drop(frame.index[OUTAGE]).reset_index(drop=True)


@pytest.fixture
def events(samples: pd.DataFrame) -> pd.DataFrame:
    """Pressure, a configuration, and preloads, which get no mark."""
    at = samples["at"]
    return pd.DataFrame(
        {
            "at": [at[500], at[900], at[10], at[20], at[30]],
            "kind": ["memory_pressure", "config", "preload", "preload", "preload"],
            "memory_mb": [512.0, None, None, None, None],
            "controllers_disposed": [9, None, None, None, None],
            "reason": [None, "emergency", None, None, None],
            "success": [None, None, True, False, False],
            "error": [None, None, None, "timed out after 10 s", "timed out after 10 s"],
        }
    )
