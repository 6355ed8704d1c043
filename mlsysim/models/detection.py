"""Object detectors: YOLOv8, YOLO11, and SSD on two backbones."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlsysim.models.graph import Graph, Tensor
from mlsysim.models.vision import MOBILENET_V3_LARGE, inverted_residual, mobile_blocks

COCO_CLASSES = 80
COCO_CATEGORIES = 91


def _bottleneck(graph: Graph, x: Tensor, inner: int, *, shortcut: bool) -> Tensor:
    y = graph.convolution(graph.convolution(x, inner, 3), x.channels, 3)
    return graph.add(x, y) if shortcut else y


def _nested(graph: Graph, x: Tensor) -> Tensor:
    half = x.channels // 2
    y = graph.convolution(x, half, 1)
    aside = graph.convolution(x, half, 1)
    for _ in range(2):
        y = _bottleneck(graph, y, half, shortcut=True)
    return graph.convolution(graph.concatenate(y, aside), x.channels, 1)


def _cross_stage(graph: Graph, x: Tensor, channels: int, repeats: int, *, shortcut: bool) -> Tensor:
    half = channels // 2
    split = graph.convolution(x, 2 * half, 1)
    parts = [graph.slice(split, half), graph.slice(split, half)]
    for _ in range(repeats):
        parts.append(_bottleneck(graph, parts[-1], half, shortcut=shortcut))
    return graph.convolution(graph.concatenate(*parts), channels, 1)


def _cross_stage_11(
    graph: Graph, x: Tensor, channels: int, repeats: int, *, nested: bool, inner: float
) -> Tensor:
    part = int(channels * inner)
    split = graph.convolution(x, 2 * part, 1)
    parts = [graph.slice(split, part), graph.slice(split, part)]
    for _ in range(repeats):
        last = parts[-1]
        parts.append(
            _nested(graph, last) if nested else _bottleneck(graph, last, part // 2, shortcut=True)
        )
    return graph.convolution(graph.concatenate(*parts), channels, 1)


def _pyramid_pooling(graph: Graph, x: Tensor, channels: int) -> Tensor:
    parts = [graph.convolution(x, x.channels // 2, 1)]
    for _ in range(3):
        parts.append(graph.pool(parts[-1], 5, 1, padding=2))
    return graph.convolution(graph.concatenate(*parts), channels, 1)


def _attention_stage(graph: Graph, x: Tensor, repeats: int) -> Tensor:
    width = x.channels // 2
    heads, head_width = width // 64, 64
    split = graph.convolution(x, 2 * width, 1)
    y = graph.slice(split, width)
    for _ in range(repeats):
        joint = graph.convolution(y, 2 * width, 1, activated=False)
        query, key = (graph.slice(joint, heads * head_width // 2) for _ in range(2))
        value = graph.slice(joint, width)
        mixed = graph.attention(query, key, value, heads=heads)
        mixed = graph.add(mixed, graph.depthwise(value, 3, activated=False))
        y = graph.add(y, graph.convolution(mixed, width, 1, activated=False))
        z = graph.convolution(graph.convolution(y, 2 * width, 1), width, 1, activated=False)
        y = graph.add(y, z)
    return graph.convolution(graph.concatenate(graph.slice(split, width), y), x.channels, 1)


def _yolo_head(graph: Graph, maps: Sequence[Tensor], *, depthwise: bool) -> None:
    bins = 16
    boxes = max(16, maps[0].channels // 4, 4 * bins)
    scores = max(maps[0].channels, min(COCO_CLASSES, 100))
    for x in maps:
        y = graph.convolution(graph.convolution(x, boxes, 3), boxes, 3)
        box = graph.convolution(y, 4 * bins, 1, per_channel=1, activated=False)
        y = x
        for _ in range(2):
            y = graph.depthwise(y, 3) if depthwise else y
            y = graph.convolution(y, scores, 1 if depthwise else 3)
        score = graph.convolution(y, COCO_CLASSES, 1, per_channel=1, activated=False)
        graph.concatenate(box, score)
    positions = sum(x.height * x.width for x in maps)
    # The expected distance over the bins of each of four box sides: one weight for each bin.
    graph.convolution(Tensor(4, positions, bins), 1, 1, per_channel=0, activated=False)


def yolo_v8(graph: Graph, image: Tensor, *, depth: float, width: float, widest: int = 1024) -> None:
    """YOLOv8: cross-stage partial backbone, two-way feature pyramid, decoupled heads."""

    def channels(base: int) -> int:
        return 8 * math.ceil(min(base, widest) * width / 8)

    def stage(x: Tensor, base: int, repeats: int, *, shortcut: bool = False) -> Tensor:
        count = max(1, round(repeats * depth))
        return _cross_stage(graph, x, channels(base), count, shortcut=shortcut)

    def down(x: Tensor, base: int) -> Tensor:
        return graph.convolution(x, channels(base), 3, stride=2)

    x = stage(down(down(image, 64), 128), 128, 3, shortcut=True)
    eighth = stage(down(x, 256), 256, 6, shortcut=True)
    sixteenth = stage(down(eighth, 512), 512, 6, shortcut=True)
    x = stage(down(sixteenth, 1024), 1024, 3, shortcut=True)
    top = _pyramid_pooling(graph, x, channels(1024))
    middle = stage(graph.concatenate(graph.upsample(top), sixteenth), 512, 3)
    fine = stage(graph.concatenate(graph.upsample(middle), eighth), 256, 3)
    middle = stage(graph.concatenate(down(fine, 256), middle), 512, 3)
    coarse = stage(graph.concatenate(down(middle, 512), top), 1024, 3)
    _yolo_head(graph, [fine, middle, coarse], depthwise=False)


def yolo_11(
    graph: Graph, image: Tensor, *, depth: float, width: float, widest: int, nested: bool
) -> None:
    """YOLO11: as YOLOv8 with nested cross stages, attention on top, depthwise score heads."""

    def channels(base: int) -> int:
        return 8 * math.ceil(min(base, widest) * width / 8)

    def stage(x: Tensor, base: int, *, deep: bool = False, inner: float = 0.5) -> Tensor:
        count = max(1, round(2 * depth))
        return _cross_stage_11(graph, x, channels(base), count, nested=deep or nested, inner=inner)

    def down(x: Tensor, base: int) -> Tensor:
        return graph.convolution(x, channels(base), 3, stride=2)

    x = stage(down(down(image, 64), 128), 256, inner=0.25)
    eighth = stage(down(x, 256), 512, inner=0.25)
    sixteenth = stage(down(eighth, 512), 512, deep=True)
    x = stage(down(sixteenth, 1024), 1024, deep=True)
    x = _pyramid_pooling(graph, x, channels(1024))
    top = _attention_stage(graph, x, max(1, round(2 * depth)))
    middle = stage(graph.concatenate(graph.upsample(top), sixteenth), 512)
    fine = stage(graph.concatenate(graph.upsample(middle), eighth), 256)
    middle = stage(graph.concatenate(down(fine, 256), middle), 512)
    coarse = stage(graph.concatenate(down(middle, 512), top), 1024, deep=True)
    _yolo_head(graph, [fine, middle, coarse], depthwise=True)


def ssd300_vgg16(graph: Graph, image: Tensor) -> None:
    """SSD300: VGG-16 without its dense layers, extra strides, 3x3 heads at six scales."""

    def plain(x: Tensor, channels: int, kernel: int, **options: int | str) -> Tensor:
        return graph.convolution(x, channels, kernel, per_channel=1, **options)  # type: ignore[arg-type]

    x = image
    for channels, repeats in [(64, 2), (128, 2), (256, 3), (512, 3)]:
        if x is not image:
            x = graph.pool(x, 2, 2, up=True)
        for _ in range(repeats):
            x = plain(x, channels, 3)
    maps = [graph.normalize(x, per_channel=1)]
    x = graph.pool(x, 2, 2)
    for _ in range(3):
        x = plain(x, 512, 3)
    x = plain(graph.pool(x, 3, 1, padding=1), 1024, 3, padding=6, dilation=6)
    x = plain(x, 1024, 1)
    maps.append(x)
    for inner, stride, padding in [(256, 2, 1), (128, 2, 1), (128, 1, 0), (128, 1, 0)]:
        x = plain(plain(x, inner, 1), 2 * inner, 3, stride=stride, padding=padding)
        maps.append(x)
    for x, anchors in zip(maps, (4, 6, 6, 6, 4, 4), strict=True):
        for values in (COCO_CATEGORIES, 4):
            graph.convolution(x, anchors * values, 3, per_channel=1, activated=False)


def ssdlite320_mobilenet_v3(graph: Graph, image: Tensor) -> None:
    """SSDLite320: MobileNetV3-Large with a halved tail, depthwise heads at six scales."""
    x = graph.convolution(image, 16, 3, stride=2)
    x = mobile_blocks(graph, x, MOBILENET_V3_LARGE[:12])
    maps = [graph.convolution(x, 672, 1)]
    x = graph.depthwise(maps[0], 5, stride=2)
    gate = graph.convolution(graph.global_pool(x), 168, 1, per_channel=1)
    x = graph.scale(x, graph.convolution(gate, 672, 1, per_channel=1))
    x = graph.convolution(x, 80, 1, activated=False)
    for _ in range(2):
        x = inverted_residual(graph, x, 480, 80, kernel=5, squeezed=120)
    maps.append(graph.convolution(x, 480, 1))
    for channels in (512, 256, 256, 128):
        x = graph.convolution(maps[-1], channels // 2, 1)
        maps.append(graph.convolution(graph.depthwise(x, 3, stride=2), channels, 1))
    for x in maps:
        for values in (COCO_CATEGORIES, 4):
            y = graph.depthwise(x, 3)
            graph.convolution(y, 6 * values, 1, per_channel=1, activated=False)
