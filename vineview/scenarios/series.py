"""Labelled memory series: what a verdict on leaks is judged by.

Each kind is one habit of real processes, drawn from a seed with noise, level, window and sampling
of random size, and says of itself whether it leaks. Leaks are drawn at one to ten times the slope
that `detectable_mb_per_hour` says their noise and window allow to be seen, so that a missed one is
a fault of the method and not of the draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import signal

from vineview.telemetry.growth.leak import detectable_mb_per_hour

__all__ = ["KINDS", "Series", "labelled", "made"]

Floats = NDArray[np.float64]

_SHORT: Final = (1 / 3, 0.5)
_HOURS: Final = (1.0, 2.0, 4.0, 8.0)
_DAYS: Final = (24.0, 48.0, 72.0, 168.0)
_WEEKS: Final = (336.0, 504.0, 672.0)
_ANY: Final = _SHORT + _HOURS + _DAYS


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled series.

    Attributes:
        kind: Its habit, a key of `KINDS`.
        leaks: The label.
        samples: Columns ``at``, ``video_memory_mb`` and, where sessions are told, ``session_id``.
        window_h: From the first to the last sample.
        slope_mb_per_hour: Of the leak; 0 without one.
        detectable_mb_per_hour: From which slope a leak in this noise and window can be seen.
    """

    kind: str
    leaks: bool
    samples: pd.DataFrame
    window_h: float
    slope_mb_per_hour: float
    detectable_mb_per_hour: float


@dataclass(slots=True)
class Draw:
    """One series being drawn: its clock, its noise so far, and chance.

    ``spread`` gathers the noise's long-run variance, MB^2 h: variance times twice the time over
    which it resembles itself.
    """

    rng: np.random.Generator
    window_h: float
    hour: Floats
    level: float
    memory: Floats
    spread: float = 0.0
    slope: float = 0.0
    session: NDArray[np.int64] | None = None
    keep: NDArray[np.bool_] | None = None
    sd: float = field(default=0.0)

    @property
    def detectable(self) -> float:
        """The slope from which a leak here can be seen, MB/h."""
        return detectable_mb_per_hour(self.window_h, self.spread, level_mb=self.level)

    def at(self, low: float, high: float) -> float:
        """An hour somewhere between two shares of the window."""
        return self.window_h * float(self.rng.uniform(low, high))

    def leak(self, easiest: float = 10.0) -> Floats:
        """A ramp of one to ``easiest`` times the detectable slope, which is noted."""
        self.slope = self.detectable * float(np.exp(self.rng.uniform(0, np.log(easiest))))
        return self.slope * self.hour


def labelled(seed: int, each: int) -> Iterator[Series]:
    """Draw series of every kind.

    Args:
        seed: Decides everything; no two seeds share a series.
        each: How many of each kind.

    Example:
        >>> series = list(labelled(seed=1, each=1))
        >>> len(series) == len(KINDS)
        True
    """
    for number, kind in enumerate(KINDS):
        for index in range(each):
            yield made(kind, np.random.default_rng((seed, number, index)))


def made(kind: str, rng: np.random.Generator) -> Series:
    """Draw one series of a kind of `KINDS`."""
    leaks, windows, habit = KINDS[kind]
    draw = _begin(rng, float(rng.choice(windows)))
    habit(draw)
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(draw.hour * 3600, unit="s")
    samples = pd.DataFrame({"at": at, "video_memory_mb": np.maximum(draw.memory, 0.0)})
    if draw.session is not None:
        samples["session_id"] = [f"s{number}" for number in draw.session]
    if draw.keep is not None:
        samples = samples[draw.keep].reset_index(drop=True)
    return Series(kind, leaks, samples, draw.window_h, draw.slope, draw.detectable)


