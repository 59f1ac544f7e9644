"""`vineview replay`: what happened, in the order it happened."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from vineview.cli import output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vineview.replay.story import FinalState, Happening, Story
    from vineview.telemetry import Telemetry

__all__ = ["register"]

_SHOWN_FINDINGS = 5
_A_DAY_S = 86_400
_LABELS = {"transition": "lost", "memory_pressure": "pressure"}


def register(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "replay",
        help="what happened in a recorded session, in order",
        description="Replay performance exports and tell what happened: threshold crossings and "
        "how long they lasted, videos lost, memory pressure, breaker, configuration, and what "
        "there was at the end.",
    )
    parser.add_argument(
        "telemetry",
        nargs="+",
        type=output.given,
        metavar="TELEMETRY",
        help="an export: file, folder of files, glob, or http(s) address",
    )
    output.add_common(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    """Tell the story; whatever it is, that is done."""
    from dataclasses import asdict

    from vineview.replay.story import tell

    telemetry = output.opened(args.telemetry)
    story = tell(telemetry)
    findings = [*map(str, telemetry.findings), *story.findings]
    for finding in findings[:_SHOWN_FINDINGS]:
        print(finding, file=sys.stderr)
    if len(findings) > _SHOWN_FINDINGS:
        print(f"... and {len(findings) - _SHOWN_FINDINGS} more findings", file=sys.stderr)
    skipped = telemetry.skipped + len(story.findings)
    if skipped:
        print(f"{skipped} records skipped", file=sys.stderr)
    facts = {"source": telemetry.source, "skipped": skipped, "findings": findings}
    output.emit(args, _human(telemetry, story), {**asdict(story), **facts})
    return 0


def _human(telemetry: Telemetry, story: Story) -> str:
    from vineview.telemetry.ranges import describe_duration

    told = (
        f"{story.samples} samples, {story.events} events over "
        f"{describe_duration(story.duration_s)} from {story.start_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    clock = "%H:%M:%S" if story.duration_s < _A_DAY_S else "%Y-%m-%d %H:%M:%S"
    lines = [_line(happening, clock) for happening in story.happenings]
    counted = [
        ("moves", _counts(story.moves)),
        ("transitions", _counts(story.transitions)),
        ("failed tries", _counts(story.failed_attempts)),
    ]
    sections = [
        [f"{telemetry.source}: {told}"],
        lines or ["nothing out of the ordinary happened"],
        [f"{name:<14}{text}" for name, text in counted if text],
        _end(story.final),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section)


def _line(happening: Happening, clock: str) -> str:
    from vineview.telemetry.ranges import describe_duration

    lasted = ""
    if happening.kind == "crossing":
        seconds = happening.duration_s
        lasted = ", not ended" if seconds is None else f", for {describe_duration(seconds)}"
    label = happening.severity or _LABELS.get(happening.kind, happening.kind)
    return f"{happening.at:{clock}}  {label:<10}{happening.text}{lasted}"


def _end(final: FinalState) -> list[str]:
    memory = "unknown memory" if final.memory_mb is None else f"{final.memory_mb:.0f} MB"
    held = "" if final.controllers is None else f" in {final.controllers} controllers"
    where = f", at index {final.current_index}" if final.current_video_id else ""
    open_still = f"{final.active_crossings} crossings not ended"
    lines = [f"at the end    {memory}{held}, {final.videos} videos{where}, {open_still}"]
    if final.states:
        lines.append(f"states        {_counts(final.states)}")
    return lines


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counted.items())
