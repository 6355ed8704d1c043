"""Twins for the names that measured rows use, and twins by rule for names nobody described."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache, partial
from typing import Any

from mlsysim.hardware import Hardware, HardwareSpec
from mlsysim.models import Decoder, MixtureOfExperts, Models, ModelSpec, Network
from mlsysim.models.diffusion_transformers import joint_transformer
from mlsysim.precisions import Precision, Precisions
from mlsysim.registry import Registry
from mlsysim.validation.cases import Row, Unpredictable

_SOURCE = "measurement-files"
# A name is cut down to what the registry knows: organisation, remarks, variant, date, format.
_DECORATIONS = (
    r"^[^/]+/", r"\s*\(.*\)$", r",.*$", r"^(NVIDIA|Meta)-", r"_\d+px", r"_diffusers$", r"-it$",
    r"-(Instruct|Thinking|Base|Chat|hf|FP8|FP4|BF16)(?=-|$)", r"-\d{4}$",
    r"-v0\.\d+$",
)  # fmt: skip
_SPELLED = {
    "qwen3coder30ba3b": "Qwen3 30B-A3B",
    "llama3370b": "Llama-3.1 70B",
    "stablediffusionxl10": "SDXL U-Net",
    "stablediffusionv15": "Stable Diffusion v1.5 U-Net",
}
_BOARDS = (
    (r"B200 SXM", "NVIDIA B200 SXM 180GB"),
    (r"H100 SXM", "NVIDIA H100 SXM5 80GB"),
    (r"P100", "NVIDIA P100 SXM2"),
    (r"V100", "NVIDIA V100 SXM2 32GB"),
)
_FORMATS = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32", "half": "fp16"}
_MIXTURE_BELOW = 0.6
_USUAL_PIXELS = 1024
_EXPERTS_ALONE = "mxfp4"


def model_of(row: Row, experts_per_token: int = 8) -> ModelSpec:
    """Return the language model of a row: registered, or by rule from its parameter counts."""
    name = registered(row["model"], Models)
    if name is not None:
        return Models[name]
    if not row.has("params_total"):
        raise Unpredictable(f"no size of the model {row['model']!r}")
    total = row.number("params_total")
    active = row.number("params_active", total)
    return decoder_of_size(row["model"], total, active, experts_per_token=experts_per_token)


def registered(name: str, registry: Registry[Any]) -> str | None:
    """Return the registered name that a published spelling stands for, if there is one.

    >>> registered("Qwen/Qwen3-30B-A3B-Instruct-2507", Models)
    'Qwen3 30B-A3B'
    >>> registered("meta-llama/Llama-3.1-8B-Instruct", Models)
    'Llama-3.1 8B'
    """
    for pattern in _DECORATIONS:
        name = re.sub(pattern, "", name, flags=re.IGNORECASE)
    short = _squeezed(name)
    return _known(registry).get(_squeezed(_SPELLED.get(short, short)))


@cache
def _known(registry: Registry[Any]) -> dict[str, str]:
    return {
        _squeezed(spelling): name
        for name, twin in registry.items()
        for spelling in (name, *twin.aliases)
    }


def _squeezed(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def hardware_of(name: str) -> HardwareSpec:
    """Return the chip a row names.

    >>> hardware_of("NVIDIA B200 SXM (HGX) 180GB").name
    'NVIDIA B200 SXM 180GB'
    """
    found = next((board for pattern, board in _BOARDS if re.search(pattern, name)), name)
    twin = registered(found, Hardware)
    if twin is None:
        raise Unpredictable(f"no description of the hardware {name!r}")
    return Hardware[twin]


def precision_of(name: str, model: ModelSpec) -> Precision:
    """Return the format of a row; of a mixture stored in blocks of 4 bits, only the experts are."""
    name = _FORMATS.get(name, name) or model.default_precision
    if name not in Precisions:
        raise Unpredictable(f"no description of the precision {name!r}")
    stored = Precisions[name]
    if name != _EXPERTS_ALONE:
        return stored
    table = model.operators("decode")
    columns = table.at(0.0)
    weights = columns.parameters * columns.count
    share = float(weights[table.traits.routed[:, 0]].sum()) / model.parameters
    mean = share * stored.bytes_per_value + (1.0 - share) * stored.activation_bytes
    return replace(stored, bytes_per_value=mean)


@cache
def decoder_of_size(
    name: str, total: float, active: float, *, experts_per_token: int = 8
) -> Decoder:
    """Return a decoder of the usual proportions with so many parameters, some of them active.

    layers = 32 (N / 8·10⁹)^0.42, with 0.37 beyond 10¹¹; hidden = √(N / 12.5 layers), in steps
    of 128; the feed-forward width takes what is left.

    >>> round(decoder_of_size("70B", 70e9, 70e9).parameters / 1e9)
    70
    """
    shape = partial(
        Decoder,
        name=name,
        family="by rule",
        task="language modelling",
        default_precision="bf16",
        year=2024,
        source=_SOURCE,
        head_width=128,
        max_context=131072,
        gated=True,
        biases="none",
        positions="rotary",
        shifted_norms=False,
    )
    if active < _MIXTURE_BELOW * total:
        return shape(**_mixture(total, active, experts_per_token))
    return shape(**_dense(total))


def _dense(total: float) -> dict[str, Any]:
    layers = max(round(32 * (total / 8e9) ** (0.37 if total > 1e11 else 0.42)), 2)
    hidden = max(128 * round(math.sqrt(total / (12.5 * layers)) / 128), 128)
    heads = hidden // 128
    small = total < 4e9
    vocabulary = 32000 if small else 128256
    attention = hidden * (2 * hidden + 2 * math.gcd(8, heads) * 128)
    left = (total - (1 if small else 2) * vocabulary * hidden) / layers - attention
    return {
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "key_value_heads": math.gcd(8, heads),
        "feed_forward": max(round(left / (3 * hidden)), hidden),
        "vocabulary": vocabulary,
        "tied": small,
    }


def _mixture(total: float, active: float, chosen: int) -> dict[str, Any]:
    hidden = 128 * min(max(round(16 * math.sqrt(active / 3.3e9)), 8), 56)
    layers = round(48 * (total / 30.5e9) ** 0.15)
    heads, vocabulary = max(32, 4 * (hidden // 256)), 128256
    dense = 2 * vocabulary * hidden + layers * hidden * (2 * heads * 128 + 2 * 4 * 128)
    in_experts = total - dense
    in_chosen = max(active - dense, 0.2 * active)
    experts = max(round(chosen * in_experts / in_chosen), chosen)
    inner = round(in_experts / (layers * experts * 3 * hidden))
    return {
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "key_value_heads": 4,
        "feed_forward": inner,
        "vocabulary": vocabulary,
        "mixture": MixtureOfExperts(experts, chosen, inner),
    }


def image_model_of(row: Row) -> Network:
    """Return the network that draws an image of a row's size: registered, or by rule."""
    pixels = re.match(r"\d+", row["image_px"])
    size = row.number("params_total", 0.0)
    return _network(row["model"], size, int(pixels[0]) if pixels else _USUAL_PIXELS)


