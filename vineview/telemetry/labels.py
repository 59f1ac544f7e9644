"""Labels carried from samples to the events between them, where one device recorded both.

A monitor writes platform, network and the like into its samples only; an event was under the
labels of the last sample before it. With several devices nothing can be said.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from vineview.telemetry.metrics import DIMENSIONS

__all__ = ["carry_labels"]

_ONE: Final = 1


def carry_labels(table: pa.Table) -> pa.Table:
    """Fill each event's missing labels from the records before it.

    Args:
        table: In `table.SCHEMA`, in any order.

    Returns:
        The same rows by time; as given if nothing can be filled.
    """
    is_event = pc.is_valid(table.column("kind"))
    if pc.count_distinct(table.column("device_id"), mode="only_valid").as_py() > _ONE:
        return table
    lacking = [name for name in DIMENSIONS if 0 < table.column(name).null_count < table.num_rows]
    if not lacking or not pc.any(is_event).as_py():
        return table
    table = table.sort_by([("at", "ascending")])
    is_event = pc.is_valid(table.column("kind"))
    for name in lacking:
        column = table.column(name)
        filled = pc.if_else(is_event, pc.fill_null_forward(column), column)
        table = table.set_column(table.schema.get_field_index(name), name, filled)
    return table
