"""How a training run is laid out, whether it fits, how long it takes and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from mlsysim import formulas
from mlsysim.applications import Application
from mlsysim.arrays import ndim
from mlsysim.choices import Choice, NumberChoice, OptionChoice
from mlsysim.constants import SECONDS_PER_MINUTE, SECONDS_PER_YEAR
from mlsysim.engine import Engine
from mlsysim.engine.workload import RECOMPUTATIONS
from mlsysim.facilities import Facilities
from mlsysim.failure_rates import FailureRates
from mlsysim.ledger import Factors, Performance, Reliability, SystemLedger, Verdict
from mlsysim.models import Decoder, Models, Transformer
from mlsysim.optimizers import DEFAULT_OPTIMIZER, MASTER_BYTES, Optimizers
from mlsysim.precisions import Precisions
from mlsysim.regions import Regions
from mlsysim.registry import Registry
from mlsysim.runtimes import ATTENTIONS, Runtime, Runtimes
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.declared import (
    CHECKPOINT_INTERVAL,
    FACILITY,
    FAILURE_RATE,
    REGION,
    RESTART_TIME,
    trains,
)
from mlsysim.simulations.deployment import Deployment, _verdict, ends_of, verdicts
from mlsysim.simulations.node import _narrowed, chosen_twin
from mlsysim.systems import SHARDINGS, Layout
from mlsysim.tracing import SourcedFloat, as_float, call, current_recorder
from mlsysim.units import humanize

# Formats in which weights are trained; narrower ones have no arithmetic for gradients.
_TRAINED_IN = ("fp32", "tf32", "fp16", "bf16", "fp8", "mxfp8")
_TOKENS_PER_PARAMETER = 20.0
_DEGREES = ("tensor", "pipeline", "virtual_stages", "data", "context", "expert")

# The embedding and the head may fill a chunk each, as those of Llama 3 405B did.
_ENDS = 2

# What a persona has many of are devices that run the model, not trainings of it.
_ONE_RUN = SourcedFloat(
    1.0,
    name="training_runs",
    label="runs of one model",
    unit="dimensionless",
    source="project-mission",
)

_LARGEST_BUBBLE = 0.2
_LEAST_EFFICIENCY = 0.5
_KEPT = 0.9

# The parts of memory, with what makes each of them smaller.
_PARTS = {
    "weight_memory": ("Weights take", "divide them by tensor or pipeline degree, or shard fully"),
    "state_memory": (
        "Gradients and optimizer state take",
        "shard them over more replicas, or choose an optimizer that keeps less",
    ),
    "activation_memory": (
        "Activations take",
        "recompute them, use fused attention, or work off smaller microbatches",
    ),
}


def _is_transformer(simulation: Any) -> bool:
    return isinstance(simulation.scenario.model, Transformer)


def _is_network(simulation: Any) -> bool:
    return not _is_transformer(simulation)


def _is_divided(simulation: Any) -> bool:
    return _is_transformer(simulation) and simulation.scenario.system.devices > 1


def _has_experts(simulation: Any) -> bool:
    return _is_divided(simulation) and simulation.scenario.model.mixture is not None


def _is_pipelined(simulation: Any) -> bool:
    return _is_divided(simulation) and _usual_layout(simulation.scenario).pipeline > 1


def _has_replicas(simulation: Any) -> bool:
    return bool(simulation.scenario.system.devices > 1)


def _usual_layout(scenario: Application) -> Layout:
    """Return the system's own layout, or where it was made for inference, sharded replicas."""
    if scenario.phase == "training" and isinstance(scenario.model, Transformer):
        return scenario.system.layout
    return Layout(data=scenario.system.devices, sharding="full")


def _usual_runtime(scenario: Application) -> Runtime:
    if scenario.phase == "training":
        return scenario.runtime
    return Runtimes["torchtitan" if scenario.system.devices > 1 else "PyTorch compiled"]


def _usual_batch(simulation: Any) -> int:
    batch = simulation.scenario.batch_size
    return int(batch if trains(simulation) else np.maximum(batch, 16))


def _usual_microbatch(simulation: Any) -> int:
    usual = _usual_layout(simulation.scenario).microbatch_size or 1
    return usual if _is_transformer(simulation) else _usual_batch(simulation)


