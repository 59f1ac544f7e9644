"""Every clip of the corpus in JupyterLab: it plays to its end, with its sound, or says why not."""

from __future__ import annotations

import json
from itertools import zip_longest

import pytest
from playwright.sync_api import TimeoutError as TookTooLong

from vineview.media.corpus import CORPUS, make_corpus
from vineview.media.probe import probe

pytestmark = pytest.mark.browser

FEED = """
from pathlib import Path
from vineview.core.config import VideoManagerConfig
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.media.loader import MediaLoader
from vineview.widgets import FeedPlayer

def play(names):
    manager = VideoManager(config=VideoManagerConfig(max_retries=0), loader=MediaLoader())
    manager.add_video_events([
        VideoEvent(id=name, pubkey="0badc0de" * 8, created_at=1_767_225_600 - n, title=name,
                   is_local=True, video_url=(Path({folder!r}) / name).as_uri())
        for n, name in enumerate(names)
    ])
    return FeedPlayer(manager, loop=False, speed=4.0, height=300)

def go_to(player, place):
    player.manager.breaker.reset()
    player.go_to(place)
    player.play()
"""
PLAYERS = 3

OUTCOME = """([place, title]) => {
  const root = document.querySelectorAll(".vv-player")[place];
  if (root?.querySelector(".vv-title")?.textContent !== title) return null;
  const card = root.querySelector(".vv-card:not([hidden])");
  const text = card?.innerText ?? "";
  if (/attempt|Loading|Waiting|Preparing/i.test(text)) return null;
  const image = root.querySelector("img[data-shown]");
  if (image && image.complete && image.naturalWidth) return { image: true };
  const video = root.querySelector("video[data-shown]");
  if (video && video.ended && video.currentTime > 0) { // one picture is at its end before it plays
    return {
      at_s: video.currentTime,
      aspect: video.videoHeight && video.videoWidth / video.videoHeight,
      pictures: video.getVideoPlaybackQuality().totalVideoFrames,
      sound: video.webkitAudioDecodedByteCount,
    };
  }
  if (text) return { reason: text };
  if (video && video.paused) video.play().catch(() => {});
  return null;
}"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The folder of the corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    made = make_corpus(folder)
    assert max(path.stat().st_size for path in made) <= 300_000
    return folder


@pytest.fixture(scope="module")
def outcomes(corpus, new_shared_tab):
    """What each clip came to, shown one after the other by a few players at once."""
    tab = new_shared_tab()
    feeds = [list(CORPUS)[place::PLAYERS] for place in range(PLAYERS)]
    cells = [
        f"player_{place} = play({names!r})\nplayer_{place}" for place, names in enumerate(feeds)
    ]
    notebook = tab.open([FEED.format(folder=str(corpus)), *cells])
    tab.page.set_viewport_size({"width": 1000, "height": 700 * PLAYERS})
    notebook.run_all()
    found = {}
    for turn, names in enumerate(zip_longest(*feeds)):
        notebook.evaluate("\n".join(f"go_to(player_{n}, {turn})" for n in range(PLAYERS)))
        for place, name in enumerate(names):
            if name is not None:
                found[name] = outcome(tab.page, place, name)
    return found


def outcome(page, place, name):
    """What the clip that a player now shows comes to."""
    try:
        handle = page.wait_for_function(OUTCOME, arg=[place, name], timeout=20_000, polling=50)
    except TookTooLong as error:  # the clip that hangs is the finding
        return {"hangs": f"{error}: {page.locator('.vv-player').nth(place).inner_text()}"}
    return handle.json_value()


@pytest.mark.parametrize("name", [name for name, item in CORPUS.items() if item.plays != "not"])
def test_it_plays_to_its_end(corpus, outcomes, name):
    """To where the probe says that it ends, as wide as it says, and what sounds is heard."""
    outcome = outcomes[name]
    info = probe(corpus / name)
    if outcome.get("image"):
        assert info.verdict.how == "as a picture"
        return
    assert "at_s" in outcome, json.dumps(outcome)
    assert outcome["at_s"] == pytest.approx(info.duration_s, rel=0.05, abs=0.03)
    assert bool(outcome["pictures"]) is (info.video is not None)
    if info.video is not None:
        width, height = info.video.display_size
        assert outcome["aspect"] == pytest.approx(width / height, rel=0.02)
    assert bool(outcome["sound"]) is (info.audio is not None)


@pytest.mark.parametrize("name", [name for name, item in CORPUS.items() if item.plays == "not"])
def test_it_says_why_not(outcomes, name):
    """The card holds the clip's own reason, in words a person can act on."""
    outcome = outcomes[name]
    assert CORPUS[name].reason in outcome.get("reason", ""), json.dumps(outcome)