@cache
def _network(name: str, parameters: float, pixels: int) -> Network:
    found = registered(name, Models)
    model = Models[found] if found else None
    if not isinstance(model, Network):
        if not parameters:
            raise Unpredictable(f"no size of the model {name!r}")
        model = image_model_of_size(name, parameters)
    height, width, channels = model.input_shape
    side = max(round(height * pixels / _pixels(model)), 1)
    return replace(model, input_shape=(side, side * width // height, channels))


def _pixels(model: Network) -> int:
    """Return the size of image that the registered input of a network stands for."""
    cell = 32 if model.family == "SANA" else 8
    return model.input_shape[0] * cell


def image_model_of_size(name: str, parameters: float) -> Network:
    """Return a diffusion transformer of the proportions of Stable Diffusion 3.

    A depth of d and a width of 64 d give N = 36 d · (64 d)² weights.

    >>> round(image_model_of_size("8B", 8e9).parameters / 1e9)
    8
    """
    depth = max(round((parameters / (36 * 64**2)) ** (1 / 3)), 1)
    return Network(
        name=name,
        family="by rule",
        task="image generation",
        default_precision="bf16",
        year=2024,
        source=_SOURCE,
        input_shape=(128, 128, 16),
        architecture=partial(
            joint_transformer,
            width=64 * depth,
            joint_layers=depth,
            text_tokens=333,
            text_width=4096,
            pooled_width=2048,
        ),
    )
