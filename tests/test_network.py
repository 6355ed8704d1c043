"""Fabrics and collectives: worked by hand, held against the engine, and broken on purpose."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mlsysim import Applications, Engine, InvalidInput, NetworkSimulation, ResourceSimulation
from mlsysim.engine import Collective
from mlsysim.ledger import metric_paths

TRAINED = ("Frontier", "Training")
SERVED = (*TRAINED, "Inference")
LAUNCH = 8.4e-6


def evaluated(application="Frontier", persona="CloudTitan", **choice):
    return NetworkSimulation(application, persona).evaluate(choice)


def holds(ledger, constraint):
    (verdict,) = [each for each in ledger.verdicts if each.constraint == constraint]
    return verdict.holds


def test_who_has_nothing_to_sum_is_told_why():
    assert tuple(NetworkSimulation.applications()) == SERVED
    with pytest.raises(InvalidInput, match="runs on one device"):
        NetworkSimulation("Doorbell")
    with pytest.raises(InvalidInput, match="rows of tables"):
        NetworkSimulation("Recommendation")


@pytest.mark.parametrize("application", SERVED)
def test_the_usual_collective_agrees_with_the_engine_on_its_own(application):
    """The engine takes the best algorithm on an idle fabric; buckets in a ring are slower."""
    ours = evaluated(application).performance.si("latency")
    engine = ResourceSimulation(application, "CloudTitan").evaluate().performance.si("latency")
    assert engine <= ours < 1.03 * engine


@pytest.mark.parametrize("application", TRAINED)
def test_one_large_message_without_latency_takes_what_the_engine_says(application):
    ours = evaluated(application, message_bytes=1e12, step_latency_us=0.1, overlap=0.0)
    scenario = Applications[application]
    layout = scenario.system.layout
    gradients = 2 * scenario.model.parameters / (layout.tensor * layout.pipeline)
    best = 2 * (layout.data - 1) / layout.data * gradients / (0.95 * 50e9)
    run = ours.performance
    assert run.si("collective_time") == pytest.approx(best, rel=1e-3)
    exposed_all = replace(scenario.runtime, exposed_communication_fraction=1.0,
                          overlaps_tensor_parallel=False)  # fmt: skip
    given = {"phase": "training", "batch_size": scenario.batch_size,
             "sequence_length": scenario.sequence_length, "runtime": exposed_all}  # fmt: skip
    engine, free = (
        Engine.solve(scenario.model, scenario.system, **given, collective=known)
        for known in (None, Collective(seconds=0.0))
    )
    alone = engine.si("latency") - free.si("latency")
    assert run.si("latency") * run.si("exposed_fraction") == pytest.approx(alone, rel=1e-3)


def test_a_ring_worked_by_hand():
    """405.8 billion gradients of two bytes on 128 devices each, 256 MB at once around 128."""
    ledger = evaluated("Frontier")
    run = ledger.performance
    message, link = 256e6, 0.95 * 50e9
    gradients = 2 * Applications.Frontier.model.parameters / 128
    # One in 32 neighbours stands under another leaf: two more levels, up and down.
    step = 14e-6 + (1 + 4 / 32) * 0.3e-6
    once = LAUNCH + 2 * 127 * step + 2 * 127 / 128 * message / link
    assert run.si("message_size") == message
    assert run.si("collective_time") == pytest.approx(once * gradients / message, rel=1e-9)
    assert run.si("bus_bandwidth") == pytest.approx(2 * 127 / 128 * message / once, rel=1e-9)
    assert run.si("algorithm_bandwidth") == pytest.approx(message / once, rel=1e-9)
    assert run.si("core_load") == pytest.approx(1 / 32)
    assert run.si("bisection_bandwidth") == pytest.approx(8192 * 50e9)
    assert run.si("ring_tree_crossover") == pytest.approx(128 * step * link * 120, rel=1e-9)
    free = run.si("latency") * run.si("scaling_efficiency")
    hidden = 0.7831 * (1 - message / gradients)
    exposed = (1 - hidden) * run.si("collective_time")
    assert run.si("latency") - free == pytest.approx(exposed, rel=1e-9)
    assert run.si("exposed_fraction") == pytest.approx(exposed / run.si("latency"), rel=1e-9)


@pytest.mark.parametrize(
    ("algorithm", "once"),
    [
        ("tree", lambda m, b, a, n: 2 * math.log2(n) * a + 2 * m / b),
        ("in_switch", lambda m, b, a, _: 2 * a + m / b),
        ("central", lambda m, b, a, n: 2 * a + 2 * n * m / b),
    ],
)
def test_other_algorithms_worked_by_hand(algorithm, once):
    run = evaluated("Inference", algorithm=algorithm).performance
    message, link, step = 64 * 8192 * 2, 0.95 * 450e9, 3.7e-6
    expected = LAUNCH + once(message, link, step, 8)
    assert run.si("collective_time") == pytest.approx(160 * expected, rel=1e-9)
    assert run.si("latency") * run.si("exposed_fraction") == pytest.approx(160 * expected, rel=1e-9)


def test_inside_first_saves_the_network_and_the_steps():
    """Eight replicas in a node: an eighth of the message crosses, over 16 nodes, not 128 steps."""
    flat, nested = (
        evaluated("Frontier", algorithm=name, members_per_node="8", message_bytes=1e9).performance
        for name in ("ring", "hierarchical")
    )
    inside = 7 / 8 * 1e9 / (0.95 * 450e9) + 7 * 3.4e-6
    step = 14e-6 + 0.3e-6
    across = 2 * 15 * step + 2 * 15 / 16 * 1e9 / 8 / (0.95 * 50e9)
    gradients = 2 * Applications.Frontier.model.parameters / 16
    once = LAUNCH + 2 * inside + across
    assert nested.si("collective_time") == pytest.approx(once * gradients / 1e9, rel=1e-9)
    shared = 0.95 * 8 * 50e9
    plain = LAUNCH + 2 * 127 * step + 2 * 127 / 128 * 1e9 / shared
    assert flat.si("collective_time") == pytest.approx(plain * gradients / 1e9, rel=1e-9)
    assert flat.si("group_devices") == 2048
    assert not holds(evaluated("Frontier", members_per_node="8"), "Fits in memory")


def test_a_tree_wins_below_the_crossover_and_a_ring_above():
    crossover = evaluated("Training").performance.si("ring_tree_crossover")
    for factor, faster in ((0.9, "tree"), (1.1, "ring")):
        times = {
            name: evaluated("Training", algorithm=name, message_bytes=factor * crossover)
            .performance.si("collective_time")
            for name in ("ring", "tree")
        }  # fmt: skip
        assert min(times, key=times.get) == faster


def test_small_messages_waste_the_links_and_the_remedy_names_the_size():
    ledger = evaluated("Frontier", message_bytes=25e6)
    assert not holds(ledger, "Links well used")
    (verdict,) = [v for v in ledger.verdicts if v.constraint == "Links well used"]
    assert "a tree, which is faster below 9.74 GiB" in verdict.remedy
    assert holds(evaluated("Frontier"), "Links well used")


def test_oversubscription_hurts_only_who_crosses_the_core():
    few = {"fabric": "fat_tree", "oversubscription": 4.0}
    packed = evaluated("Frontier", **few)
    scattered = evaluated("Frontier", **few, rank_order="scattered")
    assert packed.performance.si("core_load") == pytest.approx(4 / 4)
    assert scattered.performance.si("core_load") == pytest.approx(4 * (2048 - 4) / 2047)
    assert not holds(scattered, "Core carries the traffic")
    full = evaluated("Frontier", fabric="fat_tree").performance
    assert packed.performance.si("bus_bandwidth") == pytest.approx(full.si("bus_bandwidth"))
    assert scattered.performance.si("bus_bandwidth") < 0.4 * full.si("bus_bandwidth")
    railed = evaluated("Frontier", fabric="rails", oversubscription=4.0, rank_order="scattered")
    assert railed.performance.si("core_load") < scattered.performance.si("core_load")
    assert full.si("bisection_bandwidth") == 4 * packed.performance.si("bisection_bandwidth")


def test_a_torus_gives_each_link_a_share_and_scattered_messages_pass_many():
    packed, scattered = (
        evaluated("Training", fabric="torus", rank_order=order).performance
        for order in ("packed", "scattered")
    )
    assert packed.si("core_load") == 1.0
    assert scattered.si("core_load") == pytest.approx(3 / 4 * 32 ** (1 / 3))
    assert packed.si("bisection_bandwidth") == pytest.approx(1024 ** (2 / 3) * 50e9 / 3)


def test_what_breaks():
    assert not holds(evaluated("Frontier", fabric="torus"), "Fabric reaches all")
    assert not holds(evaluated("Inference", fabric="torus"), "Switches can sum")
    assert holds(evaluated("Inference"), "Switches can sum")
    starved = evaluated("Frontier", link_gb_per_s_per_direction=0.5)
    assert not holds(starved, "Hidden behind the work")
    assert not holds(starved, "Half the speed")
    assert holds(evaluated("Frontier"), "Hidden behind the work")


def test_overlap_cannot_hide_the_last_bucket():
    one = evaluated("Training", overlap=1.0, message_bytes=1e12).performance
    assert one.si("exposed_fraction") * one.si("latency") == pytest.approx(
        one.si("collective_time"), rel=1e-9
    )
    many = evaluated("Training", overlap=1.0).performance
    share = many.si("exposed_fraction") * many.si("latency") / many.si("collective_time")
    gradients = 2 * Applications.Training.model.parameters / 32
    assert share == pytest.approx(80e6 / gradients, rel=1e-9)


def test_compression_pays_in_passes_over_memory():
    plain, packed = (evaluated("Frontier", compression=c).performance for c in (1.0, 10.0))
    traffic = 2 * 127 / 128 * 256e6 / (0.95 * 50e9)
    each = (plain.si("collective_time") - packed.si("collective_time")) * 256e6
    gradients = 2 * Applications.Frontier.model.parameters / 128
    assert each / gradients == pytest.approx(0.9 * traffic - 4 * 256e6 / 3.35e12, rel=1e-9)


def test_more_replicas_do_more_work_on_more_devices_with_less_efficiency():
    few, many = (evaluated("Training", members=members) for members in (32, 1024))
    assert many.reliability.si("devices") == 32 * few.reliability.si("devices")
    assert 16 < many.performance.si("throughput") / few.performance.si("throughput") < 32
    assert many.performance.si("scaling_efficiency") < few.performance.si("scaling_efficiency")


def test_a_node_divides_into_whole_replicas():
    with pytest.raises(InvalidInput, match="members_per_node: received '3'; accepted: 1, 2, 4, 8"):
        evaluated("Frontier", members_per_node="3")


@pytest.mark.parametrize("application", SERVED)
def test_time_place_and_scale_do_what_they_should(application):
    once, twice = (evaluated(application, duration_days=days) for days in (100, 200))
    assert twice.si("sustainability.energy") == pytest.approx(2 * once.si("sustainability.energy"))
    clean = evaluated(application, duration_days=100, region="Quebec")
    changed = {path for path in metric_paths() if clean.si(path) != once.si(path)}
    assert {path.split(".")[0] for path in changed} == {"sustainability", "economics"}
    assert clean.si("sustainability.energy") == once.si("sustainability.energy")
    many = evaluated(application, "EdgeGuardian", duration_days=100)
    assert many.si("economics.tco") == pytest.approx(10_000 * once.si("economics.tco"))


@pytest.mark.parametrize("application", SERVED)
@pytest.mark.parametrize("algorithm", ["ring", "tree", "hierarchical", "in_switch", "central"])
def test_arrays_give_what_scalars_give(application, algorithm):
    simulation = NetworkSimulation(application, "CloudTitan")
    messages, links = np.array([1e5, 1e7, 1e9]), np.array([1.0, 400.0])
    days = np.array([10.0, 20.0, 30.0])
    fixed = {"algorithm": algorithm, "fabric": "fat_tree"}
    grid = simulation.evaluate(
        {**fixed, "message_bytes": messages[:, None], "link_gb_per_s_per_direction": links[None, :],
         "oversubscription": np.array([[1.0, 8.0]]), "duration_days": days[:, None]}
    )  # fmt: skip
    for i, message in enumerate(messages):
        for j, link in enumerate(links):
            one = simulation.evaluate(
                {**fixed, "message_bytes": message, "link_gb_per_s_per_direction": link,
                 "oversubscription": (1.0, 8.0)[j], "duration_days": days[i]}
            )  # fmt: skip
            for path in metric_paths():
                if isinstance(value := one.si(path), float):
                    many = np.broadcast_to(grid.si(path), (3, 2))[i, j]
                    assert many == pytest.approx(value, rel=1e-9, abs=1e-12), path


def test_the_engine_refuses_an_impossible_collective():
    for wrong in ({"seconds": -1.0}, {"seconds": math.nan},
                  {"seconds": 1.0, "exposed_fraction": 1.5}):  # fmt: skip
        with pytest.raises(InvalidInput, match="of a collective"):
            Collective(**wrong)


def test_a_collective_given_to_the_engine_is_all_it_waits_for():
    scenario = Applications.Frontier
    given = {"phase": "training", "batch_size": 2048, "sequence_length": 8192,
             "runtime": scenario.runtime}  # fmt: skip
    free, waits = (
        Engine.solve(scenario.model, scenario.system, **given, collective=Collective(seconds=s))
        for s in (0.0, np.array([0.5, 2.0]))
    )
    added = waits.si("latency") - free.si("latency")
    np.testing.assert_allclose(added, [0.5, 2.0], rtol=1e-9)


def test_an_option_written_as_a_number_may_come_as_one():
    sim = NetworkSimulation()
    assert sim.evaluate({"members_per_node": 8}) == sim.evaluate({"members_per_node": "8"})
    with pytest.raises(InvalidInput, match="members_per_node: received 3; accepted: 1, 2, 4, 8"):
        sim.evaluate({"members_per_node": 3})
    with pytest.raises(InvalidInput, match="members_per_node"):
        sim.evaluate({"members_per_node": True})


def test_limits_of_the_fabric_are_its_own():
    ledger = evaluated("Frontier", link_gb_per_s_per_direction=40.0)
    limits = {verdict.constraint: verdict.limit for verdict in ledger.verdicts}
    assert limits["Core carries the traffic"] == limits["Switches can sum"] == 1.0
    assert limits["Half the speed"] == 0.5
    assert limits["Links well used"] == 20e9
    run = ledger.performance
    work = sum(run.si(f"{part}_time") for part in ("compute", "memory", "overhead"))
    assert limits["Hidden behind the work"] == pytest.approx(work)


def test_what_sums_nothing_needs_no_fabric():
    """Replicas that serve share nothing; one replica that trains sums activations alone."""
    serving, training = Applications.Inference, Applications.Training
    apart = replace(serving.system, layout=replace(serving.system.layout, tensor=1, data=8))
    with pytest.raises(InvalidInput, match="sums nothing"):
        NetworkSimulation(replace(serving, name="Apart", system=apart))
    alone = replace(training.system, layout=replace(training.system.layout, tensor=1, data=1))
    with pytest.raises(InvalidInput, match="sums nothing"):
        NetworkSimulation(replace(training, name="Alone", system=alone))
    pair = replace(training.system, layout=replace(training.system.layout, tensor=1, data=2))
    assert NetworkSimulation(replace(training, name="Pair", system=pair)).defaults["members"] == 2
    joined = replace(serving.system, layout=replace(serving.system.layout, tensor=2))
    assert NetworkSimulation(replace(serving, name="Two", system=joined)).defaults["members"] == 2


def test_a_tensor_group_has_as_many_devices_as_members():
    four, eight = (evaluated("Inference", members=members) for members in (4, 8))
    assert four.reliability.si("devices") == four.performance.si("group_devices") == 4
    weights = four.performance.si("weight_memory") / eight.performance.si("weight_memory")
    assert weights == pytest.approx(2.0)


def test_a_node_that_serves_idles_between_busy_hours():
    """It is never off: 70 W and 575 W of its host for each of 8 devices, the rest 60 % of time."""
    ledger = evaluated("Inference")
    idle, running = 8 * (70 + 575), ledger.performance.power_w
    assert ledger.sustainability.device_power_w == pytest.approx(idle + 0.6 * (running - idle))


def test_a_little_compression_pays_its_passes_too():
    plain, packed = (evaluated("Frontier", compression=c).performance for c in (1.0, 1.05))
    traffic = 2 * 127 / 128 * 256e6 / (0.95 * 50e9)
    saved = (1 - 1 / 1.05) * traffic - 4 * 256e6 / 3.35e12
    gradients = 2 * Applications.Frontier.model.parameters / 128
    less = plain.si("collective_time") - packed.si("collective_time")
    assert less == pytest.approx(saved * gradients / 256e6, rel=1e-9)


def test_members_under_one_leaf_leave_the_core_alone():
    """Of 64 ports of a leaf 32 lead down, to 4 nodes of 8 devices."""
    inside, beyond = (
        evaluated("Frontier", fabric="fat_tree", members=members, oversubscription=4.0)
        for members in (4, 5)
    )
    assert inside.performance.si("core_load") == 0.0
    assert beyond.performance.si("core_load") == pytest.approx(4 / 4)


def test_narrower_weights_are_solved_for():
    wide, narrow = (
        NetworkSimulation(replace(Applications.Inference, name=name, precision=name)).evaluate()
        for name in ("bf16", "fp8")
    )
    ratio = wide.performance.si("weight_memory") / narrow.performance.si("weight_memory")
    assert ratio == pytest.approx(2.0)


def test_a_member_of_a_torus_has_its_own_links_whatever_shares_its_node():
    """Its ring of 32 by hand: a share of one link of 50 GB/s, and one hop a step."""
    run = evaluated("Training", fabric="torus").performance
    step, message, link = 14e-6 + 0.3e-6, 80e6, 0.95 * 50e9
    once = LAUNCH + 2 * 31 * step + 2 * 31 / 32 * message / link
    assert run.si("algorithm_bandwidth") == pytest.approx(message / once, rel=1e-9)
