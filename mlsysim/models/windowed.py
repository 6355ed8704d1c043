"""Decoders of which most layers look back over a window of tokens only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mlsysim.errors import InvalidInput
from mlsysim.models.operators import (
    Operator,
    OperatorColumns,
    OperatorTable,
    require_widths,
)
from mlsysim.models.transformers import Transformer

_VARYING = frozenset(
    {
        "flops",
        "input_elements",
        "output_elements",
        "cache_elements",
        "scores",
        "unmasked_scores",
    }
)


class _TwoTables(OperatorTable):
    """Operators whose work follows one polynomial up to a length and another one beyond."""

    def __init__(
        self,
        near: Callable[[float], Sequence[Operator]],
        far: Callable[[float], Sequence[Operator]],
        window: int,
        length_name: str,
    ):
        super().__init__(near, length_name)
        self._far = OperatorTable(far, length_name)
        self._window = window

    def at(self, length: Any = None) -> OperatorColumns:
        near, far = super().at(length), self._far.at(length)
        within = np.asarray(length, dtype=float) <= self._window
        columns = {name: getattr(near, name) for name in OperatorColumns.__slots__}
        for name in _VARYING:
            columns[name] = np.where(within, columns[name], getattr(far, name))
        return OperatorColumns(**columns)


@dataclass(frozen=True, kw_only=True)
class WindowedDecoder(Transformer):
    """A decoder whose layers attend to the last `window` tokens, but for `full_layers` of them.

    The phases are those of a `Decoder`. A layer with a window keeps no older keys and values.

    >>> tiny = WindowedDecoder(
    ...     name="tiny", family="example", task="language modelling", default_precision="bf16",
    ...     year=2025, source="project-estimate", layers=2, hidden=64, heads=4, key_value_heads=2,
    ...     feed_forward=256, vocabulary=1000, max_context=4096, window=128, full_layers=1)
    >>> [float(tiny.operators("decode").at(n).total("cache_elements")) for n in (100, 1000)]
    [12800.0, 72192.0]
    """

    phases: ClassVar[tuple[str, ...]] = ("prefill", "decode", "training")
    window: int
    full_layers: int

    def __post_init__(self) -> None:
        super().__post_init__()
        require_widths(self, "window", "full_layers")
        if self.full_layers > self.layers:
            accepted = f"at most the number of layers, {self.layers}"
            raise InvalidInput(f"full_layers of {self.name}", self.full_layers, accepted)

    def _derive(self, phase: str) -> OperatorTable:
        if phase == "decode":
            return _TwoTables(
                lambda context: self._decode(context, context),
                lambda context: self._decode(context, float(self.window)),
                self.window,
                "context_length",
            )
        every = phase == "training"
        return _TwoTables(
            lambda tokens: self._sequence(tokens, tokens if every else 1.0, beyond=False),
            lambda tokens: self._sequence(tokens, tokens if every else 1.0, beyond=True),
            self.window,
            "sequence_length",
        )

    def _decode(self, context: float, in_window: float) -> list[Operator]:
        name = "layer.attention.scores_and_values"
        windowed = self.layers - self.full_layers
        attentions = [
            self.attention.over_cache(name, context, count=self.full_layers),
            self.attention.over_cache(f"layer.window.{name[6:]}", in_window, count=windowed),
        ]
        return self._all(1.0, attentions, 1.0)

    def _sequence(self, tokens: float, head_tokens: float, *, beyond: bool) -> list[Operator]:
        name = "layer.attention.scores_and_values"
        full = self.attention.over_sequence(name, tokens, causal=True, count=self.full_layers)
        return self._all(tokens, [full, self._in_window(tokens, beyond=beyond)], head_tokens)

    def _in_window(self, tokens: float, *, beyond: bool) -> Operator:
        """Return attention of each token to the last ones: pairs = n · w - w (w - 1) / 2."""
        heads, width = self.attention, self.window
        pairs = tokens * width - width * (width - 1) / 2 if beyond else tokens * (tokens + 1) / 2
        unmasked = tokens * width if beyond else tokens * tokens
        return Operator(
            "layer.window.attention.scores_and_values",
            "attention",
            flops=4.0 * heads.query_width * pairs,
            input_elements=tokens * (heads.query_width + heads.cache_width),
            output_elements=tokens * heads.query_width,
            scores=heads.heads * pairs,
            unmasked_scores=heads.heads * unmasked,
            count=self.layers - self.full_layers,
        )

    def _all(self, tokens: float, attentions: list[Operator], head_tokens: float) -> list[Operator]:
        full, windowed = attentions
        layers = self._layers(tokens, full)
        return [*self._embeddings(tokens), *layers, windowed, *self._head(head_tokens)]
