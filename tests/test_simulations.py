"""Simulations: what must work as written, what may depend on what, and ledgers worked by hand."""

from __future__ import annotations

import csv
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

import mlsysim
from mlsysim import (
    Applications,
    BaseSimulation,
    Facilities,
    InvalidInput,
    NodeSimulation,
    NumberChoice,
    OptionChoice,
    Performance,
    Personas,
    Regions,
    ReliabilitySimulation,
    ResourceSimulation,
    Sustainability,
    SystemLedger,
)
from mlsysim.failure_rates import FailureRates
from mlsysim.hardware import Hardware
from mlsysim.ledger import metric_paths
from mlsysim.simulations import SIMULATIONS, Choice
from mlsysim.simulations.deployment import Deployment, verdicts

_SERVED = [(kind, application) for kind in SIMULATIONS for application in kind.applications()]


def test_the_first_snippet_runs_as_written(capsys):
    source = """
from mlsysim import ResourceSimulation, Applications, Personas
sim = ResourceSimulation(Applications.Doorbell, Personas.TinyPioneer)
ledger = sim.evaluate({"region": "Quebec"})
print(f"Carbon Footprint: {ledger.sustainability.carbon_kg} kg")
"""
    exec(compile(source, "snippet", "exec"), {})  # noqa: S102 - the promise is that it runs verbatim
    printed = capsys.readouterr().out
    assert printed.startswith("Carbon Footprint: ")
    assert float(printed.split()[2]) > 0


_CUSTOM = """
from mlsysim import BaseSimulation, SystemLedger, Engine
class MyCustomSimulation(BaseSimulation):
    def evaluate(self, choice: dict) -> SystemLedger:
        system = self._get_system_archetype()
        perf = Engine.solve(self.scenario.model, system)
        scale = self.persona.scale_factor
        ...
        return SystemLedger(...)
"""


def test_the_second_snippet_runs_as_written():
    names: dict = {}
    exec(compile(_CUSTOM, "snippet", "exec"), names)  # noqa: S102 - it must run verbatim
    simulation = names["MyCustomSimulation"](Applications.Doorbell, Personas.TinyPioneer)
    with pytest.raises(InvalidInput, match=r"performance: .*Ellipsis.*a Performance"):
        simulation.evaluate({})


def test_the_second_snippet_with_its_gaps_filled():
    names: dict = {}
    filled = _CUSTOM.replace("SystemLedger(...)", "SystemLedger(performance=perf)")
    exec(compile(filled, "snippet", "exec"), names)  # noqa: S102 - a reader's own simulation
    ledger = names["MyCustomSimulation"](Applications.Doorbell, Personas.TinyPioneer).evaluate({})
    assert ledger.performance.latency_ms == pytest.approx(50, rel=0.99)
    assert ledger.context["persona"] == "TinyPioneer"


_ENTRY = """
    HardwareSpec(name="Abacus 9000", vendor="Abacus", year=2030, tier="edge",
        peak_dense_flop_per_s={"int8": 2e12}, memory_bytes=4e9, memory_kind="LPDDR6",
        memory_bandwidth_byte_per_s=1e11, max_power_w=5, power_basis="TDP", idle_power_w=0.5,
        price_usd=100, price_year=2030, embodied_kgco2e=10, source="project-estimate"),
"""
_QUESTIONS = """
from mlsysim import Hardware, OptionChoice
from mlsysim.sources import provenance
twin = Hardware["Abacus 9000"]
assert "Abacus_9000" in dir(Hardware)
pick = OptionChoice(name="hardware", label="", help="", options=Hardware, default="H100")
assert "Abacus 9000" in [option.value for option in pick.listed()]
assert any(row.field == "max_power_w" and row.kind == "estimate" for row in provenance(twin))
"""


