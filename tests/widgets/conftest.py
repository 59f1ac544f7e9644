"""Pretend to be the browser: what a widget sends is kept, what the page would say is delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from ipywidgets import Widget

from vineview.widgets.base import VineWidget


class Browser:
    """One page with any number of views of one widget."""

    def __init__(self, widget: VineWidget) -> None:
        self.widget = widget
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        widget.send = self._keep

    def _keep(self, content: dict[str, Any], buffers: list[Any] | None = None) -> None:
        self.sent.append((content, [bytes(buffer) for buffer in buffers or []]))

    def say(self, kind: str, view: str = "v1", **fields: Any) -> None:
        """Deliver a message as the page's comm would."""
        data = {"method": "custom", "content": {"kind": kind, "view": view, **fields}}
        self.widget._handle_msg({"content": {"data": data}, "buffers": []})

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Messages of one kind so far, oldest first."""
        return [content for content, _ in self.sent if content["kind"] == kind]

    def buffers_of(self, kind: str) -> list[list[bytes]]:
        """Buffers of the messages of one kind so far."""
        return [buffers for content, buffers in self.sent if content["kind"] == kind]

    def clear(self) -> None:
        """Forget what was sent so far."""
        self.sent.clear()


async def settle(rounds: int = 30) -> None:
    """Let every runnable task run; nothing waits for time."""
    for _ in range(rounds):
        await asyncio.sleep(0)


@pytest.fixture
def browser_of() -> type[Browser]:
    """Builds the pretended browser of a widget."""
    return Browser


@pytest.fixture(name="settle")
def _settle() -> Any:
    return settle


@pytest.fixture(autouse=True)
def _no_widget_survives() -> Iterator[None]:
    """Each test leaves no widget behind, as a kernel would be left by its last cell."""
    yield
    Widget.close_all()
