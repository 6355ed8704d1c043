import assert from "node:assert/strict";
import { test } from "node:test";
import {
  numberControl,
  optionControl,
  sliderScale,
} from "../../widgets/mlsysim_widgets/static/controls.js";
import { dashboards, fire, HOSTILE, press } from "./page.js";

const SCALES = {
  "a share": { minimum: 0, maximum: 1, integer: false, scale: "linear" },
  "an offset range": { minimum: -40, maximum: 85, integer: false, scale: "linear" },
  "a few whole numbers": { minimum: 1, maximum: 8, integer: true, scale: "linear" },
  "many whole numbers": { minimum: 1, maximum: 100_000, integer: true, scale: "linear" },
  "six decades": { minimum: 1e-3, maximum: 1e3, integer: false, scale: "log" },
  "decades of whole numbers": { minimum: 1, maximum: 1_000_000, integer: true, scale: "log" },
  "decades from nought": { minimum: 0, maximum: 100, integer: false, scale: "log" },
  "uneven bounds": { minimum: 0.12789, maximum: 98.74, integer: false, scale: "log" },
};

for (const [name, control] of Object.entries(SCALES)) {
  const { steps, toValue, toPosition } = sliderScale(control);

  test(`the slider over ${name} ends exactly on its bounds`, () => {
    assert.equal(toValue(0), control.minimum);
    assert.equal(toValue(steps), control.maximum);
    assert.ok(Math.abs(toPosition(control.minimum)) < 1e-9);
    assert.ok(Math.abs(toPosition(control.maximum) - steps) < 1e-9);
  });

  test(`the slider over ${name} never turns back nor leaves its bounds`, () => {
    let before = control.minimum;
    for (let position = 0; position <= steps; position += 1) {
      const value = toValue(position);
      assert.ok(value >= before && value <= control.maximum, `${value} at ${position}`);
      if (control.integer) assert.equal(value, Math.round(value));
      before = value;
    }
  });

  test(`the slider over ${name} finds back to where a value is`, () => {
    for (const position of [0, 1, steps / 2, steps].map(Math.round)) {
      const value = toValue(position);
      const next = control.integer ? 0 : 3 * 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2);
      assert.ok(Math.abs(toValue(Math.round(toPosition(value))) - value) <= next, `at ${position}`);
    }
  });
}

test("a whole number on a short even scale has a step for each", () => {
  assert.equal(sliderScale(SCALES["a few whole numbers"]).steps, 7);
});

const SERVERS = dashboards.waiting.spec.controls.find(({ name }) => name === "servers");
const SERVICE = dashboards.waiting.spec.controls.find(({ name }) => name === "service_s");
const POLICY = dashboards.waiting.spec.controls.find(({ name }) => name === "policy");

function built(make, control) {
  const sent = [];
  const entry = make(control, "id", (...change) => sent.push(change));
  document.body.replaceChildren(entry.root);
  return { ...entry, sent, slider: entry.root.querySelector("[type=range]") };
}

test("what is written is sent as a number where it is one, else as it is", () => {
  const { input, sent } = built(numberControl, SERVERS);
  for (const written of ["12", " 1e3 ", "3 kg", "", HOSTILE]) {
    input.value = written;
    fire(input, "change");
  }
  assert.deepEqual(sent, [
    ["servers", 12, false],
    ["servers", 1000, false],
    ["servers", "3 kg", false],
    ["servers", "", false],
    ["servers", HOSTILE, false],
  ]);
});

test("a slider sends drafts while it moves and a decision when it is let go", () => {
  const { slider, input, sent, show } = built(numberControl, SERVERS);
  show(10);
  slider.value = slider.max;
  fire(slider, "input");
  fire(slider, "change");
  assert.deepEqual(sent, [
    ["servers", SERVERS.maximum, true],
    ["servers", SERVERS.maximum, false],
  ]);
  assert.equal(input.value, String(SERVERS.maximum));
  assert.equal(slider.getAttribute("aria-valuetext"), "10");
});

test("an arrow key moves a whole number by one, within its bounds", () => {
  const { slider, sent, show } = built(numberControl, SERVERS);
  for (const [start, key] of [
    [10, "ArrowRight"],
    [10, "ArrowDown"],
    [SERVERS.minimum, "ArrowLeft"],
    [SERVERS.maximum, "ArrowUp"],
  ]) {
    show(start);
    press(slider, key);
  }
  const values = sent.map(([, value]) => value);
  assert.deepEqual(values, [11, 9, SERVERS.minimum, SERVERS.maximum]);
});

test("a number without bounds has no slider", () => {
  const { slider, show, input } = built(numberControl, SERVICE);
  assert.equal(slider, null);
  show(2.5);
  assert.equal(input.value, "2.5");
});

test("an answer does not overwrite what is being written", () => {
  const { input, show } = built(numberControl, SERVICE);
  show(2.5);
  input.focus();
  input.value = "2.5 m";
  show(2.5);
  assert.equal(input.value, "2.5 m");
  show(3);
  assert.equal(input.value, "3");
});

test("options stand under their headings and are sent by their names", () => {
  const { input, sent, show } = built(optionControl, POLICY);
  const groups = [...input.querySelectorAll("optgroup")].map(({ label }) => label);
  assert.deepEqual(groups, ["Fair", "Unfair"]);
  show("random");
  assert.equal(input.value, "random");
  input.value = "fifo";
  fire(input, "change");
  assert.deepEqual(sent, [["policy", "fifo", false]]);
});
