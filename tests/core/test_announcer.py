"""Listeners: in order, at rest, isolated from one another."""

from __future__ import annotations

import logging

import pytest

from vineview.core import ChangeKind, VideoEvent
from vineview.errors import VideoManagerError


def ids(changes):
    return [change.video_id for change in changes]


class TestListeners:
    def test_hear_changes_in_order_until_they_leave(self, manager):
        heard = []
        leave = manager.subscribe(heard.append)
        manager.record("action", video_id="1")
        manager.record("action", video_id="2")
        leave()
        leave()
        manager.record("action", video_id="3")
        assert ids(heard) == ["1", "2"]

    def test_the_same_listener_may_subscribe_twice(self, manager):
        heard = []
        leave = manager.subscribe(heard.append)
        manager.subscribe(heard.append)
        manager.record("action")
        leave()
        manager.record("action")
        assert len(heard) == 3

    def test_one_that_leaves_during_delivery_hears_no_more(self, manager):
        heard = []
        leave = []
        manager.subscribe(lambda change: leave[0]())
        leave.append(manager.subscribe(heard.append))
        manager.record("action")
        assert heard == []

    def test_what_cannot_be_called_is_refused(self, manager):
        with pytest.raises(VideoManagerError, match="function"):
            manager.subscribe("not a function")

    def test_find_the_manager_at_rest(self, manager, clip):
        seen = []
        manager.subscribe(lambda change: seen.append((change.data["total"], len(manager.videos))))
        manager.add_video_events([clip("a"), clip("b")])
        assert seen == [(2, 2)]

    def test_changes_caused_by_a_listener_follow_the_one_that_caused_them(self, manager, clip):
        heard = []

        def meddle(change):
            if change.data.get("added") == ["a"]:
                manager.add_video_event(clip("b"))

        manager.subscribe(meddle)
        manager.subscribe(lambda change: heard.append(change.data["added"]))
        manager.add_video_event(clip("a"))
        assert heard == [["a"], ["b"]]

    def test_one_that_raises_is_logged_and_reported_and_the_others_still_hear(
        self, manager, caplog
    ):
        heard = []

        def broken(change):
            raise ValueError("mine")

        manager.subscribe(broken)
        manager.subscribe(heard.append)
        with caplog.at_level(logging.ERROR):
            manager.record("network", network="wifi")
        assert [change.kind for change in heard] == [ChangeKind.NETWORK, ChangeKind.ERROR]
        assert heard[1].data == {"error": "ValueError: mine", "where": "listener"}
        assert manager.metrics.listener_errors == 1
        assert "a listener failed" in caplog.text

    def test_two_that_raise_do_not_report_each_other_forever(self, manager):
        heard = []

        def broken(change):
            raise ValueError("mine")

        manager.subscribe(broken)
        manager.subscribe(broken)
        manager.subscribe(heard.append)
        manager.record("network", network="wifi")
        assert [change.kind for change in heard] == ["network", "error", "error"]
        assert manager.metrics.listener_errors == 4

    def test_an_operation_that_raises_still_tells_what_it_did(self, manager, listen):
        heard = listen(manager)
        manager.add_video_event(VideoEvent(id="a"))
        with pytest.raises(VideoManagerError):
            manager.add_video_event(VideoEvent(id=""))
        assert len(heard) == 1


class TestAfterDispose:
    def test_nothing_is_heard(self, manager, listen, clip):
        heard = listen(manager)
        manager.dispose()
        later = listen(manager)
        manager.record("action")
        manager.preload_around_index(0)
        assert heard == later == []

    def test_a_listener_that_disposes_silences_the_rest_of_the_delivery(self, manager, clip):
        heard = []

        def end(change):
            manager.dispose()

        manager.subscribe(end)
        manager.subscribe(heard.append)
        manager.add_video_event(clip("a"))
        assert heard == []
        assert manager.videos == ()


class TestChange:
    def test_shows_what_matters(self, manager, listen, clip):
        heard = listen(manager)
        manager.add_video_event(clip("a", mime_type="image/gif"))
        assert "total=1" in repr(heard[0])
        assert repr(heard[1]).endswith("'a', not_loaded -> ready)")
