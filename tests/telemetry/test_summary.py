"""Analytics in words, for a terminal and for a notebook cell."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from vineview import Telemetry, resources
from vineview.telemetry.summary import analytics_html, analytics_text, counted, span

BUNDLED = Telemetry.open(resources.data("incidents", "memory-leak.ndjson")).analytics()


class TestText:
    def test_the_verdict_comes_first(self):
        """Someone tired reads one line."""
        assert analytics_text(BUNDLED).startswith("LEAKING\n")
        assert str(BUNDLED) == f"{analytics_text(BUNDLED)}\n\n{span(BUNDLED)}"

    def test_limits_already_passed_are_one_line(self):
        """What has happened is not projected."""
        assert "reaches   500, 800, 1024 MB already" in analytics_text(BUNDLED)


class TestHtml:
    def test_it_says_what_the_text_says(self):
        """Verdict, figures, errors and advice are all there."""
        html = analytics_html(BUNDLED)
        assert BUNDLED._repr_html_() == html
        for wanted in ("LEAKING", "MB/h", "What to do", "361 samples"):
            assert wanted in html

    def test_hostile_text_is_escaped(self, tmp_path):
        """An error message from a feed cannot put a script into the page."""
        path = tmp_path / "hostile.ndjson"
        path.write_text(
            '{"format":"openvine.performance-export","version":1}\n'
            '{"at":"2026-01-01T00:00:00Z","kind":"preload","video_id":"a","success":false,'
            '"error":"<script>alert(1)</script>","error_class":"network"}\n',
            "utf-8",
        )
        html = Telemetry.open(path).analytics()._repr_html_()
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


def test_one_is_not_plural():
    """1 sample, 2 samples."""
    assert (counted(1, "sample"), counted(2, "sample")) == ("1 sample", "2 samples")


def test_what_a_fleet_s_export_says_is_all_in_words():
    """Coverage, caches, timeouts by network, scrolling, when a level is reached, the devices."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    samples, events = list[dict[str, object]](), list[dict[str, object]]()
    for minute in range(240):
        at = (start + timedelta(minutes=minute)).isoformat()
        samples += [
            {"at": at, "device_id": name, "network": network, "video_memory_mb": level}
            for name, network, level in (
                ("leaky", "cellular", 200.0 + minute),
                ("steady", "wifi", 220.0 + minute % 3),
            )
        ]
        event = {"at": at, "device_id": "leaky" if minute % 2 else "steady"}
        failed = {"error": "too slow", "error_class": "timeout"} if minute % 4 == 1 else {}
        preload = {"success": not failed, "duration_ms": 900, "cache_hit": minute % 10 == 0}
        events.append({**event, "kind": "preload", **preload, **failed})
        events += [{**event, "kind": "navigate"}] * (20 * (minute < 60))
    header = {"format": "openvine.performance-export", "version": 1}
    told = str(Telemetry(header, samples, events).analytics("7d"))
    for wanted in (
        *("7 d asked, 4 h present", "2 devices present for 4 h to 4 h", "10% from the cache"),
        *("Preloads by network", "50.0% of 120 succeed, 50.0% time out", "heavy"),
    ):
        assert wanted in told
    assert re.search(r"leaky +\+60\.0 MB/h .*, leaking,.*\n +steady .*, not leaking,", told)
    alone = [each for each in samples if each["device_id"] == "leaky"]
    told = analytics_text(Telemetry(header, alone, []).analytics())
    assert re.search(r"500 MB in 1\.\d h, 2026-01-01 0\d:\d\d UTC\n.*800 MB in 6\.\d h", told)
    assert "1024 MB in 9." in told or "1024 MB in 10." in told