def _usual_tokens(simulation: Any) -> float:
    model = simulation.scenario.model
    if not trains(simulation):
        return 1e8
    return float(model.training_tokens or _TOKENS_PER_PARAMETER * model.parameters)


def _usual_interval(simulation: Any) -> float:
    """Return a round interval near the best: minutes on thousands of nodes, hours on one."""
    if not trains(simulation):
        return 240.0
    return 10.0 if simulation.scenario.system.nodes > 1000 else 30.0


def _usual_precision(simulation: Any) -> str:
    usual = (str(simulation.scenario.precision), "bf16", "fp16", "fp32")
    return next(name for name in usual if name in _precisions(simulation))


def _precisions(simulation: Any) -> tuple[str, ...]:
    offered = simulation.scenario.system.hardware.precisions
    return tuple(name for name in offered if name in _TRAINED_IN)


def _models(simulation: Any) -> Registry[Any]:
    own = simulation.scenario.model
    return _narrowed(
        "model",
        Models,
        own,
        lambda model: type(model) is type(own) and model.task == own.task,
    )


def _degree(
    name: str, label: str, explanation: str, maximum: int, applies: Any = _is_divided
) -> NumberChoice:
    return NumberChoice(
        name=name,
        label=label,
        help=explanation,
        unit="dimensionless",
        minimum=1,
        maximum=maximum,
        default=lambda simulation: getattr(_usual_layout(simulation.scenario), name),
        integer=True,
        scale="log",
        structural=True,
        applies=applies,
    )


