// @ts-check
// One clip on its way into a <video>: media segments from the kernel, appended to a MediaSource.

const VV_AHEAD_S = 20; // acknowledge while less than this is buffered ahead
const VV_BEHIND_S = 30; // what stays buffered behind the playhead
const VV_FULL_AGAIN_MS = 500; // a full buffer is asked again after so long
const VV_GAP_S = 1; // a hole this small at the playhead is stepped over at once
const VV_STUCK_MS = 1500; // what has not come after so long, while later data is there, never comes
const VV_NUDGE_S = 0.1; // how far to go where a picture is buffered but not decoded

class ClipStream {
  /**
   * @param {VineView} view
   * @param {HTMLVideoElement} video
   * @param {{videoId: string, mimeType: string, durationS: number | null, fail: (reason: string) => void,
   *   broke: (reason: string) => void, lost: () => void, noted: (note: string) => void}} options
   */
  constructor(view, video, { videoId, mimeType, durationS, fail, broke, lost, noted }) {
    this.view = view;
    this.video = video;
    this.videoId = videoId;
    this.mimeType = mimeType;
    this.durationS = durationS;
    this.fail = fail;
    this.broke = broke;
    this.lost = lost;
    this.noted = noted;
    this.id = "";
    /** @type {ArrayBufferView[]} */
    this.queue = [];
    /** @type {Set<number>} */
    this.keys = new Set([0]); // where what came can be decoded from, in seconds
    this.inits = 0;
    this.owed = 0; // segments taken in whose acknowledgement is held back
    this.whole = false;
    this.came = false; // whether anything came since the last opening
    this.appending = false;
    this.active = false; // the video on show: it may take all it wants
    this.ended = false;
    this.closed = false;
    /** @type {SourceBuffer | null} */
    this.buffer = null;
    this.source = new MediaSource();
    const { url, revoke } = view.url(this.source);
    this.revoke = revoke;
    this.undo = [
      view.listen(this.source, "sourceopen", () => this.opened()),
      view.listen(video, "timeupdate", () => this.settle()),
      view.listen(video, "waiting", () => this.waits()),
      view.listen(video, "error", () => this.fail(this.errorText())),
    ];
    video.src = url;
  }

