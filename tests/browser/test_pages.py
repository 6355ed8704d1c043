"""Dashboards in Voila, JupyterLab and Notebook: by keyboard, by touch, at every width."""

from __future__ import annotations

import re

import pytest
from conftest import IDLE
from playwright.sync_api import expect
from servers import kernels_of
from user_simulations import HOSTILE
from visitor import FOCUSABLE, Dashboard

pytestmark = pytest.mark.browser

VOILA, JUPYTERLAB, NOTEBOOK = "voila", "lab/tree", "notebooks"
PLACES = [VOILA, JUPYTERLAB, NOTEBOOK]

# Tab to the next thing in the dashboard, mark it and tell what it is; null beyond the dashboard.
FOCUSED = """() => {
  const node = document.activeElement;
  if (!node.closest(".mls")) return null;
  node.dataset.reached = "";
  const kind = node.dataset.metric ? "metric" : node.getAttribute("type") ?? node.localName;
  return [kind, node.closest("[data-control]")?.dataset.control ?? ""];
}"""
UNREACHED = f"""root => [...root.querySelectorAll("{FOCUSABLE}")]
  .filter(node => node.checkVisibility() && node.dataset.reached === undefined)
  .map(node => node.outerHTML)"""
AT_THE_LAST = "document.activeElement.selectedIndex === document.activeElement.length - 1"
SMALL = """root => [
  ...root.querySelectorAll("select, summary, .mls-box, button:not([data-metric])")]
  .filter(node => node.checkVisibility() && node.getBoundingClientRect().height < 44)
  .map(node => node.outerHTML)"""
BEYOND = (
    "all => all.filter(node => node.scrollWidth > node.clientWidth).map(node => node.outerHTML)"
)
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
SCROLLING = "html, body, #rendered_cells, .mls"


def chosen(dashboard, name):
    state = dashboard.state
    return state["choice"].get(name, state.get(name))


def change_by_key(dashboard, kind, name):
    """Change the control that has the focus, and wait for the answer."""
    keyboard, before = dashboard.page.keyboard, chosen(dashboard, name)
    if kind == "text":
        keyboard.press("ControlOrMeta+a")
        keyboard.type("0.25" if name in {"load", "service_s"} else "3")
        dashboard.after(lambda: keyboard.press("Enter"))
    else:
        last = kind == "select" and dashboard.page.evaluate(AT_THE_LAST)
        dashboard.after(lambda: keyboard.press("ArrowUp" if last else "ArrowDown"))
    assert chosen(dashboard, name) != before


@pytest.mark.parametrize("place", [VOILA, JUPYTERLAB])
def test_keyboard_alone_reaches_and_changes_everything(open_dashboard, place):
    dashboard = open_dashboard("waiting", place)
    page, changed, explained = dashboard.page, set(), False
    if place == VOILA:
        page.keyboard.press("Tab")
    else:
        # The way from JupyterLab's own parts into an output is JupyterLab's.
        dashboard.root.locator(FOCUSABLE).first.focus()
    while focused := page.evaluate(FOCUSED):
        kind, name = focused
        if name:
            change_by_key(dashboard, kind, name)
            changed.add((name, kind))
        elif kind == "summary" and page.evaluate("!document.activeElement.parentNode.open"):
            page.keyboard.press("Enter")
            page.evaluate(PAINTED)
            if page.evaluate("document.activeElement.parentNode.matches('.mls-explore')"):
                dashboard.root.locator(".mls-questions button").first.wait_for()
        elif kind == "metric" and not explained:
            page.keyboard.press("Enter")
            expect(dashboard.root.get_by_role("dialog").locator("summary").first).to_be_visible()
            page.keyboard.press("Escape")
            expect(dashboard.root.get_by_role("dialog")).to_be_hidden()
            explained = page.evaluate(FOCUSED)[0] == "metric"
        page.keyboard.press("Tab")
    assert dashboard.root.evaluate(UNREACHED) == []
    sliders, fields = {"load", "servers"}, {"load", "servers", "service_s"}
    assert changed == {
        *((name, "select") for name in ("persona", "application", "policy")),
        *((name, "text") for name in fields),
        *((name, "range") for name in sliders),
    }
    assert explained


def test_focus_is_seen(open_dashboard):
    dashboard = open_dashboard("waiting")
    dashboard.page.keyboard.press("Tab")
    outline = dashboard.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("place", [VOILA, NOTEBOOK])
def test_touch_alone_changes_everything(open_dashboard, place):
    dashboard = open_dashboard("waiting", place, width=360, has_touch=True)
    root = dashboard.root
    assert root.evaluate(SMALL) == []
    if not dashboard.control("load").is_visible():
        root.get_by_text("Controls", exact=True).tap()
    slider = dashboard.control("load").locator("[type=range]")
    box = slider.bounding_box()
    dashboard.after(lambda: slider.tap(position={"x": box["width"] - 2, "y": box["height"] / 2}))
    assert chosen(dashboard, "load") == 0.9
    field = dashboard.control("servers").locator("[type=text]")
    field.tap()
    field.fill("4")
    dashboard.after(lambda: dashboard.page.keyboard.press("Enter"))
    assert chosen(dashboard, "servers") == 4
    # What a tap opens is the telephone's own list.
    dashboard.control("policy").locator("select").tap()
    dashboard.page.keyboard.press("Escape")
    dashboard.select("policy", "random")
    dashboard.after(lambda: root.get_by_role("button", name="Undo").tap())
    assert chosen(dashboard, "policy") == "fifo"
    assert root.evaluate(SMALL) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", PLACES)
