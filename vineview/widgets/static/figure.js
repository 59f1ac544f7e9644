// @ts-check
// A figure on its way to the screen: its arrays out of the buffers, its colours for the theme, its
// instants for the zone a person reads.

/** @typedef {{data: any[], layout: any}} VineFigure */
/** @typedef {{uid: string, x: Float64Array, y: Float32Array}} VineLine */

const VV_TINT = ", tint";
const VV_ZONE_CHANGED = "vineview-zone";
const VV_MINUTE_MS = 60_000;
const VV_SEASON_MS = 60 * 86_400_000; // shorter than from one change of the clocks to the next

/** Put the arrays that travelled as buffers back into a figure. @param {any} part @param {DataView[]} buffers @returns {any} */
function vvUnpack(part, buffers) {
  if (Array.isArray(part)) return part.map((each) => vvUnpack(each, buffers));
  if (part === null || typeof part !== "object") return part;
  if (typeof part.vv_buffer === "number") {
    const view = buffers[part.vv_buffer];
    const own = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
    if (part.dtype === "uint32") {
      const parts = part.step < 0.005 ? 100 : 1; // of a millisecond; a step's rounding is undone
      return Float64Array.from(new Uint32Array(own), (steps) => Math.round((part.start + steps * part.step) * parts) / parts);
    }
    return part.dtype === "float32" ? new Float32Array(own) : new Float64Array(own);
  }
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, vvUnpack(value, buffers)]));
}

/** Recolour by exact match; arrays of numbers are shared, not copied. @param {any} part @param {Record<string, string>} swaps @returns {any} */
function vvRecolour(part, swaps) {
  if (typeof part === "string") return swaps[part] ?? part;
  if (part === null || typeof part !== "object" || ArrayBuffer.isView(part)) return part;
  if (Array.isArray(part)) return part.map((each) => vvRecolour(each, swaps));
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, vvRecolour(value, swaps)]));
}

/** Whether the page is dark: as JupyterLab or VS Code say, else as its background looks. */
function vvIsDark() {
  const light = document.body.getAttribute("data-jp-theme-light");
  if (light !== null) return light === "false";
  if (document.body.classList.contains("vscode-dark")) return true;
  const [red, green, blue, alpha = 1] = (getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
  return alpha > 0 && 0.3 * red + 0.6 * green + 0.1 * blue < 110;
}

/** The area under a line: its points, but at zero across its gaps, which plotly would tint. @param {VineLine} line */
function vvTint({ x, y }) {
  const breaks = y.reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0);
  if (!breaks) return { x, y };
  const under = { x: new Float64Array(x.length + 2 * breaks), y: new Float32Array(y.length + 2 * breaks) };
  let place = 0;
  const put = (/** @type {number} */ at, /** @type {number} */ value) => {
    under.x[place] = at;
    under.y[place] = value;
    place += 1;
  };
  for (let each = 0; each < y.length; each += 1) {
    if (!Number.isNaN(y[each])) put(x[each], y[each]);
    else for (const at of [x[Math.max(each - 1, 0)], x[each], x[Math.min(each + 1, x.length - 1)]]) put(at, 0);
  }
  return under;
}

/** Steps travel as their changes; a reader who points at any measured instant is told them too. @param {any[]} data @returns {any[]} */
function vvTellSteps(data) {
  const told = data.find((trace) => trace.uid === "measured");
  const isSteps = (/** @type {any} */ trace) => trace.line?.shape === "hv" && trace.hoverinfo !== "skip" && trace.x.length;
  return told ? data.map((trace) => (isSteps(trace) ? { ...trace, ...vvStepsAt(trace, told) } : trace)) : data;
}

/** A line of steps with a point at each of another's as well. @param {VineLine} steps @param {VineLine} told */
function vvStepsAt({ x, y }, told) {
  const last = x[x.length - 1];
  const more = told.x.filter((at, place) => at > x[0] && at < last && !Number.isNaN(told.y[place]));
  const every = Float64Array.from(new Set([...x, ...more])).sort();
  let place = 0;
  const values = Float32Array.from(every, (at) => {
    while (x[place + 1] <= at) place += 1;
    return y[place];
  });
  return { x: every, y: values };
}

/** Give each area the points of its line. @param {any[]} data */
function vvFillTints(data) {
  for (const area of data) {
    if (!area.uid?.endsWith(VV_TINT)) continue;
    const line = data.find((each) => each.uid === area.uid.slice(0, -VV_TINT.length));
    if (line) Object.assign(area, vvTint(line));
  }
}

/** The points of `more` later than those of `line`, after them. @param {VineLine} line @param {VineLine} more */
function vvExtended(line, more) {
  const last = line.x.length ? line.x[line.x.length - 1] : -Infinity;
  const first = more.x.findIndex((at) => at > last);
  if (first < 0) return line;
  const [x, y] = [more.x.subarray(first), more.y.subarray(first)];
  const joined = { x: new Float64Array(line.x.length + x.length), y: new Float32Array(line.y.length + y.length) };
  joined.x.set(line.x);
  joined.x.set(x, line.x.length);
  joined.y.set(line.y);
  joined.y.set(y, line.y.length);
  return joined;
}

/** In which zone this page reads time: every chart of it in the same. @returns {"utc" | "local"} */
function vvZone() {
  return /** @type {any} */ (globalThis).__vineviewZone ?? "utc";
}

