"""Architectures: what the chips of one generation share, whatever their size and clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

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
    `link_fraction` is the share of its links that collectives reach. Where two of every four
    weights are zero, its matrix units are `structured_sparsity_speedup` times as fast.
    `memory_power_weight` and `arithmetic_power_weight` say how its power follows the use of both;
    where they are None, it draws its full power whenever it works.

    What small cores and neural arrays do slower than ordinary convolution: a multiply-accumulate
    costs `depthwise_cost` times as much in depthwise convolutions and `linear_cost` times in fully
    connected layers, and each output costs `output_cost_flop` to rescale and store. One
    that `works_on_chip` keeps activations there, and weights as far as they fit; the rest comes
    over its link in every execution. Power follows the clock to
    the power of `clock_power_exponent`: above 1 where the supply voltage is lowered with it.
    """

    name: str
    matrix_plateau: float | None = 1.0
    full_clock_joule_per_flop: float = 0.0
    sustained_fraction: float = 1.0
    tile_fill_s: float = 0.0
    vector_lanes_per_core: float | None = None
    exponentials_per_core_cycle: float | None = None
    link_fraction: float = 1.0
    structured_sparsity_speedup: float = 1.0
    memory_power_weight: float | None = None
    arithmetic_power_weight: float | None = None
    depthwise_cost: float = 1.0
    linear_cost: float = 1.0
    output_cost_flop: float = 0.0
    works_on_chip: bool = False
    clock_power_exponent: float = 1.0
    aliases: tuple[str, ...] = ()


# Data sheets promise twice the arithmetic; an A100 was measured to do 1.5 times as much.
_SKIP_HALF = ("Ampere", "Ampere graphics", "Ada", "Hopper", "Blackwell")


def _gpu(name: str, lanes: float, link_fraction: float, **fields: Any) -> Architecture:
    measured = name == "CDNA"
    return Architecture(
        name=name,
        matrix_plateau=fields.pop("matrix_plateau", None),
        full_clock_joule_per_flop=fitted("full_clock_joule_per_tflop") * 1e-12,
        tile_fill_s=fitted("tile_fill_s"),
        vector_lanes_per_core=lanes,
        exponentials_per_core_cycle=16.0,
        link_fraction=link_fraction,
        structured_sparsity_speedup=1.5 if name in _SKIP_HALF else 1.0,
        memory_power_weight=fitted("memory_power_weight"),
        arithmetic_power_weight=fields.pop(
            "arithmetic_power_weight", fitted("arithmetic_power_weight")
        ),
        source="mlsysim-fit",
        field_sources={
            **({"matrix_plateau": "ml-engineering-matmul"} if measured else {}),
            "vector_lanes_per_core": "cuda-programming-guide",
            "exponentials_per_core_cycle": "cuda-programming-guide",
            "link_fraction": "nccl-tests-bus-bandwidth",
            "structured_sparsity_speedup": "ashkboos-2024-slicegpt",
        },
        **fields,
    )


def _core(name: str, matrix_plateau: float, **fields: Any) -> Architecture:
    costs = {
        "depthwise_cost": fitted("core_depthwise_cost"),
        "linear_cost": fitted("core_linear_cost"),
        "output_cost_flop": fitted("core_output_cost_flop"),
    }
    return Architecture(
        name=name,
        matrix_plateau=matrix_plateau,
        source="mlsysim-fit",
        field_sources={"clock_power_exponent": "mlperf-tiny-results"},
        **(costs | fields),
    )


def _of_microcontrollers() -> tuple[Architecture, ...]:
    return (
        _core("Scalar core", fitted("scalar_core_plateau")),
        _core("Cortex-M0+", fitted("cortex_m0_plateau")),
        _core("Cortex-M4", fitted("cortex_m4_plateau")),
        _core("Cortex-M33", fitted("cortex_m33_plateau")),
        _core("Cortex-M7", fitted("cortex_m7_plateau")),
        # Nobody published a time of the vector extension of Arm's small cores that was read.
        replace(_core("Cortex-M85", 0.3), estimated=("matrix_plateau",)),
        _core("Xtensa LX7", fitted("xtensa_lx7_plateau")),
        _core("RISC-V packed SIMD", fitted("riscv_packed_plateau")),
        _core("RISC-V vector", fitted("riscv_vector_plateau")),
        _core("MVP", fitted("mvp_plateau")),
        _core("STM32U3 accelerator", fitted("stm32u3_accelerator_plateau")),
        # Measured at 30.7 MHz and 0.9 V and at 98.7 MHz and 1.1 V.
        _core("Syntiant", fitted("syntiant_plateau"), clock_power_exponent=1.23),
        _core(
            "Neural array",
            fitted("neural_array_plateau"),
            depthwise_cost=fitted("neural_array_depthwise_cost"),
            output_cost_flop=0.0,
            # Measured at 240 MHz and 0.65 V and at 370 MHz and 0.8 V.
            clock_power_exponent=1.85,
        ),
        Architecture(name="Neural-ART", works_on_chip=True, source="stm32-model-zoo"),
    )


def _of_edge_devices() -> tuple[Architecture, ...]:
    return (
        # What a CPU reaches of its peak is told by the runtime.
        Architecture(name="CPU", source="peak-from-clock"),
        Architecture(
            name="Edge TPU",
            matrix_plateau=fitted("edge_tpu_plateau"),
            works_on_chip=True,
            source="mlsysim-fit",
        ),
        # From frame rates, which overlap frames: no time of one frame was published.
        Architecture(
            name="Hailo",
            matrix_plateau=0.59,
            output_cost_flop=780.0,
            works_on_chip=True,
            source="hailo-model-zoo",
            estimated=("matrix_plateau", "output_cost_flop"),
        ),
    )


_RING, _IN_SWITCH = 0.74, 0.95


def _architectures() -> tuple[Architecture, ...]:
    early = fitted("early_arithmetic_power_weight")
    return (
        Architecture(name="other", source="architecture-unknown"),
        _gpu("Maxwell", 128, _RING, arithmetic_power_weight=early),
        _gpu("Pascal", 64, _RING, arithmetic_power_weight=early),
        _gpu("Volta", 64, _RING, arithmetic_power_weight=early),
        _gpu("Turing", 64, _RING, arithmetic_power_weight=early),
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
            memory_power_weight=fitted("memory_power_weight"),
            arithmetic_power_weight=early,
            source="mlsysim-fit",
            field_sources={"link_fraction": "nccl-tests-bus-bandwidth"},
        ),
        *_of_edge_devices(),
        *_of_microcontrollers(),
    )


Architectures: Registry[Architecture] = Registry("architecture", _architectures)
rebuilt_on_trial(Architectures)
