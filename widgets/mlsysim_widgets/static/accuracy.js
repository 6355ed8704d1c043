/**
 * Predicted against measured in the browser: draws the `page` that Python wrote.
 * It computes pixels and nothing else; text from outside goes in as text nodes only.
 */

import { html, keepKeys, ownPrefix, svg, tableOf, text } from "./dom.js";

const SHAPES = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
  "M-3.5,-3.5h7v7h-7Z",
  "M0,-5L4.6,3.4H-4.6Z",
  "M0,-5L5,0L0,5L-5,0Z",
  "M0,5L4.6,-3.4H-4.6Z",
  "M-1.6,-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3Z",
  "M-2.3,-4.5h4.6L4.8,0L2.3,4.5h-4.6L-4.8,0Z",
];
const COLOURS = 8;
const REACH = 24;

// ── The plot ────────────────────────────────────────────────────────────────────────────────

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const raised = (digits) =>
  String(digits)
    .replace(/\d/g, (digit) => SUPERSCRIPTS[digit])
    .replace("-", "⁻");
const power = (exponent) =>
  exponent >= -3 && exponent <= 3 ? (10 ** exponent).toLocaleString("en") : `10${raised(exponent)}`;

/** Turn the columns of a figure into points: where each stands and what is said about it. */
function pointsOf(figure) {
  const series = figure.series.filter((entry) => entry.role === "points");
  const points = series.flatMap((columns, kind) =>
    columns.x.map((x, i) => ({ kind, columns, i, x, y: columns.y[i], apart: columns.apart[i] })),
  );
  return points.sort((a, b) => a.x - b.x || a.y - b.y);
}

const mark = (kind, apart, attributes = {}) =>
  svg("path", {
    class: `mls-dot mls-kind-${kind % COLOURS}${apart ? " mls-hollow" : ""}`,
    d: SHAPES[kind % SHAPES.length],
    ...attributes,
  });

const described = ({ columns, i }) =>
  `${columns.row[i]}, ${columns.group[i]}: measured ${columns.measured[i]}, predicted ${columns.predicted[i]}, ` +
  `error ${columns.error[i]}. ${columns.apart[i] ? `Kept apart: ${columns.apart[i]}. ` : ""}${columns.about[i]}`;

/** Equal decades on both axes; magnified, the upright one shows predicted over measured. */
function scales(points, box, magnified) {
  const logs = points.map(({ x, y }) => [Math.log10(x), Math.log10(y)]);
  const all = magnified ? logs.map(([x]) => x) : logs.flat();
  const [low, high] = [Math.min(...all) - 0.1, Math.max(...all) + 0.1];
  const reach = Math.max(0.15, ...logs.map(([x, y]) => Math.abs(y - x))) * 1.08;
  const [bottom, top] = magnified ? [-reach, reach] : [low, high];
  const across = (log) => box.left + ((log - low) / (high - low)) * (box.right - box.left);
  const up = (log) => box.bottom - ((log - bottom) / (top - bottom)) * (box.bottom - box.top);
  return { low, high, bottom, top, across, up, rise: (x, y) => up(magnified ? y - x : y), logs };
}

const FACTORS = [0.01, 0.03, 0.1, 0.2, 0.5, 0.8, 1, 1.2, 2, 5, 10, 30, 100];

function gridOf(scale, box, magnified) {
  const decades = [];
  for (let i = Math.ceil(scale.low); i <= scale.high; i += 1) decades.push([i, power(i)]);
  const every = Math.ceil((decades.length * 46) / (box.right - box.left));
  const levels = magnified
    ? FACTORS.map((factor) => [Math.log10(factor), `${factor} ×`]).filter(
        ([at]) => at > scale.bottom && at < scale.top,
      )
    : decades;
  const marks = decades
    .filter(([i]) => i % every === 0)
    .flatMap(([at, words]) => [
      svg("line", {
        class: "mls-grid",
        x1: scale.across(at),
        x2: scale.across(at),
        y1: box.top,
        y2: box.bottom,
      }),
      text(scale.across(at), box.bottom + 17, words, { "text-anchor": "middle" }),
    ]);
  let last = Infinity;
  for (const [at, words] of levels) {
    const y = scale.up(at);
    if (last - y < 15) continue;
    last = y;
    marks.push(
      svg("line", { class: "mls-grid", x1: box.left, x2: box.right, y1: y, y2: y }),
      text(box.left - 7, y + 4, words, { "text-anchor": "end" }),
    );
  }
  return marks;
}

