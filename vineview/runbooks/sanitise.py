"""Lets through the HTML a report may show: structure, tables, SVG; nothing that runs or fetches.

An allowlist, because outputs hold titles and error texts from feeds nobody vetted. The page's
content security policy stands behind it; this keeps the markup honest where the policy is absent.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

__all__ = ["sanitise", "without_ansi"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TAGS = _words(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption "
    "figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strong "
    "sub summary sup table tbody td tfoot th thead tr u ul var wbr "
    "svg g path rect circle ellipse line polyline polygon text tspan title desc defs clippath "
    "lineargradient radialgradient stop"
)
_WITH_CONTENT = _words("script style iframe object template noscript textarea select")
_VOID = _words("br col hr img wbr")
_ATTRIBUTES = _words(
    "class id style title alt lang dir role scope colspan rowspan span start value open headers "
    "width height align valign border "
    "viewbox preserveaspectratio x y x1 x2 y1 y2 cx cy r rx ry d points dx dy transform fill "
    "fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-linecap "
    "stroke-linejoin opacity offset stop-color stop-opacity text-anchor dominant-baseline "
    "font-size font-family font-weight clip-path clip-rule vector-effect xmlns"
)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_STYLE_DANGER = re.compile(
    r"url\s*\(|image-set|@import|expression|behavior|\\|position\s*:", re.IGNORECASE
)
_REFERENCE = re.compile(r"url\s*\(", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)


def sanitise(html: str) -> str:
    """The markup without anything that could run, fetch or leave the page.

    Args:
        html: Markup from a cell's output or a Markdown cell.

    Returns:
        The same, with unknown elements unwrapped, scripts and styles removed with their content,
        links made inert to the page they leave, and pictures kept only as ``data:``.

    Example:
        >>> sanitise('<b onclick="x()">hi</b><script>x()</script><img src="http://e/x.png">')
        '<b>hi</b><img>'
    """
    parser = _Sanitiser()
    parser.feed(html)
    parser.close()
    return parser.result()


def without_ansi(text: str) -> str:
    r"""The text without the escape sequences that colour terminals.

    Example:
        >>> without_ansi("\x1b[31mred\x1b[0m")
        'red'
    """
    return _ANSI.sub("", text)


class _Sanitiser(HTMLParser):
    """Rebuilds the markup from what is allowed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._dropping = ""
        self._depth = 0

    def result(self) -> str:
        """The markup, with what was left open closed."""
        return "".join(self._parts) + "".join(f"</{tag}>" for tag in reversed(self._open))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping:
            self._depth += tag == self._dropping
        elif tag in _WITH_CONTENT:
            self._dropping, self._depth = tag, 1
        elif tag in _TAGS:
            self._parts.append(f"<{tag}{_attributes(tag, attrs)}>")
            if tag not in _VOID:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._dropping and tag in _TAGS:
            self._parts.append(f"<{tag}{_attributes(tag, attrs)}{'' if tag in _VOID else '/'}>")

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            self._depth -= tag == self._dropping
            if not self._depth:
                self._dropping = ""
        elif tag in self._open:
            while True:  # close what was left open inside
                inner = self._open.pop()
                self._parts.append(f"</{inner}>")
                if inner == tag:
                    break

    def handle_data(self, data: str) -> None:
        self._text(escape(data, quote=False))

    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")

    def _text(self, text: str) -> None:
        if not self._dropping:
            self._parts.append(text)


def _attributes(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    kept = "".join(
        f' {name}="{escape(value or "")}"' for name, value in attrs if _allowed(tag, name, value)
    )
    return kept + (' rel="noopener noreferrer"' if ' href="http' in kept else "")


def _allowed(tag: str, name: str, value: str | None) -> bool:
    value = (value or "").strip()
    if name == "style":
        return not _STYLE_DANGER.search(value)
    if name == "href":
        return tag == "a" and _LINK.match(value) is not None
    if name == "src":
        return tag == "img" and _PICTURE.fullmatch(value) is not None
    if name in _ATTRIBUTES or name.startswith("aria-"):
        return not _REFERENCE.search(value) or value.startswith("url(#")
    return False
