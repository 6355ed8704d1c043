/**
 * The journal in the browser: gives Python what this browser kept, keeps what Python hands it,
 * and draws the bar that says whose journal it is. Each record is an item of its own that is
 * never written over, so that tabs cannot undo one another.
 */

import { html, keepKeys, ownPrefix, shared } from "./dom.js";
import { saveFile } from "./downloads.js";
import { kernelLine } from "./kernel.js";
import { forgetDesigns } from "./links.js";

const PLACE = "mlsysim/journal/";
const NAMES = "mlsysim/student/";
const LAST = "mlsysim/last-student";
const PATIENCE_FOR_WIDGETS_MS = 10_000;
const LARGEST_FILE = 5_000_000;
const HELP =
  "Write it before you begin: it stands on your report. Each name has a journal of its own, which is empty at first and comes back with the name. Whatever you commit is saved in it at once. Export saves it as a file, which Import takes in on another machine.";
const TOO_LARGE = "Nothing was changed: the file is larger than any journal of these labs.";
const UNREAD = "Nothing was changed: the browser could not read the file.";
const ALL_KEPT = "What you committed before is kept in your journal.";

/** Every record that Python handed to this page, so that it can be exported whatever happens. */
shared.records ??= new Map();

const itemsBelow = (prefix) =>
  Object.keys(localStorage)
    .filter((name) => name.startsWith(prefix))
    .map((name) => localStorage.getItem(name));

/** Whose journal this tab showed last, else this browser. */
function lastStudent() {
  try {
    const { student, key } = JSON.parse(sessionStorage.getItem(LAST) ?? localStorage.getItem(LAST));
    return { student: String(student), key: String(key) };
  } catch {
    return { student: "", key: "" };
  }
}

function rememberStudent(student, key) {
  const words = JSON.stringify({ student, key });
  sessionStorage.setItem(LAST, words);
  localStorage.setItem(LAST, words);
  localStorage.setItem(`${NAMES}${key}`, student);
}

// ── Keeping ─────────────────────────────────────────────────────────────────────────────────

/** Until all widgets of a page are made: what Python tells one that is not there yet is lost. */
function whenComplete(manager) {
  if (manager?.restoredStatus !== false) return Promise.resolve();
  return new Promise((resolve) => {
    manager.restored.connect(resolve);
    // A page whose widgets could not all be made never says that they are.
    setTimeout(resolve, PATIENCE_FOR_WIDGETS_MS);
  });
}

/** Runs once for a page, whether or not the bar is shown. */
function initialize({ model }) {
  const waiting = new Map();
  let arrived = [];
  let timer = 0;
  let own = "";

  const attempt = (work) => {
    let outcome = "kept";
    try {
      work();
    } catch (error) {
      outcome = error.name === "QuotaExceededError" ? "full" : "blocked";
    }
    if (model.get("browser") === outcome) return;
    model.set("browser", outcome);
    model.save_changes();
  };
  const open = (student, key) => {
    own = key;
    let texts = [];
    attempt(() => {
      texts = key ? itemsBelow(`${PLACE}${key}/`) : [];
    });
    model.send({ action: "open", student, key, texts });
  };
  const follow = () => {
    const { opened, student, key } = model.get("view");
    if (!opened) return;
    attempt(() => rememberStudent(student, key));
    if (key === own) return;
    if (own) forgetDesigns();
    open(student, key);
  };
  const keep = ({ keep: records, whose }) => {
    for (const { key, text } of records ?? []) {
      const name = `${PLACE}${whose}/${key}`;
      waiting.set(name, text);
      shared.records.set(name, text);
    }
    attempt(() => {
      for (const [name, words] of waiting) {
        localStorage.setItem(name, words);
        waiting.delete(name);
      }
    });
  };
  const fromOtherTab = ({ key, newValue }) => {
    if (!newValue || !key?.startsWith(`${PLACE}${own}/`)) return;
    arrived.push(newValue);
    clearTimeout(timer);
    timer = setTimeout(() => {
      model.send({ action: "merge", key: own, texts: arrived });
      arrived = [];
    }, 50);
  };

  model.on("msg:custom", keep);
  model.on("change:view", follow);
  window.addEventListener("storage", fromOtherTab);
  const { student, key } = lastStudent();
  whenComplete(model.widget_manager).then(() => open(student, key));
  return () => {
    clearTimeout(timer);
    model.off("msg:custom", keep);
    model.off("change:view", follow);
    window.removeEventListener("storage", fromOtherTab);
  };
}

// ── The bar ─────────────────────────────────────────────────────────────────────────────────

