"""Workers: media that crashes, hangs or lies harms one video only."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from vineview.core.events import VideoEvent
from vineview.errors import LoadError, MediaError
from vineview.media import jobs
from vineview.media.channel import MAX_BODY_BYTES, Channel, Silence
from vineview.media.documents import document_of, from_document
from vineview.media.loader import MediaLoader
from vineview.media.making import StreamEnd
from vineview.media.probe import ClipInfo
from vineview.media.sharing import SharedSource
from vineview.media.source import open_source
from vineview.media.worker import Worker, Workers, probe, workers


def local(path) -> VideoEvent:
    """A clip on disk, vouched for."""
    return VideoEvent(id="a", video_url=str(path), is_local=True)


def children(pid: int) -> set[int]:
    """The processes a process has started, as Linux lists them."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(after_name[1]) == pid and after_name[0] != "Z":
            found.add(int(status.parent.name))
    return found


def at_work(zygote: int) -> set[int]:
    """A zygote's workers that have a job; a spare one waits for its own."""
    return {pid for pid in children(zygote) if _name(pid) == "vineview worker"}


def running() -> set[int]:
    """Our own workers."""
    pid = workers().pid
    assert pid is not None
    return at_work(pid)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""  # it has ended


async def until(condition) -> None:
    """Give other processes time until something holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.005)


@pytest.fixture
async def loader():
    """A loader; when the test is over, its threads are gone and no worker runs."""
    made = MediaLoader()
    yield made
    made.executor.shutdown()
    await until(lambda: not running())


@pytest.fixture
def clip(clips):
    """An open clip."""
    with open_source(clips / "portrait.mp4") as source:
        yield SharedSource(source).reader()


SUBTITLE_HEAD = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name
Style: Default

[Events]
Format: Text
"""


def subtitled(path) -> Path:
    """A clip with a track of subtitles."""
    with av.open(str(path), "w") as out:
        video, words = out.add_stream("libx264", rate=10), out.add_stream("subrip")
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        words.codec_context.subtitle_header = SUBTITLE_HEAD
        words.codec_context.time_base = Fraction(1, 1000)
        for number in range(10):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


