// @ts-check
// The stage: one picture on show, and its neighbours behind it with their first frame decoded.

/**
 * @typedef {{mime_type: string, duration_s: number | null}} Clip
 * @typedef {StripItem & {author: string, published: string | null, hashtags: string[], caption: string,
 *   clip: Clip | null, frame_s: number | null, image: boolean, card: CardDocument | null, startS?: number}} PlayerItem
 * @typedef {{icon: string, tone: string, title: string, text: string, hint: string, action: string}} CardDocument
 * @typedef {{item: PlayerItem, node: HTMLVideoElement | HTMLImageElement, stream: ClipStream | null,
 *   shownAt: number, seen: boolean, stale: boolean, waitingSince: number, droppedFrames: number, undo: (() => void)[]}} Slot
 */

const VV_REFUSED = "This browser cannot show it";
const VV_USUAL_FRAME_S = 1 / 30;
const VV_NEIGHBOURS = [1, -1, 2]; // in the order a person is likely to go

class VineStage {
  /**
   * @param {VineView} view
   * @param {{trouble: (id: string, trouble: Trouble) => void, changed: () => void,
   *   ready: () => void, lost: (id: string) => void, noted: (id: string, note: string) => void,
   *   poster: (id: string) => string, pictured: (id: string, picture: Blob) => void, atEnd: () => "again" | "stop" | "wait"}} hooks
   */
  constructor(view, hooks) {
    this.view = view;
    this.hooks = hooks;
    this.measures = new VineMeasures(view);
    this.el = vvNode("div", { class: "vv-screens" });
    /** @type {Map<string, Slot>} */
    this.slots = new Map();
    /** @type {PlayerItem[]} what deserves a slot, most urgent first */
    this.near = [];
    this.currentId = "";
    this.wantsPlay = true;
    this.inSight = true;
    this.muted = true;
    this.rate = 1;
    /** @type {VineMessage | null} a clip that is on its way before it was asked for */
    this.begun = null;
    view.on("begun", (message) => void (this.begun = message));
    for (const kind of ["init", "segment", "end", "lost"]) {
      view.on(kind, (message, buffers) => this.streamOf(message.stream)?.receive(message, buffers));
    }
    this.stills = new VineStills(view, {
      slot: (id) => this.slots.get(id),
      loaded: (slot) => {
        this.firstFrame(slot);
        hooks.ready();
      },
      damaged: (id, text) => this.refuse(id, text),
      pictured: hooks.pictured,
    });
  }

  get current() {
    return this.slots.get(this.currentId);
  }

  /** The video on show, if it is one. */
  get video() {
    const node = this.current?.node;
    return node instanceof HTMLVideoElement ? node : null;
  }

  /**
   * Keep slots for the current video and its ready neighbours; give the others back.
   * @param {PlayerItem[]} items @param {string} currentId @param {number} askedAt when the person asked for it
   */
  sync(items, currentId, askedAt) {
    const place = items.findIndex((item) => item.id === currentId);
    this.near = [0, ...VV_NEIGHBOURS].map((step) => items[place + step]).filter((item) => item && canShow(item));
    const slot = this.slots.get(currentId);
    const now = this.near.find((item) => item.id === currentId);
    if (slot && slot.item.clip?.mime_type !== now?.clip?.mime_type) this.drop(currentId);
    this.show(items[place], currentId, askedAt);
    if (this.begun) this.view.send("close", { stream: this.begun.stream }); // it is not what is shown
    this.begun = null;
    this.tidy();
  }

  /** Rewind what was left, drop what is far, prepare what is near: after the picture asked for. */
  tidy() {
    const slot = this.current;
    const shows = !slot || slot.seen || (this.isReady(slot) && !(this.wantsPlay && this.inSight));
    if (!shows) return;
    for (const [id, each] of this.slots) {
      const same = this.near.find((item) => item.id === id);
      if (!same || same.clip?.mime_type !== each.item.clip?.mime_type) this.drop(id);
      else each.item = same;
      if (same && each.stale) {
        each.stale = false;
        each.stream?.seek(0);
      }
    }
    for (const item of this.near) if (!this.slots.has(item.id)) this.make(item, false);
  }

