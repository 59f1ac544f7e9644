"""Codec strings, read from the header that is sent."""

from __future__ import annotations

import struct

import pytest

from vineview.media.codec_strings import codec_strings, mime_type
from vineview.media.codecs import label


def box(kind: str, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return struct.pack(">I4s", len(payload) + 8, kind.encode()) + payload


def init_of(entry: str, config_kind: str, config: bytes) -> bytes:
    """An init segment whose one track has this sample entry and configuration."""
    skipped = 78 if config_kind in {"avcC", "hvcC", "vpcC", "av1C"} or entry == "mp4v" else 28
    sample = box(entry, bytes(skipped), box(config_kind, config))
    stsd = box("stsd", bytes(4), struct.pack(">I", 1), sample)
    return box("moov", box("trak", box("mdia", box("minf", box("stbl", stsd)))))


def esds(object_type: int, specific: bytes = b"") -> bytes:
    """An MPEG-4 elementary stream descriptor."""
    inner = bytes([5, len(specific)]) + specific if specific else b""
    decoder = bytes([4, 13 + len(inner), object_type]) + bytes(12) + inner
    return bytes(4) + bytes([3, 3 + len(decoder)]) + bytes(3) + decoder


class TestCodecStrings:
    @pytest.mark.parametrize(
        ("entry", "kind", "config", "string"),
        [
            ("avc1", "avcC", "0164001fffe1", "avc1.64001f"),
            ("avc3", "avcC", "014d4028ffe1", "avc3.4d4028"),
            ("hvc1", "hvcC", "0101600000009000000000005df000", "hvc1.1.6.L93.90"),
            ("hev1", "hvcC", "01022000000090000000000099f000", "hev1.2.4.L153.90"),
            ("hev1", "hvcC", "01216000000000000000000078f000", "hev1.1.6.H120"),
            ("vp09", "vpcC", "01000000001f80020202 0000", "vp09.00.31.08"),
            ("vp09", "vpcC", "01000000021fa20910090000", "vp09.02.31.10.01.09.16.09.00"),
            ("vp09", "vpcC", "01000000001f83010101 0000", "vp09.00.31.08.01.01.01.01.01"),
            ("av01", "av1C", "81050c00", "av01.0.05M.08"),
            ("av01", "av1C", "810dcc00", "av01.0.13H.10"),
            ("av01", "av1C", "814d7000", "av01.2.13M.12"),
        ],
    )
    def test_picture(self, entry, kind, config, string):
        """Profile, level and depth are those of the configuration."""
        assert codec_strings(init_of(entry, kind, bytes.fromhex(config))) == [string]

    @pytest.mark.parametrize(
        ("specific", "string"),
        [
            ("1190", "mp4a.40.2"),  # AAC LC, 48 kHz, stereo
            ("1188", "mp4a.40.2"),  # mono
            ("2b098800", "mp4a.40.5"),  # SBR said first
            ("eb098800", "mp4a.40.29"),  # PS said first
            ("139056e5a0", "mp4a.40.5"),  # SBR announced behind a plain configuration
            ("139056e5a54880", "mp4a.40.29"),  # and PS behind that
            ("0990", "mp4a.40.1"),  # Main
            ("f94a4000", "mp4a.40.42"),  # xHE-AAC, an escaped number
        ],
    )
    def test_aac(self, specific, string):
        """The audio object type, however it is announced."""
        init = init_of("mp4a", "esds", esds(0x40, bytes.fromhex(specific)))
        assert codec_strings(init) == [string]

    def test_other_mpeg4(self):
        """MP3 and MPEG-4 part 2 are told by their object types."""
        assert codec_strings(init_of("mp4a", "esds", esds(0x6B))) == ["mp4a.6b"]
        visual = esds(0x20, bytes.fromhex("000001b001000001b5"))
        assert codec_strings(init_of("mp4v", "esds", visual)) == ["mp4v.20.1"]

    def test_names_without_a_longer_form(self):
        """Opus and FLAC are lower case, as browsers want them; others give their own name."""
        names = [codec_strings(init_of(name, "dOps", b""))[0] for name in ("Opus", "fLaC", "ac-3")]
        assert names == ["opus", "flac", "ac-3"]

    @pytest.mark.parametrize("kind", ["avcC", "hvcC", "vpcC", "av1C", "esds"])
    def test_a_configuration_cut_short(self, kind):
        """Damage gives a string that means nothing, not an error."""
        entries = {"avcC": "avc1", "hvcC": "hev1", "vpcC": "vp09", "av1C": "av01", "esds": "mp4a"}
        (string,) = codec_strings(init_of(entries[kind], kind, b""))
        assert string.startswith(entries[kind])

    def test_nothing_to_read(self):
        """No header, no strings."""
        assert codec_strings(b"") == []


def test_mime_type_of_sound():
    """Sound alone is announced as audio."""
    assert mime_type(["opus"], has_video=False) == 'audio/mp4; codecs="opus"'


def test_labels():
    """People read names, not FFmpeg's short ones; an unknown one stays as it is."""
    assert [label(name) for name in ("hevc", "pcm_s24be", "bink")] == ["HEVC", "PCM", "bink"]
