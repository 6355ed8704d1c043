"""Asked: what an exploration is about, and what explorations do alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlsysim.choices import Choice
from mlsysim.ledger import SystemLedger
from mlsysim.simulations.base import BaseSimulation

if TYPE_CHECKING:
    from mlsysim.explore.sweep import Sweep

# What a total is made of, and what the rest of it is called.
PARTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "sustainability.carbon": (("operational_carbon", "embodied_carbon"), "Other"),
    "sustainability.energy": (("it_energy",), "Building and networks"),
    "sustainability.water": (("grid_water", "on_site_water"), "Other"),
    "economics.tco": (
        ("capital_cost", "running_cost", "transfer_cost", "storage_cost"),
        "Servers and other",
    ),
}
_ROUNDING = 1e-6


class Asked(NamedTuple):
    """The design that is looked at, what came of it, the pinned one, and the metric of interest."""

    simulation: BaseSimulation
    choice: Mapping[str, Any]
    ledger: SystemLedger
    pinned: SystemLedger | None
    metric: str

    @property
    def declared(self) -> dict[str, Choice]:
        """The declared choices by name."""
        return {choice.name: choice for choice in self.simulation.choices}

    @property
    def pinned_choice(self) -> Mapping[str, Any]:
        """What was chosen for the pinned design, as far as its ledger says so."""
        chosen = self.pinned.context.get("choice", {}) if self.pinned else {}
        return chosen if isinstance(chosen, Mapping) else {}

    def sweep(self, metrics: Sequence[str], **varied: Any) -> Sweep:
        """Evaluate the present design over values of some choices."""
        return self.simulation.sweep(metrics=metrics, **{**self.choice, **varied})


def paths_of(path: str) -> list[str]:
    """Return a total with the paths of its parts."""
    group = path.partition(".")[0]
    return [path, *(f"{group}.{part}" for part in PARTS[path][0])]


def stacked(swept: Sweep, path: str) -> list[tuple[str, Any]]:
    """Return the parts of a total over a sweep by their labels, with what they leave of it."""
    group_name, _, total = path.partition(".")
    parts, others = PARTS[path]
    known = [
        name
        for name in parts
        if f"{group_name}.{name}" in swept.values and swept.full(f"{group_name}.{name}").any()
    ]
    values = {name: swept.full(f"{group_name}.{name}") for name in (total, *known)}
    group = SystemLedger.groups[group_name](**values)
    shown = [(group.metrics[name].label, values[name]) for name in known]
    if not np.allclose(sum(values[name] for name in known), values[total], rtol=_ROUNDING):
        shown.append((others, group.rest(total, known)))
    return shown
