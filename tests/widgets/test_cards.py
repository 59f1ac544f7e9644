from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.state import ErrorClass, LoadState, VideoState
from vineview.widgets.cards import badge_of, card_of, empty_feed_card

CONFIG = VideoManagerConfig()
AT = datetime(2026, 1, 1, tzinfo=UTC)
FRESH = VideoState(VideoEvent(id="a", video_url="https://nostr.build/a.mp4"))


def failed(message, error_class):
    loading = FRESH.to_loading(at=AT)
    return loading.to_failed(message, at=AT, max_retries=3, error_class=error_class)


class TestFailureCard:
    @pytest.mark.parametrize("error_class", list(ErrorClass))
    def test_every_error_class_has_its_own_title(self, error_class):
        titles = {card_of(failed("x", each), config=CONFIG).title for each in ErrorClass}
        assert len(titles) == len(ErrorClass)
        assert card_of(failed("x", error_class), config=CONFIG).title

    def test_a_coming_retry_is_told(self):
        """Its seconds are counted down in the strip."""
        card = card_of(failed("reset", ErrorClass.NETWORK), config=CONFIG)
        assert card.hint.startswith("Attempt 2 of 4 follows by itself.")
        assert card.action == "load"

    def test_a_permanent_failure_says_what_to_do_next(self):
        state = FRESH.to_permanently_failed("gone", at=AT, error_class=ErrorClass.NOT_FOUND)
        card = card_of(state, config=CONFIG)
        assert card.text == "Gone."
        assert "next video" in card.hint
        assert card.action == "anew"

    def test_what_took_too_long_may_be_given_more_time(self):
        state = FRESH.to_permanently_failed("slow", at=AT, error_class=ErrorClass.TIMEOUT)
        assert "preload_timeout_s" in card_of(state, config=CONFIG).hint

    def test_what_has_no_address_is_not_tried_again(self):
        """Whatever was asked, nothing could be loaded."""
        state = VideoState(VideoEvent(id="a")).to_permanently_failed("no video URL", at=AT)
        card = card_of(state, config=CONFIG)
        assert "replace_video" in card.hint
        assert not card.action

    def test_names_at_the_start_of_a_reason_stay_as_they_are(self):
        card = card_of(failed("clip.mp4 is cut off", ErrorClass.MEDIA_ERROR), config=CONFIG)
        assert card.text == "clip.mp4 is cut off."

    def test_a_word_before_a_colon_begins_a_sentence(self):
        card = card_of(failed("timeout: not loaded", ErrorClass.TIMEOUT), config=CONFIG)
        assert card.text == "Timeout: not loaded."

    def test_a_failure_without_words_still_has_some(self):
        assert card_of(failed("", ErrorClass.UNKNOWN), config=CONFIG).text


class TestOtherCards:
    def test_a_scripted_controller_tells_what_it_holds(self):
        state = FRESH.to_loading(at=AT).to_ready(at=AT)
        card = card_of(state, config=CONFIG, held_bytes=20 * 2**20)
        assert "20.0 MB" in card.text

    def test_loading_says_which_attempt_and_how_long_it_may_take(self):
        state = failed("reset", ErrorClass.NETWORK).to_loading(at=AT)
        assert card_of(state, config=CONFIG).text == "Attempt 2 of 4, 10 s at most."

    def test_a_load_that_the_breaker_holds_back_says_so(self):
        card = card_of(FRESH, config=CONFIG, held_back="The circuit breaker is open until noon.")
        assert card.title == "Loading is held back"
        assert "until noon" in card.text
        assert "by itself" in card.hint
        assert not card.action, "a button that could do nothing"

    def test_an_address_known_to_fail_is_no_video_that_waits_to_be_loaded(self):
        card = card_of(FRESH, config=CONFIG, is_failing=True)
        assert card.title == "Its address is known to fail"
        assert card.action == "anew"

    def test_an_empty_feed_says_how_to_fill_it(self):
        assert "add_video_events" in empty_feed_card().hint


class TestBadge:
    def test_every_state_has_one(self):
        states = [
            FRESH,
            FRESH.to_loading(at=AT),
            FRESH.to_loading(at=AT).to_ready(at=AT),
            failed("x", ErrorClass.NETWORK),
            FRESH.to_permanently_failed("x", at=AT),
            FRESH.to_disposed(at=AT),
        ]
        assert len({badge_of(state).text for state in states}) == len(LoadState)
        assert len({badge_of(state).icon for state in states}) == len(LoadState)
        assert len({badge_of(state).symbol for state in states}) == len(LoadState)
