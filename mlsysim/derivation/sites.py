"""What the line that asked for an operation calls its result: a variable, keyword or function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

Place = tuple[int, int, int, int]
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


class Site(NamedTuple):
    """The function in which an operation stands, and what its result is called there."""

    function: str
    name: str


@cache
def site_of(code: CodeType, instruction: int) -> Site:
    """Return what the source says about an instruction; the name is empty for a part of a line."""
    function = code.co_qualname.replace("<locals>.", "").split(".<")[0].rsplit(".", 1)[-1]
    positions = list(code.co_positions())
    place: Any = positions[min(instruction // 2, len(positions) - 1)]
    return Site(function, _names(code.co_filename).get(place, ""))


@cache
def _names(file: str) -> dict[Place, str]:
    """Return the names of all expressions of a file that are given one, by place."""
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return {}
    names: dict[Place, str] = {}
    for function in ast.walk(tree):
        if isinstance(function, _FUNCTIONS):
            for name, value in _named(function):
                for expression in _alternatives(value):
                    names[_place(expression)] = name
    return names


def _named(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield function.name, node.value
        elif isinstance(node, ast.Assign):
            yield from _targets(node.targets[-1], node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            yield from _targets(node.target, node.value)
        elif isinstance(node, ast.AugAssign):
            # The place of the operation is the whole statement.
            if isinstance(node.target, ast.Name):
                yield node.target.id, node  # type: ignore[misc]  # has a place as well
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value
        elif isinstance(node, ast.Dict):
            yield from _entries(node)


def _targets(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Attribute):
        yield target.attr.strip("_"), value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=False):
            yield from _targets(one, its)


def _entries(node: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value, value


def _alternatives(value: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression, and those of which it takes one as it is."""
    yield value
    if isinstance(value, ast.IfExp):
        yield from _alternatives(value.body)
        yield from _alternatives(value.orelse)
    elif isinstance(value, ast.Call) and getattr(value.func, "id", "") in ("as_float", "float"):
        yield from value.args


def _place(node: ast.expr) -> Place:
    return node.lineno, node.end_lineno or 0, node.col_offset, node.end_col_offset or 0
