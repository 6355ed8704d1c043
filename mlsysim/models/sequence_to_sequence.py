"""Encoder-decoder transformers: speech recognition and text-to-text models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlsysim.models.layers import elementwise, feed_forward, linear
from mlsysim.models.operators import Operator, OperatorTable, require_widths
from mlsysim.models.transformers import Transformer


@dataclass(frozen=True, kw_only=True)
class EncoderDecoder(Transformer):
    """An encoder whose output a decoder attends to; `layers` counts those of the decoder.

    - "prefill" encodes the source and projects it to the keys and values of every decoder layer.
    - "decode" makes one token while `context_length` tokens and `source_tokens` are attended to.
    - "training" is the forward pass of encoder and decoder over one sequence each.

    The source has `sequence_length` tokens, unless it is a spectrogram: a window of sound of one
    size, which two convolutions over its `spectrogram_channels` turn into `source_tokens`.

    >>> tiny = EncoderDecoder(
    ...     name="tiny", family="example", task="speech recognition", default_precision="fp16",
    ...     year=2022, source="project-estimate", encoder_layers=2, layers=2, hidden=64, heads=4,
    ...     feed_forward=256, vocabulary=1000, max_context=128, source_tokens=50)
    >>> tiny.operators("prefill").length_name
    'sequence_length'
    """

    encoder_layers: int
    source_tokens: int
    spectrogram_channels: int | None = None
    phases: ClassVar[tuple[str, ...]] = ("prefill", "decode", "training")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_widths(self, "encoder_layers", "source_tokens")
        if self.spectrogram_channels is not None:
            require_widths(self, "spectrogram_channels")

    def _derive(self, phase: str) -> OperatorTable:
        if phase == "decode":
            return OperatorTable(self._decode, "context_length")
        if phase == "training":
            return OperatorTable(self._train, "sequence_length")
        fixed = self.spectrogram_channels is not None
        return OperatorTable(self._encode, None if fixed else "sequence_length")

    def _source(self, length: float) -> float:
        return length if self.spectrogram_channels is None else float(self.source_tokens)

    def _encode(self, length: float) -> list[Operator]:
        tokens = self._source(length)
        heads = self.attention
        attention = heads.over_sequence(
            "encoder.attention.scores_and_values", tokens, causal=False, count=self.encoder_layers
        )
        stem = self._embeddings(tokens)[:1]
        if self.spectrogram_channels is not None:
            stem = self._sound_stem(self.spectrogram_channels, tokens)
        return [
            *stem,
            *self._attend("encoder.attention", self.encoder_layers, tokens, attention),
            *self._feed("encoder", self.encoder_layers, tokens),
            self._norm("encoder.normalization", tokens),
            linear("decoder.cross_attention.key_value", self.hidden, heads.cache_width, tokens,
                   bias=self.biases != "none", count=self.layers),
        ]  # fmt: skip

    def _sound_stem(self, channels: int, tokens: float) -> list[Operator]:
        """Two convolutions of width 3, the second with stride 2."""
        return [
            _convolution("encoder.convolution_1", channels, self.hidden, 2 * tokens, 2 * tokens),
            _convolution("encoder.convolution_2", self.hidden, self.hidden, 2 * tokens, tokens),
        ]

    def _decode(self, context: float) -> list[Operator]:
        heads, count = self.attention, self.layers
        own = heads.over_cache("decoder.attention.scores_and_values", context, count=count)
        cross = heads.over_cache(
            "decoder.cross_attention.scores_and_values", float(self.source_tokens), count=count
        )
        return self._decoder(1.0, own, cross)

    def _train(self, length: float) -> list[Operator]:
        heads, count = self.attention, self.layers
        own = heads.over_sequence(
            "decoder.attention.scores_and_values", length, causal=True, count=count
        )
        cross = heads.over_sequence(
            "decoder.cross_attention.scores_and_values", length, causal=False,
            keys=self._source(length), count=count,
        )  # fmt: skip
        encoder = self._encode(length)
        if self.spectrogram_channels is None:
            # Source and target share one table of token embeddings.
            del encoder[0]
        return [*encoder, *self._decoder(length, own, cross)]

    def _decoder(self, tokens: float, own: Operator, cross: Operator) -> list[Operator]:
        return [
            *self._embeddings(tokens),
            *self._attend("decoder.attention", self.layers, tokens, own),
            *self._attend("decoder.cross_attention", self.layers, tokens, cross, keys=False),
            *self._feed("decoder", self.layers, tokens),
            *self._head(tokens),
        ]

    def _attend(
        self, prefix: str, layers: int, tokens: float, attention: Operator, *, keys: bool = True
    ) -> list[Operator]:
        heads, bias = self.attention, self.biases != "none"
        width = heads.query_width + (heads.cache_width if keys else 0)
        name = "query_key_value" if keys else "query"
        return [
            self._norm(f"{prefix}.normalization", tokens, layers),
            linear(f"{prefix}.{name}", self.hidden, width, tokens, bias=bias, count=layers),
            attention,
            linear(f"{prefix}.output", heads.query_width, self.hidden, tokens, bias=bias,
                   count=layers),
            elementwise(
                f"{prefix}.residual", 2 * self.hidden, self.hidden, tokens,
                count=layers, kind="movement",
            ),
        ]  # fmt: skip

    def _feed(self, prefix: str, layers: int, tokens: float) -> list[Operator]:
        name, hidden = f"{prefix}.feed_forward", self.hidden
        return [
            self._norm(f"{name}.normalization", tokens, layers),
            *feed_forward(name, hidden, self.feed_forward, tokens, gated=self.gated,
                          bias=self.biases == "all", count=layers),
            elementwise(
                f"{name}.residual", 2 * hidden, hidden, tokens, count=layers, kind="movement"
            ),
        ]  # fmt: skip


def _convolution(
    name: str, inputs: int, outputs: int, from_frames: float, to_frames: float, kernel: int = 3
) -> Operator:
    return Operator(
        name,
        "convolution",
        flops=2.0 * to_frames * kernel * inputs * outputs,
        parameters=float(kernel * inputs * outputs + outputs),
        input_elements=from_frames * inputs,
        output_elements=to_frames * outputs,
    )
