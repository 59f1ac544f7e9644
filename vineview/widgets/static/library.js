// @ts-check
// plotly.js itself: it comes from the kernel, once per page whatever the number of charts, and is
// kept on globalThis. The chart that asked may die, so another asks when the answer stays away.

const VV_REASK_AFTER_MS = 4000;

/** What all charts of the page share: the library, who asked for it, and what it cost. */
function vvPlotlyShare() {
  const home = /** @type {any} */ (globalThis);
  if (!home.__vineviewPlotly) {
    const share = { library: null, asker: "", askedAt: 0, crossings: 0, bytes: 0, arrive: (/** @type {any} */ _) => {} };
    home.__vineviewPlotly = { ...share, arrival: null, loading: null };
    home.__vineviewPlotly.arrival = new Promise((resolve) => (home.__vineviewPlotly.arrive = resolve));
  }
  return home.__vineviewPlotly;
}

/** Wait for plotly.js, asking the kernel for it when no chart of the page has. @param {VineView} view */
async function vvPlotly(view) {
  const share = vvPlotlyShare();
  const began = performance.now();
  view.on("plotly", (_, buffers) => {
    share.crossings += 1;
    share.bytes += buffers[0].byteLength;
    vvTakePlotly(share, buffers[0]).catch((error) => view.fault(`plotly.js did not start: ${error.message}`));
  });
  view.own(() => {
    if (share.asker === view.id && !share.loading) share.asker = "";
  });
  await null; // the view says hello first
  while (!share.library && !view.closed) {
    const patience = Math.max(share.askedAt, began, view.figureAt ?? Infinity) + VV_REASK_AFTER_MS;
    if (!share.asker || (!share.loading && performance.now() > patience)) {
      share.asker = view.id;
      share.askedAt = performance.now();
      view.send("need_plotly", { packed: typeof DecompressionStream !== "undefined" });
    }
    await Promise.race([share.arrival, new Promise((resolve) => view.after(500, () => resolve(null)))]);
  }
  return share.library;
}

/** Start the script that crossed; a second copy is ignored. @param {any} share @param {DataView} packed */
async function vvTakePlotly(share, packed) {
  if (share.library || share.loading) return;
  share.loading = true;
  try {
    let bytes = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
      const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      bytes = new Uint8Array(await new Response(plain).arrayBuffer());
    }
    share.library = await vvRunPlotly(bytes);
    share.arrive(share.library);
  } finally {
    share.loading = false;
    if (!share.library) share.asker = "";
  }
}

/**
 * Run the script where an AMD loader or a module system of the page cannot catch it: their names
 * are parameters here, so only the global object is left to attach to.
 * @param {BlobPart} bytes
 */
async function vvRunPlotly(bytes) {
  const home = /** @type {any} */ (globalThis);
  const earlier = home.Plotly;
  const parts = ["(function (define, module, exports) {\n", bytes, "\n}).call(globalThis);"];
  const blob = new Blob(parts, { type: "text/javascript;charset=utf-8" });
  const script = document.createElement("script");
  const url = URL.createObjectURL(blob);
  try {
    await new Promise((resolve) => {
      script.onload = script.onerror = resolve;
      script.src = url;
      document.head.append(script);
    });
    if (home.Plotly === earlier) {
      // A content security policy may refuse blob: scripts and allow inline ones.
      const inline = document.createElement("script");
      inline.textContent = await blob.text();
      document.head.append(inline);
      inline.remove();
    }
  } finally {
    script.remove();
    URL.revokeObjectURL(url);
  }
  if (home.Plotly === earlier) throw new Error("the page's security policy refuses scripts from the notebook");
  const library = home.Plotly;
  if (earlier) home.Plotly = earlier;
  return library;
}
