// @ts-check
// A chart with its key numbers. Everything it shows comes by message when it says hello.

export default vvWidget((view) => {
  const plot = new VinePlot(view);
  const readout = new VineReadout(view, plot);
  const zoom = new VineZoom(view, plot);
  const brush = new VineBrush(view, plot, zoom);
  const keys = new VineKeys(view, plot, zoom, brush);
  view.el.classList.add("vv-chart");
  view.on("cursor", (message) => plot.setCursor(message.at_ms));
  view.el.append(readout.el, keys.bar, keys.keys, plot.el, brush.el, readout.table);
});
