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
WIDTHS = [360, 768, 1280]
BEYOND = "all => Math.max(...all.map(node => node.scrollWidth - node.clientWidth))"
OVER_OTHERS = """all => all.filter(node => node.getBoundingClientRect().bottom
  > node.closest(".mls-panel").getBoundingClientRect().bottom + 1).map(node => node.outerHTML)"""
CLIPPED = """all => all.filter(node => node.checkVisibility()
  && node.scrollWidth > node.clientWidth + 1).map(node => `${node.id}: ${node.value}`)"""
TWICE = """all => all.map(node => node.id).filter((id, i, ids) => ids.indexOf(id) !== i)"""
ANSWERED = "() => !globalThis[Symbol.for('mlsysim')].unanswered.size"
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
HEIGHT = "node => node.scrollHeight"
TALLEST = 12_000  # what a picture of Chromium holds is 16,384 pixels high


def least(part):
    """Return the least number that a part accepts, as its help says it."""
    accepted = part.locator(".mls-help").inner_text()
    return accepted.split(" to ")[0].removeprefix("From ").replace(",", "")


def answer(part):
    """Answer what a part asks with its first option or its least number, and commit."""
    # Another persona's answer is locked until the page has heard who plays now.
    expect(part).to_have_attribute("data-locked", "false", timeout=LONGEST_WAIT_MS)
    field = part.locator("input[type=text]")
    if field.count():
        field.fill(least(part))
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
    opened(page)


def opened(page):
    """Wait until everything is open that waited for a prediction, the instruments too."""
    expect(page.locator(".mls-locked")).to_have_count(0, timeout=LONGEST_WAIT_MS)
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


def decide(page):
    decision = page.locator("[data-part=decision]")
    decision.locator("input[type=radio]").first.check(force=True)
    decision.locator("button").first.click()
    saved = decision.locator(".mls-told")
    expect(saved).to_contain_text("Saved in your design journal", timeout=LONGEST_WAIT_MS)


def compare_extremes(page):
    """Pin the present design, and hold what the first slider can make of it against that."""
    dashboard = page.locator(".mls[data-ready=true]").last
    dashboard.get_by_role("button", name="Pin as A").click()
    dashboard.locator(".mls-comparison:not([hidden])").wait_for()
    before = dashboard.get_attribute("data-state")
    dashboard.locator(".mls-rail:not([open]) > summary").evaluate_all("all => all[0]?.click()")
    slider = dashboard.locator("input[type=range]").first
    slider.press("Home")
    slider.press("End")
    expect(dashboard).not_to_have_attribute("data-state", before)
    page.wait_for_function(ANSWERED)


def look(page, accessible, path):
    """Store a picture of the whole lab, which scrolls inside its window; nothing may stick out."""
    size = page.viewport_size
    # Controls that open at this width are open before anybody looks.
    page.evaluate(PAINTED)
    assert page.locator("body, #rendered_cells, .mls").evaluate_all(BEYOND) <= 0
    assert page.locator(".mls-panel svg").evaluate_all(OVER_OTHERS) == []
    assert page.locator("[id^=mls-]").evaluate_all(TWICE) == []
    assert page.locator("[data-control] input[type=text]").evaluate_all(CLIPPED) == []
    accessible(page)
    lab = page.locator("#rendered_cells")
    for part, top in enumerate(range(0, lab.evaluate(HEIGHT), TALLEST)):
        page.set_viewport_size({**size, "height": min(lab.evaluate(HEIGHT) - top, TALLEST)})
        lab.evaluate("(node, top) => node.scrollTo(0, top)", top)
        page.evaluate(PAINTED)
        page.screenshot(path=f"{path}-{part}.png")
        page.set_viewport_size(size)


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
    decide(page)
    with page.expect_download() as download:
        page.locator("[data-action=page]").click()
    told = Path(download.value.path()).read_text(encoding="utf-8")
    assert all(f".{persona.replace(' ', '').lower()}," in told for persona in PERSONAS)
    compare_extremes(page)
    name = lab.removesuffix(".ipynb").replace("/", "-")
    for each in WIDTHS:
        page.set_viewport_size({"width": each, "height": 900})
        look(page, accessible, artifacts / f"lab-{name}-{each}-{scheme}")
    dashboards = page.locator(".mls[data-ready=true]")
    designs = dashboards.evaluate_all("all => all.map(node => node.dataset.state)")
    page.reload()
    page.locator("[data-part=report]").wait_for()
    locked = page.locator("[data-part=question][data-locked=true]")
    questions = page.locator("[data-part=question]").count()
    expect(locked).to_have_count(questions, timeout=LONGEST_WAIT_MS)
    for i, design in enumerate(designs):
        expect(dashboards.nth(i)).to_have_attribute("data-state", design, timeout=LONGEST_WAIT_MS)


