"""The course page in a browser: what each lab asks, what is done, and where to go on."""

from __future__ import annotations

import pytest
from conftest import LONGEST_WAIT_MS
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PAGE = "index.ipynb"
BEYOND = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (768, "light"), (1280, "light")])
def test_the_page_lists_every_lab_and_begins_with_the_first(
    open_page, accessible, artifacts, width, scheme
):
    page = open_page(PAGE, width=width, scheme=scheme)
    expect(page.locator(".mls-go")).to_have_text("Begin Lab 00 · Orientation")
    assert page.locator(".mls-index h2").first.inner_text().upper() == "VOLUME 1 · ONE NODE"
    assert page.locator(".mls-index li").count() >= 12
    assert page.evaluate(BEYOND) <= 0
    accessible(page)
    page.screenshot(path=artifacts / f"index-{width}-{scheme}.png", full_page=True)


def test_what_is_answered_in_a_lab_is_told_and_gone_on_with(open_page, accessible):
    page = open_page("vol1/11_acceleration.ipynb")
    prediction = page.locator("[data-part=prediction]").first
    prediction.locator("input[type=radio]").first.check(force=True)
    prediction.locator("button").first.click()
    expect(prediction).to_have_attribute("data-locked", "true", timeout=LONGEST_WAIT_MS)
    page.goto(page.url.partition("vol1")[0] + PAGE)
    expect(page.locator(".mls-go")).to_have_text("Go on with Lab 11 · Acceleration")
    own = page.locator(".mls-index li", has_text="Lab 11")
    expect(own).to_contain_text("1 of 6 answered")
    accessible(page)
    page.locator(".mls-go").press("Enter")
    page.wait_for_url("**/vol1/11_acceleration.ipynb")
    expect(page.locator("[data-part=prediction]").first).to_have_attribute("data-locked", "true")
