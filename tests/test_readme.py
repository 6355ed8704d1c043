"""Documentation that can fail: every Python block runs, every command named exists."""

from __future__ import annotations

import doctest
import re
import textwrap
from pathlib import Path

import pytest
import school
from mlsysim_widgets import collecting, store

REPOSITORY = Path(__file__).resolve().parents[1]
SKIPPED_FOLDERS = {".git", ".venv", "build", "dist", "node_modules"}
PAGES = sorted(
    page
    for page in REPOSITORY.rglob("*.md")
    if not SKIPPED_FOLDERS & set(page.relative_to(REPOSITORY).parts)
)
# A block of a list is indented.
BLOCK = re.compile(r"^ *```([^\n`]*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


INSTRUCTORS = REPOSITORY / "labs" / "README.md"


def name_of(page: Path) -> str:
    """Name a page by its path in the repository, for the names of tests."""
    return page.relative_to(REPOSITORY).as_posix()


def python_blocks(page: Path) -> list[tuple[int, str]]:
    """Return the line and the code of every Python block of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start(2)), textwrap.dedent(match.group(2)))
        for match in BLOCK.finditer(text)
        if match.group(1).strip().split(" ")[0] in {"python", "py", "pycon"}
    ]


def run_block(code: str, name: str, line: int, names: dict[str, object]) -> None:
    """Run a block, as a doctest where it shows a prompt."""
    if ">>>" not in code:
        # Blank lines in front make a traceback point at the line of the page.
        exec(compile("\n" * line + code, name, "exec"), names)  # noqa: S102
        return
    example = doctest.DocTestParser().get_doctest(code, names, name, name, line)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    output: list[str] = []
    runner.run(example, out=output.append, clear_globs=False)
    names.update(example.globs)
    assert runner.failures == 0, "".join(output)


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=name_of)
def test_python_blocks_run_from_top_to_bottom(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if page == INSTRUCTORS:
        monkeypatch.setenv(store.FOLDER, "")
        school.sample(tmp_path)
        collecting.run(["handed-in"], "mlsysim collect")
    names: dict[str, object] = {"__name__": name_of(page)}
    for line, code in python_blocks(page):
        run_block(code, name_of(page), line, names)


def test_readme_has_python_to_run():
    assert python_blocks(REPOSITORY / "README.md")


def test_readme_starts_with_the_two_commands():
    first = BLOCK.search((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert first is not None
    commands = [line.split("#")[0].strip() for line in first.group(2).splitlines()]
    assert list(filter(None, commands)) == ["make labs", "make test"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_make_targets_and_linked_files_exist(page):
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    commands = re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", text, re.MULTILINE)
    assert {first or second for first, second in commands} <= targets

    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    files = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [file for file in files if not (page.parent / file).exists()] == []


def test_what_collect_prints_is_what_instructors_read(monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(store.FOLDER, "")
    school.sample(tmp_path)
    blocks = [match.groups() for match in BLOCK.finditer(INSTRUCTORS.read_text("utf-8"))]
    place = next(i for i, (_, text) in enumerate(blocks) if text.startswith("mlsysim collect"))
    (program, command, *arguments), (_, shown) = blocks[place][1].split(), blocks[place + 1]
    assert collecting.run(arguments, f"{program} {command}") == 0
    printed = capfd.readouterr()
    assert f"{printed.err}{printed.out}" == shown


def test_every_column_of_the_table_is_explained_to_instructors():
    text = INSTRUCTORS.read_text("utf-8")
    first_cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert named == collecting.columns()
