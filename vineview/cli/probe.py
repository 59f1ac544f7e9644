"""``vineview probe``: what a clip is, and whether and how it will play."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vineview.cli import output

if TYPE_CHECKING:
    from vineview.media.probe import ClipInfo

__all__ = ["register"]

_CANNOT_PLAY, _MISSING = 1, 2


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "probe",
        help="what a clip is, whether and how it will play, and why not",
        description="Say what each clip is, whether and how a browser will play it, and if not, "
        "why and what to do. Reads headers and a fraction of a second, not whole clips.",
        epilog="Exit code: 0 all play, 1 some cannot, 2 a path is missing.",
    )
    output.add_common(parser)
    parser.add_argument(
        "media",
        nargs="+",
        type=output.given,
        metavar="MEDIA",
        help="a file, a folder of files, or an http(s) address",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    """Probe each clip; a missing path does not keep the others from being answered."""
    places, missing = _expand(args.media)
    with output.progress(len(places), "probing") as bar:
        answers = []
        for place in places:
            answers.append(_answer(place))
            bar.update(1)
    playing = sum(answer["ok"] for answer in answers)
    document = {
        "ok": not missing and playing == len(answers),
        "clips": [{key: value for key, value in one.items() if key != "text"} for one in answers],
        "missing": list(missing),
    }
    texts = [answer["text"] for answer in answers]
    if len(answers) > 1:
        texts.append(f"{playing} of {len(answers)} clips play")
    if texts or args.format == "json":
        output.emit(args, "\n\n".join(texts), document)
    for place, why in missing.items():
        print(f"vineview probe: {place}: {why}. Check the path.", file=sys.stderr)
    if missing:
        return _MISSING
    return 0 if playing == len(answers) else _CANNOT_PLAY


def _expand(media: list[str]) -> tuple[list[str], dict[str, str]]:
    """Folders become their files; what is not there, empty or out of reach is told apart."""
    places: list[str] = []
    missing: dict[str, str] = {}
    for place in media:
        if place.startswith(("http://", "https://")):
            places.append(place)
            continue
        try:
            found = _files(Path(place))
        except OSError as error:
            missing[place] = (error.strerror or str(error)).lower()
            continue
        places += found
        if not found:
            missing[place] = "the folder holds no files"
    return places, missing


def _files(path: Path) -> list[str]:
    if path.is_dir():
        return [str(one) for one in sorted(path.iterdir()) if one.is_file()]
    path.stat()
    return [str(path)]


def _answer(place: str) -> dict[str, Any]:
    """The facts about one clip, and the text that says them."""
    from vineview.core.policy import UrlPolicy
    from vineview.errors import LoadError, MediaError
    from vineview.media.source import open_source
    from vineview.media.stills import still_type
    from vineview.media.worker import probe

    try:
        # A person typed the address, so it may be on their own network.
        with open_source(place, policy=UrlPolicy(allow_private=True)) as source:
            if mime_type := still_type(source):
                return _still(place, mime_type, source.size)
            info = probe(source, name=place)
    except MediaError as error:
        return _refusal(place, error.reason, str(error))
    except LoadError as error:
        return _refusal(place, (error.error_class or "unknown").lower(), str(error))
    return {
        "source": place,
        "ok": info.verdict.ok,
        "summary": info.summary,
        "info": info,
        "text": _text(place, info),
    }


def _still(place: str, mime_type: str, size_bytes: int) -> dict[str, Any]:
    summary = f"{mime_type.removeprefix('image/').upper()} image: shown as it is"
    text = f"{place}\n  {summary}\n  {size_bytes / 1000:,.0f} kB"
    return {"source": place, "ok": True, "summary": summary, "text": text}


def _refusal(place: str, reason: str, message: str) -> dict[str, Any]:
    why = message.removeprefix(place).lstrip(": ")
    text = f"{place}\n  cannot play: {'it ' if why.startswith('is ') else ''}{why}"
    return {"source": place, "ok": False, "reason": reason, "message": message, "text": text}


def _text(place: str, info: ClipInfo) -> str:
    facts = [info.format, f"{info.size_bytes / 1000:,.0f} kB"]
    if info.duration_s is not None:
        facts.append(f"{info.duration_s:.2f} s")
    if info.video is not None and info.video.fps:
        rate = "on average " if info.video.is_variable_rate else ""
        facts.append(f"{rate}{info.video.fps:.4g} pictures a second")
    if info.audio is not None:
        facts.append(f"sound at {info.audio.sample_rate / 1000:g} kHz")
    lines = [place, f"  {info.summary}", f"  {', '.join(facts)}"]
    if info.mime_type:
        lines.append(f"  sent to the browser as {info.mime_type}")
    return "\n".join(lines)
