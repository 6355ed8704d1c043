"""The faults that mutation testing puts in: which, where, and that nothing of them stays."""

from __future__ import annotations

import ast

import pytest
from mutations import faults_of, products_in


def changes(source):
    return {(fault.before, fault.after) for fault in faults_of("module.py", source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("y = a + b", {("a + b", "a - b")}),
        ("y = a / b", {("a / b", "a * b")}),
        ("y = a < b", {("a < b", "a <= b"), ("a < b", "a >= b")}),
        ("y = a and b", {("a and b", "a or b")}),
        ("y = not a", {("not a", "a")}),
        ("y = min(a, b)", {("min(a, b)", "max(a, b)")}),
        ("y = np.where(c, a, b)", {("np.where(c, a, b)", "np.where(c, b, a)")}),
        ("y = f(a, b)", {("f(a, b)", "f(b, a)")}),
        ("y = f(k=a)", {("f(k=a)", "f()")}),
        ("y = a if c else b", {("a if c else b", "b if c else a")}),
        ("y = [a for a in b if c]", {("for a in b if c", "for a in b")}),
        ("y = 2.0", {("2.0", "2.2")}),
        ("y = 3", {("3", "4")}),
        ("y = True", {("True", "False")}),
        ("y = 'at most'", {("'at most'", "'at least'")}),
        ("y = y.f", {("y = y.f", "pass")}),
        ("f()", {("f()", "pass")}),
        ("raise E('words', 1)", {("raise E('words', 1)", "pass")}),
        ("def f(): return a", {("return a", "return None")}),
        ("def f(): return a * b",
         {("a * b", "a / b"), ("return a * b", "return 1.01 * (a * b)")}),
    ],
)  # fmt: skip
def test_a_line_is_given_the_faults_a_person_might_make(source, expected):
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "'''Words.'''",
        "import a",
        "from a import b",
        "x: Literal[3]",
        "if TYPE_CHECKING: f(3)",
        "__all__ = ['a']",
        "T = TypeVar('T', bound=int)",
        "y = f'{a + b} words'",
        "y = 'words'",
        "y = 1e-300",
        "@law('source', 3)\ndef f(): ...",
        "def f(a: 'x' = b) -> Annotated[float, 3]: ...",
    ],
)
def test_words_and_declarations_are_no_faults(source):
    assert changes(source) == set()


def test_factors_may_be_swapped():
    source = "def energy(power, time):\n    return power * time\ndef rest(a, b): return a - b\n"
    assert products_in(source) == {"energy"}
    faults = faults_of("module.py", "y = energy(a, b)\nz = rest(a, b)", {"energy"})
    assert [fault.after for fault in faults] == ["rest(b, a)"]


def test_words_of_a_declaration_are_left_and_its_numbers_are_not():
    found = changes("c = Choice(name='a', label='b', help='c', minimum=0)")
    assert ("0", "1") in found
    assert len(found) == 4, "the number, name and bound left out, and both swapped"


def test_a_fault_is_compiled_and_leaves_the_module_as_it_was():
    source = "def half(a):\n    if a > 0:\n        return a / 2.0\n    return 0.0\n"
    found = list(faults_of("module.py", source))
    doubled = next(fault for fault in found if fault.after == "a * 2.0")
    assert (doubled.line, doubled.lines) == (3, (3,))
    head = next(fault for fault in found if fault.after == "a >= 0")
    assert head.lines == (2,)
    for fault, expected in ((doubled, 6.0), (head, 1.5), (doubled, 6.0)):
        names = {}
        exec(fault.compiled(), names)  # noqa: S102 - the code of this test
        assert names["half"](3.0) == expected
        assert ast.unparse(fault.tree) == ast.unparse(ast.parse(source))
