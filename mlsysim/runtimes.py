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
    "depthwise_fraction",
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

    What it reaches: `compute_fraction` of the plateau of matrix arithmetic (times
    `depthwise_fraction` in depthwise convolutions), `bandwidth_fraction` of peak bandwidth, and
    where kernels load through the cores, `load_byte_per_core_cycle` at most.

    What it moves: element-wise operands travel to memory `elementwise_passes` times, those of a
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
    depthwise_fraction: float = 1.0
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


def _on_microcontrollers() -> tuple[Runtime, ...]:
    tiny = partial(Runtime, bandwidth_fraction=1.0)
    return (
        tiny(
            name="TFLite Micro reference",
            label="TensorFlow Lite Micro, reference kernels",
            compute_fraction=0.056,
            source="mlperf-tiny-v0-5",
        ),
        tiny(
            name="TFLite Micro ESP-NN",
            label="TensorFlow Lite Micro with ESP-NN kernels",
            compute_fraction=0.0173,
            source="espressif-esp-nn",
        ),
        tiny(
            name="X-CUBE-AI",
            label="ST X-CUBE-AI",
            compute_fraction=0.286,
            source="mlperf-tiny-v1-3",
        ),
    )


def _runtimes() -> tuple[Any, ...]:
    return (*_on_accelerators(), *_on_microcontrollers())


Runtimes: Registry[Runtime] = Registry("runtime", _runtimes)
rebuilt_on_trial(Runtimes)  # type: ignore[arg-type]  # a registry of some twins
