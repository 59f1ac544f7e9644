"""What a failed load means: classes from types and codes, waits with jitter."""

from __future__ import annotations

from random import Random

import pytest

from vineview.core.failures import backoff_s, classify, describe, url_problem
from vineview.core.state import ErrorClass
from vineview.errors import LoadError, LoadTimeout


class TestClassify:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (LoadTimeout("late", timeout_s=1), ErrorClass.TIMEOUT),
            (TimeoutError(), ErrorClass.TIMEOUT),
            (ConnectionResetError(), ErrorClass.NETWORK),
            (FileNotFoundError(), ErrorClass.NOT_FOUND),
            (LoadError("", status=404), ErrorClass.NOT_FOUND),
            (LoadError("", status=410), ErrorClass.NOT_FOUND),
            (LoadError("", status=403), ErrorClass.FORBIDDEN),
            (LoadError("", status=401), ErrorClass.FORBIDDEN),
            (LoadError("", status=408), ErrorClass.TIMEOUT),
            (LoadError("", status=416), ErrorClass.SERVER_CONFIG_ERROR),
            (LoadError("", status=500), ErrorClass.SERVER_ERROR),
            (LoadError("", status=599), ErrorClass.SERVER_ERROR),
            (LoadError("", status=418), ErrorClass.UNKNOWN),
            (LoadError("", status=404, error_class="MEDIA_ERROR"), ErrorClass.MEDIA_ERROR),
            (LoadError("", error_class=ErrorClass.FORMAT_ERROR), ErrorClass.FORMAT_ERROR),
            (LoadError("", status=404, error_class="nonsense"), ErrorClass.NOT_FOUND),
            (LoadError("", error_class=17), ErrorClass.UNKNOWN),
            (LoadError("500 bad format 404"), ErrorClass.UNKNOWN),
            (ValueError("status 404, format error"), ErrorClass.UNKNOWN),
        ],
    )
    def test_reads_types_and_codes_only(self, error, expected):
        assert classify(error) is expected


class TestDescribe:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (LoadError("gone", hint="Remove it."), "gone. Remove it."),
            (LoadError(""), "LoadError"),
            (ValueError("odd"), "ValueError: odd"),
            (TimeoutError(), "TimeoutError"),
        ],
    )
    def test_is_never_empty(self, error, words):
        assert describe(error) == words


class TestBackoff:
    def test_doubles_with_up_to_half_as_much_again(self):
        rng = Random(3)
        for failures, base in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)]:
            waits = [backoff_s(failures, rng) for _ in range(200)]
            assert base <= min(waits)
            assert max(waits) <= base * 1.5
            assert len(set(waits)) > 100

    @pytest.mark.parametrize("failures", [6, 7, 100, 10_000])
    def test_never_exceeds_half_a_minute(self, failures):
        assert backoff_s(failures, Random(3)) == 30

    def test_is_repeatable_with_a_seed(self):
        assert backoff_s(2, Random(9)) == backoff_s(2, Random(9))


class TestUrlProblem:
    @pytest.mark.parametrize(
        "url",
        ["https://a.b/c.mp4", "http://ünïcode.example/x", "file:///clips/a.mp4", "scripted:a"],
    )
    def test_finds_none_in_a_url_with_a_scheme(self, url):
        assert url_problem(url) is None

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            (None, "no video URL"),
            ("", "no video URL"),
            ("clips/a.mp4", "no scheme"),
            ("//a.b/c.mp4", "no scheme"),
            ("https://", "no host"),
            ("https:///a.mp4", "no host"),
            ("file:", "no host"),
            ("http://[::1/a", "malformed"),
            ("http://a.example:99999/b", "malformed"),
            (17, "malformed"),
        ],
    )
    def test_says_what_is_wrong(self, url, words):
        assert words in url_problem(url)
