/**
 * The dashboard in the browser: draws `spec`, sends `state`, paints `view`.
 * It computes pixels and nothing else; text from outside goes in as text nodes only.
 */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const SLIDER_STEPS = 1000;
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];
let instances = 0;

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const html = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);

// ── Controls ────────────────────────────────────────────────────────────────────────────────

const shortNumber = (value) =>
  typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value ?? "");

/** Turn slider positions into values of a bounded number, and back. */
function sliderScale({ minimum, maximum, integer, scale }) {
  const log = scale === "log" && minimum > 0;
  const [low, high] = log ? [Math.log(minimum), Math.log(maximum)] : [minimum, maximum];
  const steps = integer && !log ? Math.min(SLIDER_STEPS, maximum - minimum) : SLIDER_STEPS;
  const toValue = (position) => {
    if (position <= 0) return minimum;
    if (position >= steps) return maximum;
    const along = low + ((high - low) * position) / steps;
    const value = log ? Math.exp(along) : along;
    const rounded = integer ? Math.round(value) : Number(value.toPrecision(3));
    return Math.min(maximum, Math.max(minimum, rounded));
  };
  const toPosition = (value) => {
    const bounded = Math.min(maximum, Math.max(minimum, Number(value) || minimum));
    return (((log ? Math.log(bounded) : bounded) - low) / (high - low || 1)) * steps;
  };
  return { steps, toValue, toPosition };
}

function frameOf(control, id, ...inputs) {
  const help = html("p", { class: "mls-help", id: `${id}-help` }, control.help);
  const root = html(
    "div",
    { class: `mls-control mls-${control.kind}-control`, "data-control": control.name },
    html("label", { for: id }, control.label),
    ...inputs,
    help,
  );
  return { root, help };
}

function optionControl(control, id, send) {
  const select = html("select", { id, "aria-describedby": `${id}-help` });
  const groups = new Map();
  for (const option of control.options) {
    const node = html("option", { value: option.value }, option.label);
    if (!option.group) select.append(node);
    else {
      if (!groups.has(option.group)) {
        groups.set(option.group, html("optgroup", { label: option.group }));
        select.append(groups.get(option.group));
      }
      groups.get(option.group).append(node);
    }
  }
  const { root, help } = frameOf(control, id, select);
  select.addEventListener("change", () => send(control.name, select.value, false));
  const show = (value) => {
    select.value = value;
    const chosen = control.options.find((option) => option.value === value);
    help.textContent = chosen?.help || control.help;
  };
  return { root, input: select, show };
}

function numberControl(control, id, send) {
  const input = html("input", { id, type: "text", inputmode: "decimal", autocomplete: "off" });
  input.setAttribute("aria-describedby", `${id}-help`);
  const unit = html("span", { class: "mls-unit" }, control.unit);
  const bounded = control.minimum != null && control.maximum != null;
  const scale = bounded ? sliderScale(control) : null;
  const slider = bounded
    ? html("input", { type: "range", min: 0, max: scale.steps, step: 1 })
    : null;
  slider?.setAttribute("aria-label", `${control.label} slider`);
  let shown;

  const move = (value, draft) => {
    shown = value;
    input.value = shortNumber(value);
    send(control.name, value, draft);
  };
  input.addEventListener("change", () => {
    const written = input.value.trim();
    const number = Number(written);
    send(control.name, written !== "" && Number.isFinite(number) ? number : written, false);
  });
  slider?.addEventListener("input", () => move(scale.toValue(slider.valueAsNumber), true));
  slider?.addEventListener("change", () => move(scale.toValue(slider.valueAsNumber), false));
  slider?.addEventListener("keydown", (event) => {
    // A step of a logarithmic slider can be less than one whole number.
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step || !control.integer || typeof shown !== "number") return;
    event.preventDefault();
    move(Math.min(control.maximum, Math.max(control.minimum, shown + step)), false);
    slider.value = scale.toPosition(shown);
  });

  const box = html("div", { class: "mls-box" }, input, unit);
  const { root } = frameOf(control, id, box, slider);
  const show = (value) => {
    if (value === shown && document.activeElement === input) return;
    shown = value;
    input.value = shortNumber(value);
    if (slider && document.activeElement !== slider) slider.value = scale.toPosition(value);
    slider?.setAttribute("aria-valuetext", `${shortNumber(value)} ${control.unit}`.trim());
  };
  return { root, input, show };
}

// ── Figures ─────────────────────────────────────────────────────────────────────────────────

