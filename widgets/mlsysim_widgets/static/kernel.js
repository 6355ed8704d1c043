/** Kernel: what is sent to Python, and word of it when no answer comes back. */

import { html, onItsOwnPage, shared } from "./dom.js";

const PATIENCE_MS = 4000;
const LONG_PATIENCE_MS = 60000;
const AGAIN_MS = 2000;
const PROBE_MS = 3000;
const SLOW = ["explain", "offer", "explore", "enlarge", "library"];
const OVER = ["restarting", "autorestarting", "terminating", "dead"];

const RESTART = "Restart the kernel and run all cells to go on from there.";

/** What is told of each silence: a heading, what it means, and whether to begin anew helps. */
const SILENCES = {
  late: [
    "The computer behind this page does not answer yet",
    "It may still be computing: its answer appears as soon as it is there. What you see is the last one.",
    true,
  ],
  away: [
    "This page has lost its connection",
    "It goes on by itself as soon as the connection is back. What you see is the last answer.",
    false,
  ],
  ended: [
    "The computer behind this page was stopped",
    "That happens after a long pause, or when its server starts anew. What you see is the last answer: a change after it has to be made again.",
    true,
  ],
};

const soon = (promise) =>
  Promise.race([promise, new Promise((done) => setTimeout(done, PROBE_MS))]);

/** Why a kernel cannot answer: it has ended, or the way to it is cut; nothing where it can. */
async function troubleOf(kernel) {
  if (kernel.isDisposed) return "ended";
  try {
    const address = `${kernel.serverSettings.baseUrl}api/kernels/${kernel.id}`;
    const signal = AbortSignal.timeout(PROBE_MS);
    const { status } = await fetch(address, { cache: "no-store", signal });
    // A server that knows nothing of it, or of this visitor, can help only from the start.
    if (status >= 400) return status < 500 ? "ended" : "away";
    if (kernel.connectionStatus !== "connected") await soon(kernel.reconnect());
    // One that was started anew meanwhile has the same name, and no widget of this page.
    const reply = await soon(kernel.requestCommInfo({ target_name: "jupyter.widget" }));
    const widgets = reply?.content.comms;
    if (widgets && !Object.keys(widgets).length) return "ended";
    return kernel.connectionStatus === "connected" ? "" : "away";
  } catch {
    return "away";
  }
}

/** A panel that tells why a kernel is silent: when a line of its waits for long, or it is gone. */
function silencePanel(kernel) {
  const own = onItsOwnPage();
  const reload = html("button", { type: "button" }, "Reload and go on");
  reload.addEventListener("click", () => location.reload());
  const root = html("div", { class: "mls-problem mls-gone", role: "alert", hidden: true });
  const kept = new Map();
  const late = new Set();
  let silence = "";
  let again = 0;
  let looking = false;

  const paint = () => {
    root.hidden = !silence;
    if (!silence) return;
    const [heading, meaning, wayOn] = SILENCES[silence];
    const words = [meaning, ...new Set(kept.values()), wayOn && !own && RESTART];
    root.replaceChildren(
      html("strong", {}, heading),
      html("p", {}, words.filter(Boolean).join(" ")),
      ...(own && wayOn ? [reload] : []),
    );
  };
  const become = (next) => {
    clearTimeout(again);
    if (silence === "ended") return;
    if (next && next !== "ended") again = setTimeout(look, AGAIN_MS);
    if (next === silence) return;
    silence = next;
    paint();
  };
  const look = async () => {
    if (looking) return;
    looking = true;
    const trouble = kernel ? await troubleOf(kernel) : "";
    looking = false;
    become(trouble || (late.size ? "late" : ""));
  };
  /** Tell what becomes of the kernel even while no line waits; nothing while the page is left. */
  const watch = () => {
    const unlessLeft = (act) => (_, status) => kernel.isDisposed || act(status);
    kernel.statusChanged.connect(unlessLeft((status) => OVER.includes(status) && become("ended")));
    kernel.connectionStatusChanged.connect(
      unlessLeft((status) => (status === "connected" ? look() : become("away"))),
    );
  };
  return {
    root,
    watch,
    add: (line, words) => kept.set(line, words),
    remove(line) {
      kept.delete(line);
      late.delete(line);
    },
    late(line) {
      late.add(line);
      if (!silence) become("late");
      look();
    },
    heard(line) {
      late.delete(line);
      if (silence) look();
    },
  };
}

/** The panel of a page of its own, which its widgets share and which sees all of its kernel. */
function panelOfPage(kernel) {
  if (shared.silence) return shared.silence;
  shared.silence = silencePanel(kernel);
  if (kernel) shared.silence.watch();
  const lab = document.querySelector("[role=main]") ?? document.body;
  lab.append(html("div", { class: "mls mls-silence" }, shared.silence.root));
  return shared.silence;
}

/** A line to the kernel, with a panel that says why it is silent, and what is `kept` meanwhile. */
export function kernelLine(model, kept) {
  const kernel = model.widget_manager?.kernel;
  const own = onItsOwnPage();
  const panel = own ? panelOfPage(kernel) : silencePanel(kernel);
  const line = {};
  let timer = 0;
  const wait = (patience) => {
    clearTimeout(timer);
    timer = setTimeout(() => panel.late(line), patience);
  };
  /** Send, and wait for an answer; a line that was cut refuses at once. */
  const sent = (send, patience) => {
    try {
      send();
    } catch {
      panel.late(line);
      return;
    }
    if (patience) wait(patience);
  };
  const heard = () => {
    clearTimeout(timer);
    panel.heard(line);
  };
  panel.add(line, kept);
  model.on("change:view", heard);
  model.on("msg:custom", heard);
  return {
    root: own ? null : panel.root,
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
      panel.remove(line);
      model.off("change:view", heard);
      model.off("msg:custom", heard);
    },
  };
}
