"""Energy of measured rows: names, rules for unknown names, and how near predictions are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mlsysim import Engine, Systems
from mlsysim.calibration import fitted
from mlsysim.errors import InvalidInput
from mlsysim.hardware import Hardware
from mlsysim.models import Models
from mlsysim.models.state_space import StateSpace
from mlsysim.models.windowed import WindowedDecoder
from mlsysim.validation import energy
from mlsysim.validation.cases import Row, Unpredictable
from mlsysim.validation.named import (
    decoder_of_size,
    hardware_of,
    image_model_of,
    image_model_of_size,
    model_of,
    precision_of,
    registered,
)

MEASUREMENTS = Path(__file__).parent / "measurements"
CASES = list(energy.cases(MEASUREMENTS))
SMALL = {
    "name": "small", "family": "example", "task": "language modelling", "year": 2025,
    "default_precision": "bf16", "source": "project-estimate", "layers": 4, "hidden": 64,
    "heads": 4, "key_value_heads": 2, "feed_forward": 256, "vocabulary": 1000,
    "max_context": 4096, "window": 100, "full_layers": 1,
}  # fmt: skip
COLUMNS = (
    "row_id", "kind", "model", "params_total", "params_active", "task", "precision", "hardware",
    "n_accel", "batch_or_concurrency", "avg_output_tokens", "tokens_trained", "accel_hours", "pue",
    "energy_kwh", "energy_scope", "energy_per_token_j", "energy_per_request_j",
    "energy_per_image_j", "steps", "image_px", "measurement_kind", "source",
)  # fmt: skip
RUN = {
    "kind": "training", "model": "Llama 2 13B", "hardware": "NVIDIA A100 SXM4 80GB",
    "params_total": "13e9", "tokens_trained": "2e12", "accel_hours": "368640",
    "measurement_kind": "measured_power",
}  # fmt: skip


def row(**cells):
    return Row("energy.csv", 2, dict.fromkeys(COLUMNS, "") | cells)


def errors(band):
    scored = [case for case in CASES if case.band == band and not case.apart]
    return np.array([case.predict() / case.measured - 1.0 for case in scored])


@pytest.mark.parametrize(
    ("band", "rows", "median"),
    [
        ("energy of serving", 257, 0.20),
        ("energy of training", 5, 0.20),
        ("training hours", 20, 0.20),
        ("energy of images", 31, 0.25),
    ],
)
def test_predictions_are_near_measurements(band, rows, median):
    found = errors(band)
    assert found.size == rows
    assert np.median(np.abs(found)) < median
    assert np.all(found > -1.0)


def test_rows_that_test_no_model_of_power_are_kept_apart():
    reasons = {case.name: case.apart for case in CASES}
    assert "times a constant" in reasons["llama3-70b"]
    assert "not measured" in reasons["patterson-switch"]
    assert "neither" in reasons["chatgpt-altman"]
    assert not reasons["llama3-70b/hours"]
    assert not reasons["olmo2-7b"]


def test_every_case_has_a_name_of_its_own():
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ("meta-llama/Llama-3.1-70B-Instruct", "Llama-3.1 70B"),
        ("Qwen/Qwen3-30B-A3B-Thinking-2507", "Qwen3 30B-A3B"),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "Qwen3 30B-A3B"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "Qwen3 235B-A22B"),
        ("google/gemma-3-12b-it", "Gemma-3 12B"),
        ("openai/gpt-oss-120b", "gpt-oss 120B"),
        ("deepseek-ai/DeepSeek-V3.1", "DeepSeek-V3"),
        ("nvidia/NVIDIA-Nemotron-Nano-9B-v2", "Nemotron-Nano-9B-v2"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "Mixtral 8x7B"),
        ("BLOOM 176B", "BLOOM-176B"),
        ("OPT-175B (model card)", "OPT-175B"),
        ("Efficient-Large-Model/SANA1.5_1.6B_1024px_diffusers", "SANA-1.5 1.6B"),
        ("stabilityai/stable-diffusion-xl-base-1.0", "SDXL U-Net"),
        ("Falcon 180B", None),
    ],
)
def test_published_spellings_find_their_model(published, name):
    assert registered(published, Models) == name


@pytest.mark.parametrize(
    ("published", "name"),
    [
        ("NVIDIA B200 SXM (HGX) 180GB", "NVIDIA B200 SXM 180GB"),
        ("NVIDIA H100 SXM5 80GB", "NVIDIA H100 SXM5 80GB"),
        ("NVIDIA P100", "NVIDIA P100 SXM2"),
        ("Google TPU v3", "Google TPU v3"),
    ],
)
def test_published_spellings_find_their_hardware(published, name):
    assert hardware_of(published).name == name


def test_what_nobody_described_is_refused_with_the_reason():
    with pytest.raises(Unpredictable, match="hardware 'Google TPU'"):
        hardware_of("Google TPU")
    with pytest.raises(Unpredictable, match="size of the model 'Secret'"):
        model_of(row(model="Secret"))
    with pytest.raises(Unpredictable, match="size of the model 'Secret'"):
        image_model_of(row(model="Secret"))
    with pytest.raises(Unpredictable, match="precision 'fp3'"):
        precision_of("fp3", Models["Llama-3.1 8B"])


@pytest.mark.parametrize("total", [4e8, 1.5e9, 3e9, 7e9, 13e9, 34e9, 70e9, 180e9, 530e9])
def test_a_dense_decoder_by_rule_has_the_size_asked_for(total):
    assert decoder_of_size("x", total, total).parameters == pytest.approx(total, rel=0.03)


@pytest.mark.parametrize(
    ("total", "active"), [(16e9, 2.4e9), (30e9, 3e9), (109e9, 17e9), (235e9, 22e9), (1e12, 32e9)]
)
@pytest.mark.parametrize("chosen", [2, 8])
def test_a_mixture_by_rule_has_the_sizes_asked_for(total, active, chosen):
    model = decoder_of_size("x", total, active, experts_per_token=chosen)
    assert model.parameters == pytest.approx(total, rel=0.03)
    assert model.active_parameters == pytest.approx(active, rel=0.03)
    assert model.mixture.experts_per_token == chosen


@pytest.mark.parametrize("total", [2e9, 8e9, 20e9])
def test_an_image_model_by_rule_is_near_the_size_asked_for(total):
    assert image_model_of_size("x", total).parameters == pytest.approx(total, rel=0.1)


def test_images_of_half_the_side_have_a_quarter_of_the_patches():
    flux = row(model="black-forest-labs/FLUX.1-dev", image_px="512x512")
    assert image_model_of(flux).input_shape == (64, 64, 16)
    sana = row(model="SANA1.5_1.6B_1024px_diffusers", image_px="2048x2048")
    assert image_model_of(sana).input_shape == (64, 64, 32)
    assert image_model_of(row(model="FLUX.1-dev")) == Models["FLUX.1-dev"]


def test_four_bits_are_those_of_the_experts_alone():
    stored = precision_of("mxfp4", Models["gpt-oss 20B"])
    experts = 24 * 32 * 3 * 2880**2
    rest = Models["gpt-oss 20B"].parameters - experts
    expected = (experts * 17 / 32 + rest * 2) / (experts + rest)
    assert stored.bytes_per_value == pytest.approx(expected, rel=1e-6)
    assert precision_of("bfloat16", Models["gpt-oss 20B"]).name == "bf16"


def test_prompts_are_those_of_the_task():
    assert energy.prompt_tokens("lm-arena-chat") == fitted("chat_prompt_tokens")
    assert energy.prompt_tokens("anything") == fitted("other_prompt_tokens")


def test_training_energy_is_hours_times_power_times_the_building():
    counted = row(**RUN, energy_scope="system incl. host and PUE", pue="1.5")
    alone = row(**RUN, energy_scope="GPU only; multiply by PUE", pue="1.5")
    metered = energy.training_energy_kwh(alone)
    assert energy.training_energy_kwh(counted) == pytest.approx(1.5 * metered)
    a100 = Hardware["NVIDIA A100 SXM4 80GB"]
    assert a100.idle_power_w < metered * 1000 / 368_640 <= a100.max_power_w


def test_hours_follow_the_tokens_and_leave_out_restarts_where_steps_were_timed():
    whole = energy.training_hours(row(**RUN))
    twice = energy.training_hours(row(**RUN | {"tokens_trained": "4e12"}))
    steps = energy.training_hours(row(**RUN | {"measurement_kind": "throughput_only"}))
    assert twice == pytest.approx(2 * whole)
    assert whole / steps == pytest.approx(fitted("whole_run_overhead"))


def test_power_at_load_follows_the_root_of_utilization():
    v100, h100 = Hardware["NVIDIA V100 SXM2 32GB"], Hardware["NVIDIA H100 SXM5 80GB"]
    early, late = fitted("early_arithmetic_power_weight"), fitted("arithmetic_power_weight")
    for chip, weight in ((v100, early), (h100, late)):
        share = math.sqrt(weight * 0.1)
        expected = chip.idle_power_w + share * (chip.max_power_w - chip.idle_power_w)
        assert energy.training_power_w(chip, 0.1) == pytest.approx(expected, rel=1e-9)
        assert energy.training_power_w(Hardware["H100"], 1.0) == pytest.approx(700.0)


def test_guidance_costs_a_second_evaluation():
    cells = {"hardware": "NVIDIA H100 SXM5 80GB", "batch_or_concurrency": "8", "steps": "20",
             "params_total": "8e9", "image_px": "1024x1024"}  # fmt: skip
    guided = energy.image_energy_j(row(model="drawer", **cells))
    distilled = energy.image_energy_j(row(model="drawer-turbo", **cells))
    assert guided == pytest.approx(2 * distilled, rel=0.1)


# Windows and states


@pytest.mark.parametrize("context", [50, 100, 101, 1000])
def test_a_window_keeps_only_its_last_tokens(context):
    model = WindowedDecoder(**SMALL)
    cached = model.operators("decode").at(context).total("cache_elements")
    assert cached == (context + 3 * min(context, 100)) * 64


@pytest.mark.parametrize("tokens", [50, 100, 101, 1000])
@pytest.mark.parametrize("phase", ["prefill", "training"])
def test_every_token_attends_to_its_window(tokens, phase):
    scores = WindowedDecoder(**SMALL).operators(phase).at(tokens).total("scores")
    full = sum(range(1, tokens + 1))
    windowed = sum(min(n, 100) for n in range(1, tokens + 1))
    assert scores == 4 * (full + 3 * windowed)


def test_arrays_of_lengths_on_both_sides_of_a_window():
    table = WindowedDecoder(**SMALL).operators("decode")
    many = table.at(np.array([50.0, 1000.0]))
    for index, context in enumerate((50.0, 1000.0)):
        assert many.total("cache_elements")[index] == table.at(context).total("cache_elements")


def test_a_window_needs_layers():
    with pytest.raises(InvalidInput, match="full_layers"):
        WindowedDecoder(**SMALL | {"full_layers": 5})


def test_a_state_costs_the_same_at_every_length():
    model = Models["Mamba-2 2.7B"]
    ask = {"system": Systems["H100 recommendation node"], "phase": "decode", "batch_size": 64}
    short, long = (Engine.solve(model, context_length=n, **ask) for n in (100, 100_000))
    assert short.si("latency") == long.si("latency")
    assert short.si("cache_memory") == pytest.approx(8 * 64 * 80 * 64 * 128 * 4)
    assert model.kv_cache_elements_per_token == 0.0


def test_a_scan_reads_and_writes_its_state_for_each_token_in_decode_only():
    layer = StateSpace(heads=4, head_width=8, state_width=16)
    decode, prefill = (
        layer.operators("state", 16, 1.0, cached=cached, count=1)[2] for cached in (True, False)
    )
    assert decode.cache_elements == 2 * layer.state_elements
    assert decode.output_elements - prefill.output_elements == 2 * layer.state_elements
    assert prefill.cache_elements == 0.0


def test_only_layers_of_attention_remember_tokens():
    hybrid = Models["Nemotron-Nano-9B-v2"].operators("decode")
    growth = hybrid.at(1001).total("cache_elements") - hybrid.at(1000).total("cache_elements")
    assert growth == pytest.approx(4 * 2 * 8 * 128)


def test_more_sequences_fit_where_layers_have_windows():
    ask = {"system": Systems["H100 node"], "tokens_per_sequence": 8192}
    windowed = Engine.largest_batch(Models["gpt-oss 20B"], **ask)
    each = 12 * 1024 * (8192 + 128) * 2 / 8
    free = 0.9 * 80 * 2**30 - Models["gpt-oss 20B"].parameters * 2 / 8
    assert windowed == math.floor(free / each)
