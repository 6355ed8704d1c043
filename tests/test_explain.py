"""Explanations: every number of every ledger follows from its leaves, and each has a source."""

from __future__ import annotations

import copy
import json
import pickle
import re
import threading
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mlsysim import (
    Applications,
    BaseSimulation,
    Economics,
    Engine,
    InvalidInput,
    Models,
    NodeSimulation,
    NumberChoice,
    Performance,
    Personas,
    Regions,
    ReliabilitySimulation,
    ResourceSimulation,
    SystemLedger,
    formulas,
)
from mlsysim.calibration import registries_with_fitted_constants
from mlsysim.cli import main
from mlsysim.derivation import TwinRecorder
from mlsysim.derivation.expressions import expression
from mlsysim.errors import UnknownName
from mlsysim.ledger import metric_paths
from mlsysim.registry import Registry
from mlsysim.simulations import SIMULATIONS
from mlsysim.sources import KINDS, Sources
from mlsysim.tracing import (
    Leaf,
    Step,
    Traced,
    current_recorder,
    evaluate,
    is_traced,
    node_of,
    plain,
    reachable,
    traced,
)

SERVED = [
    pytest.param(kind, name, id=f"{kind.__name__}-{name}")
    for kind in SIMULATIONS
    for name in kind.applications()
]
# Leaves that are handed out by the recorder, so that a simulation can be run with other values.
MOVABLE = ("choice", "twin", "fitted")
A_LITTLE = 1e-4


def numbers(ledger):
    """Return the paths of all metrics of a ledger that are numbers."""
    return [
        path
        for path in metric_paths()
        if SystemLedger.metric(path).unit and ledger.si(path) is not None
    ]


def explanations(ledger):
    return {path: ledger.explain(path) for path in numbers(ledger)}


@cache
def explained(kind, application):
    """Return a ledger and its explanations; recording once does for several tests."""
    ledger = kind(application).evaluate({})
    return ledger, explanations(ledger)


def recorder(changes=None):
    return TwinRecorder(registries_with_fitted_constants(), changes)


# Every number of every simulation


@pytest.mark.parametrize(("kind", "application"), SERVED)
def test_every_number_follows_from_its_leaves(kind, application):
    ledger, known = explained(kind, application)
    for path, explanation in known.items():
        assert explanation.value == pytest.approx(ledger.si(path), rel=1e-9), path
        assert explanation.evaluate() == pytest.approx(ledger.si(path), rel=1e-9), path


@pytest.mark.parametrize(("kind", "application"), SERVED)
def test_every_leaf_is_a_choice_or_has_a_source(kind, application):
    _, known = explained(kind, application)
    for path, explanation in known.items():
        assert explanation.leaves, path
        for name, leaf in explanation.leaves.items():
            assert leaf.kind == "choice" or leaf.source in Sources, f"{name} of {path}"


@pytest.mark.parametrize("persona", Personas)
@pytest.mark.parametrize("kind", SIMULATIONS)
def test_every_number_follows_from_its_leaves_for_every_persona(kind, persona):
    ledger = kind(next(iter(kind.applications())), persona).evaluate({})
    for path, explanation in explanations(ledger).items():
        assert explanation.evaluate() == pytest.approx(ledger.si(path), rel=1e-9), path


def _moved_differently(ledger, roots, leaves, direction):
    """Return the numbers that move otherwise in the derivation than in the simulation.

    Facts of one source move alike, so that a tie between two of them stays one.
    """
    changes = {}
    for name, leaf in leaves.items():
        group = name if leaf.kind != "twin" else leaf.source
        changes[name] = leaf.value * (1.0 + direction * A_LITTLE * (1.0 + len(group) % 7))
    try:
        simulated = ledger._record(recorder(changes))
    except InvalidInput:
        # A share that is already all of it cannot grow.
        return ["refused"]
    together = Step(
        value=None, function=lambda *all_: all_, options={}, arguments=(*roots.values(),)
    )
    nodes = {
        node: changes[node.name]
        for node in reachable(together)
        if isinstance(node, Leaf) and node.name in changes
    }
    derived = dict(zip(roots, evaluate(together, nodes), strict=True))
    return [
        path
        for path, number in derived.items()
        if plain(simulated.si(path)) != pytest.approx(number, rel=1e-9)
    ]


