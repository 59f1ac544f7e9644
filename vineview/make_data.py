"""Makes everything in ``data/`` again but the real clip: ``python -m vineview.make_data [DIR]``.

The real clip (Big Buck Bunny) is copied as it is. Text files come out byte for byte the same;
clips the same but for the encoder's own bytes (codec, size, frames and duration are equal).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vineview import resources, scenarios
from vineview.media import sample_feed, testcard

__all__ = ["make"]


def make(folder: Path) -> list[Path]:
    """Write the bundled data.

    Args:
        folder: Where ``feed/`` and ``incidents/`` go; made if missing.

    Returns:
        The files written.
    """
    clips, incidents = folder / "feed" / "clips", folder / "incidents"
    clips.mkdir(parents=True, exist_ok=True)
    incidents.mkdir(parents=True, exist_ok=True)
    return [
        *testcard.make(clips),
        sample_feed.make(folder / "feed"),
        *scenarios.make(incidents),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m vineview.make_data", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=resources.data())
    for path in make(parser.parse_args().folder):
        sys.stdout.write(f"{path}\n")
