"""Smaller models: bytes by hand, what hardware makes of zeros, and the quality that is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlsysim import (
    Applications,
    CompressionSimulation,
    Engine,
    Hardware,
    InvalidInput,
    Layout,
    Models,
    NumberChoice,
    System,
    Systems,
    compression,
    formulas,
)
from mlsysim.compression import Compressions, QualityMeasurement
from mlsysim.ledger import metric_paths

LLAMA = Models["Llama-3.1 8B"]
# Embedding and head of 128,256 tokens, and two norms in each of 32 layers and one at the end.
LLAMA_UNPRUNED = 2 * 128_256 * 4096 + 65 * 4096


def run(application="Inference", /, **choice):
    return CompressionSimulation(application, "CloudTitan").evaluate(choice)


def verdict(ledger, constraint):
    (found,) = [each for each in ledger.verdicts if each.constraint == constraint]
    return found


# Bytes


@pytest.mark.parametrize(
    ("precision", "sparsity", "pruning", "bytes_each"),
    [
        ("bf16", 0.0, "unstructured", 2.0),
        ("bf16", 0.05, "unstructured", 2.0),  # with an index it would be more
        ("bf16", 0.5, "unstructured", 1.0 + 1 / 8),
        ("int8", 0.9, "unstructured", 0.1 + 1 / 8),
        ("int4", 0.25, "unstructured", 0.5),
        ("bf16", 0.0, "2:4", 1.0 + 1 / 8),
        ("int8", 0.0, "2:4", 0.5 + 1 / 8),
        ("bf16", 0.3, "channels", 1.4),
    ],
)
def test_the_file_worked_by_hand(precision, sparsity, pruning, bytes_each):
    size = Engine.file_size(LLAMA, precision=precision, sparsity=sparsity, pruning=pruning)
    dense = {"bf16": 2.0, "int8": 1.0, "int4": 0.5}[precision]
    pruned = LLAMA.parameters - LLAMA_UNPRUNED
    assert size == pytest.approx(LLAMA_UNPRUNED * dense + pruned * bytes_each, rel=1e-9)


def test_zeros_leave_memory_only_where_products_read_them_left_out():
    """Sparse matrix units of an H100 read two of four; a phone's units read every weight."""
    pruned = (LLAMA.parameters - LLAMA_UNPRUNED) / LLAMA.parameters
    for system, left in (("H100 node", 1.0 - pruned * (1 - 1.125 / 2)), ("Smartphone", 1.0)):
        dense, sparse = (
            Engine.solve(LLAMA, Systems[system], phase="decode", precision="fp16", pruning=pruning)
            for pruning in ("unstructured", "2:4")
        )
        ratio = sparse.si("weight_memory") / dense.si("weight_memory")
        assert ratio == pytest.approx(left, rel=1e-9)


def test_an_embedding_is_read_but_not_pruned():
    tied = Models["Llama-3.2 1B"]
    embedding = 128_256 * 2048 * 2.0
    nearly_nothing = Engine.file_size(tied, precision="bf16", sparsity=0.999, pruning="channels")
    assert embedding < nearly_nothing < 1.01 * embedding


# Time


def test_what_is_not_pruned_takes_what_it_took():
    scenario = Applications.Inference
    chosen = {"phase": "decode", "batch_size": 8, "context_length": 2048}
    usual = Engine.solve(scenario.model, scenario.system, **chosen)
    for pruning in ("unstructured", "channels"):
        same = Engine.solve(
            scenario.model, scenario.system, sparsity=0.0, pruning=pruning, **chosen
        )
        assert same == usual


def _a100(model, **pruned):
    system = System(name="A100", label="A100", hardware=Hardware["A100"], layout=Layout(),
                    source="project-mission")  # fmt: skip
    run = Engine.solve(Models[model], system, phase="prefill", sequence_length=2048,
                       precision="fp16", **pruned)  # fmt: skip
    return run.si("latency")


@pytest.mark.parametrize("model", ["Llama-2 7B", "Llama-2 13B", "Llama-2 70B"])
@pytest.mark.parametrize(
    ("pruned", "slowest", "fastest"),
    [
        ({"pruning": "2:4"}, 1.32, 1.50),
        ({"pruning": "channels", "sparsity": 0.25}, 1.30, 1.33),
        ({"pruning": "channels", "sparsity": 0.5}, 1.87, 1.94),
    ],
)
def test_speed_ups_as_published(model, pruned, slowest, fastest):
    """SliceGPT (2024), table 12: matrix products of 2,048 tokens on an A100 in PyTorch and
    cuSPARSELt; attention and norms, which the table leaves out, are not pruned.
    """
    speedup = _a100(model) / _a100(model, **pruned)
    assert 0.9 * slowest < speedup < 1.1 * fastest


