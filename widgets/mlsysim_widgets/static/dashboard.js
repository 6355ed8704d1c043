/**
 * The dashboard in the browser: draws `spec`, sends `state`, paints `view`.
 * It computes pixels and nothing else; text from outside goes in as text nodes only.
 */

import { actionBar, actionOfKey } from "./actions.js";
import { aroundPanel } from "./around.js";
import { card, problemLines, verdictLine, wholeLedger } from "./cards.js";
import { comparisonPanel } from "./comparison.js";
import { controlPanel } from "./controls.js";
import { html, keepKeys, onItsOwnPage, onlyNew, ownPrefix, place, shared, shownOf } from "./dom.js";
import { explanationDialog } from "./explanation.js";
import { explorationPanel } from "./explorations.js";
import { figureFrame } from "./figures.js";
import { kernelLine } from "./kernel.js";
import { libraryOf } from "./library.js";
import { keepInAddress, linkedDesign, linkTo } from "./links.js";

/** What a number, a question or a figure asks for by itself, without a button among the actions. */
const ANSWERED_IN_PLACE = ["explain", "explore"];

const SETTLED_MS = 150;
/** From this width on, the controls stand beside the answer. */
const BESIDE = 720;
const KEPT_IN_ADDRESS = "Your design is kept in the address of this page.";
const KEPT_IN_JOURNAL =
  "Your journal keeps what you have committed and saved; the present design is in this page alone.";

/** The name of a dashboard in links: the second one of a simulation on a page is another. */
function nameOf(simulation) {
  const count = (shownOf.get(simulation) ?? 0) + 1;
  shownOf.set(simulation, count);
  return count > 1 ? `${simulation}~${count}` : simulation;
}

function unitsControl(id, change) {
  const choices = [
    html("option", { value: "readable" }, "Readable units"),
    html("option", { value: "base" }, "Base units"),
  ];
  const select = html("select", { id, "aria-label": "Units" }, ...choices);
  select.addEventListener("change", () => change(select.value));
  return select;
}

async function copied(words) {
  try {
    await navigator.clipboard.writeText(words);
    return "Copied.";
  } catch {
    return "Copying is not allowed here: select the text and copy it.";
  }
}

function skeleton(parts) {
  const rail = html(
    "details",
    { class: "mls-rail mls-panel", open: true },
    html("summary", {}, "Controls"),
    parts.controls,
  );
  const whole = html(
    "details",
    { class: "mls-more mls-whole" },
    html("summary", {}, "The whole ledger"),
    parts.ledger,
  );
  const answer = html(
    "div",
    { class: "mls-answer" },
    parts.around,
    parts.comparison,
    parts.cards,
    parts.verdicts,
    parts.figures,
    parts.explorations,
    whole,
    html(
      "details",
      { class: "mls-more mls-python" },
      html("summary", {}, "The same in Python"),
      html("pre", {}, parts.python),
      parts.copyPython,
    ),
  );
  const root = html(
    "div",
    { class: "mls" },
    html("div", { class: "mls-top" }, parts.selectors, parts.actions),
    parts.gone,
    parts.sentence,
    parts.problem,
    html("div", { class: "mls-body" }, rail, answer),
    parts.explanation,
  );
  return { root, rail, answer, whole };
}

