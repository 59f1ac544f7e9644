"""One request, one response: what routes, transports and the server hand each other.

Nothing here knows HTTP's wire; the body is always read as JSON, whatever its content type says,
because the documented calls send none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from vineview.errors import OpsError

__all__ = ["JSON", "Refusal", "Request", "Response", "json_response"]

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the ops API."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    authorization: str = ""

    @property
    def is_read(self) -> bool:
        """Whether the call changes nothing."""
        return self.method in {"GET", "HEAD"}

    @property
    def target(self) -> str:
        """Path and query, as they go on the wire."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def json(self) -> Any:
        """The body, read as JSON.

        Raises:
            Refusal: If it is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Refusal(
                400, f"the body is not JSON: {error}", hint='Send e.g. {"emergency_mode": true}.'
            ) from error


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to one call; ``sent`` is false if a dry run kept the call back."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: bool = True


class Refusal(OpsError):
    """A call that a route refuses; it becomes a JSON error with this status.

    Args:
        status: The HTTP status, 4xx.
        message: What is wrong.
        hint: What to send instead.
        headers: Extra headers of the answer.
    """

    def __init__(
        self, status: int, message: str, *, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, status=status, hint=hint)
        self.code = status
        self.headers = dict(headers or {})


def json_response(
    document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer.

    Example:
        >>> json_response({"status": "healthy"}).body
        b'{"status": "healthy"}'
    """
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    return Response(status=status, body=body, headers=dict(headers or {}))
