"""``vineview serve``: the ops API over a practice incident, for this machine only.

The incident begins at its alert and goes on in real time, so the API can be called, charted and
acted on like a live system's, by hand or by ``vineview run memory-usage --url``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from vineview.cli import output

_TICK_S = 1.0


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="the ops HTTP API over a practice incident, on loopback",
        description="Serve the ops API on 127.0.0.1 until interrupted, over an embedded manager "
        "that leaks memory and has just raised its alert. Prints the address and the token for "
        "/admin (VINEVIEW_TOKEN, if it is set).",
    )
    parser.add_argument(
        "--port", type=output.port, default=0, metavar="N", help="the port (default: any free one)"
    )
    output.add_common(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    asyncio.run(_serve(args))
    return 0


async def _serve(args: argparse.Namespace) -> None:
    from dataclasses import replace

    from vineview.clock import ManualClock
    from vineview.ops.embedded import PracticeIncident
    from vineview.ops.server import OpsServer

    rehearsal = await PracticeIncident.open()
    await rehearsal.aclose()
    run_up = timedelta(seconds=rehearsal.clock.now())  # so that the alert comes just now
    incident = await PracticeIncident.open(ManualClock(datetime.now(UTC) - run_up))
    try:
        backend = replace(incident.backend, token=os.environ.get("VINEVIEW_TOKEN", ""))
        async with OpsServer(backend, port=args.port) as server:
            document = {"url": server.base_url, "token": server.token}
            human = (
                f"{server.base_url}\n"
                f"token for /admin: {server.token}\n"
                f"try: VINEVIEW_TOKEN={server.token} vineview cleanup --url {server.base_url}"
            )
            output.emit(args, human, document)
            sys.stdout.flush()
            print("Press Ctrl-C to stop.", file=sys.stderr)
            await _go_on(incident)
    finally:
        await incident.aclose()


async def _go_on(incident: Any) -> None:
    """Let the incident's time follow the machine's until cancelled."""
    loop = asyncio.get_running_loop()
    last = loop.time()
    while True:
        await asyncio.sleep(_TICK_S)
        now = loop.time()
        await incident.advance(now - last)
        last = now
