"""Workers: the processes that touch untrusted media, as the kernel sees them.

A clip can crash or hang the code that reads it, or be made to take it over. So opening, probing,
the poster, remuxing and converting run in a worker: a process that does one job, asks the kernel
for every byte of the clip, and can be killed. What happens to it happens to that video alone.

Workers are forked from a zygote (see :mod:`vineview.media.zygote`), which takes a few milliseconds;
the zygote is started with the first loader and ends with this process. There is one per process,
as there is one fork server for ``multiprocessing``: it is a property of the process, not of a
loader. A worker that says nothing for 20 s while it is its turn is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol

import vineview
from vineview.errors import LoadError, MediaError
from vineview.media.channel import MAX_BODY_BYTES, Channel, Frame, Silence
from vineview.media.documents import from_document
from vineview.media.probe import ClipInfo
from vineview.media.sharing import SharedSource
from vineview.media.source import ClipSource, FileSource, open_source

if sys.platform == "linux":
    import fcntl

__all__ = ["Clip", "Worker", "Workers", "probe", "workers"]

_SILENCE_S = 20.0
_STATUS_WITHIN_S = 2.0
_END_WITHIN_S = 1.0
_PIPE_BYTES = 2**20  # the most an ordinary user may ask of Linux
_HAS_FORK = sys.platform == "linux"
_WHY = (
    f"Another is started for the next video. If that ends too, run {sys.executable} -P -m "
    "vineview.media.zygote </dev/null to see why, and restart the kernel."
)


class Clip(Protocol):
    """What a worker's questions are answered from."""

    @property
    def file(self) -> FileSource | None:
        """The clip, where it is a file on disk: a worker then reads it directly."""
        ...

    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read_at(self, position: int, count: int, /) -> bytes:
        """Read ``count`` bytes from ``position``; none at the end."""
        ...

    def interrupt(self) -> None:
        """End a read under way in another thread, with an error there."""
        ...


class Worker:
    """One process doing one job. One thread hears it; any may `kill` it.

    Args:
        channel: To the process.
        leash: Letting go of it kills the process; its exit status comes over it.
        clip: What its questions are answered from.
        name: What to call the clip in messages.
    """

    def __init__(self, channel: Channel, leash: _Leash, clip: Clip, *, name: str) -> None:
        self._channel = channel
        self._leash = leash
        self._clip = clip
        self._name = name
        self._is_killed = False

    def begin(self, what: str, **facts: object) -> None:
        """Name the job: ``load``, ``probe`` or ``stream``, and what goes with it."""
        self._send("job", what=what, name=self._name, **facts)

    def allow(self) -> None:
        """Let it send one more segment."""
        self._send("next")

    def hear(self, limit_s: float = _SILENCE_S) -> Frame:
        """The next thing it has to say that is no question of its own.

        Args:
            limit_s: The longest it may be silent, in seconds.

        Raises:
            LoadError: The clip's bytes cannot be had.
            MediaError: What the worker found wrong with the clip; or it crashed (``crashed``), was
                silent for too long (``hung``), or was stopped (``stopped``).
        """
        while True:
            try:
                frame = self._channel.receive(limit_s)
            except Silence:
                self.kill()
                raise MediaError(
                    f"{self._name}: its decoder hung and was stopped after {limit_s:g} s",
                    source=self._name,
                    reason="hung",
                    hint="The clip is damaged or made to hang; check that it plays elsewhere.",
                ) from None
            except (EOFError, ConnectionError):
                raise self._lost() from None
            except ValueError as error:
                self.kill()
                raise self._crashed(f"said what makes no sense: {error}") from error
            match frame:
                case Frame("read", {"at": int(at), "count": int(count)}):
                    count = min(max(count, 0), MAX_BODY_BYTES)  # one taken over may ask for all
                    self._send("bytes", self._clip.read_at(max(at, 0), count))
                case Frame("size"):
                    self._send("bytes", self._clip.size().to_bytes(8, "big"))
                case Frame("alive"):
                    continue
                case Frame("error", facts):
                    raise MediaError(
                        str(facts.get("message", ""))[:1000],
                        source=self._name,
                        reason=str(facts.get("reason", "damaged"))[:40],
                        hint=str(facts.get("hint", ""))[:1000],
                    )
                case _:
                    return frame

    def kill(self) -> None:
        """End the process now; whoever hears it learns so. Harmless when repeated."""
        self._is_killed = True
        self._leash.let_go()
        self._clip.interrupt()

    def close(self) -> None:
        """End the process and give everything back; only when no other thread hears it."""
        self.kill()
        self._channel.close()
        self._leash.close()

    def _send(self, kind: str, body: bytes = b"", /, **facts: object) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionError):  # hearing it tells why
            self._channel.send(kind, body, **facts)

    def _lost(self) -> MediaError:
        if self._is_killed:
            return MediaError(
                f"{self._name}: reading was stopped", source=self._name, reason="stopped"
            )
        status = self._leash.status()
        if status is None:
            return MediaError(
                f"{self._name}: the process that starts the readers of media ended",
                source=self._name,
                reason="no-worker",
                hint=f"The clip is not at fault. {_WHY}",
            )
        if status < 0:
            return self._crashed(f"was ended by signal {_signal_name(-status)}")
        return self._crashed(f"ended with status {status}")

    def _crashed(self, how: str) -> MediaError:
        return MediaError(
            f"{self._name} made its decoder fail: the process {how}",
            source=self._name,
            reason="crashed",
            hint="The clip is damaged or hostile; only this video is affected.",
        )


