"""The registered networks for microcontrollers. A new one is one more entry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mlsysim.models import tiny
from mlsysim.models.graph import Network

_tiny = partial(Network, default_precision="int8", source="mlcommons-tiny-models", year=2021)
_wake = partial(
    _tiny,
    family="Wake Vision",
    task="visual wake words",
    source="wake-vision-models",
    year=2025,
)


def entries() -> Iterator[Network]:
    """Yield the networks; each draws its operators when first asked for them."""
    yield from _mlperf_tiny_models()
    yield from _tflite_micro_models()
    yield from _wake_vision_models()


def _mlperf_tiny_models() -> Iterator[Network]:
    mlperf = partial(_tiny, family="MLPerf Tiny")
    yield mlperf(
        name="MLPerf Tiny KWS DS-CNN",
        aliases=("DS-CNN",),
        task="keyword spotting",
        input_shape=(49, 10, 1),
        architecture=tiny.ds_cnn,
    )
    yield mlperf(
        name="MLPerf Tiny VWW MobileNetV1-0.25",
        task="visual wake words",
        input_shape=(96, 96, 3),
        architecture=tiny.mobilenet_v1_quarter,
    )
    yield mlperf(
        name="MLPerf Tiny IC ResNet-8",
        aliases=("ResNet-8",),
        task="image classification",
        input_shape=(32, 32, 3),
        architecture=tiny.resnet_8,
    )
    yield mlperf(
        name="MLPerf Tiny AD FC autoencoder",
        task="anomaly detection",
        input_shape=(1, 1, 640),
        architecture=tiny.autoencoder,
    )
    yield mlperf(
        name="MLPerf Tiny streaming wakeword",
        task="keyword spotting",
        input_shape=(30, 1, 40),
        architecture=tiny.streaming_wakeword,
    )


def _tflite_micro_models() -> Iterator[Network]:
    example = partial(_tiny, family="TensorFlow Lite Micro", source="tflite-micro-models")
    yield example(
        name="TFLM person_detect (gray)",
        task="visual wake words",
        year=2019,
        input_shape=(96, 96, 1),
        architecture=tiny.mobilenet_v1_quarter,
    )
    yield example(
        name="TFLM micro_speech",
        task="keyword spotting",
        year=2019,
        input_shape=(49, 40, 1),
        architecture=tiny.micro_speech,
    )


def _wake_vision_models() -> Iterator[Network]:
    yield _wake(
        name="Wake Vision MobileNetV2-0.25-224",
        input_shape=(224, 224, 3),
        architecture=tiny.mobilenet_v2_quarter,
    )
    for name, side, blocks in [("10fps (vww0)", 64, tiny.MCUNET_VWW0),
                               ("5fps (vww1)", 80, tiny.MCUNET_VWW1),
                               ("320kB (vww2)", 144, tiny.MCUNET_VWW2)]:  # fmt: skip
        yield _wake(
            name=f"Wake Vision MCUNet-{name}",
            input_shape=(side, side, 3),
            architecture=partial(tiny.mcunet, blocks=blocks),
        )
    for name, side, stem, bottlenecks in [("vww2", 50, 12, tiny.MICRONET_VWW2),
                                          ("vww4", 128, 8, tiny.MICRONET_VWW4)]:  # fmt: skip
        yield _wake(
            name=f"Wake Vision MicroNets {name}",
            input_shape=(side, side, 1),
            architecture=partial(tiny.micronet, stem=stem, blocks=bottlenecks),
        )
    yield _wake(
        name="Wake Vision k_8_c_5",
        input_shape=(50, 50, 3),
        architecture=partial(tiny.colab_nas, widths=(8, 16, 24, 30, 34, 37)),
    )
