"""A lab with all parts of a lesson, as Voila serves it: what is committed is never lost."""

from __future__ import annotations

import json
import re
import shutil
import signal
import urllib.parse
import urllib.request

import nbformat
import pytest
from mlsysim_widgets import store
from playwright.sync_api import expect

from mlsysim.cli import labs

pytestmark = pytest.mark.browser

LONGEST_WAIT_MS = 60_000
HOSTILE = "<img src=x onerror=\"document.title='broken into'\">"
FIRST = """
from mlsysim import ResourceSimulation
from mlsysim_widgets import *

answer = ResourceSimulation().evaluate({"region": "Quebec"})
journal = Journal("vol1-02")
limit = Prediction(
    journal, "limit", "Ten million doorbells look at the door. What emits most?",
    answer="Making them", options={
        "Making them": "Yes: the electricity of a doorbell is next to nothing.",
        "Running them": "A region changes little, since a doorbell draws milliwatts.",
        "Sending pictures": "It sends one only when somebody is there."})
latency = Prediction(
    journal, "latency", "How long does one picture take?", answer=answer.performance.latency,
    minimum=1, maximum=10_000, unit="millisecond",
    low="You counted arithmetic alone: the weights have to be read as well.",
    high="You took the deadline for the time.")
gate = Gate(limit, Dashboard, ResourceSimulation, region="Quebec")
region = Decision(journal, "region", gate, "Where do you switch them on?",
                  reasons=["It costs least", "It emits least", "It is nearest"])
again = Question(
    journal, "phones", "The same for phones?", answer="Yes",
    options={"Yes": "The same holds.", "No": "Scale changes nothing here."})
"""
LATER = """
from mlsysim import ResourceSimulation
from mlsysim_widgets import *

journal = Journal("vol1-03")
greeting = Greeting(journal, "vol1-02/region", region="Poland")
late = Prediction(journal, "late", "When is it found?", answer="Late",
                  options={"Early": "Only if you look.", "Late": "Yes."})
"""
CELLS = {
    "vol1/first.ipynb": [
        FIRST, "journal", "limit", "latency", "gate", "Reveal(limit)", "Reveal(latency)", "region",
        "again", "Report(journal)",
    ],
    "vol1/later.ipynb": [
        LATER, "journal", "greeting", "late",
        "Gate(late, Dashboard, ResourceSimulation, start=greeting)",
    ],
    "vol1/unseen.ipynb": [FIRST, "limit"],
}  # fmt: skip
BLOCKED = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("", "SecurityError"); },
});"""
FULL = 'Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError"); };'
TOO_SMALL = """() => [...document.querySelectorAll(
    ".mls-lesson :is(button, .mls-option, .mls-box), .mls-journal :is(button, summary, .mls-box)")]
  .filter(node => node.getClientRects().length && node.getBoundingClientRect().height < 44)
  .map(node => node.outerHTML)"""


@pytest.fixture(scope="module")
def journals(tmp_path_factory):
    """The folder that stands for the one in a student's home."""
    return tmp_path_factory.mktemp("journals")


@pytest.fixture(scope="module")
def labs_address(tmp_path_factory, repository, journals):
    """Two labs in a folder of their own, served with the settings of all labs."""
    folder = tmp_path_factory.mktemp("labs")
    shutil.copy(repository / "labs" / "voila.json", folder)
    for name, cells in CELLS.items():
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
        )
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, file)
    port = labs.free_port(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.FOLDER, str(journals))
        server = labs.start_voila(folder, port)
    labs.wait_until_ready(port, server)
    yield f"http://localhost:{port}/voila/render/"
    server.send_signal(signal.SIGTERM)
    server.wait(timeout=30)


