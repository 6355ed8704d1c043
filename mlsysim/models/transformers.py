"""Decoders and encoders: language models from layers, widths, heads and experts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.models.layers import (
    AttentionHeads,
    LatentAttention,
    MixtureOfExperts,
    elementwise,
    embedding,
    feed_forward,
    linear,
    normalization,
)
from mlsysim.models.operators import ModelSpec, Operator, OperatorTable, require_widths

BIASES = ("none", "query_key_value", "all")
POSITIONS = ("rotary", "learned", "relative", "none")


@dataclass(frozen=True, kw_only=True)
class Transformer(ModelSpec):
    """The widths all transformers share.

    `key_value_heads` is the number of `heads` and `head_width` is `hidden / heads` unless given.
    `feed_forward` is the inner width of a dense block; a `gated` one has three matrices.
    `norms_per_layer` counts normalizations of the full width, each with one trained vector, or
    two (scale and shift) where `shifted_norms`. `parallel` layers add attention and feed-forward
    at once.
    """

    layers: int
    hidden: int
    heads: int
    feed_forward: int
    vocabulary: int
    max_context: int
    key_value_heads: int | None = None
    head_width: int | None = None
    gated: bool = False
    biases: str = "all"
    positions: str = "learned"
    norms_per_layer: int = 2
    shifted_norms: bool = True
    parallel: bool = False
    tied: bool = False
    mixture: MixtureOfExperts | None = None
    latent: LatentAttention | None = None
    training_tokens: float | None = None

    def __post_init__(self) -> None:
        require_widths(
            self, "layers", "hidden", "heads", "feed_forward", "vocabulary", "max_context",
            "norms_per_layer", *(["key_value_heads"] if self.key_value_heads is not None else []),
            *(["head_width"] if self.head_width is not None else []),
        )  # fmt: skip
        if self.heads % self.attention.key_value_heads:
            raise InvalidInput(
                f"key_value_heads of {self.name}", self.key_value_heads, "a divisor of heads"
            )
        for field, options in (("biases", BIASES), ("positions", POSITIONS)):
            if getattr(self, field) not in options:
                raise UnknownName(f"{field} of {self.name}", getattr(self, field), options)

    @property
    def attention(self) -> AttentionHeads:
        """Heads of one layer, with the defaults filled in."""
        return AttentionHeads(
            self.heads,
            self.heads if self.key_value_heads is None else self.key_value_heads,
            self.hidden // self.heads if self.head_width is None else self.head_width,
        )

    @property
    def kv_cache_elements_per_token(self) -> float:
        """Values that one token leaves in the key-value cache, over all layers.

        layers · 2 · key_value_heads · head_width, or layers · latent width
        """
        width = self.latent.cache_width if self.latent else self.attention.cache_width
        return float(self.layers * width)

    def _embeddings(self, tokens: float) -> list[Operator]:
        operators = [embedding("embedding.tokens", self.vocabulary, self.hidden, tokens)]
        if self.positions == "learned":
            operators.append(
                embedding("embedding.positions", self.max_context, self.hidden, tokens)
            )
        return operators

    def _norm(self, name: str, tokens: float, count: int = 1) -> Operator:
        parameters = self.hidden * (2 if self.shifted_norms else 1)
        return normalization(name, self.hidden, parameters, tokens, count=count)

    def _projections(self, tokens: float) -> list[Operator]:
        prefix, count = "layer.attention", self.layers
        if self.latent:
            return self.latent.projections(prefix, self.hidden, self.heads, tokens, count=count)
        heads = self.attention
        width = heads.query_width + heads.cache_width
        operators = [
            linear(f"{prefix}.query_key_value", self.hidden, width, tokens,
                   bias=self.biases != "none", count=count)
        ]  # fmt: skip
        if self.positions == "rotary":
            rotated = heads.query_width + heads.cache_width // 2
            operators.append(
                elementwise(
                    f"{prefix}.rotary", rotated, rotated, tokens, count=count, kind="movement"
                )
            )
        if self.positions == "relative":
            # Relative positions are the same for every sequence: stored, but projected once.
            projected = linear(f"{prefix}.positions", self.hidden, heads.query_width, 0.0)
            operators.append(replace(projected, count=count))
        return operators

    def _attention_output(self, tokens: float) -> Operator:
        width = self.heads * self.latent.head_width if self.latent else self.attention.query_width
        bias = self.biases == "all"
        return linear(
            "layer.attention.output", width, self.hidden, tokens, bias=bias, count=self.layers
        )

    def _feed_forward(self, tokens: float) -> list[Operator]:
        dense = self.mixture.dense_layers if self.mixture else self.layers
        operators: list[Operator] = []
        if dense:
            operators += feed_forward(
                "layer.feed_forward", self.hidden, self.feed_forward, tokens,
                gated=self.gated, bias=self.biases == "all", count=dense,
            )  # fmt: skip
        if self.mixture:
            operators += self.mixture.operators(
                "layer.mixture", self.hidden, tokens, gated=self.gated, count=self.layers - dense
            )
        return operators

    def _layers(self, tokens: float, attention: Operator) -> list[Operator]:
        sums = 1 if self.parallel else 2
        residual = elementwise(
            "layer.residual", (4 - sums) * self.hidden, self.hidden, tokens,
            count=sums * self.layers, kind="movement",
        )  # fmt: skip
        return [
            self._norm("layer.normalization", tokens, self.norms_per_layer * self.layers),
            *self._projections(tokens),
            attention,
            self._attention_output(tokens),
            *self._feed_forward(tokens),
            residual,
        ]

    def _head(self, tokens: float) -> list[Operator]:
        head = linear("head", self.hidden, self.vocabulary, tokens)
        return [self._norm("normalization", tokens), replace(head, shares_parameters=self.tied)]


@dataclass(frozen=True, kw_only=True)
class Decoder(Transformer):
    """A decoder-only language model.

    - "prefill" reads `sequence_length` tokens; only the last one goes through the output head.
    - "decode" makes one token while `context_length` tokens are attended to.
    - "training" is the forward pass over `sequence_length` tokens, all through the head.

    Causal attention counts the pairs that are used, n (n + 1) / 2, not the full square.

    >>> tiny = Decoder(
    ...     name="tiny", family="example", task="language modelling", default_precision="bf16",
    ...     year=2024, source="project-estimate", layers=2, hidden=64, heads=4, key_value_heads=2,
    ...     feed_forward=256, vocabulary=1000, max_context=128)
    >>> tiny.kv_cache_elements_per_token
    128.0
    >>> float(tiny.operators("decode").at(100).total("cache_elements"))
    12800.0
    """

    phases: ClassVar[tuple[str, ...]] = ("prefill", "decode", "training")

    def _derive(self, phase: str) -> OperatorTable:
        if phase == "decode":
            return OperatorTable(self._decode, "context_length")
        every = phase == "training"
        return OperatorTable(
            lambda tokens: self._sequence(tokens, head_tokens=tokens if every else 1.0),
            "sequence_length",
        )

    def _decode(self, context: float) -> list[Operator]:
        name, count = "layer.attention.scores_and_values", self.layers
        attention = (
            self.latent.over_cache(name, self.heads, context, count=count)
            if self.latent
            else self.attention.over_cache(name, context, count=count)
        )
        return [*self._embeddings(1.0), *self._layers(1.0, attention), *self._head(1.0)]

    def _sequence(self, tokens: float, head_tokens: float) -> list[Operator]:
        name, count = "layer.attention.scores_and_values", self.layers
        attention = (
            self.latent.over_sequence(name, self.heads, tokens, count=count)
            if self.latent
            else self.attention.over_sequence(name, tokens, causal=True, count=count)
        )
        return [
            *self._embeddings(tokens),
            *self._layers(tokens, attention),
            *self._head(head_tokens),
        ]


@dataclass(frozen=True, kw_only=True)
class Encoder(Transformer):
    """An encoder such as BERT: every token attends to every other one.

    `pooled` adds a dense layer on the first token; `segments` is a second embedding table.

    >>> tiny = Encoder(
    ...     name="tiny", family="example", task="language understanding", year=2018,
    ...     default_precision="fp16", source="project-estimate", layers=2, hidden=64, heads=4,
    ...     feed_forward=256, vocabulary=1000, max_context=128)
    >>> tiny.operators("inference").length_name
    'sequence_length'
    """

    segments: int = 2
    pooled: bool = True

    def _derive(self, phase: str) -> OperatorTable:  # noqa: ARG002
        return OperatorTable(self._sequence, "sequence_length")

    def _sequence(self, tokens: float) -> list[Operator]:
        attention = self.attention.over_sequence(
            "layer.attention.scores_and_values", tokens, causal=False, count=self.layers
        )
        operators = [
            *self._embeddings(tokens),
            embedding("embedding.segments", self.segments, self.hidden, tokens),
            self._norm("embedding.normalization", tokens),
            *self._layers(tokens, attention),
        ]
        if self.pooled:
            operators.append(linear("pooler", self.hidden, self.hidden, 1.0, bias=True))
        return operators

    @property
    def kv_cache_elements_per_token(self) -> float:
        """An encoder caches nothing."""
        return 0.0
