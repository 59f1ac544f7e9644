"""Converting what a browser does not take."""

from __future__ import annotations

import io
import json
import struct
import wave
from dataclasses import replace
from fractions import Fraction

import av
import pytest
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from vineview.core.events import VideoEvent
from vineview.errors import MediaError
from vineview.media.codec_strings import codec_strings
from vineview.media.codecs import SUPPORTED, Action, Plan, plan, supports
from vineview.media.convert import Transcoder
from vineview.media.corpus import repacked
from vineview.media.documents import document_of, from_document
from vineview.media.frames import poster
from vineview.media.loader import MediaLoader
from vineview.media.probe import probe
from vineview.media.remux import Remuxer

NO_PATENTS = {
    **SUPPORTED,
    **{name: False for name in SUPPORTED if name.startswith(("avc1", "mp4a", "hvc1"))},
}


def converted(path, answers=SUPPORTED):
    """A transcoder for a clip, by the plan for a browser."""
    return Transcoder(path, plan(probe(path), supports(answers)))


def played(transcoder, start_s=0.0):
    """What a browser would make of it: for each track, the times of its frames, in seconds."""
    data = b"".join(segment.data for segment in transcoder.segments(start_s))
    times: dict[str, list[float]] = {"video": [], "audio": []}
    with av.open(io.BytesIO(transcoder.init_segment + data)) as container:
        for frame in container.decode():
            kind = "video" if isinstance(frame, av.VideoFrame) else "audio"
            times[kind].append(frame.time)
    return times


def loudness(transcoder, from_s, until_s):
    """The loudest sample of a stretch, 0 to 1."""
    data = b"".join(segment.data for segment in transcoder.segments())
    loudest = 0.0
    with av.open(io.BytesIO(transcoder.init_segment + data)) as container:
        for frame in container.decode(audio=0):
            if from_s <= frame.time < until_s:
                loudest = max(loudest, float(abs(frame.to_ndarray()).max()))
    return loudest


