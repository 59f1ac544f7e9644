"""States: one table, values, and the words the runbooks read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from vineview.core.state import TRANSITIONS, ErrorClass, LoadState, VideoState
from vineview.errors import VideoManagerError

AT = datetime(2026, 1, 1, tzinfo=UTC)
S = LoadState

ALLOWED = {
    S.NOT_LOADED: {S.LOADING, S.FAILED, S.PERMANENTLY_FAILED, S.DISPOSED},
    S.LOADING: {S.NOT_LOADED, S.READY, S.FAILED, S.PERMANENTLY_FAILED, S.DISPOSED},
    S.READY: {S.NOT_LOADED, S.LOADING, S.FAILED, S.PERMANENTLY_FAILED, S.DISPOSED},
    S.FAILED: {S.NOT_LOADED, S.LOADING, S.FAILED, S.PERMANENTLY_FAILED, S.DISPOSED},
    S.PERMANENTLY_FAILED: {S.NOT_LOADED, S.PERMANENTLY_FAILED, S.DISPOSED},
    S.DISPOSED: {S.NOT_LOADED},
}
"""The table of the reference, 3.4, for videos that are no GIFs."""


def step(state: VideoState, to: LoadState) -> VideoState:
    match to:
        case S.NOT_LOADED:
            return state.to_not_loaded(at=AT)
        case S.LOADING:
            return state.to_loading(at=AT)
        case S.READY:
            return state.to_ready(at=AT)
        case S.FAILED:
            return state.to_failed("no", at=AT, max_retries=9)
        case S.PERMANENTLY_FAILED:
            return state.to_permanently_failed("no", at=AT)
        case S.DISPOSED:
            return state.to_disposed(at=AT)


class TestTable:
    @pytest.mark.parametrize(("before", "to"), list(product(LoadState, LoadState)))
    def test_allows_exactly_what_the_reference_allows(self, clip, before, to):
        state = VideoState(clip("a"), before)
        if to in ALLOWED[before]:
            assert step(state, to).loading_state is to
        else:
            with pytest.raises(VideoManagerError, match=f"{before} to {to}") as caught:
                step(state, to)
            assert caught.value.video_id == "a"

    def test_a_gif_may_be_ready_at_once(self, clip):
        state = VideoState(clip("a", mime_type="image/gif"))
        assert state.to_ready(at=AT).is_ready

    def test_cannot_be_changed(self):
        with pytest.raises(TypeError):
            TRANSITIONS[S.DISPOSED] = frozenset(S)


class TestVideoState:
    def test_the_error_is_cleared_by_a_new_load_and_the_retries_are_kept(self, clip):
        failed = VideoState(clip("a")).to_failed("no", at=AT, max_retries=3)
        loading = failed.to_loading(at=AT)
        assert (loading.error, loading.error_class, loading.retry_count) == (None, None, 1)
        assert loading.to_ready(at=AT).retry_count == 1

    def test_failures_count_up_to_the_maximum_and_then_are_permanent(self, clip):
        state = VideoState(clip("a"))
        seen = []
        for _ in range(4):
            state = state.to_failed("no", at=AT, max_retries=3, error_class=ErrorClass.NETWORK)
            seen.append((state.loading_state, state.retry_count, state.can_retry))
        assert seen == [
            (S.FAILED, 1, True),
            (S.FAILED, 2, True),
            (S.FAILED, 3, True),
            (S.PERMANENTLY_FAILED, 3, False),
        ]
        assert state.error == state.error_message == "no"
        assert state.error_class is ErrorClass.NETWORK

    def test_without_retries_the_first_failure_is_permanent(self, clip):
        state = VideoState(clip("a")).to_failed("no", at=AT, max_retries=0)
        assert (state.loading_state, state.retry_count) == (S.PERMANENTLY_FAILED, 0)

    def test_a_fresh_start_forgets_error_and_retries(self, clip):
        failed = VideoState(clip("a")).to_failed("no", at=AT, max_retries=3)
        assert failed.to_not_loaded(at=AT) == VideoState(clip("a"))

    def test_equality_ignores_when(self, clip):
        one = VideoState(clip("a"), last_updated=AT)
        assert one == VideoState(clip("a"), last_updated=AT + timedelta(1))
        assert one != VideoState(clip("a"), S.READY, last_updated=AT)

    def test_refuses_a_negative_retry_count(self, clip):
        with pytest.raises(VideoManagerError, match="-1"):
            VideoState(clip("a"), retry_count=-1)

    def test_is_immutable(self, clip):
        with pytest.raises(AttributeError):
            VideoState(clip("a")).retry_count = 5

    @pytest.mark.parametrize(
        ("state", "claims"),
        [
            (S.NOT_LOADED, set()),
            (S.LOADING, {"is_loading"}),
            (S.READY, {"is_ready"}),
            (S.FAILED, {"has_failed", "can_retry"}),
            (S.PERMANENTLY_FAILED, {"has_failed"}),
            (S.DISPOSED, {"is_disposed"}),
        ],
    )
    def test_claims(self, clip, state, claims):
        value = VideoState(clip("a"), state)
        names = {"is_loading", "is_ready", "has_failed", "can_retry", "is_disposed"}
        assert {name for name in names if getattr(value, name)} == claims

    def test_values_are_those_of_the_export(self):
        assert [state.value for state in LoadState] == [
            "not_loaded",
            "loading",
            "ready",
            "failed",
            "permanently_failed",
            "disposed",
        ]
        assert all(each.value == each.name.lower() for each in ErrorClass)