def test_everything_fits_and_is_accessible(open_dashboard, accessible, artifacts, place, scheme):
    dashboard = open_dashboard("resources", place, scheme=scheme)
    page, root = dashboard.page, dashboard.root
    dashboard.write("duration_days", "30")
    for width, height in ((1280, 3000), (768, 4200), (360, 5400)):
        page.set_viewport_size({"width": width, "height": height})
        if place == JUPYTERLAB and width == 360:
            page.evaluate("() => { jupyterapp.commands.execute('application:toggle-left-area'); }")
        page.wait_for_function(
            "beyond => document.querySelector('.mls').clientWidth < beyond", arg=width
        )
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        assert page.locator(SCROLLING).evaluate_all(BEYOND) == []
        assert dashboard.cut_off() == []
        accessible(page, within=None if place == VOILA else ".mls")
        name = f"dashboard-{place.partition('/')[0]}-{width}-{scheme}.png"
        root.screenshot(path=artifacts / name)


def test_dark_is_dark_and_light_is_light(open_dashboard):
    # JupyterLab's own theme decides there, whatever the system likes.
    for scheme, other in (("light", "dark"), ("dark", "light")):
        page = open_dashboard("waiting", JUPYTERLAB, scheme=scheme).page
        page.emulate_media(color_scheme=other)
        colour = page.locator(".mls").evaluate("root => getComputedStyle(root).backgroundColor")
        brightest = max(map(int, re.findall(r"\d+", colour)))
        assert brightest < 60 if scheme == "dark" else brightest > 200


@pytest.mark.parametrize("place", [VOILA, JUPYTERLAB])
def test_hostile_texts_stay_texts(open_dashboard, place):
    dashboard = open_dashboard("hostile", place)
    page, root = dashboard.page, dashboard.root
    root.locator("summary").evaluate_all("all => all.forEach(node => node.parentNode.open = true)")
    dashboard.select("option", HOSTILE)
    dashboard.write("number", HOSTILE)
    assert HOSTILE in root.get_by_role("alert").inner_text()
    dashboard.write("number", "1")
    assert HOSTILE in root.get_by_role("alert").inner_text()
    dashboard.write("number", "0.25")
    expect(root.get_by_role("alert")).to_be_hidden()
    dashboard.after(lambda: root.get_by_role("button", name="Pin as A").click())
    dashboard.write("number", "0.75")
    root.locator("[data-metric]").first.click()
    expect(root.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    assert root.get_by_text(HOSTILE).count() > 5
    assert root.locator("img").count() == 0
    assert "broken into" not in page.title()
    if place == VOILA:
        page.reload()
        dashboard = Dashboard(page)
        assert dashboard.root.locator("img").count() == 0
        assert "broken into" not in page.title()


def end_kernels(process):
    """End the kernels of a server at once; return how many there were."""
    ended = kernels_of(process)
    for kernel in ended:
        kernel.kill()
    return len(ended)


@pytest.mark.parametrize("place", [VOILA, JUPYTERLAB])
def test_death_of_the_kernel_is_told_and_loses_nothing(open_dashboard, request, place):
    dashboard = open_dashboard("waiting", place)
    page, root = dashboard.page, dashboard.root
    dashboard.select("policy", "random")
    # A page of its own says it once for all its parts, a notebook in each part.
    shown, gone = dashboard.shown(), (page if place == VOILA else root).locator(".mls-gone")
    _, process = request.getfixturevalue("voila" if place == VOILA else "jupyterlab")
    assert end_kernels(process)
    field = dashboard.control("load").locator("[type=text]")
    field.fill("0.7")
    field.press("Enter")
    expect(gone).to_be_visible(timeout=20_000)
    assert dashboard.shown() == shown
    assert field.input_value() == "0.7"
    if place == VOILA:
        # The address keeps the last design that was answered.
        gone.get_by_role("button").click()
        page.wait_for_load_state()
    else:
        page.wait_for_function(IDLE)
        page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
        root.locator(".mls-gone[hidden]").wait_for(state="attached")
    revived = Dashboard(page)
    if place == VOILA:
        page.wait_for_function(
            "() => JSON.parse(document.querySelector('.mls').dataset.state).choice.policy"
            " === 'random'"
        )
    revived.write("load", "0.8")
    assert chosen(revived, "load") == 0.8


def test_two_tabs_do_not_disturb_each_other(open_dashboard):
    first = open_dashboard("waiting")
    page = first.page.context.new_page()
    page.goto(first.page.url)
    second = Dashboard(page)
    first.select("policy", "random")
    second.write("load", "0.8")
    assert (chosen(first, "policy"), chosen(second, "policy")) == ("random", "fifo")
    assert (chosen(first, "load"), chosen(second, "load")) == (0.5, 0.8)
    second.after(lambda: second.root.get_by_role("button", name="Undo").click())
    assert chosen(second, "load") == 0.5
    assert first.sequence == 2
    page.close(run_before_unload=True)
    first.write("load", "0.6")
    assert chosen(first, "load") == 0.6
