"""Every clip of the corpus in JupyterLab: it plays to its end, with its sound, or says why not."""

from __future__ import annotations

import json

import pytest

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

names = {names!r}
manager = VideoManager(config=VideoManagerConfig(max_retries=0), loader=MediaLoader())
manager.add_video_events([
    VideoEvent(id=name, pubkey="0badc0de" * 8, created_at=1_767_225_600 - 3600 * n, title=name,
               is_local=True, video_url=(Path({folder!r}) / name).as_uri())
    for n, name in enumerate(names)
])
player = FeedPlayer(manager, loop=False, speed=4.0)
player
"""

OUTCOME = """(title) => {
  const root = document.querySelector(".vv-player");
  if (root?.querySelector(".vv-title")?.textContent !== title) return null;
  const card = root.querySelector(".vv-card:not([hidden])");
  const text = card?.innerText ?? "";
  if (/attempt|Loading|Waiting|Preparing/i.test(text)) return null;
  const image = root.querySelector("img[data-shown]");
  if (image && image.complete && image.naturalWidth) return { image: true };
  const video = root.querySelector("video[data-shown]");
  if (video && video.ended) {
    return {
      at_s: video.currentTime,
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
    """What each clip came to, all shown one after the other by one player."""
    tab = new_shared_tab()
    notebook = tab.open([FEED.format(names=list(CORPUS), folder=str(corpus))])
    notebook.run_all()
    found = {}
    for place, name in enumerate(CORPUS):
        notebook.evaluate(f"manager.breaker.reset(); player.go_to({place}); player.play()")
        try:
            handle = tab.page.wait_for_function(OUTCOME, arg=name, timeout=20_000, polling=50)
        except Exception as error:  # noqa: BLE001 - the clip that hangs is the finding
            state = tab.page.locator(".vv-player").first.inner_text()
            found[name] = {"hangs": f"{type(error).__name__}: {state}"}
        else:
            found[name] = handle.json_value()
    return found


@pytest.mark.parametrize("name", [name for name, item in CORPUS.items() if item.plays != "not"])
def test_it_plays_to_its_end(corpus, outcomes, name):
    """The playhead gets where the probe says the clip ends, and what sounds is heard."""
    outcome = outcomes[name]
    info = probe(corpus / name)
    if outcome.get("image"):
        assert info.verdict.how == "as a picture"
        return
    assert "at_s" in outcome, json.dumps(outcome)
    assert outcome["at_s"] == pytest.approx(info.duration_s, rel=0.05, abs=0.03)
    assert bool(outcome["pictures"]) is (info.video is not None)
    assert bool(outcome["sound"]) is (info.audio is not None)


@pytest.mark.parametrize("name", [name for name, item in CORPUS.items() if item.plays == "not"])
def test_it_says_why_not(outcomes, name):
    """The card holds the clip's own reason, in words a person can act on."""
    outcome = outcomes[name]
    assert CORPUS[name].reason in outcome.get("reason", ""), json.dumps(outcome)