@pytest.mark.parametrize(("kind", "application"), SERVED)
def test_leaves_move_the_derivation_as_they_move_the_simulation(kind, application):
    """A trace that was lost on the way would leave the derivation where it is."""
    ledger, found = explained(kind, application)
    known = recorder()
    ledger._record(known)
    roots = {path: explanation.node for path, explanation in found.items()}
    rested_on = {each for root in roots.values() for each in reachable(root)}
    in_use = {each.name for each in rested_on if isinstance(each, Leaf)}
    leaves = {
        name: leaf
        for name, leaf in known.leaves.items()
        if leaf.kind in MOVABLE
        and isinstance(leaf.value, float)
        # The engine leaves out terms whose factor is 1, or whose time is 0.
        and (name in in_use or leaf.value not in (0.0, 1.0))
    }
    assert len(leaves) > 20
    lost = {}
    # At a tie of two limits the derivation follows one side, so either direction will do.
    if all(_moved_differently(ledger, roots, leaves, direction) for direction in (1, -1)):
        for name, leaf in leaves.items():
            ways = [_moved_differently(ledger, roots, {name: leaf}, way) for way in (1, -1)]
            if all(ways):
                lost[name] = ways[0]
    assert lost == {}


@pytest.mark.parametrize(("kind", "application"), SERVED)
def test_an_explanation_reads_well_and_survives_json(kind, application):
    ledger, known = explained(kind, application)
    for path, explanation in known.items():
        record = explanation.to_dict()
        assert json.loads(explanation.to_json()) == record
        nodes = {node["id"]: node for node in record["nodes"]}
        assert nodes[record["root"]]["value"] == pytest.approx(ledger.si(path), rel=1e-9)
        assert len({node["title"] for node in nodes.values()}) == len(nodes), path
        for node in nodes.values():
            assert node["unit"], (path, node["title"])
            assert all(each["id"] < node["id"] for each in node["inputs"])
            nothing = node["kind"] == "operation" and not node["value"]
            known = node["kind"] == "choice" or node["inputs"] or nothing
            assert known or node["source"]["kind"] in KINDS
            assert (node["kind"] == "law") == (node["equation"] is not None)
            # A whole line of operators without a name in it is no explanation.
            assert len(node["expression"] or "") < 400, (path, node["title"])
        text = str(explanation)
        assert "TracedFloat" not in text + explanation._repr_html_()
        assert text.startswith(nodes[record["root"]]["title"])


@pytest.mark.parametrize(("kind", "application"), SERVED)
def test_sources_of_a_ledger_are_those_of_all_its_numbers(kind, application):
    ledger, known = explained(kind, application)
    everywhere = {name for each in known.values() for name in each.sources()}
    listed = ledger.sources()
    assert set(listed) == everywhere
    assert [source.title for source in listed.values()] == sorted(s.title for s in listed.values())
    assert all(f"[{name}] {Sources[name]}" in str(listed) for name in everywhere)


# What a change of a leaf leads to


def test_another_carbon_intensity_leads_to_what_another_region_would():
    simulation = ResourceSimulation("Doorbell", "TinyPioneer")
    here, there = (simulation.evaluate({"region": name}) for name in ("US_Avg", "Quebec"))
    intensity = Regions["Quebec"].carbon_intensity_g_per_kwh
    changed = here.explain("sustainability.carbon_kg").evaluate(
        {"US_Avg.carbon_intensity_g_per_kwh": intensity}
    )
    assert changed == pytest.approx(there.sustainability.carbon_kg, rel=1e-12)
    assert changed != pytest.approx(here.sustainability.carbon_kg, rel=1e-3)


@pytest.mark.parametrize(
    ("choice", "value", "path"),
    [
        ("duration_days", 30.0, "sustainability.energy_kwh"),
        ("duty_cycle", 0.5, "economics.cost_per_sample_usd_per_million"),
        ("utilization", 0.25, "sustainability.average_power"),
        ("replacement_years", 2.5, "sustainability.carbon_t"),
        ("batch_size", 512, "performance.throughput"),
        ("batch_size", 4096, "performance.memory_used_gib"),
    ],
)
def test_another_choice_leads_to_what_the_simulation_says(choice, value, path):
    simulation = ResourceSimulation("Recommendation", "CloudTitan")
    group, _, metric = path.partition(".")
    expected = getattr(getattr(simulation.evaluate({choice: value}), group), metric)
    found = simulation.evaluate({}).explain(path).evaluate({choice: value})
    assert found == pytest.approx(getattr(expected, "magnitude", expected), rel=1e-9)


