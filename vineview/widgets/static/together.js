// @ts-check
// Players on one clock. What a person does to one happens to all of them, within the page; the one
// that stands first keeps the time, and the others follow its playhead.

const VV_TOGETHER = "vv-together";
const VV_APART_S = 0.35; // farther apart than this they jump, nearer they hurry or wait
const VV_CLOSE_S = 0.03;
const VV_MOST_HURRY = 0.1;

class VineTogether {
  /** @param {VineView} view @param {VinePlayer} player */
  constructor(view, player) {
    this.view = view;
    this.player = player;
    this.isHearing = false;
    this.heardAt = -Infinity;
    view.listen(window, VV_TOGETHER, (event) => this.hear(event.detail));
  }

  /** Whether another player keeps the time. */
  get follows() {
    return performance.now() - this.heardAt < 1000;
  }

  /** Let the others do the same. @param {string} act @param {Record<string, any>} [fields] */
  tell(act, fields) {
    const word = this.view.model.get("together");
    if (!word || this.isHearing) return;
    window.dispatchEvent(new CustomEvent(VV_TOGETHER, { detail: { word, from: this.view.el, act, ...fields } }));
  }

  /** @param {any} detail */
  hear({ word, from, act, ...fields }) {
    if (from === this.view.el || word !== this.view.model.get("together")) return;
    this.isHearing = true;
    try {
      this.do(act, fields, from);
    } finally {
      this.isHearing = false;
    }
  }

  /** @param {string} act @param {any} fields @param {HTMLElement} from */
  do(act, fields, from) {
    const { player } = this;
    switch (act) {
      case "play":
        return player.setPlaying(fields.playing);
      case "seek":
        return player.seek(fields.position_s);
      case "step":
        return player.stepPictures(fields.by);
      case "rate":
        return player.setRate(fields.rate);
      case "go": {
        const same = player.itemOf(fields.id) ?? player.feed.items.find((item) => item.index === fields.index);
        if (same) player.go(same.id);
        return;
      }
      case "at":
        if (from.compareDocumentPosition(this.view.el) & Node.DOCUMENT_POSITION_FOLLOWING) this.follow(fields.position_s);
    }
  }

  /** @param {number} positionS where the one that keeps the time is */
  follow(positionS) {
    const { stage } = this.player;
    const { video, current } = stage;
    this.heardAt = performance.now();
    if (!video || !stage.wantsPlay || !stage.inSight || video.seeking) return;
    const target = Math.min(positionS, video.duration || positionS);
    const apart = target - video.currentTime;
    if (Math.abs(apart) > VV_APART_S) current?.stream?.seek(target);
    if (video.paused && !(video.ended && apart < VV_APART_S)) stage.resume();
    const hurry = Math.abs(apart) > VV_CLOSE_S && Math.abs(apart) <= VV_APART_S ? Math.max(-VV_MOST_HURRY, Math.min(apart, VV_MOST_HURRY)) : 0;
    video.playbackRate = stage.rate * (1 + hurry);
  }
}
