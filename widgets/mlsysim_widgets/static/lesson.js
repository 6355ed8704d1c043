/**
 * A part of a lesson in the browser: draws the `view` that Python wrote – words, a question to
 * answer once, buttons, and what came of it. Text from outside goes in as text nodes only.
 */

import { allAnswered, html, keepKeys, ownPrefix, place } from "./dom.js";
import { saveFile } from "./downloads.js";
import { kernelLine } from "./kernel.js";

const SHORT = 40;
const KEPT = "What you committed before is kept in your journal.";

function optionsField({ options, legend }, id, changed) {
  const radios = options.map(({ value }) => {
    const radio = html("input", { type: "radio", name: id, value });
    radio.addEventListener("change", changed);
    return radio;
  });
  const short = options.every(({ label }) => label.length <= SHORT);
  const root = html(
    "fieldset",
    {},
    html("legend", {}, legend),
    html(
      "div",
      { class: "mls-options", "data-short": String(short) },
      ...options.map(({ label }, i) =>
        html("label", { class: "mls-option" }, radios[i], html("span", {}, label)),
      ),
    ),
  );
  return {
    root,
    read: () => radios.find((radio) => radio.checked)?.value ?? "",
    show(value, locked) {
      root.disabled = locked;
      if (value !== null) for (const radio of radios) radio.checked = radio.value === value;
      else if (!locked && root.hasAttribute("data-locked"))
        for (const radio of radios) radio.checked = false;
      root.toggleAttribute("data-locked", locked);
    },
  };
}

function numberField({ legend, unit, accepted }, id, changed) {
  const input = html("input", {
    id,
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    "aria-describedby": `${id}-accepted`,
  });
  input.addEventListener("input", changed);
  const box = html("div", { class: "mls-box" }, input, html("span", { class: "mls-unit" }, unit));
  const help = html("p", { class: "mls-help", id: `${id}-accepted` }, accepted);
  const root = html(
    "div",
    { class: "mls-entry" },
    html("label", { class: "mls-question", for: id }, legend),
    box,
    help,
  );
  return {
    root,
    read: () => input.value.trim(),
    show(value, locked, refused) {
      if (value !== null) input.value = value;
      else if (input.readOnly) input.value = "";
      input.readOnly = locked;
      input.setAttribute("aria-invalid", refused);
    },
  };
}

const barLine = ({ label, text: words, value }, _index, bars) => {
  const rule = html("span");
  rule.style.width = `${(100 * value) / Math.max(...bars.map((bar) => bar.value))}%`;
  return html(
    "div",
    { class: "mls-bar" },
    html("span", {}, label),
    html("strong", {}, words),
    html("div", { class: "mls-rule", "aria-hidden": "true" }, rule),
  );
};

/** A line of an explanation, which keeps its place where it is longer than the page is wide. */
function codeLine(line) {
  const words = line.trimStart();
  const node = html("span", {}, words);
  node.style.paddingInlineStart = `${line.length - words.length}ch`;
  return node;
}

function toldPanel({ tone, title, lines, bars, code }) {
  const mark = { good: "✓", bad: "✗" }[tone];
  return html(
    "div",
    { class: "mls-told", "data-tone": tone },
    html(
      "strong",
      {},
      mark && html("span", { class: "mls-mark", "aria-hidden": "true" }, mark),
      title,
    ),
    bars?.length ? html("div", { class: "mls-bars" }, ...bars.map(barLine)) : null,
    ...lines.map((line) => html("p", {}, line)),
    code ? html("pre", {}, ...code.split("\n").map(codeLine)) : null,
  );
}

function render({ model, el }) {
  const id = ownPrefix();
  const kernel = kernelLine(model, KEPT);
  const eyebrow = html("h3", { class: "mls-eyebrow" });
  const words = html("div");
  const asked = html("div");
  const buttons = html("div", { class: "mls-row" });
  const told = html("div", { role: "status", "aria-live": "polite", tabindex: -1 });
  const problem = html("div", { role: "alert" });
  const form = html("form", { novalidate: true }, asked, problem, buttons);
  const root = html(
    "section",
    { class: "mls mls-lesson" },
    eyebrow,
    words,
    form,
    told,
    kernel.root,
  );
  let [field, drawn] = [null, ""];

  const ready = (button) => !button.needsValue || !field || field.read() !== "";
  const refresh = () => {
    const { buttons: listed } = model.get("view");
    for (const [i, node] of [...buttons.children].entries())
      node.setAttribute("aria-disabled", !ready(listed[i]));
  };
  const press = async (button) => {
    if (!button || !ready(button)) return;
    const message = { action: button.action, value: field?.read() ?? "" };
    // What is saved is the design that the student sees set, even if its answer is on its way.
    await allAnswered();
    kernel.send(message);
  };
  const buttonOf = (button) => {
    const type = button.primary ? "submit" : "button";
    const node = html("button", { type, "data-action": button.action }, button.label);
    node.classList.toggle("mls-primary", Boolean(button.primary));
    if (!button.primary) node.addEventListener("click", () => press(button));
    return node;
  };
  const paint = () => {
    const view = model.get("view");
    const focused = root.contains(document.activeElement) && document.activeElement !== told;
    if (JSON.stringify(view.field) !== drawn) {
      drawn = JSON.stringify(view.field);
      const make = view.field?.kind === "number" ? numberField : optionsField;
      field = view.field ? make(view.field, `${id}-field`, refresh) : null;
      place(asked, field ? [field.root] : []);
    }
    field?.show(view.value, view.locked, Boolean(view.problem));
    const about = [view.heading, view.lines[0]].filter(Boolean).join(": ");
    root.setAttribute("aria-label", view.field?.legend ?? about);
    root.classList.toggle("mls-locked", view.closed);
    eyebrow.textContent = view.heading;
    place(
      words,
      view.lines.map((line) => html("p", { class: "mls-question" }, line)),
    );
    words.hidden = !view.lines.length;
    form.hidden = !field && !view.buttons.length && !view.problem;
    problem.replaceChildren(
      ...(view.problem ? [html("p", { class: "mls-problem" }, view.problem)] : []),
    );
    const labels = (list) => list.map(({ action, label }) => `${action} ${label}`).join();
    const present = [...buttons.children].map(
      (node) => `${node.dataset.action} ${node.textContent}`,
    );
    if (labels(view.buttons) !== present.join())
      buttons.replaceChildren(...view.buttons.map(buttonOf));
    told.replaceChildren(...(view.told ? [toldPanel(view.told)] : []));
    refresh();
    // The button that was pressed may be gone: what came of it is the next thing to read.
    if (focused && !root.contains(document.activeElement) && view.told) told.focus();
    Object.assign(root.dataset, {
      part: view.part,
      locked: view.locked,
      tone: view.told?.tone ?? "",
    });
  };
  const receive = ({ download }) => download && saveFile(download);

  // Enter in a field does what the first button does.
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    press(model.get("view").buttons.find((button) => button.primary));
  });
  el.append(keepKeys(root));
  model.on("change:view", paint);
  model.on("msg:custom", receive);
  paint();
  return () => {
    kernel.end();
    model.off("change:view", paint);
    model.off("msg:custom", receive);
  };
}

export default { render };
