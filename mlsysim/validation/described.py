"""Twins that the descriptive files beside the measurements give: models and chips they name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlsysim.hardware import Hardware, HardwareSpec
from mlsysim.models import Decoder, Encoder, LatentAttention, MixtureOfExperts, Models, ModelSpec
from mlsysim.systems import Layout, System
from mlsysim.validation.cases import Row, Unpredictable, first_match

_SOURCE = "measurement-files"
_GIB = 2.0**30

_ARCHITECTURES = (
    (r"apple", "Apple GPU"),
    (r"tpu", "TPU"),
    (r"\bada\b|-ada-", "Ada"),
    (r"[gb]b?[23]00|rtx.?50", "Blackwell"),
    (r"h[12]00|gh200|h800", "Hopper"),
    (r"l40|l4\b|rtx.?40", "Ada"),
    (r"a100|a800", "Ampere"),
    (r"a10\b|a40|a6000|rtx.?30", "Ampere graphics"),
    (r"\bt4|rtx.?20", "Turing"),
    (r"v100", "Volta"),
    (r"p100|p40", "Pascal"),
    (r"mi\d", "CDNA"),
)
# Devices that one switch or torus joins.
_SCALE_UP = ((r"^gb\d", 72), (r"tpu-?v5e", 256), (r"tpu", 4096))
_DATA_CENTRE_NETWORK_OF_A_TPU = 3.125e9
# Where no network is stated: ten gigabits.
_SLOWEST_NETWORK = 1e9
_REGISTERED = {
    "A100-SXM-40GB": "NVIDIA A100 SXM4 40GB",
    "A100-SXM-80GB": "NVIDIA A100 SXM4 80GB",
    "H100-SXM-80GB": "NVIDIA H100 SXM5 80GB",
    "H100-PCIe-80GB": "NVIDIA H100 PCIe 80GB",
    "H200-SXM": "NVIDIA H200 SXM 141GB",
    "B200-SXM": "NVIDIA B200 SXM 180GB",
    "B300-SXM": "NVIDIA B300 SXM 288GB",
    "GB200": "NVIDIA GB200",
    "GB300": "NVIDIA B300 SXM 288GB",
    "L40S": "NVIDIA L40S",
    "A10": "NVIDIA A10",
    "T4": "NVIDIA T4",
    "TPU-v4": "Google TPU v4",
    "TPU-v5e": "Google TPU v5e",
    "TPU-v5p": "Google TPU v5p",
}
# A chip whose power nobody states is taken to run at full clock.
_UNLIMITED_W = 1e6
# Board power in the makers' data sheets, of boards that are no twins of the registry.
_BOARD_POWER_W = {
    "RTX3070-8GB": 220.0, "RTX3080-10GB": 320.0, "RTX3080Ti-12GB": 350.0, "RTX3090-24GB": 350.0,
    "RTX4070Ti-12GB": 285.0, "RTX4080-16GB": 320.0, "RTX4090-24GB": 450.0,
    "RTX-4000-Ada-20GB": 130.0, "RTX-5000-Ada-32GB": 250.0, "RTX-6000-Ada-48GB": 300.0,
    "RTX-A6000-48GB": 300.0, "A40": 300.0, "A100-PCIe-80GB": 300.0, "V100-SXM2-16GB": 300.0,
    "V100-SXM3-32GB": 350.0, "GB300": 1400.0, "MI250X-1GCD": 280.0,
}  # fmt: skip
_PEAKS = {
    "bf16": "bf16_tflops",
    "fp16": "fp16_acc16_tflops",
    "fp8": "fp8_tflops",
    "fp4": "fp4_tflops",
    "tf32": "tf32_tflops",
    "fp32": "fp32_tflops",
}


@dataclass(frozen=True)
class Described:
    """The lines of `perf_models.csv` and `perf_hardware.csv` by name, made twins when asked for."""

    model_rows: Mapping[str, Row]
    hardware_rows: Mapping[str, Row]
    models: dict[str, ModelSpec] = field(default_factory=dict)
    hardware: dict[str, HardwareSpec] = field(default_factory=dict)

    def model(self, name: str) -> ModelSpec:
        """Return a model: as its line describes it, else as the registry does."""
        if name not in self.models:
            self.models[name] = (
                model_of(self.model_rows[name])
                if name in self.model_rows
                else registered_model(name)
            )
        return self.models[name]

    def system(self, name: str, layout: Layout) -> System:
        """Return a system of chips of one name, in nodes that their name tells."""
        if name not in self.hardware_rows:
            raise Unpredictable(f"no description of the hardware {name!r}")
        if name not in self.hardware:
            self.hardware[name] = hardware_of(self.hardware_rows[name])
        chip = self.hardware[name]
        network = self.hardware_rows[name].number("scaleout_gbs_per_gpu", 0.0) * 1e9
        if not network and chip.architecture == "TPU":
            network = _DATA_CENTRE_NETWORK_OF_A_TPU
        return System(
            name=name,
            label=name,
            hardware=chip,
            layout=layout,
            devices_per_node=first_match(_SCALE_UP, name, 8),
            scale_out_byte_per_s_per_direction=network or _SLOWEST_NETWORK,
            source=_SOURCE,
        )


def architecture_of(name: str) -> str:
    """Return the architecture that the name of a chip tells.

    >>> architecture_of("H100-PCIe-80GB"), architecture_of("Abacus 9000")
    ('Hopper', 'other')
    """
    return str(first_match(_ARCHITECTURES, name, "other"))


def registered_model(name: str) -> ModelSpec:
    """Return the registered model that a published name stands for."""
    short = re.sub(r"[-_ ]?v1\.5$", "", name)
    for candidate in (name, short, short.replace("-", " ")):
        if candidate in Models:
            return Models[candidate]
    raise Unpredictable(f"no description of the model {name!r}")


def model_of(row: Row) -> ModelSpec:
    """Return the model that a line of `perf_models.csv` describes."""
    family = row["family"]
    fields: dict[str, Any] = {
        "name": row["model"],
        "family": family,
        "task": "language modelling",
        "default_precision": "bf16",
        "year": 2024,
        "source": _SOURCE,
        "layers": row.whole("layers"),
        "hidden": row.whole("hidden"),
        "heads": row.whole("heads"),
        "feed_forward": row.whole("ffn", 0) or row.whole("moe_ffn"),
        "vocabulary": row.whole("vocab"),
        "max_context": 8192,
    }
    if family == "bert":
        return Encoder(**fields)
    if family in ("llama", "moe"):
        fields |= {"biases": "none", "positions": "rotary", "shifted_norms": False}
    if family == "gptj":
        fields |= {"parallel": True, "norms_per_layer": 1, "positions": "rotary"}
    if row.number("n_experts", 0.0):
        fields["mixture"] = MixtureOfExperts(
            row.whole("n_experts"),
            row.whole("top_k"),
            row.whole("moe_ffn"),
            row.whole("n_shared", 0),
            row.whole("dense_layers", 0),
        )
    if row.number("mla_kv_dim", 0.0):
        rotary = 64
        fields["latent"] = LatentAttention(
            1536, row.whole("mla_kv_dim") - rotary, rotary, row.whole("head_dim")
        )
    return Decoder(
        key_value_heads=row.whole("kv_heads"),
        head_width=row.whole("head_dim"),
        gated=bool(row.number("gated", 0.0)),
        tied=bool(row.number("tied", 0.0)),
        **fields,
    )


def hardware_of(row: Row) -> HardwareSpec:
    """Return the chip that a line of `perf_hardware.csv` describes; its plateau is the registry's.

    Price and carbon are not in the file and decide no time.
    """
    name = row["hardware"]
    registered = Hardware[_REGISTERED[name]] if name in _REGISTERED else None
    peaks = {
        precision: row.number(column, 0.0) * 1e12
        for precision, column in _PEAKS.items()
        if row.number(column, 0.0) > 0
    }
    architecture = architecture_of(name)
    return HardwareSpec(
        name=name,
        vendor="",
        year=2024,
        tier="cloud",
        architecture=architecture,
        matrix_plateau=registered.matrix_plateau if registered else {},
        peak_dense_flop_per_s=peaks,
        memory_bytes=row.number("mem_gb") * _GIB,
        memory_kind="DRAM",
        memory_bandwidth_byte_per_s=row.number("mem_bw_gbs") * 1e9,
        link_byte_per_s_per_direction=row.number("scaleup_gbs_per_dir", 0.0) * 1e9 or None,
        max_power_w=_power_w(name, registered),
        power_basis="TDP",
        idle_power_w=registered.idle_power_w if registered else 0.0,
        price_usd=0.0,
        price_year=2024,
        embodied_kgco2e=0.0,
        source=_SOURCE,
    )


def _power_w(name: str, registered: HardwareSpec | None) -> float:
    """Return the power a chip may draw: what its name says, its twin's, or its board's."""
    capped = re.search(r"(\d+)W\b", name)
    if capped:
        return float(capped[1])
    if registered:
        return registered.max_power_w
    return _BOARD_POWER_W.get(name, _UNLIMITED_W)
