// @ts-check
// The contact sheet: the strip's cells, spread out, with titles.

export default vvWidget((view) => {
  const status = vvNode("div", { class: "vv-sheet-status" });
  const strip = new VineStrip(view, {
    pick: (item) => view.send("navigate", { video_id: item.id }),
    label: "The feed",
    titles: true,
  });
  /** @type {Map<string, () => void>} */
  const posters = new Map();
  view.el.classList.add("vv-sheet");
  view.el.setAttribute("data-lm-suppress-shortcuts", "true"); // arrows move here, not between cells
  view.on("sheet", ({ document }) => {
    status.textContent = document.total ? `${document.total} videos · ${document.status}` : "This feed is empty.";
    strip.update(document, document.current_id ?? "");
    const known = new Set(document.items.map((/** @type {StripItem} */ item) => item.id));
    for (const [id, revoke] of posters) {
      if (known.has(id)) continue;
      revoke();
      posters.delete(id);
      strip.dropPoster(id);
    }
  });
  view.on("poster", ({ video_id }, [data]) => {
    const { url, revoke } = view.url(new Blob([/** @type {BlobPart} */ (data)], { type: "image/jpeg" }));
    posters.get(video_id)?.();
    posters.set(video_id, revoke);
    strip.setPoster(video_id, url);
  });
  view.el.append(status, strip.el);
});
