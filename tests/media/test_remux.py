"""Clips as fragmented MP4."""

from __future__ import annotations

import contextlib
import io
import itertools
import random
import struct
from types import SimpleNamespace

import av
import pytest

from vineview.errors import MediaError
from vineview.media.boxes import boxes, find, runs, timescales
from vineview.media.codec_strings import codec_strings
from vineview.media.codecs import plan
from vineview.media.convert import Transcoder
from vineview.media.corpus import CORPUS, repacked
from vineview.media.opening import open_clip
from vineview.media.packets import demuxed
from vineview.media.probe import probe
from vineview.media.remux import Remuxer


def payloads(source, kind: str) -> list[bytes]:
    """What a container holds of a track from time zero on, packet by packet."""
    with av.open(source) as container:
        packets = container.demux(container.streams.best(kind))
        return [bytes(packet) for packet in packets if packet.size and packet.pts >= 0]


def times(path, kind: str) -> list[float]:
    """When each packet of a clip is shown, from time zero on, in order of showing."""
    with av.open(str(path)) as container:
        track = container.streams.best(kind)
        packets = [packet for packet in container.demux(track) if packet.size and packet.pts >= 0]
        return sorted(float(packet.pts * packet.time_base) for packet in packets)


def spans(remuxer: Remuxer, handler: str, start_s: float = 0.0) -> list[tuple[float, float]]:
    """From when to when each fragment shows a track, by its own boxes.

    FFmpeg reads negative composition offsets back as a shift of the whole track; browsers do not.
    """
    found = []
    for segment in remuxer.segments(start_s):
        tracks = timescales(remuxer.init_segment)
        for box in boxes(segment.data):
            if box.kind == "moof":
                for run in runs(segment.data[box.start - 8 : box.end]):
                    kind, scale = tracks[run.track_id]
                    if kind == handler:
                        found.append((run.begin / scale, run.end / scale))
    return found


def whole(remuxer: Remuxer, start_s: float = 0.0) -> io.BytesIO:
    """What a browser would be given, in one file."""
    data = b"".join(segment.data for segment in remuxer.segments(start_s))
    return io.BytesIO(remuxer.init_segment + data)


