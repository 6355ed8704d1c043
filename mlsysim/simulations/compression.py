"""Whether a smaller file is a faster model, and what quality is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from mlsysim import compression, formulas
from mlsysim.applications import Application
from mlsysim.arrays import anywhere, ndim
from mlsysim.choices import Choice, NumberChoice, OptionChoice
from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR, Constants
from mlsysim.engine import Engine
from mlsysim.engine.workload import PRUNINGS
from mlsysim.facilities import Facilities
from mlsysim.ledger import Performance, SystemLedger, Verdict
from mlsysim.models import Models
from mlsysim.regions import Regions
from mlsysim.registry import Registry
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.declared import BATCH_SIZE, DURATION, FACILITY, REGION
from mlsysim.simulations.deployment import Deployment, _verdict, verdicts
from mlsysim.simulations.node import _narrowed, chosen_twin
from mlsysim.tracing import as_float

_LEAST_QUALITY = 0.95
# Differences below this are within the noise of a measurement of time or size.
_NOTICEABLE = 1.05
_REMOVED_BY_TWO_OF_FOUR = 0.5
# Formats of weights that are widened on the way to the multiplier.
_STORED_ONLY = ("int4", "q8_0", "q4_0", "q4_k_m")
_MEASURED_OPERATIONS = ("fp32", "fp16", "int8")

_WHY = {
    "unstructured": "zeros without a pattern are filled in again, for the matrix units skip none. "
    "Remove whole channels, or two of every four weights where the units skip those.",
    "channels": "arithmetic and weights are not what takes the time here. "
    "Look at launching, cache and activations.",
    "2:4": "these units do not skip two of four weights. Remove whole channels instead.",
}
_WIDENED = "the narrower format is widened again before it is multiplied."
_GENERAL = "Smaller is faster only where fewer bytes or fewer operations reach the units."


def _task(simulation: Any) -> str:
    return str(simulation.scenario.model.task)


def _can_prune(simulation: Any) -> bool:
    return bool(compression.measured(_task(simulation), "unstructured"))


def _has_students(simulation: Any) -> bool:
    return len(_models(simulation)) > 1


def _models(simulation: Any) -> Registry[Any]:
    own = simulation.scenario.model
    rows = compression.measured(own.task, "model")
    known = {row.setting for row in rows}
    return _narrowed("model", Models, own, lambda model: own.name in known and model.name in known)


def _formats(simulation: Any) -> tuple[str, ...]:
    """Return the formats the hardware computes, or stores compactly, whose quality is known."""
    hardware = simulation.scenario.system.hardware
    measured = {row.setting for row in compression.measured(_task(simulation), "format")}
    known = measured.union(compression.REFERENCE_FORMATS)
    native = (*hardware.peak_dense_flop_per_s, *_STORED_ONLY)
    return tuple(name for name in hardware.precisions if name in known and name in native)


def _trained_format(application: Application) -> str:
    """Return the format of the model before compression: its own where that has 16 bits or more."""
    if application.precision in compression.REFERENCE_FORMATS:
        return application.precision
    peaks = application.system.hardware.peak_dense_flop_per_s
    return next((name for name in ("fp16", "bf16") if name in peaks), "fp32")


class CompressionSimulation(BaseSimulation):
    """Number format, pruning and a smaller model: what each saves, and what it costs in quality.

    >>> sim = CompressionSimulation("Inference", "CloudTitan")
    >>> half = sim.evaluate({"sparsity": 0.5})
    >>> round(half.performance.speedup_fraction, 2)
    1.0
    >>> half.performance.compression_effect.split(":")[0]
    'Pruned, smaller but not faster'
    """

    title: ClassVar[str] = "Smaller models"
    default_application: ClassVar[str] = "Doorbell"
    choices: tuple[Choice, ...] = (
        REGION,
        OptionChoice(
            name="model",
            label="Model",
            help="The model itself, or another size of it: small ones learn from large ones.",
            options=_models,
            default=lambda simulation: simulation.scenario.model.name,
            applies=_has_students,
        ),
        OptionChoice(
            name="precision",
            label="Number format",
            help="Format of the weights; only formats are offered whose quality was measured.",
            options=_formats,
            default=lambda simulation: simulation.scenario.precision,
        ),
        NumberChoice(
            name="sparsity",
            label="Sparsity",
            help="Share of the weights of matrix products that is removed; 2:4 removes one half.",
            unit="dimensionless",
            minimum=0.0,
            maximum=0.95,
            default=0.0,
            applies=_can_prune,
        ),
        OptionChoice(
            name="pruning",
            label="Pattern",
            help="Single weights anywhere, whole channels, or two of every four weights.",
            options=PRUNINGS,
            default="unstructured",
            applies=_can_prune,
        ),
        BATCH_SIZE,
        FACILITY,
        DURATION,
    )

    @classmethod
    def refusal(cls, application: Application) -> str | None:
        """Return why compression is no question for an application."""
        if application.phase == "training":
            return f"{application.label} trains a model; compression is for models that serve."
        if not compression.measured(application.model.task, "format"):
            return f"No published quality of compressed networks for {application.model.task}."
        return None

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger of an application with its model made smaller."""
        own = self.scenario
        model = chosen_twin(self, "model", choice) if "model" in choice else own.model
        scenario = replace(own, model=model)
        deployment = Deployment(
            scenario=scenario,
            performance=self._performance(scenario, choice),
            units=as_float(self.persona.scale_factor),
            region=Regions[choice["region"]],
            facility=Facilities[choice["facility"]],
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=scenario.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=scenario.duty_cycle,
            utilization=scenario.utilization,
        )
        sustainability = deployment.sustainability()
        ledger = SystemLedger(
            performance=deployment.performance,
            sustainability=sustainability,
            economics=deployment.economics(sustainability),
            reliability=deployment.failures(scenario.failure_rate),
        )
        found = (*_own_verdicts(ledger, choice), *verdicts(scenario, ledger))
        return replace(ledger, verdicts=found)

    def _performance(self, scenario: Application, choice: dict[str, Any]) -> Performance:
        own, batch, chosen = self.scenario, choice["batch_size"], choice["precision"]
        trained = _trained_format(own)
        pruned = {"sparsity": choice.get("sparsity", 0.0), "pruning": _pruning(choice)}
        before, after = _solve(own, batch, trained), _solve(scenario, batch, chosen, **pruned)
        dense = _solve(scenario, batch, chosen) if anywhere(_removed(choice)) else after
        size = Engine.file_size(scenario.model, precision=chosen, **pruned)
        values = {
            "file_size": size,
            "compression_ratio": Engine.file_size(own.model, precision=trained) / size,
            "speedup": before.si("latency") / after.si("latency"),
            **_quality(own, scenario, choice),
        }
        if "sparsity" in choice:
            values["weight_sparsity"] = _removed(choice)
            values["pruning_speedup"] = dense.si("latency") / after.si("latency")
        computed = scenario.system.hardware.compute_precision(chosen)
        if computed in _MEASURED_OPERATIONS:
            values["multiply_add_energy"] = formulas.multiply_add_energy(
                multiply=Constants[f"multiply_energy_{computed}"].value,
                add=Constants[f"add_energy_{computed}"].value,
            )
        return after.replace(**values, compression_effect=_effect(values, choice))


