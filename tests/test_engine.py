"""The solver: bounded by physics, consistent with itself, and near published measurements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsysim import Applications, Engine, Hardware, Layout, Models, Runtimes, System, Systems
from mlsysim.hardware import HardwareSpec
from mlsysim.precisions import Precisions

_PARTS = ("compute_time", "memory_time", "communication_time", "bubble_time", "overhead_time")


def _alone(hardware, **fields):
    return System(
        name="one device", label="one device", hardware=hardware, source="project-mission", **fields
    )


@pytest.fixture
def h100():
    return _alone(Hardware["H100"])


@pytest.mark.parametrize("name", list(Applications))
def test_the_parts_of_the_time_add_up_to_the_latency(name):
    scenario = Applications[name]
    run = Engine.solve(scenario.model, scenario.system, phase=scenario.phase)
    parts = sum(run.si(part) or 0.0 for part in _PARTS)
    assert parts == pytest.approx(run.si("latency"), rel=1e-12)


def test_one_decode_step_worked_by_hand(h100):
    """Llama-3.1 8B at batch 1 reads 7.50e9 weights of 2 bytes (one row of the embedding table)
    and 2,048 tokens of cache, 65,536 values each, at the bandwidth that the runtime reaches, and
    waits for each kernel: 9 in each of 32 layers and 3 others.
    """
    runtime = Runtimes["PyTorch compiled"]
    run = Engine.solve(Models["Llama-3.1 8B"], h100, phase="decode", context_length=2048)
    weights, cache = 7_504_658_432 * 2, 2048 * 65_536 * 2
    expected = (weights + cache) / (runtime.bandwidth_fraction * 3.35e12)
    assert run.si("memory_time") == pytest.approx(expected, rel=0.02)
    kernels = Models["Llama-3.1 8B"].operators("decode").at(2048.0).count.sum()
    assert run.si("overhead_time") == pytest.approx(kernels * runtime.overhead_per_operator_s)
    assert run.si("cache_memory") == cache
    assert run.si("weight_memory") == 8_030_261_248 * 2
    assert run.si("binding_limit") == "memory bandwidth"


def test_a_training_step_does_three_times_the_forward_work(h100):
    model, alone = Models["ResNet-50"], Layout()
    forward = model.operators("training").at().total("flops")
    step = Engine.solve(model, h100, phase="training", batch_size=64, layout=alone)
    done = step.si("achieved_flop_rate") * step.si("latency")
    assert done == pytest.approx(3 * forward * 64, rel=1e-12)


@pytest.mark.parametrize("name", list(Models))
@pytest.mark.parametrize("batch_size", [1, 64])
def test_every_model_runs_in_every_phase_below_both_roofs(name, batch_size, h100):
    model = Models[name]
    for phase in model.phases:
        run = Engine.solve(model, h100, phase=phase, batch_size=batch_size)
        achieved = run.si("achieved_flop_rate")
        assert 0 < run.si("latency") < 1e6
        assert achieved <= run.si("peak_flop_rate")
        assert achieved <= run.si("arithmetic_intensity") * run.si("memory_bandwidth")
        assert 0 <= run.si("model_flops_utilization") <= 1
        assert run.si("power") <= Hardware["H100"].max_power_w
        assert run.si("memory_used") >= run.si("weight_memory") > 0


@pytest.mark.parametrize("name", list(Hardware))
def test_every_hardware_twin_runs_a_model_in_every_format_it_has(name):
    system = _alone(Hardware[name])
    for precision in system.hardware.precisions:
        run = Engine.solve(Models["MLPerf Tiny IC ResNet-8"], system, precision=precision)
        assert run.si("latency") > 0
        assert run.si("energy") > 0


_SIZES = st.integers(1, 4096)
_RUNTIMES = st.sampled_from(list(Runtimes))
_MODELS = st.sampled_from(["ResNet-50", "Llama-3.1 8B", "Mixtral 8x7B", "BERT-Large", "DLRM"])


@settings(max_examples=150, deadline=None)
@given(_MODELS, st.sampled_from(list(Hardware)), _RUNTIMES, _SIZES, st.data())
def test_nothing_exceeds_peak_compute_or_peak_bandwidth(model, hardware, runtime, batch, data):
    twin = Hardware[hardware]
    precision = data.draw(st.sampled_from(twin.precisions))
    phase = data.draw(st.sampled_from(Models[model].phases))
    run = Engine.solve(
        Models[model],
        _alone(twin),
        phase=phase,
        batch_size=batch,
        precision=precision,
        runtime=runtime,
    )
    rate = run.si("achieved_flop_rate")
    assert rate <= twin.peak_flop_per_s(precision) * (1 + 1e-12)
    assert rate / run.si("arithmetic_intensity") <= twin.memory_bandwidth_byte_per_s * (1 + 1e-12)


@settings(max_examples=60, deadline=None)
@given(_MODELS, _RUNTIMES, st.integers(1, 2048), st.data())
def test_larger_batches_never_lower_throughput(model, runtime, batch, data):
    phase = data.draw(st.sampled_from(Models[model].phases))
    small, large = (
        Engine.solve(
            Models[model], _alone(Hardware["A100"]), phase=phase, batch_size=size, runtime=runtime
        ).si("throughput")
        for size in (batch, 2 * batch)
    )
    assert large >= small * (1 - 1e-9)


@settings(max_examples=60, deadline=None)
@given(
    _MODELS,
    _RUNTIMES,
    st.integers(1, 512),
    st.sampled_from(["memory_bandwidth_byte_per_s", "peak_dense_flop_per_s"]),
    st.floats(1.0, 10.0),
)
def test_faster_hardware_is_never_slower(model, runtime, batch, field, factor):
    slow = Hardware["A100"]
    value = getattr(slow, field)
    better = (
        {k: v * factor for k, v in value.items()} if isinstance(value, dict) else value * factor
    )
    fast = replace(slow, **{field: better})
    times = [
        Engine.solve(Models[model], _alone(twin), batch_size=batch, runtime=runtime).si("latency")
        for twin in (slow, fast)
    ]
    assert times[1] <= times[0] * (1 + 1e-12)


@pytest.mark.parametrize("phase", ["prefill", "decode", "training"])
def test_narrower_formats_never_take_more_memory(phase, h100):
    used = [
        Engine.solve(Models["Llama-3.1 8B"], h100, phase=phase, precision=p).si("weight_memory")
        for p in ("fp32", "bf16", "int8", "int4")
    ]
    assert used == sorted(used, reverse=True)
    assert used[0] == 8 * used[3]


@pytest.mark.parametrize("name", ["ResNet-50", "Llama-3.1 8B", "DLRM"])
def test_arrays_of_batch_sizes_give_what_scalars_give(name, h100):
    sizes = np.array([1, 2, 7, 64, 1000])
    many = Engine.solve(Models[name], h100, batch_size=sizes)
    for index, size in enumerate(sizes):
        one = Engine.solve(Models[name], h100, batch_size=int(size))
        for metric in one:
            value = many.si(metric)
            if isinstance(value, np.ndarray):
                assert value[index] == pytest.approx(one.si(metric), rel=1e-12), metric
            elif metric != "binding_limit" and value is not None:
                assert value == one.si(metric), metric


def test_arrays_of_lengths_give_what_scalars_give(h100):
    lengths = np.array([1.0, 100.0, 8192.0])
    many = Engine.solve(Models["Llama-3.1 8B"], h100, phase="prefill", sequence_length=lengths)
    for index, length in enumerate(lengths):
        one = Engine.solve(Models["Llama-3.1 8B"], h100, phase="prefill", sequence_length=length)
        assert many.si("latency")[index] == pytest.approx(one.si("latency"), rel=1e-12)


def test_how_many_sequences_fit_worked_by_hand(h100):
    """Beside 16.06 GB of weights, each token takes 131,072 bytes; 90 % of 80 GiB may be used."""
    model = Models["Llama-3.1 8B"]
    free = 0.9 * 80 * 2**30 - 8_030_261_248 * 2
    one = Engine.largest_batch(model, h100, tokens_per_sequence=1000)
    assert type(one) is float
    assert one == free // (1000 * 131_072)
    many = Engine.largest_batch(model, h100, tokens_per_sequence=np.array([1000.0, 1e9]))
    assert many.tolist() == [one, 1.0]
    half = Engine.largest_batch(model, h100, tokens_per_sequence=1000, share_of_memory=0.5)
    assert half == (free - 0.4 * 80 * 2**30) // (1000 * 131_072)
    spread = _alone(Hardware["H100"], layout=Layout(data=4), devices_per_node=4)
    assert Engine.largest_batch(model, spread, tokens_per_sequence=1000) == 4 * one


def test_the_first_token_finds_an_empty_cache(h100):
    """65,536 values of 2 bytes are kept for each token of Llama-3.1 8B, none before the first."""
    lengths = np.array([0.0, 100.0])
    run = Engine.solve(Models["Llama-3.1 8B"], h100, phase="decode", context_length=lengths)
    assert run.si("cache_memory").tolist() == [0.0, 100 * 65_536 * 2]
    empty = Engine.solve(Models["Llama-3.1 8B"], h100, phase="decode", context_length=0)
    assert empty.si("cache_memory") is None


def test_dividing_a_model_divides_its_weights_and_adds_communication():
    node = Systems["H100 node"]
    alone, together = (
        Engine.solve(Models["Llama-3.1 70B"], node, phase="decode", layout=layout)
        for layout in (Layout(), Layout(tensor=8))
    )
    assert together.si("weight_memory") == pytest.approx(alone.si("weight_memory") / 8)
    assert together.si("communication_time") > 0
    assert alone.si("communication_time") is None
    assert together.si("latency") < alone.si("latency")


def test_sums_over_a_tensor_parallel_group_worked_by_hand():
    """Llama-3.1 70B sums 64 tokens of 8,192 values twice in each of 80 layers, over 8 devices."""
    run = Engine.solve(Models["Llama-3.1 70B"], Systems["H100 node"], phase="decode", batch_size=64)
    message, latency = 64 * 8192 * 2, Runtimes["PyTorch compiled"].collective_latency_s
    once = 2 * 7 / 8 * message / (450e9 * 0.95) + 3 * latency
    assert run.si("communication_time") == pytest.approx(2 * 80 * once, rel=1e-12)


def test_gathering_sharded_weights_worked_by_hand():
    """Each of 8 devices fetches 7/8 of the weights it reads, once per decoded token."""
    model, layout = Models["Llama-3.1 8B"], Layout(data=8, sharding="full")
    run = Engine.solve(model, Systems["H100 node"], phase="decode", batch_size=8, layout=layout)
    gathered, link = 7_504_658_432 * 2 * 7 / 8, 450e9 * 0.95
    assert run.si("communication_time") == pytest.approx(gathered / link, rel=1e-3)
    runtime = Runtimes["PyTorch FSDP"]
    step = Engine.solve(
        model, Systems["H100 node"], phase="training", batch_size=8, layout=layout, runtime=runtime
    )
    # Forward and backward each gather all weights, and gradients are scattered once.
    once = model.parameters * 2 * 7 / 8 / link
    assert step.si("communication_time") == pytest.approx(
        runtime.exposed_communication_fraction * 3 * once, rel=1e-12
    )


def test_every_part_of_a_cut_prompt_gathers_sharded_weights_again():
    """llama.cpp reads 2,048 tokens in 4 parts of 512: each is a pass over all layers."""
    request = {"phase": "prefill", "batch_size": 8, "runtime": "llama.cpp",
               "layout": Layout(data=8, sharding="full")}  # fmt: skip
    model, node = Models["Llama-3.1 8B"], Systems["H100 node"]
    one, four = (
        Engine.solve(model, node, sequence_length=tokens, **request).si("communication_time")
        for tokens in (512, 2048)
    )
    gathered = 7_504_658_432 * 2 * 7 / 8 / (450e9 * 0.95)
    assert one == pytest.approx(gathered, rel=1e-3)
    assert four == pytest.approx(4 * gathered, rel=1e-3)


def test_gradients_are_summed_between_nodes_at_the_speed_of_their_network():
    """Of 1,024 replicas 8 share a node, and its 8 network links of 50 GB/s."""
    runtime = Runtimes["Training framework"]
    run = Engine.solve(
        Models["Llama-3.1 8B"],
        Systems["H100 cluster 1024"],
        phase="training",
        batch_size=1024,
        layout=Layout(data=1024),
        runtime=runtime,
    )
    once = 1023 / 1024 * Models["Llama-3.1 8B"].parameters * 2 / (8 * 50e9 * 0.95)
    exposed = runtime.exposed_communication_fraction
    assert run.si("communication_time") == pytest.approx(exposed * 2 * once, rel=1e-12)


def test_the_bubble_worked_by_hand():
    """With the same share of layers on each of 4 stages and no head, 3 stages fill and drain."""
    model = replace(Models["Llama-3.1 8B"], name="headless", vocabulary=1)
    system = Systems["H100 node"]
    run = Engine.solve(
        model, system, phase="training", batch_size=16, sequence_length=4096,
        layout=Layout(pipeline=4, microbatch_size=1, data=2, virtual_stages=2),
    )  # fmt: skip
    reached = Runtimes["PyTorch compiled"].bandwidth_fraction * 3.35e12
    optimizer = model.parameters / 4 * 30 / reached
    worked = sum(run.si(part) for part in _PARTS[:2] + _PARTS[4:]) - optimizer
    assert run.si("bubble_time") == pytest.approx(worked * 3 / (2 * 8), rel=0.01)


def test_the_fullest_stage_sets_the_pace_of_a_pipeline():
    """80 layers on 3 stages leave 27 on one of them; the head comes on top."""
    cluster, model = Systems["H100 cluster 1024"], Models["Llama-3.1 70B"]

    def bubble(stages):
        run = Engine.solve(
            model, cluster, phase="training", batch_size=64, sequence_length=2048,
            layout=Layout(tensor=8, pipeline=stages, microbatch_size=1),
        )  # fmt: skip
        return run.si("bubble_time") / run.si("latency")

    assert bubble(3) > bubble(2) > 0


def test_power_follows_what_memory_and_arithmetic_do():
    node = Systems["H100 node"]
    run = Engine.solve(Models["Llama-3.1 70B"], node, phase="decode", batch_size=64)
    architecture = node.hardware.twin_of_architecture
    flops = run.si("achieved_flop_rate") / 989.5e12
    moved = run.si("achieved_flop_rate") / run.si("arithmetic_intensity") / 3.35e12
    share = (
        architecture.memory_power_weight * moved + architecture.arithmetic_power_weight * flops
    ) ** 0.5
    assert share < 1
    assert run.si("power") == pytest.approx(8 * (70 + (700 - 70) * share + 575), rel=1e-9)
    assert run.si("energy") == pytest.approx(run.si("power") * run.si("latency"), rel=1e-12)
    assert run.si("energy_per_sample") == pytest.approx(run.si("energy") / 64, rel=1e-12)


def test_a_batch_smaller_than_the_replicas_leaves_some_idle():
    node, model = Systems["H100 node"], Models["ResNet-50"]
    full, partial = (
        Engine.solve(model, node, batch_size=size, layout=Layout(data=8)) for size in (8, 3)
    )
    assert full.si("latency") == partial.si("latency")
    assert partial.si("throughput") == pytest.approx(full.si("throughput") * 3 / 8)
    assert partial.si("model_flops_utilization") == pytest.approx(
        full.si("model_flops_utilization") * 3 / 8
    )


def test_an_eager_runtime_spends_its_time_launching_small_work(h100):
    model = Models["MobileNetV3-Small"]
    run = Engine.solve(model, h100, runtime="PyTorch eager")
    # Without folding, normalizations and activations are operators as in training.
    executions = model.operators("training").at().count.sum()
    interval = Runtimes["PyTorch eager"].launch_interval_s
    assert run.si("latency") == pytest.approx(executions * interval, rel=1e-9)
    assert run.si("binding_limit") == "launch overhead"


def test_the_cache_is_divided_among_the_devices():
    """80 layers of 8 key and value heads of 128, 64 sequences of 4,096 tokens, over 8 devices."""
    run = Engine.solve(
        Models["Llama-3.1 70B"],
        Systems["H100 node"],
        phase="decode",
        batch_size=64,
        context_length=4096,
    )
    assert run.si("cache_memory") == 2 * 80 * 8 * 128 * 4096 * 64 * 2 / 8
    prompt = Engine.solve(
        Models["Llama-3.1 70B"], Systems["H100 node"], phase="prefill", sequence_length=4096
    )
    assert prompt.si("cache_memory") == 2 * 80 * 8 * 128 * 4096 * 2 / 8


def test_activations_kept_for_backward_worked_by_hand(h100):
    """In units of 4,096 values a layer of Llama-3.1 8B keeps, for each token, the inputs of two
    normalizations, of query-key-value (1), attention (1.5), its output (1), gate and up (1), the
    gated activation (7) and down (3.5): 17; then one normalization and the head.
    """
    run = Engine.solve(Models["Llama-3.1 8B"], h100, phase="training", sequence_length=1000)
    values = 1000 * 4096 * (32 * 17 + 2)
    assert run.si("activation_memory") == pytest.approx(values * 2, rel=1e-12)
    four = Engine.solve(
        Models["Llama-3.1 8B"], h100, phase="training", batch_size=4, sequence_length=1000
    )
    assert four.si("activation_memory") == pytest.approx(4 * values * 2, rel=1e-12)


def test_a_pipeline_waits_less_with_more_microbatches():
    cluster = Systems["H100 cluster 1024"]
    few, many = (
        Engine.solve(Models["Llama-3.1 70B"], cluster, phase="training", batch_size=size)
        for size in (128, 2048)
    )
    assert few.si("bubble_time") / few.si("latency") > many.si("bubble_time") / many.si("latency")


def test_microbatches_divide_activations_and_change_no_work():
    """One of 64 sequences at a time keeps 1/64 of the activations; weights are read each time."""
    node, model = Systems["H100 node"], Models["Llama-3.1 8B"]
    whole, divided = (
        Engine.solve(
            model, node, phase="training", batch_size=512,
            layout=Layout(data=8, microbatch_size=size),
        )
        for size in (None, 1)
    )  # fmt: skip
    assert whole.si("activation_memory") == 64 * divided.si("activation_memory")
    work = [run.si("achieved_flop_rate") * run.si("latency") for run in (whole, divided)]
    assert work[0] == pytest.approx(work[1], rel=1e-12)
    assert divided.si("arithmetic_intensity") < whole.si("arithmetic_intensity")
    assert divided.si("throughput") <= whole.si("throughput")


def test_sharding_divides_training_state():
    state = {
        sharding: Engine.solve(
            Models["Llama-3.1 8B"],
            Systems["H100 node"],
            phase="training",
            batch_size=8,
            layout=Layout(data=8, sharding=sharding),
        )
        for sharding in ("none", "optimizer", "full")
    }
    parameters = Models["Llama-3.1 8B"].parameters
    assert state["none"].si("state_memory") == pytest.approx(parameters * (2 + 12))
    assert state["optimizer"].si("state_memory") == pytest.approx(parameters * (2 + 12 / 8))
    assert state["full"].si("state_memory") == pytest.approx(parameters * (2 + 12) / 8)
    assert state["full"].si("weight_memory") == pytest.approx(parameters * 2 / 8)


def test_microcontrollers_keep_weights_in_flash_and_activations_in_sram():
    doorbell = Applications.Doorbell
    run = Engine.solve(doorbell.model, doorbell.system, precision="int8")
    assert run.si("flash_used") == run.si("weight_memory")
    assert run.si("memory_used") == run.si("activation_memory") < 512 * 1024


def test_idle_devices_draw_less_than_busy_ones(h100):
    busy = Engine.solve(Models["Llama-3.1 8B"], h100, phase="prefill", batch_size=64)
    waiting = Engine.solve(Models["MobileNetV3-Small"], h100, runtime="PyTorch eager")
    assert waiting.si("power") < 0.5 * busy.si("power")
    assert waiting.si("power") >= Hardware["H100"].idle_power_w


def test_formats_without_arithmetic_are_computed_wider():
    assert Hardware["A100"].compute_precision("fp8") == "bf16"
    assert Hardware["H100"].compute_precision("int4") == "int8"
    assert {p: Precisions[p].bytes_per_value for p in ("int4", "fp8", "bf16", "fp32")} == {
        "int4": 0.5, "fp8": 1.0, "bf16": 2.0, "fp32": 4.0,
    }  # fmt: skip


def test_a_new_twin_needs_only_its_entry():
    twin = HardwareSpec(
        name="Abacus 9000",
        vendor="Abacus",
        year=2030,
        tier="edge",
        peak_dense_flop_per_s={"int8": "2 TFLOP/s"},
        memory_bytes="4 GiB",
        memory_kind="LPDDR6",
        memory_bandwidth_byte_per_s="100 GB/s",
        max_power_w="5 W",
        power_basis="TDP",
        idle_power_w="0.5 W",
        price_usd=100,
        price_year=2030,
        embodied_kgco2e=10,
        source="project-estimate",
    )
    run = Engine.solve(Models["ResNet-50"], _alone(twin), precision="int8")
    assert run.si("hardware") == "Abacus 9000"


# Measurements that the solver without fitted terms met, and the fitted one does not.
@pytest.mark.xfail(strict=True, reason="STM32U385 with X-CUBE-AI is predicted too slow")
@pytest.mark.parametrize(
    ("model", "measured", "tolerance"),
    [("DS-CNN", 0.04830, 0.05), ("MLPerf Tiny VWW MobileNetV1-0.25", 0.09874, 0.50)],
)
def test_a_cortex_m33_is_near_its_published_latency(model, measured, tolerance):
    """MLPerf Tiny v1.3, NUCLEO-U385RG-Q with X-CUBE-AI."""
    run = Engine.solve(
        Models[model],
        _alone(Hardware["STM32U385"]),
        phase="inference",
        precision="int8",
        runtime="X-CUBE-AI",
    )
    assert run.si("latency") == pytest.approx(measured, rel=tolerance)
