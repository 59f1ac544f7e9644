// @ts-check
// The finer controls: picture by picture, speed, loop, and the keys for all of them.

const VV_RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const VV_KEYS = [
  ["↓ → j", "next video"],
  ["↑ ← k", "previous video"],
  ["space", "play, pause"],
  [", .", "one picture back, on"],
  ["< >", "slower, faster"],
  ["l", "begin again at the end, or stop"],
  ["m", "sound on, off"],
  ["?", "these keys"],
];

class VineControls {
  /**
   * @param {VineView} view
   * @param {{step: (by: number) => void, rate: (rate: number) => void, loop: (loop: boolean) => void}} actions
   */
  constructor(view, actions) {
    this.view = view;
    this.actions = actions;
    this.rate = 1;
    this.loops = true;
    this.back = vvButton("back", "One picture back (,)", () => actions.step(-1), view);
    this.on = vvButton("on", "One picture on (.)", () => actions.step(1), view);
    this.rates = /** @type {HTMLSelectElement} */ (vvNode("select", { class: "vv-rate", "aria-label": "Speed", title: "Speed (< and >)" }));
    this.loop = vvButton("loop", "Loop (l)", () => actions.loop(!this.loops), view);
    this.ask = vvButton("help", "Keys (?)", () => this.toggleHelp(), view);
    for (const button of [this.back, this.on]) button.classList.add("vv-step");
    this.el = vvNode("div", { class: "vv-finer" }, this.back, this.on, this.rates, this.loop, this.ask);
    const rows = VV_KEYS.map(([keys, words]) => vvNode("div", { class: "vv-help-row", role: "listitem" }, vvNode("span", { class: "vv-keys" }, ...keys.split(" ").map((key) => vvNode("span", { class: "vv-key" }, key))), vvNode("span", {}, words)));
    this.close = vvButton("close", "Close", () => this.toggleHelp(), view);
    this.help = vvNode("div", { class: "vv-help", role: "dialog", "aria-label": "Keys", tabindex: "-1", hidden: true }, this.close, vvNode("div", { class: "vv-help-rows", role: "list" }, ...rows));
    view.listen(this.rates, "change", () => actions.rate(Number(this.rates.value)));
    view.listen(this.help, "keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.toggleHelp();
    });
    this.draw(1, true);
  }

  /** @param {number} rate @param {boolean} loops */
  draw(rate, loops) {
    this.loops = loops;
    vvSet(this.loop, "aria-pressed", String(loops));
    if (this.rates.value === String(rate)) return;
    this.rate = rate;
    const offered = VV_RATES.includes(rate) ? VV_RATES : [...VV_RATES, rate].sort((a, b) => a - b);
    this.rates.replaceChildren(...offered.map((each) => vvNode("option", { value: each }, `${each}×`)));
    this.rates.value = String(rate);
  }

  /** @param {number} way */
  shift(way) {
    const next = way > 0 ? VV_RATES.find((each) => each > this.rate) : VV_RATES.findLast((each) => each < this.rate);
    if (next) this.actions.rate(next);
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    if (this.help.hidden) this.ask.focus({ preventScroll: true });
    else this.close.focus({ preventScroll: true });
  }
}
