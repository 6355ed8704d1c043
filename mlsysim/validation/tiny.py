"""Microcontrollers and edge devices: from the columns of a row to a time, or to an energy."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mlsysim.calibration import fitted
from mlsysim.engine import Engine
from mlsysim.hardware import HardwareSpec
from mlsysim.models import Models, ModelSpec, Network
from mlsysim.models.operators import Operator, OperatorColumns, OperatorTable, merge_identical
from mlsysim.precisions import Precisions
from mlsysim.systems import System
from mlsysim.validation.cases import Case, Row, Solved, Unpredictable, read, unless_refused
from mlsysim.validation.machines import Machine, machine_of

_SOURCE = "measurement-files"
_PIPELINED = "pipelined: frames overlap, 1/throughput is no latency"
_MEMORY = "peak memory, no time"
_MICROCONTROLLER, _EDGE = "microcontroller", "edge"


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
    return row.from_memory if row.has("latency_ms") else _PIPELINED


def _measured(row: Row) -> float:
    if row["kind"] == "memory_fit":
        stated = re.search(r"peak SRAM ([\d.]+) ?kB", row["notes"])
        return float(stated[1]) * 1e3 if stated else 0.0
    if row.has("latency_ms"):
        return row.measured("latency_ms") * 1e-3
    rate = row.measured("throughput_per_s")
    return 1.0 / rate if rate else math.nan


def _named_machine(row: Row) -> Machine | None:
    if row["kind"] == "memory_fit":
        return None
    return unless_refused(lambda: machine_of(row), None)


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
    machine = machine_of(row)
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
    run = _execution(row)
    seconds = run.si("latency") / row.whole("batch", 1)
    if row["task"] == "od" and row["kind"] in ("edge_cpu", "npu") and row.has("latency_ms"):
        return float(seconds + _pixels(row) * fitted("detection_host_s_per_pixel"))
    return Solved(seconds, run)


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
