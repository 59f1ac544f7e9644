// Draws every figure of the page, in the page's own colours, and follows the reader's theme.
"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  const drawn = [];

  /** What a figure takes from the page: text, grid and ground. */
  function look(layout) {
    const text = colour("--text");
    const muted = colour("--muted");
    const line = colour("--line");
    const patch = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      "font.color": text,
      "legend.font.color": text,
      "hoverlabel.bgcolor": colour("--card"),
      "hoverlabel.font.color": text,
    };
    for (const axis of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      patch[`${axis}.gridcolor`] = line;
      patch[`${axis}.linecolor`] = line;
      patch[`${axis}.zerolinecolor`] = line;
      patch[`${axis}.tickfont.color`] = muted;
      patch[`${axis}.title.font.color`] = muted;
    }
    (layout.annotations || []).forEach((annotation, index) => {
      const own = (annotation.font && annotation.font.color) || text;
      patch[`annotations[${index}].font.color`] = dark.matches ? text : own;
    });
    return patch;
  }

  async function draw(chart) {
    const plot = chart.querySelector(".plot");
    const { data, layout } = JSON.parse(chart.querySelector("script").textContent);
    plot.hidden = false;
    try {
      const { width, ...rest } = layout;
      await Plotly.newPlot(plot, data, { autosize: true, ...structuredClone(rest) }, options);
      await Plotly.relayout(plot, look(layout));
      chart.dataset.drawn = "true";
      drawn.push({ plot, layout });
    } catch (error) {
      plot.hidden = true;
      console.error("this chart could not be drawn; its picture is shown instead", error);
    }
  }

  const restyle = () => drawn.forEach(({ plot, layout }) => Plotly.relayout(plot, look(layout)));
  dark.addEventListener("change", restyle);
  document.querySelectorAll("figure.chart").forEach(draw);
})();
