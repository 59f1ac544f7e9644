// @ts-check
// Stills: GIFs and images of the feed, shown as they are.

class VineStills {
  /**
   * @param {VineView} view
   * @param {{slot: (id: string) => Slot | undefined, loaded: (slot: Slot) => void, damaged: (id: string, text: string) => void}} hooks
   */
  constructor(view, { slot, loaded, damaged }) {
    this.view = view;
    this.slot = slot;
    this.loaded = loaded;
    this.damaged = damaged;
    view.on("image", (message, buffers) => this.receive(message, buffers));
  }

  /** Ask for an image. @param {Slot} slot @param {HTMLImageElement} image */
  want(slot, image) {
    image.alt = slot.item.title;
    slot.undo.push(
      this.view.listen(image, "load", () => this.loaded(slot)),
      this.view.listen(image, "error", () => this.damaged(slot.item.id, "The image's data is damaged.")),
    );
    this.view.send("want_image", { video_id: slot.item.id });
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
