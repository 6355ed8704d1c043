/** Explanation: a dialog that unfolds a number down to constants, choices and sources. */

import { html } from "./dom.js";

const named = (role, title) =>
  role && !title.toLowerCase().startsWith(role.toLowerCase()) ? `${role}: ${title}` : title;

function facts(node) {
  const law = node.law && node.source ? `${node.law.replaceAll("_", " ")} – ` : "";
  return [
    node.equation && html("p", { class: "mls-equation" }, node.equation),
    node.expression && html("p", { class: "mls-equation" }, `= ${node.expression}`),
    node.note && html("p", {}, node.note),
    node.source && html("p", { class: "mls-source" }, `Source: ${law}${node.source.words}`),
  ];
}

function branch(nodes, id, role, open) {
  const node = nodes.get(id);
  const line = [html("span", {}, named(role, node.title)), html("strong", {}, node.text)];
  if (!node.inputs.length && !node.source && !node.note && !node.equation) {
    const chosen = node.kind === "choice" ? " (chosen)" : "";
    return html("p", { class: "mls-leaf" }, ...line, chosen);
  }
  const details = html("details", { class: "mls-branch" }, html("summary", {}, ...line));
  // A number is used in many places: what is below it is drawn where somebody looks.
  const grow = () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(
      ...facts(node).filter(Boolean),
      ...node.inputs.map((input) => branch(nodes, input.id, input.role, false)),
    );
  };
  details.addEventListener("toggle", grow);
  if (open) {
    details.open = true;
    grow();
  }
  return details;
}

/** A dialog; `ask` sends the question, and the answer comes to `show`. */
export function explanationDialog(ask) {
  const heading = html("h3", {}, "Where this number comes from");
  const tree = html("div", { class: "mls-tree" });
  const close = html("button", { type: "button" }, "Close");
  const root = html("dialog", { class: "mls-dialog" }, html("header", {}, heading, close), tree);
  close.addEventListener("click", () => root.close());
  root.addEventListener("click", (event) => {
    if (event.target === root) root.close();
  });
  let asked = null;
  return {
    root,
    open(path, label) {
      asked = path;
      root.setAttribute("aria-label", `Where ${label} comes from`);
      tree.replaceChildren(html("p", { role: "status" }, "Looking it up …"));
      if (!root.open) root.showModal();
      ask(path);
    },
    show({ path, problem, root: top, nodes }) {
      if (path !== asked) return;
      const known = new Map(nodes.map((node) => [node.id, node]));
      tree.replaceChildren(
        problem ? html("p", { role: "alert" }, problem) : branch(known, top, "", true),
      );
    },
  };
}