const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);

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
    svg("svg", { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": figure.alt },
      ...marks,
      svg("path", { class: "mls-under", d: `${line}V${box.bottom}H${x.at(ends[0])}Z` }),
      svg("line", { class: "mls-ridge", x1: x.at(roof.x), x2: x.at(roof.x), y1: y.at(roof.y), y2: box.bottom }),
      svg("path", { class: "mls-roof", d: line }),
      svg("line", { class: "mls-drop", x1: px, x2: px, y1: py, y2: box.bottom }),
      svg("circle", { class: "mls-point", cx: px, cy: py, r: 6 }),
      text(box.right, y.at(roof.y) - 8, `peak ${roof.text}`, { class: "mls-note", "text-anchor": "end" }),
      text(px + (late ? -11 : 11), py + (low ? -6 : 16), point.text, {
        class: "mls-note mls-strong",
        "text-anchor": late ? "end" : "start",
      }),
      text((box.left + box.right) / 2, height - 8, `${figure.axes.x.label} (${figure.axes.x.unit})`, { "text-anchor": "middle" }),
      text(0, 0, `${figure.axes.y.label} (${figure.axes.y.unit})`, {
        transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`,
        "text-anchor": "middle",
      })),
  ];
}

function drawBreakdown(figure, width) {
  const rows = figure.series.filter((entry) => entry.role !== "limit");
  const limit = figure.series.find((entry) => entry.role === "limit");
  const parts = rows.filter((entry) => entry.role === "part");
  const total = rows.find((entry) => entry.role === "total");
  const largest = Math.max(...parts.map((part) => part.value));
  const filled = Math.max(total.value, parts.reduce((sum, part) => sum + part.value, 0));
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
      svg("rect", { class: look, x: at(start), y: top + 21, width: Math.max(2, at(row.value)), height: 10, rx: 3 }),
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
    marks.push(text(reachable ? x : width, height + 8, words, { class: "mls-limit-note", "text-anchor": anchor }));
    height += 14;
  }
  return [svg("svg", { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": figure.alt }, ...marks)];
}

const DRAW = { roofline: drawRoofline, breakdown: drawBreakdown };

function tableOf({ columns, rows }) {
  const head = html("tr", {}, ...columns.map((name) => html("th", { scope: "col" }, name)));
  const body = rows.map(([first, ...rest]) =>
    html("tr", {}, html("th", { scope: "row" }, first), ...rest.map((cell) => html("td", {}, cell))),
  );
  return html("table", {}, html("thead", {}, head), html("tbody", {}, ...body));
}

/** A figure that stays in the page, with its open data table, while its content changes. */
function figureFrame() {
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

// ── Cards and verdicts ──────────────────────────────────────────────────────────────────────

function metricText(metric) {
  const [number, ...unit] = metric.text.split(" ");
  const words = unit.length && /\d/.test(number) ? [number, html("small", {}, ` ${unit.join(" ")}`)] : [metric.text];
  return html("span", { class: "mls-number", "data-metric": metric.path }, ...words);
}

/** Where four of five measurements would lie, for a number that validation speaks about. */
function intervalText({ interval }) {
  return interval ? [html("small", { class: "mls-interval" }, `${interval} in 4 of 5 cases`)] : [];
}

function card({ group, label, metrics: [headline, ...others] }) {
  const rows = others.map((metric) =>
    html("div", { title: metric.description }, html("dt", {}, metric.label), html("dd", {}, metricText(metric))),
  );
  return html("section", { class: "mls-panel mls-card", "data-group": group, "aria-label": label },
    html("h3", {}, label),
    html("p", { class: "mls-headline", title: headline.description },
      metricText(headline), html("span", { class: "mls-name" }, headline.label), ...intervalText(headline)),
    html("dl", {}, ...rows));
}

function verdictLine({ constraint, holds, text: value, limit_text: limit, margin }) {
  return html("li", { class: holds ? "mls-holds" : "mls-broken" },
    html("span", { class: "mls-mark", "aria-hidden": "true" }, holds ? "✓" : "✗"),
    html("div", {},
      html("strong", {}, constraint),
      html("span", { class: "mls-measure" }, `${value}, must be ${limit}`),
      html("span", { class: "mls-margin" }, margin)));
}

function wholeLedger(cards) {
  return cards.map(({ label, all }) =>
    html("table", {},
      html("caption", {}, label),
      html("tbody", {}, ...all.map((metric) =>
        html("tr", { title: metric.description }, html("th", { scope: "row" }, metric.label), html("td", {}, metricText(metric), ...intervalText(metric))),
      ))));
}

function problemLines(problem) {
  const lines = [
    ["Received", problem.received],
    ["Accepted", problem.accepted],
    ["", problem.suggestion],
    ["", problem.detail],
  ].filter(([, words]) => words);
  return [
    html("strong", {}, problem.title),
    ...lines.map(([name, words]) => html("p", {}, name && html("span", { class: "mls-name" }, `${name} `), words)),
    html("p", { class: "mls-name" }, "The numbers below are those of the last choice that worked."),
  ];
}

// ── The widget ──────────────────────────────────────────────────────────────────────────────

function skeleton() {
  const parts = {
    selectors: html("div", { class: "mls-selectors" }),
    undo: html("button", { type: "button" }, "Undo"),
    reset: html("button", { type: "button" }, "Reset"),
    sentence: html("p", { class: "mls-sentence", "aria-live": "polite" }),
    problem: html("div", { class: "mls-problem", role: "alert", hidden: true }),
    controls: html("div", { class: "mls-controls" }),
    cards: html("div", { class: "mls-cards" }),
    verdicts: html("ul", { class: "mls-verdicts", "aria-label": "Verdicts" }),
    figures: html("div", { class: "mls-figures" }),
    ledger: html("div", { class: "mls-tables" }),
    python: html("code"),
  };
  const rail = html("details", { class: "mls-rail mls-panel", open: true }, html("summary", {}, "Controls"), parts.controls);
  const answer = html("div", { class: "mls-answer" },
    parts.cards, parts.verdicts, parts.figures,
    html("details", { class: "mls-more" }, html("summary", {}, "The whole ledger"), parts.ledger),
    html("details", { class: "mls-more" }, html("summary", {}, "The same in Python"), html("pre", {}, parts.python)));
  const actions = html("div", { class: "mls-actions" }, parts.undo, parts.reset);
  const root = html("div", { class: "mls" },
    html("div", { class: "mls-top" }, parts.selectors, actions),
    parts.sentence, parts.problem,
    html("div", { class: "mls-body" }, rail, answer));
  return { root, rail, answer, ...parts };
}

function render({ model, el }) {
  const prefix = `mls-${(instances += 1)}`;
  const page = skeleton();
  const built = new Map();
  const frames = [];
  page.problem.id = `${prefix}-problem`;
  let frame = 0;

  // While an answer is on its way, the front end keeps only the newest state: drags drop the rest.
  const send = (name, value, draft) => {
    const state = model.get("state");
    const next = name === "persona" || name === "application"
      ? { ...state, [name]: value, draft }
      : { ...state, choice: { ...state.choice, [name]: value }, draft };
    model.set("state", next);
    model.save_changes();
  };

  const paintControls = (spec, state, problem) => {
    for (const [place, controls] of [[page.selectors, spec.selectors], [page.controls, spec.controls]]) {
      const nodes = controls.map((control) => {
        const key = JSON.stringify(control);
        let entry = built.get(control.name);
        if (entry?.key !== key) {
          const make = control.kind === "number" ? numberControl : optionControl;
          const focused = entry?.root.contains(document.activeElement);
          const fresh = { key, ...make(control, `${prefix}-${control.name}`, send) };
          entry?.root.replaceWith(fresh.root);
          if (focused) fresh.input.focus();
          built.set(control.name, (entry = fresh));
        }
        const refused = problem?.field === control.name;
        entry.show(state[control.name] ?? state.choice[control.name]);
        entry.input.setAttribute("aria-invalid", refused);
        const help = `${prefix}-${control.name}-help`;
        entry.input.setAttribute("aria-describedby", refused ? `${page.problem.id} ${help}` : help);
        return entry.root;
      });
      const same = place.children.length === nodes.length && nodes.every((node, i) => place.children[i] === node);
      if (!same) place.replaceChildren(...nodes);
    }
    page.rail.hidden = !spec.controls.length;
  };

  const paintFigures = (figures) => {
    while (frames.length < figures.length) frames.push(figureFrame());
    frames.length = figures.length;
    page.figures.replaceChildren(...frames.map((entry) => entry.root));
    figures.forEach((figure, i) => frames[i].paint(figure));
  };

  const paint = () => {
    frame = 0;
    const [spec, state, view] = ["spec", "state", "view"].map((name) => model.get(name));
    paintControls(spec, state, view.problem);
    if (page.sentence.textContent !== view.sentence) page.sentence.textContent = view.sentence;
    page.sentence.hidden = !view.sentence;
    page.sentence.classList.toggle("mls-broken", view.verdicts.some((verdict) => !verdict.holds));
    page.problem.hidden = !view.problem;
    page.problem.replaceChildren(...(view.problem ? problemLines(view.problem) : []));
    page.answer.classList.toggle("mls-stale", view.stale);
    page.sentence.classList.toggle("mls-stale", view.stale);
    page.undo.disabled = !view.undo;
    page.cards.replaceChildren(...view.cards.map(card));
    page.verdicts.replaceChildren(...view.verdicts.map(verdictLine));
    page.ledger.replaceChildren(...wholeLedger(view.cards));
    page.python.textContent = view.python;
    paintFigures(view.figures);
    Object.assign(page.root.dataset, {
      state: JSON.stringify(view.state),
      sequence: view.sequence,
      stale: view.stale,
      ready: "true",
    });
  };
  const schedule = () => {
    frame ||= requestAnimationFrame(paint);
  };

  page.undo.addEventListener("click", () => model.send({ action: "undo" }));
  page.reset.addEventListener("click", () => model.send({ action: "reset" }));
  el.append(page.root);
  // Whatever changes in Python, the view changes with it, in the same message.
  model.on("change:view", schedule);
  let width = 0;
  const resized = new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) < 1) return;
    if (!width) page.rail.open = entry.contentRect.width >= 720;
    width = entry.contentRect.width;
    schedule();
  });
  resized.observe(page.root);
  schedule();
  return () => {
    cancelAnimationFrame(frame);
    resized.disconnect();
    model.off("change:view", schedule);
  };
}

export default { render };