  /** @param {PlayerItem | undefined} item @param {string} id @param {number} askedAt */
  show(item, id, askedAt) {
    if (this.currentId !== id) {
      this.leave();
      this.currentId = id;
    }
    if (item && canShow(item) && !this.slots.has(id)) this.make(item, true);
    for (const [each, slot] of this.slots) vvSet(slot.node, "data-shown", each === id);
    const slot = this.current;
    const begins = slot !== undefined && slot.shownAt === 0;
    const restarts = begins && (slot.stale || this.isReady(slot));
    if (begins) {
      slot.shownAt = askedAt;
      slot.stale = false;
      slot.stream?.activate();
      this.watchFirstFrame(slot);
    }
    this.resume();
    // From the start; and a seek has the first picture presented anew, a frame sooner than play.
    if (restarts) slot.stream?.seek(0);
  }

  /** The video on show gives way: it stops, tells what it dropped, and goes back to its start. */
  leave() {
    const slot = this.current;
    const video = this.video;
    if (!slot) return;
    slot.shownAt = 0;
    slot.seen = false;
    if (!video) return;
    video.pause();
    slot.stream?.rest();
    slot.stale = true;
    this.measures.dropped(slot, video);
  }

  /** @param {PlayerItem} item @param {boolean} whole */
  make(item, whole) {
    /** @type {Slot} */
    const slot = { item, node: item.image ? new Image() : document.createElement("video"), stream: null, shownAt: 0, seen: false, stale: false, waitingSince: 0, droppedFrames: 0, undo: [] };
    slot.node.classList.add("vv-screen");
    slot.node.dataset.video = item.id;
    this.slots.set(item.id, slot);
    this.el.append(slot.node);
    if (slot.node instanceof HTMLVideoElement) this.makeVideo(slot, slot.node, whole);
    else this.stills.want(slot, slot.node);
  }

  /** @param {Slot} slot @param {HTMLVideoElement} video @param {boolean} whole */
  makeVideo(slot, video, whole) {
    const { view } = this;
    const clip = /** @type {Clip} */ (slot.item.clip);
    const id = slot.item.id;
    video.muted = this.muted;
    video.playsInline = true;
    video.preload = "auto";
    vvStandIn(video, this.hooks.poster(id));
    video.tabIndex = -1;
    vvSet(video, "aria-label", slot.item.title);
    const refusal = ClipStream.refusal(clip.mime_type);
    if (refusal) {
      this.refuse(id, refusal);
      return;
    }
    const changed = () => this.hooks.changed();
    slot.undo.push(
      ...["play", "pause", "timeupdate", "seeked", "volumechange"].map((type) => view.listen(video, type, changed)),
      view.listen(video, "loadeddata", () => this.hooks.ready()),
      view.listen(video, "waiting", () => this.waits(slot, video)),
      view.listen(video, "playing", () => this.goesOn(slot)),
      view.listen(video, "ended", () => this.ends(slot, video)),
    );
    slot.stream = new ClipStream(view, video, {
      videoId: id,
      mimeType: clip.mime_type,
      durationS: clip.duration_s,
      fail: (text) => this.refuse(id, text),
      broke: (text) => {
        this.drop(id);
        this.hooks.trouble(id, { title: "The clip broke off", text, isTold: true });
      },
      lost: () => {
        this.drop(id);
        this.hooks.lost(id);
      },
      noted: (note) => this.hooks.noted(id, note),
    });
    if (this.begun?.video_id === id) {
      slot.stream.id = this.begun.stream;
      this.begun = null;
    } else slot.stream.begin(slot.item.startS ?? 0, whole);
  }

