import assert from "node:assert/strict";
import { test } from "node:test";
import { html, svg, tableOf, text } from "../../widgets/mlsysim_widgets/static/dom.js";
import { HOSTILE } from "./page.js";

test("text becomes text nodes, wherever it stands", () => {
  const nodes = [
    html("p", { title: HOSTILE }, HOSTILE, html("b", {}, HOSTILE)),
    svg("svg", { "aria-label": HOSTILE }, text(0, 0, HOSTILE)),
    tableOf({ columns: [HOSTILE, HOSTILE], rows: [[HOSTILE, HOSTILE]] }, HOSTILE),
  ];
  for (const node of nodes) {
    assert.ok(node.textContent.includes(HOSTILE));
    assert.equal(node.querySelector("img"), null);
  }
});

test("attributes and children that are nothing are left out", () => {
  const node = html("p", { hidden: false, lang: null, open: true, tabindex: 0 }, null, undefined);
  assert.deepEqual(node.getAttributeNames(), ["open", "tabindex"]);
  assert.equal(node.childNodes.length, 0);
});

test("drawings are in the namespace of SVG", () => {
  assert.equal(svg("rect").namespaceURI, "http://www.w3.org/2000/svg");
});

test("a table has a row for each row, headed by its first cell", () => {
  const table = tableOf({
    columns: ["Part", "Time"],
    rows: [
      ["Memory", "1 s"],
      ["Arithmetic", "2 s"],
    ],
  });
  const heads = [...table.querySelectorAll("tbody th")].map((cell) => cell.textContent);
  assert.deepEqual(heads, ["Memory", "Arithmetic"]);
  assert.equal(table.querySelector("td").dataset.column, "Time");
  assert.equal(table.querySelector("caption"), null);
});