export function render({ model, el }) {
  const prefix = ownPrefix();
  const { simulation } = model.get("spec");
  const name = nameOf(simulation);
  const line = kernelLine(model, onItsOwnPage() ? KEPT_IN_ADDRESS : KEPT_IN_JOURNAL);
  const closing = new AbortController();
  const { signal } = closing;
  const frames = new Map();
  let units = "readable";
  let frame = 0;
  let due = false;

  let moment = 0;
  let newest = "";

  const design = () => JSON.stringify(model.get("view").state);
  // While an answer is on its way, the front end keeps only the newest state: drags drop the rest.
  const save = (changes) => {
    moment = Math.max(moment + 1, Date.now());
    const state = { ...model.get("state"), ...changes, moment };
    const { persona, application, choice } = state;
    newest = JSON.stringify({ persona, application, choice });
    const answered = newest === design();
    if (!answered) shared.unanswered.add(model);
    line.save(state, answered && !("metric" in changes));
  };
  const send = (control, value, draft) => {
    const own = control === "persona" || control === "application";
    const change = own
      ? { [control]: value }
      : { choice: { ...model.get("state").choice, [control]: value } };
    save({ ...change, draft, moved: control });
  };
  // A message would overtake a state that is kept back, so it brings the newest along.
  const ask = (message) => line.send({ ...message, state: model.get("state") });
  const act = async (action) => {
    shared.unanswered.delete(model);
    if (action !== "copy") ask({ action });
    else actions.say(await copied(linkTo(name, model.get("view").link)));
  };

  const controls = controlPanel(prefix, send);
  const explanation = explanationDialog((path) => ask({ action: "explain", path }));
  const actions = actionBar(act);
  const around = aroundPanel((metric) => save({ metric, draft: false }), signal);
  const compared = comparisonPanel();
  const load = () => libraryOf(model, () => ask({ action: "library" }));
  const explorations = explorationPanel(ask, load, signal);
  const enlarge = (figure) => ask({ action: "enlarge", name: figure });
  const larger = model.get("spec").actions.includes("explore") ? { load, ask: enlarge } : {};
  const page = {
    selectors: controls.selectors,
    sentence: html("p", { class: "mls-sentence", "aria-live": "polite" }),
    problem: html("div", {
      class: "mls-problem",
      role: "alert",
      id: controls.problemId,
      hidden: true,
    }),
    controls: controls.root,
    cards: html("div", { class: "mls-cards" }),
    verdicts: html("ul", { class: "mls-verdicts", "aria-label": "Verdicts" }),
    figures: html("div", { class: "mls-figures" }),
    ledger: html("div", { class: "mls-tables" }),
    python: html("code"),
    copyPython: html("button", { type: "button" }, "Copy"),
    actions: actions.root,
    around: around.root,
    comparison: compared.root,
    explorations: explorations.root,
    explanation: explanation.root,
    gone: line.root,
  };
  Object.assign(page, skeleton(page));

  const unitsChoice = unitsControl(`${prefix}-units`, (chosen) => {
    units = chosen;
    schedule();
  });

  const paintFigures = (figures) => {
    for (const { name: figure } of figures)
      if (!frames.has(figure)) frames.set(figure, figureFrame({ ...larger, signal }));
    place(
      page.figures,
      figures.map((figure) => frames.get(figure.name).root),
    );
    for (const figure of figures) frames.get(figure.name).paint(figure);
  };

  const cards = new Map();
  const cardOf = (group, options) => {
    const key = JSON.stringify([group, options]);
    if (cards.get(group.group)?.key !== key)
      cards.set(group.group, { key, root: card(group, options) });
    return cards.get(group.group).root;
  };
  const paintNumbers = onlyNew((shown, { explains, whole, ...options }) => {
    const focused =
      page.answer.contains(document.activeElement) && document.activeElement.dataset.metric;
    const told = { ...options, explain: explains ? explanation.open : null };
    place(
      page.cards,
      shown.map((group) => cardOf(group, told)),
    );
    if (whole) page.ledger.replaceChildren(...wholeLedger(shown, told));
    if (focused) page.answer.querySelector(`[data-metric="${focused}"]`)?.focus();
  });
  const paintVerdicts = onlyNew((verdicts) =>
    page.verdicts.replaceChildren(...verdicts.map(verdictLine)),
  );
  let address = 0;
  const keepDesign = onlyNew((link) => {
    clearTimeout(address);
    address = setTimeout(() => keepInAddress(name, link), SETTLED_MS);
  });

  const paint = () => {
    const [spec, state, view] = ["spec", "state", "view"].map((trait) => model.get(trait));
    controls.paint(spec, state, view.problem?.field);
    page.rail.hidden = !spec.controls.length;
    if (page.sentence.textContent !== view.sentence) page.sentence.textContent = view.sentence;
    page.sentence.hidden = !view.sentence;
    page.sentence.classList.toggle(
      "mls-broken",
      view.verdicts.some((verdict) => !verdict.holds),
    );
    page.problem.hidden = !view.problem;
    page.problem.replaceChildren(...(view.problem ? problemLines(view.problem, view.stale) : []));
    page.answer.classList.toggle("mls-stale", view.stale);
    page.sentence.classList.toggle("mls-stale", view.stale);
    actions.paint(
      spec.actions.filter((action) => !ANSWERED_IN_PLACE.includes(action)),
      view,
    );
    const explains = spec.actions.includes("explain");
    paintNumbers(view.cards, { units, explains, whole: page.whole.open });
    paintVerdicts(view.verdicts);
    page.python.textContent = view.python;
    around.paint(view.around, view.cards, view.watched);
    compared.paint(view.comparison, view.sentence);
    paintFigures(view.figures);
    explorations.paint(spec.actions.includes("explore"), JSON.stringify(view.state));
    if (onItsOwnPage() && view.sequence > 1) keepDesign(view.link);
    Object.assign(page.root.dataset, {
      state: JSON.stringify(view.state),
      sequence: view.sequence,
      stale: view.stale,
      ready: "true",
    });
  };
  // The first answer is painted at once; what comes before the next frame is painted with it.
  const schedule = () => {
    due = true;
    if (frame) return;
    const flush = () => {
      frame = 0;
      if (due) schedule();
    };
    frame = requestAnimationFrame(flush);
    due = false;
    paint();
  };
  const heard = (answer) => {
    if (answer.reply === "explain") explanation.show(answer);
    if (answer.reply === "offer") explorations.offer(answer.offered);
    if (answer.reply === "explore") explorations.show(answer);
    if (answer.reply === "enlarge") frames.get(answer.name)?.enlarge(answer.plotly);
  };

  page.copyPython.addEventListener("click", async () =>
    actions.say(await copied(model.get("view").python)),
  );
  page.root.addEventListener("keydown", (event) => {
    const action = actionOfKey(event);
    if (!action || !model.get("view")[action]) return;
    event.preventDefault();
    act(action);
  });
  page.ledger.before(unitsChoice);
  page.whole.addEventListener("toggle", schedule);
  el.append(keepKeys(page.root));
  // Whatever changes in Python, the view changes with it, in the same message.
  const viewed = () => {
    // The end of a drag is not answered again; where Python says otherwise than was set, it knows.
    const earlier = model.get("view").moment < moment;
    if (!earlier || design() === newest) shared.unanswered.delete(model);
    schedule();
  };
  model.on("change:view", viewed);
  model.on("msg:custom", heard);
  let width = 0;
  const resized = new ResizeObserver(([entry]) => {
    const now = entry.contentRect.width;
    if (Math.abs(now - width) < 1) return;
    const roomy = now >= BESIDE;
    if (!width || roomy !== width >= BESIDE) page.rail.open = roomy;
    width = now;
    schedule();
  });
  resized.observe(page.root);
  schedule();
  const given = linkedDesign(name);
  if (given && model.get("view").sequence === 1) ask({ action: "follow", link: given });
  return () => {
    shownOf.set(simulation, shownOf.get(simulation) - 1);
    cancelAnimationFrame(frame);
    clearTimeout(address);
    resized.disconnect();
    closing.abort();
    explorations.end();
    line.end();
    shared.unanswered.delete(model);
    model.off("change:view", viewed);
    model.off("msg:custom", heard);
  };
}

export default { render };
