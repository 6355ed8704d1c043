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
  const { spec, axes, start } = data;
  const names = Object.keys(axes);
  const listeners = new Map();
  const values = { spec };
  let sequence = 0;

  const positionOf = (name, state) => {
    const value = String(state[name] ?? state.choice[name]);
    return Math.max(
      0,
      axes[name].findIndex((each) => String(each) === value),
    );
  };
  const answer = () => {
    const { state } = values;
    const index = names.reduce((sum, name) => sum * axes[name].length + positionOf(name, state), 0);
    const { persona, application, choice } = state;
    sequence += 1;
    const own = { sequence, state: { persona, application, choice }, undo: false, redo: false };
    values.view = { ...pictureAt(data, index), ...own, comparison: null };
    for (const heard of listeners.get("change:view") ?? []) heard();
  };
  const moveTo = (design) => {
    values.state = {
      ...start,
      ...design,
      choice: { ...start.choice, ...design.choice },
      draft: false,
    };
    answer();
  };
  const known = (link) => {
    const given = Object.entries(link).filter(
      ([name, value]) => Object.hasOwn(axes, name) && axes[name].map(String).includes(value),
    );
    const {
      persona = start.persona,
      application = start.application,
      ...choice
    } = Object.fromEntries(given);
    return { persona, application, choice };
  };
  const model = {
    get: (name) => values[name],
    set: (name, value) => {
      values[name] = value;
    },
    save_changes: answer,
    send: ({ action, link }) => moveTo(action === "follow" ? known(link) : start),
    on: (event, heard) => listeners.set(event, [...(listeners.get(event) ?? []), heard]),
    off: (event, heard) =>
      listeners.set(
        event,
        (listeners.get(event) ?? []).filter((each) => each !== heard),
      ),
  };
  moveTo(start);
  return model;
}

const host = globalThis.document?.getElementById("dashboard");
if (host) {
  const data = JSON.parse(document.getElementById("states").textContent);
  render({ model: tableModel(data), el: host });
}
