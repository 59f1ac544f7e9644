"""The zygote: a process that has imported what a worker needs, and forks one for each job.

``python -m vineview.media.zygote FD`` is started by :mod:`vineview.media.worker` and ends with it.
For each job the kernel sends descriptors over FD: the two ends of the worker's channel, a leash,
and the clip's file where it is one on disk. They are handed on to a spare worker, forked ahead so
that no job waits for that. The zygote keeps only the leash: when the kernel lets go of it, or is
gone, the worker is killed; when the worker ends, its exit status is written to it.

What a worker may do: read what it is given, compute, and answer. It has no other descriptor and
can open none, so it reaches no file and no network; memory and processor time are limited.
Without fork (Windows, and macOS, whose frameworks do not survive it), the kernel starts
``python -m vineview.media.zygote`` anew for each job and keeps one ready too; it speaks over its
standard streams and has the same work to do, without the limits a system does not know.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from vineview.media.channel import Channel
from vineview.media.jobs import rehearse, work

if sys.platform != "win32":
    import resource

__all__ = ["main"]

_ADDRESS_SPACE_BYTES = 4 * 2**30
_CPU_S = 3600
_LOOK_EVERY_MS = 2000
_INCOMING, _OUTGOING, _CLIP, _FREE = 3, 4, 5, 6
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


def main(arguments: list[str]) -> None:
    """Be the zygote on the descriptor named, or without one a worker on the standard streams."""
    if not arguments:
        _work_here()
        return
    control = socket.socket(fileno=int(arguments[0]))
    rehearse()
    gc.collect()
    gc.freeze()
    _Zygote(control).run()


class _Zygote:
    """Forks workers and holds their leashes.

    Args:
        control: Where jobs come from; its end is the end.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._leashes: dict[int, tuple[int, socket.socket]] = {}  # by descriptor
        self._spare: tuple[int, socket.socket] | None = None
        self._parent = os.getppid()
        self._poll = select.poll()
        self._wake, wake = socket.socketpair()
        self._wake.setblocking(False)
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._wake_writer = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for one in (control, self._wake):
            self._poll.register(one, select.POLLIN)

    def run(self) -> None:
        """Until the kernel is gone."""
        try:
            self._breed()
            while os.getppid() == self._parent:
                for descriptor, _ in self._poll.poll(_LOOK_EVERY_MS):
                    if descriptor == self._control.fileno():
                        if not self._take_job():
                            return
                    elif descriptor == self._wake.fileno():
                        self._wake.recv(4096)
                    elif descriptor in self._leashes:
                        os.kill(self._leashes[descriptor][0], signal.SIGKILL)
                        self._poll.unregister(descriptor)
                self._bury()
        finally:
            for pid, _ in (*self._leashes.values(), *filter(None, [self._spare])):
                os.kill(pid, signal.SIGKILL)

    def _take_job(self) -> bool:
        said, received, _, _ = socket.recv_fds(self._control, 16, 4)
        if not said:
            return False
        incoming, outgoing, leash, *clip = received
        given = [incoming, outgoing, *clip]
        pid = self._handed(given)
        for one in given:
            os.close(one)
        self._leashes[leash] = pid, socket.socket(fileno=leash)
        self._poll.register(leash, select.POLLIN)
        self._breed()
        return True

    def _breed(self) -> None:
        with contextlib.suppress(OSError):  # no room for one more process now; the next job tries
            self._spare = _bred()

    def _handed(self, given: list[int]) -> int:
        """Hand a job to the spare worker, or to another if that has ended; its process id."""
        while True:
            pid, line = self._spare or _bred()
            self._spare = None
            with line, contextlib.suppress(ConnectionError):
                socket.send_fds(line, [b"f"], given)
                return pid

    def _bury(self) -> None:
        """Take note of workers that ended, and tell the kernel how."""
        while self._leashes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            for descriptor, (owner, leash) in tuple(self._leashes.items()):
                if owner == pid:
                    with contextlib.suppress(KeyError):
                        self._poll.unregister(descriptor)
                    with contextlib.suppress(OSError):
                        leash.send(str(os.waitstatus_to_exitcode(status)).encode())
                    leash.close()
                    del self._leashes[descriptor]


def _bred() -> tuple[int, socket.socket]:
    """A spare worker: its process id, and where it waits for what it is given."""
    line, its_line = socket.socketpair()
    with its_line:
        pid = os.fork()
        if pid == 0:
            _be_worker(its_line)
    return pid, line


def _be_worker(line: socket.socket) -> NoReturn:
    """Wait to be given a channel and perhaps a clip; then have nothing else, and do the job."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(_PR_SET_NAME, b"vineview spare")
        os.closerange(_INCOMING, line.fileno())
        os.closerange(line.fileno() + 1, 4096)
        said, given, _, _ = socket.recv_fds(line, 16, 3)
        if said:
            prctl(_PR_SET_NAME, b"vineview worker")
            _place(given)
            last = _INCOMING + len(given) - 1
            _limit(last)
            work(Channel(_INCOMING, _OUTGOING), _CLIP if last == _CLIP else None)
        status = 0
    finally:
        os._exit(status)


def _place(given: list[int]) -> None:
    """Put descriptors in a row from `_INCOMING` on, and close all others."""
    high = max(*given, _FREE) + 1
    for place, one in enumerate(given):  # out of the way first: the places may be taken by others
        os.dup2(one, high + place)
    for place in range(len(given)):
        os.dup2(high + place, _INCOMING + place)
    os.closerange(_INCOMING + len(given), 4096)


def _limit(last_descriptor: int) -> None:
    """Let no more be opened, written, kept or computed than a clip can be worth."""
    wanted = {
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: _ADDRESS_SPACE_BYTES,
        resource.RLIMIT_CPU: _CPU_S,
        resource.RLIMIT_NOFILE: last_descriptor + 1,
    }
    for what, value in wanted.items():
        _, most = resource.getrlimit(what)
        limit = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(what, (limit, limit))


def _work_here() -> None:
    work(Channel(sys.stdin.fileno(), sys.stdout.fileno()), None)


if __name__ == "__main__":
    main(sys.argv[1:])