def test_the_third_promise_one_entry_in_a_table_is_a_new_twin(tmp_path):
    package = tmp_path / "mlsysim"
    shutil.copytree(Path(mlsysim.__file__).parent, package)
    table = package / "hardware" / "cloud.py"
    source = table.read_text()
    assert source.count("TWINS = (\n") == 1
    table.write_text(source.replace("TWINS = (\n", f"TWINS = ({_ENTRY}"))
    subprocess.run([sys.executable, "-c", _QUESTIONS], cwd=tmp_path, check=True)


@pytest.mark.parametrize("persona", list(Personas))
@pytest.mark.parametrize(("kind", "application"), _SERVED)
def test_every_persona_and_application_gets_a_full_ledger(kind, application, persona):
    ledger = kind(application, persona).evaluate({})
    for group in SystemLedger.groups:
        assert list(getattr(ledger, group)), group
    assert ledger.verdicts
    assert ledger.context["application"] == application
    assert ledger.context["choice"]["region"] == "US_Avg"


def test_many_nodes_are_no_question_about_one():
    assert set(Applications) - set(NodeSimulation.applications()) == {"Frontier", "Training"}
    with pytest.raises(InvalidInput, match=r"application: received 'Frontier'.*2,048 nodes"):
        NodeSimulation("Frontier")


@pytest.mark.parametrize("application", NodeSimulation.applications())
def test_a_node_left_as_it_is_uses_what_the_deployment_uses(application):
    node, whole = (kind(application).evaluate({}) for kind in (NodeSimulation, ResourceSimulation))
    for group in SystemLedger.groups:
        assert getattr(node, group) == getattr(whole, group)


def test_a_node_offers_models_of_its_task_and_hardware_of_its_tier():
    offered = {choice.name: choice.listed() for choice in NodeSimulation("Inference").choices
               if choice.name in ("model", "hardware")}  # fmt: skip
    models = {option.value for option in offered["model"]}
    assert "Llama-3.1 8B" in models
    assert "ResNet-50" not in models
    hardware = {option.value for option in offered["hardware"]}
    assert Hardware["H200"].name in hardware
    assert hardware < {twin.name for twin in Hardware.values() if twin.tier == "cloud"}
    assert "Intel Xeon Gold 6148" not in hardware, "no link joins eight of them"


def test_a_node_runs_models_and_hardware_that_nobody_registered():
    scenario = Applications.Doorbell
    chip = replace(scenario.system.hardware, name="Faster chip", aliases=(),
                   peak_dense_flop_per_s={"int8": 1e12})  # fmt: skip
    own = replace(
        scenario,
        name="Porch",
        aliases=(),
        system=replace(scenario.system, hardware=chip),
        model=replace(scenario.model, name="My network", aliases=()),
    )
    ledger = NodeSimulation(own).evaluate({})
    assert ledger.performance.hardware == "Faster chip"
    assert ledger.context["choice"]["model"] == "My network"
    assert "Faster chip" not in {o.value for o in NodeSimulation().choices[2].listed()}


def test_a_larger_model_breaks_memory_and_a_late_answer_says_what_pays():
    """405 billion parameters of two bytes are 810 GB; eight devices have 8 · 80 GiB."""
    ledger = NodeSimulation("Inference").evaluate(
        {"model": "Llama-3.1 405B", "sequence_length": 131_072}
    )
    assert "Fits in memory" in [verdict.constraint for verdict in ledger.violations]
    late = next(v for v in ledger.verdicts if v.constraint == "Deadline")
    share = ledger.performance.memory_time_s / ledger.performance.latency_s
    gain = 1 / (1 - share / 2)
    assert not late.holds
    assert late.remedy == (
        f"Memory traffic takes {share:.0%} of it: "
        f"twice the memory bandwidth makes it {gain:.2g} times as fast."
    )


