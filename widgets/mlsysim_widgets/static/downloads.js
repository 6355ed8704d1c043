/** Files that Python made, handed to the browser to save. */

import { html } from "./dom.js";

export function saveFile({ name, type, text: content }) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  html("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
