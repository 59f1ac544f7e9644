"""Analytics in words, for a terminal and for a notebook cell."""

from __future__ import annotations

from vineview import Telemetry, resources
from vineview.telemetry.summary import analytics_html, analytics_text, counted

BUNDLED = Telemetry.open(resources.data("incidents", "memory-leak.ndjson")).analytics()


class TestText:
    def test_the_verdict_comes_first(self):
        """Someone tired reads one line."""
        assert analytics_text(BUNDLED).startswith("LEAKING\n")
        assert str(BUNDLED) == analytics_text(BUNDLED)

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
