"""Large JSON documents: streamed, and read as those in memory are, whatever their layout."""

from __future__ import annotations

import itertools
import json
import random

import pytest

from vineview.telemetry.formats import jsondocument, lines, opening, packing
from vineview.telemetry.formats.columns import table_to_records
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.opening import open_tables
from vineview.telemetry.formats.reading import read
from vineview.telemetry.formats.writing import write
from vineview.telemetry.schema import FORMAT

HEADER = {"format": FORMAT, "version": 1, "source": 'a "samples": [ {', "config": {"max_videos": 9}}
TEXTS = ('"}{][,', "two\nlines", "é\\", "x" * 200, None)
COUNT = 300


def at(number):
    return f"2026-01-01T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"


SAMPLES = [
    {"at": at(n), "video_memory_mb": n, "note": TEXTS[n % len(TEXTS)]}
    | ({"deep": {"list": [1, {"b": "}]"}]}} if n % 7 == 0 else {})
    for n in range(COUNT)
]
EVENTS = [
    {"at": at(n), "kind": "preload", "success": True, "error": '],"events":['} for n in range(COUNT)
]
LAYOUTS = {
    "indented": lambda whole: json.dumps(whole, indent=2),
    "on one line": json.dumps,
    "ended as on Windows": lambda whole: json.dumps(whole, indent=0).replace("\n", "\r\n"),
    "the version last": lambda whole: json.dumps(
        {name: whole[name] for name in ("format", "events", "samples")} | {"version": 1}, indent=1
    ),
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Every measure so small that these documents are large."""
    for module, name in ((opening, "_HEAD"), (opening, "_HELD"), (lines, "_BLOCK")):
        monkeypatch.setattr(module, name, 1 << 13)
    for module in (packing, jsondocument):
        monkeypatch.setattr(module, "_PIECE", 1 << 12)
    monkeypatch.setattr(jsondocument, "_MARGIN", 1 << 8)


@pytest.fixture(params=["as written", *LAYOUTS])
def path(request, tmp_path):
    """A large document."""
    path = tmp_path / "e.json"
    if request.param == "as written":
        return write(HEADER, SAMPLES, EVENTS, path)
    path.write_text(LAYOUTS[request.param]({**HEADER, "samples": SAMPLES, "events": EVENTS}))
    return path


def streamed(path):
    document = Document(str(path))
    records = [
        record for table in open_tables(path, document) for record in table_to_records(table)
    ]
    return document, sorted(records, key=lambda each: (each["at"], "kind" in each))


def held(path):
    document = read(path.read_bytes(), str(path))
    records = [*document.samples, *document.events]
    return document, sorted(records, key=lambda each: (each["at"], "kind" in each))


def test_every_layout_is_read_as_in_memory(path):
    document, records = streamed(path)
    assert records == held(path)[1]
    assert len(records) == 2 * COUNT
    assert (document.findings, document.skipped) == ([], 0)
    assert document.header["version"] == 1


def test_records_come_before_the_end_is_read(path):
    read_bytes: list[int] = []
    next(open_tables(path, Document(str(path)), progress=read_bytes.append))
    assert sum(read_bytes) < path.stat().st_size


def test_a_cut_says_the_same_as_in_memory(path):
    data = path.read_bytes()
    for cut in random.Random(6).sample(range(20_000, len(data)), 25):
        path.write_bytes(data[:cut])
        (document, records), (wanted, whole) = streamed(path), held(path)
        assert records == whole
        assert document.skipped == wanted.skipped
        says = [each.message for each in wanted.findings]
        assert [each.message for each in document.findings] == says
        assert any("early" in each or "middle" in each for each in says)


def test_damage_costs_its_record_and_is_named_by_its_line(tmp_path):
    path = write(HEADER, SAMPLES, EVENTS, tmp_path / "e.json")
    rows = path.read_text().split("\n")
    places = [index for index, row in enumerate(rows) if '"note"' in row][100:290:30]
    for index, damage in zip(places, itertools.cycle(['"at":', '"note"', "{"]), strict=False):
        rows[index] = rows[index].replace(damage, "", 1)
    path.write_text("\n".join(rows))
    document, records = streamed(path)
    assert len(records) == 2 * COUNT - len(places)
    assert [each.line for each in document.findings] == [index + 1 for index in places]
    assert document.skipped == len(places)
