"""UrlPolicy, ContentFilter and Verdict: what a feed may point at, and what it may say.

The text of a URL is judged without any I/O; each address its host resolves to is judged by
`UrlPolicy.check_address` when a connection is about to be made. Two answers are negative: an
untrusted host is *suspicious* (a finding; the video stays and plays), while an address that
cannot be read, another scheme than http(s), or a private address is *refused* (never fetched).

Hosts are compared in the form DNS uses: lower-case ASCII by UTS 46, as browsers do. The standard
library's codec knows only the older IDNA 2003, under which some names become other people's
domains, so this module alone imports ``idna``, and only when a host is not ASCII.
Source: reference, section 6 and defects 49 and 52.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from vineview.core.addresses import Address, parse_ipv4, parse_ipv6, special_use
from vineview.core.events import VideoEvent
from vineview.errors import UsageError

__all__ = [
    "SUSPICIOUS_WORDS",
    "TRUSTED_DOMAINS",
    "ContentFilter",
    "UrlPolicy",
    "Verdict",
    "WebUrl",
]

TRUSTED_DOMAINS = ("nostr.build", "cloudfront.net", "youtube.com", "vimeo.com", "api.openvine.co")
"""The deployment guide's list and the app's own media host.

``cloudfront.net`` is shared by all its customers, so trust in it is weak. ``blossom.primal.net``
is not on the list: anyone may upload there. Add it where you want its events without a finding.
"""
SUSPICIOUS_WORDS = ("spam", "scam", "phishing")
"""The deployment guide's patterns."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^#]*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#/<>?@\[\\\]^|%:]")
_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535
_MAX_HOST = 253
_MAX_LABEL = 63


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with its reason. True when ok.

    Args:
        ok: Whether nothing speaks against it.
        reason: Why, in words for a person.
        pattern: The domain or word that decided.
        refused: Whether it must not be fetched at all; else a negative answer is a suspicion.

    Example:
        >>> bool(Verdict(False, "evil.example is not a trusted host"))
        False
    """

    ok: bool
    reason: str
    pattern: str | None = None
    refused: bool = False

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http(s) URL taken apart, once, for everyone who asks about it.

    Args:
        scheme: ``http`` or ``https``.
        host: Lower-case ASCII as DNS has it, or the address in its usual spelling.
        port: The one named, else the scheme's.
        target: Path and query as they came; at least ``/``.
        address: The address when the host is one, however disguised.

    User information and fragment are dropped: they are never sent.
    """

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None = None

    @classmethod
    def parse(cls, url: str) -> WebUrl:
        """Take a URL apart the way a browser would, refusing what parsers disagree about.

        Args:
            url: The text; blanks around it are ignored.

        Raises:
            UsageError: If it is no http(s) URL; the message is the reason.

        Example:
            >>> WebUrl.parse("http://user@0x7f.1:80/a?b#c")
            ... # doctest: +NORMALIZE_WHITESPACE
            WebUrl(scheme='http', host='127.0.0.1', port=80, target='/a?b',
                   address=IPv4Address('127.0.0.1'))
        """
        if _CONTROL.search(url):
            raise UsageError("the URL holds control characters or broken text")
        match = _URL.match(url.strip())
        if match is None:
            raise UsageError(
                "the URL has no scheme", hint="It must begin with https:// or http://."
            )
        scheme, authority, target = match[1].lower(), match[2], match[3]
        if scheme not in _PORTS:
            raise UsageError(
                f"{scheme}: is not an address of a web server, only http and https are"
            )
        if not authority:
            raise UsageError("the URL has no host")
        host, port = _split_authority(authority, _PORTS[scheme])
        name, address = _read_host(host)
        target = target if target.startswith("/") else f"/{target}"
        return cls(scheme, name, port, target, address)

    @property
    def authority(self) -> str:
        """Host, with brackets where an address needs them, and a port that is not the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


class UrlPolicy:
    """Which addresses are trusted, which merely suspicious, and which are never fetched.

    Args:
        trusted_domains: Domains trusted with all their subdomains.
        allow_private: Whether private, loopback and otherwise special addresses may be fetched.

    Raises:
        UsageError: If a domain is not a host name.

    Example:
        >>> policy = UrlPolicy()
        >>> policy.check("https://media.nostr.build/a.mp4").ok
        True
        >>> policy.check("https://nostr.build.evil.example/a.mp4").reason
        'nostr.build.evil.example is not a trusted host'
        >>> policy.check("http://2130706433/").reason
        '127.0.0.1 is a loopback address'
    """

    def __init__(
        self,
        *,
        trusted_domains: Iterable[str] = TRUSTED_DOMAINS,
        allow_private: bool = False,
    ) -> None:
        if isinstance(trusted_domains, str):
            raise UsageError(
                "trusted_domains is a single text", hint=f"Pass ({trusted_domains!r},)."
            )
        self.trusted_domains = tuple(map(_trusted, trusted_domains))
        self.allow_private = allow_private

    def check(self, url: str | None) -> Verdict:
        """Judge the text of a URL. No I/O.

        Args:
            url: The address of a clip or still.

        Returns:
            Ok for a trusted host (``pattern`` names the domain) and, with ``allow_private``, for a
            private address; suspicious for any other host; refused for all else.

        Source: reference, section 6.
        """
        if not url:
            return Verdict(ok=False, reason="there is no URL", refused=True)
        if not isinstance(url, str):
            reason = f"a URL is a text, this is of type {type(url).__name__}"
            return Verdict(ok=False, reason=reason, refused=True)
        try:
            parts = WebUrl.parse(url)
        except UsageError as error:
            return Verdict(ok=False, reason=error.message, refused=True)
        if parts.address is not None:
            verdict = self.check_address(parts.address)
            if verdict.refused or special_use(parts.address) is not None:
                return verdict
        elif parts.host == "localhost" or parts.host.endswith(".localhost"):
            return self._judge_special(parts.host, "a loopback")
        for domain in self.trusted_domains:
            if parts.host == domain or parts.host.endswith(f".{domain}"):
                return Verdict(ok=True, reason=f"{domain} is trusted", pattern=domain)
        return Verdict(ok=False, reason=f"{parts.host} is not a trusted host")

    def check_address(self, ip: str | Address) -> Verdict:
        """Judge an address a host resolved to. Ask after every resolution and redirect.

        Args:
            ip: The address, as text or value.

        Returns:
            Ok for a public address; refused for private, loopback, link-local, multicast,
            reserved, unspecified, carrier-grade NAT and metadata addresses unless allowed.
        """
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return Verdict(ok=False, reason=f"{str(ip)[:80]} is no IP address", refused=True)
        use = special_use(address)
        if use is None:
            return Verdict(ok=True, reason=f"{address} is a public address")
        return self._judge_special(str(address), use)

    def _judge_special(self, host: str, use: str) -> Verdict:
        if self.allow_private:
            return Verdict(ok=True, reason=f"{host} is {use} address, which is allowed here")
        return Verdict(ok=False, reason=f"{host} is {use} address", refused=True)

    def __repr__(self) -> str:
        return f"UrlPolicy({len(self.trusted_domains)} domains, allow_private={self.allow_private})"


class ContentFilter:
    """Finds unwanted whole words in an event's text, title and hashtags.

    Words are compared without regard to case, width or invisible characters, and end where
    letters, digits and their marks end in any script: "scampi" holds no "scam".

    Args:
        patterns: Words or phrases.

    Raises:
        UsageError: If a pattern is empty or no text.

    Source: reference, section 6.

    Example:
        >>> ContentFilter().check(VideoEvent(id="a", title="A SCAM?")).pattern
        'scam'
        >>> ContentFilter().check(VideoEvent(id="a", content="Scampi, spammed")).ok
        True
    """

    def __init__(self, *, patterns: Iterable[str] = SUSPICIOUS_WORDS) -> None:
        if isinstance(patterns, str):
            raise UsageError("patterns is a single text", hint=f"Pass ({patterns!r},).")
        self.patterns = tuple(patterns)
        if not all(isinstance(pattern, str) and _fold(pattern) for pattern in self.patterns):
            raise UsageError("a content pattern is empty or no text", hint="Leave it out.")
        self._folded = [(_fold(pattern), pattern) for pattern in self.patterns]

    def check(self, event: VideoEvent) -> Verdict:
        """Judge what an event says.

        Args:
            event: Its content, title and hashtags are read.

        Returns:
            Not ok with the matched ``pattern`` and the field it was found in.
        """
        fields = [("content", event.content), ("title", event.title)]
        fields += [("hashtags", hashtag) for hashtag in event.hashtags]
        for name, text in fields:
            folded_text = _fold(text) if isinstance(text, str) else ""
            for folded, pattern in self._folded:
                if _holds_word(folded_text, folded):
                    return Verdict(False, f"{name} holds the word {pattern!r}", pattern)
        return Verdict(ok=True, reason="no unwanted word")

    def __repr__(self) -> str:
        return f"ContentFilter({', '.join(map(repr, self.patterns))})"


def _trusted(domain: str) -> str:
    """A domain to trust, in DNS form."""
    if not isinstance(domain, str) or "*" in domain:
        hint = "Pass a name such as 'nostr.build'; its subdomains are trusted with it."
        raise UsageError(f"{domain!r} is no host name", hint=hint)
    return _read_host(domain)[0]


def _split_authority(authority: str, default_port: int) -> tuple[str, int]:
    """Host and port of an authority; what is before the last ``@`` is ignored."""
    if "\\" in authority:
        raise UsageError("the URL's host holds a backslash, which parsers disagree about")
    place = authority.rpartition("@")[2]
    end = place.rfind("]") + 1 if place.startswith("[") else len(place.partition(":")[0])
    host, rest = place[:end], place[end:]
    if not rest or rest == ":":
        return host, default_port
    digits = rest[1:]
    usable = rest[0] == ":" and digits.isascii() and digits.isdigit() and len(digits) <= 8  # noqa: PLR2004 - zeros in front
    if not usable or not 0 < int(digits) <= _MAX_PORT:
        raise UsageError(f"{rest[:20]!r} is no port")
    return host, int(digits)


def _read_host(host: str) -> tuple[str, Address | None]:
    """A host in DNS form, and the address it spells if it is one."""
    if host.startswith("[") and host.endswith("]"):
        address = parse_ipv6(host[1:-1])
        return str(address), address
    name = _ascii_host(unquote(host, errors="replace")) if host else ""
    name = name.removesuffix(".")
    labels = name.split(".")
    if not name or len(name) > _MAX_HOST or not all(0 < len(s) <= _MAX_LABEL for s in labels):
        raise UsageError(f"{host[:80]!r} is no host name")
    ipv4 = parse_ipv4(name)
    return (name, None) if ipv4 is None else (str(ipv4), ipv4)


def _ascii_host(host: str) -> str:
    """A host lower-cased and mapped as browsers do."""
    if len(host) > _MAX_HOST + 1:
        raise UsageError("the URL's host is longer than any name in DNS")
    if not host.isascii():
        try:
            import idna  # noqa: PLC0415 - only hosts outside ASCII need it
        except ImportError as error:
            hint = "Run: pip install idna."
            raise UsageError("reading an international host name needs idna", hint=hint) from error
        try:
            host = idna.encode(host, uts46=True, transitional=False).decode()
        except UnicodeError as error:
            raise UsageError(f"{host[:80]!r} is no international host name") from error
    if _FORBIDDEN_IN_HOST.search(host):
        raise UsageError(f"{host[:80]!r} is no host name")
    return host.lower()


def _fold(text: str) -> str:
    """Text for comparing: width and case folded, invisible characters out, single blanks."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if not folded.isascii():
        folded = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return " ".join(folded.split())


def _holds_word(text: str, word: str) -> bool:
    """Whether ``word`` occurs in ``text`` with no letter, digit or mark of a word around it."""
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not _in_word(before) and not _in_word(after):
            return True
        at = text.find(word, at + 1)
    return False


def _in_word(character: str) -> bool:
    return bool(character) and unicodedata.category(character)[0] in "LMN"