class TrainingSimulation(BaseSimulation):
    """How to train a model: the batch, what is kept in memory, and how devices divide the work.

    >>> sim = TrainingSimulation("Frontier", "CloudTitan")
    >>> usual, recomputed = sim.evaluate({}), sim.evaluate({"recomputation": "full"})
    >>> recomputed.performance.memory_used < usual.performance.memory_used
    True
    >>> recomputed.performance.training_time > usual.performance.training_time
    True
    """

    title: ClassVar[str] = "A training run"
    default_application: ClassVar[str] = "Training"
    default_persona: ClassVar[str] = "CloudTitan"
    choices: tuple[Choice, ...] = (
        REGION,
        FACILITY,
        OptionChoice(
            name="model",
            label="Model",
            help="What is trained.",
            options=_models,
            default=lambda simulation: simulation.scenario.model.name,
        ),
        NumberChoice(
            name="training_tokens",
            label="Tokens to train on",
            help="Text that the model sees in the whole run.",
            unit="dimensionless",
            minimum=1e6,
            maximum=1e14,
            default=_usual_tokens,
            scale="log",
            applies=_is_transformer,
        ),
        NumberChoice(
            name="training_samples",
            label="Samples to train on",
            help="Inputs that the network sees in the whole run, each epoch counted.",
            unit="dimensionless",
            minimum=1e3,
            maximum=1e10,
            default=1e6,
            scale="log",
            applies=_is_network,
        ),
        NumberChoice(
            name="batch_size",
            label="Batch size",
            help="Sequences or samples in one optimizer step, on all devices together.",
            unit="dimensionless",
            minimum=1,
            maximum=lambda simulation: 16 * _usual_batch(simulation),
            default=_usual_batch,
            integer=True,
            scale="log",
        ),
        NumberChoice(
            name="sequence_length",
            label="Sequence length",
            help="Tokens in one sequence.",
            unit="dimensionless",
            minimum=128,
            maximum=131_072,
            default=lambda simulation: simulation.scenario.sequence_length,
            integer=True,
            scale="log",
            applies=_is_transformer,
        ),
        OptionChoice(
            name="precision",
            label="Precision",
            help="Number format of weights and arithmetic.",
            options=_precisions,
            default=_usual_precision,
        ),
        OptionChoice(
            name="optimizer",
            label="Optimizer",
            help="What is kept for every weight beside its gradient.",
            options=Optimizers,
            default=DEFAULT_OPTIMIZER,
        ),
        OptionChoice(
            name="recomputation",
            label="Recomputation",
            help="Forget activations and compute them again: attention scores, or whole layers. "
            "Fused attention never keeps scores, so that selective recomputation adds nothing.",
            options=RECOMPUTATIONS,
            default=lambda simulation: "none" if trains(simulation) else "full",
            applies=_is_transformer,
        ),
        OptionChoice(
            name="attention",
            label="Attention",
            help="Fused attention never writes its scores to memory; plain attention does.",
            options=ATTENTIONS,
            default=lambda simulation: _usual_runtime(simulation.scenario).attention,
            applies=_is_transformer,
        ),
        NumberChoice(
            name="microbatch_size",
            label="Microbatch size",
            help="Sequences or samples that a replica works on at once; gradients add up.",
            unit="dimensionless",
            minimum=1,
            maximum=lambda simulation: max(64, _usual_batch(simulation)),
            default=_usual_microbatch,
            integer=True,
            scale="log",
            structural=True,
        ),
        OptionChoice(
            name="sharding",
            label="Sharding",
            help="What the replicas divide among themselves instead of each keeping all of it.",
            options=SHARDINGS,
            default=lambda simulation: _usual_layout(simulation.scenario).sharding,
            applies=_has_replicas,
        ),
        _degree("tensor", "Tensor degree", "Devices that divide every operator.", 64),
        _degree("pipeline", "Pipeline degree", "Stages that the layers are divided into.", 64),
        _degree(
            "virtual_stages",
            "Virtual stages",
            "Pieces of the network on each device: more fill the pipeline sooner.",
            16,
            _is_pipelined,
        ),
        _degree("data", "Data degree", "Replicas that divide the batch.", 4096, _has_replicas),
        _degree("context", "Context degree", "Devices that divide each sequence.", 64),
        _degree("expert", "Expert degree", "Devices that divide the experts.", 64, _has_experts),
        FAILURE_RATE,
        replace(CHECKPOINT_INTERVAL, maximum=10_080.0, default=_usual_interval),
        NumberChoice(
            name="storage_gb_per_s_per_node",
            label="Storage bandwidth",
            help="What each node writes of a checkpoint, in gigabytes a second.",
            unit="gigabyte/second",
            minimum=0.01,
            maximum=100.0,
            default=2.0,
            scale="log",
        ),
        replace(RESTART_TIME, maximum=1440.0, default=10.0, applies=_has_replicas),
    )

    @classmethod
    def refusal(cls, application: Application) -> str | None:
        """Return why an application's model cannot be trained on its system."""
        model, hardware = application.model, application.system.hardware
        if hardware.flash_bytes is not None:
            return (
                f"{application.label} runs finished firmware: its weights lie in flash, which "
                "is not rewritten at every step. Train on another system."
            )
        if not set(_TRAINED_IN) & set(hardware.precisions):
            return (
                f"{hardware.name} has no arithmetic for gradients, only for "
                f"{', '.join(hardware.precisions)}. Train on another system."
            )
        if model.task == "recommendation":
            return (
                f"{model.name} is trained with a sparse optimizer that touches few rows of its "
                "tables, which the engine does not describe."
            )
        # Weights and gradients of two bytes each, and the copy that is updated.
        needed = formulas.parameter_bytes(model.parameters, 4.0 + MASTER_BYTES)
        there = hardware.memory_bytes * application.system.devices
        if needed > there:
            return (
                f"Training {model.name} takes at least {humanize(needed, 'byte')} for weights, "
                f"gradients and their 32-bit copy; {application.label} has "
                f"{humanize(there, 'byte')}. Train on another system."
            )
        return None

    @property
    def units(self) -> float:
        """One: a model is trained once, on however many devices its persona then runs it."""
        return _ONE_RUN

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger of a training run."""
        scenario, units = self._scenario(choice), self.units
        if current_recorder() is not None:
            # On a single device nothing else would lead from the number of devices to a source.
            units = call(float, (units,))
        step = self._step(scenario, choice)
        kept = _survival(scenario, choice)
        performance = _run(scenario, choice, step, kept.si("goodput"))
        if trains(self):
            performance = performance.replace(**_learned(scenario, choice))
        deployment = Deployment(
            scenario=scenario,
            performance=performance,
            units=units,
            region=Regions[choice["region"]],
            facility=Facilities[choice["facility"]],
            duration_s=performance.si("training_time"),
            lifetime_s=scenario.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=1.0,
            utilization=1.0,
            goodput=kept.si("goodput"),
        )
        sustainability = deployment.sustainability()
        rate = FailureRates[choice["failure_rate"]]
        ledger = SystemLedger(
            performance=performance,
            sustainability=sustainability,
            economics=deployment.economics(sustainability),
            reliability=deployment.failures(rate).replace(**{n: kept.si(n) for n in kept}),
        )
        own = self._verdicts(scenario, ledger, units)
        usual = (_explained(each, performance) for each in verdicts(scenario, ledger))
        return replace(ledger, verdicts=(*own, *usual))

    def _scenario(self, choice: dict[str, Any]) -> Application:
        own = self.scenario
        degrees = {name: choice[name] for name in _DEGREES if name in choice}
        layout = Layout(
            **degrees,
            microbatch_size=choice["microbatch_size"],
            sharding=choice.get("sharding", "none"),
        )
        return replace(
            own,
            model=chosen_twin(self, "model", choice),
            system=replace(own.system, layout=layout),
            runtime=_usual_runtime(own),
            phase="training",
            precision=choice["precision"],
            gang=True,
            deadline_s=None,
            targets=own.targets if trains(self) else (),
        )

    def _step(self, scenario: Application, choice: dict[str, Any]) -> Performance:
        return Engine.solve(
            scenario.model,
            scenario.system,
            phase="training",
            batch_size=choice["batch_size"],
            sequence_length=choice.get("sequence_length"),
            precision=choice["precision"],
            runtime=scenario.runtime,
            layout=scenario.system.layout,
            recomputation=choice.get("recomputation", "none"),
            attention=choice.get("attention"),
            optimizer=choice["optimizer"],
        )

    def _verdicts(
        self, scenario: Application, ledger: SystemLedger, units: float
    ) -> Iterator[Verdict]:
        if _has_replicas(self):
            yield from _layout_verdicts(scenario, ledger, self.scenario.system.devices * units)
        if ledger.si("performance.critical_batch_tokens") is not None:
            yield _verdict(
                ledger,
                "Batch below its critical size",
                "performance.batch_tokens",
                "at most",
                ledger.si("performance.critical_batch_tokens"),
                "Shrink the batch: by the published estimate, more of it saves ever fewer steps.",
            )
        yield _verdict(
            ledger,
            "Work kept",
            "reliability.goodput",
            "at least",
            _KEPT,
            "Move the checkpoint interval towards the best one, save faster, or restart faster.",
        )
        yield _verdict(
            ledger,
            "Saving pays",
            "reliability.checkpoint_interval",
            "at least",
            ledger.si("reliability.checkpoint_time"),
            "Save less often, or to faster storage.",
        )


def _run(
    scenario: Application, choice: dict[str, Any], step: Performance, goodput: Any
) -> Performance:
    """Return the performance of one step, with what the whole run takes and reaches."""
    model, layout, batch = scenario.model, scenario.system.layout, choice["batch_size"]
    latency = step.si("latency")
    length = choice.get("sequence_length", 1.0)
    samples = choice.get("training_tokens", choice.get("training_samples"))
    steps = formulas.training_steps(samples=samples, batch=batch * length)
    waits = step.si("bubble_time"), step.si("communication_time")
    bubble, links = (0.0 if each is None else each for each in waits)
    work_of_step = step.si("achieved_flop_rate") * latency * layout.devices
    values = {
        "training_time": formulas.run_duration(steps * latency, goodput),
        "training_steps": steps,
        "training_compute": formulas.training_compute(work_of_step, steps),
        "replica_batch": batch / layout.data,
    }
    if "data" in choice:
        values["parallel_efficiency"] = formulas.parallel_efficiency(
            step=latency, links=links, bubble=bubble
        )
    if layout.pipeline > 1:
        values["bubble_fraction"] = bubble / latency
        values["pipeline_chunks"] = as_float(layout.pipeline * layout.virtual_stages)
    if layout.tensor > 1:
        values["tensor_degree"] = as_float(layout.tensor)
    if isinstance(model, Transformer):
        values["batch_tokens"] = batch * length
    ends = Factors(*(end / latency for end in ends_of(step, "latency")))
    return step.replace(**values).within(training_time=ends)


def _learned(scenario: Application, choice: dict[str, Any]) -> dict[str, Any]:
    """Return the loss that a dense decoder reaches, and the batch that is useful there."""
    model = scenario.model
    if not isinstance(model, Decoder) or model.mixture is not None:
        return {}
    tokens = choice["training_tokens"]
    loss = formulas.pretraining_loss(parameters=model.parameters, tokens=tokens)
    return {
        "training_loss": loss,
        "critical_batch_tokens": formulas.critical_batch(loss),
        "tokens_per_parameter": tokens / model.parameters,
    }


def _survival(scenario: Application, choice: dict[str, Any]) -> Reliability:
    """Return what failures and checkpoints leave of the time."""
    system = scenario.system
    narrow = Precisions[choice["precision"]].bytes_per_value
    master = MASTER_BYTES if narrow < MASTER_BYTES else 0.0
    each = narrow + master + Optimizers[choice["optimizer"]].moment_bytes
    size = formulas.parameter_bytes(scenario.model.parameters, each)
    written = choice["storage_gb_per_s_per_node"] * 1e9 * system.nodes
    save = formulas.memory_time(size, written)
    between = FailureRates[choice["failure_rate"]].job_failure_interval_s(system.nodes)
    restart = choice.get("restart_minutes", 0.0) * SECONDS_PER_MINUTE
    work = choice["checkpoint_interval_minutes"] * SECONDS_PER_MINUTE
    return Reliability(
        goodput=formulas.checkpointed_goodput(
            work=work, checkpoint=save, restart=restart, interval=between
        ),
        checkpoint_interval=work,
        optimal_checkpoint_interval=formulas.optimal_checkpoint_interval(
            checkpoint=save, interval=between
        ),
        checkpoint_size=size,
        checkpoint_time=save,
    )


def _layout_verdicts(
    scenario: Application, ledger: SystemLedger, there: float
) -> Iterator[Verdict]:
    layout, model = scenario.system.layout, scenario.model
    yield _verdict(
        ledger,
        "Devices there are",
        "reliability.devices",
        "at most",
        there,
        "Lower the data, tensor, pipeline or context degree: their product is what it takes.",
    )
    yield _verdict(
        ledger,
        "A microbatch for every replica",
        "performance.replica_batch",
        "at least",
        float(layout.microbatch_size or 1),
        "Enlarge the batch, or lower the data degree or the microbatch.",
    )
    yield _verdict(
        ledger,
        "Working rather than waiting",
        "performance.parallel_efficiency",
        "at least",
        _LEAST_EFFICIENCY,
        "Enlarge the batch, keep tensor parallelism inside a node, or use fewer devices.",
    )
    if layout.pipeline > 1:
        yield from _pipeline_verdicts(model, ledger)
    if layout.tensor > 1 and isinstance(model, Transformer):
        yield _verdict(
            ledger,
            "Heads divide evenly",
            "performance.tensor_degree",
            "at most",
            float(_largest_divisor(model.heads, layout.tensor)),
            f"Choose a tensor degree that divides {model.heads} attention heads.",
        )


def _pipeline_verdicts(model: Any, ledger: SystemLedger) -> Iterator[Verdict]:
    yield _verdict(
        ledger,
        "Bubble",
        "performance.bubble_fraction",
        "at most",
        _LARGEST_BUBBLE,
        "More microbatches or virtual stages, or fewer stages, fill the pipeline better.",
    )
    yield _verdict(
        ledger,
        "A layer for every chunk",
        "performance.pipeline_chunks",
        "at most",
        float(model.layers + _ENDS),
        f"Lower the pipeline degree or the virtual stages: there are {model.layers} layers, "
        "an embedding and a head.",
    )


def _largest_divisor(number: int, at_most: int) -> int:
    return next(each for each in range(at_most, 0, -1) if number % each == 0)


def _explained(verdict: Verdict, performance: Performance) -> Verdict:
    """Let the verdict on memory say what fills it most, and what makes that smaller."""
    if verdict.metric != "performance.memory_used" or ndim(verdict.value):
        return verdict
    parts = {name: performance.si(name) for name in _PARTS}
    largest = max(parts, key=lambda name: parts[name])
    part, remedy = _PARTS[largest]
    size = humanize(parts[largest], "byte")
    return replace(verdict, remedy=f"{part} {size}: {remedy}.")
