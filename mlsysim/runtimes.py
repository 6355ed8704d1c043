"""Runtime twins: what a software stack reaches of the hardware, and what it adds to each step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mlsysim.calibration import fitted, rebuilt_on_trial
from mlsysim.errors import InvalidInput, require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced

ATTENTIONS = ("fused", "plain")

_SHARES = (
    "compute_fraction",
    "bandwidth_fraction",
    "exposed_communication_fraction",
)
_FROM_ZERO = (
    "elementwise_passes",
    "routing_passes",
    "overhead_per_operator_s",
    "launch_interval_s",
    "overhead_per_expert_s",
    "overhead_per_execution_s",
    "overhead_per_sequence_s",
    "collective_latency_s",
    "unpacking_flop_per_weight",
)


@dataclass(frozen=True, kw_only=True)
class Runtime(Sourced):
    """A software stack, described by the same physical fields as every other.

    What it reaches: `compute_fraction` of the plateau of matrix arithmetic on `threads` cores (all
    where None), `bandwidth_fraction` of peak bandwidth, and at most `flop_per_core_cycle` where
    kernels do without vector instructions, `load_byte_per_core_cycle` where they load through the
    cores.

    What it moves: element-wise operands travel to memory `elementwise_passes` times (never where
    they are fused into the operators before them, which also saves their launch), those of a
    mixture of experts `routing_passes` times as often; attention is
    "fused", or "plain", which writes every score to memory; values take `activation_bytes` unless
    the precision says so. Weights of formats that are only stored cost
    `unpacking_flop_per_weight` each when read for one token, and with `unpacks_to_memory` are
    written out in 16 bits before a larger product. `shares_cache_reads` says that query heads read
    a common cache once, `narrow_cache` that the cache has 8 bits when the weights have no more.

    What it adds: `overhead_per_operator_s` to each operator on the device, a `launch_interval_s`
    between operators on the host, `overhead_per_expert_s` for each expert, and a time for each
    execution and for each sequence in it.

    How it divides: `exposed_communication_fraction` is the share of gradient traffic that is not
    hidden behind arithmetic, and of tensor-parallel and expert traffic where the runtime
    overlaps it; `collective_latency_s` is the latency of one step of a collective;
    `sequence_parallel` divides norms and residuals as well.

    How it serves: prompts are read in parts of `prompt_part_tokens`, or together up to
    `prompt_batch_tokens`; `interleaves_prompts` says that a decoding step waits for them.
    """

    name: str
    label: str
    compute_fraction: float = 1.0
    flop_per_core_cycle: float | None = None
    threads: int | None = None
    bandwidth_fraction: float = 0.92
    load_byte_per_core_cycle: float | None = None
    elementwise_passes: float = 1.0
    routing_passes: float = 1.0
    attention: str = "fused"
    activation_bytes: float | None = None
    unpacking_flop_per_weight: float = 0.0
    unpacks_to_memory: bool = False
    shares_cache_reads: bool = True
    narrow_cache: bool = False
    folds_normalization: bool = True
    overhead_per_operator_s: float = 0.0
    launch_interval_s: float = 0.0
    overhead_per_expert_s: float = 0.0
    overhead_per_execution_s: float = 0.0
    overhead_per_sequence_s: float = 0.0
    exposed_communication_fraction: float = 1.0
    overlaps_tensor_parallel: bool = False
    overlaps_experts: bool = False
    collective_latency_s: float = 0.0
    sequence_parallel: bool = True
    prompt_part_tokens: int | None = None
    prompt_batch_tokens: int = 1
    interleaves_prompts: bool = True
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in _SHARES:
            value = getattr(self, field)
            require_number(f"{field} of {self.name}", value, maximum=1.0)
        for field in _FROM_ZERO:
            require_number(f"{field} of {self.name}", getattr(self, field))
        if self.attention not in ATTENTIONS:
            raise InvalidInput(f"attention of {self.name}", self.attention, ", ".join(ATTENTIONS))


def _on_accelerators() -> tuple[Runtime, ...]:
    gpu = partial(
        Runtime,
        overhead_per_operator_s=fitted("kernel_latency_s"),
        exposed_communication_fraction=fitted("exposed_communication_fraction"),
        collective_latency_s=fitted("collective_latency_s"),
        source="mlsysim-fit",
        field_sources={"bandwidth_fraction": "measured-bandwidth"},
    )
    fused, eager = fitted("fused_elementwise_passes"), fitted("eager_elementwise_passes")
    trainer = partial(gpu, elementwise_passes=fused)
    server = partial(
        gpu,
        overhead_per_execution_s=fitted("serving_overhead_per_step_s"),
        prompt_batch_tokens=2048,
    )
    return (
        gpu(
            name="PyTorch eager",
            label="PyTorch, operator by operator",
            elementwise_passes=eager,
            attention="plain",
            folds_normalization=False,
            launch_interval_s=fitted("eager_launch_interval_s"),
        ),
        gpu(
            name="PyTorch compiled",
            label="PyTorch, compiled and replayed as a graph",
            bandwidth_fraction=fitted("compiled_bandwidth_fraction"),
            unpacking_flop_per_weight=fitted("compiled_unpacking_flop_per_weight"),
            field_sources={},
        ),
        trainer(name="TensorFlow XLA", label="TensorFlow, compiled by XLA"),
        trainer(name="MXNet", label="MXNet with fused kernels", folds_normalization=False),
        trainer(
            name="MaxText",
            label="JAX with MaxText, compiled by XLA",
            overlaps_tensor_parallel=True,
        ),
        trainer(
            name="Training framework",
            label="Megatron-Core and NeMo",
            aliases=("Megatron-Core", "NeMo"),
            overlaps_tensor_parallel=True,
            overlaps_experts=True,
        ),
        trainer(
            name="NeMo before grouped experts",
            label="NeMo of early 2026, one kernel for each expert",
            overlaps_tensor_parallel=True,
            routing_passes=fitted("ungrouped_experts_routing_passes"),
            overhead_per_expert_s=fitted("ungrouped_expert_overhead_s"),
        ),
        trainer(
            name="Megatron-LM",
            label="Megatron-LM of 2020 to 2022",
            attention="plain",
            sequence_parallel=False,
        ),
        trainer(
            name="Megatron-LM sequence parallel",
            label="Megatron-LM with sequence parallelism",
            attention="plain",
        ),
        trainer(
            name="Megatron-DeepSpeed",
            label="Megatron-DeepSpeed",
            compute_fraction=fitted("megatron_deepspeed_compute_fraction"),
            attention="plain",
            sequence_parallel=False,
        ),
        trainer(name="torchtitan", label="PyTorch with torchtitan, compiled"),
        gpu(
            name="PyTorch FSDP",
            label="PyTorch with fully sharded data, not compiled",
            elementwise_passes=fitted("mixed_precision_elementwise_passes"),
        ),
        server(
            name="Serving engine",
            label="Serving engine with continuous batching",
            aliases=("vLLM", "SGLang"),
        ),
        server(
            name="Serving engine, cached prompts",
            label="Serving engine whose prompts are cached before they decode",
            interleaves_prompts=False,
        ),
        server(name="TensorRT-LLM", label="TensorRT-LLM", narrow_cache=True),
        server(
            name="TensorRT-LLM 0",
            label="TensorRT-LLM before version 1, without grouped-query kernels",
            narrow_cache=True,
            shares_cache_reads=False,
        ),
        gpu(
            name="FasterTransformer",
            label="FasterTransformer, static batches",
            bandwidth_fraction=fitted("fastertransformer_bandwidth_fraction"),
            shares_cache_reads=False,
            sequence_parallel=False,
            overhead_per_sequence_s=fitted("sampling_overhead_per_sequence_s"),
            collective_latency_s=fitted("library_collective_latency_s"),
            field_sources={},
        ),
        gpu(name="TensorRT", label="TensorRT, fused and built ahead of time"),
        *_llama_cpp(gpu),
        server(
            name="vLLM with host scheduling",
            label="vLLM that schedules every step on the host",
            overhead_per_operator_s=fitted("scheduled_operator_overhead_s"),
            overhead_per_sequence_s=fitted("scheduling_overhead_per_sequence_s"),
        ),
        gpu(
            name="Diffusers",
            label="Image generation with Diffusers, operator by operator",
            compute_fraction=fitted("diffusion_compute_fraction"),
            elementwise_passes=fitted("diffusion_elementwise_passes"),
            folds_normalization=False,
            launch_interval_s=fitted("eager_launch_interval_s"),
        ),
    )


def _llama_cpp(gpu: partial[Runtime]) -> tuple[Runtime, ...]:
    cuda = gpu(
        name="llama.cpp",
        label="llama.cpp on CUDA",
        compute_fraction=fitted("llama_cpp_compute_fraction"),
        load_byte_per_core_cycle=fitted("matrix_vector_load_byte_per_core_cycle"),
        attention="plain",
        activation_bytes=4.0,
        unpacks_to_memory=True,
        overhead_per_execution_s=fitted("llama_cpp_overhead_per_step_s"),
        prompt_part_tokens=512,
        prompt_batch_tokens=2048,
    )
    metal = replace(
        cuda,
        name="llama.cpp Metal",
        label="llama.cpp on Apple GPUs",
        compute_fraction=1.0,
        bandwidth_fraction=fitted("metal_bandwidth_fraction"),
        load_byte_per_core_cycle=None,
        unpacking_flop_per_weight=fitted("metal_unpacking_flop_per_weight"),
        unpacks_to_memory=False,
        overhead_per_execution_s=fitted("metal_overhead_per_step_s"),
        field_sources={},
    )
    exllama = gpu(
        name="ExLlamaV2",
        label="ExLlamaV2",
        load_byte_per_core_cycle=fitted("matrix_vector_load_byte_per_core_cycle"),
    )
    return cuda, metal, exllama


def _on_edge_devices() -> tuple[Runtime, ...]:
    def on_cpu(name: str, fraction: str) -> Runtime:
        return Runtime(
            name=f"{name} on CPU",
            label=f"{name} on CPU cores",
            compute_fraction=fitted(fraction),
            elementwise_passes=0.0,
            source="mlsysim-fit",
        )

    return (
        Runtime(
            name="TensorRT on a module",
            label="TensorRT on the GPU of a module, one picture at a time",
            compute_fraction=fitted("edge_gpu_compute_fraction"),
            bandwidth_fraction=fitted("edge_gpu_bandwidth_fraction"),
            elementwise_passes=0.0,
            overhead_per_operator_s=fitted("edge_gpu_overhead_per_operator_s"),
            source="mlsysim-fit",
        ),
        on_cpu("ncnn", "ncnn_compute_fraction"),
        on_cpu("OpenVINO", "openvino_compute_fraction"),
        on_cpu("MNN", "mnn_compute_fraction"),
        on_cpu("ONNX Runtime", "onnx_runtime_compute_fraction"),
        on_cpu("TFLite", "tflite_compute_fraction"),
        on_cpu("PyTorch", "pytorch_cpu_compute_fraction"),
        Runtime(
            name="Edge TPU runtime",
            label="TensorFlow Lite on the Edge TPU",
            bandwidth_fraction=fitted("edge_tpu_link_fraction"),
            overhead_per_operator_s=fitted("edge_tpu_overhead_per_operator_s"),
            overhead_per_execution_s=fitted("edge_tpu_overhead_per_execution_s"),
            source="mlsysim-fit",
        ),
        Runtime(
            name="HailoRT",
            label="HailoRT, frames overlapping",
            elementwise_passes=0.0,
            source="hailo-model-zoo",
        ),
        Runtime(
            name="ST Edge AI on Neural-ART",
            label="ST Edge AI on the Neural-ART unit",
            bandwidth_fraction=fitted("neural_art_link_fraction"),
            overhead_per_operator_s=fitted("neural_art_overhead_per_operator_s"),
            source="mlsysim-fit",
        ),
        Runtime(
            name="Qualcomm sensing hub",
            label="Qualcomm AI Stack on the always-on part of a phone",
            compute_fraction=fitted("sensing_hub_compute_fraction"),
            overhead_per_operator_s=fitted("sensing_hub_overhead_per_operator_s"),
            overhead_per_execution_s=fitted("sensing_hub_overhead_per_execution_s"),
            source="mlsysim-fit",
        ),
    )


def _on_microcontrollers() -> tuple[Runtime, ...]:
    tiny = partial(
        Runtime,
        bandwidth_fraction=1.0,
        threads=1,
        field_sources={"compute_fraction": "mlsysim-fit"},
    )
    library, vendor = (
        fitted("library_kernel_compute_fraction"),
        fitted("vendor_kernel_compute_fraction"),
    )
    return (
        tiny(
            name="TFLite Micro portable",
            label="TensorFlow Lite Micro, portable kernels for any core",
            flop_per_core_cycle=fitted("portable_kernel_flop_per_cycle"),
            field_sources={"flop_per_core_cycle": "mlsysim-fit"},
            source="espressif-esp-nn",
        ),
        tiny(
            name="TFLite Micro reference",
            label="TensorFlow Lite Micro, reference kernels",
            compute_fraction=fitted("reference_kernel_compute_fraction"),
            source="mlperf-tiny-v0-5",
        ),
        tiny(
            name="TFLite Micro ESP-NN",
            label="TensorFlow Lite Micro with ESP-NN kernels",
            compute_fraction=library,
            source="espressif-esp-nn",
        ),
        tiny(
            name="CMSIS-NN",
            label="TensorFlow Lite Micro or microTVM with CMSIS-NN kernels",
            compute_fraction=library,
            source="mlperf-tiny-results",
        ),
        tiny(
            name="Vendor compiler",
            label="Optimising compiler of a chip maker: X-CUBE-AI before version 9, ONNC",
            aliases=("ONNC", "X-CUBE-AI 7"),
            compute_fraction=vendor,
            source="mlperf-tiny-results",
        ),
        tiny(
            name="X-CUBE-AI",
            label="ST X-CUBE-AI from version 9 on, ST Edge AI",
            aliases=("ST Edge AI",),
            source="mlperf-tiny-v1-3",
        ),
        tiny(
            name="Tuned engine",
            label="Engine tuned to its core: Bosch HALE, Plumerai",
            aliases=("Plumerai", "HALE"),
            source="mlperf-tiny-results",
        ),
    )


def _runtimes() -> tuple[Any, ...]:
    return (*_on_accelerators(), *_on_edge_devices(), *_on_microcontrollers())


Runtimes: Registry[Runtime] = Registry("runtime", _runtimes)
rebuilt_on_trial(Runtimes)
