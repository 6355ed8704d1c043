"""Two ledgers side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mlsysim import units
from mlsysim.ledger import rendering
from mlsysim.ledger.metrics import Metric
from mlsysim.ledger.scorecard import SystemLedger, metric_paths

# Nearer to each other than this, two values read alike in three significant digits.
_SAME_WITHIN = 5e-4


@dataclass(frozen=True)
class Difference:
    """One metric of two ledgers: both values, what changed, and the change in words."""

    path: str
    metric: Metric
    before: float
    after: float

    @property
    def difference(self) -> float:
        """The change, after minus before, in the metric's base unit."""
        return self.after - self.before

    @property
    def ratio(self) -> float | None:
        """After over before; None where before is zero."""
        return self.after / self.before if self.before else None

    @property
    def factor(self) -> float | None:
        """How many times apart both are, at least 1; None where that means nothing."""
        return None if self.ratio is None or self.ratio <= 0 else max(self.ratio, 1 / self.ratio)

    @property
    def same(self) -> bool:
        """Whether both read alike."""
        near = self.factor is not None and self.factor - 1.0 < _SAME_WITHIN
        return near or self.after == self.before

    @property
    def verdict(self) -> str:
        """Whether the change is "better", "worse", the "same" or merely "different"."""
        if self.same:
            return "same"
        if self.metric.better is None:
            return "different"
        return (
            "better" if (self.after < self.before) == (self.metric.better == "lower") else "worse"
        )

    @property
    def words(self) -> str:
        """The change in words, such as "2.5 × lower, better" or "3 % higher, worse"."""
        if self.same:
            return "the same"
        direction = "lower" if self.after < self.before else "higher"
        judged = f", {self.verdict}" if self.metric.better else ""
        return f"{self._size()} {direction}{judged}"

    def _size(self) -> str:
        if self.ratio is None or self.factor is None:
            return units.humanize(abs(self.difference), self.metric.unit)
        if self.factor < 1.1:
            return units.humanize(abs(self.ratio - 1), "dimensionless")
        return f"{units.number_text(self.factor)} ×"


class Flip(NamedTuple):
    """A constraint that one change breaks or mends, with its margins before and after."""

    constraint: str
    before: float
    after: float

    def __str__(self) -> str:
        now = "holds" if self.after >= 0.0 else "is violated"
        before, after = (f"{100 * margin:,.0f} %" for margin in (self.before, self.after))
        return f"{self.constraint} {now} now: margin {before} before, {after} after"


@dataclass(frozen=True)
class Comparison:
    """How a second ledger differs from a first, for every metric that both have.

    >>> from mlsysim.ledger import Performance, SystemLedger
    >>> slow = SystemLedger(performance=Performance(latency=0.2))
    >>> fast = SystemLedger(performance=Performance(latency=0.1))
    >>> slow.compare(fast)["performance.latency"].words
    '2 × lower, better'
    """

    before: SystemLedger
    after: SystemLedger

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """The numeric metrics of both ledgers, in the ledger's order."""
        rows = []
        for path in metric_paths():
            metric = SystemLedger.metric(path)
            before, after = self.before.si(path), self.after.si(path)
            if metric.unit and before is not None and after is not None:
                rows.append(Difference(path, metric, before, after))
        return tuple(rows)

    @property
    def changed(self) -> tuple[Difference, ...]:
        """The metrics that differ."""
        return tuple(row for row in self.differences if not row.same)

    @property
    def flips(self) -> tuple[Flip, ...]:
        """The constraints that hold in one ledger and not in the other, worst first."""
        before = {verdict.constraint: verdict for verdict in self.before.verdicts}
        flips = [
            Flip(each.constraint, before[each.constraint].margin, each.margin)
            for each in self.after.verdicts
            if each.constraint in before and each.holds != before[each.constraint].holds
        ]
        return tuple(sorted(flips, key=lambda flip: flip.after))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Reasons why the two ledgers cannot be held against each other as they are."""
        bases = {ledger.sustainability.carbon_basis for ledger in (self.before, self.after)} - {
            None
        }
        if len(bases) > 1:
            return (f"Carbon is counted on different bases: {' and '.join(sorted(bases))}.",)
        return ()

    def __getitem__(self, path: str) -> Difference:
        SystemLedger.metric(path)
        return next(row for row in self.differences if row.path == path)

    def to_table(self) -> str:
        """Return the metrics that differ as aligned plain text."""
        rows = [
            (
                row.metric.label,
                units.humanize(row.before, row.metric.unit),
                units.humanize(row.after, row.metric.unit),
                row.words,
            )
            for row in self.changed
        ]
        lines = rendering.columns([("Metric", "A", "B", "B is"), *rows])
        return "\n".join([*lines, *map(str, self.flips), *self.warnings])

    def __str__(self) -> str:
        return self.to_table()

    def _repr_html_(self) -> str:
        return rendering.preformatted(self.to_table())
