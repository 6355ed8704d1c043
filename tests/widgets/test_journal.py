"""The journal without a browser: opened, merged, switched, exported, and never lost."""

from __future__ import annotations

import json
import stat

import pytest
from mlsysim_widgets import Journal, store

from mlsysim.errors import InvalidInput

HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def answer(text="30 ms"):
    return {
        "question": "How long?",
        "given": text,
        "text": text,
        "actual": "84 ms",
        "right": False,
        "feedback": "",
    }


def decision(reason="It is cheapest", **choice):
    design = {
        "simulation": "ResourceSimulation",
        "persona": "TinyPioneer",
        "application": "Doorbell",
        "choice": choice,
        "sentence": "Ten million doorbells",
        "numbers": [],
    }
    return {"question": "Where?", "reason": reason, "design": design, "against": ""}


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """The folder of journals; no test ever touches the one of a developer."""
    monkeypatch.setenv(store.FOLDER, str(tmp_path / "journals"))
    return tmp_path / "journals"


class Browser:
    """What journal.js does, without a browser: keep what comes, and give it back on opening."""

    def __init__(self):
        self.kept = {}

    def show(self, journal, student=""):
        def receive(message, **_buffers):
            for record in message.get("keep", []):
                place = self.kept.setdefault(message["whose"], {})
                assert place.setdefault(record["key"], record["text"]) == record["text"]

        journal.send = receive
        key = store.student_key(student) if student else ""
        texts = list(self.kept.get(key, {}).values())
        ask(journal, "open", student=student, key=key, texts=texts)
        return journal


def ask(journal, action, **more):
    """Send what a page sends."""
    journal._on_message(journal, {"action": action, **more}, [])


def opened(student="Ada", lab="vol1-02", browser=None):
    return (browser or Browser()).show(Journal(lab), student)


def test_nothing_of_a_student_is_read_before_a_page_is_opened(monkeypatch):
    opened().write("region", "decision", decision())
    read = []
    monkeypatch.setattr(store.JournalFile, "load", lambda self: read.append(self.student))
    journal = Journal("vol1-02")
    assert (journal.records, journal.opened, read) == ((), False, [])
    assert journal.view["entries"] == 0


def test_a_dead_kernel_loses_nothing_with_a_file_and_with_a_browser(folder):
    browser = Browser()
    journal = opened(browser=browser)
    journal.write("latency", "prediction", answer())
    assert opened().entry("latency") == answer(), "another browser on the same home folder"
    for file in folder.iterdir():
        file.unlink()
    again = opened(browser=browser)
    assert again.entry("latency") == answer(), "the same browser on an empty home folder"
    assert opened().entry("latency") == answer(), "which restored the file"


def test_a_browser_gets_what_the_file_has():
    opened().write("latency", "prediction", answer())
    browser = Browser()
    opened(browser=browser)
    assert [
        json.loads(text)["data"] for text in browser.kept[store.student_key("Ada")].values()
    ] == [answer()]


def test_where_a_class_server_knows_who_logged_in_nobody_gets_the_journal_of_another(
    monkeypatch, tmp_path
):
    browser = Browser()
    monkeypatch.setenv(store.STUDENT, "ada")
    opened("", browser=browser).write("latency", "prediction", answer())
    monkeypatch.setenv(store.STUDENT, "bob")
    monkeypatch.setenv(store.FOLDER, str(tmp_path / "home of bob, next at the same machine"))
    bob = opened("ada", browser=browser)
    assert (bob.student, bob.records) == ("bob", ())
    assert opened("bob", browser=browser).student == "bob"


def test_name_that_a_class_server_gives_is_shortened_to_what_a_journal_takes(monkeypatch):
    monkeypatch.setenv(store.STUDENT, "a" * 200)
    assert opened().student == "a" * 60


