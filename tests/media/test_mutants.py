"""Damaged clips: a hundred of them through loading and streaming, as a player does it."""

from __future__ import annotations

import random
from pathlib import Path

from vineview.bench.mutants import SEEDS, mutate, try_mutants
from vineview.media.corpus import CORPUS
from vineview.media.synthesis import Card, encode


def seeds(folder: Path) -> dict[str, bytes]:
    """The clips that are damaged."""
    made = {}
    for name in SEEDS:
        card = CORPUS[name].make
        assert isinstance(card, Card)
        made[name] = encode(folder / name, card).read_bytes()
    return made


async def test_mutants_play_or_give_a_reason(tmp_path):
    """No crash, no hang over the limit, memory bounded."""
    outcomes = await try_mutants(seeds(tmp_path), 100, tmp_path)
    assert outcomes.broken == []
    assert outcomes.counts.total() == 100
    assert outcomes.counts["plays"] > 10


def test_a_mutant_is_its_seed(tmp_path):
    """The same seed damages a clip the same way, so that a finding can be had again."""
    data = bytes(range(256)) * 40
    assert mutate(data, random.Random(7)) == mutate(data, random.Random(7)) != data