def stating(clip, path, seconds: float):
    """A copy of a Matroska clip whose header says that it lasts so long."""
    data = bytearray(clip.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # behind the element's name and size
    data[at : at + 8] = struct.pack(">d", 1000 * seconds)
    path.write_bytes(data)
    return path


def edited(clip, path, *edits: tuple[float, float]):
    """A copy of an MP4 that shows these pieces of it, each from when on and for how long.

    Its index must stand at its end, where it can grow.
    """

    def rewritten(start: int, end: int, scale: int) -> bytes:
        made = b""
        for box in boxes(data, start, end):
            body = data[box.start : box.end]
            if box.kind == "trak":
                scale = struct.unpack_from(">12xI", body, next(find(body, "mdia/mdhd")).start)[0]
            if box.kind in {"moov", "trak", "edts"}:
                body = rewritten(box.start, box.end, scale)
            elif box.kind == "elst":
                (first,) = struct.unpack_from(">12xi", body)
                body = struct.pack(">II", 0, len(edits)) + b"".join(
                    struct.pack(">IiI", round(1000 * lasts_s), first + round(at_s * scale), 1 << 16)
                    for at_s, lasts_s in edits
                )
            made += struct.pack(">I4s", 8 + len(body), box.kind.encode()) + body
        return made

    data = clip.read_bytes()
    path.write_bytes(rewritten(0, len(data), 1))
    return path


@pytest.fixture
def clip(make_clip):
    """An ordinary clip: B-frames, stereo, a keyframe each second."""
    return make_clip("plain.mp4")


class TestEdits:
    """Clips cut without encoding them anew, as phones and editors do."""

    @pytest.fixture
    def source(self, make_clip):
        return make_clip("index-last.mp4", container_options={})

    @pytest.mark.parametrize("edits", [[(0.0, 1.5)], [(0.0, 1.0), (2.0, 1.0)]])
    def test_what_is_cut_off_behind_is_not_sent(self, source, tmp_path, edits):
        """Pictures of which nothing that is shown is decoded."""
        path = edited(source, tmp_path / "edited.mp4", *edits)
        info = probe(path)
        assert info.verdict.how == "as is"
        assert info.duration_s == pytest.approx(sum(lasts_s for _, lasts_s in edits), abs=0.05)
        ends_s = [end for _, end in spans(Remuxer(path), "vide")]
        assert max(ends_s) == pytest.approx(info.duration_s, abs=0.05)

    def test_a_seek_ends_before_the_cut(self, make_clip, tmp_path):
        """Where the picture is over, its last stretch stands, not the one that was cut off."""
        source = make_clip("many-keyframes.mp4", keyframe_every_s=0.5, container_options={})
        path = edited(source, tmp_path / "edited.mp4", (0.0, 0.9))
        first = next(Remuxer(path).segments(1.1))
        assert (first.keyframe, first.start_s) == (True, pytest.approx(0.48, abs=0.01))

    def test_a_piece_that_begins_between_keyframes(self, source, tmp_path):
        """What it is decoded from must not be seen, so it is encoded anew."""
        path = edited(source, tmp_path / "edited.mp4", (0.0, 1.0), (1.52, 1.0))
        info = probe(path)
        assert info.video.obstacle == "0.5 s of it are cut off between keyframes"
        made = Transcoder(path, plan(info)).segments()
        assert max(segment.end_s for segment in made) == pytest.approx(2.0, abs=0.05)

    @pytest.mark.parametrize("as_is", [True, False])
    def test_the_last_picture_ends_with_the_clip(self, make_clip, tmp_path, as_is):
        """However long it was to stand before the clip was cut."""
        slow = make_clip("slow.mp4", fps=1, tone_hz=None, container_options={})
        path = edited(slow, tmp_path / "edited.mp4", (0.0, 2.2))
        decided = plan(probe(path), as_is=as_is)
        maker = Remuxer(path) if as_is else Transcoder(path, decided)
        ends_s = [segment.end_s for segment in maker.segments()]
        assert max(ends_s) == pytest.approx(2.2, abs=0.01)


class TestDescribedAnew:
    """Clips pasted together, of which each says for itself how to decode it."""

    @pytest.fixture
    def pasted(self, make_clip, tmp_path):
        def pasted(**changes):
            first = make_clip("plain.flv").read_bytes()
            second = make_clip(f"{'-'.join(changes)}.flv", **changes).read_bytes()
            path = tmp_path / "pasted.flv"
            path.write_bytes(first + second[13:])  # without its header
            return path

        return pasted

    def test_pictures_carry_what_they_are_decoded_by(self, pasted):
        """The header of what is sent has room for one description only."""
        path = pasted(size=(320, 240))
        assert probe(path).verdict.how == "as is"
        with av.open(whole(Remuxer(path))) as made:
            sizes = [(frame.width, frame.height) for frame in made.decode(video=0)]
        assert sizes == [(160, 120)] * 75 + [(320, 240)] * 75

    def test_sound_is_encoded_anew(self, pasted):
        """Sound says nothing of itself in its packets."""
        assert probe(pasted(rate_hz=44_100)).audio.obstacle == "its sampling changes midway"


class TestSegments:
    def test_packets_are_the_clips_own(self, clip):
        """Nothing is re-encoded, lost or reordered, but for the encoder's run-up before zero."""
        made = whole(Remuxer(clip))
        for kind in ("video", "audio"):
            made.seek(0)
            assert payloads(made, kind) == payloads(clip, kind)

    def test_times_are_the_clips_own(self, clip):
        """B-frames shift nothing: picture and sound begin at zero and end where they did."""
        remuxer = Remuxer(clip)
        for kind, handler in (("video", "vide"), ("audio", "soun")):
            original = times(clip, kind)
            made = spans(remuxer, handler)
            assert made[0][0] == original[0] == 0.0
            assert max(end for _, end in made) == pytest.approx(original[-1], abs=0.05)

    def test_header_comes_apart_from_media(self, clip):
        """The init segment holds no samples, the segments no header."""
        remuxer = Remuxer(clip)
        segments = list(remuxer.segments())
        assert [box.kind for box in boxes(remuxer.init_segment)] == ["ftyp", "moov"]
        for segment in segments:
            kinds = [box.kind for box in boxes(segment.data)]
            assert kinds == ["moof", "mdat"] * (len(kinds) // 2)

    def test_edit_lists_are_not_needed(self, clip):
        """Browsers treat edit lists differently, so none is written."""
        assert not list(find(Remuxer(clip).init_segment, "moov/trak/edts"))

    def test_first_is_small_and_decodes_alone(self, clip):
        """A first picture needs the init segment and a fraction of a second."""
        remuxer = Remuxer(clip)
        first = next(remuxer.segments())
        assert first.index == 0
        assert first.keyframe
        assert first.duration_s < 0.5
        with av.open(io.BytesIO(remuxer.init_segment + first.data)) as container:
            assert next(container.decode(video=0)).width == 160

    def test_they_follow_one_another(self, clip):
        """Indices count; each begins within a few frames of where the last one ended."""
        segments = list(Remuxer(clip).segments())
        assert [segment.index for segment in segments] == list(range(len(segments)))
        for before, after in itertools.pairwise(segments):
            assert abs(after.start_s - before.end_s) < 0.2
        assert segments[-1].end_s == pytest.approx(3.0, abs=0.1)

    @pytest.mark.parametrize(
        ("name", "changes", "stated_s"),
        [
            ("silent.mkv", {"tone_hz": None, "video_options": {"bf": "0"}}, 3.5),
            ("plain.mkv", {}, 3.5),  # its last picture is stored before others, its sound stands
            ("silent-b.mkv", {"tone_hz": None}, 3.0),
        ],
    )
    def test_the_last_stands_until_the_stated_end(
        self, make_clip, tmp_path, name, changes, stated_s
    ):
        """A short clip whose header is a little longer than what there is, plays as long."""
        path = stating(make_clip(name, **changes), tmp_path / name, 3.5)
        info = probe(path)
        assert info.duration_s == pytest.approx(stated_s)
        for start_s in (0.0, 2.5):
            remuxer = Remuxer(path)
            both = [spans(remuxer, handler, start_s) for handler in ("vide", "soun")]
            assert max(end for found in both for _, end in found) == pytest.approx(
                stated_s, abs=0.01
            )

    def test_one_converted_stands_as_long(self, make_clip, tmp_path):
        """Whichever way it plays."""
        path = stating(make_clip("plain.mkv"), tmp_path / "plain.mkv", 3.5)
        anew = Transcoder(path, plan(probe(path), as_is=False))
        assert max(segment.end_s for segment in anew.segments()) == pytest.approx(3.5, abs=0.01)

    def test_later_ones_last_about_a_second(self, clip):
        """Few messages, and none so large that a seek waits for it."""
        lengths = [segment.duration_s for segment in list(Remuxer(clip).segments())[1:-1]]
        assert lengths
        assert all(0.4 <= length <= 1.4 for length in lengths)

    def test_a_clip_with_one_keyframe_starts_as_soon(self, clips):
        """The first segment does not wait for a second keyframe that never comes."""
        segments = list(Remuxer(clips / "long-gop.mp4").segments())
        assert segments[0].duration_s < 0.5
        assert [segment.keyframe for segment in segments] == [True] + [False] * (len(segments) - 1)

    def test_reading_is_lazy(self, clips):
        """The first segment costs the clip's beginning, not the clip."""
        file = Counting((clips / "bigbuckbunny.mp4").read_bytes())
        with contextlib.closing(Remuxer(file).segments()) as segments:
            next(segments)
        assert file.bytes_read < 500_000

    def test_closing_the_generator_closes_the_clip(self, clip):
        """An abandoned stream holds no file open."""
        opened = []

        def opener():
            opened.append(clip.open("rb"))
            return opened[-1]

        segments = Remuxer(opener).segments()
        next(segments)
        segments.close()
        assert opened[0].closed

    def test_several_at_once(self, clip):
        """Two streams of one remuxer do not disturb each other."""
        remuxer = Remuxer(clip)
        one, two = remuxer.segments(), remuxer.segments()
        pairs = list(zip(one, two, strict=True))
        assert pairs
        assert all(first == second for first, second in pairs)


class TestSeeking:
    @pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv", "plain.ts", "plain.flv"])
    def test_begins_with_the_keyframe_before(self, make_clip, name):
        """Every stream begins with a keyframe at or before the moment asked for, near it."""
        first = next(Remuxer(make_clip(name)).segments(2.5))
        assert first.keyframe
        assert 1.9 <= first.start_s <= 2.5

    @pytest.mark.parametrize("as_is", [True, False])
    @pytest.mark.parametrize("name", ["still.flv", "slow.ts"])
    def test_where_all_is_decoded_from_the_first_picture(self, make_clip, tmp_path, name, as_is):
        """A broadcast's demuxer lands behind it, however early it is asked to be."""
        if name == "still.flv":
            path, shown = tmp_path / name, []
            repacked(
                make_clip("plain.flv"),
                path,
                change=lambda one: (
                    one.stream.type == "audio" or (not shown and not shown.append(1))
                ),
            )
        else:
            options = {"bf": "8", "b_strategy": "0"}
            path = make_clip(name, fps=1, keyframe_every_s=60.0, seconds=16, video_options=options)
        decided = plan(probe(path), as_is=as_is)
        maker = Remuxer(path) if as_is else Transcoder(path, decided)
        assert next(maker.segments(2.0)).start_s == pytest.approx(0.0 if as_is else 2.0, abs=0.05)

    def test_times_are_counted_from_the_beginning(self, clip):
        """Segments from a seek go where those of an unbroken stream would."""
        first, *_ = spans(Remuxer(clip), "vide", 1.5)
        assert first[0] == pytest.approx(1.0, abs=0.001)
        assert first[0] in times(clip, "video")

    def test_sound_comes_along(self, clip):
        """Sound begins where the picture does."""
        remuxer = Remuxer(clip)
        picture, sound = spans(remuxer, "vide", 2.0)[0], spans(remuxer, "soun", 2.0)[0]
        assert sound[0] <= picture[0] < sound[0] + 0.03

    def test_past_the_end(self, clip):
        """Seeking too far gives the last keyframe or nothing, never an error."""
        starts = [segment.start_s for segment in Remuxer(clip).segments(60)]
        assert all(start <= 3 for start in starts)


def two_s_later(packet) -> bool:
    """Moves the picture."""
    if packet.stream.type == "video":
        by = round(2 / packet.time_base)
        packet.pts, packet.dts = packet.pts + by, packet.dts + by
    return True


class TestOpenedBefore:
    @pytest.mark.parametrize("name", ["plain.mp4", "fragmented.mp4"])
    @pytest.mark.parametrize("start_s", [0.0, 1.5])
    def test_a_header_gives_the_same_segments(self, make_clip, name, start_s):
        """What its first pictures would tell on decoding is not needed again."""
        clip = make_clip(name)
        known = Remuxer(clip)
        next(known.segments())
        examined = Remuxer(clip)
        assert list(known.segments(start_s)) == list(examined.segments(start_s))


class TestBeginning:
    """A page stops at any hole, the one before the first picture too."""

    @pytest.fixture
    def late(self, clip, tmp_path):
        """Makes a copy of the clip whose picture begins later, or without its first keyframe."""

        def make(name: str, keep):
            path = tmp_path / name
            repacked(clip, path, change=keep)
            return path

        return make

    @pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".flv"])
    def test_a_late_picture_stands_from_the_start(self, late, suffix):
        """While the sound leads, the first picture is shown; nothing of the sound is cut."""
        remuxer = Remuxer(late(f"late{suffix}", two_s_later))
        picture, sound = spans(remuxer, "vide"), spans(remuxer, "soun")
        assert picture[0][0] == pytest.approx(0.0, abs=0.001)
        assert sound[0][0] == pytest.approx(0.0, abs=0.05)
        assert picture[-1][1] == pytest.approx(5.0, abs=0.1)
        for before, after in itertools.pairwise(picture):
            assert after[0] <= before[1] + 0.1

    @pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
    def test_without_its_first_keyframe(self, late, suffix):
        """A clip cut into midway is as long as its sound, and shows its first whole picture."""
        path = late(
            f"joined{suffix}",
            lambda packet: packet.stream.type != "video" or packet.dts * packet.time_base > 0.2,
        )
        remuxer = Remuxer(path)
        picture, sound = spans(remuxer, "vide"), spans(remuxer, "soun")
        assert picture[0][0] == pytest.approx(0.0, abs=0.001)
        assert sound[0][0] == pytest.approx(0.0, abs=0.05)
        assert max(end for _, end in picture) == pytest.approx(3.0, abs=0.15)
        assert probe(path).duration_s == pytest.approx(3.0, abs=0.15)

    @pytest.mark.parametrize("suffix", [".mkv", ".flv"])
    def test_a_picture_is_held_over_a_gap(self, clip, tmp_path, suffix):
        """Where pictures are missing, the one before lasts until the next."""
        path = tmp_path / f"gap{suffix}"
        repacked(
            clip,
            path,
            change=lambda packet: (
                packet.stream.type != "video" or not 1.1 < packet.dts * packet.time_base < 1.8
            ),
        )
        shown = spans(Remuxer(path), "vide")
        assert all(after[0] <= before[1] + 0.1 for before, after in itertools.pairwise(shown))

    def test_pictures_before_zero_without_times(self, make_clip, tmp_path):
        """Matroska gives pictures before zero no time; they are beside their sound all the same."""

        def earlier(packet):
            packet.pts -= round(1 / packet.time_base)
            packet.dts -= round(1 / packet.time_base)
            return True

        clip = make_clip("ordered.mp4", video_options={"preset": "ultrafast"})
        path = tmp_path / "early.mkv"
        repacked(clip, path, options={"avoid_negative_ts": "disabled"}, change=earlier)
        picture, sound = spans(Remuxer(path), "vide"), spans(Remuxer(path), "soun")
        assert picture[0][0] == pytest.approx(0.0, abs=0.05)
        assert picture[-1][1] == pytest.approx(sound[-1][1], abs=0.15)

    def test_seeking_before_the_picture(self, late):
        """It stands there too, and the sound is heard from there."""
        remuxer = Remuxer(late("late.mkv", two_s_later))
        assert spans(remuxer, "vide", 1.0)[0][0] == pytest.approx(1.0, abs=0.001)
        assert spans(remuxer, "soun", 1.0)[0][0] == pytest.approx(1.0, abs=0.05)


