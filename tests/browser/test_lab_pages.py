"""Every lab through Voila, from the first beat to the report, as its four personas."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import LONGEST_WAIT_MS
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LABS = Path(__file__).resolve().parents[2] / "labs"
LESSONS = [
    lab.relative_to(LABS).as_posix()
    for lab in sorted(LABS.glob("vol*/*.ipynb"))
    if "Prediction(" in lab.read_text(encoding="utf-8")
]
PERSONAS = ["Cloud Titan", "Edge Guardian", "Mobile Nomad", "Tiny Pioneer"]
BEYOND = "all => Math.max(...all.map(node => node.scrollWidth - node.clientWidth))"
HEIGHT = "all => Math.max(...all.map(node => node.scrollHeight))"


def answer(part):
    """Answer what a part asks with its first option or its least number, and commit."""
    # Another persona's answer is locked until the page has heard who plays now.
    expect(part).to_have_attribute("data-locked", "false", timeout=LONGEST_WAIT_MS)
    field = part.locator("input[type=text]")
    if field.count():
        low = part.locator(".mls-help").inner_text().split(" to ")[0].removeprefix("From ")
        field.fill(low.replace(",", ""))
    else:
        part.locator("input[type=radio]").first.check(force=True)
    part.locator("button").first.click()
    expect(part).to_have_attribute("data-locked", "true", timeout=LONGEST_WAIT_MS)


def predict(page):
    """Commit every prediction, one after the other, until the instruments are there."""
    predictions = page.locator("[data-part=prediction]")
    following = page.locator("[data-part=prediction][data-locked=false], .mls[data-ready=true]")
    done = 0
    while done < predictions.count():
        answer(predictions.nth(done))
        following.last.wait_for()
        done += 1
    page.locator(".mls[data-ready=true]").last.wait_for()


def reveal(page):
    buttons = page.locator("[data-action=reveal]")
    # Every part waits for its button to be pressed once the page has heard who plays now.
    parts = page.locator("[data-part=reveal]").count()
    expect(buttons).to_have_count(parts, timeout=LONGEST_WAIT_MS)
    while count := buttons.count():
        buttons.first.click()
        expect(buttons).to_have_count(count - 1, timeout=LONGEST_WAIT_MS)


def play(page, persona):
    cast = page.locator("[data-part=cast]")
    cast.locator("label", has_text=persona).click()
    cast.locator("[data-action=play]").click()
    told = cast.locator(".mls-told strong")
    expect(told).to_have_text(persona, timeout=LONGEST_WAIT_MS)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
@pytest.mark.parametrize("lab", LESSONS)
def test_a_lab_from_the_first_beat_to_the_report(
    open_page, accessible, artifacts, lab, width, scheme
):
    page = open_page(f"/voila/render/{lab}", width=width, scheme=scheme)
    page.locator("[data-part=report]").wait_for()
    for persona in PERSONAS:
        play(page, persona)
        predict(page)
        reveal(page)
    for question in page.locator("[data-part=question]").all():
        answer(question)
    decision = page.locator("[data-part=decision]")
    decision.locator("input[type=radio]").first.check(force=True)
    decision.locator("button").first.click()
    saved = decision.locator(".mls-told")
    expect(saved).to_contain_text("Saved in your design journal", timeout=LONGEST_WAIT_MS)
    with page.expect_download() as download:
        page.locator("[data-action=page]").click()
    told = Path(download.value.path()).read_text(encoding="utf-8")
    assert all(f".{persona.replace(' ', '').lower()}," in told for persona in PERSONAS)
    assert page.locator("body, #rendered_cells, .mls").evaluate_all(BEYOND) <= 0
    accessible(page)
    height = page.locator("#rendered_cells").evaluate_all(HEIGHT)
    page.set_viewport_size({"width": width, "height": min(height + 60, 12_000)})
    name = lab.removesuffix(".ipynb").replace("/", "-")
    page.screenshot(path=artifacts / f"lab-{name}-{width}-{scheme}.png")
    page.reload()
    page.locator("[data-part=report]").wait_for()
    locked = page.locator("[data-part=question][data-locked=true]")
    questions = page.locator("[data-part=question]").count()
    expect(locked).to_have_count(questions, timeout=LONGEST_WAIT_MS)
    page.locator(".mls[data-ready=true]").last.wait_for()
