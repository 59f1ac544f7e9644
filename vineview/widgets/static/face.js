// @ts-check
// The player's face: what is seen, drawn from what the player knows. It decides nothing.

/**
 * @typedef {{toggle: () => void, step: (by: number) => void, mute: (muted: boolean) => void,
 *   seek: (seconds: number) => void, load: () => void, again: () => void}} FaceActions
 * @typedef {{index: number, total: number, item: PlayerItem | undefined, empty: CardDocument | null,
 *   trouble: Trouble | null, note: string, muted: boolean, wantsPlay: boolean, hasPicture: boolean,
 *   isVideo: boolean, waiting: boolean, positionS: number, durationS: number, bufferedS: number,
 *   poster: string, canNavigate: boolean, isAhead: boolean, progress: Progress | null}} FaceState
 */

class VineFace {
  /** @param {VineView} view @param {FaceActions} actions @param {HTMLElement} screens @param {VineControls} finer @param {HTMLElement} strip */
  constructor(view, actions, screens, finer, strip) {
    this.view = view;
    this.actions = actions;
    this.place = vvNode("span", { class: "vv-pill vv-place" });
    this.soundChip = vvNode("button", { type: "button", class: "vv-pill vv-sound", title: "Turn sound on (m)" }, vvIcon("muted"), "Tap for sound");
    this.card = vvNode("div", { class: "vv-card", role: "status", hidden: true });
    this.backdrop = /** @type {HTMLCanvasElement} */ (vvNode("canvas", { class: "vv-backdrop", width: 16, height: 9, "aria-hidden": "true" }));
    this.poster = "";
    this.spinner = vvNode("div", { class: "vv-spinner", hidden: true }, vvIcon("loading"));
    this.bigPlay = vvNode("div", { class: "vv-big-play", hidden: true }, vvIcon("play"));
    this.play = vvButton("play", "Play (space)", actions.toggle, view);
    this.sound = vvButton("muted", "Turn sound on (m)", () => actions.mute(!this.muted), view);
    this.time = vvNode("span", { class: "vv-time" });
    this.range = /** @type {HTMLInputElement} */ (
      vvNode("input", { type: "range", class: "vv-range", min: 0, max: 1, step: "any", value: 0, "aria-label": "Position in the video" })
    );
    this.previous = vvButton("previous", "Previous video (arrow up)", () => actions.step(-1), view);
    this.next = vvButton("next", "Next video (arrow down)", () => actions.step(1), view);
    this.title = vvNode("div", { class: "vv-title" });
    this.meta = vvNode("div", { class: "vv-meta" });
    this.caption = vvNode("div", { class: "vv-caption" });
    this.controls = vvNode("div", { class: "vv-controls" }, this.play, this.sound, this.time, finer.el);
    this.side = vvNode("div", { class: "vv-side" }, this.previous, this.next);
    this.info = vvNode("div", { class: "vv-info" }, this.title, this.meta, this.caption);
    this.progress = vvNode("div", { class: "vv-progress", role: "progressbar", "aria-label": "Converting", "aria-valuemin": 0, "aria-valuemax": 100, hidden: true });
    this.stageBox = vvNode(
      "div",
      { class: "vv-stage" },
      this.backdrop,
      screens,
      this.bigPlay,
      this.spinner,
      this.card,
      vvNode("div", { class: "vv-top" }, this.place, this.soundChip),
      this.side,
      vvNode("div", { class: "vv-bottom" }, this.controls, this.range),
      this.progress,
      finer.help,
    );
    this.muted = true;
    this.drawn = "";
    view.listen(this.soundChip, "click", () => actions.mute(false));
    view.listen(this.range, "input", () => actions.seek(Number(this.range.value)));
    view.listen(screens, "click", actions.toggle);
    view.el.classList.add("vv-player");
    vvSet(view.el, "tabindex", 0);
    vvSet(view.el, "role", "region");
    vvSet(view.el, "aria-label", "Feed player. Arrow keys go through the feed, space plays and pauses, ? shows all keys.");
    view.el.append(this.stageBox, view.noteBox, view.faultBox, this.info, strip); // a trouble is told where one looks
  }

  /** @param {FaceState} state */
  draw(state) {
    this.drawMoving(state);
    const { positionS, bufferedS, ...still } = state;
    const key = JSON.stringify(still);
    if (key === this.drawn) return;
    this.drawn = key;
    this.drawControls(state);
    this.drawCard(state);
    this.drawWords(state);
  }

  /** What moves with the playhead. @param {FaceState} state */
  drawMoving({ positionS, durationS, bufferedS }) {
    const length = durationS || 1;
    vvSet(this.range, "max", length);
    this.range.value = String(positionS);
    const played = `${((100 * positionS) / length).toFixed(1)}%`;
    const buffered = `${((100 * bufferedS) / length).toFixed(1)}%`;
    vvSet(this.range, "style", `--vv-played: ${played}; --vv-buffered: ${buffered}`);
    const [now, end] = [vvClock(positionS), vvClock(Math.round(durationS))];
    vvSet(this.range, "aria-valuetext", `${now} of ${end}`);
    vvText(this.time, durationS ? `${now} / ${end}` : "");
  }

