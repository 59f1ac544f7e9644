// @ts-check
// The player's page side: what is on show, the controls, the words under them, the strip.

const VV_POSITION_EVERY_MS = 250;
const VV_AHEAD_OF_TRUTH_MS = 3000; // how long the page may be ahead of the manager
const VV_SWIPE_PX = 40;

class VinePlayer {
  /** @param {VineView} view */
  constructor(view) {
    this.view = view;
    this.model = view.model;
    /** @type {{index: number, total: number, current_id: string | null, items: PlayerItem[], card: CardDocument | null, can_navigate: boolean}} */
    this.feed = { index: 0, total: 0, current_id: null, items: [], card: null, can_navigate: true };
    this.currentId = "";
    this.pendingSince = -Infinity;
    this.intersects = false;
    this.toldInSight = true; // the kernel takes a new view for visible
    /** @type {{x: number, y: number} | null} */
    this.swipeFrom = null;
    this.askedAt = performance.now();
    this.toldPlaying = "";
    this.toldAt = 0;
    /** @type {Map<string, string>} why this browser cannot show a video */
    this.troubles = new Map();
    /** @type {Map<string, string>} what is missing of a video that plays */
    this.notes = new Map();
    /** @type {Map<string, {url: string, revoke: () => void}>} */
    this.posters = new Map();
    this.stage = new VineStage(view, {
      changed: () => this.refresh(),
      ready: () => this.sync(),
      lost: (id) => this.forget(id),
      noted: (id, note) => void this.notes.set(id, note),
      trouble: (id, reason) => this.hasTrouble(id, reason),
    });
    this.strip = new VineStrip(view, { pick: (item) => this.go(item.id) });
    this.face = new VineFace(
      view,
      {
        toggle: () => this.toggle(),
        step: (by) => this.step(by),
        mute: (muted) => this.setMuted(muted),
        seek: (seconds) => this.seek(seconds),
        load: () => this.view.send("load", { video_id: this.currentId }),
      },
      this.stage.el,
      this.strip.el,
    );
    this.attach();
    this.stage.muted = this.model.get("muted");
    this.stage.wantsPlay = this.model.get("autoplay");
    this.resize();
    this.refresh();
  }

  attach() {
    const { view } = this;
    view.on("feed", (message) => this.update(message));
    view.on("poster", (message, [data]) => this.setPoster(message.video_id, data));
    view.on("trouble", (message) => this.hasTrouble(message.video_id, message.reason));
    view.on("command", (message) => this.command(message));
    view.watch("change:muted", () => this.applyMuted(this.model.get("muted")));
    view.watch("change:height", () => this.resize());
    // Before anyone else on the page: a notebook listens at the document, in the capture phase.
    view.listen(window, "keydown", (event) => this.onKey(event), { capture: true });
    const { stageBox } = this.face;
    view.listen(stageBox, "pointerdown", (event) => {
      this.swipeFrom = event.pointerType === "mouse" ? null : { x: event.clientX, y: event.clientY };
      view.el.focus({ preventScroll: true });
    });
    view.listen(stageBox, "pointerup", (event) => this.swiped(event));
    view.listen(stageBox, "pointercancel", () => (this.swipeFrom = null));
    view.listen(document, "visibilitychange", () => this.look());
    const observer = new IntersectionObserver(view.guarded((entries) => {
      this.intersects = entries[entries.length - 1].isIntersecting;
      this.look();
    }), { threshold: 0.01 });
    observer.observe(stageBox);
    view.own(() => observer.disconnect());
    view.own(() => this.stage.close());
  }

  /** The manager said where things stand. @param {any} feed */
  update(feed) {
    this.feed = feed;
    const ahead = performance.now() - this.pendingSince < VV_AHEAD_OF_TRUTH_MS;
    if (!ahead || feed.current_id === this.currentId || !this.itemOf(this.currentId)) {
      if (feed.current_id !== this.currentId) this.askedAt = performance.now();
      this.currentId = feed.current_id ?? "";
      if (feed.current_id === this.currentId) this.pendingSince = -Infinity;
    }
    const known = new Set(feed.items.map((/** @type {PlayerItem} */ item) => item.id));
    for (const [id, poster] of this.posters) {
      if (known.has(id)) continue;
      poster.revoke();
      this.posters.delete(id);
      this.strip.dropPoster(id);
    }
    this.strip.update(feed, this.currentId);
    this.sync();
  }

  sync() {
    const items = this.feed.items.map((item) => (this.troubles.has(item.id) ? { ...item, clip: null, image: false } : item));
    this.stage.sync(items, this.currentId, this.askedAt);
    this.refresh();
  }

  /** @param {string} id */
  itemOf(id) {
    return this.feed.items.find((item) => item.id === id);
  }

  /** Go to the neighbour. @param {number} step */
  step(step) {
    const place = this.feed.items.findIndex((item) => item.id === this.currentId);
    const next = place < 0 ? undefined : this.feed.items[place + step];
    if (next) this.go(next.id);
  }

  /** Show a video now if it is ready; the manager is told and has the last word. @param {string} id */
  go(id) {
    if (!this.feed.can_navigate || id === this.currentId) return;
    this.askedAt = this.pendingSince = performance.now();
    this.currentId = id;
    this.stage.wantsPlay = true;
    this.stage.show(this.shownItem(id), id, this.askedAt);
    this.strip.mark(id);
    this.refresh();
    this.view.send("navigate", { video_id: id });
  }

