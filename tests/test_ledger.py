"""The scorecard: units in and out, immutability, comparison, and every way it is written down."""

from __future__ import annotations

import json
import math
from importlib import resources

import jsonschema
import numpy as np
import pytest

from mlsysim.errors import DimensionError, InvalidInput, UnknownName
from mlsysim.ledger import (
    Economics,
    Group,
    Performance,
    Reliability,
    Sustainability,
    SystemLedger,
    Verdict,
    metric_paths,
)
from mlsysim.ledger.metrics import Metric
from mlsysim.simulations import SynthesisSimulation
from mlsysim.units import LADDERS, quantity


@pytest.fixture
def ledger():
    return SystemLedger(
        performance=Performance(latency=0.084, throughput=11.9, binding_limit="arithmetic"),
        sustainability=Sustainability(carbon=12_400.0, energy=3.6e9, carbon_basis="lifecycle"),
        economics=Economics(tco=1.5e6),
        reliability=Reliability(availability=0.999),
        verdicts=(
            Verdict("Deadline", "performance.latency", 0.084, 0.2, "second", "at most", "Shrink."),
            Verdict("Memory", "performance.memory_used", 3e6, 1e6, "byte", "at most", "Prune."),
        ),
        context={"choice": {"region": "Quebec"}},
    )


def test_quantities_and_plain_numbers_agree(ledger):
    assert ledger.performance.latency.to("ms").magnitude == pytest.approx(84.0)
    assert ledger.performance.latency_ms == pytest.approx(84.0)
    assert ledger.sustainability.carbon_kg == 12_400.0
    assert ledger.sustainability.carbon_t == 12.4
    assert ledger.sustainability.energy_kwh == pytest.approx(1000.0)
    assert ledger.economics.tco_million_usd == 1.5
    assert ledger.performance.power is None


def test_dollars_and_tonnes_do_not_add(ledger):
    with pytest.raises(Exception, match=r"[Cc]annot convert"):
        _ = ledger.economics.tco + ledger.sustainability.carbon


@pytest.mark.parametrize(
    ("given", "metres"),
    [({"latency": "84 ms"}, 0.084), ({"latency_ms": 84}, 0.084), ({"latency": 0.084}, 0.084)],
)
def test_values_go_in_with_any_unit(given, metres):
    assert Performance(**given).si("latency") == pytest.approx(metres)


def test_a_quantity_goes_in():
    assert Performance(latency=quantity(2.0, "minute")).latency_s == 120.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "soon", "3 kg", [1, "x"], True])
def test_no_ledger_holds_what_is_not_a_finite_number(bad):
    with pytest.raises(InvalidInput, match="latency"):
        Performance(latency=bad)


def test_an_array_with_one_nan_is_refused():
    assert Performance(latency=np.array([1.0, 2.0])).si("latency").shape == (2,)
    with pytest.raises(InvalidInput):
        Performance(latency=np.array([1.0, math.nan]))


def test_a_wrong_dimension_is_refused():
    with pytest.raises(DimensionError, match="a quantity in second"):
        Performance(latency=quantity(1.0, "joule"))


def test_unknown_metrics_suggest_a_near_one(ledger):
    with pytest.raises(UnknownName, match="Did you mean 'latency'"):
        Performance(latncy=1.0)
    with pytest.raises(UnknownName, match=r"performance\.latency"):
        ledger.si("performance.latncy")
    with pytest.raises(AttributeError):
        _ = ledger.performance.latency_parsecs


