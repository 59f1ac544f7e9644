"""How much the manager may load, hold and retry; and the named profiles.

A configuration that makes no sense is refused when it is made, so a live manager never meets
one. The profiles are those of the reference, section 2; a field a profile omits has its default.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NoReturn, Self

from vineview.errors import ConfigError

__all__ = ["PROFILES", "VideoManagerConfig", "positive_number", "whole_number"]


@dataclass(frozen=True, slots=True)
class VideoManagerConfig:
    """The manager's settings.

    Args:
        max_videos: Most videos in the feed; the oldest leave first.
        preload_ahead: How many videos after the current one are loaded.
        preload_behind: How many before it.
        max_retries: Automatic retries after a first failure.
        preload_timeout_s: Seconds one attempt may take.
        enable_memory_management: Whether ``max_videos`` is enforced.
        max_controllers: Most controllers at any instant, counting loads in flight. A window
            larger than this is cut to its nearest videos.
        memory_per_controller_mb: What the estimate counts for each controller, in MB.

    Raises:
        ConfigError: If a value makes no sense; it names the field.

    Example:
        >>> VideoManagerConfig.wifi().preload_ahead
        5
        >>> VideoManagerConfig(max_videos=0)
        Traceback (most recent call last):
        vineview.errors.ConfigError: max_videos is 0. Pass a whole number of at least 1.
    """

    max_videos: int = 100
    preload_ahead: int = 3
    preload_behind: int = 1
    max_retries: int = 3
    preload_timeout_s: float = 10.0
    enable_memory_management: bool = True
    max_controllers: int = 15
    memory_per_controller_mb: float = 20

    def __post_init__(self) -> None:
        for name, least in _WHOLE.items():
            number = whole_number(name, getattr(self, name), least=least)
            object.__setattr__(self, name, number)
        for name in ("preload_timeout_s", "memory_per_controller_mb"):
            positive_number(name, getattr(self, name))
        if type(self.enable_memory_management) is not bool:
            name = "enable_memory_management"
            _refuse(name, self.enable_memory_management, "Pass True or False.")

    @classmethod
    def default(cls) -> Self:
        """The defaults: 100 videos, 3 ahead, 1 behind, 3 retries, 10 s."""
        return cls()

    @classmethod
    def wifi(cls) -> Self:
        """Aggressive: 5 ahead, 2 behind."""
        return cls(preload_ahead=5, preload_behind=2)

    @classmethod
    def cellular(cls) -> Self:
        """Sparing: 50 videos, 1 ahead, none behind, 2 retries, 15 s."""
        return cls(
            max_videos=50, preload_ahead=1, preload_behind=0, max_retries=2, preload_timeout_s=15.0
        )

    @classmethod
    def slow(cls) -> Self:
        """For a slow network: 25 videos, 1 ahead, none behind, 20 s."""
        return cls(max_videos=25, preload_ahead=1, preload_behind=0, preload_timeout_s=20.0)

    @classmethod
    def testing(cls) -> Self:
        """Small and quick: 10 videos, 2 ahead, 1 behind, 1 retry, 500 ms."""
        return cls(max_videos=10, preload_ahead=2, max_retries=1, preload_timeout_s=0.5)

    @classmethod
    def emergency(cls) -> Self:
        """What emergency mode applies: 25 videos, 1 ahead, none behind."""
        return cls(max_videos=25, preload_ahead=1, preload_behind=0)

    @classmethod
    def low_memory(cls) -> Self:
        """For devices short of memory; the numbers of ``emergency``."""
        return cls(max_videos=25, preload_ahead=1, preload_behind=0, enable_memory_management=True)

    @classmethod
    def recovery(cls) -> Self:
        """After a spike of load failures: 5 retries, 15 s."""
        return cls(max_retries=5, preload_timeout_s=15.0)

    @classmethod
    def adaptive(cls) -> Self:
        """Against poor preloading: 5 retries, 20 s."""
        return cls(max_retries=5, preload_timeout_s=20.0)

    @classmethod
    def conservative(cls) -> Self:
        """A smaller window: 2 ahead, none behind."""
        return cls(preload_ahead=2, preload_behind=0)

    @classmethod
    def named(cls, name: str) -> Self:
        """The profile called ``name``; blanks, case and ``-`` for ``_`` do not matter.

        Raises:
            ConfigError: If there is no such profile; the hint lists them.
        """
        profile = name.strip().lower().replace("-", "_") if isinstance(name, str) else name
        if profile not in PROFILES:
            hint = f"Choose one of: {', '.join(PROFILES)}."
            raise ConfigError(
                f"there is no profile {name!r}", field="profile", value=name, hint=hint
            )
        made: Self = getattr(cls, profile)()
        return made

    @classmethod
    def for_network(cls, network: str) -> Self:
        """The profile for a kind of network; one nobody knows counts as wifi, as in the runbooks.

        Args:
            network: ``wifi``, ``cellular`` or ``mobile`` (the same), or ``slow``.
        """
        match network.strip().lower() if isinstance(network, str) else None:
            case "cellular" | "mobile":
                return cls.cellular()
            case "slow":
                return cls.slow()
            case _:
                return cls.wifi()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The configuration written by :meth:`to_dict`; missing fields have their defaults.

        Raises:
            ConfigError: If a field is unknown or its value makes no sense.
        """
        known = {field.name for field in fields(cls)}
        for name, value in document.items():
            if name not in known:
                hint = f"The fields are: {', '.join(sorted(known))}."
                raise ConfigError(
                    f"a configuration has no field {name!r}",
                    field=str(name),
                    value=value,
                    hint=hint,
                )
        return cls(**document)

    def to_dict(self) -> dict[str, Any]:
        """Field names and plain values, as the performance export writes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


PROFILES = (
    "default",
    "wifi",
    "cellular",
    "slow",
    "testing",
    "emergency",
    "low_memory",
    "recovery",
    "adaptive",
    "conservative",
)
"""The names :meth:`VideoManagerConfig.named` knows."""

_MOST = 2**63 - 1
"""The largest number a setting may be: what the columns of an export hold."""
_WHOLE = {
    "max_videos": 1,
    "preload_ahead": 0,
    "preload_behind": 0,
    "max_retries": 0,
    "max_controllers": 1,
}


def whole_number(field: str, value: object, *, least: int | None = None) -> int:
    """A setting or argument as the ``int`` it must be.

    Args:
        field: What to call it in the error.
        value: What was passed; the whole numbers of other libraries count, booleans do not.
        least: The smallest that makes sense. With one, it must fit 64 bits, too.

    Raises:
        ConfigError: If it is no whole number, or outside these limits.

    Example:
        >>> whole_number("preload_range", -1, least=0)
        Traceback (most recent call last):
        vineview.errors.ConfigError: preload_range is -1. Pass a whole number of at least 0.
    """
    number = None
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            number = operator.index(value)  # type: ignore[arg-type]  # what else raises TypeError
    if number is None or (least is not None and not least <= number <= _MOST):
        limit = "" if least is None else f" of at least {least}"
        _refuse(field, value, f"Pass a whole number{limit}.")
    return number


def positive_number(field: str, value: float) -> float:
    """A setting as the positive number it must be, no larger than 64 bits hold.

    Raises:
        ConfigError: If it is none.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= _MOST:
        _refuse(field, value, "Pass a positive number.")
    return value


def _refuse(field: str, value: object, hint: str) -> NoReturn:
    try:
        shown = repr(value)
    except ValueError:
        shown = "beyond all numbers"  # Python writes out no more than 4300 digits
    raise ConfigError(f"{field} is {shown}", field=field, value=value, hint=hint)
