/** Explorations: figures over many designs, worked out when somebody opens them. */

import { html, place } from "./dom.js";
import { figureFrame } from "./figures.js";

const SETTLE_MS = 400;

/** A row of questions; the one that is pressed is answered below, and again when a design settles. */
export function explorationPanel(ask, load, signal) {
  const buttons = new Map();
  const bar = html("div", { class: "mls-questions", role: "group", "aria-label": "Questions" });
  const said = html("p", { class: "mls-help", role: "status" });
  const answers = html("div");
  const root = html(
    "details",
    { class: "mls-more mls-explore" },
    html("summary", {}, "Explore the designs around this one"),
    bar,
    said,
    answers,
  );
  const frame = figureFrame({ load, signal });
  let open = null;
  let asked = null;
  let design = "";
  let timer = 0;

  const send = () => {
    if (!open) return;
    said.textContent = "Working it out …";
    ask({ action: "explore", name: open });
  };
  const press = (name) => {
    open = open === name ? null : name;
    for (const [each, button] of buttons) button.setAttribute("aria-pressed", each === open);
    said.textContent = "";
    if (open) send();
    else answers.replaceChildren();
  };
  const buttonFor = ({ name, label, help }) => {
    if (!buttons.has(name)) {
      const button = html("button", { type: "button", title: help, "aria-pressed": false }, label);
      button.addEventListener("click", () => press(name));
      buttons.set(name, button);
    }
    return buttons.get(name);
  };
  // What can be asked depends on the design, and is asked for only where somebody looks.
  const refresh = () => {
    if (!root.open || asked === design) return;
    asked = design;
    ask({ action: "offer" });
  };
  root.addEventListener("toggle", refresh);
  return {
    root,
    paint(possible, present) {
      root.hidden = !possible;
      if (design === present) return;
      design = present;
      clearTimeout(timer);
      timer = setTimeout(refresh, SETTLE_MS);
    },
    end: () => clearTimeout(timer),
    offer(offered) {
      place(bar, offered.map(buttonFor));
      if (!offered.length) said.textContent = "There is nothing to explore around this design.";
      if (open && !offered.some(({ name }) => name === open)) press(open);
      else send();
    },
    show({ name, figure, problem }) {
      if (name !== open) return;
      said.textContent = problem ? `${problem.title} ${problem.accepted}${problem.detail}` : "";
      answers.replaceChildren(...(problem ? [] : [frame.root]));
      if (!problem) frame.paint(figure);
    },
  };
}
