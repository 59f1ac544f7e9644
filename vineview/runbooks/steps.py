"""The steps of a runbook: each reads or acts through the ops client and says what it found.

The same steps run on a practice incident, a recording and a live system; only the `Setting`
differs. A step never decides by itself to go on: it reports a verdict and the next move, and the
notebook's reader, or its conclusion, weighs them. Procedure and figures are those of the High
Memory Usage runbook (reference, sections 3.8, 10 and 12).
"""

from __future__ import annotations

import math
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from vineview.clock import Clock
from vineview.errors import ApprovalRequired, OpsError, UsageError
from vineview.ops.client import OpsClient, Outcome
from vineview.ops.journal import Journal
from vineview.runbooks import wording
from vineview.runbooks.findings import Finding, Verdict
from vineview.runbooks.readings import Reading, Watch
from vineview.runbooks.settings import (
    LiveSetting,
    PracticeSetting,
    RecordedSetting,
    Setting,
    silently,
)
from vineview.telemetry.checks import parse_at
from vineview.telemetry.export import Telemetry

__all__ = ["Runbook"]

LIMIT_MB = 500.0
"""Above this memory the alert stands (reference, 12.1)."""
_TARGET_CONTROLLERS, _TARGET_ESTIMATE_MB = 5, 200.0
_INTERVAL_S = 30.0
_MAX_MISSED = 3
_EVERYTHING = "24h"
_SUSTAINED_S = 300.0


