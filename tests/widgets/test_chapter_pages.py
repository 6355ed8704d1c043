"""The pages for chapters: every lab, the numbers of `evaluate`, small; nobody's file is lost."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import json
import os
import random
import re
from html import unescape
from importlib.metadata import EntryPoint
from pathlib import Path

import nbformat
import pytest
from mlsysim_widgets import Cast, chapter_pages
from mlsysim_widgets.answer_key import code_of, of_kind, played
from mlsysim_widgets.embed import iframe
from mlsysim_widgets.index import labs_of
from test_embed import picture_of, states_of

from mlsysim import InvalidInput, Personas
from mlsysim.errors import UnknownName
from mlsysim.units import humanize

LABS = Path(__file__).resolve().parents[2] / "labs"
NAMES = sorted(lab.relative_to(LABS).as_posix()[:-6] for lab in LABS.glob("vol*/*.ipynb"))
SMALL = "vol2/07_fault_tolerance"
COMMANDS = re.findall(
    "^mlsysim embeds (.*)$", (LABS / "README.md").read_text("utf-8"), re.MULTILINE
)


def write(folder, *names, labs=LABS):
    """Write the pages of some labs, or of all."""
    chosen = [word for name in names for word in ("--lab", name)]
    assert chapter_pages.run([str(folder), "--labs", str(labs), *chosen], "mlsysim embeds") == 0


def notebook(lab):
    return json.loads((LABS / f"{lab}.ipynb").read_text("utf-8"))


def broken(picture):
    return frozenset(v["constraint"] for v in picture["verdicts"] if not v["holds"])


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder that the first command of labs/README.md makes, and what it prints."""
    place, printed = tmp_path_factory.mktemp("book"), io.StringIO()
    with contextlib.chdir(place), contextlib.redirect_stdout(printed):
        assert chapter_pages.run(COMMANDS[0].split(), "mlsysim embeds") == 0
    return place / COMMANDS[0], printed.getvalue()


@pytest.fixture
def own_labs(tmp_path):
    """A folder with one lab, which a test may change."""
    file = tmp_path / "labs" / f"{SMALL}.ipynb"
    file.parent.mkdir(parents=True)

    def changed(change):
        document = notebook(SMALL)
        change(document)
        file.write_text(json.dumps(document), "utf-8")
        return tmp_path / "labs"

    return changed


@pytest.mark.parametrize("lab", NAMES)
def test_a_page_has_the_lab_of_every_persona_with_the_numbers_of_evaluate(lab, pages):
    folder, printed = pages
    file = folder / chapter_pages.file_name(lab)
    text, states = file.read_bytes(), states_of(file)
    size = len(gzip.compress(text))
    assert size <= chapter_pages.MOST_BYTES
    assert not re.search(rb'(src|href)="|@import|url\(', text)
    told = [file.name, f"{len(states['states']):,}", "states", *humanize(size, "byte").split()]
    assert told in [line.split() for line in printed.splitlines()]
    assert f"{humanize(size, 'byte')} compressed" in (folder / "index.html").read_text("utf-8")

    (cast,) = of_kind(played(code_of(notebook(lab)), LABS / f"{lab}.ipynb"), Cast)
    assert [part["start"]["persona"] for part in states["parts"]] == list(Personas)
    for part in states["parts"]:
        persona, axes, start = part["start"]["persona"], part["axes"], part["start"]["choice"]
        cast.play(persona)
        assert axes["persona"] == [persona]
        assert axes["application"] == [cast.simulation.scenario.name]
        assert start == {name: {**cast.simulation.defaults, **cast.start}[name] for name in start}
        points = list(itertools.product(*axes.values()))
        first = points.index((persona, *axes["application"], *start.values()))
        pictures = [picture_of(states, part["first"] + place) for place in range(len(points))]
        # What the lab is about to break can be broken here, or mended where it is broken.
        assert any(broken(each) != broken(pictures[first]) for each in pictures)
        for place in (first, *random.Random(lab).sample(range(len(points)), 3)):  # noqa: S311
            agrees(cast, dict(zip(axes, points[place], strict=True)), pictures[place])


def agrees(cast, point, picture):
    """Hold a picture against the ledger of its state, evaluated from the lab itself."""
    choice = {
        name: value for name, value in point.items() if name not in ("persona", "application")
    }
    if picture["problem"]:
        with pytest.raises(InvalidInput, match=re.escape(picture["problem"]["accepted"])):
            cast.ledger(**choice)
        return
    ledger = cast.ledger(**choice)
    texts = {m["path"]: m["text"] for card in picture["cards"] for m in card["all"]}
    assert texts == {
        f"{name}.{metric}": getattr(ledger, name).text(metric)
        for name in ledger.groups
        for metric in getattr(ledger, name)
    }
    assert broken(picture) == {verdict.constraint for verdict in ledger.violations}