def shifted(source, path, *, video_s=0.0, audio_s=0.0):
    """A copy of a clip, its tracks begun later."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        tracks = {
            track.index: (new.add_stream_from_template(track), shift)
            for track, shift in ((old.streams.video[0], video_s), (old.streams.audio[0], audio_s))
        }
        for packet in old.demux():
            if packet.dts is None:
                continue
            track, shift = tracks[packet.stream_index]
            ticks = round(Fraction(shift) / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            packet.stream = track
            new.mux(packet)
    return path


MPEG4 = {"video_codec": "mpeg4", "video_options": {"bf": "0"}, "audio_codec": "ac3"}


def grey(path, trc, level):
    """A clip of high dynamic range, grey all over, at a level of 1023."""
    with av.open(str(path), "w") as output:
        quiet = {"x265-params": "log-level=0"}
        stream = output.add_stream("libx265", rate=25, width=64, height=64, options=quiet)
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries = trc, ColorPrimaries.BT2020
        context.colorspace = Colorspace.BT2020
        for pts in range(3):
            frame = av.VideoFrame(64, 64, "yuv420p10le")
            for plane, value in zip(frame.planes, (level, 512, 512), strict=True):
                plane.update(value.to_bytes(2, "little") * (plane.buffer_size // 2))
            frame.pts = pts
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


class TestWhatIsConverted:
    @pytest.mark.parametrize(
        ("name", "changes"),
        [
            ("mpeg4-ac3.mkv", MPEG4),
            ("mpeg4-b.avi", {**MPEG4, "video_options": {"bf": "2"}, "audio_codec": "mp2"}),
            ("mpeg2.ts", {"video_codec": "mpeg2video", "video_options": {}, "audio_codec": "mp2"}),
            ("sorenson-aac.flv", {"video_codec": "flv", "video_options": {}}),
            (
                "sorenson-mp3.swf",
                {
                    "video_codec": "flv",
                    "video_options": {},
                    "audio_codec": "libmp3lame",
                    "rate_hz": 44_100,
                },
            ),
            (
                "hevc.mp4",
                {"video_codec": "libx265", "video_options": {"x265-params": "log-level=0"}},
            ),
            (
                "prores.mov",
                {"video_codec": "prores", "video_options": {}, "pix_fmt": "yuv422p10le"},
            ),
            ("mjpeg.avi", {"video_codec": "mjpeg", "video_options": {}, "pix_fmt": "yuvj420p"}),
            ("vp8.webm", {"video_codec": "libvpx", "video_options": {}, "audio_codec": "libopus"}),
            ("sound-only.mkv", {"audio_codec": "eac3"}),
            # FFmpeg's muxer counts this sound in wrong units.
            (
                "g726.avi",
                {**MPEG4, "audio_codec": "g726", "rate_hz": 8_000, "channels": "mono"},
            ),
        ],
    )
    def test_plays_to_its_end(self, make_clip, name, changes):
        """All of the picture and the sound, in order, as long as it is."""
        path = make_clip(name, **{"tone_hz": 440, **changes})
        expected_s = probe(path).duration_s
        assert expected_s == pytest.approx(3.0, rel=0.05)
        transcoder = converted(path)
        times = played(transcoder)
        for each in times.values():
            assert each == sorted(each)
            assert each[0] <= 0.1
            assert each[-1] == pytest.approx(expected_s, rel=0.05)
        assert len(times["video"]) in range(74, 78)
        assert transcoder.end.is_complete
        assert transcoder.lost == 0

    def test_what_is_taken_goes_as_it_is(self, make_clip):
        """Beside a converted sound, the picture's packets are the clip's own."""
        path = make_clip("h264-ac3.mkv", audio_codec="ac3")
        transcoder = converted(path)
        assert transcoder.plan.sentence == "H.264: as is; AC-3: converted to AAC"
        data = b"".join(segment.data for segment in transcoder.segments())
        with av.open(str(path)) as source:
            sizes = [packet.size for packet in source.demux(video=0) if packet.size]
        with av.open(io.BytesIO(transcoder.init_segment + data)) as container:
            assert [packet.size for packet in container.demux(video=0) if packet.size] == sizes

    def test_a_browser_without_patented_codecs(self, make_clip):
        """Gets VP9 and Opus."""
        transcoder = converted(make_clip("mpeg4-ac3.mkv", **MPEG4), NO_PATENTS)
        times = played(transcoder)
        strings = codec_strings(transcoder.init_segment)
        assert [string[:4] for string in strings] == ["vp09", "opus"]
        assert times["audio"][-1] == pytest.approx(3.0, rel=0.05)
        assert len(times["video"]) in range(74, 77)

    def test_an_animated_png(self, make_clip):
        """Moves; a PNG picture that does not is no clip."""
        card = {"video_codec": "apng", "video_options": {}, "pix_fmt": "rgb24", "tone_hz": None}
        path = make_clip("moving.apng", **card, seconds=1)
        assert len(played(converted(path))["video"]) == 25


class TestPicture:
    def test_turned_and_even(self, make_clip):
        """A player need know nothing of rotation."""
        path = make_clip("turned.mp4", **MPEG4, rotation=90, size=(120, 160), container_options={})
        with av.open(io.BytesIO(first_of(converted(path)))) as container:
            track = container.streams.video[0]
            assert (track.width, track.height) == (120, 160)
            assert track.codec_context.pix_fmt == "yuv420p"

    def test_keyframes_come_every_second(self, make_clip):
        """So that a seek need not decode much."""
        segments = list(converted(make_clip("mpeg4-ac3.mkv", **MPEG4)).segments())
        assert [one.start_s for one in segments if one.keyframe] == pytest.approx(
            [0.0, 1.0, 2.0], abs=0.05
        )


def first_of(transcoder) -> bytes:
    """Its beginning."""
    first = next(transcoder.segments())
    return transcoder.init_segment + first.data


class TestTime:
    def test_sound_that_begins_late_stays_late(self, make_clip, tmp_path):
        """Silence stands in for it, for a browser plays only what it has of both."""
        path = shifted(make_clip("mpeg4-ac3.mkv", **MPEG4), tmp_path / "late.mkv", audio_s=1.0)
        transcoder = converted(path)
        assert played(transcoder)["audio"][0] == pytest.approx(0.0, abs=0.01)
        assert loudness(transcoder, 0.0, 0.9) < 0.001
        assert loudness(transcoder, 1.1, 2.0) > 0.05

    def test_a_picture_that_begins_late_stands_from_the_start(self, make_clip, tmp_path):
        """Its first picture is shown until then."""
        path = shifted(make_clip("mpeg4-ac3.mkv", **MPEG4), tmp_path / "late.mkv", video_s=1.0)
        times = played(converted(path))["video"]
        assert times[:2] == pytest.approx([0.0, 1.0], abs=0.05)

    def test_channels_that_are_a_number_only(self, tmp_path):
        """Of nine, which no arrangement has, the first two are heard."""
        path = tmp_path / "nine.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((9, 2, 16_000, 0, "NONE", ""))
            for number in range(8000):
                loud = 20_000 if number % 16 < 8 else -20_000
                file.writeframesraw(struct.pack("<9h", loud, loud, *[0] * 7))
        assert loudness(converted(path), 0.1, 0.4) > 0.4

    @pytest.mark.parametrize("channels", [1, 2, 6])
    def test_channels_without_places(self, tmp_path, channels):
        """Of so few the usual arrangement is meant: Sun's AU, for one, knows no other."""
        path = tmp_path / "tone.au"
        tone = [20_000 if number % 16 < 8 else -20_000 for number in range(8000)]
        data = struct.pack(f">{8000 * channels}h", *[one for one in tone for _ in range(channels)])
        path.write_bytes(b".snd" + struct.pack(">5I", 24, len(data), 3, 16_000, channels) + data)
        assert loudness(converted(path), 0.1, 0.4) > 0.4

    def test_a_clock_that_begins_anywhere(self, make_clip, tmp_path):
        """The clip begins at zero."""
        path = shifted(
            make_clip("mpeg4-ac3.mkv", **MPEG4), tmp_path / "a.mkv", video_s=500.0, audio_s=500.0
        )
        times = played(converted(path))
        assert times["video"][0] == pytest.approx(0.0, abs=0.05)
        assert times["video"][-1] == pytest.approx(3.0, abs=0.1)

    @pytest.mark.parametrize("name", ["mpeg4-ac3.mkv", "mpeg4-b.avi"])
    def test_seeks_exactly(self, make_clip, name):
        """What lies before is decoded and dropped; the sound is there from the start."""
        changes = {**MPEG4, "video_options": {"bf": "2"}, "audio_codec": "mp2"}
        path = make_clip(name, **(MPEG4 if name.endswith("mkv") else changes))
        transcoder = converted(path)
        first = next(transcoder.segments(1.5))
        assert first.keyframe
        assert first.start_s == pytest.approx(1.5, abs=0.05)
        times = played(transcoder, 1.5)
        assert times["audio"][0] <= 1.52
        assert times["video"][-1] == pytest.approx(3.0, abs=0.1)

    @pytest.mark.parametrize("start_s", [0.2, 1.5, 2.9])
    def test_seeks_in_a_broadcast_whose_keyframes_are_rare(self, make_clip, start_s):
        """It is decoded from the keyframe before, however far back that is."""
        path = make_clip("rare-keyframes.ts", keyframe_every_s=9.0)
        transcoder = Transcoder(path, plan(probe(path), as_is=False))
        times = played(transcoder, start_s)["video"]
        assert times[0] == pytest.approx(start_s, abs=0.05)
        assert times[-1] == pytest.approx(2.96, abs=0.05)
        first = next(Remuxer(path).segments(start_s))
        assert (first.keyframe, first.start_s) == (True, 0.0)

    def test_a_seek_leaves_the_end_where_it_is(self, make_clip):
        """The last of a few slides is shown no longer for having been sought midway."""
        path = make_clip("slides.avi", fps=1, video_codec="mpeg4", video_options={}, tone_hz=None)
        last = list(converted(path).segments(2.6))[-1]
        assert last.end_s == pytest.approx(3.0, abs=0.01)

    def test_a_seek_behind_a_change_of_size(self, make_clip, tmp_path):
        """A page has one header for all of a clip, so its pictures keep the size of the first."""
        changes = {"video_codec": "flv", "video_options": {}, "audio_codec": "mp3"}
        changes["rate_hz"] = 44_100
        small = make_clip("small.flv", **changes).read_bytes()
        large = make_clip("large.flv", size=(320, 240), **changes).read_bytes()
        path = tmp_path / "pasted.flv"
        path.write_bytes(small + large[13:])  # without its header
        whole = converted(path)
        next(whole.segments())
        later = Transcoder(
            path, from_document(Plan, json.loads(json.dumps(document_of(whole.plan))))
        )
        next(later.segments(4.0))
        assert later.init_segment == whole.init_segment

    @pytest.mark.parametrize("name", ["rare-keyframes.avi", "rare-keyframes.h264"])
    def test_seeks_where_there_is_no_index(self, make_clip, tmp_path, name):
        """An AVI that was cut off has lost its own, pictures without a container have none."""
        tone = 440 if name.endswith("avi") else None
        whole = make_clip(name, keyframe_every_s=9.0, audio_codec="mp3", tone_hz=tone)
        path = tmp_path / name
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 8 // 10])
        remuxer = Remuxer(path, plan=plan(replace(probe(path), audio=None)))
        next(remuxer.segments())
        segments = list(remuxer.segments(1.5))
        assert segments[0].keyframe
        assert segments[-1].end_s == pytest.approx(probe(path).duration_s, abs=0.1)
        transcoder = Transcoder(path, plan(probe(path), as_is=False))
        assert played(transcoder, 1.5)["video"][0] == pytest.approx(1.5, abs=0.1)

    def test_the_first_picture_waits_for_little(self, make_clip):
        """A fraction of the clip is read for it."""
        path = make_clip("long.ts", **{**MPEG4, "video_codec": "mpeg2video", "seconds": 20})
        files = []

        def opened():
            files.append(path.open("rb"))
            return files[-1]

        segments = Transcoder(opened, plan(probe(path)), name="a").segments()
        next(segments)
        assert files[-1].tell() < path.stat().st_size / 2
        segments.close()


