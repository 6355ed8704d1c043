"""Training, prefill, decode and serving on accelerators: from the columns of a row to a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mlsysim.calibration import fitted
from mlsysim.engine import Engine
from mlsysim.hardware import Hardware, HardwareSpec
from mlsysim.models import (
    Decoder,
    Encoder,
    LatentAttention,
    MixtureOfExperts,
    Models,
    ModelSpec,
)
from mlsysim.precisions import Precision, Precisions
from mlsysim.systems import Layout, System
from mlsysim.validation.cases import Case, Row, Unpredictable, read

FAMILY = "perf"
_SOURCE = "measurement-files"
_GIB = 2.0**30

# First match wins: what the software column says, and the runtime twin that stands for it.
_RUNTIMES = (
    (r"fastertransformer", "FasterTransformer"),
    (r"(tensorrt-llm|trtllm|trt-llm) v?0\.", "TensorRT-LLM 0"),
    (r"tensorrt-llm|trtllm|trt-llm", "TensorRT-LLM"),
    # From version 0.8 on, prompts seen before are found in a cache.
    (r"vllm v?0\.([89]|\d\d)|vllm v?[1-9]", "Serving engine, cached prompts"),
    (r"vllm|sglang|tgi|lmdeploy|serving", "Serving engine"),
    (r"gpt-fast|torch\.compile \+", "PyTorch compiled"),
    (r"exllama", "ExLlamaV2"),
    (r"llama\.cpp|ggml", "llama.cpp"),
    (r"mxnet", "MXNet"),
    (r"tensorflow", "TensorFlow XLA"),
    (r"tensorrt", "TensorRT"),
    (r"deepspeed", "Megatron-DeepSpeed"),
    (r"(nemo|bridge).* (2[0-5]|26\.0[0-5])", "NeMo before grouped experts"),
    (r"megatron-core|mcore|nemo|bridge", "Training framework"),
    (r"megatron.*no sequence parallel", "Megatron-LM"),
    (r"megatron.*sequence parallel", "Megatron-LM sequence parallel"),
    (r"megatron", "Megatron-LM"),
    (r"torchtitan.*no compile|foundry|composer|fsdp", "PyTorch FSDP"),
    (r"torchtitan", "torchtitan"),
    (r"maxtext|jax|xla", "MaxText"),
    (r"pytorch|torch|huggingface|transformers", "PyTorch eager"),
)
_OF_TASK = {
    "training": "Training framework",
    "inference": "TensorRT",
    "prefill": "Serving engine",
    "decode": "Serving engine",
    "serving": "Serving engine",
}
_ARCHITECTURES = (
    (r"apple", "Apple GPU"),
    (r"tpu", "TPU"),
    (r"\bada\b|-ada-", "Ada"),
    (r"[gb]b?[23]00|rtx.?50", "Blackwell"),
    (r"h[12]00|gh200|h800", "Hopper"),
    (r"l40|l4\b|rtx.?40", "Ada"),
    (r"a100|a800", "Ampere"),
    (r"a10\b|a40|a6000|rtx.?30", "Ampere graphics"),
    (r"\bt4|rtx.?20", "Turing"),
    (r"v100", "Volta"),
    (r"p100|p40", "Pascal"),
    (r"mi\d", "CDNA"),
)
# Devices that one switch or torus joins.
_SCALE_UP = ((r"^gb\d", 72), (r"tpu-?v5e", 256), (r"tpu", 4096))
_DATA_CENTRE_NETWORK_OF_A_TPU = 3.125e9
_REGISTERED = {
    "A100-SXM-40GB": "NVIDIA A100 SXM4 40GB",
    "A100-SXM-80GB": "NVIDIA A100 SXM4 80GB",
    "H100-SXM-80GB": "NVIDIA H100 SXM5 80GB",
    "H100-PCIe-80GB": "NVIDIA H100 PCIe 80GB",
    "H200-SXM": "NVIDIA H200 SXM 141GB",
    "B200-SXM": "NVIDIA B200 SXM 180GB",
    "B300-SXM": "NVIDIA B300 SXM 288GB",
    "GB200": "NVIDIA GB200",
    "GB300": "NVIDIA B300 SXM 288GB",
    "L40S": "NVIDIA L40S",
    "A10": "NVIDIA A10",
    "T4": "NVIDIA T4",
    "TPU-v4": "Google TPU v4",
    "TPU-v5e": "Google TPU v5e",
    "TPU-v5p": "Google TPU v5p",
}
# A chip whose power nobody states is taken to run at full clock.
_UNLIMITED_W = 1e6
# Board power in the makers' data sheets, of boards that are no twins of the registry.
_BOARD_POWER_W = {
    "RTX3070-8GB": 220.0, "RTX3080-10GB": 320.0, "RTX3080Ti-12GB": 350.0, "RTX3090-24GB": 350.0,
    "RTX4070Ti-12GB": 285.0, "RTX4080-16GB": 320.0, "RTX4090-24GB": 450.0,
    "RTX-4000-Ada-20GB": 130.0, "RTX-5000-Ada-32GB": 250.0, "RTX-6000-Ada-48GB": 300.0,
    "RTX-A6000-48GB": 300.0, "A40": 300.0, "A100-PCIe-80GB": 300.0, "V100-SXM2-16GB": 300.0,
    "V100-SXM3-32GB": 350.0, "GB300": 1400.0, "MI250X-1GCD": 280.0,
}  # fmt: skip
_PEAKS = {
    "bf16": "bf16_tflops",
    "fp16": "fp16_acc16_tflops",
    "fp8": "fp8_tflops",
    "fp4": "fp4_tflops",
    "tf32": "tf32_tflops",
    "fp32": "fp32_tflops",
}
_SHARDINGS = {"zero1": "optimizer", "fsdp2": "gradients", "fsdp3": "full"}
# Blocks of 32 weights share a scale of 16 bits.
_SCALE_BITS = 0.5
# A published run says how many device hours it took, not how they were divided.
_LARGE, _HUGE = 20e9, 100e9


def cases(directory: Path) -> Iterator[Case]:
    """Yield the cases of `perf_measured.csv`, described by the two files beside it."""
    models = {row["model"]: row for row in read(directory, "perf_models.csv")}
    hardware = {row["hardware"]: row for row in read(directory, "perf_hardware.csv")}
    predictor = _Predictor(models, hardware, {}, {})
    for row in read(directory, "perf_measured.csv"):
        yield Case(
            name=row["id"],
            family=FAMILY,
            group=row["group"],
            band=_band(row),
            measured=row.measured("target_time_s"),
            predict=partial(predictor.seconds, row),
            apart=_apart(row),
            about=_about(row),
            runtime=_runtime(row),
            architecture=_first_match(_ARCHITECTURES, row["hardware"], "other"),
        )


def _about(row: Row) -> str:
    software = f", {row['software']}" if row.has("software") else ""
    where = f"{row['n_devices']} × {row['hardware']}"
    return f"{row['model']} on {where}{software}. {row['source']}"


def _apart(row: Row) -> str:
    for ending, reason in (
        ("_suspect", "faster than the datasheet allows: work was skipped"),
        ("_anomalous", "slower than its siblings on a slow path of a library"),
        ("_frommemory", "written from memory, not read in its source"),
    ):
        if row["group"].endswith(ending):
            return reason
    return "written from memory, not read in its source" if "memory" in row["how_obtained"] else ""


def _band(row: Row) -> str:
    task = row["task"]
    if task == "training":
        return "training of networks" if not row.has("input_len") else "training"
    if task == "decode" and row.measured("batch") > 1:
        return "serving"
    return task


@dataclass(frozen=True)
class _Predictor:
    """Twins made of the descriptive files, kept for the rows that name them again."""

    model_rows: Mapping[str, Row]
    hardware_rows: Mapping[str, Row]
    models: dict[str, ModelSpec]
    hardware: dict[str, HardwareSpec]

    def seconds(self, row: Row) -> float:
        """Return the predicted `target_time_s` of a row."""
        task = row["task"]
        if task not in _OF_TASK:
            raise Unpredictable(f"no law for the task {task!r}")
        model, precision = self._model(row["model"]), _precision(row)
        chip = self._hardware(row["hardware"])
        if task == "training":
            return _training(row, model, chip, precision)
        return _inference(row, model, chip, precision)

    def _model(self, name: str) -> ModelSpec:
        if name not in self.models:
            self.models[name] = (
                model_of(self.model_rows[name]) if name in self.model_rows else _registered(name)
            )
        return self.models[name]

    def _hardware(self, name: str) -> HardwareSpec:
        if name not in self.hardware:
            if name not in self.hardware_rows:
                raise Unpredictable(f"no description of the hardware {name!r}")
            self.hardware[name] = hardware_of(self.hardware_rows[name])
        return self.hardware[name]


def _registered(name: str) -> ModelSpec:
    short = re.sub(r"[-_ ]?v1\.5$", "", name)
    for candidate in (name, short, short.replace("-", " ")):
        if candidate in Models:
            return Models[candidate]
    raise Unpredictable(f"no description of the model {name!r}")


def model_of(row: Row) -> ModelSpec:
    """Return the model that a line of `perf_models.csv` describes."""
    family = row["family"]
    fields: dict[str, Any] = {
        "name": row["model"],
        "family": family,
        "task": "language modelling",
        "default_precision": "bf16",
        "year": 2024,
        "source": _SOURCE,
        "layers": row.whole("layers"),
        "hidden": row.whole("hidden"),
        "heads": row.whole("heads"),
        "feed_forward": row.whole("ffn", 0) or row.whole("moe_ffn"),
        "vocabulary": row.whole("vocab"),
        "max_context": 8192,
    }
    if family == "bert":
        return Encoder(**fields)
    if family in ("llama", "moe"):
        fields |= {"biases": "none", "positions": "rotary", "shifted_norms": False}
    if family == "gptj":
        fields |= {"parallel": True, "norms_per_layer": 1, "positions": "rotary"}
    if row.number("n_experts", 0.0):
        fields["mixture"] = MixtureOfExperts(
            row.whole("n_experts"),
            row.whole("top_k"),
            row.whole("moe_ffn"),
            row.whole("n_shared", 0),
            row.whole("dense_layers", 0),
        )
    if row.number("mla_kv_dim", 0.0):
        rotary = 64
        fields["latent"] = LatentAttention(
            1536, row.whole("mla_kv_dim") - rotary, rotary, row.whole("head_dim")
        )
    return Decoder(
        key_value_heads=row.whole("kv_heads"),
        head_width=row.whole("head_dim"),
        gated=bool(row.number("gated", 0.0)),
        tied=bool(row.number("tied", 0.0)),
        **fields,
    )


def hardware_of(row: Row) -> HardwareSpec:
    """Return the chip that a line of `perf_hardware.csv` describes; its plateau is the registry's.

    Price and carbon are not in the file and decide no time.
    """
    name = row["hardware"]
    registered = Hardware[_REGISTERED[name]] if name in _REGISTERED else None
    peaks = {
        precision: row.number(column, 0.0) * 1e12
        for precision, column in _PEAKS.items()
        if row.number(column, 0.0) > 0
    }
    architecture = _first_match(_ARCHITECTURES, name, "other")
    return HardwareSpec(
        name=name,
        vendor="",
        year=2024,
        tier="cloud",
        architecture=architecture,
        matrix_plateau=registered.matrix_plateau if registered else {},
        peak_dense_flop_per_s=peaks,
        memory_bytes=row.number("mem_gb") * _GIB,
        memory_kind="DRAM",
        memory_bandwidth_byte_per_s=row.number("mem_bw_gbs") * 1e9,
        link_byte_per_s_per_direction=row.number("scaleup_gbs_per_dir", 0.0) * 1e9 or None,
        max_power_w=_power_w(name, registered),
        power_basis="TDP",
        idle_power_w=registered.idle_power_w if registered else 0.0,
        price_usd=0.0,
        price_year=2024,
        embodied_kgco2e=0.0,
        notes=row["scaleout_gbs_per_gpu"],
        source=_SOURCE,
    )


def _power_w(name: str, registered: HardwareSpec | None) -> float:
    """Return the power a chip may draw: what its name says, its twin's, or its board's."""
    capped = re.search(r"(\d+)W\b", name)
    if capped:
        return float(capped[1])
    if registered:
        return registered.max_power_w
    return _BOARD_POWER_W.get(name, _UNLIMITED_W)


def _precision(row: Row) -> Precision:
    name = row["precision"]
    bits = re.fullmatch(r"([\d.]+)bpw", name) or re.match(r"i?q(\d)|w(\d)a16", name)
    if name in Precisions:
        stored = Precisions[name]
    elif bits:
        width = float(next(filter(None, bits.groups())))
        whole = _SCALE_BITS if width.is_integer() and "bpw" not in name else 0.0
        stored = replace(Precisions["q4_0"], name=name, bytes_per_value=(width + whole) / 8)
    else:
        raise Unpredictable(f"no description of the precision {name!r}")
    if row.has("weight_gib"):
        size = row.number("weight_gib") * _GIB / row.number("n_params")
        stored = replace(stored, bytes_per_value=size)
    return stored


def _runtime(row: Row) -> str:
    name = _first_match(_RUNTIMES, row["software"], _OF_TASK.get(row["task"], "Serving engine"))
    return "llama.cpp Metal" if name == "llama.cpp" and _is_apple(row) else name


def _is_apple(row: Row) -> bool:
    return row["hardware"].lower().startswith("apple")


def _first_match(patterns: tuple[tuple[str, Any], ...], text: str, default: Any) -> Any:
    found = (value for pattern, value in patterns if re.search(pattern, text, re.IGNORECASE))
    return next(found, default)


def _system(chip: HardwareSpec, layout: Layout) -> System:
    network = float(chip.notes or 0.0) * 1e9
    if not network and chip.architecture == "TPU":
        network = _DATA_CENTRE_NETWORK_OF_A_TPU
    return System(
        name=chip.name,
        label=chip.name,
        hardware=chip,
        layout=layout,
        devices_per_node=_first_match(_SCALE_UP, chip.name, 8),
        scale_out_byte_per_s_per_direction=network or 1e9,
        source=_SOURCE,
    )


def _layout(row: Row, **fields: Any) -> Layout:
    return Layout(
        tensor=row.whole("tp", 1),
        pipeline=row.whole("pp", 1),
        data=row.whole("dp", 1),
        context=row.whole("cp", 1),
        expert=row.whole("ep", 1),
        virtual_stages=row.whole("vpp", 1),
        sharding=_SHARDINGS.get(row["sharding"], "none"),
        **fields,
    )


def _training(row: Row, model: ModelSpec, chip: HardwareSpec, precision: Precision) -> float:
    batch, length = row.number("batch"), row.number("input_len", 0.0) or None
    unstated = row.whole("n_devices") == 1 and not row.has("dp") and length is not None
    if unstated:
        layout = _usual_training_layout(model)
        batch = float(layout.data * 16 * layout.pipeline)
    elif length is None:
        layout = Layout(data=row.whole("dp", 1))
    else:
        layout = _layout(row, microbatch_size=row.whole("micro_batch", 1))
    recomputation = row["recompute"] if row["recompute"] in ("selective", "full") else "none"
    step = Engine.solve(
        model,
        _system(chip, layout),
        phase="training",
        batch_size=round(batch),
        sequence_length=length,
        precision=_trained_as(precision),
        runtime=_runtime(row),
        layout=layout,
        recomputation=recomputation,
        attention="plain" if row["attention"] == "unfused" else "fused",
    ).si("latency")
    if not unstated:
        return float(step)
    device_seconds_per_token = step * layout.devices / (batch * (length or 1.0))
    return float(device_seconds_per_token * fitted("whole_run_overhead"))


def _trained_as(precision: Precision) -> Precision:
    """Return the format of weights in training: blocks share a scale only on their way to it."""
    narrow = precision.bytes_per_value < precision.activation_bytes
    return replace(precision, bytes_per_value=1.0) if narrow else precision


def _usual_training_layout(model: ModelSpec) -> Layout:
    large, huge = model.parameters > _LARGE, model.parameters > _HUGE
    return Layout(tensor=8 if large else 1, pipeline=16 if huge else 1, data=64, microbatch_size=1)


def _inference(row: Row, model: ModelSpec, chip: HardwareSpec, precision: Precision) -> float:
    layout = _layout(row)
    runtime = _runtime(row)
    ask = partial(
        Engine.solve, model, _system(chip, layout),
        precision=precision, runtime=runtime, layout=layout,
    )  # fmt: skip
    prompt, output = row.number("input_len", 0.0) or None, row.number("output_len", 1.0)
    batch = row["batch"] or "1"
    task = row["task"]
    if task in ("inference", "prefill"):
        size = round(float(batch))
        phase = task if task in model.phases else model.phases[0]
        return float(ask(phase=phase, batch_size=size, sequence_length=prompt).si("latency"))
    prompt = prompt or 1.0
    if batch == "max":
        fitting = Engine.largest_batch(
            model, _system(chip, layout), tokens_per_sequence=prompt + output,
            precision=precision, runtime=runtime, layout=layout,
        )  # fmt: skip
        size = round(min(fitting, _LARGEST_BATCH))
        step = ask(phase="serving", batch_size=size, sequence_length=prompt, output_length=output)
        return float(step.si("latency") * output / size)
    size = round(float(batch))
    if task == "serving":
        first = ask(phase="prefill", batch_size=size, sequence_length=prompt).si("latency")
        step = ask(phase="decode", batch_size=size, context_length=prompt + output / 2)
        return float(first + output * step.si("latency"))
    if size > 1 or "Serving" in runtime or "TensorRT-LLM" in runtime:
        step = ask(phase="serving", batch_size=size, sequence_length=prompt, output_length=output)
    else:
        step = ask(phase="decode", batch_size=size, context_length=prompt + output / 2)
    return float(step.si("latency"))


# Engines admit no more sequences than their tables hold, however much memory is left.
_LARGEST_BATCH = 2048
