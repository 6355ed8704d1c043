"""The page on accuracy in a browser: every stored row is there, and tells where it is from."""

from __future__ import annotations

import pytest
from mlsysim_widgets.accuracy_page import accuracy_page
from playwright.sync_api import expect

from mlsysim.validation import results

pytestmark = pytest.mark.browser

PAGE = "accuracy.ipynb"
ROOT = ".mls-accuracy"
READY = f"{ROOT}[data-ready=true]"
MOST_MS = 700


@pytest.fixture(scope="module")
def figures():
    return accuracy_page(results.load())["figures"]


@pytest.fixture
def opened(open_page):
    page = open_page(PAGE)
    page.locator(READY).wait_for()
    return page


def rows_of(figure, column):
    return [text for entry in figure["series"] for text in entry.get(column, ())]


def after(page, action):
    """Do something that draws again, and wait until it is drawn."""
    page.locator(ROOT).evaluate("root => { root.dataset.ready = 'no'; }")
    action()
    page.locator(READY).wait_for()


def crowd_free(page):
    """Return a point with no other near it, scrolled into view, to point at."""
    page.locator(".mls-accuracy svg[role=group]").scroll_into_view_if_needed()
    return page.evaluate_handle(
        """() => {
          const dots = [...document.querySelectorAll('.mls-canvas .mls-dot')];
          const boxes = dots.map(dot => dot.getBoundingClientRect());
          const away = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
          const lonely = boxes.map((box, i) =>
            Math.min(...boxes.map((other, j) => (i === j ? Infinity : away(box, other)))));
          return dots[lonely.indexOf(Math.max(...lonely))];
        }"""
    ).as_element()


def test_every_row_is_drawn_and_every_family_draws_again(opened, figures, measured):
    root = opened.locator(ROOT)
    for figure in figures:
        if root.get_attribute("data-figure") != figure["name"]:
            select = root.get_by_label("Measurements of")
            after(opened, lambda: select.select_option(figure["name"]))  # noqa: B023
        count = len(rows_of(figure, "row"))
        assert root.locator(".mls-canvas .mls-dot").count() == count
        assert root.get_attribute("data-points") == str(count)
        assert root.locator("figcaption").inner_text() == figure["title"]
        assert root.locator("table").last.locator("tbody tr").count() == len(
            figure["table"]["rows"]
        )
        drawn = int(root.get_attribute("data-drawn"))
        measured(f"accuracy page: {count} points of {figure['name']} drawn in {drawn} ms")
        assert drawn < MOST_MS
        assert "NaN" not in root.inner_html()


def test_pointing_at_a_mark_tells_row_and_source(opened, figures):
    point = crowd_free(opened)
    tip = opened.locator(".mls-tip")
    assert tip.is_hidden()
    point.hover(force=True)
    expect(tip).to_be_visible()
    row = tip.locator("strong").inner_text()
    at = rows_of(figures[0], "row").index(row)
    words = tip.inner_text()
    for column in ("group", "measured", "predicted", "error", "about", "apart"):
        assert rows_of(figures[0], column)[at] in words
    opened.mouse.move(1, 1)
    expect(tip).to_be_hidden()


def test_keyboard_walks_through_the_rows(opened):
    root = opened.locator(ROOT)
    tip = opened.locator(".mls-tip")
    root.get_by_label("Show").focus()
    opened.keyboard.press("Tab")
    expect(tip).to_be_visible()
    seen = [tip.locator("strong").inner_text()]
    for key in ("ArrowRight", "ArrowUp", "PageDown", "End"):
        opened.keyboard.press(key)
        seen.append(tip.locator("strong").inner_text())
        spoken = opened.evaluate("document.activeElement.getAttribute('aria-label')")
        assert spoken.startswith(seen[-1])
    assert len(set(seen)) == len(seen)
    opened.keyboard.press("Home")
    assert tip.locator("strong").inner_text() == seen[0]
    opened.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    assert root.locator(".mls-canvas .mls-dot[tabindex='0']").count() == 1


def test_rows_kept_apart_are_hollow_and_can_be_left_out(opened, figures):
    root = opened.locator(ROOT)
    apart = [reason for reason in rows_of(figures[0], "apart") if reason]
    assert root.locator(".mls-canvas .mls-hollow").count() == len(apart) > 0
    after(opened, lambda: root.get_by_label("Show").uncheck())
    assert root.locator(".mls-canvas .mls-hollow").count() == 0
    assert root.locator(".mls-reasons li").count() == len(set(apart))


def test_errors_can_be_magnified(opened):
    root = opened.locator(ROOT)
    after(opened, lambda: root.get_by_label("Magnify errors").check())
    assert "Predicted ÷ measured" in root.locator("svg[role=group]").text_content()
    assert "NaN" not in root.inner_html()


def test_there_is_a_data_table_and_a_text_for_the_plot(opened, figures):
    root = opened.locator(ROOT)
    assert root.locator("svg[role=group]").get_attribute("aria-label") == figures[0]["alt"]
    root.locator("summary").click()
    table = root.locator(".mls-rows tbody tr")
    expect(table).to_have_count(len(rows_of(figures[0], "row")))
    after(opened, lambda: root.get_by_label("Show").uncheck())
    scored = [reason for reason in rows_of(figures[0], "apart") if not reason]
    expect(table).to_have_count(len(scored))


def test_index_leads_to_the_page(open_page):
    page = open_page("index.ipynb")
    page.get_by_role("link", name="Predicted against measured").click()
    page.locator(READY).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_page_fits_and_can_be_looked_at(open_page, accessible, artifacts, width, scheme):
    page = open_page(PAGE, width=width, scheme=scheme)
    page.locator(READY).wait_for()
    root = page.locator(ROOT)
    root.locator("summary").click()
    accessible(page)
    root.locator("summary").click()
    beyond = "all => all.map(node => node.scrollWidth - node.clientWidth)"
    assert max(page.locator("html, body, #rendered_cells, .mls").evaluate_all(beyond)) <= 0
    small = """nodes => nodes.filter(node => node.checkVisibility())
      .filter(node => node.getBoundingClientRect().height < 42).map(node => node.outerHTML)"""
    assert root.locator("select, .mls-check, button, summary").evaluate_all(small) == []
    page.set_viewport_size({"width": width, "height": 5200 if width == 360 else 3000})
    crowd_free(page).hover(force=True)
    expect(page.locator(".mls-tip")).to_be_visible()
    inside = """tip => {
      const box = tip.getBoundingClientRect();
      return box.left >= 0 && box.right <= document.documentElement.clientWidth;
    }"""
    assert page.locator(".mls-tip").evaluate(inside)
    page.screenshot(path=artifacts / f"accuracy-{width}-{scheme}.png")
    page.mouse.move(1, 1)
    after(page, lambda: root.get_by_label("Magnify errors").check())
    root.screenshot(path=artifacts / f"accuracy-magnified-{width}-{scheme}.png")


def test_nothing_is_complained_about_in_the_console(opened):
    errors = []
    opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    opened.reload()
    opened.locator(READY).wait_for()
    select = opened.locator(ROOT).get_by_label("Measurements of")
    after(opened, lambda: select.select_option(index=1))
    assert errors == []
