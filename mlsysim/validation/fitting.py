"""Fit the constants of the engine to measured rows, and say what leaving rows out would change."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsysim.calibration import FILE, FittedConstants, fits, trial
from mlsysim.errors import MLSysimError, UnknownName
from mlsysim.validation.cases import Case

Vector = NDArray[np.float64]

# Residuals beyond this are outliers: the further out, the less they pull.
_ROBUST_WITHIN = 0.15
# How strongly a constant stays where it started, for a change by its own size: enough to decide
# where no row speaks.
_PRIOR_WEIGHT = 2e-3
# No constant moves further than this share of its size in one step.
_REACH = 0.5
_SETTLED = 3e-3
_STEP = 1e-3
_STATED = ("prior", "unit", "lower", "upper", "family", "meaning")


class Fit:
    """Least squares of log ratios over the constants, every group of rows counting alike.

    Σ_groups mean ρ(ln(predicted / measured)) with Cauchy's ρ(r) = s²/2 · ln(1 + (r/s)²)
    """

    def __init__(self, cases: Sequence[Case], others: Mapping[str, float] | None = None):
        self.cases = [case for case in cases if not case.apart and _is_predicted(case)]
        self.others = others or {c.name: c.value for c in FittedConstants.values()}
        families = {case.family for case in self.cases}
        self.constants = [c for c in FittedConstants.values() if c.family in families]
        self.names = [constant.name for constant in self.constants]
        self.lower = np.array([constant.lower for constant in self.constants])
        self.upper = np.array([constant.upper for constant in self.constants])
        self.prior = np.array([constant.prior for constant in self.constants])
        self.fitted = np.array([constant.value for constant in self.constants])
        spread = (self.upper - self.lower) * 0.02
        self.scale = np.maximum(np.abs(self.prior), spread)
        self.groups = np.array([case.group for case in self.cases])
        self.measured = np.array([case.measured for case in self.cases])
        self._sensitive: NDArray[np.bool_] = np.zeros((0, 0), dtype=bool)

    def values(self, point: Vector) -> dict[str, float]:
        """Return the constants by name at a point."""
        return {**self.others, **dict(zip(self.names, map(float, point), strict=True))}

    def log_ratios(self, point: Vector, rows: NDArray[np.intp] | None = None) -> Vector:
        """Return ln(predicted / measured) of some rows, of all unless told."""
        chosen = range(len(self.cases)) if rows is None else rows
        with trial(self.values(point)):
            return np.array(
                [math.log(self.cases[i].predict() / self.cases[i].measured) for i in chosen]
            )

    def jacobian(self, point: Vector, at: Vector) -> NDArray[np.float64]:
        """Return how each row's log ratio answers to each constant; only rows that do are tried."""
        matrix = np.zeros((len(self.cases), len(self.names)))
        everywhere = np.arange(len(self.cases))
        learning = not self._sensitive.size
        for j in range(len(self.names)):
            rows = everywhere if learning else np.flatnonzero(self._sensitive[:, j])
            step = _STEP * self.scale[j]
            step = -step if point[j] + step > self.upper[j] else step
            moved = point.copy()
            moved[j] += step
            matrix[rows, j] = (self.log_ratios(moved, rows) - at[rows]) / step
        if learning:
            self._sensitive = matrix != 0.0
        return matrix

    def solve(
        self,
        *,
        without: str | None = None,
        start: Vector | None = None,
        most_steps: int = 15,
        progress: Any = iter,
    ) -> Vector:
        """Return the constants that fit best, with one group of rows left out if told so.

        Gauss-Newton steps on reweighted residuals, within the bounds of each constant.
        """
        from scipy.optimize import lsq_linear

        point = (self.prior if start is None else start).copy()
        shares = self._shares(without)
        ratios = self.log_ratios(point)
        for _ in progress(range(most_steps)):
            slopes = self.jacobian(point, ratios) * self.scale
            weights = np.sqrt(shares / (1.0 + (ratios / _ROBUST_WITHIN) ** 2))
            stay = _PRIOR_WEIGHT * np.eye(len(point))
            low = np.maximum((self.lower - point) / self.scale, -_REACH) - 1e-12
            high = np.minimum((self.upper - point) / self.scale, _REACH) + 1e-12
            step = lsq_linear(
                np.vstack([slopes * weights[:, None], stay]),
                np.concatenate(
                    [-ratios * weights, _PRIOR_WEIGHT * (self.prior - point) / self.scale]
                ),
                bounds=(low, high),
            ).x
            point, ratios, moved = self._descend(point, ratios, step, shares)
            if moved < _SETTLED:
                break
        return point

    def _shares(self, without: str | None) -> Vector:
        """Return the weight of each row: every group counts alike, one left out not at all."""
        sizes = {group: (self.groups == group).sum() for group in set(self.groups)}
        return np.array([0.0 if g == without else 1.0 / sizes[g] for g in self.groups])

    def _descend(
        self, point: Vector, ratios: Vector, step: Vector, shares: Vector
    ) -> tuple[Vector, Vector, float]:
        """Take a step, or half of it, or a quarter, until it helps; return how far it went."""
        before = self._cost(point, ratios, shares)
        for halvings in range(5):
            nearer = np.clip(point + step * self.scale / 2**halvings, self.lower, self.upper)
            there = self.log_ratios(nearer)
            if self._cost(nearer, there, shares) < before:
                return nearer, there, float(np.abs(step).max() / 2**halvings)
        return point, ratios, 0.0

    def _cost(self, point: Vector, ratios: Vector, shares: Vector) -> float:
        loss = _ROBUST_WITHIN**2 * np.log1p((ratios / _ROBUST_WITHIN) ** 2) / 2.0
        stay = (_PRIOR_WEIGHT * (point - self.prior) / self.scale) ** 2
        return float((shares * loss).sum() + 0.5 * stay.sum())

    def left_out(self, point: Vector, progress: Any = iter) -> Vector:
        """Return ln(predicted / measured) of each row under constants fitted without its group."""
        ratios = np.zeros(len(self.cases))
        for group in progress(list(dict.fromkeys(map(str, self.groups)))):
            without = self.solve(without=group, start=point, most_steps=4)
            rows = np.flatnonzero(self.groups == group)
            ratios[rows] = self.log_ratios(without, rows)
        return ratios

    def medians_by_group(self, ratios: Vector) -> dict[str, float]:
        """Return the median absolute error of each group, of given log ratios."""
        errors = np.abs(np.expm1(ratios))
        groups = dict.fromkeys(map(str, self.groups))
        return {group: float(np.median(errors[self.groups == group])) for group in groups}

    def group_medians(self, point: Vector) -> dict[str, float]:
        """Return the median absolute error of each group at a point."""
        return self.medians_by_group(self.log_ratios(point))