class Lab:
    """A lab on a page, as a student handles it."""

    def __init__(self, page):
        self.page = page
        self.bar = page.locator(".mls-journal[data-opened=true]")
        self.bar.wait_for()

    def part(self, kind, place=0):
        return self.page.locator(f".mls-lesson[data-part={kind}]").nth(place)

    def press(self, part, label):
        part.get_by_role("button", name=label).click()

    def commit(self, kind, label, place=0):
        part = self.part(kind, place)
        part.get_by_label(label, exact=True).check()
        self.press(part, "Commit")
        expect(part).to_have_attribute("data-locked", "true")
        return part

    def picture(self, path):
        """Store a picture of the whole page, which scrolls inside its window."""
        size = self.page.viewport_size
        height = self.page.evaluate("document.querySelector('#rendered_cells').scrollHeight")
        self.page.set_viewport_size({**size, "height": height})
        self.page.screenshot(path=path)
        self.page.set_viewport_size(size)

    def again(self):
        """Come back in the same browser, to a fresh kernel."""
        self.page.reload()
        return Lab(self.page)

    def other_tab(self, path=None):
        page = self.page.context.new_page()
        page.goto(urllib.parse.urljoin(self.page.url, path) if path else self.page.url)
        return Lab(page)

    def end_kernel(self):
        script = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
        kernel = self.page.evaluate(script)
        end = urllib.parse.urljoin(self.page.url, f"/voila/api/shutdown/{kernel}")
        urllib.request.urlopen(end, data=b"", timeout=60).close()  # noqa: S310

    def kept(self):
        return self.page.evaluate("() => Object.fromEntries(Object.entries(localStorage))")


@pytest.fixture
def student(request):
    """A student of their own for each test, since kernels of others may still be writing."""
    return "".join(letter for letter in request.node.name if letter.isalnum())[:40]


@pytest.fixture
def journal_file(journals, student):
    return journals / f"{store.student_key(student)}.json"


@pytest.fixture
def open_lab(open_page, labs_address, student):
    """Open a lab in a fresh browser profile, as this test's student."""

    def open_lab(name="first", script="", **options):
        page = open_page("about:blank", **options)
        words = json.dumps({"student": student, "key": store.student_key(student)})
        page.context.add_init_script(
            f"try {{ localStorage['mlsysim/last-student'] ??= {json.dumps(words)}; }} catch {{}}"
        )
        page.add_init_script(script)
        page.goto(urllib.parse.urljoin(labs_address, f"vol1/{name}.ipynb"))
        return page

    return open_lab


@pytest.fixture
def lab(open_lab):
    return Lab(open_lab())


def test_a_whole_lab_is_done_kept_and_handed_in(lab, student, artifacts):
    page = lab.page
    assert page.locator("[data-control]").count() == 0, "the instruments are locked"
    limit = lab.commit("prediction", "Running them")
    expect(limit.locator(".mls-told")).to_contain_text("Committed: Running them")
    page.locator("[data-control=region] select").wait_for()

    reveal = lab.part("reveal")
    lab.press(reveal, "Reveal")
    expect(reveal.locator(".mls-told")).to_contain_text("What happens: Making them.")
    expect(reveal.locator(".mls-told")).to_contain_text("a doorbell draws milliwatts")

    latency = lab.part("prediction", 1)
    latency.get_by_role("textbox").fill("1 hour")
    lab.press(latency, "Commit")
    expect(latency.get_by_role("alert").first).to_contain_text("accepted: a number of millisecond")
    latency.get_by_role("textbox").fill("20")
    latency.get_by_role("textbox").press("Enter")
    expect(latency).to_have_attribute("data-locked", "true")
    lab.press(lab.part("reveal", 1), "Reveal")
    expect(lab.part("reveal", 1).locator(".mls-bar")).to_have_count(2)

    page.get_by_role("button", name="Pin as A").click()
    page.locator("[data-control=region] select").select_option("France")
    expect(page.locator(".mls-sentence")).to_contain_text("France")
    decision = lab.part("decision")
    decision.get_by_label("It emits least").check()
    lab.press(decision, "Save this design")
    expect(decision.locator(".mls-told")).to_contain_text("France")
    lab.commit("question", "No")
    expect(lab.bar).to_have_attribute("data-entries", "4")

    with page.expect_download() as download:
        lab.press(lab.part("report"), "Download the report")
    report = download.value.path().read_text("utf-8")
    assert "France" in report
    assert "Because:" in report
    with page.expect_download() as download:
        lab.press(lab.part("report"), "JSON")
    whose, records = store.journal_of(download.value.path().read_bytes())
    assert (whose, len(records)) == (student, 4)
    lab.picture(artifacts / "lesson-done-1280.png")


def test_a_reload_brings_everything_back_and_opens_the_gate(lab):
    lab.commit("prediction", "Running them")
    lab = lab.again()
    expect(lab.part("prediction")).to_have_attribute("data-locked", "true")
    expect(lab.part("prediction").get_by_label("Running them")).to_be_checked()
    expect(lab.part("prediction").get_by_label("Running them")).to_be_disabled()
    lab.page.locator("[data-control=region] select").wait_for()


