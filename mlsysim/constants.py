"""Physical and conversion constants that the laws need, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced
from mlsysim.tracing import SourcedFloat


@dataclass(frozen=True, kw_only=True)
class Constant(Sourced):
    """One constant of nature, of definition or of scale, in its `unit`.

    >>> Constants["speed_of_light"].value
    299792458.0
    """

    name: str
    symbol: str
    value: float
    unit: str
    label: str

    def __post_init__(self) -> None:
        value = require_number(f"value of {self.name}", self.value, exclusive=True)
        object.__setattr__(self, "value", value)


Constants: Registry[Constant] = Registry(
    "constant",
    lambda: (
        Constant(name="speed_of_light", symbol="c", value=299_792_458, unit="meter/second",
                 label="Speed of light in vacuum", source="si-brochure"),
        Constant(name="fibre_refractive_index", symbol="n", value=1.468, unit="dimensionless",
                 label="Group index of standard single-mode fibre at 1550 nm",
                 source="fibre-group-index"),
        Constant(name="zero_celsius", symbol="T_0", value=273.15, unit="kelvin",
                 label="Zero degrees Celsius", source="si-brochure"),
        Constant(name="near_route", symbol="d_near", value=1e6, unit="meter",
                 label="Distance beyond which cables take fewer detours", source="itu-y1541"),
        Constant(name="fixed_line_energy", symbol="e_line", value=0.06 / 2 ** ((2025 - 2015) / 2),
                 unit="kilowatt_hour/gigabyte",
                 label="Energy of fixed lines, 0.06 in 2015, halving every two years, in 2025",
                 source="aslan-2018"),
        Constant(name="collective_launch_time", symbol="t_0", value=8.4e-6, unit="second",
                 label="Time until a collective of NCCL sends its first byte",
                 source="nccl-tuning"),
        Constant(name="seconds_per_minute", symbol="min", value=60, unit="second",
                 label="Seconds in a minute", source="si-brochure"),
        Constant(name="seconds_per_hour", symbol="h", value=3600, unit="second",
                 label="Seconds in an hour", source="si-brochure"),
        Constant(name="seconds_per_day", symbol="d", value=86_400, unit="second",
                 label="Seconds in a day", source="si-brochure"),
        Constant(name="seconds_per_year", symbol="a", value=365.25 * 86_400, unit="second",
                 label="Seconds in a Julian year of 365.25 days", source="julian-year"),
        Constant(name="joules_per_kwh", symbol="kWh", value=3.6e6, unit="joule",
                 label="Joules in a kilowatt hour", source="si-brochure"),
        Constant(name="battery_aa_energy", symbol="E_AA", value=2.8, unit="watt_hour",
                 label="Energy of an AA alkaline cell at low drain", source="battery-cells"),
        Constant(name="battery_cr2032_energy", symbol="E_CR", value=0.68, unit="watt_hour",
                 label="Energy of a CR2032 coin cell, 225 mAh at 3 V", source="battery-cells"),
        Constant(name="battery_smartphone_energy", symbol="E_ph", value=15, unit="watt_hour",
                 label="Energy of a smartphone battery, 12 to 18 Wh in 2024",
                 source="battery-smartphone"),
        Constant(name="world_electricity_per_year", symbol="E_world", value=29_500,
                 unit="terawatt_hour", label="Electricity generated in the world in 2023",
                 source="world-electricity-2023"),
        Constant(name="conversation_prompt_tokens", symbol="p", value=1024, unit="dimensionless",
                 label="Tokens of the prompt of a chat request, a round figure near the mean",
                 source="azure-conversations-2023"),
        Constant(name="conversation_output_tokens", symbol="o", value=256, unit="dimensionless",
                 label="Tokens of the answer to a chat request, a round figure near the mean",
                 source="azure-conversations-2023"),
        Constant(name="first_token_deadline", symbol="t_first", value=2, unit="second",
                 label="Time to first token that 99 % of chat requests must keep in MLPerf",
                 source="mlperf-token-deadlines"),
        Constant(name="multiply_energy_fp32", symbol="E_mul32", value=3.7e-12, unit="joule",
                 label="Energy of a multiplication in 32-bit floating point, 45 nm",
                 source="horowitz-2014-energy"),
        Constant(name="add_energy_fp32", symbol="E_add32", value=0.9e-12, unit="joule",
                 label="Energy of an addition in 32-bit floating point, 45 nm",
                 source="horowitz-2014-energy"),
        Constant(name="multiply_energy_fp16", symbol="E_mul16", value=1.1e-12, unit="joule",
                 label="Energy of a multiplication in 16-bit floating point, 45 nm",
                 source="horowitz-2014-energy"),
        Constant(name="add_energy_fp16", symbol="E_add16", value=0.4e-12, unit="joule",
                 label="Energy of an addition in 16-bit floating point, 45 nm",
                 source="horowitz-2014-energy"),
        Constant(name="multiply_energy_int8", symbol="E_mul8", value=0.2e-12, unit="joule",
                 label="Energy of a multiplication of 8-bit integers, 45 nm",
                 source="horowitz-2014-energy"),
        Constant(name="add_energy_int8", symbol="E_add8", value=0.03e-12, unit="joule",
                 label="Energy of an addition of 8-bit integers, 45 nm",
                 source="horowitz-2014-energy"),
    ),
)  # fmt: skip


def _number(name: str) -> float:
    known = Constants[name]
    return SourcedFloat(
        known.value, name=name, label=known.label, unit=known.unit, source=known.source
    )


SECONDS_PER_MINUTE = _number("seconds_per_minute")
SECONDS_PER_HOUR = _number("seconds_per_hour")
SECONDS_PER_DAY = _number("seconds_per_day")
SECONDS_PER_YEAR = _number("seconds_per_year")
JOULES_PER_KWH = _number("joules_per_kwh")
