"""Reads one whole export into records: what is small enough to be held.

Nothing is given up for one damaged record: what cannot be used is named by line and counted,
and a file cut short gives all records before the cut and says where it ends. Only a file that
holds no export at all, or one of another major version, is refused. What it is, is told by its
content, never by its name.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Final

from vineview.errors import TelemetryError
from vineview.telemetry.formats import csvtext, otlp, parquet
from vineview.telemetry.formats.columns import table_to_records
from vineview.telemetry.formats.fetching import is_url
from vineview.telemetry.formats.findings import Document, Finding, not_export
from vineview.telemetry.formats.lines import LineReader
from vineview.telemetry.formats.packing import GZIP, ZSTD, unpacked
from vineview.telemetry.formats.scanning import Scanner
from vineview.telemetry.formats.sources import Source

__all__ = ["Document", "Finding", "fill", "load", "read"]


def load(source: Source) -> Document:
    """Read one export, wherever it is; a folder of Parquet files too.

    Raises:
        TelemetryError: As `read`, and if it cannot be opened or fetched.
    """
    folder = Path(source.name)
    if is_url(source.name) or not folder.is_dir():
        return read(source.read(), source.name)
    document = Document(source.name, watches_clocks=True)
    for table in parquet.folder_tables(folder, document):
        document.take(table_to_records(table))
    return _finished(document)


def read(data: bytes, source: str) -> Document:
    """Read one export.

    Args:
        data: The file's bytes: a JSON document, NDJSON, CSV, Parquet or OTLP-JSON metrics;
            gzip, zstd and UTF-16 are recognised by their first bytes.
        source: Its path or address, for messages.

    Returns:
        Every whole record, and findings about the rest.

    Raises:
        TelemetryError: If there is no export in it, or its major version is not 1.
    """
    document = Document(source, watches_clocks=True)
    fill(document, data)
    return _finished(document)


def fill(document: Document, data: bytes) -> None:
    """Read one export's bytes into a document; as `read`, but for what only the whole shows."""
    source = document.source
    if data.startswith(parquet.MAGIC):
        for table in parquet.tables(io.BytesIO(data), document):
            document.take(table_to_records(table))
        return
    data = b"".join(unpacked(io.BufferedReader(io.BytesIO(data)), document))
    if not data.strip():
        raise TelemetryError(
            f"{source} is empty",
            source=source,
            hint="Export again; an export begins with a header even when it has no records.",
        )
    if data.startswith((parquet.MAGIC, GZIP, ZSTD)):  # packed twice, or Parquet packed
        fill(document, data)
        return
    if csvtext.is_csv(data):
        for table in csvtext.tables(io.BytesIO(data), document):
            document.take(table_to_records(table))
        return
    text = data.decode("utf-8", errors="surrogateescape")
    if otlp.is_otlp(text):
        otlp.read(text, document)
    elif is_lines(text):
        _read_lines(text, document)
    elif text.lstrip().startswith(("{", "[")):
        Scanner(text, document).read_document()
    else:
        raise not_export(source, _seen(data))


_OTHERS: Final = {
    b"PK\x03\x04": "is a zip archive (unpack it first)",
    b"BZh": "is bzip2 data (unpack it first)",
    b"\xfd7zXZ": "is xz data (unpack it first)",
    b"SQLite format 3": "is an SQLite database",
    b"ARROW1": "is an Arrow file (write it as Parquet)",
    b"ORC": "is an ORC file (write it as Parquet)",
    b"Obj\x01": "is an Avro file (write it as Parquet)",
}
_SHOWN: Final = 40


def _seen(data: bytes) -> str:
    """What data that is no export looks like."""
    for magic, words in _OTHERS.items():
        if data.startswith(magic):
            return words
    first = data.lstrip()[: 4 * _SHOWN].decode("utf-8", "replace").partition("\n")[0][:_SHOWN]
    shown = f"; it begins {first!r}" if first.isprintable() else ""
    return f"is not a JSON document, NDJSON or CSV{shown}"


def is_lines(text: str) -> bool:
    """Whether a text is NDJSON: its first line is a whole object that holds no records."""
    first, _, rest = text.lstrip().partition("\n")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        # a damaged or cut header still betrays itself by the lines that follow
        first = rest.lstrip().partition("\n")[0]
        try:
            value = json.loads(first)
        except (ValueError, RecursionError):
            return first.startswith("{") and first.rstrip().endswith("}")
    return isinstance(value, dict) and not value.keys() & {"samples", "events"}


def _read_lines(text: str, document: Document) -> None:
    """Read NDJSON: a header line, then one record a line."""
    lines = text.split("\n")
    reader = LineReader(document)
    for number, line in enumerate(lines, start=1):
        ends_at = len(text.encode("utf-8", "surrogateescape")) if number == len(lines) else None
        record = reader.parse(line, number, ends_at=ends_at)
        if record is not None:
            document.add(record, number, line)
    if document.is_cut and not lines[-1].strip():
        document.note(f"the file ends after line {len(lines) - 1}", len(lines) - 1)


def _finished(document: Document) -> Document:
    document.check_header(is_empty=not document.samples and not document.events)
    document.finish()
    return document
