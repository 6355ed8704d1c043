"""A second, plain implementation of whole ledgers, straight from the textbook equations.

It takes what the twins state (peaks, widths, operator counts, fitted constants, prices) and works
out everything else in plain floats, operator by operator, without the project's laws, engine or
simulations. Words are not compared, except for the limit that binds.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mlsysim import (
    Applications,
    Engine,
    Facilities,
    Hardware,
    Layout,
    Models,
    NodeSimulation,
    Personas,
    Regions,
    ReliabilitySimulation,
    ResourceSimulation,
    Runtimes,
    System,
    Systems,
)
from mlsysim.accuracy import Bands
from mlsysim.calibration import FittedConstants
from mlsysim.constants import Constants
from mlsysim.failure_rates import FailureRates
from mlsysim.models import Transformer
from mlsysim.precisions import Precisions

DAY, YEAR, KWH = 86_400.0, 365.25 * 86_400.0, 3.6e6
PARTS = ("compute", "memory", "overhead", "communication", "bubble")
MATRIX = ("convolution", "depthwise_convolution", "linear")
COLUMNS = ("flops", "input_elements", "output_elements", "cache_elements", "scores",
           "unmasked_scores", "parameters", "count", "experts", "experts_per_token")  # fmt: skip


def cube_norm(one, other):
    return (one**3 + other**3) ** (1 / 3)


# What is asked for.


class Case:
    """A model on a system, with everything that was asked for; numbers are those of one device."""

    def __init__(self, model, system, runtime, *, phase, batch, precision, length=None,
                 layout=None, recomputation="none", attention=None):  # fmt: skip
        self.model, self.system, self.runtime, self.phase = model, system, runtime, phase
        self.hardware, self.arch = system.hardware, system.hardware.twin_of_architecture
        self.training = phase == "training"
        self.recomputation, self.attention = recomputation, attention or runtime.attention
        self.batch, self.precision = float(batch), Precisions[precision]
        self.length = None if length is None else float(length)
        self.layout = layout or system.layout
        self.is_transformer = isinstance(model, Transformer)
        if layout is None and not self.is_transformer and self.layout.tensor > 1:
            # What cannot be divided is copied.
            self.layout = Layout(data=system.devices)
        replica = math.ceil(self.batch / self.layout.data)
        # A microbatch: as chosen in training, otherwise one for each pipeline stage.
        self.samples = float(replica)
        if self.training and self.layout.microbatch_size:
            self.samples = float(min(replica, self.layout.microbatch_size))
        if not self.training and self.layout.pipeline > 1:
            self.samples = replica / min(replica, self.layout.pipeline)
        self.rounds = float(math.ceil(replica / self.samples - 1e-9))
        self.parts = 1.0
        if phase == "prefill" and runtime.prompt_part_tokens:
            self.parts = float(max(math.ceil(self.length / runtime.prompt_part_tokens), 1))
        unfolded = phase == "inference" and not runtime.folds_normalization
        self.operators = self.operators_of("training" if unfolded else phase)
        #: The share of a sample that one device works off at once.
        self.share = self.samples / (self.layout.tensor * self.layout.context * self.parts)

    @classmethod
    def of(cls, app, choice):
        """An application with the choices that a ledger was asked for."""
        return cls(
            app.model, app.system, app.runtime, phase=app.phase, length=app.sequence_length,
            batch=choice.get("batch_size", app.batch_size),
            precision=choice.get("precision", app.precision),
        )  # fmt: skip

    @property
    def tokens_of_a_sample(self):
        return 1.0 if self.phase == "decode" or self.length is None else self.length

    def operators_of(self, phase):
        table = self.model.operators(phase)
        columns = table.at(0.0 if self.length is None else self.length)
        rows = []
        for i, (name, kind) in enumerate(zip(table.names, table.kinds, strict=True)):
            row = {column: float(getattr(columns, column)[i]) for column in COLUMNS}
            row |= {"name": name, "kind": kind, "matrix": kind in MATRIX}
            row["stored"] = 0.0 if table.shares_parameters[i] else row["parameters"] * row["count"]
            row["in_layer"] = name.split(".")[0] in ("layer", "encoder", "decoder")
            row["elementwise"] = not row["matrix"] and kind not in ("attention", "embedding")
            row["gone"] = row["elementwise"] and self.runtime.elementwise_passes == 0
            row["routed"] = row["experts"] > 0 and kind != "embedding"
            rows.append(row)
        return rows


# Rates.


def storing_format(hardware, precision):
    """The format that computes what is stored in a precision: itself or the first wider one."""
    return next(
        name for name in (precision.name, *precision.computes_as)
        if name in hardware.peak_dense_flop_per_s
    )  # fmt: skip


def plateau(hardware, name):
    """Measured in this format or in the one of its width; else what the power allows."""
    standing_in = {"fp16": ["bf16"], "tf32": ["bf16"], "fp8": ["fp8", "bf16"],
                   "int8": ["fp8", "bf16"]}  # fmt: skip
    for measured in standing_in.get(name, [name]):
        if measured in hardware.matrix_plateau:
            return hardware.matrix_plateau[measured]
    arch = hardware.twin_of_architecture
    if arch.matrix_plateau is not None:
        return arch.matrix_plateau
    peaks = hardware.peak_dense_flop_per_s
    usual = peaks.get("bf16") or peaks.get("fp16") or max(peaks.values())
    at_full_clock = usual * arch.full_clock_joule_per_flop
    return min(1.0, (hardware.max_power_w / at_full_clock) ** (1 / 3))


def reached(case, name):
    """What the runtime gets out of the matrix units in one format."""
    hardware, runtime = case.hardware, case.runtime
    rate = hardware.peak_dense_flop_per_s[name] * plateau(hardware, name) * runtime.compute_fraction
    if case.training and name in ("fp16", "bf16", "tf32"):
        rate *= case.arch.sustained_fraction
    cores = hardware.cores or 1.0
    if runtime.flop_per_core_cycle is not None and hardware.clock_hz:
        rate = min(rate, runtime.flop_per_core_cycle * hardware.clock_hz * cores)
    threads = cores if runtime.threads is None else min(runtime.threads, cores)
    return rate * threads / cores


def matrix_rate(case, row):
    """The rate of one operator: attention and, in training, the head run in a wide format."""
    stored = storing_format(case.hardware, case.precision)
    wide = next(
        (n for n in case.precision.of_activations if n in case.hardware.peak_dense_flop_per_s),
        stored,
    )
    if row["kind"] == "attention":
        if misaligned(case):
            return 0.8 * case.hardware.peak_dense_flop_per_s["fp32"]
        full = reached(case, wide)
        on_gpu = case.arch.exponentials_per_core_cycle is not None or case.arch.tile_fill_s > 0
        if on_gpu and row["cache_elements"] == 0:
            return full * FittedConstants["attention_compute_fraction"].value
        return full
    is_head = row["name"].split(".")[-1] == "head"
    return reached(case, wide if case.training and is_head else stored)


def misaligned(case):
    """Heads that are no multiple of 8 values wide run on vector units, where there are some."""
    on_vectors = case.arch.vector_lanes_per_core and "fp32" in case.hardware.peak_dense_flop_per_s
    if not case.is_transformer or case.model.latent or not on_vectors:
        return False
    return case.model.attention.head_width % 8 > 0


# One operator.


def experts_touched(case, row):
    """Of experts (of a table: rows) those that the tokens of a batch touch at random."""
    experts, chosen = row["experts"], min(row["experts_per_token"], row["experts"])
    tokens = case.samples * case.tokens_of_a_sample / case.parts
    return experts * (1 - (1 - chosen / experts) ** tokens)


def parameters_read(case, row):
    read = row["parameters"] / case.layout.tensor
    if row["experts"] > 0:
        read *= experts_touched(case, row) / row["experts"]
    return read / case.layout.expert if row["routed"] else read


def parameters_held(case):
    layout = case.layout
    if layout.expert == 1:
        return case.model.parameters / (layout.tensor * layout.pipeline)
    held = sum(row["stored"] / (layout.expert if row["routed"] else 1) for row in case.operators)
    return held / (layout.tensor * layout.pipeline)


def scores_computed(case, row):
    """Plain attention computes what causality masks; parts of a prompt skip the keys to come."""
    if case.attention == "fused":
        return row["scores"]
    return row["scores"] + (row["unmasked_scores"] - row["scores"]) / case.parts


def work(case, row):
    flops = row["flops"] * case.share
    if row["scores"] > 0:
        flops *= scores_computed(case, row) / max(row["scores"], 1.0)
    return flops


def is_foreign(case):
    """Whether weights are widened before they are multiplied."""
    computed = Precisions[storing_format(case.hardware, case.precision)]
    return computed.bytes_per_value > 1.5 * case.precision.bytes_per_value


def weight_traffic(case, row):
    each = case.precision.bytes_per_value
    if case.runtime.unpacks_to_memory and case.phase == "prefill" and is_foreign(case):
        each += 4 if row["matrix"] else 0
    read = parameters_read(case, row) * each
    return read * streamed(case) if case.arch.works_on_chip else read


def streamed(case):
    """The share of weights that finds no room on the chip beside the activations."""
    live = case.model.peak_activation_elements(case.phase) * case.samples
    room = (case.hardware.on_chip_bytes or 0.0) - live * case.precision.activation_bytes
    stored = parameters_held(case) * case.precision.bytes_per_value
    return min(max(1 - max(room, 0.0) / stored, 0.0), 1.0)


def value_traffic(case, row):
    runtime, tensor = case.runtime, case.layout.tensor
    width = runtime.activation_bytes or case.precision.activation_bytes
    if case.arch.works_on_chip:
        passing = 0.0
        if row is case.operators[0]:
            passing += row["input_elements"] / row["count"]
        if row is case.operators[-1]:
            passing += row["output_elements"] / row["count"]
        return passing * case.samples * width
    values = row["input_elements"] + row["output_elements"]
    if row["elementwise"]:
        values *= runtime.elementwise_passes
        values *= runtime.routing_passes if ".mixture." in row["name"] else 1.0
    if case.training and case.precision.bytes_per_value < case.precision.activation_bytes:
        # Operands are quantised on the way: read and written once more.
        values *= 2 if row["kind"] == "linear" else 1
    copied = row["name"].split(".")[-1] in ("normalization", "residual", "sum")
    if runtime.sequence_parallel or not copied:
        values /= tensor
    moved = values * case.samples / (case.layout.context * case.parts) * width
    if case.phase == "decode":
        repeated = 1.0
        if not runtime.shares_cache_reads and case.is_transformer and not case.model.latent:
            heads = case.model.attention
            repeated = heads.heads / heads.key_value_heads
        cached = row["cache_elements"] * repeated / cache_division(case)
        moved += cached * case.samples * cache_width(case)
    return moved


def cache_division(case):
    """A cache is divided by key-value head; a latent one not at all."""
    if not case.is_transformer:
        return case.layout.tensor
    return 1 if case.model.latent else min(case.layout.tensor, case.model.attention.key_value_heads)


def cache_width(case):
    narrow = case.runtime.narrow_cache and case.precision.bytes_per_value < 2
    return 1.0 if narrow else case.precision.activation_bytes


def arithmetic_time(case, row):
    arch, rate = case.arch, matrix_rate(case, row)
    cost = work(case, row)
    if row["kind"] == "depthwise_convolution":
        cost *= arch.depthwise_cost
    if row["kind"] in ("linear", "attention"):
        cost *= arch.linear_cost
    if not row["gone"]:
        cost += arch.output_cost_flop * row["output_elements"] * case.share
    time = cost / rate
    reads_cache = row["cache_elements"] > 0
    if arch.exponentials_per_core_cycle and arch.vector_lanes_per_core and not reads_cache:
        cycles = case.hardware.peak_dense_flop_per_s["fp32"] / (2 * arch.vector_lanes_per_core)
        time += (
            scores_computed(case, row) * case.share / (arch.exponentials_per_core_cycle * cycles)
        )
    if not reads_cache:
        time += math.sqrt(arch.tile_fill_s * time * case.runtime.compute_fraction)
    # Decoding with weights in a format without arithmetic of its own unpacks them first.
    per_weight = case.runtime.unpacking_flop_per_weight
    if per_weight and case.phase == "decode" and is_foreign(case) and row["matrix"]:
        vector = case.hardware.peak_dense_flop_per_s["fp32"]
        time = cube_norm(time, parameters_read(case, row) * per_weight / vector)
    return time


def bandwidth(case):
    rate = case.hardware.memory_bandwidth_byte_per_s
    if case.arch.works_on_chip:
        rate = case.hardware.link_byte_per_s_per_direction or rate
    return rate * case.runtime.bandwidth_fraction


def traffic_time(case, row, moved):
    time = moved / bandwidth(case)
    load, arch = case.runtime.load_byte_per_core_cycle, case.arch
    peak = case.hardware.peak_dense_flop_per_s.get("fp32")
    if load and case.phase == "decode" and arch.vector_lanes_per_core and peak and row["matrix"]:
        cycles = peak / (2 * arch.vector_lanes_per_core)
        time = cube_norm(time, weight_traffic(case, row) / (load * cycles))
    return time


def passes(case, row):
    """Forward, backward as far as inputs need a gradient, and what is computed once more."""
    if not case.training:
        return 1.0
    is_attention = row["kind"] == "attention"
    scores_again = is_attention and case.attention == "plain"
    total = 1.0 + (1.0 if row["matrix"] else 2.0)
    if is_attention and case.attention == "fused":
        total += 0.5
    if case.recomputation == "full":
        total += 1.0 if row["in_layer"] or scores_again else 0.0
    if case.recomputation == "selective":
        total += 1.0 if scores_again else 0.0
    return total


def operator_time(case, row):
    """Time one operator of one microbatch takes: arithmetic, memory and launches."""
    compute = arithmetic_time(case, row)
    values = value_traffic(case, row)
    memory = traffic_time(case, row, weight_traffic(case, row) + values)
    busy = cube_norm(compute, memory)
    if case.attention == "plain" and case.phase != "decode":
        # Scores are written, read and written by what follows, and read again: six times.
        width = case.runtime.activation_bytes or case.precision.activation_bytes
        busy += 6 * scores_computed(case, row) * case.share * width / bandwidth(case)
    busy *= passes(case, row)
    launch = case.runtime.overhead_per_operator_s
    if case.training and row["routed"]:
        here = experts_touched(case, row) / case.layout.expert
        launch += case.runtime.overhead_per_expert_s * (max(here, 1.0) - 1)
    paid = 0.0 if row["gone"] else math.floor(passes(case, row))
    launches = math.floor(passes(case, row))
    if case.training and row["matrix"]:
        # The gradient of the weights is one more product, added to 32 bits: read and written.
        added = traffic_time(case, row, parameters_read(case, row) * 8 + values)
        busy += cube_norm(compute, added)
        paid, launches = paid + 1, launches + 1
    count = row["count"] * case.parts
    limited_by_arithmetic = compute >= memory
    return {
        "compute": busy * count if limited_by_arithmetic else 0.0,
        "memory": 0.0 if limited_by_arithmetic else busy * count,
        "overhead": paid * launch * count,
        "launches": launches * count,
    }


# Links.


def link(case, group, stride=1):
    """Bandwidth of each member of a group: that of the link, or its share of the network."""
    system, rate = case.system, case.hardware.link_byte_per_s_per_direction
    if group * stride > system.devices_per_node:
        neighbours = min(group, max(system.devices_per_node // stride, 1))
        rate = min(rate, system.scale_out_byte_per_s_per_direction * neighbours)
    return rate * case.arch.link_fraction


def sum_of_activations(case):
    """One all-reduce of a layer's output over the tensor-parallel group."""
    n = case.layout.tensor
    tokens = case.samples * case.tokens_of_a_sample
    if case.phase != "decode":
        tokens /= case.parts * case.layout.context
    message = tokens * case.model.hidden * case.precision.activation_bytes
    steps = case.runtime.collective_latency_s * math.log2(n)
    return 2 * (n - 1) / n * message / link(case, n) + steps


