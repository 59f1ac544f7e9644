"""``vineview lab``: what happens before JupyterLab takes over."""

from __future__ import annotations

import pytest

from vineview import resources
from vineview.cli import main
from vineview.cli.lab import prepare


class TestWorkingCopy:
    def test_it_holds_every_bundled_notebook(self, tmp_path):
        """A fresh folder gets them all."""
        assert prepare(tmp_path) == []
        bundled = resources.notebooks()
        for path in bundled.rglob("*.ipynb"):
            if ".ipynb_checkpoints" not in path.parts:
                copy = tmp_path / path.relative_to(bundled)
                assert copy.read_bytes() == path.read_bytes()

    def test_it_is_never_overwritten(self, tmp_path):
        """What a person changed stays, and is named; what is missing comes back."""
        prepare(tmp_path)
        mine = tmp_path / "00-start-here.ipynb"
        mine.write_text("my own notes", "utf-8")
        (tmp_path / "runbooks" / "memory-usage.ipynb").unlink()
        assert prepare(tmp_path) == [mine]
        assert mine.read_text("utf-8") == "my own notes"
        assert (tmp_path / "runbooks" / "memory-usage.ipynb").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--feed", "nowhere.json"], "no file or folder nowhere.json"),
        (["--telemetry", "nowhere*.ndjson"], "no file or folder nowhere*.ndjson"),
    ],
)
def test_bad_input_is_refused_before_anything_starts(options, says, capsys, tmp_path, monkeypatch):
    """One line, exit code 2, and no working copy yet."""
    monkeypatch.chdir(tmp_path)
    assert main(["lab", *options]) == 2
    assert says in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
