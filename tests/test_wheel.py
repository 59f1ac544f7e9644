"""The wheel is complete: installed alone in a clean environment, it does its main jobs."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", out, ROOT)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def command(wheel, tmp_path_factory) -> Path:
    """``vineview`` in an environment of its own, installed with its dependencies from the wheel."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    run(sys.executable, "-m", "pip", f"--python={home}", "install", "-q", wheel)
    return home / "bin" / "vineview"


def run(*command, cwd=None) -> str:
    """Run to success, or fail with what it said."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def test_it_carries_notebooks_data_and_assets(wheel):
    """Notebooks, bundled data, widget sources and type marker travel in the wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in (
        "vineview/_bundled/notebooks/00-start-here.ipynb",
        "vineview/_bundled/notebooks/runbooks/memory-usage.ipynb",
        "vineview/_bundled/data/feed/feed.json",
        "vineview/_bundled/data/feed/clips/bigbuckbunny.mp4",
        "vineview/_bundled/data/incidents/memory-leak.ndjson",
        "vineview/widgets/static/player.js",
        "vineview/cli/jupyter/labconfig/page_config.json",
        "vineview/py.typed",
    ):
        assert wanted in names


def test_it_comes_from_the_wheel(command, tmp_path):
    """The environment's vineview is the installed one, not this checkout."""
    python = command.with_name("python")
    where = run(python, "-c", "import vineview; print(vineview.__file__)", cwd=tmp_path)
    assert str(command.parent.parent) in where


def test_doctor_is_content(command, tmp_path):
    """``vineview doctor`` finds everything it needs."""
    assert "All that is needed is here." in run(command, "doctor", cwd=tmp_path)


def test_the_runbook_runs(command, tmp_path):
    """``vineview run memory-usage`` leaves a notebook and a page."""
    run(command, "run", "memory-usage", "--out", tmp_path / "out", cwd=tmp_path)
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"memory-usage.ipynb", "memory-usage.html"} <= made