def _begin(rng: np.random.Generator, window_h: float) -> Draw:
    """A level with AR(1) noise of random size and memory, sampled every 10 to 60 s."""
    step_s = float(rng.choice([10, 30, 60]))
    if window_h > _HOURS[-1]:
        step_s = 60.0 if window_h <= _DAYS[1] else 300.0
    hour = np.arange(int(window_h * 3600 / step_s) + 1) * step_s / 3600
    level = float(rng.uniform(120, 400))
    draw = Draw(rng, window_h, hour, level, np.full(hour.size, level))
    sd = float(np.exp(rng.uniform(np.log(1), np.log(20))))
    _add_noise(draw, sd, float(rng.choice([0.0, 0.02, 0.1, 0.5])))
    return draw


def _add_noise(draw: Draw, sd: float, correlation_h: float) -> None:
    """AR(1) noise that resembles itself for ``correlation_h`` hours."""
    step_h = draw.hour[1]
    correlation_h = min(correlation_h, draw.window_h / 20)
    keep = float(np.exp(-step_h / correlation_h)) if correlation_h > 0 else 0.0
    shocks = draw.rng.normal(0, sd * np.sqrt(1 - keep**2), draw.hour.size)
    shocks[0] = draw.rng.normal(0, sd)
    draw.memory = draw.memory + signal.lfilter([1.0], [1.0, -keep], shocks)
    draw.spread += sd**2 * max(2 * correlation_h, step_h)
    draw.sd = sd


def _noise(draw: Draw) -> None:
    """Nothing but its noise."""


def _sawtooth(draw: Draw, longest: float = 0.125) -> None:
    """Garbage collection: up in a ramp, down at once, periods that differ a little."""
    period = float(draw.rng.uniform(0.05, max(0.06, min(draw.window_h * longest, 3.0))))
    height = float(draw.rng.uniform(30, 150))
    periods = period * draw.rng.uniform(0.8, 1.2, int(draw.window_h / period * 1.5) + 5)
    edges = np.concatenate(([-period * draw.rng.uniform()], np.cumsum(periods)))
    place = np.searchsorted(edges, draw.hour, side="right") - 1
    widths = np.diff(edges)
    draw.memory = draw.memory + height * (draw.hour - edges[place]) / widths[place]
    draw.spread += height**2 / 12 * period / 6


def _disposal(draw: Draw) -> None:
    """150 MB of disposals at random moments: memory climbs by loads and falls at once."""
    rate = float(draw.rng.uniform(20, 120))
    count = int(draw.window_h * rate) + 40
    gains = draw.rng.exponential(20, count)
    held, track = 0.0, np.empty(count)
    for index in range(count):
        held += gains[index]
        held = held if held < 150 else float(draw.rng.uniform(0, 30))  # noqa: PLR2004 - MB
        track[index] = held
    place = np.minimum((draw.hour * rate).astype(int), count - 1)
    draw.memory = draw.memory + track[place]
    draw.spread += 150**2 / 12 * (8 / rate) / 6


def _daily(draw: Draw) -> None:
    """40 MB peak to peak over the day."""
    phase = draw.rng.uniform()
    draw.memory = draw.memory + 20 * np.sin(2 * np.pi * (draw.hour / 24 + phase))


def _weekly(draw: Draw) -> None:
    """Busy working days with a hump at noon, quiet weekends."""
    size = draw.level * draw.rng.uniform(0.05, 0.25)
    day = draw.hour / 24 + draw.rng.uniform(0, 7)
    works = (np.floor(day) % 7) < 5  # noqa: PLR2004 - days
    hump = np.clip(np.sin(2 * np.pi * (day % 1) - np.pi / 2) + 0.4, 0, None)
    draw.memory = draw.memory + size * (0.6 * works + 0.4 * hump * (0.3 + 0.7 * works))
    _add_noise(draw, size / 10, 2.0)


def _step(draw: Draw) -> None:
    """A new release holds more from one moment on."""
    draw.memory = draw.memory + draw.rng.uniform(30, 200) * (draw.hour > draw.at(0.1, 0.9))


def _steps(draw: Draw) -> None:
    """Two or three releases or loads, some holding more, some less."""
    for _ in range(int(draw.rng.integers(2, 4))):
        height = draw.rng.uniform(20, 100) * draw.rng.choice([-1, 1, 1])
        draw.memory = draw.memory + height * (draw.hour > draw.at(0.05, 0.95))


