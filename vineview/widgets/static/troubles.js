// @ts-check
// Troubles: what keeps a loaded video from being shown as it is, and what is done about it. A clip
// this browser refuses is told to the kernel, which converts it; it is then tried anew.

/**
 * @typedef {{title: string, text: string, isTold?: boolean, mimeType?: string, atS?: number}} Trouble `isTold`: by the kernel, which tried what can be tried; `atS`: where it stopped playing
 * @typedef {{done_s: number, total_s: number}} Progress how far a clip is converted
 */

class VineTroubles {
  /** @param {VineView} view @param {() => void} changed */
  constructor(view, changed) {
    this.view = view;
    /** @type {Map<string, Trouble>} what keeps a loaded video from being shown */
    this.known = new Map();
    /** @type {Map<string, string>} what is missing of a video that plays */
    this.notes = new Map();
    /** @type {Map<string, Progress>} how far clips are converted, while they are */
    this.progress = new Map();
    view.on("codecs", ({ ask }) => view.send("codecs", { answers: vvCodecs(ask) }));
    view.on("progress", ({ video_id, done_s, total_s }) => {
      if (done_s < total_s) this.progress.set(video_id, { done_s, total_s });
      else this.progress.delete(video_id);
      changed();
    });
  }

  /** @param {PlayerItem | undefined} item @param {string} id @param {Trouble} trouble */
  add(item, id, trouble) {
    const mimeType = this.known.get(id)?.mimeType ?? item?.clip?.mime_type;
    this.known.set(id, { ...trouble, mimeType });
    if (!trouble.isTold) this.view.send("failed", { video_id: id, reason: trouble.text, mime_type: mimeType });
  }

  /** Forget the trouble of what was loaded or converted anew; what stopped goes on there. @param {PlayerItem[]} items */
  review(items) {
    for (const item of items) {
      const { mimeType: old, atS } = this.known.get(item.id) ?? {};
      const isNew = item.state !== "ready" || (old && item.clip && item.clip.mime_type !== old);
      if (isNew) this.known.delete(item.id);
      if (isNew) item.startS = atS;
    }
  }

  /** What there is to show of an item: nothing while it is in trouble. @param {PlayerItem} item */
  shown(item) {
    return this.known.has(item.id) ? { ...item, clip: null, image: false } : item;
  }
}

/** @param {PlayerItem} item */
function canShow(item) {
  return item.image || item.clip !== null;
}

/** What this browser takes, of the codecs asked about. @param {string[]} ask */
function vvCodecs(ask) {
  const takes = (/** @type {string} */ codec) =>
    typeof MediaSource !== "undefined" && ["video", "audio"].some((kind) => MediaSource.isTypeSupported(`${kind}/mp4; codecs="${codec}"`));
  return Object.fromEntries(ask.map((codec) => [codec, takes(codec)]));
}
