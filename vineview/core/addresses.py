"""IP addresses as URLs disguise them, and which of them no feed may point at.

Hosts are read the way browsers read them (decimal, octal, hex, short forms), so that
``http://0x7f.1/`` is seen for the loopback address it is. An IPv6 address that carries an IPv4
one (mapped, compatible, NAT64, 6to4) is judged by the one it carries. The table is written out
rather than left to `ipaddress`, whose idea of a private address changes between Python versions.
Sources: the WHATWG URL standard's IPv4 parser; IANA's special-purpose address registries.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from vineview.errors import UsageError

__all__ = ["Address", "parse_ipv4", "parse_ipv6", "special_use"]

Address = IPv4Address | IPv6Address

_LAST_IS_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\Z")
_MAX_PARTS = 4
_OCTET = 256
_BEYOND = 1 << 32  # what no part of an address reaches

_V4 = tuple(
    (IPv4Network(network), use)
    for network, use in (
        ("0.0.0.0/8", "an unspecified"),
        ("10.0.0.0/8", "a private"),
        ("100.64.0.0/10", "a carrier-grade NAT"),
        ("127.0.0.0/8", "a loopback"),
        ("168.63.129.16/32", "a cloud metadata"),
        ("169.254.169.254/32", "a cloud metadata"),
        ("169.254.0.0/16", "a link-local"),
        ("172.16.0.0/12", "a private"),
        ("192.0.0.0/24", "a reserved"),
        ("192.0.2.0/24", "a documentation"),
        ("192.88.99.0/24", "a reserved"),
        ("192.168.0.0/16", "a private"),
        ("198.18.0.0/15", "a benchmarking"),
        ("198.51.100.0/24", "a documentation"),
        ("203.0.113.0/24", "a documentation"),
        ("224.0.0.0/4", "a multicast"),
        ("240.0.0.0/4", "a reserved"),
    )
)
_V6 = tuple(
    (IPv6Network(network), use)
    for network, use in (
        ("::/128", "an unspecified"),
        ("::1/128", "a loopback"),
        ("2001::/23", "a reserved"),
        ("2001:db8::/32", "a documentation"),
        ("3fff::/20", "a documentation"),
        ("fc00::/7", "a private"),
        ("fe80::/10", "a link-local"),
        ("fec0::/10", "a private"),
        ("ff00::/8", "a multicast"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_IN_LAST_BITS = tuple(
    map(IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
)


def special_use(address: Address) -> str | None:
    """What an address is for when it is not an ordinary public one, else None.

    Args:
        address: Any address; a zone id is ignored.

    Example:
        >>> special_use(IPv6Address("::ffff:127.0.0.1"))
        'a loopback'
        >>> special_use(IPv4Address("93.184.216.34")) is None
        True
    """
    if isinstance(address, IPv4Address):
        return next((use for network, use in _V4 if address in network), None)
    named = next((use for network, use in _V6 if address in network), None)
    if named is not None:
        return named
    carried = _carried(address)
    if carried is not None:
        return special_use(carried)
    return None if address in _GLOBAL_V6 else "a reserved"


def parse_ipv4(host: str) -> IPv4Address | None:
    """The IPv4 address a lower-case host spells, or None when it is a name.

    Args:
        host: Lower-case ASCII, without a trailing dot.

    Raises:
        UsageError: If it ends in a number and yet is no address; browsers refuse it too.

    Example:
        >>> parse_ipv4("0x7f.1"), parse_ipv4("2130706433"), parse_ipv4("nostr.build")
        (IPv4Address('127.0.0.1'), IPv4Address('127.0.0.1'), None)
    """
    if not _LAST_IS_NUMBER.match(host):
        return None
    numbers = [_number(part) for part in host.split(".")[: _MAX_PARTS + 1]]
    *leading, last = numbers
    room = _OCTET ** (_MAX_PARTS + 1 - len(numbers))
    if len(numbers) > _MAX_PARTS or last >= room or any(part >= _OCTET for part in leading):
        raise UsageError(f"{host[:80]} ends in a number but is no IPv4 address")
    value = last
    for place, part in enumerate(leading):
        value += part * _OCTET ** (_MAX_PARTS - 1 - place)
    return IPv4Address(value)


def parse_ipv6(text: str) -> IPv6Address:
    """The address between a URL's brackets.

    Args:
        text: Without the brackets.

    Raises:
        UsageError: If it is none, or names a zone: an interface of this machine.
    """
    if "%" in text:
        raise UsageError("the address names a zone, an interface of this machine")
    try:
        return IPv6Address(text)
    except ValueError as error:
        raise UsageError(f"[{text[:80]}] is no IPv6 address") from error


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside a mapped, compatible, translated, NAT64 or 6to4 address."""
    if any(address in network for network in _IN_LAST_BITS):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour


def _number(part: str) -> int:
    """One part of an IPv4 host: 0x for hex, a leading 0 for octal, else decimal."""
    base = 10
    if part.startswith("0x"):
        part, base = part[2:] or "0", 16
    elif len(part) > 1 and part.startswith("0"):
        base = 8
    try:
        return int(part, base) if part.isalnum() else _BEYOND
    except ValueError:
        return _BEYOND