/** The line on which every prediction is `factor` times its measurement. */
const along = (scale, factor) =>
  [scale.low, scale.high].map(
    (log) => `${scale.across(log)},${scale.rise(log, log + Math.log10(factor))}`,
  );

function drawScatter(figure, points, width, magnified, id) {
  const height = Math.round(Math.min(560, Math.max(300, width * 0.7)));
  const box = { left: 62, right: width - 10, top: 10, bottom: height - 46 };
  const scale = scales(points, box, magnified);
  const factors = (role) =>
    figure.series.filter((entry) => entry.role === role).flatMap((entry) => entry.factors);
  const [below, above] = factors("band").map((factor) => along(scale, factor));
  const { x, y } = figure.axes;
  points.forEach((point, i) => {
    const [logX, logY] = scale.logs[i];
    Object.assign(point, { px: scale.across(logX), py: scale.rise(logX, logY) });
    point.node = mark(point.kind, point.apart, {
      transform: `translate(${point.px.toFixed(1)} ${point.py.toFixed(1)})`,
      tabindex: i ? -1 : 0,
      role: "img",
      "aria-label": described(point),
    });
  });
  return svg(
    "svg",
    {
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "group",
      "aria-label": figure.alt,
      "aria-describedby": `${id}-keys`,
    },
    svg(
      "clipPath",
      { id: `${id}-box` },
      svg("rect", {
        x: box.left,
        y: box.top,
        width: box.right - box.left,
        height: box.bottom - box.top,
      }),
    ),
    ...gridOf(scale, box, magnified),
    svg(
      "g",
      { "clip-path": `url(#${id}-box)` },
      svg("path", { class: "mls-near", d: `M${below.join("L")}L${above.reverse().join("L")}Z` }),
      ...factors("diagonal").map((factor) =>
        svg("path", { class: "mls-exact", d: `M${along(scale, factor).join("L")}` }),
      ),
    ),
    svg("g", {}, ...points.map((point) => point.node)),
    text((box.left + box.right) / 2, height - 8, `${x.label} (${x.unit})`, {
      "text-anchor": "middle",
    }),
    text(0, 0, magnified ? "Predicted ÷ measured" : `${y.label} (${y.unit})`, {
      transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle",
    }),
  );
}

// ── Tables, legend and what is said about a point ───────────────────────────────────────────

/** A table that says its roles, since a phone shows each of its rows as a block. */
const rowsTable = (points) =>
  tableOf(
    {
      columns: ["Row", "Group", "Measured", "Predicted", "Error", "Source", "Kept apart"],
      rows: points.map(({ columns, i }) =>
        ["row", "group", "measured", "predicted", "error", "about", "apart"].map(
          (name) => columns[name][i],
        ),
      ),
    },
    "Every row that is drawn",
    { class: "mls-rows" },
  );

function legendOf(figure) {
  const entry = (symbol, words) =>
    html("li", {}, svg("svg", { viewBox: "-7 -7 14 14", "aria-hidden": "true" }, symbol), words);
  const kinds = figure.series.filter(({ role }) => role === "points");
  return [
    ...kinds.map(({ name, x }, kind) =>
      entry(mark(kind, false), `${name} (${x.length.toLocaleString("en")})`),
    ),
    figure.apart_rows
      ? entry(mark(0, true, { class: "mls-dot mls-hollow" }), `kept apart (${figure.apart_rows})`)
      : null,
    entry(svg("path", { class: "mls-exact", d: "M-7,7L7,-7" }), "predicted as measured"),
    entry(svg("rect", { class: "mls-near", x: -7, y: -4, width: 14, height: 8 }), "within 20 %"),
  ].filter(Boolean);
}