def test_a_longer_context_moves_the_operators_of_a_model():
    simulation = NodeSimulation("Inference", "CloudTitan")
    short, long = (simulation.evaluate({"sequence_length": n}) for n in (4096, 8192))
    explanation = short.explain("performance.memory_time")
    changed = explanation.evaluate({"sequence_length": 8192})
    assert changed == pytest.approx(long.si("performance.memory_time"), rel=1e-9)
    assert changed > 1.1 * explanation.value


def test_twice_the_units_are_twice_the_fleet():
    ledger = ResourceSimulation("Doorbell", "TinyPioneer").evaluate({})
    for path in ("sustainability.energy", "economics.tco", "reliability.devices"):
        explanation = ledger.explain(path)
        doubled = explanation.evaluate({"TinyPioneer.scale_factor": 20_000_000})
        assert doubled == pytest.approx(2.0 * explanation.value, rel=1e-12)


def test_the_size_of_a_model_is_a_leaf():
    explanation = ResourceSimulation("Inference").evaluate({}).explain("performance.weight_memory")
    name = "Llama-3.1 70B.training.parameters_stored"
    stored = explanation.leaves[name]
    assert stored.value == Models["Llama-3.1 70B"].parameters
    assert (stored.kind, stored.source) == ("model", "open-weight-configurations")
    halved = explanation.evaluate({name: stored.value / 2.0})
    assert halved == pytest.approx(explanation.value / 2.0, rel=1e-12)


@pytest.mark.parametrize("degree", ["data", "pipeline", "tensor", "virtual_stages"])
def test_a_layout_divides_the_derivation_as_it_divides_the_simulation(degree):
    """Whole numbers are followed as well, as long as they lead to no other course."""
    ledger = ResourceSimulation("Frontier").evaluate({"batch_size": 32_768})
    name = f"H100 cluster 16384.layout.{degree}"
    value = getattr(Applications.Frontier.system.layout, degree) // 2
    simulated = ledger._record(recorder({name: value}))
    for path, explanation in explanations(ledger).items():
        moved = explanation.evaluate({name: value} if name in explanation.leaves else {})
        assert moved == pytest.approx(plain(simulated.si(path)), rel=1e-9), path


def test_a_fitted_constant_is_found_behind_the_runtime_that_holds_it():
    leaves = ResourceSimulation("Frontier").evaluate({}).explain("performance.latency").leaves
    assert leaves["kernel_latency_s"].kind == "fitted"
    assert "Fitted on 20" in leaves["kernel_latency_s"].note
    assert "NVIDIA H100 SXM5 80GB.peak_dense_flop_per_s.bf16" in leaves


# What is asked for


def test_a_unit_in_the_path_is_the_unit_of_the_value():
    ledger = ResourceSimulation("Doorbell").evaluate({})
    assert ledger.explain("performance.latency_ms").value == ledger.performance.latency_ms
    assert ledger.explain("performance.latency").value == ledger.si("performance.latency")
    assert ledger.explain("performance.latency_ms").unit == "second"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("performance.hardware", "this is a note in words"),
        ("performance.bubble_time", "Pipeline bubble does not apply"),
        ("performance.latenzy", "Did you mean 'latency'?"),
        ("performance", "accepted: latency"),
        ("carbon", "accepted: performance.latency"),
        (3, "received 3"),
    ],
)
def test_what_cannot_be_explained_is_refused(path, words):
    with pytest.raises(InvalidInput, match=re.escape(words)):
        ResourceSimulation("Doorbell").evaluate({}).explain(path)


def test_who_asks_for_what_does_not_apply_is_told_what_does_in_that_group():
    with pytest.raises(InvalidInput, match=r"performance\.latency") as refusal:
        ResourceSimulation("Doorbell").evaluate({}).explain("performance.bubble_time")
    assert "economics." not in str(refusal.value)


