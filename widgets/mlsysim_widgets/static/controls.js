/** Controls: a label, a field and a help text for each choice that a simulation declares. */

import { html, place } from "./dom.js";

const SLIDER_STEPS = 1000;

/** A number as people would type it: large ones with an exponent. */
export function shortNumber(value) {
  if (typeof value !== "number") return String(value ?? "");
  const rounded = Number(value.toPrecision(6));
  return Math.abs(rounded) < 1e7 ? String(rounded) : rounded.toExponential().replace("e+", "e");
}

/** Turn slider positions into values of a bounded number, and back. */
export function sliderScale({ minimum, maximum, integer, scale }) {
  const log = scale === "log" && minimum > 0;
  const [low, high] = log ? [Math.log(minimum), Math.log(maximum)] : [minimum, maximum];
  const steps = integer && !log ? Math.min(SLIDER_STEPS, maximum - minimum) : SLIDER_STEPS;
  const toValue = (position) => {
    if (position <= 0) return minimum;
    if (position >= steps) return maximum;
    const along = low + ((high - low) * position) / steps;
    const value = log ? Math.exp(along) : along;
    const rounded = integer ? Math.round(value) : Number(value.toPrecision(3));
    return Math.min(maximum, Math.max(minimum, rounded));
  };
  const toPosition = (value) => {
    const bounded = Math.min(maximum, Math.max(minimum, Number(value) || minimum));
    return (((log ? Math.log(bounded) : bounded) - low) / (high - low || 1)) * steps;
  };
  return { steps, toValue, toPosition };
}

function frameOf(control, id, ...inputs) {
  const words = [control.help, control.range].filter(Boolean).join(" ");
  const help = html("p", { class: "mls-help", id: `${id}-help` }, words);
  const root = html(
    "div",
    { class: `mls-control mls-${control.kind}-control`, "data-control": control.name },
    html("label", { for: id }, control.label),
    ...inputs,
    help,
  );
  return { root, help };
}

export function optionControl(control, id, send) {
  const select = html("select", { id, "aria-describedby": `${id}-help` });
  const groups = new Map();
  for (const option of control.options) {
    const node = html("option", { value: option.value }, option.label);
    if (!option.group) select.append(node);
    else {
      if (!groups.has(option.group)) {
        groups.set(option.group, html("optgroup", { label: option.group }));
        select.append(groups.get(option.group));
      }
      groups.get(option.group).append(node);
    }
  }
  const { root, help } = frameOf(control, id, select);
  select.addEventListener("change", () => send(control.name, select.value, false));
  const show = (value) => {
    select.value = value;
    const chosen = control.options.find((option) => option.value === value);
    help.textContent = chosen?.help || control.help;
  };
  return { root, input: select, show };
}

export function numberControl(control, id, send) {
  const input = html("input", { id, type: "text", inputmode: "decimal", autocomplete: "off" });
  input.setAttribute("aria-describedby", `${id}-help`);
  const unit = html("span", { class: "mls-unit" }, control.unit);
  const bounded = control.minimum != null && control.maximum != null;
  const scale = bounded ? sliderScale(control) : null;
  const slider = bounded
    ? html("input", { type: "range", min: 0, max: scale.steps, step: 1 })
    : null;
  slider?.setAttribute("aria-label", `${control.label} slider`);
  let shown;

  const move = (value, draft) => {
    shown = value;
    input.value = shortNumber(value);
    send(control.name, value, draft);
  };
  input.addEventListener("change", () => {
    const written = input.value.trim();
    const number = Number(written);
    send(control.name, written !== "" && Number.isFinite(number) ? number : written, false);
  });
  slider?.addEventListener("input", () => move(scale.toValue(slider.valueAsNumber), true));
  slider?.addEventListener("change", () => move(scale.toValue(slider.valueAsNumber), false));
  slider?.addEventListener("keydown", (event) => {
    // A step of a logarithmic slider can be less than one whole number.
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step || !control.integer || typeof shown !== "number") return;
    event.preventDefault();
    move(Math.min(control.maximum, Math.max(control.minimum, shown + step)), false);
    slider.value = scale.toPosition(shown);
  });

  const box = html("div", { class: "mls-box" }, input, unit);
  const { root } = frameOf(control, id, box, slider);
  const show = (value) => {
    if (value === shown && document.activeElement === input) return;
    shown = value;
    input.value = shortNumber(value);
    if (slider && document.activeElement !== slider) slider.value = scale.toPosition(value);
    slider?.setAttribute("aria-valuetext", `${shortNumber(value)} ${control.unit}`.trim());
  };
  return { root, input, show };
}

/** All controls of a dashboard: selectors in one place, the rest in another. */
export function controlPanel(prefix, send) {
  const selectors = html("div", { class: "mls-selectors" });
  const root = html("div", { class: "mls-controls" });
  const problemId = `${prefix}-problem`;
  const built = new Map();

  const controlFor = (control) => {
    const key = JSON.stringify(control);
    const entry = built.get(control.name);
    if (entry?.key === key) return entry;
    const make = control.kind === "number" ? numberControl : optionControl;
    const fresh = { key, ...make(control, `${prefix}-${control.name}`, send) };
    const focused = entry?.root.contains(document.activeElement);
    entry?.root.replaceWith(fresh.root);
    if (focused) fresh.input.focus();
    built.set(control.name, fresh);
    return fresh;
  };
  const painted = (control, state, refused) => {
    const { root: node, input, show } = controlFor(control);
    const help = `${prefix}-${control.name}-help`;
    show(state[control.name] ?? state.choice[control.name]);
    input.setAttribute("aria-invalid", control.name === refused);
    input.setAttribute(
      "aria-describedby",
      control.name === refused ? `${problemId} ${help}` : help,
    );
    return node;
  };
  return {
    selectors,
    root,
    problemId,
    paint(spec, state, refused) {
      place(
        selectors,
        spec.selectors.map((control) => painted(control, state, refused)),
      );
      place(
        root,
        spec.controls.map((control) => painted(control, state, refused)),
      );
    },
  };
}
