"""Clocks that go back within one device's session, seen table by table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vineview.telemetry.formats.findings import Document

__all__ = ["Clocks"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WHO: Final = ("device_id", "session_id")


class Clocks:
    """Tells a document where a session's samples go back in time.

    Args:
        document: Gets a finding for each time it happens.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._latest: dict[tuple[Any, Any], int] = {}

    def watch(self, table: pa.Table) -> None:
        """Look at the next records of the file, in its order."""
        samples = table.select(["at", *_WHO])
        if table["kind"].null_count < table.num_rows:
            samples = samples.filter(pc.is_null(table["kind"]))
        if not samples.num_rows:
            return
        at = samples["at"].cast(pa.int64()).to_numpy()
        who, names = _numbered(samples)
        order = np.argsort(who, kind="stable")
        at, who = at[order], who[order]
        starts = np.flatnonzero(np.r_[True, who[1:] != who[:-1]])
        before = np.r_[0, at[:-1]]
        before[starts] = [
            self._latest.get(name, at[i]) for name, i in zip(names, starts, strict=True)
        ]
        back = np.flatnonzero(at < before)
        for index in sorted(back, key=order.__getitem__):
            self._document.clock_goes_back(
                (before[index] - at[index]) / 1e6, _EPOCH + timedelta(microseconds=int(at[index]))
            )
        ends = np.r_[starts[1:], len(at)] - 1
        self._latest.update(zip(names, at[ends].tolist(), strict=True))


def _numbered(samples: pa.Table) -> tuple[Any, list[tuple[Any, Any]]]:
    """Each row's session as a number, and the sessions by number."""
    columns = [samples[name].combine_chunks() for name in _WHO]
    encoded = [
        each if pa.types.is_dictionary(each.type) else each.dictionary_encode() for each in columns
    ]
    first, second = (
        pc.fill_null(each.indices, len(each.dictionary)).to_numpy().astype(np.int64)
        for each in encoded
    )
    values = [[*each.dictionary.to_pylist(), None] for each in encoded]
    width = len(values[1])
    pairs, who = np.unique(first * width + second, return_inverse=True)
    return who, [(values[0][pair // width], values[1][pair % width]) for pair in pairs.tolist()]
