"""A cast: what is asked of it is answered from where the persona that plays now begins."""

from __future__ import annotations

import pytest
from mlsysim_widgets import Cast, Journal

from mlsysim import TrainingSimulation
from mlsysim.explore.optimum import Infeasible

SMALL, LARGE = {"model": "Llama-3.1 8B", "batch_size": 8}, {"model": "Llama-3.1 70B"}


@pytest.fixture
def cast(monkeypatch):
    monkeypatch.setenv("MLSYSIM_JOURNAL", "")
    stories = {
        "CloudTitan": ("Training", "A large model."),
        "MobileNomad": ("Inference", "A small model on one node.", SMALL),
    }
    return Cast(Journal("vol1-08"), TrainingSimulation, stories)


def test_a_persona_begins_with_its_own_choices_everywhere(cast):
    cast.play("MobileNomad")
    expected = TrainingSimulation("Inference", "MobileNomad").evaluate(SMALL)
    latency = expected.performance.latency
    assert cast.ledger().performance.latency == latency
    assert cast.value("performance.latency")() == latency
    assert cast.dashboard().ledger.performance.latency == latency
    assert cast.explanation("performance.latency")() == expected.explain(
        "performance.latency"
    ).text(depth=2)
    assert cast.dashboard(batch_size=16).state["choice"]["batch_size"] == 16


def test_a_ratio_is_taken_from_where_the_persona_begins(cast):
    ratio = cast.ratio("performance.latency", precision="fp32")
    of_cloud = ratio()
    cast.play("MobileNomad")
    run = TrainingSimulation("Inference", "MobileNomad").evaluate
    narrow, wide = (
        run({**SMALL, "precision": p}).si("performance.latency") for p in ("bf16", "fp32")
    )
    assert ratio() == pytest.approx(wide / narrow)
    assert ratio() != pytest.approx(of_cloud)
    slower = cast.ratio("performance.throughput", precision="fp32")
    assert slower() == pytest.approx(narrow / wide)


def test_an_optimum_breaks_no_verdict_and_none_is_told(cast):
    cast.play("MobileNomad")
    best = cast.optimum("data", minimize="performance.latency", data=[1, 2, 8, 16])
    assert best() == 8
    impossible = cast.optimum("data", minimize="performance.latency", data=[1, 8], **LARGE)
    with pytest.raises(Infeasible):
        impossible()
