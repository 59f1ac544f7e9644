"""What a failed load means: its class, its words, and how long until the next try.

Classes come from error types and status codes; a message is never searched for clues.
(Reference, section 3.5; contract, section 2.)
"""

from __future__ import annotations

from random import Random
from urllib.parse import urlsplit

from vineview.core.state import ErrorClass
from vineview.errors import LoadError

__all__ = ["HOPELESS", "backoff_s", "classify", "describe", "url_problem"]

HOPELESS = frozenset({ErrorClass.NOT_FOUND, ErrorClass.FORMAT_ERROR})
"""Classes no retry can mend."""

_BY_STATUS = {
    401: ErrorClass.FORBIDDEN,
    403: ErrorClass.FORBIDDEN,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.TIMEOUT,
    410: ErrorClass.NOT_FOUND,
    416: ErrorClass.SERVER_CONFIG_ERROR,
}
_FIRST_SERVER_ERROR, _LAST_SERVER_ERROR = 500, 599

_LEAST_S, _MOST_S = 1.0, 30.0
_MOST_JITTER_RATIO = 0.5
_MOST_DOUBLINGS = 5  # 32 s, beyond the clamp already


def classify(error: BaseException) -> ErrorClass:
    """The class of an error a loader raised.

    Example:
        >>> classify(LoadError("gone", status=404)), classify(ConnectionResetError())
        (<ErrorClass.NOT_FOUND: 'not_found'>, <ErrorClass.NETWORK: 'network'>)
    """
    if isinstance(error, LoadError):
        named = _named(error.error_class)
        if named is not None:
            return named
        if isinstance(error.status, int):
            return _from_status(error.status)
    if isinstance(error, TimeoutError):
        return ErrorClass.TIMEOUT
    if isinstance(error, ConnectionError):
        return ErrorClass.NETWORK
    if isinstance(error, FileNotFoundError):
        return ErrorClass.NOT_FOUND
    return ErrorClass.UNKNOWN


def describe(error: BaseException) -> str:
    """The error in words: its own, after its type unless it is one of ours."""
    try:
        words = str(error)
    except Exception:  # noqa: BLE001  # foreign code; its type still says something
        words = ""
    if isinstance(error, LoadError) and words:
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def backoff_s(failures: int, rng: Random) -> float:
    """Seconds to wait after the given number of failures, counted from 1.

    1, 2, 4, 8, 16 ... with up to half as much again by chance, clamped to 1-30 s.

    Example:
        >>> 4.0 <= backoff_s(3, Random(7)) <= 6.0
        True
    """
    base = 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
    jittered = base * (1.0 + _MOST_JITTER_RATIO * rng.random())
    return min(max(jittered, _LEAST_S), _MOST_S)


def url_problem(url: str | None) -> str | None:
    """Why a URL cannot be loaded, or ``None``: whether it may be is ``UrlPolicy``'s question.

    Example:
        >>> url_problem("example.com/clip.mp4")
        "the URL 'example.com/clip.mp4' has no scheme"
    """
    if not url:
        return "the event has no video URL"
    try:
        parts = urlsplit(url)
        _ = parts.port  # read only when asked for
    except (ValueError, TypeError, AttributeError) as error:
        return f"the URL {url!r} is malformed: {error}"
    if not parts.scheme:
        return f"the URL {url!r} has no scheme"
    if not (parts.netloc or (parts.path and parts.scheme not in {"http", "https"})):
        return f"the URL {url!r} names no host"
    return None


def _named(name: str | None) -> ErrorClass | None:
    try:
        return ErrorClass(name.lower()) if name is not None else None
    except (ValueError, AttributeError):
        return None


def _from_status(status: int) -> ErrorClass:
    if _FIRST_SERVER_ERROR <= status <= _LAST_SERVER_ERROR:
        return ErrorClass.SERVER_ERROR
    return _BY_STATUS.get(status, ErrorClass.UNKNOWN)
