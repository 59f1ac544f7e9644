"""What a clip is, and whether it will play."""

from __future__ import annotations

import io
import itertools
import re
import struct
from dataclasses import replace

import av
import pytest

from vineview.errors import MediaError
from vineview.media.boxes import boxes, find
from vineview.media.codecs import SUPPORTED, plan, supports
from vineview.media.convert import Transcoder
from vineview.media.probe import examined, probe
from vineview.media.remux import Remuxer

FRAGMENT = ("moof", "mdat")
STSD = "moov/trak/mdia/minf/stbl/stsd"


def refusal(data: bytes) -> MediaError:
    """The error that probing these bytes raises."""
    with pytest.raises(MediaError) as caught:
        probe(io.BytesIO(data))
    return caught.value


class TestFacts:
    def test_the_real_clip(self, clips):
        """Picture, sound, container and what the browser will be told."""
        info = probe(clips / "bigbuckbunny.mp4")
        assert info.summary == "H.264 Main 1280x720, AAC 5.1: plays as is"
        assert info.format == "mp4"
        assert info.duration_s == pytest.approx(5.312)
        assert info.size_bytes == 1_055_736
        assert info.mime_type == 'video/mp4; codecs="avc1.4d401f,mp4a.40.2"'
        assert (info.video.codec_string, info.video.fps) == ("avc1.4d401f", 25.0)
        assert (info.audio.channels, info.audio.sample_rate) == (6, 48_000)
        assert info.shortfall == ""
        assert info.verdict

    def test_webm(self, clips):
        """Clips from WebM go to the browser as MP4."""
        info = probe(clips / "vp9-opus.webm")
        assert info.format == "webm"
        assert info.mime_type == 'video/mp4; codecs="vp09.00.21.08,opus"'

    def test_rotation(self, clips):
        """A picture stored on its side is described as it is shown."""
        video = probe(clips / "rotated.mp4").video
        assert (video.width, video.height, video.rotation) == (640, 360, 90)
        assert video.display_size == (360, 640)

    def test_stretched_pixels(self, clips):
        """Pixels wider than tall make the shown picture wider."""
        video = replace(probe(clips / "silent.mp4").video, sample_aspect_ratio=4 / 3)
        assert video.display_size == (640, 270)

    def test_a_picture_announced_only(self, make_clip, tmp_path):
        """A broadcast whose picture never comes is a clip of sound."""
        data = make_clip("whole.ts").read_bytes()
        path = tmp_path / "radio.ts"
        packets = [data[at : at + 188] for at in range(0, len(data), 188)]
        is_picture = [packet[1] & 0x1F == 1 and packet[2] == 0 for packet in packets]
        path.write_bytes(
            b"".join(packet for packet, drop in zip(packets, is_picture, strict=True) if not drop)
        )
        info = probe(path)
        assert any(is_picture)
        assert info.verdict.how == "as is"
        assert info.video is None
        assert info.duration_s == pytest.approx(3.0, rel=0.05)

    @pytest.mark.parametrize(
        ("name", "audio_shift_s", "options"),
        [
            ("late.ts", -3.0, {}),
            ("late.ts", 3.0, {}),
            ("late.ts", 3.0, {"mpegts_flags": "latm"}),
            ("late.flv", -3.0, {}),
        ],
    )
    def test_a_picture_or_sound_that_comes_late(
        self, make_clip, tmp_path, name, audio_shift_s, options
    ):
        """What a broadcast announces is waited for, as where one tunes in between keyframes."""
        path = tmp_path / name
        clip = make_clip("plain.mp4")
        remuxed(clip, path, options=options, shift_s=3.0, audio_shift_s=audio_shift_s)
        info = probe(path)
        assert info.video.width == 160
        assert info.audio.sample_rate == 48_000

    def test_programmes_are_not_mixed(self, make_clip, tmp_path):
        """A picture is played with the sound of its own programme, though another comes first."""
        path = tmp_path / "two.ts"
        path.write_bytes(
            two_programmes(
                remuxed(make_clip("plain.mp4"), tmp_path / "1.ts", only="audio"),
                remuxed(
                    make_clip("mono.mp4", channels="mono"),
                    tmp_path / "2.ts",
                    options={
                        "mpegts_service_id": "2",
                        "mpegts_pmt_start_pid": "4112",
                        "mpegts_start_pid": "512",
                    },
                ),
            )
        )
        info = probe(path)
        assert info.track_count == 3
        assert info.video is not None
        assert info.audio.channels == 1

    def test_variable_rate(self, make_clip, tmp_path):
        """Uneven intervals are noticed, and the rate given is the average."""
        path = tmp_path / "uneven.mp4"
        with av.open(str(make_clip("plain.mp4"))) as source, av.open(str(path), "w") as target:
            track = target.add_stream_from_template(source.streams.video[0])
            for number, packet in enumerate(source.demux(video=0)):
                if packet.size:
                    pause = number // 10 * 5000
                    packet.pts, packet.dts = packet.pts + pause, packet.dts + pause
                    packet.stream = track
                    target.mux(packet)
        video = probe(path).video
        assert video.is_variable_rate
        assert video.fps < 25

    def test_cover_picture_is_not_video(self, clips, tmp_path):
        """A song with a cover is sound."""
        path = tmp_path / "song.mp4"
        with av.open(str(clips / "portrait.mp4")) as source, av.open(str(path), "w") as target:
            sound = target.add_stream_from_template(source.streams.audio[0])
            cover = target.add_stream("mjpeg", rate=1)
            cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
            cover.disposition = av.stream.Disposition.attached_pic
            frame = av.VideoFrame(64, 64, "yuvj420p")
            frame.pts = 0
            target.mux([*cover.encode(frame), *cover.encode(None)])
            for packet in source.demux(audio=0):
                if packet.size:
                    packet.stream = sound
                    target.mux(packet)
        info = probe(path)
        assert info.video is None
        assert info.mime_type == 'audio/mp4; codecs="mp4a.40.2"'

    def test_many_tracks(self, make_clip, tmp_path):
        """One picture and one sound are chosen of many; all are counted."""
        path = tmp_path / "many.mkv"
        with av.open(str(make_clip("plain.mp4"))) as source, av.open(str(path), "w") as target:
            tracks = [target.add_stream_from_template(source.streams.audio[0]) for _ in range(99)]
            tracks.append(target.add_stream_from_template(source.streams.video[0]))
            for packet in source.demux():
                if packet.size:
                    packet.stream = tracks[0] if packet.stream.type == "audio" else tracks[-1]
                    target.mux(packet)
        info = probe(path)
        assert info.track_count == 100
        assert info.verdict.how == "as is"

    def test_a_wrong_extension_does_not_matter(self, clips, tmp_path):
        """A clip is judged by its bytes."""
        path = tmp_path / "clip.txt"
        path.write_bytes((clips / "vp9-opus.webm").read_bytes())
        assert probe(path).format == "webm"

    def test_descriptions_in_other_encodings(self, make_clip, tmp_path):
        """A name that is not UTF-8 does not keep a clip from playing."""
        data = make_clip("plain.mp4").read_bytes().replace(b"VideoHandler", b"Video\xe4andler")
        assert b"Video\xe4andler" in data
        assert probe(io.BytesIO(data)).verdict

    def test_little_is_read(self, clips):
        """Probing costs the beginning of a clip."""

        class Counting(io.BytesIO):
            bytes_read = 0

            def read(self, size=-1, /):
                data = super().read(size)
                self.bytes_read += len(data)
                return data

        file = Counting((clips / "bigbuckbunny.mp4").read_bytes())
        probe(file)
        assert file.bytes_read < 500_000


