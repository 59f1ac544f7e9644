"""UrlPolicy and ContentFilter: what a feed may point at and say (reference, section 6)."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vineview.core.addresses import special_use
from vineview.core.events import VideoEvent
from vineview.core.policy import ContentFilter, UrlPolicy, Verdict, WebUrl
from vineview.errors import UsageError

# A busy machine is slow, which is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TRUSTED = [
    "https://nostr.build/a.mp4",
    "https://media.nostr.build/a.mp4",
    "HTTPS://NOSTR.BUILD/a.mp4",
    "http://nostr.build./a.mp4",
    "https://nostr.build:8443/a.mp4",
    "https://user:secret@nostr.build/a.mp4",
    "https://evil.example@nostr.build/a.mp4",
    "https://d111.cloudfront.net/",
    "https://api.openvine.co/media/1",
    "https://%6eostr%2Ebuild/",
    "https://nostr。build/",
    "https://\uff4e\uff4f\uff53\uff54\uff52.build/",
    "https://a_b.nostr.build?x#y",
    "  https://nostr.build/a.mp4 ",
]
SUSPICIOUS = [
    "https://nostr.build.evil.example/a.mp4",
    "https://evilnostr.build/a.mp4",
    "https://notyoutube.com/a.mp4",
    "https://youtube.com.attacker.io/a.mp4",
    "https://nostr.build@evil.example/a.mp4",
    "https://evil.example/nostr.build/a.mp4",
    "https://evil.example?nostr.build",
    "https://evil.example#@nostr.build/",
    "https://blossom.primal.net/a.mp4",
    "https://n\u043estr.build/",  # a Cyrillic o
    "https://xn--nstr-vqa.build/",
    "http://93.184.216.34/a.mp4",
    "http://[2606:2800:220:1::1]/a.mp4",
    "http://[2002:5db8:d822::]/a.mp4",
    "http://[64:ff9b::5db8:d822]/a.mp4",
    "https://faß.example/",
    "https://1.2.3.0x1g/",  # not a number, so a name
]
REFUSED = [
    "",
    "nostr.build/a.mp4",
    "//nostr.build/a.mp4",
    "/a.mp4",
    "ftp://nostr.build/a.mp4",
    "file:///etc/passwd",
    "file://nostr.build/etc/passwd",
    "javascript:alert(1)",
    "data:video/mp4;base64,AAAA",
    "blob:https://nostr.build/1",
    "https:nostr.build",
    "https:///a.mp4",
    "https://",
    "https://?nostr.build",
    "https://@/",
    "https://:443/",
    "https://.nostr.build/",
    "https://nostr..build/",
    "https://nostr.build../",
    "https://./",
    "https://evil.example\\@nostr.build/",
    "https://nostr.build\\.evil.example/",
    "https://nostr .build/",
    "https://nostr.build%00.evil.example/",
    "https://nostr.build%2F.evil.example/",
    "https://nostr.build%40evil.example/",
    "https://ev\til.example/",
    "https://nostr.build/\r\nHost: evil.example",
    "https://nostr.build/\ud800",
    "https://nostr.build:0/",
    "https://nostr.build:65536/",
    "https://nostr.build:80a/",
    "https://nostr.build:٨٠/",
    "https://nostr.build:000000080/",
    "https://[::1",
    "https://[::1]a/",
    "https://[nostr.build]/",
    "https://[1::2::3]/",
    "https://[fe80::1%25eth0]/",
    "https://\u200dnostr.build/",
    "https://xn--\u00e9.build/",
    f"https://{'a' * 64}.build/",
    f"https://{'a.' * 127}build/",
    f"https://nostr.build{chr(0xAD) * 300}.evil.example/",
    f"https://{'é' * 200}.example/",
    f"https://{'é' * 100_000}.example/",
    "https://1.2.3.4.5/",
    "https://256.0.0.1/",
    "https://1.2.3.08/",
    "https://4294967296/",
    "https://1.16777216/",
    "https://nostr.build.5/",
]
DISGUISES = [
    ("127.0.0.1", "loopback"),
    ("127.1", "loopback"),
    ("127.0.1", "loopback"),
    ("2130706433", "loopback"),
    ("017700000001", "loopback"),
    ("0x7f000001", "loopback"),
    ("0X7F.0.0.1", "loopback"),
    ("0177.0x0.0.01", "loopback"),
    ("127.0.0.1.", "loopback"),
    ("\uff11\uff12\uff17.\uff10.\uff10.\uff11", "loopback"),
    ("127。0。0。1", "loopback"),
    ("%31%32%37.0.0.1", "loopback"),
    ("①②⑦.0.0.1", "loopback"),
    ("[::1]", "loopback"),
    ("[0:0:0:0:0:0:0:1]", "loopback"),
    ("[::ffff:127.0.0.1]", "loopback"),
    ("[::ffff:7f00:1]", "loopback"),
    ("[::ffff:0:7f00:1]", "loopback"),
    ("[::127.0.0.1]", "loopback"),
    ("[64:ff9b::7f00:1]", "loopback"),
    ("[2002:7f00:1::]", "loopback"),
    ("localhost", "loopback"),
    ("LOCALHOST.", "loopback"),
    ("a.localhost", "loopback"),
    ("10.0.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("192.168.257", "private"),
    ("[::ffff:10.0.0.1]", "private"),
    ("[64:ff9b::a00:1]", "private"),
    ("[2002:c0a8:101::1]", "private"),
    ("[fd12::1]", "private"),
    ("[fec0::1]", "private"),
    ("169.254.1.1", "link-local"),
    ("[fe80::1]", "link-local"),
    ("169.254.169.254", "metadata"),
    ("0xa9fea9fe", "metadata"),
    ("168.63.129.16", "metadata"),
    ("[fd00:ec2::254]", "private"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("100.100.100.200", "carrier-grade NAT"),
    ("0", "unspecified"),
    ("0x", "unspecified"),
    ("0.0.0.0", "unspecified"),
    ("[::]", "unspecified"),
    ("224.0.0.251", "multicast"),
    ("[ff02::1]", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("192.0.0.192", "reserved"),
    ("[100::1]", "reserved"),
    ("[2001:0:7f00:1::]", "reserved"),
    ("[64:ff9b:1::1]", "reserved"),
    ("[5f00::1]", "reserved"),
    ("198.18.0.1", "benchmarking"),
    ("203.0.113.7", "documentation"),
    ("[2001:db8::1]", "documentation"),
]


class TestUrlPolicy:
    @pytest.mark.parametrize("url", TRUSTED)
    def test_trusts_a_domain_and_what_is_below_it(self, url):
        verdict = UrlPolicy().check(url)
        assert verdict, verdict.reason
        assert verdict.pattern in {"nostr.build", "cloudfront.net", "api.openvine.co"}

    @pytest.mark.parametrize("url", SUSPICIOUS)
    def test_defect_49_a_host_that_merely_contains_a_domain_is_suspicious(self, url):
        verdict = UrlPolicy().check(url)
        assert not verdict
        assert not verdict.refused
        assert "not a trusted host" in verdict.reason

    @pytest.mark.parametrize("url", REFUSED)
    def test_defect_52_what_is_no_web_address_is_refused(self, url):
        verdict = UrlPolicy(allow_private=True).check(url)
        assert not verdict
        assert verdict.refused
        assert verdict.reason

    @pytest.mark.parametrize(("host", "use"), DISGUISES)
    def test_special_addresses_are_seen_through_every_disguise(self, host, use):
        verdict = UrlPolicy(trusted_domains=["127.0.0.1"]).check(f"http://{host}:8080/a.mp4")
        assert verdict.refused
        assert use in verdict.reason

    @pytest.mark.parametrize("host", [host for host, _ in DISGUISES])
    def test_special_addresses_can_be_allowed(self, host):
        assert UrlPolicy(allow_private=True).check(f"http://{host}/a.mp4")

    @pytest.mark.parametrize("url", [5, b"https://nostr.build/a.mp4", ["https://nostr.build/"]])
    def test_what_is_no_text_is_refused(self, url):
        verdict = UrlPolicy().check(url)
        assert verdict.refused
        assert "a URL is a text" in verdict.reason

    def test_no_url_is_refused(self):
        assert UrlPolicy().check(None).refused

    def test_the_list_is_configurable(self):
        policy = UrlPolicy(trusted_domains=["Blossom.Primal.NET.", "пример.рф", "93.184.216.34"])
        assert policy.trusted_domains == (
            "blossom.primal.net",
            "xn--e1afmkfd.xn--p1ai",
            "93.184.216.34",
        )
        assert policy.check("https://blossom.primal.net/a")
        assert policy.check("https://a.xn--e1afmkfd.xn--p1ai/a")
        assert policy.check("https://93.184.216.34/a")
        assert not policy.check("https://nostr.build/a")
        assert not UrlPolicy(trusted_domains=[]).check("https://nostr.build/a")

    @pytest.mark.parametrize(
        "domains", ["nostr.build", ["a b"], [""], ["1.2.3.4.5"], [None], ["*.nostr.build"]]
    )
    def test_nonsense_domains_are_refused(self, domains):
        with pytest.raises(UsageError):
            UrlPolicy(trusted_domains=domains)

    @settings(PATIENT)
    @given(st.text() | st.from_regex(r"https?://[^/?#]{0,40}([/?#].*)?"))
    def test_any_text_gets_a_verdict(self, url):
        """Also: what is not refused names a host a resolver can be given."""
        verdict = UrlPolicy().check(url)
        assert verdict.ok or verdict.reason
        if not verdict.refused:
            parts = WebUrl.parse(url)
            assert parts.host.isascii()
            assert WebUrl.parse(str(parts)) == parts

    def test_without_idna_it_refuses_what_it_cannot_read(self, monkeypatch):
        """The core runs on a bare Python: one such host must not stop the rest of a feed."""
        monkeypatch.setitem(sys.modules, "idna", None)
        verdict = UrlPolicy().check("https://bücher.example/a.mp4")
        assert verdict.refused
        assert "needs idna" in verdict.reason

    def test_says_what_it_is(self):
        assert repr(UrlPolicy()) == "UrlPolicy(5 domains, allow_private=False)"


class TestCheckAddress:
    @pytest.mark.parametrize(
        "ip", ["127.0.0.1", "::1", "10.1.2.3", "fe80::1%eth0", "::ffff:192.168.0.1", "224.0.0.1"]
    )
    def test_refuses_special_addresses(self, ip):
        assert UrlPolicy().check_address(ip).refused
        assert UrlPolicy(allow_private=True).check_address(ip)

    @pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
    def test_lets_public_ones_pass(self, ip):
        assert UrlPolicy().check_address(ip)

    @pytest.mark.parametrize("ip", ["", "nostr.build", "127.1"])
    def test_refuses_what_is_none(self, ip):
        assert UrlPolicy(allow_private=True).check_address(ip).refused

    @settings(PATIENT)
    @given(st.ip_addresses())
    def test_never_lets_pass_what_the_library_calls_special(self, ip):
        """The written-out table is at least as strict as `ipaddress`."""
        special = ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified
        if special or (ip.is_private and ip.version == 4):
            assert special_use(ip) is not None


class TestContentFilter:
    @pytest.mark.parametrize(
        ("fields", "pattern"),
        [
            ({"content": "This is spam."}, "spam"),
            ({"content": "SPAM"}, "spam"),
            ({"title": "A Scam?"}, "scam"),
            ({"hashtags": ("cats", "phishing")}, "phishing"),
            ({"content": "crypto_scam"}, "scam"),
            ({"content": "\uff53\uff50\uff41\uff4d"}, "spam"),
            ({"content": "sp\u00adam"}, "spam"),
            ({"content": "s\u200bpam"}, "spam"),
            ({"content": "scams scam"}, "scam"),
        ],
    )
    def test_finds_whole_words(self, fields, pattern):
        verdict = ContentFilter().check(VideoEvent(id="a", **fields))
        assert not verdict
        assert verdict.pattern == pattern
        assert next(iter(fields)) in verdict.reason

    @pytest.mark.parametrize(
        "text", ["spammed", "scampi", "spam\u0301", "1scam", "antispam", "", "спам", "sp am"]
    )
    def test_passes_over_parts_of_words(self, text):
        assert ContentFilter().check(VideoEvent(id="a", content=text, title=text))

    def test_a_field_that_is_no_text_holds_no_word(self):
        event = VideoEvent(id="a", content=None, title=5, hashtags=(None, "scam"))
        assert ContentFilter().check(event).pattern == "scam"

    def test_patterns_are_configurable_in_any_script(self):
        event = VideoEvent(id="a", content="Бесплатные   деньги!")
        verdict = ContentFilter(patterns=["бесплатные деньги"]).check(event)
        assert verdict.pattern == "бесплатные деньги"
        assert ContentFilter(patterns=["क"]).check(VideoEvent(id="a", content="कि"))
        assert ContentFilter(patterns=[]).check(event)

    @pytest.mark.parametrize("patterns", ["spam", [""], [" "], ["\u200b"], [None]])
    def test_nonsense_patterns_are_refused(self, patterns):
        with pytest.raises(UsageError):
            ContentFilter(patterns=patterns)

    def test_says_what_it_is(self):
        assert repr(ContentFilter(patterns=["a"])) == "ContentFilter('a')"


def test_a_verdict_is_as_true_as_it_is_ok():
    assert Verdict(ok=True, reason="fine")
    assert not Verdict(ok=False, reason="not")


class TestWebUrl:
    @pytest.mark.parametrize(
        ("given", "written"),
        [
            ("HTTP://Example.COM:80/a?b#c", "http://example.com/a?b"),
            ("https://example.com:8443", "https://example.com:8443/"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
            ("https://0x7f.1/", "https://127.0.0.1/"),
        ],
    )
    def test_it_is_written_in_one_form(self, given, written):
        """What is fetched, logged and cached is the same text, however it was spelt."""
        assert str(WebUrl.parse(given)) == written
