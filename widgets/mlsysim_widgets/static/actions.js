/** Actions: what can be done with a design as a whole, as buttons and as keys. */

import { html, place } from "./dom.js";

const LABELS = {
  undo: "Undo",
  redo: "Redo",
  reset: "Reset",
  pin: "Pin as A",
  restore: "Back to A",
  unpin: "Unpin A",
  surprise: "Surprise me",
  copy: "Copy link",
};

const HELP = {
  undo: "Back to the design before the last change (Ctrl+Z)",
  redo: "Forward again (Ctrl+Y)",
  reset: "Back to the design that the dashboard started with",
  pin: "Keep this design as A, and hold the next ones against it",
  restore: "Back to the pinned design",
  unpin: "Let go of the pinned design",
  surprise: "A design at random that breaks or mends another constraint",
  copy: "An address that opens this very design",
};

/** Which actions a view leaves room for; those that never apply are not shown at all. */
const POSSIBLE = {
  undo: (view) => view.undo,
  redo: (view) => view.redo,
  pin: (view) => !view.problem,
  restore: (view) => view.comparison,
  unpin: (view) => view.comparison,
};

const ONLY_WHEN_PINNED = ["restore", "unpin"];

/** Buttons for the actions of a dashboard; `act` is told the name of the one that was pressed. */
export function actionBar(act) {
  const root = html("div", { class: "mls-actions", role: "toolbar", "aria-label": "Design" });
  const said = html("span", { class: "mls-said", role: "status" });
  const buttons = new Map();
  const buttonFor = (name) => {
    if (!buttons.has(name)) {
      const button = html("button", { type: "button", title: HELP[name] }, LABELS[name]);
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-disabled") !== "true") act(name);
      });
      buttons.set(name, button);
    }
    return buttons.get(name);
  };
  return {
    root,
    say(words) {
      said.textContent = words;
    },
    paint(names, view) {
      const shown = names.filter((name) => view.comparison || !ONLY_WHEN_PINNED.includes(name));
      place(root, [...shown.map(buttonFor), said]);
      // A button that was really disabled would lose the focus, and with it the keys.
      for (const name of shown)
        buttonFor(name).setAttribute("aria-disabled", !(POSSIBLE[name]?.(view) ?? true));
    },
  };
}

/** Name the action of a key, none while somebody writes in a field. */
export function actionOfKey(event) {
  const writing = event.target.matches("input:not([type=range]), textarea, select");
  if (writing || !(event.ctrlKey || event.metaKey) || event.altKey) return null;
  const key = event.key.toLowerCase();
  if (key === "z") return event.shiftKey ? "redo" : "undo";
  return key === "y" && !event.shiftKey ? "redo" : null;
}
