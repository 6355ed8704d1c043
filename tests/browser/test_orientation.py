"""The orientation lab in a browser: what the page shows is what `evaluate` returns."""

from __future__ import annotations

import urllib.parse

import pytest
from visitor import Dashboard

from mlsysim import NumberChoice, ResourceSimulation
from mlsysim.units import humanize

pytestmark = pytest.mark.browser

LAB = "vol1/00_orientation.ipynb"
HOSTILE = "<img src=x onerror=\"document.title='broken into'\">"


class Orientation(Dashboard):
    """The dashboard of the lab, which knows what it should show."""

    def check(self):
        """Compare every number, verdict and the sentence with what `evaluate` says."""
        state = self.state
        simulation = ResourceSimulation(state["application"], state["persona"])
        ledger = simulation.evaluate(state["choice"])
        shown = self.shown()
        assert {path for path, _ in shown} == {
            f"{group}.{metric}" for group in ledger.groups for metric in getattr(ledger, group)
        }
        for path, text in shown:
            group, metric = path.split(".")
            assert text == getattr(ledger, group).text(metric), path
        lines = self.root.locator(".mls-verdicts li").all_inner_texts()
        assert len(lines) == len(ledger.verdicts)
        for line, verdict in zip(lines, ledger.verdicts, strict=True):
            assert line.startswith("✓" if verdict.holds else "✗")
            assert verdict.constraint in line
            assert humanize(verdict.limit, verdict.unit) in line
        sentence = self.root.locator("[aria-live=polite]").inner_text()
        assert ledger.performance.text("latency") in sentence
        assert ledger.sustainability.text("carbon") in sentence
        return state


@pytest.fixture
def dashboard(open_page):
    return Orientation(open_page(LAB))


def test_index_leads_to_the_lab(open_page):
    page = open_page("index.ipynb")
    page.locator(".mls-index li a", has_text="Orientation").click()
    Orientation(page).check()


def test_every_selector_shows_what_evaluate_returns(dashboard):
    start = dashboard.check()
    assert start["choice"]["region"] == "Quebec"
    for name in ("region", "facility", "precision", "persona", "application"):
        for value in [*dashboard.options(name)[-3:], dashboard.options(name)[0]]:
            state = dashboard.state
            if value == (state.get(name) or state["choice"].get(name)):
                continue
            dashboard.select(name, value)
            state = dashboard.check()
            assert (state.get(name) or state["choice"][name]) == value


def test_every_persona_with_every_application(dashboard):
    for persona in dashboard.options("persona"):
        if persona != dashboard.state["persona"]:
            dashboard.select("persona", persona)
        for application in dashboard.options("application"):
            if application != dashboard.state["application"]:
                dashboard.select("application", application)
            dashboard.check()
            assert dashboard.root.locator("figure svg").count() >= 3
            assert "NaN" not in dashboard.root.inner_html()


NUMBERS = [c.name for c in ResourceSimulation().choices if isinstance(c, NumberChoice)]


def test_every_number_control_by_text_and_by_slider(dashboard):
    declared = {choice.name: choice for choice in ResourceSimulation().choices}
    for name in NUMBERS:
        for end in (declared[name].minimum, declared[name].maximum):
            if dashboard.state["choice"][name] != end:
                dashboard.write(name, str(end))
            assert dashboard.check()["choice"][name] == end
        slider = dashboard.control(name).locator("input[type=range]")
        slider.focus()
        dashboard.after(lambda: dashboard.page.keyboard.press("Home"))
        assert dashboard.check()["choice"][name] == declared[name].minimum
        dashboard.after(lambda: dashboard.page.keyboard.press("ArrowRight"))
        assert dashboard.check()["choice"][name] > declared[name].minimum


def test_text_with_a_unit_is_understood(dashboard):
    dashboard.write("duration_days", "2 week")
    assert dashboard.check()["choice"]["duration_days"] == 14
    assert dashboard.control("duration_days").locator("input[type=text]").input_value() == "14"


