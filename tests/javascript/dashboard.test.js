import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import dashboard from "../../widgets/mlsysim_widgets/static/dashboard.js";
import { dashboards, fire, HOSTILE, Model, painted, watching } from "./page.js";

let close = () => {};
afterEach(() => close());

async function open(name) {
  const model = new Model(dashboards[name]);
  const el = document.createElement("div");
  document.body.replaceChildren(el);
  close = dashboard.render({ model, el });
  await painted();
  const root = el.querySelector(".mls");
  return {
    model,
    root,
    control: (wanted) => root.querySelector(`[data-control=${wanted}]`),
    slider: (wanted) => root.querySelector(`[data-control=${wanted}] [type=range]`),
    field: (wanted) => root.querySelector(`[data-control=${wanted}] :is([type=text], select)`),
    problem: root.querySelector("[role=alert]:not(.mls-gone)"),
  };
}

const metricsOf = ({ view }) =>
  view.cards.flatMap(({ metrics, all }) => [...metrics, ...all]).map(({ text }) => text);
const withoutSpaces = (words) => words.replace(/\s/g, "");

test("everything that Python sent is painted", async () => {
  const { root, control } = await open("waiting");
  const { spec, view } = dashboards.waiting;
  for (const { name, label, help } of [...spec.selectors, ...spec.controls]) {
    assert.equal(control(name).querySelector("label").textContent, label);
    assert.ok(control(name).textContent.includes(help));
  }
  assert.equal(root.querySelector("[aria-live=polite]").textContent, view.sentence);
  root.querySelector(".mls-whole").open = true;
  fire(root.querySelector(".mls-whole"), "toggle");
  await painted();
  const numbers = [...root.querySelectorAll("[data-metric]")].map((node) => node.textContent);
  const expected = metricsOf(dashboards.waiting);
  assert.deepEqual(numbers.map(withoutSpaces).sort(), expected.map(withoutSpaces).sort());
  assert.equal(root.querySelectorAll(".mls-verdicts li").length, view.verdicts.length);
  assert.equal(root.dataset.sequence, String(view.sequence));
  assert.deepEqual(JSON.parse(root.dataset.state), view.state);
});

test("a change sends the whole state once, and the answer is painted", async () => {
  const { model, root, field } = await open("waiting");
  field("policy").value = "random";
  fire(field("policy"), "change");
  const { persona, application, choice } = dashboards.waiting.state;
  assert.equal(model.states.length, 1);
  const sent = { persona, application, choice: { ...choice, policy: "random" }, draft: false };
  assert.deepEqual({ ...model.states[0], ...sent }, model.states[0]);
  assert.deepEqual(model.messages, []);
  await model.answer(dashboards.broken);
  assert.equal(root.querySelector(".mls-verdicts .mls-broken")?.nodeName, "LI");
  assert.equal(
    root.querySelector("[aria-live=polite]").textContent,
    dashboards.broken.view.sentence,
  );
});

test("persona and application stand beside the choice in the state", async () => {
  const { model, field } = await open("waiting");
  for (const name of ["persona", "application"]) {
    const other = [...field(name).options].find((option) => !option.selected).value;
    field(name).value = other;
    fire(field(name), "change");
    await model.answer();
    assert.equal(model.states.at(-1)[name], other);
    assert.deepEqual(model.states.at(-1).choice, dashboards.waiting.state.choice);
  }
});

test("a fast drag drops what is in between and ends on the last", async () => {
  const { model, slider } = await open("waiting");
  const load = slider("load");
  for (let position = 1; position <= 100; position += 1) {
    load.value = position * 10;
    fire(load, "input");
  }
  fire(load, "change");
  assert.equal(model.states.length, 1);
  await model.answer(dashboards.waiting);
  await model.answer(dashboards.waiting);
  assert.equal(model.states.length, 2);
  const { choice, draft } = model.states.at(-1);
  assert.equal(choice.load, 0.9);
  assert.equal(draft, false);
  assert.deepEqual(model.messages, []);
});

test("a dashboard is answered once Python has seen what was set last, whatever it made of it", async () => {
  const { unanswered } = globalThis[Symbol.for("mlsysim")];
  const { model, field } = await open("waiting");
  const { view } = dashboards.waiting;
  const set = (policy) => {
    field("policy").value = policy;
    fire(field("policy"), "change");
  };
  set("random");
  set("fifo");
  set("random");
  assert.equal(unanswered.size, 1);
  const other = { ...view.state, persona: "somebody else" };
  await model.answer({ view: { ...view, state: other, moment: model.states[0].moment } });
  assert.equal(unanswered.size, 1, "what was set last is still on its way");
  await model.answer({ view: { ...view, state: other, moment: model.states[1].moment } });
  assert.equal(unanswered.size, 0);
});

