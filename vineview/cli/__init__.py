"""The ``vineview`` command: one parser, a module per command group.

Modules are imported by the parser alone; whatever is heavy waits until its command runs, so that
``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

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
    try:
        return _run(_parser().parse_args(argv))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED


def _run(args: argparse.Namespace) -> int:
    """Run the command that was asked for; what it raises becomes one line."""
    if isinstance(sys.stdout, TextIOWrapper):  # a name may hold what its encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    if args.debug:  # else Python prints our warnings alone: libraries keep theirs to themselves
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    try:
        code: int = args.run(args)
        if sys.stdout is not None:  # it is None where the caller has closed it
            sys.stdout.flush()  # what cannot be written is an error now, not at exit
    except BrokenPipeError:  # the reader (head, less) has seen enough
        _drop_output()
        return 0
    except (VineviewError, OSError) as error:
        if args.debug:
            raise
        what = str(error)
        if isinstance(error, OSError) and error.filename is not None:
            what = f"{error.filename}: {error.strerror}. Check the path."
        elif not isinstance(error, VineviewError):  # what was to be printed cannot be
            _drop_output()
        print(f"vineview {args.command}: {what}", file=sys.stderr)
        return _USAGE
    return code


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, as every other error here is."""

    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE, f"{self.prog}: {message}. `{self.prog} --help` explains it.\n")


def _drop_output() -> None:
    """Let what is still unwritten go nowhere, so that the interpreter's exit is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
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
