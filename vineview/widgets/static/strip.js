// @ts-check
// The strip: the videos around the current one, each with its live state in icon, words and colour.

/**
 * @typedef {{id: string, index: number, title: string, state: string, facts: string[],
 *   badge: {icon: string, text: string, tone: string}, retry_in_s: number | null,
 *   in_window: boolean, is_held: boolean}} StripItem
 * @typedef {{index: number, total: number, current_id: string | null, items: StripItem[], status: string,
 *   breaker: {text: string, open_s: number} | null}} StripDocument
 */

class VineStrip {
  /**
   * @param {VineView} view
   * @param {{pick: (item: StripItem) => void, label?: string, titles?: boolean}} options
   */
  constructor(view, { pick, label = "Videos around the current one", titles = false }) {
    this.view = view;
    this.pick = pick;
    this.titles = titles; // a sheet: titles under the pictures, and rows
    this.opensAt = 0; // when the circuit breaker lets loads through, on performance.now()'s clock
    /** @type {Map<string, HTMLElement>} */
    this.cells = new Map();
    /** @type {Map<string, StripItem>} */
    this.items = new Map();
    /** @type {Map<string, number>} when each retry is due, on performance.now()'s clock */
    this.dueAt = new Map();
    /** @type {Map<string, string>} */
    this.posters = new Map();
    this.currentId = "";
    this.tipOf = ""; // the video the tip tells of
    this.width = 0;
    this.list = vvNode("ol", { class: "vv-strip-list", "aria-label": label });
    this.tip = vvNode("div", { class: "vv-tip", role: "tooltip", id: `vv-tip-${view.id}`, hidden: true });
    this.breaker = vvNode("div", { class: "vv-breaker", role: "status", hidden: true });
    this.breakerWords = vvNode("span");
    this.breakerLeft = vvNode("span", { class: "vv-breaker-left", "aria-hidden": "true" });
    this.breaker.append(vvIcon("stop"), this.breakerWords, this.breakerLeft);
    this.status = vvNode("div", { class: "vv-status" });
    this.el = vvNode("div", { class: "vv-strip" }, this.breaker, this.list, this.status, this.tip);
    view.listen(this.list, "keydown", (event) => this.onKey(event));
    view.listen(this.list, "scroll", () => this.placeTip());
    view.listen(window, "resize", () => this.placeTip());
    const widths = new ResizeObserver(view.guarded(() => this.resized()));
    widths.observe(this.list);
    view.own(() => widths.disconnect());
    view.listen(window, "keydown", (event) => event.key === "Escape" && this.hideTip(), { capture: true });
    view.every(1000, () => this.countDown());
  }

  /** @param {StripDocument} shown @param {string} currentId the current video as the view has it */
  update(shown, currentId) {
    const wanted = new Set(shown.items.map((item) => item.id));
    for (const [id, cell] of this.cells) {
      if (wanted.has(id)) continue;
      cell.remove();
      this.cells.delete(id);
      this.items.delete(id);
      this.dueAt.delete(id);
    }
    shown.items.forEach((item, place) => {
      const cell = this.cells.get(item.id) ?? this.makeCell(item);
      this.items.set(item.id, item);
      if (item.retry_in_s === null) this.dueAt.delete(item.id);
      else this.dueAt.set(item.id, performance.now() + item.retry_in_s * 1000);
      this.fill(cell, item);
      if (this.list.children[place] !== cell) this.list.insertBefore(cell, this.list.children[place] ?? null);
    });
    this.mark(currentId);
    if (!this.tip.hidden) this.showTip(this.tipOf);
    this.breaker.hidden = !shown.breaker;
    this.opensAt = performance.now() + 1000 * (shown.breaker?.open_s ?? 0);
    vvText(this.breakerWords, shown.breaker?.text ?? "");
    vvText(this.status, this.titles ? "" : shown.status);
    this.drawBreaker();
  }

  drawBreaker() {
    const seconds = Math.ceil((this.opensAt - performance.now()) / 1000);
    vvText(this.breakerLeft, seconds > 0 ? vvClock(seconds) : "");
  }

  /** Show which video is the current one. @param {string} id */
  mark(id) {
    const moved = this.currentId !== id;
    this.currentId = id;
    for (const [each, cell] of this.cells) {
      const button = /** @type {HTMLElement} */ (cell.firstElementChild);
      vvSet(button, "aria-current", each === id ? "true" : null);
      button.tabIndex = each === id || (!this.cells.has(id) && cell === this.list.firstElementChild) ? 0 : -1;
    }
    if (moved) this.reveal(id);
  }

  /** @param {string} id @param {string} url */
  setPoster(id, url) {
    this.posters.set(id, url);
    const cell = this.cells.get(id);
    const item = this.items.get(id);
    if (cell && item) this.fill(cell, item);
  }

  /** @param {string} id */
  dropPoster(id) {
    this.posters.delete(id);
  }

  /** @param {StripItem} item */
  makeCell(item) {
    const button = vvNode(
      "button",
      { type: "button", class: "vv-cell-button", "aria-describedby": this.tip.id },
      vvNode("span", { class: "vv-thumb" }),
      vvNode("span", { class: "vv-badge" }),
      this.titles ? vvNode("span", { class: "vv-cell-title" }) : null,
    );
    const cell = vvNode("li", { class: "vv-cell" }, button);
    const id = item.id;
    button.addEventListener("click", this.view.guarded(() => {
      const known = this.items.get(id);
      if (known) this.pick(known);
    }));
    for (const type of ["pointerenter", "focus"]) button.addEventListener(type, () => this.showTip(id));
    for (const type of ["pointerleave", "blur"]) button.addEventListener(type, () => this.hideTip());
    this.cells.set(id, cell);
    return cell;
  }

