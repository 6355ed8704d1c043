"""Image classifiers: architectures that draw themselves on a graph."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mlsysim.models.graph import Graph, Tensor


def divisible(width: float, divisor: int = 8) -> int:
    """Round a width to a multiple of 8, never down by more than a tenth.

    >>> divisible(0.25 * 72), divisible(12)
    (24, 16)
    """
    rounded = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * width else rounded


def alexnet(graph: Graph, image: Tensor) -> None:
    """AlexNet in its one-tower form: five convolutions, three dense layers."""
    x = graph.convolution(image, 64, 11, stride=4, padding=2, per_channel=1)
    x = graph.convolution(graph.pool(x, 3, 2), 192, 5, per_channel=1)
    x = graph.convolution(graph.pool(x, 3, 2), 384, 3, per_channel=1)
    x = graph.convolution(x, 256, 3, per_channel=1)
    x = graph.pool(graph.convolution(x, 256, 3, per_channel=1), 3, 2)
    for width in (4096, 4096):
        x = graph.linear(x, width, activated=True)
    graph.linear(x, 1000)


def vgg(graph: Graph, image: Tensor, repeats: Sequence[int]) -> None:
    """VGG: five stages of 3x3 convolutions, three dense layers."""
    x = image
    for channels, count in zip((64, 128, 256, 512, 512), repeats, strict=True):
        for _ in range(count):
            x = graph.convolution(x, channels, 3, per_channel=1)
        x = graph.pool(x, 2, 2)
    for width in (4096, 4096):
        x = graph.linear(x, width, activated=True)
    graph.linear(x, 1000)


def _normalized(graph: Graph, x: Tensor) -> Tensor:
    y = graph.normalize(x)
    return graph.activate(y) if graph.training else y


def densenet(
    graph: Graph, image: Tensor, blocks: Sequence[int], *, growth: int = 32, first: int = 64
) -> None:
    """DenseNet: every layer reads what all layers before it in its block have written."""
    x = graph.pool(graph.convolution(image, first, 7, stride=2), 3, 2, padding=1)
    for stage, repeats in enumerate(blocks):
        if stage:
            x = _normalized(graph, x)
            x = graph.convolution(x, x.channels // 2, 1, per_channel=0, activated=False)
            x = graph.pool(x, 2, 2)
        for _ in range(repeats):
            y = graph.convolution(_normalized(graph, x), 4 * growth, 1)
            y = graph.convolution(y, growth, 3, per_channel=0, activated=False)
            x = graph.concatenate(x, y)
    graph.linear(graph.global_pool(_normalized(graph, x)), 1000)


def squeezenet(
    graph: Graph, image: Tensor, *, first: int, kernel: int, pooled_before: Sequence[int]
) -> None:
    """SqueezeNet: eight fire modules, each a narrow layer and two wide ones beside each other."""
    fires = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
    x = graph.convolution(image, first, kernel, stride=2, padding="valid", per_channel=1)
    x = graph.pool(x, 3, 2, up=True)
    for index, (narrow, wide) in enumerate(fires):
        if index in pooled_before:
            x = graph.pool(x, 3, 2, up=True)
        y = graph.convolution(x, narrow, 1, per_channel=1)
        x = graph.concatenate(*(graph.convolution(y, wide, size, per_channel=1) for size in (1, 3)))
    graph.global_pool(graph.convolution(x, 1000, 1, per_channel=1))


def resnet(graph: Graph, image: Tensor, blocks: Sequence[int], *, bottleneck: bool) -> None:
    """ResNet of four stages; bottleneck blocks widen their output fourfold."""
    x = graph.convolution(image, 64, 7, stride=2)
    x = graph.pool(x, 3, 2, padding=1)
    expansion = 4 if bottleneck else 1
    for stage, repeats in enumerate(blocks):
        inner = 64 * 2**stage
        for index in range(repeats):
            stride = 2 if stage and index == 0 else 1
            y = graph.convolution(x, inner, 1) if bottleneck else x
            y = graph.convolution(y, inner, 3, stride=stride)
            y = graph.convolution(y, inner * expansion, 1 if bottleneck else 3, activated=False)
            if stride > 1 or x.channels != y.channels:
                x = graph.convolution(x, y.channels, 1, stride=stride, activated=False)
            x = graph.add(x, y)
    graph.linear(graph.global_pool(x), 1000)


def mobilenet_v1(graph: Graph, image: Tensor) -> None:
    """MobileNetV1: depthwise separable convolutions."""
    x = graph.convolution(image, 32, 3, stride=2)
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5]
    for channels, stride in [*blocks, (1024, 2), (1024, 1)]:
        x = graph.convolution(graph.depthwise(x, 3, stride=stride), channels, 1)
    graph.linear(graph.global_pool(x), 1000)


def inverted_residual(
    graph: Graph,
    x: Tensor,
    inner: int,
    channels: int,
    *,
    kernel: int = 3,
    stride: int = 1,
    squeezed: int = 0,
) -> Tensor:
    """Return an expansion, a depthwise convolution, and a linear projection of it.

    `squeezed` is the inner width of a squeeze-and-excitation gate after the depthwise part.
    """
    y = x if inner == x.channels else graph.convolution(x, inner, 1)
    y = graph.depthwise(y, kernel, stride=stride)
    if squeezed:
        gate = graph.convolution(graph.global_pool(y), squeezed, 1, per_channel=1)
        gate = graph.convolution(gate, inner, 1, per_channel=1)
        y = graph.scale(y, gate)
    y = graph.convolution(y, channels, 1, activated=False)
    return graph.add(x, y) if stride == 1 and x.channels == channels else y


def mobilenet_v2(graph: Graph, image: Tensor) -> None:
    """MobileNetV2: inverted residuals with linear bottlenecks."""
    x = graph.convolution(image, 32, 3, stride=2)
    x = inverted_residual(graph, x, 32, 16)
    stages = [(24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1)]
    for channels, repeats, stride in stages:
        for index in range(repeats):
            first = stride if index == 0 else 1
            x = inverted_residual(graph, x, 6 * x.channels, channels, stride=first)
    x = graph.convolution(x, 1280, 1)
    graph.linear(graph.global_pool(x), 1000)


# Inner width, channels, kernel, stride, squeeze-and-excitation.
MobileBlock = tuple[int, int, int, int, bool]

MOBILENET_V3_LARGE: tuple[MobileBlock, ...] = (
    (16, 16, 3, 1, False), (64, 24, 3, 2, False), (72, 24, 3, 1, False), (72, 40, 5, 2, True),
    (120, 40, 5, 1, True), (120, 40, 5, 1, True), (240, 80, 3, 2, False), (200, 80, 3, 1, False),
    (184, 80, 3, 1, False), (184, 80, 3, 1, False), (480, 112, 3, 1, True),
    (672, 112, 3, 1, True), (672, 160, 5, 2, True), (960, 160, 5, 1, True),
    (960, 160, 5, 1, True),
)  # fmt: skip
MOBILENET_V3_SMALL: tuple[MobileBlock, ...] = (
    (16, 16, 3, 2, True), (72, 24, 3, 2, False), (88, 24, 3, 1, False), (96, 40, 5, 2, True),
    (240, 40, 5, 1, True), (240, 40, 5, 1, True), (120, 48, 5, 1, True), (144, 48, 5, 1, True),
    (288, 96, 5, 2, True), (576, 96, 5, 1, True), (576, 96, 5, 1, True),
)  # fmt: skip


def mobile_blocks(graph: Graph, x: Tensor, blocks: Sequence[MobileBlock]) -> Tensor:
    """Return the blocks of a MobileNetV3, one after the other."""
    for inner, channels, kernel, stride, squeeze in blocks:
        squeezed = divisible(inner / 4) if squeeze else 0
        x = inverted_residual(
            graph, x, inner, channels, kernel=kernel, stride=stride, squeezed=squeezed
        )
    return x


def mobilenet_v3(graph: Graph, image: Tensor, blocks: Sequence[MobileBlock], dense: int) -> None:
    """MobileNetV3: searched inverted residuals, two dense layers."""
    x = mobile_blocks(graph, graph.convolution(image, 16, 3, stride=2), blocks)
    x = graph.convolution(x, 6 * x.channels, 1)
    x = graph.linear(graph.global_pool(x), dense, activated=True)
    graph.linear(x, 1000)


def efficientnet(graph: Graph, image: Tensor, *, width: float, depth: float) -> None:
    """EfficientNet: MobileNet blocks scaled in width and depth."""
    x = graph.convolution(image, divisible(32 * width), 3, stride=2)
    stages = [(1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2),
              (6, 112, 3, 5, 1), (6, 192, 4, 5, 2), (6, 320, 1, 3, 1)]  # fmt: skip
    for expansion, channels, repeats, kernel, stride in stages:
        for index in range(-int(-repeats * depth // 1)):
            x = inverted_residual(
                graph, x, expansion * x.channels, divisible(channels * width), kernel=kernel,
                stride=stride if index == 0 else 1, squeezed=max(1, x.channels // 4),
            )  # fmt: skip
    x = graph.convolution(x, 4 * x.channels, 1)
    graph.linear(graph.global_pool(x), 1000)


def convnext(graph: Graph, image: Tensor, widths: Sequence[int], blocks: Sequence[int]) -> None:
    """ConvNeXt: 7x7 depthwise convolutions and pointwise layers four times as wide."""
    x = graph.convolution(image, widths[0], 4, stride=4, per_channel=1, activated=False)
    x = graph.normalize(x)
    for stage, (channels, repeats) in enumerate(zip(widths, blocks, strict=True)):
        if stage:
            x = graph.normalize(x)
            x = graph.convolution(x, channels, 2, stride=2, per_channel=1, activated=False)
        for _ in range(repeats):
            y = graph.normalize(graph.depthwise(x, 7, per_channel=1, activated=False))
            y = graph.activate(graph.tokenwise(y, 4 * channels))
            y = graph.activate(graph.tokenwise(y, channels), parameters=channels)
            x = graph.add(x, y)
    graph.linear(graph.normalize(graph.global_pool(x)), 1000)


def _chain(graph: Graph, x: Tensor, *steps: tuple[int, int | tuple[int, int]]) -> Tensor:
    for channels, kernel in steps:
        x = graph.convolution(x, channels, kernel)
    return x


def _reduced(graph: Graph, x: Tensor, channels: int) -> Tensor:
    return graph.convolution(x, channels, 3, stride=2, padding="valid")


def _pooled(graph: Graph, x: Tensor, channels: int) -> Tensor:
    return graph.convolution(graph.pool(x, 3, 1, padding=1), channels, 1)


def inception_v3(graph: Graph, image: Tensor) -> None:
    """Inception-v3; the auxiliary classifier runs in training only."""
    chain, reduced, pooled = (
        partial(_chain, graph),
        partial(_reduced, graph),
        partial(_pooled, graph),
    )
    x = graph.convolution(image, 32, 3, stride=2, padding="valid")
    x = graph.convolution(graph.convolution(x, 32, 3, padding="valid"), 64, 3)
    x = graph.convolution(graph.pool(x, 3, 2), 80, 1)
    x = graph.pool(graph.convolution(x, 192, 3, padding="valid"), 3, 2)
    for width in (32, 64, 64):
        x = graph.concatenate(
            chain(x, (64, 1)), chain(x, (48, 1), (64, 5)), chain(x, (64, 1), (96, 3), (96, 3)),
            pooled(x, width),
        )  # fmt: skip
    x = graph.concatenate(
        reduced(x, 384), reduced(chain(x, (64, 1), (96, 3)), 96), graph.pool(x, 3, 2)
    )
    for width in (128, 160, 160, 192):
        row, column = (1, 7), (7, 1)
        x = graph.concatenate(
            chain(x, (192, 1)), chain(x, (width, 1), (width, row), (192, column)),
            chain(x, (width, 1), (width, column), (width, row), (width, column), (192, row)),
            pooled(x, 192),
        )  # fmt: skip
    if graph.training:
        auxiliary = graph.convolution(graph.pool(x, 5, 3), 128, 1)
        auxiliary = graph.convolution(auxiliary, 768, 5, padding="valid")
        graph.linear(graph.global_pool(auxiliary), 1000)
    x = graph.concatenate(
        reduced(chain(x, (192, 1)), 320),
        reduced(chain(x, (192, 1), (192, (1, 7)), (192, (7, 1))), 192), graph.pool(x, 3, 2),
    )  # fmt: skip
    for _ in range(2):
        narrow, deep = chain(x, (384, 1)), chain(x, (448, 1), (384, 3))
        x = graph.concatenate(
            chain(x, (320, 1)), chain(narrow, (384, (1, 3))), chain(narrow, (384, (3, 1))),
            chain(deep, (384, (1, 3))), chain(deep, (384, (3, 1))), pooled(x, 192),
        )  # fmt: skip
    graph.linear(graph.global_pool(x), 1000)


def vision_transformer(graph: Graph, image: Tensor, *, layers: int, hidden: int) -> None:
    """ViT: 16x16 patches and a class token through a transformer encoder."""
    patches = graph.convolution(image, hidden, 16, stride=16, per_channel=1, activated=False)
    tokens = patches.height * patches.width + 1
    x = Tensor(1, tokens, hidden)
    graph.note("movement", (patches,), x, parameters=float((tokens + 1) * hidden))
    for _ in range(layers):
        x = encoder_layer(graph, x, inner=4 * hidden)
    graph.linear(Tensor(1, 1, hidden, view=graph.normalize(x)), 1000)


def encoder_layer(graph: Graph, x: Tensor, inner: int) -> Tensor:
    """Return a pre-normalized transformer encoder layer over the positions of a tensor."""
    hidden = x.channels
    joint = graph.tokenwise(graph.normalize(x), 3 * hidden)
    query, key, value = (graph.slice(joint, hidden) for _ in range(3))
    attended = graph.attention(query, key, value, heads=max(1, hidden // 64))
    x = graph.add(x, graph.tokenwise(attended, hidden))
    y = graph.activate(graph.tokenwise(graph.normalize(x), inner))
    return graph.add(x, graph.tokenwise(y, hidden))
