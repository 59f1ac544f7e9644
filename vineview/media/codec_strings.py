"""Codec strings: what a browser is told about a clip (RFC 6381).

The strings are read from the init segment that will be sent, not from the source's headers: what
the browser is promised is then what it gets, whichever container the clip came in.

Sources of the string forms: ISO/IEC 14496-15 Annex E (avc1, hvc1, hev1), the VP9 and AV1 codec
ISO media bindings (vp09, av01), RFC 6381 and ISO/IEC 14496-3 (mp4a), RFC 8351's siblings for
Opus and FLAC in MP4.
"""

from __future__ import annotations

from collections.abc import Iterator

from vineview.media.boxes import boxes, find

__all__ = ["codec_strings", "is_hevc_header_complete", "mime_type"]

_VISUAL_ENTRY_BYTES = 78
_AUDIO_ENTRY_BYTES = 28
_VISUAL = frozenset({"avc1", "avc3", "hvc1", "hev1", "vp09", "av01", "mp4v"})
_CONFIG_BYTES = 13
_AAC, _SBR, _ESCAPE, _PS = 2, 5, 31, 29
_HEVC_ARRAYS_AT = 22
_HEVC_PARAMETER_SETS = frozenset({32, 33, 34})
_VISUAL_OBJECT_SEQUENCE = b"\x00\x00\x01\xb0"


def codec_strings(init: bytes) -> list[str]:
    """The codec string of each track of an init segment, in track order.

    Args:
        init: An ``ftyp`` and ``moov`` as the remuxer writes them.

    Returns:
        Strings such as ``avc1.4d401f``; a sample entry without a longer form gives its own name.
    """
    strings = []
    for stsd in find(init, "moov/trak/mdia/minf/stbl/stsd"):
        for entry in boxes(init, stsd.start + 8, stsd.end):
            skipped = _VISUAL_ENTRY_BYTES if entry.kind in _VISUAL else _AUDIO_ENTRY_BYTES
            children = {
                box.kind: init[box.start : box.end].ljust(_CONFIG_BYTES, b"\0")  # damage cuts it
                for box in boxes(init, entry.start + skipped, entry.end)
            }
            strings.append(_string(entry.kind, children))
    return strings


def mime_type(strings: list[str], *, has_video: bool) -> str:
    """The MIME type ``MediaSource`` is asked about.

    Example:
        >>> mime_type(["avc1.4d401f", "mp4a.40.2"], has_video=True)
        'video/mp4; codecs="avc1.4d401f,mp4a.40.2"'
    """
    return f'{"video" if has_video else "audio"}/mp4; codecs="{",".join(strings)}"'


def is_hevc_header_complete(config: bytes) -> bool:
    """Whether an ``hvcC`` says that its parameter sets are all there are: none is in a packet.

    Args:
        config: Its payload (ISO/IEC 14496-15, 8.3.3.1), or whatever a container holds instead.
    """
    if len(config) <= _HEVC_ARRAYS_AT or config[0] != 1:
        return False
    complete, at = set(), _HEVC_ARRAYS_AT + 1
    for _ in range(config[_HEVC_ARRAYS_AT]):
        head = config[at : at + 3].ljust(3, b"\0")
        if head[0] & 0x80:
            complete.add(head[0] & 0x3F)
        at += 3
        for _ in range(int.from_bytes(head[1:], "big")):
            at += 2 + int.from_bytes(config[at : at + 2], "big")
            if at > len(config):
                return False
    return complete >= _HEVC_PARAMETER_SETS


def _string(kind: str, children: dict[str, bytes]) -> str:
    match kind:
        case "avc1" | "avc3" if "avcC" in children:
            return f"{kind}.{children['avcC'][1:4].hex()}"
        case "hvc1" | "hev1" if "hvcC" in children:
            return f"{kind}.{_hevc(children['hvcC'])}"
        case "vp09" if "vpcC" in children:
            return f"vp09.{_vp9(children['vpcC'])}"
        case "av01" if "av1C" in children:
            return f"av01.{_av1(children['av1C'])}"
        case "mp4a" | "mp4v" if "esds" in children:
            return f"{kind}.{_esds(children['esds'])}"
        case "Opus" | "fLaC":
            return kind.lower()
    return kind


