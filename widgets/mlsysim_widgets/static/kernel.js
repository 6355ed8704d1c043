/** Kernel: what is sent to Python, and word of it when no answer comes back. */

import { html, onItsOwnPage } from "./dom.js";

const PATIENCE_MS = 4000;
const LONG_PATIENCE_MS = 60000;
const SLOW = ["explain", "offer", "explore", "enlarge", "library"];

/** A line to the kernel with a panel that says when it is silent, and what is `kept` meanwhile. */
export function kernelLine(model, kept) {
  const reload = html("button", { type: "button" }, "Reload the page");
  reload.addEventListener("click", () => location.reload());
  const own = onItsOwnPage();
  const wayOn = own
    ? "Reload to go on from there."
    : "Restart the kernel and run all cells to go on from there.";
  const root = html("div", { class: "mls-problem mls-gone", role: "alert", hidden: true });
  let timer = 0;
  const tell = () => {
    root.hidden = false;
    root.replaceChildren(
      html("strong", {}, "The computer behind this page does not answer"),
      html(
        "p",
        {},
        `It may be busy, or it was shut down after a long pause. What you see is the last answer. ${kept} ${wayOn}`,
      ),
      ...(own ? [reload] : []),
    );
  };
  const wait = (patience) => {
    clearTimeout(timer);
    timer = setTimeout(tell, patience);
  };
  /** Send, and wait for an answer; a line that was cut refuses at once. */
  const sent = (send, patience) => {
    try {
      send();
    } catch {
      tell();
      return;
    }
    if (patience) wait(patience);
  };
  const heard = () => {
    clearTimeout(timer);
    root.hidden = true;
  };
  model.on("change:view", heard);
  model.on("msg:custom", heard);
  return {
    root,
    send(message) {
      const patience = SLOW.includes(message.action) ? LONG_PATIENCE_MS : PATIENCE_MS;
      sent(() => model.send(message), patience);
    },
    save(state, answered) {
      model.set("state", state);
      sent(() => model.save_changes(), answered ? 0 : PATIENCE_MS);
    },
    end() {
      clearTimeout(timer);
      model.off("change:view", heard);
      model.off("msg:custom", heard);
    },
  };
}