class TestContainers:
    @pytest.mark.parametrize(
        ("name", "changes", "strings"),
        [
            ("plain.mkv", {}, ["avc1.42c00b", "mp4a.40.2"]),
            ("plain.ts", {}, ["avc1.42c00b", "mp4a.40.2"]),
            ("plain.flv", {}, ["avc1.42c00b", "mp4a.40.2"]),
            ("plain.avi", {}, ["avc1.42c00b", "mp4a.40.2"]),
            ("plain.mov", {}, ["avc1.42c00b", "mp4a.40.2"]),
            ("surround.mp4", {"channels": "5.1"}, ["avc1.42c00b", "mp4a.40.2"]),
            ("flac.mkv", {"audio_codec": "flac"}, ["avc1.42c00b", "flac"]),
            ("opus.mkv", {"audio_codec": "libopus"}, ["avc1.42c00b", "opus"]),
            (
                "vp9.webm",
                {
                    "video_codec": "libvpx-vp9",
                    "video_options": {"deadline": "realtime", "cpu-used": "8"},
                    "audio_codec": "libopus",
                },
                ["vp09.00.10.08", "opus"],
            ),
            (
                "av1.mkv",
                {"video_codec": "libsvtav1", "video_options": {"preset": "12"}, "seconds": 1},
                ["av01.0.00M.08", "mp4a.40.2"],
            ),
            (
                "hevc.mp4",
                {
                    "video_codec": "libx265",
                    "video_options": {"preset": "ultrafast", "x265-params": "log-level=none"},
                    "seconds": 1,
                },
                ["hev1.1.6.L30.90", "mp4a.40.2"],
            ),
        ],
    )
    def test_codec_strings_are_exact(self, make_clip, name, changes, strings):
        """Whatever the container, the browser is told what the header holds."""
        changes = {"video_options": {"preset": "ultrafast", "crf": "35"}, **changes}
        remuxer = Remuxer(make_clip(f"strings-{name}", **changes))
        segments = list(remuxer.segments())
        assert codec_strings(remuxer.init_segment) == strings
        assert segments[0].start_s == pytest.approx(0, abs=0.05)
        assert remuxer.end.is_complete

    @pytest.mark.parametrize("tag", ["hvc1", "hev1"])
    def test_hevc_says_where_its_parameter_sets_are(self, make_clip, tmp_path, tag):
        """Safari takes only ``hvc1``, which promises that none is in a packet."""
        options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        source = make_clip("sets.mp4", video_codec="libx265", video_options=options, seconds=1)
        path = tmp_path / f"{tag}.mp4"
        with av.open(str(source)) as old, av.open(str(path), "w") as new:
            track = new.add_stream_from_template(old.streams.video[0], opaque=True)
            track.codec_context.codec_tag = tag
            for packet in old.demux(video=0):
                if packet.size:
                    packet.stream = track
                    new.mux(packet)
        remuxer = Remuxer(path)
        list(remuxer.segments())
        assert codec_strings(remuxer.init_segment)[0].startswith(tag)

    def test_no_sound(self, clips):
        """A silent clip has one track."""
        tracks = timescales(Remuxer(clips / "silent.mp4").init_segment)
        assert [handler for handler, _ in tracks.values()] == ["vide"]

    def test_only_sound(self, make_clip, tmp_path):
        """Sound without a picture is cut into segments that each decode alone."""
        path = tmp_path / "tone.m4a"
        with av.open(str(make_clip("plain.mp4"))) as source, av.open(str(path), "w") as target:
            track = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(audio=0):
                if packet.size:
                    packet.stream = track
                    target.mux(packet)
        segments = list(Remuxer(path).segments())
        assert segments[0].duration_s < 0.5
        assert all(segment.keyframe for segment in segments)

    def test_refused_sound_is_left_out(self, make_clip):
        """A browser that refuses AC-3 still shows the picture."""
        remuxer = Remuxer(make_clip("ac3.mp4", audio_codec="ac3"))
        list(remuxer.segments())
        assert len(codec_strings(remuxer.init_segment)) == 1

    def test_refused_picture(self, clips):
        """The error names the codec and what to do."""
        with pytest.raises(MediaError, match=r"do not play MPEG-4 part 2\. Re-encode") as caught:
            next(Remuxer(clips / "refused-codec.mp4").segments())
        assert caught.value.reason == "refused-codec"

    def test_pixels_stretched_by_the_container_alone(self, clip, tmp_path):
        """Where the codec says nothing of it, the container's word reaches the browser."""
        path = tmp_path / "wide.mp4"
        CORPUS["wide-by-header.mp4"].make(clip, path)
        init = Remuxer(path).init_segment
        assert init[init.index(b"pasp") + 4 :][:8] == struct.pack(">2I", 2, 1)

    def test_rotation_reaches_the_browser(self, clips):
        """The header still says that the picture is to be turned."""
        with av.open(whole(Remuxer(clips / "rotated.mp4"))) as container:
            assert next(container.decode(video=0)).rotation % 360 == 270  # counter-clockwise