  /** @param {HTMLElement} cell @param {StripItem} item */
  fill(cell, item) {
    const button = /** @type {HTMLElement} */ (cell.firstElementChild);
    const [thumb, badge, title] = /** @type {HTMLElement[]} */ ([...button.children]);
    const words = this.words(item);
    vvSet(button, "aria-label", `${item.index + 1}. ${item.title}: ${words}`);
    vvSet(cell, "data-state", item.state);
    vvSet(cell, "data-window", item.in_window);
    vvSet(cell, "data-held", item.is_held);
    if (title) vvText(title, item.title);
    const poster = this.posters.get(item.id) ?? "";
    const key = `${item.index}|${poster}`;
    if (thumb.dataset.key !== key) {
      thumb.dataset.key = key;
      thumb.replaceChildren(
        poster ? vvNode("img", { src: poster, alt: "", draggable: "false" }) : vvIcon("film"),
        vvNode("span", { class: "vv-number" }, String(item.index + 1)),
      );
    }
    const face = `${item.badge.icon}|${words}|${item.badge.tone}`;
    if (badge.dataset.face === face) return;
    badge.dataset.face = face;
    vvSet(badge, "data-tone", item.badge.tone);
    badge.replaceChildren(vvIcon(item.badge.icon), vvNode("span", {}, words));
  }

  /** The badge's words, with the seconds to a retry counted here rather than sent. @param {StripItem} item */
  words(item) {
    const due = this.dueAt.get(item.id);
    if (due === undefined) return item.badge.text;
    return `Retry in ${Math.max(0, Math.ceil((due - performance.now()) / 1000))} s`;
  }

  countDown() {
    this.drawBreaker();
    for (const id of this.dueAt.keys()) {
      const cell = this.cells.get(id);
      const item = this.items.get(id);
      if (cell && item) this.fill(cell, item);
    }
  }

  /** Another width, or none and one again, puts other cells in sight: keep the current one there. */
  resized() {
    const width = this.list.clientWidth;
    if (width && width !== this.width) this.reveal(this.currentId, true);
    this.width = width;
  }

  /** Scroll only the strip, never the notebook. @param {string} id @param {boolean} [atOnce] */
  reveal(id, atOnce) {
    const cell = this.cells.get(id);
    if (!cell) return;
    const top = cell.offsetTop - (this.list.clientHeight - cell.offsetHeight) / 2;
    const left = cell.offsetLeft - (this.list.clientWidth - cell.offsetWidth) / 2;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.list.scrollTo({ left, top, behavior: calm || atOnce ? "auto" : "smooth" });
  }

  /** @param {string} id */
  showTip(id) {
    const item = this.items.get(id);
    this.tip.hidden = !item;
    if (!item) return;
    this.tipOf = id;
    const words = [`${item.index + 1}. ${item.title}`, ...item.facts];
    const key = words.join("\n");
    if (this.tip.dataset.key !== key) {
      this.tip.dataset.key = key;
      this.tip.replaceChildren(...words.map((each, place) => vvNode(place ? "span" : "strong", {}, each)));
    }
    this.placeTip();
  }

  /** Keep the tip over its cell, or under it where the widget ends; out of sight while the cell is. */
  placeTip() {
    const cell = this.cells.get(this.tipOf);
    if (this.tip.hidden || !cell) return;
    const { list, tip } = this;
    const [left, top] = [cell.offsetLeft - list.scrollLeft, cell.offsetTop - list.scrollTop];
    const [middle, height] = [left + cell.offsetWidth / 2, top + cell.offsetHeight / 2];
    const inSight = middle > 0 && middle < list.clientWidth && height > 0 && height < list.clientHeight;
    const room = this.el.clientWidth - tip.offsetWidth;
    tip.style.visibility = inSight ? "" : "hidden";
    tip.style.left = `${Math.max(0, Math.min(middle - tip.offsetWidth / 2, room))}px`;
    const above = list.offsetTop + top - 4 - tip.offsetHeight;
    const start = this.view.el.getBoundingClientRect().top - this.el.getBoundingClientRect().top;
    const below = Math.min(list.offsetTop + top + cell.offsetHeight, this.el.clientHeight - tip.offsetHeight);
    tip.style.top = `${above >= start ? above : Math.max(start, below)}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  /** How many cells stand in the first row. */
  perRow() {
    const cells = /** @type {HTMLElement[]} */ ([...this.list.children]);
    return cells.filter((cell) => cell.offsetTop === cells[0].offsetTop).length;
  }

  /** Left and right move between videos without going there; Enter goes. @param {KeyboardEvent} event */
  onKey(event) {
    const row = this.titles ? this.perRow() : 0;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
    if (!step) return;
    const buttons = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll("button")]);
    const place = buttons.indexOf(/** @type {HTMLElement} */ (event.target));
    const next = buttons[place + step];
    if (!next) return;
    event.preventDefault();
    next.focus({ preventScroll: true });
    this.reveal([...this.cells].find(([, cell]) => cell === next.parentElement)?.[0] ?? "");
  }
}
