"""The registered language models. A new one is one more entry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mlsysim.models import language_hybrids
from mlsysim.models.layers import LatentAttention, MixtureOfExperts
from mlsysim.models.operators import ModelSpec
from mlsysim.models.sequence_to_sequence import EncoderDecoder
from mlsysim.models.transformers import Decoder, Encoder

_decoder = partial(Decoder, task="language modelling", default_precision="bf16")
_gpt = partial(_decoder, family="GPT", tied=True)
_llama = partial(
    _decoder,
    family="Llama",
    gated=True,
    biases="none",
    positions="rotary",
    shifted_norms=False,
    source="open-weight-configurations",
)


def entries() -> Iterator[ModelSpec]:
    """Yield the language models; each derives its operators when first asked for them."""
    yield from _gpt_2_models()
    yield from _gpt_3_class_models()
    yield from _llama_models()
    yield from _qwen_models()
    yield from _gemma_models()
    yield from _mixtures()
    yield from _other_decoders()
    yield from language_hybrids.entries()
    yield from _encoders()
    yield from _t5_models()
    yield from _whisper_models()


def _gpt_2_models() -> Iterator[Decoder]:
    for size, layers, hidden, heads in [
        ("124M", 12, 768, 12), ("355M", 24, 1024, 16), ("774M", 36, 1280, 20),
        ("1.5B", 48, 1600, 25),
    ]:  # fmt: skip
        yield _gpt(
            name=f"GPT-2 {size}",
            family="GPT-2",
            year=2019,
            source="gpt-2",
            layers=layers,
            hidden=hidden,
            heads=heads,
            feed_forward=4 * hidden,
            vocabulary=50257,
            max_context=1024,
        )


def _gpt_3_class_models() -> Iterator[Decoder]:
    large = partial(_gpt, layers=96, hidden=12288, heads=96, feed_forward=49152, max_context=2048)
    yield large(
        name="GPT-3 175B",
        aliases=("GPT-3",),
        family="GPT-3",
        year=2020,
        source="gpt-3",
        vocabulary=50257,
        training_tokens=300e9,
    )
    yield large(
        name="OPT-175B",
        family="OPT",
        year=2022,
        source="opt",
        vocabulary=50272,
        training_tokens=180e9,
    )
    yield _gpt(
        name="BLOOM-176B",
        family="BLOOM",
        year=2022,
        source="bloom",
        layers=70,
        hidden=14336,
        heads=112,
        feed_forward=57344,
        vocabulary=250680,
        max_context=2048,
        positions="none",
        training_tokens=366e9,
    )
    yield _gpt(
        name="Gopher 280B",
        family="Gopher",
        year=2021,
        source="gopher",
        estimated=("layers", "hidden", "heads", "feed_forward", "vocabulary"),
        layers=80,
        hidden=16384,
        heads=128,
        feed_forward=65536,
        vocabulary=32000,
        max_context=2048,
        positions="relative",
        shifted_norms=False,
        training_tokens=300e9,
    )


def _llama_models() -> Iterator[Decoder]:
    columns = ("layers", "hidden", "heads", "key_value_heads", "feed_forward")
    shapes = {
        size: dict(zip(columns, widths, strict=True))
        for size, widths in {
            "7B": (32, 4096, 32, 32, 11008),
            "8B": (32, 4096, 32, 8, 14336),
            "13B": (40, 5120, 40, 40, 13824),
            "65B": (80, 8192, 64, 64, 22016),
            "70B": (80, 8192, 64, 8, 28672),
            "405B": (126, 16384, 128, 8, 53248),
        }.items()
    }
    first = partial(_llama, year=2023, vocabulary=32000, max_context=2048, source="llama-1")
    yield first(name="LLaMA-1 7B", training_tokens=1e12, **shapes["7B"])
    yield first(name="LLaMA-1 65B", training_tokens=1.4e12, **shapes["65B"])
    second = partial(_llama, year=2023, vocabulary=32000, max_context=4096, training_tokens=2e12)
    for size in ("7B", "13B", "70B"):
        yield second(name=f"Llama-2 {size}", **shapes[size])
    third = partial(_llama, year=2024, vocabulary=128256, training_tokens=15e12)
    for size in ("8B", "70B"):
        yield third(name=f"Llama-3 {size}", max_context=8192, **shapes[size])
    third = partial(third, max_context=131072)
    for size in ("8B", "70B"):
        yield third(name=f"Llama-3.1 {size}", **shapes[size])
    yield third(name="Llama-3.1 405B", **{**shapes["405B"], "training_tokens": 15.6e12})
    small = partial(third, tied=True, key_value_heads=8, feed_forward=8192, training_tokens=9e12)
    yield small(name="Llama-3.2 1B", layers=16, hidden=2048, heads=32)
    yield small(name="Llama-3.2 3B", layers=28, hidden=3072, heads=24)
    yield _llama(
        name="Mistral 7B",
        family="Mistral",
        year=2023,
        vocabulary=32000,
        max_context=32768,
        **shapes["8B"],
    )


def _qwen_models() -> Iterator[Decoder]:
    older = partial(
        _llama,
        family="Qwen2.5",
        year=2024,
        biases="query_key_value",
        max_context=131072,
        training_tokens=18e12,
    )
    yield older(name="Qwen2.5 1.5B", layers=28, hidden=1536, heads=12, key_value_heads=2,
                feed_forward=8960, vocabulary=151936, tied=True)  # fmt: skip
    yield older(name="Qwen2.5 7B", layers=28, hidden=3584, heads=28, key_value_heads=4,
                feed_forward=18944, vocabulary=152064)  # fmt: skip
    yield older(name="Qwen2.5 32B", layers=64, hidden=5120, heads=40, key_value_heads=8,
                feed_forward=27648, vocabulary=152064)  # fmt: skip
    yield older(name="Qwen2.5 72B", layers=80, hidden=8192, heads=64, key_value_heads=8,
                feed_forward=29568, vocabulary=152064)  # fmt: skip
    newer = partial(
        _llama,
        family="Qwen3",
        year=2025,
        head_width=128,
        vocabulary=151936,
        max_context=40960,
        training_tokens=36e12,
    )
    yield newer(name="Qwen3 8B", layers=36, hidden=4096, heads=32, key_value_heads=8,
                feed_forward=12288)  # fmt: skip
    yield newer(name="Qwen3 14B", layers=40, hidden=5120, heads=40, key_value_heads=8,
                feed_forward=17408)  # fmt: skip
    yield newer(name="Qwen3 32B", layers=64, hidden=5120, heads=64, key_value_heads=8,
                feed_forward=25600)  # fmt: skip
    sparse = partial(newer, key_value_heads=4, training_tokens=None)
    yield sparse(name="Qwen3 30B-A3B", layers=48, hidden=2048, heads=32, feed_forward=768,
                 mixture=MixtureOfExperts(128, 8, 768))  # fmt: skip
    yield sparse(name="Qwen3 235B-A22B", layers=94, hidden=4096, heads=64, feed_forward=1536,
                 mixture=MixtureOfExperts(128, 8, 1536))  # fmt: skip
    yield sparse(name="Qwen3-Coder 480B-A35B", layers=62, hidden=6144, heads=96, key_value_heads=8,
                 feed_forward=2560, mixture=MixtureOfExperts(160, 8, 2560))  # fmt: skip


def _gemma_models() -> Iterator[Decoder]:
    gemma = partial(
        _llama,
        family="Gemma-2",
        year=2024,
        tied=True,
        norms_per_layer=4,
        vocabulary=256000,
        max_context=8192,
    )
    yield gemma(name="Gemma-2 2B", layers=26, hidden=2304, heads=8, key_value_heads=4,
                head_width=256, feed_forward=9216, training_tokens=2e12)  # fmt: skip
    yield gemma(name="Gemma-2 9B", layers=42, hidden=3584, heads=16, key_value_heads=8,
                head_width=256, feed_forward=14336, training_tokens=8e12)  # fmt: skip
    yield gemma(name="Gemma-2 27B", layers=46, hidden=4608, heads=32, key_value_heads=16,
                head_width=128, feed_forward=36864, training_tokens=13e12)  # fmt: skip


def _mixtures() -> Iterator[Decoder]:
    yield _llama(
        name="Mixtral 8x7B",
        family="Mistral",
        year=2023,
        layers=32,
        hidden=4096,
        heads=32,
        key_value_heads=8,
        feed_forward=14336,
        vocabulary=32000,
        max_context=32768,
        mixture=MixtureOfExperts(experts=8, experts_per_token=2, feed_forward=14336),
    )
    yield _llama(
        name="DeepSeek-V3",
        aliases=("DeepSeek-V3.1", "DeepSeek-R1"),
        family="DeepSeek",
        year=2024,
        source="deepseek-v3",
        layers=61,
        hidden=7168,
        heads=128,
        feed_forward=18432,
        vocabulary=129280,
        max_context=163840,
        latent=LatentAttention(
            query_rank=1536, key_value_rank=512, rotary_width=64, head_width=128
        ),
        mixture=MixtureOfExperts(
            experts=256,
            experts_per_token=8,
            feed_forward=2048,
            shared_experts=1,
            dense_layers=3,
        ),
        training_tokens=14.8e12,
    )


def _other_decoders() -> Iterator[Decoder]:
    yield _llama(name="Phi-3-mini 3.8B", family="Phi", year=2024, layers=32, hidden=3072,
                 heads=32, feed_forward=8192, vocabulary=32064, max_context=131072,
                 training_tokens=3.3e12)  # fmt: skip
    olmo = partial(
        _llama, family="OLMo", year=2024, source="olmo-2", vocabulary=100352, max_context=4096
    )
    yield olmo(name="OLMo-2 7B", layers=32, hidden=4096, heads=32, feed_forward=11008,
               training_tokens=4.05e12)  # fmt: skip
    yield olmo(name="OLMo-2 13B", layers=40, hidden=5120, heads=40, feed_forward=13824,
               training_tokens=5.6e12)  # fmt: skip
    yield _decoder(name="Pythia 12B", family="Pythia", year=2023, source="pythia", layers=36,
                   hidden=5120, heads=40, feed_forward=20480, vocabulary=50304,
                   max_context=2048, positions="rotary", parallel=True,
                   training_tokens=299_892_736_000)  # fmt: skip
    yield _gpt(
        name="StarCoderBase 15.5B",
        family="StarCoder",
        year=2023,
        source="starcoder",
        estimated=("layers", "hidden", "heads", "feed_forward", "vocabulary"),
        layers=40,
        hidden=6144,
        heads=48,
        key_value_heads=1,
        feed_forward=24576,
        vocabulary=49152,
        max_context=8192,
        training_tokens=1e12,
    )
    yield _llama(name="PaLM 540B", family="PaLM", year=2022, source="palm-architecture", layers=118,
                 hidden=18432, heads=48, key_value_heads=1, head_width=256, feed_forward=73728,
                 vocabulary=256000, max_context=2048, norms_per_layer=1, parallel=True,
                 tied=True, training_tokens=780e9)  # fmt: skip


def _encoders() -> Iterator[Encoder]:
    bert = partial(
        Encoder,
        family="BERT",
        task="language understanding",
        default_precision="fp16",
        year=2018,
        source="bert",
        vocabulary=30522,
        max_context=512,
        training_tokens=137e9,
    )
    yield bert(name="BERT-Base", layers=12, hidden=768, heads=12, feed_forward=3072)
    yield bert(name="BERT-Large", layers=24, hidden=1024, heads=16, feed_forward=4096)


def _t5_models() -> Iterator[EncoderDecoder]:
    yield EncoderDecoder(
        name="T5-11B",
        aliases=("T5",),
        family="T5",
        task="text to text",
        default_precision="bf16",
        year=2019,
        source="t5",
        encoder_layers=24,
        layers=24,
        hidden=1024,
        heads=128,
        head_width=128,
        feed_forward=65536,
        vocabulary=32128,
        max_context=512,
        source_tokens=512,
        positions="none",
        biases="none",
        shifted_norms=False,
        tied=True,
        training_tokens=1e12,
    )


def _whisper_models() -> Iterator[EncoderDecoder]:
    unread = (
        "encoder_layers", "layers", "hidden", "heads", "feed_forward", "vocabulary",
        "source_tokens", "spectrogram_channels", "max_context",
    )  # fmt: skip
    whisper = partial(
        EncoderDecoder,
        family="Whisper",
        task="speech recognition",
        default_precision="fp16",
        source="whisper",
        estimated=unread,
        max_context=448,
        source_tokens=1500,
        tied=True,
    )
    yield whisper(name="Whisper large-v3", year=2023, encoder_layers=32, layers=32, hidden=1280,
                  heads=20, feed_forward=5120, vocabulary=51866,
                  spectrogram_channels=128)  # fmt: skip
    yield whisper(name="Whisper tiny", year=2022, encoder_layers=4, layers=4, hidden=384,
                  heads=6, feed_forward=1536, vocabulary=51865,
                  spectrogram_channels=80)  # fmt: skip
