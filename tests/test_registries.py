"""The twins: every value of every record has a source that exists and a plausible size."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
import re
import statistics
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import mlsysim
from mlsysim import sources
from mlsysim.applications import Applications
from mlsysim.compression import Compressions
from mlsysim.constants import Constants
from mlsysim.enclosures import Enclosures
from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.fabrics import Fabrics
from mlsysim.facilities import Facilities, Facility
from mlsysim.failure_rates import FailureRates
from mlsysim.hardware import TIERS, Hardware, HardwareSpec
from mlsysim.models import Models, ModelSpec
from mlsysim.optimizers import Optimizers
from mlsysim.personas import Personas
from mlsysim.places import Places
from mlsysim.precisions import Precisions
from mlsysim.prices import Price, Prices
from mlsysim.radios import Radios
from mlsysim.regions import CARBON_BASES, Regions
from mlsysim.registry import Registry, identifier
from mlsysim.runtimes import Runtimes
from mlsysim.sources import Sources, provenance
from mlsysim.storage import Routes, StorageTiers
from mlsysim.systems import System, Systems
from mlsysim.units import quantity, unit_of_field

REGISTRIES: dict[str, Registry] = {
    "hardware": Hardware,
    "region": Regions,
    "facility": Facilities,
    "price": Prices,
    "constant": Constants,
    "model": Models,
    "runtime": Runtimes,
    "system": Systems,
    "failure rate": FailureRates,
    "radio": Radios,
    "enclosure": Enclosures,
    "place": Places,
    "fabric": Fabrics,
    "storage tier": StorageTiers,
    "route": Routes,
    "optimizer": Optimizers,
    "compression": Compressions,
    "application": Applications,
    "persona": Personas,
}
RECORDS = [
    pytest.param(twin, id=f"{kind}:{twin.name}")
    for kind, registry in REGISTRIES.items()
    for twin in registry.values()
]
TWINS = [pytest.param(twin, id=twin.name) for twin in Hardware.values()]


def two_digits(value: float) -> float:
    return float(f"{value:.2g}")


# Sources


@pytest.mark.parametrize("record", RECORDS)
def test_every_value_has_a_source_and_a_unit(record):
    rows = provenance(record)
    # A network is a function of shapes: its widths stand in its builder, under the one source.
    assert rows or isinstance(record, ModelSpec)
    assert record.source in Sources
    for row in rows:
        assert row.source in Sources
        assert math.isfinite(row.value)
        quantity(row.value, row.unit)


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_named_for_a_source_exists(record):
    for name in (*(record.field_sources or {}), *record.estimated):
        field, _, key = name.partition(".")
        value = getattr(record, field)
        assert value is not None
        assert not key or key in value
    assert not set(record.field_sources or {}) & set(record.estimated)


def test_every_source_is_used():
    package = Path(mlsysim.__file__).parent
    files = [*package.rglob("*.py"), *(package / "data").glob("*.csv")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    orphans = [name for name in Sources if not re.search(rf"(?<![\w-]){name}(?![\w-])", text)]
    assert orphans == []


@pytest.mark.parametrize("source", [pytest.param(one, id=one.name) for one in Sources.values()])
def test_source_can_be_looked_up(source):
    assert source.title
    assert 1950 < source.year < 2030
    assert source.locator
    assert source.kind == "estimate" or "not opened" not in source.locator


def test_source_files_are_in_alphabetical_order():
    for file in (sources.DATA / "sources").iterdir():
        names = list(tomllib.loads(file.read_text(encoding="utf-8")))
        assert names == sorted(names), file.name


def test_source_of_prefers_the_most_specific_statement():
    a10 = Hardware["A10"]
    assert a10.source_of("peak_dense_flop_per_s.fp32").name == "nvidia-a10-datasheet"
    assert a10.source_of("peak_dense_flop_per_s.int8").name == "project-estimate"
    assert a10.source_of("embodied_kgco2e").name == "estimate-embodied-carbon"
    assert a10.source_of("max_power_w").kind == "datasheet"


def test_unknown_kind_of_source_is_refused():
    with pytest.raises(InvalidInput, match="kind of source x: received 'rumour'"):
        sources.Source("x", "title", 2020, "somewhere", "rumour")


# Names


@pytest.mark.parametrize("registry", REGISTRIES.values(), ids=REGISTRIES)
def test_names_and_aliases_lead_to_the_same_twin(registry):
    for name, twin in registry.items():
        assert name == twin.name
        assert registry[identifier(name)] is twin
        for alias in getattr(twin, "aliases", ()):
            assert registry[alias] is twin
            assert alias == twin.name or alias not in list(registry)


def test_twins_are_attributes():
    assert Hardware.H100 is Hardware["NVIDIA H100 SXM5 80GB"]
    assert Hardware.Orin_NX is Hardware["Orin NX"]
    assert Hardware.ESP32_S3 is Hardware["ESP32-S3"]
    assert Hardware.STM32L4R5.tier == "tiny"
    assert Regions.gcp_us_central1 is Regions["gcp:us-central1"]
    assert Facilities.none.power_usage_effectiveness == 1


@pytest.mark.parametrize(
    ("registry", "typed", "meant"),
    [
        (Regions, "Quebecc", "Quebec"),
        (Regions, "us_avg", "US_Avg"),
        (Hardware, "ESP32-S2", "ESP32-S3"),
        (Facilities, "liquid_cooled_hall", "liquid_cooled_ai_hall"),
    ],
)
def test_unknown_name_suggests_a_near_one(registry, typed, meant):
    with pytest.raises(UnknownName, match=f"Did you mean '{meant}'"):
        registry[typed]


def test_a_name_taken_twice_is_refused():
    twice = Registry("hardware", lambda: (Hardware["H100"], Hardware["H100"]))
    with pytest.raises(InvalidInput, match="not taken yet"):
        len(twice)
    stolen = dataclasses.replace(Hardware["A100"], aliases=("H100",))
    both = Registry("hardware", lambda: (Hardware["H100"], stolen))
    with pytest.raises(InvalidInput, match="not taken yet"):
        both["H100"]


def test_tables_are_read_in_turn_until_a_name_is_found():
    read = []

    def table(*twins):
        read.append(twins)
        return twins

    both = Registry(
        "hardware", lambda: table(Hardware["ESP32-S3"]), lambda: table(Hardware["H100"])
    )
    assert both["ESP32-S3"] is Hardware["ESP32-S3"]
    assert len(read) == 1
    assert list(both) == ["ESP32-S3", Hardware["H100"].name]
    assert len(read) == 2
    with pytest.raises(UnknownName, match="Did you mean 'ESP32-S3'"):
        both["ESP32-S4"]
    assert len(read) == 2


def test_a_record_of_ones_own_kind_takes_twins_by_name_too():
    class Rack(System):
        """A system with nothing of its own."""

    rack = Rack(name="mine", label="Mine", hardware="H100", source="project-mission")
    assert rack.hardware is Hardware["H100"]


def test_a_record_takes_a_twin_or_its_name():
    named, given = (
        System(name="mine", label="Mine", hardware=each, source="project-mission")
        for each in ("H100", Hardware["H100"])
    )
    assert named.hardware is given.hardware is Hardware["H100"]
    assert named == given
    misspelled = dataclasses.replace(named, hardware="H1000")
    with pytest.raises(UnknownName, match="hardware: received 'H1000'"):
        _ = misspelled.hardware
    with pytest.raises(InvalidInput, match="hardware: received 7; accepted: a HardwareSpec"):
        dataclasses.replace(named, hardware=7)


def test_every_mission_asks_its_model_for_a_phase_that_it_has():
    for application in Applications.values():
        assert application.phase in application.model.phases
    given = Applications.Doorbell.model
    with pytest.raises(InvalidInput, match="phase of Doorbell: received 'decode'"):
        dataclasses.replace(Applications.Doorbell, model=given, phase="decode")


# Hardware


def test_all_tiers_are_populated():
    count = {tier: sum(twin.tier == tier for twin in Hardware.values()) for tier in TIERS}
    assert count == {"cloud": 40, "edge": 15, "mobile": 7, "tiny": 25}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("H100", "peak_dense_flop_per_s.fp16", 989.5e12),
        ("H100", "peak_dense_flop_per_s.fp8", 1979e12),
        ("H100", "memory_bytes", 80 * 2**30),
        ("H100", "memory_bandwidth_byte_per_s", 3.35e12),
        ("H100", "link_byte_per_s_per_direction", 450e9),
        ("H100", "embodied_kgco2e", 164),
        ("A100", "peak_dense_flop_per_s.bf16", 312e12),
        ("A100", "peak_dense_flop_per_s.int8", 624e12),
        ("L4", "peak_dense_flop_per_s.fp8", 242.5e12),
        ("B200", "peak_dense_flop_per_s.fp4", 9e15),
        ("B200", "max_power_w", 1000),
        ("GB200", "peak_dense_flop_per_s.fp16", 2.5e15),
        ("V100", "peak_dense_flop_per_s.fp32", 15.7e12),
        ("MI300X", "memory_bandwidth_byte_per_s", 5.3e12),
        ("TPUv4", "peak_dense_flop_per_s.bf16", 275e12),
        ("Orin NX", "peak_dense_flop_per_s.int8", 30.081e12),
        ("Orin NX", "max_power_w", 25),
        ("AGX Thor", "peak_dense_flop_per_s.fp4", 1035e12),
        ("Edge TPU", "on_chip_bytes", 8 * 2**20),
        ("ESP32-S3", "memory_bytes", 512 * 2**10),
        ("ESP32-S3", "flash_bytes", 8 * 2**20),
        ("ESP32-S3", "peak_dense_flop_per_s.int8", 15.36e9),
        ("STM32L4R5", "memory_bytes", 640 * 2**10),
        ("STM32L4R5", "max_power_w", 0.0407),
        ("MAX78000", "peak_dense_flop_per_s.int8", 57.6e9),
    ],
)
def test_published_figure(name, field, value):
    assert {row.field: row.value for row in provenance(Hardware[name])}[field] == value


def test_rack_is_72_packages():
    rack, package = Hardware["NVL72"], Hardware["GB200"]
    for precision, peak in package.peak_dense_flop_per_s.items():
        assert rack.peak_dense_flop_per_s[precision] == pytest.approx(72 * peak)
    assert rack.memory_bandwidth_byte_per_s == 72 * package.memory_bandwidth_byte_per_s
    assert rack.memory_bytes == 72 * package.memory_bytes


@pytest.mark.parametrize("twin", TWINS)
def test_hardware_is_physically_plausible(twin):
    assert twin.max_power_w > twin.idle_power_w > 0
    assert twin.price_usd > 0
    assert twin.embodied_kgco2e > 0
    assert 2010 <= twin.year <= 2026
    assert 2010 <= twin.price_year <= 2026
    assert set(twin.peak_dense_flop_per_s) <= set(Precisions)
    best = max(twin.peak_dense_flop_per_s.values())
    assert 1e9 <= best / twin.max_power_w <= 1.5e13
    assert 0.1 <= best / twin.memory_bandwidth_byte_per_s <= 1e4
    assert 1e-3 <= twin.memory_bytes / twin.memory_bandwidth_byte_per_s * 1e3 <= 1e4


@pytest.mark.parametrize("twin", TWINS)
def test_narrower_formats_are_not_slower(twin):
    peaks = twin.peak_dense_flop_per_s
    ladder = [
        peaks[name] for name in ("fp64", "fp32", "tf32", "fp16", "fp8", "fp4") if name in peaks
    ]
    assert ladder == sorted(ladder)
    if twin.name != "NVIDIA B300 SXM 288GB":
        for wide in ("fp16", "bf16", "fp32"):
            assert peaks.get("int8", math.inf) >= peaks.get(wide, 0)


def test_b300_int8_is_below_fp16_on_purpose():
    peaks = Hardware["B300"].peak_dense_flop_per_s
    assert peaks["int8"] == 153.5e12 < peaks["fp16"]


@pytest.mark.parametrize(
    "twin", [twin for twin in TWINS if twin.values[0].int8_macs_per_cycle is not None]
)
def test_microcontroller_peaks_follow_from_the_clock(twin):
    cycles = twin.clock_hz * twin.cores
    assert twin.peak_dense_flop_per_s["int8"] == pytest.approx(
        2 * cycles * twin.int8_macs_per_cycle, rel=1e-3
    )
    assert twin.memory_bandwidth_byte_per_s == 4 * twin.clock_hz


def rule_of(twin: HardwareSpec, field: str) -> bool:
    return (twin.field_sources or {}).get(field, "").startswith("estimate-")


@pytest.mark.parametrize("twin", TWINS)
def test_filled_idle_power_follows_its_rule(twin):
    if rule_of(twin, "idle_power_w"):
        share = {"cloud": 0.14, "edge": 0.2, "mobile": 0.02, "tiny": 0.00025}[twin.tier]
        assert twin.idle_power_w == two_digits(share * twin.max_power_w)


@pytest.mark.parametrize(("tier", "share"), [("cloud", 0.14), ("tiny", 0.00025)])
def test_idle_power_rule_is_the_median_of_stated_values(tier, share):
    stated = [
        twin.idle_power_w / twin.max_power_w
        for twin in Hardware.values()
        if twin.tier == tier and not rule_of(twin, "idle_power_w")
    ]
    assert two_digits(statistics.median(stated)) == share


@pytest.mark.parametrize("twin", TWINS)
def test_filled_price_follows_its_rule(twin):
    if twin.tier == "tiny" and rule_of(twin, "price_usd"):
        assert twin.price_usd == 6
    if twin.tier != "cloud" or not rule_of(twin, "price_usd"):
        return
    model = {"NVIDIA": "B200", "AMD": "MI300X", "Intel": "Gaudi3"}.get(twin.vendor)
    if model:
        per_bandwidth = Hardware[model].price_usd / Hardware[model].memory_bandwidth_byte_per_s
    else:
        per_bandwidth = 30e-9 if twin.name == "AWS Graviton3" else 7.7e-9
    assert twin.price_usd == two_digits(per_bandwidth * twin.memory_bandwidth_byte_per_s)


@pytest.mark.parametrize("twin", TWINS)
def test_filled_embodied_carbon_follows_its_rule(twin):
    if rule_of(twin, "embodied_kgco2e"):
        by_power = two_digits(0.28 * twin.max_power_w)
        board = two_digits(5 + 0.28 * twin.max_power_w)
        expected = {"cloud": {by_power}, "edge": {board}, "mobile": {55, 118}, "tiny": {5}}
        assert twin.embodied_kgco2e in expected[twin.tier]


def test_embodied_carbon_rule_is_the_median_of_three():
    packages = [Hardware[name] for name in ("A100", "H100", "B200")]
    assert (
        two_digits(statistics.median(p.embodied_kgco2e / p.max_power_w for p in packages)) == 0.28
    )


@pytest.mark.parametrize(
    ("name", "stored", "computed"),
    [
        ("H100", "fp16", "fp16"),
        ("H100", "int4", "int8"),
        ("H100", "fp4", "fp8"),
        ("A100", "fp8", "bf16"),
        ("V100", "bf16", "fp16"),
        ("V100", "int8", "fp16"),
        ("STM32L4R5", "fp16", "fp32"),
        ("TPUv4", "fp16", "bf16"),
    ],
)
def test_compute_precision_widens_where_it_must(name, stored, computed):
    twin = Hardware[name]
    assert twin.compute_precision(stored) == computed
    assert twin.peak_flop_per_s(stored) == twin.peak_dense_flop_per_s[computed]
    assert stored in twin.precisions


def test_precision_that_cannot_be_computed_is_refused():
    assert Hardware["RP2040"].precisions == ("int8", "int4")
    with pytest.raises(InvalidInput, match=r"precision on RP2040: received 'fp32'.*int8, int4"):
        Hardware["RP2040"].peak_flop_per_s("fp32")
    with pytest.raises(UnknownName, match="Did you mean 'fp16'"):
        Hardware["H100"].compute_precision("fp116")


@pytest.mark.parametrize("twin", TWINS)
def test_precisions_are_exactly_those_that_compute(twin):
    for name in Precisions:
        if name in twin.precisions:
            assert twin.peak_flop_per_s(name) > 0
        else:
            with pytest.raises(InvalidInput):
                twin.peak_flop_per_s(name)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("memory_bandwidth_byte_per_s", 0, "memory_bandwidth_byte_per_s of NVIDIA H100.*above 0"),
        ("memory_bandwidth_byte_per_s", math.nan, "memory_bandwidth_byte_per_s of NVIDIA H100"),
        ("memory_bytes", -1, "memory_bytes of NVIDIA H100"),
        ("memory_bytes", "80 kg", "memory_bytes of NVIDIA H100.*quantity in byte"),
        ("memory_bytes", "lots", "memory_bytes of NVIDIA H100"),
        ("memory_bytes", True, "memory_bytes of NVIDIA H100"),
        ("memory_bytes", None, "memory_bytes of NVIDIA H100"),
        ("max_power_w", 0, "max_power_w of NVIDIA H100"),
        ("max_power_w", math.inf, "max_power_w of NVIDIA H100"),
        ("idle_power_w", 701, "idle_power_w of NVIDIA H100.*from 0 to 700"),
        ("price_usd", -1, "price_usd of NVIDIA H100"),
        ("embodied_kgco2e", -0.1, "embodied_kgco2e of NVIDIA H100"),
        ("flash_bytes", 0, "flash_bytes of NVIDIA H100"),
        ("clock_hz", "3 W", "clock_hz of NVIDIA H100"),
        ("tier", "clod", "tier of NVIDIA H100.*Did you mean 'cloud'"),
        ("peak_dense_flop_per_s", {}, "peak_dense_flop_per_s of NVIDIA H100"),
        ("peak_dense_flop_per_s", 1e15, "peak_dense_flop_per_s of NVIDIA H100"),
        ("peak_dense_flop_per_s", {"fp17": 1e15}, "Did you mean 'fp16'"),
        ("peak_dense_flop_per_s", {"fp16": 0}, "fp16 in peak_dense_flop_per_s of NVIDIA H100"),
    ],
)
def test_impossible_hardware_is_refused(field, value, message):
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(Hardware["H100"], **{field: value})


def test_strings_and_quantities_with_a_unit_are_converted():
    twin = dataclasses.replace(
        Hardware["H100"],
        memory_bytes="80 GiB",
        memory_bandwidth_byte_per_s="3.35 TB/s",
        max_power_w="0.7 kW",
        idle_power_w=quantity(70.0, "watt"),
        price_usd="30000 USD",
        clock_hz="1.98 GHz",
        peak_dense_flop_per_s={"fp16": "989.5 TFLOP/s"},
    )
    assert twin.memory_bytes == 80 * 2**30
    assert twin.memory_bandwidth_byte_per_s == pytest.approx(3.35e12)
    assert twin.max_power_w == pytest.approx(700)
    assert twin.idle_power_w == 70
    assert twin.price_usd == 30000
    assert twin.clock_hz == pytest.approx(1.98e9)
    assert twin.peak_flop_per_s("fp16") == pytest.approx(989.5e12)


def test_hardware_is_frozen_hashable_and_can_be_copied():
    twin = Hardware["H100"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        twin.max_power_w = 1.0
    with pytest.raises(TypeError, match="cannot be changed"):
        twin.peak_dense_flop_per_s["fp16"] = 1.0
    with pytest.raises(TypeError, match="cannot be changed"):
        twin.peak_dense_flop_per_s.update(fp16=1.0)
    for other in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):  # noqa: S301
        assert other == twin
        assert hash(other) == hash(twin)
    assert dataclasses.asdict(twin)["peak_dense_flop_per_s"]["fp16"] == 989.5e12


def test_every_number_of_hardware_states_its_unit():
    for field in dataclasses.fields(HardwareSpec):
        value = getattr(Hardware["ESP32-S3"], field.name)
        if isinstance(value, float | Mapping) and field.name != "field_sources":
            assert unit_of_field(field.name) or field.name in ("cores", "int8_macs_per_cycle")


# Regions


@pytest.mark.parametrize(
    ("name", "intensity", "year"),
    [
        ("Quebec", 31.2, 2023),
        ("Norway", 30.7, 2024),
        ("France", 44.2, 2024),
        ("US_Avg", 383.5, 2024),
        ("EU_Avg", 213.0, 2024),
        ("Poland", 615.0, 2024),
    ],
)
def test_named_regions_have_lifecycle_carbon(name, intensity, year):
    region = Regions[name]
    assert region.carbon_intensity_g_per_kwh == intensity
    assert region.carbon_year == year
    assert region.carbon_basis == "lifecycle"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("CA-QC", "Quebec"),
        ("USA", "US_Avg"),
        ("EU27", "EU_Avg"),
        ("GBR", "United_Kingdom"),
        ("United Kingdom", "United_Kingdom"),
        ("US-VA", "Virginia"),
    ],
)
def test_region_aliases(alias, name):
    assert Regions[alias].name == name


def test_region_values_per_joule():
    region = Regions["Quebec"]
    assert region.carbon_kg_per_j == pytest.approx(0.0312 / 3.6e6, rel=1e-12)
    assert region.water_l_per_j == pytest.approx(8.1662 / 3.6e6, rel=1e-12)
    assert region.price_usd_per_j == pytest.approx(0.045 / 3.6e6, rel=1e-12)


REGIONS = [pytest.param(region, id=region.name) for region in Regions.values()]


@pytest.mark.parametrize("region", REGIONS)
def test_region_is_plausible(region):
    assert 1 <= region.carbon_intensity_g_per_kwh <= 950
    assert 1 <= region.water_l_per_kwh <= 20
    assert 0.03 <= region.price_usd_per_kwh <= 0.4
    assert region.label
    assert region.parent is None or region.parent in list(Regions)


@pytest.mark.parametrize("region", REGIONS)
def test_carbon_basis_follows_from_the_source(region):
    if region.source == "cloud-region-grid":
        parent = Regions[region.parent]
        assert region.carbon_intensity_g_per_kwh == parent.carbon_intensity_g_per_kwh
        assert region.carbon_basis == parent.carbon_basis
    else:
        basis = {"epa-egrid-2023": "combustion", "google-cloud-region-carbon": "operational"}
        assert region.carbon_basis == basis.get(region.source, "lifecycle")


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("field", ["water_l_per_kwh", "price_usd_per_kwh"])
def test_missing_values_are_those_of_the_parent(region, field):
    if region.field_sources[field] == "regions-parent-value":
        assert getattr(region, field) == getattr(Regions[region.parent], field)


def test_every_basis_is_present():
    assert {region.carbon_basis for region in Regions.values()} == set(CARBON_BASES)
    assert len(Regions) == 156
    assert not any(name.startswith(("seed:", "mlsysim:")) for name in Regions)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("carbon_intensity_g_per_kwh", -1.0),
        ("carbon_intensity_g_per_kwh", math.nan),
        ("water_l_per_kwh", math.inf),
        ("price_usd_per_kwh", -0.1),
        ("carbon_basis", "lifecycl"),
        ("group", "Planet"),
    ],
)
def test_impossible_region_is_refused(field, value):
    with pytest.raises(InvalidInput, match=f"{field} of Quebec"):
        dataclasses.replace(Regions["Quebec"], **{field: value})


# Facilities


@pytest.mark.parametrize(
    ("name", "pue", "wue"),
    [
        ("hyperscale_google", 1.09, 1.0),
        ("hyperscale_aws", 1.15, 0.15),
        ("industry_average_2025", 1.54, 1.8),
        ("air_cooled_ai_hall", 1.25, 0.24),
        ("liquid_cooled_ai_hall", 1.12, 0.0),
        ("edge_cabinet", 1.5, 0.0),
        ("none", 1.0, 0.0),
    ],
)
def test_facility_figures(name, pue, wue):
    facility = Facilities[name]
    assert facility.power_usage_effectiveness == pue
    assert facility.water_usage_effectiveness_l_per_kwh == wue
    assert facility.water_usage_effectiveness_l_per_j == pytest.approx(wue / 3.6e6, rel=1e-12)


def test_filled_water_use_is_the_median_of_the_fleets():
    fleets = [
        Facilities[f"hyperscale_{name}"].water_usage_effectiveness_l_per_kwh
        for name in ("google", "meta", "microsoft", "aws")
    ]
    oracle = Facilities["hyperscale_oracle"].water_usage_effectiveness_l_per_kwh
    assert oracle == pytest.approx(statistics.median(fleets), abs=0.005)


@pytest.mark.parametrize("facility", [pytest.param(f, id=f.name) for f in Facilities.values()])
def test_facility_is_plausible(facility: Facility):
    assert 1 <= facility.power_usage_effectiveness <= 2
    assert 0 <= facility.water_usage_effectiveness_l_per_kwh <= 2
    assert not facility.rack_typical_kw or facility.rack_typical_kw <= (facility.rack_max_kw or 99)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("power_usage_effectiveness", 0.9),
        ("power_usage_effectiveness", math.nan),
        ("water_usage_effectiveness_l_per_kwh", -1.0),
        ("rack_typical_kw", 0.0),
    ],
)
def test_impossible_facility_is_refused(field, value):
    with pytest.raises(InvalidInput, match=f"{field} of none"):
        dataclasses.replace(Facilities["none"], **{field: value})


# Prices and constants


def test_prices_carry_provider_and_date():
    assert len(Prices) == 68
    for price in Prices.values():
        assert price.provider
        assert price.date[:4].isdigit()
        assert price.kind != "illustrative"
        assert "seed" not in price.name
        per_hour = price.usd_per_accelerator_hour
        assert per_hour is None or 0.1 <= per_hour <= 15
    assert Prices["AWS p5.48xlarge on_demand 2023-11"].usd_per_accelerator_hour == 12.29
    assert Prices["AWS c7g.16xlarge spot_min 2023-11"].usd_per_accelerator_hour is None
    assert Prices["electricity world business average 2025-Q2"].usd_per_accelerator_hour is None


@pytest.mark.parametrize(("field", "value"), [("amount_usd", 0), ("kind", "gift"), ("unit", "EUR")])
def test_impossible_price_is_refused(field, value):
    price = next(iter(Prices.values()))
    assert isinstance(price, Price)
    with pytest.raises(InvalidInput, match=field):
        dataclasses.replace(price, **{field: value})


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("speed_of_light", 299_792_458, "meter/second"),
        ("fibre_refractive_index", 1.468, "dimensionless"),
        ("seconds_per_minute", 60, "second"),
        ("seconds_per_hour", 3600, "second"),
        ("seconds_per_day", 86_400, "second"),
        ("seconds_per_year", 31_557_600, "second"),
        ("joules_per_kwh", 3_600_000, "joule"),
        ("battery_aa_energy", 2.8, "watt_hour"),
        ("battery_cr2032_energy", 0.68, "watt_hour"),
        ("battery_smartphone_energy", 15, "watt_hour"),
        ("world_electricity_per_year", 29_500, "terawatt_hour"),
        ("conversation_prompt_tokens", 1024, "dimensionless"),
        ("conversation_output_tokens", 256, "dimensionless"),
        ("first_token_deadline", 2, "second"),
    ],
)
def test_constants(name, value, unit):
    assert (Constants[name].value, Constants[name].unit) == (value, unit)


def test_conversions_agree_with_the_unit_registry():
    assert quantity(1, "kilowatt_hour").to("joule").magnitude == pytest.approx(
        Constants["joules_per_kwh"].value
    )
    assert quantity(1, "year").to("second").magnitude == Constants["seconds_per_year"].value


def test_impossible_constant_is_refused():
    with pytest.raises(InvalidInput, match="value of speed_of_light"):
        dataclasses.replace(Constants["speed_of_light"], value=0)


# Tables


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("30.7", "30,7", "received .*as many cells as the header"),
        ("World,NOR,", "World,", "received .*as many cells as the header"),
        ("30.7", "3O.7", "carbon_intensity_g_per_kwh of Norway: received '3O.7'"),
        ("30.7", "", "carbon_intensity_g_per_kwh of Norway: received ''"),
        ("30.7", "nan", "carbon_intensity_g_per_kwh of Norway: received 'nan'"),
        ("30.7", "-30.7", "carbon_intensity_g_per_kwh of Norway: received -30.7"),
        ("lifecycle", "direct", "carbon_basis of Norway: received 'direct'"),
    ],
)
def test_bad_line_of_a_table_is_named(monkeypatch, tmp_path, good, bad, message):
    lines = (sources.DATA / "regions.csv").read_text("utf-8").splitlines()
    norway = next(line for line in lines if line.startswith("Norway,"))
    assert good in norway
    broken = "\n".join([*lines[:3], norway.replace(good, bad)])
    (tmp_path / "regions.csv").write_text(broken, encoding="utf-8")
    monkeypatch.setattr(sources, "DATA", tmp_path)
    with pytest.raises(InvalidInput, match=f"regions.csv, line 4.*{message}"):
        list(Registry("region", Regions._load))
