// @ts-check
// What every widget's page side shares: one view's belongings, messages, small pieces of markup.
// The files of a widget are joined into one module, so there are no imports.

/**
 * @typedef {{kind: string, view?: string, [field: string]: any}} VineMessage
 * @typedef {{get(name: string): any, set(name: string, value: any): void, save_changes(): void,
 *   send(content: any, callbacks?: any, buffers?: any[]): void,
 *   on(name: string, callback: (...args: any[]) => void): void,
 *   off(name: string, callback?: (...args: any[]) => void): void}} VineModel
 */

const VV_ALIVE_EVERY_MS = 15_000;
const VV_ALIVE_WITHIN_MS = 6_000;
const VV_DOUBTED_WITHIN_MS = 1_000; // once the page has heard that the kernel restarts or went

/** One view of a widget: it owns every listener, timer and object URL, and gives them all back. */
class VineView {
  /** @param {VineModel} model @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.id = vvRandomId();
    this.closed = false;
    /** @type {Set<() => void>} */
    this.belongings = new Set();
    /** @type {Map<string, (message: VineMessage, buffers: DataView[]) => void>} */
    this.handlers = new Map();
    this.noteBox = vvNode("div", { class: "vv-note", role: "status", hidden: true });
    this.faultBox = vvNode("div", { class: "vv-faults", role: "alert" });
    el.classList.add("vv-root");
    this.watch("msg:custom", (message, buffers) => this.receive(message, buffers ?? []));
    this.watch("comm_live_update", () => this.ask(VV_DOUBTED_WITHIN_MS));
    this.on("fault", (message) => this.fault(message.text));
    this.on("alive", () => {});
    this.on("who", () => this.hello());
  }

  /** Call once the widget's markup stands: places the note and fault boxes, if it has not. */
  open() {
    if (!this.noteBox.parentNode) this.el.append(this.noteBox, this.faultBox);
    this.every(VV_ALIVE_EVERY_MS, () => this.ask());
    this.listen(window, "pagehide", () => this.send("bye"));
  }

  hello() {
    this.send("hello");
    this.awaitAnswer();
  }

  /** Give everything back. Idempotent. */
  close() {
    if (this.closed) return;
    this.send("bye");
    this.closed = true;
    for (const undo of [...this.belongings].reverse()) undo();
    this.belongings.clear();
    this.el.replaceChildren();
  }

  /** @param {() => void} undo what to do when the view goes; returns a way to do it now */
  own(undo) {
    const once = () => {
      if (this.belongings.delete(once)) undo();
    };
    this.belongings.add(once);
    return once;
  }

  /**
   * @param {EventTarget} target @param {string} type
   * @param {(event: any) => void} handler @param {AddEventListenerOptions} [options]
   */
  listen(target, type, handler, options) {
    const guarded = this.guarded(handler);
    target.addEventListener(type, guarded, options);
    return this.own(() => target.removeEventListener(type, guarded, options));
  }

  /** Follow an event of the model, such as `change:muted`. @param {string} name @param {(...args: any[]) => void} handler */
  watch(name, handler) {
    const guarded = this.guarded(handler);
    this.model.on(name, guarded);
    return this.own(() => this.model.off(name, guarded));
  }

  /** @param {number} ms @param {() => void} tick */
  every(ms, tick) {
    const timer = setInterval(this.guarded(tick), ms);
    return this.own(() => clearInterval(timer));
  }

  /** @param {number} ms @param {() => void} then */
  after(ms, then) {
    const timer = setTimeout(() => {
      cancel();
      this.guarded(then)();
    }, ms);
    const cancel = this.own(() => clearTimeout(timer));
    return cancel;
  }

  /** An object URL that goes with the view. @param {Blob | MediaSource} thing */
  url(thing) {
    const url = URL.createObjectURL(thing);
    return { url, revoke: this.own(() => URL.revokeObjectURL(url)) };
  }

  /** Handle messages of one kind. @param {string} kind @param {(message: VineMessage, buffers: DataView[]) => void} handler */
  on(kind, handler) {
    this.handlers.set(kind, handler);
  }

  /** @param {string} kind @param {Record<string, any>} [fields] */
  send(kind, fields) {
    if (this.closed) return;
    try {
      this.model.send({ kind, view: this.id, ...fields });
    } catch {
      this.note(VV_SILENT_KERNEL); // a dead comm refuses; the note says what to do
    }
  }

  /** @param {VineMessage} message @param {DataView[]} buffers */
  receive(message, buffers) {
    if (message.view !== undefined && message.view !== this.id) return;
    this.awaiting?.();
    this.note("");
    this.handlers.get(message.kind)?.(message, buffers);
  }

  /** Ask whether the kernel still answers; a note appears when it does not. @param {number} [withinMs] */
  ask(withinMs) {
    if (document.visibilityState === "hidden" && this.awaiting) return;
    this.send("alive");
    this.awaitAnswer(withinMs);
  }

  /** @param {number} [withinMs] */
  awaitAnswer(withinMs = VV_ALIVE_WITHIN_MS) {
    this.awaiting?.();
    this.awaiting = this.after(withinMs, () => this.note(VV_SILENT_KERNEL));
  }

  /** A line under the widget that comes and goes; empty text hides it. @param {string} text */
  note(text) {
    vvText(this.noteBox, text);
    this.noteBox.hidden = text === "";
  }

  /** Show an error where the person looks. @param {string} text */
  fault(text) {
    const known = [...this.faultBox.children].some((card) => card.getAttribute("data-text") === text);
    if (known) return;
    const dismiss = vvButton("close", "Dismiss", () => card.remove(), this);
    const card = vvNode("div", { class: "vv-fault", "data-text": text }, vvIcon("warning"), vvNode("span", {}, text), dismiss);
    this.faultBox.append(card);
    while (this.faultBox.children.length > 3) this.faultBox.firstElementChild?.remove();
  }

  /** @template {(...args: any[]) => void} F @param {F} handler @returns {F} */
  guarded(handler) {
    return /** @type {F} */ (
      (...args) => {
        try {
          handler(...args);
        } catch (error) {
          console.error(error);
          this.fault(`The widget's page side failed: ${error instanceof Error ? error.message : error}`);
        }
      }
    );
  }
}