def test_nothing_can_be_changed(ledger):
    for change in (
        lambda: setattr(ledger, "verdicts", ()),
        lambda: setattr(ledger.performance, "latency", 1.0),
        lambda: setattr(ledger.performance, "anything", 1.0),
        lambda: delattr(ledger.performance, "latency"),
        lambda: object.__setattr__(ledger.performance, "latency", 1.0),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change()


@pytest.mark.parametrize("wrong", [..., None, 3, Economics()])
def test_a_group_of_another_kind_is_refused(wrong):
    with pytest.raises(InvalidInput, match=r"performance: .*Performance"):
        SystemLedger(performance=wrong)


def test_groups_are_equal_when_kind_and_numbers_are():
    assert Performance(latency=1.0) == Performance(latency="1 s")
    assert Performance(latency=1.0) != Performance(latency=2.0)
    assert Performance() != Economics()
    assert hash(Performance(latency=1.0)) == hash(Performance(latency_ms=1000))
    assert Performance(latency=1.0).replace(power=3.0) == Performance(latency=1.0, power=3.0)


def test_verdicts_say_what_holds_and_by_how_much(ledger):
    deadline, memory = ledger.verdicts
    assert deadline.holds
    assert deadline.margin == pytest.approx(0.58)
    assert "holds with 58 % to spare" in str(deadline)
    assert not memory.holds
    assert "violated by a factor of 3. Prune." in str(memory)
    assert ledger.violations == (memory,)
    assert not ledger.feasible


def test_at_least_turns_the_margin_around():
    short = Verdict("Battery", "sustainability.battery_life", 50.0, 100.0, "second", "at least", "")
    assert not short.holds
    assert short.margin == pytest.approx(-0.5)


def test_json_follows_the_published_schema_and_comes_back_the_same(ledger):
    record = json.loads(ledger.to_json())
    jsonschema.validate(record, SystemLedger.json_schema())
    again = SystemLedger.from_dict(record)
    assert again == ledger
    assert again.to_json() == ledger.to_json()


def test_the_published_schema_is_the_declared_one():
    text = (resources.files("mlsysim") / "data" / "ledger.schema.json").read_text()
    assert json.loads(text) == SystemLedger.json_schema()


def test_the_schema_refuses_a_strange_metric(ledger):
    record = ledger.to_dict()
    record["performance"]["mood"] = {"value": 1, "unit": None}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, SystemLedger.json_schema())


def test_an_unknown_schema_version_is_refused(ledger):
    with pytest.raises(InvalidInput, match="schema_version"):
        SystemLedger.from_dict({**ledger.to_dict(), "schema_version": "99"})


def test_comparison_in_numbers_and_words(ledger):
    other = SystemLedger(
        performance=Performance(latency=0.042, throughput=11.9),
        sustainability=Sustainability(carbon=124_000.0, carbon_basis="combustion"),
    )
    comparison = ledger.compare(other)
    assert comparison["performance.latency"].ratio == pytest.approx(0.5)
    assert comparison["performance.latency"].words == "2 × lower, better"
    assert comparison["sustainability.carbon"].words == "10 × higher, worse"
    assert comparison["performance.throughput"].verdict == "same"
    nearly = SystemLedger(performance=Performance(latency=0.0843, throughput=11.6))
    assert ledger.compare(nearly)["performance.latency"].words == "0.357 % higher, worse"
    assert ledger.compare(nearly)["performance.throughput"].words == "2.52 % lower, worse"
    assert [row.path for row in comparison.changed] == [
        "performance.latency",
        "sustainability.carbon",
    ]
    assert "different bases" in comparison.to_table()
    with pytest.raises(UnknownName):
        _ = comparison["performance.mood"]


def test_a_change_from_nothing_is_told_by_its_size():
    nothing = SystemLedger(sustainability=Sustainability(water=0.0))
    some = SystemLedger(sustainability=Sustainability(water=2000.0))
    change = nothing.compare(some)["sustainability.water"]
    assert change.ratio is None
    assert change.words == "2 m³ higher, worse"
    assert some.compare(nothing)["sustainability.water"].words == "2 m³ lower, better"


def test_plain_text_is_the_same_each_time_and_complete(ledger):
    text = str(ledger)
    assert text == ledger.to_table()
    for words in ("Latency", "84 ms", "12.4 t CO₂e", "$1.5M", "99.9 %", "✓ Deadline", "✗ Memory"):
        assert words in text


def test_html_takes_the_colours_of_its_page_and_escapes(ledger):
    hostile = SystemLedger(performance=Performance(binding_limit="<script>alert(1)</script>"))
    assert "<script>" not in hostile._repr_html_()
    html = ledger._repr_html_()
    assert "12.4 t CO₂e" in html
    assert "#" not in html.replace("&#", "")  # no fixed colour: readable in light and dark


def test_each_metric_has_label_description_and_a_ladder():
    for path in metric_paths():
        metric = SystemLedger.metric(path)
        assert metric.label
        assert not metric.label.endswith(".")
        assert metric.description.endswith(".")
        assert metric.better in (None, "lower", "higher")
        assert not metric.unit or metric.unit in LADDERS


