"""Units: the ladders people read against the registry that laws are checked with."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlsysim.errors import DimensionError, InvalidInput
from mlsysim.units import LADDERS, humanize, quantity, registry, scale_of, to_unit, unit_of_field

# How the registry spells each step whose name it does not know.
_SPELLED = {
    ("joule", "j"): "joule", ("joule", "mj"): "millijoule", ("joule", "uj"): "microjoule",
    ("joule", "mwh"): "megawatt_hour", ("joule", "gwh"): "gigawatt_hour",
    ("joule", "twh"): "terawatt_hour", ("joule", "kwh"): "kilowatt_hour",
    ("watt", "mw"): "milliwatt", ("watt", "uw"): "microwatt", ("watt", "w"): "watt",
    ("watt", "kw"): "kilowatt", ("watt", "megawatts"): "megawatt",
    ("watt", "gigawatts"): "gigawatt", ("watt", "terawatts"): "terawatt",
    ("kilogram_CO2e", "mg"): "milligram_CO2e", ("kilogram_CO2e", "g"): "gram_CO2e",
    ("kilogram_CO2e", "kg"): "kilogram_CO2e", ("kilogram_CO2e", "t"): "tonne_CO2e",
    ("kilogram_CO2e", "kt"): "kilotonne_CO2e", ("kilogram_CO2e", "mt"): "megatonne_CO2e",
    ("kilogram_CO2e", "gt"): "gigatonne_CO2e",
    ("litre", "ml"): "millilitre", ("litre", "l"): "litre", ("litre", "m3"): "meter ** 3",
    ("litre", "megalitres"): "megalitre", ("litre", "gigalitres"): "gigalitre",
    ("second", "ns"): "nanosecond", ("second", "us"): "microsecond",
    ("second", "ms"): "millisecond", ("second", "s"): "second", ("second", "minutes"): "minute",
    ("second", "hours"): "hour", ("second", "days"): "day", ("second", "years"): "year",
    ("byte", "bytes"): "byte", ("byte", "kib"): "kibibyte", ("byte", "mib"): "mebibyte",
    ("byte", "gib"): "gibibyte", ("byte", "tib"): "tebibyte", ("byte", "pib"): "1024 tebibyte",
    ("dimensionless", "percent"): "percent",
}  # fmt: skip


@pytest.mark.parametrize(("step", "spelled"), _SPELLED.items(), ids=str)
def test_each_step_is_as_large_as_the_registry_says(step, spelled):
    unit, suffix = step
    expected = registry().Quantity(f"1 * {spelled}").to(unit).magnitude
    assert scale_of(unit, suffix) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("unit", LADDERS)
def test_ladders_climb_and_no_step_has_two_names(unit):
    factors = [step.factor for step in LADDERS[unit]]
    assert factors == sorted(factors)
    suffixes = [step.suffix for step in LADDERS[unit]]
    assert len(set(suffixes)) == len(suffixes)
    assert quantity(1.0, unit).check(quantity(1.0, unit).dimensionality)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0879, "second", "87.9 ms"),
        (86_400.0, "second", "1 day"),
        (2 * 86_400.0, "second", "2 days"),
        (365.25 * 86_400.0, "second", "1 year"),
        (0.0, "second", "0 s"),
        (-0.002, "second", "-2 ms"),
        (3.6e6, "joule", "1 kWh"),
        (3.6e9, "joule", "1 MWh"),
        (12_345.0, "kilogram_CO2e", "12.3 t CO₂e"),
        (999.4, "litre", "999 L"),
        (2.69e3, "USD", "$2.69k"),
        (0.5, "USD", "$0.5"),
        (8.36e-7, "USD/sample", "$836 per billion"),
        (80 * 2**30, "byte", "80 GiB"),
        (989.5e12, "flop/second", "990 TFLOP/s"),
        (3.35e12, "byte/second", "3.35 TB/s"),
        (0.0172, "dimensionless", "1.72 %"),
        (12.5, "dimensionless", "12.5"),
        (1e7, "device", "10 million"),
        (199_863.0, "failure", "199,863"),
        (11.4, "sample/second", "11.4/s"),
        (25.2e6, "sample/second", "25.2 M/s"),
        (None, "second", "–"),
    ],
)
def test_people_read(value, unit, words):
    assert humanize(value, unit) == words


@pytest.mark.parametrize(
    ("given", "unit", "expected"),
    [
        ("30 days", "day", 30.0),
        ("2 weeks", "day", 14.0),
        ("1.5 h", "second", 5400.0),
        ("3.35 TB/s", "byte/second", 3.35e12),
        ("80 GiB", "byte", 80 * 2**30),
        ("8 b", "byte", 1.0),
        ("1 MAC", "flop", 2.0),
        ("50 %", "dimensionless", 0.5),
        ("7", "day", 7.0),
        (7, "day", 7),
    ],
)
def test_a_string_with_a_unit_is_converted(given, unit, expected):
    assert to_unit("field", given, unit) == pytest.approx(expected)


@pytest.mark.parametrize("given", ["3 kg", "3 USD", "3 token"])
def test_another_dimension_is_refused(given):
    with pytest.raises(DimensionError, match="field"):
        to_unit("field", given, "day")


@pytest.mark.parametrize("given", ["", "eight", "3 bananas", "1 +", "__import__('os')"])
def test_what_cannot_be_read_is_refused(given):
    with pytest.raises(InvalidInput, match="field"):
        to_unit("field", given, "day")


def test_quantities_of_another_registry_are_understood():
    import pint

    foreign = pint.UnitRegistry().Quantity(2.0, "hour")
    assert to_unit("field", foreign, "second") == pytest.approx(7200.0)


def test_arrays_keep_their_unit():
    hours = quantity(np.array([1.0, 2.0]), "hour")
    np.testing.assert_allclose(to_unit("field", hours, "second"), [3600.0, 7200.0])


@pytest.mark.parametrize("pair", ["USD token", "byte sample", "gram_CO2e kilogram", "flop device"])
def test_money_work_data_and_emissions_do_not_mix(pair):
    one, other = (quantity(1.0, unit) for unit in pair.split())
    with pytest.raises(Exception, match=r"[Cc]annot convert"):
        _ = one + other


def test_field_names_say_their_unit():
    assert unit_of_field("memory_bandwidth_byte_per_s") == "byte/second"
    assert unit_of_field("max_power_w") == "watt"
    assert unit_of_field("colour") is None
    assert math.isclose(to_unit("max_power_w", "0.7 kW", unit_of_field("max_power_w")), 700.0)