  /** Why this browser cannot play a clip, or nothing. @param {string} mimeType */
  static refusal(mimeType) {
    if (typeof MediaSource === "undefined") return "This browser cannot take clips from a notebook (it has no MediaSource).";
    if (MediaSource.isTypeSupported(mimeType)) return "";
    const codecs = /codecs="([^"]*)"/.exec(mimeType)?.[1] ?? mimeType;
    return `This browser cannot play ${codecs}. Chromium builds without patent-bound codecs, for instance, lack H.264 and HEVC.`;
  }

  /** Ask for the clip. @param {number} startS @param {boolean} whole or only the first segment */
  open(startS, whole) {
    if (this.id) this.view.send("close", { stream: this.id });
    if (this.buffer?.updating && this.source.readyState === "open") this.buffer.abort();
    this.id = vvRandomId();
    this.appending = false;
    this.queue = [];
    this.owed = 0;
    this.inits = 0;
    this.ended = false;
    this.came = false;
    this.whole = whole;
    this.view.send("open", { stream: this.id, video_id: this.videoId, start_s: startS, whole });
  }

  /** Begin where it is to play from. @param {number} startS @param {boolean} whole */
  begin(startS, whole) {
    if (startS) this.video.currentTime = startS;
    this.open(startS, whole);
  }

  /** The video is on show: let the rest come. */
  activate() {
    this.active = true;
    if (this.id && !this.whole) {
      this.whole = true;
      this.view.send("more", { stream: this.id });
    }
    this.settle();
  }

  rest() {
    this.active = false;
  }

  /** @param {VineMessage} message @param {DataView[]} buffers */
  receive(message, buffers) {
    switch (message.kind) {
      case "init":
        this.inits = buffers.length > 1 ? 0 : 1; // the init segment itself is not acknowledged
        this.queue.push(vvJoined(buffers)); // in one piece: the picture is there a turn sooner
        break;
      case "segment":
        this.queue.push(...buffers);
        if (message.key_s !== null) this.keys.add(message.key_s);
        break;
      case "end":
        this.ended = true;
        if (message.note) this.noted(message.note);
        break;
      case "lost":
        this.id = "";
        if (message.reason) this.broke(message.reason);
        else this.lost();
        return;
    }
    this.pump();
  }

  opened() {
    if (this.buffer || this.closed) return;
    try {
      this.buffer = this.source.addSourceBuffer(this.mimeType);
    } catch (error) {
      this.fail(`The browser refused the clip: ${error instanceof Error ? error.message : error}`);
      return;
    }
    if (this.durationS) this.source.duration = this.durationS;
    this.undo.push(
      this.view.listen(this.buffer, "updateend", () => this.appended()),
      this.view.listen(this.buffer, "error", () => this.fail("The clip's data is damaged: the browser could not take it in.")),
    );
    this.pump();
  }

  /** Append what waits, one piece at a time; end the source after the last. */
  pump() {
    const buffer = this.buffer;
    if (this.closed || this.video.error || !buffer || buffer.updating || this.appending || this.source.readyState === "closed") return;
    const [piece] = this.queue;
    if (piece === undefined) {
      if (this.ended && this.source.readyState === "open") this.source.endOfStream();
      return;
    }
    try {
      buffer.appendBuffer(/** @type {BufferSource} */ (piece));
      this.appending = true;
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
      this.makeRoom(1); // full: free what was watched; else wait until more is
      this.again?.(); // no time passes where nothing plays yet: ask again by the clock
      this.again = this.view.after(VV_FULL_AGAIN_MS, () => this.pump());
    }
  }

  appended() {
    if (this.appending) {
      this.appending = false;
      this.came = true;
      this.queue.shift();
      if (this.inits) this.inits = 0;
      else this.owed += 1;
    }
    this.bridge();
    this.settle();
    this.pump();
  }

  /** As time passes: acknowledge what is wanted, drop what was watched. */
  settle() {
    if (this.closed || this.video.error) return; // what failed takes no more
    this.bridge();
    if (!this.active) return;
    // Few pictures a minute: a decoder may want more of them than the usual stretch holds.
    const isShort = this.ahead() < VV_AHEAD_S || this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    if (this.owed > 0 && isShort && this.id) {
      for (; this.owed > 0; this.owed -= 1) this.view.send("ack", { stream: this.id });
    }
    if (this.buffer && !this.buffer.updating) {
      this.makeRoom(VV_BEHIND_S);
      if (!this.buffer.updating) this.pump();
    }
  }

  /** Remove what lies more than so many seconds behind the playhead. @param {number} keepS */
  makeRoom(keepS) {
    const buffer = this.buffer;
    if (!buffer || buffer.updating || !buffer.buffered.length) return;
    // A short clip stays whole, so that its loop starts at once.
    if (keepS >= VV_BEHIND_S && (this.durationS ?? 0) <= 2 * VV_BEHIND_S) return;
    const start = buffer.buffered.start(0);
    const until = this.video.currentTime - keepS;
    // What goes takes all with it that is decoded from it: cut before a keyframe, or a stretch of its own.
    const isApart = (this.stretch()?.[0] ?? 0) > until;
    const cut = isApart ? until : Math.max(...[...this.keys].filter((at) => at <= until)) - 0.001;
    if (cut > start + 1) buffer.remove(start, cut);
    else if (keepS < VV_BEHIND_S && until > start + 1) buffer.remove(start, until); // full, whatever it costs
  }

  /** Some clips begin a little after zero, or have a small hole: step over it. */
  bridge() {
    const { video } = this;
    if (this.holds(video.currentTime)) return;
    for (let i = 0; i < video.buffered.length; i++) {
      const hole = video.buffered.start(i) - video.currentTime;
      if (hole > 0 && hole < VV_GAP_S) {
        video.currentTime = video.buffered.start(i) + 0.001;
        return;
      }
    }
  }

  /** Playing waits for data: what never comes is stepped over, for no clip may stand for ever. */
  waits() {
    this.stuck?.();
    const { video } = this;
    const at = video.currentTime;
    this.stuck = this.view.after(VV_STUCK_MS, () => {
      const stands = video.currentTime === at && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
      if (this.closed || !stands || video.paused || video.ended) return;
      this.settle();
      if (this.came && !this.queue.length) this.stepOver(at);
      this.waits();
    });
  }

  /** @param {number} at */
  stepOver(at) {
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) > at) {
        this.video.currentTime = buffered.start(i) + 0.001;
        return;
      }
    }
    if (this.ahead() > 2 * VV_NUDGE_S) this.video.currentTime = at + VV_NUDGE_S;
  }

  /** Go to a place: at once if it is buffered, else by asking for it. @param {number} seconds */
  seek(seconds) {
    const target = Math.max(0, Math.min(seconds, this.durationS ?? seconds));
    this.video.currentTime = target;
    if (this.holds(target) || this.startsNear(target)) return;
    this.open(target, this.active);
  }

  /** The kernel has forgotten this stream, as it does after a long silence: ask for what is missing. */
  renew() {
    if (!this.ended) this.open(this.video.currentTime + this.ahead(), this.whole);
  }

  /** @param {number} seconds */
  startsNear(seconds) {
    const { buffered } = this.video;
    return buffered.length > 0 && seconds < VV_GAP_S && buffered.start(0) < VV_GAP_S;
  }

  /** @param {number} seconds */
  holds(seconds) {
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= seconds && seconds < buffered.end(i)) return true;
    }
    return false;
  }

  /** Where what is buffered around the playhead begins and ends. @returns {[number, number] | null} */
  stretch() {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++)
      if (buffered.start(i) <= currentTime + VV_GAP_S && currentTime < buffered.end(i)) return [buffered.start(i), buffered.end(i)];
    return null;
  }

  ahead() {
    const stretch = this.stretch();
    return stretch ? stretch[1] - this.video.currentTime : 0;
  }

  errorText() {
    const error = this.video.error;
    const said = error?.message ? ` (${error.message.split("\n")[0]})` : "";
    return `The browser could not decode this clip${said}.`;
  }

  /** Give everything back, here and in the kernel. */
  close() {
    if (this.closed) return;
    this.closed = true;
    this.stuck?.();
    if (this.id) this.view.send("close", { stream: this.id });
    for (const undo of this.undo) undo();
    this.video.removeAttribute("src");
    this.video.load();
    this.revoke();
    this.queue = [];
  }
}
