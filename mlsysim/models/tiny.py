"""Architectures for microcontrollers, as their int8 files store them: normalization folded."""

from __future__ import annotations

from collections.abc import Sequence

from mlsysim.models.graph import Graph, Tensor


def ds_cnn(graph: Graph, spectrogram: Tensor) -> None:
    """MLPerf Tiny keyword spotting: a convolution and four depthwise separable blocks."""
    x = graph.convolution(spectrogram, 64, (10, 4), stride=2, per_channel=1)
    for _ in range(4):
        x = graph.depthwise(x, 3, per_channel=1)
        x = graph.convolution(x, 64, 1, per_channel=1)
    graph.linear(graph.global_pool(x), 12)


def mobilenet_v1_quarter(graph: Graph, image: Tensor) -> None:
    """MobileNetV1 at a quarter of its width, for two classes: visual wake words."""
    x = graph.convolution(image, 8, 3, stride=2, per_channel=1)
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5]
    for channels, stride in [*blocks, (256, 2), (256, 1)]:
        x = graph.depthwise(x, 3, stride=stride, per_channel=1)
        x = graph.convolution(x, channels, 1, per_channel=1)
    graph.linear(graph.global_pool(x), 2)


def resnet_8(graph: Graph, image: Tensor) -> None:
    """MLPerf Tiny image classification: three residual stacks."""
    x = graph.convolution(image, 16, 3, per_channel=1)
    for channels, stride in [(16, 1), (32, 2), (64, 2)]:
        y = graph.convolution(x, channels, 3, stride=stride, per_channel=1)
        y = graph.convolution(y, channels, 3, per_channel=1, activated=False)
        if stride > 1:
            x = graph.convolution(x, channels, 1, stride=stride, per_channel=1, activated=False)
        x = graph.add(x, y)
    graph.linear(graph.global_pool(x), 10)


def autoencoder(graph: Graph, window: Tensor) -> None:
    """MLPerf Tiny anomaly detection: a fully connected autoencoder."""
    x = window
    for width in [128, 128, 128, 128, 8, 128, 128, 128, 128]:
        x = graph.linear(x, width, activated=True)
    graph.linear(x, window.elements)


def streaming_wakeword(graph: Graph, spectrogram: Tensor) -> None:
    """MLPerf Tiny streaming wake word: four separable convolutions along time."""
    x = spectrogram
    for kernel, channels in [(3, 128), (5, 128), (10, 128), (15, 32)]:
        x = graph.depthwise(x, (kernel, 1), padding="valid", per_channel=1, activated=False)
        x = graph.convolution(x, channels, 1, per_channel=1)
    graph.linear(x, 3)


def micro_speech(graph: Graph, spectrogram: Tensor) -> None:
    """TensorFlow Lite Micro speech example: one convolution, one dense layer."""
    x = graph.convolution(spectrogram, 8, (10, 8), stride=2, per_channel=1)
    graph.linear(x, 4)


def mobilenet_v2_quarter(graph: Graph, image: Tensor) -> None:
    """Keras MobileNetV2 at a quarter of its width; explicit padding before each stride."""
    x = graph.convolution(image, 8, 3, stride=2, per_channel=1)
    x = graph.depthwise(x, 3, per_channel=1)
    x = graph.convolution(x, 8, 1, per_channel=1, activated=False)
    stages = [(8, 2, 2), (8, 3, 2), (16, 4, 2), (24, 3, 1), (40, 3, 2), (80, 1, 1)]
    for channels, repeats, first_stride in stages:
        for index in range(repeats):
            stride = first_stride if index == 0 else 1
            y = graph.convolution(x, 6 * x.channels, 1, per_channel=1)
            padding = "same"
            if stride > 1:
                y, padding = graph.pad(y, rows=1), "valid"
            y = graph.depthwise(y, 3, stride=stride, padding=padding, per_channel=1)
            y = graph.convolution(y, channels, 1, per_channel=1, activated=False)
            residual = stride == 1 and x.channels == channels
            x = graph.add(x, y) if residual else y
    x = graph.convolution(x, 1280, 1, per_channel=1)
    graph.linear(graph.global_pool(x), 2)


def mcunet(graph: Graph, image: Tensor, blocks: Sequence[tuple[int, int, int, int]]) -> None:
    """MCUNet: inverted residual blocks (inner width, kernel, stride, channels).

    The files keep the padding before each convolution as an operator of its own.
    """

    def padded(x: Tensor, kernel: int) -> Tensor:
        return graph.pad(x, rows=kernel - 1)

    x = graph.convolution(padded(image, 3), 16, 3, stride=2, padding="valid", per_channel=1)
    x = graph.depthwise(padded(x, 3), 3, padding="valid", per_channel=1)
    x = graph.convolution(x, 8, 1, per_channel=1, activated=False)
    for inner, kernel, stride, channels in blocks:
        y = graph.convolution(x, inner, 1, per_channel=1)
        y = graph.depthwise(
            padded(y, kernel), kernel, stride=stride, padding="valid", per_channel=1
        )
        y = graph.convolution(y, channels, 1, per_channel=1, activated=False)
        x = graph.add(x, y) if stride == 1 and x.channels == channels else y
    graph.convolution(graph.global_pool(x), 2, 1, per_channel=1, activated=False)


