// @ts-check
// Posters: the first pictures the kernel sent, as object URLs that are given back.

class VinePosters {
  /** @param {VineView} view @param {VineStrip} strip which shows them small */
  constructor(view, strip) {
    this.view = view;
    this.strip = strip;
    /** @type {Map<string, {url: string, revoke: () => void}>} */
    this.known = new Map();
  }

  /** @param {string} id */
  url(id) {
    return this.known.get(id)?.url ?? "";
  }

  /** @param {string} id @param {DataView | Blob} data a JPEG */
  set(id, data) {
    this.known.get(id)?.revoke();
    const poster = this.view.url(new Blob([/** @type {BlobPart} */ (data)], { type: "image/jpeg" }));
    this.known.set(id, poster);
    this.strip.setPoster(id, poster.url);
  }

  /** Keep those of the videos that are listed; give the others back. @param {StripItem[]} items */
  keep(items) {
    const listed = new Set(items.map((item) => item.id));
    for (const [id, poster] of this.known) {
      if (listed.has(id)) continue;
      poster.revoke();
      this.known.delete(id);
      this.strip.dropPoster(id);
    }
  }
}
