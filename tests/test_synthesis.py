"""The whole system at once: every limit can give way, and one change shows in many places."""

from __future__ import annotations

import pytest

from mlsysim import Applications, Facilities, SynthesisSimulation


@pytest.mark.parametrize("application", Applications)
def test_every_mission_as_it_stands_keeps_every_limit(application):
    simulation = SynthesisSimulation(application)
    ledger = simulation.evaluate({})
    assert ledger.feasible, ledger.violations
    assert {"Budget", "Carbon budget", "In service"} <= {v.constraint for v in ledger.verdicts}


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("Deadline", {"batch_size": 1024}),
        ("Fits in memory", {"batch_size": 1024}),
        ("In service", {"repair_hours": 720}),
        ("In service", {"least_availability": 0.9999}),
        ("Budget", {"duty_cycle": 1.0, "region": "Germany", "hardware": "NVIDIA B200 SXM 180GB"}),
        ("Budget", {"budget_usd": 30_000}),
        ("Carbon budget", {"region": "Poland"}),
        ("Carbon budget", {"carbon_budget_kg": 4000}),
        ("A rack supplies a node", {"facility": "server_closet"}),
    ],
)
def test_every_limit_gives_way_to_some_change_and_says_what_would_lift_it(constraint, change):
    simulation = SynthesisSimulation("Inference", "CloudTitan")
    flips = simulation.compare({}, change).flips
    assert constraint in [flip.constraint for flip in flips]
    broken = next(v for v in simulation.evaluate(change).violations if v.constraint == constraint)
    assert broken.remedy.endswith(".")


def test_one_change_breaks_several_limits_and_the_comparison_lists_them_worst_first():
    simulation = SynthesisSimulation("Inference", "CloudTitan")
    found = simulation.compare({}, {"batch_size": 1024})
    assert [flip.constraint for flip in found.flips] == ["Fits in memory", "Deadline"]
    assert found.flips[0].after < found.flips[1].after < 0.0 < found.flips[0].before
    assert str(found.flips[1]).startswith("Deadline is violated now")
    back = simulation.compare({"batch_size": 1024}, {})
    assert str(back.flips[0]).startswith(("Fits in memory holds now", "Deadline holds now"))
    assert "Deadline is violated now" in found.to_table()


def test_the_tightest_limit_has_the_least_room():
    ledger = SynthesisSimulation("Frontier", "CloudTitan").evaluate({})
    assert ledger.tightest.margin == min(verdict.margin for verdict in ledger.verdicts)
    assert ledger.tightest.constraint == "In service"


def test_a_budget_is_for_one_unit_and_one_year():
    simulation = SynthesisSimulation("Doorbell", "TinyPioneer")
    ledger = simulation.evaluate({"budget_usd": 2.0, "duration_days": 730.5})
    verdict = next(v for v in ledger.verdicts if v.constraint == "Budget")
    assert verdict.limit == pytest.approx(2.0 * 10_000_000 * 2.0)
    assert verdict.value == ledger.si("economics.tco")


def test_a_rack_is_held_against_one_node():
    simulation = SynthesisSimulation("Frontier", "CloudTitan")
    ledger = simulation.evaluate({"facility": "air_cooled_ai_hall"})
    verdict = next(v for v in ledger.verdicts if v.constraint == "A rack supplies a node")
    assert verdict.value == pytest.approx(ledger.si("performance.power") / 2048)
    hall = Facilities["air_cooled_ai_hall"]
    assert verdict.limit == 1000.0 * (hall.rack_max_kw or hall.rack_typical_kw)


def test_sensitivity_tells_which_choice_moves_a_limit_most():
    around = SynthesisSimulation("Inference", "CloudTitan").sensitivity()
    widest = around.tornado("verdicts.Carbon budget")[0]
    assert widest.choice in {"carbon_budget_kg", "region", "duty_cycle"}
    deadline = around.tornado("verdicts.Deadline")
    moved = [swing.choice for swing in deadline if swing.high > swing.low]
    assert set(moved) == {"model", "hardware", "precision", "batch_size"}
