"""Imports: every row, typed, by day, sorted; once; whole or not at all."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import resource
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from vineview.errors import TelemetryError, UsageError
from vineview.telemetry import Telemetry
from vineview.telemetry.formats.clocks import Clocks
from vineview.telemetry.formats.columns import records_to_table, table_to_records
from vineview.telemetry.formats.converting import convert
from vineview.telemetry.formats.findings import Document
from vineview.telemetry.formats.folder import Folder
from vineview.telemetry.formats.importing import import_export, imported
from vineview.telemetry.formats.opening import open_tables
from vineview.telemetry.formats.writing import write, write_tables
from vineview.telemetry.schema import FORMAT
from vineview.telemetry.table import SCHEMA

HEADER = {"format": FORMAT, "version": 1}


@pytest.fixture
def lines(tmp_path):
    """Write records as NDJSON; gives the path."""

    def made(*records, name="e.ndjson"):
        texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
        path = tmp_path / name
        path.write_text("\n".join([json.dumps(HEADER), *texts]) + "\n", encoding="utf-8")
        return path

    return made


def sample(index, **more):
    at = f"2026-01-{1 + index // 2000:02d}T{index // 100 % 20:02d}:{index % 60:02d}:00Z"
    return {"at": at, "device_id": f"d{index % 7}", "video_memory_mb": index + 0.25, **more}


def records_in(path):
    return [
        record
        for table in open_tables(path, Document(str(path)))
        for record in table_to_records(table)
    ]


def texts(records):
    return sorted(json.dumps(each, sort_keys=True) for each in records)


class TestRows:
    def test_days_are_folders_sorted_by_device_and_instant(self, tmp_path, lines):
        records = [sample(index) for index in range(5000)]
        random.Random(3).shuffle(records)
        done = import_export(lines(*records), tmp_path / "into")
        assert (done.rows, done.skipped, done.header) == (5000, 0, HEADER)
        files = sorted(done.folder.rglob("*.parquet"))
        assert [each.parent.name for each in files] == [f"day=2026-01-0{n}" for n in (1, 2, 3)]
        for file in files:
            table = pq.ParquetFile(file).read()
            assert table.schema.remove_metadata() == SCHEMA
            keys = list(zip(table["device_id"].to_pylist(), table["at"].to_pylist(), strict=True))
            assert keys == sorted(keys)
        assert texts(records_in(done.folder)) == texts(records)

    def test_odd_lines_among_many_plain_ones_lose_nothing(self, tmp_path, lines):
        odd = [
            {"at": "2026-01-01T00:00:00Z", "kind": "feed", "videos": [{"id": "a"}]},
            {"at": "2026-01-01T00:00:00Z", "network": None},
            {"at": "2026-01-01", "video_memory_mb": 2**60 + 1, "note": "\ud800"},
            {"at": "2026-01-01T00:00:00.123456Z", "bytes": 3, "nested": {"x": None}},
        ]
        records = [sample(index, battery=index % 9, note="é") for index in range(3000)]
        for place, record in enumerate(odd):
            records.insert(700 * place, record)
        done = import_export(lines(*records), tmp_path / "into")
        wanted = [{**odd[2], "at": "2026-01-01T00:00:00Z"} if r is odd[2] else r for r in records]
        assert texts(records_in(done.folder)) == texts(wanted)
        assert done.skipped == 0

    def test_who_may_read_a_folder_is_what_the_umask_says(self, tmp_path, lines):
        (tmp_path / "plain").mkdir()
        done = import_export(lines(sample(1)), tmp_path / "into")
        assert done.folder.stat().st_mode == (tmp_path / "plain").stat().st_mode

    def test_explicit_nulls_among_plain_lines_are_kept(self, tmp_path, lines):
        records = [
            sample(index, **({"error": None} if index % 2 else {}), network=None, b=None)
            for index in range(2000)
        ]
        done = import_export(lines(*records), tmp_path / "into")
        back = sorted(records_in(done.folder), key=lambda each: each["video_memory_mb"])
        assert back == records

    def test_damaged_records_are_named_and_kept_aside(self, tmp_path, lines):
        records = [json.dumps(sample(index)) for index in range(3000)]
        records[1499] = '{"at": "2026-01-01T00:00:00Z", "video_memory_mb": "12"}'
        records[2000] = records[2000][:-4]
        done = import_export(lines(*records), tmp_path / "into")
        assert (done.rows, done.skipped) == (2998, 2)
        lost = [each for each in done.findings if each.severity == "error"]
        assert [each.line for each in lost] == [1501, 2002]
        assert lost[0].message.endswith("'video_memory_mb' is text, not a number")
        aside = (done.folder / "damaged.ndjson").read_text("utf-8").splitlines()
        assert [json.loads(each)["text"] for each in aside] == [records[1499], records[2000]]

    @pytest.mark.parametrize("name", ["e.csv", "e.parquet", "e.json", "e.ndjson.zst"])
    def test_every_format_is_imported(self, tmp_path, name):
        records = [sample(index) for index in range(20)]
        path = write(HEADER, records, [], tmp_path / name)
        seen = []
        done = import_export(path, tmp_path / "into", progress=seen.append)
        assert (done.rows, done.header) == (20, HEADER)


class TestOnce:
    def test_a_file_is_imported_once_and_found_again(self, tmp_path, lines, monkeypatch):
        monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))
        path = lines(sample(1), '{"at": 3}')
        first = imported(path)
        made = (first.folder / "header.json").stat().st_mtime_ns
        again = imported(path)
        assert again == first
        assert (again.folder / "header.json").stat().st_mtime_ns == made
        path.write_text(path.read_text("utf-8") + json.dumps(sample(2)) + "\n", "utf-8")
        assert imported(path).rows == 2

    def test_a_half_made_import_does_not_count(self, tmp_path, lines, monkeypatch):
        monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))
        path = lines(sample(1))
        folder = imported(path).folder
        (folder / "header.json").write_text("{")
        assert imported(path).rows == 1
        assert list(folder.parent.iterdir()) == [folder]

    def test_another_that_was_quicker_stays(self, tmp_path, lines, monkeypatch):
        """A second import of one file neither fails nor takes away what the first reads from."""
        monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))
        path, finish = lines(sample(1), sample(2)), Folder.finish
        first = []

        def slowly(folder, *given):
            finish(folder, *given)
            if not first:
                first.append(None)
                first[0] = imported(path).folder.stat().st_ino

        monkeypatch.setattr(Folder, "finish", slowly)
        second = imported(path)
        assert (second.rows, second.folder.stat().st_ino) == (2, first[0])
        assert list((tmp_path / "cache").iterdir()) == [second.folder]

    def test_processes_and_threads_may_import_one_file_at_once(self, tmp_path, lines):
        path = lines(*(sample(index) for index in range(2000)))
        code = (
            "import os, sys, threading\n"
            "from vineview.telemetry import Telemetry\n"
            "def ask():\n"
            "    told.append(Telemetry.open(sys.argv[1], big_bytes=1).analytics().sample_count)\n"
            "told, mask = [], os.umask(0o027)\n"
            "threads = [threading.Thread(target=ask) for _ in range(2)]\n"
            "[each.start() for each in threads], [each.join() for each in threads]\n"
            "print(told, oct(os.umask(0)))\n"
        )
        cache = {**os.environ, "VINEVIEW_CACHE": str(tmp_path / "cache")}
        running = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(path)],
                env=cache,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        told = [each.communicate(timeout=100) for each in running]
        assert told == [("[2000, 2000] 0o27\n", "")] * 2
        (folder,) = (tmp_path / "cache").iterdir()
        assert folder.stat().st_mode & 0o777 == 0o750

    def test_a_cache_that_cannot_be_written_says_how_to_choose_another(
        self, tmp_path, lines, monkeypatch
    ):
        (tmp_path / "taken").touch()
        monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "taken" / "cache"))
        with pytest.raises(TelemetryError, match="cannot be written") as caught:
            imported(lines(sample(1)))
        assert "VINEVIEW_CACHE" in caught.value.hint

    def test_a_folder_asked_for_says_nothing_of_the_cache(self, tmp_path, lines):
        (tmp_path / "taken").touch()
        with pytest.raises(TelemetryError, match="cannot be written") as caught:
            import_export(lines(sample(1)), tmp_path / "taken" / "into")
        assert "VINEVIEW_CACHE" not in caught.value.hint


class TestSeveral:
    """A folder, a glob or a list of large exports is one import."""

    @pytest.fixture
    def folder(self, tmp_path, lines, monkeypatch):
        """Two exports of one device that overlap by a sample and a crash, and what is no export."""
        monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))
        (tmp_path / "fleet").mkdir()
        crash = {"at": "2026-01-01T00:00:30Z", "kind": "crash", "device_id": "d1"}
        lines(sample(1), sample(2), crash, name="fleet/a.ndjson")
        lines(sample(2), sample(3), crash, "{", name="fleet/b.ndjson")
        (tmp_path / "fleet" / "c.json").write_text("none")
        return tmp_path / "fleet"

    @pytest.mark.parametrize("places", [[""], ["*.ndjson", "c.js*"], ["[abc].*"]])
    def test_what_is_big_only_together_is_imported_together(self, folder, places):
        places = [folder / each for each in places]
        small, big = (Telemetry.open(places, big_bytes=size) for size in (1 << 20, 300))
        assert (small.is_in_memory, big.is_in_memory) == (True, False)
        for name in ("samples", "events"):
            mine, theirs = getattr(small, name), getattr(big, name)
            assert mine["at"].tolist() == theirs["at"].tolist()
        assert small.analytics().sample_count == big.analytics().sample_count == 3
        assert small.skipped == big.skipped == 1
        assert "2 records are exact repeats; each counts once" in {
            each.message for each in big.findings
        }
        assert {each.source for each in big.findings if each.severity == "error"} == {
            str(folder / "b.ndjson"),
            str(folder / "c.json"),
        }

    def test_it_is_found_again_and_made_again_when_a_file_joins(self, folder, lines):
        first = Telemetry.open(folder, big_bytes=1)
        again = folder.rename(folder.with_name("again"))
        moved = Telemetry.open(again, big_bytes=1)
        assert len(list((folder.parent / "cache").iterdir())) == 1
        assert [each.source for each in moved.findings] == [
            each.source.replace(str(folder), str(again)) for each in first.findings
        ]
        lines(sample(4), name="again/d.ndjson")
        assert Telemetry.open(again, big_bytes=1).analytics().sample_count == 4

    def test_packed_files_count_as_what_they_hold(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VINEVIEW_CACHE", str(tmp_path / "cache"))
        records = [sample(index) for index in range(400)]
        for name in ("e.ndjson.gz", "e.parquet"):
            path = write(HEADER, records, [], tmp_path / name)
            size = path.stat().st_size + 1
            assert not Telemetry.open(path, big_bytes=size).is_in_memory

    def test_nothing_that_can_be_read_is_refused(self, folder, tmp_path):
        for each in folder.glob("*.ndjson"):
            each.unlink()
        with pytest.raises(TelemetryError, match=r"c\.json is not a JSON document"):
            Telemetry.open(folder, big_bytes=1)
        assert not list((tmp_path / "cache").iterdir())


class TestWholeOrNot:
    def test_no_export_leaves_nothing(self, tmp_path, lines):
        path = tmp_path / "e.ndjson"
        path.write_text(json.dumps({**HEADER, "version": 2}) + "\n" + json.dumps(sample(1)))
        with pytest.raises(TelemetryError, match="reads 1"):
            import_export(path, tmp_path / "into")
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("name", ["into/", "e.parquet", "e.ndjson", "e.csv", "e.json.gz"])
    def test_a_disk_that_fills_leaves_nothing(self, tmp_path, name):
        rng = random.Random(1)
        records = [sample(index, note=rng.randbytes(90).hex()) for index in range(4000)]
        table = records_to_table(records)
        limit, ignored = resource.RLIMIT_FSIZE, signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        before = resource.getrlimit(limit)
        resource.setrlimit(limit, (50_000, before[1]))
        try:
            with pytest.raises(TelemetryError, match="cannot be written") as caught:
                write_tables(HEADER, [table], f"{tmp_path}/{name}")
        finally:
            resource.setrlimit(limit, before)
            signal.signal(signal.SIGXFSZ, ignored)
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno in {errno.EFBIG, None}
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_of_something_else_is_never_replaced(self, tmp_path, lines):
        there = tmp_path / "documents"
        there.mkdir()
        (there / "thesis.txt").write_text("years")
        for place, words in ((there, "holds thesis.txt"), (there / "thesis.txt", "is a file")):
            with pytest.raises(TelemetryError, match=f"{words}, which a folder"):
                convert(lines(sample(1)), f"{place}/")
        assert [each.read_text() for each in there.iterdir()] == ["years"]

    def test_an_empty_folder_and_one_made_before_are_replaced(self, tmp_path, lines):
        into = tmp_path / "into"
        into.mkdir()
        for count in (3, 2):
            convert(lines(*map(sample, range(count))), into)
            assert len(records_in(into)) == count

    def test_what_is_read_is_never_inside_what_is_written(self, tmp_path, lines):
        into = tmp_path / "into"
        convert(lines(sample(1)), f"{into}/")
        (part,) = into.rglob("part-*.parquet")
        for here, there in ((part, into), (into, into / "e.csv"), (into, into / "day=1" / "x")):
            with pytest.raises(UsageError, match="is in"):
                convert(here, f"{there}/" if there.suffix == "" else there)
        assert len(records_in(into)) == 1


def moment(second, device="d1", **more):
    at = f"2026-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
    return {"at": at, "device_id": device, "video_memory_mb": second, **more}


def test_files_that_may_repeat_each_other_are_written_anew_by_time(tmp_path):
    records = [moment(n // 4, f"d{n % 4}", note="n" * (n % 5)) for n in range(2000)]
    once = [*records, {**records[9], "note": "another"}]
    crashes = [{"at": records[7]["at"], "kind": "crash"}] * 2
    again = [*once, *records[:700], *crashes]
    random.Random(4).shuffle(again)
    document, into = Document("x"), tmp_path / "into"
    with Folder(into, once="samples", waiting=200) as folder:
        for start in range(0, len(again), 50):
            folder.add(records_to_table(again[start : start + 50]))
        folder.finish(document)
    says = [each.message for each in document.findings]
    assert says == ["700 samples are exact repeats; each counts once"]
    assert texts(records_in(into)) == texts([*once, *crashes])
    assert json.loads((into / "header.json").read_text("utf-8"))["rows"] == len(once) + 2
    parts = [pq.read_table(file)["at"].to_pylist() for file in into.rglob("part-*.parquet")]
    spans = sorted((min(each), max(each)) for each in parts)
    assert len(spans) > 5
    assert all(ends < begins for (_, ends), (begins, _) in itertools.pairwise(spans))
    assert sorted(each.name for each in into.iterdir()) == ["day=2026-01-01", "header.json"]


class TestOneMeaning:
    """What a small export in memory says, an imported one says."""

    @pytest.mark.parametrize("order", ["as they came", "twice over", "shuffled"])
    def test_exact_repeats_count_once_however_far_apart(self, tmp_path, lines, order):
        records = [moment(n // 4, f"d{n % 4}", note=f"n{n % 3}") for n in range(3000)]
        near = [records[7], {**records[7], "note": "another"}, {"at": records[9]["at"]}]
        crash = {"at": records[7]["at"], "kind": "crash"}
        again = {
            "as they came": [*records[:8], *near, crash, crash, *records[8:]],
            "twice over": [*records, crash, crash, *near[1:], *records[:900]],
            "shuffled": [*records[1500:], crash, *near, *records[:1500], crash],
        }[order]
        done = import_export(lines(*again), tmp_path / "into", waiting=500)
        repeats = {"twice over": 900}.get(order, 1)
        assert done.rows == len(again) - repeats
        says = f"{repeats} samples are exact repeats; each counts once"
        assert says in [each.message for each in done.findings]
        wanted = sorted({json.dumps(each, sort_keys=True) for each in (*records, *near)})
        kept = [each for each in texts(records_in(done.folder)) if '"crash"' not in each]
        assert kept == wanted

    def test_a_clock_that_goes_back_is_said_alike(self, tmp_path, lines):
        steps = [(60, "a"), (50, "b"), (40, "a"), (70, "a"), (60, "b"), (10, "a")]
        records = [moment(second, device) for second, device in steps]
        records += [{**moment(5, "a"), "kind": "crash"}, moment(5, "a", session_id="s")]
        path = lines(*records)
        wanted = [each.message for each in Telemetry.open(path).findings]
        assert [each.partition(";")[0] for each in wanted] == [
            "the clock goes back by 20 s to 2026-01-01T00:00:40Z",
            "the clock goes back by 60 s to 2026-01-01T00:00:10Z",
        ]
        done = import_export(path, tmp_path / "into")
        assert [each.message for each in done.findings] == wanted

    def test_a_clock_that_often_goes_back_hides_nothing_else(self, tmp_path, lines):
        records = [moment(100 - n) for n in range(100)]
        path = lines(*records, "{")
        for findings in (
            Telemetry.open(path).findings,
            import_export(path, tmp_path / "into").findings,
        ):
            assert findings[-1].message == "the clock goes back 79 more times; shown by time"
            assert len(findings) == 22

    def test_a_clock_is_followed_from_block_to_block(self):
        document = Document("x")
        clocks = Clocks(document)
        for second in (60, 90, 30):
            clocks.watch(records_to_table([moment(second)]))
        assert [each.message.partition(";")[0] for each in document.findings] == [
            "the clock goes back by 60 s to 2026-01-01T00:00:30Z"
        ]