def test_a_new_group_needs_only_its_metrics():
    class Comfort(Group):
        noise = Metric("watt", "Noise", "Sound power.", "lower")

    assert Comfort(noise="3 mW").noise_mw == pytest.approx(3.0)


# What people wait for, pay, emit and fill up is better lower.
_LESS = {
    "performance": "latency compute_time memory_time communication_time bubble_time overhead_time "
    "power energy energy_per_sample memory_used weight_memory activation_memory cache_memory "
    "state_memory flash_used inference_time propagation_time transfer_time link_load link_energy "
    "temperature collective_time core_load exposed_fraction starved_fraction "
    "dataset_transfer_time data_age stored_bytes time_to_first_token time_to_first_token_p99 "
    "waiting_time waiting_time_p99 request_latency request_latency_p99 offered_load "
    "training_time training_steps training_compute training_loss bubble_fraction file_size "
    "multiply_add_energy",
    "sustainability": "energy it_energy average_power device_power carbon operational_carbon "
    "embodied_carbon water on_site_water grid_water",
    "economics": "tco capital_cost running_cost cost_per_sample transfer_cost storage_cost "
    "cost_per_million_output_tokens",
    "reliability": "expected_failures checkpoint_size checkpoint_time",
}
# What they get, and how well what they bought is used, is better higher.
_MORE = {
    "performance": "throughput model_flops_utilization achieved_flop_rate clock_fraction "
    "algorithm_bandwidth bus_bandwidth bisection_bandwidth scaling_efficiency summing_switches "
    "input_supply storage_supply link_supply decoding_supply served_rate request_capacity "
    "sequences_that_fit parallel_efficiency compression_ratio speedup pruning_speedup quality_kept",
    "sustainability": "battery_life",
    "reliability": "mean_time_between_failures availability goodput",
}
# What the hardware is, what was chosen, and where two things are equal, is neither.
_NEITHER = {
    "performance": "arithmetic_intensity ridge_point peak_flop_rate memory_bandwidth "
    "memory_capacity flash_capacity message_size ring_tree_crossover group_devices input_demand "
    "sequences_in_flight tensor_degree tokens_per_parameter batch_tokens critical_batch_tokens "
    "replica_batch pipeline_chunks weight_sparsity",
    "reliability": "devices checkpoint_interval optimal_checkpoint_interval spares "
    "young_checkpoint_interval daly_checkpoint_interval",
}


def _paths(listed):
    return [f"{group}.{name}" for group, names in listed.items() for name in names.split()]


@pytest.mark.parametrize(
    ("better", "listed"), [("lower", _LESS), ("higher", _MORE), (None, _NEITHER)]
)
def test_what_people_wait_pay_and_emit_is_better_lower_and_what_they_get_higher(better, listed):
    for path in _paths(listed):
        assert SystemLedger.metric(path).better == better, path


def test_every_metric_has_a_direction_or_is_known_to_have_none():
    judged = sorted(path for listed in (_LESS, _MORE, _NEITHER) for path in _paths(listed))
    assert judged == sorted(path for path in metric_paths() if SystemLedger.metric(path).unit)


def test_intervals_come_as_quantities_numbers_and_words():
    run = Performance(latency=0.2, power=50.0).within(latency=1.25, power=(40.0, 70.0))
    low, high = run.interval("latency")
    assert (low.to("ms").magnitude, high.to("ms").magnitude) == pytest.approx((160.0, 250.0))
    assert run.si_interval("power") == (40.0, 70.0)
    assert run.interval_text("power") == "40 W to 70 W"
    assert run.interval("energy") is None
    assert run.interval_text("energy") == ""
    assert run.within(energy=2.0).si_interval("energy") is None, "no value, no interval"
    assert run.within(power=1.0).interval_text("power") == "", "both ends read the same"
    with pytest.raises(UnknownName):
        run.within(mood=2.0)
    with pytest.raises(InvalidInput):
        run.within(power=(1.0, math.inf))


def test_a_changed_metric_loses_its_interval_and_the_others_keep_theirs():
    run = Performance(latency=0.2, power=50.0).within(latency=1.25, power=1.5)
    faster = run.replace(latency_ms=100)
    assert faster.si("latency") == 0.1
    assert faster.si_interval("latency") is None
    assert faster.si_interval("power") == run.si_interval("power")
    assert run.si_interval("latency") == pytest.approx((0.16, 0.25)), "the original stays"


