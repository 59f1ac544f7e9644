"""`vineview analyze`: what is wrong first, losses said, JSON under the Python names."""

from __future__ import annotations

import argparse
import json
import math

import pytest

from vineview.cli import analyze
from vineview.errors import TelemetryError, UsageError
from vineview.telemetry import Telemetry
from vineview.telemetry.schema import FORMAT

HEADER = {"format": FORMAT, "version": 1}


@pytest.fixture
def run():
    """Run the command on arguments; gives the exit code."""

    def made(*arguments) -> int:
        parser = argparse.ArgumentParser()
        analyze.register(parser.add_subparsers())
        args = parser.parse_args(["analyze", *map(str, arguments)])
        return args.run(args)

    return made


@pytest.fixture
def leak(tmp_path):
    """Two hours of growth with failing preloads."""

    def stamp(seconds: int) -> str:
        return f"2026-01-01T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"

    samples = [
        {"at": stamp(30 * i), "video_memory_mb": 150 + 3 * i + 5 * math.sin(i)} for i in range(241)
    ]
    events = [
        {
            "at": stamp(60 * i),
            "kind": "preload",
            "success": i % 5 != 0,
            "duration_ms": 300.0 + i,
            "error": None if i % 5 else "HTTP 404",
        }
        for i in range(100)
    ]
    return Telemetry(HEADER, samples, events).write(tmp_path / "leak.ndjson")


class TestHuman:
    def test_the_verdict_comes_first(self, run, leak, capsys):
        assert run(leak) == 0
        out = capsys.readouterr().out
        blocks = out.split("\n\n")
        assert "241 samples, 2 h present, 2026-01-01 00:00 to 2026-01-01 02:00 UTC" in blocks[0]
        assert blocks[1].startswith("LEAKING\n  Memory grows by +359.5")
        assert "1024 MB in 0." in blocks[2]
        assert "80.0% succeed, 20 of 100 failed" in blocks[2]
        assert blocks[3].startswith("20 errors, 1 distinct\n     20  100%  HTTP 404")
        assert blocks[4].startswith("CRITICAL: Memory is leaking.")

    def test_a_range(self, run, leak, capsys):
        assert run(leak, "--range", "30m") == 0
        assert "61 samples, 30 min asked, 30 min present" in capsys.readouterr().out

    def test_little_data_makes_little_text(self, run, tmp_path, capsys):
        path = Telemetry(HEADER, [{"at": "2026-01-01T00:00:00Z"}], []).write(tmp_path / "e.json")
        assert run(path) == 0
        out = capsys.readouterr().out
        assert "INCONCLUSIVE\n  0 samples are too few to tell." in out
        assert "memory" not in out

    def test_memory_under_another_name_is_said_with_the_names_there(self, run, tmp_path, capsys):
        sample = {"at": "2026-01-01T00:00:00Z", "ready_videos": 3, "memory_mb": 9.5, "note": None}
        assert run(Telemetry(HEADER, [sample], []).write(tmp_path / "e.json")) == 0
        said = "No sample has a value of video_memory_mb; samples here have ready_videos, memory_mb"
        assert said in " ".join(capsys.readouterr().out.split())

    def test_no_records_at_all(self, run, tmp_path, capsys):
        assert run(Telemetry(HEADER, [], []).write(tmp_path / "e.json")) == 0
        assert "0 samples, no records present" in capsys.readouterr().out

    def test_one_sample_says_what_is_missing(self, run, tmp_path, capsys):
        sample = {"at": "2026-01-01T00:00:00Z", "video_memory_mb": 5.0, "preload_success_rate": 90}
        run(Telemetry(HEADER, [sample], []).write(tmp_path / "e.json"))
        out = capsys.readouterr().out
        assert "growth    unknown" in out
        assert "preloads  90.0% succeed\n" in out + "\n"

    def test_two_samples_have_a_rate_without_interval(self, run, tmp_path, capsys):
        samples = [
            {"at": "2026-01-01T00:00:00Z", "video_memory_mb": 5.0, "preload_duration_ms": 80.0},
            {"at": "2026-01-01T01:00:00Z", "video_memory_mb": 9.0},
        ]
        run(Telemetry(HEADER, samples, []).write(tmp_path / "e.json"))
        out = capsys.readouterr().out
        assert "growth    +4.0 MB/h; least squares +0.0011 MB/s" in out
        assert "preloads  mean 80 ms, median 80 ms\n" in out

    def test_from_zero_and_slow(self, run, tmp_path, capsys):
        samples = [
            {"at": f"2026-01-01T00:{minute:02d}:00Z", "video_memory_mb": float(minute >= 10)}
            for minute in range(20)
        ]
        slow = {"at": samples[0]["at"], "kind": "preload", "success": True, "duration_ms": 9000.0}
        run(Telemetry(HEADER, samples, [slow]).write(tmp_path / "e.json"))
        out = capsys.readouterr().out
        assert "increasing (from zero" in out
        assert "1 slow" in out


class TestJson:
    def test_python_names_nested(self, run, leak, capsys):
        assert run(leak, "--format", "json") == 0
        document = json.loads(capsys.readouterr().out)
        memory = document["memory_usage"]
        assert memory["leak"]["verdict"] == "leaking"
        assert set(memory["growth_rate_interval"]) == {"low", "high"}
        assert memory["trend"]["direction"] == "stable"
        assert document["preload_performance"]["success_rate"] == 0.8
        assert document["error_analysis"]["top_errors"][0]["message"] == "HTTP 404"
        assert document["alert_summary"]["recent_alerts"][0]["severity"]
        assert document["coverage"]["text"] == "2 h present"
        assert document["time_range"]["start_at"].startswith("2026-01-01T00:00:00")
        assert (document["skipped"], document["sample_count"]) == (0, 241)

    def test_an_empty_export_is_a_document_too(self, run, tmp_path, capsys):
        run(Telemetry(HEADER, [], []).write(tmp_path / "e.json"), "--format", "json")
        document = json.loads(capsys.readouterr().out)
        assert document["memory_usage"]["growth_rate_interval"] is None


class TestLosses:
    def test_skipped_records_are_counted_on_stderr_and_in_the_json(self, run, leak, capsys):
        with leak.open("a") as file:
            file.write("garbage\n" * 8)
        assert run(leak, "--format", "json") == 0
        captured = capsys.readouterr()
        assert "8 records skipped" in captured.err
        assert "... and 3 more findings" in captured.err
        assert f"{leak}:343: damaged record set aside" in captured.err
        document = json.loads(captured.out)
        assert document["skipped"] == 8
        assert document["findings"][0]["line"] == 343

    def test_an_unreadable_file_is_an_error(self, run, tmp_path):
        with pytest.raises(TelemetryError, match="does not exist"):
            run(tmp_path / "missing.json")

    def test_a_wrong_range_is_said_before_reading(self, run, tmp_path):
        with pytest.raises(UsageError, match="'soon' is not a time range"):
            run(tmp_path / "missing.json", "--range", "soon")
