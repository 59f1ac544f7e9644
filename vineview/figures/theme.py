"""Colours of the charts, for light and dark pages.

Each role has one colour per theme and every colour stands for one role, so a chart that was
drawn for one theme can be recoloured for the other by exact match, in the page, without a kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from vineview.errors import UsageError

__all__ = ["DARK", "LIGHT", "Palette", "Theme", "palette", "swaps"]

Theme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """One CSS colour per role; names say what is drawn with it."""

    measured: str
    measured_fill: str
    estimate: str
    controllers: str
    controllers_fill: str
    growth: str
    growth_fill: str
    warn: str
    warn_fill: str
    critical: str
    critical_fill: str
    good: str
    text: str
    muted: str
    grid: str
    gap: str
    surface: str
    border: str
    cold: str
    warm: str
    hot: str


LIGHT = Palette(
    measured="#1d63d8",
    measured_fill="rgba(29,99,216,0.10)",
    estimate="#7a4fd0",
    controllers="#0b7a75",
    controllers_fill="rgba(11,122,117,0.16)",
    growth="#b4530a",
    growth_fill="rgba(180,83,10,0.14)",
    warn="#9a6700",
    warn_fill="rgba(212,153,30,0.10)",
    critical="#c4232f",
    critical_fill="rgba(207,34,46,0.09)",
    good="#1a7f37",
    text="#22272e",
    muted="#5c6773",
    grid="rgba(34,39,46,0.09)",
    gap="rgba(92,103,115,0.10)",
    surface="#ffffff",
    border="rgba(34,39,46,0.22)",
    cold="#e3ecf8",
    warm="#f2b45c",
    hot="#a3171f",
)
DARK = Palette(
    measured="#6ea8fe",
    measured_fill="rgba(110,168,254,0.14)",
    estimate="#c3a6ff",
    controllers="#4fd1c5",
    controllers_fill="rgba(79,209,197,0.18)",
    growth="#ffa657",
    growth_fill="rgba(255,166,87,0.17)",
    warn="#e3b341",
    warn_fill="rgba(227,179,65,0.10)",
    critical="#ff7b72",
    critical_fill="rgba(255,123,114,0.11)",
    good="#56d364",
    text="#e6edf3",
    muted="#9aa5b1",
    grid="rgba(230,237,243,0.10)",
    gap="rgba(154,165,177,0.12)",
    surface="#1b2027",
    border="rgba(230,237,243,0.26)",
    cold="#1f3350",
    warm="#d68a2c",
    hot="#ff6b6b",
)


def palette(theme: str) -> Palette:
    """The colours of a theme.

    Args:
        theme: ``"light"`` or ``"dark"``.

    Raises:
        UsageError: If the theme is neither.

    Example:
        >>> palette("dark").measured
        '#6ea8fe'
    """
    if theme == "light":
        return LIGHT
    if theme == "dark":
        return DARK
    raise UsageError(f"no chart theme is called {theme!r}", hint='Use "light" or "dark".')


def swaps() -> dict[str, str]:
    """Each light colour with its dark counterpart, for the page to recolour a chart by."""
    return {getattr(LIGHT, role.name): getattr(DARK, role.name) for role in fields(Palette)}