def test_a_doorbell_in_quebec_worked_by_hand():
    """10 million cameras, awake 0.2 % of 100 days at 0.33 W, asleep at 23 microwatts."""
    ledger = ResourceSimulation(Applications.Doorbell, Personas.TinyPioneer).evaluate(
        {"region": "Quebec", "duration_days": 100}
    )
    seconds, cameras = 100 * 86_400.0, 10_000_000
    joules = cameras * seconds * (0.002 * 0.33 + 0.998 * 2.3e-5)
    kwh = joules / 3.6e6
    embodied = 5.0 * cameras * 100 / (5 * 365.25)
    sustainability = ledger.sustainability
    assert sustainability.energy_kwh == pytest.approx(kwh, rel=1e-9)
    assert sustainability.operational_carbon_kg == pytest.approx(kwh * 0.0312, rel=1e-9)
    assert sustainability.embodied_carbon_kg == pytest.approx(embodied, rel=1e-9)
    assert sustainability.carbon_kg == pytest.approx(kwh * 0.0312 + embodied, rel=1e-9)
    assert sustainability.water_l == pytest.approx(kwh * Regions.Quebec.water_l_per_kwh, rel=1e-9)
    assert sustainability.battery_life_days == pytest.approx(
        11.2 * 3600 / (0.002 * 0.33 + 0.998 * 2.3e-5) / 86_400, rel=1e-9
    )
    capital = 3.0 * cameras * 100 / (5 * 365.25)
    running = kwh * Regions.Quebec.price_usd_per_kwh
    assert ledger.economics.capital_cost_usd == pytest.approx(capital, rel=1e-9)
    assert ledger.economics.running_cost_usd == pytest.approx(running, rel=1e-9)
    assert ledger.economics.tco_usd == pytest.approx(capital + running, rel=1e-9)


def test_a_chat_service_uses_cooling_water_by_it_energy():
    hall = Facilities["hyperscale_google"]
    ledger = ResourceSimulation(Applications.Inference, Personas.CloudTitan).evaluate(
        {"facility": hall.name, "region": "France"}
    )
    s = ledger.sustainability
    assert s.energy_kwh == pytest.approx(s.it_energy_kwh * hall.power_usage_effectiveness)
    assert s.on_site_water_l == pytest.approx(
        s.it_energy_kwh * hall.water_usage_effectiveness_l_per_kwh
    )
    assert s.grid_water_l == pytest.approx(s.energy_kwh * Regions.France.water_l_per_kwh)
    node_w = 8 * (70 + 575)
    run_w = ledger.performance.power_w
    assert s.device_power_w == pytest.approx(node_w + 0.6 * (run_w - node_w))


@pytest.mark.parametrize(("kind", "application"), _SERVED)
def test_a_region_changes_carbon_water_and_price_and_nothing_else(kind, application):
    simulation = kind(application, "CloudTitan")
    quebec, poland = (simulation.evaluate({"region": r}) for r in ("Quebec", "Poland"))
    changed = {row.path for row in quebec.compare(poland).changed}
    assert changed <= {
        "sustainability.carbon",
        "sustainability.operational_carbon",
        "sustainability.water",
        "sustainability.grid_water",
        "economics.tco",
        "economics.running_cost",
        "economics.cost_per_sample",
        "economics.cost_per_million_output_tokens",
    }
    q, p = quebec.sustainability, poland.sustainability
    assert p.operational_carbon_kg / q.operational_carbon_kg == pytest.approx(615.0 / 31.2)
    assert p.grid_water_l / q.grid_water_l == pytest.approx(
        Regions.Poland.water_l_per_kwh / Regions.Quebec.water_l_per_kwh
    )
    assert poland.economics.running_cost_usd / quebec.economics.running_cost_usd == pytest.approx(
        Regions.Poland.price_usd_per_kwh / Regions.Quebec.price_usd_per_kwh
    )


