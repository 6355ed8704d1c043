"""Microcontrollers and edge devices: from the columns of a row to a time, or to an energy."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mlsysim.calibration import fitted
from mlsysim.engine import Engine
from mlsysim.hardware import Hardware, HardwareSpec
from mlsysim.models import Models, ModelSpec, Network
from mlsysim.models.operators import Operator, OperatorColumns, OperatorTable, merge_identical
from mlsysim.precisions import Precisions
from mlsysim.systems import System
from mlsysim.validation.cases import Case, Row, Unpredictable, read, unless_refused

_SOURCE = "measurement-files"
_PIPELINED = "pipelined: frames overlap, 1/throughput is no latency"
_MEMORY = "peak memory, no time"
_MICROCONTROLLER, _EDGE = "microcontroller", "edge"


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

# Networks by another name than the registry's, on letters and digits alone.
_NETWORKS = (
    (r"^dscnn|^kws", "MLPerf Tiny KWS DS-CNN"),
    (r"autoencoder|^ad0", "MLPerf Tiny AD FC autoencoder"),
    (r"^resnet8", "MLPerf Tiny IC ResNet-8"),
    (r"^mobilenet(v1)?02596$", "MLPerf Tiny VWW MobileNetV1-0.25"),
    (r"persondetect", "TFLM person_detect (gray)"),
    (r"^mcunetvww0", "Wake Vision MCUNet-10fps (vww0)"),
    (r"^mcunetvww1", "Wake Vision MCUNet-5fps (vww1)"),
    (r"^mcunetvww2", "Wake Vision MCUNet-320kB (vww2)"),
    (r"mobilenetv1", "MobileNetV1-1.0-224"),
    (r"mobilenetv2|^mbv2", "MobileNetV2-1.0-224"),
    (r"mobilenetv3small", "MobileNetV3-Small"),
    (r"mobilenetv3", "MobileNetV3-Large"),
    (r"^resnet(?:v[12])?(18|34|50|101|152)", r"ResNet-\1"),
    (r"^densenet(121|161|169|201)", r"DenseNet-\1"),
    (r"^vgg(11|13|16|19)", r"VGG-\1"),
    (r"^squeezenet(v?10|10)", "SqueezeNet 1.0"),
    (r"^squeezenet", "SqueezeNet 1.1"),
    (r"^alexnet", "AlexNet"),
    (r"^efficientnet(b4|lite4)", "EfficientNet-B4"),
    (r"^efficientnet(b0|lite0)", "EfficientNet-B0"),
    (r"^inceptionv?[34]", "Inception-v3"),
    (r"^vit", "ViT-B/16"),
    (r"^yolov?11([nsmlx])", r"YOLO11\1"),
    (r"^yolov?[5-9]([nsmlx])", r"YOLOv8\1"),
)
# An unknown network: this many operators, and this many multiply-accumulates for each output.
_OPERATORS, _OPERATORS_OF_A_SMALL_ONE, _MACS_PER_OUTPUT = 60, 24, 250.0
_SMALL_MACS, _MACS_PER_PARAMETER = 50e6, 300.0


def cases(directory: Path) -> Iterator[Case]:
    """Yield the cases of `tiny_measured.csv`: a time of each row, an energy where it has one."""
    for line, row in enumerate(read(directory, "tiny_measured.csv"), 2):
        small = row["kind"] in ("mcu", "other", "memory_fit")
        machine = _named_machine(row)
        common: dict[str, Any] = {
            "group": " ".join(filter(None, (row["suite"], row["board"], row["runtime"]))),
            "about": f"{row['model']} on {row['board']}, {row['runtime']}. {row['source']}",
            "runtime": machine.runtime if machine else "",
            "architecture": machine.chip.architecture if machine else "",
        }
        name = f"tiny-{line}"
        yield Case(
            name=name,
            family="tiny" if small else "edge",
            band=_MICROCONTROLLER if small else _EDGE,
            measured=_measured(row),
            predict=partial(_peak_bytes if row["kind"] == "memory_fit" else _seconds, row),
            apart=_apart(row),
            **common,
        )
        if row.has("energy_uj"):
            yield Case(
                name=f"{name}-energy",
                family="tiny_energy",
                band="microcontroller energy",
                measured=row.measured("energy_uj") * 1e-6,
                predict=partial(_joules, row),
                unit="joule",
                **common,
            )


def _apart(row: Row) -> str:
    if row["kind"] == "memory_fit":
        return _MEMORY
    return "" if row.has("latency_ms") else _PIPELINED


def _measured(row: Row) -> float:
    if row["kind"] == "memory_fit":
        stated = re.search(r"peak SRAM ([\d.]+) ?kB", row["notes"])
        return float(stated[1]) * 1e3 if stated else 0.0
    if row.has("latency_ms"):
        return row.measured("latency_ms") * 1e-3
    rate = row.measured("throughput_per_s")
    return 1.0 / rate if rate else math.nan


@dataclass(frozen=True)
class _Machine:
    """What stands for the chip and the software of a row."""

    chip: HardwareSpec
    runtime: str


def _named_machine(row: Row) -> _Machine | None:
    if row["kind"] == "memory_fit":
        return None
    return unless_refused(lambda: _machine_of(row), None)


def _machine_of(row: Row) -> _Machine:
    """Return the chip and the runtime of a row; unknown ones fall back to the nearest kind."""
    where = f"{row['core']} {row['board']} {row['soc']}"
    if row["kind"] == "edge_gpu":
        module = Hardware[_first(_MODULES, where, "Jetson Nano")]
        runtime = _first(_MODULE_RUNTIMES, row["runtime"], "TensorRT on a module")
        return _Machine(module, runtime)
    if row["kind"] == "edge_cpu":
        return _Machine(_cpu(row), _first(_CPU_RUNTIMES, row["runtime"], "ONNX Runtime on CPU"))
    unit = _first(_UNITS, where, None)
    if unit:
        return _Machine(Hardware[unit[0]], unit[1])
    core = _first(_CORES, row["core"], None) or _first(_CORES, where, _OTHER_CORE)
    chip = _microcontroller(row, core)
    return _Machine(chip, core.runtime or _runtime_of(row))


def _runtime_of(row: Row) -> str:
    name = row["runtime"]
    recent = row["suite"].startswith("MLPerf Tiny") and row["suite"] >= _CUBE_AI_10_SINCE
    if recent and "cube" in name.lower():
        return "X-CUBE-AI"
    if "/" in name and row.has("system_id"):
        name = row["system_id"]
    return str(_first(_RUNTIMES, name, "CMSIS-NN"))


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
    lanes = _first(_CPU_CORES, row["core"], _OTHER_CPU)
    fp32 = 2.0 * cores * clock * lanes.fp32_macs_per_cycle
    peaks = {"fp32": fp32, "fp16": fp32 * lanes.fp16, "int8": fp32 * lanes.int8}
    return replace(
        Hardware["Raspberry Pi 5"],
        name=row["board"],
        peak_dense_flop_per_s={name: peak for name, peak in peaks.items() if peak},
        clock_hz=clock,
        cores=cores,
    )


def _precision(row: Row, chip: HardwareSpec) -> str:
    """Return the widest reading that the chip computes of a cell such as "fp32/fp16"."""
    cell = row["precision"]
    if "fp16" in cell and "fp16" in chip.peak_dense_flop_per_s:
        return "fp16"
    if cell == "fp32" and row["kind"] == "edge_gpu" and "tf32" in chip.peak_dense_flop_per_s:
        return "tf32"
    found = re.search(r"(fp|bf|tf|int)\d+", cell)
    name = found[0] if found else "int8"
    return name if name in chip.precisions else chip.precisions[0]


def _execution(row: Row) -> Any:
    machine = _machine_of(row)
    return Engine.solve(
        _network(row),
        System(name=machine.chip.name, label="", hardware=machine.chip, source=_SOURCE),
        phase="inference",
        batch_size=row.whole("batch", 1),
        precision=_precision(row, machine.chip),
        runtime=machine.runtime,
    )


def _seconds(row: Row) -> float:
    """Return the predicted time of one inference: of one frame where several overlap."""
    seconds = _execution(row).si("latency") / row.whole("batch", 1)
    on_host = row["task"] == "od" and row["kind"] in ("edge_cpu", "npu") and row.has("latency_ms")
    return float(seconds + (_pixels(row) * fitted("detection_host_s_per_pixel") if on_host else 0))


def _joules(row: Row) -> float:
    """Return the predicted power of a row times the time that its energy was measured over."""
    milliseconds = row.number("energy_run_latency_ms", 0.0) or row.number("latency_ms", 0.0)
    if not milliseconds:
        raise Unpredictable("an energy without the time it was measured over")
    return float(_execution(row).si("power") * milliseconds * 1e-3)


def _peak_bytes(row: Row) -> float:
    name = _registered_name(row["model"])
    if name is None:
        raise Unpredictable("no drawing of this searched network: its peak memory is not known")
    network = _network(row)
    return float(network.peak_activation_elements("inference")) * Precisions["int8"].bytes_per_value


def _pixels(row: Row) -> float:
    sides = sorted(int(side) for side in re.findall(r"\d+", row["input_shape"]))[-2:]
    return float(sides[0] * sides[1]) if len(sides) == 2 else 224.0**2


def _registered_name(model: str) -> str | None:
    """Return the registered network that a name means, or None.

    >>> _registered_name("MobileNetV1-0.25-96"), _registered_name("yolov11s")
    ('MLPerf Tiny VWW MobileNetV1-0.25', 'YOLO11s')
    """
    if model in Models:
        return Models[model].name
    plain = re.sub(r"[^a-z0-9]", "", model.lower())
    for pattern, name in _NETWORKS:
        found = re.search(pattern, plain)
        if found and found.expand(name) in Models:
            return found.expand(name)
    return None


def _network(row: Row) -> ModelSpec:
    """Return the named network, in the width and resolution that its counts imply."""
    name = _registered_name(row["model"])
    macs, parameters = row.number("macs", 0.0), row.number("params", 0.0)
    if name is None:
        return _unknown_network(row["model"], macs, parameters)
    network = Models[name]
    if not isinstance(network, Network):
        raise Unpredictable(f"{name} has no one size of input")
    drawn = float(network.operators("inference").at().total("flops")) / 2.0
    alike = not macs or abs(macs / drawn - 1.0) <= 0.03
    if alike and (not parameters or abs(parameters / network.parameters - 1.0) <= 0.05):
        return network
    return _rescaled(network, (macs or drawn) / drawn, parameters, row["model"])


def _unknown_network(name: str, macs: float, parameters: float) -> ModelSpec:
    if not macs:
        raise Unpredictable(f"no description of the network {name!r}, and no count of its work")
    count = _OPERATORS if macs > _SMALL_MACS else _OPERATORS_OF_A_SMALL_ONE
    values = macs / _MACS_PER_OUTPUT / count
    weights = (parameters or macs / _MACS_PER_PARAMETER) / count
    operator = Operator(
        "layer", "convolution", 2.0 * macs / count, weights,
        input_elements=values, output_elements=values, count=count,
    )  # fmt: skip
    return _Described(name=name, listed=(operator,), **_FIELDS)


def _rescaled(network: Network, work: float, parameters: float, name: str) -> ModelSpec:
    """Return a network whose widths follow its parameters and whose positions follow its work."""
    stated = re.search(r"mobilenet.?v?[123]\D+([01]\.\d+)", name.lower())
    square = float(stated[1]) ** 2 if stated else 1.0
    if parameters:
        square = parameters / network.parameters
    width, positions = square**0.5, work / square

    def scaled(operator: Operator) -> Operator:
        spatial = 1.0 if operator.kind == "linear" else positions
        of_width = width if operator.kind == "depthwise_convolution" else square
        return replace(
            operator,
            flops=operator.flops * of_width * spatial,
            parameters=operator.parameters * square,
            input_elements=operator.input_elements * width * spatial,
            output_elements=operator.output_elements * width * spatial,
        )

    operators = [scaled(o) for o in merge_identical(network._graphs["inference"].operators)]
    reached = sum(o.flops * o.count for o in operators)
    wanted = work * float(network.operators("inference").at().total("flops"))
    listed = tuple(replace(o, flops=o.flops * wanted / reached) for o in operators)
    peak = float(network.peak_activation_elements("inference")) * width * positions
    return _Described(name=name, listed=listed, peak=peak, **_FIELDS)


_FIELDS: dict[str, Any] = {
    "family": "measured",
    "task": "inference",
    "default_precision": "int8",
    "year": 2024,
    "source": _SOURCE,
}


@dataclass(frozen=True, kw_only=True)
class _Described(ModelSpec):
    """A network known by a list of operators."""

    listed: tuple[Operator, ...]
    peak: float = 0.0

    def _derive(self, phase: str) -> OperatorTable:  # noqa: ARG002 - the same in both
        return OperatorTable(lambda _: self.listed)

    def peak_activation_elements(
        self, phase: str, length: Any = None, columns: OperatorColumns | None = None
    ) -> Any:
        """Return the most activation values alive at once."""
        return self.peak or super().peak_activation_elements(phase, length, columns)


def _first(patterns: tuple[tuple[str, Any], ...], text: str, default: Any) -> Any:
    found = (value for pattern, value in patterns if re.search(pattern, text, re.IGNORECASE))
    return next(found, default)
