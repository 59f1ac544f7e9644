"""The journal of what was done."""

from __future__ import annotations

import json

import pytest

from vineview.errors import OpsError
from vineview.ops.journal import Journal


class TestJournal:
    def test_entries_survive(self, tmp_path, clock):
        """What was appended is read back by the next one, with its instant."""
        path = tmp_path / "j.jsonl"
        Journal(path, clock=clock).append("applied", key="a", by="Ada ✓")
        (entry,) = Journal(path).entries
        assert entry == {
            "at": "2026-01-01T00:00:00+00:00",
            "kind": "applied",
            "key": "a",
            "by": "Ada ✓",
        }

    def test_nothing_is_rewritten(self, tmp_path):
        path = tmp_path / "j.jsonl"
        Journal(path).append("one")
        before = path.read_bytes()
        Journal(path).append("two")
        assert path.read_bytes().startswith(before)

    def test_a_line_cut_short_is_told_and_does_no_harm(self, tmp_path):
        """A crash in the middle of a line costs that line only."""
        path = tmp_path / "j.jsonl"
        Journal(path).append("one")
        with path.open("a") as file:
            file.write('{"kind": "tw')
        Journal(path).append("three")
        kinds = [entry["kind"] for entry in Journal(path).entries]
        assert kinds == ["one", "damaged", "three"]
        assert json.loads(path.read_text().splitlines()[-1])["kind"] == "three"

    def test_a_place_that_cannot_be_written_is_an_error(self, tmp_path):
        with pytest.raises(OpsError, match="cannot be written"):
            Journal(tmp_path / "no" / "j.jsonl").append("one")

    def test_a_place_that_cannot_be_read_is_an_error(self, tmp_path):
        with pytest.raises(OpsError, match="cannot be read"):
            Journal(tmp_path)
