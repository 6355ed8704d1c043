"""Units: one pint registry, created when first needed, and the scales people read.

The solver computes with plain SI numbers whose name says the unit. Quantities appear at the
edges: results are handed out as quantities, and inputs may be quantities or strings with a unit.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from mlsysim.errors import DimensionError, InvalidInput

if TYPE_CHECKING:
    import pint

# Money, work done, data and emissions are dimensions of their own, so that adding dollars to
# tokens, or bytes to a plain count, is an error. Pint's default registry has bytes dimensionless.
_DEFINITIONS = """
micro- = 1e-6 = µ- = u-
nano- = 1e-9 = n-
milli- = 1e-3 = m-
centi- = 1e-2 = c-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
peta- = 1e15 = P-
exa- = 1e18 = E-
zetta- = 1e21 = Z-
yotta- = 1e24 = Y-
kibi- = 1024 = Ki-
mebi- = 1024**2 = Mi-
gibi- = 1024**3 = Gi-
tebi- = 1024**4 = Ti-
second = [time] = s = sec
meter = [length] = m = metre
kilogram = [mass] = kg
gram = 1e-3 * kilogram = g
tonne = 1000 * kilogram = t
kelvin = [temperature] = K
degree_Celsius = kelvin; offset: 273.15 = °C = celsius
degree = 0.017453292519943295 = deg
byte = [information] = B
bit = byte / 8 = b
flop = [operation] = FLOP = op = OP
mac = 2 * flop = MAC
token = [token] = tok
sample = [sample] = request = inference = image
parameter = [parameter]
device = [device]
failure = [failure]
USD = [currency] = dollar = usd
gram_CO2e = [carbon_dioxide_equivalent] = gCO2e
tonne_CO2e = 1e6 * gram_CO2e = tCO2e
percent = 0.01 = %
minute = 60 * second = min
hour = 3600 * second = h = hr
day = 86400 * second = d
week = 7 * day
month = 30.4375 * day
year = 365.25 * day = a = yr
hertz = 1 / second = Hz
newton = kilogram * meter / second ** 2 = N
joule = newton * meter = J
watt = joule / second = W
watt_hour = watt * hour = Wh
litre = 1e-3 * meter ** 3 = L = liter = l
"""


@cache
def registry() -> pint.UnitRegistry[Any]:
    """Return the one unit registry of the package.

    >>> registry()("3.35 TB/s").to("byte/second").magnitude
    3350000000000.0
    """
    import pint

    ureg: pint.UnitRegistry[Any] = pint.UnitRegistry(None)
    ureg.load_definitions(_DEFINITIONS.strip().splitlines())
    ureg.formatter.default_format = "~P"
    return ureg


def quantity(value: Any, unit: str) -> pint.Quantity[Any]:
    """Attach a unit to a number or array.

    >>> print(quantity(2.0, "joule") * quantity(3.0, "1/second"))
    6.0 J/s
    """
    result: pint.Quantity[Any] = registry().Quantity(value, unit)
    return result


def is_quantity(value: Any) -> bool:
    """Tell whether `value` is a pint quantity, without importing pint.

    >>> is_quantity(1.0), is_quantity(quantity(1.0, "s"))
    (False, True)
    """
    return hasattr(value, "magnitude") and hasattr(value, "dimensionality")


def to_unit(field: str, value: Any, unit: str) -> Any:
    """Return the plain number of `unit` in a quantity, a string with a unit, or a bare number.

    A bare number is taken to be in `unit` already. Raises `DimensionError` when the unit cannot
    be converted, `InvalidInput` when a string cannot be read.

    >>> to_unit("duration_days", "36 hour", "day")
    1.5
    """
    if isinstance(value, str):
        value = _parse(field, value, unit)
    if not is_quantity(value):
        return value
    try:
        ours = value if value._REGISTRY is registry() else _adopt(value)
        return ours.to(unit).magnitude
    except Exception as error:
        raise DimensionError(field, str(value), f"a quantity in {unit}") from error


# The longest suffix that fits decides, so `_byte_per_s` is listed before `_s`.
_FIELD_UNITS = {
    "matrix_plateau": "dimensionless",
    "failures_per_1000_node_days": "millifailure/day",
    "_g_per_kwh": "gram_CO2e/kilowatt_hour",
    "_l_per_kwh": "litre/kilowatt_hour",
    "_usd_per_kwh": "USD/kilowatt_hour",
    "_byte_per_s": "byte/second",
    "_byte_per_s_per_direction": "byte/second",
    "_k_per_w": "kelvin/watt",
    "_celsius": "degree_Celsius",
    "_km": "kilometer",
    "_kwh_per_gb": "kilowatt_hour/gigabyte",
    "_usd_per_gb": "USD/gigabyte",
    "_usd_per_gb_month": "USD/gigabyte/month",
    "_byte_per_s_per_tb": "byte/second/terabyte",
    "_byte_per_s_per_node": "byte/second",
    "_w_per_tb": "watt/terabyte",
    "_flop_per_s": "flop/second",
    "_kg_per_j": "kilogram_CO2e/joule",
    "_l_per_j": "litre/joule",
    "_usd_per_j": "USD/joule",
    "_bytes": "byte",
    "_hz": "hertz",
    "_usd": "USD",
    "_kgco2e": "kilogram_CO2e",
    "_deg": "degree",
    "_days": "day",
    "_hours": "hour",
    "_years": "year",
    "_wh": "watt_hour",
    "_kwh": "kilowatt_hour",
    "_kw": "kilowatt",
    "_ms": "millisecond",
    "_w": "watt",
    "_j": "joule",
    "_l": "litre",
    "_s": "second",
}
_LONGEST_FIRST = sorted(_FIELD_UNITS, key=len, reverse=True)


@cache
def unit_of_field(name: str) -> str | None:
    """Return the unit that the suffix of a field name states, or None when it states none.

    >>> unit_of_field("memory_bandwidth_byte_per_s"), unit_of_field("idle_power_w")
    ('byte/second', 'watt')
    >>> unit_of_field("cores") is None
    True
    """
    return next((_FIELD_UNITS[end] for end in _LONGEST_FIRST if name.endswith(end)), None)


@cache
def words_of_field(name: str) -> str:
    """Return the name of a field or variable in words, without the unit that it ends in.

    >>> words_of_field("carbon_intensity_g_per_kwh"), words_of_field("_optimizer_time")
    ('carbon intensity', 'optimizer time')
    >>> words_of_field("peak_dense_flop_per_s.fp16")
    'peak dense (fp16)'
    """
    field, _, entry = name.partition(".")
    end = next((end for end in _LONGEST_FIRST if end[0] == "_" and field.endswith(end)), "")
    words = field.removesuffix(end).strip("_").replace("_", " ") or field
    return f"{words} ({entry.replace('_', ' ')})" if entry else words


# Pint computes what it reads: a nested power would keep it busy for years.
_POWER = re.compile(r"\*\*|\^|[¹²³⁰⁴-⁹]")
_DIGIT = re.compile(r"\d")
_LONGEST_TEXT = 100


def _parse(field: str, text: str, unit: str) -> Any:
    refusal = InvalidInput(field, text, f"a number, or a number with a unit such as {unit}")
    if len(text) > _LONGEST_TEXT or _POWER.search(text) or not _DIGIT.search(text):
        raise refusal
    try:
        parsed: Any = registry().Quantity(text)
    except Exception as error:
        raise refusal from error
    return parsed.magnitude if parsed.unitless and "%" not in text else parsed


def _adopt(value: Any) -> Any:
    return registry().Quantity(value.magnitude, str(value.units))


class Scale(NamedTuple):
    """One step of the ladder of units in which people read a base unit."""

    suffix: str
    label: str
    factor: float

    def of(self, value: Any) -> Any:
        """Return a value, or an array of values, of the base unit on this step.

        >>> best_scale(0.084, "second").of(0.042)
        42.0
        """
        return value / self.factor


_BINARY = [("bytes", "B", 1.0), ("kib", "KiB", 2.0**10), ("mib", "MiB", 2.0**20),
           ("gib", "GiB", 2.0**30), ("tib", "TiB", 2.0**40), ("pib", "PiB", 2.0**50)]  # fmt: skip
_SI_PREFIXES = [("", "", 1.0), ("k", "k", 1e3), ("mega", "M", 1e6), ("g", "G", 1e9),
                ("tera", "T", 1e12), ("p", "P", 1e15), ("e", "E", 1e18),
                ("zetta", "Z", 1e21), ("yotta", "Y", 1e24)]  # fmt: skip


def _si(suffix: str, label: str) -> list[tuple[str, str, float]]:
    return [(f"{name}{suffix}", f"{sign}{label}", factor) for name, sign, factor in _SI_PREFIXES]


_LADDERS: dict[str, list[tuple[str, str, float]]] = {
    "second": [("ns", "ns", 1e-9), ("us", "µs", 1e-6), ("ms", "ms", 1e-3), ("s", "s", 1.0),
               ("minutes", "min", 60.0), ("hours", "h", 3600.0), ("days", "days", 86400.0),
               ("years", "years", 365.25 * 86400.0)],
    "joule": [("pj", "pJ", 1e-12), ("nj", "nJ", 1e-9), ("uj", "µJ", 1e-6), ("mj", "mJ", 1e-3),
              ("j", "J", 1.0), ("kj", "kJ", 1e3),
              ("kwh", "kWh", 3.6e6), ("mwh", "MWh", 3.6e9), ("gwh", "GWh", 3.6e12),
              ("twh", "TWh", 3.6e15)],
    "watt": [("uw", "µW", 1e-6), ("mw", "mW", 1e-3), ("w", "W", 1.0), ("kw", "kW", 1e3),
             ("megawatts", "MW", 1e6), ("gigawatts", "GW", 1e9), ("terawatts", "TW", 1e12)],
    "kilogram_CO2e": [("mg", "mg CO₂e", 1e-6), ("g", "g CO₂e", 1e-3), ("kg", "kg CO₂e", 1.0),
                      ("t", "t CO₂e", 1e3), ("kt", "kt CO₂e", 1e6), ("mt", "Mt CO₂e", 1e9),
                      ("gt", "Gt CO₂e", 1e12)],
    "litre": [("ml", "mL", 1e-3), ("l", "L", 1.0), ("m3", "m³", 1e3), ("megalitres", "ML", 1e6),
              ("gigalitres", "GL", 1e9)],
    "USD": [("usd", "$", 1.0), ("thousand_usd", "$k", 1e3), ("million_usd", "$M", 1e6),
            ("billion_usd", "$B", 1e9), ("trillion_usd", "$T", 1e12)],
    "byte": _BINARY,
    "byte/second": _si("byte_per_s", "B/s"),
    "flop": _si("flop", "FLOP"),
    "flop/second": _si("flop_per_s", "FLOP/s"),
    "flop/byte": [("flop_per_byte", "FLOP/B", 1.0)],
    "sample": _si("samples", ""),
    "token": _si("tokens", ""),
    "sample/second": [("per_day", "/day", 1 / 86400), ("per_s", "/s", 1.0),
                      ("k_per_s", "k/s", 1e3), ("million_per_s", "M/s", 1e6),
                      ("billion_per_s", "G/s", 1e9)],
    "joule/sample": [("uj", "µJ", 1e-6), ("mj", "mJ", 1e-3), ("j", "J", 1.0), ("kj", "kJ", 1e3),
                     ("wh", "Wh", 3.6e3), ("kwh", "kWh", 3.6e6), ("mwh", "MWh", 3.6e9)],
    "USD/sample": [
        ("usd_per_billion", "$ per billion", 1e-9),
        ("usd_per_million", "$ per million", 1e-6),
        ("usd_per_thousand", "$ per thousand", 1e-3),
        ("usd", "$ each", 1.0),
    ],
    "kilogram_CO2e/joule": [("g_per_kwh", "g CO₂e/kWh", 1e-3 / 3.6e6)],
    "USD/joule": [("usd_per_kwh", "$/kWh", 1 / 3.6e6)],
    "USD/kilowatt_hour": [("usd_per_kwh", "$/kWh", 1.0)],
    "litre/joule": [("l_per_kwh", "L/kWh", 1 / 3.6e6)],
    "1/second": [("per_s", "/s", 1.0)],
    "dimensionless": [("percent", "%", 0.01), ("fraction", "", 1.0)],
    "degree_Celsius": [("celsius", "°C", 1.0)],
    "device": [
        ("devices", "", 1.0),
        ("million_devices", "million", 1e6),
        ("billion_devices", "billion", 1e9),
    ],
    "failure": [
        ("failures", "", 1.0),
        ("million_failures", "million", 1e6),
        ("billion_failures", "billion", 1e9),
    ],
}  # fmt: skip

LADDERS: dict[str, tuple[Scale, ...]] = {
    unit: tuple(Scale(*step) for step in steps) for unit, steps in _LADDERS.items()
}


def scale_of(unit: str, suffix: str) -> float | None:
    """Return how many base units one `suffix` is, or None when the ladder has no such step.

    >>> scale_of("kilogram_CO2e", "t")
    1000.0
    """
    return next((step.factor for step in LADDERS[unit] if step.suffix == suffix), None)


def best_scale(value: float, unit: str) -> Scale:
    """Return the step of the ladder on which `value` reads best.

    >>> best_scale(0.0041, "second").label
    'ms'
    """
    ladder = LADDERS[unit]
    magnitude = abs(value)
    if magnitude == 0 or not math.isfinite(magnitude):
        return min(ladder, key=lambda step: abs(math.log(step.factor)))
    # What would be written as 1,000 of a step is 1 of the next.
    fitting = [step for step in ladder if step.factor <= magnitude * 1.0005]
    return fitting[-1] if fitting else ladder[0]


_PLURALS = ("days", "years")


def humanize(value: float | None, unit: str) -> str:
    """Write a value of a base unit in three significant digits and the unit people read.

    >>> humanize(12_400, "kilogram_CO2e"), humanize(0.5, "dimensionless"), humanize(None, "second")
    ('12.4 t CO₂e', '50 %', '–')
    """
    if value is None:
        return "–"
    if unit == "dimensionless":
        return f"{_digits(value * 100)} %" if abs(value) <= 1 else _digits(value)
    return _written(value, best_scale(value, unit))


def in_base_unit(value: float, unit: str) -> str:
    """Write a value of a base unit in that very unit, as short as people write it.

    >>> in_base_unit(0.0843, "second"), in_base_unit(1234.5, "USD"), in_base_unit(0.5, "sample")
    ('0.0843 s', '$1,234', '0.5')
    """
    return _written(value, next(step for step in LADDERS[unit] if step.factor == 1.0))


def _written(value: float, step: Scale) -> str:
    number = _digits(value / step.factor)
    if step.label.startswith("$"):
        return f"${number}{step.label[1:]}"
    label = step.label.removesuffix("s") if number == "1" and step.label in _PLURALS else step.label
    return f"{number}{'' if label.startswith('/') else ' '}{label}".rstrip()


def number_text(value: float) -> str:
    """Write a number in three significant digits.

    >>> number_text(1234.5), number_text(8.667e-9)
    ('1,234', '8.67e-9')
    """
    return _digits(value)


@cache
def unit_text(unit: str) -> str:
    """Write a unit the short way, nothing for plain numbers.

    >>> unit_text("gram_CO2e/kilowatt_hour"), unit_text("dimensionless")
    ('g CO₂e/kWh', '')
    """
    if unit in ("", "dimensionless"):
        return ""
    if unit == "year":
        return "years"
    return str(quantity(1.0, unit).units).replace("gCO2e", "g CO₂e")


def _digits(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 0.001 <= abs(value) < 1e6:
        decimals = max(0, 2 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


# What a law takes and gives. The unit is part of the type: `law` reads it for its checks.
Numeric = Any
Seconds = Annotated[Numeric, "second"]
Joules = Annotated[Numeric, "joule"]
Watts = Annotated[Numeric, "watt"]
Bytes = Annotated[Numeric, "byte"]
BytesPerSecond = Annotated[Numeric, "byte/second"]
Flop = Annotated[Numeric, "flop"]
FlopPerSecond = Annotated[Numeric, "flop/second"]
FlopPerByte = Annotated[Numeric, "flop/byte"]
Samples = Annotated[Numeric, "sample"]
SamplesPerSecond = Annotated[Numeric, "sample/second"]
JoulesPerSample = Annotated[Numeric, "joule/sample"]
Kilograms = Annotated[Numeric, "kilogram"]
KilogramsCO2e = Annotated[Numeric, "kilogram_CO2e"]
KilogramsCO2ePerJoule = Annotated[Numeric, "kilogram_CO2e/joule"]
Litres = Annotated[Numeric, "litre"]
LitresPerJoule = Annotated[Numeric, "litre/joule"]
Dollars = Annotated[Numeric, "USD"]
DollarsPerJoule = Annotated[Numeric, "USD/joule"]
PerSecond = Annotated[Numeric, "1/second"]
Meters = Annotated[Numeric, "meter"]
MetersPerSecond = Annotated[Numeric, "meter/second"]
DollarsPerByte = Annotated[Numeric, "USD/byte"]
DollarsPerByteSecond = Annotated[Numeric, "USD/byte/second"]
Kelvins = Annotated[Numeric, "kelvin"]
KelvinsPerWatt = Annotated[Numeric, "kelvin/watt"]
Parameters = Annotated[Numeric, "parameter"]
BytesPerParameter = Annotated[Numeric, "byte/parameter"]
DollarsPerSample = Annotated[Numeric, "USD/sample"]
Failures = Annotated[Numeric, "failure"]
FailuresPerSecond = Annotated[Numeric, "failure/second"]
Count = Annotated[Numeric, "dimensionless"]
Fraction = Annotated[Numeric, "dimensionless"]
