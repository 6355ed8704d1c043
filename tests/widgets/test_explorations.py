"""Explorations: offered where they apply, and true to what the simulation says."""

from __future__ import annotations

import itertools
import json

import pytest
from mlsysim_widgets.explorations import EXPLORATIONS, explored, offered
from test_views import check

from mlsysim import (
    BaseSimulation,
    DataSimulation,
    NodeSimulation,
    NumberChoice,
    Performance,
    Personas,
    PlacementSimulation,
    ReliabilitySimulation,
    ResourceSimulation,
    ServingSimulation,
    SystemLedger,
    TrainingSimulation,
)
from mlsysim.errors import UnknownName
from mlsysim.explore.timeline import pipeline_tasks
from mlsysim.regions import Regions
from mlsysim.simulations import SIMULATIONS
from mlsysim.units import LADDERS

# Sweeping every application for every persona takes minutes: personas take turns.
PAIRS = [
    (simulation, application, persona)
    for (simulation, application), persona in zip(
        ((each, name) for each in SIMULATIONS for name in each.applications()),
        itertools.cycle(Personas),
        strict=False,
    )
]
CARBON, COST = "sustainability.carbon", "economics.tco"


def figure_of(name, simulation, choice=None, **more):
    ledger = simulation.evaluate(choice or {})
    return explored(name, simulation, choice or {}, ledger, **more)


def series_of(figure, role):
    return [entry for entry in figure["series"] if entry["role"] == role]


@pytest.mark.parametrize(("simulation", "application", "persona"), PAIRS)
def test_every_exploration_of_every_simulation_is_whole(simulation, application, persona):
    here = simulation(application, persona)
    ledger = here.evaluate({})
    names = [each["name"] for each in offered(here, ledger)]
    assert {"tornado", "regions", "map"} <= set(names)
    for name in names:
        figure = explored(name, here, {}, ledger, pinned=ledger)
        assert figure["name"] == name
        check(figure)
        for entry in figure["series"]:
            if entry["role"] in {"bar", "area", "span"}:
                assert len(entry["x"]) == len(entry["texts"])


@pytest.mark.parametrize("persona", Personas)
def test_every_persona_has_every_exploration(persona):
    simulation = ResourceSimulation("Doorbell", persona)
    for each in offered(simulation, simulation.evaluate({})):
        check(figure_of(each["name"], simulation))


def test_what_is_offered_is_what_can_be_shown():
    def names(simulation):
        return {each["name"] for each in offered(simulation, simulation.evaluate({}))}

    assert {"queue", "timeline"} <= names(ServingSimulation("Inference"))
    assert {"optimum", "timeline"} <= names(TrainingSimulation("Training"))
    assert not {"timeline", "queue", "costs"} & names(TrainingSimulation("AutoDrive"))
    assert not {"optimum", "front"} & names(ReliabilitySimulation("Inference"))
    every = set().union(*(names(each()) for each in SIMULATIONS))
    assert every == set(EXPLORATIONS)


class Bare(BaseSimulation):
    """Declares and answers as little as possible."""

    choices = (
        NumberChoice(
            name="load", label="Load", help="", unit="dimensionless", minimum=0, maximum=1,
            default=0.5,
        ),
    )  # fmt: skip

    def evaluate(self, choice):
        return SystemLedger(performance=Performance(latency=1.0 + choice["load"]))


def test_a_bare_simulation_is_offered_nothing_and_refused_the_rest():
    assert offered(Bare(), Bare().evaluate({})) == []
    with pytest.raises(UnknownName, match="exploration"):
        figure_of("regions", Bare())
    with pytest.raises(UnknownName, match=r"exploration: received 'tornadoes'.*'tornado'"):
        figure_of("tornadoes", ResourceSimulation())
    with pytest.raises(UnknownName, match="metric"):
        figure_of("tornado", ResourceSimulation(), metric="performance.speed")


# Regions


@pytest.mark.parametrize("metric", [CARBON, COST, "sustainability.water", "sustainability.energy"])
def test_bars_add_up_to_what_the_simulation_says_of_each_region(metric):
    simulation = DataSimulation("Training", "CloudTitan")
    figure = figure_of("regions", simulation, {"region": "Poland"}, metric=metric)
    bars = series_of(figure, "bar")
    place = bars[0]["y"].index("▸ Poland")
    ledger = simulation.evaluate({"region": "Poland"})
    group, _, name = metric.partition(".")
    row = figure["table"]["rows"][place]
    assert row[:2] == ["▸ Poland", getattr(ledger, group).text(name)]
    sums = [sum(values) for values in zip(*(bar["x"] for bar in bars), strict=True)]
    assert sums == sorted(sums)
    unit = SystemLedger.metric(metric).unit
    (scale,) = [each for each in LADDERS[unit] if each.label == figure["axes"]["x"]["unit"]]
    assert sums[place] == pytest.approx(scale.of(ledger.si(metric)), rel=1e-5)


