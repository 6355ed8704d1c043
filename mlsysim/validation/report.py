"""What a validation found: each row scored, summed up by group and in total."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from mlsysim.accuracy import Bands
from mlsysim.errors import MLSysimError
from mlsysim.validation.cases import Case

TOTALS = ("perf", "tiny", "edge", "tiny_energy", "energy", "power", "reliability")


@dataclass(frozen=True)
class Score:
    """One row: measured, predicted, or the reason why not."""

    case: Case
    predicted: float | None
    reason: str = ""
    run: Any = None

    @classmethod
    def of(cls, case: Case) -> Self:
        """Predict a case; whatever refuses it is noted, never dropped."""
        try:
            with np.errstate(invalid="raise"):
                answer = case.predict()
                predicted = float(answer)
        except MLSysimError as refusal:
            return cls(case, None, str(refusal))
        except (ArithmeticError, LookupError, TypeError, ValueError) as failure:
            return cls(case, None, f"cannot be worked out: {failure!r}")
        if not (math.isfinite(predicted) and predicted > 0):
            return cls(case, None, f"the prediction is {predicted}")
        if not case.measured > 0:
            return cls(case, None, f"the measurement is {case.measured}")
        return cls(case, predicted, run=getattr(answer, "run", None))

    @property
    def error(self) -> float:
        """Predicted / measured - 1."""
        return (self.predicted or math.nan) / self.case.measured - 1.0

    @property
    def inside(self) -> bool:
        """Whether the measurement lies in the interval stated for the prediction."""
        width = Bands[self.case.band].log_half_width if self.case.band in Bands else 0.0
        return abs(math.log1p(self.error)) <= width + 1e-9


@dataclass(frozen=True)
class Summary:
    """Errors of some rows, as fractions."""

    rows: int
    unpredicted: int
    median: float
    p90: float
    within_20: float
    bias: float
    interval_coverage: float

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Self:
        """Sum up scored rows and count those that were not."""
        done = [score for score in scores if score.predicted is not None]
        if not done:
            return cls(0, len(scores), *(math.nan,) * 5)
        errors = np.array([score.error for score in done])
        size = np.abs(errors)
        return cls(
            rows=len(done),
            unpredicted=len(scores) - len(done),
            median=float(np.median(size)),
            p90=float(np.quantile(size, 0.9)),
            within_20=float((size <= 0.2).mean()),
            bias=float(np.median(errors)),
            interval_coverage=float(np.mean([score.inside for score in done])),
        )


@dataclass(frozen=True)
class Report:
    """All rows of a validation."""

    scores: tuple[Score, ...]

    @cached_property
    def scored(self) -> tuple[Score, ...]:
        """The rows that count."""
        return tuple(score for score in self.scores if not score.case.apart)

    @cached_property
    def apart(self) -> tuple[Score, ...]:
        """The rows that are kept apart, for the reason each names."""
        return tuple(score for score in self.scores if score.case.apart)

    def groups(self, scores: Iterable[Score]) -> dict[tuple[str, str], list[Score]]:
        """Return scores by family and group, in the order of the files."""
        groups: dict[tuple[str, str], list[Score]] = {}
        for score in scores:
            groups.setdefault((score.case.family, score.case.group), []).append(score)
        return groups

    def of_family(self, family: str) -> list[Score]:
        """Return the rows of one family that count."""
        return [score for score in self.scored if score.case.family == family]

    def mean_of_group_medians(self, family: str) -> float:
        """Return the mean over groups of their median absolute error, each counting alike."""
        medians = [
            Summary.of(scores).median
            for (name, _), scores in self.groups(self.scored).items()
            if name == family
        ]
        known = [median for median in medians if math.isfinite(median)]
        return float(np.mean(known)) if known else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return the totals, the groups and what could not be predicted, errors as fractions."""
        families = [family for family in TOTALS if self.of_family(family)]
        return {
            "totals": {
                family: {
                    **_plain(Summary.of(self.of_family(family))),
                    "mean_of_group_medians": _number(self.mean_of_group_medians(family)),
                }
                for family in families
            },
            "groups": {
                f"{family}/{group}": _plain(Summary.of(scores))
                for (family, group), scores in self.groups(self.scored).items()
            },
            "apart": {
                f"{family}/{group}": {
                    **_plain(Summary.of(scores)), "reason": scores[0].case.apart
                }
                for (family, group), scores in self.groups(self.apart).items()
            },
            "unpredicted": [
                {"id": score.case.name, "reason": score.reason}
                for score in self.scored
                if score.predicted is None
            ],
        }  # fmt: skip

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_text(self) -> str:
        """Return the report as aligned text: groups, rows kept apart, reasons, totals."""
        lines = [_HEADER]
        for (family, group), scores in self.groups(self.scored).items():
            lines.append(_line(f"{family}  {group}", Summary.of(scores)))
        lines += ["", "Kept apart, not scored"]
        for (family, group), scores in self.groups(self.apart).items():
            text = _line(f"{family}  {group}", Summary.of(scores))
            lines.append(f"{text}  {scores[0].case.apart}")
        refused = Counter(score.reason for score in self.scored if score.predicted is None)
        lines += ["", f"Not predicted: {refused.total()} rows"]
        lines += [f"  {count:4d}  {reason}" for reason, count in refused.most_common()]
        lines += ["", _HEADER.replace("group", "total")]
        for family in TOTALS:
            scores = self.of_family(family)
            if scores:
                mean = self.mean_of_group_medians(family)
                text = _line(family, Summary.of(scores))
                lines.append(f"{text}  mean of group medians {mean:.1%}")
        return "\n".join(lines)


_HEADER = (
    f"{'group':<46}{'rows':>6}{'left':>6}{'median':>8}{'P90':>8}"
    f"{'bias':>8}{'≤20 %':>8}{'in 80 %':>9}"
)


def _line(name: str, of: Summary) -> str:
    if not of.rows:
        return f"{name:<46.45}{0:>6}{of.unpredicted:>6}"
    return (
        f"{name:<46.45}{of.rows:>6}{of.unpredicted:>6}{of.median:>8.1%}{of.p90:>8.1%}"
        f"{of.bias:>+8.1%}{of.within_20:>8.0%}{of.interval_coverage:>9.0%}"
    )


def _plain(summary: Summary) -> dict[str, Any]:
    return {name: _number(value) for name, value in vars(summary).items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