/** @param {"utc" | "local"} zone */
function vvSetZone(zone) {
  /** @type {any} */ (globalThis).__vineviewZone = zone;
  window.dispatchEvent(new CustomEvent(VV_ZONE_CHANGED));
}

/** The zone's name. @param {string} zone */
function vvZoneName(zone) {
  return zone === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
}

/** Where on a time axis an instant stands: plotly's axes know no zones. @param {number} at_ms */
function vvToAxis(at_ms) {
  return vvZone() === "utc" ? at_ms : at_ms - new Date(at_ms).getTimezoneOffset() * VV_MINUTE_MS;
}

/** The instant at a place of a time axis. @param {number} place */
function vvFromAxis(place) {
  if (vvZone() === "utc") return place;
  const near = place + new Date(place).getTimezoneOffset() * VV_MINUTE_MS;
  return place + new Date(near).getTimezoneOffset() * VV_MINUTE_MS;
}

/** An instant in words, in the page's zone. @param {number} at_ms */
function vvWhen(at_ms) {
  return new Date(vvToAxis(Math.round(at_ms))).toISOString().slice(0, 19).replace("T", " ");
}

/** A place of a time axis in the form plotly shows as it is: of a bare number it shows the hours of the reader's zone. @param {number} place */
function vvStamp(place) {
  return new Date(place).toISOString().slice(0, 23).replace("T", " ");
}

/** A line's instants for plotly. Numbers are cheap, so they are moved to where plotly moves them back from; text is exact where the clocks change between them. @param {Float64Array} instants */
function vvForPlotly(instants) {
  const places = vvZone() === "utc" ? instants : instants.map(vvToAxis);
  const [first, last] = [places[0], places[places.length - 1]];
  const minutes = new Date(first).getTimezoneOffset();
  const moved = minutes * VV_MINUTE_MS;
  const steady = [first, last, first + moved, last + moved].every((at) => new Date(at).getTimezoneOffset() === minutes);
  if (places.length && !(steady && last - first < VV_SEASON_MS)) return Array.from(places, vvStamp);
  return moved ? places.map((place) => place + moved) : places;
}

/** The figure with its instants where the page's zone has them. @param {VineFigure} figure @returns {VineFigure} */
function vvZoned({ data, layout }) {
  if (layout.xaxis?.type !== "date") return { data, layout };
  const stamp = (/** @type {any} */ at) => (typeof at === "number" ? vvStamp(vvToAxis(at)) : at);
  const moved = (/** @type {any} */ thing) =>
    thing.xref === "x" ? { ...thing, ...Object.fromEntries(["x", "x0", "x1"].filter((name) => name in thing).map((name) => [name, stamp(thing[name])])) } : thing;
  const name = vvZoneName(vvZone());
  const said = { hoverformat: layout.xaxis.hoverformat?.replace("UTC", name), title: { ...layout.xaxis.title, text: `time (${name})` } };
  return {
    data: data.map((trace) => (trace.x instanceof Float64Array ? { ...trace, x: vvForPlotly(trace.x) } : trace)),
    layout: {
      ...layout,
      xaxis: { ...layout.xaxis, range: layout.xaxis.range?.map(stamp), ...(vvZone() === "utc" ? {} : said) },
      shapes: layout.shapes?.map(moved),
      annotations: layout.annotations?.map(moved),
    },
  };
}

const VV_NAME = { most: 16, head: 8, tail: 7 };

/** A long name by its beginning and its end, where devices differ. @param {string} name */
function vvShort(name) {
  return name.length > VV_NAME.most ? `${name.slice(0, VV_NAME.head)}…${name.slice(-VV_NAME.tail)}` : name;
}

/** Give a narrow cell's width to the data. @param {any} layout @param {any[]} data @returns {any[]} the data as it then is */
function vvCompact(layout, data) {
  layout.margin = { ...layout.margin, l: 40, r: 8 };
  layout.legend = { ...layout.legend, font: { ...layout.legend?.font, size: 10.5 } };
  for (const name of ["yaxis", "yaxis2"]) if (layout[name]) layout[name] = { ...layout[name], title: { text: "" } };
  const small = (/** @type {any} */ label) => (label.font?.size < 12 ? { ...label, font: { ...label.font, size: 9.5 } } : label);
  layout.annotations = layout.annotations?.map(small);
  const names = [...new Set(data.flatMap((trace) => (Array.isArray(trace.y) ? trace.y : [])))].filter((name) => typeof name === "string");
  for (const name of ["xaxis", "xaxis2"]) if (layout[name]) layout[name] = { ...layout[name], nticks: names.length ? 2 : 4, tickangle: 0 };
  if (layout.xaxis2) for (const { title } of [layout.xaxis, layout.xaxis2]) title.text = title.text.replace(/ \(.*\)$/, ""); // the bars name the unit
  if (names.length) layout.yaxis = { ...layout.yaxis, tickmode: "array", tickvals: names, ticktext: names.map(vvShort) };
  for (const trace of data) if (trace.uid === "growth") trace.name = "growth"; // its tile says how much
  return data.map((trace) => (trace.type === "heatmap" ? { ...trace, xgap: 0, colorbar: { ...trace.colorbar, thickness: 8 } } : trace));
}
