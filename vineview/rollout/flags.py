"""Feature flags: named switches that fail closed.

Reading an unknown flag answers off, as the app does (reference, section 10); setting one is
refused, because a misspelt emergency switch that seems to work is worse than an error.
"""

from __future__ import annotations

from collections.abc import Mapping

from vineview.errors import UsageError

__all__ = ["EMERGENCY_MODE", "NEW_VIDEO_MANAGER", "FeatureFlags"]

NEW_VIDEO_MANAGER = "new_video_manager"
EMERGENCY_MODE = "emergency_mode"

_KNOWN = (NEW_VIDEO_MANAGER, EMERGENCY_MODE)


class FeatureFlags:
    """The flags of one video system.

    Args:
        defaults: Flags to begin with, by name; a known flag not named here is off. A name that is
            not known yet becomes known.

    Raises:
        UsageError: If a default is neither true nor false.

    Example:
        >>> flags = FeatureFlags({"new_video_manager": True})
        >>> flags.is_enabled("new_video_manager"), flags.is_enabled("no_such_flag")
        (True, False)
        >>> flags.set("emergency_mode", True)
        >>> flags.to_dict()
        {'emergency_mode': True, 'new_video_manager': True}
    """

    def __init__(self, defaults: Mapping[str, bool] | None = None) -> None:
        self._values = dict.fromkeys(_KNOWN, False)
        for name, enabled in (defaults or {}).items():
            self._values[name] = _boolean(name, enabled)

    @property
    def known(self) -> tuple[str, ...]:
        """The names that may be set, sorted."""
        return tuple(sorted(self._values))

    def is_enabled(self, name: str) -> bool:
        """Whether the flag is on; a name nobody knows is off."""
        return self._values.get(name, False)

    def set(self, name: str, enabled: bool) -> None:  # noqa: FBT001 - the specification's call
        """Switch a known flag on or off.

        Args:
            name: One of ``known``.
            enabled: The new value.

        Raises:
            UsageError: If the flag is not known, or the value is neither true nor false.
        """
        if name not in self._values:
            raise UsageError(
                f"there is no feature flag {name!r}", hint=f"Known flags: {', '.join(self.known)}."
            )
        self._values[name] = _boolean(name, enabled)

    def disable(self, name: str) -> None:
        """Switch a known flag off.

        Args:
            name: One of ``known``.

        Raises:
            UsageError: If the flag is not known.
        """
        self.set(name, enabled=False)

    def to_dict(self) -> dict[str, bool]:
        """Every flag and its value, sorted by name."""
        return dict(sorted(self._values.items()))

    def __repr__(self) -> str:
        on = ", ".join(name for name, enabled in self.to_dict().items() if enabled)
        return f"FeatureFlags(on: {on or 'none'})"


def _boolean(name: str, value: object) -> bool:
    """Insist on a truth value: ``"false"`` from a shell would otherwise switch a flag on."""
    if not isinstance(value, bool):
        raise UsageError(
            f"feature flag {name!r} cannot be {value!r}", hint="Pass true or false, unquoted."
        )
    return value
