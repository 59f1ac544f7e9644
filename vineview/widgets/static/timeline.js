// @ts-check
// The replayed timeline: chart with a moving cursor, transport, the feed as it then was, and the
// thresholds crossed so far. The chart and the strip are those that show a live manager.

export default vvWidget((view) => {
  const transport = new VineTransport(view, (position_s) => moved(position_s));
  const toPosition = (/** @type {number} */ at_ms) => (at_ms - transport.startMs) / 1000;
  const plot = new VinePlot(view, { seek: (at_ms, done) => transport.seek(toPosition(at_ms), done) });
  const readout = new VineReadout(view, plot);
  const strip = new VineStrip(view, { pick: (item) => view.send("pick", { video_id: item.id }), label: "The feed at this time" });
  const list = new VineCrossings((at_ms) => transport.seek(toPosition(at_ms), true), view);
  const feed = vvNode("section", { class: "vv-timeline-feed", hidden: true }, vvNode("h4", { class: "vv-timeline-heading" }, "Feed at this time"), strip.el);

  plot.onDrawn = (scale) => {
    view.el.style.setProperty("--vv-plot-left", `${scale.left}px`);
    view.el.style.setProperty("--vv-plot-right", `${plot.el.clientWidth - scale.left - scale.width}px`);
  };
  view.el.classList.add("vv-timeline");
  view.keepKeys(); // arrows seek, not select cells
  view.on("timeline", (message) => {
    list.setAll(message.crossings, message.total);
    transport.setRecording(message.start_ms, message.duration_s, message.crossings);
  });
  view.on("position", (message) => {
    readout.setTiles(message.tiles);
    transport.hear(message);
  });
  view.on("strip", (message) => {
    feed.hidden = message.document.total === 0;
    strip.update(message.document, message.document.current_id ?? "");
  });

  /** @param {number} position_s */
  function moved(position_s) {
    if (!transport.startMs) return;
    const at_ms = transport.startMs + position_s * 1000;
    plot.setCursor(at_ms);
    list.moveTo(at_ms);
  }

  view.el.append(readout.el, plot.el, transport.el, feed, list.el, readout.table);
});

/** The thresholds crossed up to the playhead, each a way back to its moment. */
class VineCrossings {
  /** @param {(at_ms: number) => void} go @param {VineView} view */
  constructor(go, view) {
    this.go = go;
    this.view = view;
    /** @type {VineCrossing[]} */
    this.all = [];
    /** @type {HTMLElement[]} */
    this.rows = [];
    this.passed = -1;
    this.heading = vvNode("h4", { class: "vv-timeline-heading" }, "Thresholds crossed");
    this.list = vvNode("ol", { class: "vv-crossings-list", role: "log", "aria-label": "Thresholds crossed so far", tabindex: "-1" });
    this.next = vvNode("button", { type: "button", class: "vv-crossings-next" });
    view.listen(this.next, "click", () => this.upcoming && go(this.upcoming.at_ms));
    this.el = vvNode("section", { class: "vv-crossings" }, this.heading, this.list, this.next);
  }

  /** @param {VineCrossing[]} crossings by time @param {number} total */
  setAll(crossings, total) {
    this.all = crossings;
    this.total = total;
    this.rows = crossings.map((crossing) => this.row(crossing));
    this.passed = -1;
    this.list.replaceChildren();
  }

  /** @param {VineCrossing} crossing */
  row(crossing) {
    const button = vvNode(
      "button",
      { type: "button", class: "vv-crossing", "data-severity": crossing.severity, title: "Go to this moment" },
      vvIcon(crossing.severity === "info" ? "circle" : "warning"),
      vvNode("span", { class: "vv-crossing-severity" }, crossing.severity),
      vvNode("time", {}, vvInstant(crossing.at_ms).slice(11, 19)),
      vvNode("span", { class: "vv-crossing-text" }, crossing.message),
      vvNode("span", { class: "vv-crossing-end" }),
    );
    button.addEventListener("click", this.view.guarded(() => this.go(crossing.at_ms)));
    return vvNode("li", {}, button);
  }

  /** @param {number} at_ms */
  moveTo(at_ms) {
    let passed = 0;
    while (passed < this.all.length && this.all[passed].at_ms <= at_ms + 0.5) passed += 1;
    for (let place = 0; place < passed; place += 1) this.markEnd(place, at_ms);
    if (passed === this.passed) return;
    const kept = Math.max(Math.min(this.passed, passed), 0);
    while (this.list.children.length > kept) this.list.firstElementChild?.remove();
    for (const row of this.rows.slice(kept, passed)) this.list.prepend(row);
    this.passed = passed;
    this.heading.textContent = `Thresholds crossed: ${passed} of ${this.total}`;
    this.upcoming = this.all[passed];
    this.next.hidden = !this.upcoming;
    if (this.upcoming) this.next.textContent = `Next: ${this.upcoming.severity} at ${vvInstant(this.upcoming.at_ms).slice(11)}`;
  }

  /** @param {number} place @param {number} at_ms */
  markEnd(place, at_ms) {
    const ended = this.all[place].ended_ms;
    const text = ended !== null && ended <= at_ms ? `ended ${vvInstant(ended).slice(11, 19)}` : "active";
    const end = /** @type {HTMLElement} */ (this.rows[place].querySelector(".vv-crossing-end"));
    if (end.textContent === text) return;
    end.textContent = text;
    vvSet(/** @type {Element} */ (this.rows[place].firstElementChild), "data-active", text === "active");
  }
}
