"""The cast: one lab for four personas, each with a story, a question and a design of its own."""

from __future__ import annotations

import pytest
from mlsysim_widgets import Cast, Dashboard, Gate, Journal, Prediction, Reveal

from mlsysim import InvalidInput, NodeSimulation, PlacementSimulation, TrainingSimulation
from mlsysim.errors import UnknownName
from mlsysim.explore.optimum import Infeasible

STORIES = {
    "CloudTitan": ("Inference", "Your chat service grows."),
    "TinyPioneer": ("Doorbell", "Your cameras must last a year."),
}
LIMITS = {
    "arithmetic": ("Right: the sums take the time.", "That is the reading of data sheets."),
    "memory bandwidth": ("Right: weights are fetched.", "That is the rule for language models."),
}


@pytest.fixture
def journal(monkeypatch):
    monkeypatch.setenv("MLSYSIM_JOURNAL", "")
    return Journal("vol1-11")


@pytest.fixture
def cast(journal):
    return Cast(journal, NodeSimulation, STORIES)


@pytest.fixture
def limit(journal, cast):
    answer = cast.value("performance.binding_limit")
    return Prediction(journal, "limit", "What binds?", answer=answer, options=LIMITS, cast=cast)


def play_as_sent(cast, persona):
    cast._handle_custom_msg({"action": "play", "value": persona}, [])


def test_the_first_persona_plays_until_somebody_else_is_chosen(cast):
    assert cast.persona == "CloudTitan"
    assert cast.simulation.scenario.name == "Inference"
    assert cast.view["told"]["lines"] == ["Your chat service grows."]
    play_as_sent(cast, "TinyPioneer")
    assert (cast.persona, cast.view["value"]) == ("TinyPioneer", "TinyPioneer")
    assert cast.simulation.persona.name == "TinyPioneer"
    assert cast.view["told"]["lines"] == ["Your cameras must last a year."]


def test_every_lab_knows_who_plays_and_falls_back_where_it_has_no_such_part(journal):
    Cast(journal, NodeSimulation, STORIES).play("TinyPioneer")
    assert Cast(journal, NodeSimulation, STORIES).persona == "TinyPioneer"
    alone = {"CloudTitan": STORIES["CloudTitan"]}
    assert Cast(journal, NodeSimulation, alone).persona == "CloudTitan"


@pytest.mark.parametrize("persona", ["Nobody", "EdgeGuardian", "", None, [], 7])
def test_a_part_that_is_not_offered_is_refused_in_place(cast, persona):
    play_as_sent(cast, persona)
    assert cast.persona == "CloudTitan"
    assert "persona" in cast.view["problem"]


def test_each_persona_answers_for_itself(cast, limit):
    limit.commit("arithmetic")
    assert (limit.right, limit.feedback) == (False, "That is the reading of data sheets.")
    play_as_sent(cast, "TinyPioneer")
    assert (limit.committed, limit.given) == (False, None)
    limit.commit("arithmetic")
    assert (limit.right, limit.feedback) == (True, "Right: the sums take the time.")
    play_as_sent(cast, "CloudTitan")
    assert (limit.committed, limit.right) == (True, False)


def test_a_gate_opens_anew_for_each_persona(cast, limit):
    gate = Gate(limit, cast.dashboard, batch_size=2)
    limit.commit("arithmetic")
    first = gate.part
    assert isinstance(first, Dashboard)
    assert (first.persona, first.application) == ("CloudTitan", "Inference")
    play_as_sent(cast, "TinyPioneer")
    assert gate.part is None
    limit.commit("arithmetic")
    assert (gate.part.persona, gate.part.application) == ("TinyPioneer", "Doorbell")
    play_as_sent(cast, "CloudTitan")
    assert gate.part.persona == "CloudTitan"


def test_a_reveal_explains_with_the_numbers_of_whoever_plays(cast, limit):
    reveal = Reveal(limit, because=cast.explanation("performance.latency"))
    limit.commit("arithmetic")
    reveal.reveal()
    cloud = reveal.view["told"]["code"]
    assert cloud.startswith(f"Latency = {cast.ledger().performance.text('latency')}")
    play_as_sent(cast, "TinyPioneer")
    limit.commit("arithmetic")
    reveal.reveal()
    assert reveal.view["told"]["code"] != cloud


