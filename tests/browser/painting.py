"""How fast a dashboard is on a page, beside the least that such a page can cost on its server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from costs import Figure
from playwright.sync_api import Page
from visitor import Dashboard

CHANGES = 40
ROUNDS = 3
VISITS = 5
# Pick an option, and tell how long it took until the answer was painted, in milliseconds.
CHANGE = """([select, answer, value]) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error("no answer")), 30000);
  const selector = document.querySelector(select);
  const answered = document.querySelector(answer);
  const start = performance.now();
  const watcher = new MutationObserver(() => {
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
  });
  watcher.observe(answered, { attributes: true, childList: true, subtree: true });
  selector.value = value;
  selector.dispatchEvent(new Event("change", { bubbles: true }));
})"""
# Drag a slider up through a thousand places and back to its least value, and tell how long after
# the last place that value was painted, in milliseconds.
DRAG = """([control, places]) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error("no answer")), 60000);
  const root = document.querySelector(".mls");
  const slider = root.querySelector(`[data-control=${control}] input[type=range]`);
  const [least, most] = [Number(slider.min), Number(slider.max)];
  let place = 0;
  let start;
  const watcher = new MutationObserver(() => {
    if (!start || JSON.parse(root.dataset.state).choice[control] !== 1) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
  });
  watcher.observe(root, { attributes: true });
  const step = () => {
    place += 1;
    slider.value = place < places ? least + ((most - least) * place) / places : least;
    if (place === places) start = performance.now();
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    if (place < places) setTimeout(step);
    else slider.dispatchEvent(new Event("change", { bubbles: true }));
  };
  step();
})"""
OURS = ("[data-control=region] select", ".mls-sentence")
ECHO = (".widget-dropdown select", ".jupyter-widgets.widget-label")
# What shows that a page can be used, by the name of its notebook.
READY = {
    "resources": Dashboard,
    "plain": lambda page: page.locator(".widget-button").wait_for(),
}

Visit = Callable[[str], Page]


def p95(times: list[float]) -> float:
    """Return the time that one change in twenty exceeds."""
    return statistics.quantiles(times, n=20)[-1]


def change_to_painted(visit: Visit, address: str) -> Figure:
    """Measure how long a change takes until it is painted, beside an echo; the best round."""
    ours, echo = visit(f"{address}resources.ipynb"), visit(f"{address}echo.ipynb")
    READY["resources"](ours)
    echo.locator(ECHO[0]).wait_for()
    places = {ours: OURS, echo: ECHO}
    regions = {
        page: page.locator(select).first.evaluate("node => [...node].map(({ value }) => value)")
        for page, (select, _) in places.items()
    }

    def round_of_changes() -> tuple[float, float]:
        times = {ours: [], echo: []}
        # In turns, so that a busy moment of the machine falls on both.
        for i in range(CHANGES):
            for page, (select, answer) in places.items():
                page.bring_to_front()
                value = regions[page][i % 2 + 1]
                times[page].append(page.evaluate(CHANGE, [select, answer, value]))
        return p95(times[ours]), p95(times[echo])

    rounds = [round_of_changes() for _ in range(ROUNDS)]
    slowest, floor = min(rounds, key=lambda pair: pair[0] / pair[1])
    return Figure(
        "change to painted, p95", slowest, "ms", floor, "an echo", most_times=1.5, most=120.0
    )


def page_to_interactive(
    visit: Visit, address: str, name: str, wait: Callable[[], object] = lambda: None
) -> Figure:
    """Measure how long a page takes until it can be used, beside one with a plain widget.

    Before each visit it waits, for a kernel to be warm for example.
    """

    def opened(notebook: str) -> float:
        wait()
        page = visit("about:blank")
        start = time.perf_counter()
        page.goto(f"{address}{notebook}.ipynb")
        READY[notebook](page)
        took = time.perf_counter() - start
        page.close(run_before_unload=True)
        return took

    rounds = [[opened(notebook) for notebook in READY] for _ in range(VISITS)]
    ours, floor = (statistics.median(times) for times in zip(*rounds, strict=True))
    return Figure(name, ours, "s", floor, "one plain widget", most_times=1.5)


def end_of_a_drag(visit: Visit, address: str) -> Figure:
    """Measure how long after a drag through a thousand values its last value is painted."""
    page = visit(f"{address}resources.ipynb")
    READY["resources"](page)
    late = statistics.median(page.evaluate(DRAG, ["duration_days", 1000]) for _ in range(ROUNDS))
    return Figure("1,000 changes in a drag: end to painted", late, "ms", most=120.0)