def _spikes(draw: Draw) -> None:
    """Bursts of a moment, and the heavy tails of a busy machine."""
    rare = draw.rng.uniform(size=draw.hour.size) < draw.rng.uniform(0.005, 0.05)
    tails = draw.rng.standard_t(2, draw.hour.size) * draw.sd / 2
    draw.memory = draw.memory + rare * draw.rng.exponential(200, draw.hour.size) + tails
    draw.spread += draw.sd**2 * draw.hour[1]


def _gappy(draw: Draw) -> None:
    """Hours without a sample, several times."""
    draw.keep = np.ones(draw.hour.size, dtype=bool)
    for _ in range(int(draw.rng.integers(2, 6))):
        start = draw.at(0, 0.9)
        draw.keep &= ~((draw.hour > start) & (draw.hour < start + draw.at(0.03, 0.12)))
    draw.keep[[0, 1, -2, -1]] = True


def _missing(draw: Draw) -> None:
    """A third of the values not given, some in long rows."""
    missing = draw.rng.uniform(size=draw.hour.size) < draw.rng.uniform(0.1, 0.6)
    missing[0], missing[-1] = False, False
    draw.memory = np.where(missing, np.nan, draw.memory)


def _restart(draw: Draw) -> None:
    """New sessions that start low and fill again within minutes; each has its own level."""
    draw.session = np.zeros(draw.hour.size, dtype=np.int64)
    for _ in range(int(draw.rng.integers(1, 4))):
        when = draw.at(0.1, 0.9)
        after = draw.hour > when
        draw.session = draw.session + after
        fill = draw.rng.uniform(0.01, 0.03) * draw.window_h
        fall = draw.rng.uniform(30, min(100, 0.5 * draw.level))
        since = np.maximum(draw.hour - when, 0)
        moved = draw.rng.uniform(-30, 30) - fall * np.exp(-since / fill)
        draw.memory = draw.memory + after * moved


def _warm_up(draw: Draw) -> None:
    """A cache fills, ever more slowly, and stays."""
    tau = draw.at(0.04, 0.2)
    size = draw.rng.uniform(50, 250)
    draw.memory = draw.memory + size * (1 - np.exp(-draw.hour / tau))


def _walk(draw: Draw) -> None:
    """Wanders, and comes back in a quarter of the window: load nobody explained."""
    draw.memory = np.full(draw.hour.size, draw.level)
    step_h, draw.spread = draw.hour[1], 0.0
    correlation_h = draw.at(0.05, 0.25)
    sd, keep = draw.rng.uniform(5, 30), float(np.exp(-step_h / correlation_h))
    shocks = draw.rng.normal(0, sd * np.sqrt(1 - keep**2), draw.hour.size)
    shocks[0] = draw.rng.normal(0, sd)
    draw.memory = draw.memory + signal.lfilter([1.0], [1.0, -keep], shocks)


def _wander(draw: Draw) -> None:
    """A random walk without drift: the hardest of what does not leak."""
    size = draw.rng.uniform(10, 60)
    shocks = draw.rng.normal(0, size / np.sqrt(draw.hour.size), draw.hour.size)
    draw.memory = draw.memory + np.cumsum(shocks)


def _hump(draw: Draw) -> None:
    """One wave of load, over or nearly so when the window ends."""
    since = (draw.hour - draw.at(0.1, 0.9)) / draw.at(0.02, 0.15)
    draw.memory = draw.memory + draw.level * draw.rng.uniform(0.1, 0.8) * np.exp(-(since**2))


def _modes(draw: Draw) -> None:
    """Switches between two plateaus, as queues fill and drain."""
    count = int(draw.rng.integers(4, 14))
    edges = np.sort(draw.rng.uniform(0, draw.window_h, count))
    high = np.searchsorted(edges, draw.hour) % 2
    draw.memory = draw.memory + high * draw.rng.uniform(30, 150)


