"""``python -m vineview``: the same as the ``vineview`` command."""

from __future__ import annotations

import sys

from vineview.cli import main

if __name__ == "__main__":
    sys.exit(main())
