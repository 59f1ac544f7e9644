"""Tells listeners what happened, in order, once the manager is at rest.

Changes made while an operation holds the announcer wait until it ends, and so does the releasing
of controllers: foreign code that calls back into the manager never finds it halfway. A listener
that raises is logged and reported to the others; it never stops them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from types import TracebackType

from vineview.clock import Clock
from vineview.core.changes import Change, ChangeKind, Listener, Unsubscribe
from vineview.core.metrics import Metrics
from vineview.errors import VideoManagerError

__all__ = ["Announcer"]

_log = logging.getLogger(__name__)


class _Subscription:
    """One subscription; the same listener may have several."""

    __slots__ = ("is_active", "listener")

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.is_active = True


class Announcer:
    """A queue of changes and those who want to hear them.

    Args:
        clock: Stamps the report of a listener's own failure.
        metrics: Where such failures are counted.

    Attributes:
        has_listeners: Whether anybody would hear a change; if not, making one is a waste.
    """

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self.has_listeners = False
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._waiting: deque[tuple[Change, _Subscription | None]] = deque()
        self._afterwards: deque[Callable[[], None]] = deque()
        self._holds = 0
        self._is_delivering = False
        self._is_closed = False

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call ``listener`` with each change, until the result is called.

        Raises:
            VideoManagerError: If it cannot be called.
        """
        if not callable(listener):
            hint = "Pass a function of one argument, the Change."
            raise VideoManagerError(f"a listener cannot be {listener!r}", hint=hint)
        subscription = _Subscription(listener)
        if not self._is_closed:
            self._listen((*self._subscriptions, subscription))

        def unsubscribe() -> None:
            subscription.is_active = False
            self._listen(tuple(s for s in self._subscriptions if s is not subscription))

        return unsubscribe

    def announce(self, change: Change) -> None:
        """Tell everyone, at the end of the running operation if there is one."""
        self._waiting.append((change, None))
        if not self._holds:
            self._deliver()

    def afterwards(self, act: Callable[[], None]) -> None:
        """Do something at the end of the running operation, before anyone is told; else now."""
        if self._holds:
            self._afterwards.append(act)
        else:
            act()

    def close(self) -> None:
        """Tell nobody anything any more."""
        self._is_closed = True
        self._listen(())
        self._waiting.clear()

    def __enter__(self) -> None:
        self._holds += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while self._holds == 1 and self._afterwards:
                self._afterwards.popleft()()
        finally:
            self._holds -= 1
        if not self._holds and self._waiting:
            self._deliver()

    def _listen(self, subscriptions: tuple[_Subscription, ...]) -> None:
        self._subscriptions = subscriptions
        self.has_listeners = bool(subscriptions)

    def _deliver(self) -> None:
        if self._is_delivering:
            return  # a listener caused this change; the delivery it is part of goes on with it
        self._is_delivering = True
        try:
            while self._waiting:
                change, excepted = self._waiting.popleft()
                for subscription in self._subscriptions:
                    if subscription.is_active and subscription is not excepted:
                        try:
                            subscription.listener(change)
                        except (KeyboardInterrupt, SystemExit):
                            raise
                        except BaseException as error:  # noqa: BLE001  # foreign code; reported
                            self._report(subscription, change, error)
                    if self._is_closed:
                        return
        finally:
            self._is_delivering = False

    def _report(self, subscription: _Subscription, change: Change, error: BaseException) -> None:
        _log.error("a listener failed on %r", change, exc_info=error)
        self._metrics.listener_errors += 1
        is_about_a_listener = change.data.get("where") == "listener"
        if not is_about_a_listener:  # else two broken listeners would report each other forever
            data = {"error": f"{type(error).__name__}: {error}", "where": "listener"}
            report = Change(ChangeKind.ERROR, self._clock.utc(), change.video_id, data=data)
            self._waiting.append((report, subscription))
