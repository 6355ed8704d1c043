"""Data: pipelines and ledgers worked by hand, what starves, what is late, what costs too much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlsysim import (
    Applications,
    DataSimulation,
    Hardware,
    InvalidInput,
    Models,
    Regions,
    ReliabilitySimulation,
    ResourceSimulation,
)
from mlsysim.failure_rates import FailureRates
from mlsysim.ledger import metric_paths

SERVED = ("Frontier", "Training", "Recommendation")
MONTH = 365.25 * 86_400 / 12


def evaluated(application="Training", persona="CloudTitan", **choice):
    return DataSimulation(application, persona).evaluate(choice)


def verdict(ledger, constraint):
    (found,) = [each for each in ledger.verdicts if each.constraint == constraint]
    return found


def holds(ledger, constraint):
    return verdict(ledger, constraint).holds


def test_who_has_no_pipeline_is_told_why():
    assert tuple(DataSimulation.applications()) == SERVED
    for name, words in (("Doorbell", "its own sensor"), ("Inference", "a few bytes of text")):
        with pytest.raises(InvalidInput, match=words):
            DataSimulation(name)


@pytest.mark.parametrize("application", SERVED)
def test_a_fed_system_does_what_the_deployment_does(application):
    fed, usual = (kind(application, "CloudTitan").evaluate()
                  for kind in (DataSimulation, ResourceSimulation))  # fmt: skip
    for name in ("latency", "throughput", "power", "energy", "energy_per_sample"):
        assert fed.performance.si(name) == pytest.approx(usual.performance.si(name), rel=1e-12)
        ends = usual.performance.si_interval(name)
        if name in ("latency", "throughput", "power"):
            assert fed.performance.si_interval(name) == pytest.approx(ends, rel=1e-9)
    assert fed.performance.si("starved_fraction") == 0.0


def test_the_defaults_are_what_the_model_reads():
    training, service = (DataSimulation(name).defaults for name in ("Frontier", "Recommendation"))
    assert training["sample_bytes"] == 4 * 8192
    assert training["dataset_tb"] == pytest.approx(15.6 * 4)
    written = f"{14 * Applications.Frontier.model.parameters / 1e12:.3g}"
    assert training["checkpoint_tb"] == float(written)
    assert service["sample_bytes"] == 4 * (13 + 26)
    pictures = replace(Applications.Recommendation, model=Models["ResNet-50"])
    assert DataSimulation(pictures).defaults["sample_bytes"] == 224 * 224 * 3
    assert DataSimulation(pictures).defaults["decoding_mb_per_s"] == 20


# 72 TB on a file system of 1,000 MB/s per TiB; 128 nodes; 1,024 · 8 workers of 200 MB/s.
@pytest.mark.parametrize(
    ("choice", "supply"),
    [
        ({"decoding_mb_per_s": 1.0}, 1024 * 8 * 1e6),
        ({"decoding_mb_per_s": 1.0, "loader_workers": 2}, 1024 * 2 * 1e6),
        ({"storage": "local_nvme"}, 128 * 8 * 6.8e9),
        ({"storage": "local_nvme", "cached_fraction": 0.5, "decoding_mb_per_s": 1e4},
         2 * 128 * 8 * 6.8e9),
        ({"storage": "object_store"}, 1.25e12),
        ({"storage": "flash_cluster"}, 128 * 12.5e9),
        ({"storage": "parallel_fs", "dataset_tb": 72.0, "checkpoint_tb": 0.0001,
          "checkpoint_interval_minutes": 1440.0}, 72.0001e12 * 1000e6 / 2**40),
        ({"movement": "streamed", "link_gbit_per_s": 8.0}, 1e9),
        ({"movement": "streamed", "link_gbit_per_s": 8.0, "cached_fraction": 0.75}, 4e9),
        ({"movement": "copied", "link_gbit_per_s": 8.0, "storage": "local_nvme"},
         128 * 8 * 6.8e9),
    ],
)  # fmt: skip
def test_the_slowest_stage_sets_the_pace(choice, supply):
    choice = {"decoding_mb_per_s": 10_000.0, **choice}
    assert evaluated(**choice).performance.si("input_supply") == pytest.approx(supply, rel=1e-9)


def test_starved_accelerators_idle_and_do_less():
    fed, starved = evaluated("Recommendation"), evaluated("Recommendation", loader_workers=1)
    demand = fed.performance.si("throughput") * 156
    assert fed.performance.si("input_demand") == pytest.approx(demand, rel=1e-12)
    working = 8 * 50e6 / demand
    assert starved.performance.si("starved_fraction") == pytest.approx(1 - working, rel=1e-9)
    for name, factor in (("throughput", working), ("model_flops_utilization", working),
                         ("latency", 1 / working)):  # fmt: skip
        ratio = starved.performance.si(name) / fed.performance.si(name)
        assert ratio == pytest.approx(factor, rel=1e-9)
    idle = 8 * (Hardware["H100"].idle_power_w + 575)
    power = idle + working * (fed.performance.si("power") - idle)
    assert starved.performance.si("power") == pytest.approx(power, rel=1e-9)
    each = starved.performance.si("energy_per_sample") * starved.performance.si("throughput")
    assert each == pytest.approx(power, rel=1e-9)
    assert not holds(starved, "Accelerators fed")
    assert holds(fed, "Accelerators fed")


def test_a_checkpoint_of_all_nodes_worked_by_hand():
    """5.68 TB to the bandwidth of 62.4 TB of tokens and a day of checkpoints."""
    ledger = evaluated("Frontier", storage="parallel_fs_basic")
    size = 5.68e12
    stored = 62.4e12 + 144 * size
    saving = size / (125e6 * stored / 2**40)
    reliability = ledger.reliability
    assert ledger.performance.si("stored_bytes") == pytest.approx(stored, rel=1e-9)
    assert reliability.si("checkpoint_time") == pytest.approx(saving, rel=1e-9)
    between = FailureRates["llama3_cluster"].node_failure_interval_s / 2048
    lost = np.exp(saving / between) * np.expm1((600 + saving) / between)
    assert reliability.si("goodput") == pytest.approx(600 / (between * lost), rel=1e-9)
    assert not holds(ledger, "Work kept")
    same = ReliabilitySimulation("Frontier").evaluate(
        {"checkpoint_cost_s": saving, "restart_minutes": saving / 60, "spares": 256}
    )
    for name in ("goodput", "optimal_checkpoint_interval", "checkpoint_interval"):
        assert reliability.si(name) == pytest.approx(same.reliability.si(name), rel=1e-9)


def test_a_checkpoint_longer_than_its_interval_is_told():
    small = {"storage": "parallel_fs_basic", "dataset_tb": 1.0, "retention_days": 0.01}
    assert not holds(evaluated("Frontier", **small), "Saved within the interval")
    assert holds(evaluated("Frontier"), "Saved within the interval")


def test_at_least_one_checkpoint_is_kept():
    ledger = evaluated(retention_days=0.01, checkpoint_interval_minutes=1440, checkpoint_tb=1.0)
    assert ledger.performance.si("stored_bytes") == pytest.approx(61e12)


def test_lost_work_makes_what_is_kept_dearer_and_starves_nobody():
    slow, fast = (
        evaluated("Frontier", storage=name) for name in ("parallel_fs_basic", "parallel_fs")
    )
    owned = [each.si("economics.tco") - each.si("economics.storage_cost") for each in (slow, fast)]
    assert owned[0] == pytest.approx(owned[1], rel=1e-9)
    cost = slow.si("economics.cost_per_sample") * slow.reliability.si("goodput")
    assert cost / slow.si("economics.tco") == pytest.approx(
        fast.si("economics.cost_per_sample") * fast.reliability.si("goodput")
        / fast.si("economics.tco"), rel=1e-9)  # fmt: skip


def test_time_and_money_of_moving_worked_by_hand():
    ledger = evaluated(location="other_cloud", link_gbit_per_s=10, dataset_tb=100)
    assert ledger.performance.si("dataset_transfer_time") == pytest.approx(100e12 / 1.25e9)
    assert ledger.economics.si("transfer_cost") == pytest.approx(9000)
    region = evaluated(location="other_region", link_gbit_per_s=10, dataset_tb=100)
    assert region.economics.si("transfer_cost") == pytest.approx(2000)
    here = evaluated(link_gbit_per_s=10, dataset_tb=100)
    assert here.economics.si("transfer_cost") == 0
    joules = 100e3 * 0.001875 * 3.6e6
    added = ledger.si("sustainability.energy") - here.si("sustainability.energy")
    assert added == pytest.approx(joules, rel=1e-6)
    carbon = ledger.si("sustainability.carbon") - here.si("sustainability.carbon")
    assert carbon == pytest.approx(joules * Regions["US_Avg"].carbon_kg_per_j, rel=1e-3)
    total = ledger.si("economics.tco") - here.si("economics.tco")
    assert total == pytest.approx(9000, rel=1e-6)


def test_a_truck_beats_a_thin_link_and_loses_to_a_fat_one():
    times = {
        (location, link): evaluated(location=location, link_gbit_per_s=link, dataset_tb=1000)
        .performance.si("dataset_transfer_time")
        for location in ("shipped", "other_cloud")
        for link in (1.0, 100.0)
    }  # fmt: skip
    assert times["shipped", 1.0] == times["shipped", 100.0] == 864_000
    assert times["other_cloud", 1.0] > 864_000 > times["other_cloud", 100.0]
    late = evaluated(location="other_cloud", link_gbit_per_s=1.0, dataset_tb=1000)
    assert not holds(late, "Arrives early")
    assert verdict(late, "Arrives early").limit == pytest.approx(365 / 10 * 86_400)


def test_sizes_may_carry_their_unit():
    plain, spelled = (evaluated(dataset_tb=size) for size in (500, "0.5 PB"))
    assert plain.performance == spelled.performance


def test_what_is_on_the_road_cannot_be_read():
    with pytest.raises(InvalidInput, match="movement: received 'streamed'; accepted: copied"):
        evaluated(location="shipped", movement="streamed")


def test_reading_over_the_link_pays_for_every_pass():
    """A service that reads 156 bytes for each of its samples, half of the time, for 10 days."""
    choice = {"location": "other_cloud", "movement": "streamed", "duration_days": 10}
    ledger = evaluated("Recommendation", **choice)
    read = ledger.performance.si("throughput") * 156 * 0.5 * 10 * 86_400
    assert ledger.economics.si("transfer_cost") == pytest.approx(read * 0.09 / 1e9, rel=1e-9)
    cached = evaluated("Recommendation", **choice, cached_fraction=0.9)
    assert cached.economics.si("transfer_cost") == pytest.approx(read * 0.009 / 1e9, rel=1e-9)
    assert ledger.performance.si("dataset_transfer_time") == 0
    budget = {**choice, "transfer_budget_usd": 5000.0}
    assert not holds(evaluated("Recommendation", **budget), "Transfer within budget")
    assert holds(evaluated("Recommendation", **budget, cached_fraction=0.9),
                 "Transfer within budget")  # fmt: skip


def test_storage_worked_by_hand():
    ledger = evaluated("Recommendation", storage="object_store", retention_days=20,
                       new_tb_per_day=2, duration_days=30)  # fmt: skip
    stored = 10e12 + 40e12
    assert ledger.performance.si("stored_bytes") == pytest.approx(stored)
    months = 30 * 86_400 / MONTH
    assert ledger.economics.si("storage_cost") == pytest.approx(50e3 * 0.023 * months, rel=1e-9)
    without = ResourceSimulation("Recommendation", "CloudTitan").evaluate({"duration_days": 30})
    drawn = ledger.si("sustainability.it_energy") - without.si("sustainability.it_energy")
    assert drawn == pytest.approx(50 * 1.0 * 30 * 86_400, rel=1e-6)
    around = ledger.si("sustainability.energy") / ledger.si("sustainability.it_energy")
    assert around == pytest.approx(1.25, rel=1e-9)


def test_drives_in_the_nodes_are_full_one_day():
    assert holds(evaluated("Training", storage="local_nvme"), "Fits the drives")
    full = evaluated("Training", storage="local_nvme", dataset_tb=4000)
    drives = verdict(full, "Fits the drives")
    assert drives.limit == pytest.approx(128 * 8 * 3.84e12)
    assert not drives.holds


def test_age_of_data_worked_by_hand():
    choice = {"refresh_hours": 6, "new_tb_per_day": 4, "link_gbit_per_s": 8}
    run = evaluated("Recommendation", **choice).performance
    assert run.si("data_age") == pytest.approx(3 * 3600 + 1e12 / 1e9)
    direct = evaluated("Recommendation", **choice, movement="streamed").performance
    assert direct.si("data_age") == pytest.approx(3 * 3600)
    assert not holds(evaluated("Recommendation", location="shipped"), "Fresh enough")
    assert holds(evaluated("Recommendation", **choice), "Fresh enough")


@pytest.mark.parametrize("application", SERVED)
def test_time_and_place_do_what_they_should(application):
    once, twice = (evaluated(application, duration_days=days) for days in (100, 200))
    for path in ("sustainability.energy", "sustainability.carbon", "economics.tco"):
        assert twice.si(path) == pytest.approx(2 * once.si(path), rel=1e-12)
    clean = evaluated(application, duration_days=100, region="Quebec")
    changed = {path for path in metric_paths() if clean.si(path) != once.si(path)}
    assert {path.split(".")[0] for path in changed} == {"sustainability", "economics"}
    assert clean.si("sustainability.energy") == once.si("sustainability.energy")
    assert clean.si("economics.storage_cost") == once.si("economics.storage_cost")


@pytest.mark.parametrize("application", SERVED)
@pytest.mark.parametrize("movement", ["copied", "streamed"])
@pytest.mark.parametrize("storage", ["parallel_fs", "object_store", "local_nvme"])
def test_arrays_give_what_scalars_give(application, movement, storage):
    simulation = DataSimulation(application, "CloudTitan")
    samples, links = np.array([1e2, 1e6, 1e9]), np.array([0.1, 1e4])
    fixed = {"movement": movement, "storage": storage, "location": "other_region"}
    days = np.array([0.5, 5.0, 50.0])
    grid = simulation.evaluate(
        {**fixed, "sample_bytes": samples[:, None], "link_gbit_per_s": links[None, :],
         "retention_days": days[:, None], "cached_fraction": np.array([[0.0, 0.9]])}
    )  # fmt: skip
    for i, sample in enumerate(samples):
        for j, link in enumerate(links):
            one = simulation.evaluate(
                {**fixed, "sample_bytes": sample, "link_gbit_per_s": link,
                 "retention_days": days[i], "cached_fraction": (0.0, 0.9)[j]}
            )  # fmt: skip
            for path in metric_paths():
                if isinstance(value := one.si(path), float):
                    many = np.broadcast_to(grid.si(path), (3, 2))[i, j]
                    assert many == pytest.approx(value, rel=1e-9, abs=1e-12), path


def test_drives_write_slower_than_they_read():
    reliability = evaluated("Training", storage="local_nvme", checkpoint_tb=10).reliability
    saving, loading = 10e12 / (128 * 8 * 4e9), 10e12 / (128 * 8 * 6.8e9)
    assert reliability.si("checkpoint_time") == pytest.approx(saving, rel=1e-9)
    between = FailureRates["llama3_cluster"].node_failure_interval_s / 128
    lost = np.exp(loading / between) * np.expm1((600 + saving) / between)
    assert reliability.si("goodput") == pytest.approx(600 / (between * lost), rel=1e-9)


@pytest.mark.parametrize("application", SERVED)
@pytest.mark.parametrize("movement", ["copied", "streamed"])
def test_data_feeds_one_job_or_service_whoever_runs_it(application, movement):
    choice = {"location": "other_cloud", "movement": movement}
    one, many = (evaluated(application, persona, **choice)
                 for persona in ("CloudTitan", "EdgeGuardian"))  # fmt: skip
    assert one.economics.si("transfer_cost") > 0
    assert {path: many.si(path) for path in metric_paths()} == {
        path: one.si(path) for path in metric_paths()
    }
    assert many.verdicts == one.verdicts


def test_the_stage_that_starves_the_work_is_named():
    for choice, stage in (
        ({"loader_workers": 1}, "decoding"),
        ({"movement": "streamed", "link_gbit_per_s": 1.0}, "link"),
        (
            {"storage": "parallel_fs_basic", "dataset_tb": 0.001, "new_tb_per_day": 0.0001},
            "storage",
        ),
    ):
        assert evaluated("Recommendation", **choice).performance.binding_limit == stage
    usual = ResourceSimulation("Recommendation", "CloudTitan").evaluate().performance
    assert evaluated("Recommendation").performance.binding_limit == usual.binding_limit


def test_limits_are_those_of_published_benchmarks_and_of_the_choice():
    """MLPerf Storage counts a run whose accelerators are busy nine tenths of the time."""
    ledger = evaluated("Frontier")
    assert verdict(ledger, "Accelerators fed").limit == pytest.approx(1 - 0.9)
    assert verdict(ledger, "Work kept").limit == 0.9
    assert verdict(ledger, "Saved within the interval").limit == 600.0
    service = evaluated("Recommendation", oldest_hours=3)
    assert verdict(service, "Fresh enough").limit == 3 * 3600.0


def test_who_starves_reads_no_more_than_the_link_brings():
    """1 Gbit/s for half of a day: 5.4 TB at 9 cents a GB."""
    ledger = evaluated("Recommendation", location="other_cloud", movement="streamed",
                       link_gbit_per_s=1.0, duration_days=1)  # fmt: skip
    assert ledger.performance.binding_limit == "link"
    assert ledger.economics.si("transfer_cost") == pytest.approx(5400 * 0.09, rel=1e-9)


def test_the_ends_of_what_is_measured_move_and_what_is_rented_stays():
    """Storage draws and costs what it does, however uncertain the accelerators are."""
    own = ResourceSimulation("Recommendation", "CloudTitan").evaluate()
    ledger = evaluated("Recommendation")
    for path in ("sustainability.energy", "sustainability.carbon", "economics.tco"):
        group, name = path.split(".")
        added = ledger.si(path) - own.si(path)
        alone, whole = (getattr(each, group).si_interval(name) for each in (own, ledger))
        assert added > 0
        assert whole == pytest.approx([end + added for end in alone], rel=1e-9), path


def test_new_data_follows_what_was_copied_first():
    """10 TB at once and 2 TB a day for 30 days from another cloud, at 9 cents a GB."""
    ledger = evaluated("Recommendation", location="other_cloud", new_tb_per_day=2,
                       duration_days=30)  # fmt: skip
    assert ledger.economics.si("transfer_cost") == pytest.approx(70e3 * 0.09, rel=1e-9)
