/** Figures: the charts that are always in sight, drawn as SVG. */

import { html, svg, tableOf, text } from "./dom.js";

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

function tick(value) {
  const exponent = Math.round(Math.log10(value));
  const step = Math.min(PREFIXES.length - 1, Math.max(0, Math.floor(exponent / 3)));
  return `${Number((value / 1000 ** step).toPrecision(3))}${step ? ` ${PREFIXES[step]}` : ""}`;
}

/** A logarithmic axis around values: its decades, and where a value stands between two pixels. */
function logAxis(values, from, to) {
  const logs = values.map(Math.log10);
  const first = Math.floor(Math.min(...logs) - 0.4);
  const last = Math.ceil(Math.max(...logs) + 0.4);
  const decades = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  const at = (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from);
  return { decades, at, first: decades[0], last: decades[decades.length - 1] };
}

function drawRoofline(figure, width) {
  const height = Math.min(320, Math.max(240, width * 0.72));
  const box = { left: 58, right: width - 12, top: 16, bottom: height - 44 };
  const roof = figure.series.find((entry) => entry.role === "roof");
  const point = figure.series.find((entry) => entry.role === "point");
  const x = logAxis([roof.x, point.x], box.left, box.right);
  const y = logAxis([roof.y, point.y], box.bottom, box.top);
  const marks = [];
  const every = Math.ceil((x.decades.length * 46) / (box.right - box.left));
  x.decades.forEach((value, i) => {
    if (i % every) return;
    const at = x.at(value);
    marks.push(svg("line", { class: "mls-grid", x1: at, x2: at, y1: box.top, y2: box.bottom }));
    marks.push(text(at, box.bottom + 16, tick(value), { "text-anchor": "middle" }));
  });
  const everyRow = Math.ceil((y.decades.length * 24) / (box.bottom - box.top));
  y.decades.forEach((value, i) => {
    if (i % everyRow) return;
    const at = y.at(value);
    marks.push(svg("line", { class: "mls-grid", x1: box.left, x2: box.right, y1: at, y2: at }));
    marks.push(text(box.left - 8, at + 4, tick(value), { "text-anchor": "end" }));
  });
  // Left of its corner the roof rises with slope one on these axes, and is flat right of it.
  const start = Math.max(x.first, (roof.x * y.first) / roof.y);
  const ends = [start, (roof.y * start) / roof.x];
  const line = `M${x.at(ends[0])},${y.at(ends[1])}L${x.at(roof.x)},${y.at(roof.y)}H${box.right}`;
  const [px, py] = [x.at(point.x), y.at(point.y)];
  const late = px > (box.left + box.right) / 2;
  const low = py > box.bottom - 24;
  return [
    svg(
      "svg",
      { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": figure.alt },
      ...marks,
      svg("path", { class: "mls-under", d: `${line}V${box.bottom}H${x.at(ends[0])}Z` }),
      svg("line", {
        class: "mls-ridge",
        x1: x.at(roof.x),
        x2: x.at(roof.x),
        y1: y.at(roof.y),
        y2: box.bottom,
      }),
      svg("path", { class: "mls-roof", d: line }),
      svg("line", { class: "mls-drop", x1: px, x2: px, y1: py, y2: box.bottom }),
      svg("circle", { class: "mls-point", cx: px, cy: py, r: 6 }),
      text(box.right, y.at(roof.y) - 8, `peak ${roof.text}`, {
        class: "mls-note",
        "text-anchor": "end",
      }),
      text(px + (late ? -11 : 11), py + (low ? -6 : 16), point.text, {
        class: "mls-note mls-strong",
        "text-anchor": late ? "end" : "start",
      }),
      text(
        (box.left + box.right) / 2,
        height - 8,
        `${figure.axes.x.label} (${figure.axes.x.unit})`,
        { "text-anchor": "middle" },
      ),
      text(0, 0, `${figure.axes.y.label} (${figure.axes.y.unit})`, {
        transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`,
        "text-anchor": "middle",
      }),
    ),
  ];
}

function drawBreakdown(figure, width) {
  const rows = figure.series.filter((entry) => entry.role !== "limit");
  const limit = figure.series.find((entry) => entry.role === "limit");
  const parts = rows.filter((entry) => entry.role === "part");
  const total = rows.find((entry) => entry.role === "total");
  const largest = Math.max(...parts.map((part) => part.value));
  const filled = Math.max(
    total.value,
    parts.reduce((sum, part) => sum + part.value, 0),
  );
  // A limit far beyond the total would squeeze the parts to nothing: say so instead.
  const reachable = limit && limit.value <= filled * 5;
  const end = (reachable ? Math.max(filled, limit.value) : filled) * 1.02;
  const at = (value) => (value / end) * width;
  const marks = [];
  let reached = 0;
  rows.forEach((row, i) => {
    const top = i * 42;
    const isTotal = row.role === "total";
    const start = isTotal ? 0 : reached;
    const look = isTotal ? "mls-total" : row.value === largest ? "mls-largest" : "mls-part";
    marks.push(
      text(0, top + 14, row.name, { class: isTotal ? "mls-strong" : "" }),
      text(width, top + 14, row.text, { class: "mls-strong", "text-anchor": "end" }),
      svg("rect", { class: "mls-track", x: 0, y: top + 21, width, height: 10, rx: 3 }),
      svg("rect", {
        class: look,
        x: at(start),
        y: top + 21,
        width: Math.max(2, at(row.value)),
        height: 10,
        rx: 3,
      }),
    );
    if (reachable) {
      const x = at(limit.value);
      marks.push(svg("line", { class: "mls-limit", x1: x, x2: x, y1: top + 19, y2: top + 33 }));
    }
    if (!isTotal) reached += row.value;
  });
  let height = rows.length * 42;
  if (limit) {
    const x = at(limit.value);
    const words = `${limit.name} ${limit.text}${reachable ? "" : ", beyond this scale →"}`;
    const anchor = !reachable || x > width * 0.6 ? "end" : "start";
    marks.push(
      text(reachable ? x : width, height + 8, words, {
        class: "mls-limit-note",
        "text-anchor": anchor,
      }),
    );
    height += 14;
  }
  return [
    svg(
      "svg",
      { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": figure.alt },
      ...marks,
    ),
  ];
}

const DRAW = { roofline: drawRoofline, breakdown: drawBreakdown };

/** A figure that stays in the page, with its open data table, while its content changes. */
export function figureFrame() {
  const title = html("figcaption");
  const canvas = html("div", { class: "mls-canvas" });
  const table = html("details", {}, html("summary", {}, "Data table"));
  const root = html("figure", { class: "mls-panel" }, title, canvas, table);
  return {
    root,
    paint(figure) {
      root.dataset.figure = figure.name;
      title.textContent = figure.title;
      canvas.replaceChildren(...DRAW[figure.kind](figure, Math.max(200, canvas.clientWidth)));
      table.replaceChildren(table.firstElementChild, tableOf(figure.table));
    },
  };
}