def _is_predicted(case: Case) -> bool:
    try:
        return case.predict() > 0 and case.measured > 0
    except MLSysimError:
        return False


def run(
    directory: Path,
    *,
    families: Sequence[str] | None = None,
    write: bool,
    leave_out: bool,
    say: Any,
    progress: Any,
) -> None:
    """Fit the constants of every family in a directory, say what came out, store it if told so."""
    from mlsysim.validation import Report, Score, bands, cases_of

    cases = list(cases_of(directory))
    values = {constant.name: constant.value for constant in FittedConstants.values()}
    records: dict[str, dict[str, Any]] = {}
    known = tuple(dict.fromkeys(constant.family for constant in FittedConstants.values()))
    for family in families or known:
        if family not in known:
            raise UnknownName("family", family, known)
        fit = Fit([case for case in cases if case.family == family], values)
        if not fit.cases:
            continue
        say(f"Fitting {len(fit.names)} constants of {family} to {len(fit.cases)} rows.")
        point = fit.solve(progress=progress(family))
        medians = fit.group_medians(point)
        errors = np.abs(np.expm1(fit.log_ratios(point)))
        records[family] = {
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "rows": len(fit.cases),
            "median": round(float(np.median(errors)), 4),
            "mean_of_group_medians": round(float(np.mean(list(medians.values()))), 4),
            **({} if leave_out else _left_out_before(family)),
        }
        say(
            f"  median {records[family]['median']:.1%}, "
            f"mean of group medians {records[family]['mean_of_group_medians']:.1%}"
        )
        for name, value in zip(fit.names, point, strict=True):
            say(f"  {name:<44}{values[name]:>12.4g} → {value:.4g} {FittedConstants[name].unit}")
        values = fit.values(point)
        if leave_out:
            ratios = fit.left_out(point, progress("leaving out"))
            medians = fit.medians_by_group(ratios)
            for group, median in medians.items():
                say(f"  without {group:<40}{median:.1%}")
            mean = float(np.mean(list(medians.values())))
            say(f"  mean over groups left out: {mean:.1%}")
            records[family]["mean_left_out"] = round(mean, 4)
    if write:
        FILE.write_text(_text(values, records), encoding="utf-8")
        with trial(values):
            bands.write(Report(tuple(Score.of(case) for case in cases)))
        say(f"Written to {FILE.name} and accuracy.json.")


def _left_out_before(family: str) -> dict[str, object]:
    """Return what an earlier fit found by leaving groups out, which this one does not repeat."""
    before = fits().get(family, {})
    return {key: before[key] for key in ("mean_left_out",) if key in before}


def _text(values: dict[str, float], records: dict[str, dict[str, Any]]) -> str:
    constants = {
        constant.name: {
            "value": float(f"{values[constant.name]:.4g}"),
            **{key: getattr(constant, key) for key in _STATED},
        }
        for constant in FittedConstants.values()
    }
    from mlsysim.validation import bands

    return bands.document({"fits": {**fits(), **records}, "constants": constants})
