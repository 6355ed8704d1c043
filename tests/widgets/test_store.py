"""Records and the file that keeps them: nothing is lost, whatever happens to the file."""

from __future__ import annotations

import errno
import json
import os
import threading

import jsonschema
import pytest
from mlsysim_widgets import store
from mlsysim_widgets.scripts import STATIC
from mlsysim_widgets.store import JournalFile, Record, Unreadable

from mlsysim.errors import InvalidInput

SCHEMA = json.loads(STATIC.joinpath("journal.schema.json").read_text("utf-8"))
ANSWER = {
    "question": "How long?",
    "given": 30.0,
    "text": "30 ms",
    "actual": "84 ms",
    "right": False,
    "feedback": "Ω and 日本: more than the arithmetic.",
}


def record(name="vol1-00/latency", data=ANSWER, replaces=()):
    return Record(name, "prediction", store.now(), data, replaces)


@pytest.fixture
def file(tmp_path):
    return JournalFile(tmp_path, "Ada")


def test_a_journal_comes_back_as_it_was_and_keeps_to_its_schema():
    first = record()
    second = record(replaces=(first.key,), data=None)
    text = store.journal_text("Ada", [first, second])
    jsonschema.validate(json.loads(text), SCHEMA)
    assert store.journal_of(text) == ("Ada", (first, second))
    assert [each.key for each in store.journal_of(text)[1]] == [first.key, second.key]


def test_merging_loses_nothing_in_any_order_and_any_number():
    first, second, third = record(), record(data=None), record("vol2-01/scale")
    everything = store.merged([first, second], [third])
    assert everything == (first, second, third)
    assert store.merged([third], [second, first], [first]) == everything
    assert store.merged(everything, everything) == everything


def test_the_latest_version_is_the_one_that_none_replaces_even_if_a_clock_went_back():
    first = Record("vol1-00/a", "prediction", "2030-01-01T00:00:00.000000Z", ANSWER)
    second = Record("vol1-00/a", "prediction", "2020-01-01T00:00:00.000000Z", None, (first.key,))
    assert store.latest([first, second]) == [second]


HOSTILE = [
    "",
    "null",
    "[]",
    "{",
    "[" * 100_000,
    '{"format": "mlsysim journal"}',
    '{"format": "mlsysim journal", "version": true, "student": "Ada", "records": []}',
    '{"format": "mlsysim journal", "version": 0, "student": "Ada", "records": []}',
    '{"format": "mlsysim journal", "version": 1, "student": "  ", "records": []}',
    '{"format": "mlsysim journal", "version": 1, "student": "A\\u202eda", "records": []}',
    '{"format": "mlsysim journal", "version": 1, "student": "Ada", "records": {}}',
    '{"format": "mlsysim journal", "version": 1, "student": "Ada", "records": [1]}',
    '{"format": "mlsysim journal", "version": 1, "student": "Ada", "records": [], "more": 1}',
    b"\xff\xfe{",
    7,
    None,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_journal_is_refused(text):
    with pytest.raises(Unreadable):
        store.journal_of(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../../etc/passwd"),
        ("id", "vol1-00/a\n"),
        ("kind", "grade"),
        ("time", "tomorrow"),
        ("replaces", ["not a key"]),
        ("data", []),
        ("data", {}),
        ("data", {**ANSWER, "given": float("nan")}),
        ("data", {**ANSWER, "given": "\ud800"}),
        ("data", {**ANSWER, "feedback": "x" * 3000}),
        ("data", {**ANSWER, "__proto__": "x"}),
    ],
)
def test_a_record_with_anything_unexpected_is_refused(field, value):
    plain = {"id": "vol1-00/a", "kind": "prediction", "time": store.now(), "replaces": []}
    good = {**plain, "data": ANSWER}
    assert store.record_of(json.dumps(good)).data == ANSWER
    with pytest.raises(Unreadable):
        store.record_of(json.dumps({**good, field: value}))


def test_an_older_version_is_brought_up_to_date(monkeypatch):
    old = {"format": store.FORMAT, "version": 1, "student": "Ada", "records": []}
    monkeypatch.setattr(store, "VERSION", 3)
    monkeypatch.setitem(store.UPGRADES, 1, lambda it: {**it, "version": 2, "student": "Ada B"})
    with pytest.raises(Unreadable, match="version 2 of journals is not known"):
        store.journal_of(json.dumps(old))
    monkeypatch.setitem(store.UPGRADES, 2, lambda it: {**it, "version": 3})
    monkeypatch.setattr(store, "_records", lambda document: document["records"])
    assert store.journal_of(json.dumps(old)) == ("Ada B", ())


