"""NIP-01 ids and BIP-340 signatures."""

from __future__ import annotations

import sys

import coincurve
import pytest

from vineview.core.events import VideoEvent
from vineview.core.nostr import check_signature, event_id, schnorr_verifier, serialize
from vineview.errors import UsageError


def signed(content: str = "hi") -> VideoEvent:
    key = coincurve.PrivateKey(bytes(31) + b"\x07")
    fields = {
        "pubkey": key.public_key_xonly.format().hex(),
        "created_at": 1,
        "kind": 22,
        "tags": [["t", 'a\n"b\\']],
        "content": content,
    }
    name = event_id(**fields)
    signature = key.sign_schnorr(bytes.fromhex(name)).hex()
    return VideoEvent.from_nostr({"id": name, "sig": signature, **fields})


def test_serialises_as_the_protocol_asks():
    text = serialize(
        pubkey="ab", created_at=1, kind=22, tags=[["t", 'é"\n'], []], content="a/b\u2028"
    )
    assert text.decode() == '[0,"ab",1,22,[["t","é\\"\\n"],[]],"a/b\u2028"]'


class TestSignatures:
    def test_the_authors_is_accepted(self):
        assert signed().verify_signature(schnorr_verifier())

    def test_defect_55_a_forged_one_is_not(self):
        event, other = signed(), signed("other")
        verifier = schnorr_verifier()
        forged = VideoEvent.from_nostr({**event.to_wire(), "sig": other.signature})
        altered = VideoEvent.from_nostr({**event.to_wire(), "content": "altered"})
        unsigned = VideoEvent.from_nostr({**event.to_wire(), "sig": ""})
        for bad in (forged, altered, unsigned):
            assert not bad.verify_signature(verifier)

    def test_a_key_off_the_curve_signs_nothing(self):
        args = {"event_id": "0" * 64, "signature": "0" * 128, "verifier": schnorr_verifier()}
        assert not check_signature(pubkey="f" * 64, **args)

    def test_what_is_not_hex_never_reaches_the_verifier(self):
        def verifier(*parts):
            raise AssertionError

        for pubkey in ("G" * 64, "a" * 63, "A" * 64, "a" * 63 + "\n"):
            assert not check_signature(
                pubkey=pubkey, event_id="0" * 64, signature="0" * 128, verifier=verifier
            )

    def test_without_the_extra_it_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "coincurve", None)
        with pytest.raises(UsageError, match=r"vineview\[nostr\]"):
            schnorr_verifier()