  /** @param {FaceState} state */
  drawControls(state) {
    const { muted, hasPicture, isVideo } = state;
    this.muted = muted;
    const stopped = !state.wantsPlay;
    vvRelabel(this.play, stopped ? "play" : "pause", stopped ? "Play (space)" : "Pause (space)");
    vvRelabel(this.sound, muted ? "muted" : "sound", muted ? "Turn sound on (m)" : "Turn sound off (m)");
    const playable = isVideo && hasPicture;
    this.soundChip.hidden = !muted || !playable;
    this.controls.hidden = !playable;
    this.range.hidden = !playable;
    this.bigPlay.hidden = !(playable && stopped);
    this.previous.disabled = !state.canNavigate || state.index <= 0;
    this.next.disabled = !state.canNavigate || state.index >= state.total - 1;
    this.place.textContent = state.total ? `${state.index + 1} of ${state.total}` : "";
    this.place.hidden = !state.total;
    this.side.hidden = state.total < 2;
    this.info.hidden = !state.total;
    vvSet(this.stageBox, "data-picture", hasPicture);
    this.drawProgress(state.progress);
    this.drawBackdrop(state.poster);
  }

  /** @param {Progress | null} progress */
  drawProgress(progress) {
    this.progress.hidden = progress === null;
    if (!progress) return;
    const percent = Math.round((100 * progress.done_s) / progress.total_s);
    vvSet(this.progress, "aria-valuenow", percent);
    this.progress.style.width = `${percent}%`;
  }

  /** Fill what the picture leaves free with its own colours. @param {string} poster */
  drawBackdrop(poster) {
    if (this.poster === poster) return;
    this.poster = poster;
    const { backdrop } = this;
    const pen = backdrop.getContext("2d");
    pen?.clearRect(0, 0, backdrop.width, backdrop.height);
    if (!pen || !poster) return;
    const image = new Image();
    image.onload = () => {
      if (this.poster !== poster) return;
      const scale = Math.max(backdrop.width / image.width, backdrop.height / image.height);
      const [width, height] = [image.width * scale, image.height * scale];
      pen.drawImage(image, (backdrop.width - width) / 2, (backdrop.height - height) / 2, width, height);
    };
    image.src = poster;
  }

  /** @param {FaceState} state */
  drawCard(state) {
    const card = state.hasPicture ? null : this.cardOf(state);
    this.card.hidden = card === null;
    this.spinner.hidden = !state.waiting || card !== null; // one sign is enough
    if (!card) return;
    vvSet(this.card, "data-tone", card.tone);
    this.card.replaceChildren(vvIcon(card.icon), vvNode("div", { class: "vv-card-title" }, card.title));
    if (card.text) this.card.append(vvNode("div", { class: "vv-card-text" }, card.text));
    if (card.hint) this.card.append(vvNode("div", { class: "vv-card-hint" }, card.hint));
    this.card.append(this.cardActions(card, state));
  }

  /** What to say while there is no picture; nothing where a poster stands for it. @param {FaceState} state @returns {CardDocument | null} */
  cardOf({ empty, trouble, item, isAhead, waiting, poster, total }) {
    const willLoad = isAhead && item?.card?.tone === "idle"; // the kernel is about to hear of it
    const told = empty ?? this.troubleCard(trouble) ?? (willLoad ? null : item?.card);
    if (told) return told;
    if (waiting && poster && !item?.image) return null;
    const text = total ? "Its first picture is on its way." : "The feed is on its way.";
    return { icon: "loading", tone: "busy", title: "Loading", text, hint: "", action: "" };
  }

  /** @param {CardDocument} card @param {FaceState} state */
  cardActions(card, state) {
    const row = vvNode("div", { class: "vv-card-actions" });
    /** @param {string} text @param {() => void} press */
    const add = (text, press) => {
      const button = vvNode("button", { type: "button", class: "vv-action" }, text);
      button.addEventListener("click", this.view.guarded(press));
      row.append(button);
    };
    if (card.action === "load" && state.canNavigate) add("Load it now", this.actions.load);
    if (card.action === "anew" && state.canNavigate) add("Try again", this.actions.load);
    if (card.action === "again") add("Try again", this.actions.again);
    if (["warn", "bad"].includes(card.tone) && !this.next.disabled) add("Next video", () => this.actions.step(1));
    row.hidden = !row.childElementCount;
    return row;
  }

  /** @param {Trouble | null} trouble @returns {CardDocument | null} */
  troubleCard(trouble) {
    if (!trouble) return null;
    if (!trouble.isTold) {
      const text = "This browser could not play it as it is, so it is being converted.";
      return { icon: "loading", tone: "busy", title: "Preparing it in another form", text, hint: trouble.text, action: "" };
    }
    const hint = "The manager has loaded it, and the rest of the feed plays on.";
    return { icon: "warning", tone: "bad", title: trouble.title, text: trouble.text, hint, action: "again" };
  }

  /** @param {FaceState} state */
  drawWords({ item, note, progress }) {
    vvText(this.title, item?.title ?? "");
    vvSet(this.title, "title", item?.title);
    const words = [];
    if (item?.author) words.push(vvNode("span", { class: "vv-author", title: "Author's public key, first digits" }, item.author));
    if (item?.published) {
      const at = new Date(item.published);
      words.push(vvNode("time", { datetime: item.published, title: at.toLocaleString() }, vvAgo(at)));
    }
    for (const tag of item?.hashtags ?? []) words.push(vvNode("span", { class: "vv-tag" }, `#${tag}`));
    this.meta.replaceChildren(...words);
    const part = progress && `${Math.round((100 * progress.done_s) / progress.total_s)} % so far`;
    this.caption.textContent = [item?.caption, part, note].filter(Boolean).join(" · ");
  }
}

/** How long ago, in one unit. @param {Date} at */
function vvAgo(at) {
  const seconds = (Date.now() - at.getTime()) / 1000;
  /** @type {[number, Intl.RelativeTimeFormatUnit][]} */
  const units = [[31_557_600, "year"], [2_629_800, "month"], [604_800, "week"], [86_400, "day"], [3600, "hour"], [60, "minute"]];
  const [size, unit] = units.find(([each]) => Math.abs(seconds) >= each) ?? [1, "second"];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-Math.round(seconds / size), unit);
}
