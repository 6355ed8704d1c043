"""Explanations of one number, and the bibliography of many: as text, HTML and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from html import escape
from typing import Any

from mlsysim import tracing
from mlsysim.derivation.outline import Entry, Outline, Titled, plain_value
from mlsysim.errors import UnknownName
from mlsysim.sources import Source, Sources
from mlsysim.tracing import Leaf, Node, Step, reachable

_OPEN_LEVELS = 2


class Bibliography(Mapping[str, Source]):
    """The sources that numbers rest on, by id, in the order of their titles."""

    def __init__(self, names: Iterable[str]):
        found = {name: Sources[name] for name in set(names)}
        self._sources = dict(sorted(found.items(), key=lambda item: (item[1].title, item[0])))

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> Bibliography:
        """Return the sources of all laws and numbers that some nodes rest on."""
        rested_on = {each for node in nodes for each in reachable(node)}
        return cls(filter(None, (_source_of(node) for node in rested_on)))

    def __getitem__(self, name: str) -> Source:
        if name not in self._sources:
            raise UnknownName("source of this ledger", name, self._sources)
        return self._sources[name]

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __str__(self) -> str:
        return "\n".join(f"[{name}] {source}" for name, source in self.items())

    def __repr__(self) -> str:
        return f"<Bibliography of {len(self)} sources>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<li><code>{escape(name)}</code> {escape(str(source))}</li>"
            for name, source in self.items()
        )
        return f"<ul>{rows}</ul>"


class Explanation:
    """How one number of a ledger came about, down to choices, constants and twins.

    `value` is in the unit that the path asked for, SI otherwise. Printed, it is an indented text;
    in a notebook a view that opens level by level; `to_json` writes it for programs.

    >>> from mlsysim import ResourceSimulation
    >>> ledger = ResourceSimulation("Doorbell").evaluate({"region": "Quebec"})
    >>> carbon = ledger.explain("sustainability.carbon_kg")
    >>> carbon.value == ledger.sustainability.carbon_kg
    True
    >>> dirtier = carbon.evaluate({"Quebec.carbon_intensity_g_per_kwh": 62.4})
    >>> elsewhere = ResourceSimulation("Doorbell").evaluate({"region": "Poland"})
    >>> carbon.value < dirtier < elsewhere.sustainability.carbon_kg
    True
    """

    def __init__(
        self,
        path: str,
        node: Node,
        *,
        factor: float = 1.0,
        metrics: Mapping[Node, Titled] | None = None,
    ):
        self.path = path
        self.node = node
        self._factor = factor
        self._metrics = metrics or {}

    @property
    def value(self) -> Any:
        """The number that is explained, in the unit of the path."""
        return plain_value(tracing.plain(self.node.value)) if self._factor == 1.0 else self._scaled

    @property
    def _scaled(self) -> Any:
        return plain_value(tracing.plain(self.node.value) / self._factor)

    @property
    def unit(self) -> str:
        """The SI unit of the metric, before any unit that the path asks for."""
        return self._outline.root.unit

    @property
    def leaves(self) -> dict[str, Leaf]:
        """The choices, constants and facts that the number rests on, by name."""
        return {node.name: node for node in reachable(self.node) if isinstance(node, Leaf)}

    def evaluate(self, changes: Mapping[str, Any] | None = None) -> Any:
        """Compute the number anew from its leaves, some of which may have other values.

        Where a change makes the simulation take another course – a smaller device is chosen, a
        limit binds that did not – the answer is that of the course recorded.
        Raises `UnknownName` for a leaf that the number does not rest on.
        """
        changed = dict(changes or {})
        for name in changed:
            if name not in self.leaves:
                raise UnknownName("leaf", name, self.leaves)
        # One leaf may have been recorded more than once.
        nodes: dict[Node, Any] = {
            node: changed[node.name]
            for node in reachable(self.node)
            if isinstance(node, Leaf) and node.name in changed
        }
        return plain_value(tracing.evaluate(self.node, nodes) / self._factor)

    def sources(self) -> Bibliography:
        """Return all sources that the number rests on."""
        return Bibliography.of([self.node])

    @cached_property
    def _outline(self) -> Outline:
        return Outline(self.node, self._metrics)

    def to_dict(self) -> dict[str, Any]:
        """Return a list of nodes that name their inputs by id; `root` is the number explained."""
        outline = self._outline
        return {
            "path": self.path,
            "value": self.value,
            "root": outline.root.id,
            "nodes": [_entry_to_dict(entry) for entry in outline.entries.values()],
        }

    def to_json(self, indent: int | None = None) -> str:
        """Return the explanation as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def text(self, depth: int | None = None) -> str:
        """Return the explanation as indented text, `depth` levels of it or all.

        What appears again is written out once, and referred to afterwards.
        """
        lines = list(_lines(self._outline, depth))
        named = [name for name in self.sources() if any(f"[{name}]" in line for line in lines)]
        listed = ["", "Sources", str(Bibliography(named))] if named else []
        return "\n".join([*lines, *listed])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        root = self._outline.root
        return f"<Explanation of {self.path}: {root.title} = {root.text}>"

    def _repr_html_(self) -> str:
        outline = self._outline
        seen: set[int] = set()
        inside = _details(outline, outline.root, "", 0, seen)
        listed = f"<details><summary>Sources</summary>{self.sources()._repr_html_()}</details>"
        return f"<div style='color:inherit;line-height:1.5'>{inside}{listed}</div>"


