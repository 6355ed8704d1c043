/** Comparison: the pinned design A beside the present design B, in numbers and in words. */

import { html } from "./dom.js";

const MARKS = { better: "▲", worse: "▼" };

function rowOf({ label, before, after, words, verdict }) {
  const mark = MARKS[verdict] ? `${MARKS[verdict]} ` : "";
  return html(
    "tr",
    { class: `mls-${verdict || "same"}` },
    html("th", { scope: "row" }, label),
    html("td", { "data-column": "A" }, before),
    html("td", { "data-column": "B" }, after),
    html("td", { "data-column": "B against A" }, mark, words),
  );
}

/** A panel that is hidden while no design is pinned. */
export function comparisonPanel() {
  const root = html("div", {
    role: "group",
    class: "mls-panel mls-comparison",
    "aria-label": "Comparison",
    hidden: true,
  });
  return {
    root,
    paint(compared, sentence) {
      root.hidden = !compared;
      if (!compared) return;
      const columns = ["Number", "A, pinned", "B, now", "B against A"];
      root.replaceChildren(
        html("h3", {}, "A against B"),
        html(
          "dl",
          {},
          html("div", {}, html("dt", {}, "A"), html("dd", {}, compared.sentence)),
          html("div", {}, html("dt", {}, "B"), html("dd", {}, sentence)),
        ),
        html(
          "table",
          {},
          html(
            "thead",
            {},
            html("tr", {}, ...columns.map((name) => html("th", { scope: "col" }, name))),
          ),
          html("tbody", {}, ...compared.rows.map(rowOf)),
        ),
        ...compared.notes.map((note) => html("p", { class: "mls-note-line" }, note)),
      );
    },
  };
}