@pytest.mark.parametrize(
    ("model", "fp16_ms", "int8_ms"),
    [("YOLOv8n", 7.3, 5.8), ("YOLOv8s", 11.4, 8.2), ("YOLOv8m", 23.6, 17.1)],
)
def test_8_bits_speed_up_detection_as_published(model, fp16_ms, int8_ms):
    """TensorRT on a Jetson Orin Nano: https://github.com/the0807/YOLOv8-ONNX-TensorRT"""
    wide, narrow = (run("AutoDrive", model=model, precision=p) for p in ("fp16", "int8"))
    speedup = wide.si("performance.latency") / narrow.si("performance.latency")
    assert speedup == pytest.approx(fp16_ms / int8_ms, rel=0.15)


@pytest.mark.parametrize("application", ["Doorbell", "AutoDrive", "Assistant", "Inference"])
def test_zeros_without_a_pattern_do_not_speed_up_matrix_units(application):
    dense, sparse = run(application), run(application, sparsity=0.9)
    for path in ("performance.latency", "performance.memory_used", "performance.energy"):
        assert sparse.si(path) == dense.si(path)
    assert sparse.si("performance.file_size") < 0.45 * dense.si("performance.file_size")
    assert sparse.performance.compression_effect.startswith("Pruned, smaller but not faster")
    assert not verdict(sparse, "Pruned is also faster").holds
    assert verdict(dense, "Pruned is also faster").holds


def test_zeros_speed_up_a_simple_core_beyond_a_threshold():
    """Products that skip zeros reach 27 % of 192 million FLOP/s, dense ones 384 million OP/s."""
    threshold = 1 - 0.27 * 192e6 / 384e6
    assert threshold == pytest.approx(0.865)
    times = [
        run("KeywordSpotting", sparsity=share).si("performance.latency")
        for share in (0.0, threshold - 0.01, threshold + 0.01, 0.95)
    ]
    assert times[0] == times[1] > times[2] > times[3]


def test_two_of_four_speed_up_only_units_that_skip_them():
    orin, core = run("AutoDrive", pruning="2:4"), run("Doorbell", pruning="2:4")
    assert 1.05 < orin.si("performance.pruning_speedup") < 1.5
    assert core.si("performance.pruning_speedup") == 1.0
    wide = run("AutoDrive", pruning="2:4", precision="fp32")
    assert wide.si("performance.pruning_speedup") == 1.0
    assert "do not skip two of four" in core.performance.compression_effect


def test_fewer_channels_are_a_smaller_network_everywhere():
    for application in ("Doorbell", "KeywordSpotting", "AutoDrive", "Assistant", "Inference"):
        dense, slim = run(application), run(application, sparsity=0.5, pruning="channels")
        for path in ("latency", "energy", "memory_used", "activation_memory", "file_size"):
            assert slim.si(f"performance.{path}") < dense.si(f"performance.{path}"), path


def test_a_token_takes_the_time_of_the_weights_it_reads():
    """One token of one sequence is bound by the weights of a phone: half of them, half the time."""
    dense, slim = run("Assistant"), run("Assistant", sparsity=0.5, pruning="channels")
    read = slim.si("performance.weight_memory") / dense.si("performance.weight_memory")
    took = slim.si("performance.memory_time") / dense.si("performance.memory_time")
    assert read == pytest.approx(0.565, abs=0.01)
    assert took == pytest.approx(read, rel=0.05)


def test_a_narrower_network_sends_less_over_links():
    """Half of the weights are 71 % of the channels, and sums go over channels."""
    chosen = {"phase": "prefill", "batch_size": 8, "sequence_length": 8192}
    system = Systems["H100 node"]
    dense, slim = (
        Engine.solve(LLAMA, system, sparsity=share, pruning="channels", **chosen)
        for share in (0.0, 0.5)
    )
    ratio = slim.si("communication_time") / dense.si("communication_time")
    assert ratio == pytest.approx(0.5**0.5, rel=0.02)


def test_what_finds_room_on_the_chip_is_not_streamed():
    """ResNet-50 has 25.6 MB of weights in 8 bits, of which 8 MB find room on an Edge TPU."""
    chip = System(name="Edge TPU", label="Edge TPU", hardware=Hardware["Google Coral Edge TPU"],
                  source="project-mission")  # fmt: skip
    chosen = {"precision": "int8", "runtime": "Edge TPU runtime"}
    dense, slim = (
        Engine.solve(Models["ResNet-50"], chip, sparsity=share, pruning="channels", **chosen)
        for share in (0.0, 0.6)
    )
    # What is streamed shrinks faster than what is kept: from 18 MB of 26 to 2 MB of 10.
    assert slim.si("memory_time") < 0.3 * dense.si("memory_time")


