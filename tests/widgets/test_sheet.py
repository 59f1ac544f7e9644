from __future__ import annotations

import pytest

from vineview.clock import ManualClock
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.errors import UsageError
from vineview.widgets.sheet import ContactSheet


@pytest.fixture
async def sheet(manager, settle):
    manager.preload_around_index(0)
    await settle()
    sheet = ContactSheet(manager, clock=ManualClock())
    yield sheet
    await sheet.aclose()


@pytest.fixture
def page(sheet, browser_of):
    browser = browser_of(sheet)
    browser.say("hello")
    return browser


class TestContactSheet:
    async def test_shows_the_whole_feed_with_states(self, page):
        items = page.of("sheet")[0]["document"]["items"]
        assert len(items) == 20
        assert [item["badge"]["text"] for item in items[2:5]] == ["Ready", "Ready", "Not loaded"]

    async def test_posters_are_sent_once(self, page, manager, sheet, settle):
        sent = [each["video_id"] for each in page.of("poster")]
        assert sorted(sent) == ["v0", "v1", "v2", "v3"]
        page.clear()
        manager.preload_around_index(1)
        await settle()
        await sheet._pace._clock.advance(1)
        assert [each["video_id"] for each in page.of("poster")] == ["v4"]

    async def test_a_poster_comes_again_with_its_video(self, clock, loader, browser_of, settle):
        """The page gives back what leaves its grid; a person who returns sees it again."""
        config = VideoManagerConfig(max_videos=300)
        async with VideoManager(config=config, loader=loader, clock=clock) as manager:
            manager.add_video_events(
                VideoEvent(id=f"v{n}", created_at=-n, video_url=f"https://nostr.build/{n}.mp4")
                for n in range(300)
            )
            sheet = ContactSheet(manager, clock=ManualClock())
            page = browser_of(sheet)
            page.say("hello")
            for place in (0, 299, 0):
                page.clear()
                manager.preload_around_index(place)
                await settle()
                await sheet._pace._clock.advance(1)
            assert "v0" in [message["video_id"] for message in page.of("poster")]
            await sheet.aclose()

    async def test_a_poster_stays_when_its_controller_is_gone(self, sheet, page, manager):
        manager.dispose_video("v0")
        assert sheet.to_html().count("data:image/jpeg") == 4

    async def test_a_saved_sheet_has_pictures_and_words_but_no_script(self, sheet, manager):
        manager.add_video_event(VideoEvent(id="x", title="<script>alert(1)</script>"))
        markup = sheet.to_html()
        assert markup.count("data:image/jpeg") == 4
        assert "&lt;script&gt;" in markup
        assert "<script" not in markup
        assert "http" not in markup

    async def test_a_poster_too_large_to_save_leaves_the_others_their_room(self, sheet, loader):
        loader.clips["v0"].poster = bytes(100_000)
        assert sheet.to_html().count("data:image/jpeg") == 3

    async def test_a_click_goes_there(self, page, manager):
        page.say("navigate", video_id="v7")
        assert manager.current_video_id == "v7"

    async def test_the_manager_is_left_alone_without_a_view(self, page, sheet, manager, settle):
        page.say("bye")
        page.clear()
        manager.preload_around_index(5)
        await settle()
        await sheet._pace._clock.advance(1)
        assert page.sent == []

    async def test_the_breaker_opens_on_the_page_when_its_time_is_over(
        self, clock, loader, browser_of, settle
    ):
        """Without a player beside it nobody else asks the breaker."""
        async with VideoManager(loader=loader, clock=clock) as manager:
            manager.add_video_event(VideoEvent(id="v", video_url="https://nostr.build/v.mp4"))
            for number in range(5):
                manager.breaker.record_failure(f"https://elsewhere.example/{number}.mp4")
            sheet = ContactSheet(manager, clock=clock)
            page = browser_of(sheet)
            page.say("hello")
            assert "is open until" in page.of("sheet")[-1]["document"]["breaker"]["text"]
            await settle()
            await clock.advance(manager.breaker.open_timeout_s)
            await clock.advance(1)
            shown = page.of("sheet")[-1]["document"]
            assert shown["breaker"] is None or "is open until" not in shown["breaker"]["text"]
            assert shown["items"][0]["badge"]["text"] == "Ready"
            await sheet.aclose()

    async def test_a_long_feed_is_shown_around_the_current_video(self, clock, browser_of):
        async with VideoManager(clock=clock) as manager:
            config = type(manager.config)(max_videos=1000)
            manager.apply_config(config)
            manager.add_video_events(VideoEvent(id=f"v{n}", created_at=-n) for n in range(1000))
            browser = browser_of(ContactSheet(manager))
            browser.say("hello")
            assert len(browser.of("sheet")[0]["document"]["items"]) == 101

    async def test_the_static_page_has_no_script_and_stays_small(self, sheet, clock):
        markup = sheet.to_html()
        assert "<script" not in markup
        assert len(markup) < 60_000

    async def test_an_empty_feed_has_words(self, clock):
        assert "empty. Add some with" in ContactSheet(VideoManager(clock=clock)).to_html()

    async def test_what_is_no_manager_is_refused(self):
        with pytest.raises(UsageError, match="shows a manager, not list"):
            ContactSheet([])
