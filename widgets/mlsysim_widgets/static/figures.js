/** Figures: the charts that are always in sight, drawn as SVG; any other by plotly.js. */

import { html, onlyNew, place, svg, tableOf, text } from "./dom.js";
import { plotFrame } from "./plot.js";

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

function tick(value) {
  if (value && Math.abs(value) < 9e-4) return value.toExponential(0);
  const exponent = value ? Math.log10(Math.abs(value)) + 1e-9 : 0;
  const step = exponent < 4 ? 0 : Math.min(PREFIXES.length - 1, Math.floor(exponent / 3));
  return `${(value / 1000 ** step).toLocaleString("en", { maximumSignificantDigits: 3 })}${step ? ` ${PREFIXES[step]}` : ""}`;
}

/** A logarithmic axis around values, to whole decades where there is to be room around them. */
function logAxis(values, from, to, roomy = true) {
  const logs = values.map(Math.log10);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const first = roomy ? Math.floor(low - 0.4) : low;
  const last = roomy ? Math.ceil(high + 0.4) : Math.max(high, low + 0.1);
  const inside = (value) => Math.log10(value) >= first - 1e-9 && Math.log10(value) <= last + 1e-9;
  const decades = Array.from(
    { length: Math.ceil(last) - Math.floor(first) + 1 },
    (_, i) => 10 ** (Math.floor(first) + i),
  );
  const fine =
    last - first > 2 ? decades : decades.flatMap((value) => [value, 2 * value, 5 * value]);
  const at = (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from);
  return { ticks: fine.filter(inside), at, first: 10 ** first };
}

/** A linear axis around values, with round numbers as ticks. */
function linearAxis(values, from, to, roomy = true) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * (roomy ? 0.08 : 0);
  // What is near zero, seen from the other end, is shown from zero on.
  const first = roomy && low >= 0 && low < (high - low) / 2 ? 0 : low - room;
  const last = high + room;
  const rough = (last - first) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 2.5, 5].find((each) => each * unit >= rough) ?? 10);
  const ticks = [];
  for (let i = Math.ceil(first / step - 1e-9); i * step <= last + step * 1e-9; i += 1)
    ticks.push(i * step || 0);
  return { ticks, at: (value) => from + ((value - first) / (last - first)) * (to - from), first };
}

const axisAround = (axis, ...rest) => (axis.scale === "log" ? logAxis : linearAxis)(...rest);
const axisWords = ({ label, unit }) => (unit ? `${label} (${unit})` : label);

/** The lines, numbers and titles of two axes; ticks that would touch are left out. */
function axesAround(box, x, y, { axes }) {
  const marks = [];
  const widest = Math.max(...x.ticks.map((value) => tick(value).length)) * 7 + 12;
  const every = Math.ceil((x.ticks.length * widest) / (box.right - box.left));
  x.ticks.forEach((value, i) => {
    if (i % every) return;
    const at = x.at(value);
    marks.push(svg("line", { class: "mls-grid", x1: at, x2: at, y1: box.top, y2: box.bottom }));
    marks.push(text(at, box.bottom + 16, tick(value), { "text-anchor": "middle" }));
  });
  const everyRow = Math.ceil((y.ticks.length * 24) / (box.bottom - box.top));
  y.ticks.forEach((value, i) => {
    if (i % everyRow) return;
    const at = y.at(value);
    marks.push(svg("line", { class: "mls-grid", x1: box.left, x2: box.right, y1: at, y2: at }));
    marks.push(text(box.left - 8, at + 4, tick(value), { "text-anchor": "end" }));
  });
  marks.push(
    text((box.left + box.right) / 2, box.bottom + 36, axisWords(axes.x), {
      "text-anchor": "middle",
    }),
  );
  marks.push(
    text(0, 0, axisWords(axes.y), {
      transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle",
    }),
  );
  return marks;
}