class TestDamage:
    def test_a_cut_clip_gives_what_is_there(self, clips):
        """What is whole plays; then the end says how much there was."""
        remuxer = Remuxer(clips / "truncated.mp4")
        segments = list(remuxer.segments())
        assert segments[-1].end_s > 3
        assert not remuxer.end.is_complete
        assert remuxer.end.reason == "cut off: 4.4 s of 8.0 s are there"

    @pytest.mark.parametrize(
        ("first", "second"), [("h264", "mpeg2"), ("mpeg2", "h264"), ("h264", "hevc")]
    )
    def test_a_broadcast_that_changes_its_codec(self, make_clip, tmp_path, first, second):
        """Plays up to there: what follows would be noise to the page."""
        video = {
            "h264": {},
            "mpeg2": {"video_codec": "mpeg2video", "video_options": {}, "audio_codec": "mp2"},
            "hevc": {"video_codec": "libx265", "video_options": {"x265-params": "log-level=0"}},
        }
        path = tmp_path / "changed.ts"
        clips = [make_clip(f"broadcast-{name}.ts", **video[name]) for name in (first, second)]
        path.write_bytes(b"".join(clip.read_bytes() for clip in clips))
        with open_clip(path) as container:
            tracks = list(container.streams.video)
            kept = sum(1 for _ in demuxed(container, tracks))
        assert 73 <= kept <= 75
        assert probe(path).video.codec_string.startswith("avc1") is (first == "h264")

    def test_what_ffmpeg_cannot_follow(self, clip):
        """What precedes it is played, as with damage."""

        class Chain:
            """A stream whose tracks change midway."""

            format = SimpleNamespace(name="ogg")

            def __init__(self, container):
                self._packets = iter([*container.demux(video=0)])

            def demux(self, _):
                yield from self._packets
                raise av.PatchWelcomeError(0, "changing tracks is not implemented")

        with open_clip(clip) as container:
            found = [*demuxed(Chain(container), [*container.streams.video])]
        assert len(found) == 75

    def test_a_whole_clip_is_complete(self, clip):
        """Nothing is said to be missing of a clip that is whole."""
        remuxer = Remuxer(clip)
        list(remuxer.segments())
        assert remuxer.end.is_complete
        assert remuxer.end.reason == ""

    def test_a_header_without_media(self, clips, tmp_path):
        """A clip cut right after its index says so."""
        data = (clips / "portrait.mp4").read_bytes()
        moov = next(box for box in boxes(data) if box.kind == "moov")
        path = tmp_path / "header.mp4"
        path.write_bytes(data[: moov.end + 16])
        with pytest.raises(MediaError) as caught:
            list(Remuxer(path).segments())
        assert caught.value.reason in {"no-packets", "too-large"}

    def test_an_error_of_the_source_passes_through(self, clip):
        """A failing server is not reported as a damaged clip."""

        class Failing(io.BytesIO):
            def read(self, size=-1, /):
                if self.tell() > 10_000:
                    raise ConnectionResetError("the server went away")
                return super().read(size)

        with pytest.raises(ConnectionResetError, match="went away"):
            list(Remuxer(Failing(clip.read_bytes())).segments())

    @pytest.mark.parametrize("seed", range(30))
    @pytest.mark.parametrize("name", ["plain.mp4", "plain.flv", "plain.ts", "plain.mkv"])
    def test_mutants_never_crash(self, make_clip, name, seed):
        """Flipped bytes give segments or a MediaError, nothing else."""
        chance = random.Random(seed)
        data = bytearray(make_clip(name).read_bytes())
        for _ in range(chance.choice((1, 10, 100))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        with contextlib.suppress(MediaError):
            for segment in Remuxer(io.BytesIO(bytes(data))).segments():
                assert segment.data[4:8] == b"moof"


class Counting(io.BytesIO):
    """A file that counts what is read of it."""

    bytes_read = 0

    def read(self, size=-1, /):
        data = super().read(size)
        self.bytes_read += len(data)
        return data
