/** Explorations: figures over many designs, worked out when somebody opens them. */

import { html, place } from "./dom.js";
import { figureFrame } from "./figures.js";

const SETTLE_MS = 400;

/** A row of questions; the one that is pressed is answered below, and again when a design settles. */
export function explorationPanel(ask, load) {
  const buttons = new Map();
  const bar = html("div", { class: "mls-questions", role: "group", "aria-label": "Questions" });
  const said = html("p", { class: "mls-help", role: "status" });
  const answers = html("div");
  const root = html(
    "details",
    { class: "mls-more mls-explore", hidden: true },
    html("summary", {}, "Explore the designs around this one"),
    bar,
    said,
    answers,
  );
  const frame = figureFrame({ load });
  let open = null;
  let answered = "";
  let timer = 0;

  const send = () => {
    said.textContent = "Working it out …";
    ask(open);
  };
  const press = (name) => {
    open = open === name ? null : name;
    for (const [each, button] of buttons) button.setAttribute("aria-pressed", each === open);
    if (open) send();
    else answers.replaceChildren();
    said.textContent = open ? said.textContent : "";
  };
  const buttonFor = ({ name, label, help }) => {
    if (!buttons.has(name)) {
      const button = html("button", { type: "button", title: help, "aria-pressed": false }, label);
      button.addEventListener("click", () => press(name));
      buttons.set(name, button);
    }
    return buttons.get(name);
  };
  return {
    root,
    paint(offered, design) {
      root.hidden = !offered.length;
      place(bar, offered.map(buttonFor));
      if (open && !offered.some(({ name }) => name === open)) press(open);
      if (open && design !== answered) {
        clearTimeout(timer);
        timer = setTimeout(send, SETTLE_MS);
      }
      answered = design;
    },
    show({ name, figure, problem }) {
      if (name !== open) return;
      said.textContent = problem ? `${problem.title} ${problem.accepted}${problem.detail}` : "";
      answers.replaceChildren(...(problem ? [] : [frame.root]));
      if (!problem) frame.paint(figure);
    },
  };
}