class Runbook:
    """One run of the High Memory Usage procedure.

    Use :meth:`open`; every step returns a `Finding` that the notebook shows.

    Attributes:
        setting: Where it runs.
        findings: What was found so far, in order.

    Example:
        >>> book = await Runbook.open()  # doctest: +SKIP
        >>> await book.status()  # doctest: +SKIP
    """

    def __init__(self, setting: Setting, *, journal: Journal | None = None, by: str = "") -> None:
        self.setting = setting
        self.findings: list[Finding] = []
        self._journal = journal
        self._by = by
        self._done = _applied(journal)
        self._first: Reading | None = None
        self._mitigated: Reading | None = None
        self._watches: list[Watch] = []
        self._usage: Any = None
        self._leaks: list[str] = []
        self._freed_at: datetime | None = None
        self._is_emergency = False
        self._acted = False

    @classmethod
    async def open(
        cls,
        *,
        telemetry: str = "",
        url: str = "",
        dry_run: bool = True,
        approve: str = "",
        journal: str = "",
        resume: bool = False,
        clock: Clock | None = None,
    ) -> Self:
        """Begin: on a live system (``url``), a recording (``telemetry``), or in practice.

        What is not passed comes from ``VINEVIEW_URL`` and ``VINEVIEW_TELEMETRY``, if set; the
        token for a live system's ``/admin`` always from ``VINEVIEW_TOKEN``.

        Args:
            telemetry: A performance export: file, folder, glob or address.
            url: The ops API of a live system.
            dry_run: Whether changes to a live system are shown instead of sent.
            approve: Who approves the changes; needed to send any.
            journal: A file that records each change to a live system.
            resume: Whether to take up the journal's unfinished run: what it applied is not sent
                again. Simulated runs begin anew, since nothing of theirs outlives them.
            clock: The time a live run waits on; the machine's if not given.

        Raises:
            UsageError: If both a recording and a live system are named.
            ApprovalRequired: If changes are to be sent and nobody approves.
            TelemetryError: If the recording cannot be read.
        """
        if not telemetry and not url:
            telemetry, url = _from_environment()
        if telemetry and url:
            raise UsageError(
                "a runbook reads either a recording or a live system",
                hint="Pass telemetry or url, not both.",
            )
        if telemetry:
            return cls(await RecordedSetting.open(telemetry))
        if not url:
            return cls(await PracticeSetting.open())
        if not dry_run and not approve.strip():
            raise ApprovalRequired(
                f"changes to {url} need approval",
                url=url,
                hint="Name who approves them with approve='NAME' (--approve NAME).",
            )
        ops = OpsClient(url, token=os.environ.get("VINEVIEW_TOKEN"), dry_run=dry_run, show=silently)
        setting = LiveSetting(ops, approve=approve, clock=clock)
        if not journal or dry_run:
            return cls(setting)
        book = Journal(Path(journal), clock=clock)
        if not resume:
            book.append("begun", by=approve, url=url)
        return cls(setting, journal=book, by=approve)

    @property
    def ops(self) -> OpsClient:
        """The ops client of this run."""
        return self.setting.ops

    async def telemetry(self, time_range: str = "4h") -> Telemetry:
        """The performance export of the last so much, for a chart or a closer look."""
        return await self.ops.export(time_range)

    async def status(self) -> Finding:
        """Read the status, and judge memory against the alert's threshold."""
        reading = await self._read()
        self._first = self._first or reading
        alerts = tuple(
            ("Active alert", str(alert["type"]).replace("_", " "), str(alert["message"]))
            for alert in reading.status.get("active_alerts", ())
        )
        stands = reading.memory_mb > LIMIT_MB
        return self._report(
            Finding(
                "Status",
                Verdict.FAIL if stands else Verdict.PASS,
                wording.status(reading, LIMIT_MB),
                next=wording.NEXT_RELIEVE if stands else wording.NEXT_NO_ALERT,
                rows=(*reading.rows(), *alerts),
            )
        )

    async def growth(self, time_range: str = "", *, step: str = "Growth pattern") -> Finding:
        """How memory moved: trend, and rate with its interval.

        Args:
            time_range: Such as ``"2h"``; without one, the latest watch, or two hours before any.
            step: What to call this step.
        """
        export = await self.ops.export(time_range or self._span())
        if not time_range and self._watches:
            export = _between(export, after=self._watches[-1].first.at)
        analytics = export.analytics()
        usage = self._usage = analytics.memory_usage
        verdict, summary = wording.growth(usage)
        return self._report(
            Finding(
                step,
                verdict,
                summary,
                next=wording.NEXT_LEAK_CHECK if verdict is Verdict.FAIL else "",
                rows=wording.growth_rows(usage, analytics.coverage.text),
            )
        )

    async def leak_check(self, time_range: str = "", *, step: str = "Leak check") -> Finding:
        """Look for a leak: controllers that outnumber ready videos, and memory that ramps.

        Args:
            time_range: Such as ``"2h"``, back from now; without one, the hours until memory was
                freed, since freeing hides the ramp that led to the alert.
            step: What to call this step.
        """
        reading = await self._read()
        export = await self.ops.export(time_range or _EVERYTHING)
        if not time_range and self._freed_at is not None:
            export = _between(export, before=self._freed_at)
        usage = export.analytics().memory_usage
        self._leaks.append(str(usage.leak.verdict))
        verdict, summary = wording.leak(usage.leak.verdict, reading)
        rows = (
            ("Controllers", f"{reading.controllers}", f"{reading.ready} videos ready"),
            *(("Evidence", "", sentence) for sentence in usage.leak.evidence),
        )
        move = wording.NEXT_ESCALATE if verdict is Verdict.FAIL else ""
        return self._report(Finding(step, verdict, summary, next=move, rows=rows))

    async def relieve_memory(self, *, step: str = "Free memory") -> Finding:
        """Send memory pressure, twice as the runbook does, and compare before with after."""
        before = await self._read()
        self._freed_at = self._freed_at or before.at
        keys = [f"{step}, {number} of 2" for number in (1, 2)]
        outcomes = [await self._write(key, self.ops.relieve_memory) for key in keys]
        if self._done.issuperset(keys):
            return self._report(Finding(step, Verdict.NOTE, wording.SENT_BEFORE))
        if not all(outcome.applied for outcome in outcomes):
            return self._not_sent(step, outcomes)
        after = await self._read()
        self._mitigated = self._mitigated or after
        is_met = (
            after.controllers < _TARGET_CONTROLLERS and after.estimated_mb < _TARGET_ESTIMATE_MB
        )
        return self._report(
            Finding(
                step,
                Verdict.PASS if is_met else Verdict.FAIL,
                wording.freed(before, after),
                next="" if is_met else wording.NEXT_NOT_FREED,
                rows=wording.before_after(before, after),
            )
        )

    async def emergency_mode(self, *, on: bool, step: str = "") -> Finding:
        """Switch emergency mode, and verify that the manager took over its profile."""
        step = step or f"Emergency mode {'on' if on else 'off'}"

        async def send() -> Outcome:
            return await self.ops.set_flags({"emergency_mode": on})

        outcome = await self._write(step, send)
        if not outcome.applied:
            return self._not_sent(step, [outcome])
        self._is_emergency = on
        if step in self._done:
            return self._report(Finding(step, Verdict.NOTE, wording.SENT_BEFORE))
        reading = await self._read()
        is_met, summary, rows = wording.profile(reading.status, on=on)
        return self._report(
            Finding(
                step,
                Verdict.PASS if is_met else Verdict.FAIL,
                summary,
                next="" if is_met else wording.NEXT_NO_PROFILE,
                rows=rows,
            )
        )

    async def wait(self, minutes: float) -> Finding:
        """Let the system settle before the next move."""
        if self.setting.waits_for_nothing:
            return self._report(Finding("Wait", Verdict.NOTE, wording.NOTHING_TO_WAIT_FOR))
        asked_s = _seconds(minutes)
        passed = await self.setting.pass_time(asked_s)
        return self._report(Finding("Wait", Verdict.NOTE, wording.waited(passed, asked_s)))

    async def watch(self, minutes: float, *, step: str = "Watch") -> Finding:
        """Read memory twice a minute; it fails if a reading is above the alert's threshold.

        On a live system it ends early once memory has been above for five minutes, as the alert's
        own rule asks; a simulated one is watched to the end.
        """
        if self.setting.waits_for_nothing:
            return self._report(Finding(step, Verdict.NOTE, wording.NOTHING_TO_WAIT_FOR))
        watch = await self._watch(_seconds(minutes))
        self._watches.append(watch)
        above = watch.first_above(LIMIT_MB)
        if above is not None:
            verdict, move = Verdict.FAIL, wording.NEXT_AGAIN_ABOVE
        else:
            verdict, move = (Verdict.PASS if watch.is_complete else Verdict.NOTE), ""
        return self._report(
            Finding(step, verdict, wording.watched(watch, LIMIT_MB), next=move, rows=watch.rows())
        )

    async def fall_back(self) -> Finding:
        """If the recovery did not hold, switch emergency mode on again, and free memory."""
        course = self._course()
        if not self._acted or self._is_emergency or not (course.leaks or course.relapsed):
            summary = wording.NO_FALL_BACK if self._acted else wording.NOTHING_CHANGED
            return self._report(Finding("Fall back", Verdict.NOTE, summary))
        finding = await self.emergency_mode(on=True, step="Fall back")
        if (await self._read()).memory_mb <= LIMIT_MB:
            return finding
        freed = await self.relieve_memory(step="Fall back, free memory")
        both = max(finding.verdict, freed.verdict, key=lambda v: v is Verdict.FAIL)
        text = f"{finding.summary} {freed.summary}"
        return self._replace(replace(freed, step="Fall back", verdict=both, summary=text))

    def conclude(self) -> Finding:
        """The answer, from everything found: healthy, or what remains and who must know."""
        verdict, summary, move = wording.conclusion(self._course())
        if self._journal is not None:
            self._journal.append("finished", conclusion=summary)
        return self._report(Finding("Conclusion", verdict, summary, next=move, is_conclusion=True))

    async def aclose(self) -> None:
        """Stop what runs. Safe to call twice."""
        await self.setting.aclose()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        rows = tuple((label, "", text) for label, text in self.setting.facts.items())
        opening = Finding(
            "Setting", Verdict.NOTE, self.setting.facts["Mode"], rows=rows, facts=self.setting.facts
        )
        return opening._repr_mimebundle_(**options)

    def _report(self, finding: Finding) -> Finding:
        finding = replace(finding, at=f"{self.setting.utc():%Y-%m-%d %H:%M:%S} UTC")
        self.findings.append(finding)
        return finding

    def _replace(self, finding: Finding) -> Finding:
        """Let one finding stand for the last two."""
        self.findings[-2:] = [finding]
        return finding

    def _span(self) -> str:
        """The range of the latest watch; two hours before any."""
        seconds = self._watches[-1].passed_s if self._watches else 0.0
        return f"{round(seconds)}s" if seconds >= 1 else "2h"

    def _not_sent(self, step: str, outcomes: list[Outcome]) -> Finding:
        why, move = wording.not_sent(self.setting.facts["Mode"])
        requests = list(dict.fromkeys(outcome.request for outcome in outcomes))
        return self._report(
            Finding(step, Verdict.NOT_SENT, why, next=move, details="\n\n".join(requests))
        )

    async def _read(self) -> Reading:
        return Reading.of(await self.ops.status(), url=self.ops.base_url)

    async def _write(self, key: str, send: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Send a change once: what the journal of an unfinished run holds is not repeated."""
        if key in self._done:
            self._acted = True
            return Outcome(applied=True, request=f"{key}: applied by the run taken up again")
        if self._journal is not None:
            self._journal.append("sending", key=key, by=self._by, url=self.ops.base_url)
        outcome = await send()
        if outcome.applied:
            self._acted = True
            if self._journal is not None:
                self._journal.append("applied", key=key, by=self._by, url=self.ops.base_url)
        return outcome

    async def _watch(self, seconds: float) -> Watch:
        readings = [await self._read()]
        passed, missed, in_a_row, is_cut_short = 0.0, 0, 0, False
        while passed < seconds:
            asked = min(_INTERVAL_S, seconds - passed)
            step = await self.setting.pass_time(asked)
            passed += step
            try:
                readings.append(await self._read())
                in_a_row = 0
            except OpsError:
                missed, in_a_row = missed + 1, in_a_row + 1
                if in_a_row == _MAX_MISSED:
                    raise
            is_cut_short = self.setting.is_live and self._stays_above(readings)
            if step < asked or is_cut_short:
                break
        return Watch(readings, seconds, passed, missed=missed, is_cut_short=is_cut_short)

    @staticmethod
    def _stays_above(readings: list[Reading]) -> bool:
        """Whether the last five minutes were all above the threshold, as the alert's rule asks."""
        last = readings[-1].at
        below = [r.at for r in readings if r.memory_mb <= LIMIT_MB]
        since = max(below, default=readings[0].at)
        return last > since and (last - since).total_seconds() >= _SUSTAINED_S

    def _course(self) -> wording.Course:
        return wording.Course(
            first=self._first,
            mitigated=self._mitigated,
            watches=self._watches,
            usage=self._usage,
            leak_verdicts=self._leaks,
            acted=self._acted,
            is_emergency=self._is_emergency,
            limit_mb=LIMIT_MB,
        )


def _from_environment() -> tuple[str, str]:
    return os.environ.get("VINEVIEW_TELEMETRY", ""), os.environ.get("VINEVIEW_URL", "")


def _seconds(minutes: float) -> float:
    if not 0 <= minutes < math.inf:
        raise UsageError(f"{minutes:g} minutes cannot be waited", hint="Pass 0 or more minutes.")
    return minutes * 60


def _between(
    telemetry: Telemetry, *, after: datetime | None = None, before: datetime | None = None
) -> Telemetry:
    """The records strictly between two instants: what was done at one is on neither side."""

    def keep(record: dict[str, Any]) -> bool:
        at = parse_at(record["at"])
        return (after is None or at > after) and (before is None or at < before)

    return Telemetry(
        telemetry.header,
        [record for record in telemetry.sample_records if keep(record)],
        [record for record in telemetry.event_records if keep(record)],
    )


def _applied(journal: Journal | None) -> set[str]:
    """The keys of what an unfinished earlier run has applied."""
    done: set[str] = set()
    for entry in journal.entries if journal else ():
        match entry:
            case {"kind": "finished" | "begun"}:
                done.clear()
            case {"kind": "applied", "key": str(key)}:
                done.add(key)
    return done
