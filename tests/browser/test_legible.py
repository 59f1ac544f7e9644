"""Every word of every widget, legible in both themes: WCAG AA asks for 4.5 to 1."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CELLS = [
    """
import vineview as vv
from vineview import resources
from vineview.widgets import ContactSheet

class Failing:
    async def load(self, event):
        status = {"v0": 404, "v1": 503}.get(event.id)
        raise vv.LoadError("it is not there", status, error_class=None if status else "NETWORK")

manager = vv.VideoManager(loader=Failing())
manager.add_video_events(
    vv.VideoEvent(id=f"v{n}", pubkey="0badc0de" * 8, created_at=1_767_225_600 - n,
                  title=f"Video {n}", hashtags=("vine",), video_url=f"https://nostr.build/{n}.mp4")
    for n in range(9)
)
incident = vv.Telemetry.open(resources.data("incidents", "memory-leak.ndjson"))
timeline = vv.ReplayTimeline(incident)
timeline.replay.seek(5500)
for number in range(5):
    manager.breaker.record_failure(f"https://elsewhere.example/{number}.mp4")
vv.FeedPlayer(manager, height=300)
""",
    "ContactSheet(manager)",
    "vv.MemoryChart(incident)",
    "timeline",
]
WIDGETS = ("player", "sheet", "chart", "timeline")

ILLEGIBLE = """(root) => {
  const parse = (colour) => {
    const parts = colour.match(/[\\d.]+/g).map(Number);
    const scale = colour.startsWith("color(srgb") ? 255 : 1;
    return { rgb: parts.slice(0, 3).map((part) => part * scale), alpha: parts[3] ?? 1 };
  };
  const over = ({ rgb, alpha }, under) =>
    rgb.map((part, n) => part * alpha + under[n] * (1 - alpha));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (node) => {
    const layers = [];
    for (let each = node; each; each = each.parentElement) {
      layers.push(parse(getComputedStyle(each).backgroundColor));
      if (layers.at(-1).alpha === 1) break;
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const found = [];
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    const words = texts.currentNode.textContent.trim();
    const isShown = words && node.checkVisibility({ visibilityProperty: true });
    if (!isShown || node.matches("svg *, style, option, :disabled")) continue;
    const ground = groundOf(node);
    const ink = over(parse(getComputedStyle(node).color), ground);
    const [dark, light] = [luminance(ink), luminance(ground)].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.push(`${words}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def notebook(new_shared_tab):
    """Every widget, with failures, an open breaker, and memory that is high and critical."""
    tab = new_shared_tab()
    tab.page.set_viewport_size({"width": 1000, "height": 3000})
    notebook = tab.open(CELLS)
    notebook.run_all()
    drawn = "document.querySelectorAll('.vv-plot[data-draws]').length"
    notebook.page.wait_for_function(f"() => {drawn} === 2", timeout=60_000)
    return notebook


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_word_is_legible(notebook, change_theme, theme):
    change_theme(notebook, theme)
    notebook.page.locator(".vv-breaker").first.wait_for()
    tones = notebook.page.locator(".vv-tile").evaluate_all(
        "tiles => tiles.map(t => t.dataset.tone)"
    )
    assert {"warn", "critical"} <= set(tones)
    found = {name: notebook.page.locator(f".vv-{name}").evaluate(ILLEGIBLE) for name in WIDGETS}
    assert found == {name: [] for name in WIDGETS}
