// Draws every figure of the page, in the page's own colours, and follows the reader's theme.
"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

  /** What a figure takes from the page: text, grid and ground. */
  function look(layout) {
    const axes = Object.keys({ xaxis: 1, yaxis: 1, ...layout }).filter((k) => /^[xy]axis\d*$/.test(k));
    const patch = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      "font.color": colour("--text"),
      "hoverlabel.bgcolor": colour("--card"),
      "hoverlabel.font.color": colour("--text"),
    };
    for (const axis of axes) {
      patch[`${axis}.gridcolor`] = colour("--line");
      patch[`${axis}.linecolor`] = colour("--line");
      patch[`${axis}.zerolinecolor`] = colour("--line");
    }
    return patch;
  }

  const drawn = [];
  for (const chart of document.querySelectorAll("figure.chart")) {
    const plot = chart.querySelector(".plot");
    const figure = JSON.parse(chart.querySelector("script").textContent);
    plot.hidden = false;
    delete figure.layout.width;
    const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
    Plotly.newPlot(plot, figure.data, { autosize: true, ...figure.layout }, options)
      .then(() => Plotly.relayout(plot, look(figure.layout)))
      .then(() => {
        chart.querySelector(".static").hidden = true;
        drawn.push(plot);
        chart.dataset.drawn = "true";
      })
      .catch((error) => {
        plot.hidden = true;
        console.error("this chart could not be drawn", error);
      });
  }
  const restyle = () => drawn.forEach((plot) => Plotly.relayout(plot, look(plot.layout)));
  dark.addEventListener("change", restyle);
  window.addEventListener("beforeprint", restyle);
})();
