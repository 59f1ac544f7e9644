"""What to say about a video: the badge in the strip and the card on the stage.

One wording for every place: the live player, the static page and the replayed timeline all say
what this module says. Each card tells what happened, and what to do next.
Source: reference, sections 3.4 and 3.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from vineview.core.config import VideoManagerConfig
from vineview.core.failures import url_problem
from vineview.core.state import ErrorClass, LoadState, VideoState

__all__ = [
    "Badge",
    "Card",
    "badge_of",
    "card_of",
    "empty_feed_card",
    "facts_of",
    "memory_words",
]

_SMALL_MB = 0.1


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in three signals, so that colour is never the only one.

    Attributes:
        icon: Name of an icon in ``icons.js``.
        text: One or two words.
        tone: ``idle``, ``busy``, ``good``, ``warn`` or ``bad``.
        symbol: The icon where no picture can be drawn.
    """

    icon: str
    text: str
    tone: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Card:
    """What the stage shows when no picture can be.

    Attributes:
        icon: Name of an icon in ``icons.js``.
        tone: As in :class:`Badge`.
        title: What is the case.
        text: Why.
        hint: What to do next.
        action: What a button asks the manager for: ``load``, ``anew`` (again, although it failed
            for good) or nothing.
    """

    icon: str
    tone: str
    title: str
    text: str = ""
    hint: str = ""
    action: str = ""


_ONCE_GONE = "Go on with the next video. Once the cause is gone, this one may be tried again."
_NO_ADDRESS = "Go on with the next video, or give it an address: manager.replace_video(id, event)."

_BADGES = {
    LoadState.NOT_LOADED: Badge("circle", "Not loaded", "idle", "○"),
    LoadState.LOADING: Badge("loading", "Loading", "busy", "◔"),
    LoadState.READY: Badge("check", "Ready", "good", "✓"),
    LoadState.FAILED: Badge("retry", "Will retry", "warn", "↻"),
    LoadState.PERMANENTLY_FAILED: Badge("warning", "Failed", "bad", "✗"),
    LoadState.DISPOSED: Badge("stop", "Disposed", "idle", "⊘"),
}

_TITLES = {
    ErrorClass.TIMEOUT: "It took too long to load",
    ErrorClass.NETWORK: "The network failed",
    ErrorClass.NOT_FOUND: "There is no video at its address",
    ErrorClass.FORBIDDEN: "Access to it is refused",
    ErrorClass.SERVER_ERROR: "The server failed",
    ErrorClass.FORMAT_ERROR: "This is not a video that can be played",
    ErrorClass.SERVER_CONFIG_ERROR: "The server's byte ranges are wrong",
    ErrorClass.MEDIA_ERROR: "The clip is damaged",
    ErrorClass.UNKNOWN: "It could not be loaded",
}


def badge_of(state: VideoState, *, retry_in_s: float | None = None) -> Badge:
    """The badge of a state.

    Args:
        state: The video's state.
        retry_in_s: Seconds until the automatic retry, when known.

    Example:
        >>> from vineview.core.events import VideoEvent
        >>> badge_of(VideoState(event=VideoEvent(id="a"))).text
        'Not loaded'
    """
    badge = _BADGES[state.loading_state]
    if state.loading_state is LoadState.FAILED and retry_in_s is not None:
        return Badge(badge.icon, f"Retry in {max(retry_in_s, 0):.0f} s", badge.tone, badge.symbol)
    return badge


