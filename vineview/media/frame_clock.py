"""Frame clock: when each decoded frame of a track is shown or heard, from the clip's beginning.

Times that are missing go on from the frame before. A leap is damage, or a stream pasted to another:
the track goes on where it was, and the others leap with it, as packets do in ``timing``.
"""

from __future__ import annotations

from av.audio.frame import AudioFrame
from av.stream import Stream
from av.video.frame import VideoFrame

from vineview.media.timing import ClipClock
from vineview.media.tracks import tick

__all__ = ["FrameClock"]

_MAX_STEP_BACK_S = 1.0
_TOGETHER_S = 1.0
_LEAST_STEP_S, _USUAL_STEP_S, _MOST_STEP_S = 0.001, 0.04, 60.0
_USUAL_SAMPLE_RATE = 48_000


class FrameClock:
    """Says when each decoded frame of one track is shown or heard, from the clip's beginning.

    Args:
        clock: What is shared with the clip's other tracks.
    """

    def __init__(self, clock: ClipClock) -> None:
        self._clock = clock
        self._skew_s = clock.skew_s
        self._next_s: float | None = None
        self._last_s = float("-inf")
        self.step_s = 0.0
        """How long the last frame lasts."""
        self.end_s = 0.0
        """When it is over."""

    def of(self, frame: VideoFrame | AudioFrame, track: Stream) -> float:
        """The time of the next frame."""
        self.step_s = _step_s(frame, track)
        stored = frame.pts if frame.pts is not None else frame.dts
        at_s = self._next_s or 0.0
        if stored is not None:
            stored_s = float(stored * (frame.time_base or tick(track)))
            at_s = stored_s + self._skew_s
            expected_s = self._next_s
            if expected_s is None and abs(at_s) > self._clock.max_leap_s + self._clock.begun_s:
                expected_s = self._clock.begun_s
            if expected_s is not None and self._has_leapt(at_s - expected_s, frame):
                at_s = self._mended(stored_s, expected_s)
        if at_s <= self._last_s and isinstance(frame, VideoFrame):
            at_s = self._last_s + self.step_s
        self._last_s = at_s
        self._next_s = self.end_s = at_s + self.step_s
        return at_s

    def _has_leapt(self, leap_s: float, frame: VideoFrame | AudioFrame) -> bool:
        is_sound = isinstance(frame, AudioFrame) and self._next_s is not None
        most_s = self._clock.max_sound_leap_s if is_sound else self._clock.max_leap_s
        return not -_MAX_STEP_BACK_S <= leap_s <= most_s

    def _mended(self, stored_s: float, expected_s: float) -> float:
        shared_s = self._clock.skew_s
        if shared_s == self._skew_s or abs(stored_s + shared_s - expected_s) >= _TOGETHER_S:
            shared_s = self._clock.skew_s = expected_s - stored_s
        self._skew_s = shared_s
        return stored_s + shared_s


def _step_s(frame: VideoFrame | AudioFrame, track: Stream) -> float:
    if isinstance(frame, AudioFrame):
        return frame.samples / (frame.sample_rate or _USUAL_SAMPLE_RATE)
    if frame.duration and frame.time_base:
        return min(max(float(frame.duration * frame.time_base), _LEAST_STEP_S), _MOST_STEP_S)
    rate = getattr(track, "average_rate", None) or getattr(track, "guessed_rate", None)
    return min(max(float(1 / rate), _LEAST_STEP_S), _MOST_STEP_S) if rate else _USUAL_STEP_S