class TestDamage:
    def test_what_is_damaged_is_passed_over(self, make_clip, tmp_path):
        """The rest plays, and the end says how much was lost."""
        data = bytearray(make_clip("mpeg4-ac3.mkv", **MPEG4).read_bytes())
        middle = len(data) // 2
        data[middle : middle + 3000] = bytes(3000)
        path = tmp_path / "hole.mkv"
        path.write_bytes(data)
        transcoder = converted(path)
        assert played(transcoder)["video"][-1] > 2.5

    def test_a_picture_that_does_not_decode_is_left_out(self, make_clip, tmp_path):
        """The sound plays."""
        source = make_clip("mpeg4-ac3.mkv", **MPEG4)
        transcoder = converted(with_noise(source, tmp_path / "noise.mkv", {0}))
        times = played(transcoder)
        assert transcoder.plan.video.action is Action.LEAVE_OUT
        assert transcoder.lost > 0
        assert times["audio"][-1] == pytest.approx(3.0, abs=0.1)

    def test_a_stream_without_its_picture_goes_on_as_it_is(self, make_clip, tmp_path):
        """By the plan in which the picture was left out, sound a browser takes needs no change."""
        source = make_clip("mpeg4-aac.mkv", **{**MPEG4, "audio_codec": "aac"})
        transcoder = converted(with_noise(source, tmp_path / "noise.mkv", {0}))
        next(transcoder.segments())
        remuxer = Remuxer(tmp_path / "noise.mkv", plan=transcoder.plan)
        assert list(remuxer.segments())[-1].end_s == pytest.approx(3.0, abs=0.1)

    def test_sound_alone_begins_where_the_clip_does(self, make_clip, tmp_path):
        """Sound that goes as it is beside a picture left out is counted from the clip's zero."""
        source = make_clip("mpeg4-aac.mkv", **{**MPEG4, "audio_codec": "aac"})
        later = shifted(source, tmp_path / "later.mkv", video_s=500.0, audio_s=500.0)
        path = with_noise(later, tmp_path / "noise.mkv", {0})
        transcoder = converted(path)
        assert list(transcoder.segments())[-1].end_s == pytest.approx(3.0, abs=0.1)
        remuxer = Remuxer(path, plan=transcoder.plan)
        remuxer.origin_s = transcoder.origin_s
        assert list(remuxer.segments())[-1].end_s == pytest.approx(3.0, abs=0.1)

    def test_a_picture_that_lost_a_part_is_shown(self, make_clip, tmp_path):
        """A decoder makes the best of it, and those after it build on it."""
        whole = make_clip("one-keyframe.ts", keyframe_every_s=9.0, video_options={"bf": "0"})
        data = whole.read_bytes()
        packets = [data[at : at + 188] for at in range(0, len(data), 188)]
        picture = [at for at, one in enumerate(packets) if one[1] & 0x1F == 1 and one[2] == 0]
        del packets[picture[200]]
        path = tmp_path / "lossy.ts"
        path.write_bytes(b"".join(packets))
        with av.open(str(path)) as container:
            damaged = sum(packet.is_corrupt for packet in container.demux(video=0))
        transcoder = Transcoder(path, plan(probe(path), as_is=False))
        assert damaged > 0
        assert len(played(transcoder)["video"]) == 75

    def test_pictures_of_which_none_is_called_a_keyframe(self, make_clip, tmp_path):
        """Some containers mark none; what decodes is shown from the first on."""

        def unmarked(packet):
            packet.is_keyframe = packet.stream.type != "video"
            return True

        path = tmp_path / "unmarked.mkv"
        repacked(make_clip("mpeg4-ac3.mkv", **MPEG4), path, change=unmarked)
        times = played(converted(path))["video"]
        assert times[0] == pytest.approx(0.0, abs=0.05)
        assert len(times) in range(74, 78)

    def test_nothing_that_decodes_is_an_error(self, make_clip, tmp_path):
        """Said with what to do."""
        source = make_clip("mpeg4-ac3.mkv", **MPEG4)
        transcoder = converted(with_noise(source, tmp_path / "noise.mkv", {0, 1}))
        with pytest.raises(MediaError, match=r"nothing of .* can be decoded") as caught:
            next(transcoder.segments())
        assert caught.value.hint


