// @ts-check
// Posters: the first pictures the kernel sent, as object URLs that are given back.

const VV_PAINTED_MS = 500; // a picture that a video presents may be painted a moment later

class VinePosters {
  /** @param {VineView} view @param {VineStrip} strip which shows them small @param {(id: string, url: string) => void} [arrived] */
  constructor(view, strip, arrived) {
    this.view = view;
    this.strip = strip;
    this.arrived = (/** @type {string} */ id, /** @type {string} */ url) => {
      strip.setPoster(id, url);
      arrived?.(id, url);
    };
    /** @type {Map<string, {url: string, revoke: () => void}>} */
    this.known = new Map();
    /** @type {Set<string>} */
    this.listed = new Set();
  }

  /** @param {string} id */
  url(id) {
    return this.known.get(id)?.url ?? "";
  }

  /** Known once it can be painted: until then whatever stood there stands. @param {string} id @param {DataView | Blob} data a JPEG */
  async set(id, data) {
    const poster = this.view.url(new Blob([/** @type {BlobPart} */ (data)], { type: "image/jpeg" }));
    const image = new Image();
    image.src = poster.url;
    const isPicture = await image.decode().then(() => true, () => false);
    if (!isPicture || this.view.closed || !this.listed.has(id)) return poster.revoke();
    this.known.get(id)?.revoke();
    this.known.set(id, poster);
    this.view.guarded(() => this.arrived(id, poster.url))();
  }

  /** Keep those of the videos that are listed; give the others back. @param {StripItem[]} items */
  keep(items) {
    this.listed = new Set(items.map((item) => item.id));
    for (const [id, poster] of this.known) {
      if (this.listed.has(id)) continue;
      poster.revoke();
      this.known.delete(id);
      this.strip.dropPoster(id);
    }
  }
}

/** Let a still stand for a clip until the clip's first picture is painted: the attribute alone lets it go a frame too soon. @param {HTMLVideoElement} video @param {string} url */
function vvStandIn(video, url) {
  video.poster = url;
  video.style.backgroundImage = url && `url("${url}")`;
}
