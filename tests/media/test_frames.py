"""Posters."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest

from vineview.errors import MediaError
from vineview.media.boxes import find
from vineview.media.codecs import plan
from vineview.media.convert import Transcoder
from vineview.media.frames import poster
from vineview.media.probe import probe


def pixels(jpeg: bytes) -> np.ndarray:
    """A JPEG as rows, columns and colours."""
    with av.open(io.BytesIO(jpeg), format="jpeg_pipe") as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def first_picture(clip) -> np.ndarray:
    """A clip's first picture as rows, columns and colours."""
    with av.open(clip) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


class TestOrientation:
    @pytest.mark.parametrize(
        ("matrix", "shown"),
        [
            ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
            ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
            ((0, -1, 1, 0), np.rot90),
            ((-1, 0, 0, 1), np.fliplr),
            ((1, 0, 0, -1), np.flipud),
            ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
            ((0, -1, -1, 0), lambda picture: np.rot90(picture, 2).transpose(1, 0, 2)),
        ],
    )
    def test_turned_and_mirrored(self, make_clip, tmp_path, matrix, shown):
        """A poster and a converted picture stand as a browser shows what goes as it is."""
        clip = make_clip(
            "mpeg4.mp4", video_codec="mpeg4", video_options={"q": "2"}, seconds=0.2, tone_hz=None
        )
        data, upright = bytearray(clip.read_bytes()), first_picture(str(clip)).astype(int)
        tkhd = next(find(bytes(data), "moov/trak/tkhd"))
        a, b, c, d = (65_536 * one for one in matrix)
        struct.pack_into(">5i", data, tkhd.start + 40, a, b, 0, c, d)
        path = tmp_path / "turned.mp4"
        path.write_bytes(data)
        transcoder = Transcoder(path, plan(probe(path)))
        segment = next(transcoder.segments())
        made = first_picture(io.BytesIO(transcoder.init_segment + segment.data))
        for picture in (made, pixels(poster(path))):
            assert picture.shape == shown(upright).shape
            assert abs(picture - shown(upright)).mean() < 12


class TestPoster:
    def test_it_is_a_small_jpeg(self, clips):
        """Scaled to the width asked for, in proportion."""
        jpeg = poster(clips / "bigbuckbunny.mp4", 320)
        assert pixels(jpeg).shape == (180, 320, 3)
        assert len(jpeg) < 40_000

    def test_small_pictures_stay_as_they_are(self, make_clip):
        """Nothing is blown up."""
        assert pixels(poster(make_clip("plain.mp4"))).shape == (120, 160, 3)

    def test_it_stands_upright(self, clips):
        """A clip stored on its side looks as its upright original: dark band at the bottom."""
        picture = pixels(poster(clips / "rotated.mp4", 180))
        assert picture.shape == (320, 180, 3)
        brightness = picture.mean(axis=(1, 2))
        assert brightness[-30:-10].mean() < brightness[100:200].mean() - 40

    def test_it_shows_the_first_picture(self, clips):
        """Smoothly coloured bars keep their colours."""
        picture = pixels(poster(clips / "silent.mp4"))
        red, green, blue = picture[60, 105].astype(int)  # the second bar is yellow
        assert red > 150
        assert green > 150
        assert blue < 60

    @pytest.mark.parametrize("name", ["vp9-opus.webm", "loop.gif", "refused-codec.mp4"])
    def test_whatever_decodes_has_one(self, clips, name):
        """Also what no browser plays."""
        assert pixels(poster(clips / name)).size

    def test_a_single_picture(self, make_clip):
        """A decoder that holds pictures back is asked for its only one."""
        assert pixels(poster(make_clip("one.mp4", seconds=0.04))).size

    def test_sound_has_none(self, make_clip, tmp_path):
        """A clip without a picture says so."""
        path = tmp_path / "tone.mp4"
        with av.open(str(make_clip("plain.mp4"))) as source, av.open(str(path), "w") as target:
            track = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(audio=0):
                if packet.size:
                    packet.stream = track
                    target.mux(packet)
        with pytest.raises(MediaError, match="no picture") as caught:
            poster(path)
        assert caught.value.reason == "no-picture"
