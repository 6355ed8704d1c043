/** Cards: groups of numbers, verdicts, the whole ledger, and what went wrong. */

import { html } from "./dom.js";

/** A number that says where it comes from when it is pressed, in the units that were asked for. */
function metricText(metric, { units, explain }) {
  const words = units === "base" ? metric.base : metric.text;
  const [number, ...unit] = words.split(" ");
  const parts =
    unit.length && /\d/.test(number) ? [number, html("small", {}, ` ${unit.join(" ")}`)] : [words];
  const attributes = { class: "mls-number", "data-metric": metric.path };
  if (!explain || !metric.base) return html("span", attributes, ...parts);
  const title = `Where does this ${metric.label.toLowerCase()} come from?`;
  const button = html("button", { type: "button", ...attributes, title }, ...parts);
  button.addEventListener("click", () => explain(metric.path, metric.label));
  return button;
}

/** Where four of five measurements would lie, for a number that validation speaks about. */
function intervalText({ interval }, { units }) {
  return interval && units !== "base"
    ? [html("small", { class: "mls-interval" }, `${interval} in 4 of 5 cases`)]
    : [];
}

export function card({ group, label, metrics: [headline, ...others] }, options) {
  const rows = others.map((metric) =>
    html(
      "div",
      { title: metric.description },
      html("dt", {}, metric.label),
      html("dd", {}, metricText(metric, options)),
    ),
  );
  return html(
    "div",
    { role: "group", class: "mls-panel mls-card", "data-group": group, "aria-label": label },
    html("h3", {}, label),
    html(
      "p",
      { class: "mls-headline", title: headline.description },
      metricText(headline, options),
      html("span", { class: "mls-name" }, headline.label),
      ...intervalText(headline, options),
    ),
    html("dl", {}, ...rows),
  );
}

export function verdictLine({ constraint, holds, text: value, limit_text: limit, margin }) {
  return html(
    "li",
    { class: holds ? "mls-holds" : "mls-broken" },
    html("span", { class: "mls-mark", "aria-hidden": "true" }, holds ? "✓" : "✗"),
    html(
      "div",
      {},
      html("strong", {}, constraint),
      html("span", { class: "mls-measure" }, `${value}, must be ${limit}`),
      html("span", { class: "mls-margin" }, margin),
    ),
  );
}

export function wholeLedger(cards, options) {
  return cards.map(({ label, all }) =>
    html(
      "table",
      {},
      html("caption", {}, label),
      html(
        "tbody",
        {},
        ...all.map((metric) =>
          html(
            "tr",
            { title: metric.description },
            html("th", { scope: "row" }, metric.label),
            html("td", {}, metricText(metric, options), ...intervalText(metric, options)),
          ),
        ),
      ),
    ),
  );
}

const LAST_GOOD = "The numbers below are those of the last choice that worked.";

export function problemLines(problem, stale) {
  const lines = [
    ["Received", problem.received],
    ["Accepted", problem.accepted],
    ["", problem.suggestion],
    ["", problem.detail],
  ].filter(([, words]) => words);
  return [
    html("strong", {}, problem.title),
    ...lines.map(([name, words]) =>
      html("p", {}, name && html("span", { class: "mls-name" }, `${name} `), words),
    ),
    ...(stale ? [html("p", { class: "mls-name" }, LAST_GOOD)] : []),
  ];
}
