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

  /** Let plain keys be this widget's own: to a notebook x means to cut the cell. Saving and running it (Ctrl, Shift+Enter) go on. */
  keepKeys() {
    const keep = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      const isForAll = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
      if (this.el.contains(target)) vvSet(target, "data-lm-suppress-shortcuts", isForAll ? null : "true");
    };
    this.listen(window, "keydown", keep, { capture: true }); // before JupyterLab, which asks the target itself first
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
