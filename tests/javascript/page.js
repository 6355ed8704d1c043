/** A page without a browser, and a model that behaves as the one of a widget does there. */

import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

/** What Python sent of a few dashboards, by name. */
export const dashboards = JSON.parse(readFileSync(process.env.DASHBOARDS, "utf8"));
export const HOSTILE = process.env.HOSTILE;

const { window } = new JSDOM("<!DOCTYPE html><body></body>", {
  pretendToBeVisual: true,
  url: "http://localhost/",
});
const { document, Event, KeyboardEvent, location, history } = window;

/** Who watches the size of something now. */
export const watching = new Set();

/** Elements have no size here: whoever watches one is told once that it is 1000 pixels wide. */
class ResizeObserver {
  constructor(callback) {
    this.callback = callback;
  }
  observe() {
    watching.add(this);
    this.callback([{ contentRect: { width: 1000 } }]);
  }
  disconnect() {
    watching.delete(this);
  }
}

Object.assign(globalThis, {
  window,
  document,
  Event,
  location,
  history,
  ResizeObserver,
  AbortController: window.AbortController,
  requestAnimationFrame: window.requestAnimationFrame.bind(window),
  cancelAnimationFrame: window.cancelAnimationFrame.bind(window),
});

/** Until everything that waits for the next frame is painted. */
export const painted = () =>
  new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

export const fire = (node, type) => node.dispatchEvent(new Event(type, { bubbles: true }));
export const press = (node, key) =>
  node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

/**
 * The model of a widget. As in Jupyter, changes that are saved while an answer is on its way wait
 * for it, and only the newest is sent then; messages are all sent.
 */
export class Model {
  #listeners = new Set();
  #waiting = false;
  #held = null;
  states = [];
  messages = [];

  constructor(traits) {
    this.traits = structuredClone(traits);
  }
  get(name) {
    return this.traits[name];
  }
  set(name, value) {
    this.traits[name] = value;
  }
  save_changes() {
    const state = structuredClone(this.traits.state);
    if (this.#waiting) this.#held = state;
    else this.#send(state);
  }
  send(content) {
    this.messages.push(content);
  }
  on(name, listener) {
    this.#listeners.add([name, listener]);
  }
  off(name, listener) {
    for (const entry of this.#listeners) {
      if (entry[0] === name && entry[1] === listener) this.#listeners.delete(entry);
    }
  }
  get listeners() {
    return this.#listeners.size;
  }
  /** Python answers what was sent last. */
  async answer(traits = {}) {
    Object.assign(this.traits, structuredClone(traits));
    this.#waiting = false;
    for (const [name, listener] of this.#listeners) {
      if (name.replace("change:", "") in traits) listener();
    }
    await painted();
    if (this.#held) this.#send(this.#held);
  }
  #send(state) {
    [this.#waiting, this.#held] = [true, null];
    this.states.push(state);
  }
}