function placesText({ file }, browser) {
  if (browser === "unknown") return "not opened yet";
  const places = [
    browser === "kept" && "in this browser",
    file && "in a file in the home folder",
  ].filter(Boolean);
  return places.length
    ? `kept ${places.join(" and ")}`
    : "kept nowhere: export it before you leave";
}

/** The journal as a file, made here: it must come out of a page whose Python has ended, too. */
function exportJournal({ head, key }) {
  const own = [...shared.records].filter(([name]) => name.startsWith(`${PLACE}${key}/`));
  const text = `${head}, "records": [\n${own.map(([, record]) => record).join(",\n")}\n]}`;
  saveFile({ name: `journal-${key}.json`, type: "application/json", text });
}

function noticesOf({ notices }, browser, refused) {
  const trouble = {
    full: "This browser has no room left for the journal. Export it before you leave, then clear some site data.",
    blocked:
      "This browser keeps nothing for this page (blocked, or a private window). Export the journal before you leave.",
  }[browser];
  return [trouble, refused, ...(notices ?? [])].filter(Boolean);
}

function render({ model, el }) {
  const id = ownPrefix();
  const kernel = kernelLine(model, ALL_KEPT);
  const ask = (action, more = {}) => kernel.send({ action, ...more });
  const button = (label, press) => {
    const node = html("button", { type: "button" }, label);
    node.addEventListener("click", press);
    return node;
  };
  const student = html("strong");
  const places = html("span", { class: "mls-name" });
  const notices = html("div", { class: "mls-notices", role: "status", "aria-live": "polite" });
  const known = html("datalist", { id: `${id}-known` });
  const name = html("input", {
    id: `${id}-name`,
    type: "text",
    maxlength: 60,
    autocomplete: "off",
    "aria-describedby": `${id}-help`,
    list: `${id}-known`,
    required: true,
  });
  const form = html(
    "form",
    { class: "mls-switch" },
    html("label", { for: `${id}-name` }, "Your name"),
    html(
      "div",
      { class: "mls-row" },
      html("div", { class: "mls-box" }, name),
      html("button", { type: "submit" }, "Switch"),
    ),
    html("p", { class: "mls-help", id: `${id}-help` }, HELP),
    known,
  );
  const file = html("input", {
    id: `${id}-file`,
    type: "file",
    accept: ".json,application/json",
    class: "mls-file",
  });
  const restart = button("Start this lab over", () => {
    if (restart.dataset.sure) ask("restart");
    const sure = !restart.dataset.sure;
    restart.dataset.sure = sure ? "true" : "";
    restart.textContent = sure ? "Yes, start over (the history is kept)" : "Start this lab over";
  });
  const root = html(
    "section",
    { class: "mls mls-journal", "aria-label": "Design journal" },
    html(
      "details",
      {},
      html(
        "summary",
        {},
        html("span", { class: "mls-whose" }, "Design journal of ", student),
        " ",
        places,
      ),
      html(
        "div",
        { class: "mls-desk" },
        form,
        html(
          "div",
          { class: "mls-row" },
          button("Export", () => exportJournal(model.get("view"))),
          html("label", { class: "mls-button", for: `${id}-file` }, "Import", file),
          restart,
        ),
      ),
    ),
    notices,
    kernel.root,
  );
  let refused = "";

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask("switch", { student: name.value });
    name.value = "";
  });
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    try {
      refused = chosen.size > LARGEST_FILE ? TOO_LARGE : "";
      if (!refused) ask("import", { text: await chosen.text() });
    } catch {
      refused = UNREAD;
    }
    file.value = "";
    paint();
  });
  const listKnown = () => {
    try {
      known.replaceChildren(...itemsBelow(NAMES).map((value) => html("option", { value })));
    } catch {
      known.replaceChildren();
    }
  };
  const paint = () => {
    const [status, browser] = [model.get("view"), model.get("browser")];
    const entries = status.entries === 1 ? "1 entry" : `${status.entries} entries`;
    student.textContent = status.student;
    restart.hidden = !status.lab;
    const asked = status.named ? "" : "; open it to write your name";
    places.textContent = `${entries}, ${placesText(status, browser)}${asked}`;
    const lines = noticesOf(status, browser, refused);
    const same =
      lines.length === notices.children.length &&
      lines.every((line, i) => notices.children[i].textContent === line);
    if (!same)
      notices.replaceChildren(...lines.map((line) => html("p", { class: "mls-problem" }, line)));
    listKnown();
    Object.assign(root.dataset, {
      student: status.student,
      entries: status.entries,
      file: status.file,
      browser,
      opened: status.opened,
    });
  };

  el.append(keepKeys(root));
  model.on("change:view", paint);
  model.on("change:browser", paint);
  paint();
  return () => {
    kernel.end();
    model.off("change:view", paint);
    model.off("change:browser", paint);
  };
}

export default { initialize, render };
