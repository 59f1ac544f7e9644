"""Feature flags."""

from __future__ import annotations

import pytest

from vineview.errors import UsageError
from vineview.rollout import FeatureFlags


class TestFeatureFlags:
    def test_everything_is_off_to_begin_with(self):
        """Known flags fail closed."""
        assert FeatureFlags().to_dict() == {"emergency_mode": False, "new_video_manager": False}

    def test_defaults_are_taken(self):
        assert FeatureFlags({"new_video_manager": True}).is_enabled("new_video_manager")

    def test_an_unknown_flag_reads_off(self):
        assert FeatureFlags().is_enabled("emergency_mod") is False

    def test_an_unknown_flag_cannot_be_set(self):
        """A misspelt switch is refused with the names that exist."""
        with pytest.raises(UsageError, match=r"'emergency_mod'.*emergency_mode, new_video_manager"):
            FeatureFlags().set("emergency_mod", True)

    def test_set_and_disable(self):
        flags = FeatureFlags()
        flags.set("emergency_mode", True)
        assert flags.is_enabled("emergency_mode")
        flags.disable("emergency_mode")
        assert not flags.is_enabled("emergency_mode")

    @pytest.mark.parametrize("value", ["false", 0, 1, None])
    def test_only_true_and_false_are_values(self, value):
        flags = FeatureFlags({"emergency_mode": True})
        with pytest.raises(UsageError, match="unquoted"):
            flags.set("emergency_mode", value)
        assert flags.is_enabled("emergency_mode")
        with pytest.raises(UsageError):
            FeatureFlags({"emergency_mode": value})

    def test_the_repr_names_what_is_on(self):
        assert repr(FeatureFlags({"emergency_mode": True})) == "FeatureFlags(on: emergency_mode)"
        assert repr(FeatureFlags()) == "FeatureFlags(on: none)"
