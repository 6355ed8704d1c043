/**
 * The dashboard in the browser: draws `spec`, sends `state`, paints `view`.
 * It computes pixels and nothing else; text from outside goes in as text nodes only.
 */

import { card, problemLines, verdictLine, wholeLedger } from "./cards.js";
import { numberControl, optionControl } from "./controls.js";
import { html } from "./dom.js";
import { figureFrame } from "./figures.js";

let instances = 0;

function skeleton() {
  const parts = {
    selectors: html("div", { class: "mls-selectors" }),
    undo: html("button", { type: "button" }, "Undo"),
    reset: html("button", { type: "button" }, "Reset"),
    sentence: html("p", { class: "mls-sentence", "aria-live": "polite" }),
    problem: html("div", { class: "mls-problem", role: "alert", hidden: true }),
    controls: html("div", { class: "mls-controls" }),
    cards: html("div", { class: "mls-cards" }),
    verdicts: html("ul", { class: "mls-verdicts", "aria-label": "Verdicts" }),
    figures: html("div", { class: "mls-figures" }),
    ledger: html("div", { class: "mls-tables" }),
    python: html("code"),
  };
  const rail = html(
    "details",
    { class: "mls-rail mls-panel", open: true },
    html("summary", {}, "Controls"),
    parts.controls,
  );
  const answer = html(
    "div",
    { class: "mls-answer" },
    parts.cards,
    parts.verdicts,
    parts.figures,
    html("details", { class: "mls-more" }, html("summary", {}, "The whole ledger"), parts.ledger),
    html(
      "details",
      { class: "mls-more" },
      html("summary", {}, "The same in Python"),
      html("pre", {}, parts.python),
    ),
  );
  const actions = html("div", { class: "mls-actions" }, parts.undo, parts.reset);
  const root = html(
    "div",
    { class: "mls" },
    html("div", { class: "mls-top" }, parts.selectors, actions),
    parts.sentence,
    parts.problem,
    html("div", { class: "mls-body" }, rail, answer),
  );
  return { root, rail, answer, ...parts };
}

function render({ model, el }) {
  instances += 1;
  const prefix = `mls-${instances}`;
  const page = skeleton();
  const built = new Map();
  const frames = [];
  page.problem.id = `${prefix}-problem`;
  let frame = 0;

  // While an answer is on its way, the front end keeps only the newest state: drags drop the rest.
  const send = (name, value, draft) => {
    const state = model.get("state");
    const next =
      name === "persona" || name === "application"
        ? { ...state, [name]: value, draft }
        : { ...state, choice: { ...state.choice, [name]: value }, draft };
    model.set("state", next);
    model.save_changes();
  };

  const paintControls = (spec, state, problem) => {
    for (const [place, controls] of [
      [page.selectors, spec.selectors],
      [page.controls, spec.controls],
    ]) {
      const nodes = controls.map((control) => {
        const key = JSON.stringify(control);
        let entry = built.get(control.name);
        if (entry?.key !== key) {
          const make = control.kind === "number" ? numberControl : optionControl;
          const focused = entry?.root.contains(document.activeElement);
          const fresh = { key, ...make(control, `${prefix}-${control.name}`, send) };
          entry?.root.replaceWith(fresh.root);
          if (focused) fresh.input.focus();
          entry = fresh;
          built.set(control.name, entry);
        }
        const refused = problem?.field === control.name;
        entry.show(state[control.name] ?? state.choice[control.name]);
        entry.input.setAttribute("aria-invalid", refused);
        const help = `${prefix}-${control.name}-help`;
        entry.input.setAttribute("aria-describedby", refused ? `${page.problem.id} ${help}` : help);
        return entry.root;
      });
      const same =
        place.children.length === nodes.length &&
        nodes.every((node, i) => place.children[i] === node);
      if (!same) place.replaceChildren(...nodes);
    }
    page.rail.hidden = !spec.controls.length;
  };

  const paintFigures = (figures) => {
    while (frames.length < figures.length) frames.push(figureFrame());
    frames.length = figures.length;
    page.figures.replaceChildren(...frames.map((entry) => entry.root));
    for (const [i, figure] of figures.entries()) frames[i].paint(figure);
  };

  const paint = () => {
    frame = 0;
    const [spec, state, view] = ["spec", "state", "view"].map((name) => model.get(name));
    paintControls(spec, state, view.problem);
    if (page.sentence.textContent !== view.sentence) page.sentence.textContent = view.sentence;
    page.sentence.hidden = !view.sentence;
    page.sentence.classList.toggle(
      "mls-broken",
      view.verdicts.some((verdict) => !verdict.holds),
    );
    page.problem.hidden = !view.problem;
    page.problem.replaceChildren(...(view.problem ? problemLines(view.problem) : []));
    page.answer.classList.toggle("mls-stale", view.stale);
    page.sentence.classList.toggle("mls-stale", view.stale);
    page.undo.disabled = !view.undo;
    page.cards.replaceChildren(...view.cards.map(card));
    page.verdicts.replaceChildren(...view.verdicts.map(verdictLine));
    page.ledger.replaceChildren(...wholeLedger(view.cards));
    page.python.textContent = view.python;
    paintFigures(view.figures);
    Object.assign(page.root.dataset, {
      state: JSON.stringify(view.state),
      sequence: view.sequence,
      stale: view.stale,
      ready: "true",
    });
  };
  const schedule = () => {
    frame ||= requestAnimationFrame(paint);
  };

  page.undo.addEventListener("click", () => model.send({ action: "undo" }));
  page.reset.addEventListener("click", () => model.send({ action: "reset" }));
  el.append(page.root);
  // Whatever changes in Python, the view changes with it, in the same message.
  model.on("change:view", schedule);
  let width = 0;
  const resized = new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) < 1) return;
    if (!width) page.rail.open = entry.contentRect.width >= 720;
    width = entry.contentRect.width;
    schedule();
  });
  resized.observe(page.root);
  schedule();
  return () => {
    cancelAnimationFrame(frame);
    resized.disconnect();
    model.off("change:view", schedule);
  };
}

export default { render };
