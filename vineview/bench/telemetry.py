"""``vineview bench telemetry``: a fleet's export imported and asked, beside pandas."""

from __future__ import annotations

import tempfile
from pathlib import Path

from vineview.bench.report import Report
from vineview.bench.telemetry_analytics import analyse_bundled, rate_samples
from vineview.bench.telemetry_import import import_rows
from vineview.bench.telemetry_questions import run_questions

__all__ = ["run"]

_ROWS = 10_000_000


def run(report: Report, *, quick: bool) -> None:
    """Measure a small export's analytics, a rate, a big import, then the questions asked of it.

    Args:
        report: Where the figures go.
        quick: Whether a twentieth of the rows will do, without judging it.
    """
    analyse_bundled(report)
    rate_samples(report)
    with tempfile.TemporaryDirectory() as name:
        folder = import_rows(report, Path(name), rows=_ROWS // 20 if quick else _ROWS)
        run_questions(report, folder)
