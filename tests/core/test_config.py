"""Configuration: the named profiles, and what is refused."""

from __future__ import annotations

import math

import pytest

from vineview.core import VideoManagerConfig
from vineview.core.config import PROFILES
from vineview.errors import ConfigError, VideoManagerError

PROFILE_NUMBERS = {
    "default": (100, 3, 1, 3, 10),
    "wifi": (100, 5, 2, 3, 10),
    "cellular": (50, 1, 0, 2, 15),
    "testing": (10, 2, 1, 1, 0.5),
    "emergency": (25, 1, 0, 3, 10),
    "low_memory": (25, 1, 0, 3, 10),
    "slow": (25, 1, 0, 3, 20),
    "recovery": (100, 3, 1, 5, 15),
    "adaptive": (100, 3, 1, 5, 20),
    "conservative": (100, 2, 0, 3, 10),
}
"""Videos, ahead, behind, retries, timeout: the reference, section 2."""


class TestProfiles:
    @pytest.mark.parametrize("name", PROFILES)
    def test_have_the_numbers_of_the_reference(self, name):
        config = VideoManagerConfig.named(name)
        assert PROFILE_NUMBERS[name] == (
            config.max_videos,
            config.preload_ahead,
            config.preload_behind,
            config.max_retries,
            config.preload_timeout_s,
        )
        assert config.enable_memory_management
        assert (config.max_controllers, config.memory_per_controller_mb) == (15, 20)
        assert 1 + config.preload_ahead + config.preload_behind <= config.max_controllers
        assert config == getattr(VideoManagerConfig, name)()

    def test_none_is_missing(self):
        assert set(PROFILES) == set(PROFILE_NUMBERS)

    @pytest.mark.parametrize("name", ["Low-Memory", " low_memory "])
    def test_are_found_however_they_are_spelt(self, name):
        assert VideoManagerConfig.named(name) == VideoManagerConfig.low_memory()

    @pytest.mark.parametrize("name", ["turbo", "to_dict", "", None])
    def test_unknown_ones_are_refused_with_the_known_ones(self, name):
        with pytest.raises(ConfigError, match="cellular"):
            VideoManagerConfig.named(name)

    @pytest.mark.parametrize(
        ("network", "profile"),
        [
            ("wifi", "wifi"),
            ("cellular", "cellular"),
            ("mobile", "cellular"),
            ("Slow ", "slow"),
            ("carrier pigeon", "wifi"),
            (None, "wifi"),
        ],
    )
    def test_follow_the_network(self, network, profile):
        assert VideoManagerConfig.for_network(network) == VideoManagerConfig.named(profile)


class TestValidation:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("max_videos", 0),
            ("max_videos", -1),
            ("max_videos", 2.5),
            ("max_videos", True),
            ("max_videos", "100"),
            ("preload_ahead", -1),
            ("preload_behind", -1),
            ("max_retries", -1),
            ("max_retries", None),
            ("max_controllers", 0),
            ("preload_timeout_s", 0),
            ("preload_timeout_s", -1.0),
            ("preload_timeout_s", math.nan),
            ("preload_timeout_s", math.inf),
            ("preload_timeout_s", "10"),
            ("preload_timeout_s", True),
            ("memory_per_controller_mb", 0),
            ("enable_memory_management", 1),
            pytest.param("max_videos", 2**63, id="more than 64 bits hold"),
            pytest.param("max_retries", -(10**5000), id="more than Python writes out"),
            pytest.param("preload_timeout_s", 10**400, id="more than a float holds"),
            ("memory_per_controller_mb", 1e300),
        ],
    )
    def test_nonsense_is_refused_by_name(self, field, value):
        with pytest.raises(ConfigError, match=field) as caught:
            VideoManagerConfig(**{field: value})
        assert caught.value.field == field
        assert caught.value.value is value
        assert caught.value.hint
        assert isinstance(caught.value, VideoManagerError)
        assert isinstance(caught.value, ValueError)

    @pytest.mark.parametrize("field", ["preload_ahead", "preload_behind", "max_retries"])
    def test_nothing_is_a_fair_amount_of_these(self, field):
        assert getattr(VideoManagerConfig(**{field: 0}), field) == 0


class TestDict:
    def test_round_trip(self):
        config = VideoManagerConfig.cellular()
        assert VideoManagerConfig.from_dict(config.to_dict()) == config

    def test_missing_fields_have_their_defaults(self):
        assert VideoManagerConfig.from_dict({"max_videos": 7}) == VideoManagerConfig(max_videos=7)

    def test_unknown_fields_are_refused(self):
        with pytest.raises(ConfigError, match="maxVideos"):
            VideoManagerConfig.from_dict({"maxVideos": 7})
