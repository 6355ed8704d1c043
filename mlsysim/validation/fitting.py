"""Fit the constants of the engine to measured rows, and say what leaving rows out would change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsysim.calibration import FILE, FittedConstants, trial
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


class Fit:
    """Least squares of log ratios over the constants, every group of rows counting alike.

    Σ_groups mean ρ(ln(predicted / measured)) with Cauchy's ρ(r) = s²/2 · ln(1 + (r/s)²)
    """

    def __init__(self, cases: Sequence[Case]):
        self.cases = [case for case in cases if not case.apart]
        families = {case.family for case in self.cases}
        self.constants = [c for c in FittedConstants.values() if c.family in families]
        self.names = [constant.name for constant in self.constants]
        self.lower = np.array([constant.lower for constant in self.constants])
        self.upper = np.array([constant.upper for constant in self.constants])
        self.start = np.array([constant.value for constant in self.constants])
        spread = (self.upper - self.lower) * 0.02
        self.scale = np.maximum(np.abs(self.start), spread)
        self.groups = np.array([case.group for case in self.cases])
        self.measured = np.array([case.measured for case in self.cases])
        self._sensitive: NDArray[np.bool_] | None = None

    def values(self, point: Vector) -> dict[str, float]:
        """Return the constants by name at a point."""
        others = {c.name: c.value for c in FittedConstants.values()}
        return {**others, **dict(zip(self.names, map(float, point), strict=True))}

    def log_ratios(self, point: Vector, rows: Iterable[int] | None = None) -> Vector:
        """Return ln(predicted / measured) of some rows, of all unless told."""
        chosen = range(len(self.cases)) if rows is None else rows
        with trial(self.values(point)):
            return np.array(
                [math.log(self.cases[i].predict() / self.cases[i].measured) for i in chosen]
            )

    def jacobian(self, point: Vector, at: Vector) -> NDArray[np.float64]:
        """Return how each row's log ratio answers to each constant; only rows that do are tried."""
        matrix = np.zeros((len(self.cases), len(self.names)))
        learning = self._sensitive is None
        for j in range(len(self.names)):
            rows = range(len(self.cases)) if learning else np.flatnonzero(self._sensitive[:, j])  # type: ignore[index]
            step = _STEP * self.scale[j]
            step = -step if point[j] + step > self.upper[j] else step
            moved = point.copy()
            moved[j] += step
            matrix[list(rows), j] = (self.log_ratios(moved, rows) - at[list(rows)]) / step
        if learning:
            self._sensitive = matrix != 0.0
        return matrix

    def solve(self, *, without: str | None = None, start: Vector | None = None,
              most_steps: int = 15) -> Vector:
        """Return the constants that fit best, with one group of rows left out if told so.

        Gauss-Newton steps on reweighted residuals, within the bounds of each constant.
        """
        from scipy.optimize import lsq_linear

        point = (self.start if start is None else start).copy()
        shares = self._shares(without)
        ratios = self.log_ratios(point)
        for _ in range(most_steps):
            slopes = self.jacobian(point, ratios) * self.scale
            weights = np.sqrt(shares / (1.0 + (ratios / _ROBUST_WITHIN) ** 2))
            stay = _PRIOR_WEIGHT * np.eye(len(point))
            low = np.maximum((self.lower - point) / self.scale, -_REACH) - 1e-12
            high = np.minimum((self.upper - point) / self.scale, _REACH) + 1e-12
            step = lsq_linear(
                np.vstack([slopes * weights[:, None], stay]),
                np.concatenate(
                    [-ratios * weights, _PRIOR_WEIGHT * (self.start - point) / self.scale]
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
        stay = (_PRIOR_WEIGHT * (point - self.start) / self.scale) ** 2
        return float((shares * loss).sum() + 0.5 * stay.sum())

    def group_medians(self, point: Vector) -> dict[str, float]:
        """Return the median absolute error of each group at a point."""
        errors = np.abs(np.expm1(self.log_ratios(point)))
        return {str(g): float(np.median(errors[self.groups == g])) for g in dict.fromkeys(self.groups)}
