"""What a hardware twin states, and the rules its estimates follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlsysim import formulas
from mlsysim.architectures import Architecture, Architectures
from mlsysim.errors import InvalidInput, UnknownName, require_number
from mlsysim.precisions import Precision, Precisions
from mlsysim.registry import FrozenDict
from mlsysim.sources import Source, Sourced, Sources
from mlsysim.tracing import as_float
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

    >>> from mlsysim import Hardware
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

        >>> from mlsysim import Hardware
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

        >>> from mlsysim import Hardware
        >>> Hardware["H100"].peak_flop_per_s("fp16") / 1e12
        989.5
        """
        return self.peak_dense_flop_per_s[self.compute_precision(precision)]

    def plateau(self, precision: str) -> float:
        """Return the share of dense peak that the best matrix multiplications reach.

        Formats of one width share a plateau; what was measured in 8 bits stands for 4 as well.

        >>> from mlsysim import Hardware
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
        fraction: float = as_float(
            formulas.power_limited_fraction(
                power=self.max_power_w,
                at_full_clock=usual * architecture.full_clock_joule_per_flop,
            )
        )
        return fraction

    def at_clock(self, clock_hz: float) -> HardwareSpec:
        """Return this hardware at another clock: rates follow it, power follows clock and supply.

        P' = P · (f' / f)^k, with k = 1 where the supply voltage stays as it is

        >>> from mlsysim import Hardware
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

        >>> from mlsysim import Hardware
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


def by_rule(*names: str, **others: str) -> FrozenDict[str, str]:
    """Name the stated rule of each field in `names`, and the source ids given for `others`."""
    return FrozenDict({**{name: _RULES[name] for name in names}, **others})


_MEASURED_AS = {
    "fp16": ("bf16",),
    "tf32": ("bf16",),
    "fp8": ("fp8", "bf16"),
    "fp4": ("fp8", "bf16"),
    "int8": ("fp8", "bf16"),
}

IDLE_AND_PRICE = ("idle_power_w", "price_usd")
FROM_CLOCK = ("peak_dense_flop_per_s", "memory_bandwidth_byte_per_s")
KIB, MIB, GIB = 2**10, 2**20, 2**30
