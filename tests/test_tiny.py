"""Microcontrollers and edge devices: worked by hand, mapped from rows, and measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlsysim.architectures import Architecture, Architectures
from mlsysim.engine import Engine
from mlsysim.errors import InvalidInput, MLSysimError
from mlsysim.hardware import Hardware
from mlsysim.models import Models, Network
from mlsysim.runtimes import Runtime, Runtimes
from mlsysim.systems import System
from mlsysim.validation import machines, tiny
from mlsysim.validation.cases import Row, Unpredictable

MEASUREMENTS = Path(__file__).parent / "measurements"
CELLS = {
    "kind": "mcu", "suite": "MLPerf Tiny v1.2", "board": "NUCLEO-L4R5ZI", "soc": "STM32L4R5",
    "core": "Cortex-M4F", "clock_hz": "120000000.0", "runtime": "Bosch HALE", "system_id": "",
    "task": "kws", "model": "DS-CNN", "precision": "int8", "batch": "1", "macs": "2656768",
    "params": "22604", "input_shape": "1x49x10x1", "latency_ms": "60", "energy_uj": "",
    "energy_run_latency_ms": "", "throughput_per_s": "", "notes": "", "source": "nobody",
}  # fmt: skip
PLAIN = Runtime(name="plain", label="", bandwidth_fraction=1.0, source="project-estimate")


def row(**cells):
    return Row("tiny_measured.csv", 2, {**CELLS, **cells})


def one_of_each(graph, image):
    x = graph.convolution(image, 8, 1, per_channel=0)
    x = graph.depthwise(x, 3, per_channel=0)
    graph.linear(x, 10, bias=False)


SMALL = Network(
    name="one of each", family="example", task="example", year=2024, default_precision="int8",
    source="project-estimate", input_shape=(10, 10, 4), architecture=one_of_each,
)  # fmt: skip


def solve(hardware, runtime=PLAIN, model=SMALL, **choice):
    system = System(name="one", label="", hardware=hardware, source="project-estimate")
    return Engine.solve(model, system, runtime=runtime, precision="int8", **choice)


# The engine


def test_the_time_of_a_core_worked_by_hand():
    core = Architectures["Cortex-M4"]
    # 100 positions: 4 x 8 pointwise, 8 x 9 depthwise, then 800 x 10 weights, read once each.
    macs = 3200 + 7200 * core.depthwise_cost + 8000 * core.linear_cost
    work = 2 * macs + (800 + 800 + 10) * core.output_cost_flop
    cycles = work / (2 * 2 * core.matrix_plateau)
    fast_memory = replace(Hardware["STM32L4R5"], memory_bandwidth_byte_per_s=1e15)
    assert solve(fast_memory).si("latency") == pytest.approx(cycles / 120e6, rel=1e-9)


def test_a_runtime_without_threads_uses_one_core():
    one = replace(PLAIN, threads=1)
    chip = replace(Hardware["ESP32-S3"], memory_bandwidth_byte_per_s=1e15)
    both = solve(chip).si("latency")
    assert solve(chip, one).si("latency") == pytest.approx(2 * both)
    assert solve(chip, replace(PLAIN, threads=8)).si("latency") == both


def test_portable_kernels_do_what_a_scalar_core_does_at_most():
    portable = replace(PLAIN, flop_per_core_cycle=0.01)
    core = Architectures["Cortex-M4"]
    faster = 4 * core.matrix_plateau / 0.01
    chip = replace(Hardware["STM32L4R5"], memory_bandwidth_byte_per_s=1e15)
    assert solve(chip, portable).si("latency") == pytest.approx(faster * solve(chip).si("latency"))
    boundless = replace(PLAIN, flop_per_core_cycle=1e9)
    assert solve(chip, boundless).si("latency") == solve(chip).si("latency")


def test_operators_that_are_fused_neither_move_nor_launch():
    eager = replace(PLAIN, overhead_per_operator_s=1e-3)
    fused = replace(eager, elementwise_passes=0.0)
    network = Models["MLPerf Tiny IC ResNet-8"]
    kinds = network.operators("inference").traits.elementwise[:, 0]
    counts = network.operators("inference").at().count
    gpu = Hardware["NVIDIA Jetson Nano 4GB"]
    saved = solve(gpu, eager, network).si("overhead_time") - solve(gpu, fused, network).si(
        "overhead_time"
    )
    assert saved == pytest.approx(counts[kinds].sum() * 1e-3)


def test_weights_that_do_not_fit_on_the_chip_are_streamed():
    def dense(graph, image):
        graph.linear(image, 5000, bias=False)

    network = replace(SMALL, input_shape=(1, 1, 5000), architecture=dense)
    coral = replace(Hardware["Edge TPU"], peak_dense_flop_per_s={"int8": 1e15})
    room = coral.on_chip_bytes - 10_000
    streamed = 5000 * 5000 - room + 10_000
    assert solve(coral, model=network).si("latency") == pytest.approx(streamed / 500e6, rel=1e-3)
    roomy = replace(coral, on_chip_bytes=64 * 2**20)
    assert solve(roomy, model=network).si("latency") == pytest.approx(10_000 / 500e6, rel=1e-3)


def test_the_defaults_leave_other_chips_alone():
    plain = Architecture(name="plain", source="project-estimate")
    costs = ("depthwise_cost", "linear_cost", "output_cost_flop", "works_on_chip")
    for name in ("Hopper", "Volta", "TPU", "Apple GPU", "other"):
        for cost in costs:
            assert getattr(Architectures[name], cost) == getattr(plain, cost)


def test_a_slower_clock_takes_less_power():
    gap9 = Hardware["GAP9"]
    slow = gap9.at_clock(gap9.clock_hz / 2)
    assert slow.peak_dense_flop_per_s["int8"] == gap9.peak_dense_flop_per_s["int8"] / 2
    assert slow.max_power_w == pytest.approx(gap9.max_power_w / 2**1.85)
    assert gap9.at_clock(gap9.clock_hz).max_power_w == gap9.max_power_w
    with pytest.raises(InvalidInput, match="whose clock is known"):
        Hardware["H100"].at_clock(1e9)


def test_the_doorbell_kernels_take_what_espressif_measured():
    run = solve(
        Hardware["ESP32-S3"], Runtimes["TFLite Micro ESP-NN"], Models["TFLM person_detect (gray)"]
    )
    assert run.si("latency") == pytest.approx(0.054, rel=0.1)


# From a row to its twins


@pytest.mark.parametrize(
    ("cells", "architecture", "runtime"),
    [
        ({}, "Cortex-M4", "Tuned engine"),
        ({"runtime": "TFLite-Micro 2.3.1 (reference)"}, "Cortex-M4", "TFLite Micro reference"),
        ({"runtime": "TFLite-Micro (no ESP-NN)", "core": "RISC-V", "soc": "ESP32-C3"},
         "Scalar core", "TFLite Micro portable"),
        ({"runtime": "TFLite-Micro + ESP-NN", "core": "Xtensa LX7 + SIMD", "soc": "ESP32-S3"},
         "Xtensa LX7", "TFLite Micro ESP-NN"),
        ({"runtime": "X-CUBE-AI/microTVM", "system_id": "L4R5ZI_X-CUBE-AI-7.3"},
         "Cortex-M4", "Vendor compiler"),
        ({"runtime": "X-CUBE-AI/microTVM", "system_id": "L4R5ZI_MICROTVM-NATIVE"},
         "Cortex-M4", "CMSIS-NN"),
        ({"runtime": "X-CUBE-AI", "suite": "MLPerf Tiny v1.3", "core": "Cortex-M33",
          "soc": "STM32U385"}, "Cortex-M33", "X-CUBE-AI"),
        ({"runtime": "GAPflow", "core": "RISC-V cluster + NE16", "soc": "GAP9"},
         "Neural array", "Tuned engine"),
        ({"core": "Cortex-M85", "soc": "RA8D1"}, "Cortex-M85", "Tuned engine"),
        ({"core": "Cortex-M0+", "soc": "RP2040"}, "Cortex-M0+", "Tuned engine"),
        ({"core": "AndesCore NX27V (RVV)", "soc": "AE350"}, "RISC-V vector", "Tuned engine"),
        ({"kind": "edge_gpu", "board": "Jetson AGX Orin", "core": "GPU", "runtime": "TensorRT"},
         "Ampere graphics", "TensorRT on a module"),
        ({"kind": "edge_cpu", "core": "4x Cortex-A76", "runtime": "ONNX"},
         "CPU", "ONNX Runtime on CPU"),
        ({"kind": "npu", "core": "Edge TPU", "runtime": "Edge TPU TFLite", "soc": ""},
         "Edge TPU", "Edge TPU runtime"),
    ],
)  # fmt: skip
def test_columns_lead_to_twins(cells, architecture, runtime):
    machine = machines.machine_of(row(**cells))
    assert machine.chip.architecture == architecture
    assert Runtimes[machine.runtime].name == runtime


@pytest.mark.parametrize("kind", ["mcu", "other", "npu", "edge_cpu", "edge_gpu", "new kind"])
@pytest.mark.parametrize("precision", ["int8", "fp32", "fp32/fp16", "w4a8", ""])
def test_what_nobody_has_seen_before_is_predicted_all_the_same(kind, precision):
    strange = row(
        kind=kind, suite="Suite", board="Board 9", soc="Chip", core="Core Z", clock_hz="",
        runtime="Runtime", model="Net", params="", precision=precision, input_shape="",
    )  # fmt: skip
    seconds = tiny._seconds(strange)
    assert np.isfinite(seconds)
    assert seconds > 0


def test_a_network_without_name_or_counts_is_refused_with_the_reason():
    with pytest.raises(Unpredictable, match="'Net', and no count of its work"):
        tiny._seconds(row(model="Net", macs="", params=""))


def test_the_same_core_at_half_its_clock_takes_twice_as_long():
    fast, slow = tiny._seconds(row()), tiny._seconds(row(clock_hz="60e6"))
    assert slow == pytest.approx(2 * fast)


def test_the_table_of_cores_agrees_with_the_registered_chips():
    peaks = {core.architecture: core.int8_macs_per_cycle for _, core in machines._CORES}
    peaks[machines._OTHER_CORE.architecture] = machines._OTHER_CORE.int8_macs_per_cycle
    agreeing = {
        name
        for name, peak in peaks.items()
        for chip in Hardware.values()
        if chip.architecture == name and chip.int8_macs_per_cycle == peak
    }
    registered = {chip.architecture for chip in Hardware.values() if chip.tier == "tiny"}
    assert registered & set(peaks) == agreeing


def test_a_network_is_rescaled_to_the_counts_of_the_row():
    network = tiny._network(row(model="MobileNetV1-0.5", macs="149e6", params="1.33e6"))
    table = network.operators("inference")
    assert table.at().total("flops") == pytest.approx(2 * 149e6)
    assert table.parameters == pytest.approx(1.33e6)


def test_energy_is_active_power_times_the_time_it_was_measured_over():
    joules = tiny._joules(row(energy_uj="1", energy_run_latency_ms="100"))
    assert joules == pytest.approx(Hardware["STM32L4R5"].max_power_w * 0.1)
    with pytest.raises(Unpredictable, match="without the time"):
        tiny._joules(row(energy_uj="1", latency_ms=""))


def test_rows_that_print_frames_per_second_are_kept_apart():
    assert tiny._apart(row(latency_ms="", throughput_per_s="100")).startswith("pipelined")
    assert tiny._apart(row()) == ""
    assert tiny._measured(row(latency_ms="", throughput_per_s="100")) == 0.01


# Accuracy


@pytest.fixture(scope="module")
def errors():
    found = {}
    for case in tiny.cases(MEASUREMENTS):
        if case.apart:
            continue
        try:
            ratio = case.predict() / case.measured
        except MLSysimError:
            ratio = np.inf
        found.setdefault(case.family, []).append(np.log(ratio))
    return {family: np.abs(values) for family, values in found.items()}


@pytest.mark.parametrize(
    ("family", "median", "within_two"),
    [("tiny", 0.22, 0.9), ("edge", 0.30, 0.9), ("tiny_energy", 0.10, 0.9)],
)
def test_predictions_are_as_close_as_promised(errors, family, median, within_two):
    assert np.median(np.expm1(errors[family])) <= median
    assert np.mean(errors[family] <= np.log(2)) >= within_two