def test_cloud_regions_are_compared_for_one_of_their_own():
    for name, listed in (("gcp:us-central1", True), ("Quebec", False)):
        figure = figure_of("map", ResourceSimulation("Inference"), {"region": name})
        (here,) = series_of(figure, "point")
        assert here["text"] == Regions[name].label
        clouds = [row for row in figure["table"]["rows"] if row[0].startswith("Google Cloud")]
        assert bool(clouds) is listed


def test_carbon_is_compared_on_one_basis_only():
    for region, basis in (("Quebec", "lifecycle"), ("Texas", "combustion")):
        figure = figure_of("map", ResourceSimulation("Inference"), {"region": region})
        (points,) = series_of(figure, "points")
        places = {
            (each.longitude_deg, each.latitude_deg)
            for each in Regions.values()
            if each.carbon_basis == basis
        }
        assert set(zip(points["x"], points["y"], strict=True)) <= places
        assert basis in figure["alt"]


def test_the_map_has_the_present_and_the_pinned_region_and_no_aggregate():
    simulation = ResourceSimulation("Inference")
    pinned = simulation.evaluate({"region": "Poland"})
    figure = figure_of("map", simulation, {"region": "Quebec"}, pinned=pinned)
    (here,), (there,) = series_of(figure, "point"), series_of(figure, "pinned")
    assert (here["x"], here["y"]) == (-73.6, 45.5)
    assert (there["text"], there["name"]) == ("Poland", "A")
    labels = [row[0] for row in figure["table"]["rows"]]
    assert "World" not in labels
    assert "Quebec" in labels


def test_regions_that_hardly_differ_are_said_to():
    title = figure_of("regions", ResourceSimulation("Doorbell"))["title"]
    assert title.endswith("nearly everywhere, as embodied carbon prevails")


# Others


def test_cost_over_time_ends_at_what_the_whole_duration_costs():
    simulation = DataSimulation("Training", "CloudTitan")
    figure = figure_of("costs", simulation)
    areas = series_of(figure, "area")
    last = [area["x"][-1] for area in areas]
    assert last == [3650.0] * len(areas)
    now = figure["series"][-1]["x"]
    place = areas[0]["x"].index(now)
    ratio = sum(area["y"][-1] for area in areas) / sum(area["y"][place] for area in areas)
    costs = [simulation.evaluate({"duration_days": days}).si(COST) for days in (3650.0, now)]
    assert ratio == pytest.approx(costs[0] / costs[1], rel=1e-4)
    assert figure["table"]["rows"][place][1] == simulation.evaluate({}).economics.text("tco")


def test_the_tail_lies_above_the_mean_and_grows_with_the_load():
    simulation = ServingSimulation("Inference", "CloudTitan")
    figure = figure_of("queue", simulation)
    mean, tail, waiting = series_of(figure, "line")
    assert all(one < other for one, other in zip(mean["y"], tail["y"], strict=True))
    assert tail["y"] == sorted(tail["y"])
    assert len(waiting["x"]) < len(tail["x"])
    (now,) = series_of(figure, "point")
    assert now["text"] == simulation.evaluate({}).performance.text("time_to_first_token_p99")
    assert now["x"] == pytest.approx(100 * simulation.evaluate({}).si("performance.offered_load"))


def test_the_load_up_to_which_the_first_token_is_in_time():
    simulation = ServingSimulation("Inference", "CloudTitan")
    title = figure_of("queue", simulation)["title"]
    load = float(title.split("about ")[1].rstrip("%")) / 100
    capacity = simulation.evaluate({}).si("performance.request_capacity")
    for share, holds in ((0.97, True), (1.03, False)):
        ledger = simulation.evaluate({"request_rate": load * share * capacity})
        assert next(v.holds for v in ledger.verdicts if v.constraint == "First token") is holds


def test_no_design_of_a_front_beats_another():
    simulation = NodeSimulation("Inference", "CloudTitan")
    pinned = simulation.evaluate({"batch_size": 1024})
    figure = figure_of("front", simulation, pinned=pinned)
    (best,) = series_of(figure, "points")
    assert len(best["x"]) > 3
    assert best["x"] == sorted(best["x"])
    assert best["y"] == sorted(best["y"], reverse=True)
    assert len(figure["table"]["rows"]) == len(best["x"])
    (there,) = series_of(figure, "pinned")
    assert there["text"].startswith(pinned.performance.text("latency"))


