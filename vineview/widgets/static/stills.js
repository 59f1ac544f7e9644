// @ts-check
// Stills: GIFs and images of the feed, shown as they are.

const VV_THUMB_PX = 320;

class VineStills {
  /**
   * @param {VineView} view
   * @param {{slot: (id: string) => Slot | undefined, loaded: (slot: Slot) => void, damaged: (id: string, text: string) => void,
   *   pictured: (id: string, picture: Blob) => void}} hooks
   */
  constructor(view, { slot, loaded, damaged, pictured }) {
    this.view = view;
    this.slot = slot;
    this.loaded = loaded;
    this.damaged = damaged;
    this.pictured = pictured;
    view.on("image", (message, buffers) => this.receive(message, buffers));
  }

  /** Ask for an image. @param {Slot} slot @param {HTMLImageElement} image */
  want(slot, image) {
    image.alt = slot.item.title;
    slot.undo.push(
      this.view.listen(image, "load", () => {
        this.loaded(slot);
        void this.picture(slot.item.id, image);
      }),
      this.view.listen(image, "error", () =>
        this.damaged(slot.item.id, "The image's data is damaged, or it is larger than this browser shows."),
      ),
    );
    this.view.send("want_image", { video_id: slot.item.id });
  }

  /** The image once more, small, for the strip: of those that have no controller the kernel has no poster. @param {string} id @param {HTMLImageElement} image */
  async picture(id, image) {
    const scale = VV_THUMB_PX / Math.max(VV_THUMB_PX, image.naturalWidth, image.naturalHeight);
    const [width, height] = [image.naturalWidth, image.naturalHeight].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")?.drawImage(image, 0, 0, width, height);
    const picture = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
    this.view.guarded(() => this.view.closed || this.pictured(id, picture))();
  }

  /** @param {VineMessage} message @param {DataView[]} buffers */
  receive(message, [data]) {
    const slot = this.slot(message.video_id);
    if (!slot || !(slot.node instanceof HTMLImageElement)) return;
    const { url, revoke } = this.view.url(new Blob([/** @type {BlobPart} */ (data)], { type: message.mime_type }));
    slot.undo.push(revoke);
    slot.node.src = url;
  }
}
