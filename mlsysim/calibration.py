"""Constants fitted to published measurements: what each means, its bounds, the fit behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from mlsysim.errors import require_number
from mlsysim.registry import Registry
from mlsysim.sources import DATA, Sourced

FILE = DATA / "calibration.json"


@dataclass(frozen=True, kw_only=True)
class FittedConstant(Sourced):
    """One constant that measurements decided, between bounds that physics sets.

    `prior` is the value a practitioner would guess: where the fit starts, and where it stays when
    no row speaks. `family` names the measurements that decide.

    >>> FittedConstants["kernel_latency_s"].unit
    'second'
    """

    name: str
    value: float
    prior: float
    unit: str
    lower: float
    upper: float
    family: str
    meaning: str
    source: str = "mlsysim-fit"

    @property
    def note(self) -> str:
        """What the constant means, and the fit behind it."""
        fit = fits()[self.family]
        return f"{self.meaning} Fitted on {fit['date']} to {fit['rows']} rows ({self.family})."

    def __post_init__(self) -> None:
        require_number(f"value of {self.name}", self.value, minimum=self.lower, maximum=self.upper)


@cache
def _document() -> dict[str, dict[str, dict[str, float | str]]]:
    document: dict[str, dict[str, dict[str, float | str]]] = json.loads(
        FILE.read_text(encoding="utf-8")
    )
    return document


def fits() -> Mapping[str, Mapping[str, object]]:
    """Return for each family when its constants were fitted, on how many rows, and the residual.

    >>> sorted(fits()["perf"])
    ['date', 'mean_left_out', 'mean_of_group_medians', 'median', 'rows']
    """
    return _document()["fits"]


FittedConstants: Registry[FittedConstant] = Registry(
    "fitted constant",
    lambda: (
        FittedConstant(name=name, **{"prior": record["value"], **record})  # type: ignore[arg-type]  # checked on construction
        for name, record in _document()["constants"].items()
    ),
)

_on_trial: ContextVar[Mapping[str, float] | None] = ContextVar("constants_on_trial", default=None)
_depends: list[Registry[Any]] = []


def fitted(name: str) -> float:
    """Return a fitted constant, or the value on trial inside `trial`."""
    values = _on_trial.get()
    return FittedConstants[name].value if values is None else values[name]


def registries_with_fitted_constants() -> tuple[Registry[Any], ...]:
    """Return the registries whose twins hold fitted constants."""
    return tuple(_depends)


def rebuilt_on_trial(registry: Registry[Any]) -> None:
    """Note a registry whose twins hold fitted constants, to be filled anew for each trial."""
    _depends.append(registry)


@contextmanager
def trial(values: Mapping[str, float]) -> Iterator[None]:
    """Use other values of the fitted constants for a while: how the fit tries them.

    >>> with trial({**{c.name: c.value for c in FittedConstants.values()}, "kernel_latency_s": 0}):
    ...     fitted("kernel_latency_s")
    0
    """
    token = _on_trial.set(values)
    try:
        for registry in _depends:
            registry.refill()
        yield
    finally:
        _on_trial.reset(token)
        for registry in _depends:
            registry.refill()