def test_numbers_come_as_quantities_in_the_unit_of_the_question(journal, cast):
    share = Prediction(
        journal, "share", "Which share of the peak?", cast=cast, minimum=0.1, maximum=100,
        unit="percent", within=2, answer=cast.value("performance.model_flops_utilization"),
    )  # fmt: skip
    expected = cast.ledger().performance.si("model_flops_utilization") * 100
    assert share.answer == pytest.approx(expected)


def test_a_cast_needs_somebody_and_an_application_that_is_served(journal):
    with pytest.raises(InvalidInput, match="stories"):
        Cast(journal, NodeSimulation, {})
    with pytest.raises(UnknownName, match="Did you mean 'CloudTitan'"):
        Cast(journal, NodeSimulation, {"CloudTitn": ("Inference", "")})
    with pytest.raises(InvalidInput, match="nodes, not on one"):
        Cast(journal, NodeSimulation, {"CloudTitan": ("Frontier", "")})
    with pytest.raises(UnknownName, match="Did you mean 'batch_size'"):
        Cast(journal, NodeSimulation, {"CloudTitan": ("Inference", "", {"batchsize": 8})})


def test_a_persona_begins_with_the_choices_of_its_story(journal):
    cast = Cast(
        journal,
        NodeSimulation,
        {"CloudTitan": ("Inference", "", {"batch_size": 8}), "TinyPioneer": STORIES["TinyPioneer"]},
    )
    own = cast.simulation.evaluate({"batch_size": 8}).performance.latency
    assert cast.ledger().performance.latency == own
    assert cast.ledger(batch_size=64).performance.latency > own
    assert cast.dashboard().state["choice"]["batch_size"] == 8
    assert cast.dashboard(batch_size=64).state["choice"]["batch_size"] == 64
    play_as_sent(cast, "TinyPioneer")
    assert cast.dashboard().state["choice"]["batch_size"] == 1


def test_the_best_option_is_found_for_whoever_plays_and_named_as_its_control_does(journal):
    stories = {"EdgeGuardian": ("AutoDrive", ""), "MobileNomad": ("Assistant", "")}
    cast = Cast(journal, PlacementSimulation, stories)
    every = {"placement": "all", "respect_verdicts": False}
    soonest = cast.optimum("placement", minimize="performance.latency", **every)
    assert soonest() == "The device itself"
    play_as_sent(cast, "MobileNomad")
    assert soonest() == "Large data center, H100"
    # A design that misses a deadline may be the best there is.
    far = cast.optimum("placement", maximize="performance.latency", distance_km=2e4, **every)
    play_as_sent(cast, "EdgeGuardian")
    assert far() == "Small data center in the region, L4"


SMALL, LARGE = {"model": "Llama-3.1 8B", "batch_size": 8}, {"model": "Llama-3.1 70B"}


@pytest.fixture
def trained(journal):
    stories = {
        "CloudTitan": ("Training", "A large model."),
        "MobileNomad": ("Inference", "A small model on one node.", SMALL),
    }
    return Cast(journal, TrainingSimulation, stories)


def test_a_persona_begins_with_its_own_choices_everywhere(trained):
    trained.play("MobileNomad")
    expected = TrainingSimulation("Inference", "MobileNomad").evaluate(SMALL)
    latency = expected.performance.latency
    assert trained.ledger().performance.latency == latency
    assert trained.value("performance.latency")() == latency
    assert trained.dashboard().ledger.performance.latency == latency
    assert trained.explanation("performance.latency")() == expected.explain(
        "performance.latency"
    ).text(depth=2)
    assert trained.dashboard(batch_size=16).state["choice"]["batch_size"] == 16


def test_a_ratio_is_taken_from_where_the_persona_begins(trained):
    ratio = trained.ratio("performance.latency", precision="fp32")
    of_cloud = ratio()
    trained.play("MobileNomad")
    run = TrainingSimulation("Inference", "MobileNomad").evaluate
    narrow, wide = (
        run({**SMALL, "precision": p}).si("performance.latency") for p in ("bf16", "fp32")
    )
    assert ratio() == pytest.approx(wide / narrow)
    assert ratio() != pytest.approx(of_cloud)
    slower = trained.ratio("performance.throughput", precision="fp32")
    assert slower() == pytest.approx(narrow / wide)


def test_an_optimum_breaks_no_verdict_and_none_is_told(trained):
    trained.play("MobileNomad")
    best = trained.optimum("data", minimize="performance.latency", data=[1, 2, 8, 16])
    assert best() == 8
    impossible = trained.optimum("data", minimize="performance.latency", data=[1, 8], **LARGE)
    with pytest.raises(Infeasible):
        impossible()
