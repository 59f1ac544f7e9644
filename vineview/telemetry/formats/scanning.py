"""Reads a JSON document record by record, so that damage stays where it is."""

from __future__ import annotations

import itertools
import json
import re
from typing import Final

from vineview.telemetry.formats.findings import Document, not_export

__all__ = ["UNDECODED", "Scanner"]

UNDECODED: Final = re.compile("[\udc80-\udcff]")
"""Bytes that are no UTF-8, as ``surrogateescape`` reads them."""

_MAX_TRIES: Final = 10_000
_BLANK: Final = re.compile(r"[\s,]*")
_ARRAY: Final = re.compile(r'"(samples|events)"\s*:\s*\[')
_ARRAY_END: Final = re.compile(r'\]\s*(?:\}\s*\Z|,\s*"[^"]*"\s*:)')
_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[][{}]')
_CANDIDATE: Final = re.compile(r"[{\]]")


class Scanner:
    """Walks a JSON document record by record, so that damage stays where it is.

    Args:
        text: The document, or its end.
        document: Gets records, header fields and findings.
        line: The line in which the text begins.
        byte: How many bytes are before it.
    """

    def __init__(self, text: str, document: Document, *, line: int = 1, byte: int = 0) -> None:
        self._text = text
        self._document = document
        self._decoder = json.JSONDecoder(parse_constant=document.not_a_number)
        self._first_line, self._byte = line, byte
        self._line_at = (0, line)

    def read_document(self) -> None:
        """Read the header's fields and both arrays, in whatever order they come."""
        text, position = self._text, self._skip(0)
        if text.startswith("[", position):  # records alone
            self._read_after(self._read_array(position + 1))
            return
        if not text.startswith("{", position):
            raise not_export(self._document.source, "is not a JSON document or NDJSON")
        self._read_fields(position + 1)

    def read_rest(self) -> None:
        """Read the end of a document, from within an array on."""
        self._read_fields(self._read_array(0))

    def _read_fields(self, position: int) -> None:
        """Read fields and arrays up to the document's closing brace, and what follows."""
        text = self._text
        while True:
            position = self._skip(position)
            if text.startswith("}", position):
                self._read_after(position + 1)
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

    def _read_after(self, position: int) -> None:
        """Read what follows a document: another one, or records one by one."""
        while (position := self._skip(position)) < len(self._text):
            line = self._line(position)
            try:
                value, position = self._decoder.raw_decode(self._text, position)
            except (ValueError, RecursionError):
                self._document.lose("what follows the document is not JSON and set aside", line)
                return
            if not isinstance(value, dict) or "at" in value:
                self._document.add(value, line)
                continue
            self._document.another_header(value, line)
            for records in (value.get("samples"), value.get("events")):
                for record in records if isinstance(records, list) else ():
                    self._document.add(record, line)

    def _read_field(self, position: int) -> int:
        """Read one header field; returns where it ends."""
        key, position = self._decoder.raw_decode(self._text, position)
        position = self._skip(position)
        if not isinstance(key, str) or not self._text.startswith(":", position):
            raise ValueError("not a field")
        value, end = self._decoder.raw_decode(self._text, self._skip(position + 1))
        if end == len(self._text):
            raise ValueError("the document ends with this value, which may be cut")
        if key in {"samples", "events"}:
            if value is not None:
                self._document.lose(f"{key!r} is not a list and set aside", self._line(position))
        else:
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
            except RecursionError:
                position = self._end_of(position) or self._step_over(position)
                continue
            except ValueError:
                position = self._step_over(position)
                continue
            if UNDECODED.search(self._text, position, end):
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
        at = self._byte + len(self._text.encode("utf-8", "surrogateescape"))
        self._document.lose(f"the file ends in the middle of this record, at byte {at}", line)
        return len(self._text)

    def _end_of(self, position: int) -> int | None:
        """Where a record too deep to parse ends, by its brackets alone; it is set aside."""
        depth = 0
        for match in _BRACKET.finditer(self._text, position):
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match[0], 0)
            if depth == 0:
                text = "damaged record set aside: it is nested too deeply"
                self._document.lose(text, self._line(position))
                return match.end()
        return None

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
        at = self._byte + len(self._text.encode("utf-8", "surrogateescape"))
        last = self._line(len(self._text))
        self._document.note(f"the document ends early, at byte {at}", last, severity="error")

    def _skip(self, position: int) -> int:
        match = _BLANK.match(self._text, position)
        return match.end() if match else position

    def _line(self, position: int) -> int:
        """The line of a position, counting on from the last one asked for."""
        start, line = self._line_at if position >= self._line_at[0] else (0, self._first_line)
        line += self._text.count("\n", start, position)
        self._line_at = (position, line)
        return line
