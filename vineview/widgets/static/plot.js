// @ts-check
// A plotly figure in a view. Figures come as messages, so nothing of them is saved in a notebook.

const VV_MISSES = 20;
const VV_MISSED_MS = 150;
const VV_COMPACT_BELOW_PX = 520;

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
    /** @type {[number, number] | null} what of the time axis is looked at; null is all of it */
    this.zoom = null;
    /** @type {{start_ms: number, end_ms: number, lines: Map<string, any>} | null} */
    this.detail = null;
    this.zooms = false;
    this.version = 0;
    this.draws = 0;
    this.misses = 0;
    this.inSight = true;
    this.brushing = false;
    this.behind = false;
    /** @type {((scale: {left: number, width: number}) => void) | undefined} */
    this.onDrawn = undefined;
    /** @type {(() => void) | undefined} */
    this.onPlaced = undefined;
    /** @type {(() => void) | undefined} */
    this.onFigure = undefined;
    /** @type {((kind: "zoomed" | "reset") => void) | undefined} */
    this.onGesture = undefined;
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
    view.on("append", (message, buffers) => this.append(vvUnpack(message, buffers)));
    view.listen(window, VV_ZONE_CHANGED, () => this.draw());
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
    this.zooms = Boolean(message.zooms);
    this.behind = false;
    if (this.figure) vvFillTints(this.figure.data);
    this.redraw();
    this.onFigure?.();
  }

  /** New points after those there are; a few hundred bytes a sample. @param {any} message */
  append({ after_ms, range, lines, traces, layout }) {
    if (!this.figure || this.behind) return;
    const { data } = this.figure;
    const last = data.find((trace) => trace.uid === "measured")?.x.at(-1) ?? -Infinity;
    if (last < after_ms - 1) {
      this.behind = true; // something was missed, as by a tab that slept
      this.view.send("behind");
      return;
    }
    for (const line of lines) {
      const trace = data.find((each) => each.uid === line.uid);
      if (trace) Object.assign(trace, vvExtended(trace, line));
      const close = this.detail && this.detail.end_ms > after_ms ? this.detail.lines.get(line.uid) : null;
      if (close) Object.assign(close, vvExtended(close, line));
    }
    for (const changed of traces) Object.assign(data.find((each) => each.uid === changed.uid) ?? {}, changed);
    Object.assign(this.figure.layout, layout);
    this.figure.layout.xaxis = { ...this.figure.layout.xaxis, range };
    vvFillTints(data);
    this.redraw();
  }

  /** From when to when the whole goes. @returns {[number, number]} */
  get whole() {
    return this.figure?.layout.xaxis.range ?? [0, 0];
  }

  /** The line of that name as it is drawn now. @param {string} uid @returns {VineLine | undefined} */
  line(uid) {
    return this.detail?.lines.get(uid) ?? this.figure?.data.find((each) => each.uid === uid);
  }

  /** Take finer points for the whole. @param {VineLine[]} lines */
  replaceLines(lines) {
    const data = this.figure?.data ?? [];
    for (const line of lines) Object.assign(data.find((each) => each.uid === line.uid) ?? {}, line);
    vvFillTints(data);
  }

  /** What is drawn: the whole, or of what is looked at the detail. @returns {VineFigure} */
  composed() {
    const { data, layout } = /** @type {VineFigure} */ (this.figure);
    if (!this.zoom) return { data: vvTellSteps(data), layout };
    const lines = this.detail?.lines;
    const close = data.map((trace) => ({ ...trace, ...lines?.get(trace.uid) }));
    if (lines) vvFillTints(close);
    return { data: vvTellSteps(close), layout: { ...layout, xaxis: { ...layout.xaxis, range: this.zoom } } };
  }

  /** Draw again, for what there is to draw has changed. @param {{now?: boolean}} [when] */
  redraw({ now } = {}) {
    this.version += 1;
    if (now && this.draws && !this.view.closed) this.drawNow();
    else this.draw();
  }

  /** The picture in words. @param {string} summary */
  describe(summary) {
    vvSet(this.graph, "aria-label", summary);
  }

  /** Cover the plot with a line of text; empty text uncovers it. @param {string} text @param {boolean} [waits] whether something else is to come */
  say(text, waits) {
    this.saying = text;
    this.waits = waits;
    this.showCover();
  }

  showCover() {
    const text = this.saying || (this.figure && this.draws ? "" : "Loading the chart…");
    /** @type {HTMLElement} */ (this.cover.firstElementChild).textContent = text;
    vvSet(this.cover, "data-waiting", !this.saying || this.waits);
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
    const state = `${width}|${dark}|${vvZone()}|${this.version}`;
    if (state === this.drawn) return;
    this.drawn = state;
    const { data: all, layout } = vvRecolour(vvZoned(this.composed()), dark ? this.swaps : {});
    const narrow = width < VV_COMPACT_BELOW_PX;
    const fitted = { ...layout, width, autosize: false };
    const data = narrow ? vvCompact(fitted, all) : all;
    if (this.seek || this.brushing) fitted.dragmode = false;
    if (this.zooms) {
      for (const name of ["yaxis", "yaxis2"]) if (fitted[name]) fitted[name] = { ...fitted[name], fixedrange: true };
      fitted.xaxis = { ...fitted.xaxis, uirevision: this.version }; // the range is ours, not plotly's
    }
    const bare = this.seek || this.zooms || narrow;
    const config = { displaylogo: false, displayModeBar: bare ? false : "hover", doubleClick: this.zooms ? false : "reset", showTips: false };
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
      graph.on("plotly_relayout", (/** @type {any} */ change) => this.heard(change));
      graph.on("plotly_doubleclick", () => this.zooms && this.onGesture?.("reset"));
    }
    this.draws += 1;
    vvSet(this.el, "data-draws", this.draws);
    this.showCover();
    this.placeCursor();
    const scale = this.scale();
    if (scale) this.onDrawn?.(scale);
  }

  /** A person zoomed or moved the axes. @param {any} change */
  heard(change) {
    this.placeCursor();
    const scale = this.scale();
    if (!scale || !this.zooms || !Object.keys(change ?? {}).some((name) => name.startsWith("xaxis."))) return;
    this.zoom = [scale.toTime(scale.left), scale.toTime(scale.left + scale.width)];
    this.onGesture?.("zoomed");
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
      toPixel: (/** @type {number} */ at_ms) => xaxis._offset + xaxis.l2p(vvToAxis(at_ms)),
      toTime: (/** @type {number} */ pixel) => vvFromAxis(xaxis.p2l(pixel - xaxis._offset)),
    };
  }

  /** Move the cursor: an element over the chart, so that it can follow every frame. @param {number | null} at_ms */
  setCursor(at_ms) {
    this.cursorAt = at_ms;
    this.placeCursor();
  }

  placeCursor() {
    this.onPlaced?.();
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
