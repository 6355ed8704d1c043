"""Hardware twins: what the maker states about a chip, module, board, device or rack.

Adding a `HardwareSpec(...)` entry to one of the tuples below is all a new twin needs. Peaks are
dense and count one multiply-accumulate as two operations; capacities have binary prefixes,
bandwidths decimal ones; a link counts one direction. Prices and carbon are of what the tier
calls a purchase: the accelerator package, the module or board, the whole phone or computer. On
the tiny tier the price is that of the chip and the carbon that of the small device around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlsysim import formulas
from mlsysim.architectures import Architecture, Architectures
from mlsysim.errors import InvalidInput, UnknownName, require_number
from mlsysim.precisions import Precision, Precisions
from mlsysim.registry import FrozenDict, Registry
from mlsysim.sources import Source, Sourced, Sources
from mlsysim.units import to_unit, unit_of_field

TIERS = ("cloud", "edge", "mobile", "tiny")

_ABOVE_ZERO = ("memory_bytes", "memory_bandwidth_byte_per_s", "max_power_w")
_FROM_ZERO = ("idle_power_w", "price_usd", "embodied_kgco2e")
_OPTIONAL = (
    "on_chip_bytes",
    "flash_bytes",
    "link_byte_per_s_per_direction",
    "clock_hz",
    "cores",
    "int8_macs_per_cycle",
)


@dataclass(frozen=True, kw_only=True)
class HardwareSpec(Sourced):
    """What one piece of hardware can do, needs, costs and took to make.

    Numbers are in the unit their name says; a string or quantity with a unit is converted.
    `memory_bytes` holds what does not fit on the chip, except where all memory is on the chip
    (`memory_kind` says so); `flash_bytes` is where a microcontroller reads its weights from.
    `matrix_plateau` is the share of dense peak that the best matrix multiplications were measured
    to reach, by precision; where it says nothing, that of the `architecture` holds.
    Raises `InvalidInput` naming the field and the twin when a value is out of range.

    >>> Hardware["H100"].max_power_w
    700.0
    """

    name: str
    vendor: str
    year: int
    tier: str
    peak_dense_flop_per_s: Mapping[str, float] = field(hash=False)
    memory_bytes: float
    memory_kind: str
    memory_bandwidth_byte_per_s: float
    max_power_w: float
    power_basis: str
    idle_power_w: float
    price_usd: float
    price_year: int
    embodied_kgco2e: float
    architecture: str = "other"
    matrix_plateau: Mapping[str, float] = field(default_factory=dict, hash=False)
    on_chip_bytes: float | None = None
    flash_bytes: float | None = None
    link_byte_per_s_per_direction: float | None = None
    clock_hz: float | None = None
    cores: float | None = None
    int8_macs_per_cycle: float | None = None
    notes: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise UnknownName(f"tier of {self.name}", self.tier, TIERS)
        for name in _ABOVE_ZERO:
            self._check(name, exclusive=True)
        for name in _FROM_ZERO:
            self._check(name)
        for name in _OPTIONAL:
            if getattr(self, name) is not None:
                self._check(name, exclusive=True)
        require_number(f"idle_power_w of {self.name}", self.idle_power_w, maximum=self.max_power_w)
        if self.architecture not in Architectures:
            raise UnknownName(f"architecture of {self.name}", self.architecture, Architectures)
        self._check_peaks()
        for precision, share in self.matrix_plateau.items():
            label = f"{precision} in matrix_plateau of {self.name}"
            require_number(label, share, maximum=1.0, exclusive=True)
        object.__setattr__(self, "matrix_plateau", FrozenDict(self.matrix_plateau))

    def _check(self, name: str, *, exclusive: bool = False) -> None:
        value = _number(f"{name} of {self.name}", name, getattr(self, name), exclusive=exclusive)
        object.__setattr__(self, name, value)

    def _check_peaks(self) -> None:
        label = f"peak_dense_flop_per_s of {self.name}"
        peaks: Any = self.peak_dense_flop_per_s
        if not isinstance(peaks, Mapping) or not peaks:
            raise InvalidInput(label, peaks, "a rate for at least one precision")
        for precision in peaks:
            if precision not in Precisions:
                raise UnknownName(label, precision, Precisions)
        checked = {
            precision: _number(
                f"{precision} in {label}", "peak_dense_flop_per_s", peak, exclusive=True
            )
            for precision, peak in peaks.items()
        }
        object.__setattr__(self, "peak_dense_flop_per_s", FrozenDict(checked))

    def source_of(self, field: str) -> Source:
        """Return the source of one field; plateaus of all chips were collected in one place."""
        if field.partition(".")[0] == "matrix_plateau":
            return Sources["ml-engineering-matmul"]
        return super().source_of(field)

    def compute_precision(self, precision: Precision | str) -> str:
        """Return the format in which this hardware computes values stored in `precision`.

        That is the format itself where there is arithmetic for it, else the first wider one.
        Raises `UnknownName` for a format nobody knows, `InvalidInput` for one this hardware
        cannot compute.

        >>> Hardware["A100"].compute_precision("int4")
        'int8'
        """
        stored = precision if isinstance(precision, Precision) else Precisions[precision]
        for candidate in (stored.name, *stored.computes_as):
            if candidate in self.peak_dense_flop_per_s:
                return candidate
        raise InvalidInput(f"precision on {self.name}", stored.name, ", ".join(self.precisions))

    def peak_flop_per_s(self, precision: Precision | str) -> float:
        """Return the dense peak in FLOP/s at which values stored in `precision` are computed.

        >>> Hardware["H100"].peak_flop_per_s("fp16") / 1e12
        989.5
        """
        return self.peak_dense_flop_per_s[self.compute_precision(precision)]

    def plateau(self, precision: str) -> float:
        """Return the share of dense peak that the best matrix multiplications reach.

        Formats of one width share a plateau; what was measured in 8 bits stands for 4 as well.

        >>> Hardware["H100"].plateau("fp16"), Hardware["H100"].plateau("fp8")
        (0.8, 0.71)
        """
        for measured in _MEASURED_AS.get(precision, (precision,)):
            if measured in self.matrix_plateau:
                return self.matrix_plateau[measured]
        architecture = self.twin_of_architecture
        if architecture.matrix_plateau is not None:
            return architecture.matrix_plateau
        peaks = self.peak_dense_flop_per_s
        usual = peaks.get("bf16") or peaks.get("fp16") or max(peaks.values())
        return float(
            formulas.power_limited_fraction(
                power=self.max_power_w,
                at_full_clock=usual * architecture.full_clock_joule_per_flop,
            )
        )

    def at_clock(self, clock_hz: float) -> HardwareSpec:
        """Return this hardware at another clock: rates follow it, power follows clock and supply.

        P' = P · (f' / f)^k, with k = 1 where the supply voltage stays as it is

        >>> slow = Hardware["STM32L4R5"].at_clock("60 MHz")
        >>> slow.max_power_w / Hardware["STM32L4R5"].max_power_w
        0.5
        """
        clock = _number(f"clock_hz of {self.name}", "clock_hz", clock_hz, exclusive=True)
        if self.clock_hz is None:
            accepted = "hardware whose clock is known"
            raise InvalidInput(f"clock_hz of {self.name}", clock_hz, accepted)
        ratio = clock / self.clock_hz
        powered = ratio**self.twin_of_architecture.clock_power_exponent
        return replace(
            self,
            clock_hz=clock,
            peak_dense_flop_per_s={
                name: peak * ratio for name, peak in self.peak_dense_flop_per_s.items()
            },
            memory_bandwidth_byte_per_s=self.memory_bandwidth_byte_per_s * ratio,
            max_power_w=self.max_power_w * powered,
            idle_power_w=min(self.idle_power_w, self.max_power_w * powered),
        )

    @property
    def twin_of_architecture(self) -> Architecture:
        """What this chip shares with others of its generation."""
        return Architectures[self.architecture]

    @property
    def core_cycles_per_s(self) -> float | None:
        """Cycles of all cores together in a second: R_fp32 / (2 · lanes), None where unknown.

        >>> round(Hardware["A100"].core_cycles_per_s / 108 / 1e9, 2)
        1.41
        """
        lanes = self.twin_of_architecture.vector_lanes_per_core
        fp32 = self.peak_dense_flop_per_s.get("fp32")
        return None if lanes is None or fp32 is None else fp32 / (2.0 * lanes)

    @property
    def precisions(self) -> tuple[str, ...]:
        """All number formats this hardware can compute, directly or by widening."""
        peaks = self.peak_dense_flop_per_s
        return tuple(
            name
            for name, precision in Precisions.items()
            if name in peaks or any(wider in peaks for wider in precision.computes_as)
        )


def _number(label: str, name: str, value: Any, *, exclusive: bool) -> float:
    if not isinstance(value, float):
        value = to_unit(label, value, unit_of_field(name) or "dimensionless")
    return require_number(label, value, exclusive=exclusive)


_RULES = {
    "max_power_w": "estimate-max-power",
    "idle_power_w": "estimate-idle-power",
    "price_usd": "estimate-price",
    "embodied_kgco2e": "estimate-embodied-carbon",
    "link_byte_per_s_per_direction": "estimate-link-direction",
    "memory_bytes": "estimate-host-memory",
    "on_chip_bytes": "estimate-on-chip-memory",
    "peak_dense_flop_per_s": "peak-from-clock",
    "memory_bandwidth_byte_per_s": "sram-bandwidth-from-clock",
}


def _by_rule(*names: str, **others: str) -> FrozenDict[str, str]:
    """Name the stated rule of each field in `names`, and the source ids given for `others`."""
    return FrozenDict({**{name: _RULES[name] for name in names}, **others})


_MEASURED_AS = {
    "fp16": ("bf16",),
    "tf32": ("bf16",),
    "fp8": ("fp8", "bf16"),
    "fp4": ("fp8", "bf16"),
    "int8": ("fp8", "bf16"),
}

_IDLE_AND_PRICE = ("idle_power_w", "price_usd")
_FROM_CLOCK = ("peak_dense_flop_per_s", "memory_bandwidth_byte_per_s")
_KIB, _MIB, _GIB = 2**10, 2**20, 2**30

# The tables below are laid out by hand, a line per subject, so that twins can be compared by eye.
# fmt: off

_CLOUD = (
    HardwareSpec(name="NVIDIA P100 SXM2", vendor="NVIDIA", year=2016, tier="cloud",
        architecture="Pascal",
        aliases=("P100",),
        peak_dense_flop_per_s={"fp64": 5.3e12, "fp32": 10.6e12, "fp16": 21.2e12},
        memory_bytes=16 * _GIB, memory_kind="HBM2", memory_bandwidth_byte_per_s=732e9,
        on_chip_bytes=4 * _MIB, link_byte_per_s_per_direction=80e9, max_power_w=300,
        power_basis="TDP", idle_power_w=30, price_usd=9400, price_year=2016, embodied_kgco2e=84,
        source="nvidia-p100-datasheet",
        estimated=("idle_power_w", "link_byte_per_s_per_direction", "price_usd"),
        field_sources=_by_rule("embodied_kgco2e"), notes="No tensor cores."),
    HardwareSpec(name="NVIDIA V100 SXM2 32GB", vendor="NVIDIA", year=2018, tier="cloud",
        architecture="Volta",
        aliases=("V100",),
        peak_dense_flop_per_s={"fp64": 7.8e12, "fp32": 15.7e12, "fp16": 125e12},
        memory_bytes=32 * _GIB, memory_kind="HBM2", memory_bandwidth_byte_per_s=900e9,
        on_chip_bytes=6 * _MIB, link_byte_per_s_per_direction=150e9, max_power_w=300,
        power_basis="TDP", idle_power_w=40, price_usd=10000, price_year=2018, embodied_kgco2e=84,
        source="nvidia-v100-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule("embodied_kgco2e"),
        notes="fp16 is the tensor-core peak; without it 31.4e12."),
    HardwareSpec(name="NVIDIA T4", vendor="NVIDIA", year=2018, tier="cloud", aliases=("T4",),
        architecture="Turing",
        peak_dense_flop_per_s={"fp64": 254e9, "fp32": 8.1e12, "fp16": 65e12, "int8": 130e12},
        memory_bytes=16 * _GIB, memory_kind="GDDR6", memory_bandwidth_byte_per_s=320e9,
        on_chip_bytes=4 * _MIB, link_byte_per_s_per_direction=15.75e9, max_power_w=70,
        power_basis="TDP", idle_power_w=10, price_usd=2500, price_year=2019, embodied_kgco2e=20,
        source="nvidia-t4-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule("embodied_kgco2e")),
    HardwareSpec(name="NVIDIA A10", vendor="NVIDIA", year=2021, tier="cloud", aliases=("A10",),
        architecture="Ampere graphics",
        peak_dense_flop_per_s={"fp64": 976e9, "fp32": 31.2e12, "tf32": 62.5e12, "fp16": 125e12,
                               "bf16": 125e12, "int8": 250e12},
        memory_bytes=24 * _GIB, memory_kind="GDDR6", memory_bandwidth_byte_per_s=600e9,
        on_chip_bytes=6 * _MIB, link_byte_per_s_per_direction=32e9, max_power_w=150,
        power_basis="TDP", idle_power_w=20, price_usd=3000, price_year=2022, embodied_kgco2e=42,
        source="nvidia-a10-datasheet",
        estimated=("idle_power_w", "peak_dense_flop_per_s.bf16", "peak_dense_flop_per_s.fp16",
                   "peak_dense_flop_per_s.int8", "peak_dense_flop_per_s.tf32", "price_usd"),
        field_sources=_by_rule("embodied_kgco2e")),
    HardwareSpec(name="NVIDIA A100 SXM4 40GB", vendor="NVIDIA", year=2020, tier="cloud",
        architecture="Ampere", matrix_plateau={"bf16": 0.87},
        aliases=("A100 40GB",),
        peak_dense_flop_per_s={"fp64": 9.7e12, "fp32": 19.5e12, "tf32": 156e12, "fp16": 312e12,
                               "bf16": 312e12, "int8": 624e12},
        memory_bytes=40 * _GIB, memory_kind="HBM2", memory_bandwidth_byte_per_s=1.555e12,
        on_chip_bytes=40 * _MIB, link_byte_per_s_per_direction=300e9, max_power_w=400,
        power_basis="TDP", idle_power_w=50, price_usd=10000, price_year=2021, embodied_kgco2e=150,
        source="nvidia-a100-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule(embodied_kgco2e="luccioni-2022-bloom")),
    HardwareSpec(name="NVIDIA A100 SXM4 80GB", vendor="NVIDIA", year=2020, tier="cloud",
        architecture="Ampere", matrix_plateau={"bf16": 0.87},
        aliases=("A100", "A100 80GB"),
        peak_dense_flop_per_s={"fp64": 9.7e12, "fp32": 19.5e12, "tf32": 156e12, "fp16": 312e12,
                               "bf16": 312e12, "int8": 624e12},
        memory_bytes=80 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=2.039e12,
        on_chip_bytes=40 * _MIB, link_byte_per_s_per_direction=300e9, max_power_w=400,
        power_basis="TDP", idle_power_w=50, price_usd=15000, price_year=2021, embodied_kgco2e=150,
        source="nvidia-a100-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule(embodied_kgco2e="luccioni-2022-bloom")),
    HardwareSpec(name="NVIDIA L4", vendor="NVIDIA", year=2023, tier="cloud", aliases=("L4",),
        architecture="Ada",
        peak_dense_flop_per_s={"fp64": 473e9, "fp32": 30.3e12, "tf32": 60e12, "fp16": 121e12,
                               "bf16": 121e12, "fp8": 242.5e12, "int8": 242.5e12},
        memory_bytes=24 * _GIB, memory_kind="GDDR6", memory_bandwidth_byte_per_s=300e9,
        on_chip_bytes=48 * _MIB, link_byte_per_s_per_direction=32e9, max_power_w=72,
        power_basis="TDP", idle_power_w=16, price_usd=2500, price_year=2023, embodied_kgco2e=20,
        source="nvidia-l4-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule("embodied_kgco2e"),
        notes="The data sheet prints sparse figures; halved."),
    HardwareSpec(name="NVIDIA L40S", vendor="NVIDIA", year=2023, tier="cloud", aliases=("L40S",),
        architecture="Ada",
        peak_dense_flop_per_s={"fp64": 1.43e12, "fp32": 91.6e12, "tf32": 183e12, "fp16": 362e12,
                               "bf16": 362e12, "fp8": 733e12, "int8": 733e12},
        memory_bytes=48 * _GIB, memory_kind="GDDR6", memory_bandwidth_byte_per_s=864e9,
        on_chip_bytes=96 * _MIB, link_byte_per_s_per_direction=32e9, max_power_w=350,
        power_basis="TDP", idle_power_w=35, price_usd=8000, price_year=2024, embodied_kgco2e=98,
        source="nvidia-l40s-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule("embodied_kgco2e"),
        notes="The second figures of the data sheet are sparse."),
    HardwareSpec(name="NVIDIA H100 SXM5 80GB", vendor="NVIDIA", year=2022, tier="cloud",
        architecture="Hopper", matrix_plateau={"bf16": 0.8, "fp8": 0.71},
        aliases=("H100", "H100 SXM"),
        peak_dense_flop_per_s={"fp64": 34e12, "fp32": 67e12, "tf32": 494.5e12, "fp16": 989.5e12,
                               "bf16": 989.5e12, "fp8": 1.979e15, "int8": 1.979e15},
        memory_bytes=80 * _GIB, memory_kind="HBM3", memory_bandwidth_byte_per_s=3.35e12,
        on_chip_bytes=50 * _MIB, link_byte_per_s_per_direction=450e9, max_power_w=700,
        power_basis="TDP", idle_power_w=70, price_usd=30000, price_year=2023, embodied_kgco2e=164,
        source="nvidia-h100-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule(embodied_kgco2e="nvidia-hgx-h100-footprint"),
        notes="The data sheet prints sparse tensor figures; halved. FP64 on tensor cores 67e12."),
    HardwareSpec(name="NVIDIA H100 PCIe 80GB", vendor="NVIDIA", year=2022, tier="cloud",
        architecture="Hopper",
        aliases=("H100 PCIe",),
        peak_dense_flop_per_s={"fp64": 26e12, "fp32": 51e12, "tf32": 378e12, "fp16": 756e12,
                               "bf16": 756e12, "fp8": 1.513e15, "int8": 1.513e15},
        memory_bytes=80 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=2e12,
        on_chip_bytes=50 * _MIB, link_byte_per_s_per_direction=300e9, max_power_w=350,
        power_basis="TDP", idle_power_w=45, price_usd=28000, price_year=2023, embodied_kgco2e=98,
        source="nvidia-h100-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule("embodied_kgco2e")),
    HardwareSpec(name="NVIDIA H100 NVL 94GB", vendor="NVIDIA", year=2023, tier="cloud",
        architecture="Hopper",
        aliases=("H100 NVL",),
        peak_dense_flop_per_s={"fp64": 30e12, "fp32": 60e12, "tf32": 417.5e12, "fp16": 835.5e12,
                               "bf16": 835.5e12, "fp8": 1.671e15, "int8": 1.671e15},
        memory_bytes=94 * _GIB, memory_kind="HBM3", memory_bandwidth_byte_per_s=3.9e12,
        on_chip_bytes=50 * _MIB, link_byte_per_s_per_direction=300e9, max_power_w=400,
        power_basis="TDP", idle_power_w=60, price_usd=30000, price_year=2024, embodied_kgco2e=110,
        source="nvidia-h100-nvl-datasheet",
        estimated=("idle_power_w", "peak_dense_flop_per_s.fp8", "peak_dense_flop_per_s.int8",
                   "peak_dense_flop_per_s.tf32", "price_usd"),
        field_sources=_by_rule("embodied_kgco2e"), notes="Per GPU; older sheets quote the pair."),
    HardwareSpec(name="NVIDIA H200 SXM 141GB", vendor="NVIDIA", year=2024, tier="cloud",
        architecture="Hopper", matrix_plateau={"bf16": 0.8, "fp8": 0.73},
        aliases=("H200",),
        peak_dense_flop_per_s={"fp64": 34e12, "fp32": 67e12, "tf32": 494.5e12, "fp16": 989.5e12,
                               "bf16": 989.5e12, "fp8": 1.979e15, "int8": 1.979e15},
        memory_bytes=141 * _GIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=4.8e12,
        on_chip_bytes=50 * _MIB, link_byte_per_s_per_direction=450e9, max_power_w=700,
        power_basis="TDP", idle_power_w=75, price_usd=35000, price_year=2024, embodied_kgco2e=200,
        source="nvidia-h200-datasheet", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule("embodied_kgco2e")),
    HardwareSpec(name="NVIDIA B200 SXM 180GB", vendor="NVIDIA", year=2024, tier="cloud",
        architecture="Blackwell", matrix_plateau={"bf16": 0.78, "fp8": 0.76},
        aliases=("B200",),
        peak_dense_flop_per_s={"fp64": 37e12, "fp32": 75e12, "tf32": 1.125e15, "fp16": 2.25e15,
                               "bf16": 2.25e15, "fp8": 4.5e15, "fp4": 9e15, "int8": 4.5e15},
        memory_bytes=180 * _GIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=8e12,
        on_chip_bytes=126 * _MIB, link_byte_per_s_per_direction=900e9, max_power_w=1000,
        power_basis="TDP", idle_power_w=140, price_usd=40000, price_year=2024,
        embodied_kgco2e=283,
        source="nvidia-b200-documentation",
        estimated=("idle_power_w", "on_chip_bytes", "price_usd"),
        field_sources=_by_rule(embodied_kgco2e="nvidia-b200-footprint"),
        notes="Per package of two dies."),
    HardwareSpec(name="NVIDIA GB200", vendor="NVIDIA", year=2024, tier="cloud", aliases=("GB200",),
        architecture="Blackwell", matrix_plateau={"bf16": 0.73, "fp8": 0.72},
        peak_dense_flop_per_s={"fp64": 45e12, "fp32": 90e12, "tf32": 1.25e15, "fp16": 2.5e15,
                               "bf16": 2.5e15, "fp8": 5e15, "fp4": 10e15, "int8": 5e15},
        memory_bytes=186 * _GIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=8e12,
        link_byte_per_s_per_direction=900e9, max_power_w=1200, power_basis="TDP",
        idle_power_w=150, price_usd=40000, price_year=2024, embodied_kgco2e=340,
        source="nvidia-gb200-specifications", estimated=("idle_power_w",),
        field_sources=_by_rule("price_usd", "embodied_kgco2e"),
        notes="One package of the rack, the 1200 W part."),
    HardwareSpec(name="NVIDIA GB200 NVL72", vendor="NVIDIA", year=2024, tier="cloud",
        architecture="Blackwell", matrix_plateau={"bf16": 0.73, "fp8": 0.72},
        aliases=("NVL72",),
        peak_dense_flop_per_s={"fp64": 3.24e15, "fp32": 6.48e15, "tf32": 90e15, "fp16": 180e15,
                               "bf16": 180e15, "fp8": 360e15, "fp4": 720e15, "int8": 360e15},
        memory_bytes=14042529792 * _KIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=576e12,
        link_byte_per_s_per_direction=64.8e12, max_power_w=120e3, power_basis="rack",
        idle_power_w=17000, price_usd=3e6, price_year=2024, embodied_kgco2e=34000,
        source="nvidia-gb200-specifications", estimated=("price_usd",),
        field_sources=_by_rule("idle_power_w", "embodied_kgco2e"),
        notes="The whole rack of 72 packages; link summed over packages, not bisection."),
    HardwareSpec(name="NVIDIA B300 SXM 288GB", vendor="NVIDIA", year=2025, tier="cloud",
        architecture="Blackwell", matrix_plateau={"bf16": 0.79},
        aliases=("B300",),
        peak_dense_flop_per_s={"fp16": 2.25e15, "bf16": 2.25e15, "fp8": 4.5e15, "fp4": 14e15,
                               "int8": 153.5e12},
        memory_bytes=268 * _GIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=7.75e12,
        link_byte_per_s_per_direction=900e9, max_power_w=1100, power_basis="TDP",
        idle_power_w=150, price_usd=39000, price_year=2025, embodied_kgco2e=310,
        source="aiconfigurator-b300",
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="INT8 was cut to 154e12 on Blackwell Ultra, below FP16 on purpose."),
    HardwareSpec(name="AMD Instinct MI250X", vendor="AMD", year=2021, tier="cloud",
        architecture="CDNA",
        aliases=("MI250X",),
        peak_dense_flop_per_s={"fp64": 47.9e12, "fp32": 47.9e12, "fp16": 383e12, "bf16": 383e12,
                               "int8": 383e12},
        memory_bytes=128 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=3.277e12,
        on_chip_bytes=16 * _MIB, link_byte_per_s_per_direction=400e9, max_power_w=500,
        power_basis="TDP", idle_power_w=90, price_usd=9300, price_year=2021, embodied_kgco2e=140,
        source="amd-mi250x-page", estimated=("idle_power_w", "link_byte_per_s_per_direction"),
        field_sources=_by_rule("price_usd", "embodied_kgco2e"),
        notes="Whole package of two dies, each of which appears as a device."),
    HardwareSpec(name="AMD Instinct MI300X", vendor="AMD", year=2023, tier="cloud",
        architecture="CDNA", matrix_plateau={"bf16": 0.51},
        aliases=("MI300X",),
        peak_dense_flop_per_s={"fp64": 81.7e12, "fp32": 163.4e12, "tf32": 653.7e12,
                               "fp16": 1.3074e15, "bf16": 1.3074e15, "fp8": 2.6149e15,
                               "int8": 2.6149e15},
        memory_bytes=192 * _GIB, memory_kind="HBM3", memory_bandwidth_byte_per_s=5.3e12,
        on_chip_bytes=256 * _MIB, link_byte_per_s_per_direction=448e9, max_power_w=750,
        power_basis="TBP", idle_power_w=130, price_usd=15000, price_year=2024,
        embodied_kgco2e=210,
        source="amd-mi300x-page",
        estimated=("idle_power_w", "link_byte_per_s_per_direction", "peak_dense_flop_per_s.tf32",
                   "price_usd"),
        field_sources=_by_rule("embodied_kgco2e"), notes="FP64 on matrix cores 163.4e12."),
    HardwareSpec(name="AMD Instinct MI325X", vendor="AMD", year=2024, tier="cloud",
        architecture="CDNA", matrix_plateau={"bf16": 0.6},
        aliases=("MI325X",),
        peak_dense_flop_per_s={"fp64": 81.7e12, "fp32": 163.4e12, "tf32": 653.7e12,
                               "fp16": 1.3074e15, "bf16": 1.3074e15, "fp8": 2.6149e15,
                               "int8": 2.6149e15},
        memory_bytes=256 * _GIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=6e12,
        on_chip_bytes=256 * _MIB, link_byte_per_s_per_direction=448e9, max_power_w=1000,
        power_basis="TBP", idle_power_w=150, price_usd=17000, price_year=2024,
        embodied_kgco2e=280,
        source="amd-mi325x-page", estimated=("idle_power_w", "link_byte_per_s_per_direction"),
        field_sources=_by_rule("price_usd", "embodied_kgco2e")),
    HardwareSpec(name="AMD Instinct MI355X", vendor="AMD", year=2025, tier="cloud",
        architecture="CDNA", matrix_plateau={"bf16": 0.68},
        aliases=("MI355X",),
        peak_dense_flop_per_s={"fp64": 78.6e12, "fp32": 157.3e12, "fp16": 2.5166e15,
                               "bf16": 2.5166e15, "fp8": 5.033e15, "fp4": 10.066e15,
                               "int8": 5.033e15},
        memory_bytes=288 * _GIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=8e12,
        on_chip_bytes=256 * _MIB, max_power_w=1400, power_basis="TBP", idle_power_w=200,
        price_usd=23000, price_year=2025, embodied_kgco2e=390,
        source="rocm-gpu-specs",
        estimated=("max_power_w", "peak_dense_flop_per_s.fp16", "peak_dense_flop_per_s.fp4",
                   "peak_dense_flop_per_s.fp8"),
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e")),
    HardwareSpec(name="Google TPU v2", vendor="Google", year=2017, tier="cloud", aliases=("TPUv2",),
        architecture="TPU",
        peak_dense_flop_per_s={"bf16": 46e12},
        memory_bytes=16 * _GIB, memory_kind="HBM", memory_bandwidth_byte_per_s=700e9,
        on_chip_bytes=32 * _MIB, link_byte_per_s_per_direction=248e9, max_power_w=280,
        power_basis="TDP", idle_power_w=39, price_usd=5400, price_year=2017, embodied_kgco2e=78,
        source="jouppi-2020-tpu-v2-v3",
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="One chip; the 180 TFLOP/s device is four."),
    HardwareSpec(name="Google TPU v3", vendor="Google", year=2018, tier="cloud", aliases=("TPUv3",),
        architecture="TPU",
        peak_dense_flop_per_s={"bf16": 123e12},
        memory_bytes=32 * _GIB, memory_kind="HBM", memory_bandwidth_byte_per_s=900e9,
        on_chip_bytes=32 * _MIB, link_byte_per_s_per_direction=280e9, max_power_w=450,
        power_basis="TDP", idle_power_w=63, price_usd=6900, price_year=2018, embodied_kgco2e=130,
        source="jouppi-2020-tpu-v2-v3",
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="One chip; the 420 TFLOP/s device is four."),
    HardwareSpec(name="Google TPU v4", vendor="Google", year=2021, tier="cloud", aliases=("TPUv4",),
        architecture="TPU",
        peak_dense_flop_per_s={"bf16": 275e12, "int8": 275e12},
        memory_bytes=32 * _GIB, memory_kind="HBM2", memory_bandwidth_byte_per_s=1.2e12,
        on_chip_bytes=160 * _MIB, link_byte_per_s_per_direction=300e9, max_power_w=192,
        power_basis="measured maximum", idle_power_w=90, price_usd=9200, price_year=2021,
        embodied_kgco2e=54,
        source="jouppi-2023-tpu-v4", field_sources=_by_rule("price_usd", "embodied_kgco2e"),
        notes="INT8 is no faster than BF16."),
    HardwareSpec(name="Google TPU v5e", vendor="Google", year=2023, tier="cloud",
        architecture="TPU",
        aliases=("TPUv5e",),
        peak_dense_flop_per_s={"bf16": 197e12, "int8": 394e12},
        memory_bytes=16 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=819e9,
        on_chip_bytes=128 * _MIB, link_byte_per_s_per_direction=200e9, max_power_w=200,
        power_basis="estimate", idle_power_w=28, price_usd=6300, price_year=2023,
        embodied_kgco2e=56,
        source="google-tpu-docs", estimated=("max_power_w",),
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e")),
    HardwareSpec(name="Google TPU v5p", vendor="Google", year=2023, tier="cloud",
        architecture="TPU",
        aliases=("TPUv5p",),
        peak_dense_flop_per_s={"bf16": 459e12, "fp8": 459e12, "int8": 918e12},
        memory_bytes=95 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=2.765e12,
        on_chip_bytes=128 * _MIB, link_byte_per_s_per_direction=600e9, max_power_w=450,
        power_basis="estimate", idle_power_w=63, price_usd=21000, price_year=2023,
        embodied_kgco2e=130,
        source="google-tpu-docs", estimated=("max_power_w",),
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="FP8 runs at the BF16 rate."),
    HardwareSpec(name="Google TPU v6e", vendor="Google", year=2024, tier="cloud",
        architecture="TPU",
        aliases=("TPUv6e", "Trillium"),
        peak_dense_flop_per_s={"bf16": 918e12, "fp8": 918e12, "int8": 1.836e15},
        memory_bytes=32 * _GIB, memory_kind="HBM3", memory_bandwidth_byte_per_s=1.638e12,
        link_byte_per_s_per_direction=400e9, max_power_w=300, power_basis="estimate",
        idle_power_w=42, price_usd=13000, price_year=2024, embodied_kgco2e=84,
        source="google-tpu-docs", estimated=("max_power_w",),
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="FP8 runs at the BF16 rate."),
    HardwareSpec(name="Google TPU7x", vendor="Google", year=2025, tier="cloud",
        architecture="TPU",
        aliases=("TPU7x", "Ironwood"),
        peak_dense_flop_per_s={"bf16": 2.307e15, "fp8": 4.614e15},
        memory_bytes=192 * _GIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=7.38e12,
        link_byte_per_s_per_direction=600e9, max_power_w=1085, power_basis="share of a pod",
        idle_power_w=150, price_usd=57000, price_year=2025, embodied_kgco2e=300,
        source="google-tpu-docs", estimated=("max_power_w",),
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Two chiplets, each of which appears as a device."),
    HardwareSpec(name="Intel Gaudi 2", vendor="Intel", year=2022, tier="cloud", aliases=("Gaudi2",),
        matrix_plateau={"bf16": 0.97},
        peak_dense_flop_per_s={"bf16": 432e12, "fp8": 865e12},
        memory_bytes=96 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=2.45e12,
        on_chip_bytes=48 * _MIB, link_byte_per_s_per_direction=300e9, max_power_w=600,
        power_basis="TDP", idle_power_w=84, price_usd=10000, price_year=2022, embodied_kgco2e=170,
        source="intel-gaudi2-page", estimated=("link_byte_per_s_per_direction", "on_chip_bytes"),
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e")),
    HardwareSpec(name="Intel Gaudi 3", vendor="Intel", year=2024, tier="cloud", aliases=("Gaudi3",),
        matrix_plateau={"bf16": 0.74},
        peak_dense_flop_per_s={"bf16": 1.835e15, "fp8": 1.835e15},
        memory_bytes=128 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=3.7e12,
        on_chip_bytes=96 * _MIB, link_byte_per_s_per_direction=600e9, max_power_w=900,
        power_basis="TDP", idle_power_w=130, price_usd=15650, price_year=2024,
        embodied_kgco2e=250,
        source="intel-gaudi3-page",
        estimated=("link_byte_per_s_per_direction", "on_chip_bytes", "price_usd"),
        field_sources=_by_rule("idle_power_w", "embodied_kgco2e"),
        notes="Later Intel papers print 1678e12 for BF16."),
    HardwareSpec(name="AWS Trainium1", vendor="AWS", year=2022, tier="cloud",
        aliases=("Trainium1",),
        peak_dense_flop_per_s={"fp32": 47.5e12, "tf32": 190e12, "fp16": 190e12, "bf16": 190e12,
                               "fp8": 190e12, "int8": 380e12},
        memory_bytes=32 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=880.468296e9,
        on_chip_bytes=48 * _MIB, link_byte_per_s_per_direction=192e9, max_power_w=210,
        power_basis="estimate", idle_power_w=29, price_usd=6800, price_year=2022,
        embodied_kgco2e=59,
        source="aws-neuron-docs", estimated=("max_power_w",),
        field_sources=_by_rule("link_byte_per_s_per_direction", "idle_power_w", "price_usd",
                               "embodied_kgco2e")),
    HardwareSpec(name="AWS Trainium2", vendor="AWS", year=2024, tier="cloud",
        aliases=("Trainium2",),
        peak_dense_flop_per_s={"fp32": 181e12, "tf32": 667e12, "fp16": 667e12, "bf16": 667e12,
                               "fp8": 1.299e15},
        memory_bytes=96 * _GIB, memory_kind="HBM3", memory_bandwidth_byte_per_s=2.9e12,
        on_chip_bytes=224 * _MIB, link_byte_per_s_per_direction=640e9, max_power_w=500,
        power_basis="estimate", idle_power_w=70, price_usd=22000, price_year=2024,
        embodied_kgco2e=140,
        source="aws-neuron-docs", estimated=("max_power_w",),
        field_sources=_by_rule("link_byte_per_s_per_direction", "idle_power_w", "price_usd",
                               "embodied_kgco2e"),
        notes="Sparse peak 2563e12."),
    HardwareSpec(name="AWS Trainium3", vendor="AWS", year=2025, tier="cloud",
        aliases=("Trainium3",),
        peak_dense_flop_per_s={"fp32": 183e12, "fp16": 671e12, "bf16": 671e12, "fp8": 2.517e15},
        memory_bytes=144 * _GIB, memory_kind="HBM3e", memory_bandwidth_byte_per_s=4.9e12,
        on_chip_bytes=256 * _MIB, link_byte_per_s_per_direction=1.28e12, max_power_w=600,
        power_basis="estimate", idle_power_w=84, price_usd=38000, price_year=2025,
        embodied_kgco2e=170,
        source="aws-neuron-docs",
        field_sources=_by_rule("link_byte_per_s_per_direction", "max_power_w", "idle_power_w",
                               "price_usd", "embodied_kgco2e")),
    HardwareSpec(name="AWS Inferentia2", vendor="AWS", year=2023, tier="cloud",
        aliases=("Inferentia2",),
        peak_dense_flop_per_s={"fp32": 47.5e12, "tf32": 190e12, "fp16": 190e12, "bf16": 190e12,
                               "fp8": 190e12, "int8": 380e12},
        memory_bytes=32 * _GIB, memory_kind="HBM2e", memory_bandwidth_byte_per_s=880.468296e9,
        on_chip_bytes=48 * _MIB, link_byte_per_s_per_direction=96e9, max_power_w=190,
        power_basis="estimate", idle_power_w=27, price_usd=6800, price_year=2023,
        embodied_kgco2e=53,
        source="aws-neuron-docs", estimated=("max_power_w",),
        field_sources=_by_rule("link_byte_per_s_per_direction", "idle_power_w", "price_usd",
                               "embodied_kgco2e")),
    HardwareSpec(name="Cerebras WSE-3", vendor="Cerebras", year=2024, tier="cloud",
        aliases=("WSE-3", "CS-3"),
        peak_dense_flop_per_s={"fp16": 15.8e15},
        memory_bytes=42968750 * _KIB, memory_kind="on-wafer SRAM",
        memory_bandwidth_byte_per_s=21e15, on_chip_bytes=42968750 * _KIB,
        link_byte_per_s_per_direction=150e9, max_power_w=23000, power_basis="system",
        idle_power_w=3200, price_usd=2.5e6, price_year=2024, embodied_kgco2e=6400,
        source="cerebras-wse3-press", estimated=("max_power_w", "price_usd"),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="A whole CS-3; 900,000 cores x 8 x 2 x 1.1 GHz, the 125 PFLOP/s of the maker "
              "are sparse."),
    HardwareSpec(name="Groq LPU", vendor="Groq", year=2020, tier="cloud", aliases=("LPU",),
        peak_dense_flop_per_s={"fp16": 188e12, "int8": 750e12},
        memory_bytes=230 * _MIB, memory_kind="on-chip SRAM", memory_bandwidth_byte_per_s=80e12,
        on_chip_bytes=230 * _MIB, link_byte_per_s_per_direction=165e9, max_power_w=215,
        power_basis="TDP", idle_power_w=30, price_usd=20000, price_year=2024, embodied_kgco2e=60,
        source="groq-product-brief", estimated=("price_usd",),
        field_sources=_by_rule("link_byte_per_s_per_direction", "idle_power_w", "embodied_kgco2e"),
        notes="All memory is on the chip."),
    HardwareSpec(name="Intel Xeon Platinum 8480+", vendor="Intel", year=2023, tier="cloud",
        aliases=("Xeon 8480",),
        peak_dense_flop_per_s={"fp64": 3.58e12, "fp32": 7.17e12, "bf16": 229e12, "int8": 459e12},
        memory_bytes=512 * _GIB, memory_kind="8ch DDR5-4800", memory_bandwidth_byte_per_s=307.2e9,
        on_chip_bytes=105 * _MIB, max_power_w=350, power_basis="TDP", idle_power_w=100,
        price_usd=10710, price_year=2023, embodied_kgco2e=98, clock_hz=2e9, cores=56,
        source="codecarbon-cpu-power",
        estimated=("clock_hz", "cores", "idle_power_w", "memory_bandwidth_byte_per_s",
                   "price_usd"),
        field_sources=_by_rule("peak_dense_flop_per_s", "embodied_kgco2e"),
        notes="At the 2.0 GHz base clock; BF16 and INT8 on AMX."),
    HardwareSpec(name="Intel Xeon Gold 6148", vendor="Intel", year=2017, tier="cloud",
        aliases=("Xeon 6148",),
        peak_dense_flop_per_s={"fp64": 1.54e12, "fp32": 3.07e12},
        memory_bytes=192 * _GIB, memory_kind="6ch DDR4-2666", memory_bandwidth_byte_per_s=128e9,
        on_chip_bytes=28160 * _KIB, max_power_w=150, power_basis="TDP", idle_power_w=21,
        price_usd=3072, price_year=2017, embodied_kgco2e=42, clock_hz=2.4e9, cores=20,
        source="codecarbon-cpu-power",
        estimated=("clock_hz", "cores", "memory_bandwidth_byte_per_s", "price_usd"),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e")),
    HardwareSpec(name="AMD EPYC 9654", vendor="AMD", year=2022, tier="cloud",
        aliases=("EPYC 9654",),
        peak_dense_flop_per_s={"fp64": 3.69e12, "fp32": 7.37e12, "bf16": 14.7e12, "int8": 29.5e12},
        memory_bytes=768 * _GIB, memory_kind="12ch DDR5-4800",
        memory_bandwidth_byte_per_s=460.8e9, on_chip_bytes=384 * _MIB, max_power_w=360,
        power_basis="TDP", idle_power_w=100, price_usd=11805, price_year=2022,
        embodied_kgco2e=100, clock_hz=2.4e9, cores=96,
        source="codecarbon-cpu-power",
        estimated=("clock_hz", "cores", "idle_power_w", "memory_bandwidth_byte_per_s",
                   "price_usd"),
        field_sources=_by_rule("peak_dense_flop_per_s", "embodied_kgco2e")),
    HardwareSpec(name="AMD EPYC 7763", vendor="AMD", year=2021, tier="cloud",
        aliases=("EPYC 7763",),
        peak_dense_flop_per_s={"fp64": 2.51e12, "fp32": 5.02e12},
        memory_bytes=512 * _GIB, memory_kind="8ch DDR4-3200", memory_bandwidth_byte_per_s=204.8e9,
        on_chip_bytes=256 * _MIB, max_power_w=280, power_basis="TDP", idle_power_w=90,
        price_usd=7890, price_year=2021, embodied_kgco2e=78, clock_hz=2.45e9, cores=64,
        source="codecarbon-cpu-power",
        estimated=("clock_hz", "cores", "idle_power_w", "memory_bandwidth_byte_per_s",
                   "price_usd"),
        field_sources=_by_rule("peak_dense_flop_per_s", "embodied_kgco2e")),
    HardwareSpec(name="AWS Graviton3", vendor="AWS", year=2022, tier="cloud",
        aliases=("Graviton3",),
        peak_dense_flop_per_s={"fp64": 2.66e12, "fp32": 5.32e12, "bf16": 21.3e12, "int8": 42.6e12},
        memory_bytes=128 * _GIB, memory_kind="8ch DDR5-4800", memory_bandwidth_byte_per_s=307.2e9,
        on_chip_bytes=32 * _MIB, max_power_w=100, power_basis="estimate", idle_power_w=14,
        price_usd=9200, price_year=2022, embodied_kgco2e=28, clock_hz=2.6e9, cores=64,
        source="aws-graviton3",
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "price_usd",
                               "embodied_kgco2e"),
        notes="64 Neoverse V1 with two 256-bit units."),
)

_EDGE = (
    HardwareSpec(name="NVIDIA DGX Spark", vendor="NVIDIA", year=2025, tier="edge",
        architecture="Blackwell",
        aliases=("DGX Spark", "GB10"),
        peak_dense_flop_per_s={"fp32": 29.7e12, "fp16": 125e12, "bf16": 125e12, "fp8": 250e12,
                               "fp4": 500e12},
        memory_bytes=119 * _GIB, memory_kind="LPDDR5X", memory_bandwidth_byte_per_s=273e9,
        max_power_w=140, power_basis="TDP", idle_power_w=28, price_usd=3999, price_year=2025,
        embodied_kgco2e=44,
        source="nvidia-dgx-spark",
        field_sources=_by_rule("idle_power_w", "embodied_kgco2e",
                               peak_dense_flop_per_s="dense-half-of-sparse"),
        notes="Whole desktop; peaks are half the sparse figures."),
    HardwareSpec(name="NVIDIA Jetson Nano 4GB", vendor="NVIDIA", year=2019, tier="edge",
        architecture="Maxwell",
        aliases=("Jetson Nano",),
        peak_dense_flop_per_s={"fp32": 235.93e9, "fp16": 471.859e9},
        memory_bytes=4 * _GIB, memory_kind="LPDDR4", memory_bandwidth_byte_per_s=25.6e9,
        max_power_w=10, power_basis="module power mode", idle_power_w=2, price_usd=99,
        price_year=2019, embodied_kgco2e=7.8, clock_hz=921.6e6, cores=128,
        source="ultralytics-jetson-guide", estimated=("price_usd",),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="GPU only."),
    HardwareSpec(name="NVIDIA Jetson TX2", vendor="NVIDIA", year=2017, tier="edge",
        architecture="Pascal",
        aliases=("Jetson TX2",),
        peak_dense_flop_per_s={"fp32": 665.6e9, "fp16": 1.3312e12},
        memory_bytes=8 * _GIB, memory_kind="LPDDR4", memory_bandwidth_byte_per_s=59.7e9,
        max_power_w=15, power_basis="module power mode", idle_power_w=3, price_usd=399,
        price_year=2017, embodied_kgco2e=9.2, clock_hz=1.3e9, cores=256,
        source="ultralytics-jetson-guide", estimated=("price_usd",),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="GPU only."),
    HardwareSpec(name="NVIDIA Jetson Xavier NX 8GB", vendor="NVIDIA", year=2020, tier="edge",
        architecture="Volta",
        aliases=("Xavier NX",),
        peak_dense_flop_per_s={"fp32": 844.8e9, "fp16": 6.7584e12, "int8": 13.5168e12},
        memory_bytes=8 * _GIB, memory_kind="LPDDR4x", memory_bandwidth_byte_per_s=59.7e9,
        max_power_w=20, power_basis="module power mode", idle_power_w=4, price_usd=399,
        price_year=2020, embodied_kgco2e=11, clock_hz=1.1e9, cores=384,
        source="ultralytics-jetson-guide", estimated=("price_usd",),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="GPU only; the maker counts 21 TOPS INT8 as GPU 13.5 + DLA."),
    HardwareSpec(name="NVIDIA Jetson AGX Xavier 32GB", vendor="NVIDIA", year=2018, tier="edge",
        architecture="Volta",
        aliases=("AGX Xavier",),
        peak_dense_flop_per_s={"fp32": 1.41005e12, "fp16": 11.2804e12, "int8": 22.5608e12},
        memory_bytes=32 * _GIB, memory_kind="LPDDR4x", memory_bandwidth_byte_per_s=136.5e9,
        max_power_w=30, power_basis="module power mode", idle_power_w=6, price_usd=699,
        price_year=2018, embodied_kgco2e=13, clock_hz=1.377e9, cores=512,
        source="ultralytics-jetson-guide", estimated=("price_usd",),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="GPU only; the maker counts 32 TOPS INT8 as GPU 22.6 + 2 DLA."),
    HardwareSpec(name="NVIDIA Jetson Orin Nano 8GB", vendor="NVIDIA", year=2023, tier="edge",
        architecture="Ampere graphics",
        aliases=("Orin Nano",),
        peak_dense_flop_per_s={"fp32": 1.28e12, "tf32": 5.12e12, "fp16": 10.24e12,
                               "bf16": 10.24e12, "int8": 20.48e12},
        memory_bytes=8 * _GIB, memory_kind="LPDDR5", memory_bandwidth_byte_per_s=68.2e9,
        max_power_w=15, power_basis="module power mode", idle_power_w=3, price_usd=499,
        price_year=2023, embodied_kgco2e=9.2, clock_hz=625e6, cores=1024,
        source="ultralytics-jetson-guide", estimated=("price_usd",),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="GPU only; the maker counts 40 TOPS, sparse."),
    HardwareSpec(name="NVIDIA Jetson Orin Nano Super 8GB", vendor="NVIDIA", year=2024, tier="edge",
        architecture="Ampere graphics",
        aliases=("Orin Nano Super",),
        peak_dense_flop_per_s={"fp32": 2.08896e12, "tf32": 8.35584e12, "fp16": 16.7117e12,
                               "bf16": 16.7117e12, "int8": 33.4234e12},
        memory_bytes=8 * _GIB, memory_kind="LPDDR5", memory_bandwidth_byte_per_s=102.4e9,
        max_power_w=25, power_basis="module power mode", idle_power_w=5, price_usd=249,
        price_year=2024, embodied_kgco2e=12, clock_hz=1.02e9, cores=1024,
        source="ultralytics-jetson-guide", estimated=("price_usd",),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="GPU only; the maker counts 67 TOPS, sparse."),
    HardwareSpec(name="NVIDIA Jetson Orin NX 16GB", vendor="NVIDIA", year=2023, tier="edge",
        architecture="Ampere graphics",
        aliases=("Orin NX", "Jetson Orin NX"),
        peak_dense_flop_per_s={"fp32": 1.88006e12, "tf32": 7.52026e12, "fp16": 15.0405e12,
                               "bf16": 15.0405e12, "int8": 30.081e12},
        memory_bytes=16 * _GIB, memory_kind="LPDDR5", memory_bandwidth_byte_per_s=102.4e9,
        max_power_w=25, power_basis="module power mode", idle_power_w=5, price_usd=699,
        price_year=2023, embodied_kgco2e=12, clock_hz=918e6, cores=1024,
        source="ultralytics-jetson-guide", estimated=("price_usd",),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="GPU only; the maker counts 100 TOPS as 60 sparse GPU + 40 sparse DLA."),
    HardwareSpec(name="NVIDIA Jetson AGX Orin 64GB", vendor="NVIDIA", year=2022, tier="edge",
        architecture="Ampere graphics",
        aliases=("AGX Orin",),
        peak_dense_flop_per_s={"fp32": 5.3248e12, "tf32": 21.2992e12, "fp16": 42.5984e12,
                               "bf16": 42.5984e12, "int8": 85.1968e12},
        memory_bytes=64 * _GIB, memory_kind="LPDDR5", memory_bandwidth_byte_per_s=204.8e9,
        max_power_w=60, power_basis="module power mode", idle_power_w=12, price_usd=1999,
        price_year=2022, embodied_kgco2e=22, clock_hz=1.3e9, cores=2048,
        source="ultralytics-jetson-guide", estimated=("price_usd",),
        field_sources=_by_rule("peak_dense_flop_per_s", "idle_power_w", "embodied_kgco2e"),
        notes="GPU only; the maker counts 275 TOPS as 170 sparse GPU + 105 sparse DLA."),
    HardwareSpec(name="NVIDIA Jetson AGX Thor", vendor="NVIDIA", year=2025, tier="edge",
        architecture="Blackwell",
        aliases=("AGX Thor",),
        peak_dense_flop_per_s={"fp32": 8.06e12, "fp16": 258e12, "bf16": 258e12, "fp8": 517e12,
                               "fp4": 1.035e15, "int8": 517e12},
        memory_bytes=128 * _GIB, memory_kind="LPDDR5X", memory_bandwidth_byte_per_s=273e9,
        max_power_w=130, power_basis="module power mode", idle_power_w=26, price_usd=3499,
        price_year=2025, embodied_kgco2e=41,
        source="nvidia-jetson-thor",
        field_sources=_by_rule("idle_power_w", "embodied_kgco2e",
                               peak_dense_flop_per_s="dense-half-of-sparse"),
        notes="The 2070 TFLOP/s of the maker are sparse FP4."),
    HardwareSpec(name="Google Coral Edge TPU", vendor="Google", year=2019, tier="edge",
        aliases=("Edge TPU", "Coral"),
        architecture="Edge TPU",
        peak_dense_flop_per_s={"int8": 4e12},
        memory_bytes=1 * _GIB, memory_kind="host DRAM behind USB 3 or PCIe",
        memory_bandwidth_byte_per_s=500e6, on_chip_bytes=8 * _MIB,
        link_byte_per_s_per_direction=500e6, max_power_w=2, power_basis="maker", idle_power_w=0.4,
        price_usd=60, price_year=2026, embodied_kgco2e=5.6,
        source="coral-benchmarks", estimated=("link_byte_per_s_per_direction", "price_usd"),
        field_sources=_by_rule("memory_bytes", "idle_power_w", "embodied_kgco2e"),
        notes="Models above 8 MiB stream their weights over the link on every run."),
    HardwareSpec(name="Hailo-8", vendor="Hailo", year=2021, tier="edge",
        architecture="Hailo",
        peak_dense_flop_per_s={"int8": 26e12},
        memory_bytes=4 * _GIB, memory_kind="host DRAM behind PCIe 3.0 x4",
        memory_bandwidth_byte_per_s=3.9e9, on_chip_bytes=32 * _MIB,
        link_byte_per_s_per_direction=3.9e9, max_power_w=2.5, power_basis="typical",
        idle_power_w=0.5, price_usd=199, price_year=2022, embodied_kgco2e=5.7,
        source="hailo-model-zoo", estimated=("max_power_w", "peak_dense_flop_per_s", "price_usd"),
        field_sources=_by_rule("memory_bytes", "on_chip_bytes", "idle_power_w", "embodied_kgco2e"),
        notes="Networks that fit stay on the chip; larger ones are swapped in over PCIe."),
    HardwareSpec(name="Hailo-8L", vendor="Hailo", year=2023, tier="edge",
        architecture="Hailo",
        peak_dense_flop_per_s={"int8": 13e12},
        memory_bytes=4 * _GIB, memory_kind="host DRAM behind PCIe 3.0 x2",
        memory_bandwidth_byte_per_s=2e9, on_chip_bytes=16 * _MIB,
        link_byte_per_s_per_direction=2e9, max_power_w=1.5, power_basis="typical",
        idle_power_w=0.3, price_usd=70, price_year=2024, embodied_kgco2e=5.4,
        source="hailo-model-zoo", estimated=("max_power_w", "peak_dense_flop_per_s", "price_usd"),
        field_sources=_by_rule("memory_bytes", "on_chip_bytes", "idle_power_w", "embodied_kgco2e"),
        notes="Networks that fit stay on the chip; larger ones are swapped in over PCIe."),
    HardwareSpec(name="Raspberry Pi 4B", vendor="Raspberry Pi", year=2019, tier="edge",
        aliases=("RPi4",),
        architecture="CPU",
        peak_dense_flop_per_s={"fp32": 57.6e9, "int8": 115e9},
        memory_bytes=4 * _GIB, memory_kind="LPDDR4-3200 32-bit",
        memory_bandwidth_byte_per_s=12.8e9, on_chip_bytes=1 * _MIB, max_power_w=6.4,
        power_basis="typical full load", idle_power_w=2.7, price_usd=55, price_year=2019,
        embodied_kgco2e=6.8, clock_hz=1.8e9, cores=4,
        source="ultralytics-raspberry-pi-guide",
        estimated=("idle_power_w", "max_power_w", "price_usd"),
        field_sources=_by_rule("peak_dense_flop_per_s", "embodied_kgco2e"),
        notes="4 Cortex-A72; no INT8 dot product."),
    HardwareSpec(name="Raspberry Pi 5", vendor="Raspberry Pi", year=2023, tier="edge",
        aliases=("RPi5",),
        architecture="CPU",
        peak_dense_flop_per_s={"fp32": 153.6e9, "fp16": 307e9, "int8": 614e9},
        memory_bytes=8 * _GIB, memory_kind="LPDDR4X-4267 32-bit",
        memory_bandwidth_byte_per_s=17.1e9, on_chip_bytes=2 * _MIB, max_power_w=9,
        power_basis="typical full load", idle_power_w=3, price_usd=80, price_year=2023,
        embodied_kgco2e=7.5, clock_hz=2.4e9, cores=4,
        source="ultralytics-raspberry-pi-guide",
        estimated=("idle_power_w", "max_power_w", "price_usd"),
        field_sources=_by_rule("peak_dense_flop_per_s", "embodied_kgco2e"),
        notes="4 Cortex-A76 with INT8 dot product."),
)

_MOBILE = (
    HardwareSpec(name="Apple M1", vendor="Apple", year=2020, tier="mobile", aliases=("M1",),
        architecture="Apple GPU",
        peak_dense_flop_per_s={"fp32": 2.6e12, "int8": 11e12},
        memory_bytes=8 * _GIB, memory_kind="unified LPDDR", memory_bandwidth_byte_per_s=68.25e9,
        max_power_w=20, power_basis="estimate", idle_power_w=0.4, price_usd=999, price_year=2020,
        embodied_kgco2e=130,
        source="apple-reports", field_sources=_by_rule("idle_power_w", "price_usd"),
        notes="Whole MacBook Air; FP32 on the GPU, INT8 as marketed for the neural engine."),
    HardwareSpec(name="Apple M2", vendor="Apple", year=2022, tier="mobile", aliases=("M2",),
        architecture="Apple GPU",
        peak_dense_flop_per_s={"fp32": 3.6e12, "int8": 15.8e12},
        memory_bytes=8 * _GIB, memory_kind="unified LPDDR", memory_bandwidth_byte_per_s=100e9,
        max_power_w=22, power_basis="estimate", idle_power_w=0.44, price_usd=1199,
        price_year=2022, embodied_kgco2e=118,
        source="apple-reports", field_sources=_by_rule("idle_power_w", "price_usd"),
        notes="Whole MacBook Air; FP32 on the GPU, INT8 as marketed for the neural engine."),
    HardwareSpec(name="Apple M3", vendor="Apple", year=2023, tier="mobile", aliases=("M3",),
        architecture="Apple GPU",
        peak_dense_flop_per_s={"fp32": 4.1e12, "int8": 18e12},
        memory_bytes=8 * _GIB, memory_kind="unified LPDDR", memory_bandwidth_byte_per_s=100e9,
        max_power_w=22, power_basis="estimate", idle_power_w=0.44, price_usd=1099,
        price_year=2023, embodied_kgco2e=118,
        source="apple-reports",
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Whole MacBook Air; FP32 on the GPU, INT8 as marketed for the neural engine."),
    HardwareSpec(name="Apple M4", vendor="Apple", year=2024, tier="mobile", aliases=("M4",),
        architecture="Apple GPU",
        peak_dense_flop_per_s={"fp32": 4.3e12, "int8": 38e12},
        memory_bytes=16 * _GIB, memory_kind="unified LPDDR", memory_bandwidth_byte_per_s=120e9,
        max_power_w=22, power_basis="estimate", idle_power_w=0.44, price_usd=999, price_year=2024,
        embodied_kgco2e=118,
        source="apple-reports",
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Whole MacBook Air; FP32 on the GPU, INT8 as marketed for the neural engine."),
    HardwareSpec(name="Apple A17 Pro", vendor="Apple", year=2023, tier="mobile",
        architecture="Apple GPU",
        aliases=("A17 Pro", "iPhone 15 Pro"),
        peak_dense_flop_per_s={"fp32": 2.15e12, "int8": 35e12},
        memory_bytes=8 * _GIB, memory_kind="unified LPDDR", memory_bandwidth_byte_per_s=51.2e9,
        max_power_w=6, power_basis="estimate", idle_power_w=0.12, price_usd=999, price_year=2023,
        embodied_kgco2e=55,
        source="apple-reports", field_sources=_by_rule("idle_power_w", "price_usd"),
        notes="Whole iPhone 15 Pro; FP32 on the GPU, INT8 as marketed for the neural engine."),
    HardwareSpec(name="Qualcomm Snapdragon 8 Gen 3", vendor="Qualcomm", year=2023, tier="mobile",
        aliases=("Snapdragon 8 Gen 3",),
        peak_dense_flop_per_s={"fp32": 2.8e12, "fp16": 5.6e12, "int8": 34e12},
        memory_bytes=12 * _GIB, memory_kind="LPDDR5X", memory_bandwidth_byte_per_s=76.8e9,
        max_power_w=6, power_basis="estimate", idle_power_w=0.12, price_usd=799, price_year=2023,
        embodied_kgco2e=55,
        source="snapdragon-8-gen-3-press",
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Whole phone; press figures for INT8 range from 34e12 to 45e12."),
    HardwareSpec(name="Google Tensor G3", vendor="Google", year=2023, tier="mobile",
        aliases=("Tensor G3", "Pixel 8"),
        peak_dense_flop_per_s={"int8": 15e12},
        memory_bytes=8 * _GIB, memory_kind="LPDDR5X", memory_bandwidth_byte_per_s=68e9,
        max_power_w=5, power_basis="estimate", idle_power_w=0.1, price_usd=699, price_year=2023,
        embodied_kgco2e=55,
        source="tensor-g3-press",
        field_sources=_by_rule("idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Whole phone; INT8 on the neural unit."),
)

_TINY = (
    HardwareSpec(name="STM32F407", vendor="ST", year=2011, tier="tiny",
        architecture="Cortex-M4",
        peak_dense_flop_per_s={"fp32": 336e6, "int8": 672e6},
        memory_bytes=192 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=672e6,
        flash_bytes=1 * _MIB, max_power_w=0.15, power_basis="estimate", idle_power_w=0.003,
        price_usd=6, price_year=2011, embodied_kgco2e=5, clock_hz=168e6, cores=1,
        int8_macs_per_cycle=2,
        source="st-stm32f407-datasheet", estimated=("idle_power_w", "max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "embodied_kgco2e"), notes="Cortex-M4F."),
    HardwareSpec(name="STM32L4R5", vendor="ST", year=2017, tier="tiny",
        architecture="Cortex-M4",
        peak_dense_flop_per_s={"fp32": 240e6, "int8": 480e6},
        memory_bytes=640 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=480e6,
        flash_bytes=2 * _MIB, max_power_w=0.0407, power_basis="measured", idle_power_w=10e-6,
        price_usd=8, price_year=2017, embodied_kgco2e=5, clock_hz=120e6, cores=1,
        int8_macs_per_cycle=2,
        source="mlperf-tiny-results", estimated=_IDLE_AND_PRICE,
        field_sources=_by_rule(*_FROM_CLOCK, "embodied_kgco2e"), notes="Cortex-M4F."),
    HardwareSpec(name="STM32H7A3", vendor="ST", year=2020, tier="tiny",
        architecture="Cortex-M7",
        peak_dense_flop_per_s={"fp32": 560e6, "int8": 1.12e9},
        memory_bytes=1408 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=1.12e9,
        flash_bytes=2 * _MIB, max_power_w=0.156, power_basis="estimate", idle_power_w=39e-6,
        price_usd=9, price_year=2020, embodied_kgco2e=5, clock_hz=280e6, cores=1,
        int8_macs_per_cycle=2,
        source="mlperf-tiny-results", estimated=("price_usd",),
        field_sources=_by_rule(*_FROM_CLOCK, "max_power_w", "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M7."),
    HardwareSpec(name="STM32F746", vendor="ST", year=2015, tier="tiny",
        architecture="Cortex-M7",
        peak_dense_flop_per_s={"fp32": 432e6, "int8": 864e6},
        memory_bytes=320 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=864e6,
        flash_bytes=1 * _MIB, max_power_w=0.3, power_basis="estimate", idle_power_w=75e-6,
        price_usd=9, price_year=2015, embodied_kgco2e=5, clock_hz=216e6, cores=1,
        int8_macs_per_cycle=2,
        source="mlperf-tiny-results", estimated=("max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M7."),
    HardwareSpec(name="STM32H743", vendor="ST", year=2018, tier="tiny", aliases=("STM32H747",),
        architecture="Cortex-M7",
        peak_dense_flop_per_s={"fp32": 960e6, "int8": 1.92e9},
        memory_bytes=1 * _MIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=1.92e9,
        flash_bytes=2 * _MIB, max_power_w=0.5, power_basis="estimate", idle_power_w=130e-6,
        price_usd=12, price_year=2018, embodied_kgco2e=5, clock_hz=480e6, cores=1,
        int8_macs_per_cycle=2,
        source="stm32-model-zoo", estimated=("max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M7, also the large core of the STM32H747."),
    HardwareSpec(name="STM32U575", vendor="ST", year=2021, tier="tiny",
        architecture="Cortex-M33",
        peak_dense_flop_per_s={"fp32": 320e6, "int8": 640e6},
        memory_bytes=786 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=640e6,
        flash_bytes=2 * _MIB, max_power_w=0.0149, power_basis="estimate", idle_power_w=3.7e-6,
        price_usd=6, price_year=2021, embodied_kgco2e=5, clock_hz=160e6, cores=1,
        int8_macs_per_cycle=2,
        source="mlperf-tiny-results", estimated=("max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M33."),
    HardwareSpec(name="STM32U385", vendor="ST", year=2025, tier="tiny",
        architecture="Cortex-M33",
        peak_dense_flop_per_s={"fp32": 192e6, "int8": 384e6},
        memory_bytes=256 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=384e6,
        flash_bytes=1 * _MIB, max_power_w=0.0053, power_basis="measured", idle_power_w=1.3e-6,
        price_usd=6, price_year=2025, embodied_kgco2e=5, clock_hz=96e6, cores=1,
        int8_macs_per_cycle=2,
        source="mlperf-tiny-results", estimated=("flash_bytes", "memory_bytes"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Cortex-M33."),
    HardwareSpec(name="STM32N657", vendor="ST", year=2024, tier="tiny",
        architecture="Neural-ART",
        peak_dense_flop_per_s={"fp32": 2e9, "int8": 600e9},
        memory_bytes=4200 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=4e9,
        link_byte_per_s_per_direction=400e6, max_power_w=0.6, power_basis="estimate",
        idle_power_w=150e-6, price_usd=6, price_year=2024, embodied_kgco2e=5, clock_hz=1e9,
        cores=1, int8_macs_per_cycle=300,
        source="stm32-model-zoo",
        estimated=("int8_macs_per_cycle", "link_byte_per_s_per_direction", "max_power_w",
                   "memory_bytes"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Cortex-M55 at 800 MHz with a Neural-ART unit of 600 GOP/s; its link, octal flash."),
    HardwareSpec(name="Silicon Labs EFR32MG24", vendor="Silicon Labs", year=2022, tier="tiny",
        aliases=("EFR32MG24",),
        architecture="MVP",
        peak_dense_flop_per_s={"fp32": 156e6, "int8": 624e6},
        memory_bytes=256 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=312e6,
        flash_bytes=1536 * _KIB, max_power_w=0.0099, power_basis="measured", idle_power_w=2.5e-6,
        price_usd=5, price_year=2022, embodied_kgco2e=5, clock_hz=78e6, cores=1,
        int8_macs_per_cycle=4,
        source="mlperf-tiny-results",
        estimated=("int8_macs_per_cycle", "memory_bytes", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M33 with a matrix-vector unit."),
    HardwareSpec(name="Nordic nRF52840", vendor="Nordic", year=2018, tier="tiny",
        aliases=("nRF52840", "Arduino Nano 33 BLE"),
        architecture="Cortex-M4",
        peak_dense_flop_per_s={"fp32": 128e6, "int8": 256e6},
        memory_bytes=256 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=256e6,
        flash_bytes=1 * _MIB, max_power_w=0.011, power_basis="estimate", idle_power_w=5e-6,
        price_usd=5, price_year=2018, embodied_kgco2e=5, clock_hz=64e6, cores=1,
        int8_macs_per_cycle=2,
        source="nordic-nrf52840-specification",
        estimated=("idle_power_w", "max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "embodied_kgco2e"), notes="Cortex-M4F."),
    HardwareSpec(name="Nordic nRF5340", vendor="Nordic", year=2020, tier="tiny",
        aliases=("nRF5340",),
        architecture="Cortex-M33",
        peak_dense_flop_per_s={"fp32": 256e6, "int8": 512e6},
        memory_bytes=512 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=512e6,
        flash_bytes=1 * _MIB, max_power_w=0.024, power_basis="estimate", idle_power_w=6e-6,
        price_usd=6, price_year=2020, embodied_kgco2e=5, clock_hz=128e6, cores=1,
        int8_macs_per_cycle=2,
        source="mlperf-tiny-results", estimated=("max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M33."),
    HardwareSpec(name="Infineon PSoC 62", vendor="Infineon", year=2018, tier="tiny",
        aliases=("PSoC 62",),
        architecture="Cortex-M4",
        peak_dense_flop_per_s={"fp32": 300e6, "int8": 600e6},
        memory_bytes=1 * _MIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=600e6,
        flash_bytes=2 * _MIB, max_power_w=0.06, power_basis="estimate", idle_power_w=15e-6,
        price_usd=9, price_year=2018, embodied_kgco2e=5, clock_hz=150e6, cores=1,
        int8_macs_per_cycle=2,
        source="mlperf-tiny-results", estimated=("max_power_w", "memory_bytes", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M4F."),
    HardwareSpec(name="Renesas RA6M4", vendor="Renesas", year=2020, tier="tiny", aliases=("RA6M4",),
        architecture="Cortex-M33",
        peak_dense_flop_per_s={"fp32": 400e6, "int8": 800e6},
        memory_bytes=256 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=800e6,
        flash_bytes=1 * _MIB, max_power_w=0.094, power_basis="estimate", idle_power_w=24e-6,
        price_usd=8, price_year=2020, embodied_kgco2e=5, clock_hz=200e6, cores=1,
        int8_macs_per_cycle=2,
        source="mlperf-tiny-results", estimated=("max_power_w", "memory_bytes", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M33."),
    HardwareSpec(name="Renesas RA8D1", vendor="Renesas", year=2023, tier="tiny", aliases=("RA8D1",),
        architecture="Cortex-M85",
        peak_dense_flop_per_s={"fp32": 960e6, "int8": 7.68e9},
        memory_bytes=1 * _MIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=1.92e9,
        flash_bytes=2 * _MIB, max_power_w=0.4, power_basis="estimate", idle_power_w=100e-6,
        price_usd=6, price_year=2023, embodied_kgco2e=5, clock_hz=480e6, cores=1,
        int8_macs_per_cycle=8,
        source="mlperf-tiny-results", estimated=("int8_macs_per_cycle", "max_power_w"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Cortex-M85."),
    HardwareSpec(name="STM32G0B1", vendor="ST", year=2020, tier="tiny",
        architecture="Cortex-M0+",
        peak_dense_flop_per_s={"int8": 64e6},
        memory_bytes=144 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=256e6,
        flash_bytes=512 * _KIB, max_power_w=0.02, power_basis="estimate", idle_power_w=5e-6,
        price_usd=3, price_year=2020, embodied_kgco2e=5, clock_hz=64e6, cores=1,
        int8_macs_per_cycle=0.5,
        source="mlperf-tiny-results",
        estimated=("int8_macs_per_cycle", "max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="Cortex-M0+, no floating point."),
    HardwareSpec(name="RP2040", vendor="Raspberry Pi", year=2021, tier="tiny",
        architecture="Cortex-M0+",
        peak_dense_flop_per_s={"int8": 266e6},
        memory_bytes=264 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=532e6,
        flash_bytes=2 * _MIB, max_power_w=0.09, power_basis="estimate", idle_power_w=22e-6,
        price_usd=1, price_year=2021, embodied_kgco2e=5, clock_hz=133e6, cores=2,
        int8_macs_per_cycle=0.5,
        source="pico-tflmicro", estimated=("int8_macs_per_cycle", "max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="2 Cortex-M0+, no floating point; flash is external."),
    HardwareSpec(name="ESP32", vendor="Espressif", year=2016, tier="tiny",
        architecture="Scalar core",
        peak_dense_flop_per_s={"fp32": 960e6, "int8": 960e6},
        memory_bytes=520 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=960e6,
        flash_bytes=4 * _MIB, max_power_w=0.25, power_basis="estimate", idle_power_w=33e-6,
        price_usd=3, price_year=2016, embodied_kgco2e=5, clock_hz=240e6, cores=2,
        int8_macs_per_cycle=1,
        source="esp-nn-readme",
        estimated=("idle_power_w", "int8_macs_per_cycle", "max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, embodied_kgco2e="prakash-2023-tinyml"),
        notes="2 Xtensa LX6."),
    HardwareSpec(name="ESP32-S3", vendor="Espressif", year=2021, tier="tiny",
        architecture="Xtensa LX7",
        peak_dense_flop_per_s={"fp32": 960e6, "int8": 15.36e9},
        memory_bytes=512 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=960e6,
        flash_bytes=8 * _MIB, max_power_w=0.33, power_basis="estimate", idle_power_w=23e-6,
        price_usd=3, price_year=2021, embodied_kgco2e=5, clock_hz=240e6, cores=2,
        int8_macs_per_cycle=16,
        source="esp-nn-readme",
        estimated=("idle_power_w", "int8_macs_per_cycle", "max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, embodied_kgco2e="prakash-2023-tinyml"),
        notes="2 Xtensa LX7 with 128-bit SIMD; the esp-nn kernels reach 1.24 MAC/cycle."),
    HardwareSpec(name="ESP32-C3", vendor="Espressif", year=2020, tier="tiny",
        architecture="Scalar core",
        peak_dense_flop_per_s={"int8": 320e6},
        memory_bytes=400 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=640e6,
        flash_bytes=4 * _MIB, max_power_w=0.1, power_basis="estimate", idle_power_w=25e-6,
        price_usd=1.5, price_year=2020, embodied_kgco2e=5, clock_hz=160e6, cores=1,
        int8_macs_per_cycle=1,
        source="esp-nn-readme", estimated=("int8_macs_per_cycle", "max_power_w", "price_usd"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="RISC-V, no floating point."),
    HardwareSpec(name="ESP32-P4", vendor="Espressif", year=2024, tier="tiny",
        architecture="Xtensa LX7",
        peak_dense_flop_per_s={"fp32": 1.44e9, "int8": 23.04e9},
        memory_bytes=768 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=1.44e9,
        flash_bytes=16 * _MIB, max_power_w=0.4, power_basis="estimate", idle_power_w=100e-6,
        price_usd=6, price_year=2024, embodied_kgco2e=5, clock_hz=360e6, cores=2,
        int8_macs_per_cycle=16,
        source="esp-nn-readme", estimated=("int8_macs_per_cycle", "max_power_w"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="2 RISC-V with 128-bit SIMD."),
    HardwareSpec(name="Analog Devices MAX78000", vendor="Analog Devices", year=2020, tier="tiny",
        aliases=("MAX78000",),
        architecture="Neural array",
        peak_dense_flop_per_s={"int8": 57.6e9},
        memory_bytes=512 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=200e6,
        flash_bytes=442 * _KIB, max_power_w=0.03, power_basis="estimate", idle_power_w=7.5e-6,
        price_usd=15, price_year=2020, embodied_kgco2e=5, clock_hz=50e6, cores=1,
        int8_macs_per_cycle=576,
        source="max78000-datasheet",
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "embodied_kgco2e"),
        notes="64 CNN processors of 9 MAC; flash is the 442 KiB weight memory."),
    HardwareSpec(name="Arm Ethos-U55-256", vendor="Arm", year=2020, tier="tiny",
        aliases=("Ethos-U55",),
        architecture="Neural array",
        peak_dense_flop_per_s={"int8": 256e9},
        memory_bytes=2 * _MIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=2e9,
        max_power_w=0.05, power_basis="estimate", idle_power_w=13e-6, price_usd=6,
        price_year=2020, embodied_kgco2e=5, clock_hz=500e6, cores=1, int8_macs_per_cycle=256,
        source="arm-ethos-u55-page",
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="NPU beside a Cortex-M55; scales with clock and MACs."),
    HardwareSpec(name="GreenWaves GAP9", vendor="GreenWaves", year=2022, tier="tiny",
        aliases=("GAP9",),
        architecture="Neural array",
        peak_dense_flop_per_s={"fp32": 740e6, "int8": 111e9},
        memory_bytes=1536 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=1.48e9,
        flash_bytes=2 * _MIB, max_power_w=0.053, power_basis="measured", idle_power_w=13e-6,
        price_usd=6, price_year=2022, embodied_kgco2e=5, clock_hz=370e6, cores=1,
        int8_macs_per_cycle=150,
        source="mlperf-tiny-results", estimated=("int8_macs_per_cycle", "memory_bytes"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="RISC-V cluster with an NE16 unit."),
    HardwareSpec(name="Syntiant NDP9120", vendor="Syntiant", year=2021, tier="tiny",
        aliases=("NDP9120",),
        architecture="Syntiant",
        peak_dense_flop_per_s={"int8": 12.6336e9},
        memory_bytes=512 * _KIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=394.8e6,
        max_power_w=0.028, power_basis="measured", idle_power_w=7e-6, price_usd=6,
        price_year=2021, embodied_kgco2e=5, clock_hz=98.7e6, cores=1, int8_macs_per_cycle=64,
        source="mlperf-tiny-results", estimated=("int8_macs_per_cycle", "memory_bytes"),
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="Neural decision processor."),
    HardwareSpec(name="Himax WE-I Plus", vendor="Himax", year=2020, tier="tiny",
        aliases=("WE-I Plus",),
        architecture="Scalar core",
        peak_dense_flop_per_s={"fp32": 800e6, "int8": 1.6e9},
        memory_bytes=2 * _MIB, memory_kind="SRAM", memory_bandwidth_byte_per_s=1.6e9,
        flash_bytes=2 * _MIB, max_power_w=0.005, power_basis="always-on claim",
        idle_power_w=1.3e-6, price_usd=6, price_year=2020, embodied_kgco2e=5, clock_hz=400e6,
        cores=1, int8_macs_per_cycle=2,
        source="himax-we-i-brief",
        field_sources=_by_rule(*_FROM_CLOCK, "idle_power_w", "price_usd", "embodied_kgco2e"),
        notes="ARC EM9D."),
)
# fmt: on

Hardware: Registry[HardwareSpec] = Registry("hardware", lambda: _CLOUD + _EDGE + _MOBILE + _TINY)
