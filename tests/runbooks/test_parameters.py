"""Reading, typing and injecting a notebook's parameters."""

from __future__ import annotations

import pytest
from nbformat import v4

from vineview.errors import UsageError
from vineview.runbooks import parameters

SOURCE = 'dry_run = True\nwatch_minutes: int = 10\nratio = 0.5\nurl = ""\nhosts = ["a"]\nx = f()'


@pytest.fixture
def notebook():
    """A heading, a parameters cell, a cell that uses them."""
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# T"),
            v4.new_code_cell(SOURCE, metadata={"tags": ["parameters"]}),
            v4.new_code_cell("dry_run"),
        ]
    )


class TestDefaults:
    def test_literals_are_read(self, notebook):
        """Assignments of literals are parameters, annotated or not; computed ones are not."""
        assert parameters.defaults_of(notebook) == {
            "dry_run": True,
            "watch_minutes": 10,
            "ratio": 0.5,
            "url": "",
            "hosts": ["a"],
        }

    def test_nothing_is_run(self, notebook):
        """The cell is parsed only."""
        notebook.cells[1].source = "raise SystemExit\nn = 1"
        assert parameters.defaults_of(notebook) == {"n": 1}

    def test_without_a_parameters_cell(self):
        assert parameters.defaults_of(v4.new_notebook()) == {}


class TestParse:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("dry_run=false", False),
            ("dry_run=YES", True),
            ("watch_minutes=5", 5),
            ("ratio=1", 1.0),
            ("url=http://h/?a=b", "http://h/?a=b"),
            ("url=", ""),
            ('hosts=["b", "c"]', ["b", "c"]),
        ],
    )
    def test_the_default_gives_the_type(self, notebook, text, value):
        (parsed,) = parameters.parse([text], parameters.defaults_of(notebook)).values()
        assert parsed == value
        assert type(parsed) is type(value)

    @pytest.mark.parametrize(
        "text", ["dry_run=maybe", "watch_minutes=1.5", "ratio=nan", "ratio=", "hosts=["]
    )
    def test_a_value_that_does_not_fit_is_refused(self, notebook, text):
        """The message names parameter, value and default."""
        name = text.partition("=")[0]
        with pytest.raises(UsageError, match=rf"{name}.*default"):
            parameters.parse([text], parameters.defaults_of(notebook))

    def test_an_unknown_name_is_refused_with_the_list(self, notebook):
        with pytest.raises(UsageError, match=r"'watch'.*watch_minutes=10"):
            parameters.parse(["watch=5"], parameters.defaults_of(notebook))

    def test_a_name_alone_is_refused(self, notebook):
        with pytest.raises(UsageError, match="name=value"):
            parameters.parse(["dry_run"], parameters.defaults_of(notebook))


class TestInject:
    def test_values_follow_the_parameters_cell(self, notebook):
        """The new cell stands right after the defaults, and the input is untouched."""
        made = parameters.inject(notebook, {"dry_run": False, "url": "it's"})
        assert made.cells[2].source == '# Parameters of this run\ndry_run = False\nurl = "it\'s"'
        assert made.cells[2].metadata.tags == ["injected-parameters"]
        assert len(notebook.cells) == 3

    def test_injecting_again_replaces(self, notebook):
        """An executed notebook can be run again with other values."""
        again = parameters.inject(parameters.inject(notebook, {"ratio": 1.0}), {"ratio": 2.0})
        assert [c.source for c in again.cells if "ratio = 2.0" in c.source]
        assert len(again.cells) == 4

    def test_nothing_to_set_adds_no_cell(self, notebook):
        assert len(parameters.inject(notebook, {}).cells) == 3

    def test_without_a_parameters_cell_it_comes_first(self):
        made = parameters.inject(v4.new_notebook(cells=[v4.new_code_cell("1")]), {"n": 1})
        assert made.cells[0].source.endswith("n = 1")
