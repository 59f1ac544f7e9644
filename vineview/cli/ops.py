"""``vineview status``, ``health``, ``cleanup``, ``flags``: the runbooks' calls as commands.

With ``--url`` they speak to that system; without one to a practice incident made for the call, a
leaking manager at its alert, so that every command can be tried where nothing can be harmed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from vineview.cli import output

if TYPE_CHECKING:
    from vineview.ops.client import OpsClient, Outcome

_HEALTHY, _NOT_HEALTHY = 0, 1
_WORDS = {"on": True, "true": True, "off": False, "false": False}
_PRACTICE = (
    "practice incident, simulated: a leaking manager made for this command (pass --url to reach a "
    "real system)"
)

Command = Callable[[argparse.Namespace, "OpsClient"], Awaitable[int]]


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the four commands."""
    _add(
        commands,
        "status",
        _status,
        help="measured memory, alerts, flags and configuration of a video system",
        description="Read the overall status. Exit code 1 if it is not healthy.",
    )
    _add(
        commands,
        "health",
        _health,
        help="the guide's health check of a video system",
        description="Read the health payload: memory_mb is the app's estimate, which counts "
        "controllers and cannot reach the alert's 500 MB; `vineview status` shows what was "
        "measured. Exit code 1 if it is not healthy.",
    )
    _add_write(
        commands,
        "cleanup",
        _cleanup,
        help="free memory: every controller but the nearest",
        description="Send one memory pressure call. A dry run unless --apply.",
    )
    flags = _add_write(
        commands,
        "flags",
        _flags,
        help="read or set feature flags",
        description="Without arguments, read the flags; with NAME=on or NAME=off, set them (a dry "
        "run unless --apply). emergency_mode=on brings the emergency profile, off brings wifi's.",
    )
    flags.add_argument("flags", nargs="*", type=_flag, metavar="NAME=on|off", help="flags to set")


def _add(commands: Any, name: str, command: Command, **texts: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, **texts)
    parser.add_argument(
        "--url",
        type=output.http_address,
        metavar="U",
        help="the ops API; its token is read from VINEVIEW_TOKEN",
    )
    output.add_common(parser)
    parser.set_defaults(run=lambda args: asyncio.run(_run(args, command)), apply=False)
    return parser


def _add_write(commands: Any, name: str, command: Command, **texts: str) -> argparse.ArgumentParser:
    parser = _add(commands, name, command, **texts)
    parser.add_argument("--apply", action="store_true", help="send the change")
    return parser


async def _run(args: argparse.Namespace, command: Command) -> int:
    async with _client(args) as ops:
        return await command(args, ops)


@asynccontextmanager
async def _client(args: argparse.Namespace) -> AsyncIterator[OpsClient]:
    """A client of the named system, or of a practice incident served for this call."""
    from vineview.ops.client import OpsClient

    async with AsyncExitStack() as stack:
        url, token = args.url, os.environ.get("VINEVIEW_TOKEN")
        if not url:
            url, token = await _practise(stack)
        yield await stack.enter_async_context(
            OpsClient(url, token=token, dry_run=not args.apply, show=_show)
        )


async def _practise(stack: AsyncExitStack) -> tuple[str, str]:
    from vineview.ops.embedded import PracticeIncident
    from vineview.ops.server import OpsServer

    print(_PRACTICE, file=sys.stderr)
    incident = await PracticeIncident.open()
    stack.push_async_callback(incident.aclose)
    server = await stack.enter_async_context(OpsServer(incident.backend))
    return server.base_url, server.token


async def _status(args: argparse.Namespace, ops: OpsClient) -> int:
    status = await ops.status()
    memory = status.get("video_memory_mb")
    lines = [
        f"{status.get('status', 'unknown')}",
        f"  measured memory  {_number(memory)} MB ({status.get('memory_source', 'not told')})",
        f"  app's estimate   {_number(status.get('memory_mb'))} MB",
        f"  controllers      {status.get('controllers')}",
        f"  ready videos     {status.get('ready_videos')} of {status.get('total_videos')}",
        *(f"  alert            {alert['message']}" for alert in status.get("active_alerts", ())),
        f"  flags            {_switches(status.get('flags') or {})}",
    ]
    output.emit(args, "\n".join(lines), status)
    return _exit(status)


async def _health(args: argparse.Namespace, ops: OpsClient) -> int:
    health = await ops.health()
    human = (
        f"{health.get('status', 'unknown')}: estimated memory "
        f"{_number(health.get('memory_mb'))} MB, {health.get('controllers')} controllers, "
        f"{health.get('ready_videos')} ready videos"
    )
    output.emit(args, human, health)
    return _exit(health)


async def _cleanup(args: argparse.Namespace, ops: OpsClient) -> int:
    outcome = await ops.relieve_memory()
    effect = outcome.document
    human = "nothing was sent; add --apply to send it"
    if outcome.applied:
        human = (
            f"memory {_number(effect.get('memory_mb_before'))} to "
            f"{_number(effect.get('memory_mb_after'))} MB, controllers "
            f"{effect.get('controllers_before')} to {effect.get('controllers_after')}"
        )
    output.emit(args, human, _document(outcome))
    return _HEALTHY


async def _flags(args: argparse.Namespace, ops: OpsClient) -> int:
    if not args.flags:
        flags = (await ops.status()).get("flags") or {}
        output.emit(args, _switches(flags), {"flags": flags})
        return _HEALTHY
    outcome = await ops.set_flags(dict(args.flags))
    human = "nothing was sent; add --apply to send it"
    output.emit(args, _switches(outcome.document) if outcome.applied else human, _document(outcome))
    return _HEALTHY


def _flag(text: str) -> tuple[str, bool]:
    name, _, word = text.partition("=")
    if not name or word.lower() not in _WORDS:
        message = f"{text!r} is not a flag and its value: write NAME=on or NAME=off"
        raise argparse.ArgumentTypeError(message)
    return name, _WORDS[word.lower()]


def _document(outcome: Outcome) -> dict[str, Any]:
    return {"applied": outcome.applied, "request": outcome.request, "result": outcome.document}


def _exit(document: dict[str, Any]) -> int:
    return _HEALTHY if document.get("status") == "healthy" else _NOT_HEALTHY


def _switches(flags: dict[str, Any]) -> str:
    return ", ".join(f"{name}={'on' if on else 'off'}" for name, on in flags.items()) or "none told"


def _number(value: Any) -> str:
    return f"{value:.0f}" if isinstance(value, int | float) else "unknown"


def _show(text: str) -> None:
    """Show a request that is not sent, where it does not mix with the answer."""
    print(text, file=sys.stderr)
