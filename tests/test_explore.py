"""Design spaces: arrays give what a loop gives, and optima are what brute force finds."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from mlsysim import InvalidInput, ReliabilitySimulation, ResourceSimulation
from mlsysim.choices import NumberChoice, OptionChoice
from mlsysim.errors import UnknownName
from mlsysim.explore import space as space_module
from mlsysim.explore.optimum import Infeasible
from mlsysim.explore.space import MissingLibrary
from mlsysim.ledger import metric_paths
from mlsysim.simulations import SIMULATIONS, NodeSimulation

EVERY = [
    pytest.param(kind, name, id=f"{kind.__name__}-{name}")
    for kind in SIMULATIONS
    for name in kind.applications()
]
FIRST = [
    pytest.param(kind, next(iter(kind.applications())), id=kind.__name__) for kind in SIMULATIONS
]


def some_values(choice, count=4):
    """Return values over the whole range of a number, in its own kind of steps."""
    low, high = choice.minimum, choice.maximum
    if choice.scale == "log" and low > 0:
        values = np.geomspace(low, high, count)
    else:
        values = np.linspace(low, high, count)
    values = np.clip(values, low, high)
    return np.unique(np.round(values)).astype(int) if choice.integer else values


def numbers_of(ledger):
    return {path: ledger.si(path) for path in metric_paths() if ledger.metric(path).unit}


def assert_same(one, many, row, rows, about):
    """Hold a ledger of scalars against one row of a ledger of arrays."""
    arrays = numbers_of(many)
    for path, value in numbers_of(one).items():
        entry = arrays[path]
        if value is None:
            assert entry is None, (about, path)
            continue
        entry = np.broadcast_to(entry, (rows, 1))[row, 0]
        assert entry == pytest.approx(value, rel=1e-9, abs=0.0), (about, path)


@pytest.mark.parametrize(("kind", "application"), EVERY)
def test_an_array_of_a_number_gives_what_each_of_its_values_gives(kind, application):
    simulation = kind(application)
    for choice in simulation.choices:
        if not isinstance(choice, NumberChoice) or choice.structural:
            continue
        values = some_values(choice)
        many = simulation.evaluate({choice.name: values.reshape(-1, 1)})
        for row, value in enumerate(values.tolist()):
            one = simulation.evaluate({choice.name: value})
            assert_same(one, many, row, len(values), f"{choice.name} {value}")
            margins = {verdict.constraint: verdict.margin for verdict in many.verdicts}
            for verdict in one.verdicts:
                margin = np.broadcast_to(margins[verdict.constraint], (len(values), 1))
                assert margin[row, 0] == pytest.approx(verdict.margin, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("kind", "application"), FIRST)
def test_a_sweep_holds_what_evaluations_at_its_points_give(kind, application):
    simulation = kind(application)
    axes = {}
    for choice in simulation.choices:
        if isinstance(choice, OptionChoice):
            axes[choice.name] = [option.value for option in choice.listed()][:2]
        elif not choice.structural and len(axes) < 5:
            axes[choice.name] = some_values(choice, 3)
    swept = simulation.sweep(**axes)
    assert swept.size == math.prod(len(values) for values in axes.values())
    for point in np.random.default_rng(1).choice(swept.size, min(swept.size, 40), replace=False):
        choice = swept.choice_at(point)
        ledger = simulation.evaluate(choice)
        for path, value in numbers_of(ledger).items():
            if value is not None:
                assert swept.full(path).flat[point] == pytest.approx(value, rel=1e-9, abs=0.0)
        assert swept.full("feasible").flat[point] == ledger.feasible
        selected = swept["performance.latency"]
        selected = selected.sel({name: choice[name] for name in selected.dims})
        assert float(selected) == pytest.approx(ledger.si("performance.latency"), rel=1e-9)


def test_a_sweep_knows_its_units_and_only_the_choices_a_metric_depends_on():
    swept = ResourceSimulation().sweep(region=["Quebec", "Poland"], duration_days=[30, 60, 90])
    assert swept["performance.latency"].dims == ("region",)
    carbon = swept["sustainability.carbon"]
    assert carbon.dims == ("region", "duration_days")
    assert carbon.attrs["units"] == "kilogram_CO2e"
    assert carbon.coords["duration_days"].attrs == {"long_name": "Duration", "units": "day"}
    assert swept["sustainability.region"].values.tolist() == ["Quebec", "Poland"]
    assert repr(swept).startswith("<Sweep of 6 points: region × 2, duration_days × 3;")


def test_a_sweep_becomes_a_table(tmp_path):
    swept = ResourceSimulation().sweep(
        region=["Quebec", "Poland"], duration_days=[30, 60], metrics=["sustainability.energy"]
    )
    frame = swept.to_dataframe()
    assert frame.index.names == ["region", "duration_days"]
    energy = frame.loc[("Poland", 60), "sustainability.energy"]
    ledger = ResourceSimulation().evaluate({"region": "Poland", "duration_days": 60})
    assert energy == ledger.si("sustainability.energy")
    swept.to_csv(tmp_path / "sweep.csv")
    head, *rows = (tmp_path / "sweep.csv").read_text().splitlines()
    assert head.startswith("region,duration_days,sustainability.energy [joule],")
    assert len(rows) == 4


def test_numbers_are_given_as_values_ranges_quantities_or_everything():
    swept = ResourceSimulation().sweep(
        duration_days=["1 week", 30], duty_cycle=(0.1, 1.0), utilization="all", batch_size=[1, 2]
    )
    assert swept.shape == {"duration_days": 2, "duty_cycle": 25, "utilization": 25, "batch_size": 2}
    assert swept.space.axes[0].values.tolist() == [7.0, 30.0]
    ends = swept.space.axes[1].values[[0, -1]]
    assert ends.tolist() == [0.1, 1.0]


@pytest.mark.parametrize("chunks", [1, 7, 50, 10**6])
def test_chunks_change_nothing(chunks):
    simulation = ResourceSimulation("Inference")
    axes = {
        "region": ["Quebec", "Poland"],
        "batch_size": [1, 2, 3, 5, 8],
        "utilization": np.linspace(0.1, 1.0, 9),
        "metrics": None,
    }
    whole, cut = simulation.sweep(**axes), simulation.sweep(**axes, chunks=chunks)
    assert whole.dims == cut.dims
    for path, values in whole.values.items():
        assert np.array_equal(values, cut.values[path]), path


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({}, InvalidInput, "at least one"),
        ({"regoin": "all"}, UnknownName, "region"),
        ({"region": ["Quebecc"]}, UnknownName, "Quebec"),
        ({"region": []}, InvalidInput, "a list of names"),
        ({"duration_days": [30, -1]}, InvalidInput, "1 to 3650"),
        ({"duration_days": [30, math.nan]}, InvalidInput, "1 to 3650"),
        ({"duration_days": (60, 30)}, InvalidInput, "a low end below the high one"),
        ({"duration_days": (1, 2, 3)}, InvalidInput, "a pair"),
        ({"duration_days": []}, InvalidInput, "at least one value"),
        ({"batch_size": [1.5]}, InvalidInput, "a whole number"),
        ({"region": "all", "chunks": 0}, InvalidInput, "chunks"),
        ({"region": "all", "metrics": ["performance.speed"]}, UnknownName, "metric"),
    ],
)
def test_a_bad_axis_is_refused_with_what_is_accepted(given, error, words):
    with pytest.raises(error, match=words):
        ResourceSimulation().sweep(**given)


def test_an_array_out_of_range_names_the_value():
    with pytest.raises(InvalidInput, match=r"duration_days: received np.float64\(0.5\)"):
        ResourceSimulation().evaluate({"duration_days": np.array([3.0, 0.5])})


def test_a_library_that_is_not_installed_is_named_with_the_way_to_get_it(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(space_module.importlib, "import_module", missing)
    with pytest.raises(MissingLibrary, match=r"pip install 'mlsysim\[explore\]'"):
        _ = ResourceSimulation().sweep(region="all").dataset


AXES = {
    "region": ["Quebec", "Poland", "France"],
    "precision": ["int8", "fp16"],
    "batch_size": [1, 4, 16, 64, 256],
}


def brute_force(simulation, path, allowed):
    """Return the choices that are allowed, from the least of a metric to the most."""
    found = []
    for values in itertools.product(*AXES.values()):
        ledger = simulation.evaluate(dict(zip(AXES, values, strict=True)))
        if allowed(ledger):
            found.append((ledger.si(path), values))
    return sorted(found)


def values_of(choice):
    return tuple(choice[name] for name in AXES)


def test_a_finite_space_gives_the_optimum_and_runner_up_of_brute_force():
    simulation = ResourceSimulation("Inference", "CloudTitan")
    best = simulation.optimize(
        minimize="economics.cost_per_sample",
        subject_to={"performance.latency": "<= 20 ms"},
        **AXES,
    )
    expected = brute_force(
        simulation,
        "economics.cost_per_sample",
        lambda ledger: ledger.feasible and ledger.performance.latency_ms <= 20,
    )
    assert values_of(best.choice) == expected[0][1]
    assert best.value == best.ledger.si("economics.cost_per_sample") == expected[0][0]
    assert values_of(best.runner_up.choice) == expected[1][1]
    assert best.binding == ("Latency at most 20 ms",)
    assert "runner-up" in str(best)


def test_what_is_maximized_becomes_large():
    best = NodeSimulation("Inference").optimize(
        maximize="performance.throughput", batch_size=[1, 8]
    )
    assert best.choice["batch_size"] == 8


def test_a_continuous_space_reaches_the_optimum_known_in_closed_form():
    simulation = ReliabilitySimulation()
    best = simulation.optimize(
        maximize="reliability.goodput", checkpoint_interval_minutes="all", respect_verdicts=False
    )
    exact = best.ledger.reliability.optimal_checkpoint_interval_minutes
    assert best.choice["checkpoint_interval_minutes"] == pytest.approx(exact, rel=1e-3)
    assert best.binding == ()


def test_a_continuous_space_stops_at_the_limit_that_binds():
    """The battery of a sensor lasts E / P: the shortest duty that is allowed makes it longest."""
    simulation = ResourceSimulation()
    bound = simulation.evaluate({"duty_cycle": 0.5}).sustainability.battery_life.to("day")
    best = simulation.optimize(
        maximize="sustainability.energy",
        subject_to={"sustainability.battery_life": f">= {bound.magnitude} day"},
        duty_cycle="all",
        respect_verdicts=False,
    )
    assert best.choice["duty_cycle"] == pytest.approx(0.5, rel=1e-3)
    assert best.binding[0].startswith("Battery life at least")


def test_an_infeasible_problem_says_which_constraint_to_relax_and_by_how_much():
    simulation = ResourceSimulation("Inference", "CloudTitan")
    fastest = min(
        simulation.evaluate(dict(zip(AXES, values, strict=True))).performance.latency_ms
        for values in itertools.product(*AXES.values())
    )
    with pytest.raises(Infeasible, match="Latency at most 2 ms") as caught:
        simulation.optimize(
            minimize="economics.tco", subject_to={"performance.latency": "<= 2 ms"}, **AXES
        )
    assert caught.value.alone
    assert caught.value.relaxations["Latency at most 2 ms"] == pytest.approx(fastest / 2 - 1)


def test_constraints_that_must_give_together_are_named_together():
    simulation = ResourceSimulation("Inference", "CloudTitan")
    with pytest.raises(Infeasible, match=" and ") as caught:
        simulation.optimize(
            minimize="economics.tco",
            subject_to={"performance.latency": "<= 1 ms", "economics.tco": "<= 1 USD"},
            **AXES,
        )
    assert set(caught.value.relaxations) == {"Latency at most 1 ms", "Total cost at most $1"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one of the two"),
        ({"minimize": "economics.tco", "maximize": "economics.tco"}, "one of the two"),
        ({"minimize": "performance.hardware"}, "a metric that is a number"),
        ({"minimize": "economics.cost"}, "economics.tco"),
        ({"minimize": "reliability.goodput"}, "a metric that applies here"),
        ({"minimize": "economics.tco", "subject_to": {"economics.tco": "5"}}, "a bound such as"),
        ({"minimize": "economics.tco", "subject_to": {"economics.tco": "<= 5 kg"}}, "USD"),
    ],
)
def test_a_bad_problem_is_refused_with_what_is_accepted(given, words):
    with pytest.raises(InvalidInput, match=words):
        ResourceSimulation().optimize(region=["Quebec", "Poland"], **given)


def test_a_front_holds_exactly_the_designs_that_no_other_beats():
    simulation = NodeSimulation("Inference", "CloudTitan")
    paths = ("performance.latency", "economics.cost_per_sample")
    found = simulation.pareto(*paths, **AXES)
    everything = [
        (ledger.si(paths[0]), ledger.si(paths[1]), values)
        for values in itertools.product(*AXES.values())
        if (ledger := simulation.evaluate(dict(zip(AXES, values, strict=True)))).feasible
    ]
    expected = {
        (one[0], one[1])
        for one in everything
        if not any(
            other[0] <= one[0] and other[1] <= one[1] and other[:2] != one[:2]
            for other in everything
        )
    }
    assert {(design.first, design.second) for design in found} == expected
    assert len(found) >= 3
    assert found.considered == len(everything)
    frame = found.to_dataframe()
    assert frame.columns.tolist() == [*AXES, *paths]
    assert frame[paths[0]].is_monotonic_increasing
    assert frame[paths[1]].is_monotonic_decreasing


def test_a_front_needs_metrics_of_which_less_or_more_is_better():
    with pytest.raises(InvalidInput, match="less or more is better"):
        NodeSimulation().pareto("performance.ridge_point", "economics.tco", batch_size=[1, 2])


def test_elasticities_are_the_exponents_of_the_laws():
    around = ResourceSimulation("Inference").sensitivity({"duration_days": 100})
    assert around.elasticity("sustainability.energy", "duration_days") == pytest.approx(1.0)
    assert around.elasticity("economics.capital_cost", "replacement_years") == pytest.approx(-1.0)
    assert around.elasticity("performance.latency", "duration_days") == 0.0
    assert 0.0 < around.elasticity("performance.latency", "batch_size") < 1.0
    frame = around.to_dataframe()
    assert frame.loc["sustainability.energy", "duration_days"] == pytest.approx(1.0)
    with pytest.raises(UnknownName, match="duration_days"):
        around.elasticity("economics.tco", "region")


def test_a_tornado_lists_the_widest_swing_first():
    simulation = ResourceSimulation("Inference")
    swings = simulation.sensitivity().tornado("sustainability.operational_carbon")
    widths = [swing.high - swing.low for swing in swings]
    assert widths == sorted(widths, reverse=True)
    region = next(swing for swing in swings if swing.choice == "region")
    everywhere = simulation.sweep(region="all")["sustainability.operational_carbon"]
    assert (region.low, region.high) == (float(everywhere.min()), float(everywhere.max()))
    assert swings[-1].low == swings[-1].high


def test_two_choices_are_compared():
    found = ResourceSimulation().compare({"region": "Quebec"}, None)
    assert found["sustainability.operational_carbon"].verdict == "worse"
    assert found["performance.latency"].verdict == "same"


def test_the_best_of_named_designs_keeps_every_constraint():
    simulation = NodeSimulation("KeywordSpotting", "TinyPioneer")
    designs = {"now": {}, "pairs": {"batch_size": 2}, "array": {"hardware": "Arm Ethos-U55-256"}}
    speed = {name: simulation.evaluate(each).si("performance.throughput")
             for name, each in designs.items()}  # fmt: skip
    assert max(speed, key=speed.get) == "array"
    assert simulation.best_of("performance.throughput", designs) == "now"
    slower = {"now": {}, "larger": {"model": "ResNet-8"}}
    assert simulation.best_of("performance.latency", slower) == "now"
    with pytest.raises(InvalidInput, match="keeps every constraint"):
        simulation.best_of("performance.latency", {"pairs": {"batch_size": 2}})
    with pytest.raises(InvalidInput, match="higher or lower"):
        simulation.best_of("performance.binding_limit", designs)


def test_a_subclass_of_a_teaching_assistant_is_explored_as_it_is():
    class Half(ResourceSimulation):
        choices = (
            NumberChoice(
                name="half",
                label="Half",
                help="",
                unit="dimensionless",
                minimum=0.0,
                maximum=1.0,
                default=0.5,
            ),
        )

        def evaluate(self, choice):
            ledger = ResourceSimulation(self.scenario, self.persona).evaluate({})
            energy = ledger.si("sustainability.energy") * choice["half"]
            return replace(ledger, sustainability=ledger.sustainability.replace(energy=energy))

    swept = Half().sweep(half=(0, 1))
    assert swept["sustainability.energy"].dims == ("half",)
    best = Half().optimize(minimize="sustainability.energy", half=[0.2, 0.4])
    assert best.choice == {"half": 0.2}
