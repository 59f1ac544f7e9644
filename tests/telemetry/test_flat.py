"""The quick reader of flat NDJSON: it gives what the careful one gives, or nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vineview.telemetry.formats.bulk import Bulk
from vineview.telemetry.formats.columns import records_to_table, table_to_records
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.flat import Flat
from vineview.telemetry.formats.lines import LineReader

AT = "2026-01-01T00:00:00Z"
ROW = {"at": AT, "device_id": "a", "video_memory_mb": 1.5, "success": True, "error": None}


@pytest.fixture(scope="module")
def bulk():
    return Bulk(flat_from=1)


@pytest.fixture(scope="module")
def flat():
    return Flat()


def block_of(*lines):
    return "".join(f"{line}\n" for line in lines).encode()


def carefully(block):
    """The records the line reader takes, and how many it does not."""
    document, reader = Document("x"), LineReader(Document("x"))
    lines = block.decode().split("\n")[:-1]
    values = [reader.parse(line, number) for number, line in enumerate(lines, 2)]
    taken = [each for each in values if each is not None and document.accepts(each, None)]
    return list(table_to_records(records_to_table(taken))), len(lines) - len(taken)


class TestSureOf:
    @pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
    @pytest.mark.parametrize("without", [(), ("error",)])
    def test_records_of_one_shape(self, flat, separators, without):
        row = {name: value for name, value in ROW.items() if name not in without}
        lines = [json.dumps({**row, "video_memory_mb": n}, separators=separators) for n in range(9)]
        columns, _ = flat.columns(block_of(*lines))
        assert columns["video_memory_mb"].to_pylist() == list(range(9))
        assert columns["device_id"].to_pylist() == ["a"] * 9

    def test_fields_that_come_and_go(self, flat):
        rows = [{"at": AT, "kind": "crash"}, {"at": AT, "ready_videos": 3, "device_id": "a"}]
        columns, has_nulls = flat.columns(block_of(*map(json.dumps, rows)))
        assert not has_nulls
        assert columns["kind"].to_pylist() == ["crash", None]
        assert columns["ready_videos"].to_pylist() == [None, 3]


ODD = (
    '"video_memory_mb":"12"',
    '"video_memory_mb":true',
    '"video_memory_mb":[1]',
    '"video_memory_mb":NaN',
    '"video_memory_mb":1e400',
    '"video_memory_mb":1152921504606846977',
    '"device_id":12',
    '"device_id":true',
    '"device_id":{"a":1}',
    '"device_id":[]',
    '"device_id":":null"',
    '"success":1',
    '"success":"true"',
    '"error":Infinity',
    '"battery":7',
    '"":null',
    '"at":null',
    '"at":1767225600',
    '"at":"soon"',
    '"device_id":"a","device_id":null',
)


@pytest.mark.parametrize("odd", ODD)
def test_two_wrongs_never_make_a_right(bulk, odd):
    """What one odd value adds to the counts another might take away again."""
    plain = json.dumps(ROW, separators=(",", ":"))[1:-1]
    kept = [each for each in plain.split(",") if each.partition(":")[0] != odd.partition(":")[0]]
    lines = ["{" + ",".join([*kept, odd]) + "}", "{" + plain + "}"]
    for other in ODD:
        block = block_of(*lines, '{"at":"' + AT + '",' + other + "}")
        for each in (block, block_of(*lines)):
            table = bulk.table(each)
            if table is not None:
                assert (list(table_to_records(table)), 0) == carefully(each)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["12", "true", "nan", "-inf", "", ":1", "null", "[1]", "{}", " a", 'a"b', "é"]
    )
    | st.sampled_from([[], {}, [1], {"at": "x"}])
)
NAMES = st.sampled_from(
    ["device_id", "error", "video_memory_mb", "ready_videos", "success", "kind", "battery"]
)


@given(
    st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=4),
    st.sampled_from([(",", ":"), (", ", ": ")]),
)
@settings(deadline=None, max_examples=300)
def test_any_block_is_read_as_the_careful_reader_reads_it(bulk, rows, separators):
    block = block_of(*(json.dumps({"at": AT, **row}, separators=separators) for row in rows))
    table = bulk.table(block)
    if table is not None:
        assert (list(table_to_records(table)), 0) == carefully(block)


@pytest.mark.parametrize("end", ["{} ", "{},", ",}", "}}", "} {}", "}\r", "/*x*/}"])
def test_loose_json_is_left_to_the_careful_reader(flat, end):
    line = json.dumps(ROW, separators=(",", ":"))
    assert flat.columns(block_of(line, line[:-1] + end)) is None


@pytest.mark.parametrize(
    "deep", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000]
)
@pytest.mark.parametrize("name", ["error", "battery"])
def test_no_reader_in_bulk_is_given_deep_nesting(bulk, flat, name, deep):
    line = json.dumps(ROW, separators=(",", ":"))
    block = block_of(line, f'{{"at":"{AT}","{name}":{deep}}}')
    assert flat.columns(block) is None
    assert bulk.table(block) is None
