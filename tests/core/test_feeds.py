"""parse_events: a feed's text to events and findings; damage is named, the rest loads."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vineview.core.events import VideoEvent
from vineview.core.feeds import parse_events
from vineview.core.nostr import event_id
from vineview.errors import FeedError

# A busy machine is slow, which is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def event(name: str = "a", **fields):
    tags = [["url", f"https://nostr.build/{name}.mp4"]]
    return {"id": name, "pubkey": "p", "created_at": 1, "kind": 22, "tags": tags, **fields}


def repost(name: str = "r", of: str = "a", **fields):
    return {"id": name, "pubkey": "bob", "created_at": 2, "kind": 6, "tags": [["e", of]], **fields}


def ids(parsed):
    return [item.id for item in parsed.events]


def messages(parsed, severity="error"):
    return [f.message for f in parsed.findings if f.severity == severity]


class TestForms:
    def test_array_object_lines_and_list(self):
        two = [event("a"), event("b")]
        lines = "\n".join(map(json.dumps, two))
        for document in (json.dumps(two), json.dumps(two, indent=2), two, lines, f"{lines}\n\n"):
            assert ids(parse_events(document)) == ["a", "b"]
        assert ids(parse_events(json.dumps(event()))) == ["a"]

    def test_bytes_with_and_without_a_byte_order_mark(self):
        text = json.dumps([event("é")], ensure_ascii=False)
        assert ids(parse_events(text.encode())) == ["é"]
        assert ids(parse_events(text.encode("utf-8-sig"))) == ["é"]
        with pytest.raises(FeedError, match="UTF-16"):
            parse_events(text.encode("utf-16"))

    def test_line_separators_of_unicode_do_not_end_a_line(self):
        lines = "\n".join(
            json.dumps(event(n, content="x\u2028y"), ensure_ascii=False) for n in "ab"
        )
        assert ids(parse_events(lines)) == ["a", "b"]

    def test_a_relays_answer_to_a_req(self):
        dump = [
            ["EVENT", "sub", event("a")],
            ["NOTICE", "slow down"],
            ["EVENT", "sub", event("b")],
            ["EOSE", "sub"],
            ["CLOSED", "sub", "auth-required: no"],
            ["EVENT", "sub", "?"],
        ]
        for document in ("\n".join(map(json.dumps, dump)), json.dumps(dump)):
            parsed = parse_events(document)
            assert ids(parsed) == ["a", "b"]
            assert messages(parsed, "warning")[0] == "the id is not the event's hash"
            says = [text for text in messages(parsed, "warning") if "relay says" in text]
            assert len(says) == 3
            assert says[0].endswith("NOTICE slow down")

    def test_a_single_message(self):
        assert ids(parse_events(json.dumps(["EVENT", "sub", event()]))) == ["a"]

    def test_nothing_to_read_is_not_an_error_here(self):
        assert parse_events("[]").events == ()
        assert parse_events('["EOSE", "sub"]').findings == ()


class TestDamage:
    def test_a_bad_line_is_named_and_the_rest_loads(self):
        lines = [json.dumps(event("a")), '{"id": "b", ', "", json.dumps(event("c")), "[1,"]
        parsed = parse_events("\n".join(lines))
        assert ids(parsed) == ["a", "c"]
        bad = [f for f in parsed.findings if f.severity == "error"]
        assert [f.line for f in bad] == [2, 5]
        assert "damaged" in bad[0].message

    def test_a_bad_first_line_does_not_cost_the_rest(self):
        for first in ("garbage", "[1, {", '{"id"'):
            assert ids(parse_events(f"{first}\n{json.dumps(event('b'))}")) == ["b"]

    def test_a_truncated_array_keeps_its_beginning(self):
        text = json.dumps([event("a"), event("b"), event("c")], indent=1)
        parsed = parse_events(text[: text.index('"c"')])
        assert ids(parsed) == ["a", "b"]
        assert "damaged from here on" in messages(parsed)[0]
        assert parsed.findings[-1].line > 20

    def test_bytes_that_are_not_utf8_condemn_only_their_event(self):
        text = json.dumps([event("a", content="CUT"), event("b")]).encode().replace(b"CUT", b"\xff")
        parsed = parse_events(text)
        assert ids(parsed) == ["b"]
        assert "lone surrogate" in messages(parsed)[0]

    @pytest.mark.parametrize(
        "value",
        [
            "3",
            '"text"',
            '{"id": "x", "kind": 22, "created_at": NaN}',
            '{"id": "x", "kind": 22, "created_at": 1e400}',
            f'{{"id": "x", "kind": 22, "created_at": {"9" * 5000}}}',
            '{"id": "x", "kind": 22, "id": "y"}',
            '{"id": "\\ud800", "kind": 22}',
            '{"id": "x", "kind": 22, "tags": [[[]]]}',
            '{"id": ["x"], "kind": 22}',
            '{"id": "x", "kind": 7}',
            "null",
            "{}",
        ],
    )
    def test_one_odd_entry_harms_no_other(self, value):
        parsed = parse_events(f"[{json.dumps(event('a'))}, {value}]")
        assert ids(parsed) == ["a"]
        assert [f.index for f in parsed.findings if f.severity == "error"] == [1]

    def test_deep_nesting_is_a_bad_line(self):
        deep = "[" * 200_000
        assert ids(parse_events(f"{json.dumps(event('a'))}\n{deep}")) == ["a"]
        with pytest.raises(FeedError, match="nested too deeply"):
            parse_events(deep + "]" * 200_000)
        assert ids(parse_events(f"[{json.dumps(event('a'))}, {deep}")) == ["a"]

    @pytest.mark.parametrize(
        "document", ["hello", "<html></html>", "3", '"x"', "null", "[", "\x00\x01", "[1,\n2", "{}x"]
    )
    def test_what_is_no_feed_is_refused_with_a_hint(self, document):
        with pytest.raises(FeedError, match=r"notes\.txt") as caught:
            parse_events(document, source="notes.txt")
        assert "JSON array" in caught.value.hint
        assert caught.value.source == "notes.txt"

    def test_the_error_names_the_line(self):
        with pytest.raises(FeedError, match="line 2") as caught:
            parse_events("[\noops\n]")
        assert caught.value.line == 2

    @pytest.mark.parametrize("document", ["", "  \n", b"", "\ufeff"])
    def test_an_empty_document(self, document):
        with pytest.raises(FeedError, match="is empty"):
            parse_events(document)


class TestFindings:
    def test_an_event_without_a_url_is_held_back_and_listed(self):
        parsed = parse_events([event("a"), event("b", tags=[])])
        assert ids(parsed) == ["a"]
        held = [f for f in parsed.findings if f.severity == "error"]
        assert (held[0].event_id, held[0].index, held[0].field) == ("b", 1, "video_url")

    def test_a_copy_is_listed_and_the_first_kept(self):
        parsed = parse_events([event("a", content="first"), event("a", content="second")])
        assert parsed.events[0].content == "first"
        assert "a copy of an earlier event" in messages(parsed, "warning")

    def test_defect_55_a_wrong_id_is_said(self):
        fields = {k: v for k, v in event().items() if k != "id"}
        honest = event_id(**fields, content="")
        assert not parse_events([{"id": honest, **fields}]).findings
        assert messages(parse_events([event()]), "warning") == ["the id is not the event's hash"]

    def test_defect_55_with_a_verifier_the_unsigned_are_held_back(self):
        fields = {k: v for k, v in event(pubkey="a" * 64).items() if k != "id"}
        raw = {"id": event_id(**fields, content=""), "sig": "b" * 128, **fields}
        assert len(parse_events([raw], verifier=lambda *_: True).events) == 1
        parsed = parse_events([raw, event()], verifier=lambda *_: False)
        assert parsed.events == ()
        assert messages(parsed) == ["not signed by its author"] * 2


class TestReposts:
    def test_defect_57_a_repost_of_a_video_in_the_feed_says_who_and_is_not_lost(self):
        for document in ([event("a"), repost()], [repost(), event("a")]):
            parsed = parse_events(document)
            assert ids(parsed) == ["a"]
            assert parsed.events[0].reposter_pubkey == "bob"
            assert parsed.events[0].pubkey == "p"
            assert any("repost" in text for text in messages(parsed, "warning"))

    def test_the_latest_reposter_is_named(self):
        late = repost("late", created_at=9, pubkey="carol")
        parsed = parse_events([event("a"), late, repost("early"), repost("odd", created_at="x")])
        assert parsed.events[0].reposter_id == "late"
        assert len(messages(parsed)) == 1

    def test_an_embedded_original_is_used(self):
        parsed = parse_events([repost(content=json.dumps(event("a"))), event("b")])
        assert ids(parsed) == ["a", "b"]
        assert parsed.events[0].is_repost

    def test_a_repost_without_e_tag_is_listed(self):
        again = repost("r2", tags=[], content=json.dumps(event("a")))
        parsed = parse_events([event("a"), again])
        assert ids(parsed) == ["a"]
        assert not parsed.events[0].is_repost
        assert "names no original" in messages(parsed)[0]

    def test_an_embedded_original_is_validated_like_any_other(self):
        parsed = parse_events([repost(content=json.dumps(event("a", tags=[])))])
        assert parsed.events == ()
        assert messages(parsed) == ["there is no video URL"]

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (repost(of="gone"), "not a video of this feed"),
            (repost(of="gone", content="nice"), "does not embed"),
            (repost(tags=[]), "names no original"),
            (repost(tags=7), "list of lists"),
            ({**repost(), "id": ""}, "no id"),
        ],
    )
    def test_a_repost_of_nothing_known_is_listed(self, raw, message):
        parsed = parse_events([event("a"), raw])
        assert ids(parsed) == ["a"]
        assert message in messages(parsed)[0]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())  # lone surrogates included
    | st.sampled_from(["url", "imeta", "EVENT", "https://nostr.build/a.mp4", "e", "22"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
NEARLY_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON | st.just("a"),
        "kind": st.sampled_from([22, 6, 1, 22.0, True, None, "22"]) | JSON,
        "pubkey": JSON | st.just("p"),
        "created_at": JSON | st.integers(),
        "tags": JSON | st.lists(st.lists(st.text(max_size=6) | JSON, max_size=3), max_size=4),
        "content": JSON | st.text(),
        "sig": JSON,
    },
)
ENTRIES = NEARLY_EVENTS | JSON | st.tuples(st.just("EVENT"), st.just("s"), NEARLY_EVENTS).map(list)


def refuses_or_parses(document):
    """Only FeedError may come out; all else is events that a file can hold, and findings."""
    try:
        parsed = parse_events(document)
    except FeedError:
        return
    for item in parsed.events:
        assert isinstance(item, VideoEvent)
        assert item.id
        assert not item.is_local
        json.dumps(item.to_wire(), ensure_ascii=False, allow_nan=False).encode()
    assert len({item.id for item in parsed.events}) == len(parsed.events)


@settings(PATIENT, max_examples=30)
@given(st.lists(ENTRIES, max_size=5))
def test_any_decoded_json_is_events_findings_or_a_feed_error(entries):
    refuses_or_parses(entries)
    refuses_or_parses(json.dumps(entries))
    refuses_or_parses("\n".join(map(json.dumps, entries)))


@settings(PATIENT)
@given(st.text() | st.binary())
def test_any_text_or_bytes_is_events_findings_or_a_feed_error(document):
    refuses_or_parses(document)


@settings(PATIENT, max_examples=60)
@given(st.lists(ENTRIES, min_size=1, max_size=3), st.data())
def test_damage_anywhere_is_events_findings_or_a_feed_error(entries, data):
    text = json.dumps([event("x"), *entries], indent=data.draw(st.sampled_from([None, 1])))
    at = data.draw(st.integers(0, len(text)))
    refuses_or_parses(text[:at] + data.draw(st.text(max_size=3)) + text[at + 1 :])
