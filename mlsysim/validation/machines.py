"""Small machines: the chip and the software that the columns of a row name."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass, replace
from typing import NamedTuple

from mlsysim.hardware import Hardware, HardwareSpec
from mlsysim.validation.cases import Row, first_match


class _Core(NamedTuple):
    """A family of small cores: its peak, and the runtime where its maker's is the only one."""

    architecture: str
    int8_macs_per_cycle: float
    runtime: str = ""


# First match wins, on the core, else on core, board and chip together.
_CORES = (
    (r"ne16|gap[89]|ethos|max7800|\bnpu\b", _Core("Neural array", 150, "Tuned engine")),
    (r"syntiant|ndp\d", _Core("Syntiant", 64, "Tuned engine")),
    (r"mvp", _Core("MVP", 4, "Tuned engine")),
    (r"m33.*\bacc|\bhsp\b|u3c5", _Core("STM32U3 accelerator", 8, "Tuned engine")),
    (r"\bm(52|55|85)|helium", _Core("Cortex-M85", 8)),
    (r"\bm7|stm32h7|stm32f7", _Core("Cortex-M7", 2)),
    (r"\bm(33|35)|stm32u5|nrf53|nrf54", _Core("Cortex-M33", 2)),
    (r"\bm4|stm32[lf]4|nrf528", _Core("Cortex-M4", 2)),
    (r"\bm(0|23)\b|m0\+|rp2040", _Core("Cortex-M0+", 0.5)),
    (r"rvv|nx27|vector", _Core("RISC-V vector", 16)),
    (r"lx7|esp32-?(s3|p4)", _Core("Xtensa LX7", 16)),
    (r"andes|ax45|d25|d45|\bp ext|dsp", _Core("RISC-V packed SIMD", 4)),
)
_OTHER_CORE = _Core("Scalar core", 1)

# First match wins, on the runtime, or on the system where one name stands for two runtimes.
_RUNTIMES = (
    (r"no esp-nn|without|unoptimi|portable", "TFLite Micro portable"),
    (r"reference|\bref\b", "TFLite Micro reference"),
    (r"hale|plumerai|tinyengine", "Tuned engine"),
    (r"st ?edge ?ai|cube.?ai.?(9|1\d)", "X-CUBE-AI"),
    (r"esp-nn", "TFLite Micro ESP-NN"),
    (r"cmsis|tflite|tensorflow|tfl?m\b|microtvm", "CMSIS-NN"),
    (r"cube.?ai|onnc|deeply|e-ai|glow", "Vendor compiler"),
)
# From this round of MLPerf Tiny on, X-CUBE-AI without a version is version 10.
_CUBE_AI_10_SINCE = "MLPerf Tiny v1.3"

_CPU_RUNTIMES = (
    (r"ncnn", "ncnn on CPU"),
    (r"openvino|xnnpack", "OpenVINO on CPU"),
    (r"mnn|arm ?nn|coreml", "MNN on CPU"),
    (r"onnx|\bort\b", "ONNX Runtime on CPU"),
    (r"tflite|litert|tensorflow", "TFLite on CPU"),
    (r"torch", "PyTorch on CPU"),
)


class _Lanes(NamedTuple):
    """A CPU core: multiply-accumulates per cycle in fp32, and how many times as many in others."""

    fp32_macs_per_cycle: float
    fp16: float
    int8: float


_CPU_CORES = (
    (r"a7[68]|a720|\bx[1-4]\b|a510|\bm[1-4]\b|avalanche", _Lanes(8, 2, 4)),
    (r"a7[2357]|a57", _Lanes(4, 0, 2)),
    (r"\ba7\b|\ba5\b|\ba9\b|1176", _Lanes(2, 0, 2)),
    (r"xeon|i[3579]-|ryzen|zen|x86|core i", _Lanes(16, 0, 4)),
)
_OTHER_CPU = _Lanes(4, 0, 2)

# GPU modules and neural units that are twins of the registry.
_MODULES = (
    (r"agx thor", "NVIDIA Jetson AGX Thor"),
    (r"agx orin", "NVIDIA Jetson AGX Orin 64GB"),
    (r"orin nano super", "NVIDIA Jetson Orin Nano Super 8GB"),
    (r"orin nano", "NVIDIA Jetson Orin Nano 8GB"),
    (r"orin", "NVIDIA Jetson Orin NX 16GB"),
    (r"xavier nx", "NVIDIA Jetson Xavier NX 8GB"),
    (r"xavier", "NVIDIA Jetson AGX Xavier 32GB"),
    (r"tx2", "NVIDIA Jetson TX2"),
    (r"jetson|nano|tegra|gpu", "NVIDIA Jetson Nano 4GB"),
)
_MODULE_RUNTIMES = (
    (r"trt|tensorrt", "TensorRT on a module"),
    (r"torch|onnx|tensorflow|tflite", "PyTorch eager"),
)
_UNITS = (
    (r"hailo-?8l", ("Hailo-8L", "HailoRT")),
    (r"hailo", ("Hailo-8", "HailoRT")),
    (r"neural.?art|stm32n6", ("STM32N657", "ST Edge AI on Neural-ART")),
    (r"edge ?tpu|coral", ("Google Coral Edge TPU", "Edge TPU runtime")),
    (r"low-power ai|hexagon|snapdragon", ("Qualcomm Snapdragon 8 Gen 3", "Qualcomm sensing hub")),
)


