"""The best design of a space, what binds it, and what to relax where there is none."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from mlsysim import units
from mlsysim.errors import InvalidInput, MLSysimError
from mlsysim.explore.space import Axis, Space, library
from mlsysim.explore.sweep import VERDICTS, Sweep, require_metric, sweep
from mlsysim.ledger import SystemLedger

# A design within a thousandth of a limit counts as held back by it.
_AT_THE_LIMIT = 1e-3
# Combinations of options, best first by samples of their ranges, in which SciPy looks further.
_COMBINATIONS_REFINED = 8
_SEED = 1
_GENERATIONS = 200
_DESIGNS_PER_CHOICE = 15
_BOUND = re.compile(r"\s*(<=|>=)\s*(.+)")
_SENSES = {"<=": "at most", ">=": "at least"}


class Bound(NamedTuple):
    """A limit that a metric must keep, in its SI unit."""

    path: str
    sense: str
    limit: float

    @property
    def name(self) -> str:
        """The bound in words."""
        metric = SystemLedger.metric(self.path)
        return f"{metric.label} {self.sense} {units.humanize(self.limit, metric.unit)}"

    def margin(self, value: Any) -> Any:
        """Return the room left, as a fraction of the limit where there is one."""
        room = self.limit - value if self.sense == "at most" else value - self.limit
        return room / (abs(self.limit) or 1.0)


@dataclass(frozen=True)
class Problem:
    """What to make small or large, and the bounds to keep."""

    path: str
    sign: float
    bounds: tuple[Bound, ...]
    respect_verdicts: bool

    def objective(self, value: Any) -> Any:
        """Return what is to become small."""
        return self.sign * value

    def margins(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return the margin of every constraint, by its name, from metrics and margins by path."""
        margins = {bound.name: bound.margin(found[bound.path]) for bound in self.bounds}
        if self.respect_verdicts:
            margins |= {
                path.removeprefix(VERDICTS): values
                for path, values in found.items()
                if path.startswith(VERDICTS)
            }
        return margins


@dataclass(frozen=True)
class Design:
    """One complete choice with its ledger and the value that was sought."""

    choice: dict[str, Any]
    ledger: SystemLedger
    value: float


@dataclass(frozen=True)
class Optimum(Design):
    """The best design found, what binds it, and the next best.

    `binding` names the constraints and the ends of ranges that keep it from being better.
    """

    path: str
    binding: tuple[str, ...]
    runner_up: Design | None
    varied: tuple[str, ...]

    def __str__(self) -> str:
        metric = SystemLedger.metric(self.path)
        lines = [f"{metric.label} {_words(self, self.varied, metric.unit)}"]
        lines.append(f"held back by {', '.join(self.binding) or 'nothing but the values offered'}")
        if self.runner_up is not None:
            lines.append(f"runner-up {_words(self.runner_up, self.varied, metric.unit)}")
        return "\n".join(lines)


def _words(design: Design, varied: Sequence[str], unit: str) -> str:
    chosen = ", ".join(f"{name} {_short(design.choice[name])}" for name in varied)
    return f"{units.humanize(design.value, unit)} at {chosen}"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class Infeasible(MLSysimError):
    """No design keeps every constraint; `relaxations` says by how much each would have to give.

    Where one constraint alone would do, each of those is listed with the least that it must give;
    otherwise the constraints that must give together.
    """

    def __init__(self, relaxations: Mapping[str, float], *, alone: bool):
        super().__init__(dict(relaxations), alone)
        self.relaxations = dict(relaxations)
        self.alone = alone

    def __str__(self) -> str:
        joined = (" or " if self.alone else " and ").join(
            f"{name!r} {_by_how_much(by)}" for name, by in self.relaxations.items()
        )
        return f"no design keeps every constraint; relax {joined}"


def _by_how_much(excess: float) -> str:
    if excess > 1.0:
        return f"to {1.0 + excess:.3g} times its limit"
    return f"by {units.humanize(excess, 'dimensionless')} of its limit"


