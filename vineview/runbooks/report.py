"""One page of an executed notebook: self-contained, offline, its charts still answering the mouse.

Code is folded away, findings lead. The page's content security policy allows no request at all
and no script but ours, by its hash, so a hostile title in an output has nothing to work with.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markupsafe import Markup
from nbconvert.filters import markdown2html
from plotly.offline import get_plotlyjs

from vineview import __version__
from vineview.runbooks.findings import MIME as FINDING
from vineview.runbooks.findings import Finding, Verdict
from vineview.runbooks.sanitise import sanitise, without_ansi

if TYPE_CHECKING:
    from vineview.runbooks.runner import Run

__all__ = ["PLOTLY", "render"]

PLOTLY = "application/vnd.plotly.v1+json"
"""The MIME type under which a chart carries its figure."""

_ANCHOR = re.compile(r'<a class="anchor-link"[^>]*>.*?</a>', re.DOTALL)
_HEADING = re.compile(r'<h([23]) id="([^"]*)">(.*?)</h\1>', re.DOTALL)
_H1 = re.compile(r"<h1[^>]*>.*?</h1>", re.DOTALL)
_EMPTY = Markup()
_PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
_HIDDEN_TAGS = {"parameters", "injected-parameters"}
_ERROR_TAG = "papermill-error-cell-tag"


@dataclass(frozen=True, slots=True)
class _Piece:
    """One thing on the page: prose, folded code, a finding, a chart, other output, an error."""

    kind: str
    html: Markup = _EMPTY
    finding: Finding | None = None
    anchor: str = ""
    figure: Markup = _EMPTY
    height: int = 0


def render(notebook: Any, run: Run) -> str:
    """The page.

    Args:
        notebook: The executed notebook.
        run: What is known about the run.

    Returns:
        HTML with everything in it.
    """
    pieces = list(_pieces(notebook))
    charts = any(piece.kind == "chart" for piece in pieces)
    script = Markup(_asset("page.js")) if charts else _EMPTY  # noqa: S704 - our own file
    plotly = Markup(_inert(get_plotlyjs())) if charts else _EMPTY  # noqa: S704 - plotly's own
    sources = " ".join(_hash(text) for text in (plotly, script)) if charts else "'none'"
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    facts = next((p.finding.facts for p in pieces if p.finding and p.finding.facts), {})
    template: str = environment.from_string(_asset("page.html.jinja")).render(
        run=run,
        pieces=pieces,
        facts=facts,
        steps=[p for p in pieces if p.finding and not p.finding.facts],
        contents=list(_contents(pieces)),
        parameters={k: v for k, v in run.parameters.items() if v not in ("", None)},
        tone=_tone(run),
        style=Markup(_asset("page.css")),  # noqa: S704 - our own file
        script=script,
        plotly=plotly,
        sources=Markup(sources),  # noqa: S704 - hashes
        version=__version__,
    )
    return template


def _pieces(notebook: Any) -> Iterator[_Piece]:
    """The cells, as the page shows them."""
    number = 0
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", ()))
        if _ERROR_TAG in tags and cell.cell_type == "markdown":
            continue  # the header says it
        if cell.cell_type == "markdown":
            yield _Piece("prose", html=_markdown(cell.source))
        if cell.cell_type != "code":
            continue
        if cell.source.strip() and not tags & _HIDDEN_TAGS:
            yield _Piece("code", html=Markup(escape(cell.source)))  # noqa: S704 - escaped here
        for output in cell.get("outputs", ()):
            number += 1
            yield from _output(output, f"output-{number}")


def _output(output: Mapping[str, Any], anchor: str) -> Iterator[_Piece]:
    """One output, in the richest form the page can show."""
    kind = output["output_type"]
    if kind == "stream":
        yield _Piece("text", html=_plain(output["text"]), anchor=anchor)
        return
    if kind == "error":
        yield _Piece("error", html=_error(output), anchor=anchor)
        return
    data = output.get("data", {})
    if FINDING in data:
        yield _Piece("finding", finding=Finding.from_record(data[FINDING]), anchor=anchor)
    elif PLOTLY in data:
        yield _chart(data, anchor)
    elif "text/html" in data:
        html = Markup(sanitise(_joined(data["text/html"])))  # noqa: S704 - sanitised
        yield _Piece("html", html=html, anchor=anchor)
    elif picture := next((mime for mime in _PICTURES if mime in data), None):
        yield _Piece("html", html=_picture(picture, _joined(data[picture])), anchor=anchor)
    elif "text/markdown" in data:
        yield _Piece("prose", html=_markdown(_joined(data["text/markdown"])), anchor=anchor)
    elif "text/plain" in data:
        yield _Piece("text", html=_plain(_joined(data["text/plain"])), anchor=anchor)


def _chart(data: Mapping[str, Any], anchor: str) -> _Piece:
    """A figure for plotly to draw, and its static picture for when scripts are off."""
    figure = _offline(data[PLOTLY])
    height = figure.get("layout", {}).get("height")
    return _Piece(
        "chart",
        html=Markup(sanitise(_joined(data.get("text/html", "")))),  # noqa: S704 - sanitised
        anchor=anchor,
        figure=Markup(json.dumps(figure).replace("<", "\\u003c")),  # noqa: S704 - holds no tag
        height=height if isinstance(height, int) else 420,
    )


def _offline(value: Any) -> Any:
    """The figure without pictures that would have to be fetched."""
    if isinstance(value, Mapping):
        return {
            key: _offline(item)
            for key, item in value.items()
            if key != "source" or not isinstance(item, str) or item.startswith("data:")
        }
    return [_offline(item) for item in value] if isinstance(value, list) else value


def _contents(pieces: list[_Piece]) -> Iterator[tuple[str, Markup]]:
    """Anchor and text of every section heading."""
    for piece in pieces:
        if piece.kind == "prose":
            for level, anchor, text in _HEADING.findall(piece.html):
                if level == "2":
                    yield anchor, Markup(text)  # noqa: S704 - from sanitised prose


def _tone(run: Run) -> str:
    """How the header looks: bad news is not dressed as good."""
    if not run.is_complete:
        return "stopped"
    concluded = [f for f in run.findings if f.is_conclusion]
    verdicts = {f.verdict for f in concluded or run.findings}
    if Verdict.FAIL in verdicts:
        return "fail"
    return "pass" if Verdict.PASS in verdicts else "note"


def _markdown(source: str) -> Markup:
    html = _ANCHOR.sub("", markdown2html(source))
    return Markup(sanitise(_H1.sub("", html)))  # noqa: S704 - sanitised


def _plain(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(without_ansi(_joined(text)).rstrip("\n"))


def _error(output: Mapping[str, Any]) -> Markup:
    trace = without_ansi("\n".join(output.get("traceback", ())))
    return Markup(
        "<p><strong>{}</strong>: {}</p><details><summary>Traceback</summary><pre>{}</pre></details>"
    ).format(output.get("ename", ""), without_ansi(output.get("evalue", "")), trace)


def _picture(mime: str, content: str) -> Markup:
    encoded = content if mime != "image/svg+xml" else base64.b64encode(content.encode()).decode()
    return Markup('<img alt="Output of the cell" src="data:{};base64,{}">').format(
        mime, "".join(encoded.split())
    )


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text)


def _inert(text: str) -> str:
    """Text that cannot end the script element it stands in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _asset(name: str) -> str:
    return resources.files("vineview.runbooks").joinpath("page", name).read_text("utf-8")
