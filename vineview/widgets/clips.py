"""What a player may find behind a manager's doors, and how to ask without knowing the rooms.

A live manager takes commands and its controllers hold clips; a replay or a scripted loader has
neither. The player asks for each ability by its shape, so it has no branch for who it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from vineview.core.events import VideoEvent
from vineview.core.state import VideoState
from vineview.core.view import ManagerView
from vineview.errors import MediaError
from vineview.widgets.streams import Streamable

__all__ = [
    "Commands",
    "Convertible",
    "ImageLoader",
    "Still",
    "caption_of",
    "clip_document",
    "commands_of",
    "go_to_video",
    "hear_codecs",
    "image_of",
    "load_anew",
    "poster_of",
]


@runtime_checkable
class Commands(Protocol):
    """The side of a manager that acts."""

    def preload_around_index(self, index: int) -> None:
        """Make a place in the feed current and load around it."""
        ...

    async def preload_video(self, video_id: str) -> VideoState:
        """Try to load one video."""
        ...

    def clear_failure_patterns(self, url: str | None = None) -> None:
        """Forget that addresses failed."""
        ...

    def stop_all_videos(self) -> None:
        """Let every video go; the feed stays."""
        ...

    def resume_video(self, video_id: str) -> None:
        """Note that a video plays."""
        ...

    def pause_video(self, video_id: str) -> None:
        """Note that a video is paused."""
        ...

    def record(self, kind: Any, *, video_id: str | None = None, **data: Any) -> None:
        """Tell listeners what a player saw."""
        ...


@runtime_checkable
class ImageLoader(Protocol):
    """A loader that reads GIFs and stills."""

    async def read_image(self, event: VideoEvent) -> tuple[bytes, str]:
        """The bytes and their MIME type."""
        ...


@runtime_checkable
class Still(Protocol):
    """A controller that holds a picture the browser shows as it is."""

    @property
    def image(self) -> tuple[bytes, str]:
        """The bytes and their MIME type."""
        ...


@runtime_checkable
class Convertible(Protocol):
    """A controller that can convert its clip for a browser that refuses it as it is."""

    async def convert(self) -> bool:
        """Convert what went as it is; whether there was anything to convert."""
        ...


def commands_of(manager: ManagerView) -> Commands | None:
    """The acting side of a manager; None for a recording."""
    return manager if isinstance(manager, Commands) else None


def go_to_video(manager: ManagerView, video_id: str) -> None:
    """Make a video current; nothing where it left the feed meanwhile, or the feed is a recording.

    Args:
        manager: Live or replayed.
        video_id: The video.
    """
    commands = commands_of(manager)
    places = (place for place, event in enumerate(manager.videos) if event.id == video_id)
    if commands is not None and (place := next(places, None)) is not None:
        commands.preload_around_index(place)


async def load_anew(manager: ManagerView, video_id: str) -> None:
    """Load a video because a person asked for it, though it or its address failed for good.

    Args:
        manager: A recording loads nothing, nor does anyone a video that left the feed meanwhile.
        video_id: The video.
    """
    commands, state = commands_of(manager), manager.get_video_state(video_id)
    if commands is not None and state is not None:
        if state.event.video_url is not None:
            commands.clear_failure_patterns(state.event.video_url)
        await commands.preload_video(video_id)


async def image_of(manager: ManagerView, video_id: str) -> tuple[bytes, str]:
    """A GIF's or a still's bytes and their MIME type, from its controller or its loader.

    Raises:
        MediaError: It cannot be read, or nothing here reads images.
        OSError: Its file cannot be read.
    """
    controller = manager.get_controller(video_id)
    if isinstance(controller, Still):
        return controller.image
    loader, state = getattr(manager, "loader", None), manager.get_video_state(video_id)
    if not isinstance(loader, ImageLoader) or state is None:
        raise MediaError("This manager's loader reads no images.")
    return await loader.read_image(state.event)


def hear_codecs(manager: ManagerView, answers: Mapping[Any, object]) -> None:
    """Let a manager's loader know what this browser takes, so that the rest is converted."""
    hear = getattr(getattr(manager, "loader", None), "hear_codecs", None)
    if callable(hear):
        hear({str(name): answer is True for name, answer in answers.items()})


def poster_of(controller: object) -> bytes | None:
    """The JPEG a controller keeps of its first picture, if it has one."""
    poster = getattr(controller, "poster", None)
    return poster if isinstance(poster, bytes) else None


def clip_document(controller: object) -> dict[str, Any] | None:
    """What the page needs to open a stream; None when the controller has no clip.

    Returns:
        ``mime_type`` for ``MediaSource``, ``duration_s``.
    """
    if not isinstance(controller, Streamable):
        return None
    info = getattr(controller, "info", None)
    return {
        "mime_type": controller.mime_type,
        "duration_s": getattr(info, "duration_s", None),
    }


def caption_of(controller: object) -> str:
    """How a clip plays, as a line; empty when the controller does not say.

    Example:
        >>> caption_of(object())
        ''
    """
    if isinstance(controller, Still):
        return f"{controller.image[1].removeprefix('image/').upper()} image, as is"
    info = getattr(controller, "info", None)
    if info is None:
        return ""
    tracks = [track for track in (info.video, info.audio) if track is not None]
    parts = [str(info.video or "no picture"), str(info.audio or "no sound")]
    plan = getattr(controller, "plan", None)
    if plan is not None and (plan.converts or len(plan.tracks) < len(tracks)):
        parts.append(str(getattr(controller, "treatment", "")))
    else:
        parts += [f"plays {info.verdict.how}", info.verdict.reason]
    return " · ".join(part for part in (*parts, info.shortfall) if part)