def _hevc(config: bytes) -> str:
    """Profile, compatibility (bits reversed), tier and level, constraints."""
    space = ("", "A", "B", "C")[config[1] >> 6]
    profile = config[1] & 0x1F
    compatibility = int(f"{int.from_bytes(config[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if config[1] & 0x20 else "L"
    constraints = "".join(f".{byte:X}" for byte in config[6:12].rstrip(b"\x00"))
    return f"{space}{profile}.{compatibility:X}.{tier}{config[12]}{constraints}"


def _vp9(config: bytes) -> str:
    """Profile, level, bit depth; chroma and colours where they are not the usual ones."""
    profile, level, packed, primaries, transfer, matrix = config[4:10]
    depth, chroma, full_range = packed >> 4, packed >> 1 & 7, packed & 1
    short = f"{profile:02d}.{level:02d}.{depth:02d}"
    usual = {1, 2}  # BT.709, unspecified
    if profile == 0 and not full_range and {primaries, transfer, matrix} <= usual:
        return short
    return f"{short}.{chroma:02d}.{primaries:02d}.{transfer:02d}.{matrix:02d}.{full_range:02d}"


def _av1(config: bytes) -> str:
    """Profile, level and tier, bit depth."""
    profile, level = config[1] >> 5, config[1] & 0x1F
    tier, is_high, is_twelve = config[2] >> 7, config[2] >> 6 & 1, config[2] >> 5 & 1
    depth = (12 if is_twelve and profile == 2 else 10) if is_high else 8  # noqa: PLR2004 - AV1's own numbers
    return f"{profile}.{level:02d}{'H' if tier else 'M'}.{depth:02d}"


def _esds(payload: bytes) -> str:
    """The object type, and for AAC and MPEG-4 visual the profile behind it."""
    found = dict(_descriptors(payload[4:]))
    config, specific = found.get(4, b""), found.get(5, b"")
    object_type = config[0] if config else 0
    if object_type == 0x40 and specific:  # noqa: PLR2004 - ISO/IEC 14496-1's number for AAC
        return f"40.{_aac_object(specific)}"
    if object_type == 0x20 and specific[:-1].startswith(_VISUAL_OBJECT_SEQUENCE):  # noqa: PLR2004 - and for MPEG-4 visual
        return f"20.{specific[4]}"
    return f"{object_type:02x}"


def _descriptors(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The MPEG-4 descriptors that matter (3, 4, 5), each with its payload, however nested."""
    at = 0
    while at + 2 <= len(data):
        tag, size, at = data[at], 0, at + 1
        while at < len(data):
            byte, at = data[at], at + 1
            size = size << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        payload = data[at : at + size]
        yield tag, payload
        if tag == 3:  # noqa: PLR2004 - ES descriptor: id, flags, then descriptors
            yield from _descriptors(payload[3:])
        elif tag == 4:  # noqa: PLR2004 - decoder configuration: 13 bytes, then descriptors
            yield from _descriptors(payload[13:])
        at += size


def _aac_object(config: bytes) -> int:
    """The audio object type, counting SBR and PS announced behind a plain AAC configuration."""
    bits = _Bits(config)
    kind = _object_type(bits)
    if bits.take(4) == 15:  # noqa: PLR2004 - an explicit sampling frequency follows
        bits.take(24)
    channels = bits.take(4)
    if kind != _AAC or channels == 0:
        return kind
    bits.take(1)
    if bits.take(1):
        bits.take(14)
    bits.take(1)
    if bits.take(11) == 0x2B7 and _object_type(bits) == _SBR and bits.take(1):  # noqa: PLR2004 - sync word
        if bits.take(4) == 15:  # noqa: PLR2004 - an explicit sampling frequency follows
            bits.take(24)
        has_ps = bits.take(11) == 0x548 and bits.take(1)  # noqa: PLR2004 - sync word
        return _PS if has_ps else _SBR
    return kind


def _object_type(bits: _Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == _ESCAPE else kind


class _Bits:
    """Bits from the left; zeros once they run out."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next ``count`` bits as a number."""
        if count > self._left:
            self._left = 0
            return 0
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)