def _quantised(draw: Draw) -> None:
    """Told in coarse steps: whole 8, 16 or 64 MB."""
    unit = draw.rng.choice([1, 8, 16, 64])
    draw.memory = np.round(draw.memory / unit) * unit


def _constant(draw: Draw) -> None:
    """Always the same, even zero."""
    draw.memory = np.full(draw.hour.size, draw.level * draw.rng.choice([0, 1]))


def _falling(draw: Draw) -> None:
    """Frees memory all the time."""
    draw.memory = draw.memory - draw.level * 0.5 * draw.hour / draw.window_h


def _server(draw: Draw) -> None:
    """Thousands of MB, with noise in proportion and a day of load."""
    draw.level *= 15
    draw.memory = np.full(draw.hour.size, draw.level)
    draw.spread = 0.0
    _add_noise(draw, draw.level * draw.rng.uniform(0.002, 0.02), draw.rng.choice([0, 0.1, 1.0]))
    size = draw.level * draw.rng.uniform(0, 0.05)
    draw.memory = draw.memory + size * np.sin(2 * np.pi * (draw.hour / 24 + draw.rng.uniform()))


def _page_cache(draw: Draw) -> None:
    """A container's page cache: fills towards its limit, is reclaimed in part, fills again."""
    _server(draw)
    fill, size = draw.at(0.02, 0.1), draw.level * draw.rng.uniform(0.1, 0.4)
    held, step_h = 0.0, draw.hour[1]
    reclaims = draw.rng.uniform(size=draw.hour.size) < step_h / draw.at(0.08, 0.2)
    track = np.empty(draw.hour.size)
    for index, reclaimed in enumerate(reclaims):
        held += (size - held) * step_h / fill
        if reclaimed:
            held *= draw.rng.uniform(0.4, 0.9)
        track[index] = held
    draw.memory = draw.memory + track


def _with_leak(*habits: Callable[[Draw], None]) -> Callable[[Draw], None]:
    """What others do, and a leak besides."""

    def habit(draw: Draw) -> None:
        for each in habits:
            each(draw)
        draw.memory = draw.memory + draw.leak()

    return habit


def _leak_restart(draw: Draw) -> None:
    """Every restart gives back what has leaked, and it begins anew; sessions are told."""
    _reset(draw, float(draw.rng.uniform(0.15, 0.4)))
    assert draw.session is not None


def _leak_reset(draw: Draw) -> None:
    """The same where nobody tells sessions: long ramps, each cut off by a fall to the start."""
    _reset(draw, float(draw.rng.uniform(0.2, 0.3)))
    draw.session = None


def _reset(draw: Draw, share: float) -> None:
    """A leak that restarts cut off after about a share of the window each."""
    count = int(2 / share) + 2
    widths = draw.window_h * share * draw.rng.uniform(0.8, 1.2, count)
    edges = np.concatenate(([-widths[0] * draw.rng.uniform(0.1, 0.5)], np.cumsum(widths)))
    place = np.searchsorted(edges, draw.hour, side="right") - 1
    whole = draw.leak()
    draw.slope *= (1 / share) * 1.2  # the ramps are short: a session's slope is what can be seen
    draw.memory = draw.memory + whole * 0 + draw.slope * (draw.hour - edges[place])
    draw.session = place.astype(np.int64)


def _leak_onset(draw: Draw) -> None:
    """Sound at first, then a leak from one moment on."""
    start = draw.at(0.2, 0.4)
    draw.leak()
    draw.slope *= 2.5
    draw.memory = draw.memory + draw.slope * np.maximum(draw.hour - start, 0)


def _leak_late(draw: Draw) -> None:
    """Sound for most of the window, then a leak that what is left of it suffices to see."""
    start = draw.at(0.5, 0.85)
    seen = detectable_mb_per_hour(draw.window_h - start, draw.spread, level_mb=draw.level)
    draw.slope = seen * float(np.exp(draw.rng.uniform(0, np.log(10))))
    draw.memory = draw.memory + draw.slope * np.maximum(draw.hour - start, 0)