def micronet(
    graph: Graph, image: Tensor, stem: int, blocks: Sequence[tuple[int, int, int, bool]]
) -> None:
    """MicroNets: inverted bottlenecks (inner width, stride, channels, residual).

    Where a residual has fewer channels on one side, zeros are added to the narrower tensor.
    """
    x = graph.convolution(image, stem, 3, stride=2, per_channel=1)
    for inner, stride, channels, residual in blocks:
        y = graph.convolution(x, inner, 1, per_channel=1)
        y = graph.depthwise(y, 3, stride=stride, per_channel=1)
        y = graph.convolution(y, channels, 1, per_channel=1, activated=False)
        if residual:
            wide = max(x.channels, channels)
            x = graph.pad(x, channels=wide - x.channels)
            y = graph.pad(y, channels=wide - channels)
            y = graph.add(x, y)
        x = y
    x = graph.convolution(x, 128, 1, per_channel=1)
    graph.convolution(graph.global_pool(x), 2, 1, per_channel=1, activated=False)


def colab_nas(graph: Graph, image: Tensor, widths: Sequence[int]) -> None:
    """ColabNAS: convolutions with pooling between them, then two dense layers."""
    x = image
    for index, channels in enumerate(widths):
        if index:
            x = graph.pool(x, 2, 2)
        x = graph.convolution(x, channels, 3, per_channel=1)
    x = graph.linear(graph.global_pool(x), widths[-1], activated=True)
    graph.linear(x, 2)


MCUNET_VWW0 = (
    (48, 5, 2, 16), (64, 3, 1, 16), (80, 3, 2, 24), (96, 3, 1, 24), (96, 3, 1, 24),
    (120, 3, 2, 40), (160, 3, 1, 40), (120, 7, 1, 40), (120, 3, 1, 48), (192, 3, 1, 48),
    (240, 7, 2, 96), (480, 5, 1, 96), (384, 7, 1, 160),
)  # fmt: skip
MCUNET_VWW1 = (
    (48, 3, 2, 16), (48, 3, 1, 16), (48, 3, 1, 16), (48, 7, 2, 24), (144, 3, 1, 24),
    (120, 5, 1, 24), (144, 7, 2, 40), (240, 7, 1, 40), (240, 3, 1, 48), (192, 3, 1, 48),
    (240, 5, 2, 96), (480, 3, 1, 96), (384, 3, 1, 96), (288, 7, 1, 160),
)  # fmt: skip
MCUNET_VWW2 = (
    (24, 3, 2, 16), (80, 3, 1, 16), (96, 5, 1, 16), (48, 3, 1, 16), (80, 7, 2, 24),
    (96, 5, 1, 24), (96, 3, 1, 24), (144, 7, 1, 24), (144, 3, 2, 40), (240, 7, 1, 40),
    (160, 5, 1, 40), (200, 3, 1, 40), (200, 5, 1, 48), (144, 5, 1, 48), (192, 3, 1, 48),
    (144, 5, 1, 48), (192, 3, 2, 96), (480, 5, 1, 96), (384, 5, 1, 96), (384, 3, 1, 96),
    (480, 3, 1, 160),
)  # fmt: skip
MICRONET_VWW2 = (
    (4, 1, 8, False), (28, 2, 24, False), (28, 1, 20, True), (128, 2, 28, False),
    (152, 1, 16, True), (152, 1, 28, True), (152, 2, 24, False), (112, 1, 24, True),
    (112, 1, 12, True), (76, 1, 32, True), (76, 1, 16, False), (56, 1, 28, True),
    (56, 1, 28, True), (56, 2, 16, False), (96, 1, 16, True), (96, 1, 16, True),
    (96, 1, 32, False),
)  # fmt: skip
MICRONET_VWW4 = (
    (4, 1, 4, False), (8, 2, 12, False), (14, 1, 16, True), (28, 2, 32, False),
    (96, 1, 28, True), (96, 1, 28, True), (152, 2, 44, False), (268, 1, 40, True),
    (268, 1, 52, True), (268, 1, 44, True), (192, 1, 68, False), (172, 1, 68, True),
    (172, 1, 48, True), (288, 2, 16, False), (96, 1, 16, True), (96, 1, 32, True),
    (96, 1, 32, False),
)  # fmt: skip