@pytest.mark.parametrize("junk", ["3 kg", "-30", "eight", "", "NaN", "1e999", HOSTILE])
def test_bad_input_is_answered_in_place(dashboard, junk):
    before = dashboard.shown()
    dashboard.write("duration_days", junk)
    panel = dashboard.root.get_by_role("alert")
    assert "Duration: this cannot be used" in panel.inner_text()
    field = dashboard.control("duration_days").locator("input[type=text]")
    assert field.get_attribute("aria-invalid") == "true"
    assert panel.get_attribute("id") in field.get_attribute("aria-describedby")
    assert dashboard.root.get_attribute("data-stale") == "true"
    assert dashboard.shown() == before
    assert dashboard.root.locator("img").count() == 0
    assert "broken into" not in dashboard.page.title()
    dashboard.write("duration_days", "30")
    assert panel.is_hidden()
    dashboard.check()


def test_drag_drops_what_is_in_between_and_ends_on_the_last(dashboard):
    before = dashboard.sequence
    dashboard.control("duty_cycle").locator("input[type=range]").evaluate(
        """slider => {
          for (let i = 1; i <= 100; i += 1) {
            slider.value = i * 10;
            slider.dispatchEvent(new Event("input"));
          }
          slider.dispatchEvent(new Event("change"));
        }"""
    )
    dashboard.page.wait_for_function(
        "() => JSON.parse(document.querySelector('.mls').dataset.state).choice.duty_cycle === 1"
    )
    assert dashboard.sequence - before <= 3
    assert dashboard.check()["choice"]["duty_cycle"] == 1
    dashboard.after(dashboard.root.get_by_role("button", name="Undo").click)
    assert dashboard.check()["choice"]["duty_cycle"] == 0.002


def test_an_undo_right_at_the_end_of_a_drag_comes_after_it(dashboard):
    dashboard.select("region", "Poland")
    dashboard.control("duty_cycle").locator("input[type=range]").evaluate(
        """slider => {
          const drag = [[500, "input"], [1000, "input"], [1000, "change"]];
          for (const [position, type] of drag) {
            slider.value = position;
            slider.dispatchEvent(new Event(type));
          }
          const undo = { key: "z", ctrlKey: true, bubbles: true };
          slider.dispatchEvent(new KeyboardEvent("keydown", undo));
        }"""
    )
    dashboard.page.wait_for_function(
        "() => JSON.parse(document.querySelector('.mls').dataset.state).choice.duty_cycle === 0.002"
    )
    # What is explained is asked for after all that the drag has sent.
    dashboard.root.locator("[data-metric]").first.click()
    dashboard.root.get_by_role("dialog").locator("summary").first.wait_for()
    assert dashboard.check()["choice"]["duty_cycle"] == 0.002


def test_undo_and_reset_by_keyboard(dashboard):
    undo = dashboard.root.get_by_role("button", name="Undo")
    assert undo.is_disabled()
    dashboard.select("region", "Poland")
    dashboard.select("application", "Recommendation")
    undo.focus()
    dashboard.after(lambda: dashboard.page.keyboard.press("Enter"))
    assert dashboard.check()["application"] == "Doorbell"
    assert dashboard.control("application").locator("select").input_value() == "Doorbell"
    dashboard.root.get_by_role("button", name="Reset").focus()
    dashboard.after(lambda: dashboard.page.keyboard.press("Space"))
    assert dashboard.check()["choice"]["region"] == "Quebec"


def test_focus_stays_on_the_control_that_was_changed(dashboard):
    precision = dashboard.control("precision").locator("select")
    application = dashboard.control("application").locator("select")
    for select, name, value in (
        (precision, "precision", dashboard.options("precision")[-1]),
        (application, "application", "AutoDrive"),
    ):
        select.focus()
        dashboard.select(name, value)
        assert select.evaluate("node => node === document.activeElement")


