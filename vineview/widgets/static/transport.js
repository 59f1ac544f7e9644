// @ts-check
// The transport bar: play, seek, speed, clock. The kernel drives the replay and reports where it is
// at most four times a second; between reports the page moves the playhead on by itself.

/**
 * @typedef {{id: string, at_ms: number, ended_ms: number | null, severity: string, message: string}} VineCrossing
 */

const VV_SPEEDS = [1, 2, 10, 60, 300, 1000];
const VV_SEEK_EVERY_MS = 100;
const VV_TRUST_MS = 1500;
const VV_MAX_MARKS = 200;

class VineTransport {
  /** @param {VineView} view @param {(position_s: number) => void} moved called with every position shown */
  constructor(view, moved) {
    this.view = view;
    this.moved = moved;
    this.startMs = 0;
    this.durationS = 0;
    this.base = { position_s: 0, speed: 1, playing: false, heardAt: performance.now() };
    this.sequence = 0;
    this.shownS = 0;
    this.playButton = vvButton("play", "Play", () => this.toggle(), view);
    this.playButton.classList.add("vv-transport-play");
    this.slider = /** @type {HTMLInputElement} */ (
      vvNode("input", { type: "range", class: "vv-slider", min: 0, max: 1, step: "any", value: 0, "aria-label": "Position in the recording" })
    );
    this.marks = vvNode("div", { class: "vv-slider-marks", "aria-hidden": "true" });
    this.clock = vvNode("span", { class: "vv-transport-clock" });
    this.instant = vvNode("span", { class: "vv-transport-instant" });
    this.speeds = /** @type {HTMLSelectElement} */ (vvNode("select", { class: "vv-speed", "aria-label": "Speed" }));
    this.setSpeeds(1);
    const track = vvNode("div", { class: "vv-slider-box" }, this.slider, this.marks);
    const times = vvNode("div", { class: "vv-transport-times" }, this.clock, this.instant);
    const speed = vvNode("label", { class: "vv-speed-box" }, vvNode("span", {}, "Speed"), this.speeds);
    const row = vvNode("div", { class: "vv-transport-row" }, this.playButton, times, speed);
    this.el = vvNode("div", { class: "vv-transport" }, track, row);
    view.listen(this.slider, "input", () => this.seek(Number(this.slider.value), false));
    view.listen(this.slider, "change", () => this.seek(Number(this.slider.value), true));
    view.listen(this.slider, "keydown", (event) => this.onKey(event));
    view.listen(this.speeds, "change", () => view.send("speed", { value: Number(this.speeds.value) }));
  }

  /** @param {number} startMs @param {number} durationS @param {VineCrossing[]} crossings */
  setRecording(startMs, durationS, crossings) {
    this.startMs = startMs;
    this.durationS = durationS;
    this.slider.max = String(Math.max(durationS, 0.001));
    const place = (/** @type {number} */ at) => `${((100 * (at - startMs)) / 1000 / Math.max(durationS, 0.001)).toFixed(3)}%`;
    const marks = crossings.slice(0, VV_MAX_MARKS).map((crossing) => vvNode("i", { "data-severity": crossing.severity, style: `left:${place(crossing.at_ms)}` }));
    this.marks.replaceChildren(...marks);
    this.show(this.shownS);
  }

  /** Where the kernel says the playhead is. @param {VineMessage} message */
  hear(message) {
    const { position_s, speed, playing } = message;
    const answered = message.answers?.[this.view.id] ?? this.sequence;
    if (answered < this.sequence) return; // said before the last seek reached the kernel
    this.base = { position_s, speed, playing, heardAt: performance.now() };
    this.setSpeeds(speed);
    vvRelabel(this.playButton, playing ? "pause" : "play", playing ? "Pause" : "Play");
    vvSet(this.el, "data-playing", playing);
    this.show(position_s);
    if (playing) this.glide();
  }

  /** Move on with every frame, as far as the last report can be trusted. */
  glide() {
    if (this.gliding) return;
    this.gliding = true;
    const step = () => {
      if (this.view.closed || !this.base.playing) {
        this.gliding = false;
        return;
      }
      const passedMs = Math.min(performance.now() - this.base.heardAt, VV_TRUST_MS);
      this.show(Math.min(this.base.position_s + (passedMs / 1000) * this.base.speed, this.durationS));
      requestAnimationFrame(this.view.guarded(step));
    };
    requestAnimationFrame(this.view.guarded(step));
  }

  /** @param {number} position_s */
  show(position_s) {
    this.shownS = position_s;
    const atMs = this.startMs + position_s * 1000;
    const percent = this.durationS ? (100 * position_s) / this.durationS : 0;
    this.slider.value = String(position_s);
    this.slider.style.setProperty("--vv-passed", `${percent.toFixed(2)}%`);
    const clock = `${vvLongClock(position_s)} / ${vvLongClock(this.durationS)}`;
    const instant = vvInstant(atMs);
    if (this.clock.textContent !== clock) this.clock.textContent = clock;
    if (this.instant.textContent !== instant) {
      this.instant.textContent = instant;
      this.slider.setAttribute("aria-valuetext", `${clock}, ${instant}`);
    }
    this.moved(position_s);
  }

  toggle() {
    this.view.send(this.base.playing ? "pause" : "play");
  }

  /** Go there: shown at once, sent at most ten times a second, the last one always. @param {number} position_s @param {boolean} done */
  seek(position_s, done) {
    const wanted = Math.min(Math.max(position_s, 0), this.durationS);
    this.sequence += 1;
    this.base = { ...this.base, position_s: wanted, heardAt: performance.now() };
    this.show(wanted);
    this.wanted = { position_s: wanted, seq: this.sequence };
    if (this.waiting && !done) return;
    this.waiting?.();
    this.sendSeek();
    this.waiting = this.view.after(VV_SEEK_EVERY_MS, () => {
      this.waiting = undefined;
      this.sendSeek();
    });
  }

  sendSeek() {
    if (this.wanted) this.view.send("seek", this.wanted);
    this.wanted = undefined;
  }

  /** Arrows step by half a percent or a sample's time, with shift by five percent. @param {KeyboardEvent} event */
  onKey(event) {
    const small = Math.max(this.durationS / 200, Math.min(30, this.durationS / 20));
    const step = event.shiftKey ? this.durationS / 20 : small;
    const way = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: this.durationS / 10, PageDown: -this.durationS / 10 }[event.key];
    if (event.key === " ") this.toggle();
    else if (way !== undefined) this.seek(this.shownS + way, true);
    else return;
    event.preventDefault();
  }

  /** @param {number} speed */
  setSpeeds(speed) {
    if (this.speeds.value === String(speed)) return;
    const offered = VV_SPEEDS.includes(speed) ? VV_SPEEDS : [...VV_SPEEDS, speed].sort((a, b) => a - b);
    if (this.speeds.options.length !== offered.length || !VV_SPEEDS.includes(speed))
      this.speeds.replaceChildren(...offered.map((each) => vvNode("option", { value: each }, `${each}×`)));
    this.speeds.value = String(speed);
  }
}

/** Seconds as h:mm:ss. @param {number} seconds */
function vvLongClock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** @param {number} ms since 1970 */
function vvInstant(ms) {
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC` : "";
}
