"""What an instructor gets: a class as a table and a page, with whatever cannot be so named."""

from __future__ import annotations

import csv
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import EntryPoint

import nbformat
import pandas as pd
import pytest
import school
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlsysim_widgets import Decision, Prediction, Question, collecting, judging, store
from mlsysim_widgets.collected_designs import designs_figure
from mlsysim_widgets.collected_page import page_of
from nbclient import NotebookClient

from mlsysim import Personas, cli
from mlsysim.errors import InvalidInput, UnknownName

LAB, OTHER = "vol1-08", "vol1-02"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>'\"&"
STUDENTS = 30


@pytest.fixture(autouse=True)
def _no_journals_at_home(monkeypatch):
    monkeypatch.setenv(store.FOLDER, "")


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """A class of thirty: all in one lab, most in another, some of them not to the end."""
    folder = tmp_path_factory.mktemp("class") / "handed-in"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.FOLDER, "")
        for place, name in enumerate(school.names(STUDENTS)):
            until = 3 if place % 10 == 5 else 99
            for lab in (LAB, OTHER) if place % 7 != 3 else (LAB,):
                school.hand_in(folder, name, school.walk(name, lab, until=until))
    return folder


@pytest.fixture
def few(handed_in, tmp_path):
    """Three students of that class, to spoil."""
    folder = tmp_path / "few"
    for name in list(school.names(3)):
        shutil.copytree(handed_in / name, folder / name)
    return folder


def journal_file(folder, name="Ada Lindqvist", lab=LAB):
    return folder / name / f"report-{lab}-{store.student_key(name)}.json"


