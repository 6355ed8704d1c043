"""Diffusion: U-Nets with attention to a text, one evaluation of the network a sample."""

from __future__ import annotations

from collections.abc import Sequence

from mlsysim.models.graph import Graph, Tensor

TEXT_TOKENS = 77


def unet(
    graph: Graph,
    latent: Tensor,
    *,
    widths: Sequence[int],
    depths: Sequence[int],
    text_width: int,
    condition_width: int = 0,
    linear_projections: bool = False,
) -> None:
    """Latent-diffusion U-Net with two residual blocks for each of its levels.

    `depths` are the transformer layers after each block of a level (0 for none); the middle has
    those of the last level, or one. `condition_width` adds an embedding of size and crop.
    """
    text = graph.input(1, TEXT_TOKENS, text_width)
    time = _embedded(graph, graph.input(1, 1, widths[0]), 4 * widths[0])
    if condition_width:
        size = _embedded(graph, graph.input(1, 1, condition_width), 4 * widths[0])
        time = graph.add(time, size)
    parts = _Parts(graph, text, time, linear_projections)

    x = graph.convolution(latent, widths[0], 3, per_channel=1, activated=False)
    skips = [x]
    for level, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for _ in range(2):
            x = parts.transformer(parts.residual(x, width), depth)
            skips.append(x)
        if level < len(widths) - 1:
            x = graph.convolution(x, width, 3, stride=2, per_channel=1, activated=False)
            skips.append(x)
    x = parts.residual(x, widths[-1])
    x = parts.transformer(x, depths[-1] or 1)
    x = parts.residual(x, widths[-1])
    for level in reversed(range(len(widths))):
        for _ in range(3):
            x = parts.residual(graph.concatenate(x, skips.pop()), widths[level])
            x = parts.transformer(x, depths[level])
        if level:
            x = graph.upsample(x)
            x = graph.convolution(x, widths[level], 3, per_channel=1, activated=False)
    x = graph.activate(graph.normalize(x))
    graph.convolution(x, latent.channels, 3, per_channel=1, activated=False)


def _embedded(graph: Graph, x: Tensor, width: int) -> Tensor:
    return graph.linear(graph.linear(x, width, activated=True), width)


class _Parts:
    """The blocks of a U-Net, which all see the same text and time."""

    def __init__(self, graph: Graph, text: Tensor, time: Tensor, linear_projections: bool):
        self.graph = graph
        self.text = text
        self.time = time
        self.linear_projections = linear_projections

    def residual(self, x: Tensor, channels: int) -> Tensor:
        """Return two convolutions, with the time added between them."""
        graph = self.graph
        y = graph.activate(graph.normalize(x))
        y = graph.convolution(y, channels, 3, per_channel=1, activated=False)
        shift = graph.linear(self.time, channels)
        y = graph.activate(graph.normalize(graph.scale(y, shift)))
        y = graph.convolution(y, channels, 3, per_channel=1, activated=False)
        if x.channels != channels:
            x = graph.convolution(x, channels, 1, per_channel=1, activated=False)
        return graph.add(x, y)

    def transformer(self, x: Tensor, depth: int) -> Tensor:
        """Return layers of self-attention, attention to the text, and gated feed-forward."""
        if not depth:
            return x
        y = self._projected(self.graph.normalize(x))
        for _ in range(depth):
            y = self._attended(y, None)
            y = self._attended(y, self.text)
            y = self._fed_forward(y)
        return self.graph.add(x, self._projected(y))

    def _projected(self, x: Tensor) -> Tensor:
        if self.linear_projections:
            return self.graph.tokenwise(x, x.channels)
        return self.graph.convolution(x, x.channels, 1, per_channel=1, activated=False)

    def _attended(self, x: Tensor, text: Tensor | None) -> Tensor:
        graph, width = self.graph, x.channels
        normal = graph.normalize(x)
        source = normal if text is None else text
        query = graph.tokenwise(normal, width, bias=False)
        key = graph.tokenwise(source, width, bias=False)
        value = graph.tokenwise(source, width, bias=False)
        heads = width // 64 if self.linear_projections else 8
        attended = graph.attention(query, key, value, heads=heads)
        return graph.add(x, graph.tokenwise(attended, width))

    def _fed_forward(self, x: Tensor) -> Tensor:
        graph, width = self.graph, x.channels
        y = graph.tokenwise(graph.normalize(x), 8 * width)
        return graph.add(x, graph.tokenwise(graph.activate(y, channels=4 * width), width))
