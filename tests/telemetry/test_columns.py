"""Records become columns and records again, with nothing lost."""

from __future__ import annotations

import pytest

from vineview.errors import TelemetryError
from vineview.telemetry.formats.columns import records_to_table, table_to_records
from vineview.telemetry.table import SCHEMA

AT = "2026-01-01T00:00:00Z"


def there_and_back(record):
    (back,) = table_to_records(records_to_table([record]))
    return back


class TestExactness:
    @pytest.mark.parametrize(
        "odd",
        [
            {"error": None},
            {"error": 3},
            {"video_memory_mb": 2**53 + 1},
            {"video_memory_mb": 10**400},
            {"kind": "later", "duration_ms": True},
            {"kind": "later", "success": 1},
            {"device_id": "\ud800"},
            {"extra": {"extra": [None, {"a": -0.5}]}},
            {"title": 'line\nbreak, "quote" and \0'},
        ],
    )
    def test_what_no_column_carries_is_kept(self, odd):
        back = there_and_back({"at": AT, **odd})
        assert back == {"at": AT, **odd}
        assert [type(back[name]) for name in odd] == [type(value) for value in odd.values()]

    def test_absent_and_null_differ(self):
        assert there_and_back({"at": AT, "network": None}) == {"at": AT, "network": None}
        assert there_and_back({"at": AT}) == {"at": AT}

    def test_one_odd_value_leaves_the_column_typed(self):
        table = records_to_table(
            [{"at": AT, "video_memory_mb": 1.5}, {"at": AT, "video_memory_mb": 2**60 + 1}]
        )
        assert table["video_memory_mb"].to_pylist() == [1.5, None]
        assert table["extra"].to_pylist() == [None, '{"video_memory_mb":1152921504606846977}']

    @pytest.mark.parametrize(
        ("text", "instant"),
        [
            ("2026-01-01T02:00:00+02:00", AT),
            ("2026-01-01", AT),
            ("2026-01-01T00:00:00.1234569Z", "2026-01-01T00:00:00.123456Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ],
    )
    def test_an_instant_is_written_in_utc(self, text, instant):
        assert there_and_back({"at": text}) == {"at": instant}

    def test_a_sample_may_carry_an_events_fields_typed(self):
        table = records_to_table([{"at": AT, "success": True, "error": "x"}])
        assert table["kind"].to_pylist() == [None]
        assert (table["success"].to_pylist(), table["error"].to_pylist()) == ([True], ["x"])

    def test_no_instant_is_refused(self):
        with pytest.raises(TelemetryError, match="'at' is null"):
            records_to_table([{"video_memory_mb": 1}])

    def test_no_records_are_an_empty_table(self):
        table = records_to_table([])
        assert (table.schema, table.num_rows) == (SCHEMA, 0)
