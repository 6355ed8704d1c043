/** Library: plotly.js, handed over by Python when the first figure asks for it. */

import { shared } from "./dom.js";

/** Import a script that was made for no module system, wherever the page has one. */
async function imported(source) {
  const head = "const module = { exports: {} }, exports = module.exports, define = undefined;\n";
  const parts = [head, source, "\nexport default module.exports;"];
  const address = URL.createObjectURL(new Blob(parts, { type: "text/javascript" }));
  try {
    return (await import(/* webpackIgnore: true */ address)).default;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** The library, once for a page however many ask; `ask` sends for it over the widget's own line. */
export function libraryOf(model, ask) {
  shared.library ??= new Promise((resolve, reject) => {
    const heard = (answer, buffers) => {
      if (answer.reply !== "library") return;
      model.off("msg:custom", heard);
      if (answer.problem) reject(new Error(answer.problem));
      else imported(buffers[0]).then(resolve, reject);
    };
    model.on("msg:custom", heard);
    ask();
  }).catch((error) => {
    shared.library = null;
    throw error;
  });
  return shared.library;
}
