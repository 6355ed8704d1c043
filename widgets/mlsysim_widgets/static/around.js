/** Around the point: how a chosen metric goes over the whole range of the control that moves. */

import { html } from "./dom.js";
import { figureFrame } from "./figures.js";

/** A panel with the curve and a choice of what it shows; hidden where nothing has moved. */
export function aroundPanel(choose, signal) {
  const select = html("select", { "aria-label": "Metric of the curve" });
  const frame = figureFrame({ signal });
  const root = html(
    "div",
    { role: "group", class: "mls-around", "aria-label": "Around this design", hidden: true },
    frame.root,
  );
  select.addEventListener("change", () => choose(select.value));
  let offered = "";
  const paintSelect = (cards, metric) => {
    const groups = cards.map(({ label, all }) => {
      const numbers = all.filter((entry) => entry.base);
      return html(
        "optgroup",
        { label },
        ...numbers.map((entry) => html("option", { value: entry.path }, entry.label)),
      );
    });
    const paths = cards.flatMap(({ all }) => all.map((entry) => entry.path)).join();
    if (paths !== offered) select.replaceChildren(...groups);
    offered = paths;
    select.value = metric;
  };
  return {
    root,
    paint(figure, cards, metric) {
      root.hidden = !figure;
      if (!figure) return;
      paintSelect(cards, metric);
      frame.paint(figure);
      if (!select.isConnected) frame.root.prepend(select);
    },
  };
}