def test_a_ledger_made_by_hand_has_no_derivation():
    evaluated = ResourceSimulation("Doorbell").evaluate({})
    by_hand = SystemLedger(performance=Performance(latency=1.0))
    for ledger in (by_hand, SystemLedger.from_dict(evaluated.to_dict()), replace(evaluated)):
        with pytest.raises(InvalidInput, match="no derivation"):
            ledger.explain("performance.latency")
        with pytest.raises(InvalidInput, match="no derivation"):
            ledger.sources()


def test_a_change_of_an_unknown_leaf_is_refused():
    explanation = ResourceSimulation("Doorbell").evaluate({}).explain("economics.tco")
    with pytest.raises(UnknownName, match="Did you mean 'duration_days'"):
        explanation.evaluate({"duration_day": 3.0})


# What stays as it was


def test_explaining_leaves_no_trace_behind():
    before = ResourceSimulation("Frontier").evaluate({})
    ledger = ResourceSimulation("Frontier").evaluate({})
    for path in numbers(ledger):
        ledger.explain(path)
    assert current_recorder() is None
    assert ledger == before
    assert hash(ledger) == hash(before)
    assert ledger.to_json() == before.to_json()
    assert repr(ledger) == repr(before)
    after = ResourceSimulation("Frontier").evaluate({})
    for path in numbers(after):
        assert type(after.si(path)) is float
        assert after.si(path) == before.si(path)
    model = Models["Llama-3.1 405B"]
    columns = model.operators("training").at(8192.0)
    assert not isinstance(columns.flops, Traced)
    assert type(model.parameters) is float
    assert type(Regions["US_Avg"].price_usd_per_kwh) is float


def test_a_registry_that_is_filled_while_recording_is_filled_with_plain_twins():
    narrowed = Registry("region", lambda: (Regions[name] for name in ("Quebec", "Poland")))
    with recorder().recording():
        assert is_traced(narrowed["Quebec"].price_usd_per_kwh)
    assert type(narrowed["Quebec"].price_usd_per_kwh) is float


def test_a_ledger_that_was_explained_can_be_copied_and_pickled():
    ledger = ResourceSimulation("Doorbell").evaluate({})
    ledger.explain("economics.tco")
    for other in (copy.deepcopy(ledger), pickle.loads(pickle.dumps(ledger))):  # noqa: S301
        assert other == ledger


def test_an_error_while_recording_ends_the_recording():
    ledger = ResourceSimulation("Doorbell").evaluate({})
    with pytest.raises(TypeError):
        ledger._record(recorder({"duty_cycle": "no number"}))
    assert current_recorder() is None


