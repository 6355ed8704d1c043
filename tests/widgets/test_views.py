"""Views: pure functions from ledger to figure, silent where there is nothing to show."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys

import pytest
from mlsysim_widgets.scripts import STATIC, style
from mlsysim_widgets.views import (
    VIEWS,
    carbon,
    cost,
    figures,
    latency,
    memory,
    plotly,
    roofline,
)
from mlsysim_widgets.views.curve import around
from mlsysim_widgets.views.plotly import plotly_spec
from plotly import graph_objects

from mlsysim import (
    BaseSimulation,
    Economics,
    NumberChoice,
    Performance,
    Personas,
    ReliabilitySimulation,
    ServingSimulation,
    Sustainability,
    SystemLedger,
    TrainingSimulation,
    Verdict,
)
from mlsysim.errors import UnknownName
from mlsysim.simulations import SIMULATIONS

DEADLINE = Verdict("Deadline", "performance.latency", 0.084, 0.2, "second", "at most", "")
LEDGER = SystemLedger(
    performance=Performance(
        latency=0.084,
        memory_time=0.06,
        compute_time=0.02,
        overhead_time=0.004,
        communication_time=0.0,
        memory_used=3.0 * 2**30,
        memory_capacity=8.0 * 2**30,
        weight_memory=2.0 * 2**30,
        activation_memory=1.0 * 2**30,
        arithmetic_intensity=10.0,
        ridge_point=100.0,
        peak_flop_rate=2e12,
        achieved_flop_rate=1e11,
    ),
    sustainability=Sustainability(carbon=10.0, operational_carbon=2.0, embodied_carbon=8.0),
    economics=Economics(tco=5.0, capital_cost=5.0),
    verdicts=(DEADLINE,),
)

EVERYBODY = [
    (simulation, application, persona)
    for simulation in SIMULATIONS
    for application, persona in itertools.product(simulation.applications(), Personas)
]


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_drawn_without_numbers(view):
    assert view(SystemLedger()) is None


def test_all_figures_of_a_full_ledger():
    assert [figure["name"] for figure in figures(LEDGER)] == [
        "roofline", "latency", "memory_used", "carbon", "tco",
    ]  # fmt: skip


def test_latency_lists_its_parts_in_order_with_the_deadline():
    figure = latency(LEDGER)
    assert figure["title"] == "Time: the largest part is memory, 60 ms of 84 ms"
    assert [(e["name"], e["role"], e["value"]) for e in figure["series"]] == [
        ("Arithmetic", "part", 20.0),
        ("Memory", "part", 60.0),
        ("Overhead", "part", 4.0),
        ("Latency", "total", 84.0),
        ("Deadline", "limit", 200.0),
    ]
    assert figure["table"]["rows"][-1] == ["Deadline", "200 ms"]
    assert figure["axes"]["x"]["unit"] == "ms"


def test_memory_is_held_against_capacity():
    limit = memory(LEDGER)["series"][-1]
    assert (limit["role"], limit["value"], limit["text"]) == ("limit", 8.0, "8 GiB")


def test_findings_name_what_is_largest():
    assert carbon(LEDGER)["title"].startswith("Carbon: the largest part is embodied carbon")
    assert cost(LEDGER)["title"] == "Cost: capital cost alone, $5"


def test_roofline_gives_the_corner_of_the_roof_the_point_and_the_binding_limit():
    performance = LEDGER.performance.replace(binding_limit="memory")
    figure = roofline(SystemLedger(performance=performance))
    assert figure["title"] == "Roofline: 100 GFLOP/s of 2 TFLOP/s peak, bound by memory"
    roof, point = figure["series"]
    assert (roof["role"], roof["x"], roof["y"]) == ("roof", 100.0, 2e12)
    assert (point["role"], point["x"], point["y"]) == ("point", 10.0, 1e11)
    assert "Ridge point 100 FLOP/B" in figure["alt"]
    assert roofline(LEDGER)["title"] == "Roofline: 100 GFLOP/s of 2 TFLOP/s peak"


def test_weights_in_flash_take_no_memory():
    used = {"flash_used": 2.0 * 2**30, "memory_used": 1.0 * 2**30}
    performance = LEDGER.performance.replace(**used)
    names = [entry["name"] for entry in memory(SystemLedger(performance=performance))["series"]]
    assert names == ["Activations", "Memory used", "Memory capacity"]


# Every view of every registered simulation


def check(figure):
    """What holds for every figure, whatever it shows."""
    json.dumps(figure, allow_nan=False)
    assert 0 < len(figure["title"]) <= 125, figure["title"]
    assert figure["alt"]
    assert "nan" not in figure["title"] + figure["alt"]
    for name, each in figure["axes"].items():
        assert each["label"]
        assert isinstance(each["unit"], str)
        assert each["scale"] in {"linear", "log"}
        if each["scale"] == "log":
            numbers = [n for entry in figure["series"] for n in flat(entry.get(name, []))]
            assert all(number > 0 for number in numbers)
    assert figure["series"]
    for entry in figure["series"]:
        assert entry["name"]
        assert entry["text"] not in {"", "–"}
        assert len({len(entry[key]) for key in ("x", "y", "texts") if is_list(entry, key)}) < 2
    table = figure["table"]
    assert table["rows"]
    for row in table["rows"]:
        assert len(row) == len(table["columns"])
        assert all(isinstance(cell, str) and cell for cell in row)
    graph_objects.Figure(plotly_spec(figure))


def flat(value):
    return value if isinstance(value, list) else [value]


def is_list(entry, key):
    return isinstance(entry.get(key), list)


@pytest.mark.parametrize(("simulation", "application", "persona"), EVERYBODY)
def test_every_figure_is_whole_and_its_parts_add_up(simulation, application, persona):
    found = figures(simulation(application, persona).evaluate({}))
    assert {"roofline", "latency", "energy", "carbon", "tco"} <= {each["name"] for each in found}
    for figure in found:
        check(figure)
        for entry in figure["series"]:
            if figure["kind"] == "breakdown":
                assert f"{entry['name']} {entry['text']}" in figure["alt"]
                assert [entry["name"], entry["text"]] in figure["table"]["rows"]
        if figure["kind"] == "breakdown":
            parts = [each["value"] for each in figure["series"] if each["role"] == "part"]
            (total,) = [each["value"] for each in figure["series"] if each["role"] == "total"]
            assert sum(parts) == pytest.approx(total)


def test_what_parts_leave_of_a_total_is_a_part():
    performance = LEDGER.performance.replace(memory_used=4.0 * 2**30)
    bars = memory(SystemLedger(performance=performance))["series"]
    rest = next(bar for bar in bars if bar["name"] == "Fragmentation")
    assert (rest["role"], rest["text"]) == ("part", "1 GiB")
    assert "Fragmentation" not in [bar["name"] for bar in memory(LEDGER)["series"]]


# Around the point

PAIRS = [(simulation, name) for simulation in SIMULATIONS for name in simulation.applications()]


@pytest.mark.parametrize(("simulation", "application"), PAIRS)
def test_curve_of_every_number_goes_through_the_present_design(simulation, application):
    here = simulation(application, "CloudTitan")
    ledger = here.evaluate({})
    for choice in here.choices:
        for path in ("performance.latency", "sustainability.carbon"):
            figure = around(here, {}, choice.name, path)
            if not isinstance(choice, NumberChoice):
                assert figure is None
                continue
            check(figure)
            line, point, *flips = figure["series"]
            group, _, metric = path.partition(".")
            assert point["text"] == getattr(ledger, group).text(metric)
            assert point["x"] == pytest.approx(here.defaults[choice.name])
            assert (line["x"][0], line["x"][-1]) == pytest.approx((choice.minimum, choice.maximum))
            assert len(line["x"]) <= 60
            assert len(figure["table"]["rows"]) == len(line["x"])
            assert all(flip["text"] in figure["alt"] for flip in flips)


@pytest.mark.parametrize(
    ("simulation", "name"),
    [
        (ServingSimulation("Inference"), "request_rate"),
        (ServingSimulation("Inference"), "batch_limit"),
        (ReliabilitySimulation("Frontier"), "checkpoint_interval_minutes"),
        (TrainingSimulation("Training"), "tensor"),
        (TrainingSimulation("Training"), "sequence_length"),
    ],
)
def test_verdicts_flip_where_the_curve_says(simulation, name):
    control = next(choice for choice in simulation.choices if choice.name == name)
    flips = around(simulation, {}, name, "performance.latency")["series"][2:]
    assert flips
    for flip in flips:
        at = flip["x"]
        if "about" in flip["text"]:
            low, high = 0.9 * at, 1.1 * at
        elif control.structural:
            low, high = (at, 2 * at) if flip["below"] else (at // 2, at)
        else:
            low, high = (at, at + 1) if flip["below"] else (at - 1, at)
        found = [holds(simulation, name, end, flip["name"]) for end in (low, high)]
        assert found == [flip["below"], not flip["below"]], flip["text"]


def holds(simulation, name, value, constraint):
    choice = next(each for each in simulation.choices if each.name == name)
    ledger = simulation.evaluate({name: round(value) if choice.integer else value})
    return next(bool(v.holds) for v in ledger.verdicts if v.constraint == constraint)


class Branching(BaseSimulation):
    """A simulation that cannot take arrays."""

    choices = (
        NumberChoice(
            name="load", label="Load", help="", unit="dimensionless", minimum=0, maximum=1,
            default=0.5,
        ),
    )  # fmt: skip

    def evaluate(self, choice):
        return SystemLedger(performance=Performance(latency=2.0 if choice["load"] > 0.5 else 1.0))


def test_there_is_no_curve_where_there_can_be_none():
    assert around(Branching(), {}, "load", "performance.latency") is None
    assert around(ServingSimulation(), {}, "precision", "performance.latency") is None
    assert around(ServingSimulation(), {}, "nothing", "performance.latency") is None
    assert around(ServingSimulation(), {}, "replicas", "performance.training_time") is None
    with pytest.raises(UnknownName, match="metric"):
        around(ServingSimulation(), {}, "replicas", "performance.speed")


def test_a_curve_never_asks_for_labelled_arrays():
    code = (
        "import sys; from mlsysim import ResourceSimulation; "
        "from mlsysim_widgets.views.curve import around; "
        "around(ResourceSimulation(), {}, 'batch_size', 'performance.latency'); "
        "print(*({'xarray', 'pandas', 'plotly', 'pint', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


# Plotly


def test_text_from_outside_is_no_markup_for_plotly():
    hostile = Verdict("<b>x</b>", "performance.latency", 0.084, 0.2, "second", "at most", "")
    spec = plotly_spec(latency(SystemLedger(performance=LEDGER.performance, verdicts=(hostile,))))
    assert "<b>" not in json.dumps(spec)
    assert "&lt;b&gt;x&lt;/b&gt;" in json.dumps(spec)


def test_every_colour_of_a_specification_has_a_variable_of_the_page():
    script = STATIC.joinpath("plot.js").read_text("utf-8")
    colours = {plotly.INK, plotly.SOFT, plotly.LINE, plotly.PANEL, *plotly.COLORS}
    named = dict(re.findall(r'"(--\w+)": "(#\w+)"', script))
    assert colours <= set(named.values())
    sheet = style("theme.css", "dashboard.css", "figures.css")
    for name, colour in named.items():
        assert re.search(rf"{name}: light-dark\({colour}, ", sheet), name


def test_nothing_of_a_figure_can_be_sent_away():
    script = STATIC.joinpath("plot.js").read_text("utf-8")
    assert "showSendToCloud: false" in script
    assert re.search(r'modeBarButtonsToRemove: \[.*"sendChartToCloud"', script)


def test_plotly_comes_from_the_installed_package_without_importing_it():
    code = (
        "import sys; from mlsysim_widgets.views.plotly import library_source; "
        "print(len(library_source()), 'plotly' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    size, imported = result.stdout.split()
    assert int(size) > 1_000_000
    assert imported == "False"


def test_a_figure_of_plotly_has_the_finding_as_its_title():
    assert plotly.go_figure(latency(LEDGER)).layout.title.text == latency(LEDGER)["title"]
