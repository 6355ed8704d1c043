"""Faults that a person might make in a line of code, as changes of its syntax tree."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

_OPERATORS = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult],
    ast.Pow: [ast.Mult], ast.FloorDiv: [ast.Div, ast.Mult], ast.Mod: [ast.Mult],
    ast.BitAnd: [ast.BitOr], ast.BitOr: [ast.BitAnd],
    ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot], ast.IsNot: [ast.Is], ast.In: [ast.NotIn], ast.NotIn: [ast.In],
    ast.And: [ast.Or], ast.Or: [ast.And],
}  # fmt: skip
_TWINS = ("min", "max"), ("minimum", "maximum"), ("floor", "ceil"), ("any", "all")
_OTHER_NAME = {a: b for pair in _TWINS for a, b in (pair, pair[::-1])}
_OPPOSITES = ("lower", "higher"), ("at most", "at least"), ("linear", "log")
_OTHER_WORD = {a: b for pair in _OPPOSITES for a, b in (pair, pair[::-1])}
_COMMUTING = {*_OTHER_NAME, "zip", "isclose"}
# Words for people: no fault of the physics.
_WORDS = frozenset({"help", "label", "description", "remedy", "title", "words"})
# A zip that insists on equal lengths only repeats what its callers ensure.
_LEFT = _WORDS | {"strict"}
# A number this small only keeps zero out of a division or a root, or rounding out of a ceiling.
_GUARD = 1e-8


@dataclass(frozen=True)
class Fault:
    """One change of one module: `before` becomes `after`; `lines` are those of the statement."""

    path: str
    line: int
    lines: tuple[int, ...]
    before: str
    after: str
    tree: ast.Module = field(repr=False, compare=False)
    place: tuple[ast.AST, str, int | None] = field(repr=False, compare=False)
    node: Any = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  →  {self.after}"

    def record(self) -> dict[str, str | int]:
        """Return what people need to find it."""
        return {name: getattr(self, name) for name in ("path", "line", "before", "after")}

    def compiled(self) -> Any:
        """Return the code of the module with the fault in it."""
        original = self._put(self.node)
        try:
            return compile(ast.fix_missing_locations(self.tree), self.path, "exec")
        finally:
            self._put(original)

    def _put(self, node: Any) -> Any:
        parent, name, index = self.place
        if index is None:
            original = getattr(parent, name)
            setattr(parent, name, node)
        else:
            original = getattr(parent, name)[index]
            getattr(parent, name)[index] = node
        return original


def products_in(source: str) -> set[str]:
    """Return the functions that multiply their two arguments: which comes first is no matter."""
    return {
        function.name
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef)
        and isinstance(function.body[-1], ast.Return)
        and isinstance(product := function.body[-1].value, ast.BinOp)
        and isinstance(product.op, ast.Mult)
        and {ast.Name} == {type(product.left), type(product.right)}
    }


def faults_of(path: str, source: str, commuting: AbstractSet[str] = frozenset()) -> Iterator[Fault]:
    """Yield every fault that a module can be given; arguments of `commuting` stay in order."""
    tree = ast.parse(source)
    for statement, place, node in _places(tree, tree):
        for changed in _changes(node, _COMMUTING | commuting):
            ast.copy_location(changed, node)
            before, after = (" ".join(ast.unparse(each).split()) for each in (node, changed))
            if before != after:
                yield Fault(
                    path,
                    getattr(node, "lineno", statement.lineno),
                    _lines(statement),
                    before,
                    after,
                    tree,
                    place,
                    changed,
                )


def _lines(statement: ast.stmt) -> tuple[int, ...]:
    """Return the lines of a statement; of one that holds others, those of its head."""
    body = getattr(statement, "body", None)
    heads = [statement, *getattr(statement, "decorator_list", [])]
    last = max(body[0].lineno - 1, statement.lineno) if body else statement.end_lineno
    return tuple(range(min(head.lineno for head in heads), last + 1))


def _places(statement: ast.AST, node: ast.AST) -> Iterator[tuple[Any, Any, Any]]:
    """Yield every node with its statement and its place, without what is no part of the physics."""
    for name, value in ast.iter_fields(node):
        if name in ("decorator_list", "annotation", "returns"):
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST) or _is_declaration_or_words(child):
                continue
            inner = child if isinstance(child, ast.stmt) else statement
            yield inner, (node, name, index), child
            if not isinstance(child, ast.Raise):
                yield from _places(inner, child)


def _is_declaration_or_words(node: ast.AST) -> bool:
    match node:
        case (
            ast.Import()
            | ast.ImportFrom()
            | ast.JoinedStr()
            | ast.Expr(value=ast.Constant())
            | ast.If(test=ast.Name(id="TYPE_CHECKING"))
            | ast.Assign(targets=[ast.Name(id="__all__")])
            | ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar")))
        ):
            return True
    return isinstance(node, ast.keyword) and node.arg in _LEFT


def _changes(node: ast.AST, commuting: AbstractSet[str]) -> Iterator[ast.AST]:
    match node:
        case ast.BinOp() | ast.BoolOp():
            yield from (_with(node, op=other()) for other in _OPERATORS.get(type(node.op), []))
        case ast.Compare(ops=[operator]):
            yield from (_with(node, ops=[other()]) for other in _OPERATORS[type(operator)])
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant():
            yield from _constants(node)
        case ast.Call():
            yield from _calls(node, commuting)
        case ast.IfExp():
            yield _with(node, body=node.orelse, orelse=node.body)
        case ast.comprehension(ifs=[_, *_]):
            yield _with(node, ifs=[])
        case ast.stmt():
            yield from _statements(node)


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float) and (value == 0.0 or abs(value) > _GUARD):
        yield ast.Constant(value * 1.1 if value else 1.0)
    elif value in _OTHER_WORD:
        yield ast.Constant(_OTHER_WORD[value])


def _calls(node: ast.Call, commuting: AbstractSet[str]) -> Iterator[ast.AST]:
    match node.func:
        case ast.Name(id=name) if name in _OTHER_NAME:
            yield _with(node, func=ast.Name(_OTHER_NAME[name], ast.Load()))
        case ast.Attribute(attr=name) if name in _OTHER_NAME:
            yield _with(node, func=_with(node.func, attr=_OTHER_NAME[name]))
        case ast.Attribute(attr="where") if len(node.args) == 3:
            yield _with(node, args=[node.args[i] for i in (0, 2, 1)])
            return
    commutes = isinstance(node.func, ast.Name | ast.Attribute) and (
        getattr(node.func, "attr", getattr(node.func, "id", "")) in commuting
    )
    for i, (one, other) in enumerate(pairwise(node.args)):
        if not commutes and not (_is_word(one) and _is_word(other)):
            yield _with(node, args=[*node.args[:i], other, one, *node.args[i + 2 :]])
    stated = [keyword for keyword in node.keywords if keyword.arg not in _LEFT]
    for keyword in stated:
        yield _with(node, keywords=[each for each in node.keywords if each is not keyword])
    for one, other in pairwise(stated):
        if not (_is_word(one.value) and _is_word(other.value)):
            value_of = {id(one): other.value, id(other): one.value}
            swapped = [
                _with(each, value=value_of.get(id(each), each.value)) for each in node.keywords
            ]
            yield _with(node, keywords=swapped)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.If(test=test):
            yield _with(node, test=ast.UnaryOp(ast.Not(), test))
            if not node.orelse:
                yield ast.Pass()
        case ast.Return(value=ast.BinOp() as value):
            yield ast.Return(ast.BinOp(ast.Constant(1.01), ast.Mult(), value))
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.AugAssign():
            yield ast.Pass()
            yield from (_with(node, op=other()) for other in _OPERATORS[type(node.op)])
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(value)):
                yield ast.Pass()
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.Break():
            yield ast.Pass()


def _is_word(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _with(node: Any, **changed: Any) -> Any:
    other = copy.copy(node)
    vars(other).update(changed)
    return other
