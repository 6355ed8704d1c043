"""The page of a class in a real browser, from a file, with every host refused."""

from __future__ import annotations

import pytest
import school
from mlsysim_widgets import collecting, store
from mlsysim_widgets.collected_page import page_of

pytestmark = pytest.mark.browser

LAB = "vol1-08"
# What stands outside its plot, or under another text of the same axis.
MISPLACED = """() => [...document.querySelectorAll(".plot")].flatMap(plot => {
  const frame = plot.getBoundingClientRect();
  const page = document.documentElement.clientWidth;
  const ticks = [...plot.querySelectorAll(".x, .y")];
  const boxes = ticks.map(tick => [tick.className, tick.getBoundingClientRect()]);
  const outside = [...plot.querySelectorAll("span")].filter(node => {
    const box = node.getBoundingClientRect();
    return box.left < 0 || box.right > page || (node.className.startsWith("mark") &&
      (box.left < frame.left - 2 || box.right > frame.right + 2 ||
       box.top < frame.top - 2 || box.bottom > frame.bottom + 2));
  }).map(node => node.outerHTML);
  const over = boxes.flatMap(([axis, one], i) => boxes.slice(i + 1)
    .filter(([other, two]) => axis === other && one.left < two.right && two.left < one.right &&
      one.top < two.bottom && two.top < one.bottom).map(() => axis));
  return [...outside, ...over];
})"""
LENGTHS = """() => [...document.querySelectorAll(".bars li")].map(bar => [
  Number(bar.style.getPropertyValue("--count")),
  Number(bar.parentElement.style.getPropertyValue("--most")),
  bar.querySelector(".bar").getBoundingClientRect().width,
  bar.querySelector(".measure").getBoundingClientRect().width - 48])"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.FOLDER, "")
        school.fill(folder / "handed in", school.names(12), LAB)
    folder.joinpath("handed in", f"{'spoilt' * 12}.json").write_text("{", encoding="utf-8")
    file = folder / "a class's page.html"
    file.write_text(page_of(collecting.collect(folder / "handed in")), encoding="utf-8")
    return file


@pytest.fixture
def open_file(browser, page_file, complaints):
    contexts, asked = [], []

    def open_file(**options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        context.on("weberror", lambda raised: complaints.append(str(raised.error)))
        page = context.new_page()
        page.goto(page_file.as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert set(asked) == {page_file.as_uri()}
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_fits_and_is_accessible(open_file, accessible, artifacts, width, scheme):
    page = open_file(viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(MISPLACED) == []
    page.get_by_text("All designs as a table").click()
    page.get_by_role("region", name="All designs as a table").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible(page)
    page.screenshot(path=artifacts / f"collected-{width}-{scheme}.png", full_page=True)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 23, 29)"}[scheme]


def test_the_length_of_a_bar_is_its_count(open_file):
    page = open_file(viewport={"width": 1280, "height": 900})
    lengths = page.evaluate(LENGTHS)
    assert len(lengths) > 20
    for count, most, bar, room in lengths:
        assert bar == pytest.approx(room * count / most, abs=1)


def test_what_scrolls_and_what_opens_is_reached_by_keyboard(open_file):
    page = open_file(viewport={"width": 360, "height": 900})
    name = "document.activeElement.ariaLabel ?? document.activeElement.textContent"
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(name))
    assert reached == ["Who finished what", LAB, "All designs as a table"]
    page.keyboard.press("Enter")
    assert page.get_by_role("region", name="All designs as a table").is_visible()


def test_paper_shows_all_of_it(open_file):
    page = open_file(viewport={"width": 1280, "height": 900})
    table = page.locator("details table")
    assert not table.is_visible()
    page.emulate_media(media="print")
    assert table.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
