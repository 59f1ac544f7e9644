// @ts-check
// The contact sheet: the strip's cells, spread out, with titles.

export default vvWidget((view) => {
  const status = vvNode("div", { class: "vv-sheet-status" });
  const strip = new VineStrip(view, {
    pick: (item) => view.send("navigate", { video_id: item.id }),
    label: "The feed",
    titles: true,
  });
  const posters = new VinePosters(view, strip);
  view.el.classList.add("vv-sheet");
  view.keepKeys(); // arrows move here, not between cells
  view.on("sheet", ({ document }) => {
    status.textContent = document.heading;
    strip.update(document, document.current_id ?? "");
    posters.keep(document.items);
  });
  view.on("poster", ({ video_id }, [data]) => void posters.set(video_id, data));
  view.el.append(status, strip.el);
});
