"""What the steps say: sentences with their numbers, and the next moves, in one place.

Written for someone woken by the alert: what was found, then what to do. Response times, channels
and targets are those of the reference, sections 3.8 and 12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vineview.runbooks.findings import Verdict
from vineview.runbooks.readings import Reading, Watch
from vineview.telemetry.ranges import describe_duration

__all__ = [
    "Course",
    "before_after",
    "conclusion",
    "freed",
    "growth",
    "growth_rows",
    "leak",
    "not_sent",
    "profile",
    "status",
    "waited",
    "watched",
]

Rows = tuple[tuple[str, str, str], ...]

NEXT_RELIEVE = "Free memory, then switch emergency mode on. You have 15 minutes from the alert."
NEXT_NO_ALERT = "Nothing is urgent. Read on to see whether memory grows."
NEXT_NOT_FREED = "Run it once more; if controllers stay at 5 or more, restart the app's session."
NEXT_NO_PROFILE = "Set the flag again, and check that the system runs the new video manager."
NEXT_AGAIN_ABOVE = "Free memory again, keep emergency mode on, and escalate as P1."
NEXT_LEAK_CHECK = "Check for a leak: a ramp does not stop by itself."
NEXT_ESCALATE = (
    "Send this report to video-team@openvine.co and #video-system-alerts within the hour (P1)."
)
NEXT_PAGE = "Page the on-call engineer (nostrvine-video-system) within 15 minutes (P0)."
SENT_BEFORE = "Applied by the run taken up again; not sent a second time."
NOTHING_TO_WAIT_FOR = "Nothing was changed, so there is nothing to wait for."
NOTHING_CHANGED = "Nothing was changed, so there is nothing to go back to."
NO_FALL_BACK = "Not needed: the recovery held, or emergency mode is on already."

_ON_LIVE = "On the live system: free memory, and switch emergency mode on."
_P0_MB = 1000.0
_EMERGENCY = {"max_videos": 25, "preload_ahead": 1, "preload_behind": 0}
_WIFI = {"max_videos": 100, "preload_ahead": 5, "preload_behind": 2}


@dataclass(frozen=True, slots=True)
class Course:
    """What happened in a run, as far as its conclusion needs it.

    Attributes:
        first: The reading the run began with.
        mitigated: The reading after memory was freed; ``None`` if it was not.
        watches: The watches, in order.
        usage: The latest memory analysis; ``None`` if there was none.
        leak_verdicts: Those of the leak checks, in order.
        acted: Whether anything was changed.
        is_emergency: Whether emergency mode is on at the end.
        limit_mb: The alert's threshold.
    """

    first: Reading | None
    mitigated: Reading | None
    watches: Sequence[Watch]
    usage: Any
    leak_verdicts: Sequence[str]
    acted: bool
    is_emergency: bool
    limit_mb: float

    @property
    def last(self) -> Reading | None:
        """The latest reading there is."""
        return self.watches[-1].last if self.watches else self.mitigated or self.first

    @property
    def leaks(self) -> bool:
        """Whether the latest leak check that decided anything says so."""
        decided = [verdict for verdict in self.leak_verdicts if verdict != "inconclusive"]
        return bool(decided) and decided[-1] == "leaking"

    @property
    def relapsed(self) -> bool:
        """Whether the latest watch met the alert's threshold again."""
        return bool(self.watches) and self.watches[-1].first_above(self.limit_mb) is not None


def status(reading: Reading, limit_mb: float) -> str:
    """One sentence on where memory stands."""
    side = "above" if reading.memory_mb > limit_mb else "not above"
    text = f"Video memory is {reading.memory_mb:.0f} MB, {side} {limit_mb:.0f} MB."
    if reading.memory_mb > limit_mb >= reading.estimated_mb:
        text += (
            f" The app's own estimate says {reading.estimated_mb:.0f} MB:"
            " it counts controllers, not bytes, and cannot see this."
        )
    return text