const VV_SILENT_KERNEL =
  "The kernel does not answer: it is busy, was restarted, or is gone. " +
  "What is loaded stays; if this does not pass, run the cell again.";

/**
 * The widget module from one function that builds a view.
 * @param {(view: VineView) => void} build
 */
function vvWidget(build) {
  return {
    /** @param {{model: VineModel, el: HTMLElement}} host */
    render({ model, el }) {
      const view = new VineView(model, el);
      view.hello(); // what is built here is done by the time the kernel answers
      view.guarded(() => build(view))();
      view.open();
      return () => view.close();
    },
  };
}

/**
 * @param {string} tag @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElement}
 */
function vvNode(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) vvSet(node, name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set, or with `false`, `null` or `undefined` remove, an attribute; what is so already costs nothing. @param {Element} node @param {string} name @param {any} value */
function vvSet(node, name, value) {
  const wanted = value === false || value === null || value === undefined ? null : value === true ? "" : String(value);
  if (node.getAttribute(name) === wanted) return;
  if (wanted === null) node.removeAttribute(name);
  else node.setAttribute(name, wanted);
}

/** Set a node's text, if it is another. @param {Element} node @param {string} text */
function vvText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Paths on a 24 x 24 grid, drawn with the current colour. */
const VV_ICONS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  previous: "M12 7.500 4.500 15 6 16.500l6-6 6 6 1.500-1.500z",
  next: "M12 16.500 4.500 9 6 7.500l6 6 6-6L19.500 9z",
  sound: "M4 9.5v5h3.5L12 19V5L7.500 9.500zM14.500 8.200v7.600c1.500-.700 2.500-2.100 2.500-3.800s-1-3.100-2.500-3.800zM14.500 4v2.100c2.700.800 4.500 3.200 4.500 5.900s-1.800 5.100-4.500 5.900V20c3.800-.900 6.500-4.100 6.500-8s-2.700-7.100-6.500-8z",
  muted: "M4 9.5v5h3.5L12 19V5L7.5 9.5zM21 9.600 19.500 8.100 17.300 10.400 15.100 8.100 13.600 9.600 15.900 11.900 13.600 14.200 15.100 15.700 17.300 13.400 19.500 15.700 21 14.200 18.700 11.900z",
  check: "M9.500 17.600 4 12.100l1.600-1.600 3.900 3.900 8.900-8.900L20 7.100z",
  warning: "M12 3 1.500 21h21zM11 10h2v5h-2zm0 6.500h2v2h-2z",
  stop: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM6.500 10.700h11v2.600h-11z",
  clock: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2.200a7.800 7.800 0 1 1 0 15.600 7.800 7.800 0 0 1 0-15.600zM11 7v5.600l4.300 2.600 1-1.700-3.300-2V7z",
  circle: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zm0 2.200a5.800 5.800 0 1 1 0 11.600 5.800 5.800 0 0 1 0-11.600z",
  loading: "M12 3a9 9 0 0 1 9 9h-2.400A6.600 6.600 0 0 0 12 5.400z",
  close: "M6.400 5 12 10.600 17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400L12 13.400 6.400 19 5 17.600 10.600 12 5 6.400z",
  film: "M4 4h16v16H4zm2 2v2h2V6zm0 4v4h2v-4zm0 6v2h2v-2zm10-10v2h2V6zm0 4v4h2v-4zm0 6v2h2v-2zM10 6v12h4V6z",
  back: "M6 5h2.500v14H6zM19 5.500v13L9.500 12z",
  on: "M5 5.500v13L14.500 12zM15.500 5H18v14h-2.500z",
  loop: "M7 7h9V4l5 4.500-5 4.500v-3H9.500v2.500H7zM17 17H8v3l-5-4.500L8 11v3h6.500v-2.500H17z",
  help: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1.100 14.700h2.200v2.200h-2.200zM12 5.100a3.900 3.900 0 0 0-3.900 3.900h2.200a1.700 1.700 0 1 1 2.600 1.450c-1.300.850-2 1.700-2 3.550h2.200c0-1 .350-1.250 1.100-1.750A3.900 3.900 0 0 0 12 5.100z",
  retry: "M12 5a7 7 0 0 1 6.300 4H15v2h7V4h-2v3.500A9 9 0 1 0 21 12h-2a7 7 0 1 1-7-7z",
};

