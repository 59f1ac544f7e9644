"""``vineview run``, as a shell sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat import v4

from vineview.cli import main

pytestmark = pytest.mark.notebook


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Each test works in an empty folder, without anybody's settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("VINEVIEW_URL", "VINEVIEW_TELEMETRY", "VINEVIEW_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def write(path, *sources, parameters="n = 1"):
    cells = [v4.new_markdown_cell("# T")]
    cells.append(v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [v4.new_code_cell(source) for source in sources]
    nbformat.write(v4.new_notebook(cells=cells), path)
    return str(path)


class TestRun:
    def test_the_memory_runbook_runs_on_its_practice_incident(self, tmp_path, capsys):
        """0, two files in ./vineview-out, and an answer that names the leak."""
        assert main(["run", "memory-usage", "--format", "json"]) == 0
        out, err = capsys.readouterr()
        document = json.loads(out)
        assert err == ""
        assert document["status"] == "completed"
        assert "The leak is still there" in document["conclusion"]
        assert document["next"]
        steps = [step["step"] for step in document["steps"]]
        assert steps[-1] == "Conclusion"
        assert {"Status", "Free memory", "Emergency mode on", "Leak check"} < set(steps)
        names = sorted(path.name for path in (tmp_path / "vineview-out").iterdir())
        assert names == ["memory-usage.html", "memory-usage.ipynb"]

    def test_human_output_names_the_files_and_the_answer(self, capsys, tmp_path):
        path = write(tmp_path / "small.ipynb", "n")
        assert main(["run", path, "-p", "n=5", "--out", "there"]) == 0
        out, err = capsys.readouterr()
        assert "there/small.ipynb" in out
        assert "there/small.html" in out
        assert err == ""
        executed = nbformat.read("there/small.ipynb", as_version=4)
        assert executed.cells[-1].outputs[0].data["text/plain"] == "5"

    def test_a_failing_cell_is_1(self, capsys, tmp_path):
        """The answer says where; both files are there."""
        assert main(["run", write(tmp_path / "bad.ipynb", "1 / 0")]) == 1
        assert "Stopped in 'T': division by zero" in capsys.readouterr().out
        assert (tmp_path / "vineview-out" / "bad.html").exists()

    def test_input_that_a_cell_refuses_is_2(self, capsys, tmp_path):
        """A damaged export is bad input, wherever it is noticed."""
        damaged = tmp_path / "x.json"
        damaged.write_text("{")
        assert main(["run", "memory-usage", "--telemetry", str(damaged)]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("vineview run: Stopped in")
        assert "x.json" in captured.err
        assert "x.json" not in captured.out

    def test_a_recording_is_read(self, capsys, tmp_path):
        """Its mitigations are shown, not made."""
        samples = [
            {
                "at": f"2026-01-01T0{minute // 60}:{minute % 60:02}:00Z",
                "video_memory_mb": 300 + 5 * minute,
                "memory_source": "measured",
                "estimated_memory_mb": 100,
                "video_controllers": 5,
                "total_videos": 10,
                "ready_videos": 5,
                "loading_videos": 0,
                "failed_videos": 0,
                "preloading_queue": 0,
            }
            for minute in range(100)
        ]
        header = {"format": "openvine.performance-export", "version": 1, "events": []}
        (tmp_path / "leak.json").write_text(json.dumps({**header, "samples": samples}))
        arguments = ["run", "memory-usage", "--telemetry", "leak.json", "--format", "json"]
        assert main(arguments) == 0
        document = json.loads(capsys.readouterr().out)
        verdicts = {step["step"]: step["verdict"] for step in document["steps"]}
        assert verdicts["Free memory"] == "not sent"
        assert verdicts["Status"] == "fail"
        assert "Nothing was changed" in document["conclusion"]

    def test_list(self, capsys):
        assert main(["run", "--list", "--format", "json"]) == 0
        listed = {entry["slug"]: entry["kind"] for entry in json.loads(capsys.readouterr().out)}
        assert listed["memory-usage"] == "runbook"


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "no runbook is named"),
            (["nope"], "there is no runbook 'nope'. There are: memory-usage"),
            (["memory-usage", "-p", "foo=1"], "there is no parameter 'foo'"),
            (["memory-usage", "-p", "watch_minutes=soon"], "'watch_minutes' cannot be 'soon'"),
            (["memory-usage", "--telemetry", "no.json"], "there is no file or folder no.json"),
            (["memory-usage", "--telemetry", "no*.json"], "there is no file or folder no*.json"),
            (["memory-usage", "--url", "https://h", "--apply"], "Add --approve NAME"),
            (["memory-usage", "--cell-timeout", "0"], "above 0"),
            (["memory-usage", "--cell-timeout", "nan"], "above 0"),
        ],
    )
    def test_bad_input_is_2_and_one_line(self, capsys, arguments, message, tmp_path):
        """Nothing is run, nothing is written."""
        assert main(["run", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err
        assert len(err.splitlines()) == 1
        assert not (tmp_path / "vineview-out").exists()

    def test_a_library_has_no_word_of_its_own(self, tmp_path):
        """What nbformat logs, the one clear line says already."""
        (tmp_path / "old.ipynb").write_text('{"nbformat": 3, "worksheets": []}')
        done = subprocess.run(
            [sys.executable, "-m", "vineview", "run", "old.ipynb"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("vineview run: old.ipynb cannot be read as a notebook")

    def test_an_option_the_notebook_has_no_parameter_for(self, capsys, tmp_path):
        path = write(tmp_path / "small.ipynb", "n")
        assert main(["run", path, "--url", "https://h.example"]) == 2
        assert "no parameter 'url'" in capsys.readouterr().err

    def test_a_recording_and_a_system_exclude_each_other(self):
        with pytest.raises(SystemExit) as caught:
            main(["run", "memory-usage", "--url", "https://h", "--telemetry", "x"])
        assert caught.value.code == 2


class TestInterrupt:
    def test_ctrl_c_is_130_and_leaves_no_kernel(self, tmp_path):
        """The record says so; the kernel it started is gone."""
        pid_file = tmp_path / "pid"
        source = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid()))"
        path = write(tmp_path / "slow.ipynb", source, "time.sleep(120)")
        run = subprocess.Popen(
            [sys.executable, "-m", "vineview", "run", path, "--format", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
        assert run.returncode == 130
        assert json.loads(out)["conclusion"] == "Interrupted before the end."
        assert err == "interrupted\n"
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid_file.read_text()), 0)
