"""VideoEvent: every field and edge case of a Nostr event (reference, section 7)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vineview.core.events import VideoEvent, original_id
from vineview.errors import FeedError

# A busy machine is slow, which is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

HASH = "87444ba2b07f28f29a8df3e9b358712e434a9d94bc67b08db5d4de61e6205344"
PUBLISHED = {
    "id": "329aa2cbeeb2b69f8b7aaf2e89a95ddbe50bd702e7d49cef14e78851f0853c50",
    "pubkey": "0461fcbecc4c3374439932d6b8f11269ccdb7cc973ad7a50ae362db135a474dd",
    "created_at": 1747864092,
    "kind": 22,
    "content": "Rabble on Twitter",
    "tags": [
        ["title", "Are we the bad guys?"],
        ["published_at", "1747864092"],
        ["duration", "3"],
        [
            "imeta",
            f"url https://blossom.primal.net/{HASH}.mp4",
            "dim 1920x1080",
            "m video/mp4",
        ],
        ["client", "mkstack"],
    ],
}
A = "https://nostr.build/a.mp4"
B = "https://nostr.build/b.mp4"


def read(*tags, **fields) -> VideoEvent:
    return VideoEvent.from_nostr({"id": "a", "kind": 22, "tags": list(tags), **fields})


class TestThePublishedEvent:
    def test_is_read_from_its_imeta(self):
        event = VideoEvent.from_nostr(PUBLISHED)
        assert event.video_url.endswith("6205344.mp4")
        assert (event.mime_type, event.dimensions, event.duration) == ("video/mp4", "1920x1080", 3)
        assert (event.title, event.published_at) == ("Are we the bad guys?", "1747864092")
        assert event.thumbnail_url is None
        assert (event.width, event.height, event.is_portrait) == (1920, 1080, False)
        assert event.timestamp == datetime(2025, 5, 21, 21, 48, 12, tzinfo=UTC)
        assert event.short_pubkey == "0461fcbe"

    def test_defect_55_ids_are_verified(self):
        event = VideoEvent.from_nostr(PUBLISHED)
        assert event.verify_id()
        assert not VideoEvent.from_nostr({**PUBLISHED, "content": "forged"}).verify_id()

    def test_comes_back_as_it_was(self):
        assert VideoEvent.from_nostr(PUBLISHED).to_wire() == PUBLISHED


class TestWhereTheUrlComesFrom:
    @pytest.mark.parametrize(
        ("tags", "url"),
        [
            ([["url", A]], A),
            ([["imeta", f"url {A}"]], A),
            ([["imeta", f"url {B}"], ["url", A]], A),
            ([["url", A], ["imeta", f"url {B}"]], A),
            ([["url", A], ["url", B]], B),
            ([["url", A], ["url", ""]], ""),
            ([["url", ""], ["imeta", f"url {B}"]], B),
            ([["imeta", f"url {A}", f"url {B}"]], A),
            ([["imeta", "url  "], ["imeta", f"url   {B}  "]], B),
            ([["imeta", f" {A}", "url", f"url {B}"]], B),
            ([["r", A, "video"]], A),
            ([["r", B, "thumbnail"], ["r", A, "video"]], A),
            ([["r", A]], A),
            ([["r", "https://nostr.build/page"], ["r", A]], A),
            ([["streaming", "x", A]], A),
            ([["image", A]], None),
            ([["url"]], ""),
            ([["url"], ["r", A, "video"]], A),
            ([], None),
        ],
    )
    def test_precedence(self, tags, url):
        event = read(*tags)
        assert event.video_url == url
        assert event.has_video is bool(url)

    def test_the_text_is_the_last_resort(self):
        assert read(content=f"look <{A}> now").video_url == A
        assert read(content="look https://nostr.build/page").video_url is None

    def test_the_apps_misspelt_host_is_corrected(self):
        event = read(
            ["url", "https://apt.openvine.co/media/1?u=apt.openvine.co"],
            ["thumb", "HTTPS://APT.openvine.co:443/t.jpg"],
        )
        assert event.video_url == "https://api.openvine.co/media/1?u=apt.openvine.co"
        assert event.thumbnail_url == "HTTPS://api.openvine.co:443/t.jpg"
        assert event.raw_tags[0][1].startswith("https://apt.")
        for other in ("https://apt.openvine.co.evil.example/", "https://capt.openvine.co/"):
            assert read(["url", other]).video_url == other

    def test_long_and_international_urls_are_kept_verbatim(self):
        for url in ("https://пример.рф/видео.mp4", f"https://nostr.build/{'x' * 5000}.mp4"):
            assert read(["url", url]).video_url == url


class TestFields:
    def test_thumbnails(self):
        thumb, still = "https://a.example/t.jpg", "https://a.example/i.jpg"
        assert read(["image", still], ["thumb", thumb]).thumbnail_url == thumb
        assert read(["image", still], ["imeta", f"thumb {thumb}"]).thumbnail_url == thumb
        assert read(["image", still]).thumbnail_url == still
        assert read(["r", still, "thumbnail"]).thumbnail_url == still

    @pytest.mark.parametrize(
        ("tags", "duration"),
        [
            ([["duration", "0"]], 0),
            ([["duration", " 12 "]], 12),
            ([["duration", "-3"]], -3),
            ([["duration", "3.5"]], None),
            ([["duration"]], None),
            ([["imeta", "duration 2.5"]], 3),
            ([["imeta", "duration -2.5"]], -3),
            ([["imeta", "duration 1e1"]], 10),
            ([["imeta", "duration nan"]], None),
            ([["imeta", "duration 1e999"]], None),
            ([["imeta", "duration 1_0"]], None),
            ([["imeta", "duration soon", "duration 4"]], 4),
            ([["duration", "7"], ["imeta", "duration 4"]], 7),
        ],
    )
    def test_durations(self, tags, duration):
        assert read(*tags).duration == duration

    @pytest.mark.parametrize(
        ("content", "url"),
        [
            (f"look: {A}.", A),
            (f"({A})", A),
            (f"{A}?a=1, and more", f"{A}?a=1"),
        ],
    )
    def test_a_link_in_a_sentence_ends_before_its_punctuation(self, content, url):
        assert VideoEvent.from_nostr({"id": "a", "kind": 22, "content": content}).video_url == url

    def test_of_a_repeated_tag_the_last_counts(self):
        assert read(["title", "a"], ["title", ""]).title == ""

    def test_defect_51_an_unreadable_duration_keeps_the_one_of_imeta(self):
        assert read(["imeta", "duration 6.2"], ["duration", "about 6"]).duration == 6
        assert read(["duration", "6"], ["duration", "soon"]).duration is None

    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("0", 0),
            ("9223372036854775807", 2**63 - 1),
            ("9223372036854775808", None),
            ("9" * 5000, None),
            ("many", None),
            ("٣", None),
            ("", None),
        ],
    )
    def test_sizes(self, text, size):
        assert read(["size", text]).file_size == size
        assert read(["imeta", f"size {text}"]).file_size == size

    @pytest.mark.parametrize(
        ("dimensions", "width", "height", "is_portrait"),
        [
            ("1080x1920", 1080, 1920, True),
            ("1x1", 1, 1, False),
            ("wide", None, None, False),
            ("1080X1920", None, None, False),
            ("9x", None, None, False),
            ("0x0", 0, 0, False),
        ],
    )
    def test_dimensions(self, dimensions, width, height, is_portrait):
        event = read(["dim", dimensions])
        assert (event.width, event.height, event.is_portrait) == (width, height, is_portrait)
        assert event.dimensions == dimensions
        assert read(["dimensions", dimensions]).dimensions is None

    def test_a_name_alone_has_an_empty_value(self):
        event = read(["title"], [])
        assert (event.title, event.duration) == ("", None)

    def test_the_last_of_repeated_tags_wins(self):
        assert read(["title", "one"], ["title", "two"]).title == "two"

    def test_hashtags_keep_their_order(self):
        assert read(["t", "b"], ["t", ""], ["t"], ["t", "a"]).hashtags == ("b", "a")

    def test_vine_group_and_alternative_text(self):
        event = read(
            ["d", "vine"], ["h", "group"], ["alt", "a cat"], ["x", "ff"], ["m", "video/mp4"]
        )
        assert (event.vine_id, event.group, event.alt_text) == ("vine", "group", "a cat")
        assert (event.sha256, event.mime_type) == ("ff", "video/mp4")

    def test_defect_53_every_tag_is_kept(self):
        tags = [["t", "a"], [], ["t", "b"], ["x"], ["odd", "1", "2"]]
        assert read(*tags).raw_tags == tuple(map(tuple, tags))

    @pytest.mark.parametrize(
        ("fields", "is_gif"),
        [
            ({"video_url": "https://a.example/b.gif"}, True),
            ({"video_url": "https://a.example/b.GIF?x=1#y"}, True),
            ({"video_url": "https://a.example/b.mp4?x=.gif"}, False),
            ({"video_url": "https://a.gif"}, False),
            ({"video_url": A, "mime_type": "IMAGE/GIF; q=1"}, True),
            ({"mime_type": "image/gif"}, True),
            ({}, False),
        ],
    )
    def test_defect_54_gifs_are_known_by_their_path(self, fields, is_gif):
        assert VideoEvent(id="a", **fields).is_gif is is_gif


class TestDerivedTexts:
    def test_size_duration_and_key(self):
        event = VideoEvent(id="a", file_size=3 * 2**19, duration=65, pubkey="abc")
        assert (event.file_size_mb, event.duration_text, event.short_pubkey) == (1.5, "1:05", "abc")
        assert VideoEvent(id="a").file_size_mb is None
        assert (
            VideoEvent(id="a").duration_text == VideoEvent(id="a", duration=-1).duration_text == ""
        )

    @pytest.mark.parametrize(
        ("ago", "text"),
        [
            (timedelta(seconds=59), "now"),
            (timedelta(seconds=-5), "now"),
            (timedelta(minutes=5), "5m ago"),
            (timedelta(hours=23, minutes=59), "23h ago"),
            (timedelta(days=6), "6d ago"),
            (timedelta(weeks=60), "60w ago"),
        ],
    )
    def test_age(self, ago, text):
        event = VideoEvent(id="a", created_at=1_700_000_000)
        assert event.age_text(event.timestamp + ago) == text

    @settings(PATIENT)
    @given(st.integers())
    def test_any_time_has_a_timestamp(self, created_at):
        timestamp = VideoEvent(id="a", created_at=created_at).timestamp
        assert timestamp.tzinfo is UTC


class TestReposts:
    def test_defect_57_a_repost_keeps_the_originals_id_and_says_who(self):
        repost = {
            "id": "r",
            "kind": 6,
            "pubkey": "bob",
            "created_at": 1747864100,
            "tags": [["e", PUBLISHED["id"]]],
            "content": json.dumps(PUBLISHED),
        }
        event = VideoEvent.from_nostr(repost)
        assert (event.id, event.pubkey) == (PUBLISHED["id"], PUBLISHED["pubkey"])
        assert (event.is_repost, event.reposter_id, event.reposter_pubkey) == (True, "r", "bob")
        assert event.reposted_at == datetime(2025, 5, 21, 21, 48, 20, tzinfo=UTC)
        assert event.verify_id()
        assert event.to_wire() == PUBLISHED

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "nice!",
            "{",
            "{" * 100_000,
            '{"id": "other", "kind": 22}',
            f'{{"a": {"9" * 5000}}}',
            7,
        ],
    )
    def test_a_repost_without_its_original_is_refused(self, content):
        repost = {"id": "r", "kind": 6, "tags": [["e", "a"]], "content": content}
        with pytest.raises(FeedError, match="does not embed"):
            VideoEvent.from_nostr(repost)

    def test_a_repost_of_a_repost_is_refused(self):
        content = '{"id": "a", "kind": 6}'
        with pytest.raises(FeedError, match="kind 6 is not"):
            VideoEvent.from_nostr({"id": "r", "kind": 6, "tags": [["e", "a"]], "content": content})

    def test_a_repost_without_an_e_tag_is_refused(self):
        content = '{"id": "a", "kind": 22}'
        with pytest.raises(FeedError, match="names no original"):
            VideoEvent.from_nostr({"id": "r", "kind": 6, "content": content})

    def test_the_last_full_e_tag_names_the_original(self):
        assert original_id({"tags": [["e", "a"], ["e", "b"], ["e", ""], ["e"]]}) == "b"
        assert original_id({}) is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("event", "message"),
        [
            ([], "an event is an object"),
            (None, "missing"),
            ({"kind": 1, "id": "a"}, "kind 1 is not a short video"),
            ({"id": "a"}, "missing"),
            ({"kind": True, "id": "a"}, "bool"),
            pytest.param({"kind": 10**5000, "id": "a"}, "from 0 to 65535", id="no kind so large"),
            ({"kind": 6, "id": ["a"], "tags": [["e", "b"]]}, "id is a text"),
            ({"kind": 22}, "no id"),
            ({"kind": 22, "id": ""}, "no id"),
            ({"kind": 22, "id": 5}, "id is a text"),
            ({"kind": 22, "id": "\ud800"}, "lone surrogate"),
            ({"kind": 22, "id": "a", "content": None}, "content is a text"),
            ({"kind": 22, "id": "a", "pubkey": []}, "pubkey is a text"),
            ({"kind": 22, "id": "a", "sig": 1}, "sig is a text"),
            ({"kind": 22, "id": "a", "created_at": "1"}, "type str"),
            ({"kind": 22, "id": "a", "created_at": True}, "type bool"),
            ({"kind": 22, "id": "a", "created_at": -1}, "milliseconds"),
            ({"kind": 22, "id": "a", "created_at": 1747864092000}, "milliseconds"),
            ({"kind": 22, "id": "a", "tags": {}}, "list of lists"),
            ({"kind": 22, "id": "a", "tags": ["t"]}, "list of lists"),
            ({"kind": 22, "id": "a", "tags": [["t", 1]]}, "a tag is a text"),
            ({"kind": 22, "id": "a", "tags": [["t", "\udfff"]]}, "lone surrogate"),
        ],
    )
    def test_what_is_no_event(self, event, message):
        with pytest.raises(FeedError, match=message) as caught:
            VideoEvent.from_nostr(event)
        assert caught.value.hint

    def test_unicode_beyond_ascii_is_welcome(self):
        assert read(["title", "日本語 🎬"]).title == "日本語 🎬"


class TestTheValue:
    def test_only_the_id_is_required(self):
        event = VideoEvent(id="a")
        assert (event.hashtags, event.raw_tags, event.is_local, event.kind) == ((), (), False, 22)

    def test_the_id_alone_says_which_video_it_is(self):
        event, edited = VideoEvent(id="a"), VideoEvent(id="a", title="edited", created_at=9)
        assert event == edited
        assert {event, edited} == {event}
        assert event != VideoEvent(id="b")
        assert event != "a"

    def test_is_immutable_through_and_through(self):
        event = VideoEvent(id="a", hashtags=["b"], raw_tags=[["t", "b"]])
        assert (event.hashtags, event.raw_tags) == (("b",), (("t", "b"),))
        with pytest.raises(AttributeError):
            event.id = "c"
        assert hash(event)

    def test_an_event_built_by_hand_survives_a_round_trip(self):
        event = VideoEvent(
            id="a",
            pubkey="b",
            video_url=A,
            title="",
            duration=0,
            hashtags=("x", "y"),
            file_size=7,
            signature="00",
        )
        wire = event.to_wire()
        assert wire["sig"] == "00"
        again = VideoEvent.from_nostr(wire)
        for field in ("video_url", "title", "duration", "hashtags", "file_size", "signature"):
            assert getattr(again, field) == getattr(event, field)

    def test_nothing_parsed_is_local(self):
        event = read(["is_local", "true"], ["url", "file:///etc/passwd"], is_local=True)
        assert not event.is_local
        assert "is_local" not in VideoEvent(id="a", is_local=True).to_wire()

    def test_an_id_that_utf8_cannot_carry_is_merely_wrong(self):
        assert not VideoEvent(id="a", content="\ud800").verify_id()
        assert not VideoEvent(id="a", created_at=10**5000).verify_id()
