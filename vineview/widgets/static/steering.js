// @ts-check
// Keys and fingers: the ways through a feed without a mouse.

const VV_SWIPE_PX = 40;
const VV_SHIFTED = "<>?"; // keys that many keyboards have behind shift
const VV_REPEATED = ",.";

/**
 * @param {VineView} view
 * @param {{stage: HTMLElement, owners: Map<HTMLElement, (event: KeyboardEvent) => void>, step: (by: number) => void,
 *   keys: Record<string, () => void>}} options
 *   `owners` have arrow keys of their own, with what these do; `keys` are all that are not arrows
 */
function vvSteer(view, { stage, owners, step, keys }) {
  /** @type {{x: number, y: number} | null} */
  let from = null;

  /** @type {Record<string, () => void>} */
  const acts = {
    ArrowDown: () => step(1),
    ArrowRight: () => step(1),
    j: () => step(1),
    ArrowUp: () => step(-1),
    ArrowLeft: () => step(-1),
    k: () => step(-1),
    ...keys,
  };

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!view.el.contains(target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.shiftKey && !VV_SHIFTED.includes(event.key)) return;
    if (target instanceof HTMLSelectElement && event.key !== "?") {
      event.stopPropagation(); // a list of choices has its own keys
      return;
    }
    const isArrow = event.key.startsWith("Arrow");
    const isPress = event.key === " " || event.key === "Enter";
    if (isPress && target instanceof HTMLButtonElement) {
      event.stopPropagation(); // pressing is the button's own business; the notebook must not act
      return;
    }
    for (const [owner, move] of isArrow ? owners : []) {
      if (!owner.contains(target)) continue;
      event.stopPropagation();
      move(event);
      return;
    }
    const act = acts[event.key];
    if (!act) {
      if (event.key.length === 1) event.stopPropagation(); // a slip must not cut the cell, as x does in a notebook
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat || isArrow || VV_REPEATED.includes(event.key)) act();
  }

  /** @param {PointerEvent} event */
  function onDown(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("select, .vv-help")) return;
    from = event.pointerType === "mouse" ? null : { x: event.clientX, y: event.clientY };
    view.el.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    const start = from;
    from = null;
    if (!start) return;
    const dx = event.clientX - start.x;
    const dy = event.clientY - start.y;
    if (Math.max(Math.abs(dx), Math.abs(dy)) < VV_SWIPE_PX) return;
    step((Math.abs(dy) >= Math.abs(dx) ? dy : dx) < 0 ? 1 : -1);
  }

  // Before anyone else on the page: a notebook listens at the document, in the capture phase.
  view.listen(window, "keydown", onKey, { capture: true });
  view.listen(stage, "pointerdown", onDown);
  view.listen(stage, "pointerup", onUp);
  view.listen(stage, "pointercancel", () => (from = null));
}