def test_threads_do_not_disturb_each_other():
    failed = []

    def explains():
        for _ in range(10):
            ledger = ResourceSimulation("Doorbell").evaluate({})
            if ledger.explain("economics.tco").evaluate() != pytest.approx(
                ledger.economics.tco_usd
            ):
                failed.append("explained")

    def evaluates():
        for _ in range(200):
            value = ResourceSimulation("Doorbell").evaluate({}).si("economics.tco")
            if type(value) is not float or type(Regions["Quebec"].price_usd_per_kwh) is not float:
                failed.append("evaluated")

    threads = [threading.Thread(target=each) for each in (explains, evaluates, explains, evaluates)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


# Simulations of others


class Commute(BaseSimulation):
    """What a teaching assistant might write, with ordinary NumPy code."""

    choices = (
        NumberChoice(name="trips", label="", help="", unit="dimensionless", minimum=1,
                     maximum=9, default=2.0),
    )  # fmt: skip

    def evaluate(self, choice):
        """Return a ledger whose numbers take several roads."""
        performance = Engine.solve(self.scenario.model, self._get_system_archetype())
        tolls = np.array([1.0, 2.0, 4.0]) * choice["trips"]
        tolls[0] = tolls[0] + self.persona.scale_factor
        tolls += np.where(tolls > 4.0, tolls, 0.0)
        once = float(tolls.sum())
        return SystemLedger(
            performance=performance,
            economics=Economics(
                tco=np.sum(tolls), capital_cost=once, running_cost=np.sqrt(tolls).max() ** 2.0
            ),
        )


def test_a_simulation_of_ones_own_is_explained():
    ledger = Commute().evaluate({"trips": 3.0})
    total = ledger.explain("economics.tco")
    assert set(total.leaves) == {"trips", "TinyPioneer.scale_factor"}
    assert total.evaluate() == ledger.economics.tco_usd
    assert total.evaluate({"trips": 5.0}) == Commute().evaluate({"trips": 5.0}).economics.tco_usd
    assert ledger.explain("performance.latency").evaluate() == ledger.si("performance.latency")


def test_what_loses_its_trace_is_said_to_be_computed_by_the_simulation():
    explanation = Commute().evaluate({}).explain("economics.capital_cost")
    (leaf,) = explanation.leaves.values()
    assert leaf.kind == "computed"
    assert "as Commute states it" in str(explanation)
    assert "stated by the simulation" in str(explanation)
    assert explanation.evaluate() == explanation.value


class Sweep(Commute):
    """One whose metrics are arrays."""

    def evaluate(self, choice):
        """Return an array of costs."""
        ledger = super().evaluate(choice)
        many = ledger.si("economics.tco") * np.array([1.0, 2.0, 3.0])
        return replace(ledger, economics=Economics(tco=many))


def test_a_metric_that_is_an_array_is_explained_as_one():
    ledger = Sweep().evaluate({})
    explanation = ledger.explain("economics.tco")
    assert explanation.value == ledger.si("economics.tco").tolist()
    assert (
        explanation.evaluate({"trips": 4.0})
        == Sweep().evaluate({"trips": 4.0}).si("economics.tco").tolist()
    )
    assert "3 values, $" in str(explanation)
    assert json.loads(explanation.to_json())["value"] == explanation.value


class Dice(BaseSimulation):
    """One that gives another number each time."""

    rolls = iter(range(1, 100))

    def evaluate(self, choice):  # noqa: ARG002 - nothing is decided
        """Return the next number."""
        return SystemLedger(performance=Performance(latency=float(next(self.rolls))))


def test_a_simulation_that_gives_another_number_is_found_out():
    with pytest.raises(InvalidInput, match="not repeatable"):
        Dice().evaluate({}).explain("performance.latency")


# Traced numbers


def leaf(value, name):
    return traced(Leaf(value=value, name=name, kind="choice"))


T, N, A = leaf(2.0, "t"), leaf(3, "n"), leaf(np.array([1.0, 2.0, 4.0]), "a")
OPERATIONS = [
    "t * 2", "2.0 * t", "2 - n", "t / n", "n / t", "n // 2", "n % 2", "2 ** t", "-t", "abs(-n)",
    "np.float64(2) * t", "np.float64(3) - n", "np.ones(3) * t", "t * np.ones(3)", "n * a", "a * t",
    "sum([t, t, t])", "max(t, 1.0)", "np.maximum(t, 1.0)", "np.where(a > t, a, t)", "np.sum(a)",
    "a.sum(0)", "a.max(axis=0)", "a.mean()", "a.item(1)", "a[1]", "a[a > 1.5]", "a[:, np.newaxis]",
    "np.clip(a, 0.0, t)", "np.stack([a, a * t])", "np.reshape(t, 1)", "t[..., np.newaxis]",
    "np.concatenate([a, a])", "t + np.zeros(1)", "round(t * 1.4)", "np.floor(t / n)", "np.cbrt(a)",
    "np.broadcast_arrays(a, t)[1]", "np.log2(n)", "np.exp(t)", "a.T", "a @ a", "np.dot(a, a)",
    "a.cumsum()", "np.add.reduce(a)", "np.add.outer(a, a)", "np.interp(t, [0, 5], [0, 10])",
    "np.percentile(a, 50)", "np.divide(a, t, out=np.zeros(3), where=np.array([True, False, True]))",
    "np.minimum.accumulate(a[::-1])", "np.power(a, t)", "t ** 0.5", "np.array([2.0, 3.0]) ** n",
    "np.meshgrid(a, np.ones(2))[0]", "np.expand_dims(a, 0)", "np.einsum('i,i->', a, a)",
    "np.prod(a)", "np.diff(a)", "np.argsort(a * t)", "[each * 2 for each in a][2]",
]  # fmt: skip


@pytest.mark.parametrize("code", OPERATIONS)
def test_an_operation_is_traced_and_can_be_evaluated_again(code):
    bare = {"t": 2.0, "n": 3, "a": np.array([1.0, 2.0, 4.0]), "np": np}
    if "t[" in code:
        bare["t"] = np.float64(2.0)
    expected = eval(code, dict(bare))  # noqa: S307 - the code stands above
    found = eval(code, {"t": T, "n": N, "a": A, "np": np})  # noqa: S307 - the code stands above
    assert is_traced(found)
    np.testing.assert_allclose(plain(found), expected, rtol=1e-15)
    np.testing.assert_allclose(evaluate(node_of(found)), expected, rtol=1e-15)
    moved = {"t": np.float64(2.5), "n": 5, "a": np.array([1.0, 3.0, 5.0]), "np": np}
    changes = {node_of(T): 2.5, node_of(N): 5, node_of(A): np.array([1.0, 3.0, 5.0])}
    np.testing.assert_allclose(evaluate(node_of(found), changes), eval(code, moved), rtol=1e-15)  # noqa: S307 - the code stands above


def test_changing_an_array_in_place_leaves_what_was_recorded():
    array = A * 1.0
    first, before = array.node, array + 0.0
    array[0] = T
    array += 1.0
    np.multiply(array, 2.0, out=array)
    assert array.tolist() == [6.0, 6.0, 10.0]
    assert evaluate(array.node).tolist() == [6.0, 6.0, 10.0]
    assert evaluate(array.node, {node_of(T): 4.0}).tolist() == [10.0, 6.0, 10.0]
    assert evaluate(before.node).tolist() == before.tolist() == [1.0, 2.0, 4.0]
    assert first.value.tolist() == [1.0, 2.0, 4.0]


def test_the_same_call_is_the_same_node_but_not_the_same_memory():
    with recorder().recording():
        one, other = A * 1.0, A * 1.0
        assert one.node is other.node
        one[0] = 9.0
    assert other.tolist() == [1.0, 2.0, 4.0]
    assert one.node is not other.node


def test_a_law_is_one_node_whatever_it_computes_inside():
    waiting = formulas.mean_queueing_delay(T, offered=leaf(1.5, "offered"), servers=N)
    node = node_of(waiting)
    assert node.law is formulas.Laws["mean_queueing_delay"]
    assert {each.name for each in reachable(node) if isinstance(each, Leaf)} == {
        "t",
        "offered",
        "n",
    }
    assert len(reachable(node)) == 4
    assert float(waiting) == formulas.mean_queueing_delay(2.0, offered=1.5, servers=3)


def test_a_law_with_quantities_stays_as_it_was():
    from mlsysim.units import quantity

    assert str(formulas.energy(quantity(2.0, "kilowatt"), 3.0)) == "6000.0 J"


# How it reads


def test_the_text_of_an_explanation():
    ledger = ResourceSimulation("Doorbell", "TinyPioneer").evaluate({"region": "Quebec"})
    lines = str(ledger.explain("sustainability.carbon_kg")).splitlines()
    assert lines[1] == "  = Operational carbon + Embodied carbon"
    assert lines[3].startswith("    C = c · E_facility (operational carbon, published 2015 [ghg-")
    assert re.fullmatch(r"    = [\d.]+ MWh · 31\.2 g CO₂e/kWh", lines[4])
    text = "\n".join(lines)
    assert "carbon intensity of Quebec = 31.2 g CO₂e/kWh – derived 2026 [codecarbon-canada]" in text
    assert "duration days = 365 d – chosen" in text
    assert "Joules in a kilowatt hour = 1 kWh – definition 2019 [si-brochure]" in text
    assert "\nSources\n" in text
    above = ledger.explain("sustainability.carbon_kg").text(depth=1)
    assert "\nSources of the numbers behind these\n[" in above
    assert re.search(r"\d+ operators, .* … .* Σ = ", text)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("t - (n - t)", "t - (n - t)"),
        ("(t - n) - t", "t - n - t"),
        ("t / (n * t)", "t / (n · t)"),
        ("t * n / t", "t · n / t"),
        ("t * (n + 1)", "t · (n + 1)"),
        ("t * n + 1.5", "t · n + 1.5"),
        ("t + n + t", "t + n + t"),
        ("(t + n) ** 0.5", "√(t + n)"),
        ("t ** (n + 1)", "t^(n + 1)"),
        ("-(t + n)", "-(t + n)"),
        ("np.maximum(t, 1.5)", "max(t, 1.5)"),
        ("np.where(a > t, a, 0.0)", "(a where a > t, else 0)"),
        ("np.where(np.array([True, False, True]), a, t)", "(a for 2 of 3, else t)"),
        ("(a * t).sum()", "Σ (a · t)"),
        ("(t * 1.0 + 0.0) * n / 1.0", "t · n"),
        ("1.0 / t", "1 / t"),
        ("np.cbrt(t)", "∛t"),
        ("np.exp(a) + a[0]", "exp(a) + a[0]"),
    ],
)
def test_operations_are_written_as_arithmetic(code, words):
    node = node_of(eval(code, {"t": T, "n": N, "a": A, "np": np}))  # noqa: S307 - the code stands above
    written = expression(node, lambda each: each.name if isinstance(each, Leaf) else "")
    assert written.words == words


