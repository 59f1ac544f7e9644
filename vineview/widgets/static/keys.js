// @ts-check
// The chart without a mouse: a readout that moves along the line, and the keys and buttons that do
// what dragging does.

const VV_CHART_KEYS = [
  ["← →", "move the readout; with Ctrl ten at a time, with Shift mark a stretch"],
  ["Home End", "to the first, to the last point shown"],
  ["+ −", "look closer, from farther"],
  ["Page up, down", "move along, zoomed in"],
  ["0", "all of it; a double click too"],
  ["a", "drag to mark a stretch, or to zoom; Shift and drag marks too"],
  ["u", "UTC or local time"],
  ["Esc", "close this list, clear the mark, then the readout"],
];

class VineKeys {
  /** @param {VineView} view @param {VinePlot} plot @param {VineZoom} zoom @param {VineBrush} brush */
  constructor(view, plot, zoom, brush) {
    this.view = view;
    this.plot = plot;
    this.zoom = zoom;
    this.brush = brush;
    /** @type {number | null} */
    this.at = null;
    this.rule = vvNode("div", { class: "vv-plot-rule", "aria-hidden": "true", hidden: true });
    this.reading = vvNode("div", { class: "vv-reading", role: "status" });
    this.drags = this.button("Drag: zoom", "What dragging does: zoom in, or mark a stretch to analyse (a)", () => this.toggleBrush());
    this.zone = this.button("UTC", "Read time in UTC or in local time (u)", () => this.toggleZone());
    const keys = vvNode("dl", { class: "vv-chart-keys", hidden: true, id: `vv-keys-${view.id}` }, ...VV_CHART_KEYS.flatMap(([key, does]) => [vvNode("dt", {}, key), vvNode("dd", {}, does)]));
    this.help = this.button("?", "Keys of this chart (?)", () => this.toggleHelp());
    vvSet(this.help, "aria-controls", keys.id);
    vvSet(this.help, "aria-expanded", "false");
    this.keys = keys;
    const closer = this.button("+", "Look closer (+)", () => this.zoom.by(0.5, this.at ?? undefined));
    const farther = this.button("−", "Look from farther (-)", () => this.zoom.by(2, this.at ?? undefined));
    this.all = this.button("All", "Look at all of it (0)", () => this.zoom.reset());
    const tools = vvNode("div", { class: "vv-chart-tools", role: "toolbar", "aria-label": "Chart" }, this.drags, farther, closer, this.all, this.zone, this.help);
    this.bar = vvNode("div", { class: "vv-chart-bar", hidden: true }, this.reading, tools);
    plot.el.append(this.rule);
    plot.onPlaced = () => this.place();
    const takes = plot.onFigure;
    plot.onFigure = () => {
      takes?.();
      this.offer();
    };
    view.listen(window, VV_ZONE_CHANGED, () => this.showZone());
    view.listen(window, "keydown", (event) => this.press(event), { capture: true }); // before the notebook
    view.keepKeys(); // what it has no use for is not for the cell
    this.showZone();
  }

  /** @param {string} text @param {string} title @param {() => void} press */
  button(text, title, press) {
    const label = text.length > 1 ? null : title; // words are a name of their own, signs are not
    const button = vvNode("button", { type: "button", class: "vv-chart-button", title, "aria-label": label }, text);
    this.view.listen(button, "click", press);
    return button;
  }

  /** Show the tools once there is something to look at. */
  offer() {
    const { el, zooms, figure } = this.plot;
    this.bar.hidden = !zooms || !figure;
    if (this.bar.hidden) return;
    vvSet(el, "tabindex", "0");
    vvSet(el, "role", "group");
    vvSet(el, "aria-roledescription", "chart");
    vvSet(el, "aria-label", "Chart: arrow keys read it point by point, ? lists all keys");
  }

  toggleBrush() {
    this.plot.brushing = !this.plot.brushing;
    vvText(this.drags, this.plot.brushing ? "Drag: analyse" : "Drag: zoom");
    vvSet(this.plot.el, "data-brushing", this.plot.brushing);
    this.plot.redraw();
  }

  toggleZone() {
    vvSetZone(vvZone() === "utc" ? "local" : "utc");
  }

  showZone() {
    vvText(this.zone, vvZone() === "utc" ? "UTC" : "Local");
    this.read();
  }

