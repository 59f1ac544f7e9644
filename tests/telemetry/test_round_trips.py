"""Any export survives columns and every format unchanged: same fields, values and instants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vineview.core.changes import ChangeKind
from vineview.telemetry.checks import parse_at, record_problem
from vineview.telemetry.formats.columns import records_to_table, table_to_records
from vineview.telemetry.formats.converting import convert
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.opening import open_tables
from vineview.telemetry.formats.writing import write
from vineview.telemetry.metrics import DIMENSIONS, METRICS
from vineview.telemetry.schema import FORMAT
from vineview.telemetry.table import EVENT_FLAGS, EVENT_NUMBERS, EVENT_TEXTS, SCHEMA

INSTANTS = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis takes naive bounds
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda at: at.isoformat().replace("+00:00", "Z"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 10) | st.integers()
SCALARS = st.none() | st.booleans() | NUMBERS | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_TEXTS = (*DIMENSIONS, "memory_source", *EVENT_TEXTS)
_NAMES = st.sampled_from((*_TEXTS, *METRICS, *EVENT_NUMBERS, *EVENT_FLAGS, "extra", "record"))
_TYPED = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(_TEXTS, st.none() | st.text()),
        **dict.fromkeys((*METRICS, *EVENT_NUMBERS), st.none() | NUMBERS),
        **dict.fromkeys(EVENT_FLAGS, st.none() | st.booleans()),
    },
)
_KINDS = st.sampled_from([None, *map(str, ChangeKind), "from_the_future"])


@st.composite
def _records(draw: st.DrawFn) -> dict[str, Any]:
    record = draw(_TYPED) | draw(st.dictionaries(st.text() | _NAMES, JSON, max_size=3))
    kind = draw(_KINDS)
    record.pop("kind", None)
    return {"at": draw(INSTANTS), **({} if kind is None else {"kind": kind}), **record}


RECORDS = _records().filter(lambda record: record_problem(record) is None)
SAMPLES = RECORDS.filter(lambda record: "kind" not in record)
EVENTS = RECORDS.filter(lambda record: "kind" in record)
HEADERS = st.dictionaries(
    st.text().filter(lambda name: name not in {"samples", "events", "records", "at", "config"}),
    JSON,
    max_size=3,
).map(lambda header: {**header, "format": FORMAT, "version": 1})
EXPORTS = st.tuples(HEADERS, st.lists(SAMPLES, max_size=4), st.lists(EVENTS, max_size=4))


def unchanged(records: Any) -> list[dict[str, Any]]:
    """Records with their instants instead of the texts, and true apart from 1."""
    return [
        {name: _marked(value) for name, value in record.items()} | {"at": parse_at(record["at"])}
        for record in records
    ]


def _marked(value: Any) -> Any:
    if isinstance(value, bool):
        return ("flag", value)
    if isinstance(value, list):
        return [_marked(each) for each in value]
    if isinstance(value, dict):
        return {name: _marked(each) for name, each in value.items()}
    return value


@given(st.lists(RECORDS, max_size=8))
@settings(deadline=None, max_examples=100)
def test_any_records_come_back(records):
    table = records_to_table(records)
    assert table.schema == SCHEMA
    assert unchanged(list(table_to_records(table))) == unchanged(records)


def read_whole(path):
    """An export as header, samples and events, and what was found reading it."""
    document = Document(str(path))
    records = [
        record for table in open_tables(path, document) for record in table_to_records(table)
    ]
    samples = [record for record in records if "kind" not in record]
    events = [record for record in records if "kind" in record]
    return document.header, unchanged(samples), unchanged(events), document


CHAINS = (
    ("a.ndjson", "b.csv", "c.parquet", "d.json", "e.ndjson"),
    ("a.json.gz", "b.ndjson.zst", "c.csv.gz", "d.jsonl", "e.json.zst", "f.csv.zst"),
)


@pytest.mark.parametrize("names", CHAINS, ids=["plain", "packed"])
@given(export=EXPORTS)
@settings(deadline=None, max_examples=25)
def test_any_export_survives_every_format(tmp_path_factory, names, export):
    header, samples, events = export
    folder = tmp_path_factory.mktemp("chain")
    path = write(header, samples, events, folder / names[0])
    for name in names[1:]:
        done = convert(path, folder / name)
        assert (done.samples, done.events, done.skipped) == (len(samples), len(events), 0)
        path = folder / name
    found, back_samples, back_events, document = read_whole(path)
    assert document.findings == []
    assert found == header
    assert back_samples == unchanged(samples)
    assert back_events == unchanged(events)


@given(export=EXPORTS)
@settings(deadline=None, max_examples=20)
def test_any_export_survives_a_folder_by_day(tmp_path_factory, export):
    header, samples, events = export
    folder = tmp_path_factory.mktemp("days")
    path = write(header, samples, events, folder / "a.ndjson")
    convert(path, f"{folder}/days/")
    found, back_samples, back_events, _ = read_whole(folder / "days")
    assert found == header
    for back, records in ((back_samples, samples), (back_events, events)):
        for record in unchanged(records):
            back.remove(record)  # by equality: the order of fields and records may differ
        assert back == []