  /** @param {string} id */
  shownItem(id) {
    return this.troubles.has(id) ? undefined : this.itemOf(id);
  }

  toggle() {
    this.stage.wantsPlay = !this.stage.wantsPlay;
    this.stage.resume();
    this.refresh();
  }

  /** @param {number} seconds */
  seek(seconds) {
    this.stage.current?.stream?.seek(seconds);
  }

  /** @param {VineMessage} message */
  command(message) {
    if (message.do === "seek") this.seek(message.position_s);
    else this.stage.wantsPlay = message.do === "play";
    this.stage.resume();
    this.refresh();
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.applyMuted(muted);
    this.model.set("muted", muted);
    this.model.save_changes();
  }

  /** @param {boolean} muted */
  applyMuted(muted) {
    this.stage.muted = muted;
    if (this.stage.video) this.stage.video.muted = muted;
    this.refresh();
  }

  resize() {
    this.face.stageBox.style.height = `${this.model.get("height")}px`;
  }

  /** Out of sight nothing plays and nothing is sent. */
  look() {
    const inSight = this.intersects && document.visibilityState === "visible";
    if (inSight === this.toldInSight) return;
    this.toldInSight = inSight;
    this.stage.inSight = inSight;
    this.view.send("visible", { visible: inSight });
    this.stage.resume();
  }

  /** @param {string} id @param {string} reason */
  hasTrouble(id, reason) {
    this.troubles.set(id, reason);
    this.view.send("failed", { video_id: id, reason });
    this.sync();
  }

  /** The manager freed a clip under the player; what it says next tells the rest. @param {string} id */
  forget(id) {
    const item = this.itemOf(id);
    if (item) item.clip = null;
    this.refresh();
  }

  /** @param {string} id @param {DataView} data */
  setPoster(id, data) {
    this.posters.get(id)?.revoke();
    const poster = this.view.url(new Blob([/** @type {BlobPart} */ (data)], { type: "image/jpeg" }));
    this.posters.set(id, poster);
    this.strip.setPoster(id, poster.url);
    if (id === this.currentId) this.refresh();
  }

  /** Draw what is, and tell the kernel what it has not heard. */
  refresh() {
    const { stage, feed } = this;
    const item = this.itemOf(this.currentId);
    const { video, current } = stage;
    const hasPicture = current !== undefined && stage.isReady(current);
    const trouble = this.troubles.get(this.currentId) ?? "";
    this.face.draw({
      index: item?.index ?? feed.index,
      total: feed.total,
      item,
      empty: feed.card,
      trouble,
      note: this.notes.get(this.currentId) ?? "",
      muted: stage.muted,
      wantsPlay: stage.wantsPlay,
      hasPicture,
      isVideo: video !== null,
      waiting: (current !== undefined && !hasPicture) || (video !== null && video.readyState < 3 && !video.paused),
      positionS: video?.currentTime ?? 0,
      durationS: video && Number.isFinite(video.duration) ? video.duration : 0,
      bufferedS: video ? video.currentTime + (current?.stream?.ahead() ?? 0) : 0,
      poster: this.posters.get(this.currentId)?.url ?? "",
      canNavigate: feed.can_navigate,
    });
    this.tell(video);
  }

  /** @param {HTMLVideoElement | null} video */
  tell(video) {
    const playing = video !== null && !video.paused;
    const state = `${this.currentId}|${playing}`;
    if (video && state !== this.toldPlaying) {
      this.toldPlaying = state;
      this.view.send("playing", { video_id: this.currentId, playing });
    }
    if (!playing || performance.now() - this.toldAt < VV_POSITION_EVERY_MS) return;
    this.toldAt = performance.now();
    this.view.send("position", { video_id: this.currentId, position_s: video.currentTime, duration_s: video.duration || 0 });
  }

  /** @param {PointerEvent} event */
  swiped(event) {
    const from = this.swipeFrom;
    this.swipeFrom = null;
    if (!from) return;
    const dx = event.clientX - from.x;
    const dy = event.clientY - from.y;
    if (Math.max(Math.abs(dx), Math.abs(dy)) < VV_SWIPE_PX) return;
    const along = Math.abs(dy) >= Math.abs(dx) ? dy : dx;
    this.step(along < 0 ? 1 : -1);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!this.view.el.contains(target) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const arrows = event.key.startsWith("Arrow");
    if (arrows && (target === this.face.range || this.strip.el.contains(target))) {
      event.stopPropagation(); // theirs; handed on, because the target's own listeners come later
      if (target !== this.face.range) this.strip.onKey(event);
      return;
    }
    const press = event.key === " " || event.key === "Enter";
    if (press && target instanceof HTMLButtonElement) {
      event.stopPropagation(); // the button's own key; the notebook must not run the cell
      return;
    }
    const act = {
      ArrowDown: () => this.step(1), ArrowRight: () => this.step(1), j: () => this.step(1),
      ArrowUp: () => this.step(-1), ArrowLeft: () => this.step(-1), k: () => this.step(-1),
      " ": () => this.toggle(), m: () => this.setMuted(!this.stage.muted),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat || arrows) act();
  }
}

export default vvWidget((view) => void new VinePlayer(view));