function told({ columns, i }) {
  const line = (name, words) => html("div", {}, html("dt", {}, name), html("dd", {}, words));
  return [
    html("strong", {}, columns.row[i]),
    html("p", { class: "mls-name" }, columns.group[i]),
    html(
      "dl",
      {},
      line("Measured", columns.measured[i]),
      line("Predicted", columns.predicted[i]),
      line("Error", columns.error[i]),
    ),
    html("p", {}, columns.about[i]),
    columns.apart[i] ? html("p", {}, `Kept apart: ${columns.apart[i]}.`) : null,
  ].filter(Boolean);
}

// ── The page ────────────────────────────────────────────────────────────────────────────────

function skeleton(id, page) {
  const box = (label) => {
    const input = html("input", { type: "checkbox" });
    return { input, words: html("span", {}, label), root: null };
  };
  const check = (entry) => html("label", { class: "mls-check" }, entry.input, entry.words);
  const [apart, magnify] = [box(""), box("Magnify errors")];
  apart.root = check(apart);
  const parts = {
    select: html(
      "select",
      { id: `${id}-figure` },
      ...page.figures.map(({ name, label }) => html("option", { value: name }, label)),
    ),
    apart,
    magnify: magnify.input,
    title: html("figcaption", { "aria-live": "polite" }),
    legend: html("ul", { class: "mls-legend" }),
    canvas: html("div", { class: "mls-canvas" }),
    tip: html("div", { class: "mls-tip", hidden: true }),
    ring: svg("circle", { class: "mls-ring", r: 9 }),
    rows: html("details", {}, html("summary", {}, "Data table")),
    reasons: html("ul", { class: "mls-reasons" }),
    groups: html("section", { class: "mls-panel" }),
  };
  const keys = html(
    "p",
    { class: "mls-help", id: `${id}-keys` },
    "Point at a mark, or reach the plot with Tab: ← → go to the next row by size, ↑ ↓ stay within a colour, Page keys leap, Esc closes.",
  );
  const root = html(
    "div",
    { class: "mls mls-accuracy" },
    html(
      "div",
      { class: "mls-choices" },
      html(
        "div",
        { class: "mls-control" },
        html("label", { for: `${id}-figure` }, "Measurements of"),
        parts.select,
      ),
      check(magnify),
      apart.root,
    ),
    html(
      "figure",
      { class: "mls-panel" },
      parts.title,
      parts.legend,
      html("div", { class: "mls-plot" }, parts.canvas, parts.tip),
      keys,
      parts.reasons,
      parts.rows,
    ),
    html("section", { class: "mls-panel" }, tableOf(page.totals, "All families")),
    parts.groups,
    html("p", { class: "mls-help" }, `Validated on ${page.date}.`),
  );
  return { root, ...parts };
}