def growth(usage: Any) -> tuple[Verdict, str]:
    """Whether memory grows, by the robust rate and its interval."""
    rate, interval = usage.robust_growth_rate_mb_per_hour, usage.growth_rate_interval
    if rate is None or interval is None:
        return Verdict.NOTE, "There are too few samples to tell how memory moves."
    low, high = interval.low * 3600, interval.high * 3600
    between = f"95 % interval {low:+.0f} to {high:+.0f} MB/h"
    if low > 0:
        return Verdict.FAIL, f"Memory grows by {rate:.0f} MB/h ({between})."
    if high < 0:
        return Verdict.PASS, f"Memory falls by {-rate:.0f} MB/h ({between})."
    if usage.leak.verdict == "not_leaking":
        return Verdict.PASS, f"Memory does not grow: {rate:+.0f} MB/h ({between})."
    return Verdict.NOTE, f"Not decided yet: {rate:+.0f} MB/h, but it moves a lot ({between})."


def growth_rows(usage: Any, coverage: str) -> Rows:
    """The numbers behind the growth pattern."""
    change = usage.trend.change_rate
    note = "last 10 samples against the 10 before"
    return (
        ("Peak", f"{usage.peak_mb:.0f} MB", ""),
        ("Average", f"{usage.average_mb:.0f} MB", ""),
        ("Trend", str(usage.trend.direction), note if change is None else f"{change:+.0%}, {note}"),
        ("Covered", "", coverage),
    )


def leak(verdict: str, reading: Reading) -> tuple[Verdict, str]:
    """The two leak checks in one sentence each: counting controllers, and the ramp."""
    outnumber = reading.controllers > reading.ready
    counted = (
        f"{reading.controllers} controllers outnumber {reading.ready} ready videos: possible leak."
        if outnumber
        else f"Controllers ({reading.controllers}) do not outnumber ready videos ({reading.ready})."
    )
    match verdict:
        case "leaking":
            return Verdict.FAIL, f"Memory is leaking. {counted}"
        case "not_leaking" if not outnumber:
            return Verdict.PASS, f"No leak found. {counted}"
        case _ if outnumber:
            return Verdict.FAIL, counted
    return Verdict.NOTE, f"The samples do not decide whether memory leaks. {counted}"


def freed(before: Reading, after: Reading) -> str:
    """What freeing memory did."""
    return (
        f"Memory went from {before.memory_mb:.0f} to {after.memory_mb:.0f} MB, "
        f"controllers from {before.controllers} to {after.controllers}."
    )


def before_after(before: Reading, after: Reading) -> Rows:
    """Before and after, side by side."""
    return (
        ("Video memory", f"{before.memory_mb:.0f} → {after.memory_mb:.0f} MB", after.source),
        (
            "App's estimate",
            f"{before.estimated_mb:.0f} → {after.estimated_mb:.0f} MB",
            "target: below 200 MB",
        ),
        ("Controllers", f"{before.controllers} → {after.controllers}", "target: below 5"),
    )


def profile(document: Mapping[str, Any], *, on: bool) -> tuple[bool, str, Rows]:
    """Whether the flag and the configuration are what was asked for."""
    expected = _EMERGENCY if on else _WIFI
    name = "emergency" if on else "wifi"
    config = document.get("config") or {}
    flag = bool((document.get("flags") or {}).get("emergency_mode"))
    is_met = flag is on and all(config.get(field) == value for field, value in expected.items())
    rows = tuple(
        (field, f"{config.get(field, 'not told')}", f"{name} profile: {value}")
        for field, value in expected.items()
    )
    text = f"the flag is {'on' if flag else 'off'}, and the manager "
    text += f"works to the {name} profile." if is_met else f"does not work to the {name} profile."
    return is_met, text[0].upper() + text[1:], rows


def waited(passed_s: float, asked_s: float) -> str:
    """How long was waited."""
    if passed_s < asked_s:
        return f"The recording ended after {describe_duration(passed_s)}."
    return f"Waited {describe_duration(passed_s)}."


def watched(watch: Watch, limit_mb: float) -> str:
    """What a watch saw."""
    above = watch.first_above(limit_mb)
    span = describe_duration(watch.passed_s)
    text = (
        f"{watch.first.memory_mb:.0f} MB at the start, {watch.last.memory_mb:.0f} MB after {span}"
    )
    if above is None:
        text += f"; never above {limit_mb:.0f} MB."
    else:
        text += f"; above {limit_mb:.0f} MB at {above.at:%H:%M} UTC,"
        text += f" {watch.peak.memory_mb:.0f} MB at most."
    if watch.is_cut_short:
        text += " Stopped there: it does not come down by itself."
    elif not watch.is_complete:
        text += f" The recording ends there; {describe_duration(watch.asked_s)} were asked for."
    return text