def test_without_a_home_folder_the_browser_keeps_all(monkeypatch):
    monkeypatch.setenv(store.FOLDER, "")
    browser = Browser()
    journal = opened(browser=browser)
    journal.write("latency", "prediction", answer())
    assert (journal.view["file"], journal.view["notices"]) == ("", [])
    assert opened(browser=browser).entry("latency") == answer()


def test_versions_stay_in_the_history_and_a_decision_is_the_last():
    journal = opened()
    for reason in ("cheap", "clean"):
        journal.write("region", "decision", decision(reason))
    assert journal.entry("region")["reason"] == "clean"
    assert [version.data["reason"] for version in journal.history("region")] == ["cheap", "clean"]


def test_two_tabs_that_write_at_once_keep_both_and_agree():
    one, two = opened(), opened()
    one.write("latency", "prediction", answer("first"))
    two.write("latency", "prediction", answer("second"))
    one.write("region", "decision", decision("first"))
    two.write("region", "decision", decision("second"))
    for tab, other in ((one, two), (two, one)):
        texts = [record.text for record in other.records]
        ask(tab, "merge", key=store.student_key("Ada"), texts=texts)
    for tab in (one, two):
        assert tab.entry("latency")["given"] == "first", "a prediction is the one made first"
        assert tab.entry("region")["reason"] == "second", "a decision is the one taken last"
        assert len(tab.history("latency")) == len(tab.history("region")) == 2


def test_starting_over_takes_back_this_lab_only_and_keeps_the_history():
    journal = opened()
    journal.write("latency", "prediction", answer())
    opened(lab="vol1-03").write("region", "decision", decision())
    journal = opened()
    ask(journal, "restart")
    assert journal.entry("latency") is None
    assert journal.entry("vol1-03/region") == decision()
    assert [version.data for version in journal.history("latency")] == [answer(), None]
    journal.write("latency", "prediction", answer("84 ms"))
    assert journal.entry("latency")["given"] == "84 ms"


def test_students_are_kept_apart_in_file_and_browser(folder):
    browser = Browser()
    journal = opened("Ada", browser=browser)
    journal.write("latency", "prediction", answer("Ada's"))
    adas = journal.records[0].text
    ask(journal, "switch", student=" Bob ")
    assert (journal.view["student"], journal.entry("latency")) == ("Bob", None)
    journal.write("latency", "prediction", answer("Bob's"))
    ask(journal, "merge", key=store.student_key("Ada"), texts=[adas])
    assert len(journal.records) == 1, "a late word of a tab that shows Ada"
    ask(journal, "switch", student="ada")
    assert journal.entry("latency")["given"] == "Ada's"
    assert len(journal.records) == 1
    assert len(list(folder.glob("*.json"))) == len(browser.kept) == 2


def test_a_second_page_follows_the_student_of_the_first():
    journal = opened("Ada")
    journal.write("latency", "prediction", answer())
    bobs = store.Record("vol1-02/x", "prediction", store.now(), answer())
    ask(journal, "open", student="Bob", key=store.student_key("Bob"), texts=[bobs.text])
    assert (journal.student, len(journal.records)) == ("Ada", 1)
    second = Browser()
    second.show(journal)
    assert list(second.kept[store.student_key("Ada")].values()) == [journal.records[0].text]


@pytest.mark.parametrize("name", ["", None, 7, "x" * 100, "A\u202eda"])
def test_a_name_that_is_none_is_told_and_changes_nothing(name):
    journal = opened("Ada")
    ask(journal, "switch", student=name)
    assert journal.student == "Ada"
    assert journal.view["notices"][0].startswith("student: received")


