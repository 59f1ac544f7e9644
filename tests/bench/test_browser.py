from __future__ import annotations

import json

import pytest

from vineview.bench.browser import Lab, find_chromium
from vineview.errors import UsageError


class TestFindChromium:
    def test_the_named_program_comes_first(self, tmp_path, monkeypatch):
        program = tmp_path / "my-browser"
        program.touch()
        monkeypatch.setenv("VINEVIEW_CHROMIUM", str(program))
        assert find_chromium() == str(program)

    def test_a_named_program_that_is_missing_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VINEVIEW_CHROMIUM", str(tmp_path / "gone"))
        with pytest.raises(UsageError, match="which does not exist"):
            find_chromium()

    def test_without_any_it_says_how_to_get_one(self, tmp_path, monkeypatch):
        monkeypatch.delenv("VINEVIEW_CHROMIUM", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UsageError, match="apt-get install chromium"):
            find_chromium()


class TestLab:
    def test_it_writes_notebooks_jupyter_can_read(self, tmp_path):
        import nbformat

        lab = Lab(tmp_path)
        lab.notebooks.mkdir()
        path = lab.write("a.ipynb", ["1 + 1", "2 + 2"])
        notebook = nbformat.reads(path.read_text(), as_version=4)
        nbformat.validate(notebook)
        assert [cell.source for cell in notebook.cells] == ["1 + 1", "2 + 2"]
        assert json.loads(path.read_text())["metadata"]["kernelspec"]["name"] == "python3"