  toggleHelp() {
    this.keys.hidden = !this.keys.hidden;
    vvSet(this.help, "aria-expanded", String(!this.keys.hidden));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const target = /** @type {Element} */ (event.target);
    if (!this.plot.el.contains(target) && !this.bar.contains(target)) return;
    if (event.metaKey || event.altKey || this.bar.hidden) return;
    const by = event.ctrlKey ? 10 : 1;
    /** @type {Record<string, () => void>} */
    const acts = {
      ArrowRight: () => this.step(by, event.shiftKey),
      ArrowLeft: () => this.step(-by, event.shiftKey),
      Home: () => this.step(-Infinity, event.shiftKey),
      End: () => this.step(Infinity, event.shiftKey),
      PageUp: () => this.zoom.pan(-0.5),
      PageDown: () => this.zoom.pan(0.5),
      "+": () => this.zoom.by(0.5, this.at ?? undefined),
      "=": () => this.zoom.by(0.5, this.at ?? undefined),
      "-": () => this.zoom.by(2, this.at ?? undefined),
      0: () => this.zoom.reset(),
      a: () => this.toggleBrush(),
      u: () => this.toggleZone(),
      "?": () => this.toggleHelp(),
      Escape: () => this.escape(),
    };
    const act = acts[event.key];
    if (!act || (event.ctrlKey && !event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  escape() {
    if (!this.keys.hidden) return this.toggleHelp();
    if (this.brush.stretch) return this.brush.clear();
    this.at = null;
    this.read();
  }

  /** The instants of the points shown. */
  points() {
    const line = this.plot.line("measured");
    const [start, end] = this.zoom.shown;
    return line ? [...line.x].filter((at, place) => at >= start && at <= end && !Number.isNaN(line.y[place])) : [];
  }

  /** Move the readout along the line. @param {number} by @param {boolean} marks */
  step(by, marks) {
    const points = this.points();
    if (!points.length) return;
    const here = this.at === null ? -1 : vvNearest(points, this.at);
    const to = here < 0 && Math.abs(by) < points.length ? (by > 0 ? 0 : points.length - 1) : Math.min(Math.max(here + by, 0), points.length - 1);
    const was = this.at;
    this.at = points[to];
    this.read();
    if (!marks || was === null) return;
    this.brush.mark(this.brush.stretch ? this.brush.stretch[0] : was, this.at);
    this.settled?.();
    this.settled = this.view.after(250, () => this.brush.analyse());
  }

  /** Say what the lines show where the readout stands. */
  read() {
    const parts = this.at === null ? [] : [`${vvWhen(this.at)} ${vvZoneName(vvZone())}`, ...this.values(this.at)];
    vvText(this.reading, parts.join(" · "));
    this.place();
  }

  /** @param {number} at_ms */
  values(at_ms) {
    const said = [];
    for (const [uid, words] of [["measured", "MB measured"], ["estimate", "MB estimated"], ["controllers", "controllers"]]) {
      const line = this.plot.line(uid);
      if (!line?.x.length) continue;
      const value = line.y[uid === "measured" ? vvNearest(line.x, at_ms) : vvLastUntil(line.x, at_ms)];
      if (Number.isFinite(value)) said.push(`${uid === "measured" ? value.toFixed(1) : value.toFixed(0)} ${words}`);
    }
    return said;
  }

  /** Put the rule and the mark where the axes have them now. */
  place() {
    this.brush.place();
    const scale = this.plot.scale();
    const x = scale && this.at !== null ? scale.toPixel(this.at) : NaN;
    this.rule.hidden = !(scale && x >= scale.left - 1 && x <= scale.left + scale.width + 1);
    vvSet(this.all, "disabled", !this.plot.zoom);
    if (scale && !this.rule.hidden) Object.assign(this.rule.style, { left: `${x}px`, top: `${scale.top}px`, height: `${scale.height}px` });
  }
}

/** Where in ascending instants the last not after `at` is, or the first. @param {ArrayLike<number>} instants @param {number} at */
function vvLastUntil(instants, at) {
  let [low, high] = [0, instants.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (instants[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

/** Where in ascending instants the nearest to `at` is. @param {ArrayLike<number>} instants @param {number} at */
function vvNearest(instants, at) {
  const place = vvLastUntil(instants, at);
  return place + 1 < instants.length && instants[place + 1] - at < at - instants[place] ? place + 1 : place;
}
