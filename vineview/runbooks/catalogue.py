"""The notebooks that can be run by name: runbooks, reports, lessons, the start page.

A notebook's slug is its file name; a runbook's is also the last part of its alert's runbook link.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from vineview import resources
from vineview.errors import RunbookError, UsageError

__all__ = ["Entry", "entries", "find", "read", "title_of"]

# nbformat lets whatever a malformed document provokes through.
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    nbformat.ValidationError,
)
_KINDS = {"runbooks": "runbook", "reports": "report", "lessons": "lesson"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One notebook that can be run.

    Attributes:
        slug: The name to run it by.
        kind: ``runbook``, ``report``, ``lesson`` or ``notebook``.
        title: Its first heading.
        path: Where it is.
    """

    slug: str
    kind: str
    title: str
    path: Path


def entries() -> list[Entry]:
    """Every bundled notebook, runbooks first.

    Example:
        >>> any(entry.slug == "memory-usage" for entry in entries())
        True
    """
    found = [
        Entry(
            slug=path.stem,
            kind=_KINDS.get(path.parent.name, "notebook"),
            title=title_of(read(path)),
            path=path,
        )
        for path in resources.notebooks().rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    ]
    order = list(_KINDS.values())
    return sorted(found, key=lambda e: (order.index(e.kind) if e.kind in order else 9, e.slug))


def find(name: str) -> Path:
    """The notebook of a slug, or of a path that ends in ``.ipynb``.

    Args:
        name: For example ``"memory-usage"``.

    Raises:
        UsageError: If there is none; the hint lists what there is.
    """
    path = Path(name)
    if path.suffix == ".ipynb":
        if path.is_file():
            return path
        raise UsageError(f"there is no notebook {name}", hint="Check the path.")
    for candidate in resources.notebooks().rglob("*.ipynb"):
        if candidate.stem == name and ".ipynb_checkpoints" not in candidate.parts:
            return candidate
    known = ", ".join(entry.slug for entry in entries())
    raise UsageError(f"there is no runbook {name!r}", hint=f"There are: {known}.")


def read(path: Path) -> Any:
    """Read a notebook, in the current format.

    Raises:
        RunbookError: If the file is not a notebook.
    """
    try:
        text = path.read_text("utf-8")
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunbookError(
            f"{path} cannot be read as a notebook: {reason}",
            hint="Open it in JupyterLab, or take a fresh copy of the bundled one.",
        ) from error
    return notebook


def title_of(notebook: Any) -> str:
    r"""The text of the first heading; empty if there is none.

    Example:
        >>> from nbformat import v4
        >>> title_of(v4.new_notebook(cells=[v4.new_markdown_cell("# High memory\n\nNow.")]))
        'High memory'
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("#"):
                    return str(line.lstrip("#").strip())
    return ""
