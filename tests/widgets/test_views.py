"""Views: pure functions from ledger to figure, silent where there is nothing to show."""

from __future__ import annotations

import pytest
from mlsysim_widgets.views import VIEWS, carbon, cost, figures, latency, memory, roofline

from mlsysim import Economics, Performance, Sustainability, SystemLedger, Verdict

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
    assert figure["title"] == "Roofline: 100 GFLOP/s of 2 TFLOP/s peak, memory-bound"
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
