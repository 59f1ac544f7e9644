"""When a clip ends that is too large to count, and whose header speaks of more than is there."""

from __future__ import annotations

import io

import pytest

from vineview.media.probe import probe
from vineview.media.remux import Remuxer

LARGE = {"size": (320, 240), "seconds": 8, "video_options": {"preset": "ultrafast", "qp": "1"}}
WMV = {
    "video_codec": "wmv2",
    "video_options": {"qmin": "1", "qmax": "1"},
    "audio_codec": "wmav2",
    "audio_options": {"b": "128k"},
    "rate_hz": 44_100,
}


@pytest.fixture
def too_large_to_count(monkeypatch):
    """As clips of more than 8 MiB are, which would take long to make."""
    monkeypatch.setattr("vineview.media.survey._MAX_BYTES", 2**16)


def reached_s(path) -> float:
    """The end of the last segment made of a clip."""
    return max(segment.end_s for segment in Remuxer(path).segments())


class TestCutOff:
    @pytest.mark.usefixtures("too_large_to_count")
    @pytest.mark.parametrize("name", ["large.mkv", "large.flv", "large.wmv"])
    def test_what_is_there_is_its_length(self, make_clip, tmp_path, name):
        """Not what the header says; the shortfall names both, where the header is to be trusted."""
        is_wmv = name == "large.wmv"
        whole = make_clip(name, **{**LARGE, **(WMV if is_wmv else {})}).read_bytes()
        path = tmp_path / name
        path.write_bytes(whole[: len(whole) * 6 // 10])
        info = probe(path)
        assert path.stat().st_size > 2**20
        assert 3.0 < info.duration_s < 6.5
        if not is_wmv:
            assert info.duration_s == pytest.approx(reached_s(path), abs=0.1)
            there = f"the first {info.duration_s:.1f} s of 8.0 s are there"
            assert info.shortfall == f"cut off: {there}"

    def test_a_file_that_is_read_once(self, make_clip):
        """The file is left where its reader needs it."""
        whole = make_clip("large.mkv", **LARGE).read_bytes()
        info = probe(io.BytesIO(whole[: len(whole) // 2]))
        assert 3.0 < info.duration_s < 5.0
        assert probe(io.BytesIO(whole)).duration_s == pytest.approx(8.0, abs=0.1)

    @pytest.mark.parametrize("fill", [b"\0", b"\xff", b"\x1f\x43\xb6\x75"])
    def test_a_tail_of_rubbish(self, make_clip, fill):
        """Where the end says nothing, the header has the word."""
        whole = make_clip("large.mkv", **LARGE).read_bytes()
        rubbish = fill * (2**20 // len(fill))
        info = probe(io.BytesIO(whole[: len(whole) // 3] + rubbish))
        assert 0 < info.duration_s < 8.1


class TestLive:
    @pytest.mark.usefixtures("too_large_to_count")
    def test_a_length_nobody_told(self, make_clip):
        """A clip that was streamed as it was made says at its end how long it is."""
        path = make_clip("large-live.mkv", **LARGE, container_options={"live": "1"})
        assert path.stat().st_size > 2**20
        assert probe(path).duration_s == pytest.approx(8.0, abs=0.1)