@pytest.mark.parametrize("application", list(Applications))
def test_twice_the_time_takes_twice_the_energy(application):
    simulation = ResourceSimulation(application)
    once, twice = (simulation.evaluate({"duration_days": days}) for days in (100, 200))
    for path in ("sustainability.energy", "sustainability.carbon", "sustainability.water",
                 "economics.tco", "reliability.expected_failures"):  # fmt: skip
        assert twice.si(path) == pytest.approx(2 * once.si(path), rel=1e-12)
    assert twice.performance == once.performance


@pytest.mark.parametrize("application", list(Applications))
def test_independent_units_scale_linearly(application):
    one = ResourceSimulation(application, "CloudTitan").evaluate({})
    many = ResourceSimulation(application, "TinyPioneer").evaluate({})
    factor = Personas.TinyPioneer.scale_factor
    paths = ("energy", "carbon", "water")
    linear = [f"sustainability.{name}" for name in paths]
    for path in (*linear, "economics.tco", "reliability.expected_failures", "reliability.devices"):
        assert many.si(path) == pytest.approx(factor * one.si(path), rel=1e-12)
    assert many.si("economics.cost_per_sample") == pytest.approx(
        one.si("economics.cost_per_sample"), rel=1e-12
    )


def _said(ledger):
    """Return all a ledger says: every metric, and each verdict with its limit."""
    limits = tuple((v.constraint, v.value, v.limit) for v in ledger.verdicts)
    return tuple(ledger.si(path) for path in metric_paths()), limits


def _elsewhere(choice):
    if isinstance(choice, NumberChoice):
        return choice.minimum if choice.default != choice.minimum else choice.maximum
    others = [option.value for option in choice.listed() if option.value != choice.default]
    return others[-1]


@pytest.mark.parametrize(
    ("kind", "application"),
    [pair for pair in _SERVED if pair[1] in ("Doorbell", "Frontier", "Inference")],
)
def test_every_choice_matters_far_from_its_default(kind, application):
    simulation = kind(application, "CloudTitan")
    usual = simulation.evaluate({})
    for choice in simulation.choices:
        other = simulation.evaluate({choice.name: _elsewhere(choice)})
        assert _said(other) != _said(usual), choice.name


def _ends(choice):
    if isinstance(choice, NumberChoice):
        return choice.minimum, choice.maximum
    return choice.listed()[0].value, choice.listed()[-1].value


@pytest.mark.parametrize(("kind", "application"), _SERVED)
def test_no_declared_choice_is_dead(kind, application):
    simulation = kind(application, "CloudTitan")
    usual = simulation.evaluate({})
    for choice in simulation.choices:
        others = [simulation.evaluate({choice.name: end}) for end in _ends(choice)]
        assert any(_said(other) != _said(usual) for other in others), choice.name


@pytest.mark.parametrize(("kind", "application"), _SERVED)
def test_every_choice_works_at_both_ends_and_in_every_option(kind, application):
    simulation = kind(application)
    for choice in simulation.choices:
        if isinstance(choice, NumberChoice):
            values = [choice.minimum, choice.maximum]
            for outside in (choice.minimum - 1, choice.maximum + 1):
                with pytest.raises(InvalidInput, match=choice.name):
                    simulation.evaluate({choice.name: outside})
        else:
            values = [option.value for option in choice.listed()]
        for value in values:
            assert simulation.evaluate({choice.name: value}).context["choice"][choice.name] == value


def test_the_gang_fails_with_any_of_its_nodes_and_devices_fail_alone():
    job = ReliabilitySimulation(Applications.Frontier, Personas.CloudTitan).evaluate({})
    rate = FailureRates["llama3_cluster"]
    interval = job.reliability.mean_time_between_failures_hours
    assert interval == pytest.approx(rate.node_failure_interval_s / 2048 / 3600)
    assert interval == pytest.approx(3.09, abs=0.01)  # Llama 3: 419 interruptions in 54 days
    few, many = (
        ReliabilitySimulation(Applications.Doorbell, persona).evaluate({})
        for persona in (Personas.CloudTitan, Personas.TinyPioneer)
    )
    assert few.reliability.si("availability") == many.reliability.si("availability")


