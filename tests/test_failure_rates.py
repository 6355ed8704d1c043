"""Failure rates, checkpoint formulas, and the rows that say how often clusters fail."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from mlsysim import formulas
from mlsysim.applications import Applications
from mlsysim.errors import InvalidInput
from mlsysim.failure_rates import FailureRate, FailureRates
from mlsysim.personas import Personas
from mlsysim.simulations import ReliabilitySimulation
from mlsysim.validation import reliability
from mlsysim.validation.cases import Row, Unpredictable

MEASUREMENTS = Path(__file__).parent / "measurements"
CASES = {case.name: case for case in reliability.cases(MEASUREMENTS)}
DAY = 86_400.0
COLUMNS = (
    "row_id", "kind", "system", "n_accel", "n_nodes", "window_days", "metric", "value", "unit",
    "condition", "evidence", "source",
)  # fmt: skip


def row(**cells):
    return Row("reliability.csv", 2, dict.fromkeys(COLUMNS, "") | cells)


def error(name):
    return CASES[name].predict() / CASES[name].measured - 1.0


# Presets


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("meta_32k_cluster", 2.3),
        ("llama3_cluster", 3.79),
        ("published_cluster_4", 4.3),
        ("rsc1_cluster", 6.5),
        ("published_cluster_8", 7.7),
        ("opt_cluster", 15.6),
    ],
)
def test_presets_are_the_published_rates(name, rate):
    assert FailureRates[name].failures_per_1000_node_days == pytest.approx(rate, rel=0.002)


def test_the_typical_rate_is_the_geometric_mean_of_the_published_ones():
    own = [rate.failures_per_1000_node_days for rate in FailureRates.values()
           if rate.group == "Published clusters" and rate.name != "typical_cluster"]  # fmt: skip
    assert len(own) == 6
    typical = FailureRates["typical_cluster"].failures_per_1000_node_days
    assert typical == pytest.approx(math.exp(np.mean(np.log(own))), rel=1e-12)
    assert round(typical, 1) == 5.6


@pytest.mark.parametrize(("nodes", "factor"), [(1, 3.2), (256, 3.2), (257, 1.0), (2000, 1.0)])
def test_small_jobs_fail_more_often_for_each_node(nodes, factor):
    interval = FailureRates["rsc1_cluster"].job_failure_interval_s(nodes)
    assert interval == pytest.approx(1000 * DAY / 6.5 / nodes / factor, rel=1e-12)


def test_job_sizes_may_be_an_array():
    rate = FailureRates["rsc1_cluster"]
    sizes = np.array([1.0, 512.0])
    many = rate.job_failure_interval_s(sizes)
    assert many.tolist() == [rate.job_failure_interval_s(size) for size in sizes]


def test_without_a_factor_a_job_is_a_series_of_its_nodes():
    rate = FailureRates["llama3_cluster"]
    assert rate.job_failure_interval_s(2048) == rate.node_failure_interval_s / 2048


def test_a_factor_of_nothing_is_refused():
    with pytest.raises(InvalidInput, match="small_job_factor of x"):
        FailureRate(name="x", label="x", failures_per_1000_node_days=1.0, group="x",
                    small_job_factor=0.0, source="project-estimate")  # fmt: skip


def test_a_gang_fails_as_often_as_a_job_of_its_size():
    simulation = ReliabilitySimulation(Applications.Frontier, Personas.CloudTitan)
    nodes = simulation.scenario.system.nodes
    for name in FailureRates:
        ledger = simulation.evaluate({"failure_rate": name})
        between = FailureRates[name].job_failure_interval_s(nodes)
        assert ledger.reliability.si("mean_time_between_failures") == pytest.approx(between)
        days = ledger.reliability.si("expected_failures") * between / DAY
        assert days == pytest.approx(365.0)


# Checkpoint formulas


CASES_OF_CHECKPOINTS = [(600.0, 3_849_609.0), (600.0, 15_038.0), (10.0, 11_000.0), (300.0, 200.0)]


@pytest.mark.parametrize(("cost", "between"), CASES_OF_CHECKPOINTS)
def test_the_optimum_keeps_most_work(cost, between):
    def lost(work):
        kept = formulas.checkpointed_goodput(
            work=work, checkpoint=cost, restart=0.0, interval=between
        )
        return -float(kept)

    best = float(formulas.optimal_checkpoint_interval(checkpoint=cost, interval=between))
    found = minimize_scalar(lost, bracket=(best / 3, best * 2), tol=1e-12)
    assert found.x == pytest.approx(best, rel=1e-5)
    # d/dτ of τ / (exp((τ + C) / M) - 1) is zero where (1 - τ / M) · exp((τ + C) / M) = 1.
    assert (1 - best / between) * math.exp((best + cost) / between) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(("cost", "between"), CASES_OF_CHECKPOINTS)
def test_young_and_daly_are_their_definitions(cost, between):
    young = float(formulas.young_checkpoint_interval(checkpoint=cost, interval=between))
    assert young == pytest.approx(math.sqrt(2 * cost * between), rel=1e-6)
    daly = float(formulas.daly_checkpoint_interval(checkpoint=cost, interval=between))
    x = cost / (2 * between)
    expected = young * (1 + math.sqrt(x) / 3 + x / 9) - cost if x < 1 else between
    assert daly == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("ckpt-formula")])
def test_published_checkpoint_periods_are_met(name):
    exact = "exact" in name
    assert error(name) == pytest.approx(0.0, abs=2e-3 if exact else 1e-4)


# Rows


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("llama3-total", 0.01),
        ("llama3-mtbf", 0.01),
        ("rsc1-rate", 0.01),
        ("rsc-mttf-8", 0.01),
        ("rsc-mttf-4096", 0.35),
        ("fthsdp-rate", 0.01),
        ("fthsdp-mtbf-32k", 0.03),
        ("opt-machines-per-day", 0.01),
        ("opt-hosts", 0.35),
        ("rsc-ettr-large", 0.1),
        ("rsc-ettr-16k-60", 0.1),
    ],
)
def test_predictions_are_near_published_counts(name, within):
    assert abs(error(name)) < within


def test_projections_models_and_estimates_are_kept_apart():
    apart = {name: case.apart for name, case in CASES.items()}
    assert not apart["llama3-mtbf"]
    assert "projected" in apart["rsc-mttf-131072"]
    assert "a model of its authors" in apart["rsc-ettr-16k-60"]
    assert "estimated" in apart["rsc-ckpt-write"]
    assert not apart["rsc-mttf-4096"]
    assert not apart["opt-hosts"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("llama3-cause-power-supply", "which part fails"),
        ("rsc-job-completed", "how many jobs"),
        ("bytecheckpoint-7b-save", "storage"),
        ("fthsdp-recovery-16384", "start again"),
        ("byterobust-incidents", "size of the fleet"),
        ("gemini-sdc", "silent corruption"),
        ("tpu-superpod-cubes", "rate of its parts"),
        ("backblaze-afr-2022", "no law predicts"),
    ],
)
def test_what_no_law_predicts_says_why(name, reason):
    with pytest.raises(Unpredictable, match=reason):
        CASES[name].predict()


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("Llama 3 405B", "llama3_cluster"),
        ("Meta RSC-1", "rsc1_cluster"),
        ("RSC-1-like", "rsc1_cluster"),
        ("Meta RSC-2", "typical_cluster"),
        ("Meta 32K run", "meta_32k_cluster"),
        ("OPT-175B", "opt_cluster"),
        ("somebody", "typical_cluster"),
    ],
)
def test_systems_find_the_rate_that_was_counted_on_them(system, name):
    assert reliability.preset(system).name == name


def test_rates_come_in_the_unit_of_their_row():
    asked = {"kind": "rate", "system": "OPT-175B", "n_nodes": "100"}
    for unit, value in (
        ("per 1000 node-days", 15.625),
        ("per day", 1.5625),
        ("per week", 7 * 1.5625),
        ("per hour", 1.5625 / 24),
    ):
        assert reliability.failures(row(unit=unit, **asked)) == pytest.approx(value)


def test_unreadable_cells_are_refused():
    with pytest.raises(InvalidInput, match="unit"):
        reliability.failure_interval(row(system="OPT-175B", n_nodes="1", unit="fortnights"))
    with pytest.raises(Unpredictable, match="MTBF is not stated"):
        reliability.checkpoint_period_s(row(system="C=600 s"))
    with pytest.raises(Unpredictable, match="between checkpoints"):
        reliability.goodput(row(system="OPT-175B", n_nodes="1"))
    formula = row(system="C=1 s, R=1 s, D=1 s", condition="MTBF=100 s", metric="guess")
    with pytest.raises(Unpredictable, match="no formula for 'guess'"):
        reliability.checkpoint_period_s(formula)


def test_devices_are_counted_in_nodes_of_eight():
    by_devices = row(system="OPT-175B", n_accel="64", unit="days")
    by_nodes = row(system="OPT-175B", n_nodes="8", unit="days")
    assert reliability.failure_interval(by_devices) == reliability.failure_interval(by_nodes)
