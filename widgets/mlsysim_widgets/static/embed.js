/** Embed: the dashboard without Python, over states that were worked out before. */

import { render } from "./dashboard.js";

/** Give a shape its leaves back, in the order in which they were taken from it. */
function filled(shape, next) {
  if (Array.isArray(shape)) return shape.map((part) => filled(part, next));
  if (shape === 0) return next();
  return Object.fromEntries(
    Object.entries(shape).map(([name, part]) => [name, filled(part, next)]),
  );
}

function pictureAt({ tables, states }, index) {
  const [table, row] = states[index];
  const { shape, columns } = tables[table];
  let i = 0;
  return filled(shape, () => {
    const column = columns[i];
    i += 1;
    return Array.isArray(column) ? column[row] : column;
  });
}

/** A widget's model whose answers are looked up; what it is told by name it does at once. */
export function tableModel(data) {
  const { parts } = data;
  const listeners = new Map();
  const values = {};
  let sequence = 0;
  let shown;

  const partFor = (persona) => parts.find(({ axes }) => axes.persona.includes(persona)) ?? parts[0];
  const positionOf = (name, state) => {
    const value = String(state[name] ?? state.choice[name]);
    return Math.max(
      0,
      shown.axes[name].findIndex((each) => String(each) === value),
    );
  };
  const indexIn = ({ axes, first }, state) =>
    first +
    Object.keys(axes).reduce((sum, name) => sum * axes[name].length + positionOf(name, state), 0);
  const answer = () => {
    const { persona, application, choice } = values.state;
    sequence += 1;
    const own = { sequence, state: { persona, application, choice }, undo: false, redo: false };
    values.view = { ...pictureAt(data, indexIn(shown, values.state)), ...own, comparison: null };
    for (const heard of listeners.get("change:view") ?? []) heard();
  };
  const moveTo = (part, { choice, ...whose } = {}) => {
    const { start, spec } = part;
    shown = part;
    values.spec = spec;
    values.state = { ...start, ...whose, choice: { ...start.choice, ...choice }, draft: false };
    answer();
  };
  const follow = (link) => {
    const part = partFor(link.persona);
    const { axes, start } = part;
    const known = Object.entries(link).filter(
      ([name, value]) => Object.hasOwn(axes, name) && axes[name].map(String).includes(value),
    );
    const { persona, application, ...choice } = {
      persona: start.persona,
      application: start.application,
      ...Object.fromEntries(known),
    };
    moveTo(part, { persona, application, choice });
  };
  // Another persona may have other controls, and begins elsewhere.
  const save = () => {
    const part = partFor(values.state.persona);
    if (part === shown) answer();
    else moveTo(part);
  };
  const model = {
    get: (name) => values[name],
    set: (name, value) => {
      values[name] = value;
    },
    save_changes: save,
    send: ({ action, link }) => (action === "follow" ? follow(link) : moveTo(shown)),
    on: (event, heard) => listeners.set(event, [...(listeners.get(event) ?? []), heard]),
    off: (event, heard) =>
      listeners.set(
        event,
        (listeners.get(event) ?? []).filter((each) => each !== heard),
      ),
  };
  moveTo(parts[0]);
  return model;
}

const host = globalThis.document?.getElementById("dashboard");
if (host) {
  const data = JSON.parse(document.getElementById("states").textContent);
  render({ model: tableModel(data), el: host });
}
