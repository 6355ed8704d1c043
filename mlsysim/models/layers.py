"""Operators that language models are made of, from widths and the number of tokens."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import InvalidInput
from mlsysim.models.operators import Operator, require_whole


def linear(
    name: str, inputs: int, outputs: int, tokens: float, *, bias: bool = False, count: int = 1
) -> Operator:
    """Return the operator that multiplies each token by an `inputs` x `outputs` matrix.

    flops = 2 · tokens · inputs · outputs

    >>> linear("head", 768, 50257, tokens=1.0).flops
    77194752.0
    """
    return Operator(
        name,
        "linear",
        flops=2.0 * tokens * inputs * outputs,
        parameters=float(inputs * outputs + (outputs if bias else 0)),
        input_elements=tokens * inputs,
        output_elements=tokens * outputs,
        count=count,
    )


def elementwise(
    name: str,
    inputs: int,
    outputs: int,
    tokens: float,
    *,
    count: int = 1,
    kind: str = "elementwise",
) -> Operator:
    """Return an operator that moves activations and computes next to nothing.

    Sums, copies and rotations are of the kind "movement".

    >>> elementwise("residual", 2 * 768, 768, tokens=10.0, kind="movement").output_elements
    7680.0
    """
    return Operator(
        name,
        kind,
        flops=0.0,
        input_elements=tokens * inputs,
        output_elements=tokens * outputs,
        count=count,
    )


def normalization(
    name: str, width: int, parameters: int, tokens: float, *, count: int = 1
) -> Operator:
    """Return a normalization of each token; one or two trained values for each channel.

    >>> normalization("final", 768, 2 * 768, tokens=1.0).parameters
    1536.0
    """
    return Operator(
        name,
        "normalization",
        flops=0.0,
        parameters=float(parameters),
        input_elements=tokens * width,
        output_elements=tokens * width,
        count=count,
    )


def embedding(name: str, rows: int, width: int, lookups: float) -> Operator:
    """Return lookups of single rows of a table.

    >>> embedding("tokens", 1000, 64, lookups=1.0).experts
    1000
    """
    return Operator(
        name,
        "embedding",
        flops=0.0,
        parameters=float(rows * width),
        output_elements=lookups * width,
        experts=rows,
        experts_per_token=1,
    )


@dataclass(frozen=True, slots=True)
class AttentionHeads:
    """Heads of one attention layer; keys and values may have fewer heads than queries.

    >>> AttentionHeads(heads=32, key_value_heads=8, head_width=128).cache_width
    2048
    """

    heads: int
    key_value_heads: int
    head_width: int

    @property
    def query_width(self) -> int:
        """Width of the queries of all heads."""
        return self.heads * self.head_width

    @property
    def cache_width(self) -> int:
        """Width of the keys and values of all heads: what one token leaves in the cache."""
        return 2 * self.key_value_heads * self.head_width

    def over_sequence(
        self, name: str, tokens: float, *, causal: bool, keys: float | None = None, count: int = 1
    ) -> Operator:
        """Return attention among the tokens of a sequence, or from them to `keys` others.

        flops = 4 · heads · head_width · pairs, with pairs = n (n + 1) / 2 when causal, else n²:
        of a causal sequence only the half that is used counts.

        >>> heads = AttentionHeads(heads=1, key_value_heads=1, head_width=1)
        >>> heads.over_sequence("attention", 3.0, causal=True).flops
        24.0
        """
        keys = tokens if keys is None else keys
        pairs = tokens * (tokens + 1) / 2 if causal else tokens * keys
        return Operator(
            name,
            "attention",
            flops=4.0 * self.query_width * pairs,
            input_elements=tokens * self.query_width + keys * self.cache_width,
            output_elements=tokens * self.query_width,
            scores=self.heads * pairs,
            unmasked_scores=self.heads * tokens * keys,
            count=count,
        )

    def over_cache(self, name: str, cached: float, *, count: int = 1) -> Operator:
        """Return attention of one new token to `cached` tokens.

        >>> heads = AttentionHeads(heads=4, key_value_heads=1, head_width=8)
        >>> heads.over_cache("attention", 100.0).cache_elements
        1600.0
        """
        return Operator(
            name,
            "attention",
            flops=4.0 * self.query_width * cached,
            input_elements=float(self.query_width),
            output_elements=float(self.query_width),
            cache_elements=cached * self.cache_width,
            scores=self.heads * cached,
            unmasked_scores=self.heads * cached,
            count=count,
        )


def feed_forward(
    prefix: str,
    hidden: int,
    inner: int,
    tokens: float,
    *,
    gated: bool,
    bias: bool = False,
    count: int = 1,
) -> list[Operator]:
    """Return a dense feed-forward block; a gated one has a third matrix.

    >>> [op.name for op in feed_forward("mlp", 8, 32, 1.0, gated=True)]
    ['mlp.gate_and_up', 'mlp.activation', 'mlp.down']
    """
    up, name = (2 * inner, "gate_and_up") if gated else (inner, "up")
    return [
        linear(f"{prefix}.{name}", hidden, up, tokens, bias=bias, count=count),
        elementwise(f"{prefix}.activation", up, inner, tokens, count=count),
        linear(f"{prefix}.down", inner, hidden, tokens, bias=bias, count=count),
    ]


@dataclass(frozen=True, slots=True)
class MixtureOfExperts:
    """Feed-forward blocks of which a router picks a few for each token.

    `feed_forward` is the inner width of one expert; the first `dense_layers` layers have an
    ordinary block instead, and `shared_experts` experts see every token.
    """

    experts: int
    experts_per_token: int
    feed_forward: int
    shared_experts: int = 0
    dense_layers: int = 0

    def __post_init__(self) -> None:
        for field in ("experts", "experts_per_token", "feed_forward"):
            require_whole(field, getattr(self, field))
        if self.experts_per_token > self.experts:
            accepted = f"at most the number of experts, {self.experts}"
            raise InvalidInput("experts_per_token", self.experts_per_token, accepted)

    def operators(
        self, prefix: str, hidden: int, tokens: float, *, gated: bool, count: int
    ) -> list[Operator]:
        """Return router, chosen experts, their weighted sum, and the shared experts.

        >>> mixture = MixtureOfExperts(experts=8, experts_per_token=2, feed_forward=32)
        >>> router, up, *_ = mixture.operators("moe", 16, 1.0, gated=True, count=1)
        >>> up.parameters / (up.flops / 2)
        4.0
        """
        chosen = tokens * self.experts_per_token
        up = (2 if gated else 1) * self.feed_forward
        operators = [
            linear(f"{prefix}.router", hidden, self.experts, tokens, count=count),
            self._experts(f"{prefix}.experts.up", hidden, up, chosen, count),
            elementwise(
                f"{prefix}.experts.activation", up, self.feed_forward, chosen, count=count
            ),
            self._experts(f"{prefix}.experts.down", self.feed_forward, hidden, chosen, count),
            elementwise(
                f"{prefix}.experts.sum", self.experts_per_token * hidden, hidden, tokens,
                count=count, kind="movement",
            ),
        ]  # fmt: skip
        if self.shared_experts:
            inner = self.shared_experts * self.feed_forward
            operators += feed_forward(
                f"{prefix}.shared", hidden, inner, tokens, gated=gated, count=count
            )
        return operators

    def _experts(self, name: str, inputs: int, outputs: int, chosen: float, count: int) -> Operator:
        return Operator(
            name,
            "linear",
            flops=2.0 * chosen * inputs * outputs,
            parameters=float(self.experts * inputs * outputs),
            input_elements=chosen * inputs,
            output_elements=chosen * outputs,
            count=count,
            experts=self.experts,
            experts_per_token=self.experts_per_token,
        )


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention: keys and values are cached as one compressed vector.

    Over a sequence the latent vectors are expanded into keys and values of every head. A new
    token in decode has that matrix absorbed into its queries and outputs instead, and attends to
    the cached latent vectors themselves.
    """

    query_rank: int
    key_value_rank: int
    rotary_width: int
    head_width: int

    def __post_init__(self) -> None:
        for field in ("query_rank", "key_value_rank", "rotary_width", "head_width"):
            require_whole(field, getattr(self, field))

    @property
    def cache_width(self) -> int:
        """Values that one token leaves in the cache of one layer."""
        return self.key_value_rank + self.rotary_width

    def projections(
        self, prefix: str, hidden: int, heads: int, tokens: float, *, count: int
    ) -> list[Operator]:
        """Return the compressed query, key and value projections with their normalizations."""
        rank, width = self.query_rank, self.head_width
        return [
            linear(f"{prefix}.query_down", hidden, rank, tokens, count=count),
            normalization(f"{prefix}.query_normalization", rank, rank, tokens, count=count),
            linear(f"{prefix}.query_up", rank, heads * (width + self.rotary_width), tokens,
                   count=count),
            linear(f"{prefix}.key_value_down", hidden, self.cache_width, tokens, count=count),
            normalization(f"{prefix}.key_value_normalization", self.key_value_rank,
                          self.key_value_rank, tokens, count=count),
            linear(f"{prefix}.key_value_up", self.key_value_rank, 2 * heads * width, tokens,
                   count=count),
        ]  # fmt: skip

    def over_sequence(self, name: str, heads: int, tokens: float, *, count: int) -> Operator:
        """Return causal attention with expanded keys (head and rotary width) and values."""
        key, value = heads * (self.head_width + self.rotary_width), heads * self.head_width
        return Operator(
            name,
            "attention",
            flops=2.0 * (key + value) * tokens * (tokens + 1) / 2,
            input_elements=tokens * (2 * key + value),
            output_elements=tokens * value,
            scores=heads * tokens * (tokens + 1) / 2,
            unmasked_scores=heads * tokens * tokens,
            count=count,
        )

    def over_cache(self, name: str, heads: int, cached: float, *, count: int) -> Operator:
        """Return attention of one token to `cached` latent vectors."""
        return Operator(
            name,
            "attention",
            flops=2.0 * heads * (self.cache_width + self.key_value_rank) * cached,
            input_elements=float(heads * self.cache_width),
            output_elements=float(heads * self.key_value_rank),
            cache_elements=cached * self.cache_width,
            scores=heads * cached,
            unmasked_scores=heads * cached,
            count=count,
        )
