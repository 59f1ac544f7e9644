"""Reads a block of flat NDJSON with DuckDB's JSON reader, or says that it cannot be sure.

DuckDB takes ``"12"`` for a number, 12 for text and an unknown field for none. So the bytes that
begin the values are counted beside: with no backslash, a quote and a colon end a name and nothing
else, hence every value there is was counted; texts are known to have been texts by what they say.
If the counts are those of the columns, nothing else is in the block.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vineview.telemetry.table import SCHEMA

__all__ = ["Flat", "lines_of"]

_SETTINGS: Final[dict[str, Any]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_WINDOW: Final = 1 << 20
_QUOTE, _COLON, _SPACE, _NULL, _LIST, _OBJECT = b'": n[{'
_NUMBER: Final = np.frombuffer(b"-0123456789", np.uint8)
_FLAG: Final = np.frombuffer(b"tf", np.uint8)
_LOOSE: Final = np.frombuffer(b", \t\r", np.uint8)
_READ_AS: Final = {pa.string(): "VARCHAR", pa.float64(): "DOUBLE", pa.bool_(): "JSON"}
_TYPES: Final = {each.name: _READ_AS.get(each.type, "VARCHAR") for each in SCHEMA}
del _TYPES["extra"]
_DOUBTFUL: Final = r"^[-0-9tfnNiI:\[{]"
_MOST_DOUBTS: Final = 4096
_NO_NUMBERS: Final = frozenset(("nan", "inf", "infinity"))
_FLAGS: Final = pa.array(["true", "false"])


class Flat:
    """Reads blocks of one file; safe to call from several threads."""

    def __init__(self) -> None:
        self._database = duckdb.connect(config=_SETTINGS)

    def columns(self, block: bytes) -> tuple[dict[str, Any], bool] | None:
        """The columns of a block of records, or ``None`` if it is not known to be flat.

        Args:
            block: Whole lines of UTF-8.

        Returns:
            The columns there are, ``at`` as text, other texts dictionary-encoded; and whether
            what is null in them is null in the file, else its field is absent there.
        """
        names, lines = _names(block), lines_of(block)
        if names is None or b"\\" in block or not _end_as_objects(lines, block):
            return None
        values = _first_bytes(block)
        if values is None or values[_LIST] or values[_OBJECT]:
            return None
        is_uniform = int(values.sum()) == len(lines) * len(names)
        if not is_uniform and values[_NULL]:
            return None  # which fields are null, and which absent, cannot be told
        wanted = {name: _TYPES[name] for name in (names if is_uniform else _TYPES)}
        columns = self._read(lines, wanted, is_strict=is_uniform)
        if columns is None or not _is_all(columns, values):
            return None
        return columns, is_uniform

    def _read(
        self, lines: pa.Array, wanted: dict[str, str], *, is_strict: bool
    ) -> dict[str, Any] | None:
        """The fields wanted; with `is_strict` only if each line has each of them, once."""
        function = "from_json_strict" if is_strict else "from_json"
        structure = duckdb.ConstantExpression(json.dumps(wanted))
        call = duckdb.FunctionExpression(function, duckdb.ColumnExpression("line"), structure)
        with self._database.cursor() as cursor:
            try:
                relation = cursor.from_arrow(pa.table({"line": lines})).select(call.alias("row"))
                found = relation.to_arrow_table()["row"].combine_chunks()
            except duckdb.Error:
                return None
        return dict(zip(wanted, found.flatten(), strict=True))


def lines_of(block: bytes) -> pa.Array:
    """The block's lines, their ends included, without copying them."""
    data = np.frombuffer(block, np.uint8)
    windows = range(0, len(data), _WINDOW)
    ends = [np.flatnonzero(data[at : at + _WINDOW] == ord("\n")) + (at + 1) for at in windows]
    last = [] if block.endswith(b"\n") else [[len(block)]]
    offsets = np.concatenate([[0], *ends, *last]).astype(np.int32)
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(block))


def _end_as_objects(lines: pa.Array, block: bytes) -> bool:
    """Whether each line ends with a value and a brace; DuckDB takes a comma between them."""
    data = np.frombuffer(block, np.uint8)
    ends = np.frombuffer(lines.buffers()[1], np.int32)[1:] - 1
    if not block.endswith(b"\n"):
        ends = np.append(ends[:-1], len(block))
    if ends.min() < len("{}"):
        return False
    before = data[ends - 2]
    return not ((data[ends - 1] != ord("}")).any() or np.isin(before, _LOOSE).any())


def _names(block: bytes) -> list[str] | None:
    """The fields of the first line, if the table has them all."""
    with suppress(ValueError, RecursionError):
        first = json.loads(block[: block.find(b"\n") + 1 or len(block)])
        if isinstance(first, dict) and first.keys() <= _TYPES.keys():
            return list(first)
    return None


def _first_bytes(block: bytes) -> Any:
    """How many values begin with each byte; ``None`` if some have a space before and some none."""
    data = np.frombuffer(block + b"\0\0\0", np.uint8)
    counts = np.zeros(256, np.int64)
    spaced = 0
    for start in range(0, len(block), _WINDOW):
        part = data[start : start + _WINDOW + 3]
        names = np.flatnonzero((part[:-3] == _QUOTE) & (part[1:-2] == _COLON))
        first = part[names + 2]
        if start == 0 and len(first) and first[0] == _SPACE:
            spaced = 1
        if spaced:
            if (first != _SPACE).any():
                return None
            first = part[names + 3]
        counts += np.bincount(first, minlength=256)
    return counts


def _is_all(columns: dict[str, Any], values: Any) -> bool:
    """Whether the columns have every value of the block, each of the type its column has.

    Replaces texts by their dictionary, flags by booleans.
    """
    counts = {"VARCHAR": 0, "DOUBLE": 0, "JSON": 0}
    nulls = 0
    for name, column in columns.items():
        counts[_TYPES[name]] += len(column) - column.null_count
        nulls += column.null_count
        if _TYPES[name] == "JSON":
            if not pc.all(pc.is_in(column.drop_null(), _FLAGS), min_count=0).as_py():
                return False
            columns[name] = pc.equal(column, "true")
        elif _TYPES[name] == "VARCHAR" and name != "at":
            columns[name] = column.dictionary_encode()
            if not _are_texts(columns[name].dictionary):
                return False
    found = int(values.sum())
    return (
        (int(values[_QUOTE]), int(values[_NUMBER].sum()), int(values[_FLAG].sum()))
        == (counts["VARCHAR"], counts["DOUBLE"], counts["JSON"])
        and found - sum(counts.values()) == int(values[_NULL])
        and int(values[_NULL]) in {0, nulls}
    )


def _are_texts(values: pa.Array) -> bool:
    """Whether these were written as texts: none of them is another value's JSON."""
    doubtful = values.filter(pc.match_substring_regex(values, _DOUBTFUL))
    return len(doubtful) <= _MOST_DOUBTS and not any(map(_may_be_other, doubtful.to_pylist()))


def _may_be_other(text: str) -> bool:
    if text.startswith(":") or text.lstrip("-").lower() in _NO_NUMBERS:
        return True
    try:
        json.loads(text)
    except ValueError:
        return text.lstrip("-").isdigit()  # more digits than Python reads
    except RecursionError:
        pass
    return True
