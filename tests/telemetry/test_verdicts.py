"""The verdict on labelled series: leaks found, few false alarms, little left open."""

from __future__ import annotations

import pandas as pd
import pytest

from vineview.bench.verdicts import PLAIN, PLAIN_LEAKS, tallies, verdict_of
from vineview.scenarios.series import KINDS, labelled
from vineview.telemetry.growth.leak import Verdict, detectable_mb_per_hour


@pytest.fixture(scope="module")
def found():
    """What was said of two series of every kind."""
    return tallies(seed=11, each=2, peers=False)


def share(found, verdict, *, leaks):
    """Of all series that leak, or do not, those of which a verdict was given."""
    chosen = [tally for kind, tally in found.items() if KINDS[kind][0] is leaks]
    return sum(tally.said[verdict] for tally in chosen) / sum(tally.count for tally in chosen)


class TestQuality:
    def test_leaks_are_found(self, found):
        assert share(found, Verdict.LEAKING, leaks=True) >= 0.9

    def test_what_does_not_leak_is_rarely_called_a_leak(self, found):
        assert share(found, Verdict.LEAKING, leaks=False) <= 0.08

    @pytest.mark.parametrize("kinds", [PLAIN, PLAIN_LEAKS])
    def test_little_of_the_plain_is_left_open(self, found, kinds):
        plain = {kind: found[kind] for kind in kinds}
        assert share(plain, Verdict.INCONCLUSIVE, leaks=kinds is PLAIN_LEAKS) <= 0.2


class TestSeries:
    def test_the_same_seed_draws_the_same_series(self):
        one, other = next(labelled(5, 1)), next(labelled(5, 1))
        pd.testing.assert_frame_equal(one.samples, other.samples)

    def test_leaks_are_at_least_detectable(self):
        drawn = [each for each in labelled(5, 1) if each.leaks]
        assert all(each.slope_mb_per_hour >= each.detectable_mb_per_hour * 0.99 for each in drawn)

    def test_what_does_not_leak_has_no_slope(self):
        drawn = [each for each in labelled(5, 1) if not each.leaks]
        assert {each.slope_mb_per_hour for each in drawn} == {0.0}

    def test_a_longer_window_shows_smaller_leaks(self):
        slopes = [detectable_mb_per_hour(hours, 100.0) for hours in (1, 4, 72)]
        assert slopes == sorted(slopes, reverse=True)

    def test_a_verdict_always_gives_its_reason(self):
        assert all(verdict_of(each).evidence for each in labelled(6, 1))
