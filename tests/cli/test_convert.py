"""`vineview convert`: another format, losses said, nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from vineview.cli import main
from vineview.telemetry import Telemetry
from vineview.telemetry.schema import FORMAT

HEADER = {"format": FORMAT, "version": 1, "records": {"samples": 2, "events": 1}}
SAMPLES = [{"at": f"2026-01-01T00:0{index}:00Z", "video_memory_mb": index} for index in range(2)]
EVENTS = [{"at": "2026-01-01T00:00:30Z", "kind": "crash"}]


@pytest.fixture
def export(tmp_path):
    return Telemetry(HEADER, SAMPLES, EVENTS).write(tmp_path / "e.ndjson")


@pytest.mark.parametrize("name", ["o.json", "o.csv", "o.parquet", "o.csv.zst", "days/"])
def test_the_suffix_decides(export, tmp_path, capsys, name):
    assert main(["convert", str(export), f"{tmp_path}/{name}"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip().endswith("2 samples, 1 events")
    assert captured.err == ""
    telemetry = Telemetry.open(f"{tmp_path}/{name}")
    assert telemetry.header == HEADER
    assert telemetry.sample_records == tuple(SAMPLES)
    assert telemetry.event_records == tuple(EVENTS)


def test_losses_are_said_and_the_rest_written(export, tmp_path, capsys):
    lines = export.read_text("utf-8").splitlines()
    lines[1] = lines[1][:-5]
    export.write_text("\n".join(lines) + "\n", "utf-8")
    target = tmp_path / "o.csv"
    assert main(["convert", str(export), str(target), "--format", "json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert (document["samples"], document["events"], document["skipped"]) == (1, 1, 1)
    assert document["findings"][0]["line"] == 2
    assert "1 record skipped" in captured.err
    written = Telemetry.open(target)
    assert written.findings == ()
    assert written.header["records"] == {"samples": 1, "events": 1}


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("e.ndjson", "o.xlsx", "has no suffix of an export"),
        ("e.ndjson", "o.parquet.gz", "has no suffix of an export"),
        ("missing.ndjson", "o.csv", "cannot be read: No such file"),
        ("e.ndjson", "no/o.csv", "cannot be written"),
        ("e.ndjson", "./e.ndjson", "are the same"),
        ("notes.txt", "o.csv", "not a performance export"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(export, capsys, source, target, words):
    tmp_path = export.parent
    (tmp_path / "notes.txt").write_text("hello")
    before = sorted(tmp_path.iterdir())
    assert main(["convert", f"{tmp_path}/{source}", f"{tmp_path}/{target}"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line
    assert sorted(tmp_path.iterdir()) == before


def test_a_pipe_is_refused_by_name(tmp_path, capsys):
    """Waiting for it would hang where nobody writes, and an export is read twice."""
    pipe = tmp_path / "e.ndjson"
    os.mkfifo(pipe)
    for arguments in (["convert", str(pipe), str(tmp_path / "o.csv")], ["analyze", str(pipe)]):
        assert main(arguments) == 2
        assert f"{pipe} cannot be read: it is a pipe" in capsys.readouterr().err


def test_ctrl_c_is_130_and_leaves_nothing_half_written(tmp_path):
    source, folder = tmp_path / "long.ndjson", tmp_path / "out"
    header, sample = json.dumps({**HEADER, "records": {}}), json.dumps(SAMPLES[0])
    source.write_text(f"{header}\n" + f"{sample}\n" * 600_000, "utf-8")
    folder.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "vineview", "convert", source, folder / "o.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while run.poll() is None and not any(each.stat().st_size for each in folder.iterdir()):
        time.sleep(0.005)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"
    assert list(folder.iterdir()) == []
