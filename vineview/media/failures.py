"""Media errors as load errors: what the manager needs to classify a failed video.

A clip that is of the wrong kind will be so at the next try too (FORMAT_ERROR); one that is of the
right kind but damaged or cut may be whole next time (MEDIA_ERROR). The words stay the same, for
they are what a person reads on the card. Source: reference, section 3.5.
"""

from __future__ import annotations

from vineview.errors import LoadError, MediaError

__all__ = ["load_error"]

_CLASSES = {
    "crashed": "MEDIA_ERROR",
    "damaged": "MEDIA_ERROR",
    "hung": "MEDIA_ERROR",
    "missing": "NOT_FOUND",
    "no-packets": "MEDIA_ERROR",
    "no-picture": "MEDIA_ERROR",
    "no-worker": "UNKNOWN",
    "stopped": "MEDIA_ERROR",
    "truncated": "MEDIA_ERROR",
}


def load_error(error: MediaError) -> LoadError:
    """The load error that stands for a media error.

    Example:
        >>> load_error(MediaError("a.mp4 is cut off", reason="truncated")).error_class
        'MEDIA_ERROR'
    """
    return LoadError(
        error.message,
        error_class=_CLASSES.get(error.reason, "FORMAT_ERROR"),
        hint=error.hint,
    )
