import assert from "node:assert/strict";
import { test } from "node:test";
import { plotFrame } from "../../widgets/mlsysim_widgets/static/plot.js";
import { painted, watching } from "./page.js";

const FIGURE = {
  name: "costs",
  alt: "What it costs.",
  plotly: { data: [], layout: { meta: { rows: 1, flat: false } } },
};

test("a plot follows the theme until its page is gone", async (context) => {
  const system = new window.EventTarget();
  const react = context.mock.fn();
  const closing = new AbortController();
  const shared = {
    matchMedia: () => system,
    MutationObserver: window.MutationObserver,
    getComputedStyle: window.getComputedStyle.bind(window),
  };
  Object.assign(globalThis, shared);
  const { root, paint } = plotFrame({ load: async () => ({ react }), signal: closing.signal });
  Object.defineProperty(root.querySelector("[role=figure]"), "clientWidth", { value: 600 });
  const repainted = async () => {
    system.dispatchEvent(new Event("change"));
    document.body.setAttribute("data-jp-theme-light", "false");
    await painted();
    return react.mock.callCount();
  };

  document.body.replaceChildren(root);
  await paint(FIGURE);
  assert.equal(await repainted(), 3);
  assert.equal(watching.size, 1);
  closing.abort();
  assert.equal(await repainted(), 3);
  assert.equal(watching.size, 0);
});
