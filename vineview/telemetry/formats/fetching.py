"""Fetches an http(s) address into a temporary file, so that what follows is a file of any size."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from vineview.errors import TelemetryError

__all__ = ["Fetched", "fetched", "is_url", "name_of", "refuse_other_scheme"]

_TIMEOUT_S: Final = 30.0
_MOST_BYTES: Final = 32 << 30
_PIECE: Final = 1 << 20


class Fetched(os.PathLike[str]):
    """The file of an address.

    Attributes:
        url: The address, which messages name.
        path: Where it is now.
    """

    def __init__(self, url: str, path: Path) -> None:
        self.url = url
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


def is_url(place: str) -> bool:
    """Whether a place is an http(s) address."""
    return place.lower().startswith(("http://", "https://"))


def refuse_other_scheme(place: str) -> None:
    """Let pass paths and http(s) addresses.

    Raises:
        TelemetryError: For an address of any other scheme.
    """
    scheme, sign, rest = place.partition("://")
    if sign and scheme.isalnum() and not is_url(place):
        raise TelemetryError(
            f"{place} cannot be read: {scheme.lower()} addresses are not fetched",
            source=place,
            hint=f"Pass {rest}, a path."
            if scheme.lower() == "file"
            else "Fetch it as a file and open that; http and https are fetched.",
        )


def name_of(place: str | os.PathLike[str]) -> str:
    """What to call a place: its path, or the address it was fetched from."""
    return place.url if isinstance(place, Fetched) else os.fspath(place)


@contextmanager
def fetched(
    place: str | os.PathLike[str],
    *,
    progress: Callable[[int], object] | None = None,
    most_bytes: int = _MOST_BYTES,
    timeout_s: float = _TIMEOUT_S,
) -> Iterator[str | os.PathLike[str]]:
    """A place as a file: an address is fetched, to be removed at the end; others are themselves.

    Args:
        place: A path, or an http(s) address.
        progress: Called with the number of bytes fetched since the last call.
        most_bytes: From what size on an answer is refused.
        timeout_s: How long to wait for a connection, and for each next piece.

    Raises:
        TelemetryError: If the address does not answer, refuses, takes too long, ends before the
            length it announced, is larger than allowed, or does not fit on the disk.
    """
    if isinstance(place, os.PathLike) or not is_url(place):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="vineview-") as folder:
        path = Path(folder) / "export"
        _fetch(place, path, progress or (lambda _bytes: None), most_bytes, timeout_s)
        yield Fetched(place, path)


def _fetch(
    url: str, path: Path, progress: Callable[[int], object], most_bytes: int, timeout_s: float
) -> None:
    import httpx  # noqa: PLC0415 - only addresses need it, and it takes longer than a file does

    try:
        with (
            path.open("wb") as file,
            httpx.stream("GET", url, timeout=timeout_s, follow_redirects=True) as response,
        ):
            response.raise_for_status()
            _write(response, file, url, progress, most_bytes)
    except httpx.HTTPStatusError as error:
        answer = error.response
        text = f"{url} answered {answer.status_code} {answer.reason_phrase}".rstrip()
        hint = "Check the address and the range; /metrics/export takes range=1h."
        raise TelemetryError(text, source=url, hint=hint) from error
    except httpx.TimeoutException as error:
        text = f"{url} did not go on within {timeout_s:g} s"
        hint = "Try again, or ask for a shorter range."
        raise TelemetryError(text, source=url, hint=hint) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        is_cut = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError)
        what = "ended early" if is_cut else "cannot be fetched"
        text = f"{url} {what}: {str(error) or type(error).__name__}"
        hint = "Check that the service is up and the address is right."
        raise TelemetryError(text, source=url, hint=hint) from error
    except OSError as error:
        text = f"{url} does not fit in {path.parent.parent}: {error.strerror or error}"
        hint = "Free some space, or let TMPDIR name a folder that has it."
        raise TelemetryError(text, source=url, hint=hint) from error


def _write(
    response: Any, file: Any, url: str, progress: Callable[[int], object], most_bytes: int
) -> None:
    size = 0
    announced = response.headers.get("content-length", "")
    if announced.isdigit():
        size = int(announced)
    written = 0
    for piece in response.iter_bytes(_PIECE):
        if max(size, written + len(piece)) > most_bytes:
            raise TelemetryError(
                f"{url} is larger than {most_bytes} bytes",
                source=url,
                hint="Ask for a shorter range, or fetch it as a file and open that.",
            )
        file.write(piece)
        written += len(piece)
        progress(len(piece))