def with_noise(source, path, indices):
    """A copy of a clip with nothing but noise in the packets of some tracks."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        tracks = [new.add_stream_from_template(track) for track in old.streams]
        for packet in old.demux():
            if packet.dts is None:
                continue
            track, sent = tracks[packet.stream_index], packet
            if packet.stream_index in indices:
                sent = av.Packet(b"\x55" * packet.size)
                sent.pts, sent.dts, sent.time_base = packet.pts, packet.dts, packet.time_base
                sent.is_keyframe = packet.is_keyframe
            sent.stream = track
            new.mux(sent)
    return path


class TestRawStreams:
    """Without a container: what a camera or a receiver wrote down."""

    def test_jpegs_one_after_the_other_are_a_clip(self, tmp_path, clips):
        raw = tmp_path / "raw.mjpeg"
        raw.write_bytes(poster(clips / "portrait.mp4") * 50)
        assert probe(raw).duration_s == pytest.approx(2)
        assert played(converted(raw))["video"][-1] == pytest.approx(49 / 25, abs=0.01)

    async def test_the_loader_takes_them_for_no_still(self, tmp_path, clips):
        raw = tmp_path / "raw.mjpeg"
        raw.write_bytes(poster(clips / "portrait.mp4") * 50)
        loader = MediaLoader()
        loaded = await loader.load(VideoEvent(id="a", video_url=str(raw), is_local=True))
        assert loaded.treatment.startswith("Motion JPEG: converted to H.264")
        loaded.release()
        loader.executor.shutdown()

    def test_a_jpeg_of_several_views_is_still_a_picture(self, tmp_path, clips):
        view = poster(clips / "portrait.mp4")
        path = tmp_path / "views.jpg"
        path.write_bytes(view[:2] + b"\xff\xe2\x00\x06MPF\0" + view[2:] + view)
        with pytest.raises(MediaError, match="it is a JPEG picture"):
            probe(path)

    def test_aac_in_latm_is_heard_to_its_end(self, tmp_path, make_clip):
        path = tmp_path / "a.latm"
        with av.open(str(make_clip("base.mp4"))) as old, av.open(str(path), "w") as new:
            track = new.add_stream_from_template(old.streams.audio[0])
            for packet in old.demux(audio=0):
                if packet.dts is not None:
                    packet.stream = track
                    new.mux(packet)
        assert plan(probe(path)).sentence == "AAC in LATM: converted to AAC"
        assert played(converted(path))["audio"][-1] == pytest.approx(3, abs=0.1)


class TestHighDynamicRange:
    """Levels by ITU-R BT.2408: 18 % grey and diffuse white, at 26 and 203 cd/m2 for both kinds."""

    @pytest.mark.parametrize(
        ("trc", "level", "low", "high"),
        [
            (ColorTrc.SMPTE2084, 397, 75, 110),
            (ColorTrc.SMPTE2084, 572, 165, 185),
            (ColorTrc.ARIB_STD_B67, 397, 75, 110),
            (ColorTrc.ARIB_STD_B67, 721, 165, 185),
        ],
    )
    def test_its_grey_and_white_are_those_of_an_ordinary_clip(
        self, tmp_path, trc, level, low, high
    ):
        transcoder = converted(grey(tmp_path / "hdr.mp4", trc, level))
        data = b"".join(segment.data for segment in transcoder.segments())
        with av.open(io.BytesIO(transcoder.init_segment + data)) as container:
            frame = next(container.decode(video=0))
        assert low <= bytes(frame.planes[0])[0] <= high
        assert (frame.color_trc, frame.color_primaries) == (ColorTrc.BT709, ColorPrimaries.BT709)

    def test_its_poster_is_as_bright_as_the_clip(self, tmp_path):
        clip = grey(tmp_path / "hdr.mp4", ColorTrc.SMPTE2084, 572)
        with av.open(io.BytesIO(poster(clip)), format="mjpeg") as container:
            frame = next(container.decode(video=0))
        assert 170 <= bytes(frame.planes[0])[0] <= 195  # of 255: a picture has no headroom


class TestRareColours:
    @pytest.mark.parametrize("said", [(8, 1, 1), (2, 1, 9), (10, 9, 9), (14, 22, 10)])
    def test_what_no_scaler_knows_is_taken_for_the_usual(self, tmp_path, said):
        """Matrix, primaries and transfer that are reserved or rare: the clip still plays."""
        path = tmp_path / "rare.mkv"
        with av.open(str(path), "w") as output:
            track = output.add_stream("ffv1", rate=25)
            track.width, track.height, track.pix_fmt = 160, 120, "yuv422p"
            context = track.codec_context
            context.colorspace, context.color_primaries, context.color_trc = said
            for number in range(10):
                frame = av.VideoFrame(160, 120, "yuv422p")
                frame.colorspace, frame.color_primaries, frame.color_trc = said
                frame.pts = number
                output.mux(track.encode(frame))
            output.mux(track.encode(None))
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            assert (frame.colorspace, frame.color_primaries, frame.color_trc) == said
        assert played(converted(path))["video"][-1] == pytest.approx(0.4, abs=0.05)
        assert poster(path)
