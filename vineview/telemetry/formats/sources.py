"""Where exports come from: files, folders, globs and http(s) addresses, as bytes.

What was named outright must be readable; in a folder or a glob one unreadable file is a finding
and the others are read.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vineview.errors import TelemetryError
from vineview.telemetry.formats import parquet
from vineview.telemetry.formats.fetching import Fetched, fetched, is_url, refuse_other_scheme

__all__ = ["READ_SUFFIXES", "Source", "find", "refuse_pipe", "unreadable"]

READ_SUFFIXES: Final = (
    *(
        suffix + packing
        for packing in ("", ".gz", ".zst")
        for suffix in (".json", ".ndjson", ".jsonl", ".csv")
    ),
    ".parquet",
)
"""The names read from a folder; what a file named outright holds is told by its content."""
_NOT_READ: Final = (".tsv", ".arrow", ".feather", ".xlsx", ".orc", ".avro")
_SHORT: Final = ".json, .ndjson, .jsonl, .csv, plain, .gz or .zst, and .parquet"


@dataclass(frozen=True, slots=True)
class Source:
    """One place an export is read from.

    Attributes:
        name: Its path or address.
        named: Whether it was asked for by name, not found in a folder or by a glob.
        path: Where its bytes are, if not under its name.
    """

    name: str
    named: bool
    path: Path | None = None

    @property
    def place(self) -> str | Fetched:
        """What opens it."""
        return self.name if self.path is None else Fetched(self.name, self.path)

    def read(self) -> bytes:
        """The bytes.

        Raises:
            TelemetryError: If it cannot be opened or fetched.
        """
        if self.path is None and is_url(self.name):
            with fetched(self.name) as place:
                return _load(place)
        return _load(self.path or self.name)


def find(places: Iterable[str | os.PathLike[str]]) -> Iterator[Source]:
    """Turn what was asked for into sources, in order, each once.

    Args:
        places: Files, folders (the exports in them, or Parquet by day), globs, http(s) addresses.

    Raises:
        TelemetryError: If a place does not exist, holds no export, or is of a format not read.
    """
    seen: set[str] = set()
    for place in places:
        if isinstance(place, Fetched):
            found = iter([Source(place.url, named=True, path=place.path)])
        else:
            found = _named(os.fspath(place))
        for source in found:
            if source.name not in seen:
                seen.add(source.name)
                yield source


def _named(place: str) -> Iterator[Source]:
    """The sources a name stands for; a name no system takes is refused."""
    try:
        yield from list(_expand(place))
    except TelemetryError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        why = error if isinstance(error, OSError) else OSError(str(error))
        raise unreadable(place, why) from error


def _expand(place: str) -> Iterator[Source]:
    if is_url(place):
        yield Source(place, named=True)
        return
    refuse_other_scheme(place)
    path = Path(place).expanduser()
    if path.is_dir() and parquet.is_folder(path):
        yield Source(str(path), named=True)
    elif path.is_dir():
        inside = sorted(str(each) for each in path.iterdir() if _is_export_name(each.name))
        if not inside:
            raise TelemetryError(
                f"{place} holds no export", source=place, hint=f"Read are {_SHORT}."
            )
        yield from (Source(each, named=False) for each in inside)
    elif path.exists():
        if path.name.lower().endswith(_NOT_READ):
            raise TelemetryError(
                f"{place} cannot be read: {path.suffix} files are not performance exports",
                source=place,
                hint=f"Read are {_SHORT}.",
            )
        refuse_pipe(path)
        yield Source(str(path), named=True)
    else:
        yield from _glob(place)


def _glob(place: str) -> Iterator[Source]:
    pattern = str(Path(place).expanduser())
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob refuses absolute ones
    files = [each for each in matches if Path(each).is_file() and _is_export_name(each)]
    if not files:
        raise TelemetryError(
            f"{place} does not exist" if not matches else f"{place} matches no export",
            source=place,
            hint="Pass a file, a folder, a glob or an http(s) address of a performance export.",
        )
    yield from (Source(each, named=False) for each in files)


def _is_export_name(name: str) -> bool:
    return name.lower().endswith(READ_SUFFIXES)


def _load(name: str | os.PathLike[str]) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise unreadable(name, error) from error


def refuse_pipe(path: Path) -> None:
    """Let pass what can be read more than once, and what does not exist.

    Raises:
        TelemetryError: For a pipe or a device, as a shell's ``<(...)`` is.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise TelemetryError(
            f"{path} cannot be read: it is a pipe or a device, and an export is read twice",
            source=str(path),
            hint="Save it to a file first.",
        )


def unreadable(name: str | os.PathLike[str], error: OSError) -> TelemetryError:
    """The error for a file that cannot be opened or read."""
    return TelemetryError(
        f"{os.fspath(name)} cannot be read: {error.strerror or error}",
        source=os.fspath(name),
        hint="Check the path and its permissions.",
    )
