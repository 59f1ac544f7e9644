// @ts-check
// A closer look: zooming, and the detail of what is looked at, which the kernel cuts to the pixels
// shown. One question at a time is on its way; of those asked meanwhile only the last matters.

const VV_ANSWER_WITHIN_MS = 5000;
const VV_CLOSEST_MS = 10;
const VV_ROUGH_POINTS = 900; // a line with fewer points than this was not thinned out
const VV_POINTS_PER_PX = 1.2; // below this the pixels could show more

class VineZoom {
  /** @param {VineView} view @param {VinePlot} plot */
  constructor(view, plot) {
    this.view = view;
    this.plot = plot;
    this.seq = 0;
    /** @type {(() => void) | null} */
    this.waiting = null;
    this.wanted = false;
    plot.onGesture = (kind) => (kind === "reset" ? this.reset() : this.ask());
    plot.onFigure = () => this.plot.zoom && this.ask();
    plot.onDrawn = () => this.plot.zoom || this.askIfRough();
    view.on("detail", (message, buffers) => this.take(vvUnpack(message, buffers)));
  }

  /** From when to when is looked at. @returns {[number, number]} */
  get shown() {
    return this.plot.zoom ?? this.plot.whole;
  }

  /** Look at a stretch; all of it when it is as long. @param {number} start_ms @param {number} end_ms */
  to(start_ms, end_ms) {
    const [first, last] = this.plot.whole;
    const length = Math.max(end_ms - start_ms, VV_CLOSEST_MS);
    if (length >= last - first) return this.reset();
    const start = Math.min(Math.max(start_ms, first), last - length);
    this.plot.zoom = [start, start + length];
    this.plot.redraw();
    this.ask();
  }

  /** Look closer or from farther around an instant. @param {number} factor @param {number} [around] */
  by(factor, around) {
    const [start, end] = this.shown;
    const middle = around !== undefined && around >= start && around <= end ? around : (start + end) / 2;
    this.to(middle - (middle - start) * factor, middle + (end - middle) * factor);
  }

  /** Move what is looked at by a part of its length. @param {number} part */
  pan(part) {
    const [start, end] = this.shown;
    if (this.plot.zoom) this.to(start + (end - start) * part, end + (end - start) * part);
  }

  /** Look at all of it again. */
  reset() {
    this.plot.zoom = null;
    this.plot.detail = null;
    this.seq += 1;
    this.plot.redraw();
    this.plot.onPlaced?.();
  }

  /** Ask for the detail of the whole where the pixels can show more than the first picture has. */
  askIfRough() {
    const points = this.plot.zooms ? (this.plot.line("measured")?.x.length ?? 0) : 0;
    const width = this.plot.scale()?.width ?? 0;
    if (points < VV_ROUGH_POINTS || points > width * VV_POINTS_PER_PX || this.askedWidth === width) return;
    this.askedWidth = width;
    this.ask();
  }

  /** Ask for the detail of what is looked at, or once the last answer is here. */
  ask() {
    this.wanted = true;
    const scale = this.plot.scale();
    if (this.waiting || !scale || !this.plot.zooms) return;
    this.wanted = false;
    this.seq += 1;
    const [start_ms, end_ms] = this.shown;
    this.view.send("cut", { seq: this.seq, start_ms, end_ms, width_px: Math.ceil(scale.width) });
    this.waiting = this.view.after(VV_ANSWER_WITHIN_MS, () => this.goOn());
  }

  goOn() {
    this.waiting?.();
    this.waiting = null;
    if (this.wanted) this.ask();
  }

  /** @param {any} message */
  take({ seq, start_ms, end_ms, lines }) {
    this.goOn();
    if (seq !== this.seq) return; // of something no longer looked at
    if (this.plot.zoom) this.plot.detail = { start_ms, end_ms, lines: new Map(lines.map((/** @type {VineLine} */ line) => [line.uid, line])) };
    else this.plot.replaceLines(lines);
    this.plot.redraw({ now: true });
  }
}

/** Marking a stretch, by pointer or keys, to have it analysed. */
class VineBrush {
  /** @param {VineView} view @param {VinePlot} plot @param {VineZoom} zoom */
  constructor(view, plot, zoom) {
    this.view = view;
    this.plot = plot;
    this.zoom = zoom;
    this.seq = 0;
    /** @type {[number, number] | null} from where it was begun to where it was drawn */
    this.stretch = null;
    this.band = vvNode("div", { class: "vv-plot-band", "aria-hidden": "true", hidden: true });
    this.heading = vvNode("span", { class: "vv-selection-heading" });
    this.tiles = vvNode("div", { class: "vv-tiles", role: "list", "aria-label": "Figures of the marked stretch" });
    this.said = vvNode("div", { class: "vv-sr", role: "status" });
    const closer = vvNode("button", { type: "button", class: "vv-chart-button", title: "Zoom to the marked stretch" }, "Zoom to it");
    view.listen(closer, "click", () => this.stretch && this.zoom.to(...vvOrdered(this.stretch)));
    const close = vvButton("close", "Clear the marked stretch", () => this.clear(), view);
    this.el = vvNode("section", { class: "vv-selection", hidden: true, "aria-label": "Marked stretch" }, vvNode("div", { class: "vv-selection-head" }, this.heading, closer, close), this.tiles, this.said);
    plot.el.append(this.band);
    view.on("selection", (message) => this.take(message));
    view.listen(window, VV_ZONE_CHANGED, () => this.name());
    this.listen();
  }

