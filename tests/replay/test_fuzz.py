"""Whatever a file calls a record, a replay shows what it can and names the rest."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vineview.core.changes import ChangeKind
from vineview.core.state import LoadState
from vineview.errors import TelemetryError
from vineview.replay import Replay
from vineview.telemetry import Telemetry

IDS = st.sampled_from(["a", "b", "c", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(IDS, inner, max_size=2),
    max_leaves=4,
)
AT = st.integers(0, 59).map(lambda second: f"2026-01-01T00:00:{second:02d}Z") | JSON
VIDEOS = st.lists(st.fixed_dictionaries({"id": IDS | JSON}, optional={"created_at": JSON}))
STATES = st.sampled_from([*LoadState, None, "molten"])
EVENTS = st.fixed_dictionaries(
    {"at": AT, "kind": st.sampled_from([*map(str, ChangeKind), "teleport"])},
    optional={
        "video_id": IDS | JSON,
        "from": STATES | JSON,
        "to": STATES | JSON,
        "retry_count": JSON,
        "error": JSON,
        "added": st.lists(IDS) | JSON,
        "removed": st.lists(IDS) | JSON,
        "videos": VIDEOS | JSON,
        "index": JSON,
        "config": st.dictionaries(st.sampled_from(["max_videos", "preload_ahead"]), JSON) | JSON,
        "memory_mb": JSON,
        "duration_ms": JSON,
        "success": JSON,
        "trip": JSON,
        "url": JSON,
        "network": JSON,
        "where": JSON,
        "snapshot": JSON,
    },
)
SAMPLES = st.fixed_dictionaries(
    {"at": AT},
    optional={
        "video_memory_mb": st.floats(0, 2000) | JSON,
        "memory_source": JSON,
        "failed_videos": JSON,
        "total_videos": JSON,
        "video_controllers": JSON,
    },
)


@given(samples=st.lists(SAMPLES, max_size=6), events=st.lists(EVENTS, max_size=10), header=JSON)
@settings(max_examples=30, deadline=None)
def test_a_damaged_export_replays_or_says_why_not(samples, events, header):
    telemetry = Telemetry({"config": header}, samples, events)
    try:
        replay = Replay(telemetry)
    except TelemetryError:
        return
    for position in (replay.duration_s, 0.0, replay.duration_s / 2):
        replay.seek(position)
        info = replay.get_debug_info()
        assert info["totalVideos"] >= 0
        assert replay.get_health_status()
        assert 0 <= replay.current_index <= max(len(replay.videos) - 1, 0)
        assert {event.id for event in replay.ready_videos} <= {e.id for e in replay.videos}
        assert replay.held_bytes >= 0 or replay.monitor.current_sample.video_memory_mb < 0
