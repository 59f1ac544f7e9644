"""Reads a block of plain NDJSON at once, or says that it is not plain.

Fields without a column are learned as they appear; their values go to ``extra`` as the JSON they
were. Whatever a bulk reader would blur, a number given as text, a null that might be absent, an
integer no float holds, makes the block not plain.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from vineview.telemetry.checks import EVENT_FLAGS, EVENT_NUMBERS, EVENT_TEXT
from vineview.telemetry.formats.columns import is_within_years
from vineview.telemetry.formats.flat import Flat, lines_of
from vineview.telemetry.formats.jsontext import dump
from vineview.telemetry.table import SCHEMA

__all__ = ["Bulk"]

_PIECE: Final = 1 << 20
_DEEP: Final = 64
_EXACT: Final = 2**53
_AT: Final = SCHEMA.field("at").type
_KNOWN: Final = {
    **dict.fromkeys(EVENT_NUMBERS, pa.float64()),
    **dict.fromkeys(EVENT_TEXT, pa.string()),
    **dict.fromkeys(EVENT_FLAGS, pa.bool_()),
    **{each.name: each.type for each in SCHEMA},
    "at": pa.timestamp("us"),
}
del _KNOWN["extra"]


class Bulk:
    """Reads blocks of one file, remembering which fields it has.

    Args:
        flat_from: From how many bytes a block is worth the quicker reader's start.
    """

    def __init__(self, *, flat_from: int = 1 << 18) -> None:
        self._flat_from = flat_from
        self._fields: dict[str, pa.DataType] = {"at": _KNOWN["at"]}
        self._flat: Flat | None = None

    def table(self, block: bytes) -> pa.Table | None:
        """The block's records in `table.SCHEMA`, or ``None`` if it is not plain.

        Texts may be dictionary-encoded. May be called from several threads.
        """
        if not _is_utf8(block):
            return None
        if len(block) >= self._flat_from and (flat := self._as_flat(block)) is not None:
            return flat
        if _may_be_deep(block):
            return None
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        for _ in range(3):  # a field seen for the first time may change how the block is read
            parsed = self._parsed(block)
            if parsed is None or parsed.num_rows != lines:
                return None
            if not self._learn(parsed):
                columns = {name: parsed[name] for name in parsed.column_names}
                present = {name: columns[name] for name in columns if name != "at"}
                nulls = _explicit_nulls(present, block)
                return None if nulls is None else _exact(columns, nulls, block)
        return None

    def _as_flat(self, block: bytes) -> pa.Table | None:
        """The same by the quicker reader, for what it is sure of."""
        if self._flat is None:
            self._flat = Flat()
        found = self._flat.columns(block)
        if found is None:
            return None
        columns, has_nulls = found
        holed = (name for name, column in columns.items() if column.null_count and has_nulls)
        return _exact(columns, {name: pc.is_null(columns[name]) for name in holed}, block)

    def _parsed(self, block: bytes) -> pa.Table | None:
        options = pj.ParseOptions(
            explicit_schema=pa.schema(list(self._fields.items())),
            unexpected_field_behavior="infer",
        )
        reading = pj.ReadOptions(block_size=max(_PIECE, len(block) // 8))
        with suppress(pa.ArrowInvalid):
            return pj.read_json(pa.BufferReader(block), reading, options)
        return None

    def _learn(self, parsed: pa.Table) -> bool:
        """Note the types of new fields; whether the block must be read again because of them."""
        again = False
        for field in parsed.schema:
            wanted = self._fields.get(field.name) or _KNOWN.get(field.name)
            if wanted is None and pa.types.is_timestamp(field.type):
                wanted = pa.string()
            if wanted is not None:
                self._fields[field.name] = wanted
                again = again or field.type != wanted
        return again


def _exact(columns: dict[str, Any], nulls: dict[str, Any], block: bytes) -> pa.Table | None:
    """The columns as a table, what has none in ``extra``; ``None`` if anything was rounded."""
    if "at" not in columns or "kind" in nulls:
        return None
    try:
        at = columns["at"].cast(_AT)
    except pa.ArrowInvalid:
        return None
    if at.null_count or not is_within_years(at):
        return None
    arrays: dict[str, Any] = {"at": at}
    unknown: dict[str, Any] = {}
    for name, column in columns.items():
        if pa.types.is_floating(column.type) and not _is_exact(column):
            return None
        if name != "at":
            (arrays if name in SCHEMA.names and name != "extra" else unknown)[name] = column
    arrays["extra"] = _extra(unknown, nulls, len(at), block)
    if arrays["extra"] is None:
        return None
    for each in SCHEMA:
        if each.name not in arrays:
            arrays[each.name] = pa.nulls(len(at), each.type)
    return pa.table({name: arrays[name] for name in SCHEMA.names})


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _may_be_deep(block: bytes) -> bool:
    """Whether a line may be nested deeper than the bulk reader's stack allows."""
    lines = block.count(b"\n") + 1
    if block.count(b"[") + block.count(b"{") <= lines + _DEEP:
        return False
    return any(each.count(b"[") + each.count(b"{") > _DEEP for each in block.split(b"\n"))