  /** @param {number} start_ms @param {number} end_ms */
  mark(start_ms, end_ms) {
    this.stretch = [start_ms, end_ms];
    this.place();
  }

  /** Have what is marked analysed. */
  analyse() {
    if (!this.stretch || this.stretch[0] === this.stretch[1]) return;
    const [start_ms, end_ms] = vvOrdered(this.stretch);
    this.seq += 1;
    this.el.setAttribute("data-waiting", "");
    this.el.hidden = false;
    this.name();
    this.view.send("select", { seq: this.seq, start_ms, end_ms });
  }

  clear() {
    this.stretch = null;
    this.seq += 1;
    this.el.hidden = true;
    this.tiles.replaceChildren();
    this.said.textContent = "";
    this.place();
  }

  /** @param {any} message */
  take({ seq, tiles, summary }) {
    if (seq !== this.seq || !this.stretch) return;
    this.el.removeAttribute("data-waiting");
    this.tiles.replaceChildren(...tiles.map(vvTile));
    this.said.textContent = summary;
  }

  name() {
    if (!this.stretch) return;
    const [start, end] = vvOrdered(this.stretch);
    const until = vvWhen(end).slice(vvWhen(start).slice(0, 10) === vvWhen(end).slice(0, 10) ? 11 : 0);
    vvText(this.heading, `${vvWhen(start)} to ${until} ${vvZoneName(vvZone())}, ${vvLasting((end - start) / 1000)}`);
  }

  place() {
    const scale = this.plot.scale();
    const [start, end] = this.stretch && scale ? vvOrdered(this.stretch).map(scale.toPixel) : [0, 0];
    const left = scale ? Math.max(start, scale.left) : 0;
    const right = scale ? Math.min(end, scale.left + scale.width) : 0;
    this.band.hidden = !scale || right <= left;
    if (!scale || this.band.hidden) return;
    Object.assign(this.band.style, { left: `${left}px`, width: `${right - left}px`, top: `${scale.top}px`, height: `${scale.height}px` });
  }

  /** Dragging marks while marking is on, or with Shift held. */
  listen() {
    let from = NaN;
    const { view, plot } = this;
    const at = (/** @type {PointerEvent} */ event) => {
      const scale = plot.scale();
      const x = event.clientX - plot.el.getBoundingClientRect().left;
      return scale ? scale.toTime(Math.min(Math.max(x, scale.left), scale.left + scale.width)) : NaN;
    };
    const begins = (/** @type {MouseEvent} */ event) => {
      const [scale, box] = [plot.scale(), plot.el.getBoundingClientRect()];
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const inside = scale && x >= scale.left && x <= scale.left + scale.width && y >= scale.top && y <= scale.top + scale.height;
      return inside && plot.zooms && event.button === 0 && (plot.brushing || event.shiftKey);
    };
    view.listen(plot.el, "pointerdown", (event) => begins(event) && (from = at(event)), { capture: true });
    view.listen(plot.el, "mousedown", (event) => begins(event) && event.stopPropagation(), { capture: true });
    view.listen(window, "pointermove", (event) => Number.isFinite(from) && this.mark(from, at(event)));
    view.listen(window, "pointercancel", () => (from = NaN));
    view.listen(window, "pointerup", (event) => {
      if (!Number.isFinite(from)) return;
      const [start, end] = vvOrdered([from, at(event)]);
      from = NaN;
      if (end - start < VV_CLOSEST_MS) return this.clear();
      this.mark(start, end);
      this.analyse();
    });
  }
}

/** @param {[number, number]} pair @returns {[number, number]} */
function vvOrdered([one, other]) {
  return one <= other ? [one, other] : [other, one];
}

/** How long, in words. @param {number} seconds */
function vvLasting(seconds) {
  const parts = [[Math.floor(seconds / 86400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "min"], [Math.round(seconds) % 60, "s"]];
  const said = parts.filter(([count]) => count).slice(0, 2).map(([count, unit]) => `${count} ${unit}`);
  return said.join(" ") || `${seconds.toFixed(2)} s`;
}
