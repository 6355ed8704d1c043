/** Plots: figures that people hover, zoom and export, drawn by plotly.js in the theme of the page. */

import { html } from "./dom.js";

/** The colours of a specification, which are those of the light theme, by variable of the page. */
const PAINTS = {
  "--ink": "#16202b",
  "--soft": "#51606f",
  "--line": "#d5dce3",
  "--accent": "#0b6e6e",
  "--part": "#8fa3b5",
  "--bad": "#a8260f",
  "--panel": "#f6f8fa",
  "--warm": "#c98a1b",
};
const ROW = 26;
const CONFIG = {
  displaylogo: false,
  displayModeBar: true,
  // Nothing of a figure leaves the machine.
  showSendToCloud: false,
  modeBarButtonsToRemove: ["toImage", "sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
};

/** A specification in the colours that the page has now. */
function themed(figure, area) {
  const probe = area.appendChild(html("span"));
  let words = JSON.stringify(figure.plotly);
  for (const [name, paint] of Object.entries(PAINTS)) {
    probe.style.color = `var(${name})`;
    words = words.replaceAll(paint, getComputedStyle(probe).color);
  }
  probe.remove();
  const { data, layout } = JSON.parse(words);
  const { rows, flat } = layout.meta;
  const height = flat ? area.clientWidth * 0.4 + 130 : Math.max(340, rows * ROW + 150);
  const font = { ...layout.font, family: getComputedStyle(area).fontFamily };
  return { data, layout: { ...layout, font, height } };
}

/** A title in lines that fit an exported picture. */
function wrapped(title, most = 90) {
  const lines = [""];
  for (const word of title.replaceAll("&", "&amp;").replaceAll("<", "&lt;").split(" ")) {
    const longer = `${lines[lines.length - 1]} ${word}`.trim();
    if (longer.length > most) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.join("<br>");
}

/**
 * A plot that stays in the page while its figure changes; `load` resolves to plotly.js.
 * It follows its size and the theme until `signal` is aborted.
 */
export function plotFrame({ load, signal }) {
  const area = html("div", { class: "mls-plot", role: "figure" });
  const state = html("p", { class: "mls-help", role: "status" });
  const save = (format) =>
    html("button", { type: "button", disabled: true }, `Save as ${format.toUpperCase()}`);
  const buttons = { png: save("png"), svg: save("svg") };
  const root = html(
    "div",
    {},
    state,
    area,
    html("div", { class: "mls-saves" }, buttons.png, buttons.svg),
  );
  let plotly = null;
  let shown = null;
  let width = 0;

  const draw = () => {
    if (!plotly || !shown || !area.clientWidth) return;
    const { data, layout } = themed(shown, area);
    plotly.react(area, data, { ...layout, width: area.clientWidth }, CONFIG);
    area.setAttribute("aria-label", shown.alt);
    area.dataset.drawn = shown.name;
  };
  const paint = async (figure) => {
    shown = figure;
    state.hidden = Boolean(plotly);
    if (plotly) return draw();
    state.textContent = "The plotting library is being loaded.";
    try {
      plotly = await load();
      state.hidden = true;
      for (const button of Object.values(buttons)) button.disabled = false;
      draw();
    } catch (error) {
      state.textContent = `The plotting library could not be loaded: ${error.message}`;
    }
  };
  for (const [format, button] of Object.entries(buttons)) {
    button.addEventListener("click", () => {
      const { data, layout } = themed(shown, area);
      const title = {
        text: wrapped(shown.title),
        x: 0,
        xref: "paper",
        xanchor: "left",
        font: { size: 15 },
      };
      const page = getComputedStyle(area).backgroundColor;
      const margin = { ...layout.margin, t: 90, r: 40 };
      const titled = {
        ...layout,
        title,
        margin,
        paper_bgcolor: page,
        width: 900,
        height: Math.max(520, layout.height),
      };
      plotly.downloadImage(
        { data, layout: titled },
        {
          format,
          width: 900,
          height: titled.height,
          scale: format === "png" ? 2 : 1,
          filename: shown.name,
        },
      );
    });
  }
  const resized = new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) < 1) return;
    width = entry.contentRect.width;
    draw();
  });
  resized.observe(area);
  // The theme is the system's, or JupyterLab's.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal });
  const recoloured = new MutationObserver(draw);
  recoloured.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  signal.addEventListener("abort", () => {
    resized.disconnect();
    recoloured.disconnect();
  });
  return { root, paint };
}