def test_intervals_survive_being_written_down():
    ledger = SystemLedger(performance=Performance(latency=0.2).within(latency=2.0))
    record = ledger.to_dict()
    assert record["performance"]["latency"] == {
        "value": 0.2, "unit": "second", "interval": [0.1, 0.4],
    }  # fmt: skip
    again = SystemLedger.from_dict(json.loads(ledger.to_json()))
    assert again.performance.si_interval("latency") == (0.1, 0.4)
    assert record["performance"]["power"]["interval"] is None
    assert record["performance"]["binding_limit"]["unit"] is None


def test_arrays_are_written_down_as_lists_and_read_as_ranges():
    values = np.array([0.1, 0.3, 0.2])
    run = Performance(latency=values, power=3.0).within(latency=2.0)
    assert run.interval_text("latency") == ""
    ledger = SystemLedger(performance=run)
    assert ledger.to_dict()["performance"]["latency"]["value"] == [0.1, 0.3, 0.2]
    assert "100 ms … 300 ms (3 values)" in str(ledger)
    assert run == Performance(latency=values.copy(), power=3.0)
    assert run != Performance(latency=values + 1.0, power=3.0)
    assert list(run) == ["latency", "power"]


def test_a_group_tells_what_it_holds():
    run = Performance(latency=0.084, binding_limit="arithmetic")
    assert repr(run) == "Performance(latency=84 ms, binding_limit=arithmetic)"
    assert run.text("hardware") == "–"
    assert Performance.latency is Performance.metrics["latency"]
    assert Performance.binding_limit is Performance.metrics["binding_limit"]
    assert run.binding_limit == "arithmetic"
    with pytest.raises(AttributeError):
        _ = run._missing


def test_each_part_of_a_ledger_is_of_its_kind():
    for name in ("sustainability", "economics", "reliability"):
        with pytest.raises(InvalidInput, match=name):
            SystemLedger(**{name: Performance()})
    with pytest.raises(InvalidInput, match="verdicts"):
        SystemLedger(verdicts=("late",))
    with pytest.raises(InvalidInput, match="sense"):
        Verdict("Deadline", "performance.latency", 1.0, 2.0, "second", "below", "")
    for value, limit in ((math.nan, 1.0), (1.0, math.inf)):
        with pytest.raises(InvalidInput, match="Deadline"):
            Verdict("Deadline", "performance.latency", value, limit, "second", "at most", "")


def _verdict(value, limit, sense="at most"):
    return Verdict("Deadline", "performance.latency", value, limit, "second", sense, "Shrink.")


@pytest.mark.parametrize(
    ("verdict", "holds", "margin", "words"),
    [
        (_verdict(2.0, 2.0), True, 0.0, "holds with 0 % to spare"),
        (_verdict(2.0, 2.0, "at least"), True, 0.0, "holds with 0 % to spare"),
        (_verdict(1.0, 4.0), True, 0.75, "holds with 75 % to spare"),
        (_verdict(12.0, 4.0, "at least"), True, 2.0, "holds 3 times over"),
        (_verdict(5.0, 4.0), False, -0.25, "violated by 25 %. Shrink."),
        (_verdict(8.0, 4.0), False, -1.0, "violated by 100 %. Shrink."),
        (_verdict(20.0, 4.0), False, -4.0, "violated by a factor of 5. Shrink."),
        (_verdict(0.0, 4.0), True, 1.0, "holds with 100 % to spare"),
    ],
)
def test_verdicts_at_and_around_their_limits(verdict, holds, margin, words):
    assert verdict.holds is holds
    assert verdict.margin == pytest.approx(margin)
    assert words in str(verdict)


def test_the_worst_violation_comes_first():
    near, far, met = _verdict(3.0, 2.0), _verdict(9.0, 2.0), _verdict(1.0, 2.0)
    ledger = SystemLedger(verdicts=(near, met, far))
    assert ledger.violations == (far, near)
    assert not ledger.feasible
    assert SystemLedger(verdicts=[met]).feasible