def test_useful_work_is_that_of_the_weights_that_are_left():
    dense, half = run("AutoDrive"), run("AutoDrive", sparsity=0.5)
    ratio = half.si("performance.model_flops_utilization") / dense.si(
        "performance.model_flops_utilization"
    )
    assert ratio == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("pruning", ["unstructured", "channels"])
def test_more_sparsity_is_never_larger_slower_or_better(pruning):
    shares = np.linspace(0.0, 0.95, 20)
    ledger = run("KeywordSpotting", sparsity=shares, pruning=pruning)
    for path in ("file_size", "latency", "quality_kept", "energy"):
        values = ledger.si(f"performance.{path}")
        assert (np.diff(values) <= 1e-12 * values[:-1]).all(), path


# Quality


def test_every_measurement_is_plausible():
    for row in Compressions.values():
        if row.technique != "model":
            assert 0 < row.kept <= 1.01, row.name
        if row.technique in ("unstructured", "channels", "2:4"):
            assert 0 < float(row.setting) < 1, row.name
        if row.technique == "model":
            assert row.setting in Models, row.name


@pytest.mark.parametrize("row", [r for r in Compressions.values() if r.technique == "channels"],
                         ids=lambda row: row.name)  # fmt: skip
def test_published_points_are_met(row):
    kept, basis = compression.of_pruning(
        row.task, row.technique, float(row.setting), row.parameters
    )
    assert kept == pytest.approx(row.kept)
    assert basis.split(",")[0].split(" ")[0] == row.measured_on.split(" ")[0]


def test_between_two_points_and_beyond_the_last():
    """MobileNet keeps 67.7 of 70.6 points at 75 %, 61.8 at 90 %, 53.6 at 95 %."""
    kept, _ = compression.of_pruning(
        "keyword spotting", "unstructured", np.array([0.0, 0.825, 0.975, 0.9999999]), 23e3
    )
    middle = (67.7 + 61.8) / 2 / 70.6
    assert kept == pytest.approx([1.0, middle, 53.6 / 70.6 / 2, 0.0], abs=1e-5)


def test_the_network_nearest_in_size_speaks():
    small, large = (
        compression.of_format("language modelling", "int4", size) for size in (3e9, 4e11)
    )
    assert small[0] == pytest.approx(67.57 / 69.32)
    assert large[0] == pytest.approx(78.54 / 78.67)
    assert "70B" in large[1]


def test_at_one_half_the_freest_pattern_keeps_most():
    for application in ("Assistant", "Inference"):
        kept = [
            run(application, sparsity=0.5, pruning=pruning).si("performance.quality_kept")
            for pruning in ("unstructured", "2:4", "channels")
        ]
        assert kept == sorted(kept, reverse=True)


def test_quality_of_a_smaller_model_in_a_narrow_format_worked_by_hand():
    ledger = run(model="Llama-3.1 8B", precision="int4")
    assert ledger.si("performance.quality_kept") == pytest.approx(66.7 / 79.3 * 67.57 / 69.32)
    assert not verdict(ledger, "Quality kept").holds
    sizes = (Models["Llama-3.1 70B"].parameters * 2, LLAMA.parameters * 0.5)
    assert ledger.si("performance.compression_ratio") == pytest.approx(sizes[0] / sizes[1])
    assert "GPTQ" in ledger.performance.quality_basis
    larger = run("AutoDrive", model="YOLOv8s")
    assert larger.si("performance.quality_kept") == pytest.approx(44.7 / 37.1)


def test_8_bits_cost_a_detector_more_than_a_doorbell():
    """The same calibration after training: 37.1 to 33.0 mAP, 88.9 to 88.9 %."""
    car, door = run("AutoDrive", precision="int8"), run("Doorbell", precision="int8")
    assert car.si("performance.quality_kept") == pytest.approx(33.0 / 37.1)
    assert door.si("performance.quality_kept") == pytest.approx(1.0)
    assert not verdict(car, "Quality kept").holds
    assert verdict(door, "Quality kept").holds


