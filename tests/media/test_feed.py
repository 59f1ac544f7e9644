"""Feed.open: files, folders and addresses to events and findings."""

from __future__ import annotations

import json
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vineview import resources
from vineview.core.events import VideoEvent
from vineview.core.policy import UrlPolicy
from vineview.errors import FeedError, UsageError
from vineview.media import sample_feed
from vineview.media.feed import Feed


def event(name="a", url="https://nostr.build/a.mp4", **fields):
    tags = [["url", url]]
    return {"id": name, "pubkey": "p", "created_at": 1, "kind": 22, "tags": tags, **fields}


@pytest.fixture
def write(tmp_path):
    """``write(document)`` is the path of a feed file."""

    def make(document, name="feed.json"):
        path = tmp_path / name
        if isinstance(document, bytes):
            path.write_bytes(document)
        else:
            path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return make


class TestFiles:
    def test_opens_arrays_lines_and_relay_dumps(self, write):
        raw = [event("a"), event("b")]
        lines = "\n".join(map(json.dumps, raw))
        dump = "\n".join(json.dumps(["EVENT", "s", one]) for one in raw) + '\n["EOSE","s"]\n'
        for document in (raw, lines, dump):
            path = write(document)
            for place in (path, str(path)):
                feed = Feed.open(place)
                assert [one.id for one in feed] == ["a", "b"]
                assert (len(feed), feed.source) == (2, str(path))

    def test_bad_events_are_listed_and_the_rest_loads(self, write):
        feed = Feed.open(write([event("a"), event("b", url="")]))
        assert [one.id for one in feed] == ["a"]
        errors = [f for f in feed.findings if f.severity == "error"]
        assert [f.event_id for f in errors] == ["b"]

    def test_a_feed_of_nothing_but_findings_opens(self, write):
        feed = Feed.open(write([event("b", url="")]))
        assert len(feed) == 0
        assert feed.findings[0].severity == "error"

    @pytest.mark.parametrize("document", ["", "[]", '["EOSE", "s"]', "   "])
    def test_an_empty_feed_is_refused_with_a_hint(self, write, document):
        with pytest.raises(FeedError, match=r"empty|no events") as caught:
            Feed.open(write(document))
        assert caught.value.hint
        assert caught.value.source.endswith("feed.json")

    def test_text_that_is_no_feed(self, write):
        with pytest.raises(FeedError, match="is no feed"):
            Feed.open(write("Dear diary,"))
        with pytest.raises(FeedError, match="is no feed"):
            Feed.open(write(os.urandom(2000).replace(b"[", b"").replace(b"{", b""), "feed.bin"))

    def test_missing_unreadable_and_too_large(self, write, tmp_path):
        with pytest.raises(FeedError, match="No such file") as caught:
            Feed.open(tmp_path / "gone.json")
        assert "path" in caught.value.hint
        os.mkfifo(tmp_path / "pipe.json")
        with pytest.raises(FeedError, match="plain file"):
            Feed.open(tmp_path / "pipe.json")
        with pytest.raises(FeedError, match="cannot be opened"):
            Feed.open("a\x00b")
        with pytest.raises(FeedError, match="larger than"):
            Feed.open(write([event()]), max_bytes=10)

    def test_with_a_verifier_the_unsigned_are_held_back(self, write):
        feed = Feed.open(write([event()]), verifier=lambda *_: True)
        assert len(feed) == 0
        assert any(f.field == "signature" for f in feed.findings)