def test_numbers_are_called_what_the_source_calls_them():
    text = str(ResourceSimulation("Frontier").evaluate({}).explain("performance.latency"))
    for name in ("optimizer time", "computing", "rounds", "replica batch", "parameters held"):
        assert re.search(rf"^ *(\w+: )?{name} = ", text, re.MULTILINE), name


def test_shared_numbers_are_written_out_once():
    text = str(ResourceSimulation("Frontier").evaluate({}).explain("performance.latency"))
    headings = [line.strip() for line in text.splitlines()]
    once = [line for line in headings if re.match(r"rounds = \d+$", line)]
    again = [line for line in headings if re.match(r"rounds = \d+ \(see above\)$", line)]
    assert len(once) == 1
    assert len(again) > 2


def test_a_depth_cuts_the_text_and_says_so():
    explanation = ResourceSimulation("Frontier").evaluate({}).explain("performance.latency")
    shallow, deep = explanation.text(1), explanation.text(2)
    assert "Arithmetic = 4" in shallow
    assert " …" in shallow
    assert len(shallow.splitlines()) < len(deep.splitlines()) < len(str(explanation).splitlines())
    assert explanation.text(0).splitlines()[0].endswith(" …")


def test_a_plain_sum_is_flat():
    text = ResourceSimulation("Frontier").evaluate({}).explain("performance.latency").text(1)
    parts = "Arithmetic + Memory + Overhead + Communication + Pipeline bubble"
    assert text.splitlines()[1] == f"  = {parts}"


