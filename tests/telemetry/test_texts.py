"""Tables as lines of JSON, many rows at once: what the records say, one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vineview.telemetry.checks import record_problem
from vineview.telemetry.formats.columns import records_to_table, table_to_records
from vineview.telemetry.formats.texts import record_lines

AT = "2026-01-01T00:00:00Z"
TEXTS = st.none() | st.text() | st.sampled_from(['"', "\\", "\n", "\u2028", "\ud800", "é"])
NUMBERS = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.fixed_dictionaries(
    {"at": st.sampled_from([AT, "2026-01-01T00:00:00.000001Z"])},
    optional={
        "device_id": TEXTS,
        "error": TEXTS,
        "video_memory_mb": NUMBERS,
        "success": st.none() | st.booleans(),
        "note": TEXTS,
        "more": st.dictionaries(st.text(), NUMBERS, max_size=2),
        "": NUMBERS,
    },
).filter(lambda row: record_problem(row) is None)


@given(st.lists(ROWS, max_size=5))
@settings(deadline=None, max_examples=150)
def test_lines_say_what_the_records_say(rows):
    table = records_to_table(rows)
    lines = bytes(record_lines(table)).decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(each) for each in lines] == list(table_to_records(table))


@pytest.mark.parametrize("extra", ['{"a":\n1}', "{}", ' {"a":1}', '{"a":1} ', "{ }", '{ "a":1}'])
def test_an_extra_from_elsewhere_is_not_joined(extra):
    table = records_to_table([{"at": AT, "b": 1}])
    assert record_lines(table.set_column(len(table.column_names) - 1, "extra", [[extra]])) is None