def _is_exact(column: pa.ChunkedArray) -> bool:
    """Whether every number is finite and no integer was rounded."""
    bounds = pc.min_max(column).as_py()
    total = pc.sum(column).as_py()
    if total is None:
        return True
    return math.isfinite(total) and bounds["min"] >= -_EXACT and bounds["max"] <= _EXACT


def _explicit_nulls(
    columns: dict[str, pa.ChunkedArray], block: bytes
) -> dict[str, pa.Array] | None:
    """Which rows hold a null that is written out, by field; ``None`` if that cannot be told."""
    missing = {name: column.null_count for name, column in columns.items() if column.null_count}
    written = block.count(b"null") if missing else 0
    if not written:
        return {}
    if written == sum(missing.values()):
        return {name: pc.is_null(columns[name]) for name in missing}
    masks, lines, found = {}, None, 0
    for name, count in missing.items():
        patterns = [(dump(name) + colon + "null").encode() for colon in (":", ": ")]
        seen = sum(map(block.count, patterns))
        found += seen
        if seen == count:
            masks[name] = pc.is_null(columns[name])
        elif seen:
            lines = lines_of(block) if lines is None else lines
            mask = pc.or_(*(pc.match_substring(lines, each.decode()) for each in patterns))
            if pc.sum(mask).as_py() != seen:
                return None
            masks[name] = mask
    return masks if found == written else None


def _extra(
    unknown: dict[str, pa.ChunkedArray], nulls: dict[str, Any], rows: int, block: bytes
) -> pa.Array | pa.ChunkedArray | None:
    """The JSON objects of what has no column; ``None`` if a value is nested."""
    no_text = pa.scalar(None, pa.string())
    if not unknown and len(nulls) == 1:
        ((name, mask),) = nulls.items()
        return pc.if_else(mask, f"{{{dump(name)}:null}}", no_text)
    pieces = []
    has_escapes = bool(unknown) and b"\\" in block
    for name, column in unknown.items():
        text = _json_text(column, has_escapes=has_escapes)
        if text is None:
            return None
        pieces.append(pc.fill_null(pc.binary_join_element_wise(f",{dump(name)}:", text, ""), ""))
    pieces += [pc.if_else(mask, f",{dump(name)}:null", "") for name, mask in nulls.items()]
    if not pieces:
        return pa.nulls(rows, pa.string())
    inner = pc.binary_join_element_wise(*pieces, "")
    whole = pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(inner, 1), "}", "")
    return pc.if_else(pc.equal(inner, ""), no_text, whole)


def _json_text(column: pa.ChunkedArray, *, has_escapes: bool) -> pa.ChunkedArray | None:
    """Each value as the JSON it was; null stays null; ``None`` if values are nested."""
    kind = column.type
    if pa.types.is_string(kind):
        if not has_escapes:
            return pc.binary_join_element_wise('"', column, '"', "")
        codes = column.combine_chunks().dictionary_encode()
        texts = pa.array([dump(each) for each in codes.dictionary.to_pylist()], pa.string())
        return texts.take(codes.indices)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.string())
    return column.cast(pa.string()) if pa.types.is_null(kind) else None