def edited(file, change):
    """Change a journal as an editor would, and write it back."""
    document = json.loads(file.read_text("utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def entry(document, question):
    return next(
        each for each in document["records"] if re.search(f"/{question}(\\.|$)", each["id"])
    )


def answer_to(collected, question, student="Ada Lindqvist", lab=LAB):
    (found,) = (
        answer
        for answer in collected.answers
        if (answer.student, answer.lab, answer.question) == (student, lab, question)
    )
    return found


def told(collected, file=""):
    return [str(problem) for problem in collected.problems if file in problem.file]


# ── The table ───────────────────────────────────────────────────────────────────────────────


def test_every_answer_of_a_class_is_one_row_judged_as_the_student_was(handed_in):
    collected = collecting.collect(handed_in)
    assert collected.problems == []
    rows = {(a.student, a.lab, a.question, a.persona): a for a in collected.answers}
    count = 0
    for file in handed_in.rglob("*.json"):
        student, records = store.journal_of(file.read_bytes())
        for record in records:
            if record.kind == "role":
                continue
            count += 1
            lab, _, name = record.id.partition("/")
            question, _, persona = name.partition(".")
            (row,) = (
                row
                for (who, where, what, whose), row in rows.items()
                if (who, where, what) == (student, lab, question)
                and (not persona or whose.lower() == persona)
            )
            assert row.checked == "computed"
            if record.kind == "decision":
                assert (row.kind, row.answer) == ("decision", record.data["reason"])
                values = {n["path"]: n["value"] for n in record.data["design"]["numbers"]}
                assert row.latency_s == pytest.approx(values["performance.latency"])
                assert row.carbon_kg == pytest.approx(values["sustainability.carbon"])
                continue
            said = record.data
            assert (row.asked, row.answer, row.outcome, row.right) == (
                said["question"], said["text"], said["actual"], said["right"],
            )  # fmt: skip
            assert row.misconception == ("" if said["right"] else said["feedback"])
    assert len(collected.answers) == count > 300
    assert {answer.kind for answer in collected.answers} == {"prediction", "question", "decision"}


def test_a_number_is_held_against_the_outcome_as_a_ratio(handed_in):
    collected = collecting.collect(handed_in)
    wide = [answer for answer in collected.answers if answer.question == "wide"]
    assert len(wide) == STUDENTS - 3
    for answer in wide:
        assert answer.ratio == pytest.approx(float(answer.answer) / float(answer.outcome), rel=0.02)
        assert answer.right == (1 / 1.4 <= answer.ratio <= 1.4)
    stage = [answer for answer in collected.answers if answer.question == "stage"]
    assert {answer.ratio for answer in stage} == {None}


def test_whoever_answered_all_that_one_persona_is_asked_has_finished(handed_in):
    collected = collecting.collect(handed_in)
    for place, name in enumerate(school.names(STUDENTS)):
        for lab in (LAB, OTHER):
            progress = collected.progress.get((name, lab))
            if lab == OTHER and place % 7 == 3:
                assert progress is None
                continue
            assert progress.asked == 6
            assert progress.answered == (3 if place % 10 == 5 else 6)
            rows = [a for a in collected.answers if (a.student, a.lab) == (name, lab)]
            assert {row.finished for row in rows} == {place % 10 != 5}
            assert progress.right == len([row for row in rows if row.right])


def test_pandas_and_spreadsheets_read_the_table(few, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert collecting.run([str(few)], "mlsysim collect") == 0
    table = pd.read_csv("few.csv")
    assert list(table.columns) == collecting.columns()
    assert table.groupby("student")["finished"].all().to_dict() == dict.fromkeys(
        school.names(3), True
    )
    questions = table[table.kind == "question"]
    assert set(questions.right.map(str)) <= {"True", "False"}
    assert table.latency_s.dtype == float
    assert pd.to_datetime(table.time).dt.year.min() > 2000
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == (
        f"Journals: 6, students: 3, answers: {len(table)}, problems: 0."
    )
    assert printed.out.endswith("Table: few.csv\nPage:  few.html\n")
    assert printed.err == ""


def test_no_cell_is_a_formula(few, tmp_path):
    formula = '=HYPERLINK("http://nowhere.invalid")'
    own_lab(few, {"Eve": formula, "Mal": "+1", "Tab": "\t=1", "At": "@x", "Minus": "-1"})
    own_lab(few, {formula: "yes"})
    table = tmp_path / "table.csv"
    page = tmp_path / "page.html"
    assert collecting.run([str(few), "--csv", str(table), "--page", str(page)], "collect") == 0
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    cells = [cell for row in rows for cell in row]
    assert f"'{formula}" in cells
    assert f"'{formula}" in [row[0] for row in rows]
    assert not [cell for cell in cells if cell.startswith(collecting._FORMULA)]


# ── What cannot be believed ─────────────────────────────────────────────────────────────────


def own_lab(folder, answers, lab="own-01", actual="yes", **more):
    """Let students answer a question of a lab that nobody has here."""
    for name, said in answers.items():
        data = {
            "question": "Is it so?", "given": said, "text": str(said), "actual": actual,
            "right": said == actual, "feedback": "It is not.", **more,
        }  # fmt: skip
        record = store.Record(f"{lab}/so", "prediction", store.now(), data)
        place = folder / f"own {store.student_key(name)}"
        place.mkdir(parents=True, exist_ok=True)
        place.joinpath("journal.json").write_text(
            store.journal_text(name, [record]), encoding="utf-8"
        )


def test_what_a_journal_says_of_itself_is_not_believed(few):
    file = journal_file(few)
    before = collecting.collect(few)
    wrong = next(
        answer for answer in before.answers
        if answer.student == "Ada Lindqvist" and answer.lab == LAB and answer.right is False
    )  # fmt: skip

    def forge(document):
        data = entry(document, wrong.question)["data"]
        data.update(right=True, actual=data["text"], feedback="")

    edited(file, forge)
    after = collecting.collect(few)
    assert answer_to(after, wrong.question) == wrong
    assert after.progress == before.progress
    (problem,) = told(after)
    assert wrong.question in problem
    assert "right: True; the lab says outcome" in problem


@pytest.mark.parametrize("given", ["gpu", "", HOSTILE, 3])
def test_an_answer_that_the_lab_does_not_take_counts_nowhere(few, given):
    before = collecting.collect(few)
    file = journal_file(few)
    edited(file, lambda d: entry(d, "together")["data"].update(given=given, right=True))
    after = collecting.collect(few)
    found = answer_to(after, "together")
    assert (found.checked, found.right) == (judging.NOT_OFFERED, False)
    own = ("Ada Lindqvist", LAB)
    assert after.progress[own].answered == before.progress[own].answered - 1
    assert not after.progress[own].finished
    assert "is no answer that the lab takes" in told(after)[0]


def test_an_entry_that_the_lab_does_not_ask_counts_nowhere(few):
    before = collecting.collect(few)

    def add(document):
        extra = json.loads(json.dumps(entry(document, "together")))
        extra["id"] = f"{LAB}/extra"
        document["records"].append(extra)

    edited(journal_file(few), add)
    after = collecting.collect(few)
    assert after.progress == before.progress
    assert answer_to(after, "extra").checked == judging.NOT_OFFERED
    file = f"Ada Lindqvist/{journal_file(few).name}"
    assert told(after) == [
        f"{file}: {LAB}/extra: Lab 08 · Training asks no prediction of that name"
    ]


def test_a_decision_in_the_place_of_an_answer_counts_nowhere(few):
    def swap(document):
        decision = entry(document, "step")
        entry(document, "together").update(kind="decision", data=decision["data"])

    edited(journal_file(few), swap)
    after = collecting.collect(few)
    assert answer_to(after, "together").checked == judging.NOT_OFFERED
    assert after.progress["Ada Lindqvist", LAB].answered == 5
    assert "asks no decision of that name" in told(after)[0]
    assert page_of(after)


def test_a_design_whose_numbers_the_engine_does_not_compute_is_reported(few):
    before = answer_to(collecting.collect(few), "step")

    def forge(document):
        number = entry(document, "step")["data"]["design"]["numbers"][0]
        number.update(text="1 ns", value=1e-9)

    edited(journal_file(few), forge)
    after = collecting.collect(few)
    assert answer_to(after, "step").latency_s == before.latency_s
    assert "it says Latency '1 ns', the design" in told(after)[0]


@pytest.mark.parametrize(
    "change",
    [
        {"choice": {"batch_size": "many"}},
        {"application": "Nothing"},
        {"choice": {"nothing": 1}},
    ],
)
def test_a_design_that_cannot_be_evaluated_stops_nothing(few, change):
    edited(journal_file(few), lambda d: entry(d, "step")["data"]["design"].update(change))
    collected = collecting.collect(few)
    assert "its design cannot be evaluated" in told(collected)[0]
    assert len(collected.students) == 3


def test_a_reason_that_is_not_offered_counts_nowhere(few):
    edited(journal_file(few), lambda d: entry(d, "step")["data"].update(reason=HOSTILE))
    collected = collecting.collect(few)
    assert answer_to(collected, "step").checked == judging.NOT_OFFERED
    assert not collected.progress["Ada Lindqvist", LAB].finished
    assert "is no reason that the lab offers" in told(collected)[0]


def test_another_outcome_than_that_of_most_is_reported_where_no_lab_can_be_asked(tmp_path):
    own_lab(tmp_path, {"Ann": "yes", "Ben": "no", "Cid": "yes"})
    own_lab(tmp_path, {"Mal": "no"}, actual="no")
    collected = collecting.collect(tmp_path)
    answers = {answer.student: answer for answer in collected.answers}
    assert {name: answer.right for name, answer in answers.items()} == {
        "Ann": True, "Ben": False, "Cid": True, "Mal": False,
    }  # fmt: skip
    assert {answer.checked for answer in answers.values()} == {"recorded"}
    (problem,) = told(collected)
    assert "its outcome is 'no', that of most students yes" in problem


def test_right_against_its_own_outcome_is_reported_where_no_lab_can_be_asked(tmp_path):
    own_lab(tmp_path, {"Mal": "no"}, right=True)
    collected = collecting.collect(tmp_path)
    assert [answer.right for answer in collected.answers] == [False]
    assert "it says right: True" in told(collected)[0]


MINE = """
from mlsysim import NodeSimulation


class NightShift(NodeSimulation):
    title = "One batch a night"
"""
MY_LAB = """
from mlsysim_widgets import Cast, Decision, Gate, Journal, Prediction
from night_shift_of_mine import NightShift
journal = Journal("vol9-01")
cast = Cast(journal, NightShift, {"CloudTitan": ("Inference", "A node.")})
so = Prediction(journal, "so", "Is it so?", answer="yes", options={"yes": "It is.", "no": "No."})
bench = Gate(so, cast.dashboard)
Decision(journal, "night", bench, "When?", reasons=["Now", "Later"])
"""


@pytest.fixture
def labs(tmp_path):
    """A folder of labs: one with a module beside it, one that does not run."""
    folder = tmp_path / "labs" / "vol9"
    folder.mkdir(parents=True)
    folder.joinpath("night_shift_of_mine.py").write_text(MINE, encoding="utf-8")
    for name, code in {"01_mine": MY_LAB, "02_broken": "Journal('vol9-02')\n1 / 0"}.items():
        cells = [nbformat.v4.new_code_cell(code)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    return folder.parent


def test_a_lab_of_ones_own_is_judged_with_the_module_that_lies_beside_it(labs, tmp_path):
    notebook = nbformat.read(labs / "vol9" / "01_mine.ipynb", as_version=4)
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(labs / "vol9")
        exec(notebook.cells[0].source.replace("\nDecision(", "\nnight = Decision("), names)  # noqa: S102
    del sys.modules["night_shift_of_mine"]
    names["journal"].load("Ann")
    names["so"].commit("no")
    names["night"].decide("Later")
    folder = tmp_path / "class"
    folder.mkdir()
    folder.joinpath("ann.json").write_text(names["journal"].export(), encoding="utf-8")
    collected = collecting.collect(folder, labs)
    assert collected.problems == []
    rows = [(a.question, a.answer, a.right, a.checked) for a in collected.answers]
    assert rows == [("so", "no", False, "computed"), ("night", "Later", None, "computed")]
    assert collected.progress["Ann", "vol9-01"] == judging.Progress(2, 2, 0, 1)
    (recorded,) = {answer.checked for answer in collecting.collect(folder).answers[:1]}
    assert recorded == "recorded"
    with pytest.raises(InvalidInput, match="labs: received 'nowhere'"):
        collecting.collect(folder, "nowhere")


def test_a_lab_that_does_not_run_is_told_and_counts_as_not_there(labs, tmp_path):
    own_lab(tmp_path / "class", {"Ann": "yes"}, lab="vol9-02")
    collected = collecting.collect(tmp_path / "class", labs)
    assert [answer.checked for answer in collected.answers] == ["recorded"]
    assert told(collected) == [
        "vol9-02: 02_broken.ipynb does not run here: name 'Journal' is not defined"
    ]


# ── Files ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "damaged or incomplete"),
        (b"\xff\xfe\x00", "damaged or incomplete"),
        (b'{"format": "mlsysim journal", "version": 1, "student": "A", "rec', "damaged"),
        (b"[1, 2]", "not a journal of these labs"),
        (b'{"format": "mlsysim journal", "version": 99}', "newer version of these labs"),
        (b'{"format": "mlsysim journal", "version": 1, "records": []}', "whose it is"),
        (b'{"format": "mlsysim journal", "version": 1, "student": "A", "records": [{}]}', "should"),
        (b"[" * 100_000, "damaged"),
        (b" " * 17_000_000, "larger than any journal"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_stops_nothing(few, content, reason):
    before = collecting.collect(few)
    few.joinpath("spoilt\n.json").write_bytes(content)
    after = collecting.collect(few)
    assert after.answers == before.answers
    (problem,) = told(after)
    assert problem.startswith("spoilt\ufffd.json: it was not read: ")
    assert reason in problem


def test_hidden_files_and_what_is_no_file_are_passed_over(few):
    few.joinpath("__MACOSX").mkdir()
    few.joinpath("__MACOSX", "x.json").write_text("x", encoding="utf-8")
    few.joinpath(".x.json").write_text("x", encoding="utf-8")
    few.joinpath("folder.json").mkdir()
    assert collecting.collect(few).problems == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: entry(d, "again").update(replaces=["0" * 32]), "is missing or was changed"),
        (lambda d: entry(d, "again").update(time="2999-01-01T00:00:00.000000Z"), "never was"),
        (lambda d: entry(d, "again").update(time="2025-19-39T00:00:00.000000Z"), "never was"),
        (lambda d: d.update(student="Somebody Else"), "named for somebody else"),
        (lambda d: d.update(student="Student"), "does not say whose it is"),
        (
            lambda d: d["records"].append({**entry(d, "again"), "time": store.now()}),
            "begun more than once",
        ),
    ],
)
def test_a_journal_that_does_not_hold_together_is_reported(few, change, reason):
    file = journal_file(few)
    edited(file, change)
    reports = told(collecting.collect(few), file.name)
    assert any(reason in report for report in reports), reports


def test_a_version_that_replaces_something_else_is_reported(few):
    _, records = store.journal_of(journal_file(few).read_bytes())
    keys = {record.id: record.key for record in records}
    edited(
        journal_file(few),
        lambda d: entry(d, "again").update(replaces=[keys[f"{LAB}/plain"]]),
    )
    assert "replaces a version of something else" in told(collecting.collect(few))[0]


def test_a_journal_handed_in_under_two_names_is_reported_for_both(few):
    file = few / "Zoe" / "journal.json"
    file.parent.mkdir()
    shutil.copy(journal_file(few), file)
    edited(file, lambda d: d.update(student="Zoe"))
    collected = collecting.collect(few)
    copied, original = told(collected, "Zoe"), told(collected, "Ada Lindqvist")
    assert len(copied) == len(original) == 1
    _, records = store.journal_of(file.read_bytes())
    assert f"{len(records)} entries are the same" in copied[0]
    assert copied[0].endswith(f"in Ada Lindqvist/{journal_file(few).name} of Ada Lindqvist")
    assert original[0].endswith("in Zoe/journal.json of Zoe")


@pytest.mark.parametrize("form", ["{} (1).{}", "lindqvistada_12_345_{}-1.{}", "{}.{}"])
def test_all_files_in_one_folder_may_bear_the_names_that_systems_give_them(few, tmp_path, form):
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in few.rglob("report-*"):
        shutil.copy(file, flat / form.format(file.stem, file.suffix[1:]))
    collected = collecting.collect(flat)
    assert collected.problems == []
    assert len(collected.students) == 3


def test_two_names_in_the_folder_of_one_student_are_reported(few):
    stranger = school.walk("Mallory", LAB).data()
    few.joinpath("Ada Lindqvist", "x.json").write_text(stranger, encoding="utf-8")
    reports = told(collecting.collect(few), "x.json")
    assert reports == [
        "Ada Lindqvist/x.json: it names Mallory, and what lies beside it Ada Lindqvist"
    ]


def test_folders_of_groups_are_no_folders_of_one_student(few, tmp_path):
    group = tmp_path / "groups" / "Monday"
    group.mkdir(parents=True)
    for file in few.rglob("*.json"):
        shutil.copy(file, group)
    collected = collecting.collect(group.parent)
    assert collected.problems == []
    assert len(collected.students) == 3


def test_files_of_one_student_merge_and_the_newest_version_counts(tmp_path):
    parts = school.parts_of(LAB)
    (journal,) = school.of(parts, school.Journal)
    (report,) = school.of(parts, school.Report)
    (decision,) = school.of(parts, Decision)
    journal.load("Ada Lindqvist")
    first, *others = [p for p in school.of(parts, Prediction) if not isinstance(p, Question)]
    first.commit("arithmetic")
    for other in others:
        other.commit(2)
    decision.decide(decision.reasons[0])
    tmp_path.joinpath("later.json").write_text(report.data(), encoding="utf-8")
    decision.decide(decision.reasons[1])
    journal.restart()
    first.commit("launch overhead")
    for other in others:
        other.commit(3)
    decision.decide(decision.reasons[2])
    tmp_path.joinpath("earlier.json").write_text(report.data(), encoding="utf-8")
    collected = collecting.collect(tmp_path)
    assert collected.problems == []
    step, stage = answer_to(collected, "step"), answer_to(collected, first._name)
    assert (step.answer, step.attempts) == (decision.reasons[2], 3)
    assert (stage.answer, stage.attempts) == ("launch overhead", 2)
    journal.restart()
    tmp_path.joinpath("last.json").write_text(report.data(), encoding="utf-8")
    emptied = collecting.collect(tmp_path)
    assert emptied.answers == []
    assert "it holds no answer" in told(emptied)[0]


def test_students_without_a_name_are_told_apart_by_where_they_handed_in(tmp_path):
    for place in ("one", "two"):
        folder = tmp_path / place
        folder.mkdir()
        data = school.walk("Student", LAB).data()
        folder.joinpath("report.json").write_text(data, encoding="utf-8")
    collected = collecting.collect(tmp_path)
    assert collected.students == ["Student one", "Student two"]
    assert len([1 for each in told(collected) if "does not say whose" in each]) == 2


def test_a_page_without_its_data_is_reported(few):
    journal_file(few).unlink()
    journal_file(few, lab=OTHER).unlink()
    reports = told(collecting.collect(few), "Ada Lindqvist")
    assert len(reports) == 2
    assert all("only the page was handed in" in report for report in reports)


def leaves_of(value, path=()):
    """Yield the way to each leaf of a document."""
    if isinstance(value, dict | list) and value:
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves_of(part, (*path, key))
    else:
        yield path


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
ODD = st.sampled_from([HOSTILE, "nan", "inf", "1e999", "", "\ud800", 10**400, -0.0, [], {}])


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_a_journal_it_stops_nothing(handed_in, tmp_path, data):
    document = json.loads(journal_file(handed_in).read_text("utf-8"))
    *way, last = data.draw(st.sampled_from(list(leaves_of(document))))
    place = document
    for key in way:
        place = place[key]
    place[last] = data.draw(JSON | ODD)
    tmp_path.joinpath("odd.json").write_text(json.dumps(document), encoding="utf-8")
    shutil.copy(journal_file(handed_in, "Bo Lindqvist"), tmp_path / "sound.json")
    collected = collecting.collect(tmp_path)
    assert "Bo Lindqvist" in collected.students
    Read(page_of(collected))
    for row in collecting.table_of(collected.answers):
        assert not [c for c in row if isinstance(c, str) and c.startswith(collecting._FORMULA)]


# ── The page ────────────────────────────────────────────────────────────────────────────────


class Read(html.parser.HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def bars_of(page):
    """Return each histogram of a page: what stands at a bar, and its count."""
    found = []
    for listed in re.findall(r"<ol class='bars'.*?</ol>", page):
        bars = re.findall(r"--count:(\d+)'>(.*?)<div", listed)
        found.append({words: int(count) for count, words in bars})
    return found


def test_a_histogram_counts_the_whole_class_and_marks_what_is_right(handed_in):
    collected = collecting.collect(handed_in)
    histograms = bars_of(page_of(collected))
    together = Counter(a.answer for a in collected.answers if a.question == "together")
    right = {"communication": "communication", "memory bandwidth": "memory bandwidth",
             "arithmetic": "✓ arithmetic: right"}  # fmt: skip
    assert {right[name]: count for name, count in together.items()} in histograms
    wide = [a for a in collected.answers if a.question == "wide"]
    (by_ratio,) = (h for h in histograms if "✓ right, within a factor of 1.4" in h)
    assert sum(by_ratio.values()) == len(wide)
    assert by_ratio["✓ right, within a factor of 1.4"] == len([a for a in wide if a.right])
    too_high = [a for a in wide if not a.right and 3 <= a.ratio < 10]
    assert by_ratio["3 to 10 × too high"] == len(too_high)
    outcomes = sorted({(a.persona, a.outcome) for a in wide})
    words = ", ".join(f"{outcome} for {Personas[who].label}" for who, outcome in outcomes)
    assert f"<p class='soft'>It is {words}.</p>" in page_of(collected)


def test_a_prediction_has_a_histogram_for_each_persona_with_its_own_right_answer(handed_in):
    collected = collecting.collect(handed_in)
    page = page_of(collected)
    article = re.search(r"<article><h3>What takes most of a step\?.*?</article>", page).group()
    personas = {a.persona for a in collected.answers if a.question == "stage"}
    assert personas == set(Personas)
    assert len(bars_of(article)) == len(personas)
    assert re.findall(r"✓ ([\w ]+): right", article) == [
        "arithmetic", "memory bandwidth", "communication", "arithmetic",
    ]  # fmt: skip


def test_the_most_common_misconception_is_named_in_the_words_of_the_lab(handed_in):
    collected = collecting.collect(handed_in)
    wrong = [a for a in collected.answers if a.question == "together" and not a.right]
    ((said, why), count) = Counter((a.answer, a.misconception) for a in wrong).most_common(1)[0]
    page = page_of(collected)
    assert f"are right; {count} say: {said}." in page
    assert f"<strong>Most common misconception:</strong> {why}</p>" in page


def test_designs_are_marked_as_beaten_within_their_own_task(handed_in):
    collected = collecting.collect(handed_in)
    steps = [a for a in collected.answers if a.question == "step"]
    beaten = {
        one.student
        for one in steps
        for other in steps
        if (one.persona, one.application) == (other.persona, other.application)
        and other.latency_s <= one.latency_s
        and other.carbon_kg <= one.carbon_kg
        and (other.latency_s < one.latency_s or other.carbon_kg < one.carbon_kg)
    }
    assert 0 < len(beaten) < len(steps)
    page = page_of(collected)
    assert f"<figcaption>{len(beaten)} of {len(steps)} designs are beaten" in page
    marked = re.findall(r"class='mark persona-\d( unbeaten)?' [^>]*title='([^']*)'", page)
    lab = page.index("<section id='vol1-08'>")
    ours = re.findall(r"class='mark persona-\d( unbeaten)?' [^>]*title='([^']*)'", page[lab:])
    assert len(ours) < len(marked)
    hollow = {name for look, names in ours if not look for name in names.split(", ")}
    assert hollow == beaten
    assert "role='img' aria-label='27 designs; latency from" in page[lab:]


def designs(*numbers, **more):
    """Return decisions for one task, each with its time and what it emits or costs."""
    return [
        judging.Answer(
            "Ann", LAB, "step", "CloudTitan", "decision", "", "", latency_s=time, **{other: value},
            **more,
        )
        for time, other, value in numbers
    ]  # fmt: skip


def test_a_design_is_beaten_only_by_one_that_is_nowhere_worse():
    carbon = "carbon_kg"
    answers = designs((1, carbon, 4), (2, carbon, 2), (4, carbon, 1), (4, carbon, 2))
    figure = designs_figure([*answers, answers[-1]])
    assert "2 of 5 designs are beaten: one of the same task takes no longer and emits" in figure
    assert figure.count("<td>yes</td>") == 2
    assert "<b>2</b></span>" in figure
    places = re.findall(r"unbeaten' style='left:([\d.]+)%;bottom:([\d.]+)%'", figure)
    assert places == [("6.0", "94.0"), ("50.0", "50.0"), ("94.0", "6.0")]
    assert "None of the 3 designs is beaten" in designs_figure(answers[:3])
    (alone,) = designs((1, carbon, 4), application="Training")
    assert "left:50%;bottom:50%" in designs_figure([alone])
    assert "1 of 4" not in designs_figure([*answers[:3], alone])


def test_designs_that_emit_nothing_are_held_against_their_cost():
    figure = designs_figure(designs((1, "cost_usd", 4), (2, "cost_usd", 5)))
    assert "1 of 2 designs are beaten: one of the same task takes no longer and costs" in figure
    assert designs_figure(designs((0, "cost_usd", 4), (None, "carbon_kg", 1))) == ""


def test_reasons_are_counted(handed_in):
    collected = collecting.collect(handed_in)
    counted = Counter(a.answer for a in collected.answers if a.question == "step")
    assert dict(counted) in bars_of(page_of(collected))


def test_the_page_needs_nothing_and_text_from_students_is_only_text(few):
    own_lab(few, {HOSTILE[:60]: HOSTILE, "Ann": "yes"})
    few.joinpath("<script>.json").write_text("x", encoding="utf-8")
    edited(
        journal_file(few),
        lambda d: entry(d, "step")["data"]["design"].update(
            sentence=HOSTILE, persona="TinyPioneer"
        ),
    )
    page = page_of(collecting.collect(few))
    read = Read(page)
    names = {tag for tag, _ in read.tags}
    assert names.isdisjoint({"script", "img", "iframe", "link", "object", "base", "form"})
    for _, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
    assert "url(" not in page
    assert "@import" not in page
    links = [attributes["href"] for tag, attributes in read.tags if tag == "a"]
    assert links == [f"#{lab}" for lab in ("own-01", OTHER, LAB)]
    whole = "".join(read.texts)
    assert HOSTILE[:60] in whole
    assert "<script>.json: it was not read" in whole


def test_a_class_without_answers_is_a_page_too(tmp_path):
    tmp_path.joinpath("a.json").write_text(store.journal_text("Ann", []), encoding="utf-8")
    assert "Nobody has answered anything yet." in page_of(collecting.collect(tmp_path))


# ── The command ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def added(monkeypatch):
    """Let the environment declare what pyproject.toml declares."""

    def entry_points(*, group):
        assert group == cli.ADDED_COMMANDS
        return [EntryPoint("collect", "mlsysim_widgets.collecting:run", group)]

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)


@pytest.mark.usefixtures("added")
def test_the_command_reports_on_standard_error_and_goes_on(few, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    few.joinpath("spoilt.json").write_text("{", encoding="utf-8")
    assert cli.main(["collect", "few", "--csv", "t.csv", "--page", "p.html"]) == 0
    printed = capsys.readouterr()
    assert printed.err == "spoilt.json: it was not read: it is damaged or incomplete\n"
    assert "problems: 1." in printed.out
    assert "vol1-08: 3 of 3 who began have finished." in printed.out
    assert "spoilt.json" in tmp_path.joinpath("p.html").read_text("utf-8")
    assert tmp_path.joinpath("t.csv").exists()


@pytest.mark.usefixtures("added")
def test_without_a_journal_the_status_is_two(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("x.json").write_text("{", encoding="utf-8")
    assert cli.main(["collect", "."]) == 2
    assert "there is no journal in ." in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]
    assert cli.main(["collect", "nowhere"]) == 2
    assert "folder: received 'nowhere'; accepted: a folder" in capsys.readouterr().err


@pytest.mark.usefixtures("added")
def test_a_place_that_cannot_be_written_is_told(few, tmp_path, capsys):
    assert cli.main(["collect", str(few), "--csv", str(tmp_path / "no" / "t.csv")]) == 2
    assert "a place that can be written" in capsys.readouterr().err


@pytest.mark.usefixtures("added")
def test_commands_of_other_packages_are_listed_and_suggested(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert re.search(r"^  collect +Turn what a class", capsys.readouterr().out, re.MULTILINE)
    assert cli.main(["colect"]) == 2
    assert "Did you mean 'collect'?" in capsys.readouterr().err


def test_a_command_that_cannot_be_loaded_leaves_the_help_whole(monkeypatch, capsys):
    broken = EntryPoint("broken", "nowhere_at_all:run", cli.ADDED_COMMANDS)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [broken])  # noqa: ARG005
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert re.search(r"broken +cannot be loaded: No module", capsys.readouterr().out)


def test_the_installed_command_is_the_one_that_is_declared(few, tmp_path, repository):
    declared = tomllib.loads(repository.joinpath("pyproject.toml").read_text("utf-8"))["project"]
    lines = [
        f"{name} = {value}" for name, value in declared["entry-points"][cli.ADDED_COMMANDS].items()
    ]
    # What an installer writes, in a place of its own: the environment may be of before.
    metadata = tmp_path / "site" / "declared-0.dist-info"
    metadata.mkdir(parents=True)
    metadata.joinpath("METADATA").write_text("Name: declared\nVersion: 0\n", encoding="utf-8")
    metadata.joinpath("entry_points.txt").write_text(
        "\n".join([f"[{cli.ADDED_COMMANDS}]", *lines]), encoding="utf-8"
    )
    path = [str(metadata.parent), str(repository), str(repository / "widgets")]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mlsysim.cli", "collect", str(few)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "vol1-08: 3 of 3 who began have finished." in done.stdout
    assert len(pd.read_csv(tmp_path / "few.csv")) == 36


# ── Points ──────────────────────────────────────────────────────────────────────────────────


def test_a_score_counts_predictions_that_are_there_and_questions_that_are_right(handed_in):
    collected = collecting.collect(handed_in)
    scores = set()
    for name in list(school.names(STUDENTS))[:8]:
        rows = [a for a in collected.answers if (a.student, a.lab) == (name, LAB)]
        earned = [a for a in rows if a.kind != "question" or a.right]
        scores.add(collecting.score(handed_in / name, lab=LAB, points=10))
        assert 10 * len(earned) / 6 in [pytest.approx(each) for each in scores]
    assert len(scores) > 2


def test_a_file_scores_like_its_folder_and_a_lab_not_begun_scores_nothing(few):
    file = journal_file(few)
    assert collecting.score(file, lab=LAB) == collecting.score(file.parent, lab=LAB) > 0
    assert collecting.score(file, lab=OTHER) == 0
    assert type(collecting.score(file, lab=LAB)) is float


def test_a_score_needs_one_student_and_a_lab(few, tmp_path):
    for name in list(school.names(2)):
        shutil.copy(journal_file(few, name), few)
    with pytest.raises(InvalidInput, match=r"\['Ada Lindqvist', 'Bo Lindqvist'\]; accepted: the"):
        collecting.score(few, lab=LAB)
    with pytest.raises(InvalidInput, match="accepted: the journal of one student"):
        collecting.score(tmp_path / "nothing", lab=LAB)
    with pytest.raises(UnknownName, match="Did you mean 'vol1-08'"):
        collecting.score(few, lab="vol1-8")


# ── The notebook for nbgrader ───────────────────────────────────────────────────────────────


@pytest.fixture
def grading(repository):
    return nbformat.read(repository / "labs" / "grading.ipynb", as_version=4)


def test_the_notebook_has_what_nbgrader_looks_for(grading):
    nbformat.validate(grading)
    (cell,) = (cell for cell in grading.cells if "nbgrader" in cell.metadata)
    assert cell.cell_type == "code"
    assert dict(cell.metadata.nbgrader) == {
        "schema_version": 3, "cell_type": "code", "grade_id": LAB, "grade": True, "points": 10,
        "locked": True, "solution": False, "task": False,
    }  # fmt: skip
    assert f'score(lab="{LAB}", points=10)' in cell.source


def test_the_notebook_grades_the_journal_that_lies_beside_it(grading, few):
    folder = few / "Ada Lindqvist"
    client = NotebookClient(grading, resources={"metadata": {"path": str(folder)}})
    client.execute()
    (output,) = grading.cells[-1].outputs
    # This is how nbgrader reads partial credit.
    assert output["output_type"] == "execute_result"
    points = float(output["data"]["text/plain"])
    assert points == pytest.approx(collecting.score(folder, lab=LAB, points=10))
    assert 0 < points < 10