test("a refused value stays as it was typed, and says where to read why", async () => {
  const { model, field, problem, root } = await open("waiting");
  field("load").value = "3 kg";
  fire(field("load"), "change");
  assert.equal(model.states[0].choice.load, "3 kg");
  await model.answer(dashboards.refused);
  assert.equal(field("load").value, "3 kg");
  assert.equal(field("load").getAttribute("aria-invalid"), "true");
  assert.ok(field("load").getAttribute("aria-describedby").split(" ").includes(problem.id));
  assert.equal(problem.hidden, false);
  assert.ok(problem.textContent.includes("3 kg"));
  assert.equal(root.dataset.stale, "true");
  await model.answer(dashboards.waiting);
  assert.equal(problem.hidden, true);
  assert.equal(field("load").getAttribute("aria-invalid"), "false");
});

test("a control keeps its node and the focus while answers come in", async () => {
  const { model, field } = await open("waiting");
  const before = field("load");
  before.focus();
  await model.answer(dashboards.broken);
  assert.equal(field("load"), before);
  assert.equal(document.activeElement, before);
});

test("a button asks Python for its action, but not while it can do nothing", async () => {
  const { model, root } = await open("waiting");
  const { view } = dashboards.waiting;
  const press = (name) =>
    [...root.querySelectorAll("button")].find((button) => button.textContent === name).click();
  press("Undo");
  assert.deepEqual(model.messages, []);
  await model.answer({ view: { ...view, undo: true } });
  press("Undo");
  press("Reset");
  const { state } = model.traits;
  assert.deepEqual(model.messages, [
    { action: "undo", state },
    { action: "reset", state },
  ]);
});

test("a message brings the state that is kept back, which it overtakes", async () => {
  const { model, root, slider } = await open("waiting");
  const { view } = dashboards.waiting;
  await model.answer({ view: { ...view, undo: true } });
  for (const position of [100, 900]) {
    slider("load").value = position;
    fire(slider("load"), "input");
  }
  assert.equal(model.states.length, 1);
  [...root.querySelectorAll("button")].find(({ textContent }) => textContent === "Undo").click();
  const [{ state }] = model.messages;
  assert.equal(state.choice.load, 0.81);
  assert.ok(state.moment > model.states[0].moment);
  await model.answer();
  assert.deepEqual(model.states[1], state);
});

test("when no answer comes the page says so, until one does", async (context) => {
  const { model, root, field } = await open("waiting");
  const gone = root.querySelector(".mls-gone");
  const alarms = [];
  context.mock.method(globalThis, "setTimeout", (alarm) => alarms.push(alarm));
  field("policy").value = "random";
  fire(field("policy"), "change");
  assert.equal(gone.hidden, true);
  alarms.at(-1)();
  assert.equal(gone.hidden, false);
  await model.answer(dashboards.broken);
  assert.equal(gone.hidden, true);
});

for (const [place, voila, kept, button] of [
  ["in a notebook", false, /in this page alone\. Restart the kernel/, undefined],
  ["in Voila", true, /kept in the address of this page\./, "Reload and go on"],
]) {
  test(`what is kept while no answer comes is told as it is ${place}`, async (context) => {
    document.body.toggleAttribute("data-voila", voila);
    const { model, root, field } = await open("waiting");
    document.body.removeAttribute("data-voila");
    context.mock.method(model, "save_changes", () => {
      throw new Error("the line was cut");
    });
    field("policy").value = "random";
    fire(field("policy"), "change");
    const gone = (voila ? document : root).querySelector(".mls-gone");
    assert.match(gone.textContent, kept);
    assert.equal(gone.querySelector("button")?.textContent, button);
  });
}

for (const name of ["hostile", "hostile_value", "hostile_error"]) {
  test(`hostile texts stay texts: ${name}`, async () => {
    const { root } = await open(name);
    assert.ok(root.textContent.includes(HOSTILE));
    assert.equal(root.querySelector("img"), null);
  });
}

test("nothing listens any more once the widget is gone", async () => {
  const { model } = await open("waiting");
  assert.ok(model.listeners > 0);
  assert.ok(watching.size > 1, "the dashboard and each of its figures");
  close();
  close = () => {};
  assert.equal(model.listeners, 0);
  assert.equal(watching.size, 0);
});
