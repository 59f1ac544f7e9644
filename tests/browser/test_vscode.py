"""The player as VS Code's notebook renderer runs it, imitated on a plain page.

Of JupyterLab there is nothing: no commands, no theme variables, no module loader. The page speaks
to the kernel itself, loads the widget's module from its text and gives it a model, as anywidget
asks of a host. VS Code's Electron has no AAC, so ``MediaSource`` refuses it here too.
"""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.browser

CODE = """
from vineview import resources
from vineview.core.events import VideoEvent
from vineview.core.manager import VideoManager
from vineview.media.loader import MediaLoader
from vineview.widgets import FeedPlayer

clips = resources.data("feed", "clips")
manager = VideoManager(loader=MediaLoader())
manager.add_video_events(
    VideoEvent(id=name, title=name, created_at=-n, is_local=True, video_url=(clips / name).as_uri())
    for n, name in enumerate(["bigbuckbunny.mp4", "landscape.mp4"])
)
player = FeedPlayer(manager)
"""
PAGE = """<head><title>renderer</title><style>
  :root { --vscode-editor-background: #1f1f1f; --vscode-editorWidget-background: #202020;
    --vscode-widget-border: #313131; --vscode-foreground: #cccccc; --vscode-focusBorder: #0078d4;
    --vscode-descriptionForeground: #9d9d9d; --vscode-errorForeground: #f85149;
    --vscode-editorWarning-foreground: #cca700; --vscode-testing-iconPassed: #73c991; }
  body { margin: 24px; background: var(--vscode-editor-background); }
</style></head>
<body class="vscode-dark" data-vscode-theme-kind="vscode-dark"><div id="cell"></div></body>"""
NO_AAC = """(() => {
  const takes = MediaSource.isTypeSupported;
  MediaSource.isTypeSupported = (type) => !/mp4a/.test(type) && takes.call(MediaSource, type);
})();"""
HOST = """async (code) => {
  const xsrf = /_xsrf=([^;]+)/.exec(document.cookie)?.[1] ?? "";
  const headers = { "X-XSRFToken": xsrf, "Content-Type": "application/json" };
  const body = JSON.stringify({ name: "python3" });
  const kernel = await (await fetch("/api/kernels", { method: "POST", headers, body })).json();
  window.endKernel = () => fetch(`/api/kernels/${kernel.id}`, { method: "DELETE", headers });
  const socket = new WebSocket(`ws://${location.host}/api/kernels/${kernel.id}/channels`);
  socket.binaryType = "arraybuffer";
  const say = (msg_type, content) => socket.send(JSON.stringify({
    channel: "shell", parent_header: {}, metadata: {}, buffers: [], content,
    header: { msg_id: crypto.randomUUID(), msg_type, username: "", session: "s", version: "5.3" },
  }));
  const models = new Map();
  const hear = (text, buffers) => {
    const { header, content } = JSON.parse(text);
    if (header.msg_type === "error") window.failed = content.evalue;
    if (header.msg_type === "comm_open") show(content.comm_id, content.data.state ?? {});
    if (header.msg_type === "comm_msg" && content.data.method === "custom")
      for (const each of models.get(content.comm_id) ?? []) each(content.data.content, buffers);
  };
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") return hear(data, []);
    const view = new DataView(data);
    const places = Array.from({ length: view.getUint32(0) }, (_, n) => view.getUint32(4 + 4 * n));
    const ends = [...places.slice(1), data.byteLength];
    const parts = places.map((at, n) => new DataView(data, at, ends[n] - at));
    hear(new TextDecoder().decode(parts[0]), parts.slice(1));
  };
  async function show(id, state) {
    if (!state._esm) return;
    const listeners = new Map([["msg:custom", new Set()]]);
    models.set(id, listeners.get("msg:custom"));
    const model = {
      get: (name) => state[name],
      set: (name, value) => void (state[name] = value),
      save_changes: () => {},
      send: (content) => say("comm_msg", { comm_id: id, data: { method: "custom", content } }),
      on: (name, heard) => void listeners.set(name, (listeners.get(name) ?? new Set()).add(heard)),
      off: (name, heard) => void listeners.get(name)?.delete(heard),
    };
    const style = document.createElement("style");
    style.textContent = state._css;
    document.head.append(style);
    const url = URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    widget.render({ model, el: document.getElementById("cell") });
  }
  await new Promise((resolve) => (socket.onopen = resolve));
  say("execute_request", { code, silent: false, store_history: false, allow_stdin: false });
}"""
PLAYING = """() => {
  const video = document.querySelector("video.vv-screen[data-shown]");
  return window.failed || (video && !video.paused && video.currentTime > 0.5);
}"""


@pytest.fixture
def page(new_shared_tab, lab):
    """A page that is not JupyterLab's, on its server."""
    page = new_shared_tab(color_scheme="dark").page
    page.goto(f"{lab.url}/tree")  # for the cookie that lets a page start a kernel
    page.add_init_script(NO_AAC)
    page.goto(f"{lab.url}/static/favicons/favicon.ico")  # of the server's own, without a script
    page.evaluate("html => void (document.documentElement.innerHTML = html)", PAGE)
    yield page
    page.evaluate("() => window.endKernel?.()")


def test_it_plays_with_opus_in_the_dark(page, pictures):
    page.evaluate(HOST, CODE)
    said = "document.querySelector('.vv-caption')?.textContent ?? ''"
    treatment = "H.264: as is; AAC: converted to Opus"
    page.wait_for_function(f"(how) => ({said}).includes(how)", arg=treatment, timeout=60_000)
    assert page.wait_for_function(PLAYING, timeout=30_000).json_value() is True
    video = page.locator("video.vv-screen[data-shown]")
    heard = "video => video.webkitAudioDecodedByteCount > 0"
    page.wait_for_function(f"() => ({heard})(document.querySelector('video[data-shown]'))")
    assert video.evaluate("video => video.error") is None
    assert page.locator(".vv-card").is_hidden()
    if pictures:
        page.screenshot(path=pictures / "vscode.png")
    colours = page.locator(".vv-root").first.evaluate(
        "el => [getComputedStyle(el).color, getComputedStyle(el).getPropertyValue('--vv-surface')]"
    )
    assert json.dumps(colours) == '["rgb(204, 204, 204)", "#1f1f1f"]'
