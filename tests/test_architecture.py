"""The shape of the code: layers, thin notebooks, widgets without physics, a clean repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = (REPOSITORY / "mlsysim", REPOSITORY / "widgets" / "mlsysim_widgets")
PYTHON_FILES = sorted(file for package in PACKAGES for file in package.rglob("*.py"))
WIDGET_FILES = sorted(PACKAGES[1].rglob("*.py"))
NOTEBOOKS = sorted(
    file for file in (REPOSITORY / "labs").rglob("*.ipynb") if ".ipynb_checkpoints" not in str(file)
)

MOST_CODE_LINES = 30
MOST_CODE_CELLS = 12
HEAVY_MODULES = ("pint", "xarray", "scipy", "pandas", "IPython", "ipywidgets", "anywidget")
UNCOMPARED = "nbval-ignore-output"


def relative(path: Path) -> str:
    """Name a file by its path in the repository, for the names of tests."""
    return path.relative_to(REPOSITORY).as_posix()


def is_text(node: ast.expr) -> bool:
    """Say whether an expression is a string or list by its form, so that + and % join it."""
    if isinstance(node, ast.BinOp):
        return is_text(node.left) or is_text(node.right)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp)


def arithmetic(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what computes with numbers, leaving out joined strings, paths and unions of types."""
    computing = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow, ast.Mod, ast.MatMult)
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, computing) and not is_text(node):
            yield node
        if (
            isinstance(node, ast.AugAssign)
            and isinstance(node.op, computing)
            and not is_text(node.value)
        ):
            yield node


def code_cells(notebook: Path) -> list[nbformat.NotebookNode]:
    """Return the code cells of a notebook."""
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def code_of(notebook: Path) -> str:
    """Return all the code of a notebook as one program."""
    return "\n".join(cell.source for cell in code_cells(notebook))


def test_import_contracts_hold():
    lint = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run(
        [lint, "--no-logo", "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_there_are_labs_and_an_index():
    names = [relative(notebook) for notebook in NOTEBOOKS]
    assert "labs/index.ipynb" in names
    assert len(names) > 1


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=relative)
def test_notebook_is_thin(notebook):
    code = code_of(notebook)
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= MOST_CODE_LINES
    assert len(code_cells(notebook)) <= MOST_CODE_CELLS

    tree = ast.parse(code)
    banned = (
        ast.FunctionDef
        | ast.AsyncFunctionDef
        | ast.ClassDef
        | ast.Lambda
        | ast.Global
        | ast.Nonlocal
    )
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, banned)]
    computed = [ast.unparse(node) for node in arithmetic(tree)]
    assert found + computed == [], "a lab tells a story; code belongs in a simulation or a widget"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=relative)
def test_notebook_keeps_only_outputs_that_nbval_compares(notebook):
    assert "widgets" not in nbformat.read(notebook, as_version=4).metadata
    for cell in code_cells(notebook):
        # nbval compares the outputs of a cell only if it says that it was run.
        assert (cell.execution_count is None) == (cell.outputs == [])
        if UNCOMPARED in cell.metadata.get("tags", []):
            assert cell.outputs == [], f"an uncompared cell has stored outputs: {cell.source}"
        for output in cell.outputs:
            kinds = set(output.get("data", {"text/plain": ""}))
            assert kinds == {"text/plain"}, f"store plain text only: {cell.source}"


@pytest.mark.parametrize("file", WIDGET_FILES, ids=relative)
def test_widgets_hold_no_physics(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    computed = [f"line {node.lineno}: {ast.unparse(node)}" for node in arithmetic(tree)]
    assert computed == [], "a widget shows what a simulation computed"


@pytest.mark.parametrize(
    ("code", "computes"),
    [
        ("energy = power * hours", True),
        ("total += cost", True),
        ("share = 1 - pue", True),
        ("ratio = a / b", True),
        ("grown = a ** 2", True),
        ("name = 'a' + b", False),
        ("text = f'{a}' + b + c", False),
        ("text = '%s' % a", False),
        ("file = folder / 'view.js'", False),
        ("names = first + [second]", False),
        ("kind: int | None = None", False),
    ],
)
def test_arithmetic_is_told_from_joined_text(code, computes):
    assert bool(list(arithmetic(ast.parse(code)))) is computes


@pytest.mark.parametrize("file", PYTHON_FILES, ids=relative)
def test_no_star_imports_and_public_names_have_docstrings(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    stars = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    ]
    assert stars == []
    assert list(undocumented(tree)) == []


def undocumented(node: ast.AST) -> Iterator[str]:
    """Yield the public modules, classes and functions of a tree that have no docstring."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, documented) and ast.get_docstring(node) is None:
        yield getattr(node, "name", "the module")
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if isinstance(child, documented) and not child.name.startswith("_"):
                yield from undocumented(child)


def test_no_machine_paths_and_no_registry_hosts(repository_files):
    # Written so that the patterns do not find themselves.
    folders = r"(?<![\w.~-])/(?:work|root|tmp|home|Users)/[a-z]"
    hosts = r"pypi\.org|[p]ythonhosted|npmjs\.|anaconda\.org|deb\.debian"
    slip = re.compile(f"{folders}|{hosts}", re.IGNORECASE)
    found = []
    for file in repository_files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{relative(file)}: {match.group()}" for match in slip.finditer(text)]
    assert found == []


def test_importing_the_core_loads_nothing_heavy():
    code = "import mlsysim, sys; print(*(name.split('.')[0] for name in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert set(HEAVY_MODULES) & set(result.stdout.split()) == set()