/** @param {string} name */
function vvIcon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", class: `vv-icon vv-icon-${name}` }))
    svg.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", VV_ICONS[/** @type {keyof typeof VV_ICONS} */ (name)] ?? "");
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/**
 * A button with an icon, a label for those who do not see it, and a title for those who hover.
 * @param {string} icon @param {string} label @param {() => void} press @param {VineView} view
 */
function vvButton(icon, label, press, view) {
  const button = vvNode("button", { type: "button", class: "vv-button", "aria-label": label, title: label }, vvIcon(icon));
  button.addEventListener("click", view.guarded(press));
  return /** @type {HTMLButtonElement} */ (button);
}

/** Change a button's icon and label. @param {HTMLElement} button @param {string} icon @param {string} label */
function vvRelabel(button, icon, label) {
  if (button.getAttribute("aria-label") === label) return;
  vvSet(button, "aria-label", label);
  vvSet(button, "title", label);
  button.replaceChildren(vvIcon(icon));
}

/** Seconds as m:ss. @param {number} seconds */
function vvClock(seconds) {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Random, unguessable enough to tell views apart; works where pages are not secure contexts. */
function vvRandomId() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Some buffers as one. @param {DataView[]} buffers */
function vvJoined(buffers) {
  if (buffers.length === 1) return buffers[0];
  const whole = new Uint8Array(buffers.reduce((sum, each) => sum + each.byteLength, 0));
  let at = 0;
  for (const each of buffers) {
    whole.set(new Uint8Array(each.buffer, each.byteOffset, each.byteLength), at);
    at += each.byteLength;
  }
  return whole;
}