class TestFolders:
    def test_clips_are_local_and_newest_first(self, tmp_path):
        for age, name in enumerate(["old.mp4", "mid.webm", "new.GIF"]):
            (tmp_path / name).write_bytes(b"x" * (age + 1))
            os.utime(tmp_path / name, (1_700_000_000 + age * 60,) * 2)
        (tmp_path / "notes.txt").write_text("no clip")
        (tmp_path / "folder.mp4").mkdir()
        (tmp_path / ".hidden.mp4").write_bytes(b"x")
        feed = Feed.open(tmp_path)
        assert [one.title for one in feed] == ["new", "mid", "old"]
        assert all(one.is_local for one in feed)
        assert feed.events[0].is_gif
        assert feed.events[2].video_url == (tmp_path / "old.mp4").as_uri()
        assert (feed.events[1].mime_type, feed.events[1].file_size) == ("video/webm", 2)

    def test_what_is_no_clip_is_listed_with_what_it_is(self, tmp_path):
        (tmp_path / "a.mp4").touch()
        (tmp_path / "notes.txt").write_text("no clip")
        (tmp_path / "folder.mp4").mkdir()
        (tmp_path / "nothing").touch()
        (tmp_path / "noise").write_bytes(bytes(range(128, 256)))
        feed = Feed.open(tmp_path)
        assert len(feed) == 1
        assert [finding.message for finding in feed.findings] == [
            "folder.mp4 is left out: it is a folder, which is not searched",
            "noise is left out: it is of a format that is not known as video",
            "notes.txt is left out: it is a text file",
            "nothing is left out: it is empty",
        ]
        assert "notes.txt" in feed._repr_html_()

    @pytest.mark.parametrize("name", ["portrait.mp4", "vp9-opus.webm", "loop.gif"])
    def test_a_clip_is_known_without_a_telling_name(self, tmp_path, clips, name):
        shutil.copy(clips / name, tmp_path / "clip")
        (one,) = Feed.open(tmp_path)
        (same,) = Feed.open(tmp_path / "clip")
        assert one == same
        assert one.mime_type.endswith({"mp4": "mp4", "ebm": "matroska", "gif": "gif"}[name[-3:]])

    def test_holiday_photos_beside_clips_are_items_too(self, tmp_path, clips):
        shutil.copy(clips / "portrait.mp4", tmp_path)
        (tmp_path / "beach.jpg").write_bytes(b"\xff\xd8\xff\xe0")
        (tmp_path / "dunes.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        (tmp_path / "ticket.pdf").write_bytes(b"%PDF-1.7")
        feed = Feed.open(tmp_path)
        assert {one.title: one.mime_type for one in feed} == {
            "beach": "image/jpeg",
            "dunes": "image/png",
            "portrait": "video/mp4",
        }
        (finding,) = feed.findings
        assert finding.message == "ticket.pdf is left out: it is a PDF document"

    def test_a_broadcast_joined_within_a_packet_is_a_clip(self, tmp_path):
        packet = b"\x47" + bytes(187)
        (tmp_path / "joined.ts").write_bytes((packet * 8)[100:])
        (tmp_path / "source.ts").write_text("const words = 'Go on';\n" * 80)
        feed = Feed.open(tmp_path)
        assert [(one.title, one.mime_type) for one in feed] == [("joined", "video/mp2t")]

    def test_ids_last_and_differ(self, tmp_path):
        for name in "ab":
            (tmp_path / f"{name}.mp4").write_bytes(b"same")
        before = {one.title: one.id for one in Feed.open(tmp_path)}
        assert len(set(before.values())) == 2
        (tmp_path / "b.mp4").write_bytes(b"longer now")
        after = {one.title: one.id for one in Feed.open(tmp_path)}
        assert after["a"] == before["a"]
        assert after["b"] != before["b"]

    def test_clips_of_one_second_keep_their_order_in_a_manager(self, tmp_path):
        for name in "abc":
            (tmp_path / f"{name}.mp4").touch()
            os.utime(tmp_path / f"{name}.mp4", (5, 5))
        times = [one.created_at for one in Feed.open(tmp_path)]
        assert times == [5, 4, 3]

    def test_odd_names_make_sound_events(self, tmp_path):
        name = os.fsdecode(b"caf\xe9 #1?.mp4")
        (tmp_path / name).write_bytes(b"x")
        (one,) = Feed.open(tmp_path)
        assert one.title.encode()
        assert one.video_url.isascii()

    def test_a_single_clip(self, tmp_path):
        path = tmp_path / "one.mp4"
        path.write_bytes(b"not even a video: the player will say so")
        (one,) = Feed.open(path)
        assert (one.is_local, one.title) == (True, "one")

    def test_a_folder_without_clips(self, tmp_path):
        with pytest.raises(FeedError, match="no clips") as caught:
            Feed.open(tmp_path)
        assert ".mp4" in caught.value.hint


class TestTrust:
    def test_untrusted_hosts_are_warnings(self, write):
        feed = Feed.open(write([event(url="https://evil.example/a.mp4")]))
        assert len(feed) == 1
        (finding,) = (f for f in feed.findings if "trusted" in f.message)
        assert (finding.severity, finding.field) == ("warning", "video_url")

    def test_what_will_not_be_loaded_is_said_beforehand(self, write):
        raw = event(url="http://127.0.0.1/a.mp4")
        raw["tags"].append(["thumb", "file:///etc/passwd"])
        feed = Feed.open(write([raw]))
        assert not feed.events[0].is_local
        told = {f.field: f.message for f in feed.findings if "will not be loaded" in f.message}
        assert set(told) == {"video_url", "thumbnail_url"}
        assert "loopback" in told["video_url"]

    def test_the_policy_is_an_argument(self, write):
        path = write([event(url="https://blossom.primal.net/a.mp4")])
        policy = UrlPolicy(trusted_domains=["primal.net"])
        assert not any("trusted" in f.message for f in Feed.open(path, policy=policy).findings)


class TestRelocated:
    def test_moves_what_lies_under_the_prefix_and_marks_it_local(self):
        feed = Feed(
            [
                VideoEvent(
                    id="a",
                    video_url="https://cdn.invalid/a.mp4",
                    thumbnail_url="https://cdn.invalid/a.jpg",
                ),
                VideoEvent(id="b", video_url="https://cdn.invalid.example/b.mp4"),
                VideoEvent(id="c"),
            ]
        )
        moved = feed.relocated("https://cdn.invalid/", "http://127.0.0.1:8000")
        a, b, c = moved
        assert (a.video_url, a.is_local) == ("http://127.0.0.1:8000/a.mp4", True)
        assert a.thumbnail_url == "http://127.0.0.1:8000/a.jpg"
        assert (b.video_url, b.is_local) == ("https://cdn.invalid.example/b.mp4", False)
        assert not c.is_local
        assert [f.event_id for f in moved.findings] == ["b"]
        assert feed.events[0].video_url == "https://cdn.invalid/a.mp4"

    def test_a_prefix_that_could_end_within_a_host_is_refused(self):
        with pytest.raises(UsageError, match="slash"):
            Feed([]).relocated("https://cdn.invalid", "http://127.0.0.1/")


class TestAddresses:
    @pytest.fixture
    def serve(self):
        """``serve({path: (status, body, headers)})`` is a base address on loopback."""
        servers = []

        def start(pages):
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    status, body, headers = pages[self.path]
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", headers.get("lie", len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_):
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            servers.append((server, thread))
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start
        for server, thread in servers:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_an_address_a_person_typed_may_be_private(self, serve):
        base = serve({"/feed": (200, json.dumps([event()]).encode(), {})})
        feed = Feed.open(f"{base}/feed")
        assert (len(feed), feed.source) == (1, f"{base}/feed")
        assert not feed.events[0].is_local

    @pytest.mark.parametrize(
        ("page", "message"),
        [
            ((404, b"", {}), "404"),
            ((302, b"", {"Location": "http://10.0.0.1/feed"}), "private address"),
            ((200, b"x" * 2000, {}), "larger than"),
            ((200, b"[", {"lie": "500"}), "connection failed"),
            ((200, b"<html>", {}), "is no feed"),
            ((200, b"", {}), "is empty"),
        ],
    )
    def test_what_goes_wrong_is_a_feed_error(self, serve, page, message):
        base = serve({"/feed": page})
        with pytest.raises(FeedError, match=message) as caught:
            Feed.open(f"{base}/feed", max_bytes=1000)
        assert caught.value.source == f"{base}/feed"

    def test_an_address_that_makes_no_sense(self):
        with pytest.raises(FeedError, match="cannot be fetched"):
            Feed.open("https://[oops/feed.json")


class TestShowing:
    def test_a_feed_says_what_it_holds(self):
        feed = Feed([VideoEvent(id="a", video_url="ftp://x/y")], source="s")
        assert repr(feed) == "Feed(1 video, 0 errors, 1 warning, 's')"

    def test_hostile_text_is_escaped(self):
        bad = "<script>alert(1)</script>"
        one = VideoEvent(id=bad, title=bad, video_url=f"https://x/{bad}", duration=65)
        html = Feed([one, VideoEvent(id="b", content=bad)], source=bad)._repr_html_()
        assert "<script" not in html
        assert "&lt;script" in html
        assert "1:05" in html


class TestSampleFeed:
    def test_is_made_again_byte_for_byte(self, tmp_path):
        made = sample_feed.make(tmp_path / "new")
        assert made.read_bytes() == resources.data("feed", "feed.json").read_bytes()

    def test_shows_good_videos_first_then_every_fault(self):
        feed = Feed.open(resources.data("feed", "feed.json"))
        assert len(feed) >= 12
        times = [one.created_at for one in feed]
        assert times == sorted(times, reverse=True)
        assert len(set(times)) == len(times)
        places = [one.video_url.removeprefix(sample_feed.PLACEHOLDER) for one in feed]
        assert all(place.startswith("clips/") for place in places[:10])
        for fault in ("slow/clips/", "hang/clips/", "missing/"):
            assert any(place.startswith(fault) for place in places[10:])
        assert any(one.is_gif for one in feed)
        errors = [f.message for f in feed.findings if f.severity == "error"]
        assert errors == ["there is no video URL"]

    def test_every_id_is_the_events_hash(self):
        for raw in sample_feed.events():
            assert VideoEvent.from_nostr(raw).verify_id()

    def test_relocated_only_the_published_event_stays_untrusted(self):
        feed = Feed.open(resources.data("feed", "feed.json"))
        moved = feed.relocated(sample_feed.PLACEHOLDER, "http://127.0.0.1:1/")
        assert [one.is_local for one in moved] == [True] * (len(moved) - 1) + [False]
        assert moved.events[-1].title == "Are we the bad guys?"

    def test_the_clips_it_names_are_bundled(self):
        for one in Feed.open(resources.data("feed", "feed.json")).events[:-1]:
            path = one.video_url.removeprefix(sample_feed.PLACEHOLDER)
            if not path.startswith(("missing/", "hang/")):
                assert resources.data("feed", *path.removeprefix("slow/").split("/")).is_file()


@pytest.mark.parametrize("place", ["x" * 5000, "a\0b", 5])
def test_what_cannot_be_a_path_is_a_feed_error(place):
    """Whatever is passed, the answer is one sentence."""
    with pytest.raises(FeedError, match=r"is not a path|no such|cannot"):
        Feed.open(place)
