"""Traced copies of twins and choices: the leaves of a derivation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from mlsysim.registry import Registry
from mlsysim.tracing import Leaf, Step, is_traced, recording, traced
from mlsysim.units import unit_of_field, words_of_field

# The fields whose unit a record states beside them.
_STATED = ("value", "amount_usd")


class TwinRecorder:
    """Hands out traced copies of twins, each number a leaf that knows its source.

    Twins of registries `with_fitted_constants` are built once more, so that their numbers lead to
    the constants they hold. `changes` gives leaves other values by name: what they lead to can be
    held against what the derivation says. `leaves` are those handed out so far.

    >>> from mlsysim.regions import Regions
    >>> recorder = TwinRecorder(changes={"Quebec.carbon_intensity_g_per_kwh": 62.4})
    >>> with recorder.recording():
    ...     quebec = Regions["Quebec"]
    >>> float(quebec.carbon_intensity_g_per_kwh), Regions["Quebec"].carbon_intensity_g_per_kwh
    (62.4, 31.2)
    """

    def __init__(
        self,
        with_fitted_constants: Iterable[Registry[Any]] = (),
        changes: Mapping[str, Any] | None = None,
    ):
        self.steps: dict[Any, Step] = {}
        self._fitted = tuple(with_fitted_constants)
        self._changes = changes or {}
        self.leaves: dict[str, Leaf] = {}
        # Keyed by identity; the originals are kept, so that no identity is used twice.
        self._copies: dict[int, tuple[Any, Any]] = {}
        self._rebuilt: dict[Registry[Any], dict[str, Any]] = {}

    def recording(self) -> Any:
        """Return the context in which registries hand out traced copies."""
        return recording(self)

    def traced(self, twin: Any) -> Any:
        """Return the traced copy of a record with sources, anything else as it is."""
        if not hasattr(twin, "source_of"):
            return twin
        for registry in self._fitted:
            found: Any = registry._found(twin.name)
            if found == twin:
                twin = self._rebuilt_of(registry)[found.name]
        return self._copied(twin, self._maker(twin))

    def choices(self, choice: Mapping[str, Any], units: Mapping[str, str]) -> dict[str, Any]:
        """Return a choice whose numbers are leaves."""
        return {
            name: self._leaf(
                Leaf(
                    value=value,
                    name=name,
                    kind="choice",
                    field=name,
                    label=name.replace("_", " "),
                    unit=units.get(name, ""),
                )
            )
            if _is_numeric(value)
            else value
            for name, value in choice.items()
        }

    def _rebuilt_of(self, registry: Registry[Any]) -> dict[str, Any]:
        if registry not in self._rebuilt:
            self._rebuilt[registry] = {twin.name: twin for twin in registry._load()}
        return self._rebuilt[registry]

    def _maker(self, twin: Any) -> Callable[[str, Any], Any]:
        name = str(getattr(twin, "name", type(twin).__name__))
        label = str(getattr(twin, "label", ""))
        # A name that people can read, such as that of a product, is shorter than its label.
        readable = name[0].isupper() and "_" not in name
        owner = name if readable or not label else label

        def make(place: str, value: Any) -> Any:
            stated = getattr(twin, "unit", None) if place in _STATED else None
            constant = place == "value"
            return self._leaf(
                Leaf(
                    value=value,
                    name=name if constant else f"{name}.{place}",
                    kind=_kind(twin) if constant else "twin",
                    field=place,
                    owner=owner,
                    label=(label or words_of_field(name)) if constant else "",
                    unit=stated or unit_of_field(place.partition(".")[0]) or "",
                    source=twin.source_of(place).name,
                    note=str(getattr(twin, "note", "")),
                )
            )

        return make

    def _leaf(self, leaf: Leaf) -> Any:
        if leaf.name in self._changes:
            leaf.value = self._changes[leaf.name]
        self.leaves[leaf.name] = leaf
        return traced(leaf)

    def _copied(self, record: Any, make: Callable[[str, Any], Any], place: str = "") -> Any:
        if id(record) in self._copies:
            return self._copies[id(record)][1]
        twin = object.__new__(type(record))
        self._copies[id(record)] = (record, twin)
        for item in fields(record):
            value = getattr(record, item.name)
            # What is no quantity of the derivation: dates, sources, and bounds of a constant.
            known = item.name.endswith("year") or item.name == "field_sources"
            known = known or (_states_one(record) and item.name not in _STATED)
            object.__setattr__(
                twin, item.name, value if known else self._value(value, make, place + item.name)
            )
        if hasattr(record, "trace_into"):
            record.trace_into(twin, make)
        return twin

    def _value(self, value: Any, make: Callable[[str, Any], Any], place: str) -> Any:
        if _is_numeric(value):
            # A degree of 1 in the layout of a system divides nothing: no fact to trace.
            nothing = value == 1 and isinstance(value, int) and "." in place
            return value if nothing or is_traced(value) else make(place, value)
        if hasattr(value, "source_of"):
            return self.traced(value)
        if is_dataclass(value) and not isinstance(value, type):
            return self._copied(value, make, f"{place}.")
        if isinstance(value, Mapping) and all(map(_is_numeric, value.values())):
            return type(value)(  # type: ignore[call-arg]  # any mapping is made of one
                {key: self._value(each, make, f"{place}.{key}") for key, each in value.items()}
            )
        return value


def _is_numeric(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "iuf"
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _states_one(record: Any) -> bool:
    return any(hasattr(record, name) for name in _STATED)


def _kind(twin: Any) -> str:
    return "fitted" if hasattr(twin, "prior") else "constant"
