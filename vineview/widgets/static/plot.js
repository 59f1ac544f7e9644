// @ts-check
// A plotly figure in a view. plotly.js itself comes from the kernel, once per page whatever the
// number of charts, and is kept on globalThis; figures come as messages, so nothing of them is saved.

/** @typedef {{data: any[], layout: any}} VineFigure */

const VV_REASK_AFTER_MS = 4000;
const VV_COMPACT_BELOW_PX = 520;

/** What all charts of the page share: the library, who asked for it, and what it cost. */
function vvPlotlyShare() {
  const home = /** @type {any} */ (globalThis);
  if (!home.__vineviewPlotly) {
    const share = { library: null, asker: "", askedAt: 0, crossings: 0, bytes: 0, arrive: (/** @type {any} */ _) => {} };
    home.__vineviewPlotly = { ...share, arrival: null, loading: null };
    home.__vineviewPlotly.arrival = new Promise((resolve) => (home.__vineviewPlotly.arrive = resolve));
  }
  return home.__vineviewPlotly;
}

/** Wait for plotly.js, asking the kernel for it when no chart of the page has. @param {VineView} view */
async function vvPlotly(view) {
  const share = vvPlotlyShare();
  const began = performance.now();
  view.on("plotly", (_, buffers) => {
    share.crossings += 1;
    share.bytes += buffers[0].byteLength;
    vvTakePlotly(share, buffers[0]).catch((error) => view.fault(`plotly.js did not start: ${error.message}`));
  });
  view.own(() => {
    if (share.asker === view.id && !share.loading) share.asker = "";
  });
  await null; // the view says hello first
  while (!share.library && !view.closed) {
    const patience = Math.max(share.askedAt, began, view.figureAt ?? Infinity) + VV_REASK_AFTER_MS;
    if (!share.asker || (!share.loading && performance.now() > patience)) {
      share.asker = view.id;
      share.askedAt = performance.now();
      view.send("need_plotly", { packed: typeof DecompressionStream !== "undefined" });
    }
    await Promise.race([share.arrival, new Promise((resolve) => view.after(500, () => resolve(null)))]);
  }
  return share.library;
}

/** Start the script that crossed; a second copy is ignored. @param {any} share @param {DataView} packed */
async function vvTakePlotly(share, packed) {
  if (share.library || share.loading) return;
  share.loading = true;
  try {
    let bytes = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
      const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      bytes = new Uint8Array(await new Response(plain).arrayBuffer());
    }
    share.library = await vvRunPlotly(bytes);
    share.arrive(share.library);
  } finally {
    share.loading = false;
    if (!share.library) share.asker = "";
  }
}

/**
 * Run the script where an AMD loader or a module system of the page cannot catch it: their names
 * are parameters here, so only the global object is left to attach to.
 * @param {BlobPart} bytes
 */
async function vvRunPlotly(bytes) {
  const home = /** @type {any} */ (globalThis);
  const earlier = home.Plotly;
  const parts = ["(function (define, module, exports) {\n", bytes, "\n}).call(globalThis);"];
  const blob = new Blob(parts, { type: "text/javascript;charset=utf-8" });
  const script = document.createElement("script");
  const url = URL.createObjectURL(blob);
  try {
    await new Promise((resolve) => {
      script.onload = script.onerror = resolve;
      script.src = url;
      document.head.append(script);
    });
    if (home.Plotly === earlier) {
      // A content security policy may refuse blob: scripts and allow inline ones.
      const inline = document.createElement("script");
      inline.textContent = await blob.text();
      document.head.append(inline);
      inline.remove();
    }
  } finally {
    script.remove();
    URL.revokeObjectURL(url);
  }
  if (home.Plotly === earlier) throw new Error("the page's security policy refuses scripts from the notebook");
  const library = home.Plotly;
  if (earlier) home.Plotly = earlier;
  return library;
}

/** Put the arrays that travelled as buffers back into a figure. @param {any} part @param {DataView[]} buffers @returns {any} */
function vvUnpack(part, buffers) {
  if (Array.isArray(part)) return part.map((each) => vvUnpack(each, buffers));
  if (part === null || typeof part !== "object") return part;
  if (typeof part.vv_buffer === "number") {
    const view = buffers[part.vv_buffer];
    const own = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
    return part.dtype === "float32" ? new Float32Array(own) : new Float64Array(own);
  }
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, vvUnpack(value, buffers)]));
}