def trips_to_experts(case):
    """Tokens of all layers go to their experts and back, once for each expert they chose."""
    n, mixture = case.layout.expert, case.model.mixture
    if mixture is None:
        return 0.0
    tokens = case.samples * case.tokens_of_a_sample
    if case.phase != "decode":
        tokens /= case.parts * case.layout.context
    message = tokens * mixture.experts_per_token * case.model.hidden
    message *= case.precision.activation_bytes
    per_node = case.system.devices_per_node
    rate = link(case, min(n, per_node))
    if n > per_node:
        network = case.system.scale_out_byte_per_s_per_direction * case.arch.link_fraction
        rate = min(rate, network)
    layers = case.model.layers - mixture.dense_layers
    return 2 * layers * (n - 1) / n * message / rate


def communication_of_inference(case):
    time, n = 0.0, case.layout.data
    if case.layout.tensor > 1:
        time += 2 * case.model.layers * sum_of_activations(case) * case.parts
    if case.layout.expert > 1:
        time += trips_to_experts(case) * case.parts
    if n > 1 and case.layout.sharding == "full":
        read = sum(parameters_read(case, row) * row["count"] for row in case.operators)
        message = read * case.precision.bytes_per_value
        beside = case.layout.tensor * case.layout.context
        time += (n - 1) / n * message / link(case, n, beside) * case.parts
    return time


