"""The still picture: true, small, and without script or network."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from vineview.figures import memory_picture, memory_tiles, tiles_html


def paths(svg: str) -> list[str]:
    return re.findall(r'<path d="([^"]*)"', svg)


class TestMemoryPicture:
    def test_is_well_formed_and_small(self, samples):
        svg = memory_picture(samples)
        assert ET.fromstring(svg).tag.endswith("svg")
        assert len(svg) < 15_000

    def test_runs_and_loads_nothing(self, samples):
        svg = memory_picture(samples)
        assert "<script" not in svg
        assert re.findall(r"https?://[^\"' ]+", svg) == ["http://www.w3.org/2000/svg"]

    def test_says_what_it_shows(self, samples):
        svg = memory_picture(samples, summary='grows <fast> & "far"')
        assert ET.fromstring(svg).get("aria-label") == 'grows <fast> & "far"'
        for word in ("measured memory, MB", "app's estimate, MB", "controllers (cap 15)", "UTC"):
            assert word.replace("'", "&#x27;") in svg or word in svg

    def test_the_spike_reaches_the_top_and_the_outage_is_open(self, samples):
        measured = max(paths(memory_picture(samples)), key=lambda path: path.count("L"))
        heights = [float(y) for y in re.findall(r"L[\d.]+ ([\d.]+)", measured)]
        assert min(heights) < 50  # the spike of 1500 MB, near the upper edge
        assert measured.count("M") == 2  # before the outage and after

    def test_bands_appear_when_memory_comes_near(self, samples):
        assert "critical above 800 MB" in memory_picture(samples)
        small = samples.assign(video_memory_mb=80.0)
        assert "above" not in memory_picture(small)

    def test_the_playhead_is_drawn_where_it_stands(self, samples):
        at = datetime(2026, 1, 1, 1, tzinfo=UTC)
        extra = set(paths(memory_picture(samples, cursor_at=at))) - set(
            paths(memory_picture(samples))
        )
        assert len(extra) == 1

    @pytest.mark.parametrize("rows", [1, 2])
    def test_few_samples_are_drawn(self, samples, rows):
        assert ET.fromstring(memory_picture(samples.head(rows))) is not None

    def test_nothing_to_draw_is_empty_text(self, samples):
        assert memory_picture(samples.head(0)) == ""


def test_tiles_are_text_with_escapes():
    tiles = memory_tiles(None)
    html = tiles_html(tiles)
    assert "app&#x27;s estimate" in html
    assert "<script" not in html