def test_the_view_escapes_names_and_runs_nothing():
    persona = replace(Personas.TinyPioneer, name="Eve", label="<script>alert(1)</script>")
    persona = replace(persona, name=persona.label)
    ledger = ResourceSimulation("Doorbell", persona).evaluate({})
    view = ledger.explain("economics.tco")._repr_html_()
    assert "&lt;script&gt;" in view
    assert "<script" not in view
    assert view.count("<details") == view.count("</details>") > 5
    assert "<li>" in ledger.sources()._repr_html_()


# On the command line


def test_explain_prints_what_python_prints(capsys):
    arguments = ["explain", "Frontier", "CloudTitan", "reliability.goodput", "--simulation",
                 "Reliability", "--spares", "3"]  # fmt: skip
    expected = (
        ReliabilitySimulation("Frontier", "CloudTitan")
        .evaluate({"spares": 3})
        .explain("reliability.goodput")
    )
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{expected}\n"
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == expected.to_dict()
    assert main([*arguments, "--depth", "1"]) == 0
    assert capsys.readouterr().out == f"{expected.text(1)}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Doorbell", "TinyPioneer"], "such as sustainability.carbon_kg"),
        (["Doorbell", "TinyPioneer", "economics.tcoo"], "Did you mean 'tco'?"),
        (["Doorbell", "TinyPioneer", "economics.tco", "--depth", "-1"], "a whole number"),
        (["Doorbell", "TinyPioneer", "economics.tco", "--strict"], "'--strict'"),
    ],
)
def test_explain_answers_bad_input(arguments, words, capsys):
    assert main(["explain", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_explain_lists_its_options(capsys):
    assert main(["explain", "Doorbell", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "--duty-cycle VALUE" in printed
    assert "metric" in printed


def test_all_registered_applications_are_covered():
    assert {parameter.values[1] for parameter in SERVED} == set(Applications)
