"""``vineview doctor``: finds what is missing, and says the fix."""

from __future__ import annotations

import json

from vineview.cli import main


def test_this_installation_is_whole(capsys):
    """Where the tests run, everything needed is there."""
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "All that is needed is here." in out
    assert "answers" in next(line for line in out.splitlines() if "engine" in line)


def test_json_is_one_document(capsys):
    """Each check has a name, a status and what was found."""
    assert main(["doctor", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["healthy"] is True
    assert {"name", "status", "found", "fix"} == set(document["checks"][0])


def test_a_missing_browser_is_a_note_with_a_fix(capsys, monkeypatch, tmp_path):
    """Only tests and benchmarks need one, so it fails nothing."""
    monkeypatch.setenv("VINEVIEW_CHROMIUM", str(tmp_path / "none"))
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "note  browser tests" in out
    assert "-> Name the browser's program file" in out