def test_a_journal_keeps_what_is_committed_even_if_its_bar_is_not_shown(open_lab):
    page = open_lab("unseen")
    part = page.locator(".mls-lesson[data-part=prediction]")
    part.get_by_label("Making them").check()
    part.get_by_role("button", name="Commit").click()
    expect(part).to_have_attribute("data-locked", "true")
    page.wait_for_function("Object.keys(localStorage).some(name => name.startsWith('mlsysim/j'))")
    page.reload()
    expect(part).to_have_attribute("data-locked", "true", timeout=LONGEST_WAIT_MS)


def test_a_dead_kernel_and_an_empty_home_lose_nothing(lab, journal_file):
    lab.commit("prediction", "Running them")
    before = store.journal_of(journal_file.read_bytes())
    lab.end_kernel()
    journal_file.unlink()
    lab = lab.again()
    expect(lab.part("prediction")).to_have_attribute("data-locked", "true")
    assert store.journal_of(journal_file.read_bytes()) == before, "the browser restored the file"


def test_a_browser_that_lost_everything_gets_it_from_the_file(lab, open_lab):
    lab.commit("prediction", "Running them")
    other = Lab(open_lab())
    expect(other.part("prediction")).to_have_attribute("data-locked", "true")
    assert any("Running them" in value for value in other.kept().values())


def test_a_dead_kernel_is_told_when_an_answer_does_not_come(lab):
    lab.end_kernel()
    part = lab.part("prediction")
    part.get_by_label("Running them").check()
    lab.press(part, "Commit")
    expect(lab.page.locator(".mls-gone")).to_contain_text("was stopped", timeout=15_000)
    assert part.get_attribute("data-locked") == "false"


def test_two_tabs_see_each_other(lab):
    other = lab.other_tab()
    lab.commit("prediction", "Sending pictures")
    expect(other.part("prediction")).to_have_attribute("data-locked", "true")
    other.commit("question", "Yes")
    expect(lab.part("question")).to_have_attribute("data-locked", "true")
    expect(lab.bar).to_have_attribute("data-entries", "2")
    assert len([name for name in lab.kept() if name.startswith("mlsysim/journal/")]) == 2


def test_the_design_that_is_saved_is_the_one_that_is_set_even_before_its_answer(lab):
    lab.commit("prediction", "Making them")
    decision = lab.part("decision")
    decision.get_by_label("It emits least").check()
    lab.page.locator("[data-control=region] select").evaluate(
        """select => {
          for (const value of ["Norway", "Poland", "France"]) {
            select.value = value;
            select.dispatchEvent(new Event("change"));
          }
          document.querySelector("[data-action=decide]").click();
        }"""
    )
    expect(decision.locator(".mls-told")).to_contain_text("France")
    # Other controls come with another application, so that what was set is not what is answered.
    lab.page.locator("[data-control=application] select").select_option("AutoDrive")
    lab.page.wait_for_function("() => !globalThis[Symbol.for('mlsysim')].unanswered.size")


def test_a_later_lab_begins_from_the_decision(lab):
    lab.commit("prediction", "Making them")
    lab.page.locator("[data-control=region] select").select_option("France")
    expect(lab.page.locator(".mls-sentence")).to_contain_text("France")
    decision = lab.part("decision")
    decision.get_by_label("It emits least").check()
    lab.press(decision, "Save this design")
    expect(decision.locator(".mls-told")).to_contain_text("France")
    later = lab.other_tab("later.ipynb")
    expect(later.part("greeting")).to_contain_text("Because: It emits least")
    later.commit("prediction", "Late")
    region = later.page.locator("[data-control=region] select")
    expect(region).to_have_value("France")
    lab.press(later.part("greeting"), "expert's design")
    expect(region).to_have_value("Poland")


@pytest.mark.parametrize(("script", "words"), [(BLOCKED, "keeps nothing"), (FULL, "no room left")])
def test_storage_that_fails_is_told_and_the_file_keeps_all(open_lab, script, words):
    lab = Lab(open_lab(script=script))
    lab.commit("prediction", "Running them")
    expect(lab.bar.locator(".mls-notices")).to_contain_text(words)
    lab = lab.again()
    expect(lab.part("prediction")).to_have_attribute("data-locked", "true")


