// @ts-check
// The player's page side: what is on show, the controls, the words under them, the strip.

const VV_AHEAD_OF_TRUTH_MS = 3000; // how long the page may be ahead of the manager
const VV_ARRIVE_AFTER_MS = 150; // at the latest; usually the first frame says so

class VinePlayer {
  /** @param {VineView} view */
  constructor(view) {
    this.view = view;
    this.model = view.model;
    /** @type {{index: number, total: number, current_id: string | null, items: PlayerItem[], card: CardDocument | null, can_navigate: boolean, answers: Record<string, number>}} */
    this.feed = { answers: {}, index: 0, total: 0, current_id: null, items: [], card: null, can_navigate: true };
    this.currentId = "";
    this.sequence = 0; // how often the person went somewhere; what the kernel said before is old
    this.askedAt = performance.now();
    this.troubles = new VineTroubles(view, () => this.refresh());
    this.stage = new VineStage(view, {
      changed: () => this.refresh(),
      ready: () => {
        // Not within the frame that shows the picture, or that would come later.
        if (this.cancelArrival) this.view.after(0, () => this.cancelArrival && this.arrive());
        else this.sync();
      },
      lost: (id) => this.forget(id),
      noted: (id, note) => void this.troubles.notes.set(id, note),
      poster: (id) => this.posters.url(id),
      pictured: (id, picture) => void (this.posters.url(id) || this.posters.set(id, picture)),
      atEnd: () => this.atEnd(),
      trouble: (id, trouble) => this.hasTrouble(id, trouble),
    });
    this.strip = new VineStrip(view, { pick: (item) => this.go(item.id) });
    this.posters = new VinePosters(view, this.strip, (id, url) => {
      this.stage.setPoster(id, url);
      if (id === this.currentId) this.refresh();
    });
    this.controls = new VineControls(view, {
      step: (by) => this.stepPictures(by),
      rate: (rate) => this.setRate(rate),
      loop: (loop) => this.options.choose("loop", loop),
    });
    this.together = new VineTogether(view, this);
    this.face = new VineFace(
      view,
      {
        toggle: () => this.setPlaying(!this.stage.wantsPlay),
        step: (by) => this.step(by),
        mute: (muted) => this.options.choose("muted", muted),
        seek: (seconds) => this.seek(seconds),
        load: () => this.view.send("load", { video_id: this.currentId }),
        again: () => this.tryAgain(),
      },
      this.stage.el,
      this.controls,
      this.strip.el,
    );
    this.options = new VineOptions(view, this.stage, this.face.stageBox, () => this.refresh());
    this.attach();
    this.refresh();
  }

  attach() {
    const { view } = this;
    view.on("feed", (message) => this.update(message));
    view.on("who", () => {
      view.hello();
      for (const { stream } of this.stage.slots.values()) stream?.renew();
    });
    view.on("poster", (message, [data]) => void this.posters.set(message.video_id, data));
    view.on("trouble", (message) =>
      this.hasTrouble(message.video_id, { title: message.title, text: message.reason, isTold: true }),
    );
    view.on("command", (message) => this.command(message));
    const { stageBox } = this.face;
    vvSteer(view, {
      stage: stageBox,
      owners: new Map(/** @type {[HTMLElement, (event: KeyboardEvent) => void][]} */ ([
        [this.face.range, () => {}],
        [this.strip.list, (event) => this.strip.onKey(event)],
      ])),
      step: (by) => this.step(by),
      keys: {
        " ": () => this.setPlaying(!this.stage.wantsPlay),
        m: () => this.options.choose("muted", !this.stage.muted),
        l: () => this.options.choose("loop", !this.options.loop),
        ",": () => this.stepPictures(-1),
        ".": () => this.stepPictures(1),
        "<": () => this.controls.shift(-1),
        ">": () => this.controls.shift(1),
        "?": () => this.controls.toggleHelp(),
      },
    });
    new VineSight(view, stageBox, (inSight) => {
      this.stage.inSight = inSight;
      this.stage.resume();
    });
    view.own(() => this.stage.close());
  }

  /** Whether the person went somewhere that the kernel has not heard of yet. */
  get isAhead() {
    return (this.feed.answers[this.view.id] ?? 0) < this.sequence && performance.now() - this.askedAt < VV_AHEAD_OF_TRUTH_MS;
  }

  /** Whether the video on show stopped at its end, so that going on plays on, as feeds do. */
  get hasEnded() {
    return this.stage.video?.ended ?? false;
  }

