"""One line of JSON text for a value: as short as JSON allows, and always valid UTF-8."""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["dump", "is_unicode"]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PLAIN: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dump(value: Any) -> str:
    """A value as one line of JSON that UTF-8 can carry; lone surrogates stay escaped.

    Example:
        >>> dump({"title": "é"})
        '{"title":"é"}'
    """
    text = _PLAIN.encode(value)
    return text if is_unicode(text) else json.dumps(value, separators=(",", ":"))


def is_unicode(text: str) -> bool:
    """False for lone surrogates, which JSON can escape but UTF-8 cannot carry."""
    return text.isascii() or _SURROGATE.search(text) is None
