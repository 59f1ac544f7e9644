"""The import's part of ``vineview bench telemetry``: rows of a fleet, beside pandas.

Each import runs in a process of its own, so that its peak memory is its own. The file is made
first, untimed, and both read it from the page cache.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from vineview.bench.report import Report

__all__ = ["import_rows", "make_rows"]

_OURS = """
from pathlib import Path
from vineview.telemetry.formats.importing import import_export
assert import_export({source!r}, Path({into!r})).skipped == 0
"""
_PEER = """
import pandas
pandas.read_json({source!r}, lines=True, engine="pyarrow")
"""
_MEASURED = """
import json, time
began = time.perf_counter()
{code}
elapsed_s, cpu_s = time.perf_counter() - began, time.process_time()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))  # ru_maxrss: the parent's
peak_mb = int(status["VmHWM"].split()[0]) / 1024
print(json.dumps([elapsed_s, cpu_s, peak_mb]))
"""
_PIECE = 250_000
_PEAK_MB = 500
_ERRORS = ("connection reset", "HTTP 404", "timeout after 10 s", "codec not supported")


def import_rows(report: Report, folder: Path, *, rows: int) -> Path:
    """Import that many rows, beside pandas; the better of two runs each, in turn.

    Args:
        report: Where the figures go.
        folder: Where the file and the import are made; the import is ``folder / "imported"``.
        rows: How many.

    Returns:
        The imported folder.
    """
    source, into = folder / "rows.ndjson", folder / "imported"
    make_rows(source, rows)
    ours, peers = list[list[float]](), list[list[float]]()
    for _ in range(2):
        peers.append(_run(_PEER.format(source=str(source))))
        ours.append(_run(_OURS.format(source=str(source), into=str(into))))
    elapsed_s, cpu_s, peak_mb = (min(each) for each in zip(*ours, strict=True))
    peer_s, peer_cpu_s, peer_mb = (min(each) for each in zip(*peers, strict=True))
    what, peer = f"import {rows} NDJSON rows of 14 fields", "pandas, pyarrow engine"
    whole = rows >= 10_000_000  # noqa: PLR2004 - the size the bounds are stated for
    report.ratio(what, elapsed_s, "s", peer=peer, peer_value=peer_s, target=1.0 if whole else None)
    report.ratio(f"{what}, processor", cpu_s, "s", peer=peer, peer_value=peer_cpu_s)
    report.ratio(
        f"{what}, peak memory",
        peak_mb,
        "MB",
        peer=peer,
        peer_value=peer_mb,
        target=0.25 if whole else None,
    )
    report.row(f"{what}, peak memory", peak_mb, "MB", target=_PEAK_MB)
    report.note(f"{source.stat().st_size / 2**30:.2f} GiB, sorted by day, device and instant")
    return into


def make_rows(path: Path, rows: int) -> None:
    """Write a fleet's rows: a thousand devices, one row each every 30 s, in order of time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rng = np.random.default_rng(7)
    with path.open("wb") as file:
        for start in range(0, rows, _PIECE):
            index = np.arange(start, min(start + _PIECE, rows))
            failed = rng.random(len(index)) < 0.07  # noqa: PLR2004 - one in fourteen
            at = (np.datetime64("2026-01-01") + index // 1000 * np.timedelta64(30, "s")).astype(
                "datetime64[s]"
            )
            memory_mb = 150 + index % 1000 * 0.3 + rng.normal(0, 10, len(index))
            error = np.where(failed, rng.choice(_ERRORS, len(index)), "")
            fields = {
                "device_id": _named("device", index % 1000),
                "session_id": _named("session", index % 1000 * 31 + index // 2_000_000),
                "platform": _chosen(("ios", "android"), index),
                "network": _chosen(("wifi", "cellular", "slow"), index * 7),
                "app_version": _chosen(("1.4.0", "1.4.1", "1.5.0"), index // 3),
                "video_memory_mb": pa.array(memory_mb.round(3)).cast(pa.string()),
                "video_controllers": pa.array(index * 13 % 16).cast(pa.string()),
                "ready_videos": pa.array(index * 11 % 20).cast(pa.string()),
                "preload_duration_ms": pa.array(rng.uniform(100, 3000, len(index)).round(1)).cast(
                    pa.string()
                ),
                "success": pa.array(~failed).cast(pa.string()),
                "error": pc.if_else(pa.array(failed), _quoted(pa.array(error)), "null"),
                "app_crashes": pa.array(index // 5_000_000).cast(pa.string()),
                "country": _chosen(("DE", "US", "BR", "IN", "JP"), index),
                "at": _quoted(pa.array(np.char.add(at.astype(str), "Z"))),
            }
            parts = [
                piece
                for number, (name, values) in enumerate(fields.items())
                for piece in (f"{',' if number else '{'}{json.dumps(name)}:", values)
            ]
            lines = pc.binary_join_element_wise(*parts, "}\n", "")
            file.write(b"".join(lines.cast("binary").to_pylist()))


def _named(word: str, numbers: object) -> object:
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 8, "0")
    return pc.binary_join_element_wise(f'"{word}-', digits, '"', "")


def _chosen(words: tuple[str, ...], numbers: object) -> object:
    import numpy as np
    import pyarrow as pa

    return _quoted(pa.array(words).take(pa.array(np.asarray(numbers) % len(words))))


def _quoted(texts: object) -> object:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise('"', texts, '"', "")


def _run(code: str) -> list[float]:
    """Seconds, seconds of processor and peak MB of a program in a process of its own."""
    program = _MEASURED.format(code=code)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    measured: list[float] = json.loads(done.stdout)
    return measured
