"""The two commands of the README, up to where the real work begins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path):
    """A checkout that is set up, with a Python that says what it was asked to run."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "do.py", tmp_path / ".ci")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    stamp = hashlib.sha256((tmp_path / "pyproject.toml").read_bytes()).hexdigest()
    (tmp_path / ".venv" / "vineview-installed").write_text(f"{stamp} [test]")
    return tmp_path


def run(checkout, *arguments):
    # As if Chromium and Java were there, so that neither is looked for nor installed.
    environment = {**os.environ, "VINEVIEW_CHROMIUM": "chromium", "JAVA_HOME": "java"}
    return subprocess.run(
        [sys.executable, checkout / ".ci" / "do.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


@pytest.mark.parametrize("options", [["--no-browser"], ["--port", "9", "--feed", "a b"], []])
def test_options_go_to_the_lab(checkout, options):
    """Whether or not they begin with a dash."""
    done = run(checkout, "lab", *options)
    assert done.stdout.split() == ["-m", "vineview", "lab", *" ".join(options).split()]
    assert done.returncode == 0


def test_options_go_to_pytest(checkout):
    assert run(checkout, "test", "-k", "breaker").stdout.endswith("-k breaker\n== passed in 0 s\n")


def test_no_command_is_bad_usage(checkout):
    """Both are named."""
    done = run(checkout)
    assert done.returncode == 2
    assert "lab" in done.stdout
