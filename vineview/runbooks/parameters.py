"""A notebook's parameters: read from its ``parameters`` cell, typed by their defaults, injected.

The tags are papermill's, so notebooks stay usable with other tools. The cell is read, never run:
a default is a literal, and its type decides how ``-p name=value`` is understood.
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from nbformat import v4

from vineview.errors import UsageError

__all__ = ["defaults_of", "inject", "parse"]

_TAG, _INJECTED_TAG = "parameters", "injected-parameters"
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def defaults_of(notebook: Any) -> dict[str, Any]:
    """The parameters and their defaults; empty if the notebook has no parameters cell.

    Args:
        notebook: A notebook in format 4.

    Example:
        >>> cell = v4.new_code_cell("dry_run = True", metadata={"tags": ["parameters"]})
        >>> defaults_of(v4.new_notebook(cells=[cell]))
        {'dry_run': True}
    """
    index = _index_of(notebook, _TAG)
    if index is None:
        return {}
    found = {}
    for statement in ast.parse(notebook.cells[index].source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        try:
            found[name] = ast.literal_eval(value)
        except ValueError:  # computed, so not a parameter
            continue
    return found


def parse(assignments: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Read ``name=value`` texts, each typed by the parameter's default.

    Args:
        assignments: As given on the command line.
        defaults: From :func:`defaults_of`.

    Raises:
        UsageError: If a name is unknown, or a value does not fit its type.

    Example:
        >>> parse(["watch_minutes=5", "dry_run=no"], {"watch_minutes": 10, "dry_run": True})
        {'watch_minutes': 5, 'dry_run': False}
    """
    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"-p {assignment!r} has no value", hint="Write -p name=value.")
        if name not in defaults:
            known = ", ".join(f"{key}={value!r}" for key, value in defaults.items())
            raise UsageError(
                f"there is no parameter {name!r}",
                hint=f"Parameters and their defaults: {known or 'none'}.",
            )
        values[name] = _typed(name, text, defaults[name])
    return values


def inject(notebook: Any, values: Mapping[str, Any]) -> Any:
    """A copy of the notebook with the values set in a cell after its parameters cell.

    Args:
        notebook: A notebook in format 4; it is not changed.
        values: What to set; with nothing to set the copy has no extra cell.
    """
    made = copy.deepcopy(notebook)
    earlier = _index_of(made, _INJECTED_TAG)
    if earlier is not None:
        del made.cells[earlier]
    if not values:
        return made
    source = "# Parameters of this run\n" + "\n".join(f"{k} = {v!r}" for k, v in values.items())
    cell = v4.new_code_cell(  # type: ignore[no-untyped-call]
        source, id=_INJECTED_TAG, metadata={"tags": [_INJECTED_TAG]}
    )
    index = _index_of(made, _TAG)
    made.cells.insert(0 if index is None else index + 1, cell)
    return made


def _index_of(notebook: Any, tag: str) -> int | None:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and tag in cell.metadata.get("tags", []):
            return index
    return None


def _typed(name: str, text: str, default: Any) -> Any:
    """The text as a value of the default's type."""
    try:
        match default:
            case bool():
                return _BOOLEANS[text.strip().lower()]
            case int():
                return int(text)
            case float():
                return _finite(text)
            case str():
                return text
        return ast.literal_eval(text)
    except (ValueError, KeyError, SyntaxError) as error:
        kind = "true or false" if isinstance(default, bool) else f"of type {type(default).__name__}"
        raise UsageError(
            f"parameter {name!r} cannot be {text!r}",
            hint=f"It is {kind}; its default is {default!r}.",
        ) from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value