def communication_of_training(case, hidden_behind):
    layout, exposed = case.layout, case.runtime.exposed_communication_fraction
    time = 0.0
    rounds = case.rounds + (layout.pipeline - 1) / layout.virtual_stages
    if layout.tensor > 1:
        layers = case.model.layers / layout.pipeline
        share = exposed if case.runtime.overlaps_tensor_parallel else 1.0
        # Twice a layer, forward and backward, and once more where layers are computed again.
        sums = 2 * (3 if case.recomputation == "full" else 2)
        time += sums * layers * sum_of_activations(case) * share * rounds
    if layout.expert > 1:
        share = exposed if case.runtime.overlaps_experts else 1.0
        time += 2 * trips_to_experts(case) / layout.pipeline * share * rounds
    if layout.data > 1:
        n = layout.data
        held = case.model.parameters / (layout.tensor * layout.pipeline)
        message = held * case.precision.activation_bytes
        exchange = (n - 1) / n * message / link(case, n, layout.tensor * layout.context)
        total = exchange * (3 * case.rounds if layout.sharding == "full" else 2)
        time += exposed * total + (1 - exposed) * max(total - hidden_behind, 0.0)
    return time


# A whole execution.


def times(case):
    return times_of_training(case) if case.training else times_of_inference(case)


def total_of(rows):
    return {part: sum(row[part] for row in rows)
            for part in ("compute", "memory", "overhead", "launches")}  # fmt: skip


def stretch(case):
    """Microbatches fill and drain the stages of a prompt; in decoding they never stop."""
    stages = case.layout.pipeline
    if stages == 1 or case.phase == "decode":
        return 1.0
    together, runtime = case.parts, case.runtime
    if runtime.prompt_part_tokens:
        together = min(together, max(runtime.prompt_batch_tokens / runtime.prompt_part_tokens, 1))
    pieces = case.rounds * together
    return case.rounds * (pieces + stages - 1) / (stages * pieces)


def times_of_inference(case):
    parts = total_of([operator_time(case, row) for row in case.operators])
    parts = {name: value * stretch(case) for name, value in parts.items()}
    runtime = case.runtime
    on_device = parts["compute"] + parts["memory"] + parts["overhead"]
    stalled = max(runtime.launch_interval_s * parts["launches"] - on_device, 0.0)
    host = runtime.overhead_per_execution_s
    if case.phase == "decode":
        host += runtime.overhead_per_sequence_s * case.batch / case.layout.data
    return {
        "compute": parts["compute"],
        "memory": parts["memory"],
        "overhead": parts["overhead"] + (stalled if runtime.launch_interval_s else 0.0) + host,
        "communication": communication_of_inference(case) * stretch(case),
        "bubble": 0.0,
    }


