"""How far predictions have been from measurements: a band of residuals for each kind of answer."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from mlsysim.registry import Registry
from mlsysim.sources import DATA, Sourced

FILE = DATA / "accuracy.json"


@dataclass(frozen=True, kw_only=True)
class Band(Sourced):
    """The residuals of one kind of prediction.

    Of `rows` measurements, 80 % lie within a factor e^`log_half_width` of their predictions.
    `combinations` are the runtimes and architectures among them: others are extrapolation.

    >>> band = Band(name="example", rows=10, median=0.1, log_half_width=0.2)
    >>> [round(end, 2) for end in band.interval(100.0)]
    [81.87, 122.14]
    """

    name: str
    rows: int
    median: float
    log_half_width: float
    combinations: tuple[str, ...] = ()
    source: str = "mlsysim-validation"

    @cached_property
    def factor(self) -> float:
        """By what factor an end of the interval is off: e^`log_half_width`."""
        return math.exp(self.log_half_width)

    def interval(self, value: float) -> tuple[float, float]:
        """Return the ends between which 80 % of measurements would lie."""
        return value / self.factor, value * self.factor

    def covers(self, runtime: str, architecture: str) -> bool:
        """Tell whether measurements of this runtime and of this architecture are among the rows."""
        return f"{runtime} on {architecture}" in self.combinations

    def describe(self, runtime: str, architecture: str) -> str:
        """Say in words what stands behind a prediction, and what does not.

        >>> band = Band(name="example", rows=10, median=0.1, log_half_width=0.2)
        >>> band.describe("PyTorch", "Hopper")
        'extrapolated: no measurement of PyTorch on Hopper among 10 of example'
        """
        if self.covers(runtime, architecture):
            return f"{self.rows} measurements of {self.name}, median error {self.median:.0%}"
        return (
            f"extrapolated: no measurement of {runtime} on {architecture} "
            f"among {self.rows} of {self.name}"
        )


class Kind(NamedTuple):
    """The bands that hold for one execution: of its time and of its energy."""

    time: Band
    energy: Band


def _load() -> tuple[Band, ...]:
    records: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(
        Band(name=name, **{**record, "combinations": tuple(record["combinations"])})
        for name, record in records.items()
    )


Bands: Registry[Band] = Registry("band of residuals", _load)


def kind_of(phase: str, tier: str, *, fixed_size: bool, together: bool) -> Kind:
    """Return the bands of an execution by its phase and the tier of its hardware.

    Sequences that are decoded `together` were measured on servers.

    >>> kind_of("decode", "cloud", fixed_size=False, together=False).time.name
    'decode'
    """
    if tier == "tiny":
        return Kind(Bands["microcontroller"], Bands["microcontroller energy"])
    if phase == "training":
        time = "training of networks" if fixed_size else "training"
        return Kind(Bands[time], Bands["energy of training"])
    if fixed_size:
        time = "inference" if tier == "cloud" else "edge"
        return Kind(Bands[time], Bands["energy of images"])
    time = "serving" if phase == "decode" and together else phase
    return Kind(Bands[time], Bands["energy of serving"])