def problem_of(
    minimize: str | None,
    maximize: str | None,
    subject_to: Mapping[str, str],
    respect_verdicts: bool,
) -> Problem:
    """Return the problem that keywords describe, or raise `InvalidInput` or `UnknownName`.

    >>> problem_of("economics.tco", None, {"performance.latency": "<= 200 ms"}, True).bounds[0].name
    'Latency at most 200 ms'
    """
    if (minimize is None) == (maximize is None):
        raise InvalidInput("minimize or maximize", (minimize, maximize), "one of the two")
    bounds = tuple(_bound(path, text) for path, text in subject_to.items())
    path = require_metric(minimize or maximize)
    return Problem(path, 1.0 if minimize else -1.0, bounds, respect_verdicts)


def _bound(path: str, text: Any) -> Bound:
    metric = SystemLedger.metric(require_metric(path))
    read = _BOUND.fullmatch(text) if isinstance(text, str) else None
    if read is None:
        raise InvalidInput(f"subject_to {path}", text, "a bound such as '<= 200 ms' or '>= 0.9'")
    limit = units.to_unit(f"subject_to {path}", read[2], metric.unit)
    return Bound(path, _SENSES[read[1]], float(limit))


def optimize(space: Space, problem: Problem) -> Optimum:
    """Return the best design of a space, or raise `Infeasible`; see `BaseSimulation.optimize`."""
    sampled = sweep(space)
    for path in (problem.path, *(bound.path for bound in problem.bounds)):
        if path not in sampled.values:
            raise InvalidInput("metric", path, "a metric that applies here: " + ", ".join(
                each for each in sampled.values if "." in each and not each.startswith(VERDICTS)
            ))  # fmt: skip
    candidates = _sampled(sampled, problem)
    if any(axis.continuous for axis in space.axes):
        candidates = _refined(space, problem, sampled, candidates)
    best = candidates.best()
    if best is None:
        raise candidates.infeasible()
    return _optimum(space, problem, candidates, best)


@dataclass(frozen=True)
class Candidates:
    """Designs with their objective and the margin of each constraint, row by row."""

    choices: Sequence[Mapping[str, Any]]
    objective: np.ndarray[Any, Any]
    margins: Mapping[str, np.ndarray[Any, Any]]

    @property
    def feasible(self) -> np.ndarray[Any, Any]:
        """Which designs keep every constraint."""
        return self._keeping(self.margins)

    def _keeping(self, names: Any) -> np.ndarray[Any, Any]:
        kept: np.ndarray[Any, Any] = np.isfinite(self.objective)
        for name in names:
            kept = kept & ~(self.margins[name] < 0.0)
        return kept

    def best(self, among: np.ndarray[Any, Any] | None = None) -> int | None:
        """Return the row with the least objective of those that are feasible."""
        allowed = self.feasible if among is None else among
        if not allowed.any():
            return None
        return int(np.argmin(np.where(allowed, self.objective, np.inf)))

    def holding_back(self, best: int) -> list[str]:
        """Return the constraints without one of which a better design would do."""
        found = []
        for name in self.margins:
            others = self._keeping(other for other in self.margins if other != name)
            without = self.best(others)
            if without is not None and self.objective[without] < self.objective[best]:
                found.append(name)
        return found

    def infeasible(self) -> Infeasible:
        """Return what would have to give: one constraint alone where that does, else several."""
        alone = {}
        for name, margin in self.margins.items():
            others = self._keeping(other for other in self.margins if other != name)
            if others.any():
                alone[name] = float(-np.max(np.where(others, margin, -np.inf)))
        if alone:
            return Infeasible(dict(sorted(alone.items(), key=lambda item: item[1])), alone=True)
        worst = np.full(self.objective.shape, 0.0)
        for margin in self.margins.values():
            worst = np.minimum(worst, np.nan_to_num(margin))
        nearest = int(np.argmax(worst))
        together = {n: float(-m[nearest]) for n, m in self.margins.items() if m[nearest] < 0.0}
        return Infeasible(together, alone=False)


class _Rows(Sequence[Mapping[str, Any]]):
    """The choices of a sweep, made when one is looked at, and some more after them."""

    def __init__(self, sampled: Sweep, more: Sequence[Mapping[str, Any]] = ()):
        self._sampled = sampled
        self._more = more

    def __len__(self) -> int:
        return self._sampled.size + len(self._more)

    def __getitem__(self, index: Any) -> Any:
        beyond = index - self._sampled.size
        return self._more[beyond] if beyond >= 0 else self._sampled.choice_at(index)


