"""`vineview replay` on the bundled incident, on damage and on nothing."""

from __future__ import annotations

import json

import pytest

from vineview import resources
from vineview.cli import main

INCIDENT = str(resources.data("incidents", "memory-leak.ndjson"))


class TestReplay:
    def test_it_tells_what_happened_in_order(self, capsys):
        assert main(["replay", INCIDENT]) == 0
        told = capsys.readouterr().out
        first, second = told.index("above 500 MB"), told.index("above 800 MB")
        assert first < second < told.index("at the end")
        assert "circuit breaker: closed to open" in told
        assert "failed for good after 1 attempt: HTTP 404 Not Found" in told
        assert "moves" in told
        assert "permanently failed" in told

    def test_it_says_how_long_crossings_lasted_and_which_did_not_end(self, capsys):
        main(["replay", INCIDENT])
        lines = capsys.readouterr().out.splitlines()
        memory = [line for line in lines if "video memory is" in line]
        assert any(line.endswith("for 9 min") for line in memory)
        assert memory[-1].endswith("not ended")

    def test_json_is_the_same_story(self, capsys):
        assert main(["replay", INCIDENT, "--format", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["duration_s"] == 10_800
        assert document["samples"] == 361
        assert document["final"]["memory_mb"] > 800
        assert document["final"]["config"]["preload_ahead"] == 5
        assert document["skipped"] == 0
        kinds = {each["kind"] for each in document["happenings"]}
        assert kinds == {"crossing", "transition", "breaker"}

    def test_damage_is_counted_and_the_rest_told(self, capsys, tmp_path):
        lines = resources.data("incidents", "memory-leak.ndjson").read_text("utf-8").splitlines()
        lines[200] = lines[200][:-9]
        lines.append('{"at": "2026-01-01T02:00:00Z", "kind": "teleport"}')
        damaged = tmp_path / "damaged.ndjson"
        damaged.write_text("\n".join(lines), "utf-8")
        assert main(["replay", str(damaged), "--format", "json"]) == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out)["skipped"] == 2
        assert "2 records skipped" in printed.err
        assert "teleport" in printed.err

    def test_many_findings_are_summed_up(self, capsys, tmp_path):
        strange = ['{"at": "2026-01-01T00:00:00Z", "kind": "teleport"}'] * 9
        header = '{"format": "openvine.performance-export", "version": 1}'
        path = tmp_path / "strange.ndjson"
        path.write_text("\n".join([header, '{"at": "2026-01-01T00:00:00Z"}', *strange]), "utf-8")
        assert main(["replay", str(path)]) == 0
        printed = capsys.readouterr()
        assert "more findings" in printed.err
        assert "nothing out of the ordinary happened" in printed.out

    @pytest.mark.parametrize("option", ["--config=wifi", "--set=preload_ahead=1", "--rules=x.yml"])
    def test_options_there_are_not_are_refused(self, capsys, option):
        """Better than taking them and doing nothing."""
        with pytest.raises(SystemExit) as exit_:
            main(["replay", INCIDENT, option])
        assert exit_.value.code == 2
        assert "unrecognized arguments" in capsys.readouterr().err

    def test_a_missing_file_is_one_clear_line(self, capsys):
        assert main(["replay", "nowhere.ndjson"]) == 2
        assert "nowhere.ndjson" in capsys.readouterr().err