def test_a_file_gives_back_what_was_written(file):
    records = [record(), record("vol1-00/region", data=None)]
    assert file.load().records == ()
    file.write(records[:1])
    file.write(records[1:])
    assert JournalFile(file.path.parent, "Ada").load() == (tuple(records), True, "")
    jsonschema.validate(json.loads(file.path.read_text("utf-8")), SCHEMA)


def test_a_file_cut_off_at_any_byte_is_put_aside_and_the_version_before_it_taken(file):
    first, second = record(), record("vol1-00/region", data=None)
    file.write([first])
    file.write([second])
    whole = file.path.read_bytes()
    for length in range(len(whole)):
        file.path.write_bytes(whole[:length])
        loaded = file.load()
        (aside,) = file.path.parent.glob("*.unreadable-*")
        assert aside.read_bytes() == whole[:length]
        assert loaded.records == (first,)
        assert loaded.writable
        assert aside.name in loaded.notice
        assert "version before it" in loaded.notice
        assert not file.path.exists()
        aside.unlink()


def test_damage_found_while_writing_is_put_aside_too(file):
    first, second = record(), record("vol1-00/region", data=None)
    file.write([first])
    file.path.write_bytes(b"\x00\xff not ours")
    written = file.write([first, second])
    (aside,) = file.path.parent.glob("*.unreadable-*")
    assert aside.read_bytes() == b"\x00\xff not ours"
    assert aside.name in written.notice
    assert file.load().records == (first, second)


def test_a_few_previous_versions_are_kept(file):
    records = [record(f"vol1-00/entry-{i}", data=None) for i in range(6)]
    for each in records:
        file.write([each])
    previous = sorted(file.path.parent.glob("*.previous-*"))
    assert [len(store.journal_of(path.read_bytes())[1]) for path in previous] == [5, 4, 3]
    file.write(records)
    assert sorted(file.path.parent.glob("*.previous-*")) == previous, "nothing new, nothing written"
    assert len(store.journal_of(previous[0].read_bytes())[1]) == 5


@pytest.mark.parametrize(
    "change", [{"version": 99}, {"student": "Bob"}], ids=["newer", "another student's"]
)
def test_what_is_not_ours_to_write_is_left_as_it_is(file, change):
    document = json.loads(store.journal_text("Ada", [record()]))
    file.path.write_text(json.dumps({**document, **change}), "utf-8")
    before = file.path.read_bytes()
    written = file.write([record()])
    assert not written.writable
    assert "left as it is" in written.notice
    assert file.path.read_bytes() == before
    assert not list(file.path.parent.glob("*.unreadable-*"))


def test_a_file_that_cannot_be_opened_is_left_as_it_is(file, monkeypatch):
    file.write([record()])
    before = file.path.read_bytes()

    def refuse(_path):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(type(file.path), "read_bytes", refuse)
        written = file.write([record("vol1-00/other", data=None)])
    assert (written.writable, "permission denied" in written.notice) == (False, True)
    assert file.path.read_bytes() == before


def test_a_full_disk_leaves_the_file_whole(file, monkeypatch):
    file.write([record()])
    before = file.path.read_bytes()

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        file.write([record("vol1-00/other", data=None)])
    assert file.path.read_bytes() == before
    assert not list(file.path.parent.glob("*.tmp")) + list(file.path.parent.glob(".*.tmp"))


def test_two_kernels_that_write_at_once_lose_nothing(tmp_path):
    names = [f"vol1-00/kernel-{kernel}-{i}" for kernel in range(2) for i in range(8)]

    def work(kernel):
        own = JournalFile(tmp_path, "Ada")
        for name in names:
            if f"kernel-{kernel}-" in name:
                own.write([record(name, data=None)])

    threads = [threading.Thread(target=work, args=(kernel,)) for kernel in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.id for each in JournalFile(tmp_path, "Ada").load().records) == sorted(names)


@pytest.mark.parametrize("name", ["../../x", "CON", "a/b\\c", "日本語", "..", "x" * 60, "a\u0301"])
def test_any_name_is_a_file_in_the_folder_and_no_other_name_is_the_same(tmp_path, name):
    path = JournalFile(tmp_path, name).path
    assert path.parent == tmp_path
    assert path.name.isascii()
    assert len(path.name) < 60
    assert path != JournalFile(tmp_path, f"{name}x").path
    JournalFile(tmp_path, name).write([record()])
    assert JournalFile(tmp_path, name).load().records


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\u202eb", "a\x00b", None, 3])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(InvalidInput, match="student: received"):
        store.student_name(name)


def test_where_journals_are(monkeypatch, tmp_path):
    monkeypatch.setenv(store.FOLDER, str(tmp_path))
    assert store.journal_folder() == tmp_path
    monkeypatch.setenv(store.FOLDER, "")
    assert store.journal_folder() is None
    monkeypatch.delenv(store.FOLDER)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.journal_folder() == tmp_path / ".mlsysim" / "journals"
