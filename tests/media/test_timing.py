"""Times made fit for a muxer and a page."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import pytest

from vineview.media.timing import ClipClock, TrackClock

BEAT = Fraction(1, 1000)


@pytest.fixture
def tracks():
    """A picture and a sound track, in milliseconds."""
    with av.open("unused", "w", format="null") as container:
        video = container.add_stream("mpeg4", rate=25)
        audio = container.add_stream("pcm_s16le", rate=48_000)
        for track in (video, audio):
            track.time_base = BEAT
        yield video, audio


def settled(clock, track, *times_ms, duration=40):
    """What becomes of packets with these decoding times, in milliseconds."""
    found = []
    for time_ms in times_ms:
        packet = av.Packet(b"x")
        packet.stream = track
        packet.time_base = BEAT
        packet.dts = packet.pts = time_ms
        packet.duration = duration
        if clock.settle(packet):
            found.append(packet.dts)
    return found


class TestLeaps:
    """A stream pasted to another, or damage."""

    def test_a_track_goes_on_where_it_was(self, tracks):
        """The next packet comes right after the one before."""
        clock = TrackClock(ClipClock(origin_s=0.0, begun_s=0.0))
        found = settled(clock, tracks[0], 0, 40, 9_000_040, 9_000_080)
        assert found == [0, 40, 80, 120]

    def test_the_other_track_leaps_with_it(self, tracks):
        """Sound stays with its picture, though it reached less far before the leap."""
        clip = ClipClock(origin_s=0.0, begun_s=0.0)
        picture, sound = TrackClock(clip), TrackClock(clip)
        assert settled(picture, tracks[0], 960, 1000, 9_000_000) == [960, 1000, 1040]
        assert settled(sound, tracks[1], 900, 940, 9_000_010) == [900, 940, 1050]

    def test_one_that_shares_no_leap_goes_on_by_itself(self, tracks):
        """What the other leapt by would take it elsewhere."""
        clip = ClipClock(origin_s=0.0, begun_s=0.0)
        picture, sound = TrackClock(clip), TrackClock(clip)
        settled(picture, tracks[0], 0, 9_000_000)
        assert settled(sound, tracks[1], 0, 40, 5_000_000) == [0, 40, 80]

    def test_a_hole_is_no_leap(self, tracks):
        """A minute without anything is the clip's own, but in a broadcast its clock starts anew."""
        ordinary = TrackClock(ClipClock(origin_s=0.0, begun_s=0.0))
        broadcast = TrackClock(ClipClock(origin_s=0.0, begun_s=0.0, container="mpegts"))
        assert settled(ordinary, tracks[0], 0, 60_000) == [0, 60_000]
        assert settled(broadcast, tracks[0], 0, 60_000) == [0, 40]

    def test_a_clock_that_starts_anew(self, tracks):
        """Is a leap too, in whichever container."""
        clock = TrackClock(ClipClock(origin_s=0.0, begun_s=0.0))
        assert settled(clock, tracks[0], 5000, 5040, 0, 40) == [5000, 5040, 5080, 5120]

    def test_two_at_one_instant(self, tracks):
        """The second is put off, for a muxer takes only what increases; by how much is known."""
        clock = TrackClock(ClipClock(origin_s=0.0, begun_s=0.0))
        assert settled(clock, tracks[0], 0, 0) == [0, 1]
        assert clock.late == 1


class TestReordering:
    """Pictures that are stored in another order than shown."""

    def test_decoded_too_late(self, tracks):
        """As some broadcasters write them: shifted at once, so that none is lost nor moved."""
        clock = TrackClock(ClipClock(origin_s=0.0, begun_s=0.0))
        shown_ms = (0, 80, 40, 160, 120, 240, 200)
        found = []
        for order, time_ms in enumerate(shown_ms):
            packet = av.Packet(b"x")
            packet.stream, packet.time_base = tracks[0], BEAT
            packet.pts, packet.dts, packet.duration = time_ms, 40 * order, 40
            assert clock.settle(packet)
            found.append((packet.pts, packet.dts))
        assert [pts for pts, _ in found] == pytest.approx(shown_ms, abs=1)
        assert all(dts <= pts for pts, dts in found)
        assert all(one < another for (_, one), (_, another) in itertools.pairwise(found))