def times_of_training(case):
    layout, runtime = case.layout, case.runtime
    each = [(row["in_layer"], operator_time(case, row)) for row in case.operators]
    layers = total_of([row for inside, row in each if inside])
    outside = total_of([row for inside, row in each if not inside])
    busy = {side: sum(parts[p] for p in ("compute", "memory", "overhead"))
            for side, parts in (("layers", layers), ("outside", outside))}  # fmt: skip
    stages, virtual = layout.pipeline, layout.virtual_stages
    mean = (busy["layers"] + busy["outside"]) / stages
    # The fullest stage holds its share of the layers, rounded up, and all of the rest.
    fullest = 1.0
    if stages > 1 and case.is_transformer:
        fullest = math.ceil(case.model.layers / (stages * virtual)) * virtual / case.model.layers
    slowest = busy["layers"] * fullest + busy["outside"]
    launches = layers["launches"] + outside["launches"]
    stalled = max(runtime.launch_interval_s * launches / stages - slowest, 0.0)
    slowest += stalled
    # Adam reads four numbers of 4 bytes, one of them the gradient in 2, and writes four.
    shards = 1 if layout.sharding == "none" else layout.data
    rate = case.hardware.memory_bandwidth_byte_per_s * runtime.bandwidth_fraction
    optimizer = parameters_held(case) / shards * 30 / rate
    rounds = case.rounds
    return {
        "compute": rounds * (layers["compute"] + outside["compute"]) / stages,
        "memory": rounds * (layers["memory"] + outside["memory"]) / stages + optimizer,
        "overhead": rounds * ((layers["overhead"] + outside["overhead"]) / stages + stalled),
        "communication": communication_of_training(case, rounds * slowest),
        "bubble": rounds * (slowest - stalled - mean) + (stages - 1) / virtual * mean,
    }


def execution(case):
    """Times of the parts, and what each device computes and moves meanwhile."""
    flops = moved = asked = 0.0
    for row in case.operators:
        repeated = passes(case, row) + (1 if case.training and row["matrix"] else 0)
        share = repeated * row["count"] * case.parts * case.rounds / case.layout.pipeline
        flops += work(case, row) * share
        moved += (weight_traffic(case, row) + value_traffic(case, row)) * share
        asked += row["flops"] * row["count"] * case.batch
    return {**times(case), "flops": flops, "moved": moved,
            "asked": asked * (3 if case.training else 1)}  # fmt: skip


def performance(case, done=None):
    hardware, layout = case.hardware, case.layout
    done = done or execution(case)
    parts = {name: done[name] for name in PARTS}
    latency = sum(parts.values())
    flops, moved, useful = done["flops"], done["moved"], done["asked"] / layout.devices
    peak = hardware.peak_dense_flop_per_s[storing_format(hardware, case.precision)]
    limit = hardware.memory_bandwidth_byte_per_s
    power = power_of(case, parts, latency, flops, moved)
    return {
        "latency": latency,
        "throughput": case.batch / latency,
        "compute_time": parts["compute"],
        "memory_time": parts["memory"],
        "communication_time": parts["communication"] if layout.devices > 1 else None,
        "bubble_time": parts["bubble"] if layout.pipeline > 1 else None,
        "overhead_time": parts["overhead"],
        "model_flops_utilization": useful / (latency * peak),
        "arithmetic_intensity": flops / moved,
        "ridge_point": peak / limit,
        "achieved_flop_rate": useful / latency,
        "peak_flop_rate": peak,
        "memory_bandwidth": limit,
        "power": power,
        "energy": power * latency,
        "energy_per_sample": power * latency / case.batch,
        **memory(case),
    }