def test_a_format_without_measurement_is_refused():
    with pytest.raises(InvalidInput, match="format of object detection: received 'int4'"):
        compression.of_format("object detection", "int4", 3e6)
    with pytest.raises(InvalidInput, match="precision: received 'int4'"):
        run("AutoDrive", precision="int4")
    with pytest.raises(InvalidInput, match="technique of x: received 'hope'"):
        QualityMeasurement(
            name="x", task="t", technique="hope", setting="", parameters=1.0, measured_on="",
            before=1.0, after=1.0, source="project-estimate",
        )  # fmt: skip


# The simulation


def test_ratios_are_over_the_model_as_it_was_trained():
    """The doorbell's network was trained in 32 bits, the chat service's in 16."""
    door, chat = run("Doorbell"), run(precision="int8")
    assert door.si("performance.compression_ratio") == pytest.approx(4.0)
    wide = run("Doorbell", precision="fp32")
    assert door.si("performance.speedup") == pytest.approx(
        wide.si("performance.latency") / door.si("performance.latency")
    )
    assert chat.si("performance.compression_ratio") == pytest.approx(2.0)
    assert run().si("performance.speedup") == 1.0


def test_energy_of_one_operation():
    """Horowitz (2014): 3.7 + 0.9 pJ in fp32, 0.2 + 0.03 pJ in int8."""
    wide, narrow = (run("Doorbell", precision=p) for p in ("fp32", "int8"))
    assert wide.si("performance.multiply_add_energy") * 1e12 == pytest.approx(4.6)
    assert narrow.si("performance.multiply_add_energy") * 1e12 == pytest.approx(0.23)
    assert run(precision="bf16").si("performance.multiply_add_energy") is None


def test_a_model_that_does_not_fit_in_32_bits_fits_in_8():
    """1.63 MiB of weights and 631 KiB of activations: flash has room, memory has not."""
    assert not verdict(run("Doorbell", precision="fp32"), "Fits in memory").holds
    assert verdict(run("Doorbell", precision="fp32"), "Fits in flash").holds
    assert run("Doorbell", precision="int8").feasible


def test_two_of_four_removes_one_half_and_says_so_to_who_wants_more():
    less, more = (run("AutoDrive", pruning="2:4", sparsity=share) for share in (0.2, 0.8))
    assert less.performance == more.performance
    assert less.si("performance.weight_sparsity") == 0.5
    assert verdict(less, "The pattern removes enough").holds
    assert not verdict(more, "The pattern removes enough").holds


@pytest.mark.parametrize("pruning", ["unstructured", "channels", "2:4"])
def test_the_quality_that_pruning_leaves_is_explained_down_to_its_measurement(pruning):
    ledger = run("AutoDrive", pruning=pruning, sparsity=0.5)
    explanation = ledger.explain("performance.quality_kept")
    assert explanation.evaluate() == pytest.approx(ledger.si("performance.quality_kept"))
    assert explanation.sources()


def test_a_format_that_is_only_stored_is_smaller_but_not_faster():
    """Weights of 16 bits on hardware that computes in 32: the network takes the time it took."""
    scenario = Applications.Doorbell
    peaks = {"fp32": 960e6}
    chip = replace(scenario.system.hardware, name="Float only", aliases=(),
                   peak_dense_flop_per_s=peaks, flash_bytes=None)  # fmt: skip
    own = replace(scenario, name="Porch", aliases=(), precision="fp32",
                  system=replace(scenario.system, hardware=chip))  # fmt: skip
    offered = {c.name: c for c in CompressionSimulation(own).choices}["precision"]
    assert [option.value for option in offered.listed()] == ["fp32"]


@pytest.mark.parametrize(
    ("application", "reason"),
    [("Frontier", "compression is for models that serve"), ("Training", "trains a model")],
)
def test_where_compression_is_no_question(application, reason):
    with pytest.raises(InvalidInput, match=reason):
        CompressionSimulation(application)
    unmeasured = replace(Applications.Doorbell, model=Models["MLPerf Tiny AD FC autoencoder"])
    with pytest.raises(InvalidInput, match=r"No published quality .* anomaly detection"):
        CompressionSimulation(unmeasured)


def test_what_was_never_measured_is_not_offered():
    offered = {choice.name for choice in CompressionSimulation("Recommendation").choices}
    assert not offered & {"sparsity", "pruning", "model"}
    (formats,) = [c for c in CompressionSimulation("Doorbell").choices if c.name == "precision"]
    assert [option.value for option in formats.listed()] == ["fp32", "int8"]


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, float("nan"), np.array([0.5, 2.0])])
def test_an_impossible_sparsity_is_refused(sparsity):
    with pytest.raises(InvalidInput, match="sparsity"):
        Engine.solve(LLAMA, Systems["H100 node"], phase="decode", sparsity=sparsity)
    with pytest.raises(InvalidInput, match="sparsity"):
        Engine.file_size(LLAMA, sparsity=sparsity)
    with pytest.raises(InvalidInput, match="pruning: received 'random'"):
        Engine.file_size(LLAMA, pruning="random")


