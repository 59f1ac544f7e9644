"""Ranges are read as written or refused, and coverage is said in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vineview.errors import UsageError
from vineview.telemetry.ranges import Coverage, describe_duration, parse_range


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("2h", 7200), ("7d", 604_800), (" 2 h ", 7200)]
)
def test_a_number_and_a_unit(text, seconds):
    assert parse_range(text) == timedelta(seconds=seconds)


def test_a_timedelta_and_everything():
    assert parse_range(timedelta(minutes=5)) == timedelta(minutes=5)
    assert parse_range(None) is None


@pytest.mark.parametrize("wrong", ["", "h", "2", "2x", "2h30m", "999999d", timedelta(0), 3600])
def test_anything_else_is_refused_with_the_forms_understood(wrong):
    with pytest.raises(UsageError, match='such as "30s"'):
        parse_range(wrong)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (5400, "1.5 h"), (29_880, "8.3 h"), (604_800, "7 d")],
)
def test_durations_for_people(seconds, text):
    assert describe_duration(seconds) == text


def test_coverage_in_words():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    coverage = Coverage.of(start, start + timedelta(seconds=29_880), 604_800)
    assert coverage.text == "7 d asked, 8.3 h present"
    assert coverage.ratio == pytest.approx(29_880 / 604_800)
    assert Coverage.of(None, None, 60.0).text == "1 min asked, no records present"
