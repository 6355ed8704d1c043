/** Nodes of a page, made in one call; text goes in as text nodes only. */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null && child !== false));
  return node;
}

export const html = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);
export const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);

/** A table of texts; the roles say so where a style lays it out as something else. */
export function tableOf({ columns, rows }, caption = null, attributes = {}) {
  const head = html(
    "tr",
    { role: "row" },
    ...columns.map((name) => html("th", { role: "columnheader" }, name)),
  );
  const body = rows.map(([first, ...rest]) =>
    html(
      "tr",
      { role: "row" },
      html("th", { role: "rowheader" }, first),
      ...rest.map((cell, i) => html("td", { role: "cell", "data-column": columns[i + 1] }, cell)),
    ),
  );
  return html(
    "table",
    { role: "table", ...attributes },
    caption && html("caption", {}, caption),
    html("thead", { role: "rowgroup" }, head),
    html("tbody", { role: "rowgroup" }, ...body),
  );
}

/** Replace the children of a place only where they are others, so that nothing loses its focus. */
export function place(parent, nodes) {
  const same =
    parent.children.length === nodes.length &&
    nodes.every((node, i) => parent.children[i] === node);
  if (!same) parent.replaceChildren(...nodes);
}

/** What the widgets of a page share: each of them runs a copy of this script. */
const PAGE = Symbol.for("mlsysim");
globalThis[PAGE] ??= { parts: 0, dashboards: new Map(), unanswered: new Set() };
const inPage = globalThis[PAGE];

/** How many dashboards of each simulation the page shows. */
export const shownOf = inPage.dashboards;

/** What all widgets of the page share: the library that draws figures, once it is asked for. */
export const shared = inPage;

const LOOK_AGAIN_MS = 20;
const LONGEST_LOOK_MS = 2000;

/** Wait until every dashboard of the page is answered, or for as long as anybody would. */
export async function allAnswered() {
  const end = Date.now() + LONGEST_LOOK_MS;
  while (inPage.unanswered.size && Date.now() < end)
    await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
}

/** A start for ids that no other part of the page has. */
export function ownPrefix() {
  inPage.parts += 1;
  return `mls-${inPage.parts}`;
}

/** Whether this page is the lab's own, as Voila serves it: opening it anew runs it from the top. */
export const onItsOwnPage = () => document.body.dataset.voila !== undefined;

/** Keep plain keys in a part of the page: JupyterLab takes arrows and Enter for its own cells. */
export function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
  return root;
}

/** Call `paint` only with something other than it was called with before. */
export function onlyNew(paint) {
  let before = null;
  return (...what) => {
    const now = JSON.stringify(what);
    if (now === before) return;
    before = now;
    paint(...what);
  };
}
