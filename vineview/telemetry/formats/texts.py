"""Columns as JSON text, many rows at once."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["instant_texts"]


def instant_texts(at: pa.ChunkedArray) -> pa.ChunkedArray:
    """Instants as the export writes them: ISO-8601, in UTC, ending in ``Z``."""
    naive = at.cast(pa.timestamp("us"))
    whole = pc.cast(pc.floor_temporal(naive, unit="second"), pa.timestamp("s"), safe=False)
    texts = whole.cast(pa.string())
    if not pc.all(pc.equal(whole.cast(pa.timestamp("us")), naive)).as_py():
        fine = naive.cast(pa.string())
        texts = pc.if_else(pc.equal(whole.cast(pa.timestamp("us")), naive), texts, fine)
    return pc.binary_join_element_wise(pc.replace_substring(texts, " ", "T"), "Z", "")
