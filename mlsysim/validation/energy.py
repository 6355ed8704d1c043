"""Energy of serving, training and image generation: from the columns of a row to joules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from mlsysim import formulas
from mlsysim.calibration import fitted
from mlsysim.constants import SECONDS_PER_HOUR
from mlsysim.engine import Engine
from mlsysim.hardware import HardwareSpec
from mlsysim.ledger import Performance
from mlsysim.models import ModelSpec, Transformer
from mlsysim.systems import Layout, System
from mlsysim.validation.cases import Case, Row, Unpredictable, read
from mlsysim.validation.named import hardware_of, image_model_of, model_of, precision_of

FAMILY, POWER = "energy", "power"
_FILE = "energy_measured.csv"
_SOURCE = "measurement-files"
_JOULES_PER_KWH = 3.6e6
_SERVER, _TRAINER, _DENOISER = "vLLM with host scheduling", "Training framework", "Diffusers"
_PROMPTS = {
    "chat": "chat_prompt_tokens",
    "gpqa": "question_prompt_tokens",
    "fim": "code_prompt_tokens",
}
# What a column holds in SI: its unit, and how many of it one is.
_UNITS = {
    "energy_per_token_j": ("joule", 1.0),
    "energy_per_request_j": ("joule", 1.0),
    "energy_per_image_j": ("joule", 1.0),
    "energy_kwh": ("joule", _JOULES_PER_KWH),
    "accel_hours": ("second", SECONDS_PER_HOUR),
}
_USUAL_ANSWER, _USUAL_STEPS = 300.0, 50.0
# Models that were distilled, so that guidance needs no second evaluation.
_DISTILLED = ("flux", "turbo", "schnell", "lightning", "distill")
# A published run says how many device hours it took, not how they were divided.
_LARGE, _HUGE = 20e9, 100e9
_SEQUENCE, _REPLICAS = 4096, 64
# Mixtures whose training was accounted for have few, wide experts; those that are served, many.
_EXPERTS_IN_TRAINING = 2
_STATEMENT = "a company's statement: neither the model nor its machines are public"
_HOURS_TIMES_CONSTANT = "computed by its authors as hours times a constant"
_ESTIMATED = "estimated by its authors, not measured"


def cases(directory: Path) -> Iterator[Case]:
    """Yield the cases of `energy_measured.csv`; a training run may give energy and hours."""
    for row in read(directory, _FILE):
        if row["kind"] == "training":
            yield from _training_cases(row)
        elif row.has("energy_per_image_j"):
            yield _case(row, image_energy_j, "energy_per_image_j", "energy of images", _DENOISER)
        elif row.has("energy_per_token_j"):
            yield _case(row, token_energy_j, "energy_per_token_j", "energy of serving", _SERVER)
            if row.has("throughput_tokens_per_s"):
                yield _power_case(row)
        else:
            yield _case(
                row, token_energy_j, "energy_per_request_j", "energy of serving", _SERVER,
                apart=_STATEMENT,
            )  # fmt: skip


def _power_case(row: Row) -> Case:
    """Return the power of one device while it serves, at the pace that was measured."""
    energy, pace = row.measured("energy_per_token_j"), row.measured("throughput_tokens_per_s")
    case = _case(row, device_power_w, "energy_per_token_j", "power of serving", _SERVER)
    return replace(
        case,
        name=f"{case.name}/power",
        family=POWER,
        measured=energy * pace / max(row.measured("n_accel"), 1.0),
        unit="watt",
    )


def _training_cases(row: Row) -> Iterator[Case]:
    has_energy = row.has("energy_kwh")
    has_hours = row.has("accel_hours") and row.has("tokens_trained")
    if has_energy or not has_hours:
        yield _case(
            row, training_energy_kwh, "energy_kwh", "energy of training", _TRAINER,
            group="training energy", apart=_apart(row["measurement_kind"]),
        )  # fmt: skip
    if has_hours:
        yield _case(
            row, training_hours, "accel_hours", "training hours", _TRAINER,
            group="training hours", ending="/hours" if has_energy else "",
        )  # fmt: skip


def _apart(kind: str) -> str:
    if kind.startswith("measured"):
        return ""
    return _HOURS_TIMES_CONSTANT if kind.startswith("hours") else _ESTIMATED


def _case(
    row: Row,
    predict: Callable[[Row], float],
    column: str,
    band: str,
    runtime: str,
    *,
    group: str = "",
    ending: str = "",
    apart: str = "",
) -> Case:
    unit, factor = _UNITS[column]
    return Case(
        name=row["row_id"] + ending,
        family=FAMILY,
        group=group or row["model"],
        band=band,
        measured=row.measured(column) * factor,
        predict=partial(_in_si, predict, factor, row),
        apart=apart or row.from_memory,
        unit=unit,
        about=f"{row['model']} on {row['n_accel']} × {row['hardware']}. {row['source']}",
        runtime=runtime,
        architecture=_architecture(row["hardware"]),
    )


def _in_si(predict: Callable[[Row], float], factor: float, row: Row) -> float:
    return predict(row) * factor


def _architecture(name: str) -> str:
    try:
        return hardware_of(name).architecture
    except Unpredictable:
        return "other"


def token_energy_j(row: Row) -> float:
    """Return the energy of one token: a step of all devices over the sequences in it."""
    return float(served(row).si("energy_per_sample"))


def served(row: Row) -> Performance:
    """Return the step of a server in the steady state that a row measured."""
    model, chip = model_of(row), hardware_of(row["hardware"])
    devices = row.whole("n_accel", 1)
    divided = isinstance(model, Transformer)
    layout = Layout(tensor=devices) if divided else Layout(data=devices)
    return Engine.solve(
        model,
        _system(chip, layout),
        phase="serving",
        batch_size=max(row.whole("batch_or_concurrency", 1), layout.data),
        sequence_length=prompt_tokens(row["task"]),
        output_length=max(row.number("avg_output_tokens", _USUAL_ANSWER), 1.0),
        precision=precision_of(row["precision"], model),
        runtime=_SERVER,
        layout=layout,
    )


def device_power_w(row: Row) -> float:
    """Return what a device draws that does the work of a predicted step in the measured time."""
    run, chip = served(row), hardware_of(row["hardware"])
    pace = row.number("throughput_tokens_per_s")
    if pace <= 0:
        raise Unpredictable(f"a throughput of {pace:g} tokens per second")
    step = max(row.number("batch_or_concurrency", 1.0), 1.0) / pace
    slower = run.si("latency") / step
    flops = run.si("achieved_flop_rate") * slower
    architecture = chip.twin_of_architecture
    load = formulas.dynamic_power_share(
        memory=flops / run.si("arithmetic_intensity") / chip.memory_bandwidth_byte_per_s,
        arithmetic=flops / chip.peak_flop_per_s("bf16"),
        memory_weight=architecture.memory_power_weight or 1.0,
        arithmetic_weight=architecture.arithmetic_power_weight or 1.0,
    )
    return float(
        formulas.power_at_load(idle=chip.idle_power_w, maximum=chip.max_power_w, load=load)
    )


def prompt_tokens(task: str) -> float:
    """Return how long the prompts of a task are, since no row says it.

    >>> prompt_tokens("gpqa") < prompt_tokens("sourcegraph-fim")
    True
    """
    name = next((name for part, name in _PROMPTS.items() if part in task), "other_prompt_tokens")
    return fitted(name)


def image_energy_j(row: Row) -> float:
    """Return the energy of one image: its denoising steps, each twice where guidance asks it."""
    model, chip = image_model_of(row), hardware_of(row["hardware"])
    images = row.whole("batch_or_concurrency", 1)
    name = row["model"].lower()
    evaluations = 1 if any(part in name for part in _DISTILLED) else 2
    run = Engine.solve(
        model,
        _system(chip, Layout()),
        phase="inference",
        batch_size=images * evaluations,
        precision=precision_of(row["precision"], model),
        runtime=_DENOISER,
    )
    return float(run.si("energy") * row.number("steps", _USUAL_STEPS) / images)


def training_hours(row: Row) -> float:
    """Return the device hours of a run over so many tokens.

    A row of single steps leaves out the restarts and evaluations of a whole run.
    """
    _, per_token_s = _trained(row)
    whole = 1.0 if row["measurement_kind"] == "throughput_only" else fitted("whole_run_overhead")
    return per_token_s * row.number("tokens_trained") * whole / SECONDS_PER_HOUR


def training_energy_kwh(row: Row) -> float:
    """Return hours times power at load, times the building where the row counts it.

    Hours are those of the row, or predicted where it has none.
    """
    hours = row.number("accel_hours", 0.0) or training_hours(row)
    run, _ = _trained(row)
    utilization = run.si("model_flops_utilization") / fitted("whole_run_overhead")
    power = training_power_w(hardware_of(row["hardware"]), utilization)
    it_energy = formulas.energy(power, hours * SECONDS_PER_HOUR)
    return float(formulas.facility_energy(it_energy, _building(row)) / _JOULES_PER_KWH)


def training_power_w(chip: HardwareSpec, utilization: float) -> float:
    """Return what a device draws while its matrix units do a share of what they could.

    >>> from mlsysim.hardware import Hardware
    >>> training_power_w(Hardware["V100"], 0.25) > 150
    True
    """
    weight = chip.twin_of_architecture.arithmetic_power_weight or 1.0
    load = formulas.dynamic_power_share(
        memory=0.0, arithmetic=utilization, memory_weight=0.0, arithmetic_weight=weight
    )
    return float(
        formulas.power_at_load(idle=chip.idle_power_w, maximum=chip.max_power_w, load=load)
    )


def _building(row: Row) -> float:
    """Return the power usage effectiveness in a row's figure: 1 where it counts the IT alone."""
    scope = row["energy_scope"].lower()
    counted = "pue" in scope and not scope.startswith("gpu only")
    return row.number("pue", 1.0) if counted else 1.0


