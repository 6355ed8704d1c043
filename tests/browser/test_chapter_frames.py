"""Pages of labs in the frames of chapters, in a real browser, from files, every host refused."""

from __future__ import annotations

import pytest
from mlsysim_widgets import chapter_pages
from mlsysim_widgets.embed import iframe

from mlsysim import DataSimulation, InvalidInput

pytestmark = pytest.mark.browser

LAB = "vol1/04_data_engineering"
PAGE = chapter_pages.file_name(LAB)
CHAPTERS = {
    "plain": "body { margin: 8px; }",
    # A column of text beside which nothing is left over: narrow, large, with a face of its own.
    "article": "body { margin: 0 auto; padding: 0 16px; max-width: 700px; font: 20px/1.6 serif; }"
    "* { box-sizing: border-box; } iframe { max-width: 100%; }",
}
CHAPTER = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A chapter</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>
<body><h1>A chapter</h1><p>Before the dashboard.</p>{line}<p>After it.</p></body></html>"""


WHOLE = """all => Object.fromEntries(all.map(n => [n.dataset.metric, n.textContent]))"""
SET_TO = """all => Object.fromEntries(
  all.map(n => [n.dataset.control, n.querySelector("select").value]))"""
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a book's chapters")
    assert chapter_pages.run([str(folder), "--lab", LAB], "mlsysim embeds") == 0
    for name, style in CHAPTERS.items():
        chapter = CHAPTER.format(style=style, line=iframe(PAGE, "Lab 04"))
        folder.joinpath(f"{name}.html").write_text(chapter, "utf-8")
    return folder


@pytest.fixture
def opened(browser, folder, complaints):
    contexts, asked = [], []

    def opened(name, fragment="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url.partition("#")[0]))
        context.on("weberror", lambda raised: complaints.append(str(raised.error)))
        page = context.new_page()
        page.goto(folder.joinpath(name).as_uri() + fragment)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert [address for address in asked if not address.startswith(folder.as_uri())] == []


def unfolded(dashboard, part):
    dashboard.locator(f"{part}:not([open]) > summary").evaluate_all("all => all[0]?.click()")
    return dashboard.locator(part)


def choose(dashboard, name, value):
    dashboard.locator(f"[data-control={name}] select").select_option(value)
    dashboard.locator(f'.mls[data-state*="{value}"]').wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_shows_the_lab_of_each_persona(opened, artifacts, name, width, scheme):
    page = opened(f"{name}.html", viewport={"width": width, "height": 900}, color_scheme=scheme)
    frame = page.frame_locator("iframe")
    frame.locator(".mls[data-ready=true]").wait_for()
    choose(frame, "persona", "TinyPioneer")
    unfolded(frame, ".mls-rail")
    begins = {"location": "other_cloud", "movement": "copied", "link_gbit_per_s": "1"}
    controls = frame.locator("[data-control]")
    assert controls.evaluate_all(SET_TO) == {"persona": "TinyPioneer", **begins}

    choose(frame, "movement", "streamed")
    line = frame.locator(".mls-python code").text_content()
    assert "'TinyPioneer'" in line
    ledger = eval(line, {"DataSimulation": DataSimulation})  # noqa: S307 - our own page
    assert "Accelerators fed" in [verdict.constraint for verdict in ledger.violations]
    unfolded(frame, ".mls-whole").locator("[data-metric]").first.wait_for()
    assert frame.locator(".mls-tables [data-metric]").evaluate_all(WHOLE) == {
        f"{group}.{metric}": getattr(ledger, group).text(metric)
        for group in ledger.groups
        for metric in getattr(ledger, group)
    }

    inner = page.frames[1]
    assert page.evaluate(FITS)
    assert inner.evaluate(FITS)
    ground = inner.evaluate("getComputedStyle(document.querySelector('.mls')).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 23, 29)"}[scheme]
    page.screenshot(path=artifacts / f"chapter-{name}-{width}-{scheme}.png")

    frame.get_by_text("Reset").click()
    frame.locator('.mls[data-state*="copied"]').wait_for()
    assert controls.evaluate_all(SET_TO) == {"persona": "TinyPioneer", **begins}


def test_a_link_opens_a_design_of_its_persona(opened):
    page = opened(PAGE, "#DataSimulation?persona=EdgeGuardian&movement=streamed&location=nowhere")
    page.locator('.mls[data-state*="streamed"]').wait_for()
    assert page.locator("[data-control]").evaluate_all(SET_TO) == {
        "persona": "EdgeGuardian",
        "location": "other_cloud",
        "movement": "streamed",
        "link_gbit_per_s": "100",
    }


def test_a_design_that_cannot_be_is_told_and_left_again(opened):
    page = opened(PAGE, "#DataSimulation?movement=streamed&location=shipped")
    alert = page.get_by_role("alert").filter(visible=True)
    with pytest.raises(InvalidInput) as raised:
        DataSimulation("Recommendation", "CloudTitan").evaluate(
            {"movement": "streamed", "location": "shipped"}
        )
    assert alert.locator("strong, p").all_text_contents() == [
        "Movement: this cannot be used",
        "Received 'streamed'",
        f"Accepted {raised.value.accepted}",
    ]
    assert alert.text_content().endswith(raised.value.accepted)
    page.get_by_text("Reset").click()
    page.locator('.mls[data-state*="copied"]').wait_for()
    assert alert.count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_index_fits_and_leads_to_the_page(opened, accessible, artifacts, width, scheme):
    page = opened("index.html", viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.evaluate(FITS)
    accessible(page)
    assert page.locator("code").text_content() == iframe(PAGE, "Lab 04 · Data engineering")
    page.screenshot(path=artifacts / f"chapters-{width}-{scheme}.png", full_page=True)
    page.get_by_role("link").click()
    page.locator(".mls[data-ready=true]").wait_for()
