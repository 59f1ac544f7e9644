"""NIP-01: what an event's id and signature cover.

The id is the SHA-256 of one exact serialisation, so the text here is byte for byte what the
protocol asks for: no blanks, UTF-8, characters outside ASCII as they are. Signatures (BIP-340)
need a curve library, so whoever wants them checked passes a verifier; `schnorr_verifier` has one
behind the ``nostr`` extra, imported only when it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence

from vineview.errors import UsageError

__all__ = ["Verifier", "check_signature", "event_id", "schnorr_verifier", "serialize"]

Verifier = Callable[[bytes, bytes, bytes], bool]
"""``verifier(public_key, message, signature) -> bool``: 32, 32 and 64 bytes."""

_HEX = re.compile(r"[0-9a-f]*\Z")


def serialize(
    *, pubkey: str, created_at: int, kind: int, tags: Sequence[Sequence[str]], content: str
) -> bytes:
    r"""The bytes an event's id is the hash of.

    Args:
        pubkey: The author's public key, lower-case hex.
        created_at: Unix seconds.
        kind: The event kind.
        tags: All tags, in order.
        content: The text.

    Raises:
        UnicodeEncodeError: If a text holds a lone surrogate, which UTF-8 cannot carry.

    Source: NIP-01; reference, section 7.

    Example:
        >>> serialize(pubkey="ab", created_at=1, kind=22, tags=[["t", "é"]], content="")
        b'[0,"ab",1,22,[["t","\xc3\xa9"]],""]'
    """
    document = [0, pubkey, created_at, kind, [list(tag) for tag in tags], content]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def event_id(
    *, pubkey: str, created_at: int, kind: int, tags: Sequence[Sequence[str]], content: str
) -> str:
    """The id these fields must have: 64 lower-case hex digits. Arguments as `serialize`."""
    text = serialize(pubkey=pubkey, created_at=created_at, kind=kind, tags=tags, content=content)
    return hashlib.sha256(text).hexdigest()


def check_signature(*, pubkey: str, event_id: str, signature: str, verifier: Verifier) -> bool:
    """Whether ``signature`` over ``event_id`` was made by ``pubkey``.

    Args:
        pubkey: 64 hex digits.
        event_id: 64 hex digits.
        signature: 128 hex digits.
        verifier: A BIP-340 check, such as `schnorr_verifier()`.

    Returns:
        False as well when one of the three is not hex of its length.

    Example:
        >>> check_signature(pubkey="", event_id="", signature="", verifier=lambda *parts: True)
        False
    """
    parts = ((pubkey, 64), (event_id, 64), (signature, 128))
    if any(len(text) != digits or not _HEX.match(text) for text, digits in parts):
        return False
    return verifier(bytes.fromhex(pubkey), bytes.fromhex(event_id), bytes.fromhex(signature))


def schnorr_verifier() -> Verifier:
    """A BIP-340 verifier on libsecp256k1.

    Raises:
        UsageError: If ``coincurve`` is not installed.
    """
    try:
        from coincurve import PublicKeyXOnly  # noqa: PLC0415 - an extra most users do without
    except ImportError as error:
        raise UsageError(
            "checking signatures needs coincurve", hint="Run: pip install 'vineview[nostr]'."
        ) from error

    def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
        try:
            return bool(PublicKeyXOnly(public_key).verify(signature, message))
        except ValueError:
            return False  # not a point of the curve

    return verify
