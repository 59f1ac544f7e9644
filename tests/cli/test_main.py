"""The ``vineview`` command itself: quick, plain, with the promised exit codes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from vineview import __version__
from vineview.cli import main
from vineview.cli.output import to_json


@pytest.fixture(autouse=True)
def quiet_root_logger():
    """``main`` sets logging up once per process; a test leaves no handler behind."""
    before = list(logging.root.handlers)
    yield
    logging.root.handlers[:] = before


class TestCommand:
    def test_help_names_every_command(self, capsys):
        """A newcomer finds the way from here."""
        with pytest.raises(SystemExit) as ended:
            main(["--help"])
        assert ended.value.code == 0
        out = capsys.readouterr().out
        for name in ("lab", "run", "analyze", "replay", "probe", "serve", "doctor", "bench"):
            assert f"    {name} " in out

    def test_bad_usage_is_two(self, capsys):
        """As every Unix command."""
        with pytest.raises(SystemExit) as ended:
            main(["no-such-command"])
        assert ended.value.code == 2
        assert "no-such-command" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["analyze"],
            ["analyze", "x", "--format", "xml"],
            ["flags", "new_video_manager"],
            ["lab", "--port", "99999"],
            ["serve", "--port", "-1"],
            ["status", "--url", ""],
            ["status", "--url", "ftp://openvine"],
            ["run", "memory-usage", "--url", "openvine.co"],
            ["lab", "--url", "openvine.co"],
            ["analyze", " "],
        ],
        ids=" ".join,
    )
    def test_bad_usage_is_one_line_too(self, arguments, capsys):
        """Which command, what is wrong, and where it is explained."""
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("vineview")
        assert "--help` explains it" in line

    def test_an_error_is_one_line(self, capsys):
        """What, where, what next; no traceback."""
        assert main(["analyze", "nowhere.json"]) == 2
        err = capsys.readouterr().err
        assert err.startswith("vineview analyze: nowhere.json does not exist.")
        assert len(err.splitlines()) == 1

    def test_what_the_system_refuses_is_named_too(self, capsys):
        """A name longer than a file system takes, such as a text pasted by mistake."""
        assert main(["analyze", "a" * 300]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("aaa: File name too long. Check the path.")

    def test_debug_shows_the_traceback(self):
        """For whoever has to mend it."""
        with pytest.raises(ValueError, match="nowhere"):
            main(["analyze", "nowhere.json", "--debug"])

    def test_it_runs_as_a_module(self):
        """``python -m vineview`` is the same command."""
        done = subprocess.run(
            [sys.executable, "-m", "vineview", "--version"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == f"vineview {__version__}"


class TestOutput:
    """How the answer leaves the process: only a process has a standard output to lose."""

    def run(self, stdout):
        command = [sys.executable, "-m", "vineview", "bench", "--list"]
        environment = {**os.environ, "PYTHONUNBUFFERED": ""}
        return subprocess.run(
            command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, check=False
        )

    def test_a_reader_that_has_seen_enough_ends_it_quietly(self):
        """As with ``| head -1``."""
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = self.run(writing)
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (0, "")

    def test_an_answer_that_cannot_be_written_is_one_line(self, tmp_path):
        """A full disk, or here a file opened for reading: no half answer passes for a whole one."""
        (tmp_path / "answer").touch()
        with (tmp_path / "answer").open() as unwritable:
            done = self.run(unwritable)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("vineview bench: [Errno")


class TestBench:
    def test_it_lists_the_benchmarks(self, capsys):
        """By the names it takes."""
        assert main(["bench", "--list", "--format", "json"]) == 0
        assert {"daily", "first-frame", "manager", "swipe"} <= set(
            json.loads(capsys.readouterr().out)
        )

    def test_an_unknown_one_is_refused(self, capsys):
        """With the list of those there are."""
        assert main(["bench", "speed"]) == 2
        assert "first-frame" in capsys.readouterr().err


class TestJson:
    def test_what_json_cannot_say_is_null(self):
        """One valid document, whatever was measured."""
        assert json.loads(to_json({"a": float("nan"), "b": (1, float("inf"))})) == {
            "a": None,
            "b": [1, None],
        }

    def test_what_cannot_be_written_is_named(self):
        """A mistake of ours, not silently a string."""
        with pytest.raises(TypeError, match="object"):
            to_json(object())
