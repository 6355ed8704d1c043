"""The designs between which two aims have to be traded off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlsysim import units
from mlsysim.errors import InvalidInput
from mlsysim.explore.space import Space, library
from mlsysim.explore.sweep import require_metric, sweep
from mlsysim.ledger import SystemLedger


@dataclass(frozen=True)
class TradeOff:
    """One design of a front, with the values of both metrics."""

    choice: dict[str, Any]
    first: float
    second: float


@dataclass(frozen=True)
class Front:
    """Designs of which none is beaten in both metrics, by the first one from its best."""

    paths: tuple[str, str]
    varied: tuple[str, ...]
    designs: tuple[TradeOff, ...]
    considered: int

    def __iter__(self) -> Iterator[TradeOff]:
        return iter(self.designs)

    def __len__(self) -> int:
        return len(self.designs)

    def __getitem__(self, place: int) -> TradeOff:
        return self.designs[place]

    def to_dataframe(self) -> Any:
        """Return a pandas.DataFrame: the choices that vary and both metrics, in SI units."""
        rows = [
            {
                **{name: design.choice[name] for name in self.varied},
                self.paths[0]: design.first,
                self.paths[1]: design.second,
            }
            for design in self.designs
        ]
        return library("pandas").DataFrame(rows, columns=[*self.varied, *self.paths])

    def __str__(self) -> str:
        first, second = (SystemLedger.metric(path) for path in self.paths)
        lines = [
            f"{len(self)} of {self.considered:,} designs: {first.label} against {second.label}"
        ]
        for design in self.designs:
            chosen = ", ".join(f"{name} {design.choice[name]}" for name in self.varied)
            both = (
                f"{units.humanize(design.first, first.unit)}, "
                f"{units.humanize(design.second, second.unit)}"
            )
            lines.append(f"{both}: {chosen}")
        return "\n".join(lines)


def front(space: Space, first: str, second: str, *, respect_verdicts: bool) -> Front:
    """Return the front of a space; see `BaseSimulation.pareto`."""
    paths = (require_metric(first), require_metric(second))
    swept = sweep(space, metrics=paths)
    for path in paths:
        if path not in swept.values:
            raise InvalidInput("metric", path, "a metric that applies to this simulation")
    aims = [_sign(path) * swept.full(path).ravel() for path in paths]
    allowed = np.isfinite(aims[0]) & np.isfinite(aims[1])
    if respect_verdicts:
        allowed &= swept.full("feasible").ravel()
    rows = _not_beaten(aims[0], aims[1], np.flatnonzero(allowed))
    designs = tuple(
        TradeOff(
            swept.choice_at(row),
            *(float(swept.full(path).flat[row]) for path in paths),
        )
        for row in rows
    )
    varied = tuple(axis.name for axis in space.axes)
    return Front(paths, varied, designs, considered=int(allowed.sum()))


def _sign(path: str) -> float:
    better = SystemLedger.metric(path).better
    if better is None:
        raise InvalidInput("metric", path, "a metric of which less or more is better")
    return 1.0 if better == "lower" else -1.0


def _not_beaten(
    one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]
) -> Sequence[int]:
    """Return the rows in which no other row is as small in both and smaller in one."""
    if not len(rows):
        return []
    ordered = rows[np.lexsort((other[rows], one[rows]))]
    least = np.minimum.accumulate(other[ordered])
    falls = np.concatenate([[True], other[ordered][1:] < least[:-1]])
    return [int(row) for row in ordered[falls]]