const LETTER = 7.5;
const leftOf = (y) => 26 + LETTER * Math.max(...y.ticks.map((value) => tick(value).length));
const byRole = (figure, role) => figure.series.filter((entry) => entry.role === role);
const picture = (figure, width, height, marks) =>
  svg(
    "svg",
    { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": figure.alt },
    ...marks,
  );

/** The present design: a point whose words stay inside the box. */
function presentPoint(box, px, py, words, rising = null) {
  const fits = px - box.left > 11 + LETTER * words.length;
  const late = px > (box.left + box.right) / 2 && fits;
  // Beside a line the words stand where it does not go.
  const low = py > box.bottom - 24 || (rising !== null && rising === late && py > box.top + 16);
  return [
    svg("line", { class: "mls-drop", x1: px, x2: px, y1: py, y2: box.bottom }),
    svg("circle", { class: "mls-point", cx: px, cy: py, r: 6 }),
    text(px + (late ? -11 : 11), py + (low ? -6 : 16), words, {
      class: "mls-note mls-strong",
      "text-anchor": late ? "end" : "start",
    }),
  ];
}

function drawRoofline(figure, width, room) {
  const height = Math.min(520, Math.max(240, width * 0.72, room));
  const [roof] = byRole(figure, "roof");
  const [point] = byRole(figure, "point");
  const [runs = { x: [], y: [] }] = byRole(figure, "points");
  const [top, bottom] = [16, height - 44];
  const y = logAxis([roof.y, point.y, ...runs.y], bottom, top);
  const box = { left: leftOf(y), right: width - 12, top, bottom };
  const x = logAxis([roof.x, point.x, ...runs.x], box.left, box.right);
  const published = runs.x.map((value, i) =>
    svg(
      "circle",
      { class: "mls-run", cx: x.at(value), cy: y.at(runs.y[i]), r: 3.5 },
      svg("title", {}, runs.texts[i]),
    ),
  );
  const key = runs.text
    ? [
        svg("circle", { class: "mls-run", cx: box.left + 12, cy: bottom - 10, r: 3.5 }),
        text(box.left + 20, bottom - 6, runs.text, { class: "mls-note" }),
      ]
    : [];
  // Left of its corner the roof rises with slope one on these axes, and is flat right of it.
  const start = Math.max(x.first, (roof.x * y.first) / roof.y);
  const ends = [start, (roof.y * start) / roof.x];
  const line = `M${x.at(ends[0])},${y.at(ends[1])}L${x.at(roof.x)},${y.at(roof.y)}H${box.right}`;
  return picture(figure, width, height, [
    ...axesAround(box, x, y, figure),
    svg("path", { class: "mls-under", d: `${line}V${box.bottom}H${x.at(ends[0])}Z` }),
    svg("line", {
      class: "mls-ridge",
      x1: x.at(roof.x),
      x2: x.at(roof.x),
      y1: y.at(roof.y),
      y2: box.bottom,
    }),
    svg("path", { class: "mls-roof", d: line }),
    ...published,
    ...key,
    ...presentPoint(box, x.at(point.x), y.at(point.y), point.text),
    text(box.right, y.at(roof.y) - 8, `peak ${roof.text}`, {
      class: "mls-note",
      "text-anchor": "end",
    }),
  ]);
}

function drawCurve(figure, width) {
  const [line] = byRole(figure, "line");
  const [point] = byRole(figure, "point");
  const flips = byRole(figure, "flip").sort((one, other) => one.x - other.x);
  const height = Math.min(300, Math.max(220, width * 0.5));
  const [top, bottom] = [30, height - 44];
  const y = axisAround(figure.axes.y, line.y, bottom, top, figure.axes.y.scale !== "log");
  const box = { left: leftOf(y), right: width - 14, top, bottom };
  const x = axisAround(figure.axes.x, line.x, box.left, box.right, false);
  const path = line.x.map((value, i) => `${x.at(value)},${y.at(line.y[i])}`).join("L");
  const marks = axesAround(box, x, y, figure);
  let before = -Infinity;
  let raised = 0;
  flips.forEach((flip, i) => {
    const at = x.at(flip.x);
    raised = at - before < 12 ? (raised + 12) % 24 : 0;
    before = at;
    // The short bar at the foot lies on the side on which the verdict is broken.
    marks.push(
      svg("line", { class: "mls-limit", x1: at, x2: at, y1: box.top, y2: box.bottom }),
      svg("path", { class: "mls-side", d: `M${at},${box.bottom}h${flip.below ? 12 : -12}` }),
      text(at, box.top - 5 - raised, `${i + 1}`, {
        class: "mls-limit-note",
        "text-anchor": "middle",
      }),
    );
  });
  const rising = line.y[line.y.length - 1] > line.y[0];
  marks.push(
    svg("path", { class: "mls-roof", d: `M${path}` }),
    ...presentPoint(box, x.at(point.x), y.at(point.y), point.text, rising),
  );
  return html(
    "div",
    {},
    picture(figure, width, height, marks),
    html("ol", { class: "mls-flips" }, ...flips.map((flip) => html("li", {}, flip.text))),
  );
}

function drawBreakdown(figure, width) {
  const rows = figure.series.filter((entry) => entry.role !== "limit");
  const [limit] = byRole(figure, "limit");
  const parts = byRole(figure, "part");
  const [total] = byRole(figure, "total");
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
  return picture(figure, width, height, marks);
}

const DRAW = { roofline: drawRoofline, breakdown: drawBreakdown, curve: drawCurve };

/**
 * A figure that stays in the page, with its open data table, while its content changes.
 * With `load`, which gives plotly.js, a figure can be zoomed and exported; where it does not carry
 * its specification, `ask` sends for it by name and the answer comes to `enlarge`.
 * It follows its size and the theme until `signal` is aborted.
 */
export function figureFrame({ load, ask, signal }) {
  const title = html("figcaption");
  const canvas = html("div", { class: "mls-canvas" });
  const table = html("details", {}, html("summary", {}, "Data table"));
  const words = "Zoom and export";
  const larger = html(
    "button",
    { type: "button", class: "mls-larger", "aria-pressed": "false" },
    words,
  );
  const root = html(
    "figure",
    { class: "mls-panel" },
    title,
    canvas,
    html("div", { class: "mls-foot" }, table, larger),
  );
  let plot = null;
  let open = false;
  let shown = null;
  let size = null;

  const drawPlot = () => {
    plot ??= plotFrame({ load, signal });
    place(canvas, [plot.root]);
    plot.paint(shown);
  };
  const drawCanvas = () => {
    const draw = DRAW[shown.kind];
    if (shown.plotly && (open || !draw)) drawPlot();
    else if (open) ask(shown.name);
    else {
      // Asking for a size in the middle of a painting costs more than the painting.
      size ??= { width: canvas.clientWidth, height: canvas.clientHeight };
      canvas.replaceChildren(draw(shown, Math.max(200, size.width), size.height));
    }
  };
  const fillTable = () => {
    if (table.open && shown) table.replaceChildren(table.firstElementChild, tableOf(shown.table));
  };
  const paint = onlyNew((figure) => {
    shown = figure;
    root.dataset.figure = figure.name;
    title.textContent = figure.title;
    larger.hidden = !(DRAW[figure.kind] && load && (ask || figure.plotly));
    drawCanvas();
    fillTable();
  });
  table.addEventListener("toggle", fillTable);
  const resized = new ResizeObserver(([{ contentRect: box }]) => {
    const same =
      size && Math.abs(box.width - size.width) < 1 && Math.abs(box.height - size.height) < 1;
    if (same || !box.width) return;
    size = { width: box.width, height: box.height };
    if (shown && !open && DRAW[shown.kind]) drawCanvas();
  });
  resized.observe(canvas);
  signal.addEventListener("abort", () => resized.disconnect());
  larger.addEventListener("click", () => {
    open = !open;
    larger.setAttribute("aria-pressed", String(open));
    drawCanvas();
  });
  return {
    root,
    paint,
    enlarge(plotly) {
      shown = { ...shown, plotly };
      if (open) drawPlot();
    },
  };
}
