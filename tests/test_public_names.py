"""The names others rely on are there, and are the only ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import vineview


@pytest.mark.parametrize("name", vineview.__all__)
def test_every_public_name_loads(name):
    """Each listed name can be imported and documents itself."""
    value = getattr(vineview, name)
    if callable(value):
        assert value.__doc__


@pytest.mark.parametrize("name", [n for n in vineview.__all__ if n != "__version__"])
def test_every_public_name_says_which_room_exports_it(name):
    """A room lists in ``__all__`` what the package offers from it."""
    from importlib import import_module

    room = import_module(vineview._HOME[name])
    assert name in room.__all__


def test_unknown_names_are_refused():
    """A misspelt name is an AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="VideoManger"):
        _ = vineview.VideoManger  # type: ignore[attr-defined]


def test_type_checkers_see_the_same_names():
    """The stub for type checkers and the map used at run time name the same things."""
    stub = Path(vineview.__file__).with_suffix(".pyi")
    seen = {
        (node.module, alias.name)
        for node in ast.parse(stub.read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {(room, name) for name, room in vineview._HOME.items()}