def _sampled(sampled: Sweep, problem: Problem) -> Candidates:
    values = {path: sampled.full(path).ravel() for path in sampled.values}
    return Candidates(
        _Rows(sampled), problem.objective(values[problem.path]), problem.margins(values)
    )


def _refined(space: Space, problem: Problem, sampled: Sweep, candidates: Candidates) -> Candidates:
    """Add what SciPy finds in the ranges, in the combinations of options that look best."""
    discrete = [axis for axis in space.axes if not axis.continuous]
    combinations = list(_combinations(discrete))
    ranked = _ranked(sampled, candidates, discrete, combinations)[:_COMBINATIONS_REFINED]
    found = []
    for combination in tqdm(ranked, desc="Optimum", unit="combination", delay=1.0, leave=False):
        found += _evolved(space, problem, combination)
    margins = {
        name: np.concatenate(
            [each, [found_margins.get(name, np.nan) for _, _, found_margins in found]]
        )
        for name, each in candidates.margins.items()
    }
    objective = np.concatenate([candidates.objective, [value for _, value, _ in found]])
    return Candidates(_Rows(sampled, [choice for choice, _, _ in found]), objective, margins)


def _combinations(axes: Sequence[Axis]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*(axis.values for axis in axes)):
        yield {axis.name: value for axis, value in zip(axes, values, strict=True)}


