"""What a reader of an export should know: what was lost, where, and what was read otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from vineview.errors import TelemetryError
from vineview.telemetry.checks import format_at, parse_at, record_problem
from vineview.telemetry.repeats import without_repeats
from vineview.telemetry.schema import FORMAT, VERSION

__all__ = ["Document", "Finding", "not_export"]

_MAX_FINDINGS: Final = 1000
_MAX_TIMES_BACK: Final = 20
_EXCERPT: Final = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a reader of an export should know.

    Attributes:
        severity: ``error`` when records were lost, else ``warning``.
        message: What.
        source: Which file or address.
        line: Where in it, counted from 1, if it is about one place.
        text: The beginning of what was set aside, as it stands in the file.
    """

    severity: str
    message: str
    source: str
    line: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{where}: {self.message}"


@dataclass(slots=True)
class Document:
    """What one export holds, as read.

    Attributes:
        source: Its path or address.
        header: The header's fields.
        samples: Its samples, if they are kept here.
        events: Its events, likewise.
        findings: What a reader should know.
        skipped: How many records were lost.
        is_cut: Whether its compressed data ended early.
        keep_aside: Given the line, the problem and the text of each damaged record.
        watches_clocks: Whether to say where a session's samples go back in time, as they are
            filed; an import has `clocks` for it.
    """

    source: str
    header: dict[str, Any] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: int = 0
    is_cut: bool = False
    keep_aside: Callable[[int | None, str, str], None] | None = None
    watches_clocks: bool = False
    _latest: dict[tuple[Any, Any], datetime] = field(default_factory=dict)
    _not_numbers: int = 0
    _times_back: int = 0

    def lose(
        self, message: str, line: int | None = None, *, count: int = 1, text: str | None = None
    ) -> None:
        """Count lost records and say which."""
        self.skipped += count
        self.note(message, line, severity="error", text=text)
        if text is not None and self.keep_aside is not None:
            self.keep_aside(line, message, text)

    def note(
        self,
        message: str,
        line: int | None = None,
        *,
        severity: str = "warning",
        text: str | None = None,
    ) -> None:
        """Add a finding; beyond a thousand only the count grows."""
        if len(self.findings) < _MAX_FINDINGS:
            excerpt = None if text is None else text[:_EXCERPT]
            self.findings.append(Finding(severity, message, self.source, line, excerpt))

    def accepts(self, record: Any, line: int | None, text: str | None = None) -> bool:
        """Whether a record can be used; if not, it is named and counted."""
        problem = record_problem(record)
        if problem:
            self.lose(f"damaged record set aside: {problem}", line, text=text)
        return problem is None

    def add(self, record: Any, line: int | None, text: str | None = None) -> None:
        """File a record under samples or events, or set it aside."""
        if not self.accepts(record, line, text):
            return
        if "kind" in record:
            self.events.append(record)
        else:
            self._check_clock(record, line)
            self.samples.append(record)

    def take(self, records: Iterable[dict[str, Any]]) -> None:
        """File records that were checked already."""
        for record in records:
            if "kind" in record:
                self.events.append(record)
            else:
                self._check_clock(record, None)
                self.samples.append(record)

    def not_a_number(self, _constant: str) -> None:
        """JSON has no NaN; what writes it anyway means a missing value."""
        self._not_numbers += 1

    def finish(self, *, samples: int | None = None, events: int | None = None) -> None:
        """Say what only the whole document shows.

        Args:
            samples: How many were read, if they are not kept here.
            events: Likewise.
        """
        if self._not_numbers:
            what = "NaN, Infinity or beyond all measure"
            self.note(f"{self._not_numbers} values are {what} and read as missing")
        more = self._times_back - _MAX_TIMES_BACK
        if more > 0:
            self.note(f"the clock goes back {more} more times; shown by time")
        self.note_repeats(len(self.samples) - len(without_repeats(self.samples)), "samples")
        declared = self.header.get("records")
        counts = declared.values() if isinstance(declared, dict) else ()
        expected = sum(count for count in counts if type(count) is int)
        read = (len(self.samples) if samples is None else samples) + (
            len(self.events) if events is None else events
        )
        missing = expected - read - self.skipped
        if missing > 0:
            self.lose(f"{missing} of {expected} records are missing", count=missing)

    def note_repeats(self, count: int, what: str) -> None:
        """Say that samples, or records, are there more than once."""
        if count:
            self.note(f"{count} {what} are exact repeats; each counts once")

    def clock_goes_back(self, back_s: float, at: datetime, line: int | None = None) -> None:
        """Say that a session's sample is of an earlier instant than the one before it."""
        self._times_back += 1
        if self._times_back <= _MAX_TIMES_BACK:
            text = f"the clock goes back by {back_s:g} s to {format_at(at)}; shown by time"
            self.note(text, line)

    def another_header(self, header: dict[str, Any], line: int | None) -> None:
        """Note that another export begins here; the first header stays.

        Raises:
            TelemetryError: If it is of another major version.
        """
        Document(self.source, header=header).check_version()
        self.note("another export begins here; its records are read too", line)
        declared = self.header.get("records"), header.get("records")
        if all(isinstance(each, dict) for each in declared):
            counts = [
                {name: each for name, each in record.items() if type(each) is int}
                for record in declared
                if record is not None
            ]
            sums = {name: counts[0][name] + counts[1].get(name, 0) for name in counts[0]}
            self.header = {**self.header, "records": {**counts[1], **sums}}

    def check_version(self) -> None:
        """Refuse what says it is something else, or of another major version.

        Raises:
            TelemetryError: If it does.
        """
        name, version = self.header.get("format"), self.header.get("version")
        if name is not None and name != FORMAT:
            raise not_export(self.source, f"says its format is {name!r}")
        if version is not None:
            major = str(version).partition(".")[0]
            if isinstance(version, bool) or major != str(VERSION):
                raise TelemetryError(
                    f"{self.source} is version {version!r} of the export; "
                    f"this vineview reads {VERSION}",
                    source=self.source,
                    hint="Upgrade vineview, or export again with a matching version.",
                )

    def check_header(self, *, is_empty: bool) -> None:
        """Refuse what is not an export of this major version; note what is missing.

        Raises:
            TelemetryError: If it has neither a header nor a record, or is something else.
        """
        self.check_version()
        if self.header.get("format") is None or self.header.get("version") is None:
            if is_empty:
                lost = [each for each in self.findings if each.severity == "error"]
                how = "".join(f" (line {each.line}: {each.message})" for each in lost[:1])
                raise not_export(self.source, f"has neither a header nor a whole record{how}")
            self.note(f"has no complete header; read as {FORMAT} version {VERSION}")
        if not isinstance(self.header.get("config", {}) or {}, dict):
            self.note("'config' in the header is not an object and is not used")

    def _check_clock(self, record: dict[str, Any], line: int | None) -> None:
        if not self.watches_clocks:
            return
        at = parse_at(record["at"])
        who = (record.get("device_id"), record.get("session_id"))
        latest = self._latest.get(who)
        if latest is not None and at < latest:
            self.clock_goes_back((latest - at).total_seconds(), at, line)
        self._latest[who] = at


def not_export(source: str, why: str) -> TelemetryError:
    """The error for something that is no performance export."""
    return TelemetryError(
        f"{source} {why}, not a performance export",
        source=source,
        hint="Read are JSON documents, NDJSON, CSV, Parquet and OTLP-JSON metrics, plain, gzip "
        f"or zstd, of format {FORMAT!r}, version {VERSION}.",
    )
