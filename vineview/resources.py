"""Finds what vineview ships, ``data/`` and ``notebooks/``, in a checkout or an installed wheel."""

from __future__ import annotations

from pathlib import Path

from vineview.errors import UsageError

__all__ = ["data", "notebooks"]

_PACKAGE = Path(__file__).parent


def data(*parts: str) -> Path:
    """The path of a bundled data file or folder.

    Args:
        parts: The way there from ``data/``.

    Raises:
        UsageError: If the installation lacks it.

    Example:
        >>> data("feed", "feed.json").name
        'feed.json'
    """
    return _find("data", *parts)


def notebooks(*parts: str) -> Path:
    """The path of a bundled notebook or folder of notebooks.

    Args:
        parts: The way there from ``notebooks/``.

    Raises:
        UsageError: If the installation lacks it.

    Example:
        >>> notebooks("00-start-here.ipynb").suffix
        '.ipynb'
    """
    return _find("notebooks", *parts)


def _find(room: str, *parts: str) -> Path:
    """Look in the installed wheel's copy first, then beside the package in a checkout."""
    for root in (_PACKAGE / "_bundled", _PACKAGE.parent):
        path = root.joinpath(room, *parts)
        if path.exists():
            return path
    raise UsageError(
        f"the bundled {'/'.join((room, *parts))} is missing from this installation",
        hint="Reinstall vineview, or run it from a complete checkout.",
    )