def test_students_are_kept_apart_and_seen(lab, student):
    lab.commit("prediction", "Running them")
    lab.bar.locator("summary").click()
    lab.bar.get_by_label("Your name").fill(f"Bob {HOSTILE[:40]}")
    lab.press(lab.bar, "Switch")
    expect(lab.bar).to_have_attribute("data-student", f"Bob {HOSTILE[:40]}")
    expect(lab.part("prediction")).to_have_attribute("data-locked", "false")
    expect(lab.part("prediction").get_by_label("Running them")).not_to_be_checked()
    assert lab.page.locator("[data-control]").count() == 0
    lab = lab.again()
    expect(lab.bar).to_have_attribute("data-student", f"Bob {HOSTILE[:40]}")
    lab.bar.locator("summary").click()
    lab.bar.get_by_label("Your name").fill(student.upper())
    lab.press(lab.bar, "Switch")
    expect(lab.part("prediction")).to_have_attribute("data-locked", "true")
    assert lab.page.title() != "broken into"


def test_another_student_does_not_begin_from_the_design_in_the_address(lab, student):
    page = lab.page

    def switch(name):
        lab.bar.get_by_label("Your name").fill(name)
        lab.press(lab.bar, "Switch")
        expect(lab.bar).to_have_attribute("data-student", name)

    region = page.locator("[data-control=region] select")
    lab.bar.locator("summary").click()
    for name in ("Ada", student):
        switch(name)
        lab.commit("prediction", "Running them")
        expect(region).to_have_value("Quebec")
        region.select_option("France")
        page.wait_for_function("() => location.hash.includes('France')")
    switch("Ada")
    expect(region).to_have_value("Quebec")
    assert urllib.parse.urlsplit(page.url).fragment == ""


def test_a_new_student_is_told_how_to_begin(open_page, labs_address):
    page = open_page(urllib.parse.urljoin(labs_address, "vol1/first.ipynb"))
    bar = Lab(page).bar
    expect(bar.locator("summary")).to_contain_text("open it to write your name")
    bar.locator("summary").click()
    name = bar.get_by_label("Your name")
    expect(name).to_have_accessible_description(re.compile("Write it before you begin"))
    name.fill("Ada")
    name.press("Enter")
    expect(bar.locator("summary")).to_contain_text("Design journal of Ada")
    expect(bar.locator("summary")).not_to_contain_text("write your name")


def test_a_journal_goes_out_and_comes_in_as_a_file(lab, student, open_lab, journal_file, tmp_path):
    lab.commit("prediction", "Running them")
    lab.bar.locator("summary").click()
    with lab.page.expect_download() as download:
        lab.press(lab.bar, "Export")
    exported = download.value.path().read_text("utf-8")
    journal_file.unlink()
    elsewhere = Lab(open_lab())
    elsewhere.bar.locator("summary").click()
    for content in (exported[:-9], exported.replace("Running them", HOSTILE), HOSTILE, exported):
        file = tmp_path / "journal.json"
        file.write_text(content, "utf-8")
        elsewhere.bar.locator("input[type=file]").set_input_files(file)
        good = content == exported
        words = f"Taken in: 1 entry of {student}" if good else "Nothing was changed"
        expect(elsewhere.bar.locator(".mls-notices")).to_contain_text(words)
    expect(elsewhere.part("prediction").get_by_label("Running them")).to_be_checked()
    assert elsewhere.page.title() != "broken into"


def test_the_keyboard_alone_does_it(lab):
    keys = lab.page.keyboard
    lab.part("prediction").get_by_label("Making them").focus()
    keys.press("ArrowDown")
    expect(lab.part("prediction").get_by_label("Running them")).to_be_checked()
    keys.press("Tab")
    keys.press("Enter")
    expect(lab.part("prediction")).to_have_attribute("data-locked", "true")
    told = "document.activeElement.textContent"
    lab.page.wait_for_function(f"() => {told}.includes('Committed')")


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (360, "light"), (1280, "dark"), (360, "dark")]
)
def test_it_fits_and_fingers_can_hit_it(open_lab, artifacts, width, scheme):
    lab = Lab(open_lab(width=width, scheme=scheme))
    lab.bar.locator("summary").click()
    latency = lab.part("prediction", 1)
    latency.get_by_role("textbox").fill("20")
    lab.press(latency, "Commit")
    lab.press(lab.part("reveal", 1), "Reveal")
    lab.commit("question", "No")
    lab.picture(artifacts / f"lesson-{width}-{scheme}.png")
    assert lab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert lab.page.evaluate(TOO_SMALL) == []