def _ranked(
    sampled: Sweep,
    candidates: Candidates,
    discrete: Sequence[Axis],
    combinations: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Sort combinations by their best feasible sample, those without one by how near they come."""
    names = list(sampled.shape)
    shape = tuple(sampled.shape.values())
    first = [names.index(axis.name) for axis in discrete]
    rest = [place for place in range(len(names)) if place not in first]

    def rows(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return values.reshape(shape).transpose(first + rest).reshape(len(combinations), -1)

    worst = np.zeros(candidates.objective.shape)
    for margin in candidates.margins.values():
        worst = np.minimum(worst, np.nan_to_num(margin))
    best = rows(np.where(candidates.feasible, candidates.objective, np.inf)).min(axis=1)
    nearest = rows(worst).max(axis=1)
    order = np.lexsort((best, -nearest))
    return [combinations[place] for place in order]


Found = tuple[dict[str, Any], float, dict[str, float]]


def _evolved(space: Space, problem: Problem, combination: dict[str, Any]) -> list[Found]:
    """Return what differential evolution finds where options are fixed and ranges are free."""
    scipy = library("scipy.optimize")
    ranges = [axis for axis in space.axes if axis.continuous]
    fixed = {**space.fixed, **combination}

    def evaluate(points: np.ndarray[Any, Any]) -> tuple[Any, Any]:
        chosen = {axis.name: _decoded(axis, row) for axis, row in zip(ranges, points, strict=True)}
        ledger = space.simulation.evaluate({**fixed, **chosen})
        found = {bound.path: ledger.si(bound.path) for bound in problem.bounds}
        found |= {f"{VERDICTS}{each.constraint}": each.margin for each in ledger.verdicts}
        margins = problem.margins(found)
        worst = np.zeros(points.shape[1])
        for margin in margins.values():
            worst = np.minimum(worst, margin)
        objective = problem.objective(ledger.si(problem.path)) + np.zeros(points.shape[1])
        return objective, worst

    scale = float(np.max(np.abs(evaluate(np.full((len(ranges), 1), 0.5))[0]))) or 1.0

    def penalized(points: np.ndarray[Any, Any]) -> Any:
        points = points.reshape(len(ranges), -1)
        objective, worst = evaluate(points)
        # Whatever breaks a constraint is worse than all that keep them, and the nearer the better.
        kept = np.arctan(objective / scale)
        return np.where(worst < 0.0, 10.0 - worst, kept)

    result = scipy.differential_evolution(
        penalized,
        [(0.0, 1.0)] * len(ranges),
        maxiter=_GENERATIONS,
        popsize=_DESIGNS_PER_CHOICE,
        tol=1e-8,
        rng=np.random.default_rng(_SEED),
        polish=False,
        updating="deferred",
        vectorized=True,
    )
    points = [result.x]
    polished = scipy.minimize(
        lambda point: float(np.squeeze(penalized(np.clip(point, 0.0, 1.0)))),
        result.x,
        method="Nelder-Mead",
        bounds=[(0.0, 1.0)] * len(ranges),
        options={"xatol": 1e-10, "fatol": 1e-14},
    )
    points.append(np.clip(polished.x, 0.0, 1.0))
    return [_found(space, problem, {**fixed, **_choice(ranges, point)}) for point in points]


def _choice(ranges: Sequence[Axis], point: np.ndarray[Any, Any]) -> dict[str, Any]:
    decoded = {axis.name: _decoded(axis, place) for axis, place in zip(ranges, point, strict=True)}
    return {name: value.item() for name, value in decoded.items()}


def _decoded(axis: Axis, place: Any) -> Any:
    """Return the value at a place between 0 and 1 of a range."""
    low, high = float(axis.values[0]), float(axis.values[-1])
    if axis.logarithmic:
        value = low * (high / low) ** np.asarray(place)
    else:
        value = low + (high - low) * np.asarray(place)
    value = np.clip(value, low, high)
    return np.round(value).astype(int) if getattr(axis.choice, "integer", False) else value


def _found(space: Space, problem: Problem, choice: dict[str, Any]) -> Found:
    ledger = space.simulation.evaluate(choice)
    found = {bound.path: ledger.si(bound.path) for bound in problem.bounds}
    found |= {f"{VERDICTS}{verdict.constraint}": verdict.margin for verdict in ledger.verdicts}
    return choice, problem.objective(ledger.si(problem.path)), problem.margins(found)


def _optimum(space: Space, problem: Problem, candidates: Candidates, best: int) -> Optimum:
    design = _design(space, problem, candidates, best)
    binding = candidates.holding_back(best)
    binding += [
        name
        for name, margin in candidates.margins.items()
        if name not in binding and _continuous(space) and abs(margin[best]) < _AT_THE_LIMIT
    ]
    binding += [
        f"{axis.choice.label} at its {end}"
        for axis in space.axes
        if axis.continuous
        for end, value in (("least", axis.values[0]), ("most", axis.values[-1]))
        if np.isclose(design.choice[axis.name], value, rtol=_AT_THE_LIMIT)
    ]
    second = candidates.best(candidates.feasible & ~_like(space, candidates, design))
    return Optimum(
        design.choice,
        design.ledger,
        design.value,
        path=problem.path,
        binding=tuple(binding),
        runner_up=None if second is None else _design(space, problem, candidates, second),
        varied=tuple(axis.name for axis in space.axes),
    )


def _continuous(space: Space) -> bool:
    return any(axis.continuous for axis in space.axes)


def _like(space: Space, candidates: Candidates, design: Design) -> np.ndarray[Any, Any]:
    """Tell which designs are the same: equal options and values, ranges within one sample."""

    def same(choice: Mapping[str, Any]) -> bool:
        return all(_near(axis, choice[axis.name], design.choice[axis.name]) for axis in space.axes)

    ordered = np.argsort(np.where(candidates.feasible, candidates.objective, np.inf), kind="stable")
    alike = np.zeros(len(candidates.objective), dtype=bool)
    for row in ordered:
        if not same(candidates.choices[int(row)]):
            break
        alike[row] = True
    return alike


def _near(axis: Axis, one: Any, other: Any) -> bool:
    if not axis.continuous:
        return bool(one == other)
    if axis.logarithmic:
        step = np.log(axis.values[1] / axis.values[0])
        return bool(abs(np.log(one / other)) < step)
    return bool(abs(one - other) < axis.values[1] - axis.values[0])


def _design(space: Space, problem: Problem, candidates: Candidates, row: int) -> Design:
    choice = dict(candidates.choices[row])
    ledger = space.simulation.evaluate(choice)
    return Design(choice, ledger, float(ledger.si(problem.path)))
