"""Writes the recorded incidents: ``python -m vineview.scenarios DIR``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vineview import scenarios


def main() -> int:
    """Record every fault into the folder named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m vineview.scenarios",
        description="Record every scripted fault and write it as DIR/<name>.ndjson.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder, made if missing")
    for path in scenarios.make(parser.parse_args().folder):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