def test_saving_at_the_best_interval_keeps_most_work():
    simulation = ReliabilitySimulation(Applications.Frontier, Personas.CloudTitan)
    best = simulation.evaluate({}).reliability.optimal_checkpoint_interval_minutes
    kept = [
        simulation.evaluate({"checkpoint_interval_minutes": best * factor}).reliability.si(
            "goodput"
        )
        for factor in (0.25, 0.5, 1.0, 2.0, 4.0)
    ]
    assert kept[2] == max(kept)
    assert kept == sorted(kept[:3]) + sorted(kept[3:], reverse=True)


def test_lost_work_makes_what_is_kept_dearer():
    simulation = ReliabilitySimulation(Applications.Frontier, Personas.CloudTitan)
    safe, sorry = (
        simulation.evaluate({"failure_rate": name}) for name in ("meta_32k_cluster", "opt_cluster")
    )
    assert sorry.reliability.si("goodput") < safe.reliability.si("goodput")
    assert sorry.si("economics.cost_per_sample") > safe.si("economics.cost_per_sample")
    assert sorry.si("sustainability.energy") == safe.si("sustainability.energy")


def test_off_duty_a_server_is_off_and_a_sensor_sleeps():
    half = {"duty_cycle": 0.5, "utilization": 1.0}
    node = ResourceSimulation(Applications.Inference, Personas.CloudTitan).evaluate(half)
    assert node.sustainability.device_power_w == pytest.approx(0.5 * node.performance.power_w)
    sensor = ResourceSimulation(Applications.Doorbell, Personas.CloudTitan).evaluate(half)
    asleep = 0.5 * (sensor.performance.power_w + Hardware["ESP32-S3"].idle_power_w)
    assert sensor.sustainability.device_power_w == pytest.approx(asleep)


def test_verdicts_of_reliability_turn_where_their_limits_say():
    alone = ReliabilitySimulation(Applications.Doorbell)
    for hours, holds in ((24, True), (720, True)):
        verdict = alone.evaluate({"repair_hours": hours}).verdicts[0]
        assert verdict.limit == 0.99
        assert verdict.holds is holds
    gang = ReliabilitySimulation(Applications.Frontier)
    usual, dear = (gang.evaluate({"checkpoint_cost_s": cost}) for cost in (10, 3600))
    kept, pays = dear.verdicts[:2]
    assert usual.verdicts[0].limit == kept.limit == 0.9
    assert usual.verdicts[0].holds
    assert not kept.holds
    assert not pays.holds


def test_more_units_fail_more_often():
    one, many = (
        ReliabilitySimulation(Applications.Inference, persona).evaluate({})
        for persona in (Personas.CloudTitan, Personas.EdgeGuardian)
    )
    node = FailureRates["rsc1_cluster"].node_failure_interval_s
    assert one.reliability.si("mean_time_between_failures") == pytest.approx(node)
    assert many.reliability.si("mean_time_between_failures") == pytest.approx(node / 10_000)
    assert many.reliability.si("devices") == 80_000
    assert many.reliability.si("expected_failures") == pytest.approx(6.5 / 1000 * 365 * 10_000)


def test_spares_are_bought_and_made_and_shorten_the_wait():
    simulation = ReliabilitySimulation(Applications.Frontier, Personas.CloudTitan)
    none, many = (simulation.evaluate({"spares": number}) for number in (0, 64))
    share = 64 * 8 * 365 / (5 * 365.25)
    bought = many.economics.capital_cost_usd - none.economics.capital_cost_usd
    made = many.sustainability.embodied_carbon_kg - none.sustainability.embodied_carbon_kg
    assert bought == pytest.approx(share * Hardware["H100"].price_usd, rel=1e-9)
    assert made == pytest.approx(share * Hardware["H100"].embodied_kgco2e, rel=1e-9)
    assert many.reliability.si("availability") > none.reliability.si("availability")


