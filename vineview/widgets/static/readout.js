// @ts-check
// The key numbers above a chart: tiles, a line saying how the data comes in, and the numbers as a
// table for those who read rather than look.

/**
 * @typedef {{label: string, value: string, unit: string, note: string, tone: string}} VineTile
 * @typedef {{mode: string, text: string, next_in_s: number | null}} VineStatus
 */

const VV_TONE_ICONS = /** @type {Record<string, string>} */ ({ good: "check", warn: "warning", critical: "warning" });

const VV_UNREAD = "The recording could not be read; below is why. Run the cell again to try again.";

class VineReadout {
  /** @param {VineView} view @param {VinePlot} plot */
  constructor(view, plot) {
    this.view = view;
    this.plot = plot;
    this.nextAt = Infinity;
    this.isReading = false;
    this.unread = false;
    this.title = vvNode("span", { class: "vv-chart-title" });
    this.status = vvNode("span", { class: "vv-chart-status" });
    this.tiles = vvNode("div", { class: "vv-tiles", role: "list", "aria-label": "Key numbers" });
    this.said = vvNode("div", { class: "vv-sr", role: "status" });
    this.table = vvNode("div", { class: "vv-sr" });
    const head = vvNode("div", { class: "vv-chart-head" }, this.title, this.status);
    this.el = vvNode("div", { class: "vv-readout" }, head, this.tiles, this.said);
    view.on("readout", (message) => this.update(message));
    view.on("reading", (message) => {
      this.isReading = message.on;
      vvText(this.title, message.title);
      if (message.on) this.unread = false;
      this.countDown();
    });
    view.on("unread", () => {
      this.unread = true;
      this.countDown();
    });
    view.every(1000, () => this.countDown());
  }

  /** @param {any} message */
  update(message) {
    this.title.textContent = message.title;
    this.shown = /** @type {VineStatus} */ (message.status);
    this.nextAt = this.shown.next_in_s === null ? Infinity : performance.now() + this.shown.next_in_s * 1000;
    this.empty = message.empty;
    this.setTiles(message.tiles);
    this.plot.describe(message.summary);
    if (message.table) this.table.replaceChildren(vvTable(message.table));
    this.countDown();
  }

  /** @param {VineTile[]} tiles */
  setTiles(tiles) {
    const loud = tiles.filter((tile) => ["warn", "critical"].includes(tile.tone)).map((tile) => `${tile.label}: ${tile.value} ${tile.unit} ${tile.note}`);
    const said = loud.map((text) => text.replace(/[\d.,+-]+/g, "")).join();
    if (said !== this.lastSaid) this.said.textContent = loud.join(". ");
    this.lastSaid = said;
    while (this.tiles.children.length > tiles.length) this.tiles.lastElementChild?.remove();
    tiles.forEach((tile, place) => {
      const key = JSON.stringify(tile);
      const old = this.tiles.children[place];
      if (old?.getAttribute("data-key") === key) return;
      const fresh = vvTile(tile);
      fresh.setAttribute("data-key", key);
      if (old) old.replaceWith(fresh);
      else this.tiles.append(fresh);
    });
  }

  countDown() {
    if (!this.shown) {
      vvText(this.status, this.isReading ? "Reading…" : this.unread ? "Not read" : "");
      this.plot.say(this.isReading ? "Reading the recording…" : this.unread ? VV_UNREAD : "", this.isReading);
      return;
    }
    const left = Math.max(0, Math.ceil((this.nextAt - performance.now()) / 1000));
    const counts = Number.isFinite(left);
    vvSet(this.status, "data-mode", this.shown.mode);
    const said = counts && !this.empty ? `${this.shown.text}, next sample in ${left} s` : this.shown.text;
    const text = this.isReading ? `${said}, reading…` : said;
    if (this.status.textContent !== text) this.status.textContent = text;
    this.plot.say(this.empty ? (counts ? `First sample in ${left} s` : this.empty) : "");
  }
}

/** @param {VineTile} tile */
function vvTile(tile) {
  const icon = VV_TONE_ICONS[tile.tone];
  return vvNode(
    "div",
    { class: "vv-tile", role: "listitem", "data-tone": tile.tone },
    vvNode("div", { class: "vv-tile-label", title: tile.label }, tile.label),
    vvNode(
      "div",
      { class: "vv-tile-value" },
      icon ? vvIcon(icon) : null,
      vvNode("span", {}, tile.value),
      tile.unit ? vvNode("span", { class: "vv-tile-unit" }, tile.unit) : null,
    ),
    tile.note ? vvNode("div", { class: "vv-tile-note", title: tile.note }, tile.note) : null,
  );
}

/** @param {{caption: string, head: string[], rows: string[][]}} table */
function vvTable({ caption, head, rows }) {
  const cells = (/** @type {string} */ tag, /** @type {string[]} */ row) => vvNode("tr", {}, ...row.map((text) => vvNode(tag, {}, text)));
  return vvNode("table", {}, vvNode("caption", {}, caption), cells("th", head), ...rows.map((row) => cells("td", row)));
}
