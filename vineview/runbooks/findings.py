"""Findings: what a step of a runbook found, as a value that notebook, report and JSON share.

A finding travels in its cell's output under its own MIME type, so the runner reads the outcome
from the executed notebook alone, and the page draws what the engineer saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from html import escape
from typing import Any

__all__ = ["MIME", "Finding", "Verdict", "findings_of"]

MIME = "application/vnd.vineview.finding+json"


class Verdict(StrEnum):
    """How a step came out."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    """What the step asks for is the case."""
    FAIL = "fail"
    """It is not; ``next`` says what to do."""
    NOTE = "note"
    """Nothing to judge, or not enough data to judge by."""
    NOT_SENT = "not sent"
    """A change was shown, not made."""


_MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.NOTE: "•", Verdict.NOT_SENT: "○"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One step's outcome.

    Attributes:
        step: The step's name.
        verdict: How it came out.
        summary: What was found, as one sentence with its numbers.
        next: What to do now; empty if there is nothing.
        rows: Numbers behind the summary: label, value and its unit or note.
        details: Text shown as it is, such as a request that was not sent.
        at: The instant on the runbook's clock, ISO-8601; empty if none.
        is_conclusion: Whether this is the runbook's answer.
        facts: About the run as a whole, such as the mode; only the opening finding has any.
    """

    step: str
    verdict: Verdict
    summary: str
    next: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()
    details: str = ""
    at: str = ""
    is_conclusion: bool = False
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def mark(self) -> str:
        """A sign for the verdict, so that colour is never the only one."""
        return _MARKS[self.verdict]

    def to_record(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        record = asdict(self)
        record["verdict"] = self.verdict.value
        record["rows"] = [list(row) for row in self.rows]
        record["facts"] = dict(self.facts)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Finding:
        """Read a finding from its JSON object."""
        return cls(
            **{
                **record,
                "verdict": Verdict(record["verdict"]),
                "rows": tuple(tuple(row) for row in record["rows"]),
            }
        )

    def __str__(self) -> str:
        mark = _MARKS[self.verdict]
        lines = [f"{mark} {self.step}: {self.verdict.value.upper()}. {self.summary}"]
        lines += [f"    {label}: {value} {note}".rstrip() for label, value, note in self.rows]
        if self.details:
            lines.append(self.details)
        if self.next:
            lines.append(f"  Next: {self.next}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/plain": str(self), "text/html": self._html(), MIME: self.to_record()}

    def _html(self) -> str:
        """A card: verdict, sentence, numbers, next move. Styled inline, as notebooks demand."""
        colour, mark = _COLOURS[self.verdict], _MARKS[self.verdict]
        rows = "".join(
            f'<tr><th style="text-align:left;font-weight:500">{escape(label)}</th>'
            f'<td style="text-align:right">{escape(value)}</td>'
            f'<td style="text-align:left;opacity:.75">{escape(note)}</td></tr>'
            for label, value, note in self.rows
        )
        parts = [
            f'<div class="vv-finding" style="border-left:4px solid {colour};{_CARD}">',
            f'<div><strong style="color:{colour}">{mark} {self.verdict.value.upper()}</strong>',
            f" <strong>{escape(self.step)}</strong></div>",
            f"<div>{escape(self.summary)}</div>",
            f'<table style="margin:.4em 0">{rows}</table>' if rows else "",
            f'<pre style="margin:.4em 0;white-space:pre-wrap">{escape(self.details)}</pre>'
            if self.details
            else "",
            f"<div><em>Next:</em> {escape(self.next)}</div>" if self.next else "",
            "</div>",
        ]
        return "".join(parts)


_CARD = "padding:.4em .9em;margin:.3em 0"
_COLOURS = {
    Verdict.PASS: "#1a7f37",
    Verdict.FAIL: "#cf222e",
    Verdict.NOTE: "#57606a",
    Verdict.NOT_SENT: "#9a6700",
}


def findings_of(notebook: Any) -> Iterator[Finding]:
    """The findings in an executed notebook's outputs, in order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            record = output.get("data", {}).get(MIME)
            if record is not None:
                yield Finding.from_record(record)
