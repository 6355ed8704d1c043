"""How much each metric moves when each choice does, around one design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mlsysim.choices import NumberChoice, OptionChoice
from mlsysim.errors import UnknownName
from mlsysim.explore.space import Explorable, library
from mlsysim.explore.sweep import VERDICTS, require_metric
from mlsysim.ledger import SystemLedger, metric_paths

_STEP = 0.01


class Swing(NamedTuple):
    """The least and the most that a metric becomes when one choice takes all its values."""

    choice: str
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """The most over the least."""
        return self.high / self.low if self.low else np.inf


@dataclass(frozen=True)
class Sensitivity:
    """Elasticities of all metrics, and swings of metrics and verdicts, around a design.

    An elasticity is the percent that a metric gains for each percent that a number gains:
    d ln y / d ln x, from steps of one percent (or of one, where only whole numbers are accepted).
    """

    at: Mapping[str, Any]
    elasticities: Mapping[str, Mapping[str, float]]
    swings: Mapping[str, tuple[Swing, ...]]

    def elasticity(self, metric: str, choice: str) -> float:
        """Return the elasticity of a metric to a number; 0 where it does not depend on it."""
        if choice not in self.elasticities:
            raise UnknownName("choice that is a number", choice, self.elasticities)
        return self.elasticities[choice].get(require_metric(metric), 0.0)

    def tornado(self, metric: str) -> tuple[Swing, ...]:
        """Return the swings of a metric over the whole range of each choice, widest first.

        A verdict's margin is asked for as "verdicts.Deadline".
        """
        if metric not in self.swings:
            raise UnknownName("metric", metric, self.swings)
        return tuple(sorted(self.swings[metric], key=lambda swing: swing.low - swing.high))

    def to_dataframe(self) -> Any:
        """Return a pandas.DataFrame of elasticities: a row for each metric, a column per number."""
        return library("pandas").DataFrame(self.elasticities).fillna(0.0)


def sensitivity(simulation: Explorable, at: Mapping[str, Any] | None) -> Sensitivity:
    """Return how metrics move around a design; see `BaseSimulation.sensitivity`."""
    center = simulation.complete(at)
    elasticities: dict[str, dict[str, float]] = {}
    swings: dict[str, list[Swing]] = {}
    for choice in simulation.choices:
        if isinstance(choice, NumberChoice):
            elasticities[choice.name] = _elasticities(simulation, center, choice)
        for path, (low, high) in _ranges(simulation, center, choice).items():
            swings.setdefault(path, []).append(Swing(choice.name, low, high))
    return Sensitivity(center, elasticities, {path: tuple(each) for path, each in swings.items()})


def _evaluated(
    simulation: Explorable, center: Mapping[str, Any], name: str, values: Any, together: bool
) -> dict[str, Any]:
    """Return metrics that are numbers and margins, as arrays over the values of one choice."""
    if together:
        ledgers = [simulation.evaluate({**center, name: np.asarray(values)})]
    else:
        ledgers = [simulation.evaluate({**center, name: value}) for value in values]
    found = {}
    for path in metric_paths():
        each = [ledger.si(path) for ledger in ledgers]
        if SystemLedger.metric(path).unit and all(value is not None for value in each):
            found[path] = _along(each, len(values))
    margins = [{each.constraint: each.margin for each in ledger.verdicts} for ledger in ledgers]
    for constraint in margins[0]:
        if all(constraint in each for each in margins):
            found[f"{VERDICTS}{constraint}"] = _along(
                [each[constraint] for each in margins], len(values)
            )
    return found


def _along(values: list[Any], size: int) -> np.ndarray[Any, Any]:
    """Return results of one evaluation with arrays, or of one for each value, as one array."""
    return np.broadcast_to(np.asarray(values).ravel(), size)


def _elasticities(
    simulation: Explorable, center: Mapping[str, Any], choice: NumberChoice
) -> dict[str, float]:
    value = center[choice.name]
    step = max(1.0, round(_STEP * value)) if choice.integer else _STEP * abs(value)
    ends = [max(value - step, choice.minimum), min(value + step, choice.maximum)]
    if ends[0] <= 0 or ends[0] == ends[1]:
        return {}
    ends = [int(end) for end in ends] if choice.integer else ends
    found = _evaluated(simulation, center, choice.name, ends, not choice.structural)
    return {
        path: float(np.log(high / low) / np.log(ends[1] / ends[0]))
        for path, (low, high) in found.items()
        if low > 0 and high > 0 and not path.startswith(VERDICTS)
    }


def _ranges(
    simulation: Explorable, center: Mapping[str, Any], choice: Any
) -> dict[str, tuple[float, float]]:
    together = isinstance(choice, NumberChoice) and not choice.structural
    if isinstance(choice, OptionChoice):
        values: Any = [option.value for option in choice.listed()]
    elif isinstance(choice, NumberChoice):
        from mlsysim.explore.space import WHOLE_RANGE, space_of

        values = space_of(simulation, {choice.name: WHOLE_RANGE}).axes[0].values
        values = values if together else values.tolist()
    else:
        return {}
    found = _evaluated(simulation, center, choice.name, values, together)
    return {path: (float(each.min()), float(each.max())) for path, each in found.items()}