class TestFaults:
    @pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL])
    async def test_a_crash_fails_its_own_video_only(self, loader, clips, how):
        """The stream says what happened; the next load is as good as ever."""
        event = local(clips / "bigbuckbunny.mp4")
        controller = await loader.load(event)
        stream = controller.stream(1.0)
        await anext(stream)
        await until(running)
        for pid in running():
            os.kill(pid, how)
        with pytest.raises(LoadError, match=f"ended by signal {how.name}") as caught:
            [segment async for segment in stream]
        assert caught.value.hint
        await stream.aclose()
        controller.release()
        again = await loader.load(event)
        assert again.poster
        again.release()

    async def test_subtitles_do_no_harm(self, loader, tmp_path):
        """What a track of another kind needs is there, though a worker can open no file."""
        controller = await loader.load(local(subtitled(tmp_path / "words.mkv")))
        assert controller.plan.sentence == "H.264: as is"
        controller.release()

    async def test_a_hang_is_cut_off(self, clip):
        """A worker that says nothing is killed, and the clip is blamed."""
        worker = workers().hire(clip, name="frozen.mp4")
        try:
            await until(running)
            for pid in running():
                os.kill(pid, signal.SIGSTOP)
            worker.begin("probe")
            with pytest.raises(MediaError, match=r"frozen.mp4: its decoder hung") as caught:
                worker.hear(limit_s=0.2)
            assert caught.value.reason == "hung"
        finally:
            worker.close()

    async def test_letting_go_ends_a_worker_that_will_not_listen(self, clip):
        """Even one that is stopped."""
        worker = workers().hire(clip, name="a")
        await until(running)
        for pid in running():
            os.kill(pid, signal.SIGSTOP)
        worker.close()
        await until(lambda: not running())

    async def test_a_zygote_that_dies_is_replaced(self, clips):
        """By the next who needs a worker."""
        assert probe(clips / "portrait.mp4").video
        before = workers().pid
        os.kill(before, signal.SIGKILL)
        await until(lambda: children(os.getpid()).isdisjoint({before}))
        assert probe(clips / "portrait.mp4").video
        assert workers().pid != before

    async def test_a_spare_worker_that_dies_is_replaced(self, clips):
        """The job it was kept for goes to another."""
        assert probe(clips / "portrait.mp4").video
        zygote = workers().pid
        await until(lambda: not running() and children(zygote))
        (spare,) = children(zygote) - running()
        os.kill(spare, signal.SIGKILL)
        await until(lambda: _is_dead(spare))
        assert probe(clips / "portrait.mp4").video
        assert workers().pid == zygote

    def test_a_hire_for_which_there_are_no_descriptors_keeps_none(self, clip):
        """Wherever on the way they run out; workers that have begun go on."""
        other = workers().hire(clip, name="b.mp4")
        other.begin("probe")
        zygote, before = workers().pid, len(descriptors(os.getpid()))
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = max(int(one.name) for one in descriptors(os.getpid()))
        taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(lowest)]  # no gaps are left below
        try:
            for room in range(6):
                resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + 1 + room, limits[1]))
                with pytest.raises(LoadError, match=r"a.mp4: no process .* Too many open files"):
                    workers().hire(clip, name="a.mp4")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for one in taken:
                os.close(one)
        assert other.hear().kind == "info"
        other.close()
        assert workers().pid == zygote
        assert len(descriptors(os.getpid())) == before - 3

    def test_a_zygote_that_cannot_start_is_not_blamed_on_the_clip(self, clip, monkeypatch):
        """Here it ends at once; each job says so, and how to see why."""
        monkeypatch.setattr(sys, "executable", shutil.which("false"))
        broken = Workers()
        try:
            for _ in range(2):
                with pytest.raises((LoadError, MediaError), match="process that ") as caught:
                    _job_of(broken, clip)
                assert "vineview.media.zygote </dev/null to see why" in caught.value.hint
                assert "hostile" not in caught.value.hint
        finally:
            broken.close()

    async def test_nothing_outlives_the_kernel(self, clips):
        """Not even when it has no time to say so."""
        script = (
            "import time, pathlib;"
            "from vineview.media.worker import workers;"
            "from vineview.media.sharing import SharedSource;"
            "from vineview.media.source import open_source;"
            f"clip = pathlib.Path({str(clips / 'portrait.mp4')!r});"
            "worker = workers().hire(SharedSource(open_source(clip)).reader(), name='a');"
            "print(workers().pid, flush=True); time.sleep(60)"
        )
        zygote, worker = await asyncio.to_thread(family_of_a_killed, script)
        await until(lambda: _is_dead(zygote) and _is_dead(worker))

    def test_what_a_worker_claims_is_checked(self):
        """A worker that was taken over cannot make objects of its own choice."""
        good = document_of(StreamEnd(1.0, None, is_complete=True))
        assert from_document(StreamEnd, good) == StreamEnd(1.0, None, is_complete=True)
        for bad in ({**good, "reached_s": "x"}, {**good, "more": 1}, {}, [], None):
            with pytest.raises(ValueError, match=r"other fields|is no"):
                from_document(StreamEnd, bad)


def family_of_a_killed(script: str) -> tuple[int, int]:
    """Run a script that prints its zygote's number, kill it, and name the zygote and its worker."""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as kernel:
        zygote = int(kernel.stdout.readline())
        while not (workers := at_work(zygote)):
            time.sleep(0.005)
        kernel.kill()
    (worker,) = workers
    return zygote, worker