def test_the_index_lists_every_page_by_volume_with_the_line_that_shows_it(pages):
    folder, printed = pages
    index = (folder / "index.html").read_text("utf-8")
    labs = labs_of(LABS)
    assert [lab.path[:-6] for lab in labs] == NAMES
    assert re.findall("<h3><a href='(.*?)'", index) == [
        chapter_pages.file_name(name) for name in NAMES
    ]
    assert index.count("<h2>") == 2
    lines = [unescape(line) for line in re.findall("<code>(.*?)</code>", index)]
    assert lines == [iframe(chapter_pages.file_name(lab.path[:-6]), lab.title) for lab in labs]
    assert all(lab.question in unescape(index) for lab in labs)
    assert not re.search(r"<script|<link|src=[\"']http|@import|url\(", index)
    assert printed.count(".html") == len(NAMES) + 1
    assert len(list(folder.iterdir())) == len(NAMES) + 1


def test_what_was_written_before_is_replaced_and_stays_in_the_index(pages, monkeypatch):
    folder, _ = pages
    monkeypatch.chdir(folder.parent)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    command = COMMANDS[1].split()
    folder.joinpath(chapter_pages.file_name(command[-1])).write_text(chapter_pages._WRITTEN)
    assert chapter_pages.run(command, "mlsysim embeds") == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("name", [chapter_pages.file_name(SMALL), "index.html"])
def test_a_file_of_somebody_else_is_named_and_nothing_is_written(tmp_path, name):
    tmp_path.joinpath(name).write_text("mine", "utf-8")
    with pytest.raises(InvalidInput, match="Move it, or name another folder") as raised:
        write(tmp_path, SMALL)
    assert name in str(raised.value)
    assert [file.read_text("utf-8") for file in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("mine", "utf-8")
    with pytest.raises(InvalidInput, match=r"file.*a folder that can be written"):
        write(tmp_path / "file", SMALL)
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(InvalidInput, match="a folder that can be written"):
            write(tmp_path, SMALL)


def test_a_lab_that_is_not_there_is_named_with_the_nearest(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'vol2/07_fault_tolerance'"):
        write(tmp_path, "vol2/07_fault_tolerence")


def test_a_folder_without_labs_is_told_before_anything_is_made(tmp_path):
    with pytest.raises(InvalidInput, match="a folder with the notebooks of the labs"):
        write(tmp_path / "pages", labs=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("axes", "error", "words"),
    [
        ({"spares": "all"}, InvalidInput, "lists of values"),
        (["spares"], InvalidInput, "lists of values"),
        ({"spaers": [1]}, UnknownName, "Did you mean 'spares'"),
        ({"spares": [1, -1]}, InvalidInput, "received -1"),
        ({"failure_rate": ["opt_clutser"]}, UnknownName, "Did you mean 'opt_cluster'"),
    ],
)
def test_axes_that_cannot_be_used_are_refused_by_the_name_of_the_lab(
    tmp_path, own_labs, axes, error, words
):
    labs = own_labs(lambda document: document["metadata"].update(chapter_page=axes))
    with pytest.raises(error, match=words) as raised:
        write(tmp_path / "pages", labs=labs)
    assert str(raised.value).startswith(f"{SMALL}.ipynb: ")
    assert list((tmp_path / "pages").iterdir()) == []


def test_a_page_that_would_be_too_large_is_refused(tmp_path, own_labs, monkeypatch):
    monkeypatch.setattr(chapter_pages, "MOST_BYTES", 1000)
    few = {"spares": [0, 16]}
    labs = own_labs(lambda document: document["metadata"].update(chapter_page=few))
    with pytest.raises(InvalidInput, match="List fewer values") as raised:
        write(tmp_path / "pages", labs=labs)
    assert str(raised.value).startswith(f"{SMALL}.ipynb: ")
    assert list((tmp_path / "pages").iterdir()) == []


def test_a_lab_without_axes_or_without_a_cast_is_told(tmp_path, own_labs, capsys):
    labs = own_labs(lambda document: document["metadata"].pop("chapter_page"))
    write(tmp_path / "pages", labs=labs)
    assert f"{SMALL} has no page" in capsys.readouterr().out
    labs = own_labs(lambda document: document.update(cells=[]))
    with pytest.raises(InvalidInput, match="a lab with a cast and a decision"):
        write(tmp_path / "pages", labs=labs)


def test_a_value_that_only_some_can_take_is_offered_to_them_alone(tmp_path, own_labs):
    only = {"spares": [0, 16]}
    labs = own_labs(lambda document: document["metadata"].update(chapter_page=only))
    write(tmp_path / "pages", labs=labs)
    states = states_of(tmp_path / "pages" / chapter_pages.file_name(SMALL))
    # The last one begins with a single spare node.
    assert [part["axes"]["spares"] for part in states["parts"]] == [[0, 16]] * 3 + [[0, 1, 16]]
    assert len(states["states"]) == 9


def test_the_command_is_declared():
    import tomllib

    declared = tomllib.loads((LABS.parent / "pyproject.toml").read_text("utf-8"))
    points = declared["project"]["entry-points"]["mlsysim.commands"]
    assert EntryPoint("embeds", points["embeds"], "mlsysim.commands").load() is chapter_pages.run


def test_notebooks_stay_valid():
    for name in NAMES:
        nbformat.validate(nbformat.read(LABS / f"{name}.ipynb", as_version=4))