class _Leash:
    """What holds a forked worker: a socket to the zygote."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def let_go(self) -> None:
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)

    def status(self) -> int | None:
        """How the worker ended; None if nobody is left who knows."""
        self._line.settimeout(_STATUS_WITHIN_S)
        try:
            text = self._line.recv(16)
        except OSError:
            return None
        return int(text) if text else None

    def close(self) -> None:
        self._line.close()


class _ProcessLeash(_Leash):
    """What holds a worker that was started by itself."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def let_go(self) -> None:
        self._process.kill()

    def status(self) -> int | None:
        return self._process.wait(_STATUS_WITHIN_S)

    def close(self) -> None:
        self._process.wait(_STATUS_WITHIN_S)


class Workers:
    """Where workers come from: a zygote that forks them, or a spare process kept ready.

    Args:
        forks: Whether to fork; where the system can, unless told.
    """

    def __init__(self, *, forks: bool = _HAS_FORK) -> None:
        self._forks = forks
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process that is ready, if one is."""
        return None if self._process is None else self._process.pid

    def prewarm(self) -> None:
        """Start what takes long, without waiting for it."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()

    def hire(self, clip: Clip, *, name: str) -> Worker:
        """A worker for one job.

        Args:
            clip: What its questions are answered from.
            name: What to call the clip in messages.
        """
        with self._lock:
            if not self._forks:
                return self._spare(clip, name)
            if self._pid != os.getpid():  # a child of the process that started the zygote
                self._control = self._process = None
                self._pid = os.getpid()
            try:
                for _ in range(2):
                    if self._control is None:
                        self._start()
                    with contextlib.suppress(ConnectionError):
                        return self._forked(clip, name)
                    self._end()  # the zygote is gone: another one
            except OSError as error:
                raise LoadError(
                    f"{name}: no process can be given it to read: {error.strerror}",
                    hint="Close other notebooks, or raise the limit on open files (ulimit -n).",
                ) from error
        raise LoadError(
            f"{name}: the process that reads media cannot be started",
            hint=_WHY,
        )

    def close(self) -> None:
        """End the zygote or the spare process, and every worker with it."""
        with self._lock:
            self._end()

    def _forked(self, clip: Clip, name: str) -> Worker:
        assert self._control is not None
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            asked, question = _pipe()
            theirs.callback(os.close, asked)
            ours.callback(os.close, question)
            answers, answer = _pipe()
            theirs.callback(os.close, answer)
            ours.callback(os.close, answers)
            leash, held = socket.socketpair()
            theirs.callback(held.close)
            ours.callback(leash.close)
            given = [asked, answer, held.fileno()]
            if clip.file is not None:
                given.append(clip.file.fileno())
            socket.send_fds(self._control, [b"f"], given)
            ours.pop_all()
        return Worker(Channel(answers, question), _Leash(leash), clip, name=name)

    def _spare(self, clip: Clip, name: str) -> Worker:
        if self._process is None or self._process.poll() is not None:
            self._start()
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        channel = Channel(os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno()))
        process.stdout.close()
        process.stdin.close()
        self._start()
        return Worker(channel, _ProcessLeash(process), clip, name=name)

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "vineview.media.zygote"]
        room = str(Path(vineview.__file__).parents[1])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), room]),
        }
        if not self._forks:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
            )
        self._control = ours

    def _end(self) -> None:
        control, self._control = self._control, None
        process, self._process = self._process, None
        if control is not None:
            control.close()
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@functools.cache
def workers() -> Workers:
    """This process's own."""
    ours = Workers()
    atexit.register(ours.close)
    return ours


def probe(source: ClipSource | str | Path, *, name: str | None = None) -> ClipInfo:
    """Find out what a clip is and whether it will play, in a worker.

    Args:
        source: A path, or what :func:`~vineview.media.source.open_source` opened.
        name: What to call it in messages; its path unless told.

    Raises:
        LoadError: Its bytes cannot be had.
        MediaError: It is no clip, or is too damaged to say anything of, or crashed or hung its
            decoder.

    Example:
        >>> probe("data/feed/clips/bigbuckbunny.mp4").summary
        'H.264 Main 1280x720, AAC 5.1: plays as is'
    """
    if isinstance(source, (str, Path)):
        with open_source(Path(source)) as opened:
            return probe(opened, name=name or str(source))
    clip = SharedSource(source).reader()
    worker = workers().hire(clip, name=name or str(source.name))
    try:
        worker.begin("probe")
        return from_document(ClipInfo, worker.hear().facts)
    finally:
        worker.close()


def _pipe() -> tuple[int, int]:
    """A pipe to read and to write, with room for a whole segment where the system gives it.

    A worker that must wait until its segment is read makes nothing meanwhile: a socket's 200 kB
    cost a third of the time a large clip takes.
    """
    ends = os.pipe()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # this user's pipes hold as much as they may
            fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return ends


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