def _source_of(node: Node) -> str:
    return str(node.law.source) if isinstance(node, Step) and node.law else node.source


def _entry_to_dict(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "title": entry.title,
        "kind": entry.kind,
        "value": plain_value(tracing.plain(entry.value)),
        "unit": entry.unit or "dimensionless",
        "text": entry.text,
        "law": entry.law or None,
        "equation": entry.equation or None,
        "expression": entry.expression or None,
        "note": entry.note or None,
        "source": asdict(entry.source) if entry.source else None,
        "inputs": [{"role": role or None, "id": number} for role, number in entry.inputs],
    }


def _heading(entry: Entry, role: str) -> str:
    told = entry.title.lower().startswith(role.lower())
    said = entry.title if told else f"{role}: {entry.title}"
    return f"{said} = {entry.text}"


def _how(entry: Entry) -> list[str]:
    """Return the lines that say how an entry follows from its inputs."""
    if not entry.inputs and entry.kind not in ("law", "operation"):
        return [f"{entry.origin}{'. ' if entry.note else ''}{entry.note}"]
    law = f"{entry.equation} ({entry.law.replace('_', ' ')}, {entry.origin})"
    lines = [law] if entry.law else []
    lines += [f"= {entry.expression}"] if entry.expression else []
    lines += [f"where {entry.note}"] if entry.note else []
    if entry.kind == "model":
        lines = [f"{entry.origin}. {entry.note}"]
    return lines


def _lines(outline: Outline, depth: int | None) -> Iterator[str]:
    seen: set[int] = set()

    def write(number: int, role: str, level: int) -> Iterator[str]:
        entry, indent = outline.entries[number], "  " * level
        heading = f"{indent}{_heading(entry, role)}"
        if not entry.inputs:
            yield f"{heading} – {'; '.join(_how(entry))}"
            return
        if number in seen:
            yield f"{heading} (see above)"
            return
        if depth is not None and level >= depth:
            yield f"{heading} …"
            return
        seen.add(number)
        yield heading
        yield from (f"{indent}  {line}" for line in _how(entry))
        for its_role, its_number in entry.inputs:
            yield from write(its_number, its_role, level + 1)

    yield from write(outline.root.id, "", 0)


def _details(outline: Outline, entry: Entry, role: str, level: int, seen: set[int]) -> str:
    heading = escape(_heading(entry, role))
    how = "".join(f"<div style='opacity:.8'>{escape(line)}</div>" for line in _how(entry))
    if not entry.inputs:
        return f"<div style='margin-left:1.1rem'>{heading}{how}</div>"
    if entry.id in seen:
        return f"<div style='margin-left:1.1rem'>{heading} <em>(see above)</em></div>"
    seen.add(entry.id)
    inside = "".join(
        _details(outline, outline.entries[number], its_role, level + 1, seen)
        for its_role, number in entry.inputs
    )
    shown = " open" if level < _OPEN_LEVELS else ""
    return (
        f"<details{shown} style='margin-left:1.1rem'><summary>{heading}</summary>"
        f"<div style='margin-left:1.1rem'>{how}</div>{inside}</details>"
    )
