"""A recording told in order."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vineview.core.config import VideoManagerConfig
from vineview.errors import TelemetryError
from vineview.replay import crossings
from vineview.replay.story import tell
from vineview.telemetry import Telemetry

FIRST = "2026-01-01T00:00:00Z"


def events(*records: dict) -> Telemetry:
    return Telemetry({}, [], [{"at": FIRST, **record} for record in records])


class TestTell:
    def test_everything_comes_in_order(self, telemetry):
        instants = [happening.at for happening in tell(telemetry).happenings]
        assert instants == sorted(instants)

    def test_each_crossing_is_told_with_how_long_it_lasted(self, telemetry):
        told = [each for each in tell(telemetry).happenings if each.kind == "crossing"]
        alerts = crossings(telemetry)
        assert [each.text for each in told] == [alert.message for alert in alerts]
        memory = next(each for each in told if "820 MB" in each.text)
        assert (memory.severity, memory.position_s, memory.duration_s) == ("critical", 240, 180)
        assert told[0].duration_s is None

    def test_what_an_engineer_would_retell_is_told(self, telemetry):
        told = {each.kind: each.text for each in tell(telemetry).happenings}
        assert told["transition"] == "Video 9: failed for good after 1 attempt: HTTP 404"
        assert told["network"] == "network is cellular"
        assert told["config"] == (
            "configuration: 1 ahead, 0 behind, 50 videos (network is cellular)"
        )
        assert told["breaker"] == "circuit breaker: closed to open"
        assert told["memory_pressure"] == "memory pressure: 1 of 3 controllers freed at 900 MB"
        assert told["crash"] == "crash: out of memory"
        assert told["error"] == "error in release: OSError: busy"

    def test_what_happens_all_the_time_is_counted(self, telemetry):
        story = tell(telemetry)
        assert story.moves == {"other": 1, "on": 1}
        assert story.transitions["not_loaded -> loading"] == 5
        assert story.failed_attempts == {"not_found": 1}
        assert (story.samples, story.events) == (21, len(telemetry.event_records))

    def test_it_ends_with_what_there_was(self, telemetry):
        final = tell(telemetry).final
        assert (final.videos, final.current_video_id, final.current_index) == (10, "v8", 4)
        assert final.states == {"not_loaded": 7, "ready": 2, "permanently_failed": 1}
        assert (final.memory_mb, final.controllers) == (360, None)
        assert final.config == VideoManagerConfig.cellular()
        assert final.active_crossings == 2

    def test_a_slow_preload_names_its_video(self):
        loading = {"kind": "transition", "video_id": "a", "from": None, "to": "loading"}
        named = {"id": "a", "title": "Two cats"}
        story = tell(
            events(
                {"kind": "feed", "added": ["a"], "removed": [], "total": 1, "videos": [named]},
                loading,
                {"kind": "preload", "video_id": "a", "success": True, "duration_ms": 6000},
            )
        )
        [crossing] = story.happenings
        assert crossing.text == "Two cats: preload took 6.0 s, longer than 5 s"
        assert crossing.video_id == "a"

    @pytest.mark.parametrize(
        ("record", "text"),
        [
            ({"kind": "action", "action": "free_memory"}, "action: action free_memory"),
            ({"kind": "action"}, "action: no details"),
            ({"kind": "crash"}, "crash: no reason given"),
            ({"kind": "error", "error": "boom"}, "error in the app: boom"),
            (
                {
                    "kind": "transition",
                    "video_id": "a",
                    "from": "loading",
                    "to": "permanently_failed",
                    "retry_count": 3,
                },
                "a: failed for good after 4 attempts: no reason given",
            ),
        ],
    )
    def test_missing_details_are_no_obstacle(self, record, text):
        assert [each.text for each in tell(events(record)).happenings] == [text]

    def test_missing_numbers_are_no_obstacle(self):
        told = tell(events({"kind": "memory_pressure", "controllers_disposed": 2})).happenings
        assert told[-1].text == "memory pressure: 2 controllers freed at unknown memory"

    def test_what_a_cut_export_begins_with_did_not_happen(self):
        """The snapshot at the start of an export says what was, not what occurred."""
        config = {"config": VideoManagerConfig().to_dict(), "reason": "in force"}
        story = tell(events({"kind": "config", **config, "snapshot": True}))
        assert story.happenings == ()
        assert story.start_at == datetime(2026, 1, 1, tzinfo=UTC)

    def test_playing_and_moving_are_not_told_one_by_one(self):
        story = tell(
            events(
                {"kind": "playback", "video_id": "a", "event": "first_frame"},
                {"kind": "navigate", "video_id": "a", "index": 3, "from_index": 5},
                {"kind": "navigate", "video_id": "a", "index": None},
            )
        )
        assert story.happenings == ()
        assert story.moves == {"back": 1, "other": 1}

    def test_nothing_to_tell_is_an_error(self):
        with pytest.raises(TelemetryError, match="no record to replay"):
            tell(Telemetry({}, [], []))