def test_one_change_is_one_message_each_way(open_page):
    frames = []

    def listen(socket):
        socket.on("framesent", lambda frame: frames.append(("sent", as_bytes(frame))))
        socket.on("framereceived", lambda frame: frames.append(("received", as_bytes(frame))))

    page = open_page("index.ipynb")
    page.on("websocket", listen)
    page.goto(urllib.parse.urljoin(page.url, LAB))
    dashboard = Dashboard(page)
    # What the journal of the lab tells its page is no answer to a change.
    page.locator(".mls-journal[data-opened=true]").wait_for()
    frames.clear()
    dashboard.select("region", "Poland")
    updates = [way for way, frame in frames if b'"method":"update"' in frame]
    assert updates == ["sent", "received"]


def as_bytes(frame):
    """Return a frame without the spaces in which kernel and browser differ."""
    return (frame.encode() if isinstance(frame, str) else frame).replace(b" ", b"")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_page_fits_and_can_be_looked_at(open_page, accessible, artifacts, width, scheme):
    page = open_page(LAB, width=width, scheme=scheme)
    dashboard = Dashboard(page)
    accessible(page)
    beyond = "all => all.map(node => node.scrollWidth - node.clientWidth)"
    assert max(page.locator("body, #rendered_cells, .mls").evaluate_all(beyond)) <= 0
    rail = dashboard.root.locator(".mls-rail")
    if width == 360:
        assert rail.get_attribute("open") is None
        rail.locator("summary").first.click()
    small = """nodes => nodes.filter(node => node.checkVisibility())
      .filter(node => node.getBoundingClientRect().height < 42).map(node => node.outerHTML)"""
    controls = "select, input, button:not(.mls-number), summary"
    assert dashboard.root.locator(controls).evaluate_all(small) == []
    # The whole line of a number is what a finger meets; a mouse needs less.
    lines = "nodes => nodes.map(node => node.closest('div, tr, p').getBoundingClientRect().height)"
    least = min(dashboard.root.locator(".mls-cards button.mls-number").evaluate_all(lines))
    assert least >= (44 if width == 360 else 24)
    clipped = """nodes => nodes.filter(node => {
      const box = node.getBoundingClientRect();
      const edge = node.closest("figure").getBoundingClientRect();
      return box.left < edge.left - 1 || box.right > edge.right + 1;
    }).map(node => node.textContent)"""
    assert dashboard.root.locator("figure svg text").evaluate_all(clipped) == []
    # Whichever part of a lab brought its style last, a quiet button stays quiet.
    edge = dashboard.root.locator(".mls-larger").first.evaluate(
        "node => getComputedStyle(node).borderTopColor"
    )
    assert edge == "rgba(0, 0, 0, 0)"
    lightness = """node => {
      const canvas = document.createElement("canvas").getContext("2d");
      canvas.fillStyle = getComputedStyle(node).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
      return canvas.getImageData(0, 0, 1, 1).data[0];
    }"""
    is_light = dashboard.root.evaluate(lightness) > 128
    assert is_light == (scheme == "light")
    page.set_viewport_size({"width": width, "height": 3600 if width == 360 else 2400})
    page.screenshot(path=artifacts / f"orientation-{width}-{scheme}.png")


def test_everything_has_a_label_and_every_chart_a_table(dashboard):
    for control in dashboard.root.locator("select, input, button").all():
        assert control.evaluate("node => node.ariaLabel || node.labels?.length || node.textContent")
    figures = dashboard.root.locator(".mls-figures figure")
    assert figures.count() >= 4
    for figure in figures.all():
        assert len(figure.locator("svg[role=img]").get_attribute("aria-label")) > 10
        figure.locator("summary").click()
        figure.locator("table").wait_for()
        assert figure.locator("tbody tr").count() >= 2


def test_open_tables_stay_open_over_a_change(dashboard):
    figure = dashboard.root.locator(".mls-figures figure").first
    figure.locator("summary").click()
    dashboard.select("region", "Poland")
    assert figure.locator("table").is_visible()
