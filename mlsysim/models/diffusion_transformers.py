"""Diffusion transformers: patches and words through common layers, one evaluation a sample."""

from __future__ import annotations

from mlsysim.models.graph import Graph, Tensor

_TIME_CHANNELS = 256


def joint_transformer(
    graph: Graph,
    latent: Tensor,
    *,
    width: int,
    joint_layers: int,
    single_layers: int = 0,
    doubled_layers: int = 0,
    head_width: int = 64,
    text_tokens: int,
    text_width: int,
    pooled_width: int,
    embeds_guidance: bool = False,
    position_rows: int = 0,
) -> None:
    """MM-DiT: each joint layer has weights for patches and others for words, and one attention.

    Single layers treat both alike with common weights; the first `doubled_layers` attend among the
    patches once more. `position_rows` is the size of a stored table of positions.
    """
    parts = _Parts(graph, width, head_width)
    image = graph.convolution(latent, width, 2, stride=2, per_channel=1, activated=False)
    if position_rows:
        table = float(position_rows * width)
        graph.note("embedding", (image,), image, parameters=table, experts=position_rows)
    text = graph.tokenwise(graph.input(1, text_tokens, text_width), width)
    parts.condition = graph.add(
        parts.embedded(_TIME_CHANNELS),
        *([parts.embedded(_TIME_CHANNELS)] if embeds_guidance else []),
        parts.embedded(pooled_width),
    )
    for layer in range(joint_layers):
        last = layer == joint_layers - 1 and not single_layers
        image, text = parts.joint(image, text, doubled=layer < doubled_layers, last=last)
    if single_layers:
        mixed = parts.joined(image, text)
        for _ in range(single_layers):
            mixed = parts.single(mixed)
        image = Tensor(image.height, image.width, width, view=mixed)
    graph.tokenwise(parts.modulated(image, 2), 4 * latent.channels)


def linear_transformer(
    graph: Graph,
    latent: Tensor,
    *,
    width: int,
    layers: int,
    head_width: int = 32,
    text_tokens: int,
    text_width: int,
    widening: float = 2.5,
) -> None:
    """SANA: attention whose work grows with the tokens alone, words seen by cross-attention.

    Each head sums keys times values once, and every query reads that sum.
    """
    parts = _Parts(graph, width, head_width)
    image = graph.convolution(latent, width, 1, per_channel=1, activated=False)
    text = graph.input(1, text_tokens, text_width)
    text = graph.tokenwise(graph.tokenwise(text, width), width)
    parts.condition = parts.embedded(_TIME_CHANNELS)
    shift = graph.linear(parts.condition, 6 * width)
    inner = round(widening * width)
    for _ in range(layers):
        normal = graph.scale(graph.normalize(image, per_channel=0), shift)
        image = graph.add(image, graph.tokenwise(parts.linear_attention(normal), width))
        image = graph.add(image, parts.attended(image, text))
        normal = graph.scale(graph.normalize(image, per_channel=0), shift)
        wide = graph.tokenwise(normal, 2 * inner)
        wide = graph.depthwise(wide, 3, per_channel=1, activated=False)
        narrow = graph.tokenwise(graph.activate(wide, channels=inner), width, bias=False)
        image = graph.add(image, narrow)
    graph.tokenwise(graph.scale(graph.normalize(image, per_channel=0), shift), latent.channels)


class _Parts:
    """The blocks of a diffusion transformer, which all see the same time and text."""

    def __init__(self, graph: Graph, width: int, head_width: int):
        self.graph = graph
        self.width = width
        self.head_width = head_width
        self.condition = graph.input(1, 1, width)

    def embedded(self, channels: int) -> Tensor:
        """Return an embedding of a number or vector in two matrices."""
        graph = self.graph
        first = graph.linear(graph.input(1, 1, channels), self.width, activated=True)
        return graph.linear(first, self.width)

    def modulated(self, x: Tensor, count: int) -> Tensor:
        """Return a normalized tensor scaled by the condition, which gives `count` such vectors."""
        graph = self.graph
        shift = graph.linear(self.condition, count * self.width)
        return graph.scale(graph.normalize(x, per_channel=0), shift)

    def joined(self, image: Tensor, text: Tensor) -> Tensor:
        """Return patches and words as one sequence."""
        tokens = image.height * image.width + text.height * text.width
        out = Tensor(1, tokens, image.channels)
        self.graph.note("movement", (image, text), out)
        return out

    def joint(
        self, image: Tensor, text: Tensor, *, doubled: bool, last: bool
    ) -> tuple[Tensor, Tensor]:
        """Return both streams after common attention and their own feed-forward blocks."""
        graph, width = self.graph, self.width
        normal = self.modulated(image, 9 if doubled else 6)
        words = self.modulated(text, 2 if last else 6)
        both = self.joined(graph.tokenwise(normal, 3 * width), graph.tokenwise(words, 3 * width))
        attended = self._among(both)
        part = Tensor(image.height, image.width, width, view=attended)
        image = graph.add(image, graph.tokenwise(part, width))
        if doubled:
            again = self._among(graph.tokenwise(normal, 3 * width))
            image = graph.add(image, graph.tokenwise(again, width))
        image = self._fed_forward(image)
        if last:
            return image, text
        part = Tensor(text.height, text.width, width, view=attended)
        text = graph.add(text, graph.tokenwise(part, width))
        return image, self._fed_forward(text)

    def single(self, x: Tensor) -> Tensor:
        """Return attention and feed-forward block side by side, with common matrices."""
        graph, width = self.graph, self.width
        wide = graph.tokenwise(self.modulated(x, 3), 7 * width)
        attended = self._among(graph.slice(wide, 3 * width))
        active = graph.activate(graph.slice(wide, 4 * width))
        return graph.add(x, graph.tokenwise(graph.concatenate(attended, active), width))

    def attended(self, x: Tensor, text: Tensor) -> Tensor:
        """Return what patches read from words."""
        graph, width = self.graph, self.width
        query = graph.tokenwise(x, width)
        key, value = graph.tokenwise(text, width), graph.tokenwise(text, width)
        heads = width // self.head_width
        return graph.tokenwise(graph.attention(query, key, value, heads=heads), width)

    def linear_attention(self, x: Tensor) -> Tensor:
        """Return queries times the sum of keys times values, head by head."""
        graph, width = self.graph, self.width
        mixed = graph.tokenwise(x, 3 * width, bias=False)
        out = Tensor(x.height, x.width, width)
        flops = 4.0 * x.height * x.width * width * self.head_width
        graph.note("linear", (mixed,), out, flops=flops)
        return out

    def _among(self, mixed: Tensor) -> Tensor:
        width = self.width
        parts = (self.graph.slice(mixed, width) for _ in range(3))
        return self.graph.attention(*parts, heads=width // self.head_width)

    def _fed_forward(self, x: Tensor) -> Tensor:
        graph, width = self.graph, self.width
        normal = graph.normalize(x, per_channel=0)
        wide = graph.activate(graph.tokenwise(normal, 4 * width))
        return graph.add(x, graph.tokenwise(wide, width))