@pytest.mark.parametrize("pruning", ["unstructured", "channels", "2:4"])
@pytest.mark.parametrize("application", ["KeywordSpotting", "AutoDrive", "Inference"])
def test_a_sweep_gives_what_its_points_give(application, pruning):
    simulation = CompressionSimulation(application, "EdgeGuardian")
    swept = [c for c in simulation.choices if isinstance(c, NumberChoice)]
    axes = {}
    for position, choice in enumerate(swept):
        values = np.array([choice.default, choice.maximum], dtype=float)
        axes[choice.name] = values.reshape([2 if at == position else 1 for at in range(len(swept))])
    sweep = simulation.evaluate({**axes, "pruning": pruning})
    grids = np.broadcast_arrays(*axes.values())
    shape = grids[0].shape
    for index in np.ndindex(shape):
        values = {c.name: grid[index].item() for c, grid in zip(swept, grids, strict=True)}
        point = simulation.evaluate({**values, "pruning": pruning})
        for path in metric_paths():
            expected = point.si(path)
            if isinstance(expected, float):
                there = np.broadcast_to(sweep.si(path), shape)[index]
                assert there == pytest.approx(expected, rel=1e-9), path
        for one, many in zip(point.verdicts, sweep.verdicts, strict=True):
            assert one.constraint == many.constraint
            assert np.broadcast_to(many.holds, shape)[index] == one.holds


@pytest.mark.parametrize("pruning", ["unstructured", "channels", "2:4"])
@pytest.mark.parametrize("varied", ["sparsity", "batch_size"])
def test_one_number_alone_may_be_a_table(varied, pruning):
    values = {"sparsity": [[0.0], [0.5], [0.9]], "batch_size": [[1.0], [8.0], [64.0]]}[varied]
    table = np.array(values)
    for application in ("Doorbell", "Inference"):
        sweep = run(application, **{varied: table, "pruning": pruning})
        for index, value in enumerate(table[:, 0]):
            point = run(application, **{varied: value, "pruning": pruning})
            for path in metric_paths():
                expected = point.si(path)
                if isinstance(expected, float):
                    there = np.broadcast_to(sweep.si(path), table.shape)[index, 0]
                    assert there == pytest.approx(expected, rel=1e-9), path


def test_laws_of_sparse_weights_take_arrays():
    density = np.array([1.0, 0.5, 0.05])
    stored = formulas.sparse_bytes_per_parameter(dense=1.0, index=0.125, density=density)
    assert stored == pytest.approx([1.0, 0.625, 0.175])
    share = formulas.sparse_arithmetic_share(density=density, dense_rate=4.0, sparse_rate=1.0)
    assert share == pytest.approx([1.0, 1.0, 0.2])
    assert formulas.width_share(density) == pytest.approx(np.sqrt(density))


@pytest.mark.parametrize(
    ("application", "choice", "words"),
    [
        ("AutoDrive", {"precision": "int8"}, "times smaller and"),
        ("AutoDrive", {"sparsity": 0.5, "pruning": "channels"}, "times smaller and"),
        ("AutoDrive", {}, "Not smaller."),
        ("AutoDrive", {"sparsity": 0.01, "pruning": "channels"}, "Pruned, smaller but not faster"),
    ],
)
def test_what_compression_brought_is_said(application, choice, words):
    assert words in run(application, **choice).performance.compression_effect


def test_differences_of_a_twentieth_are_noticed():
    for sparsity in np.linspace(0.02, 0.2, 10):
        ledger = run("AutoDrive", sparsity=float(sparsity), pruning="channels")
        faster = ledger.si("performance.pruning_speedup") >= 1.05
        assert verdict(ledger, "Pruned is also faster").limit == 1.05
        assert verdict(ledger, "Pruned is also faster").holds is faster
        small = ledger.si("performance.compression_ratio") >= 1.05
        assert (verdict(ledger, "Smaller is also faster").limit == 1.05) is (
            small or ledger.si("performance.speedup") >= 1.05
        )


def test_words_for_many_points_hold_for_each_of_them():
    shares = np.array([0.0, 0.5, 0.9])
    performance = run("AutoDrive", sparsity=shares, pruning="channels").performance
    assert performance.compression_effect.startswith("Smaller is faster only where")
    alone = run("AutoDrive", sparsity=0.5, pruning="channels").performance
    assert performance.quality_basis == alone.quality_basis