def serving(model, system, runtime, *, batch, prompt, output, **asked):
    """A decoding step of which each request brings one prompt every `output` steps."""
    decode = Case(model, system, runtime, phase="decode", batch=batch,
                  length=prompt + output / 2, **asked)  # fmt: skip
    done = execution(decode)
    if runtime.interleaves_prompts:
        waiting = batch / decode.layout.data
        together = max(runtime.prompt_batch_tokens // prompt, 1)
        together = min(together, max(math.floor(waiting), 1))
        prefill = Case(model, system, runtime, phase="prefill", length=prompt,
                       batch=together * decode.layout.data, **asked)  # fmt: skip
        for name, value in execution(prefill).items():
            done[name] += value * waiting / output / together
    return decode, performance(decode, done)


def power_of(case, parts, latency, flops, moved):
    hardware, arch = case.hardware, case.arch
    if arch.memory_power_weight is None or arch.arithmetic_power_weight is None:
        load = min((parts["compute"] + parts["memory"]) / latency, 1.0)
    else:
        peaks = hardware.peak_dense_flop_per_s
        reference = peaks.get("bf16") or peaks.get("fp16") or max(peaks.values())
        load = arch.memory_power_weight * moved / (latency * hardware.memory_bandwidth_byte_per_s)
        load += arch.arithmetic_power_weight * flops / (latency * reference)
        load = min(math.sqrt(load), 1.0)
    device = hardware.idle_power_w + (hardware.max_power_w - hardware.idle_power_w) * load
    return (device + case.system.host_power_w) * case.layout.devices


def memory(case):
    layout, hardware = case.layout, case.hardware
    held = parameters_held(case)
    weights = held * case.precision.bytes_per_value
    state = None
    if layout.sharding == "full":
        weights /= layout.data
    if case.training:
        sharded, width = layout.sharding, case.precision.activation_bytes
        gradients = width * held / (layout.data if sharded in ("gradients", "full") else 1)
        # Two moments of 4 bytes, and a copy in 32 bits of weights that are narrower.
        kept = 12 if case.precision.bytes_per_value < 4 else 8
        state = gradients + kept * held / (1 if sharded == "none" else layout.data)
    cache = 0.0
    if case.phase in ("decode", "prefill"):
        keeping = case.operators if case.phase == "decode" else case.operators_of("decode")
        kept = sum(row["cache_elements"] * row["count"] for row in keeping)
        division = cache_division(case) * layout.context * layout.pipeline
        cache = kept * case.samples * case.rounds / division * cache_width(case)
    live = live_values(case) * case.samples / (layout.tensor * layout.context)
    live *= case.precision.activation_bytes
    flash = hardware.flash_bytes
    lost = 0.0 if flash else 0.04 * (live + cache)
    return {
        "memory_used": live + cache + lost + (state or 0.0) + (0.0 if flash else weights),
        "memory_capacity": hardware.memory_bytes,
        "weight_memory": weights,
        "activation_memory": live,
        "cache_memory": cache or None,
        "state_memory": state,
        "flash_used": weights if flash else None,
        "flash_capacity": flash,
    }


def live_values(case):
    """All that backward needs, or the largest step; a network states what its graph needs."""
    if case.training:
        return kept_for_backward(case)
    if not case.is_transformer and case.length is None:
        return float(case.model.peak_activation_elements(case.phase))
    steps = (row["input_elements"] + row["output_elements"] for row in case.operators)
    return max(steps) / case.parts


def kept_for_backward(case):
    """Inputs of what is not linear or has weights, and scores unless they are computed again.

    Recomputed layers keep what enters them, and all of the one that runs backward.
    """
    inside = outside = 0.0
    for row in case.operators:
        kept = 0.0 if row["kind"] in ("movement", "embedding") else row["input_elements"]
        if case.attention == "plain" and case.recomputation == "none":
            kept += scores_computed(case, row)
        inside += kept * row["count"] if row["in_layer"] else 0.0
        outside += 0.0 if row["in_layer"] else kept * row["count"]
    if case.recomputation != "full" or not case.is_transformer:
        return inside + outside
    model = case.model
    return outside + inside / model.layers + model.layers * model.hidden * case.length


# Intervals.


def bands(case):
    """The names of the residuals that time and energy of this kind rest on."""
    together = case.batch > case.layout.data
    fixed = case.length is None
    if case.hardware.tier == "tiny":
        names = "microcontroller", "microcontroller energy"
    elif case.training:
        names = "training of networks" if fixed else "training", "energy of training"
    elif fixed:
        names = "inference" if case.hardware.tier == "cloud" else "edge", "energy of images"
    else:
        one_or_many = "serving" if together and case.phase == "decode" else case.phase
        names = one_or_many, "energy of serving"
    return names


def factors(case):
    """By what factor time and energy may be off."""
    return tuple(math.exp(Bands[name].log_half_width) for name in bands(case))


def what_it_rests_on(case):
    band = Bands[bands(case)[0]]
    runtime, architecture = case.runtime.name, case.hardware.architecture
    if f"{runtime} on {architecture}" in band.combinations:
        return f"{band.rows} measurements of {band.name}, median error {band.median:.0%}"
    missing = f"no measurement of {runtime} on {architecture} among {band.rows} of {band.name}"
    return f"extrapolated: {missing}"


# The deployment.


def deployment(app, case, run, *, persona, region, facility, days, duty, busy, years, kept=1.0,
               spare_nodes=0.0, rate=None):  # fmt: skip
    hardware, system = case.hardware, case.system
    units, seconds = float(persona.scale_factor), days * DAY
    devices = units * system.devices
    bought = (devices + spare_nodes * units * system.devices_per_node) * days * DAY / (years * YEAR)
    off = system.devices * hardware.idle_power_w if system.sleeps else 0.0
    idle = system.devices * (hardware.idle_power_w + system.host_power_w)

    def mean_power(running):
        return off + (idle + (running - idle) * busy - off) * duty

    unit = mean_power(run["power"])
    energy_factor = factors(case)[1]
    ends = [mean_power(p) / unit for p in (run["power"] / energy_factor,
                                           run["power"] * energy_factor)]  # fmt: skip
    it_energy = unit * units * seconds
    energy = it_energy * facility.power_usage_effectiveness
    operational = energy / KWH * region.carbon_intensity_g_per_kwh / 1000
    embodied = hardware.embodied_kgco2e * bought
    cooling = it_energy / KWH * facility.water_usage_effectiveness_l_per_kwh
    grid = energy / KWH * region.water_l_per_kwh
    capital, running = hardware.price_usd * bought, energy / KWH * region.price_usd_per_kwh
    done = run["throughput"] * seconds * duty * busy * kept * units
    life = system.battery_wh * 3600 / unit if system.battery_wh else None
    rate = rate or app.failure_rate
    between = 1000 * DAY / rate.failures_per_1000_node_days / system.nodes
    if app.gang and system.nodes <= rate.small_job_nodes:
        between /= rate.small_job_factor
    values = {
        "sustainability.energy": energy,
        "sustainability.it_energy": it_energy,
        "sustainability.average_power": unit * units * facility.power_usage_effectiveness,
        "sustainability.device_power": unit,
        "sustainability.carbon": operational + embodied,
        "sustainability.operational_carbon": operational,
        "sustainability.embodied_carbon": embodied,
        "sustainability.water": cooling + grid,
        "sustainability.on_site_water": cooling,
        "sustainability.grid_water": grid,
        "sustainability.battery_life": life,
        "economics.tco": capital + running,
        "economics.capital_cost": capital,
        "economics.running_cost": running,
        "economics.cost_per_sample": (capital + running) / done,
        "reliability.devices": devices,
        "reliability.mean_time_between_failures": between / units,
        "reliability.expected_failures": seconds / between * units,
    }
    return values, deployed_intervals(case, values, ends)


def deployed_intervals(case, values, ends):
    """The ends of power go through to all that is proportional to energy."""
    proportional = ("energy", "it_energy", "average_power", "device_power", "operational_carbon",
                    "water", "on_site_water", "grid_water")  # fmt: skip
    intervals = {}
    for name in proportional:
        path = f"sustainability.{name}"
        intervals[path] = tuple(values[path] * end for end in ends)
    embodied = values["sustainability.embodied_carbon"]
    operational = values["sustainability.operational_carbon"]
    intervals["sustainability.carbon"] = tuple(operational * end + embodied for end in ends)
    if (life := values["sustainability.battery_life"]) is not None:
        intervals["sustainability.battery_life"] = life / ends[1], life / ends[0]
    capital, running = values["economics.capital_cost"], values["economics.running_cost"]
    intervals["economics.running_cost"] = tuple(running * end for end in ends)
    intervals["economics.tco"] = tuple(capital + running * end for end in ends)
    time_factor, each = factors(case)[0], values["economics.cost_per_sample"]
    intervals["economics.cost_per_sample"] = each / time_factor, each * time_factor
    return intervals


# Failures.


def bisected(function, low, high):
    """The root of a function that is positive at `low` and negative at `high`."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def survival(app, choice, rate):
    """Goodput, availability and intervals of a gang; the availability of what fails alone."""
    repair = choice["repair_hours"] * 3600
    node = 1000 * DAY / rate.failures_per_1000_node_days
    if not app.gang:
        return {"availability": node / (node + repair), "goodput": node / (node + repair)}
    between = node / app.system.nodes
    if app.system.nodes <= rate.small_job_nodes:
        between /= rate.small_job_factor
    waiting = repair / between
    none_short = sum(
        math.exp(k * math.log(waiting) - waiting - math.lgamma(k + 1))
        for k in range(choice["spares"] + 1)
    )
    restart = choice["restart_minutes"] * 60 + (1 - none_short) * repair
    tau, cost = choice["checkpoint_interval_minutes"] * 60, choice["checkpoint_cost_s"]
    # A segment of τ + C survives with probability exp(-(τ + C) / M); failed ones are repeated.
    took = between * math.exp(restart / between) * (math.exp((tau + cost) / between) - 1)
    # d/dτ of that share is zero where (1 - τ / M) · exp((τ + C) / M) = 1.
    best = bisected(
        lambda t: (1 - t / between) * math.exp((t + cost) / between) - 1, 0.0, between
    )  # fmt: skip
    ratio = cost / (2 * between)
    young = math.sqrt(2 * cost * between)
    return {
        "availability": between / (between + restart),
        "goodput": tau / took,
        "checkpoint_interval": tau,
        "optimal_checkpoint_interval": best,
        "young_checkpoint_interval": young,
        "daly_checkpoint_interval": young * (1 + math.sqrt(ratio) / 3 + ratio / 9) - cost,
        "spares": choice["spares"],
    }


# Ledgers.


def second_ledger(simulation, choice):
    """Return every metric and every interval of a ledger, worked out anew."""
    app, usual = simulation.scenario, simulation.defaults
    choice = {**usual, **choice}
    if isinstance(simulation, NodeSimulation):
        system = replace(app.system, hardware=Hardware[choice["hardware"]])
        model = Models[choice["model"]]
        length = choice.get("sequence_length")
        app = replace(app, model=model, system=system, sequence_length=length)
    case = Case.of(app, choice)
    run = performance(case)
    own, rate = {}, None
    if isinstance(simulation, ReliabilitySimulation):
        rate = FailureRates[choice["failure_rate"]]
        own = survival(app, choice, rate)
    values, intervals = deployment(
        app,
        case, run,
        persona=simulation.persona,
        region=Regions[choice["region"]],
        facility=Facilities[choice.get("facility", app.facility)],
        days=choice["duration_days"],
        duty=choice.get("duty_cycle", app.duty_cycle),
        busy=choice.get("utilization", app.utilization),
        years=choice.get("replacement_years", app.lifetime_years),
        kept=own.get("goodput", 1.0),
        spare_nodes=choice.get("spares", 0),
        rate=rate,
    )  # fmt: skip
    values |= {f"performance.{name}": value for name, value in run.items()}
    values |= {f"reliability.{name}": value for name, value in own.items()}
    time, energy = factors(case)
    for name, factor in (("latency", time), ("throughput", time), ("power", energy),
                         ("energy", energy), ("energy_per_sample", energy)):  # fmt: skip
        intervals[f"performance.{name}"] = run[name] / factor, run[name] * factor
    return values, intervals


def expected_verdicts(app, values, own=()):
    """Return each constraint with its limit and whether it holds."""
    targets = [(t.constraint, t.metric, t.sense, t.limit) for t in app.targets]
    if app.deadline_s is not None:
        targets.insert(0, ("Deadline", "performance.latency", "at most", app.deadline_s))
    for name, kind in (("memory", "used"), ("flash", "used")):
        limit = values[f"performance.{name}_capacity"]
        if limit is not None:
            path = f"performance.{name}_{kind}"
            targets.append((f"Fits in {name}", path, "at most", limit))
    world = Constants["world_electricity_per_year"].value * 1e12 * 3600 / YEAR
    if values["sustainability.average_power"] > world / 100:
        path = "sustainability.average_power"
        targets.append(("World's electricity", path, "at most", world))
    return {
        name: (limit, values[path] <= limit if sense == "at most" else values[path] >= limit)
        for name, path, sense, limit in (*own, *targets)
    }


def own_verdicts(simulation, choice):
    """What the reliability simulation holds against itself."""
    if not isinstance(simulation, ReliabilitySimulation):
        return ()
    if not simulation.scenario.gang:
        return (("In service", "reliability.availability", "at least", 0.99),)
    cost = {**simulation.defaults, **choice}["checkpoint_cost_s"]
    return (("Work kept", "reliability.goodput", "at least", 0.9),
            ("Saving pays", "reliability.checkpoint_interval", "at least", cost))  # fmt: skip


VISION = replace(
    Applications["Recommendation"],
    name="Vision",
    label="Vision service",
    model=Models["ResNet-50"],
    system=Systems["H100 node"],
    runtime=Runtimes["TensorRT"],
    precision="fp16",
    batch_size=512,
)
EAGER = replace(VISION, runtime=Runtimes["PyTorch eager"], batch_size=8)
CASES = {
    "doorbells in Quebec": (ResourceSimulation, "Doorbell", "TinyPioneer", {"region": "Quebec"}),
    "doorbells in Poland, awake more": (
        ResourceSimulation, "Doorbell", "TinyPioneer",
        {"region": "Poland", "duration_days": 1000, "duty_cycle": 0.03, "utilization": 0.7,
         "replacement_years": 2.5, "batch_size": 3, "facility": "server_closet"},
    ),
    "voice sensors": (ResourceSimulation, "KeywordSpotting", "EdgeGuardian", {"region": "India"}),
    "a phone assistant": (ResourceSimulation, "Assistant", "MobileNomad", {"region": "Germany"}),
    "an edge camera": (ResourceSimulation, "AutoDrive", "EdgeGuardian", {"precision": "int8"}),
    "chat on one node": (NodeSimulation, "Inference", "CloudTitan", {"region": "France"}),
    "70 billion on eight devices": (
        NodeSimulation, "Inference", "EdgeGuardian",
        {"hardware": "H200", "batch_size": 256, "sequence_length": 16_384, "precision": "fp8"},
    ),
    "one conversation, other model": (
        NodeSimulation, "Inference", "CloudTitan",
        {"hardware": "A100", "model": "Llama-3.1 8B", "batch_size": 1, "sequence_length": 1},
    ),
    "training on 16,384": (ResourceSimulation, "Frontier", "CloudTitan", {"region": "Texas"}),
    "training on 1,024": (ResourceSimulation, "Training", "TinyPioneer", {"batch_size": 96}),
    "a vision service": (ResourceSimulation, VISION, "EdgeGuardian", {"utilization": 0.9}),
    "a vision service on the host's leash": (ResourceSimulation, EAGER, "CloudTitan", {}),
    "recommendation": (ResourceSimulation, "Recommendation", "EdgeGuardian", {"region": "Sweden"}),
    "failures of a gang": (
        ReliabilitySimulation, "Frontier", "CloudTitan",
        {"failure_rate": "opt_cluster", "repair_hours": 6.0, "checkpoint_cost_s": 45.0,
         "checkpoint_interval_minutes": 7.0, "restart_minutes": 4.0, "spares": 12},
    ),
    "failures of a small gang": (
        ReliabilitySimulation, "Training", "CloudTitan",
        {"failure_rate": "rsc1_cluster", "checkpoint_cost_s": 1000.0, "spares": 0},
    ),
    "failures of a fleet": (
        ReliabilitySimulation, "Doorbell", "MobileNomad", {"repair_hours": 300.0},
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def both(request):
    kind, application, persona, choice = request.param
    simulation = kind(application, Personas[persona])
    return simulation, choice, simulation.evaluate(choice), second_ledger(simulation, choice)


def test_every_number_of_the_ledger_is_found_twice(both):
    _, _, ledger, (values, _) = both
    told = {
        f"{name}.{metric.name}": ledger.si(f"{name}.{metric.name}")
        for name, group in ledger.groups.items()
        for metric in group.metrics.values()
        if metric.unit
    }
    for path, value in told.items():
        expected = values.get(path)
        assert (value is None) == (expected is None), path
        if value is not None:
            assert value == pytest.approx(expected, rel=1e-9, abs=0.0), path


def test_every_interval_is_found_twice(both):
    _, _, ledger, (_, intervals) = both
    for name, group in ledger.groups.items():
        for metric in group.metrics:
            told, expected = (
                getattr(ledger, name).si_interval(metric),
                intervals.get(f"{name}.{metric}"),
            )
            assert (told is None) == (expected is None), metric
            if told is not None:
                assert tuple(told) == pytest.approx(expected, rel=1e-9, abs=0.0), metric


def test_every_verdict_and_the_binding_limit_are_found_twice(both):
    simulation, choice, ledger, (values, _) = both
    expected = expected_verdicts(simulation.scenario, values, own_verdicts(simulation, choice))
    told = {v.constraint: (v.limit, v.holds) for v in ledger.verdicts}
    assert list(told) == list(expected)
    for name, (limit, holds) in expected.items():
        assert told[name] == (pytest.approx(limit, rel=1e-9), holds)
    limits = {
        "arithmetic": "compute_time",
        "memory bandwidth": "memory_time",
        "communication": "communication_time",
        "pipeline bubble": "bubble_time",
        "launch overhead": "overhead_time",
    }
    longest = max(limits, key=lambda name: values[f"performance.{limits[name]}"] or 0.0)
    assert ledger.performance.binding_limit == longest


# Executions that no application asks for: every way to divide, to serve and to save memory.


def joined(name, layout, network=25e9, per_node=8):
    return System(
        name=name, label=name, hardware=Hardware[name], layout=layout, devices_per_node=per_node,
        scale_out_byte_per_s_per_direction=network, host_power_w=100.0, source="project-mission",
    )  # fmt: skip


NARROW_HEADS = replace(Models["GPT-2 124M"], name="Heads of 12", heads=64, aliases=())
TIED = replace(Models["Mixtral 8x7B"], name="Mixtral with a tied head", tied=True, aliases=())
EXECUTIONS = {
    "a batch of prompts": ("Llama-3.1 8B", "H100", Layout(), "Serving engine",
        {"phase": "prefill", "batch": 4, "precision": "bf16", "length": 1000}),
    "prompts in parts through stages": (
        "Llama-3.1 8B", "A100", Layout(tensor=2, pipeline=2), "llama.cpp",
        {"phase": "prefill", "batch": 3, "precision": "q4_0", "length": 1300}),
    "prompts of many parts through stages": (
        "Llama-3.1 8B", "H100", Layout(pipeline=4), "llama.cpp",
        {"phase": "prefill", "batch": 2, "precision": "bf16", "length": 5000}),
    "sharded weights for every part of a prompt": (
        "Mixtral 8x7B", "A100", Layout(pipeline=2, data=4, sharding="full"), "llama.cpp",
        {"phase": "prefill", "batch": 8, "precision": "bf16", "length": 1300}),
    "a prompt divided by its tokens": (
        "Llama-3.1 70B", "H200", Layout(tensor=4, context=4, pipeline=3), "TensorRT-LLM",
        {"phase": "prefill", "batch": 7, "precision": "fp8", "length": 9000}),
    "a prompt to experts": (
        "Mixtral 8x7B", "H100", Layout(data=16, expert=16, sharding="full"), "Serving engine",
        {"phase": "prefill", "batch": 40, "precision": "bf16", "length": 700}),
    "a prompt to experts that are not there": (
        "Llama-3.1 8B", "H100", Layout(data=4, expert=4), "Serving engine",
        {"phase": "prefill", "batch": 4, "precision": "bf16", "length": 512},
    ),
    "a prompt in parts on a microcontroller": (
        "GPT-2 124M", "ESP32-S3", Layout(), "llama.cpp",
        {"phase": "prefill", "batch": 1, "precision": "int8", "length": 1500},
    ),
    "training on the host's leash": (
        "GPT-2 124M", "A100", Layout(), "PyTorch eager",
        {"phase": "training", "batch": 1, "precision": "bf16", "length": 32},
    ),
    "stages on the host's leash": (
        "GPT-2 124M", "A100", Layout(pipeline=4, microbatch_size=1), "PyTorch eager",
        {"phase": "training", "batch": 3, "precision": "bf16", "length": 32},
    ),
    "prompts through stages on the host's leash": (
        "GPT-2 124M", "A100", Layout(pipeline=4), "PyTorch eager",
        {"phase": "prefill", "batch": 6, "precision": "bf16", "length": 16},
    ),
    "a prompt in parts to experts and through sums": (
        "Mixtral 8x7B", "H100", Layout(tensor=2, data=4, expert=8), "llama.cpp",
        {"phase": "prefill", "batch": 8, "precision": "bf16", "length": 2000},
    ),
    "decoding through stages": (
        "Llama-3.1 70B", "A100", Layout(tensor=16, pipeline=4, data=2), "FasterTransformer",
        {"phase": "decode", "batch": 50, "precision": "int8", "length": 900}),
    "decoding with experts and a latent cache": (
        "DeepSeek-V3", "H200", Layout(tensor=2, data=8, expert=4), "NeMo before grouped experts",
        {"phase": "decode", "batch": 128, "precision": "fp8", "length": 4000}),
    "decoding with unpacked weights": (
        "Llama-3.1 8B", "A100", Layout(), "PyTorch compiled",
        {"phase": "decode", "batch": 1, "precision": "q4_0", "length": 500}),
    "decoding through the cores": (
        "Llama-3.1 8B", "NVIDIA L40S", Layout(), "ExLlamaV2",
        {"phase": "decode", "batch": 2, "precision": "int4", "length": 500}),
    "decoding with an 8-bit cache": (
        "Llama-3.1 8B", "H100", Layout(tensor=2), "TensorRT-LLM 0",
        {"phase": "decode", "batch": 300, "precision": "fp8", "length": 1500}),
    "decoding a state": ("Mamba-2 2.7B", "H100", Layout(), "vLLM with host scheduling",
        {"phase": "decode", "batch": 16, "precision": "bf16", "length": 1500}),
    "an encoder, operator by operator": ("BERT-Large", "V100", Layout(), "PyTorch eager",
        {"phase": "inference", "batch": 8, "precision": "fp16", "length": 384}),
    "narrow heads on vector units": (NARROW_HEADS, "A100", Layout(), "Serving engine",
        {"phase": "prefill", "batch": 2, "precision": "bf16", "length": 600}),
    "plain attention computed again": (
        "Llama-3.1 70B", "A100", Layout(tensor=8, pipeline=4, data=4, microbatch_size=2),
        "Megatron-LM", {"phase": "training", "batch": 72, "precision": "bf16", "length": 2048,
                        "recomputation": "selective"}),
    "plain attention over a divided sequence": (
        "Llama-3.1 8B", "A100", Layout(tensor=2, context=4, data=2), "Megatron-LM",
        {"phase": "training", "batch": 4, "precision": "bf16", "length": 4096},
    ),
    "all layers computed again": (
        "GPT-3 175B", "A100",
        Layout(tensor=8, pipeline=12, data=2, virtual_stages=2, microbatch_size=1),
        "Megatron-LM sequence parallel", {"phase": "training", "batch": 24, "precision": "bf16",
                                          "length": 2048, "recomputation": "full"}),
    "plain attention kept": (
        "GPT-2 124M", "V100", Layout(data=16, sharding="optimizer"), "PyTorch eager",
        {"phase": "training", "batch": 64, "precision": "fp16", "length": 1024}),
    "experts in 8 bits": (
        "Mixtral 8x7B", "H100",
        Layout(tensor=2, pipeline=2, data=8, expert=8, microbatch_size=1, sharding="optimizer"),
        "NeMo before grouped experts",
        {"phase": "training", "batch": 64, "precision": "fp8", "length": 4096}),
    "experts with everything sharded": (
        "DeepSeek-V3", "H100", Layout(context=2, data=64, expert=32, sharding="full"),
        "Training framework",
        {"phase": "training", "batch": 128, "precision": "bf16", "length": 4096}),
    "experts below a head that is the embedding": (
        TIED, "H100", Layout(data=8, expert=4, sharding="gradients"), "Training framework",
        {"phase": "training", "batch": 16, "precision": "bf16", "length": 1024},
    ),
    "images everywhere": ("ResNet-50", "A100", Layout(data=64), "MXNet",
        {"phase": "training", "batch": 3000, "precision": "fp16"}),
    "little work on slow links": (
        "GPT-2 124M", "A100", Layout(data=256, sharding="gradients"), "PyTorch FSDP",
        {"phase": "training", "batch": 256, "precision": "fp32", "length": 128}),
    "weights that stay on the chip": ("MobileNetV1", "Edge TPU", Layout(), "Edge TPU runtime",
        {"phase": "inference", "batch": 1, "precision": "int8"}),
    "weights that stream to a larger chip": (
        "ResNet-50", "Hailo-8", Layout(), "HailoRT",
        {"phase": "inference", "batch": 2, "precision": "int8"},
    ),
    "weights on a microcontroller's array": (
        "ResNet-50", "STM32N657", Layout(), "ST Edge AI on Neural-ART",
        {"phase": "inference", "batch": 1, "precision": "int8"},
    ),
    "weights that stream to the chip": ("ResNet-50", "Edge TPU", Layout(), "Edge TPU runtime",
        {"phase": "inference", "batch": 2, "precision": "int8"}),
    "a core without vector instructions": (
        "MLPerf Tiny KWS DS-CNN", "STM32L4R5", Layout(), "TFLite Micro portable",
        {"phase": "inference", "batch": 1, "precision": "int8"}),
    "threads on some of the cores": ("MobileNetV2", "Raspberry Pi 5",
        Layout(), "TFLite on CPU", {"phase": "inference", "batch": 1, "precision": "fp32"}),
}  # fmt: skip


def unit_of_work(case):
    if case.length is None:
        return "sample" if case.training else "inference"
    units = {"decode": "token", "prefill": "prompt", "training": "sequence"}
    return units.get(case.phase, "inference")


def agrees(run, expected):
    for name, value in expected.items():
        told = run.si(name)
        assert (told is None) == (value is None), name
        if value is not None:
            assert told == pytest.approx(value, rel=1e-9, abs=0.0), name


@pytest.mark.parametrize("execution_of", EXECUTIONS.values(), ids=EXECUTIONS)
def test_every_way_to_divide_the_work_is_found_twice(execution_of):
    name, hardware, layout, runtime, asked = execution_of
    model = Models[name] if isinstance(name, str) else name
    system, runtime = joined(hardware, layout), Runtimes[runtime]
    case = Case(model, system, runtime, layout=layout, **asked)
    asked = dict(asked)
    length = asked.pop("length", None)
    run = Engine.solve(
        model, system, runtime=runtime, batch_size=asked.pop("batch"), sequence_length=length,
        context_length=length, **asked,
    )  # fmt: skip
    agrees(run, performance(case))
    assert run.unit_of_work == unit_of_work(case)
    assert run.precision == case.precision.name
    assert run.hardware == case.hardware.name
    assert run.accuracy == what_it_rests_on(case)
    for factor, paths in zip(factors(case), (("latency", "throughput"),
                                             ("power", "energy", "energy_per_sample")),
                             strict=True):  # fmt: skip
        for path in paths:
            ends = run.si(path) / factor, run.si(path) * factor
            assert tuple(run.si_interval(path)) == pytest.approx(ends, rel=1e-12)


@pytest.mark.parametrize(
    ("runtime", "batch", "prompt", "output"),
    [
        ("Serving engine", 200, 300, 150),
        ("Serving engine", 3, 300, 150),
        ("Serving engine", 64, 5000, 20),
        ("Serving engine, cached prompts", 64, 700, 90),
        ("vLLM with host scheduling", 30, 900, 400),
    ],
)
@pytest.mark.parametrize("layout", [Layout(tensor=4), Layout(tensor=2, data=2)], ids=str)
def test_continuous_batching_is_found_twice(runtime, batch, prompt, output, layout):
    model, system = Models["Llama-3.1 8B"], joined("H100", layout)
    twin = Runtimes[runtime]
    _, expected = serving(model, system, twin, batch=batch, prompt=prompt, output=output,
                          precision="bf16", layout=layout)  # fmt: skip
    run = Engine.solve(model, system, phase="serving", runtime=twin, batch_size=batch,
                       sequence_length=prompt, output_length=output, precision="bf16")  # fmt: skip
    agrees(run, expected)
    assert run.unit_of_work == "token"
