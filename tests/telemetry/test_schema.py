"""Samples and event records: one schema, nothing lost on the way."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vineview.core.changes import Change, ChangeKind
from vineview.core.events import VideoEvent
from vineview.core.state import ErrorClass, LoadState, VideoState
from vineview.errors import TelemetryError
from vineview.telemetry.schema import (
    METRICS,
    UNITS,
    Sample,
    change_to_record,
    format_at,
    parse_at,
    record_problem,
    record_to_change,
    record_to_video,
    video_to_record,
)

NOW = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
INSTANTS = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis takes naive bounds
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class TestSample:
    def test_a_sample_survives_its_record(self):
        sample = Sample(NOW, video_memory_mb=123.5, video_controllers=4, network="wifi")
        assert Sample.from_record(json.loads(json.dumps(sample.to_record()))) == sample

    def test_unknown_fields_survive(self):
        record = {"at": "2026-01-01T00:00:00Z", "video_memory_mb": 1.0, "battery": {"pct": 7}}
        written = Sample.from_record(record).to_record()
        assert written["battery"] == {"pct": 7}

    def test_success_rate_is_null_without_data(self):
        record = Sample(NOW).to_record()
        assert record["preload_success_rate"] is None
        assert "engagement_ratio" not in record

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("video_memory_mb", "many", "'video_memory_mb' is text, not a number"),
            ("video_memory_mb", True, "'video_memory_mb' is true or false, not a number"),
            ("total_videos", [], "'total_videos' is a list, not a number"),
            ("device_id", 7, "'device_id' is a number, not text"),
            ("video_memory_mb", float("inf"), "'video_memory_mb' is inf, not a finite number"),
            ("at", 1767225600, "'at' is a number, not ISO-8601 text"),
            ("network", {}, "'network' is an object, not text"),
            ("at", None, "'at' is null, not ISO-8601 text"),
            ("at", "yesterday", "'at' is 'yesterday', not an ISO-8601 instant"),
        ],
    )
    def test_a_wrong_type_is_named(self, field, value, words):
        with pytest.raises(TelemetryError) as caught:
            Sample.from_record({"at": "2026-01-01T00:00:00Z", field: value})
        assert words in str(caught.value)

    def test_every_metric_is_a_field_with_a_unit(self):
        assert set(UNITS) == set(METRICS)
        assert all(hasattr(Sample(NOW), name) for name in METRICS)


class TestInstants:
    @given(INSTANTS, st.integers(-14 * 60, 14 * 60))
    def test_written_instants_are_utc_and_read_back(self, at, offset):
        elsewhere = at.astimezone(timezone(timedelta(minutes=offset)))
        text = format_at(elsewhere)
        assert text.endswith("Z")
        assert parse_at(text) == at

    def test_an_instant_without_a_zone_is_utc(self):
        assert parse_at("2026-01-01T12:00:00.250") == NOW

    @pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "2026-01-01T23:59:60Z", ""])
    def test_an_instant_off_the_calendar_is_refused(self, text):
        with pytest.raises(TelemetryError):
            parse_at(text)


class TestChanges:
    def test_a_transition_survives_its_record(self):
        event = VideoEvent(id="a", title="日本", video_url="https://x.example/a.mp4")
        before = VideoState(event, LoadState.FAILED, "timed out", ErrorClass.TIMEOUT, 1, NOW)
        after = VideoState(event, LoadState.FAILED, "HTTP 500", ErrorClass.SERVER_ERROR, 2, NOW)
        change = Change(ChangeKind.TRANSITION, NOW, "a", before, after, {"snapshot": True})
        record = json.loads(json.dumps(change_to_record(change)))
        assert (record["from"], record["to"], record["retry_count"]) == ("failed", "failed", 2)
        again = record_to_change(record, {"a": event})
        assert again == change
        assert again.before.last_updated == NOW

    def test_a_transition_of_an_unknown_video_keeps_its_id(self):
        record = {"at": "2026-01-01T00:00:00Z", "kind": "transition", "video_id": "x"}
        change = record_to_change({**record, "from": "not_loaded", "to": "loading"})
        assert change.after.event.id == "x"
        assert change.after.is_loading

    def test_a_lookup_may_be_a_function(self):
        event = VideoEvent(id="x", title="found")
        record = {"at": "2026-01-01T00:00:00Z", "kind": "transition", "video_id": "x"}
        change = record_to_change({**record, "from": None, "to": "loading"}, lambda _: event)
        assert change.before is None
        assert change.after.event.title == "found"

    @given(
        st.sampled_from([kind for kind in ChangeKind if kind is not ChangeKind.TRANSITION]),
        INSTANTS,
        st.none() | st.text(min_size=1),
        st.dictionaries(st.text(min_size=1).map(lambda name: "x_" + name), JSON, max_size=4),
    )
    def test_any_other_change_survives_its_record(self, kind, at, video_id, data):
        change = Change(kind, at, video_id, data=data)
        assert record_to_change(json.loads(json.dumps(change_to_record(change)))) == change

    def test_what_json_cannot_carry_is_written_as_text_or_null(self):
        data = {"when": NOW, "rate": float("nan"), "state": LoadState.READY, "path": object}
        record = change_to_record(Change(ChangeKind.ACTION, NOW, data=data))
        assert record["when"] == format_at(NOW)
        assert record["rate"] is None
        assert record["state"] == "ready"
        assert record["path"] == str(object)

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"kind": "holiday"}, "'holiday' is not an event kind"),
            ({"kind": None}, "'kind' is null"),
            ({"kind": 3}, "'kind' is a number, not text"),
            ({"kind": "transition", "from": "ready", "to": "lost", "video_id": "a"}, "lost"),
            ({"kind": "transition", "from": "ready", "to": "failed"}, "'video_id' is missing"),
            ({"kind": "preload", "success": "yes"}, "'success' is text, not true or false"),
            ({"kind": "preload", "duration_ms": "5"}, "'duration_ms' is text, not a number"),
            (
                {"kind": "transition", "video_id": "a", "to": "failed", "retry_count": -1},
                "retry_count is -1",
            ),
        ],
    )
    def test_a_damaged_event_says_why(self, fields, words):
        with pytest.raises(TelemetryError) as caught:
            record_to_change({"at": "2026-01-01T00:00:00Z", **fields})
        assert words in str(caught.value)

    def test_fields_of_unknown_kinds_may_hold_anything(self):
        record = {"at": "2026-01-01T00:00:00Z", "kind": "holiday", "from": 3, "success": "maybe"}
        assert record_problem(record) is None


class TestVideos:
    def test_a_listed_video_survives(self):
        event = VideoEvent(
            id="a", created_at=5, video_url="https://x.example/a.gif", title="t", duration=3
        )
        again = record_to_video(json.loads(json.dumps(video_to_record(event))))
        assert asdict(again) == asdict(event)
        assert again.is_gif

    def test_a_listed_video_of_odd_types_keeps_what_it_can(self):
        event = record_to_video({"id": "a", "created_at": "soon", "title": 3, "duration_s": 2.6})
        assert (event.created_at, event.title, event.duration) == (0, None, 3)

    def test_a_listed_video_without_id_is_refused(self):
        with pytest.raises(TelemetryError, match="no id"):
            record_to_video({"title": "x"})