def test_export_and_import_carry_a_journal_to_another_machine(folder):
    browser = Browser()
    journal = opened("Ada", browser=browser)
    journal.write("latency", "prediction", answer(HOSTILE))
    kept = browser.kept[journal.view["key"]].values()
    exported = journal.export()
    assert exported == f'{journal.view["head"]}, "records": [\n{",".join(kept)}\n]}}'
    for file in folder.iterdir():
        file.unlink()
    elsewhere = opened("Bob")
    ask(elsewhere, "import", text=exported)
    assert elsewhere.view["student"] == "Ada", "it goes over to whose journal it is, visibly"
    assert elsewhere.entry("latency")["given"] == HOSTILE
    assert elsewhere.view["notices"] == ["Taken in: 1 entry of Ada."]
    ask(elsewhere, "import", text=exported)
    assert len(elsewhere.records) == 1
    elsewhere.switch("Bob")
    assert elsewhere.records == ()


@pytest.mark.parametrize("text", ["", HOSTILE, "{}", None, '{"format": "mlsysim journal"}'])
def test_a_file_that_is_no_journal_is_told_and_changes_nothing(text):
    journal = opened()
    journal.write("latency", "prediction", answer())
    ask(journal, "import", text=text)
    assert len(journal.records) == 1
    assert "Nothing was changed" in journal.view["notices"][0]
    with pytest.raises(InvalidInput, match="file: received"):
        journal.take(text)


def test_a_damaged_file_is_told_and_the_browser_fills_the_gap(folder):
    browser = Browser()
    opened(browser=browser).write("latency", "prediction", answer())
    (file,) = folder.glob("*.json")
    file.write_text("{damaged", "utf-8")
    journal = opened(browser=browser)
    (aside,) = folder.glob("*.unreadable-*")
    assert aside.read_text("utf-8") == "{damaged"
    assert aside.name in journal.view["notices"][0]
    assert journal.entry("latency") == answer()
    assert opened().entry("latency") == answer()


def test_a_damaged_entry_of_the_browser_is_told_and_the_others_are_there():
    browser = Browser()
    opened(browser=browser).write("latency", "prediction", answer())
    place = browser.kept[store.student_key("Ada")]
    place["damaged"] = HOSTILE
    journal = opened(browser=browser)
    assert journal.entry("latency") == answer()
    assert "1 entry in this browser could not be read" in journal.view["notices"][0]
    assert place["damaged"] == HOSTILE


def test_a_folder_that_cannot_be_written_is_told_and_the_browser_keeps_all(folder):
    folder.parent.joinpath("journals").write_text("a file where the folder should be", "utf-8")
    browser = Browser()
    journal = opened(browser=browser)
    journal.write("latency", "prediction", answer())
    assert journal.view["file"] == ""
    assert "cannot be written" in journal.view["notices"][0]
    assert opened(browser=browser).entry("latency") == answer()
    folder.unlink()
    journal.write("other", "prediction", answer())
    assert (journal.view["file"] != "", journal.view["notices"]) == (True, [])
    assert opened().entry("latency") == answer(), "what had been missed is written later"


def test_a_journal_is_private(folder):
    opened().write("latency", "prediction", answer())
    (file,) = folder.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_earlier_choice_fills_in_what_a_preset_names():
    opened(lab="vol1-02").write("region", "decision", decision(region="Quebec", duration_days=30))
    journal = opened(lab="vol1-03")
    found = journal.choice("vol1-02/region", region="Poland", persona="CloudTitan", load=0.5)
    assert found == {"region": "Quebec", "persona": "TinyPioneer", "load": 0.5}
    assert journal.choice("vol1-02/other", region="Poland") == {"region": "Poland"}


def test_what_could_not_be_read_again_is_not_written():
    journal = opened()
    with pytest.raises(store.Unreadable):
        journal.write("latency", "prediction", {"question": "no more"})
    with pytest.raises(store.Unreadable):
        journal.write("../latency", "prediction", answer())
    assert journal.records == ()


@pytest.mark.parametrize("content", [None, [], {}, {"action": []}, {"action": "open", "texts": 7}])
def test_a_strange_message_changes_nothing(content):
    journal = opened()
    journal.write("latency", "prediction", answer())
    journal._on_message(journal, content, [])
    assert len(journal.records) == 1
