// @ts-check
// What the page measures of playing, told to the kernel, which records it beside all else.

const VV_LEAST_STALL_MS = 100;
const VV_POSITION_EVERY_MS = 250;

class VineMeasures {
  /** @param {VineView} view */
  constructor(view) {
    this.view = view;
    this.toldPlaying = "";
    this.toldAt = 0;
  }

  /** Whether it plays, when that changes, and now and then where it is. @param {string} id @param {HTMLVideoElement | null} video @returns {boolean} whether its place was told */
  position(id, video) {
    const playing = video !== null && !video.paused;
    const state = `${id}|${playing}`;
    if (video && state !== this.toldPlaying) {
      this.toldPlaying = state;
      this.view.send("playing", { video_id: id, playing });
    }
    if (!playing || performance.now() - this.toldAt < VV_POSITION_EVERY_MS) return false;
    this.toldAt = performance.now();
    this.view.send("position", { video_id: id, position_s: video.currentTime, duration_s: video.duration || 0 });
    return true;
  }

  /** From the wish to see a video to its first picture. @param {Slot} slot */
  firstFrame(slot) {
    this.tell(slot, "first_frame", { duration_ms: Math.round(performance.now() - slot.shownAt) });
  }

  /** Playing goes on: how long it had stood still for want of data. @param {Slot} slot */
  wentOn(slot) {
    const stalledMs = slot.waitingSince ? Math.round(performance.now() - slot.waitingSince) : 0;
    slot.waitingSince = 0;
    if (stalledMs >= VV_LEAST_STALL_MS) this.tell(slot, "stall", { duration_ms: stalledMs });
  }

  /** @param {Slot} slot @param {HTMLVideoElement} video */
  ended(slot, video) {
    this.tell(slot, "ended", { duration_ms: Math.round(video.currentTime * 1000) });
    this.dropped(slot, video);
  }

  /** Pictures the browser skipped since this was last told. @param {Slot} slot @param {HTMLVideoElement} video */
  dropped(slot, video) {
    const quality = video.getVideoPlaybackQuality?.();
    if (!quality || quality.droppedVideoFrames <= slot.droppedFrames) return;
    this.tell(slot, "dropped", { frames: quality.droppedVideoFrames - slot.droppedFrames, frames_total: quality.totalVideoFrames });
    slot.droppedFrames = quality.droppedVideoFrames;
  }

  /** @param {Slot} slot @param {string} event @param {Record<string, number>} numbers */
  tell(slot, event, numbers) {
    this.view.send("playback", { video_id: slot.item.id, event, ...numbers });
  }
}
