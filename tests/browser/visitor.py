"""The dashboard on a page, as a visitor handles it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

FOCUSABLE = "a[href], button, input, select, summary, textarea, [tabindex='0']"

# Text that reaches beyond the dashboard, or beyond a box that cuts it off.
CUT_OFF = """root => {
  const box = root.getBoundingClientRect();
  const own = node => [...node.childNodes].some(each => each.nodeType === 3 && each.data.trim());
  return [...root.querySelectorAll("*:not(select, select *, title)")]
    .filter(node => own(node) && node.checkVisibility({ visibilityProperty: true }))
    .filter(node => getComputedStyle(node).clipPath === "none")
    .filter(node => !node.closest(".mls-scroll"))
    .filter(node => {
      const { left, right } = node.getBoundingClientRect();
      const cut = getComputedStyle(node).overflowX !== "visible"
        && node.scrollWidth > node.clientWidth + 1;
      return cut || left < box.left - 1 || right > box.right + 1;
    })
    .map(node => node.outerHTML);
}"""


class Dashboard:
    """A dashboard on a page."""

    def __init__(self, page: Page):
        self.page = page
        self.root = page.locator(".mls[data-ready=true]")
        self.root.wait_for()

    @property
    def sequence(self) -> int:
        """How many answers Python gave."""
        return int(self.root.get_attribute("data-sequence"))

    @property
    def state(self) -> dict[str, Any]:
        """The design whose answer is painted."""
        return json.loads(self.root.get_attribute("data-state"))

    @property
    def sentence(self) -> str:
        """What sums the design up."""
        return self.root.locator(".mls-sentence").inner_text()

    def control(self, name: str) -> Locator:
        """Everything that belongs to one choice."""
        return self.root.locator(f"[data-control={name}]")

    def after(self, action: Callable[[], object]) -> None:
        """Do something, and wait until its answer is painted."""
        before = self.sequence
        action()
        self.page.wait_for_function(
            "before => Number(document.querySelector('.mls').dataset.sequence) > before",
            arg=before,
        )

    def select(self, name: str, value: str) -> None:
        """Pick an option."""
        self.after(lambda: self.control(name).locator("select").select_option(value))

    def write(self, name: str, text: str) -> None:
        """Write into a field."""
        field = self.control(name).locator("input[type=text]")
        field.fill(text)
        self.after(lambda: field.press("Enter"))

    def options(self, name: str) -> list[str]:
        """Return the values that can be picked."""
        return self.control(name).locator("option").evaluate_all("all => all.map(o => o.value)")

    def shown(self) -> list[list[str]]:
        """Return every number, with its path in the ledger."""
        self.root.locator(".mls-whole:not([open]) > summary").evaluate_all("all => all[0]?.click()")
        self.root.locator(".mls-tables tr").first.wait_for()
        script = "all => all.map(node => [node.dataset.metric, node.textContent])"
        return self.root.locator("[data-metric]").evaluate_all(script)

    def cut_off(self) -> list[str]:
        """Return the texts that cannot be read to their end."""
        return self.root.evaluate(CUT_OFF)
