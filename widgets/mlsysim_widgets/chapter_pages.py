"""Chapter pages: the dashboard of every lab as a page of its own, and an index of them."""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlsysim.choices import Choice, OptionChoice
from mlsysim.cli.labs import folder as labs_folder
from mlsysim.errors import InvalidInput, MLSysimError, UnknownName
from mlsysim.explore.space import MissingLibrary
from mlsysim.simulations.base import BaseSimulation
from mlsysim.units import humanize

if TYPE_CHECKING:
    from mlsysim_widgets.dashboard import Dashboard
    from mlsysim_widgets.embed import Part
    from mlsysim_widgets.index import Lab

HELP = """\
Write the dashboard of every lab as a page that needs neither Python nor a network, and an index.

Each page offers the personas of its lab, each with its application and where it begins in the lab,
and the choices that "chapter_page" in the metadata of the notebook lists. Notebooks are run, as
their kernels would: they must be ones that you trust. A file of FOLDER that this command did not
write is never replaced.
"""
AXES = "chapter_page"
"""The entry of a notebook's metadata that lists, for each choice on offer, its values."""
MOST_BYTES = 300_000
"""How large a page may be as it travels, compressed."""

_INDEX = "index.html"
_WRITTEN = "<!-- Written by mlsysim embeds -->\n"


class Page(NamedTuple):
    """One page: its file, how many states it has, and its size compressed, in bytes."""

    file: Path
    states: int
    size: int


def run(arguments: Sequence[str], program: str) -> int:
    """Write the dashboard of every lab as a page for a chapter, and an index."""
    options = _parser(program).parse_args(arguments)
    if importlib.util.find_spec("anywidget") is None:
        raise MissingLibrary("anywidget", "widgets")
    from mlsysim_widgets.index import labs_of

    labs = options.labs or labs_folder()
    listed = {lab.path.removesuffix(".ipynb"): lab for lab in labs_of(labs)}
    if not listed:
        raise InvalidInput("labs", str(labs), "a folder with the notebooks of the labs")
    for name in options.lab:
        if name not in listed:
            raise UnknownName("lab", name, listed)
    folder = options.folder
    chosen = {name: lab for name, lab in listed.items() if not options.lab or name in options.lab}
    _make_room(folder, [file_name(name) for name in chosen])
    for name, lab in chosen.items():
        axes = _metadata(labs.joinpath(lab.path)).get(AXES)
        if axes is None:
            _say(f"{name} has no page: its metadata has no {AXES!r}.")
            continue
        page = write_page(labs, lab, axes, folder.joinpath(file_name(name)))
        _say(f"{page.file.name:36} {page.states:6,} states {humanize(page.size, 'byte'):>8}")
    there = {lab: folder.joinpath(file_name(name)) for name, lab in listed.items()}
    _write(
        folder.joinpath(_INDEX),
        index_page({lab: file for lab, file in there.items() if _ours(file)}),
    )
    _say(f"{_INDEX} lists them, each with the line that shows it in a chapter.")
    return 0


def file_name(lab: str) -> str:
    """Return the name of a lab's page.

    >>> file_name("vol1/08_training")
    'vol1-08-training.html'
    """
    return f"{lab.replace('/', '-').replace('_', '-')}.html"


def write_page(labs: Path, lab: Lab, axes: Any, file: Path) -> Page:
    """Write the page of one lab; raise `InvalidInput` with the lab's name where it cannot be."""
    from mlsysim_widgets.embed import page

    try:
        parts = parts_of(first_dashboards(labs.joinpath(lab.path)), axes)
        text = f"{page(lab.title, parts)}{_WRITTEN}"
        size = _checked_size(text)
    except InvalidInput as error:
        error.field = f"{lab.path}: {error.field}"
        raise
    _write(file, text)
    return Page(file, sum(len(part.pictures) for part in parts), size)


def first_dashboards(notebook: Path) -> list[Dashboard]:
    """Return the dashboard that each persona of a lab begins with.

    >>> [dashboard.application
    ...  for dashboard in first_dashboards(labs_folder() / "vol1" / "08_training.ipynb")]
    ['Training', 'AutoDrive', 'Inference', 'AutoDrive']
    """
    from mlsysim_widgets.answer_key import code_of, of_kind, played
    from mlsysim_widgets.lesson_cast import Cast
    from mlsysim_widgets.lesson_design import Decision

    parts = played(code_of(json.loads(notebook.read_text("utf-8"))), notebook)
    casts, decisions = of_kind(parts, Cast), of_kind(parts, Decision)
    if len(casts) != 1 or len(decisions) != 1:
        raise InvalidInput("lab", notebook.name, "a lab with a cast and a decision")
    found = []
    for persona in casts[0].personas:
        casts[0].play(persona)
        found.append(decisions[0].first_dashboard())
    return found


