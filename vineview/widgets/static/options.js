// @ts-check
// Options: what a person chooses here and Python may choose too, sound, speed, loop and height.
// They are synced traits: a choice goes to the trait, and the trait's change applies it.

class VineOptions {
  /** @param {VineView} view @param {VineStage} stage @param {HTMLElement} stageBox @param {() => void} changed */
  constructor(view, stage, stageBox, changed) {
    this.model = view.model;
    this.stage = stage;
    this.stageBox = stageBox;
    this.changed = changed;
    stage.wantsPlay = this.autoplay;
    stage.muted = this.model.get("muted");
    stage.rate = this.model.get("speed");
    this.applyHeight();
    view.watch("change:muted", () => this.applyMuted(this.model.get("muted")));
    view.watch("change:speed", () => this.applySpeed());
    view.watch("change:loop", () => this.changed());
    view.watch("change:height", () => this.applyHeight());
  }

  get autoplay() {
    return this.model.get("autoplay");
  }

  get loop() {
    return this.model.get("loop");
  }

  /** @param {"muted" | "speed" | "loop"} name @param {any} value */
  choose(name, value) {
    if (name === "muted") this.applyMuted(value); // a browser that refused sound left the trait as it was
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** @param {boolean} muted */
  applyMuted(muted) {
    this.stage.muted = muted;
    if (this.stage.video) this.stage.video.muted = muted;
    this.changed();
  }

  applySpeed() {
    this.stage.rate = this.model.get("speed");
    if (this.stage.video) this.stage.video.playbackRate = this.stage.rate;
    this.changed();
  }

  applyHeight() {
    this.stageBox.style.height = `${this.model.get("height")}px`;
  }
}
