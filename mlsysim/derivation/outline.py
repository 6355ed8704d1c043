"""A derivation as people read it: the numbers that have a name, and how each follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from mlsysim.derivation import expressions
from mlsysim.derivation.expressions import core
from mlsysim.derivation.sites import Site, site_of
from mlsysim.sources import Source, Sources
from mlsysim.tracing import Leaf, Node, Step, reachable
from mlsysim.units import unit_of_field, words_of_field

# An expression of so many operations is written as one; longer ones are divided where the source
# gives a part a name, and at last where it does not.
_SHORT, _LONG = 3, 10


class Titled(Protocol):
    """What a metric says about itself."""

    label: str
    unit: str


@dataclass(slots=True)
class Entry:
    """One number of an outline: what it is, how it follows, and from which others.

    `kind` is "law", "operation", or the kind of a leaf; `equation` is that of the law,
    `expression` the right side with numbers (of a law) or names (of an operation) put in.
    """

    id: int
    title: str
    value: Any
    unit: str
    kind: str
    law: str = ""
    equation: str = ""
    expression: str = ""
    source: Source | None = None
    note: str = ""
    inputs: list[tuple[str, int]] = field(default_factory=list)
    noun: str = "values"

    @property
    def text(self) -> str:
        """The value with its unit."""
        return expressions.value_text(self.value, self.unit, self.noun)

    @property
    def origin(self) -> str:
        """Where a law, or a number that nothing computes, comes from."""
        if self.kind == "choice":
            return "chosen"
        source = self.source
        if source is None:
            return "stated by the simulation"
        return f"{source.kind} {source.year} [{source.name}]"


class Outline:
    """The named numbers of a derivation, the root last.

    `metrics` says which nodes are metrics of the ledger.
    """

    def __init__(self, root: Node, metrics: Mapping[Node, Titled] | None = None):
        self._metrics = {_as_node(core(node)): metric for node, metric in (metrics or {}).items()}
        self._root = _as_node(core(root)) or root
        self._all = reachable(self._root)
        self._sites: dict[Node, Site] = {}
        self._inputs = {node: self._cores(node) for node in self._all}
        self._asked: dict[Node, set[Any]] = {node: set() for node in self._all}
        self._uses = dict.fromkeys(self._all, 0)
        self._count_uses()
        self._sizes: dict[Node, int] = {}
        self._named = {node: self._is_named(node) for node in self._all}
        self._units: dict[Node, str] = {}
        self._find_units()
        self._titles = self._find_titles()
        self._by_operator = self._find_operators()

    @cached_property
    def entries(self) -> dict[int, Entry]:
        """All entries by id, those that others rest on first."""
        shown, waiting = {self._root}, [self._root]
        while waiting:
            for _, node in self._shown_inputs(waiting.pop()):
                if node not in shown:
                    shown.add(node)
                    waiting.append(node)
        ordered = sorted(shown, key=lambda node: node.serial)
        ids = {node: number for number, node in enumerate(ordered, start=1)}
        return {ids[node]: self._entry(node, ids) for node in ordered}

    @property
    def root(self) -> Entry:
        """The entry that is explained."""
        return self.entries[len(self.entries)]

    # Which numbers have a name

    def _cores(self, node: Node) -> list[Node]:
        if isinstance(node, Step) and node.law is None and expressions.name_of(node) == "where":
            taken = core(node)
            if taken is not node:
                return [taken] if isinstance(taken, Node) else []
        return [inner for each in node.inputs if isinstance(inner := core(each), Node)]

    def _count_uses(self) -> None:
        for node in self._all:
            if core(node) is not node:
                continue
            for inner in self._inputs[node]:
                self._uses[inner] += 1
                self._asked[inner].add(node.site[0] if isinstance(node, Step) and node.site else 0)

    def _site(self, node: Node) -> Site:
        if node not in self._sites:
            site = node.site if isinstance(node, Step) else None
            self._sites[node] = site_of(*site) if site else Site("", "")
        return self._sites[node]

    def _is_named(self, node: Node) -> bool:
        size = 1 + sum(self._sizes.get(inner, 0) for inner in self._inputs[node])
        named = self._deserves_name(node, size)
        self._sizes[node] = 0 if named else size
        return named

    def _deserves_name(self, node: Node, size: int) -> bool:
        if not isinstance(node, Step) or node.law or node.label:
            return True
        if node is self._root or node in self._metrics or size > _LONG:
            return True
        leaves = bool(self._asked[node] - {node.site[0] if node.site else 0})
        named, shared = bool(self._site(node).name), self._uses[node] > 1
        if size == 1:
            return named and shared
        return leaves or shared or (named and size >= _SHORT)

    def _find_operators(self) -> set[Node]:
        """Return the numbers that there are one of for each operator of a model."""
        found: set[Node] = set()
        for node in self._all:
            many = np.size(node.value) > 1
            column = (isinstance(node, Leaf) and node.kind == "model") or "operator" in node.label
            same = any(
                inner in found and np.size(inner.value) == np.size(node.value)
                for inner in node.inputs
            )
            if many and (column or same):
                found.add(node)
        return found

    # What they are called, and in what unit they are

    def _find_units(self) -> None:
        for node in self._all:
            self._units[node] = self._stated_unit(node)
        for node in self._all:
            if isinstance(node, Step) and node.law:
                for name, value in expressions.arguments_of(node).items():
                    inner = core(value) if isinstance(value, Node) else None
                    if isinstance(inner, Node) and not self._units[inner]:
                        self._units[inner] = node.law.units[name]
        for node in self._all:
            if not self._units[node]:
                self._units[node] = self._inferred_unit(node)

    def _stated_unit(self, node: Node) -> str:
        if node in self._metrics:
            return self._metrics[node].unit
        if node.unit or not isinstance(node, Step):
            return node.unit
        if node.law:
            return str(node.law.result_unit)
        name = self._site(node).name
        return (unit_of_field(name) or "") if name else ""

    def _inferred_unit(self, node: Node) -> str:
        if not isinstance(node, Step):
            return "dimensionless"
        return expressions.unit_from_inputs(node, lambda each: self._units.get(each, ""))

    def _find_titles(self) -> dict[Node, str]:
        titles: dict[Node, str] = {}
        taken: dict[str, int] = {}
        for node in self._all:
            if self._named[node]:
                title = self._title(node)
                taken[title] = taken.get(title, 0) + 1
                titles[node] = title if taken[title] == 1 else f"{title} ({taken[title]})"
        return titles

    def _title(self, node: Node) -> str:
        if isinstance(node, Leaf) and not node.label:
            return f"{words_of_field(node.field)} of {node.owner}"
        if isinstance(node, Leaf):
            return node.label
        if node in self._metrics:
            return self._metrics[node].label
        if node.label:
            return node.label
        site = self._site(node)
        law = node.law.name if isinstance(node, Step) and node.law else ""
        # A variable called `time` says less than the law that is called `memory_time`.
        name = "" if law and site.name in law else site.name
        return words_of_field(name or law or site.function or "value")

    # How each follows

    def _shown_inputs(self, node: Node) -> list[tuple[str, Node]]:
        if isinstance(node, Step) and node.law:
            given = expressions.arguments_of(node).items()
            found = [(name, core(value)) for name, value in given if isinstance(value, Node)]
            pairs = [(name, each) for name, each in found if isinstance(each, Node)]
            return [
                (words_of_field(name), named)
                for name, each in pairs
                for named in self._nearest_named(each)
            ]
        return [("", named) for each in self._inputs[node] for named in self._nearest_named(each)]

    def _nearest_named(self, node: Node) -> Iterable[Node]:
        if self._named[node]:
            return [node]
        found = [each for inner in self._inputs[node] for each in self._nearest_named(inner)]
        return list(dict.fromkeys(found))

    def _entry(self, node: Node, ids: Mapping[Node, int]) -> Entry:
        entry = Entry(
            id=ids[node],
            title=self._titles[node],
            value=node.value,
            unit=self._units[node],
            noun="operators" if node in self._by_operator else "values",
            kind="operation",
            source=Sources[node.source] if node.source else None,
            note=node.note,
            inputs=list(
                dict.fromkeys((role, ids[each]) for role, each in self._shown_inputs(node))
            ),
        )
        if isinstance(node, Leaf):
            entry.kind = node.kind
        elif isinstance(node, Step) and node.law:
            entry.kind, entry.law, entry.equation = "law", node.law.name, node.law.equation
            entry.source = Sources[node.law.source]
            given = expressions.arguments_of(node)
            entry.expression = expressions.put_in(node.law, given)
            entry.note = self._argument_note(node)
        elif node.label:
            entry.kind = "model"
        else:
            entry.expression = expressions.expression(node, self._symbol).words
        return entry

    def _argument_note(self, step: Step) -> str:
        """Say how an argument follows that is arithmetic without a name of its own."""
        notes = []
        for name, value in expressions.arguments_of(step).items():
            inner = core(value) if isinstance(value, Node) else None
            if isinstance(inner, Node) and not self._named[inner]:
                written = expressions.expression(inner, self._symbol, top=False).words
                notes.append(f"{words_of_field(name)} = {written}")
        return "; ".join(notes)

    def _symbol(self, node: Node) -> str:
        return self._titles.get(node, "")


def _as_node(value: Any) -> Any:
    return value if isinstance(value, Node) else None


def plain_value(value: Any) -> Any:
    """Return a value that JSON can hold.

    >>> plain_value(np.float64(2.0)), plain_value(np.array([1.0]))
    (2.0, 1.0)
    """
    array = np.asarray(value)
    return array.item() if array.size == 1 else array.tolist()
