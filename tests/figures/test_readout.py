"""Key numbers: what the tiles say."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from vineview.figures import growth_of, memory_tiles, range_tiles, sentence, turns_of
from vineview.telemetry import Sample
from vineview.telemetry.growth.trend import Shape

AT = datetime(2026, 1, 1, tzinfo=UTC)


def usage(rate=12.5, interval=(10 / 3600, 15 / 3600), verdict="leaking", evidence=("it rises",)):
    leak = SimpleNamespace(verdict=verdict, evidence=evidence)
    return SimpleNamespace(
        robust_growth_rate_mb_per_hour=rate, growth_rate_interval=interval, leak=leak
    )


def tile(tiles, label):
    return next(each for each in tiles if each.label == label)


class TestMemoryTiles:
    def test_measured_and_estimate_are_two_numbers_with_their_words(self):
        sample = Sample(
            AT,
            video_memory_mb=743.2,
            memory_source="held_bytes",
            estimated_memory_mb=240.0,
            video_controllers=12,
        )
        tiles = memory_tiles(sample)
        memory, estimate = tile(tiles, "memory"), tile(tiles, "app's estimate")
        assert (memory.value, memory.unit, memory.tone) == ("743", "MB", "warn")
        assert memory.note == "high: above 500, bytes really held"
        assert (estimate.value, estimate.note) == ("240", "12 \N{MULTIPLICATION SIGN} 20 MB")

    @pytest.mark.parametrize(
        ("memory_mb", "tone"),
        [(500.0, "plain"), (500.1, "warn"), (800.0, "warn"), (801, "critical")],
    )
    def test_limits_are_strict(self, memory_mb, tone):
        assert memory_tiles(Sample(AT, video_memory_mb=memory_mb))[0].tone == tone

    def test_an_estimate_shown_as_memory_says_so(self):
        sample = Sample(AT, video_memory_mb=100.0, memory_source="estimate")
        assert memory_tiles(sample)[0].note == "no measurement: the estimate"

    @pytest.mark.parametrize(
        ("controllers", "note", "tone"),
        [(14, "", "plain"), (15, "at the cap", "plain"), (16, "over the cap", "critical")],
    )
    def test_controllers_against_their_cap(self, controllers, note, tone):
        shown = tile(memory_tiles(Sample(AT, video_controllers=controllers)), "controllers")
        assert (shown.value, shown.unit, shown.note, shown.tone) == (
            str(controllers),
            "of 15",
            note,
            tone,
        )

    def test_without_samples_every_tile_is_quiet(self):
        assert {
            each.tone for each in memory_tiles(None, usage(rate=None, verdict="inconclusive"))
        } == {"quiet"}

    def test_growth_with_its_interval_in_mb_per_hour(self):
        growth = tile(memory_tiles(None, usage()), "growth")
        assert (growth.value, growth.unit, growth.note) == ("+12.5", "MB/h", "95 %: +10.0 to +15.0")

    @pytest.mark.parametrize(
        ("verdict", "words", "tone"),
        [
            ("leaking", "leaking", "critical"),
            ("not_leaking", "not leaking", "good"),
            ("inconclusive", "inconclusive", "quiet"),
        ],
    )
    def test_verdict_in_words_with_its_first_evidence(self, verdict, words, tone):
        shown = tile(memory_tiles(None, usage(verdict=verdict)), "leak check")
        assert (shown.value, shown.tone, shown.note) == (words, tone, "it rises")


class TestGrowthOf:
    def test_no_rate_is_none(self):
        assert growth_of(usage(rate=None)) is None
        assert growth_of(usage(rate=float("nan"))) is None

    def test_an_interval_may_be_missing_or_named(self):
        assert growth_of(usage(interval=None)).low_mb_per_hour is None
        assert growth_of(usage(interval=(float("nan"), 1.0))).high_mb_per_hour is None
        named = growth_of(usage(interval=SimpleNamespace(low=1 / 3600, high=2 / 3600)))
        assert (named.low_mb_per_hour, named.high_mb_per_hour) == (1.0, 2.0)

    def test_growth_that_began_late_says_since_when(self):
        memory = usage()
        memory.turned_at, memory.shape = AT, Shape.BEGUN
        assert growth_of(memory).since == AT
        memory.shape = Shape.LEVELLED
        assert growth_of(memory).since is None


def test_the_sentence_says_every_tile():
    text = sentence(memory_tiles(Sample(AT, video_memory_mb=743.0, video_controllers=3), usage()))
    for word in ("memory 743 MB", "controllers 3 of 15", "growth +12.5 MB/h", "leak check leaking"):
        assert word in text


class TestTurnsOf:
    @pytest.mark.parametrize(
        ("step_mb", "shape", "words"),
        [
            (120.0, Shape.STEP, "step of +120 MB"),
            (0.0, Shape.LEVELLED, "growth levels off"),
            (0.0, Shape.BEGUN, "growth begins"),
        ],
    )
    def test_a_change_point_in_words(self, step_mb, shape, words):
        leak = SimpleNamespace(verdict="not_leaking")
        usage = SimpleNamespace(turned_at=AT, step_mb=step_mb, shape=shape, leak=leak)
        (turn,) = turns_of(usage)
        assert (turn.at, turn.text) == (AT, words)

    def test_none_while_the_verdict_is_open_or_nothing_turned(self):
        leak = SimpleNamespace(verdict="inconclusive")
        assert turns_of(SimpleNamespace(turned_at=AT, step_mb=9.0, leak=leak)) == ()
        assert turns_of(SimpleNamespace(leak=leak)) == ()


class TestRangeTiles:
    @pytest.mark.parametrize(
        ("peak_mb", "tone"), [(400.0, "plain"), (600.0, "warn"), (900.0, "critical")]
    )
    def test_the_peak_meets_the_thresholds(self, peak_mb, tone):
        stretch = SimpleNamespace(
            peak_mb=peak_mb, average_mb=300.0, minimum_mb=100.0, **vars(usage())
        )
        tiles = range_tiles(stretch)
        assert [each.label for each in tiles] == ["peak", "average", "growth", "leak check"]
        assert (tiles[0].tone, tiles[0].note.endswith("lowest 100")) == (tone, True)
