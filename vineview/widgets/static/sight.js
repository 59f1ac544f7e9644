// @ts-check
// Sight: whether the cell can be seen. Out of sight nothing plays and nothing is sent.

class VineSight {
  /** @param {VineView} view @param {HTMLElement} el what must be in sight @param {(inSight: boolean) => void} changed */
  constructor(view, el, changed) {
    this.view = view;
    this.changed = changed;
    this.intersects = false;
    this.told = true; // the kernel takes a new view for visible
    view.listen(document, "visibilitychange", () => this.look());
    const observer = new IntersectionObserver(view.guarded((entries) => {
      this.intersects = entries[entries.length - 1].isIntersecting;
      this.look();
    }), { threshold: 0.01 });
    observer.observe(el);
    view.own(() => observer.disconnect());
  }

  look() {
    const inSight = this.intersects && document.visibilityState === "visible";
    if (inSight === this.told) return;
    this.told = inSight;
    this.view.send("visible", { visible: inSight });
    this.changed(inSight);
  }
}