def _leak_faster(draw: Draw) -> None:
    """A leak that speeds up."""
    draw.leak()
    draw.memory = draw.memory + 1.5 * draw.slope * draw.hour**2 / draw.window_h


def _leak_arenas(draw: Draw) -> None:
    """A leak the allocator shows in whole arenas: a staircase of many even steps."""
    draw.leak(6)
    draw.slope *= 2
    unit = draw.slope * draw.window_h / draw.rng.integers(7, 20)
    draw.memory = draw.memory + np.floor(draw.slope * draw.hour / unit) * unit


def _leak_missing(draw: Draw) -> None:
    """A leak of which a part was never written down."""
    draw.memory = draw.memory + draw.leak()
    _missing(draw)


def _leak_quantised(draw: Draw) -> None:
    """A leak told in coarse steps, of which it has passed six at least."""
    ramp = 1.5 * draw.leak()
    unit = min(float(draw.rng.choice([1, 8, 16, 64])), float(ramp[-1]) / 6)
    draw.slope *= 1.5
    draw.memory = np.round((draw.memory + ramp) / unit) * unit


KINDS: Final[dict[str, tuple[bool, tuple[float, ...], Callable[[Draw], None]]]] = {
    "noise": (False, _ANY, _noise),
    "short": (False, _SHORT, _noise),
    "sawtooth": (False, _ANY, _sawtooth),
    "disposal": (False, _ANY, _disposal),
    "daily": (False, (*_HOURS, *_DAYS), _daily),
    "weekly": (False, _WEEKS, _weekly),
    "step": (False, _ANY, _step),
    "steps": (False, _ANY, _steps),
    "spikes": (False, _ANY, _spikes),
    "gappy": (False, _ANY, _gappy),
    "missing": (False, _ANY, _missing),
    "restart": (False, _ANY, _restart),
    "warm-up": (False, _ANY, _warm_up),
    "walk": (False, _ANY, _walk),
    "wander": (False, _ANY, _wander),
    "modes": (False, _ANY, _modes),
    "quantised": (False, _ANY, _quantised),
    "constant": (False, _ANY, _constant),
    "falling": (False, _ANY, _falling),
    "server": (False, (*_HOURS, *_DAYS, *_WEEKS), _server),
    "page cache": (False, (*_HOURS, *_DAYS), _page_cache),
    "leak": (True, (*_HOURS, *_DAYS), _with_leak()),
    "leak, short": (True, _SHORT, _with_leak()),
    "leak, sawtooth": (True, (*_HOURS, *_DAYS), _with_leak(_sawtooth)),
    "leak, disposal": (True, (*_HOURS, *_DAYS), _with_leak(_disposal)),
    "leak, daily": (True, (*_HOURS, *_DAYS), _with_leak(_daily)),
    "leak, weekly": (True, _WEEKS, _with_leak(_weekly)),
    "leak, step": (True, (*_HOURS, *_DAYS), _with_leak(_step)),
    "leak, spikes": (True, (*_HOURS, *_DAYS), _with_leak(_spikes)),
    "leak, gappy": (True, (*_HOURS, *_DAYS), _with_leak(_gappy)),
    "leak, missing": (True, (*_HOURS, *_DAYS), _leak_missing),
    "leak, restart": (True, (*_HOURS, *_DAYS), _leak_restart),
    "leak, reset": (True, (48.0, 72.0, 168.0, 336.0), _leak_reset),
    "leak, onset": (True, (*_HOURS, *_DAYS), _leak_onset),
    "leak, faster": (True, (*_HOURS, *_DAYS), _leak_faster),
    "leak, arenas": (True, (*_HOURS, *_DAYS), _leak_arenas),
    "leak, quantised": (True, (*_HOURS, *_DAYS), _leak_quantised),
    "leak, server": (True, (*_HOURS, *_DAYS, *_WEEKS), _with_leak(_server)),
    "leak, late": (True, (*_HOURS, *_DAYS), _leak_late),
    "hump": (False, _ANY, _hump),
}
"""Every kind: whether it leaks, the windows it is drawn from (hours), and its habit."""