class TestVerdict:
    def test_refused_codecs_are_converted(self, clips):
        """What no browser takes plays all the same, and the verdict says how and why."""
        info = probe(clips / "refused-codec.mp4")
        assert info.verdict.how == "converted"
        assert info.summary.endswith(
            "plays, converted: MPEG-4 part 2 to H.264, browsers do not play MPEG-4 part 2; "
            "AC-3 to AAC, browsers do not play AC-3"
        )

    def test_refused_sound_alone_is_converted(self, make_clip):
        """A picture that can go as it is does."""
        info = probe(make_clip("ac3.mp4", audio_codec="ac3"))
        assert plan(info).sentence == "H.264: as is; AC-3: converted to AAC"

    def test_hevc(self, make_clip):
        """HEVC is converted, unless the browser said it takes it."""
        info = probe(
            make_clip(
                "undecided.mp4",
                video_codec="libx265",
                video_options={"preset": "ultrafast", "x265-params": "log-level=none"},
                seconds=1,
            )
        )
        assert plan(info).sentence == "HEVC: converted to H.264; AAC: as is"
        able = supports({**SUPPORTED, "hvc1.1.6.L93.90": True, "hev1.1.6.L93.90": True})
        assert plan(info, able).sentence == "HEVC, AAC: as is"

    def test_gif(self, clips):
        """A GIF is shown as a picture, without MediaSource."""
        info = probe(clips / "loop.gif")
        assert info.verdict.how == "as a picture"
        assert info.summary == "GIF 160x160: plays as a picture"

    def test_cut_off(self, clips):
        """A clip whose index came first plays as far as it goes, and says how far."""
        info = probe(clips / "truncated.mp4")
        assert info.verdict
        assert "the first 4.2 s of 8.0 s are there" in info.shortfall
        assert info.shortfall in info.summary


