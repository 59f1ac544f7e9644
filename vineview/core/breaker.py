"""CircuitBreaker: stops asking when too many finished loads fail, and tries again with care.

Three states for the service as a whole, and a block for each URL that keeps failing. It counts
finished loads (a success, or a failure after the last retry), never single attempts, or two bad
videos would stop every healthy one. Time is the clock's; the state is worked out when asked for,
so there is no timer to outlive anything. (Reference, section 5.)
"""

from __future__ import annotations

import logging
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vineview.clock import Clock
from vineview.core.config import positive_number, whole_number

__all__ = ["BreakerMove", "BreakerState", "CircuitBreaker"]

_log = logging.getLogger(__name__)

_COUNTED_S = 300.0  # failures this recent may open it
_RECENT_S = 600.0  # ... are the statistics' recentFailures
_LISTED_S = 3600.0  # ... are named in the detailed statistics
_URL_BLOCK_S = 120.0  # for each failure up to the threshold, doubled by each one beyond it
_MOST_HISTORY = 100  # failures remembered
_MOST_URLS = 1000  # the one that failed longest ago is forgotten first
_MOST_LISTED = 5


class BreakerState(StrEnum):
    """Whether loads may start. The values are those of the performance export."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


_CLOSED, _OPEN, _HALF_OPEN = BreakerState


@dataclass(frozen=True, slots=True)
class BreakerMove:
    """The breaker changed state, or (``before`` equal to ``after``) blocked a URL."""

    before: BreakerState
    after: BreakerState
    reason: str
    url: str | None = None

    @property
    def is_trip(self) -> bool:
        """Whether the breaker opened."""
        return self.after is _OPEN and self.before is not self.after


@dataclass(slots=True)
class _UrlRecord:
    failures: int
    last_at: float


class CircuitBreaker:
    """Counts finished loads and says whether another may start.

    Args:
        clock: Whose time counts.
        failure_threshold: Failures within 5 minutes that open it; also those of one URL that
            block the URL, and twice as many block it for good.
        open_timeout_s: Seconds it stays open.
        half_open_timeout_s: Seconds half-open without any success after which it opens again.
        successes_to_close: Successes half-open that close it; also the most probes let through.

    Raises:
        ConfigError: If a number makes no sense.

    Example:
        >>> from vineview.clock import ManualClock
        >>> breaker = CircuitBreaker(clock=ManualClock(), failure_threshold=1)
        >>> breaker.record_failure("https://example.com/a.mp4")
        >>> breaker.state, breaker.allow("https://example.com/b.mp4"), breaker.retry_after_s
        (<BreakerState.OPEN: 'open'>, False, 120.0)
    """

    def __init__(
        self,
        *,
        clock: Clock,
        failure_threshold: int = 5,
        open_timeout_s: float = 120,
        half_open_timeout_s: float = 30,
        successes_to_close: int = 3,
    ) -> None:
        self.failure_threshold = whole_number("failure_threshold", failure_threshold, least=1)
        self.open_timeout_s = positive_number("open_timeout_s", open_timeout_s)
        self.half_open_timeout_s = positive_number("half_open_timeout_s", half_open_timeout_s)
        self.successes_to_close = whole_number("successes_to_close", successes_to_close, least=1)
        self._clock = clock
        self._subscriptions: tuple[list[Callable[[BreakerMove], object]], ...] = ()
        self._urls: OrderedDict[str, _UrlRecord] = OrderedDict()
        history = max(_MOST_HISTORY, self.failure_threshold)
        self._history: deque[tuple[float, str]] = deque(maxlen=_MOST_HISTORY)
        # What may open it: forgotten when it closes, or one old failure more would open it again.
        self._failures: deque[float] = deque(maxlen=history)
        self._successes: deque[float] = deque(maxlen=history)
        self._total_failures = 0
        self._state = _CLOSED
        self._since = 0.0
        self._probes: Counter[str] = Counter()
        self._probe_successes = 0

    @property
    def state(self) -> BreakerState:
        """The state now."""
        if self._state is _CLOSED:
            return _CLOSED
        elapsed = self._clock.now() - self._since
        if self._state is _OPEN and elapsed >= self.open_timeout_s:
            self._move(_HALF_OPEN, f"{self.open_timeout_s:g} s have passed")
        elif self._state is _HALF_OPEN and elapsed >= self.half_open_timeout_s:
            if self._probe_successes:
                self._since = self._clock.now()
                self._probes.clear()  # probes that never answered must not block others forever
            else:
                self._move(_OPEN, f"no success in {self.half_open_timeout_s:g} s")
        return self._state

    @property
    def retry_after_s(self) -> float:
        """Seconds until probes are let through; 0 unless open."""
        if self.state is not _OPEN:
            return 0.0
        return self._since + self.open_timeout_s - self._clock.now()

    @property
    def failure_rate_ratio(self) -> float | None:
        """Failures among the loads finished in the last 5 minutes; ``None`` without any."""
        failures = self._within(_COUNTED_S, self._failures)
        finished = failures + self._within(_COUNTED_S, self._successes)
        return failures / finished if finished else None

    def allow(self, url: str) -> bool:
        """Whether a load of ``url`` may start now. Half-open, a yes takes one of the few probes.

        Whoever takes a yes reports how it ended, by ``record_success``, ``record_failure`` or
        ``abandon``.
        """
        state = self.state
        if state is _OPEN or self.is_blocked(url):
            return False
        if state is _HALF_OPEN:
            if self._probes.total() + self._probe_successes >= self.successes_to_close:
                return False
            self._probes[url] += 1
        return True

    def is_blocked(self, url: str) -> bool:
        """Whether this URL is blocked, whatever the breaker's state."""
        return url in self._urls and self._clock.now() < self._blocked_until(url)

    def record_success(self, url: str) -> None:
        """A load of ``url`` finished well: its failures are forgotten."""
        self._urls.pop(url, None)
        self._successes.append(self._clock.now())
        if self.state is _HALF_OPEN:
            self.abandon(url)
            self._probe_successes += 1
            if self._probe_successes >= self.successes_to_close:
                self._move(_CLOSED, f"{self._probe_successes} loads succeeded", url)

    def record_failure(self, url: str) -> None:
        """A load of ``url`` failed for good."""
        now = self._clock.now()
        state = self.state
        self._total_failures += 1
        self._history.append((now, url))
        self._failures.append(now)
        self._count_url(url, now)
        if state is _HALF_OPEN:
            self._move(_OPEN, "a load failed while half-open", url)
        elif state is _CLOSED:
            failures = self._within(_COUNTED_S, self._failures)
            if failures >= self.failure_threshold:
                minutes = _COUNTED_S / 60
                self._move(_OPEN, f"{failures} failures in {minutes:g} min", url)

    def abandon(self, url: str) -> None:
        """A load of ``url`` was given up: if it was a probe, another may take its place."""
        if self._probes:
            self._probes -= Counter((url,))

    def reset(self) -> None:
        """Close it and forget every failure and every block, permanent ones too."""
        self.clear_urls()
        self._history.clear()
        self._failures.clear()
        self._successes.clear()
        self._total_failures = 0
        self._probes.clear()
        if self._state is not _CLOSED:
            self._move(_CLOSED, "reset")

    def clear_urls(self, url: str | None = None) -> None:
        """Forget the failures and blocks of single URLs, or of one; the breaker's state stays."""
        if url is None:
            self._urls.clear()
        else:
            self._urls.pop(url, None)

    def clear_permanent_failures(self) -> None:
        """Forget those URLs that are blocked for good."""
        for url in self._permanent():
            del self._urls[url]

    def subscribe(self, listener: Callable[[BreakerMove], object]) -> Callable[[], None]:
        """Call ``listener`` with each move, until the result is called."""
        subscription = [listener]  # its own, so that a listener may subscribe twice
        self._subscriptions = (*self._subscriptions, subscription)

        def unsubscribe() -> None:
            rest = tuple(each for each in self._subscriptions if each is not subscription)
            self._subscriptions = rest

        return unsubscribe

    def stats(self, *, detailed: bool = False) -> dict[str, Any]:
        """The figures of the app's breaker service, under its own names.

        Args:
            detailed: Whether to list URLs too.
        """
        state = self.state
        stats: dict[str, Any] = {
            "state": state.value,
            "totalFailures": self._total_failures,
            "recentFailures": self._within(_RECENT_S, [at for at, _ in self._history]),
            "failedUrls": len(self._urls),
            "permanentlyFailedUrls": len(self._permanent()),
            "allowRequests": state is not _OPEN,
            "halfOpenSuccessCount": self._probe_successes,
            "failureThreshold": self.failure_threshold,
        }
        if detailed:
            counts = Counter({url: record.failures for url, record in self._urls.items()})
            since = self._clock.now() - _LISTED_S
            stats["urlFailureCounts"] = dict(counts)
            stats["permanentFailures"] = self._permanent()
            stats["recentFailureUrls"] = [url for at, url in self._history if at > since]
            stats["mostFailedUrls"] = [url for url, _ in counts.most_common(_MOST_LISTED)]
        return stats

    def _move(self, to: BreakerState, reason: str, url: str | None = None) -> None:
        before, self._state = self._state, to
        self._since = self._clock.now()
        self._probes.clear()
        self._probe_successes = 0
        if to is _CLOSED:
            self._failures.clear()
            self._successes.clear()
        self._tell(BreakerMove(before, to, reason, url))

    def _tell(self, move: BreakerMove) -> None:
        for (listener,) in self._subscriptions:
            try:
                listener(move)
            except Exception:  # noqa: BLE001  # foreign code; logged with its traceback
                _log.exception("a listener of the circuit breaker failed")

    def _count_url(self, url: str, now: float) -> None:
        record = self._urls.setdefault(url, _UrlRecord(0, now))
        record.failures += 1
        record.last_at = now
        self._urls.move_to_end(url)
        if len(self._urls) > _MOST_URLS:
            self._urls.popitem(last=False)
        until = self._blocked_until(url)
        if until > now:
            how_long = "for good" if math.isinf(until) else f"for {until - now:g} s"
            reason = f"URL blocked {how_long} after {record.failures} failures"
            self._tell(BreakerMove(self._state, self._state, reason, url))

    def _blocked_until(self, url: str) -> float:
        record = self._urls.get(url)
        if record is None or record.failures < self.failure_threshold:
            return -math.inf
        if record.failures >= 2 * self.failure_threshold:
            return math.inf
        doublings = record.failures - self.failure_threshold
        return record.last_at + _URL_BLOCK_S * self.failure_threshold * 2.0**doublings

    def _permanent(self) -> list[str]:
        most = 2 * self.failure_threshold
        return [url for url, record in self._urls.items() if record.failures >= most]

    def _within(self, seconds: float, instants: Iterable[float]) -> int:
        since = self._clock.now() - seconds
        return sum(at > since for at in instants)