def test_goodput_of_a_gang_worked_by_hand():
    """Without spares every failure waits for its repair; with many, for the restart alone."""
    simulation = ReliabilitySimulation(Applications.Frontier, Personas.CloudTitan)
    ledger = simulation.evaluate({"spares": 256, "restart_minutes": 5})
    between = FailureRates["llama3_cluster"].node_failure_interval_s / 2048
    assert ledger.reliability.si("availability") == pytest.approx(between / (between + 300.0))
    lost = math.exp(300.0 / between) * (math.exp(610.0 / between) - 1)
    assert ledger.reliability.si("goodput") == pytest.approx(600.0 / (between * lost), rel=1e-9)
    in_repair = 86_400.0 / between
    bare = simulation.evaluate({"spares": 0, "restart_minutes": 5})
    waiting = 300.0 + (1 - math.exp(-in_repair)) * 86_400.0
    assert bare.reliability.si("availability") == pytest.approx(between / (between + waiting))


def test_a_device_that_fails_alone_is_out_for_its_repair():
    ledger = ReliabilitySimulation(Applications.Doorbell).evaluate({"repair_hours": 240})
    interval = 365.25 / 0.02
    assert ledger.reliability.si("availability") == pytest.approx(interval / (interval + 10.0))
    assert ledger.reliability.si("goodput") == ledger.reliability.si("availability")


def test_choices_that_make_no_sense_are_not_offered():
    offered = {choice.name for choice in ReliabilitySimulation(Applications.Doorbell).choices}
    assert "checkpoint_cost_s" not in offered
    with pytest.raises(InvalidInput, match="checkpoint_cost_s"):
        ReliabilitySimulation(Applications.Doorbell).evaluate({"checkpoint_cost_s": 10})


def test_a_fleet_beyond_the_world_is_told_so():
    ledger = ResourceSimulation(Applications.Frontier, Personas.TinyPioneer).evaluate({})
    (verdict,) = [v for v in ledger.verdicts if v.constraint == "World's electricity"]
    assert not verdict.holds


def test_a_hundredth_of_the_worlds_electricity_is_worth_a_word():
    """29,500 TWh a year are 3.365 TW."""
    scenario = Applications.Inference
    world = 29_500e12 * 3600 / (365.25 * 86_400)
    assert world == pytest.approx(3.365e12, rel=1e-3)

    def found(power):
        ledger = SystemLedger(
            performance=Performance(latency=0.01, memory_used=1.0, memory_capacity=2.0),
            sustainability=Sustainability(average_power=power),
        )
        return {verdict.constraint: verdict for verdict in verdicts(scenario, ledger)}

    assert "World's electricity" not in found(0.0099 * world)
    noted, beyond = found(0.0101 * world), found(1.01 * world)
    assert noted["World's electricity"].holds
    assert noted["World's electricity"].limit == pytest.approx(world)
    assert not beyond["World's electricity"].holds
    assert [name for name in noted if name != "World's electricity"] == [
        "Deadline",
        "Fits in memory",
    ]


def test_a_simulation_that_forgets_its_ledger_is_named():
    class Forgetful(BaseSimulation):
        def evaluate(self, choice):
            return choice

    with pytest.raises(InvalidInput, match=r"Forgetful\.evaluate"):
        Forgetful().evaluate({})


def test_two_declared_choices_are_checked_and_completed():
    class Commute(BaseSimulation):
        choices = (
            NumberChoice(name="speed_km_per_h", label="Speed", help="", unit="dimensionless",
                         minimum=1, maximum=300, default=50),
            OptionChoice(name="mode", label="Mode", help="", options=("car", "train"),
                         default="train"),
        )  # fmt: skip

        def evaluate(self, choice):
            return SystemLedger(
                performance=Performance(latency_hours=100 / choice["speed_km_per_h"])
            )

    assert Commute().evaluate({}).performance.latency_hours == 2.0
    assert Commute().evaluate({"mode": "car"}).context["choice"] == {
        "speed_km_per_h": 50, "mode": "car",
    }  # fmt: skip
    with pytest.raises(InvalidInput, match="Did you mean 'train'"):
        Commute().evaluate({"mode": "trian"})


