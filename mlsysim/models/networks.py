"""The registered networks of fixed size, microcontrollers' apart. A new one is one more entry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mlsysim.models import detection, diffusion, diffusion_transformers, vision
from mlsysim.models.graph import Network
from mlsysim.models.recommendation import Recommender, dlrm

_image = partial(
    Network,
    task="image classification",
    default_precision="fp16",
    source="torchvision-models",
    input_shape=(224, 224, 3),
)
_detector = partial(
    _image,
    task="object detection",
    source="ultralytics-models",
    input_shape=(640, 640, 3),
)


def entries() -> Iterator[Network]:
    """Yield the networks; each draws its operators when first asked for them."""
    yield from _classifiers()
    yield from _branching_classifiers()
    yield from _mobile_classifiers()
    yield from _recent_classifiers()
    yield from _detectors()
    yield from _diffusion_models()
    yield from _diffusion_transformers()
    yield Recommender(
        name="DLRM (MLPerf v1, Criteo 1TB)",
        aliases=("DLRM",),
        family="DLRM",
        task="recommendation",
        default_precision="fp32",
        year=2019,
        source="mlperf-dlrm",
        input_shape=(1, 1, 13),
        architecture=dlrm,
    )


def _classifiers() -> Iterator[Network]:
    yield _image(name="AlexNet", family="AlexNet", year=2012, architecture=vision.alexnet)
    for depth, repeats in [(11, (1, 1, 2, 2, 2)), (13, (2, 2, 2, 2, 2)), (16, (2, 2, 3, 3, 3)),
                           (19, (2, 2, 4, 4, 4))]:  # fmt: skip
        yield _image(
            name=f"VGG-{depth}",
            family="VGG",
            year=2014,
            architecture=partial(vision.vgg, repeats=repeats),
        )
    for depth, blocks, bottleneck in [(18, (2, 2, 2, 2), False), (34, (3, 4, 6, 3), False),
                                      (50, (3, 4, 6, 3), True), (101, (3, 4, 23, 3), True),
                                      (152, (3, 8, 36, 3), True)]:  # fmt: skip
        yield _image(
            name=f"ResNet-{depth}",
            aliases=(f"ResNet{depth}",),
            family="ResNet",
            year=2015,
            architecture=partial(vision.resnet, blocks=blocks, bottleneck=bottleneck),
        )
    yield _image(
        name="Inception-v3",
        family="Inception",
        year=2015,
        input_shape=(299, 299, 3),
        architecture=vision.inception_v3,
    )


def _branching_classifiers() -> Iterator[Network]:
    for depth, layers, growth, first in [(121, (6, 12, 24, 16), 32, 64),
                                         (161, (6, 12, 36, 24), 48, 96),
                                         (169, (6, 12, 32, 32), 32, 64),
                                         (201, (6, 12, 48, 32), 32, 64)]:  # fmt: skip
        yield _image(
            name=f"DenseNet-{depth}",
            family="DenseNet",
            year=2016,
            architecture=partial(vision.densenet, blocks=layers, growth=growth, first=first),
        )
    for version, first, kernel, pooled_before in [("1.0", 96, 7, (3, 7)), ("1.1", 64, 3, (2, 4))]:
        yield _image(
            name=f"SqueezeNet {version}",
            family="SqueezeNet",
            year=2016,
            architecture=partial(
                vision.squeezenet, first=first, kernel=kernel, pooled_before=pooled_before
            ),
        )


def _mobile_classifiers() -> Iterator[Network]:
    yield _image(
        name="MobileNetV1-1.0-224",
        aliases=("MobileNetV1",),
        family="MobileNet",
        year=2017,
        source="mobilenets",
        architecture=vision.mobilenet_v1,
    )
    yield _image(
        name="MobileNetV2-1.0-224",
        aliases=("MobileNetV2",),
        family="MobileNet",
        year=2018,
        architecture=vision.mobilenet_v2,
    )
    for size, searched, dense in [("Large", vision.MOBILENET_V3_LARGE, 1280),
                                  ("Small", vision.MOBILENET_V3_SMALL, 1024)]:  # fmt: skip
        yield _image(
            name=f"MobileNetV3-{size}",
            family="MobileNet",
            year=2019,
            architecture=partial(vision.mobilenet_v3, blocks=searched, dense=dense),
        )
    for letter, side, width, depth_factor in [("B0", 224, 1.0, 1.0), ("B4", 380, 1.4, 1.8),
                                              ("B7", 600, 2.0, 3.1)]:  # fmt: skip
        yield _image(
            name=f"EfficientNet-{letter}",
            family="EfficientNet",
            year=2019,
            input_shape=(side, side, 3),
            architecture=partial(vision.efficientnet, width=width, depth=depth_factor),
        )


def _recent_classifiers() -> Iterator[Network]:
    yield _image(
        name="ConvNeXt-Tiny",
        family="ConvNeXt",
        year=2022,
        architecture=partial(vision.convnext, widths=(96, 192, 384, 768), blocks=(3, 3, 9, 3)),
    )
    for name, layers, hidden in [("ViT-B/16", 12, 768), ("ViT-L/16", 24, 1024)]:
        yield _image(
            name=name,
            family="ViT",
            year=2020,
            architecture=partial(vision.vision_transformer, layers=layers, hidden=hidden),
        )


def _detectors() -> Iterator[Network]:
    yield _detector(
        name="SSD300-VGG16",
        family="SSD",
        year=2016,
        source="torchvision-models",
        input_shape=(300, 300, 3),
        architecture=detection.ssd300_vgg16,
    )
    yield _detector(
        name="SSDLite320-MobileNetV3-Large",
        family="SSD",
        year=2019,
        source="torchvision-models",
        input_shape=(320, 320, 3),
        architecture=detection.ssdlite320_mobilenet_v3,
    )
    for size, depth, width, widest in [("n", 0.33, 0.25, 1024), ("s", 0.33, 0.5, 1024),
                                       ("m", 0.67, 0.75, 768), ("l", 1.0, 1.0, 512),
                                       ("x", 1.0, 1.25, 512)]:  # fmt: skip
        yield _detector(
            name=f"YOLOv8{size}",
            family="YOLOv8",
            year=2023,
            architecture=partial(detection.yolo_v8, depth=depth, width=width, widest=widest),
        )
    for size, depth, width, widest in [("n", 0.5, 0.25, 1024), ("s", 0.5, 0.5, 1024),
                                       ("m", 0.5, 1.0, 512), ("l", 1.0, 1.0, 512),
                                       ("x", 1.0, 1.5, 512)]:  # fmt: skip
        yield _detector(
            name=f"YOLO11{size}",
            family="YOLO11",
            year=2024,
            architecture=partial(
                detection.yolo_11, depth=depth, width=width, widest=widest, nested=size in "mlx"
            ),
        )


def _diffusion_models() -> Iterator[Network]:
    denoiser = partial(
        _image,
        family="Stable Diffusion",
        task="image generation",
    )
    yield denoiser(
        name="Stable Diffusion v1.5 U-Net",
        year=2022,
        source="latent-diffusion",
        input_shape=(64, 64, 4),
        architecture=partial(
            diffusion.unet, widths=(320, 640, 1280, 1280), depths=(1, 1, 1, 0), text_width=768
        ),
    )
    yield denoiser(
        name="SDXL U-Net",
        year=2023,
        source="sdxl",
        input_shape=(128, 128, 4),
        architecture=partial(
            diffusion.unet,
            widths=(320, 640, 1280),
            depths=(0, 2, 10),
            text_width=2048,
            condition_width=2816,
            linear_projections=True,
        ),
    )


def _diffusion_transformers() -> Iterator[Network]:
    joint = partial(
        Network,
        task="image generation",
        default_precision="bf16",
        year=2024,
        input_shape=(128, 128, 16),
    )
    yield joint(
        name="Stable Diffusion 3.5 medium",
        family="Stable Diffusion",
        source="stable-diffusion-3",
        architecture=partial(
            diffusion_transformers.joint_transformer,
            width=1536,
            joint_layers=24,
            doubled_layers=13,
            text_tokens=333,
            text_width=4096,
            pooled_width=2048,
            position_rows=384 * 384,
        ),
    )
    yield joint(
        name="FLUX.1-dev",
        aliases=("FLUX.1-schnell",),
        family="FLUX",
        source="flux-1",
        architecture=partial(
            diffusion_transformers.joint_transformer,
            width=3072,
            joint_layers=19,
            single_layers=38,
            head_width=128,
            text_tokens=512,
            text_width=4096,
            pooled_width=768,
            embeds_guidance=True,
        ),
    )
    yield joint(
        name="SANA-1.5 1.6B",
        family="SANA",
        source="sana",
        input_shape=(32, 32, 32),
        architecture=partial(
            diffusion_transformers.linear_transformer,
            width=2240,
            layers=20,
            text_tokens=300,
            text_width=2304,
        ),
    )