def _is_dead(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def _job_of(some: Workers, clip) -> None:
    """Have a clip probed by a worker from there."""
    worker = some.hire(clip, name="a.mp4")
    try:
        worker.begin("probe")
        worker.hear()
    finally:
        worker.close()


def element(kind: str, *parts: bytes) -> bytes:
    """One of Matroska's elements."""
    payload = b"".join(parts)
    return bytes.fromhex(kind) + struct.pack(">I", 0x10000000 | len(payload)) + payload


def vp8_clip(*encodings: bytes) -> bytes:
    """A WebM of one picture, which no decoder makes anything of."""
    picture = element("e0", element("b0", b"\x40"), element("ba", b"\x30"))
    facts = (element("d7", b"\1"), element("83", b"\1"), element("86", b"V_VP8"), picture)
    return b"".join(
        (
            element("1a45dfa3", element("4282", b"webm")),
            bytes.fromhex("18538067 01ffffffffffffff"),
            element("1654ae6b", element("ae", *facts, *encodings)),
            element("1f43b675", element("e7", b"\0"), element("a3", b"\x81\0\0\x80" + b"?" * 400)),
        )
    )


class TestVerdict:
    """A probe says what a player would."""

    def test_encrypted(self, make_clip):
        """DRM is named as such, though only the packets of an MP4 tell of it."""
        key = "00112233445566778899aabbccddeeff"
        options = {
            "encryption_scheme": "cenc-aes-ctr",
            "encryption_key": key,
            "encryption_kid": key,
        }
        info = probe(make_clip("secret.mp4", seconds=1, container_options=options))
        assert not info.verdict
        assert info.verdict.reason.startswith("it is encrypted. ")

    def test_encrypted_webm(self, tmp_path):
        """Matroska names the key with the track."""
        path = tmp_path / "secret.webm"
        key = element("5035", element("47e1", b"\5"), element("47e2", b"key"))
        path.write_bytes(vp8_clip(element("6d80", element("6240", element("5033", b"\1"), key))))
        assert probe(path).verdict.reason.startswith("it is encrypted. ")

    def test_nothing_that_decodes(self, tmp_path):
        """A header alone makes no picture."""
        path = tmp_path / "stub.webm"
        path.write_bytes(vp8_clip())
        info = probe(path)
        assert info.video.codec == "vp8"
        assert info.verdict.reason.startswith("nothing of it can be decoded. ")

    def test_what_takes_long_has_not_failed(self, make_clip, monkeypatch):
        """A trial ends after a while, and then nothing is known against the clip."""
        monkeypatch.setattr(jobs, "_MAX_TRIAL_S", -1.0)
        sent = []
        file = make_clip("to-try.mkv", video_codec="mpeg4", video_options={}).open("rb")
        job = jobs._Job(None, file.fileno(), what="probe", name="a clip")
        job._channel = SimpleNamespace(send=lambda kind, **facts: sent.append((kind, facts)))
        job.do()
        file.close()
        assert [kind for kind, _ in sent] == ["info", "done"]
        assert from_document(ClipInfo, sent[0][1]).verdict.how == "converted"


class TestConfinement:
    async def test_a_worker_reaches_nothing(self, clip):
        """It has its channel and its clip, and can open no more."""
        worker = workers().hire(clip, name="a")
        try:
            await until(running)
            (pid,) = running()
            await until(lambda: limit(pid, "Max open files") == "6")
            held = {str(one.readlink()) for one in descriptors(pid)}
            pipes = {one for one in held if one.startswith("pipe:")}
            assert len(pipes) == 2
            assert held - pipes == {os.devnull, str(clip.file.name)}
            assert limit(pid, "Max file size") == "0"
        finally:
            worker.close()

    def test_a_size_that_lies_is_refused_unseen(self, tmp_path):
        """A header that claims billions of pixels allocates none of them."""
        path = tmp_path / "huge.gif"
        path.write_bytes(b"GIF89a" + b"\xff\xff\xff\xff" + b"\x00" * 64)
        with pytest.raises(MediaError) as caught:
            probe(path)
        assert caught.value.hint

    def test_pixels_no_screen_has_cost_neither_time_nor_memory(self, tmp_path):
        """32768 x 32768 in a header of a few bytes: 4 GB, if it were believed."""
        size = (32_768).to_bytes(2, "little")
        path = tmp_path / "giant.gif"
        picture = b"\x2c" + bytes(4) + size + size + b"\0\x02\x02\x44\x01\0"
        path.write_bytes(
            b"GIF89a" + size + size + b"\x80\0\0" + bytes(3) + b"\xff" * 3 + picture * 3 + b";"
        )
        script = (
            "import resource, time; from vineview.errors import MediaError;"
            "from vineview.media.worker import probe, workers\n"
            f"probe({str(Path(__file__).parents[2] / 'data/feed/clips/portrait.mp4')!r})\n"
            "began = time.monotonic()\n"
            f"try: probe({str(path)!r})\n"
            "except MediaError as error: print(error.reason)\n"
            "print(time.monotonic() - began); workers().close()\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        reason, elapsed_s, peak_mb = done.stdout.split()
        assert reason == "too-large"
        assert float(elapsed_s) < 5
        assert float(peak_mb) < 400


def descriptors(pid: int) -> list[Path]:
    """What a process holds open."""
    return list(Path(f"/proc/{pid}/fd").iterdir())


def limit(pid: int, what: str) -> str:
    """What the system lets a process do."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line.removeprefix(what).split()[0] for line in lines if line.startswith(what))


class TestLeaks:
    async def test_many_loads_leave_nothing(self, loader, clips):
        """Processes, descriptors and threads are as many as before."""
        events = [local(clips / name) for name in ("portrait.mp4", "refused-codec.mp4")]

        async def round_of_loads() -> None:
            for event in events:
                controller = await loader.load(event)
                stream = controller.stream(0.5)
                await anext(stream)
                controller.release()
                await stream.aclose()

        await round_of_loads()
        await until(lambda: not running())
        before = len(descriptors(os.getpid())), len(children(os.getpid()))
        zygote_before = len(descriptors(workers().pid))
        for _ in range(20):
            await round_of_loads()
        for _ in range(160):
            (await loader.load(events[0])).release()
        await until(lambda: not running())
        assert (len(descriptors(os.getpid())), len(children(os.getpid()))) == before
        await until(lambda: len(descriptors(workers().pid)) <= zygote_before)
        threads = [one.name for one in threading.enumerate()]
        assert sum(name.startswith("vineview-clip") for name in threads) <= 24

    async def test_a_cancelled_load_ends_its_worker(self, loader, clips):
        """At once, though it may have been busy."""
        for _ in range(5):
            task = asyncio.create_task(loader.load(local(clips / "bigbuckbunny.mp4")))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: not running())


def test_a_worker_may_not_ask_for_more_than_a_frame_holds():
    """One that a clip has taken over is no way to fill the kernel's memory."""
    asked = []
    clip = SimpleNamespace(read_at=lambda *what: asked.append(what) or b"", interrupt=lambda: None)
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    theirs = Channel(theirs_in, theirs_out)
    theirs.send("read", at=-5, count=2**40)
    theirs.send("done")
    leash = SimpleNamespace(let_go=lambda: None, close=lambda: None)
    worker = Worker(Channel(ours_in, ours_out), leash, clip, name="clip.mp4")
    assert worker.hear().kind == "done"
    assert asked == [(0, MAX_BODY_BYTES)]
    worker.close()
    theirs.close()


class TestWithoutFork:
    def test_a_process_kept_ready_does_the_same(self, clip):
        """Where a system cannot fork, a spare process does the job."""
        own = Workers(forks=False)
        try:
            worker = own.hire(clip, name="portrait.mp4")
            worker.begin("probe")
            info = from_document(ClipInfo, worker.hear().facts)
            worker.close()
            assert info.summary == "H.264 High 360x640, AAC stereo: plays as is"
        finally:
            own.close()


class TestChannel:
    def test_silence_is_an_error(self):
        """When there is a limit."""
        channel = Channel(*os.pipe())
        begun_at = time.monotonic()
        with pytest.raises(Silence):
            channel.receive(0.01)
        assert time.monotonic() - begun_at < 5
        channel.close()

    @pytest.mark.parametrize(
        "frame",
        [b"x" * 16, b"read\0\0\0\0\0\0\0\x02\0\0\0\0[]", b"read\0\0\0\0\0\0\0\x01\0\0\0\0{"],
    )
    def test_nonsense_is_an_error(self, frame):
        """Whatever it claims to be."""
        incoming, outgoing = os.pipe()
        os.write(outgoing, frame)
        channel = Channel(incoming, outgoing)
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            channel.receive(1)
        channel.close()
