"""Findings travel in a cell's output, and say the same everywhere."""

from __future__ import annotations

import pytest

from vineview.runbooks.findings import MIME, Finding, Verdict

FINDING = Finding(
    "Free <memory>",
    Verdict.PASS,
    "From 512 to 80 MB.",
    next="Watch & wait.",
    rows=(("Memory", "80 MB", "measured"),),
    details="POST /x",
)


class TestFinding:
    def test_it_survives_its_record(self):
        assert Finding.from_record(FINDING.to_record()) == FINDING

    def test_text_says_it_all(self):
        assert str(FINDING).splitlines() == [
            "✓ Free <memory>: PASS. From 512 to 80 MB.",
            "    Memory: 80 MB measured",
            "POST /x",
            "  Next: Watch & wait.",
        ]

    def test_html_is_escaped_and_says_it_all(self):
        html = FINDING._repr_mimebundle_()["text/html"]
        assert "Free &lt;memory&gt;" in html
        assert "Watch &amp; wait." in html
        for part in ("From 512 to 80 MB.", "80 MB", "measured", "POST /x", "PASS"):
            assert part in html

    def test_the_record_travels_in_the_output(self):
        assert FINDING._repr_mimebundle_()[MIME] == FINDING.to_record()

    @pytest.mark.parametrize("verdict", list(Verdict))
    def test_every_verdict_has_a_sign(self, verdict):
        """Colour is never the only signal."""
        assert Finding("s", verdict, "x").mark.strip()