def test_differences_have_both_sizes_and_a_judgement():
    before = SystemLedger(
        performance=Performance(latency=0.2, throughput=4.0, ridge_point=10.0, power=5.0)
    )
    after = SystemLedger(
        performance=Performance(latency=0.3, throughput=8.0, ridge_point=20.0, power=5.0)
    )
    rows = {row.path.split(".")[1]: row for row in before.compare(after).differences}
    assert set(rows) == {"latency", "throughput", "ridge_point", "power"}
    assert rows["latency"].difference == pytest.approx(0.1)
    assert rows["latency"].ratio == pytest.approx(1.5)
    assert [rows[name].verdict for name in rows] == ["worse", "better", "different", "same"]
    assert rows["ridge_point"].words == "2 × higher"
    assert rows["power"].words == "the same"

    table = str(before.compare(after))
    assert "Power" not in table
    assert before.compare(after).warnings == ()
    assert table.splitlines()[0].split() == ["Metric", "A", "B", "B", "is"]


@pytest.mark.parametrize(("factor", "words"), [(1 + 1e-12, "the same"), (0.9996, "the same"),
                                               (1.001, "0.1 % higher, worse")])  # fmt: skip
def test_what_reads_alike_is_the_same(factor, words):
    one, other = (
        SystemLedger(performance=Performance(latency=latency)) for latency in (0.2, 0.2 * factor)
    )
    compared = one.compare(other)
    assert compared["performance.latency"].words == words
    assert bool(compared.changed) == (words != "the same")


def test_html_has_a_card_for_each_group_that_holds_something(ledger):
    html = ledger._repr_html_()
    assert html.count("<section") == 4
    assert html.count("<li>") == 2
    assert "✓ Deadline" in html
    assert "✗ Memory" in html
    run = Performance(latency=0.2).within(latency=2.0)
    alone = SystemLedger(performance=run)._repr_html_()
    assert alone.count("<section") == 1
    assert "<ul" not in alone
    assert "<small style='opacity:.8'>100 ms to 400 ms</small>" in alone
    assert "<small" not in SystemLedger(performance=Performance(latency=0.2))._repr_html_()
    compared = ledger.compare(ledger)._repr_html_()
    assert compared.startswith("<pre")


def test_json_is_for_people_too_and_has_no_nan():
    ledger = SystemLedger(context={"said": "CO₂ – naïve"})
    assert '"CO₂ – naïve"' in ledger.to_json()
    assert "\n" not in ledger.to_json()
    assert "\n  " in ledger.to_json(indent=2)
    with pytest.raises(ValueError, match="JSON"):
        SystemLedger(context={"said": math.nan}).to_json()


def test_a_ledger_may_stand_in_a_set_whatever_was_asked(ledger):
    again = SystemLedger.from_dict(json.loads(ledger.to_json()))
    assert len({ledger, again, SystemLedger()}) == 2


def test_a_ledger_of_arrays_survives_json():
    swept = SynthesisSimulation("Doorbell").evaluate({"duration_days": np.array([1.0, 365.0])})
    again = SystemLedger.from_dict(json.loads(swept.to_json()))
    assert again.to_json() == swept.to_json()
    assert again.performance == swept.performance
    assert again.feasible == swept.feasible


def test_the_interval_of_an_unknown_metric_is_refused():
    for ask in ("si_interval", "interval", "interval_text"):
        with pytest.raises(UnknownName, match="mood"):
            getattr(Performance(latency=1.0), ask)("mood")


def test_a_design_is_feasible_only_where_every_point_of_a_sweep_is():
    mixed = _verdict(np.array([1.0, 3.0]), 2.0)
    assert SystemLedger(verdicts=(_verdict(np.array([1.0, 1.5]), 2.0),)).feasible
    assert not SystemLedger(verdicts=(mixed,)).feasible
    assert SystemLedger(verdicts=(mixed,)).violations == (mixed,)


def test_reshaped_metrics_keep_what_can_be_reshaped():
    run = Performance(latency=np.arange(1.0, 5.0), power=np.ones(4), energy=3.0).within(
        latency=2.0, power=lambda: (np.zeros(4), np.ones(4))
    )
    grid = run.reshaped((2, 2))
    assert grid.si("latency").tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert grid.si_interval("latency").high.tolist() == [[2.0, 4.0], [6.0, 8.0]]
    assert grid.si_interval("power") is None, "ends that nobody has worked out are left behind"
    assert grid.si("energy") == 3.0


def test_a_verdict_on_a_sweep_counts_the_points_where_it_holds():
    assert str(_verdict(np.arange(1.0, 2001.0), 1500.0)).endswith("holds at 1,500 of 2,000 points")
