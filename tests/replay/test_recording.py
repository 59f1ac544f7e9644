"""A recording puts in order what can be replayed, and names what cannot."""

from __future__ import annotations

import pytest

from vineview.core.changes import ChangeKind
from vineview.core.config import VideoManagerConfig
from vineview.errors import TelemetryError
from vineview.replay import Recording
from vineview.telemetry import Telemetry
from vineview.telemetry.schema import Sample, record_to_change

FIRST = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T00:01:00Z"


class TestRecording:
    def test_records_come_in_order_of_time(self, telemetry):
        """However the file has them."""
        shuffled = Telemetry(
            telemetry.header, telemetry.sample_records[::-1], telemetry.event_records[::-1]
        )
        recording = Recording.of(shuffled)
        instants = [record.at for record in recording.records]
        assert instants == sorted(instants)
        assert recording.positions_s[0] == 0.0
        assert recording.duration_s == 600.0

    def test_events_precede_the_sample_of_their_instant(self, telemetry):
        """A sample measures what the events of its instant led to."""
        first, second = Recording.of(telemetry).records[:2]
        assert first.kind is ChangeKind.FEED
        assert isinstance(second, Sample)

    def test_a_transition_carries_its_video_even_if_the_feed_comes_later_in_the_file(
        self, telemetry
    ):
        backwards = Telemetry({}, [], telemetry.event_records[::-1])
        loaded = [
            record
            for record in Recording.of(backwards).records
            if record.kind is ChangeKind.TRANSITION
        ]
        assert all(record.after.event.title for record in loaded)

    def test_positions_within_a_microsecond_are_the_same(self, telemetry):
        """Seconds as floats do not lose the record at exactly that second."""
        recording = Recording.of(telemetry)
        assert recording.passed(29.9999999) == recording.passed(30.0)
        assert recording.passed(29.9) < recording.passed(30.0)

    def test_no_record_is_an_error_that_says_what_to_do(self):
        with pytest.raises(TelemetryError, match=r"no record to replay.*Export a range"):
            Recording.of(Telemetry({}, [], [], origins=["empty.ndjson"]))

    @pytest.mark.parametrize(
        ("record", "why"),
        [
            ({"at": LATER, "kind": "teleport"}, "'teleport' is not an event kind"),
            ({"at": "noon", "kind": "crash"}, "noon"),
            ({"at": LATER, "kind": "transition", "from": None, "to": "ready"}, "video_id"),
            (
                {"at": LATER, "kind": "transition", "video_id": "a", "from": None, "to": "molten"},
                "molten",
            ),
            ({"at": LATER, "kind": "config", "config": 7}, "config"),
            ({"at": LATER, "kind": "config", "config": {"max_videos": -1}}, "max_videos is -1"),
            ({"at": LATER, "kind": "feed", "added": "all"}, "added"),
            ({"at": LATER, "kind": "feed", "videos": ["a"]}, "video"),
            ({"at": LATER, "kind": "feed", "videos": [{"title": "no id"}]}, "id"),
        ],
    )
    def test_a_record_that_makes_no_sense_is_named_and_the_rest_replays(self, record, why):
        recording = Recording.of(Telemetry({}, [{"at": FIRST}], [record]))
        assert len(recording.records) == 1
        [finding] = recording.findings
        assert why in finding
        assert record["at"] in finding

    def test_a_damaged_sample_is_named(self):
        samples = [{"at": FIRST, "video_memory_mb": "much"}, {"at": LATER}]
        recording = Recording.of(Telemetry({}, samples, []))
        assert len(recording.records) == 1
        assert FIRST in recording.findings[0]

    def test_the_header_names_the_configuration(self, telemetry):
        assert Recording.of(telemetry).config == VideoManagerConfig.wifi()
        assert Recording.of(Telemetry({}, [{"at": FIRST}], [])).config == VideoManagerConfig()

    def test_a_nonsensical_configuration_is_a_finding(self):
        recording = Recording.of(Telemetry({"config": {"max_videos": 0}}, [{"at": FIRST}], []))
        assert recording.config == VideoManagerConfig()
        assert "max_videos is 0" in recording.findings[0]

    def test_unknown_fields_reach_the_changes(self):
        record = {"at": FIRST, "kind": "action", "button": "free memory"}
        assert Recording.of(Telemetry({}, [], [record])).records == (record_to_change(record),)
