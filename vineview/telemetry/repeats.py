"""Exact repeats of samples: an export merged with itself, or a recorder that wrote twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["without_repeats"]


def without_repeats(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The records, each exact repeat left out, in their order.

    Only records of one instant are compared, and those by their text, so that a fleet sampled at
    the same second costs no more than one device.
    """
    firsts: dict[str, Mapping[str, Any]] = {}
    texts: dict[str, set[str]] = {}
    kept = []
    for record in records:
        at = record["at"]
        if at not in firsts:
            firsts[at] = record
            kept.append(record)
            continue
        seen = texts.setdefault(at, {_text(firsts[at])})
        text = _text(record)
        if text not in seen:
            seen.add(text)
            kept.append(record)
    return kept


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)
