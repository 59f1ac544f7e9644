// @ts-check
// A plotly figure in a view. Figures come as messages, so nothing of them is saved in a notebook.

/** @typedef {{data: any[], layout: any}} VineFigure */

const VV_MISSES = 20;
const VV_MISSED_MS = 150;
const VV_COMPACT_BELOW_PX = 520;

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

/** One figure on the page: kept up to date while in sight, recoloured with the theme, fitted to the cell. */
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
    this.misses = 0;
    this.inSight = true;
    /** @type {((scale: {left: number, width: number}) => void) | undefined} */
    this.onDrawn = undefined;
    this.graph = vvNode("div", { class: "vv-plot-graph", role: "img", "aria-label": "Chart, loading" });
    this.cursor = vvNode("div", { class: "vv-plot-cursor", "aria-hidden": "true", hidden: true });
    this.cover = vvNode("div", { class: "vv-plot-cover" }, vvNode("span", { class: "vv-plot-wait" }, "Loading the chart…"));
    this.el = vvNode("div", { class: "vv-plot" }, this.graph, this.cursor, this.cover);
    const sizes = new ResizeObserver(view.guarded(() => this.draw()));
    const sight = new IntersectionObserver(
      view.guarded((entries) => {
        this.inSight = entries.at(-1).isIntersecting;
        this.draw();
      }),
      { rootMargin: "300px" },
    );
    const theme = new MutationObserver(view.guarded(() => this.draw()));
    sizes.observe(this.el);
    sight.observe(this.el);
    theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
    view.own(() => {
      sizes.disconnect();
      sight.disconnect();
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
    if (!this.figure) return;
    if (!width || !this.el.isConnected) {
      // Hidden. JupyterLab hides everything for a moment while it changes its theme, too short for
      // the size's observer to tell; a longer absence ends with a change of size, which it does tell.
      if (this.misses < VV_MISSES) this.view.after(VV_MISSED_MS, () => this.draw());
      this.misses += 1;
      return;
    }
    this.misses = 0;
    if (this.draws && !this.inSight) return; // redrawn when it comes into sight again
    const dark = vvIsDark();
    const state = `${width}|${dark}`;
    if (state === this.drawn) return;
    this.drawn = state;
    const { data, layout } = dark ? vvRecolour(this.figure, this.swaps) : vvRecolour(this.figure, {});
    const narrow = width < VV_COMPACT_BELOW_PX;
    const fitted = { ...layout, width, autosize: false };
    if (narrow) vvCompact(fitted);
    if (this.seek) fitted.dragmode = false;
    const config = { displaylogo: false, displayModeBar: this.seek || narrow ? false : "hover", doubleClick: "reset", showTips: false };
    // Sharing to plotly's cloud goes with the rest: what a chart shows stays on this machine.
    const buttons = ["sendChartToCloud", "lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"];
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
