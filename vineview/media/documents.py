"""Documents: frozen dataclasses as JSON and back, each value checked against its field.

What a worker says of a clip crosses to the kernel this way. A worker that a hostile clip took over
could say anything, so nothing is made but the classes asked for, of values of the right type.
"""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["document_of", "from_document"]

_T = TypeVar("_T")


def document_of(value: Any) -> dict[str, Any]:
    """A dataclass as what JSON can carry."""
    return asdict(value)


def from_document(kind: type[_T], document: object) -> _T:
    """The dataclass a document stands for.

    Args:
        kind: Which class.
        document: What `document_of` gave, after JSON.

    Raises:
        ValueError: A field is missing, unknown, or of another type.

    Example:
        >>> from vineview.media.probe import AudioTrack
        >>> try:
        ...     from_document(AudioTrack, {"codec": 1})
        ... except ValueError as error:
        ...     print(error)
        AudioTrack has other fields than ['codec']
    """
    hints = _hints(kind)
    if not isinstance(document, dict) or document.keys() != hints.keys():
        raise ValueError(f"{kind.__name__} has other fields than {list(_keys(document))}")
    return kind(**{name: _checked(hint, document[name]) for name, hint in hints.items()})


def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _keys(document: object) -> Any:
    return document.keys() if isinstance(document, dict) else [type(document).__name__]


def _checked(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin in {Union, UnionType}:
        if value is None and type(None) in get_args(hint):
            return None
        (only,) = (one for one in get_args(hint) if one is not type(None))
        return _checked(only, value)
    if origin is tuple and isinstance(value, list):
        return tuple(_checked(get_args(hint)[0], one) for one in value)
    if is_dataclass(hint) and isinstance(hint, type):
        return from_document(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{value!r:.80} is no {hint}")
    return value