  /** @param {string} id @param {string} url */
  setPoster(id, url) {
    const slot = this.slots.get(id);
    if (slot?.node instanceof HTMLVideoElement && !slot.seen) vvStandIn(slot.node, url);
  }

  /** @param {string} stream */
  streamOf(stream) {
    for (const slot of this.slots.values()) if (slot.stream?.id === stream) return slot.stream;
    return null;
  }

  /** Whether a slot has a picture to show now. @param {Slot} slot */
  isReady(slot) {
    return slot.node instanceof HTMLVideoElement ? slot.node.readyState >= 2 : slot.node.complete && slot.node.naturalWidth > 0;
  }

  /** Play or pause what is on show, as the person and the cell's visibility have it. */
  resume() {
    const video = this.video;
    if (!video) return;
    if (!this.wantsPlay || !this.inSight) {
      video.pause();
      return;
    }
    video.muted = this.muted;
    video.playbackRate = this.rate;
    if (!video.paused) return;
    video.play().catch((/** @type {DOMException} */ error) => {
      if (error.name !== "NotAllowedError" || video.muted) return; // interrupted by the next command
      this.muted = true;
      this.hooks.changed();
      this.resume();
    });
  }

  /** @param {Slot} slot */
  watchFirstFrame(slot) {
    if (!(slot.node instanceof HTMLVideoElement)) {
      if (this.isReady(slot)) this.firstFrame(slot);
      return;
    }
    slot.node.requestVideoFrameCallback?.(() => this.firstFrame(slot));
  }

  /** @param {Slot} slot */
  firstFrame(slot) {
    if (slot.seen || slot.shownAt === 0) return;
    slot.seen = true;
    this.view.after(VV_PAINTED_MS, () => void (slot.node.style.backgroundImage = ""));
    this.measures.firstFrame(slot);
    this.hooks.ready();
  }

  /** @param {Slot} slot @param {HTMLVideoElement} video */
  waits(slot, video) {
    if (slot === this.current && slot.seen && !video.seeking && !video.paused) slot.waitingSince = performance.now();
    this.hooks.changed();
  }

  /** @param {Slot} slot */
  goesOn(slot) {
    this.measures.wentOn(slot);
    this.hooks.changed();
  }

  /** @param {Slot} slot @param {HTMLVideoElement} video */
  ends(slot, video) {
    this.measures.ended(slot, video);
    const then = slot === this.current ? this.hooks.atEnd() : "again";
    if (then === "stop") this.wantsPlay = false;
    if (then === "again") slot.stream?.seek(0);
    if (then === "again" && slot === this.current) this.resume();
    this.hooks.changed();
  }

  /** Stand still, some pictures on or back: in the middle of one, where rounding cannot miss it. @param {number} by */
  step(by) {
    const { video, current } = this;
    if (!video || !current) return;
    this.wantsPlay = false;
    video.pause();
    const frameS = current.item.frame_s ?? VV_USUAL_FRAME_S;
    const place = Math.floor(video.currentTime / frameS + 0.01) + by;
    current.stream?.seek(Math.max(0, Math.min((place + 0.5) * frameS, (video.duration || Infinity) - frameS / 2)));
  }

  /** This browser cannot show it. @param {string} id @param {string} text why */
  refuse(id, text) {
    const node = this.slots.get(id)?.node;
    const atS = node instanceof HTMLVideoElement ? node.currentTime : 0;
    this.drop(id);
    this.hooks.trouble(id, { title: VV_REFUSED, text, atS });
  }

  /** @param {string} id */
  drop(id) {
    const slot = this.slots.get(id);
    if (!slot) return;
    this.slots.delete(id);
    slot.stream?.close();
    for (const undo of slot.undo) undo();
    slot.node.remove();
  }

  close() {
    for (const id of [...this.slots.keys()]) this.drop(id);
  }
}
