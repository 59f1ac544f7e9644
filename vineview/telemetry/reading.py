"""Reads one export, JSON document or NDJSON, keeping every record that is whole.

Nothing is given up for one damaged record: what cannot be used is named by line and counted,
and a file cut short gives all records before the cut and says where it ends. Only a file that
holds no export at all, or one of another major version, is refused.
"""

from __future__ import annotations

import itertools
import json
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from vineview.errors import TelemetryError
from vineview.telemetry.repeats import without_repeats
from vineview.telemetry.schema import FORMAT, VERSION, format_at, parse_at, record_problem

__all__ = ["Document", "Finding", "read"]

_MAX_FINDINGS: Final = 1000
_MAX_TRIES: Final = 10_000
_PIECE: Final = 1 << 14
_BLANK: Final = re.compile(r"[\s,]*")
_ARRAY: Final = re.compile(r'"(samples|events)"\s*:\s*\[')
_ARRAY_END: Final = re.compile(r'\]\s*(?:\}\s*\Z|,\s*"[^"]*"\s*:)')
_CANDIDATE: Final = re.compile(r"[{\]]")
_UNDECODED: Final = re.compile("[\udc80-\udcff]")
_OTHER_FORMATS: Final = {b"PAR1": "Parquet", b"\x28\xb5\x2f\xfd": "zstd-compressed"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a reader of an export should know.

    Attributes:
        severity: ``error`` when records were lost, else ``warning``.
        message: What.
        source: Which file or address.
        line: Where in it, counted from 1, if it is about one place.
    """

    severity: str
    message: str
    source: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{where}: {self.message}"


@dataclass(slots=True)
class Document:
    """What one export holds, as read."""

    source: str
    header: dict[str, Any] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: int = 0
    _latest: dict[tuple[Any, Any], datetime] = field(default_factory=dict)
    _not_numbers: int = 0

    def lose(self, message: str, line: int | None = None, *, count: int = 1) -> None:
        """Count lost records and say which."""
        self.skipped += count
        self.note(message, line, severity="error")

    def note(self, message: str, line: int | None = None, *, severity: str = "warning") -> None:
        """Add a finding; beyond a thousand only the count grows."""
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(Finding(severity, message, self.source, line))

    def add(self, record: Any, line: int) -> None:
        """File a record under samples or events, or set it aside."""
        problem = record_problem(record)
        if problem:
            self.lose(f"damaged record set aside: {problem}", line)
        elif "kind" in record:
            self.events.append(record)
        else:
            self._check_clock(record, line)
            self.samples.append(record)

    def not_a_number(self, _constant: str) -> None:
        """JSON has no NaN; what writes it anyway means a missing value."""
        self._not_numbers += 1

    def finish(self) -> None:
        """Say what only the whole document shows."""
        if self._not_numbers:
            self.note(f"{self._not_numbers} values are NaN or Infinity and read as missing")
        repeats = len(self.samples) - len(without_repeats(self.samples))
        if repeats:
            self.note(f"{repeats} samples are exact repeats; each counts once")
        declared = self.header.get("records")
        counts = declared.values() if isinstance(declared, dict) else ()
        expected = sum(count for count in counts if type(count) is int)
        missing = expected - len(self.samples) - len(self.events) - self.skipped
        if missing > 0:
            self.lose(f"{missing} of {expected} records are missing", count=missing)

    def _check_clock(self, record: dict[str, Any], line: int) -> None:
        at = parse_at(record["at"])
        who = (record.get("device_id"), record.get("session_id"))
        latest = self._latest.get(who)
        if latest is not None and at < latest:
            back_s = (latest - at).total_seconds()
            self.note(
                f"the clock goes back by {back_s:g} s to {format_at(at)}; shown by time", line
            )
        self._latest[who] = at


def read(data: bytes, source: str) -> Document:
    """Read one export.

    Args:
        data: The file's bytes; gzip is recognised by its first two.
        source: Its path or address, for messages.

    Returns:
        Every whole record, and findings about the rest.

    Raises:
        TelemetryError: If there is no export in it, or its major version is not 1.
    """
    document = Document(source)
    cut = False
    if data.startswith(b"\x1f\x8b"):
        data, cut = _gunzip(data, document)
    for magic, name in _OTHER_FORMATS.items():
        if data.startswith(magic):
            raise _not_export(source, f"is {name} data")
    if not data.strip():
        raise TelemetryError(
            f"{source} is empty",
            source=source,
            hint="Export again; an export begins with a header even when it has no records.",
        )
    text = data.decode("utf-8-sig", errors="surrogateescape")
    if _is_lines(text):
        _read_lines(text, document, cut=cut)
    else:
        _Scanner(text, document).read_document()
    _check_header(document)
    document.finish()
    return document


def _gunzip(data: bytes, document: Document) -> tuple[bytes, bool]:
    """Decompress every member, keeping what comes before a cut or damage."""
    whole, rest = bytearray(), data
    while rest:
        stream = zlib.decompressobj(wbits=31)
        try:
            for start in range(0, len(rest), _PIECE):
                piece = rest[start : start + _PIECE]
                whole += _careful(stream, piece, whole)
                if stream.eof:
                    rest = stream.unused_data + rest[start + _PIECE :]
                    break
        except zlib.error as error:
            if not whole:
                raise _not_export(document.source, f"is damaged gzip data ({error})") from error
            document.note(f"gzip data is damaged ({error}); read up to there", severity="error")
            return bytes(whole), True
        if not stream.eof:
            document.note(f"gzip data ends early, after {len(data)} bytes", severity="error")
            return bytes(whole), True
        rest = rest.lstrip(b"\0")  # padding some tools append
    return bytes(whole), False


def _careful(stream: Any, piece: bytes, whole: bytearray) -> bytes:
    """Decompress a piece; if it is damaged, save what its undamaged part gives."""
    before = stream.copy()
    try:
        return bytes(stream.decompress(piece))
    except zlib.error:
        with suppress(zlib.error):
            for at in range(len(piece)):
                whole += before.decompress(piece[at : at + 1])
        raise


def _is_lines(text: str) -> bool:
    """NDJSON, if the first line is a whole object that holds no records."""
    first, _, rest = text.lstrip().partition("\n")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        # a damaged or cut header still betrays itself by the lines that follow
        following = rest.lstrip().partition("\n")[0]
        return following.startswith("{") and following.rstrip().endswith("}")
    return isinstance(value, dict) and not value.keys() & {"samples", "events"}


def _read_lines(text: str, document: Document, *, cut: bool) -> None:
    """Read NDJSON: a header line, then one record a line."""
    lines = text.split("\n")
    ends_whole = not lines[-1].strip()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        is_last = number == len(lines)
        value, problem = _parse(line, document)
        if problem and is_last:
            at = len(text.encode("utf-8", "surrogateescape"))
            document.lose(f"the file ends in the middle of this record, at byte {at}", number)
        elif problem:
            document.lose(f"damaged record set aside: {problem}", number)
        elif _is_header(value, document, number):
            document.header = value
        else:
            document.add(value, number)
    if cut and ends_whole:
        document.note(f"the file ends after line {len(lines) - 1}", len(lines) - 1)


def _is_header(value: Any, document: Document, number: int) -> bool:
    return (
        isinstance(value, dict)
        and "at" not in value
        and ("format" in value or "version" in value or number == 1)
        and not document.header
    )


def _parse(text: str, document: Document) -> tuple[Any, str | None]:
    """Parse one JSON value: it, or what is wrong with it."""
    if _UNDECODED.search(text):
        return None, "it is not UTF-8 text"
    try:
        return json.loads(text, parse_constant=document.not_a_number), None
    except RecursionError:
        return None, "it is nested too deeply"
    except ValueError as error:
        message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return None, f"not JSON ({message})"


class _Scanner:
    """Walks a JSON document record by record, so that damage stays where it is."""

    def __init__(self, text: str, document: Document) -> None:
        self._text = text
        self._document = document
        self._decoder = json.JSONDecoder(parse_constant=document.not_a_number)
        self._line_at = (0, 1)

    def read_document(self) -> None:
        """Read the header's fields and both arrays, in whatever order they come."""
        text, position = self._text, self._skip(0)
        if not text.startswith("{", position):
            raise _not_export(self._document.source, "is not a JSON document or NDJSON")
        position += 1
        while True:
            position = self._skip(position)
            if text.startswith("}", position):
                return
            array = _ARRAY.match(text, position)
            if array:
                position = self._read_array(array.end())
                continue
            try:
                position = self._read_field(position)
            except (ValueError, RecursionError):
                array = _ARRAY.search(text, position)
                if array is None:
                    self._ends_early(position)
                    return
                self._document.lose("damaged header field set aside", self._line(position), count=0)
                position = array.start()

    def _read_field(self, position: int) -> int:
        """Read one header field; returns where it ends."""
        key, position = self._decoder.raw_decode(self._text, position)
        position = self._skip(position)
        if not isinstance(key, str) or not self._text.startswith(":", position):
            raise ValueError("not a field")
        value, end = self._decoder.raw_decode(self._text, self._skip(position + 1))
        if end == len(self._text):
            raise ValueError("the document ends with this value, which may be cut")
        self._document.header[key] = value
        return end

    def _read_array(self, position: int) -> int:
        """Read records up to the closing bracket; returns where to go on."""
        while True:
            position = self._skip(position)
            if position >= len(self._text):
                return position
            if self._text.startswith("]", position):
                return position + 1
            try:
                record, end = self._decoder.raw_decode(self._text, position)
            except (ValueError, RecursionError):
                position = self._step_over(position)
                continue
            if _UNDECODED.search(self._text, position, end):
                self._document.lose(
                    "damaged record set aside: it is not UTF-8 text", self._line(position)
                )
            else:
                self._document.add(record, self._line(position))
            position = end

    def _step_over(self, position: int) -> int:
        """Find the next whole record, or the array's end, after a damaged one."""
        line = self._line(position)
        candidates = _CANDIDATE.finditer(self._text, position + 1)
        for match in itertools.islice(candidates, _MAX_TRIES):
            if match[0] == "]":
                found = _ARRAY_END.match(self._text, match.start()) is not None
            else:
                found = self._is_record(match.start())
            if found:
                self._document.lose("damaged record set aside: not JSON", line)
                return match.start()
        at = len(self._text.encode("utf-8", "surrogateescape"))
        self._document.lose(f"the file ends in the middle of this record, at byte {at}", line)
        return len(self._text)

    def _is_record(self, position: int) -> bool:
        try:
            value, _ = self._decoder.raw_decode(self._text, position)
        except (ValueError, RecursionError):
            return False
        return isinstance(value, dict) and "at" in value

    def _ends_early(self, position: int) -> None:
        """Say where a document without its closing brace ends."""
        if self._document.skipped and position >= len(self._text):
            return  # said already, with the record it cut
        at = len(self._text.encode("utf-8", "surrogateescape"))
        last = self._line(len(self._text))
        self._document.note(f"the document ends early, at byte {at}", last, severity="error")

    def _skip(self, position: int) -> int:
        match = _BLANK.match(self._text, position)
        return match.end() if match else position

    def _line(self, position: int) -> int:
        """The line of a position, counting on from the last one asked for."""
        start, line = self._line_at if position >= self._line_at[0] else (0, 1)
        line += self._text.count("\n", start, position)
        self._line_at = (position, line)
        return line


def _check_header(document: Document) -> None:
    """Refuse what is not an export of this major version; note what is missing."""
    header, source = document.header, document.source
    name, version = header.get("format"), header.get("version")
    if name is not None and name != FORMAT:
        raise _not_export(source, f"says its format is {name!r}")
    if version is not None:
        major = str(version).partition(".")[0]
        if isinstance(version, bool) or major != str(VERSION):
            raise TelemetryError(
                f"{source} is version {version!r} of the export; this vineview reads {VERSION}",
                source=source,
                hint="Upgrade vineview, or export again with a matching version.",
            )
    if name is None or version is None:
        if not document.samples and not document.events:
            raise _not_export(source, "has neither a header nor a whole record")
        document.note(f"has no complete header; read as {FORMAT} version {VERSION}")
    if not isinstance(header.get("config", {}) or {}, dict):
        document.note("'config' in the header is not an object and is not used")


def _not_export(source: str, why: str) -> TelemetryError:
    return TelemetryError(
        f"{source} {why}, not a performance export",
        source=source,
        hint="Read are JSON documents and NDJSON, plain or gzip, of "
        f"format {FORMAT!r}, version {VERSION}.",
    )