@dataclass(frozen=True)
class Machine:
    """What stands for the chip and the software of a row."""

    chip: HardwareSpec
    runtime: str


def machine_of(row: Row) -> Machine:
    """Return the chip and the runtime of a row; unknown ones fall back to the nearest kind."""
    where = f"{row['core']} {row['board']} {row['soc']}"
    if row["kind"] == "edge_gpu":
        module = Hardware[first_match(_MODULES, where, "Jetson Nano")]
        runtime = first_match(_MODULE_RUNTIMES, row["runtime"], "TensorRT on a module")
        return Machine(module, runtime)
    if row["kind"] == "edge_cpu":
        return Machine(_cpu(row), first_match(_CPU_RUNTIMES, row["runtime"], "ONNX Runtime on CPU"))
    unit = first_match(_UNITS, where, None)
    if unit:
        return Machine(Hardware[unit[0]], unit[1])
    core = first_match(_CORES, row["core"], None) or first_match(_CORES, where, _OTHER_CORE)
    chip = _microcontroller(row, core)
    return Machine(chip, core.runtime or _runtime_of(row))


def _runtime_of(row: Row) -> str:
    name = row["runtime"]
    recent = row["suite"].startswith("MLPerf Tiny") and row["suite"] >= _CUBE_AI_10_SINCE
    if recent and "cube" in name.lower():
        return "X-CUBE-AI"
    if "/" in name and row.has("system_id"):
        name = row["system_id"]
    return str(first_match(_RUNTIMES, name, "CMSIS-NN"))


def _microcontroller(row: Row, core: _Core) -> HardwareSpec:
    """Return the registered chip at the clock of the row, else one of the same core family."""
    known = [Hardware[row["soc"]]] if row["soc"] in Hardware else []
    registered = next((chip for chip in known if chip.architecture == core.architecture), None)
    clock = row.number("clock_hz", 0.0) or (registered.clock_hz if registered else None) or 1e8
    if registered and registered.clock_hz:
        chip = registered.at_clock(clock)
        return chip if "fp32" in chip.peak_dense_flop_per_s else _with_software_floats(chip)
    peak = 2.0 * clock * core.int8_macs_per_cycle
    power = _joule_per_cycle(core.architecture) * clock
    return replace(
        Hardware["STM32L4R5"],
        name=row["soc"] or row["board"],
        architecture=core.architecture,
        peak_dense_flop_per_s={"int8": peak, "fp32": min(2.0 * clock, peak)},
        memory_bandwidth_byte_per_s=4.0 * clock,
        max_power_w=power,
        idle_power_w=0.0,
        clock_hz=clock,
        int8_macs_per_cycle=core.int8_macs_per_cycle,
    )


def _with_software_floats(chip: HardwareSpec) -> HardwareSpec:
    """Return a chip without floating point with what its integer unit makes of it, a tenth."""
    peaks = chip.peak_dense_flop_per_s
    return replace(chip, peak_dense_flop_per_s={**peaks, "fp32": peaks["int8"] / 10.0})


def _joule_per_cycle(architecture: str) -> float:
    """Return the median over the chips of a core family, or over all small ones without one."""
    small = [chip for chip in Hardware.values() if chip.tier == "tiny" and chip.clock_hz]
    alike = [chip for chip in small if chip.architecture == architecture] or small
    return statistics.median(chip.max_power_w / (chip.clock_hz or 1.0) for chip in alike)


def _cpu(row: Row) -> HardwareSpec:
    """Return a CPU from its cores, its clock and the width of its vector unit."""
    stated = re.search(r"(\d+) ?x", row["core"]) or re.search(r"(\d+) ?x", row["runtime"])
    cores = float(stated[1]) if stated else 4.0 if "quad" in row["core"].lower() else 1.0
    clock = row.number("clock_hz", 1.5e9)
    lanes = first_match(_CPU_CORES, row["core"], _OTHER_CPU)
    fp32 = 2.0 * cores * clock * lanes.fp32_macs_per_cycle
    peaks = {"fp32": fp32, "fp16": fp32 * lanes.fp16, "int8": fp32 * lanes.int8}
    return replace(
        Hardware["Raspberry Pi 5"],
        name=row["board"],
        peak_dense_flop_per_s={name: peak for name, peak in peaks.items() if peak},
        clock_hz=clock,
        cores=cores,
    )
