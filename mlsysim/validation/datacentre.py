"""Training, prefill, decode and serving on accelerators: from the columns of a row to a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mlsysim.calibration import fitted
from mlsysim.engine import Engine
from mlsysim.models import ModelSpec
from mlsysim.precisions import Precision, Precisions
from mlsysim.systems import Layout, System
from mlsysim.validation.cases import (
    FROM_MEMORY,
    Case,
    Row,
    Solved,
    Unpredictable,
    first_match,
    read,
)
from mlsysim.validation.described import Described, architecture_of

FAMILY = "perf"
MakeSystem = Callable[[Layout], System]
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
_SHARDINGS = {"zero1": "optimizer", "fsdp2": "gradients", "fsdp3": "full"}
# Blocks of 32 weights share a scale of 16 bits.
_SCALE_BITS = 0.5
# A published run says how many device hours it took, not how they were divided.
_LARGE, _HUGE = 20e9, 100e9


def cases(directory: Path) -> Iterator[Case]:
    """Yield the cases of `perf_measured.csv`, described by the two files beside it."""
    models = {row["model"]: row for row in read(directory, "perf_models.csv")}
    hardware = {row["hardware"]: row for row in read(directory, "perf_hardware.csv")}
    described = Described(models, hardware)
    for row in read(directory, "perf_measured.csv"):
        yield Case(
            name=row["id"],
            family=FAMILY,
            group=row["group"],
            band=_band(row),
            measured=row.measured("target_time_s"),
            predict=partial(_seconds, row, described),
            apart=_apart(row),
            about=_about(row),
            runtime=_runtime(row),
            architecture=architecture_of(row["hardware"]),
        )


def _about(row: Row) -> str:
    software = f", {row['software']}" if row.has("software") else ""
    where = f"{row['n_devices']} × {row['hardware']}"
    return f"{row['model']} on {where}{software}. {row['source']}"


def _apart(row: Row) -> str:
    for ending, reason in (
        ("_suspect", "faster than the datasheet allows: work was skipped"),
        ("_anomalous", "slower than its siblings on a slow path of a library"),
        ("_frommemory", FROM_MEMORY),
    ):
        if row["group"].endswith(ending):
            return reason
    return row.from_memory


def _band(row: Row) -> str:
    task = row["task"]
    if task == "training":
        return "training of networks" if not row.has("input_len") else "training"
    if task == "decode" and row.measured("batch") > 1:
        return "serving"
    return task


def _seconds(row: Row, described: Described) -> float:
    """Return the predicted `target_time_s` of a row, with its run where it is one execution."""
    task = row["task"]
    if task not in _OF_TASK:
        raise Unpredictable(f"no law for the task {task!r}")
    model, precision = described.model(row["model"]), _precision(row)
    predict = _training if task == "training" else _inference
    return predict(row, model, precision, partial(described.system, row["hardware"]))


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
    name = first_match(_RUNTIMES, row["software"], _OF_TASK.get(row["task"], "Serving engine"))
    return "llama.cpp Metal" if name == "llama.cpp" and _is_apple(row) else name


def _is_apple(row: Row) -> bool:
    return row["hardware"].lower().startswith("apple")


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


def _training(row: Row, model: ModelSpec, precision: Precision, system: MakeSystem) -> float:
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
    run = Engine.solve(
        model,
        system(layout),
        phase="training",
        batch_size=round(batch),
        sequence_length=length,
        precision=_trained_as(precision),
        runtime=_runtime(row),
        layout=layout,
        recomputation=recomputation,
        attention="plain" if row["attention"] == "unfused" else "fused",
    )
    step = run.si("latency")
    if not unstated:
        return Solved(step, run)
    device_seconds_per_token = step * layout.devices / (batch * (length or 1.0))
    return float(device_seconds_per_token * fitted("whole_run_overhead"))


def _trained_as(precision: Precision) -> Precision:
    """Return the format of weights in training: blocks share a scale only on their way to it."""
    narrow = precision.bytes_per_value < precision.activation_bytes
    return replace(precision, bytes_per_value=1.0) if narrow else precision


def _usual_training_layout(model: ModelSpec) -> Layout:
    large, huge = model.parameters > _LARGE, model.parameters > _HUGE
    return Layout(tensor=8 if large else 1, pipeline=16 if huge else 1, data=64, microbatch_size=1)


def _inference(row: Row, model: ModelSpec, precision: Precision, system: MakeSystem) -> float:
    layout = _layout(row)
    runtime = _runtime(row)
    ask = partial(
        Engine.solve, model, system(layout),
        precision=precision, runtime=runtime, layout=layout,
    )  # fmt: skip
    prompt, output = row.number("input_len", 0.0) or None, row.number("output_len", 1.0)
    batch = row["batch"] or "1"
    task = row["task"]
    if task in ("inference", "prefill"):
        size = round(float(batch))
        phase = task if task in model.phases else model.phases[0]
        run = ask(phase=phase, batch_size=size, sequence_length=prompt)
        return Solved(run.si("latency"), run)
    prompt = prompt or 1.0
    if batch == "max":
        fitting = Engine.largest_batch(
            model, system(layout), tokens_per_sequence=prompt + output,
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
    return Solved(step.si("latency"), step)


# Engines admit no more sequences than their tables hold, however much memory is left.
_LARGEST_BATCH = 2048