def not_sent(mode: str) -> tuple[str, str]:
    """Why a change was not made, and what would make it."""
    if mode.startswith("Recording"):
        return (
            "A recording cannot be changed; below is what a live system would be sent.",
            "Run with --url to act on a live system, or without --telemetry to practise.",
        )
    return (
        "Dry run; below is what would be sent.",
        "Add --apply --approve NAME to send it.",
    )


def conclusion(course: Course) -> tuple[Verdict, str, str]:
    """The answer, what it rests on, and who must know."""
    if course.first is None or course.last is None:
        return Verdict.NOTE, "Nothing was read, so there is no answer.", "Run the status step."
    if not course.acted:
        return _unchanged(course, course.first, course.last)
    did = _did(course.first, course.mitigated)
    mode = "Emergency mode is on." if course.is_emergency else ""
    leak = "The leak is still there." if course.leaks else "What drives it is still there."
    if course.relapsed:
        return (
            Verdict.FAIL,
            f"{did}, but {_rose(course)} {leak} {mode}".strip(),
            _escalate(course.last),
        )
    if course.leaks:
        text = f"{did}; {_rose(course)} {leak} {mode}"
        return Verdict.FAIL, text.strip(), _escalate(course.last)
    text = f"{did} and held below {course.limit_mb:.0f} MB{_for(course)}. {mode}"
    return Verdict.PASS, text.strip(), "Close the alert; look at the chart again tomorrow."


def _unchanged(course: Course, first: Reading, last: Reading) -> tuple[Verdict, str, str]:
    """The answer of a run that changed nothing."""
    text = f"Nothing was changed. Memory was {first.memory_mb:.0f} MB"
    if last is not first:
        text += f", and {last.memory_mb:.0f} MB at the end"
    text += f"{_rate(course)}."
    if course.leaks:
        return Verdict.FAIL, f"{text} Memory is leaking.", f"{_who(last)} {_ON_LIVE}"
    if max(first.memory_mb, last.memory_mb) > course.limit_mb:
        return Verdict.FAIL, text, _ON_LIVE
    return Verdict.PASS, text, ""


def _did(first: Reading, mitigated: Reading | None) -> str:
    if mitigated is None:
        return "The profile was changed"
    return f"Freeing memory took it from {first.memory_mb:.0f} to {mitigated.memory_mb:.0f} MB"


def _rose(course: Course) -> str:
    """What memory did in the latest watch, and its rate if that is certain."""
    if not course.watches:
        return "nobody watched what it did then."
    watch = course.watches[-1]
    text = (
        f"it went from {watch.first.memory_mb:.0f} to {watch.last.memory_mb:.0f} MB"
        f" in the {describe_duration(watch.passed_s)} watched after"
    )
    above = watch.first_above(course.limit_mb)
    if above is not None:
        text += f", above {course.limit_mb:.0f} MB at {above.at:%H:%M} UTC"
    return f"{text}{_rate(course)}."


def _rate(course: Course) -> str:
    """The growth rate, if its interval excludes zero, and when it reaches the threshold."""
    usage = course.usage
    interval = None if usage is None else usage.growth_rate_interval
    if interval is None or interval.low <= 0 or course.last is None:
        return ""
    rate = usage.robust_growth_rate_mb_per_hour
    text = f", growing by {rate:.0f} MB/h"
    room = course.limit_mb - course.last.memory_mb
    if room > 0:
        text += f" ({course.limit_mb:.0f} MB in about {describe_duration(room / rate * 3600)})"
    return text


def _for(course: Course) -> str:
    if not course.watches:
        return ""
    return f" for {describe_duration(course.watches[-1].passed_s)} after recovery"


def _escalate(last: Reading) -> str:
    return f"{_who(last)} Keep emergency mode on, and free memory again whenever it nears 500 MB."


def _who(last: Reading) -> str:
    return NEXT_PAGE if last.memory_mb > _P0_MB else NEXT_ESCALATE
