"""The ``vineview`` command: one parser, a module per command group.

Modules are imported by the parser alone; whatever is heavy waits until its command runs, so that
``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import logging
import sys
from importlib import import_module

from vineview import __version__
from vineview.errors import VineviewError

__all__ = ["main"]

_GROUPS = ("lab", "run", "analyze", "convert", "replay", "probe", "serve", "ops", "doctor", "bench")
_USAGE, _INTERRUPTED = 2, 130


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments after the program's name; the process's own by default.

    Returns:
        0 done, 1 "not healthy" or a failed check, 2 bad usage or bad input, 130 interrupted.
    """
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.DEBUG if args.debug else logging.WARNING, stream=sys.stderr)
    try:
        code: int = args.run(args)
    except VineviewError as error:
        if args.debug:
            raise
        print(f"vineview {args.command}: {error}", file=sys.stderr)
        return _USAGE
    except BrokenPipeError:  # the reader (head, less) has seen enough
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vineview",
        description="Executable notebooks for OpenVine's video system: "
        "play the feed, see the growth, run the runbook.",
        epilog="`vineview COMMAND --help` explains a command. Start with `vineview lab`.",
    )
    parser.add_argument("--version", action="version", version=f"vineview {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for group in _GROUPS:
        import_module(f"vineview.cli.{group}").register(commands)
    return parser