def parts_of(dashboards: Sequence[Dashboard], axes: Any) -> list[Part]:
    """Return the parts of a page: of each dashboard, its persona and what it can take of the axes.

    Raises `UnknownName` or `InvalidInput` for what no dashboard can take.

    >>> from mlsysim import NodeSimulation
    >>> from mlsysim_widgets import Dashboard
    >>> chat = Dashboard(NodeSimulation("Inference", "CloudTitan"))
    >>> bell = Dashboard(NodeSimulation("Doorbell", "TinyPioneer"))
    >>> [part.axes["batch_size"] for part in parts_of([chat, bell], {"batch_size": [1, 1024]})]
    [[1, 64, 1024], [1]]
    """
    from mlsysim_widgets.embed import part_of

    simulations = [dashboard.simulation for dashboard in dashboards]
    if not isinstance(axes, Mapping) or not all(isinstance(each, list) for each in axes.values()):
        raise InvalidInput(AXES, axes, 'lists of values, as in {"precision": ["int8", "fp16"]}')
    for name, values in axes.items():
        _check(name, values, simulations)
    cast = {each.persona.name: each.persona for each in simulations}
    return [
        part_of(
            simulation,
            dashboard.state["choice"],
            _axes_of(simulation, dashboard.state["choice"], axes),
            personas={simulation.persona.name: simulation.persona},
            applications={simulation.scenario.name: simulation.scenario},
            cast=cast,
        )
        for dashboard, simulation in zip(dashboards, simulations, strict=True)
    ]


def index_page(pages: Mapping[Lab, Path]) -> str:
    """Return the page that lists all others by volume, each with the line that shows it.

    >>> index_page({}).startswith("<!DOCTYPE html>")
    True
    """
    from mlsysim_widgets.index import VOLUMES
    from mlsysim_widgets.paper import whole_page

    volumes = dict.fromkeys(lab.path.rpartition("/")[0] for lab in pages)
    body = "".join(
        f"<section><h2>{escape(VOLUMES.get(volume, volume))}</h2>"
        + "".join(
            _entry(lab, file) for lab, file in pages.items() if lab.path.startswith(f"{volume}/")
        )
        + "</section>"
        for volume in volumes
    )
    title = "Dashboards for chapter pages"
    header = (
        f"<h1>{title}</h1><p>Copy a page to the folder of your chapter, and the line below its "
        "title to where the dashboard should stand. Neither needs a network or Python.</p>"
    )
    whole = whole_page(title, header, body, "report.css", "chapter_pages.css")
    return f"{whole}\n{_WRITTEN}"


def _entry(lab: Lab, file: Path) -> str:
    from mlsysim_widgets.embed import iframe

    size = humanize(len(gzip.compress(file.read_bytes())), "byte")
    return (
        f"<article><h3><a href='{escape(file.name)}'>{escape(lab.title)}</a></h3>"
        f"<p>{escape(lab.question)}</p>"
        f"<p class='when'>{escape(file.name)}, {size} compressed</p>"
        f"<pre tabindex='0'><code>{escape(iframe(file, lab.title))}</code></pre></article>"
    )


def _check(name: str, values: Sequence[Any], simulations: Sequence[BaseSimulation]) -> None:
    every = [choice for simulation in simulations for choice in simulation.choices]
    declared = [choice for choice in every if choice.name == name]
    if not declared:
        raise UnknownName("choice", name, dict.fromkeys(choice.name for choice in every))
    for value in values:
        if not any(_taken(choice, [value]) for choice in declared):
            declared[0].validate(value)


def _axes_of(
    simulation: BaseSimulation, choice: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]
) -> dict[str, list[Any]]:
    """Return where a persona begins and what it can take of the axes, in the order of a control."""
    return {
        declared.name: _in_order(
            declared, [choice[declared.name], *_taken(declared, axes[declared.name])]
        )
        for declared in simulation.choices
        if declared.name in axes
    }


def _taken(choice: Choice, values: Sequence[Any]) -> list[Any]:
    found = []
    for value in values:
        with suppress(MLSysimError):
            found.append(choice.validate(value))
    return found


def _in_order(choice: Choice, values: Sequence[Any]) -> list[Any]:
    if isinstance(choice, OptionChoice):
        return [option.value for option in choice.listed() if option.value in values]
    return sorted(set(values))


def _checked_size(text: str) -> int:
    size = len(gzip.compress(text.encode()))
    if size > MOST_BYTES:
        accepted = f"values whose page is at most {humanize(MOST_BYTES, 'byte')}, compressed"
        raise InvalidInput(AXES, humanize(size, "byte"), accepted, "List fewer values.")
    return size


def _metadata(notebook: Path) -> dict[str, Any]:
    return dict(json.loads(notebook.read_text("utf-8")).get("metadata", {}))


def _make_room(folder: Path, names: Sequence[str]) -> None:
    """Make the folder, unless it holds a file of a page's name that is somebody else's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in (folder.joinpath(name) for name in (*names, _INDEX)):
            if file.exists() and not _ours(file):
                raise InvalidInput(
                    "file", file.name, "one that `mlsysim embeds` wrote, or none",
                    "Move it, or name another folder.",
                )  # fmt: skip
    except OSError as error:
        raise _unwritable(folder, error) from None


def _ours(file: Path) -> bool:
    return file.is_file() and file.read_bytes().endswith(_WRITTEN.encode())


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise _unwritable(file, error) from None


def _unwritable(path: Path, error: OSError) -> InvalidInput:
    reason = error.strerror or type(error).__name__
    return InvalidInput("folder", str(path), "a folder that can be written", reason)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command speaks by printing


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program, description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="where the pages go; made if it is not there")
    add("--lab", action="append", default=[], metavar="LAB",
        help="only this one, such as vol1/08_training; may be given several times")  # fmt: skip
    add("--labs", type=Path, metavar="FOLDER",
        help="the labs to take (default: those of this installation)")  # fmt: skip
    return parser