/** Recolour by exact match; arrays of numbers are shared, not copied. @param {any} part @param {Record<string, string>} swaps @returns {any} */
function vvRecolour(part, swaps) {
  if (typeof part === "string") return swaps[part] ?? part;
  if (part === null || typeof part !== "object" || ArrayBuffer.isView(part)) return part;
  if (Array.isArray(part)) return part.map((each) => vvRecolour(each, swaps));
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, vvRecolour(value, swaps)]));
}

/** Whether the page is dark: as JupyterLab or VS Code say, else as its background looks. */
function vvIsDark() {
  const light = document.body.getAttribute("data-jp-theme-light");
  if (light !== null) return light === "false";
  if (document.body.classList.contains("vscode-dark")) return true;
  const [red, green, blue, alpha = 1] = (getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
  return alpha > 0 && 0.3 * red + 0.6 * green + 0.1 * blue < 110;
}

/** One figure on the page: drawn when it can be seen, recoloured with the theme, fitted to the cell. */
class VinePlot {
  /** @param {VineView} view @param {{seek?: (at_ms: number, done: boolean) => void}} [options] */
  constructor(view, { seek } = {}) {
    this.view = view;
    this.seek = seek;
    /** @type {VineFigure | null} */
    this.figure = null;
    /** @type {Record<string, string>} */
    this.swaps = {};
    /** @type {number | null} */
    this.cursorAt = null;
    this.draws = 0;
    /** @type {((scale: {left: number, width: number}) => void) | undefined} */
    this.onDrawn = undefined;
    this.graph = vvNode("div", { class: "vv-plot-graph", role: "img", "aria-label": "Chart, loading" });
    this.cursor = vvNode("div", { class: "vv-plot-cursor", "aria-hidden": "true", hidden: true });
    this.cover = vvNode("div", { class: "vv-plot-cover" }, vvNode("span", { class: "vv-plot-wait" }, "Loading the chart…"));
    this.el = vvNode("div", { class: "vv-plot" }, this.graph, this.cursor, this.cover);
    const sizes = new ResizeObserver(view.guarded(() => this.draw()));
    const theme = new MutationObserver(view.guarded(() => this.draw()));
    sizes.observe(this.el);
    theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
    view.own(() => {
      sizes.disconnect();
      theme.disconnect();
      this.library?.purge(this.graph);
    });
    view.on("figure", (message, buffers) => this.take(message, buffers));
    if (seek) this.listenForSeeks(seek);
    vvPlotly(view).then((library) => {
      this.library = library;
      this.draw();
    });
  }

  /** @param {VineMessage} message @param {DataView[]} buffers */
  take(message, buffers) {
    this.view.figureAt = performance.now();
    this.figure = message.figure ? vvUnpack(message.figure, buffers) : null;
    this.swaps = message.swaps ?? {};
    this.drawn = "";
    this.draw();
  }

  /** The picture in words. @param {string} summary */
  describe(summary) {
    vvSet(this.graph, "aria-label", summary);
  }

  /** Cover the plot with a line of text; empty text uncovers it. @param {string} text */
  say(text) {
    this.saying = text;
    this.showCover();
  }

  showCover() {
    const text = this.saying || (this.figure && this.draws ? "" : "Loading the chart…");
    /** @type {HTMLElement} */ (this.cover.firstElementChild).textContent = text;
    vvSet(this.cover, "data-waiting", !this.saying);
    this.cover.hidden = text === "";
  }

  /** Draw at the next frame, if anything that shows has changed; many calls are one drawing. */
  draw() {
    if (this.asked || !this.figure || !this.library || this.view.closed) return;
    this.asked = true;
    requestAnimationFrame(this.view.guarded(() => {
      this.asked = false;
      if (!this.view.closed) this.drawNow();
    }));
  }

  drawNow() {
    const width = Math.floor(this.el.clientWidth);
    if (!this.figure || !width || !this.el.isConnected) return;
    const dark = vvIsDark();
    const state = `${width}|${dark}`;
    if (state === this.drawn) return;
    this.drawn = state;
    const { data, layout } = dark ? vvRecolour(this.figure, this.swaps) : vvRecolour(this.figure, {});
    const fitted = { ...layout, width, autosize: false };
    if (width < VV_COMPACT_BELOW_PX) vvCompact(fitted);
    if (this.seek) fitted.dragmode = false;
    const config = { displaylogo: false, displayModeBar: this.seek ? false : "hover", doubleClick: "reset", showTips: false };
    const buttons = ["lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"];
    Promise.resolve(this.library.react(this.graph, data, fitted, { ...config, modeBarButtonsToRemove: buttons })).then(
      () => this.afterDraw(),
      (/** @type {Error} */ error) => this.view.fault(`The chart could not be drawn: ${error.message}`),
    );
  }

  afterDraw() {
    if (this.view.closed) return;
    if (!this.draws) {
      const graph = /** @type {any} */ (this.graph);
      graph.on("plotly_relayout", () => this.placeCursor());
    }
    this.draws += 1;
    vvSet(this.el, "data-draws", this.draws);
    this.showCover();
    this.placeCursor();
    const scale = this.scale();
    if (scale) this.onDrawn?.(scale);
  }

  /** The horizontal scale as drawn, or null before the first drawing. */
  scale() {
    const full = /** @type {any} */ (this.graph)._fullLayout;
    if (!this.draws || !full?.xaxis?.l2p) return null;
    const { xaxis, _size: size } = full;
    return {
      left: xaxis._offset,
      width: xaxis._length,
      top: size.t,
      height: size.h,
      toPixel: (/** @type {number} */ at_ms) => xaxis._offset + xaxis.l2p(at_ms),
      toTime: (/** @type {number} */ pixel) => xaxis.p2l(pixel - xaxis._offset),
    };
  }

  /** Move the cursor: an element over the chart, so that it can follow every frame. @param {number | null} at_ms */
  setCursor(at_ms) {
    this.cursorAt = at_ms;
    this.placeCursor();
  }

  placeCursor() {
    const scale = this.scale();
    const x = scale && this.cursorAt !== null ? scale.toPixel(this.cursorAt) : NaN;
    const seen = scale !== null && x >= scale.left - 1 && x <= scale.left + scale.width + 1;
    this.cursor.hidden = !seen;
    if (!scale || !seen) return;
    this.cursor.style.top = `${scale.top}px`;
    this.cursor.style.height = `${scale.height}px`;
    this.cursor.style.transform = `translateX(${x.toFixed(2)}px)`;
  }

  /** Clicking seeks, and so does dragging. @param {(at_ms: number, done: boolean) => void} seek */
  listenForSeeks(seek) {
    let pointer = -1;
    const report = (/** @type {PointerEvent} */ event, /** @type {boolean} */ done) => {
      const scale = this.scale();
      if (scale) seek(scale.toTime(event.clientX - this.el.getBoundingClientRect().left), done);
    };
    this.el.classList.add("vv-plot-seeks");
    this.view.listen(this.el, "pointerdown", (event) => {
      const scale = this.scale();
      const box = this.el.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const inside = scale && x >= scale.left && x <= scale.left + scale.width && y >= scale.top && y <= scale.top + scale.height;
      if (!inside || event.button !== 0) return;
      pointer = event.pointerId;
      report(event, false);
    });
    this.view.listen(window, "pointermove", (event) => event.pointerId === pointer && report(event, false));
    this.view.listen(window, "pointerup", (event) => {
      if (event.pointerId !== pointer) return;
      pointer = -1;
      report(event, true);
    });
    this.view.listen(window, "pointercancel", () => (pointer = -1));
  }
}

/** Give a narrow cell's width to the lines. @param {any} layout */
function vvCompact(layout) {
  layout.margin = { ...layout.margin, l: 40, r: 8 };
  layout.legend = { ...layout.legend, font: { ...layout.legend?.font, size: 10.5 } };
  for (const name of ["yaxis", "yaxis2"]) if (layout[name]) layout[name] = { ...layout[name], title: { text: "" } };
  if (layout.xaxis) layout.xaxis = { ...layout.xaxis, nticks: 4 };
}