class TestDuration:
    """How long a clip is, is what its packets say where its header may not be trusted."""

    def test_without_a_duration_in_the_header(self, make_clip, tmp_path):
        """A recording that was streamed knows no duration; its packets do."""
        path = remuxed(make_clip("plain.mp4"), tmp_path / "live.mkv", options={"live": "1"})
        assert probe(path).duration_s == pytest.approx(3, abs=0.1)

    def test_a_header_that_says_too_little(self, make_clip, tmp_path):
        """The packets of a clip of a megabyte or two are counted: nobody waits for that."""
        data = bytearray(make_clip("plain.mkv").read_bytes())
        at = data.index(b"\x44\x89\x88") + 3  # behind the name and the size of its duration
        data[at : at + 8] = struct.pack(">d", 2000.0)
        path = tmp_path / "short.mkv"
        path.write_bytes(data + bytes(2**20))
        assert probe(path).duration_s == pytest.approx(3.0, rel=0.05)

    def test_a_clock_that_starts_late(self, make_clip, tmp_path):
        """Ten hours on the clock of a camera are not ten hours of video."""
        path = remuxed(make_clip("plain.mp4"), tmp_path / "late.mkv", shift_s=36_000)
        assert probe(path).duration_s == pytest.approx(3, abs=0.1)

    def test_streams_pasted_together(self, make_clip, tmp_path):
        """Where the clock starts anew, the second part follows the first."""
        path = tmp_path / "pasted.ts"
        path.write_bytes(make_clip("plain.ts").read_bytes() * 2)
        assert probe(path).duration_s == pytest.approx(6, abs=0.2)

    @pytest.mark.parametrize("name", ["plain.mkv", "plain.flv", "plain.ts"])
    def test_cut_off(self, make_clip, tmp_path, name):
        """A clip cut anywhere is as long as what is there of it."""
        data = make_clip(name).read_bytes()
        path = tmp_path / name
        path.write_bytes(data[: len(data) // 2])
        assert 0.8 < probe(path).duration_s < 2.2

    def test_damaged_fragments(self, make_clip, tmp_path):
        """What can be read of them counts, whatever their index promises."""
        data = bytearray(fragments(make_clip))
        trun = data.index(b"trun")
        sizes = trun + 20  # behind its flags, count, data offset and first sample's flags
        data[sizes + 80 : sizes + 84] = len(data).to_bytes(4, "big")  # of the eleventh picture
        path = tmp_path / "damaged.mp4"
        path.write_bytes(data)
        info = probe(path)
        assert info.duration_s == pytest.approx(0.4)
        assert info.shortfall == "cut off: the first 0.4 s of 3.0 s are there"

    def test_begun_in_the_clear(self, make_clip, tmp_path):
        """What precedes encryption plays, and that it ends there is said."""
        path = tmp_path / "lead.mp4"
        path.write_bytes(clear_lead(make_clip))
        info = probe(path)
        assert info.verdict
        assert info.duration_s == pytest.approx(1.0)
        assert info.shortfall == "encrypted from 1.0 s on"
        remuxer = Remuxer(path)
        assert max(segment.end_s for segment in remuxer.segments()) == pytest.approx(1.0)
        assert remuxer.end.reason == info.shortfall
        with pytest.raises(MediaError, match="is encrypted"):
            list(remuxer.segments(2.0))

    def test_fragments_that_start_late(self, make_clip, tmp_path):
        """A part of a broadcast lasts as long as it is, not until its clock's end."""
        flags = {
            "movflags": "frag_keyframe+empty_moov+frag_discont",
            "use_editlist": "0",
            "avoid_negative_ts": "disabled",
        }
        late = remuxed(make_clip("clip.mp4"), tmp_path / "late.mp4", options=flags, shift_s=20.0)
        assert probe(late).duration_s == pytest.approx(3, abs=0.15)

    def test_sound_that_leads_in(self, tmp_path):
        """What an encoder puts before the first sample is neither heard nor counted."""
        path = tmp_path / "telephone.m4a"
        with av.open(str(path), "w") as output:
            track = output.add_stream("aac", rate=8000, layout="mono")
            for number in range(8):
                silence = av.AudioFrame(format="fltp", layout="mono", samples=1024)
                silence.sample_rate, silence.pts = 8000, 1024 * number
                silence.planes[0].update(bytes(silence.planes[0].buffer_size))
                output.mux(track.encode(silence))
            output.mux(track.encode(None))
        reached_s = max(segment.end_s for segment in Remuxer(path).segments())
        assert reached_s == pytest.approx(8 * 1024 / 8000)
        assert probe(path).duration_s == pytest.approx(reached_s)

    def test_without_a_keyframe(self, make_clip, tmp_path):
        """What is there counts, not what the header said of the whole."""
        whole = make_clip("one-keyframe.mkv", keyframe_every_s=9.0, video_options={"bf": "0"})
        path = remuxed(whole, tmp_path / "cut.mkv", without_keyframes=True)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        assert 0.8 < probe(path).duration_s < 2.2

    def test_examining_leaves_the_clip_at_its_beginning(self, make_clip):
        """Packets that were counted are read again by whoever plays them."""
        with examined(make_clip("plain.ts")) as (container, info):
            first = next(packet for packet in container.demux(video=0) if packet.size)
            assert first.is_keyframe
            assert info.duration_s == pytest.approx(3, abs=0.1)

    def test_a_broadcast_of_two_pictures(self, make_clip):
        """What FFmpeg estimates of a broadcast says less than the last packet."""
        path = make_clip("two.ts", seconds=0.08, tone_hz=None)
        ends_s = [segment.end_s for segment in Remuxer(path).segments()]
        assert probe(path).duration_s == pytest.approx(0.08) == max(ends_s)

    def test_an_mp4_that_does_not_say(self, make_clip, tmp_path):
        """Recorders that were never closed leave it open; the packets say."""
        data = bytearray(make_clip("plain.mp4").read_bytes())
        for path, at in (
            ("moov/mvhd", 16),
            ("moov/trak/tkhd", 20),
            ("moov/trak/mdia/mdhd", 16),
            ("moov/trak/edts/elst", 8),
        ):
            for box in find(bytes(data), path):
                data[box.start + at : box.start + at + 4] = b"\xff" * 4
        (tmp_path / "open.mp4").write_bytes(data)
        assert probe(tmp_path / "open.mp4").duration_s == pytest.approx(3.0, abs=0.05)


class TestObstacles:
    """What in its packets keeps a track from going as it is."""

    def test_sound_that_begins_late(self, make_clip, tmp_path):
        """A page waits for sound that is not there; so it is filled."""
        path = remuxed(make_clip("plain.mp4"), tmp_path / "late-sound.mp4", audio_shift_s=1.5)
        decided = plan(probe(path))
        assert decided.sentence == "H.264: as is; AAC: encoded anew, its sound begins 1.5 s late"

    def test_a_beginning_cut_between_keyframes(self, make_clip, tmp_path):
        """What an edit list hides must not be seen."""
        path = remuxed(make_clip("plain.mp4"), tmp_path / "trimmed.mp4", shift_s=-0.52)
        info = probe(path)
        assert info.video.obstacle == "0.5 s of it are cut off between keyframes"
        assert info.duration_s == pytest.approx(2.48, abs=0.05)

    @pytest.mark.parametrize("fps", [1, 2])
    def test_pictures_too_far_apart(self, make_clip, fps):
        """Matroska does not store when to decode, and a guess puts some behind others."""
        slow = {"fps": fps, "seconds": 16, "keyframe_every_s": 60.0, "video_options": {"bf": "8"}}
        path = make_clip(f"slow-{fps}.mkv", **slow)
        info = probe(path)
        assert info.video.obstacle == "its pictures are too far apart to tell their order"
        made = Transcoder(path, plan(info)).segments()
        assert max(one.end_s for one in made) == pytest.approx(info.duration_s, abs=0.1)

    def test_a_clock_that_starts_anew_is_no_such_guess(self, make_clip, tmp_path):
        """In a codec that is converted anyway, what is there counts, not what the header says."""
        short = {"container_options": {"cluster_time_limit": "500"}, "video_options": {"bf": "2"}}
        data = bytearray(make_clip("again.mkv", video_codec="mpeg4", **short).read_bytes())
        clusters = [found.start() for found in re.finditer(rb"\x1f\x43\xb6\x75", data)]
        first_ms = None
        for at in clusters[len(clusters) // 2 :]:
            time_at = data.index(b"\xe7\x82", at) + 2  # a time of two bytes
            time_ms = int.from_bytes(data[time_at : time_at + 2])
            first_ms = time_ms if first_ms is None else first_ms
            data[time_at : time_at + 2] = (time_ms - first_ms).to_bytes(2)
        duration_at = data.index(b"\x44\x89\x88") + 3
        data[duration_at : duration_at + 8] = struct.pack(">d", 1500.0)
        path = tmp_path / "again.mkv"
        path.write_bytes(data)
        info = probe(path)
        assert not info.video.obstacle
        made = list(Transcoder(path, plan(info)).segments())
        assert made[-1].end_s == pytest.approx(info.duration_s, abs=0.1)

    def test_sound_whose_header_is_gone(self, make_clip, tmp_path):
        """A capture of a stream may begin behind what describes its AAC; decoders guess right."""
        data = make_clip("plain.flv").read_bytes()
        at = data.index(b"\xaf\x00") - 11  # the tag of that packet, and its length behind it
        length = 15 + int.from_bytes(data[at + 1 : at + 4], "big")
        (tmp_path / "midway.flv").write_bytes(data[:at] + data[at + length :])
        decided = plan(probe(tmp_path / "midway.flv"))
        assert decided.sentence == (
            "H.264: as is; AAC: encoded anew, its header does not describe it"
        )

    def test_flac_is_not_taken_for_aac(self, make_clip):
        """Its packets begin as those of a broadcast's AAC do, and its last is shorter."""
        info = probe(make_clip("flac.mkv", audio_codec="flac"))
        assert info.audio.codec_string == "flac"
        assert (info.audio.obstacle, info.verdict.how) == ("", "as is")

    def test_channels_described_in_the_stream(self, make_clip):
        """AAC with an unusual arrangement of channels is encoded anew."""
        info = probe(make_clip("quad.mp4", channels="quad"))
        assert info.audio.obstacle == "browsers do not play its arrangement of 4 channels"


class TestWhatIsNoClip:
    def test_missing(self, tmp_path):
        """A wrong path is said to be one."""
        with pytest.raises(MediaError, match="cannot be opened: No such file") as caught:
            probe(tmp_path / "nothing.mp4")
        assert caught.value.reason == "missing"

    @pytest.mark.parametrize(
        ("data", "reason", "words"),
        [
            (b"", "empty", "is empty (0 bytes)"),
            (b"just text\n" * 9, "not-a-video", "it is a text file"),
            ("Übergröße, kein Video\n".encode() * 9, "not-a-video", "it is a text file"),
            (b"<!DOCTYPE html><title>404</title>", "not-a-video", "it is a web page"),
            (b'{"error": "gone"}', "not-a-video", "it is JSON text"),
            (b"\x89PNG\r\n\x1a\n" + bytes(99), "image", "it is a PNG picture"),
            (b"\xff\xd8\xff\xe0" + bytes(99), "image", "it is a JPEG picture"),
            (b"RIFF\x99\0\0\0WEBPVP8 " + bytes(99), "image", "it is a WebP picture"),
            (b"II*\0" + bytes(99), "image", "it is a TIFF picture"),
            (b'<?xml version="1.0"?>\n<svg width="1"/>', "image", "it is an SVG drawing"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "image", "it is a HEIC picture"),
            (b"PK\x03\x04" + bytes(99), "not-a-video", "it is a ZIP archive"),
            (bytes(range(256)) * 40, "not-a-video", "can read (Invalid data found when processing"),
        ],
    )
    def test_it_says_what_it_is_instead(self, data, reason, words):
        """FFmpeg's one message for all of these would help nobody."""
        error = refusal(data)
        assert error.reason == reason
        assert words in str(error)

    def test_an_index_that_never_came(self, make_clip):
        """A recording cut before its index was written says how much is there."""
        data = make_clip("index-last.mp4", container_options={}).read_bytes()
        error = refusal(data[: len(data) // 2])
        assert error.reason == "truncated"
        assert "its index (moov), which comes last, is missing" in str(error)

    def test_media_without_an_index(self, make_clip):
        """A file that ends cleanly before its index is cut off too."""
        data = make_clip("index-last.mp4", container_options={}).read_bytes()
        moov = next(box for box in boxes(data) if box.kind == "moov")
        error = refusal(data[: moov.start - 8])
        assert error.reason == "truncated"

    def test_an_init_segment_without_its_segments(self, clips):
        """A header alone plays nothing, whatever it says of its codecs."""
        info = probe(io.BytesIO(Remuxer(clips / "portrait.mp4").init_segment))
        assert not info.verdict
        assert info.verdict.reason.startswith("nothing of it is there but its header")

    def test_a_segment_without_its_init_segment(self, clips):
        """What says of what its fragments are was published in a file of its own."""
        error = refusal(b"".join(one.data for one in Remuxer(clips / "portrait.mp4").segments()))
        assert error.reason == "no-init"
        assert "without its init segment" in str(error)

    def test_drm_that_ffmpeg_does_not_follow(self, make_clip):
        """A clip under DRM that will not even open is still named as such."""
        data = make_clip("index-first.mp4", container_options={"movflags": "+faststart"})
        data = data.read_bytes().replace(b"avc1", b"encv")
        stts = next(find(data, "moov/trak/mdia/minf/stbl/stts"))
        broken = data[: stts.start] + b"\xff" * (stts.end - stts.start) + data[stts.end :]
        assert refusal(broken).reason == "encrypted"

    def test_too_many_pixels(self):
        """A header of a few bytes that promises a gigabyte is refused before it is decoded."""
        error = refusal(giant_gif(12_000, 12_000))
        assert error.reason == "too-large"
        assert "67 million pixels" in str(error)

    @pytest.mark.parametrize(
        "text",
        [
            "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clip}\n#EXT-X-ENDLIST\n",
            "ffconcat version 1.0\nfile '{clip}'\n",
            "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>{clip}</BaseURL></MPD>",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
        ],
    )
    def test_lists_open_nothing(self, clips, text):
        """A clip cannot name other files or addresses for FFmpeg to open."""
        error = refusal(text.format(clip=clips / "portrait.mp4").encode())
        assert error.reason == "not-a-video"

    def test_a_pipe_of_zeros_ends(self):
        """Megabytes of nothing are given up on."""
        assert refusal(bytes(8 * 2**20)).reason == "not-a-video"


def fragments(make_clip, *, locked: bool = False) -> bytes:
    """A silent clip in three fragments."""
    key = "00112233445566778899aabbccddeeff"
    keys = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": key, "encryption_kid": key}
    options = {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}
    made = make_clip(
        f"fragments-{locked}.mp4",
        tone_hz=None,
        container_options=options | keys if locked else options,
    )
    return made.read_bytes()


def clear_lead(make_clip) -> bytes:
    """A clip under DRM but for its first fragment, which is of a second description."""
    clear, locked = fragments(make_clip), fragments(make_clip, locked=True)
    moof, mdat = [box for box in boxes(clear) if box.kind in FRAGMENT][:2]
    lead = bytearray(clear[moof.start - 8 : mdat.end])
    tfhd = lead.index(b"tfhd") + 4  # flags, track, duration, size, sample flags
    length, flags = lead[tfhd + 8 : tfhd + 12], lead[tfhd + 16 : tfhd + 20]
    lead[tfhd + 1 : tfhd + 4] = b"\x02\0\x2a"  # the number of a description instead of the size
    lead[tfhd + 8 : tfhd + 20] = b"\0\0\0\2" + length + flags

    (stsd,) = find(clear, STSD)
    entry = clear[stsd.start + 8 : stsd.end]
    (stsd,) = find(locked, STSD)
    init = bytearray(locked[: locked.index(b"moof") - 4])
    init[stsd.end : stsd.end] = entry
    init[stsd.start + 7] = 2
    for kind in STSD.split("/"):
        at = init.index(kind.encode()) - 4
        init[at : at + 4] = (int.from_bytes(init[at : at + 4], "big") + len(entry)).to_bytes(
            4, "big"
        )
    rest = [box for box in boxes(locked) if box.kind in FRAGMENT][2:]
    return bytes(init + lead + locked[rest[0].start - 8 : rest[-1].end])


def giant_gif(width: int, height: int) -> bytes:
    """A GIF of a few bytes whose header claims a giant canvas."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    frame = b"\x21\xf9\x04\0\x0a\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    return head + (frame + b"\x02\x02\x44\x01\x00") * 3 + b"\x3b"


def two_programmes(first, second) -> bytes:
    """Two transport streams as one: their packets by turns, under one table of programmes."""
    section = bytes.fromhex("00b011 0001c10000 0001f000 0002f010")
    table = bytes.fromhex("4740001000") + section + checksum(section)
    turns = itertools.zip_longest(packets(first), packets(second), fillvalue=b"")
    rest = [one for turn in turns for one in turn if one[1:3] != b"\x40\0"]
    return table.ljust(188, b"\xff") + b"".join(rest)


def packets(path) -> list[bytes]:
    """The packets of a transport stream."""
    data = path.read_bytes()
    return [data[at : at + 188] for at in range(0, len(data), 188)]


def checksum(section: bytes) -> bytes:
    """The CRC-32 of a transport stream's table (ISO/IEC 13818-1, annex A)."""
    crc = 0xFFFFFFFF
    for bit in (byte >> shift & 1 for byte in section for shift in range(7, -1, -1)):
        crc = (crc << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if crc >> 31 ^ bit else 0)
    return crc.to_bytes(4, "big")


def remuxed(
    clip,
    path,
    *,
    options=None,
    shift_s=0.0,
    audio_shift_s=0.0,
    without_keyframes=False,
    only="",
):
    """The packets of a clip in another container, later or earlier, or some of them."""
    with (
        av.open(str(clip)) as source,
        av.open(str(path), "w", container_options=options or {}) as target,
    ):
        wanted = [one for one in source.streams if not only or one.type == only]
        tracks = {one.index: target.add_stream_from_template(one) for one in wanted}
        for packet in source.demux(wanted):
            is_keyframe = packet.is_keyframe and packet.stream.type == "video"
            if packet.size and not (without_keyframes and is_keyframe):
                late_s = shift_s + (audio_shift_s if packet.stream.type == "audio" else 0)
                by = round(late_s / packet.time_base)
                packet.pts, packet.dts = packet.pts + by, packet.dts + by
                packet.stream = tracks[packet.stream_index]
                target.mux(packet)
    return path