def _trained(row: Row) -> tuple[Performance, float]:
    """Return a training step in a usual layout, and its device seconds for each token."""
    model = model_of(row, experts_per_token=_EXPERTS_IN_TRAINING)
    chip = hardware_of(row["hardware"])
    layout = _usual_layout(model)
    sequences = layout.data * 16 * layout.pipeline
    run = Engine.solve(
        model,
        _system(chip, layout),
        phase="training",
        batch_size=sequences,
        sequence_length=_SEQUENCE,
        runtime=_TRAINER,
        layout=layout,
    )
    return run, run.si("latency") * layout.devices / (sequences * _SEQUENCE)


def _usual_layout(model: ModelSpec) -> Layout:
    """Return a layout of the usual kind: a mixture spreads its experts, others their layers."""
    if not isinstance(model, Transformer):
        return Layout(data=_REPLICAS, microbatch_size=1)
    if model.mixture:
        spread = 2 ** int(math.log2(min(model.mixture.experts, _REPLICAS)))
        return Layout(data=_REPLICAS, expert=spread, microbatch_size=1)
    large, huge = model.parameters > _LARGE, model.parameters > _HUGE
    return Layout(
        tensor=8 if large else 1,
        pipeline=16 if huge else 1,
        data=_REPLICAS,
        microbatch_size=1,
    )


def _system(chip: HardwareSpec, layout: Layout) -> System:
    """Return devices without their host: rows meter the accelerators."""
    return System(
        name=chip.name,
        label=chip.name,
        hardware=chip,
        layout=layout,
        devices_per_node=8,
        scale_out_byte_per_s_per_direction=25e9,
        source=_SOURCE,
    )
