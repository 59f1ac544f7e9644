"""Where the last whole picture of a transport stream ends."""

from __future__ import annotations

import io
import random

import pytest

from vineview.errors import MediaError
from vineview.media.broadcast import whole_bytes
from vineview.media.opening import open_clip
from vineview.media.packets import demuxed

PACKET_BYTES = 188


def pictures(data: bytes, kind: str = "video") -> list[bytes]:
    """The pictures, or the sounds, that are read of a stream."""
    with open_clip(io.BytesIO(data), name="a broadcast") as container:
        track = next(one for one in container.streams if one.type == kind)
        return [bytes(packet) for packet in demuxed(container, [track])]


class TestScrambled:
    def test_it_is_told(self, make_clip):
        """Of a recording under conditional access nothing is to be seen, and one reads why."""
        data = bytearray(make_clip("plain.ts").read_bytes())
        noise = random.Random(1)
        for at in range(0, len(data), PACKET_BYTES):
            kind = (data[at + 1] & 0x1F) << 8 | data[at + 2]
            if kind in {0x100, 0x101}:
                start = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
                data[at + 3] |= 0xC0
                data[start : at + PACKET_BYTES] = noise.randbytes(at + PACKET_BYTES - start)
        with pytest.raises(MediaError) as caught, open_clip(io.BytesIO(bytes(data)), name="a"):
            pass
        assert caught.value.reason == "encrypted"


class TestCutOff:
    @pytest.mark.parametrize("share", [0.3, 0.41, 0.5, 0.61, 0.9])
    def test_half_a_picture_is_not_read(self, make_clip, share):
        """Chromium's decoder gives up on one."""
        data = make_clip("plain.ts").read_bytes()
        cut = pictures(data[: int(len(data) * share)])
        assert 20 < len(cut) < 75
        assert cut == pictures(data)[: len(cut)]

    def test_half_a_sound_is_not_read(self, make_clip):
        """Nor does it take one that is shorter than it says."""
        data = make_clip("plain.ts").read_bytes()
        whole = set(pictures(data, "audio"))
        for end in range(40_000, 100_000, 4_000):
            assert set(pictures(data[:end], "audio")) <= whole

    def test_each_size_of_packets(self, make_clip):
        """With a time stamp before each, or a checksum behind it."""
        data = make_clip("plain.ts").read_bytes()
        packets = [data[at : at + PACKET_BYTES] for at in range(0, len(data), PACKET_BYTES)]
        packets = packets[: int(len(packets) * 0.61)]
        number = whole_bytes(io.BytesIO(b"".join(packets))) // PACKET_BYTES
        stamped = b"".join(bytes(4) + packet for packet in packets)
        checked = b"".join(packet + bytes(16) for packet in packets)
        assert whole_bytes(io.BytesIO(stamped)) == number * 192 + 4
        assert whole_bytes(io.BytesIO(checked)) == number * 204

    def test_what_is_whole_is_read_whole(self, make_clip):
        """Its last picture ends with its packet, which is stuffed."""
        data = make_clip("plain.ts").read_bytes()
        assert whole_bytes(io.BytesIO(data)) is None
        assert len(pictures(data)) == 75

    @pytest.mark.parametrize("what", [b"", b"G", b"G" * 2000, b"\0" * 2000])
    def test_what_is_no_transport_stream(self, what):
        """Nothing is said of it."""
        assert whole_bytes(io.BytesIO(what)) is None

    def test_a_stream_out_of_step(self, make_clip):
        """Where bytes are missing in its midst, all is read."""
        data = make_clip("plain.ts").read_bytes()
        assert whole_bytes(io.BytesIO(data[:20_000] + data[20_010 : len(data) // 2])) is None
