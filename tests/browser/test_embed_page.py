"""The page without Python in a real browser, from a file, with every host refused."""

from __future__ import annotations

import json

import pytest
from mlsysim_widgets import Dashboard

from mlsysim import ResourceSimulation

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("embedded") / "a chapter's energy.html"
    dashboard = Dashboard(ResourceSimulation)
    start = dashboard.state["choice"]["region"]
    dashboard.embed(file, region=["Quebec", "Poland", start], duration_days=[30, 365])
    return file


@pytest.fixture
def alone(browser, complaints):
    contexts = []

    def open_file(file, fragment="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.route("http*://**/*", lambda route: complaints.append(route.request.url))
        context.on("weberror", lambda raised: complaints.append(str(raised.error)))
        page = context.new_page()
        page.goto(file.as_uri() + fragment)
        page.wait_for_selector(".mls[data-ready=true]")
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert complaints == []


def numbers_of(page):
    script = "nodes => Object.fromEntries(nodes.map(n => [n.dataset.metric, n.textContent]))"
    page.locator(".mls-whole:not([open]) > summary").evaluate_all("all => all[0]?.click()")
    page.locator(".mls-tables tr").first.wait_for()
    return page.locator(".mls-tables [data-metric]").evaluate_all(script)


def choose(page, name, value):
    before = page.get_attribute(".mls", "data-sequence")
    page.select_option(f"[data-control={name}] select", value)
    page.wait_for_function(
        "before => document.querySelector('.mls').dataset.sequence !== before", arg=before
    )


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_page_answers_with_the_numbers_of_evaluate(alone, page_file, artifacts, width, scheme):
    page = alone(page_file, viewport={"width": width, "height": 900}, color_scheme=scheme)
    choose(page, "persona", "CloudTitan")
    choose(page, "region", "Poland")
    page.locator(".mls-rail:not([open]) > summary").evaluate_all("nodes => nodes[0]?.click()")
    choose(page, "duration_days", "30")
    ledger = ResourceSimulation("Doorbell", "CloudTitan").evaluate(
        {"region": "Poland", "duration_days": 30}
    )
    assert numbers_of(page) == {
        f"{name}.{metric}": getattr(ledger, name).text(metric)
        for name in ledger.groups
        for metric in getattr(ledger, name)
    }
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=artifacts / f"embed-{width}-{scheme}.png", full_page=True)
    page.click("text=Reset")
    page.wait_for_function(
        "JSON.parse(document.querySelector('.mls').dataset.state).persona === 'TinyPioneer'"
    )


def test_an_address_opens_a_page_in_a_design_and_hostile_ones_change_nothing(alone, page_file):
    page = alone(page_file, "#ResourceSimulation?persona=MobileNomad&region=Quebec")
    page.wait_for_function(
        "JSON.parse(document.querySelector('.mls').dataset.state).choice.region === 'Quebec'"
    )
    hostile = alone(
        page_file, "#ResourceSimulation?region=%3Cimg%20src=x%3E&__proto__=1&persona=Nobody"
    )
    state = json.loads(hostile.get_attribute(".mls", "data-state"))
    assert state["persona"] == "TinyPioneer"
