"""The validator: errors hold back, warnings do not (reference, section 6)."""

from __future__ import annotations

import pytest

from vineview.core.events import VideoEvent
from vineview.core.validation import Finding, validate

GOOD = {"id": "a", "pubkey": "b", "video_url": "https://nostr.build/a.mp4"}


def check(**fields):
    return validate(VideoEvent(**{**GOOD, **fields}))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": 1}, "kind"),
        ({"id": ""}, "id"),
        ({"pubkey": ""}, "pubkey"),
        ({"video_url": None}, "video_url"),
        ({"video_url": ""}, "video_url"),
        ({"video_url": "nostr.build/a.mp4"}, "video_url"),
        ({"video_url": "https:///a.mp4"}, "video_url"),
        ({"mime_type": "video/avi"}, "mime_type"),
        ({"mime_type": "text/html"}, "mime_type"),
        ({"duration": -1}, "duration"),
        ({"file_size": -1}, "file_size"),
    ],
)
def test_errors(fields, field):
    result = check(**fields)
    assert not result.is_valid
    assert [finding.field for finding in result.errors] == [field]


@pytest.mark.parametrize("url", ["ftp://a.example/b.mp4", "file:///etc/passwd", "data:,x"])
def test_defect_52_only_http_and_https_are_accepted(url):
    assert not check(video_url=url).is_valid


@pytest.mark.parametrize(
    "mime_type",
    [
        "video/mp4",
        "VIDEO/WebM",
        "video/ogg",
        "video/quicktime",
        "video/x-msvideo",
        "image/gif",
        'video/mp4; codecs="avc1"',
        "",
        None,
    ],
)
def test_types_the_app_plays(mime_type):
    assert check(mime_type=mime_type).is_valid


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"video_url": "https://api.openvine.co/media/1"}, "video_url"),
        ({"duration": 601}, "duration"),
        ({"file_size": 104_857_601}, "file_size"),
        ({"content": "x" * 10_001}, "content"),
    ],
)
def test_warnings(fields, field):
    result = check(**fields)
    assert result.is_valid
    assert [finding.field for finding in result.warnings] == [field]


def test_at_the_limit_there_is_no_warning():
    result = check(duration=600, file_size=104_857_600, content="x" * 10_000)
    assert result.is_valid
    assert not result.warnings


def test_warnings_and_errors_accumulate():
    result = check(duration=601, file_size=2**40, pubkey="", mime_type="x")
    assert (len(result.errors), len(result.warnings)) == (2, 2)


@pytest.mark.parametrize("suffix", [".mp4", ".WEBM", ".ogg", ".mov", ".avi", ".gif", ".mp4?a=b#c"])
def test_known_endings(suffix):
    assert not check(video_url=f"https://a.example/b{suffix}").warnings


def test_defect_50_the_url_that_is_checked_is_the_one_that_loads():
    """The original checked the first ``url`` tag and loaded the last."""
    tags = [["url", "https://nostr.build/a.mp4"], ["url", "file:///etc/passwd"]]
    raw = {"id": "a", "kind": 22, "pubkey": "b", "tags": tags}
    assert VideoEvent.from_nostr(raw).video_url == "file:///etc/passwd"
    assert not validate(raw).is_valid
    assert validate({**raw, "tags": tags[::-1]}).is_valid


def test_what_cannot_be_read_is_an_error_too():
    result = validate({"kind": 1, "id": "a"})
    assert "kind 1" in result.errors[0].message


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (Finding("a" * 64, 3, "error", "bad"), f"error: entry 3 ({'a' * 16}): bad"),
        (Finding(None, 3, "error", "bad", line=4), "error: line 4: bad"),
        (Finding("a", None, "warning", "odd"), "warning: (a): odd"),
        (Finding(None, None, "warning", "odd"), "warning: feed: odd"),
    ],
)
def test_a_finding_says_where(finding, text):
    assert str(finding) == text