def _solve(scenario: Application, batch: Any, precision: str, **pruned: Any) -> Performance:
    return Engine.solve(
        scenario.model,
        scenario.system,
        phase=scenario.phase,
        batch_size=batch,
        precision=precision,
        runtime=scenario.runtime,
        sequence_length=scenario.sequence_length,
        context_length=scenario.sequence_length,
        **pruned,
    )


def _pruning(choice: dict[str, Any]) -> str:
    return str(choice.get("pruning", "unstructured"))


def _removed(choice: dict[str, Any]) -> Any:
    two_of_four = _pruning(choice) == "2:4"
    return _REMOVED_BY_TWO_OF_FOUR if two_of_four else choice.get("sparsity", 0.0)


def _quality(own: Application, scenario: Application, choice: dict[str, Any]) -> dict[str, Any]:
    """Return the share of the quality that is kept, and what says so."""
    model = scenario.model
    task, size = model.task, model.parameters
    of_format, format_basis = compression.of_format(task, choice["precision"], size)
    of_pruning, pruning_basis = compression.AS_TRAINED, ""
    if "sparsity" in choice:
        of_pruning, pruning_basis = compression.of_pruning(
            task, _pruning(choice), _removed(choice), size
        )
    of_model = compression.of_model(task, own.model.name, model.name)
    kept = formulas.quality_left(of_model=of_model, of_format=of_format, of_pruning=of_pruning)
    basis = (format_basis, pruning_basis if anywhere(_removed(choice)) else "")
    words = "; ".join(each for each in basis if each)
    return {"quality_kept": kept, "quality_basis": words or "nothing is lost"}


def _effect(values: dict[str, Any], choice: dict[str, Any]) -> str:
    """Say what compression brought, and what pruning added to it."""
    ratio, speedup, removed = values["compression_ratio"], values["speedup"], _removed(choice)
    if any(ndim(each) for each in (ratio, speedup, removed)):
        return _GENERAL
    if removed and values["pruning_speedup"] < _NOTICEABLE:
        return f"Pruned, smaller but not faster: {_WHY[_pruning(choice)]}"
    smaller, faster = ratio >= _NOTICEABLE, speedup >= _NOTICEABLE
    if smaller and faster:
        return f"{ratio:.2g} times smaller and {speedup:.2g} times faster."
    if smaller:
        return f"Smaller but not faster: {_WIDENED}"
    return f"{speedup:.2g} times faster at about the same size." if faster else "Not smaller."


def _own_verdicts(ledger: SystemLedger, choice: dict[str, Any]) -> Iterator[Verdict]:
    performance = ledger.performance
    yield _verdict(
        ledger,
        "Quality kept",
        "performance.quality_kept",
        "at least",
        _LEAST_QUALITY,
        "Remove less, choose a wider format, or train what is left again: "
        "distillation gives most of it back.",
    )
    smaller = performance.si("compression_ratio") >= _NOTICEABLE
    yield _faster(ledger, "Smaller is also faster", "performance.speedup", smaller)
    if "sparsity" not in choice:
        return
    removed = performance.si("weight_sparsity")
    yield _faster(
        ledger, "Pruned is also faster", "performance.pruning_speedup", np.greater(removed, 0.0)
    )
    yield _verdict(
        ledger,
        "The pattern removes enough",
        "performance.weight_sparsity",
        "at least",
        choice["sparsity"],
        "Two of every four weights are one half: for more, choose another pattern.",
    )


def _faster(ledger: SystemLedger, constraint: str, metric: str, smaller: Any) -> Verdict:
    """Hold a speed-up against what can be noticed; who is not smaller need not be faster."""
    value = ledger.si(metric)
    limit: Any = np.where(smaller, _NOTICEABLE, np.minimum(value, _NOTICEABLE))
    limit = limit if limit.ndim else float(limit)
    words = str(ledger.performance.si("compression_effect"))
    return _verdict(ledger, constraint, metric, "at least", limit, words)
