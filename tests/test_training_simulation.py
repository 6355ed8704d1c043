"""Training runs: published ones, memory by hand, layouts that cannot be, and what failures cost."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mlsysim import (
    Applications,
    Engine,
    Hardware,
    InvalidInput,
    Layout,
    Models,
    NumberChoice,
    Runtimes,
    System,
    TrainingSimulation,
    formulas,
)
from mlsysim.failure_rates import FailureRates
from mlsysim.ledger import metric_paths
from mlsysim.optimizers import Optimizer, Optimizers

GIB = 2**30


def run(application="Training", /, **choice):
    return TrainingSimulation(application, "CloudTitan").evaluate(choice)


def verdict(ledger, constraint):
    (found,) = [each for each in ledger.verdicts if each.constraint == constraint]
    return found


# Published runs


def test_llama_3_405b_as_published():
    """The Llama 3 Herd of Models (2024): 38 to 43 % of peak on 16,384 H100, 3.8e25 FLOP, more
    than 90 % effective training time; model card of Llama 3.1: 30.84 million GPU hours.
    """
    ledger = run("Frontier")
    performance = ledger.performance
    assert 0.38 <= performance.si("model_flops_utilization") <= 0.43
    assert performance.si("training_compute") == pytest.approx(3.8e25, rel=0.05)
    assert ledger.reliability.si("goodput") > 0.9
    device_hours = performance.training_time_hours * 16_384
    assert device_hours == pytest.approx(30.84e6, rel=0.1)
    assert verdict(ledger, "Fits in memory").holds


def test_gpt_3_on_1024_a100_takes_about_34_days():
    """Narayanan et al. (2021), section 5.1: 300 billion tokens take 34 days, failures left out."""
    layout = Layout(tensor=8, pipeline=8, data=16, microbatch_size=1)
    a100 = System(
        name="1,024 A100",
        label="1,024 A100",
        hardware=Hardware["NVIDIA A100 SXM4 80GB"],
        layout=layout,
        devices_per_node=8,
        scale_out_byte_per_s_per_direction=25e9,
        source="project-mission",
    )
    mission = replace(
        Applications.Training,
        name="GPT-3",
        model=Models["GPT-3 175B"],
        system=a100,
        runtime=Runtimes["Megatron-LM"],
        precision="fp16",
        batch_size=1536,
        sequence_length=2048,
        targets=(),
    )
    ledger = run(mission, recomputation="full")
    assert ledger.context["choice"]["training_tokens"] == 300e9
    assert ledger.context["choice"]["attention"] == "plain"
    working = ledger.performance.training_time_days * ledger.reliability.si("goodput")
    assert working == pytest.approx(34, rel=0.15)
    assert verdict(ledger, "Fits in memory").holds


def test_a_70b_model_does_not_train_on_one_node_with_adam_but_on_four():
    """16 bytes a weight: ZeRO (2020), section 3.1. 70.6 billion weights over 8 devices are 141 GB
    each, over 32 devices 35 GB.
    """
    one, four = run("Inference"), run("Inference", data=32)
    weights = Models["Llama-3.1 70B"].parameters
    for ledger, devices in ((one, 8), (four, 32)):
        held = ledger.performance.si("weight_memory") + ledger.performance.si("state_memory")
        assert held == pytest.approx(weights * 16 / devices, rel=1e-9)
    assert not verdict(one, "Fits in memory").holds
    assert verdict(four, "Fits in memory").holds
    assert "Gradients and optimizer state take 115 GiB" in verdict(one, "Fits in memory").remedy
    assert not verdict(four, "Devices there are").holds


# Memory


@pytest.mark.parametrize(
    ("sharding", "gigabytes"),
    [("none", 120.0), ("optimizer", 31.4), ("gradients", 16.6), ("full", 1.9)],
)
def test_sharding_as_in_the_figure_of_zero(sharding, gigabytes):
    """ZeRO (2020), figure 1: 7.5 billion weights, Adam, 64 replicas."""
    layout = Layout(data=64, sharding=sharding, microbatch_size=1)
    model = Models["Llama-3.1 8B"]
    node = replace(Applications.Training.system, layout=layout)
    step = Engine.solve(model, node, phase="training", batch_size=64, precision="bf16")
    held = step.si("weight_memory") + step.si("state_memory")
    assert held * 7.5e9 / model.parameters == pytest.approx(gigabytes * 1e9, rel=0.02)


@pytest.mark.parametrize(
    ("optimizer", "bytes_each"),
    [("Adam", 16.0), ("Adam 8-bit", 10.0 + 8 / 2048), ("SGD momentum", 12.0), ("SGD", 8.0)],
)
def test_bytes_per_weight_of_each_optimizer(optimizer, bytes_each):
    """Weight 2, gradient 2, copy in 32 bits 4, and the moments."""
    performance = run("Inference", optimizer=optimizer).performance
    held = performance.si("weight_memory") + performance.si("state_memory")
    assert held == pytest.approx(Models["Llama-3.1 70B"].parameters * bytes_each / 8, rel=1e-9)


def test_weights_of_32_bits_need_no_copy():
    """Weight 4, gradient 4, two moments of 4."""
    performance = run("AutoDrive", precision="fp32").performance
    held = performance.si("weight_memory") + performance.si("state_memory")
    assert held == pytest.approx(Models["YOLOv8n"].parameters * 16, rel=1e-9)


def test_an_optimizer_that_keeps_less_moves_less():
    times = [
        run("AutoDrive", optimizer=name).performance.si("latency")
        for name in ("SGD", "Adam 8-bit", "SGD momentum", "Adam")
    ]
    assert times == sorted(set(times))


def test_an_unknown_or_impossible_optimizer_is_refused():
    with pytest.raises(InvalidInput, match="Did you mean 'Adam'"):
        run(optimizer="Adamm")
    with pytest.raises(InvalidInput, match="moment_bytes of Backwards"):
        Optimizer(name="Backwards", label="", moment_bytes=-1.0, source="project-estimate")
    assert Optimizers["AdamW"] is Optimizers["Adam"]


def test_recomputation_trades_time_for_memory():
    plain = [run(attention="plain", recomputation=r) for r in ("none", "selective", "full")]
    memory = [ledger.performance.si("activation_memory") for ledger in plain]
    assert memory == sorted(memory, reverse=True)
    assert len(set(memory)) == 3
    time = [ledger.performance.si("training_time") for ledger in plain]
    assert time == sorted(time)
    fused = run(recomputation="none")
    assert fused.performance.si("activation_memory") == pytest.approx(memory[1])
    assert fused.performance.si("training_time") < time[0]


def test_what_fills_memory_is_named():
    assert "Activations take" in verdict(run("Frontier"), "Fits in memory").remedy
    sharded = run("Inference", sharding="gradients")
    assert "Weights take 131 GiB" in verdict(sharded, "Fits in memory").remedy


# The run


def test_twice_the_tokens_take_twice_of_everything():
    once, twice = run(training_tokens=1e12), run(training_tokens=2e12)
    for path in ("performance.training_time", "performance.training_compute",
                 "performance.training_steps", "sustainability.energy", "sustainability.carbon",
                 "sustainability.water", "economics.tco",
                 "reliability.expected_failures"):  # fmt: skip
        assert twice.si(path) == pytest.approx(2 * once.si(path), rel=1e-12)
    for path in ("performance.latency", "performance.power", "economics.cost_per_sample"):
        assert twice.si(path) == pytest.approx(once.si(path), rel=1e-12)
    assert twice.si("performance.training_loss") < once.si("performance.training_loss")


def test_a_run_worked_by_hand():
    """Steps, time and energy from the latency of one step; a checkpoint from weights and state."""
    ledger = run(training_tokens=1e12, checkpoint_interval_minutes=60, restart_minutes=20,
                 storage_gb_per_s_per_node=0.5, failure_rate="opt_cluster")  # fmt: skip
    performance, reliability = ledger.performance, ledger.reliability
    steps = 1e12 / (1024 * 8192)
    size = Models["Llama-3.1 70B"].parameters * 14
    save = size / (0.5e9 * 128)
    between = FailureRates["opt_cluster"].node_failure_interval_s / 128
    lost = math.exp(1200 / between) * math.expm1((3600 + save) / between)
    goodput = 3600 / (between * lost)
    assert performance.si("training_steps") == pytest.approx(steps)
    assert reliability.si("checkpoint_size") == pytest.approx(size)
    assert reliability.si("checkpoint_time") == pytest.approx(save)
    assert reliability.si("goodput") == pytest.approx(goodput, rel=1e-9)
    seconds = steps * performance.si("latency") / goodput
    assert performance.si("training_time") == pytest.approx(seconds)
    assert ledger.sustainability.si("it_energy") == pytest.approx(seconds * performance.si("power"))
    assert reliability.si("expected_failures") == pytest.approx(seconds / between)
    low, high = performance.si_interval("training_time")
    step = performance.si_interval("latency")
    assert (low / seconds, high / seconds) == pytest.approx(
        (step.low / performance.si("latency"), step.high / performance.si("latency"))
    )


def test_the_cost_of_a_sequence_is_the_cost_of_the_run_over_its_sequences():
    ledger = run(training_tokens=1e12)
    sequences = 1e12 / 8192
    assert ledger.economics.si("cost_per_sample") == pytest.approx(
        ledger.economics.si("tco") / sequences, rel=1e-9
    )


def test_failures_and_slow_storage_make_a_run_longer():
    usual = run("Frontier")
    for worse in ({"failure_rate": "opt_cluster"}, {"storage_gb_per_s_per_node": 0.02},
                  {"restart_minutes": 120}, {"checkpoint_interval_minutes": 600}):  # fmt: skip
        other = run("Frontier", **worse)
        assert other.si("performance.training_time") > usual.si("performance.training_time")
        assert other.si("sustainability.energy") > usual.si("sustainability.energy")
        assert other.si("performance.latency") == usual.si("performance.latency")
    assert not verdict(run("Frontier", checkpoint_interval_minutes=600), "Work kept").holds
    slow = run("Frontier", storage_gb_per_s_per_node=0.01, checkpoint_interval_minutes=1)
    assert not verdict(slow, "Saving pays").holds


# Loss and batch


@pytest.mark.parametrize(
    ("parameters", "tokens", "of_size", "of_data", "loss"),
    [(70e9, 1.4e12, 0.083, 0.163, 1.936), (280e9, 300e9, 0.052, 0.251, 1.993)],
)
def test_the_loss_of_chinchilla_and_gopher(parameters, tokens, of_size, of_data, loss):
    """Equation 10 of Hoffmann et al. (2022) as worked out term by term, for both models, at
    https://www.lesswrong.com/posts/6Fpvch8RR29qLEWNH/chinchilla-s-wild-implications
    """
    predicted = formulas.pretraining_loss(parameters=parameters, tokens=tokens)
    assert predicted == pytest.approx(loss, abs=1e-3)
    endless = formulas.pretraining_loss(parameters=parameters, tokens=1e60)
    assert endless - 1.69 == pytest.approx(of_size, abs=1e-3)
    assert predicted - endless == pytest.approx(of_data, abs=1e-3)


def test_the_critical_batch_grows_as_the_loss_falls():
    losses = np.array([4.0, 3.0, 2.0])
    batches = formulas.critical_batch(losses)
    assert list(batches) == sorted(batches)
    assert formulas.critical_batch(1.0) == 2e8
    ratio = batches[2] / batches[0]
    assert ratio == pytest.approx(2 ** (1 / 0.21))


def test_a_batch_beyond_the_critical_size_is_told_so():
    small, large = run(batch_size=512), run(batch_size=4096)
    assert verdict(small, "Batch below its critical size").holds
    assert not verdict(large, "Batch below its critical size").holds
    assert large.si("performance.batch_tokens") == 4096 * 8192


def test_only_dense_decoders_trained_from_scratch_have_a_loss():
    assert run("Inference").si("performance.training_loss") is None
    assert run("AutoDrive").si("performance.training_loss") is None
    assert run(model="Mixtral 8x7B").si("performance.training_loss") is None
    assert run(model="Llama-3.1 8B").si("performance.training_loss") is not None


# Layouts


@pytest.mark.parametrize(
    ("choice", "constraint", "limit"),
    [
        ({"data": 64}, "Devices there are", 1024),
        ({"tensor": 6}, "Heads divide evenly", 4),
        ({"pipeline": 8, "virtual_stages": 16}, "A layer for every chunk", 82),
        ({"batch_size": 16}, "A microbatch for every replica", 1),
        ({"batch_size": 32, "microbatch_size": 4}, "A microbatch for every replica", 4),
        ({"batch_size": 32}, "Bubble", 0.2),
        (
            {"pipeline": 32, "virtual_stages": 1, "batch_size": 64},
            "Working rather than waiting",
            0.5,
        ),
    ],
)
def test_a_layout_that_does_not_work_out_is_told_what_to_change(choice, constraint, limit):
    found = verdict(run(**choice), constraint)
    assert not found.holds
    assert found.limit == pytest.approx(limit)
    assert found.remedy.endswith(".")
    assert verdict(run(), constraint).holds


def test_a_page_lives_with_every_layout_of_a_slider():
    for tensor in (1, 3, 7, 64):
        for pipeline in (1, 5, 64):
            ledger = run(tensor=tensor, pipeline=pipeline, data=1, context=3)
            assert ledger.si("reliability.devices") == tensor * pipeline * 3
            assert math.isfinite(ledger.si("performance.training_time"))


def test_the_parts_of_a_step_that_wait_are_shares_of_it():
    performance = run("Frontier").performance
    bubble, links, step = (
        performance.si(name) for name in ("bubble_time", "communication_time", "latency")
    )
    assert performance.si("bubble_fraction") == pytest.approx(bubble / step)
    assert performance.si("parallel_efficiency") == pytest.approx(1 - (bubble + links) / step)


@pytest.mark.parametrize("application", ["AutoDrive", "Training"])
def test_a_model_is_trained_once_whoever_runs_it_afterwards(application):
    one, many = (
        TrainingSimulation(application, persona) for persona in ("CloudTitan", "TinyPioneer")
    )
    assert one.units == many.units == 1
    assert many.evaluate({}) == replace(one.evaluate({}), context=many.evaluate({}).context)


def test_a_run_on_one_node_fails_as_small_jobs_do():
    """RSC-1: 6.5 failures per 1,000 node-days, 3.2 times as many in small jobs (Kokolis, 2024)."""
    ledger = run("Inference")
    days = ledger.performance.training_time_days
    assert ledger.si("reliability.expected_failures") == pytest.approx(days * 3.2 * 6.5 / 1000)


def test_more_virtual_stages_and_microbatches_shrink_the_bubble():
    stages = [run(virtual_stages=v).si("performance.bubble_fraction") for v in (1, 2, 5)]
    assert stages == sorted(stages, reverse=True)
    batches = [run(batch_size=b).si("performance.bubble_fraction") for b in (256, 1024, 4096)]
    assert batches == sorted(batches, reverse=True)


def test_more_replicas_of_one_batch_wait_more():
    """Strong scaling: the same batch on more devices takes less time, but more device time."""
    runs = [run(data=degree) for degree in (8, 32, 128)]
    times = [ledger.si("performance.training_time") for ledger in runs]
    cost = [ledger.si("economics.tco") for ledger in runs]
    assert times == sorted(times, reverse=True)
    assert cost == sorted(cost)
    efficiency = [ledger.si("performance.parallel_efficiency") for ledger in runs]
    assert efficiency == sorted(efficiency, reverse=True)


def test_experts_are_divided_where_there_are_some():
    mission = replace(Applications.Training, name="Mixture", model=Models["Mixtral 8x7B"])
    offered = {choice.name for choice in TrainingSimulation(mission).choices}
    assert "expert" in offered
    assert "expert" not in {choice.name for choice in TrainingSimulation("Training").choices}
    whole, divided = run(mission), run(mission, expert=8)
    assert divided.si("performance.weight_memory") < whole.si("performance.weight_memory")
    with pytest.raises(InvalidInput, match="expert of a layout: received 7"):
        run(mission, expert=7)


# Where a model can be trained


def test_one_device_is_offered_no_layout():
    offered = {choice.name for choice in TrainingSimulation("AutoDrive").choices}
    layout = {"tensor", "pipeline", "virtual_stages", "data", "context", "expert", "sharding"}
    assert not offered & layout
    assert not offered & {"training_tokens", "sequence_length", "recomputation", "attention"}
    assert {"training_samples", "batch_size", "microbatch_size", "optimizer"} <= offered


@pytest.mark.parametrize(
    ("application", "reason"),
    [
        ("Doorbell", "finished firmware"),
        ("KeywordSpotting", "finished firmware"),
        ("Assistant", r"at least 59\.8 GiB for weights.*Phone assistant has 12 GiB"),
        ("Recommendation", "sparse optimizer"),
    ],
)
def test_where_a_model_cannot_be_trained_the_reason_is_given(application, reason):
    with pytest.raises(InvalidInput, match=reason):
        TrainingSimulation(application)


def test_formats_without_gradients_are_not_offered():
    (precision,) = [c for c in TrainingSimulation("Inference").choices if c.name == "precision"]
    offered = {option.value for option in precision.listed()}
    assert "bf16" in offered
    assert not offered & {"int8", "int4", "q4_k_m"}


def test_networks_on_many_devices_are_replicated():
    mission = replace(
        Applications.Inference, name="Pictures", model=Models["ResNet-50"], phase="inference",
        sequence_length=None, batch_size=2048,
    )  # fmt: skip
    ledger = run(mission)
    assert ledger.si("reliability.devices") == 8
    assert ledger.si("performance.replica_batch") == 256
    assert "tensor" not in ledger.context["choice"]


# Sweeps


@pytest.mark.parametrize("application", ["AutoDrive", "Training", "Inference"])
def test_a_sweep_gives_what_its_points_give(application):
    """Each number that is no degree of a layout comes as an array along an axis of its own."""
    simulation = TrainingSimulation(application, "EdgeGuardian")
    swept = [c for c in simulation.choices if isinstance(c, NumberChoice) and not c.structural]
    axes = {}
    for position, choice in enumerate(swept):
        values = np.array([choice.default, choice.minimum], dtype=float)
        axes[choice.name] = values.reshape([2 if at == position else 1 for at in range(len(swept))])
    sweep = simulation.evaluate(axes)
    grids = np.broadcast_arrays(*axes.values())
    shape = grids[0].shape
    for index in [(0,) * len(swept), (1,) * len(swept), (0, 1) * (len(swept) // 2)]:
        point = simulation.evaluate(
            {c.name: grid[index].item() for c, grid in zip(swept, grids, strict=True)}
        )
        for path in metric_paths():
            expected = point.si(path)
            if isinstance(expected, float):
                there = np.broadcast_to(sweep.si(path), shape)[index]
                assert there == pytest.approx(expected, rel=1e-9), path
        for one, many in zip(point.verdicts, sweep.verdicts, strict=True):
            assert one.constraint == many.constraint
            assert np.broadcast_to(many.holds, shape)[index] == one.holds


def test_a_model_of_unknown_training_takes_twenty_tokens_for_each_weight():
    """Hoffmann et al. (2022): tokens and weights grow together, at about 20 to 1."""
    model = replace(Models["Llama-3.1 8B"], name="Own", training_tokens=None)
    simulation = TrainingSimulation(replace(Applications.Training, name="Own", model=model))
    assert simulation.defaults["training_tokens"] == pytest.approx(20 * model.parameters)
    ledger = simulation.evaluate({})
    assert ledger.si("performance.tokens_per_parameter") == pytest.approx(20)


def test_one_device_has_no_replicas_and_two_have():
    """A driving assistant on one module, and on two that are joined."""
    usual = Applications.AutoDrive
    pair = replace(
        Applications.Inference.system, name="Pair", layout=Layout(data=2), devices_per_node=2
    )
    alone, both = (
        TrainingSimulation(replace(usual, name="Own", system=system))
        for system in (usual.system, pair)
    )
    assert not {"data", "sharding", "restart_minutes"} & set(alone.defaults)
    assert both.defaults["data"] == 2
    assert both.defaults["sharding"] == "full"
    assert "tensor" not in both.defaults
    one = replace(pair, name="One", layout=Layout(), devices_per_node=1)
    small = replace(Applications.Inference, name="Small", model=Models["GPT-2 124M"])
    degrees = {"tensor", "pipeline", "context"}
    for system, divided in ((one, set()), (pair, degrees)):
        offered = TrainingSimulation(replace(small, system=system, sequence_length=1024)).defaults
        assert degrees & set(offered) == divided
    assert "Devices there are" not in [v.constraint for v in alone.evaluate({}).verdicts]
    assert verdict(both.evaluate({}), "Devices there are").holds


def test_limits_of_a_run():
    ledger = run()
    for constraint, limit in (("Work kept", 0.9), ("Bubble", 0.2),
                              ("Working rather than waiting", 0.5)):  # fmt: skip
        assert verdict(ledger, constraint).limit == limit


def test_a_step_is_what_the_engine_makes_of_the_choices():
    """On several devices with torchtitan and sharded replicas, on one with compiled PyTorch."""
    for application, chosen, runtime, layout in (
        ("AutoDrive", {"batch_size": 32, "optimizer": "SGD"}, "PyTorch compiled",
         Layout(microbatch_size=16)),
        ("Inference", {"batch_size": 32, "sequence_length": 2048, "attention": "plain"},
         "torchtitan", Layout(data=8, sharding="full", microbatch_size=1)),
    ):  # fmt: skip
        scenario = Applications[application]
        found = run(application, **chosen).performance
        usual = {} if application == "AutoDrive" else {"recomputation": "full"}
        step = Engine.solve(
            scenario.model, scenario.system, phase="training", precision=scenario.precision,
            runtime=runtime, layout=layout, **usual, **chosen,
        )  # fmt: skip
        assert found.si("latency") == step.si("latency")
        assert found.si("memory_used") == step.si("memory_used")


def test_a_network_takes_a_step_for_every_batch_and_has_no_deadline():
    ledger = run("AutoDrive", batch_size=20, training_samples=1e6)
    assert ledger.si("performance.training_steps") == pytest.approx(50_000)
    missions = {name: [v.constraint for v in run(name).verdicts]
                for name in ("AutoDrive", "Inference", "Training")}  # fmt: skip
    assert "Deadline" not in missions["AutoDrive"] + missions["Inference"]
    assert "Devices kept busy" in missions["Training"]
    assert "Devices kept busy" not in missions["AutoDrive"]


def test_a_format_that_cannot_be_trained_gives_way_to_one_that_can():
    quantized = replace(Applications.AutoDrive, name="Own", precision="int8")
    simulation = TrainingSimulation(quantized)
    assert simulation.defaults["precision"] in ("fp16", "bf16")
    whole = replace(quantized.system, hardware=Hardware["Hailo-8"])
    with pytest.raises(InvalidInput, match="no arithmetic for gradients"):
        TrainingSimulation(replace(quantized, system=whole))


def test_a_checkpoint_of_32_bits_on_one_device():
    """4 bytes of weights and 8 of moments; after a failure the work itself starts at once."""
    ledger = run("AutoDrive", precision="fp32", checkpoint_interval_minutes=60,
                 storage_gb_per_s_per_node=0.01)  # fmt: skip
    reliability = ledger.reliability
    size = 12 * Models["YOLOv8n"].parameters
    assert reliability.si("checkpoint_size") == pytest.approx(size)
    between = FailureRates["industrial_device"].node_failure_interval_s
    lost = math.expm1((3600 + size / 0.01e9) / between)
    assert reliability.si("goodput") == pytest.approx(3600 / (between * lost), rel=1e-9)


def test_the_best_interval_is_near_that_of_young():
    """Young (1974): the root of twice the time to save times the time between failures."""
    reliability = run("Frontier").reliability
    save = reliability.si("checkpoint_time")
    between = FailureRates["llama3_cluster"].node_failure_interval_s / 2048
    best = reliability.si("optimal_checkpoint_interval")
    assert best == pytest.approx(math.sqrt(2 * save * between), rel=0.05)


def test_the_loss_of_a_run_is_that_of_its_weights_and_tokens():
    model = Models["Llama-3.1 8B"]
    found = run(model=model.name, training_tokens=1e12).performance
    loss = 1.69 + 406.4 / model.parameters**0.34 + 410.7 / 1e12**0.28
    assert found.si("training_loss") == pytest.approx(loss, rel=1e-3)
    assert found.si("tokens_per_parameter") == pytest.approx(1e12 / model.parameters)


def test_what_is_not_divided_has_no_degree_to_judge():
    undivided, halves = run(tensor=1, pipeline=1), run(tensor=2, pipeline=2)
    names = ("tensor_degree", "bubble_fraction", "pipeline_chunks")
    assert [undivided.performance.si(name) for name in names] == [None] * 3
    assert halves.performance.si("tensor_degree") == 2
    assert halves.performance.si("pipeline_chunks") == 2 * 5
    limits = {"Heads divide evenly", "Bubble", "A layer for every chunk"}
    assert not limits & {v.constraint for v in undivided.verdicts}
    assert limits <= {v.constraint for v in halves.verdicts}
    links, step = (undivided.performance.si(f"{n}") for n in ("communication_time", "latency"))
    efficiency = undivided.performance.si("parallel_efficiency")
    assert efficiency == pytest.approx(1 - links / step)


def test_25_heads_divide_by_one_among_three_devices():
    odd = next(m for m in Models.values() if getattr(m, "heads", 0) == 25)
    mission = replace(Applications.Training, name="Odd", model=odd, sequence_length=1024)
    assert verdict(run(mission, tensor=3), "Heads divide evenly").limit == 1.0
