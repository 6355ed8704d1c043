import assert from "node:assert/strict";
import { test } from "node:test";
import journal from "../../widgets/mlsysim_widgets/static/journal.js";
import { Model, painted } from "./page.js";

function begun(manager) {
  const model = new Model({ view: { opened: false }, browser: "unknown" });
  model.widget_manager = manager;
  return { model, end: journal.initialize({ model }) };
}

test("a journal opens at once where widgets are made one by one", async () => {
  for (const manager of [undefined, {}, { restoredStatus: true }]) {
    const { model, end } = begun(manager);
    await painted();
    assert.deepEqual(
      model.messages.map(({ action }) => action),
      ["open"],
    );
    end();
  }
});

test("a journal opens once the page has made all of its widgets", async () => {
  const restored = { connect: (heard) => Object.assign(restored, { heard }) };
  const { model, end } = begun({ restoredStatus: false, restored });
  await painted();
  assert.deepEqual(model.messages, []);
  restored.heard();
  await painted();
  assert.equal(model.messages.length, 1);
  end();
});
