"""The shipped table of what a browser takes says what this browser says."""

from __future__ import annotations

import pytest

from vineview.media.codecs import SUPPORTED

pytestmark = pytest.mark.browser

ASK = """(strings) => Object.fromEntries(strings.map((one) => [
  one,
  MediaSource.isTypeSupported(
    `${/^(mp4a|opus|flac)/.test(one) ? "audio" : "video"}/mp4; codecs="${one}"`),
]))"""
BY_HARDWARE = ("hvc1", "hev1")


def test_the_table_is_chromiums(page):
    """All but HEVC, which a Chromium takes or not by the machine it runs on."""
    answers = page.evaluate(ASK, list(SUPPORTED))
    decided = {one: taken for one, taken in SUPPORTED.items() if not one.startswith(BY_HARDWARE)}
    assert {one: answers[one] for one in decided} == decided