function render({ model, el }) {
  const id = ownPrefix();
  const page = model.get("page");
  const parts = skeleton(id, page);
  const { root, canvas, tip, ring } = parts;
  let [points, active, pinned, frame, width] = [[], null, false, 0, 0];

  const hide = () => {
    [active, pinned, tip.hidden] = [null, false, true];
    ring.remove();
  };
  const show = (point, pin) => {
    [active, pinned] = [point, pin];
    tip.replaceChildren(...told(point));
    tip.hidden = false;
    tip.classList.toggle("mls-pinned", pin);
    const below = point.py < canvas.clientHeight / 2;
    // On a phone the style sheet puts it below the plot instead.
    tip.style.left = `${Math.min(Math.max(0, point.px - tip.offsetWidth / 2), canvas.clientWidth - tip.offsetWidth)}px`;
    tip.style.top = `${below ? point.py + 14 : point.py - tip.offsetHeight - 14}px`;
    for (const [name, at] of [
      ["cx", point.px],
      ["cy", point.py],
    ])
      ring.setAttribute(name, at);
    canvas.firstElementChild.append(ring);
  };
  const nearest = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    let [found, best] = [null, REACH];
    for (const point of points) {
      const away = Math.hypot(point.px - x, point.py - y);
      if (away < best) [found, best] = [point, away];
    }
    return found;
  };
  const focus = (point) => {
    for (const { node } of points)
      if (node.getAttribute("tabindex") === "0") node.setAttribute("tabindex", -1);
    point.node.setAttribute("tabindex", 0);
    point.node.focus({ preventScroll: true });
  };

  const fillRows = () => {
    if (parts.rows.open)
      parts.rows.replaceChildren(
        parts.rows.firstElementChild,
        html("div", { class: "mls-scroll", tabindex: 0 }, rowsTable(points)),
      );
  };
  const paint = () => {
    frame = 0;
    const start = performance.now();
    const figure = page.figures.find(({ name }) => name === model.get("chosen")) ?? page.figures[0];
    const whole = pointsOf(figure);
    points = whole.filter((point) => parts.apart.input.checked || !point.apart);
    if (!points.length) points = whole;
    hide();
    parts.select.value = figure.name;
    parts.apart.root.hidden = !figure.apart_rows;
    parts.apart.words.textContent = `Show ${figure.apart_rows} kept apart`;
    parts.title.textContent = figure.title;
    parts.legend.replaceChildren(...legendOf(figure));
    canvas.replaceChildren(
      drawScatter(figure, points, Math.max(240, canvas.clientWidth), parts.magnify.checked, id),
    );
    parts.reasons.replaceChildren(
      ...figure.apart.map((words) => html("li", {}, `Kept apart, ${words}`)),
    );
    parts.groups.replaceChildren(tableOf(figure.table, `${figure.label}, by group`));
    fillRows();
    Object.assign(root.dataset, {
      figure: figure.name,
      points: points.length,
      drawn: Math.round(performance.now() - start),
      ready: "true",
    });
  };
  const schedule = () => {
    frame ||= requestAnimationFrame(paint);
  };

  parts.apart.input.checked = true;
  parts.select.addEventListener("change", () => {
    model.set("chosen", parts.select.value);
    // All is drawn here, even where Python has ended and saving fails.
    schedule();
    model.save_changes();
  });
  for (const input of [parts.apart.input, parts.magnify])
    input.addEventListener("change", schedule);
  parts.rows.addEventListener("toggle", fillRows);
  canvas.addEventListener("pointermove", (event) => {
    if (pinned) return;
    const point = nearest(event);
    if (point && point !== active) show(point, false);
    else if (!point && active) hide();
  });
  canvas.addEventListener("pointerleave", () => pinned || hide());
  canvas.addEventListener("click", (event) => {
    const point = nearest(event);
    if (point) focus(point);
    else hide();
  });
  canvas.addEventListener("focusin", (event) => {
    const point = points.find(({ node }) => node === event.target);
    if (point) show(point, true);
  });
  canvas.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !canvas.contains(event.relatedTarget)) hide();
  });
  canvas.addEventListener("keydown", (event) => {
    const at = points.findIndex(({ node }) => node === event.target);
    if (event.key === "Escape") hide();
    if (at < 0) return;
    const alike = points.filter(({ kind }) => kind === points[at].kind);
    const step = {
      ArrowRight: 1,
      ArrowLeft: -1,
      PageDown: 25,
      PageUp: -25,
      Home: -points.length,
      End: points.length,
    }[event.key];
    const within = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!step && !within) return;
    event.preventDefault();
    const [list, from] = within ? [alike, alike.indexOf(points[at])] : [points, at];
    focus(list[Math.min(list.length - 1, Math.max(0, from + (step ?? within)))]);
  });

  el.append(keepKeys(root));
  model.on("change:chosen", schedule);
  const resized = new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) < 1) return;
    width = entry.contentRect.width;
    schedule();
  });
  resized.observe(root);
  schedule();
  return () => {
    cancelAnimationFrame(frame);
    resized.disconnect();
    model.off("change:chosen", schedule);
  };
}

export default { render };