def test_a_front_without_feasible_designs_says_that_limits_are_ignored():
    assert figure_of("front", TrainingSimulation("Frontier"))["title"].endswith("limits ignored")


def test_a_tornado_holds_the_present_value_and_starts_with_the_widest():
    for simulation, metric in (
        (TrainingSimulation("Training"), CARBON),
        (ResourceSimulation("AutoDrive"), "performance.latency"),
    ):
        figure = figure_of("tornado", simulation, metric=metric)
        (span,), (now,) = series_of(figure, "span"), series_of(figure, "mark")
        ends = list(zip(span["x"], span["until"], strict=True))
        assert all(low <= now["x"] * 1.0001 for low, _ in ends)
        assert all(high >= now["x"] * 0.9999 for _, high in ends)
        assert span["y"][0].lower() in figure["title"]
        if figure["axes"]["x"]["scale"] == "log":
            widths = [high / low for low, high in ends]
            assert widths == sorted(widths, reverse=True)


def test_a_metric_that_nothing_moves_gives_way_to_one_that_something_does():
    figure = figure_of("tornado", ReliabilitySimulation("Frontier"))
    assert figure["title"].startswith("Goodput moves most with")


@pytest.mark.parametrize(
    ("simulation", "label", "word"),
    [
        (TrainingSimulation("Frontier"), "Time to train", "least"),
        (ReliabilitySimulation("Frontier"), "Goodput", "highest"),
        (DataSimulation("Frontier"), "Cost per unit of work", "least"),
    ],
)
def test_the_marked_interval_is_the_best_of_the_curve(simulation, label, word):
    figure = figure_of("optimum", simulation)
    (line,), (best, *rules) = series_of(figure, "line"), series_of(figure, "mark")
    aim = min if word == "least" else max
    place = line["y"].index(aim(line["y"]))
    assert 0 < place < len(line["y"]) - 1
    assert best["x"] == pytest.approx(line["x"][place], rel=1e-5)
    assert (figure["axes"]["y"]["label"], word in figure["title"]) == (label, True)
    assert [rule["name"] for rule in rules] == (["Young", "Daly"] if label == "Goodput" else [])


def test_placement_trades_latency_for_carbon():
    axes = figure_of("front", PlacementSimulation("Doorbell"))["axes"]
    assert [axes[name]["label"] for name in "xy"] == ["Latency", "Carbon"]


# Timelines


def test_a_request_waits_is_read_and_is_answered():
    simulation = ServingSimulation("Inference", "CloudTitan")
    choice = {"request_rate": 8.0}
    figure = figure_of("timeline", simulation, choice)
    waiting, prompt, answer = series_of(figure, "span")
    assert waiting["until"] == prompt["x"]
    assert prompt["until"] == answer["x"]
    performance = simulation.evaluate(choice).performance
    assert performance.text("request_latency") in figure["title"]
    assert answer["until"][0] == pytest.approx(performance.si("request_latency"), rel=1e-4)


@pytest.mark.parametrize(
    "choice",
    [
        {"virtual_stages": 1},
        {"virtual_stages": 1, "pipeline": 8, "data": 16, "recomputation": "full"},
        {"virtual_stages": 5},
        {"virtual_stages": 1, "data": 256},
    ],
)
def test_the_bubble_of_a_pipeline_is_that_of_the_law(choice):
    simulation = TrainingSimulation("Training")
    complete, ledger = simulation.complete(choice), simulation.evaluate(choice)
    tasks = pipeline_tasks(ledger, complete)
    busy = ledger.si("performance.latency") - ledger.si("performance.bubble_time")
    stages, pieces = complete["pipeline"], complete["virtual_stages"]
    microbatches = ledger.si("performance.replica_batch") / complete["microbatch_size"]
    end = max(task.end for task in tasks)
    assert end - busy == pytest.approx((stages - 1) / (pieces * microbatches) * busy)
    for place in {task.place for task in tasks}:
        own = [task for task in tasks if task.place == place]
        assert sum(task.end - task.start for task in own) == pytest.approx(busy)
        assert all(one.end <= other.start + 1e-9 for one, other in itertools.pairwise(own))


@pytest.mark.parametrize(
    "choice", [{"batch_size": 4}, {"data": 1, "virtual_stages": 16}, {"pipeline": 3}]
)
def test_pipelines_of_any_size_have_a_timeline(choice):
    simulation = TrainingSimulation("Training")
    figure = figure_of("timeline", simulation, choice)
    check(figure)
    assert len(json.dumps(figure)) < 120_000
    places = dict.fromkeys(row[0] for row in figure["table"]["rows"])
    assert len(places) == simulation.complete(choice)["pipeline"]