  /** The manager said where things stand. @param {any} feed */
  update(feed) {
    this.feed = feed;
    if (feed.current_id !== this.currentId && !(this.isAhead && this.itemOf(this.currentId))) {
      this.askedAt = performance.now();
      this.currentId = feed.current_id ?? "";
      this.stage.wantsPlay ||= this.hasEnded;
    }
    this.troubles.review(feed.items);
    this.posters.keep(feed.items);
    this.strip.update(feed, this.currentId);
    this.sync();
  }

  sync() {
    const items = this.feed.items.map((item) => this.troubles.shown(item));
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
    this.together.tell("go", { id, index: this.itemOf(id)?.index });
    const slot = this.stage.slots.get(id);
    const atHand = slot !== undefined && this.stage.isReady(slot);
    this.askedAt = performance.now();
    this.sequence += 1;
    this.currentId = id;
    this.stage.wantsPlay ||= this.options.autoplay || this.hasEnded;
    this.stage.show(this.shownItem(id), id, this.askedAt);
    // With the picture at hand it comes first, alone: words, strip and kernel follow once it is seen.
    this.cancelArrival?.();
    this.cancelArrival = atHand ? this.view.after(VV_ARRIVE_AFTER_MS, () => this.arrive()) : () => {};
    if (!atHand) this.arrive();
  }

  /** The picture asked for is there: everything else that goes with it. */
  arrive() {
    this.cancelArrival?.();
    this.cancelArrival = undefined;
    this.view.send("navigate", { video_id: this.currentId, seq: this.sequence });
    this.strip.mark(this.currentId);
    this.sync();
  }

  /** @param {string} id */
  shownItem(id) {
    return this.troubles.known.has(id) ? undefined : this.itemOf(id);
  }

  /** @param {boolean} playing */
  setPlaying(playing) {
    this.together.tell("play", { playing });
    this.stage.wantsPlay = playing;
    if (playing && this.stage.video?.ended) this.stage.current?.stream?.seek(0);
    this.stage.resume();
    this.refresh();
  }

  /** @param {number} seconds */
  seek(seconds) {
    this.together.tell("seek", { position_s: seconds });
    this.stage.current?.stream?.seek(seconds);
  }

  /** @param {number} by */
  stepPictures(by) {
    this.together.tell("step", { by });
    this.stage.step(by);
    this.refresh();
  }

  /** @param {number} rate */
  setRate(rate) {
    this.together.tell("rate", { rate });
    this.options.choose("speed", rate);
  }

  /** The video on show is over. @returns {"again" | "stop" | "wait"} */
  atEnd() {
    if (this.together.follows) return "wait";
    return this.options.loop ? "again" : "stop";
  }

  /** @param {VineMessage} message */
  command(message) {
    if (message.do === "seek") this.stage.current?.stream?.seek(message.position_s);
    else this.stage.wantsPlay = message.do === "play";
    this.stage.resume();
    this.refresh();
  }

  /** @param {string} id @param {Trouble} trouble */
  hasTrouble(id, trouble) {
    this.troubles.add(this.itemOf(id), id, trouble);
    this.sync();
  }

  tryAgain() {
    this.troubles.known.delete(this.currentId);
    this.askedAt = performance.now();
    this.sync();
  }

  /** The manager freed a clip under the player; what it says next tells the rest. @param {string} id */
  forget(id) {
    const item = this.itemOf(id);
    if (item) item.clip = null;
    this.refresh();
  }

  /** Draw what is, and tell the kernel what it has not heard. */
  refresh() {
    if (this.cancelArrival) return; // drawn after the picture that is on its way
    const { stage, feed } = this;
    const item = this.itemOf(this.currentId);
    const { video, current } = stage;
    const hasPicture = current !== undefined && stage.isReady(current);
    this.face.draw({
      index: item?.index ?? feed.index,
      total: feed.total,
      item,
      empty: feed.card,
      trouble: this.troubles.known.get(this.currentId) ?? null,
      note: this.troubles.notes.get(this.currentId) ?? "",
      muted: stage.muted,
      wantsPlay: stage.wantsPlay,
      hasPicture,
      isVideo: video !== null,
      waiting: (current !== undefined && !hasPicture) || (video !== null && video.readyState < 3 && !video.paused),
      positionS: video?.currentTime ?? 0,
      durationS: video && Number.isFinite(video.duration) ? video.duration : 0,
      bufferedS: video ? video.currentTime + (current?.stream?.ahead() ?? 0) : 0,
      poster: this.posters.url(this.currentId),
      canNavigate: feed.can_navigate,
      isAhead: this.isAhead,
      progress: this.troubles.progress.get(this.currentId) ?? null,
    });
    this.controls.draw(stage.rate, this.options.loop);
    if (stage.measures.position(this.currentId, video)) this.together.tell("at", { position_s: video?.currentTime });
  }
}

export default vvWidget((view) => void new VinePlayer(view));