def card_of(
    state: VideoState,
    *,
    config: VideoManagerConfig,
    held_bytes: int | None = None,
    held_back: str = "",
    is_failing: bool = False,
) -> Card:
    """The card of a video that has no picture to show.

    Args:
        state: The video's state.
        config: The manager's configuration, for the number of attempts and their limit.
        held_bytes: Memory its controller holds, if it has one.
        held_back: Why no load may start now, as a sentence; empty while one may.
        is_failing: Whether its address has failed before, so that it is not tried.
    """
    match state.loading_state:
        case LoadState.LOADING:
            attempt = f"Attempt {state.retry_count + 1} of {config.max_retries + 1}"
            limit = f"{config.preload_timeout_s:g} s at most"
            return Card("loading", "busy", "Loading", f"{attempt}, {limit}.")
        case LoadState.NOT_LOADED | LoadState.DISPOSED if is_failing:
            text = "It has failed for another video or before, so it is not asked again."
            title = "Its address is known to fail"
            return Card("warning", "warn", title, text, _ONCE_GONE, action="anew")
        case LoadState.NOT_LOADED | LoadState.DISPOSED if held_back:
            hint = "Videos that are loaded play on. This one is loaded by itself after that."
            return Card("clock", "warn", "Loading is held back", held_back, hint)
        case LoadState.NOT_LOADED:
            return Card(
                "circle",
                "idle",
                "Not loaded yet",
                "The manager loads a video when it comes into the preload window.",
                action="load",
            )
        case LoadState.DISPOSED:
            return Card("stop", "idle", "Disposed", "Its memory was given back.", "", action="load")
        case LoadState.READY:
            held = f" Its controller holds {memory_words(held_bytes)}." if held_bytes else ""
            return Card(
                "film",
                "good",
                "Ready, with nothing to show",
                f"This controller is scripted or recorded, so it carries no picture.{held}",
            )
        case LoadState.FAILED | LoadState.PERMANENTLY_FAILED:
            return _failure_card(state, config)


def _failure_card(state: VideoState, config: VideoManagerConfig) -> Card:
    error_class = state.error_class or ErrorClass.UNKNOWN
    text = _as_sentence(state.error_message or "the loader gave no reason")
    if state.loading_state is LoadState.FAILED:
        attempt = f"Attempt {state.retry_count + 1} of {config.max_retries + 1}"
        hint = f"{attempt} follows by itself. The other videos are not affected."
        return Card("retry", "warn", _TITLES[error_class], text, hint, action="load")
    if error_class is ErrorClass.TIMEOUT:
        hint = f"{_ONCE_GONE} VideoManagerConfig(preload_timeout_s=...) allows it more time."
        return Card("clock", "bad", _TITLES[error_class], text, hint, action="anew")
    if url_problem(state.event.video_url) is not None:
        return Card("warning", "bad", "It has no usable address", text, _NO_ADDRESS)
    return Card("warning", "bad", _TITLES[error_class], text, _ONCE_GONE, action="anew")


def _as_sentence(text: str) -> str:
    """Error texts start in lower case, to be joined to others; on a card they stand alone."""
    first = text.partition(" ")[0]
    is_word = first.removesuffix(":").isalpha()  # names stay as they are
    sentence = text[:1].upper() + text[1:] if is_word else text
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def facts_of(state: VideoState, *, config: VideoManagerConfig, held_bytes: int | None) -> list[str]:
    """What the strip tells on hover, one fact per line.

    Args:
        state: The video's state.
        config: The manager's configuration.
        held_bytes: Memory its controller holds, if it has one.
    """
    words = state.loading_state.value.replace("_", " ").capitalize()
    facts = [f"{words} since {state.last_updated:%H:%M:%S} UTC"]
    if state.error_class is not None:
        facts.append(f"{state.error_class.name}: {state.error_message or 'no reason given'}")
    if state.retry_count:
        facts.append(f"{state.retry_count} of {config.max_retries} retries used")
    if held_bytes:
        facts.append(f"Holds {memory_words(held_bytes)}")
    return facts


def memory_words(held_bytes: int) -> str:
    """An amount of memory that is neither rounded to nothing nor read digit by digit.

    Args:
        held_bytes: How much.

    Example:
        >>> memory_words(38_000), memory_words(3 * 2**20)
        ('37 kB', '3.0 MB')
    """
    megabytes = held_bytes / 2**20
    return f"{held_bytes / 2**10:.0f} kB" if megabytes < _SMALL_MB else f"{megabytes:.1f} MB"


def empty_feed_card() -> Card:
    """The card of a manager without videos."""
    return Card(
        "film",
        "idle",
        "This feed is empty",
        "There is no video to play.",
        "Add some with manager.add_video_events(Feed.open(path).events).",
    )
