"""VineWidget: what every widget of the package shares.

The one decision: a message from the browser is handled on the loop that made the widget, whatever
thread delivered it. Recent front ends send widget messages to a kernel *subshell*, which is a
thread of its own, while the manager and its tasks live on the main loop.

Messages, beside each widget's own:

===========  ==========  =========================================================================
kind         direction   fields
===========  ==========  =========================================================================
``hello``    in          ``view``: a view of this widget opened
``bye``      in          ``view``: it closed
``alive``    in and out  ``view``: the view asks whether the kernel still answers, and it does
``who``      out         ``view``: that view was given up after a long silence; it says hello again
``fault``    out         ``view`` or absent for all, ``text``: something failed; shown as a card
===========  ==========  =========================================================================

Every message is a dict with a ``kind``. All custom messages reach all views of a widget, so one
meant for a single view carries its ``view``.
"""

from __future__ import annotations

import asyncio
import difflib
import html
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context, copy_context
from importlib.resources import files
from typing import Any, ClassVar

import anywidget

from vineview.errors import VineviewError
from vineview.widgets.still import folded, is_watched, show_still

__all__ = ["Buffers", "Message", "VineWidget"]

Buffers = Sequence[bytes | bytearray | memoryview]
Message = dict[str, Any]

_logger = logging.getLogger(__name__)
_SHARED = ("base", "icons")
_MAX_FAULTS = 5
_RENEW_FIRST_S, _RENEW_MOST_S = 15.0, 600.0  # each time twice as late
_SILENCE_S = 150.0  # views speak every 15 s; a hidden tab's timers may run once a minute


