"""What every command shares: its common options, its output, its progress bar."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vineview.errors import UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from vineview.telemetry.export import Telemetry

__all__ = [
    "absolute",
    "add_common",
    "emit",
    "given",
    "http_address",
    "opened",
    "port",
    "progress",
    "to_json",
]

_MAX_PORT = 65_535


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options every command takes."""
    parser.add_argument(
        "--format",
        choices=("human", "json"),
        default="human",
        help="human text, or one JSON document on stdout (default: human)",
    )
    parser.add_argument(
        "--debug", action="store_true", help="show the traceback of an error, and debug logging"
    )


def given(text: str) -> str:
    """An argument's value, which an unset shell variable would leave empty.

    Raises:
        argparse.ArgumentTypeError: If it is empty.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; is a shell variable unset?")
    return text


def http_address(text: str) -> str:
    """An option's value as the address of a service, checked before anything starts.

    Raises:
        argparse.ArgumentTypeError: If it is not one of http or https.
    """
    if not given(text).startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(
            f"{text} is not an http(s) address; write it as https://host[:port]"
        )
    return text


def port(text: str) -> int:
    """An option's value as a port, 0 for any free one.

    Raises:
        argparse.ArgumentTypeError: If there is no such port.
    """
    if not (text.isascii() and text.isdigit() and int(text) <= _MAX_PORT):
        raise argparse.ArgumentTypeError(f"there is no port {text}: they go from 0 to {_MAX_PORT}")
    return int(text)


def absolute(place: str) -> str:
    """A path or glob, made absolute because kernels start elsewhere; an address as it is.

    Raises:
        UsageError: If nothing is there; better said before a kernel starts.
    """
    if "://" in place:
        return place
    if not (Path(place).exists() or glob(place)):  # noqa: PTH207 - Path's takes no absolute pattern
        raise UsageError(f"there is no file or folder {place}", hint="Check the path.")
    return str(Path(place).absolute())


def opened(places: list[str], *, engine: str | None = None) -> Telemetry:
    """Telemetry to read, with a progress bar while a large one is.

    Args:
        places: Files, folders, globs or addresses.
        engine: What answers; DuckDB in this process unless told.
    """
    from vineview.telemetry.export import Telemetry

    files = [Path(place) for place in places]
    total = sum(each.stat().st_size for each in files) if all(map(Path.is_file, files)) else None
    with progress(total, "Reading", unit="B") as bar:
        return Telemetry.open(*places, engine=engine, progress=bar.update)


def emit(args: argparse.Namespace, human: str, document: Any) -> None:
    """Print ``document`` as JSON if asked for, else the ``human`` text."""
    if args.format == "json":
        print(to_json(document))
    else:
        print(human)


def to_json(document: Any) -> str:
    """One JSON document, in ASCII: dataclasses as objects, instants as ISO-8601, NaN as null."""
    return json.dumps(_plain(document), indent=2, allow_nan=False)


def progress(total: int | None, label: str, *, unit: str = "it") -> AbstractContextManager[Any]:
    """A progress bar on stderr while it is a terminal, silent otherwise.

    Args:
        total: How many units there are, or ``None`` if unknown.
        label: What is being done.
        unit: What is counted, such as ``B`` for bytes; then shown in thousands and millions.

    Returns:
        A context manager with ``update(n)``.
    """
    from tqdm import tqdm

    bar: AbstractContextManager[Any] = tqdm(
        total=total,
        desc=label,
        unit=unit,
        unit_scale=unit != "it",
        file=sys.stderr,
        disable=not sys.stderr.isatty(),
        leave=False,
    )
    return bar


def _plain(value: Any) -> Any:
    """Turn a value into what ``json`` can write."""
    match value:
        case None | bool() | int() | str() if not isinstance(value, Enum):
            return value
        case Enum():
            return _plain(value.value)
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Path():
            return str(value)
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _plain(asdict(value))
        case _ if hasattr(value, "item"):  # a numpy scalar
            return _plain(value.item())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
