"""Laws that every prediction obeys, whatever is asked: bounds, orders, identities and limits."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mlsysim import (
    Engine,
    Hardware,
    Layout,
    Models,
    NumberChoice,
    PlacementSimulation,
    Regions,
    Runtimes,
    System,
)
from mlsysim.engine import solver
from mlsysim.ledger import metric_paths
from mlsysim.models import Transformer
from mlsysim.precisions import Precisions
from mlsysim.simulations import SIMULATIONS

PARTS = ("compute_time", "memory_time", "communication_time", "bubble_time", "overhead_time")
RECOMPUTATIONS = ("none", "selective", "full")
SHARDINGS = ("none", "optimizer", "gradients", "full")
# Rounding of sums of many operators.
SLACK = 1.0 + 1e-9
# Twins whose devices can be joined: a maker states their link.
LINKED = [name for name, twin in Hardware.items() if twin.link_byte_per_s_per_direction]
TRANSFORMERS = [name for name, model in Models.items() if isinstance(model, Transformer)]
DECODERS = [name for name in TRANSFORMERS if "decode" in Models[name].phases]
TRAINED = [name for name, model in Models.items() if "training" in model.phases]
EXAMPLES = settings(max_examples=120, deadline=None)

batch_sizes = st.integers(1, 2048)
lengths = st.integers(1, 16_384)
factors = st.floats(1.0, 16.0)
powers = st.sampled_from([1, 2, 4, 8, 16])


def system_of(hardware, layout):
    return System(
        name=hardware.name,
        label=hardware.name,
        hardware=hardware,
        layout=layout,
        devices_per_node=8,
        scale_out_byte_per_s_per_direction=25e9,
        source="project-mission",
    )


@st.composite
def layouts(draw, model, hardware):
    if hardware.link_byte_per_s_per_direction is None:
        return Layout()
    shared = {
        "data": draw(powers),
        "sharding": draw(st.sampled_from(SHARDINGS)),
        "microbatch_size": draw(st.sampled_from([None, 1, 2, 8])),
    }
    if not isinstance(model, Transformer):
        return Layout(**shared)
    groups = {
        "tensor": draw(powers),
        "pipeline": draw(powers),
        "context": draw(st.sampled_from([1, 2, 4])),
        "virtual_stages": draw(st.sampled_from([1, 2, 4])),
    }
    members = groups["tensor"] * groups["context"] * shared["data"]
    expert = draw(st.sampled_from([n for n in (1, 2, 4, 8) if members % n == 0]))
    return Layout(**shared, **groups, expert=expert)


@st.composite
def requests(draw, models=tuple(Models), phases=None, hardware=tuple(Hardware)):
    """Draw everything that can be asked of the engine, as the arguments of `ask`."""
    names = draw(st.sampled_from(models)), draw(st.sampled_from(hardware))
    model, twin = Models[names[0]], Hardware[names[1]]
    offered = (*model.phases, "serving") if "decode" in model.phases else model.phases
    return {
        "model": names[0],
        "hardware": names[1],
        "layout": draw(layouts(model, twin)),
        "phase": draw(st.sampled_from([p for p in offered if phases is None or p in phases])),
        "batch_size": draw(batch_sizes),
        "sequence_length": draw(lengths),
        "context_length": draw(lengths),
        "output_length": draw(st.integers(1, 4096)),
        "precision": draw(st.sampled_from(twin.precisions)),
        "runtime": draw(st.sampled_from(list(Runtimes))),
        "recomputation": draw(st.sampled_from(RECOMPUTATIONS)),
        "attention": draw(st.sampled_from([None, "fused", "plain"])),
    }


def ask(request, *, system=None, **changed):
    arguments = {**request, **changed}
    model, hardware = Models[arguments.pop("model")], arguments.pop("hardware")
    twin = Hardware[hardware] if isinstance(hardware, str) else hardware
    return Engine.solve(model, system or system_of(twin, arguments["layout"]), **arguments)


def outcome_of(request, **changed):
    """Return what each device computes and moves, backward passes and recomputation counted."""
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            solver, "_performance", lambda work, outcome, **_: kept.append((work, outcome))
        )
        ask(request, **changed)
    return kept[0]


def replicas_full(request, copies=1):
    """Return a batch that gives every replica the same number of whole microbatches."""
    layout = request["layout"]
    return request["batch_size"] * layout.data * (layout.microbatch_size or 1) * copies


# Bounds.


@EXAMPLES
@given(requests())
def test_no_device_exceeds_its_peak_compute_or_its_bandwidth(request):
    """Attention and heads run in the format of activations, which may be the faster one."""
    work, outcome = outcome_of(request)
    twin, precision = Hardware[request["hardware"]], Precisions[request["precision"]]
    formats = [twin.compute_precision(precision), *precision.of_activations]
    peak = max(twin.peak_dense_flop_per_s.get(name, 0.0) for name in formats)
    latency = outcome.times.execution_time
    assert np.all(outcome.device_flops <= peak * latency * SLACK)
    assert np.all(
        outcome.device_bytes <= work.system.hardware.memory_bandwidth_byte_per_s * latency * SLACK
    )


@EXAMPLES
@given(requests())
def test_useful_work_never_exceeds_the_work_done(request):
    work, outcome = outcome_of(request)
    assert np.all(outcome.useful_flops <= outcome.device_flops * work.layout.devices * SLACK)


@EXAMPLES
@given(requests())
def test_what_is_reported_is_consistent_and_bounded(request):
    run = ask(request)
    latency = run.si("latency")
    assert sum(run.si(part) or 0.0 for part in PARTS) == pytest.approx(latency, rel=1e-9)
    assert all((run.si(part) or 0.0) >= -1e-12 * latency for part in PARTS)
    assert run.si("throughput") * latency == pytest.approx(request["batch_size"], rel=1e-12)
    assert run.si("energy") == pytest.approx(run.si("power") * latency, rel=1e-12)
    devices, twin = request["layout"].devices, Hardware[request["hardware"]]
    assert twin.idle_power_w * devices <= run.si("power") * SLACK
    assert run.si("power") <= twin.max_power_w * devices * SLACK
    assert run.si("memory_used") > 0
    for name in ("latency", "throughput", "power", "energy", "energy_per_sample"):
        low, high = run.si_interval(name)
        assert low <= run.si(name) <= high, name


@EXAMPLES
@given(requests())
def test_utilization_of_the_stated_peak_is_at_most_one(request):
    """Formats whose activations are wider, and faster on this chip, are left out: there the
    peak of the weights' format is not the peak of what computes.
    """
    twin, precision = Hardware[request["hardware"]], Precisions[request["precision"]]
    peaks = [twin.peak_dense_flop_per_s.get(name, 0.0) for name in precision.of_activations]
    assume(max(peaks, default=0.0) <= twin.peak_flop_per_s(precision))
    assert ask(request).si("model_flops_utilization") <= SLACK


# Orders.


@EXAMPLES
@given(requests(), st.sampled_from([2, 3, 8]))
def test_more_work_for_every_replica_never_lowers_throughput(request, times):
    small, large = (ask(request, batch_size=replicas_full(request, n)) for n in (1, times))
    assert large.si("throughput") * SLACK >= small.si("throughput")
    assert large.si("latency") * SLACK >= small.si("latency")


@EXAMPLES
@given(
    requests(),
    st.sampled_from(
        ["memory_bandwidth_byte_per_s", "peak_dense_flop_per_s", "link_byte_per_s_per_direction"]
    ),
    factors,
)
def test_better_hardware_is_never_slower(request, field, factor):
    twin = Hardware[request["hardware"]]
    value = getattr(twin, field)
    assume(value is not None)
    better = {k: v * factor for k, v in value.items()} if field.startswith("peak") else None
    faster = replace(twin, **{field: better or value * factor})
    before, after = (ask(request, hardware=chip).si("latency") for chip in (twin, faster))
    assert after <= before * SLACK


@EXAMPLES
@given(requests(hardware=LINKED), factors)
def test_a_faster_network_is_never_slower(request, factor):
    slow = system_of(Hardware[request["hardware"]], request["layout"])
    network = slow.scale_out_byte_per_s_per_direction * factor
    fast = replace(slow, scale_out_byte_per_s_per_direction=network)
    before, after = (ask(request, system=system).si("latency") for system in (slow, fast))
    assert after <= before * SLACK


@EXAMPLES
@given(requests(DECODERS, phases=["decode"]), st.data())
def test_narrower_weights_never_decode_slower(request, data):
    """Left out are runtimes that unpack them with arithmetic of their own, and formats that the
    chip computes more slowly or whose activations are wider.
    """
    twin = Hardware[request["hardware"]]
    assume(not Runtimes[request["runtime"]].unpacking_flop_per_weight)
    wide = Precisions[request["precision"]]

    def reached(name):
        return twin.peak_dense_flop_per_s[name] * twin.plateau(name)

    def no_worse(narrow):
        computed, before = (twin.compute_precision(p) for p in (narrow, wide))
        values = [
            next((n for n in p.of_activations if n in twin.peak_dense_flop_per_s), c)
            for p, c in ((narrow, computed), (wide, before))
        ]
        return (
            narrow.bytes_per_value <= wide.bytes_per_value
            and narrow.activation_bytes <= wide.activation_bytes
            and reached(computed) >= reached(before)
            and reached(values[0]) >= reached(values[1])
        )

    candidates = [name for name in twin.precisions if no_worse(Precisions[name])]
    narrow = data.draw(st.sampled_from(candidates))
    assert ask(request, precision=narrow).si("latency") <= ask(request).si("latency") * SLACK


@EXAMPLES
@given(requests(TRAINED, phases=["training"]))
@example(
    {
        "model": "ViT-B/16",
        "hardware": "NVIDIA A100 SXM4 80GB",
        "layout": Layout(),
        "phase": "training",
        "batch_size": 64,
        "precision": "bf16",
        "runtime": "PyTorch eager",
    }
)
def test_recomputation_is_never_faster_and_never_needs_more_memory(request):
    runs = [ask(request, recomputation=name) for name in RECOMPUTATIONS]
    for less, more in ((0, 1), (1, 2)):
        assert runs[less].si("latency") <= runs[more].si("latency") * SLACK
        assert runs[more].si("memory_used") <= runs[less].si("memory_used") * SLACK


@EXAMPLES
@given(requests(TRANSFORMERS))
def test_fused_attention_is_slower_only_by_the_scores_it_computes_again(request):
    """Its backward pass takes five products of its matrices, not four: seven in all, not six."""
    plain, fused = (ask(request, attention=name) for name in ("plain", "fused"))
    again = 7 / 6 if request["phase"] == "training" else 1.0
    assert fused.si("latency") <= plain.si("latency") * again * SLACK


@pytest.mark.parametrize("length", [512, 1024, 4096])
@pytest.mark.parametrize("model", ["GPT-2 124M", "BERT-Base", "Llama-3.1 8B"])
def test_fused_attention_pays_in_training_on_an_accelerator(model, length):
    request = {
        "model": model,
        "hardware": "NVIDIA A100 SXM4 80GB",
        "layout": Layout(),
        "phase": "training",
        "batch_size": 32,
        "sequence_length": length,
        "precision": "bf16",
        "runtime": "PyTorch eager",
    }
    plain, fused = (ask(request, attention=name) for name in ("plain", "fused"))
    assert fused.si("latency") < plain.si("latency")


@EXAMPLES
@given(requests(TRANSFORMERS, phases=["prefill", "decode", "training"]), st.integers(2, 8))
@example(
    {
        "model": "Mixtral 8x7B",
        "hardware": "NVIDIA A100 SXM4 80GB",
        "layout": Layout(tensor=8, pipeline=4, data=8, sharding="full"),
        "phase": "prefill",
        "batch_size": 1,
        "sequence_length": 133,
        "context_length": 133,
        "precision": "fp16",
        "runtime": "llama.cpp",
    },
    4,
)
def test_longer_sequences_take_longer(request, times):
    longer = {name: request[name] * times for name in ("sequence_length", "context_length")}
    assert ask(request).si("latency") <= ask(request, **longer).si("latency") * SLACK


@EXAMPLES
@given(requests(TRAINED, phases=["training"], hardware=LINKED))
def test_sharding_more_never_needs_more_memory(request):
    used = [
        ask(request, layout=replace(request["layout"], sharding=name)).si("memory_used")
        for name in SHARDINGS
    ]
    assert all(more <= less * SLACK for less, more in pairwise(used))


@EXAMPLES
@given(requests(hardware=LINKED), st.integers(1, 4))
def test_twice_the_replicas_never_lower_the_throughput(request, doublings):
    """With as much work for each. Replicas that join the first other one, or the first in another
    node, start to share gradients over a link that was not used before: left out.
    """
    layout = request["layout"]
    few = max(layout.data, 2)
    many = few * 2**doublings
    inside = 8 // (layout.tensor * layout.context)
    assume(many <= inside or few > inside)
    rates = [
        ask(
            request,
            layout=replace(layout, data=n),
            batch_size=request["batch_size"] * n,
        ).si("throughput")
        for n in (few, many)
    ]
    assert rates[1] * SLACK >= rates[0]


# Identities.


@EXAMPLES
@given(requests(phases=["inference", "prefill", "decode", "serving"], hardware=LINKED), powers)
def test_replicas_that_share_nothing_multiply_the_throughput(request, replicas):
    layout = replace(request["layout"], data=1, expert=1, sharding="none")
    alone = ask(request, layout=layout)
    together = ask(
        request,
        layout=replace(layout, data=replicas),
        batch_size=request["batch_size"] * replicas,
    )
    assert together.si("latency") == pytest.approx(alone.si("latency"), rel=1e-12)
    assert together.si("memory_used") == pytest.approx(alone.si("memory_used"), rel=1e-12)


@EXAMPLES
@given(requests(TRANSFORMERS, hardware=LINKED), powers, st.sampled_from(["tensor", "pipeline"]))
def test_larger_groups_divide_the_weights(request, members, kind):
    layout = replace(request["layout"], tensor=1, pipeline=1, expert=1)
    alone, together = (
        ask(request, layout=replace(layout, **{kind: n})).si("weight_memory") for n in (1, members)
    )
    assert together * members == pytest.approx(alone, rel=1e-12)


@EXAMPLES
@given(requests(DECODERS, phases=["serving"]))
def test_long_answers_make_serving_tend_to_decoding(request):
    serving = ask(request, output_length=1e15).si("latency")
    assert serving == pytest.approx(ask(request, phase="decode").si("latency"), rel=1e-6)


@EXAMPLES
@given(requests(DECODERS, phases=["serving"]), st.integers(2, 1000))
def test_longer_answers_never_slow_a_step_of_serving(request, times):
    """At the same context: prompts come more rarely."""
    longer = ask(request, output_length=request["output_length"] * times).si("latency")
    assert ask(request, phase="decode").si("latency") <= longer * SLACK
    assert longer <= ask(request).si("latency") * SLACK


@settings(max_examples=60, deadline=None)
@given(requests(), st.lists(batch_sizes, min_size=2, max_size=5))
def test_arrays_of_batch_sizes_give_what_scalars_give(request, sizes):
    many = ask(request, batch_size=np.array(sizes))
    same(many, [ask(request, batch_size=size) for size in sizes])


@settings(max_examples=60, deadline=None)
@given(
    requests(TRANSFORMERS),
    st.lists(st.tuples(lengths, lengths, st.integers(1, 4096)), min_size=2, max_size=5),
)
@example(
    {
        "model": "GPT-3 175B",
        "hardware": "NVIDIA A100 SXM4 80GB",
        "layout": Layout(pipeline=8),
        "phase": "prefill",
        "precision": "fp16",
    },
    [(100, 100, 1), (200, 200, 1)],
)
def test_arrays_of_lengths_give_what_scalars_give(request, chosen):
    names = ("sequence_length", "context_length", "output_length")
    columns = [np.array(column, float) for column in zip(*chosen, strict=True)]
    many = ask(request, **dict(zip(names, columns, strict=True)))
    same(many, [ask(request, **dict(zip(names, row, strict=True))) for row in chosen])


@settings(max_examples=60, deadline=None)
@given(
    requests(TRANSFORMERS),
    st.lists(
        st.tuples(batch_sizes, lengths, lengths, st.integers(1, 4096)), min_size=2, max_size=5
    ),
)
def test_arrays_of_batch_sizes_and_lengths_go_together(request, chosen):
    names = ("batch_size", "sequence_length", "context_length", "output_length")
    columns = [np.array(column, float) for column in zip(*chosen, strict=True)]
    many = ask(request, **dict(zip(names, columns, strict=True)))
    same(many, [ask(request, **dict(zip(names, row, strict=True))) for row in chosen])


def test_sequences_alone_and_together_keep_their_own_intervals():
    request = {"model": "GPT-2 124M", "hardware": "NVIDIA H100 SXM5 80GB", "layout": Layout(),
               "phase": "decode", "precision": "bf16"}  # fmt: skip
    many = ask(request, batch_size=np.array([1, 64]))
    ones = [ask(request, batch_size=size) for size in (1, 64)]
    same(many, ones)
    assert ones[0].accuracy != ones[1].accuracy
    assert many.accuracy == f"{ones[0].accuracy}; {ones[1].accuracy}"


def same(many, ones):
    for index, one in enumerate(ones):
        for name in one:
            value = many.si(name)
            if isinstance(value, np.ndarray):
                assert value[index] == pytest.approx(one.si(name), rel=1e-9), name
            elif name not in ("binding_limit", "accuracy") and value is not None:
                assert value == pytest.approx(one.si(name)), name
            ends = many.si_interval(name)
            if ends is not None and isinstance(ends.low, np.ndarray):
                found = (ends.low[index], ends.high[index])
                assert found == pytest.approx(one.si_interval(name), rel=1e-9), name


@pytest.mark.parametrize("phase", ["training", "prefill", "decode", "serving"])
def test_a_hundred_thousand_batch_sizes_in_one_call(phase):
    sizes = np.arange(1, 100_001)
    request = {
        "model": "Llama-3.1 8B",
        "hardware": "NVIDIA H100 SXM5 80GB",
        "layout": Layout(),
        "phase": phase,
        "runtime": "Serving engine",
    }
    many = ask(request, batch_size=sizes)
    assert many.si("latency").shape == sizes.shape
    assert np.all(np.diff(many.si("latency")) >= -1e-12)
    for size in (1, 777, 100_000):
        one = ask(request, batch_size=size)
        assert many.si("latency")[size - 1] == pytest.approx(one.si("latency"), rel=1e-9)


@EXAMPLES
@given(requests(), st.sampled_from(["maximum", "idle"]), factors)
def test_power_of_a_twin_changes_time_through_its_clock_alone(request, kind, factor):
    """A chip that may draw more keeps its clock longer; one that idles lower is as fast."""
    twin = Hardware[request["hardware"]]
    changed = (
        replace(twin, idle_power_w=twin.idle_power_w / factor)
        if kind == "idle"
        else replace(twin, max_power_w=twin.max_power_w * factor)
    )
    before, after = (ask(request, hardware=chip).si("latency") for chip in (twin, changed))
    if kind == "idle":
        assert after == before
    assert after <= before * SLACK
    assert math.isfinite(after)


# Laws of every simulation, whatever it decides.

CLEAN_TO_DIRTY = sorted(
    (region for region in Regions.values() if region.carbon_basis == "lifecycle"),
    key=lambda region: region.carbon_intensity_g_per_kwh,
)[::12]
GROWS = {
    "sustainability.energy", "sustainability.it_energy", "sustainability.carbon",
    "sustainability.operational_carbon", "sustainability.embodied_carbon",
    "sustainability.water", "sustainability.on_site_water", "sustainability.grid_water",
    "economics.tco", "economics.capital_cost", "economics.running_cost",
    "economics.transfer_cost", "economics.storage_cost", "reliability.expected_failures",
}  # fmt: skip
GROWS_WITH_UNITS = GROWS | {"sustainability.average_power", "reliability.devices"}
SET_BY_REGION = {
    "sustainability.carbon", "sustainability.operational_carbon", "sustainability.water",
    "sustainability.grid_water", "economics.tco", "economics.running_cost",
    "economics.cost_per_sample", "economics.cost_per_million_output_tokens",
}  # fmt: skip
SERVED = [(kind, application) for kind in SIMULATIONS for application in kind.applications()]


def served_with(name):
    """Return the simulations of applications that offer a choice."""
    return [
        pytest.param(kind, application, id=f"{kind.__name__}-{application}")
        for kind, application in SERVED
        if name in kind(application).defaults
    ]


def numbers_of(ledger):
    found = {path: ledger.si(path) for path in metric_paths() if ledger.metric(path).unit}
    return {path: value for path, value in found.items() if value is not None}


@pytest.mark.parametrize(("kind", "application"), served_with("duration_days"))
def test_twice_the_duration_doubles_what_adds_up_and_nothing_else(kind, application):
    simulation = kind(application)
    once, twice = (numbers_of(simulation.evaluate({"duration_days": d})) for d in (200, 400))
    for path, value in once.items():
        factor = 2.0 if path in GROWS else 1.0
        assert twice[path] == pytest.approx(factor * value, rel=1e-12), path


@pytest.mark.parametrize(("kind", "application"), served_with("duration_days"))
def test_energy_is_average_power_over_the_days_asked_for(kind, application):
    ledger = kind(application).evaluate({"duration_days": 100.0})
    power, energy = ledger.sustainability.average_power_w, ledger.sustainability.energy_j
    assert energy == pytest.approx(power * 100.0 * 86_400.0, rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "application"), [pair for pair in SERVED if pair[0] is not PlacementSimulation]
)
def test_hardware_is_written_off_evenly_over_its_life(kind, application):
    """Left out is what brings servers of other makes and lives with it."""
    simulation = kind(application)
    spares = {"spares": 0} if "spares" in simulation.defaults else {}
    ledger, scenario = simulation.evaluate(spares), simulation.scenario
    chip = scenario.system.hardware
    days = ledger.context["choice"].get("duration_days")
    years = days / 365.25 if days else ledger.performance.training_time_days / 365.25
    lives = ledger.reliability.si("devices") * years / scenario.lifetime_years
    assert ledger.economics.capital_cost_usd == pytest.approx(chip.price_usd * lives, rel=1e-9)
    made = ledger.sustainability.embodied_carbon_kg
    assert made == pytest.approx(chip.embodied_kgco2e * lives, rel=1e-9)


@pytest.mark.parametrize(("kind", "application"), SERVED)
def test_independent_units_add_up_and_fail_one_by_one(kind, application):
    one = numbers_of(kind(application, "CloudTitan").evaluate({}))
    many = numbers_of(kind(application, "EdgeGuardian").evaluate({}))
    factor = kind(application, "EdgeGuardian").units / kind(application, "CloudTitan").units
    for path, value in one.items():
        expected = value * factor if path in GROWS_WITH_UNITS else value
        if path == "reliability.mean_time_between_failures":
            expected = value / factor
        assert many[path] == pytest.approx(expected, rel=1e-12), path


@pytest.mark.parametrize(("kind", "application"), served_with("region"))
def test_a_cleaner_grid_emits_less_and_changes_only_what_a_region_sets(kind, application):
    simulation = kind(application)
    ledgers = [numbers_of(simulation.evaluate({"region": r.name})) for r in CLEAN_TO_DIRTY]
    assert len(ledgers) > 5
    for (clean, dirty), (low, high) in zip(
        pairwise(ledgers), pairwise(CLEAN_TO_DIRTY), strict=True
    ):
        ratio = high.carbon_intensity_g_per_kwh / low.carbon_intensity_g_per_kwh
        path = "sustainability.operational_carbon"
        assert dirty[path] == pytest.approx(clean[path] * ratio, rel=1e-12)
        assert dirty["sustainability.carbon"] > clean["sustainability.carbon"]
        assert {path for path in clean if clean[path] != dirty[path]} <= SET_BY_REGION


@pytest.mark.parametrize(("kind", "application"), SERVED)
def test_every_choice_moves_some_number_or_verdict(kind, application):
    """Bounds, default and three steps between: a choice that changes nothing is a dead control."""
    simulation = kind(application, "CloudTitan")

    def told(value):
        ledger = simulation.evaluate({choice.name: value})
        return numbers_of(ledger), [(v.constraint, v.value, v.limit) for v in ledger.verdicts]

    for choice in simulation.choices:
        if isinstance(choice, NumberChoice):
            steps = np.linspace(choice.minimum, choice.maximum, 5)
            values = [round(step) if choice.integer else float(step) for step in steps]
        else:
            values = [option.value for option in choice.listed()]
        usual = told(choice.default)
        assert any(told(value) != usual for value in values), choice.name