def test_defaults_are_within_bounds_for_every_hardware_format():
    for application in Applications.values():
        precisions = application.system.hardware.precisions
        assert application.precision in precisions
        assert set(precisions) <= set(Hardware["H100"].precisions) | {"int8", "fp32"}


# What the controls of the labs reach, each in its own unit, with the reason where it is not plain.
# A row without a simulation or an application stands for all that have no row of their own.
with (Path(__file__).parent / "declared_choices.csv").open(encoding="utf-8") as _file:
    _STATED = {
        (row["simulation"], row["application"], row["choice"]): row for row in csv.DictReader(_file)
    }


def _stated(kind, application, choice):
    places = product((kind.__name__.removesuffix("Simulation"), ""), (application, ""))
    return next((key for place in places if (key := (*place, choice.name)) in _STATED), None)


def _numbers(kind, application):
    return [each for each in kind(application).choices if isinstance(each, NumberChoice)]


@pytest.mark.parametrize(("kind", "application"), _SERVED)
def test_controls_reach_as_far_as_the_labs_say(kind, application):
    for choice in _numbers(kind, application):
        row = _STATED.get(_stated(kind, application, choice), {})
        for field in ("minimum", "maximum", "default"):
            if row.get(field):
                stated = pytest.approx(float(row[field]), rel=1e-3)
                assert getattr(choice, field) == stated, (choice.name, field)
        for field in ("unit", "scale"):
            assert getattr(choice, field) == row.get(field, getattr(choice, field)), choice.name
        for field in ("integer", "structural"):
            assert row.get(field) in (None, ("no", "yes")[getattr(choice, field)]), choice.name


def test_every_number_that_can_be_chosen_is_stated_somewhere():
    found = {
        (kind, choice.name, _stated(kind, application, choice))
        for kind, application in _SERVED
        for choice in _numbers(kind, application)
    }
    stated = {(kind, name) for kind, name, key in found if key}
    assert {(kind, name) for kind, name, _ in found} == stated
    assert {key for *_, key in found if key} == set(_STATED), "no row without a choice"


def test_whole_numbers_are_whole_and_bounds_are_included():
    batch = NumberChoice(name="batch", label="", help="", unit="dimensionless", minimum=1,
                         maximum=8, default=2, integer=True)  # fmt: skip
    assert [batch.validate(value) for value in (1, 8.0, "3")] == [1, 8, 3]
    assert type(batch.validate(8.0)) is int
    for wrong in (2.5, 0, 9, "9"):
        with pytest.raises(InvalidInput, match="a whole number from 1 to 8"):
            batch.validate(wrong)
    hours = NumberChoice(name="hours", label="", help="", unit="hour", minimum=0.5, maximum=48,
                         default=1.0)  # fmt: skip
    assert hours.validate("1 day") == 24.0
    assert hours.accepted == "a number of hour from 0.5 to 48"
    assert hours.scale == "linear"
    with pytest.raises(InvalidInput, match=r"hours: received '3 day'"):
        hours.validate("3 day")


def test_options_are_listed_with_label_and_heading():
    plain = OptionChoice(name="mode", label="", help="", options=("car", "train"), default="car")
    assert plain.listed() == (("car", "car", ""), ("train", "train", ""))
    region = next(c for c in ResourceSimulation("Doorbell").choices if c.name == "region")
    listed = {option.value: option for option in region.listed()}
    assert listed["Quebec"].label == Regions.Quebec.label
    assert listed["Quebec"].group == Regions.Quebec.group


