"""Runtime twins: what a software stack reaches of the hardware, and what it adds to each step."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced


@dataclass(frozen=True, kw_only=True)
class Runtime(Sourced):
    """A software stack, described by the same few physical fields as every other.

    `compute_fraction` and `bandwidth_fraction` are the shares of dense peak arithmetic and memory
    bandwidth that large operators reach. `overhead_per_operator_s` is the least time between two
    operators, `overhead_per_execution_s` is added once. `elementwise_traffic_fraction` is the
    share of element-wise operands that travel to memory instead of staying fused.
    `communication_exposed_fraction` is the share of link time that is not hidden behind
    arithmetic, `collective_latency_s` the latency of one step of a collective.
    """

    name: str
    label: str
    compute_fraction: float
    bandwidth_fraction: float
    overhead_per_operator_s: float
    overhead_per_execution_s: float = 0.0
    elementwise_traffic_fraction: float = 1.0
    communication_exposed_fraction: float = 1.0
    collective_latency_s: float = 0.0
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("compute_fraction", "bandwidth_fraction"):
            value = getattr(self, field)
            require_number(f"{field} of {self.name}", value, maximum=1.0, exclusive=True)
        for field in ("elementwise_traffic_fraction", "communication_exposed_fraction"):
            require_number(f"{field} of {self.name}", getattr(self, field), maximum=1.0)
        for field in (
            "overhead_per_operator_s",
            "overhead_per_execution_s",
            "collective_latency_s",
        ):
            require_number(f"{field} of {self.name}", getattr(self, field))


Runtimes: Registry[Runtime] = Registry(
    "runtime",
    lambda: (
        Runtime(
            name="PyTorch eager",
            label="PyTorch, operator by operator",
            compute_fraction=0.60,
            bandwidth_fraction=0.80,
            overhead_per_operator_s=73e-6,
            communication_exposed_fraction=0.25,
            collective_latency_s=1.5e-6,
            source="runtime-fractions",
            field_sources={"overhead_per_operator_s": "nvidia-deep-learning-examples"},
        ),
        Runtime(
            name="PyTorch compiled",
            label="PyTorch, compiled and replayed as a graph",
            compute_fraction=0.65,
            bandwidth_fraction=0.72,
            overhead_per_operator_s=5e-6,
            elementwise_traffic_fraction=0.5,
            communication_exposed_fraction=1.0,
            collective_latency_s=1.5e-6,
            source="runtime-fractions",
            field_sources={"bandwidth_fraction": "gpt-fast"},
        ),
        Runtime(
            name="Serving engine",
            label="Serving engine with continuous batching",
            compute_fraction=0.65,
            bandwidth_fraction=0.80,
            overhead_per_operator_s=6e-6,
            elementwise_traffic_fraction=0.5,
            communication_exposed_fraction=1.0,
            collective_latency_s=1.5e-6,
            source="runtime-fractions",
        ),
        Runtime(
            name="Training framework",
            label="Large-model training framework",
            compute_fraction=0.59,
            bandwidth_fraction=0.80,
            overhead_per_operator_s=5e-6,
            elementwise_traffic_fraction=0.6,
            communication_exposed_fraction=0.25,
            collective_latency_s=1.5e-6,
            source="runtime-fractions",
            field_sources={"compute_fraction": "ml-engineering-matmul"},
        ),
        Runtime(
            name="TensorRT",
            label="TensorRT, fused and built ahead of time",
            compute_fraction=0.50,
            bandwidth_fraction=0.80,
            overhead_per_operator_s=5e-6,
            elementwise_traffic_fraction=0.1,
            source="runtime-fractions",
        ),
        Runtime(
            name="llama.cpp",
            label="llama.cpp with quantised weights",
            compute_fraction=0.30,
            bandwidth_fraction=0.65,
            overhead_per_operator_s=10e-6,
            elementwise_traffic_fraction=0.5,
            source="runtime-fractions",
        ),
        Runtime(
            name="TFLite Micro reference",
            label="TensorFlow Lite Micro, reference kernels",
            compute_fraction=0.056,
            bandwidth_fraction=1.0,
            overhead_per_operator_s=0.0,
            source="mlperf-tiny-v0-5",
        ),
        Runtime(
            name="TFLite Micro ESP-NN",
            label="TensorFlow Lite Micro with ESP-NN kernels",
            compute_fraction=0.0173,
            bandwidth_fraction=1.0,
            overhead_per_operator_s=0.0,
            source="espressif-esp-nn",
        ),
        Runtime(
            name="X-CUBE-AI",
            label="ST X-CUBE-AI",
            compute_fraction=0.286,
            bandwidth_fraction=1.0,
            overhead_per_operator_s=0.0,
            source="mlperf-tiny-v1-3",
        ),
    ),
)
