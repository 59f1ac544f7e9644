"""Asking: slow questions of a widget, put to a worker thread one at a time.

An engine may take seconds to answer. The kernel's loop goes on meanwhile, the views say that they
are reading, and a question that was overtaken by a newer one of its kind is never answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

__all__ = ["Asking"]

Question = Callable[[], object]
Answer = Callable[[], None]


class Asking:
    """Puts questions.

    Args:
        spawn: Runs the coroutine that asks as a task of the widget.
        tell: Called with whether it is reading, when that changes.
        report: Called with what a question or its answer raised.
    """

    def __init__(
        self,
        spawn: Callable[[Coroutine[Any, Any, Any]], object],
        tell: Callable[[bool], None],
        report: Callable[[Exception], None],
    ) -> None:
        self._spawn = spawn
        self._tell = tell
        self._report = report
        self._waiting: dict[Hashable, tuple[Question, Answer]] = {}
        self._is_reading = False

    @property
    def is_reading(self) -> bool:
        """Whether a question is being answered."""
        return self._is_reading

    def ask(self, about: Hashable, question: Question, answer: Answer) -> None:
        """Put a question; it replaces one about the same that is not answered yet.

        Args:
            about: What it concerns, such as a view's stretch.
            question: Run in a worker thread; it keeps what it found.
            answer: Then run on the loop, unless a newer question about the same came.
        """
        self._waiting.pop(about, None)
        self._waiting[about] = question, answer
        if not self._is_reading:
            self._is_reading = True
            self._tell(True)
            self._spawn(self._read())

    async def _read(self) -> None:
        try:
            while self._waiting:
                about = next(iter(self._waiting))
                question, answer = self._waiting.pop(about)
                try:
                    await asyncio.to_thread(question)
                    if about not in self._waiting:
                        answer()
                except Exception as error:  # noqa: BLE001 - shown in the card; the next is asked
                    self._report(error)
        finally:
            self._is_reading = False
            self._tell(False)
