"""Architectures: what the chips of one generation share, whatever their size and clock."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.calibration import fitted, rebuilt_on_trial
from mlsysim.registry import Registry
from mlsysim.sources import Sourced


@dataclass(frozen=True, kw_only=True)
class Architecture(Sourced):
    """How a generation of chips turns peak rates into time.

    `matrix_plateau` is the share of dense peak that its best matrix multiplications reach where no
    figure of the chip itself is known; None leaves it to the power the chip may draw and
    `full_clock_joule_per_flop`, what its 16-bit arithmetic would draw at full clock.
    `sustained_fraction` what power and heat leave of it in
    16-bit work that lasts, `tile_fill_s` the time scale below which operators are too small to fill
    it. A core has `vector_lanes_per_core` multiply-add units in fp32 and computes
    `exponentials_per_core_cycle`; both are None where matrices and vectors are not told apart.
    `link_fraction` is the share of its links that collectives reach. `memory_power_weight` and
    `arithmetic_power_weight` say how its power follows the use of both; where they are None, it
    draws its full power whenever it works.
    """

    name: str
    matrix_plateau: float | None = 1.0
    full_clock_joule_per_flop: float = 0.0
    sustained_fraction: float = 1.0
    tile_fill_s: float = 0.0
    vector_lanes_per_core: float | None = None
    exponentials_per_core_cycle: float | None = None
    link_fraction: float = 1.0
    memory_power_weight: float | None = None
    arithmetic_power_weight: float | None = None
    aliases: tuple[str, ...] = ()


def _gpu(name: str, lanes: float, link_fraction: float, **fields: float) -> Architecture:
    measured = name == "CDNA"
    return Architecture(
        name=name,
        matrix_plateau=fields.pop("matrix_plateau", None),
        full_clock_joule_per_flop=fitted("full_clock_joule_per_tflop") * 1e-12,
        tile_fill_s=fitted("tile_fill_s"),
        vector_lanes_per_core=lanes,
        exponentials_per_core_cycle=16.0,
        link_fraction=link_fraction,
        memory_power_weight=fitted("memory_power_weight"),
        arithmetic_power_weight=fitted("arithmetic_power_weight"),
        source="mlsysim-fit",
        field_sources={
            **({"matrix_plateau": "ml-engineering-matmul"} if measured else {}),
            "vector_lanes_per_core": "cuda-programming-guide",
            "exponentials_per_core_cycle": "cuda-programming-guide",
            "link_fraction": "nccl-tests-bus-bandwidth",
        },
        **fields,
    )


_RING, _IN_SWITCH = 0.74, 0.95

Architectures: Registry[Architecture] = Registry(
    "architecture",
    lambda: (
        Architecture(name="other", source="architecture-unknown"),
        _gpu("Maxwell", 128, _RING),
        _gpu("Pascal", 64, _RING),
        _gpu("Volta", 64, _RING),
        _gpu("Turing", 64, _RING),
        _gpu("Ampere", 64, _RING),
        _gpu("Ampere graphics", 128, _RING),
        _gpu("Ada", 128, _RING),
        _gpu(
            "Hopper",
            128,
            _IN_SWITCH,
            sustained_fraction=fitted("hopper_sustained_fraction"),
        ),
        _gpu("Blackwell", 128, _RING),
        _gpu("CDNA", 64, _RING, matrix_plateau=0.60),
        _gpu("Apple GPU", 128, 1.0, matrix_plateau=fitted("apple_matrix_plateau")),
        Architecture(
            name="TPU",
            tile_fill_s=fitted("tile_fill_s"),
            matrix_plateau=fitted("tpu_matrix_plateau"),
            link_fraction=_IN_SWITCH,
            source="mlsysim-fit",
            field_sources={"link_fraction": "nccl-tests-bus-bandwidth"},
        ),
    ),
)
rebuilt_on_trial(Architectures)  # type: ignore[arg-type]  # a registry of some twins
