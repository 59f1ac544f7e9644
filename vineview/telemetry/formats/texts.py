"""Columns as JSON text, many rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vineview.telemetry.formats.jsontext import dump

__all__ = ["instant_texts", "record_lines"]


def instant_texts(at: pa.ChunkedArray) -> pa.ChunkedArray:
    """Instants as the export writes them: ISO-8601, in UTC, ending in ``Z``."""
    naive = at.cast(pa.timestamp("us"))
    whole = pc.cast(pc.floor_temporal(naive, unit="second"), pa.timestamp("s"), safe=False)
    texts = whole.cast(pa.string())
    if not pc.all(pc.equal(whole.cast(pa.timestamp("us")), naive)).as_py():
        fine = naive.cast(pa.string())
        texts = pc.if_else(pc.equal(whole.cast(pa.timestamp("us")), naive), texts, fine)
    return pc.binary_join_element_wise(pc.replace_substring(texts, " ", "T"), "Z", "")


def record_lines(table: pa.Table) -> memoryview | None:
    """A table's records as lines of JSON, fields in the table's order, then those of ``extra``.

    Args:
        table: In `table.SCHEMA`, its numbers finite.

    Returns:
        The lines, each with its end; ``None`` if an ``extra`` is not one line that can be joined.
    """
    pieces: list[Any] = ['{"at":"', instant_texts(table["at"]), '"']
    for name in table.column_names[1:]:
        column = table[name]
        if column.null_count == len(column):
            continue
        if name == "extra":
            if pc.any(pc.match_substring_regex(column, _NOT_JOINED)).as_py():
                return None
            joined = pc.replace_substring_regex(column, r"^\{(.*)\}$", r",\1")
        else:
            joined = pc.binary_join_element_wise(f",{dump(name)}:", _json(column), "")
        pieces.append(pc.fill_null(joined, ""))
    lines = pc.binary_join_element_wise(*pieces, "}\n", "").combine_chunks()
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(data)[ends[0] : ends[-1]] if len(lines) else memoryview(b"")


_NOT_JOINED = r"[\r\n]|^[^{]|^\{\s|^\{\}|[^}]$"


def _json(column: pa.ChunkedArray) -> Any:
    """Each value as JSON."""
    if column.type != pa.string():
        return column.cast(pa.string())
    codes = column.combine_chunks().dictionary_encode()
    texts = pa.array([dump(each) for each in codes.dictionary.to_pylist()], pa.string())
    return texts.take(codes.indices)
