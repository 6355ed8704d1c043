"""State-space models: layers that keep a state of constant size instead of all tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from mlsysim.models.layers import (
    AttentionHeads,
    elementwise,
    embedding,
    feed_forward,
    linear,
    normalization,
)
from mlsysim.models.operators import ModelSpec, Operator, OperatorTable, require_widths

# A state is kept in 32 bits: as wide as two activations.
_ACTIVATIONS_PER_STATE = 2.0
# Decay, outer product and sum, and the product that reads the state out.
_FLOP_PER_STATE = 5.0


@dataclass(frozen=True, slots=True)
class StateSpace:
    """A Mamba-2 layer: a short convolution, and heads that each keep a matrix as their state.

    >>> StateSpace(heads=80, head_width=64, state_width=128).state_elements
    655360
    """

    heads: int
    head_width: int
    state_width: int
    groups: int = 1
    convolution_width: int = 4

    @property
    def inner(self) -> int:
        """Width of all heads together."""
        return self.heads * self.head_width

    @property
    def state_elements(self) -> int:
        """Values of one layer's state."""
        return self.inner * self.state_width

    def operators(
        self, prefix: str, hidden: int, tokens: float, *, cached: bool, count: int
    ) -> list[Operator]:
        """Return projection, convolution, scan, gated normalization and output of a layer.

        A `cached` state is read and written for each token; over a sequence it stays on the chip.

        >>> layer = StateSpace(heads=4, head_width=8, state_width=16)
        >>> scan = layer.operators("mamba", 16, 1.0, cached=True, count=1)[2]
        >>> scan.name, scan.cache_elements
        ('mamba.scan', 1024.0)
        """
        mixed = self.inner + 2 * self.groups * self.state_width
        kept = _ACTIVATIONS_PER_STATE * self.state_elements if cached else 0.0
        return [
            linear(f"{prefix}.input", hidden, self.inner + mixed + self.heads, tokens, count=count),
            Operator(
                f"{prefix}.convolution", "depthwise_convolution",
                flops=2.0 * self.convolution_width * mixed * tokens,
                parameters=float((self.convolution_width + 1) * mixed),
                input_elements=tokens * mixed, output_elements=tokens * mixed, count=count,
            ),
            Operator(
                f"{prefix}.scan", "attention",
                flops=_FLOP_PER_STATE * self.state_elements * tokens,
                parameters=3.0 * self.heads,
                input_elements=tokens * (mixed + self.heads),
                output_elements=tokens * self.inner + kept,
                cache_elements=kept, count=count,
            ),
            normalization(f"{prefix}.normalization", self.inner, self.inner, tokens, count=count),
            linear(f"{prefix}.output", self.inner, hidden, tokens, count=count),
        ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StateSpaceDecoder(ModelSpec):
    """A language model of state-space layers, some layers of attention and feed-forward among them.

    The phases are those of a `Decoder`; only layers of attention remember single tokens.
    """

    phases: ClassVar[tuple[str, ...]] = ("prefill", "decode", "training")
    hidden: int
    vocabulary: int
    state_layers: int
    state: StateSpace
    attention_layers: int = 0
    attention: AttentionHeads | None = None
    feed_forward_layers: int = 0
    feed_forward: int = 0
    tied: bool = False
    training_tokens: float | None = None

    def __post_init__(self) -> None:
        require_widths(self, "hidden", "vocabulary", "state_layers")

    @property
    def kv_cache_elements_per_token(self) -> float:
        """Values that one token leaves in the key-value cache: those of layers of attention."""
        width = self.attention.cache_width if self.attention else 0
        return float(self.attention_layers * width)

    def _derive(self, phase: str) -> OperatorTable:
        if phase == "decode":
            return OperatorTable(
                lambda context: self._operators(1.0, 1.0, context), "context_length"
            )
        every = phase == "training"
        return OperatorTable(
            lambda tokens: self._operators(tokens, tokens if every else 1.0), "sequence_length"
        )

    def _operators(
        self, tokens: float, head_tokens: float, context: float | None = None
    ) -> list[Operator]:
        hidden = self.hidden
        layers = self.state_layers + self.attention_layers + self.feed_forward_layers
        head = linear("head", hidden, self.vocabulary, head_tokens)
        operators = [
            embedding("embedding.tokens", self.vocabulary, hidden, tokens),
            normalization("layer.normalization", hidden, hidden, tokens, count=layers),
            *self.state.operators(
                "layer.state", hidden, tokens, cached=context is not None, count=self.state_layers
            ),
            *self._attention(tokens, context),
            elementwise(
                "layer.residual", 2 * hidden, hidden, tokens, count=layers, kind="movement"
            ),
            normalization("normalization", hidden, hidden, head_tokens),
            replace(head, shares_parameters=self.tied),
        ]
        if self.feed_forward_layers:
            operators += feed_forward(
                "layer.feed_forward", hidden, self.feed_forward, tokens,
                gated=False, count=self.feed_forward_layers,
            )  # fmt: skip
        return operators

    def _attention(self, tokens: float, context: float | None) -> list[Operator]:
        heads, count = self.attention, self.attention_layers
        if heads is None:
            return []
        name = "layer.attention.scores_and_values"
        width = heads.query_width + heads.cache_width
        return [
            linear("layer.attention.query_key_value", self.hidden, width, tokens, count=count),
            heads.over_sequence(name, tokens, causal=True, count=count)
            if context is None
            else heads.over_cache(name, context, count=count),
            linear("layer.attention.output", heads.query_width, self.hidden, tokens, count=count),
        ]
