"""Clips made of test pictures."""

from __future__ import annotations

import contextlib

import av
import numpy as np
import pytest

from vineview.errors import UsageError
from vineview.media.lettering import letter, stencil
from vineview.media.probe import probe
from vineview.media.synthesis import Card, encode
from vineview.media.testcard import CARDS, long_clip, make, make_one

_MAX_BYTES = 300_000


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A fresh build of everything."""
    folder = tmp_path_factory.mktemp("cards")
    make(folder)
    return folder


def facts(path) -> list[tuple]:
    """Per track: codec, size or rate, whole packets and duration."""
    with av.open(str(path)) as container:
        counts = dict.fromkeys(range(len(container.streams)), 0)
        with contextlib.suppress(av.InvalidDataError):
            for packet in container.demux():
                counts[packet.stream.index] += bool(packet.size and not packet.is_corrupt)
        return [
            (
                track.codec_context.name,
                (track.width, track.height) if track.type == "video" else track.sample_rate,
                counts[track.index],
                container.duration,
            )
            for track in container.streams
        ]


class TestBundledClips:
    @pytest.mark.parametrize("name", [*CARDS, "not-a-video.mp4"])
    def test_they_are_what_the_command_makes(self, clips, fresh, name):
        """The same text; the same codecs, sizes, packets and durations."""
        if name == "not-a-video.mp4":
            assert (clips / name).read_text() == (fresh / name).read_text()
        elif name == "truncated.mp4":  # where the cut falls depends on the encoder's own bytes
            bundled, made = facts(clips / name), facts(fresh / name)
            assert [one[:2] + one[3:] for one in bundled] == [one[:2] + one[3:] for one in made]
        else:
            assert facts(clips / name) == facts(fresh / name)

    def test_nothing_else_is_bundled(self, clips, fresh):
        """But for the real clip, whose attribution lies beside it."""
        extra = {path.name for path in clips.iterdir()} - {path.name for path in fresh.iterdir()}
        assert extra == {"bigbuckbunny.mp4"}
        assert "Blender Foundation" in (clips.parent / "ATTRIBUTION.md").read_text()

    def test_they_are_small_and_short(self, fresh):
        """Under 300 kB, between two and eight seconds."""
        for path in fresh.iterdir():
            assert path.stat().st_size < _MAX_BYTES, path
            if path.name != "not-a-video.mp4":
                assert 1.9 <= probe(path).duration_s <= 8.1, path

    def test_they_look_different(self, fresh):
        """Each picture differs from every other, so that a person sees which one plays."""
        looks = []
        for name in CARDS:
            with av.open(str(fresh / name)) as container:
                frame = next(container.decode(video=0)).reformat(16, 16, format="rgb24")
                looks.append(frame.to_ndarray().astype(int))
        for number, one in enumerate(looks):
            assert all(np.abs(one - other).mean() > 8 for other in looks[:number])

    def test_they_move(self, fresh):
        """The picture at one second differs from the first, so that playing can be seen."""
        for name in CARDS:
            with av.open(str(fresh / name)) as container:
                frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            later = frames[min(len(frames), round(1.4 * CARDS[name].fps)) - 1]
            assert (np.abs(frames[0].astype(int) - later) > 30).mean() > 0.001, name

    def test_one_by_name(self, tmp_path):
        """An unknown name lists the known ones."""
        with pytest.raises(UsageError, match=r"no test card 'x\.mp4'.*portrait\.mp4"):
            make_one("x.mp4", tmp_path)


class TestLongClip:
    @pytest.mark.parametrize("moov_at_end", [False, True])
    def test_size_and_layout(self, tmp_path, moov_at_end):
        """As large as asked for, with the index where asked for."""
        path = long_clip(
            tmp_path / "long.mp4", seconds=3, size=(640, 360), target_mb=1, moov_at_end=moov_at_end
        )
        assert path.stat().st_size == pytest.approx(2**20, rel=0.35)
        data = path.read_bytes()
        assert (data.index(b"moov") > data.index(b"mdat")) is moov_at_end
        assert probe(path).summary.endswith("640x360, AAC stereo: plays as is")


class TestSynthesis:
    def test_length_and_rate(self, tmp_path):
        """As many pictures as asked for, and sound to match."""
        card = Card(picture="testsrc2", size=(64, 48), seconds=1.5, fps=20)
        with av.open(str(encode(tmp_path / "x.mkv", card))) as container:
            assert len(list(container.decode(video=0))) == 30
        assert probe(tmp_path / "x.mkv").duration_s == pytest.approx(1.5, abs=0.1)


class TestLettering:
    def test_ink(self):
        """A letter T is a bar on a stem."""
        ink = stencil("T")
        assert ink[0].all()
        assert ink[1:, 2].all()
        assert ink.sum() == 5 + 6

    def test_what_is_not_in_the_font_is_blank(self):
        """An unknown character leaves a gap."""
        assert not stencil("?").any()

    def test_titles_fit(self):
        """A long title is made smaller instead of being cut."""
        luma = np.full((60, 100), 120, dtype=np.uint8)
        letter(luma, "LANDSCAPE", scale=9, top=20)
        columns = (luma == 235).any(axis=0).nonzero()[0]
        assert columns.size
        assert 0 < columns[0] < columns[-1] < 99