class VineWidget(anywidget.AnyWidget):
    """A widget whose assets are plain files, whose errors show, and whose tasks end with it.

    A subclass names its files in ``_assets``, handles its messages in :meth:`receive` and draws
    itself without a script in :meth:`to_html`.

    Args:
        **options: Synced traits of the widget, such as ``height``.

    Raises:
        TypeError: If an option is unknown; the message suggests the nearest one.

    Example:
        >>> class Hello(VineWidget):
        ...     pass
        >>> Hello(hieght=3)
        Traceback (most recent call last):
        ...
        TypeError: Hello() has no option 'hieght'; its options are: layout
    """

    _assets: ClassVar[tuple[str, ...]] = ()
    """Names of files in ``static``, without suffix, joined after what all share; a name may have
    only one of the two kinds."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "_assets" in cls.__dict__:
            cls._esm = _joined((*_SHARED, *cls._assets), "js")
            cls._css = _joined((*_SHARED, *cls._assets), "css")
        super().__init_subclass__(**kwargs)

    def __init__(self, **options: Any) -> None:
        self._loop = _running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._faults: list[str] = []
        self._heard: dict[str, float] = {}
        self._unkept: list[Context] = []
        self._kept: Context | None = None
        self._kept_markup = 0
        self._renew_after_s, self._renew_at = _RENEW_FIRST_S, 0.0
        self._refuse_unknown(options)
        super().__init__(**options)
        self.on_msg(self._dispatch)

    # -- for subclasses ------------------------------------------------------------------------

    def receive(self, message: Message, buffers: Buffers) -> None:
        """Handle one message of the widget's own; errors raised here show in the card.

        Args:
            message: The content, with its ``kind``.
            buffers: Binary parts.
        """

    def view_opened(self, view: str) -> None:
        """Hear that a view opened, or came back after it was given up."""

    def view_closed(self, view: str) -> None:
        """Hear that a view closed."""

    def static_html(self) -> str:
        """The inside of :meth:`to_html`: markup without script or network."""
        return ""

    def tell(self, kind: str, buffers: Buffers | None = None, **fields: Any) -> None:
        """Send a message to the browser.

        Args:
            kind: What it is.
            buffers: Binary parts, sent beside the text and never stored in the notebook.
            **fields: The rest; ``view`` restricts it to one view.
        """
        if self.comm is not None:
            self.send({"kind": kind, **fields}, list(buffers) if buffers else None)

    def spawn(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run ``work`` as a task of this widget; its failure shows in the card.

        Args:
            work: The coroutine.
            name: What it does, for the log.
        """
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def on_loop(self, call: Callable[[], None]) -> None:
        """Run ``call`` on the widget's loop: at once when already there."""
        if self._loop is None:
            self._loop = _running_loop()
        if self._loop is None or self._loop.is_closed() or self._loop is _running_loop():
            call()
        else:
            self._loop.call_soon_threadsafe(call)

    def report(self, error: BaseException, *, where: str) -> None:
        """Show an error in the widget: never swallowed, never a stack trace in the page.

        Args:
            error: What was raised.
            where: What was being done, as a phrase.
        """
        if isinstance(error, VineviewError):
            text = str(error)
        else:
            text = f"{where} failed ({type(error).__name__}: {error})"
        _logger.error("%s: %s failed", type(self).__name__, where, exc_info=error)
        self._faults = [*self._faults, text][-_MAX_FAULTS:]
        self.tell("fault", text=text)

    @property
    def views(self) -> tuple[str, ...]:
        """The views now open, oldest first; nothing need be sent while there are none."""
        return tuple(self._heard)

    @property
    def faults(self) -> tuple[str, ...]:
        """The last errors shown in this widget, oldest first."""
        return tuple(self._faults)

    # -- life ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the widget and its views, and cancel its tasks. Idempotent."""
        for task in self._tasks:
            task.cancel()
        super().close()

    async def aclose(self) -> None:
        """Close, and wait until every task of the widget has ended."""
        tasks = tuple(self._tasks)
        self.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- what is shown -------------------------------------------------------------------------

    def to_html(self) -> str:
        """The widget as it stands, without script or network.

        Returns:
            Markup for reports and for viewers that run nothing. It is also the ``text/html``
            that a saved notebook keeps beside the widget; where a person watches it is folded
            there, and kept as a still too, see :mod:`vineview.widgets.still`.
        """
        faults = "".join(
            f'<p style="margin:8px 0;color:#b3261e">{html.escape(text)}</p>'
            for text in self._faults
        )
        return (
            '<div style="font:13px/1.5 system-ui,sans-serif;max-width:720px">'
            f"{self.static_html()}{faults}</div>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        markup = self.to_html()
        if is_watched():
            self._unkept.append(copy_context())  # whatever it shows goes to this output
            markup = folded(markup)
        return {**data, "text/html": markup}, metadata

    def _is_worth_keeping(self) -> bool:
        """Whether a still would show what it is to show, or more of it will come."""
        return True

    def _keep_stills(self) -> None:
        """Leave the notebook a still in each output that shows this widget and has none."""
        outputs, self._unkept = self._unkept, []
        markup = self.to_html() if outputs else ""
        for output in outputs:
            output.run(show_still, markup, name=self.model_id)
            self._kept, self._kept_markup = output, hash(markup)
            self._renew_at = time.monotonic() + self._renew_after_s

    def _renew_stills(self) -> None:
        """Let the stills it left show how things stand now, if that is due."""
        now = time.monotonic()
        if self._kept is None or now < self._renew_at or not self._is_worth_keeping():
            return
        self._renew_after_s = min(2 * self._renew_after_s, _RENEW_MOST_S)
        self._renew_at = now + self._renew_after_s
        markup = self.to_html()
        if hash(markup) != self._kept_markup:
            self._kept_markup = hash(markup)
            self._kept.run(show_still, markup, name=self.model_id, again=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    # -- messages ------------------------------------------------------------------------------

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        """Hand what a comm delivered, from whichever thread, to the widget's loop."""
        self.on_loop(lambda: super(VineWidget, self)._handle_msg(msg))

    def _dispatch(self, _: object, message: Message, buffers: Buffers) -> None:
        kind = message.get("kind")
        try:
            self._forget_silent_views()
            match message:
                case {"kind": "hello", "view": str(view)}:
                    self._heard[view] = time.monotonic()
                    self.view_opened(view)
                    if self._is_worth_keeping():
                        self._keep_stills()
                    for text in self._faults:
                        self.tell("fault", view=view, text=text)
                case {"kind": "bye", "view": str(view)}:
                    self._forget_view(view)
                case {"view": str(view)} if view not in self._heard:
                    self.tell("who", view=view)
                case {"kind": "alive", "view": str(view)}:
                    self._heard[view] = time.monotonic()
                    self.tell("alive", view=view)
                    self._renew_stills()
                case _:
                    self.receive(message, buffers)
        except Exception as error:  # noqa: BLE001 - the door: whatever fails is shown in the card
            self.report(error, where=f"handling the browser's {kind!r} message")

    def _forget_silent_views(self) -> None:
        """Give up views whose page went away without a word (a closed tab, a lost network)."""
        limit = time.monotonic() - _SILENCE_S
        for view in [view for view, heard in self._heard.items() if heard < limit]:
            self._forget_view(view)

    def _forget_view(self, view: str) -> None:
        if self._heard.pop(view, None) is not None:
            self.view_closed(view)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.report(error, where=task.get_name())

    @classmethod
    def _refuse_unknown(cls, options: dict[str, Any]) -> None:
        known = {name for name in cls.class_trait_names(sync=True) if not name.startswith("_")}
        known -= {"tabbable", "tooltip"}
        for name in options:
            if name in known:
                continue
            near = difflib.get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"its options are: {_listed(known)}"
            raise TypeError(f"{cls.__name__}() has no option {name!r}; {advice}")


def _joined(names: Sequence[str], suffix: str) -> str:
    """The named static files as one text; relative imports fail where the source is text."""
    folder = files(__package__) / "static"
    sources = (folder / f"{name}.{suffix}" for name in names)
    return "\n".join(source.read_text("utf-8") for source in sources if source.is_file())


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
