/** The course on one page: where to go on, and each lab with its question, time and state. */

import { html } from "./dom.js";

function resumeLine(next) {
  if (!next) return null;
  return html(
    "p",
    { class: "mls-next" },
    html("a", { href: next.path, class: "mls-go" }, `${next.label} ${next.title}`),
  );
}

function bar({ answered, asked, state }) {
  if (!state) return null;
  const done = html("span", { style: `inline-size: ${(100 * answered) / asked}%` });
  return html("span", { class: "mls-bar", "aria-hidden": "true" }, done);
}

function pageItem(page) {
  const { path, title, question, time, state } = page;
  const told = html(
    "span",
    { class: "mls-meta" },
    time && html("span", {}, time),
    state && html("strong", {}, state === "Done" ? "✓ Done" : state),
  );
  return html(
    "li",
    { "data-state": state },
    html(
      "a",
      { href: path },
      html("strong", { class: "mls-title" }, title),
      html("span", {}, question),
      time || state ? told : null,
      bar(page),
    ),
  );
}

function section({ title, pages }) {
  return html("section", {}, html("h2", {}, title), html("ol", {}, ...pages.map(pageItem)));
}

function render({ model, el }) {
  const root = html("nav", { class: "mls mls-index", "aria-label": "Labs" });
  const paint = () => {
    const { sections, next } = model.get("view");
    const focused = root.contains(document.activeElement) && document.activeElement.href;
    root.replaceChildren(...[resumeLine(next), ...sections.map(section)].filter(Boolean));
    if (focused) [...root.querySelectorAll("a")].find((link) => link.href === focused)?.focus();
  };
  el.append(root);
  model.on("change:view", paint);
  paint();
  return () => model.off("change:view", paint);
}

export default { render };