def test_a_bare_choice_says_what_it_lacks():
    with pytest.raises(InvalidInput, match="a NumberChoice or an OptionChoice"):
        Choice(name="mood", label="", help="", default=3).validate(3)


def test_power_without_an_interval_leaves_energy_without_doubt():
    """Half of the time at 8 kW, half idle: 70 W and 575 W of its host for each of 8 devices."""
    scenario = Applications.Inference
    deployed = Deployment(
        scenario=scenario,
        performance=Performance(power=8000.0, throughput=10.0),
        units=3.0,
        region=Regions.Quebec,
        facility=Facilities["none"],
        duration_s=1000.0,
        lifetime_s=4000.0,
        duty_cycle=1.0,
        utilization=0.5,
    )
    used = deployed.sustainability()
    energy = 3 * (0.5 * 8000 + 0.5 * 8 * (70 + 575)) * 1000
    assert used.si("energy") == pytest.approx(energy, rel=1e-12)
    assert used.si_interval("energy") == pytest.approx((energy, energy), rel=1e-12)
    spent = deployed.economics(used)
    price = 3 * 8 * Hardware["H100"].price_usd / 4
    assert spent.si("capital_cost") == pytest.approx(price)
    assert spent.si("cost_per_sample") == pytest.approx(spent.si("tco") / (10 * 1000 * 0.5 * 3))
    assert spent.si_interval("cost_per_sample") is None


def test_defaults_may_depend_on_the_application_and_are_checked():
    def twice(default):
        return NumberChoice(
            name="batch",
            label="",
            help="",
            unit="dimensionless",
            minimum=1,
            maximum=lambda simulation: 2 * simulation.scenario.batch_size,
            default=default,
        )

    resolved = twice(lambda s: s.scenario.batch_size).resolve(NodeSimulation("Inference"))
    assert (resolved.maximum, resolved.default) == (128, 64)
    with pytest.raises(InvalidInput, match="batch"):
        twice(129).resolve(NodeSimulation("Inference"))


def test_a_simulation_starts_where_the_mission_is():
    usual = ResourceSimulation()
    assert (usual.scenario, usual.persona) == (Applications.Doorbell, Personas.TinyPioneer)
    gang = ReliabilitySimulation("Frontier", Personas.CloudTitan)
    assert gang.scenario is Applications.Frontier
    for wrong in (3, None.__class__, Personas.CloudTitan):
        with pytest.raises(InvalidInput, match="application"):
            ResourceSimulation(wrong)
    with pytest.raises(InvalidInput, match="persona"):
        ResourceSimulation(None, Applications.Doorbell)
    for wrong in ([], "region", 3):
        with pytest.raises(InvalidInput, match="a dictionary from choice name to value"):
            usual.evaluate(wrong)
    assert usual.evaluate() == usual.evaluate({}) == usual.evaluate(usual.defaults)


def test_the_context_says_what_was_asked_and_a_ledger_may_bring_its_own():
    ledger = ResourceSimulation("Doorbell", "TinyPioneer").evaluate({"region": "Quebec"})
    assert ledger.context["simulation"] == "ResourceSimulation"
    assert ledger.context["persona"] == "TinyPioneer"
    assert ledger.context["choice"]["region"] == "Quebec"
    assert ledger.context["choice"]["duration_days"] == 365.0

    class Told(BaseSimulation):
        def evaluate(self, choice):
            return SystemLedger(context={"said": len(choice)})

    assert Told().evaluate().context == {"said": 0}


@pytest.mark.parametrize("application", ["Frontier", "Training"])
def test_a_job_of_one_gang_runs_once_whoever_runs_it(application):
    one = ReliabilitySimulation(application, "CloudTitan").evaluate({})
    many = ReliabilitySimulation(application, "MobileNomad").evaluate({})
    assert many == replace(one, context=many.context)