FOCUSED = """([wanted, words]) => {
  const node = document.activeElement;
  const around = [node, node.closest("label, .mls-box")].filter(Boolean);
  return {
    there: node.matches(wanted) && node.textContent.includes(words),
    seen: around.some(each => getComputedStyle(each).outlineStyle !== "none"),
    node: node.outerHTML.slice(0, 200),
  };
}"""
TOLD = """words => document.activeElement.matches("[role=status]")
  && document.activeElement.textContent.includes(words)"""
MOST_STOPS = 150


class Keyboard:
    """A student who has the keyboard alone, and goes through a lab from top to bottom."""

    def __init__(self, page):
        self.page = page
        self.press = page.keyboard.press

    def go_to(self, wanted, words=""):
        """Press Tab until something is reached; on the way it is always seen where one is."""
        self.page.locator(wanted, has_text=words or None).first.wait_for(state="attached")
        for _ in range(MOST_STOPS):
            self.press("Tab")
            stop = self.page.evaluate(FOCUSED, [wanted, words])
            assert stop["seen"], f"unseen on the way to {wanted} {words}: {stop['node'][:99]}"
            if stop["there"]:
                return
        pytest.fail(f"Tab does not come to {wanted} {words}")

    def answer(self, kind, told):
        """Take the second option, or write the least number, and commit; the focus follows."""
        part = f"[data-part={kind}]:not([data-locked=true])"
        self.go_to(f"{part} input")
        if self.page.evaluate("document.activeElement.type") == "radio":
            self.press("ArrowDown")
        else:
            self.page.keyboard.type(least(self.page.locator(part).first))
        self.go_to(f"{part} button")
        self.press("Enter")
        self.page.wait_for_function(TOLD, arg=told)

    def break_and_mend(self):
        """Drag a slider over its whole range, then take that back."""
        self.go_to("input[type=range]")
        dashboard = self.page.locator(".mls[data-ready=true]", has=self.page.locator(":focus"))
        before = dashboard.get_attribute("data-state")
        self.press("Home")
        self.press("End")
        expect(dashboard).not_to_have_attribute("data-state", before)
        for _ in range(2):
            self.press("Control+z")
        expect(dashboard).to_have_attribute("data-state", before)


@pytest.mark.parametrize("lab", LESSONS)
def test_a_lab_with_the_keyboard_alone(open_page, lab):
    page = open_page(f"/voila/render/{lab}")
    page.locator("[data-part=report]").wait_for()
    student = Keyboard(page)
    student.go_to("[data-part=cast] input")
    student.press("ArrowDown")
    student.go_to("[data-action=play]")
    student.press("Enter")
    playing = page.locator("[data-part=cast] .mls-told strong")
    expect(playing).to_have_text(PERSONAS[1], timeout=LONGEST_WAIT_MS)
    for _ in page.locator("[data-part=reveal]").all():
        student.answer("prediction", "Committed")
    opened(page)
    student.go_to("[role=toolbar] button", "Pin as A")
    student.press("Enter")
    page.locator(".mls-comparison:not([hidden])").wait_for()
    student.break_and_mend()
    for _ in page.locator("[data-part=reveal]").all():
        student.go_to("[data-action=reveal]")
        student.press("Enter")
        page.wait_for_function(TOLD, arg="")
    student.go_to("[data-part=decision] input")
    student.press("ArrowDown")
    student.go_to("[data-action=decide]")
    student.press("Enter")
    saved = page.locator("[data-part=decision] .mls-told")
    expect(saved).to_contain_text("Saved in your design journal")
    for _ in page.locator("[data-part=question]").all():
        student.answer("question", "")
    student.go_to("[data-action=page]")
    with page.expect_download() as download:
        student.press("Enter")
    told = Path(download.value.path()).read_text(encoding="utf-8")
    assert ".edgeguardian," in told
    assert "Because:" in told
