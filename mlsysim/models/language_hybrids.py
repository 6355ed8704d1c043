"""The registered language models that remember a window of tokens, or a state, in most layers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mlsysim.models.layers import AttentionHeads, MixtureOfExperts
from mlsysim.models.operators import ModelSpec
from mlsysim.models.state_space import StateSpace, StateSpaceDecoder
from mlsysim.models.windowed import WindowedDecoder


def entries() -> Iterator[ModelSpec]:
    """Yield the models; each derives its operators when first asked for them."""
    yield from _windowed_models()
    yield from _state_space_models()


def _windowed_models() -> Iterator[WindowedDecoder]:
    windowed = partial(
        WindowedDecoder,
        task="language modelling",
        default_precision="bf16",
        year=2025,
        source="open-weight-configurations",
        gated=True,
        positions="rotary",
        shifted_norms=False,
        max_context=131072,
    )
    gemma = partial(windowed, family="Gemma-3", biases="none", tied=True, norms_per_layer=4,
                    vocabulary=262208, window=1024)  # fmt: skip
    yield gemma(name="Gemma-3 4B", layers=34, hidden=2560, heads=8, key_value_heads=4,
                head_width=256, feed_forward=10240, full_layers=5)  # fmt: skip
    yield gemma(name="Gemma-3 12B", layers=48, hidden=3840, heads=16, key_value_heads=8,
                head_width=256, feed_forward=15360, full_layers=8)  # fmt: skip
    yield gemma(name="Gemma-3 27B", layers=62, hidden=5376, heads=32, key_value_heads=16,
                head_width=128, feed_forward=21504, full_layers=10)  # fmt: skip
    gpt = partial(windowed, family="gpt-oss", hidden=2880, heads=64, key_value_heads=8,
                  head_width=64, feed_forward=2880, vocabulary=201088, window=128)  # fmt: skip
    yield gpt(name="gpt-oss 20B", layers=24, full_layers=12,
              mixture=MixtureOfExperts(32, 4, 2880))  # fmt: skip
    yield gpt(name="gpt-oss 120B", layers=36, full_layers=18,
              mixture=MixtureOfExperts(128, 4, 2880))  # fmt: skip


def _state_space_models() -> Iterator[StateSpaceDecoder]:
    decoder = partial(StateSpaceDecoder, task="language modelling", default_precision="bf16")
    yield decoder(
        name="Mamba-2 2.7B",
        family="Mamba",
        year=2024,
        source="mamba-2",
        hidden=2560,
        vocabulary=50288,
        tied=True,
        state_layers=64,
        state=StateSpace(heads=80, head_width=64, state_width=128),
        training_tokens=300e9,
    )
    yield decoder(
        name="Nemotron-Nano-9B-v2",
        family="Nemotron",
        year=2025,
        source="nemotron-nano-2",
        hidden=4480,
        vocabulary=131072,
        state_layers=27,
        state=StateSpace(heads=128, head_width=80, state_width=128, groups=8),
        attention_layers=4,
        attention=AttentionHeads(heads=40, key_value_heads=8, head_width=128),
        feed_forward_layers=25,
        feed_forward=15680,
        training_tokens=20e12,
    )
