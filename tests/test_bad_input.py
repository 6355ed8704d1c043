"""Whatever is put in, out comes one of our errors or a ledger that physics allows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsysim import (
    Applications,
    Engine,
    Hardware,
    InvalidInput,
    Layout,
    MLSysimError,
    Models,
    Personas,
    ResourceSimulation,
    Systems,
    errors,
)
from mlsysim.ledger import metric_paths
from mlsysim.simulations import SIMULATIONS, NumberChoice


@pytest.fixture(scope="module")
def doorbell():
    return ResourceSimulation(Applications.Doorbell, Personas.TinyPioneer)


def _refusal(simulation, choice):
    with pytest.raises(InvalidInput) as caught:
        simulation.evaluate(choice)
    return caught.value


@pytest.mark.parametrize(
    ("choice", "field", "words"),
    [
        ({"region": "Quebecc"}, "region", "Did you mean 'Quebec'?"),
        ({"region": 7}, "region", "received 7"),
        ({"region": ["Quebec"]}, "region", "accepted: Argentina"),
        ({"regoin": "Quebec"}, "choice", "Did you mean 'region'?"),
        ({7: "Quebec"}, "choice", "received 7"),
        ({"batch_size": 0}, "batch_size", "a whole number from 1 to 256"),
        ({"batch_size": -1}, "batch_size", "received -1"),
        ({"batch_size": 1.5}, "batch_size", "a whole number"),
        ({"batch_size": math.nan}, "batch_size", "received nan"),
        ({"batch_size": math.inf}, "batch_size", "received inf"),
        ({"batch_size": -math.inf}, "batch_size", "received -inf"),
        ({"batch_size": True}, "batch_size", "received True"),
        ({"batch_size": "eight"}, "batch_size", "a number"),
        ({"batch_size": None}, "batch_size", "received None"),
        ({"batch_size": 10**400}, "batch_size", "a whole number"),
        ({"batch_size": np.bool_(True)}, "batch_size", "a whole number"),
        ({"batch_size": np.complex128(1j)}, "batch_size", "a whole number"),
        ({"batch_size": "9**9**9**9"}, "batch_size", "a number with a unit"),
        ({"batch_size": "9^9^9^9"}, "batch_size", "a number with a unit"),
        ({"batch_size": "9⁹⁹⁹⁹⁹⁹⁹⁹⁹"}, "batch_size", "a number with a unit"),
        ({"batch_size": "1" * 101}, "batch_size", "a number with a unit"),
        ({"duration_days": "day"}, "duration_days", "a number with a unit"),
        ({"duration_days": -30}, "duration_days", "a number of day from 1 to 3650"),
        ({"duration_days": "3 kg"}, "duration_days", "a quantity in day"),
        ({"duration_days": "-30 days"}, "duration_days", "received '-30 days'"),
        ({"precision": "int7"}, "precision", "Did you mean 'int"),
        ({"facility": "hyperscale_gogle"}, "facility", "Did you mean 'hyperscale_google'?"),
    ],
)
def test_each_wrong_choice_names_field_value_and_remedy(doorbell, choice, field, words):
    error = _refusal(doorbell, choice)
    assert error.field == field
    assert words in str(error)


@pytest.mark.parametrize("choice", [[], "region", 3, {1, 2}])
def test_a_choice_that_is_no_dictionary_is_refused(doorbell, choice):
    assert "dictionary" in str(_refusal(doorbell, choice))


def test_arrays_that_do_not_go_together_are_refused(doorbell):
    error = _refusal(doorbell, {"duration_days": np.ones(3), "duty_cycle": np.full(2, 0.5)})
    assert error.field == "duty_cycle"
    assert "received 'shape (2,)'; accepted: an array that goes with the shape (3,)" in str(error)
    column = {"duration_days": np.ones((3, 1)), "duty_cycle": np.full(2, 0.5)}
    assert doorbell.evaluate(column).si("sustainability.energy").shape == (3, 2)


def test_nothing_is_evaluated_when_one_of_many_choices_is_wrong(doorbell, monkeypatch):
    def explode(*_args, **_kwargs):
        raise AssertionError("evaluated")

    monkeypatch.setattr(Engine, "solve", explode)
    _refusal(doorbell, {"region": "Quebec", "duration_days": 10, "batch_size": 0})


def test_equivalent_spellings_give_the_same_ledger(doorbell):
    ledgers = {
        doorbell.evaluate(choice).to_json()
        for choice in (
            {"region": "Quebec", "duration_days": 14},
            {"region": "CA-QC", "duration_days": "2 weeks"},
            {"region": "Quebec", "duration_days": np.float64(14.0)},
        )
    }
    assert len(ledgers) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"memory_bandwidth_byte_per_s": 0},
        {"memory_bandwidth_byte_per_s": "3 kg"},
        {"price_usd": -1.0},
        {"max_power_w": math.nan},
        {"idle_power_w": 1e9},
        {"memory_bytes": math.inf},
        {"peak_dense_flop_per_s": {"int7": 1e12}},
        {"peak_dense_flop_per_s": {}},
        {"tier": "orbital"},
    ],
)
def test_an_impossible_hardware_twin_is_refused_by_name(change):
    (field,) = change
    with pytest.raises(InvalidInput, match=f"{field} of NVIDIA H100"):
        replace(Hardware["H100"], **change)


def test_a_model_that_does_not_fit_is_a_verdict_not_an_exception():
    run = Engine.solve(
        Models["Llama-3.1 70B"],
        replace(Systems["H100 node"], layout=type(Systems["H100 node"].layout)()),
        phase="decode",
        precision="fp16",
    )
    assert run.si("memory_used") > run.si("memory_capacity")
    assert run.si("latency") > 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"batch_size": np.array([1.0, math.nan])},
        {"phase": "dreaming"},
        {"phase": "decode", "context_length": -5},
        {"phase": "decode", "context_length": math.nan},
        {"phase": "decode", "context_length": "long"},
        {"precision": "int7"},
        {"runtime": "TensorFlow 0.1"},
    ],
)
def test_the_engine_refuses_what_is_out_of_range(arguments):
    with pytest.raises(InvalidInput):
        Engine.solve(Models["Llama-3.1 8B"], Systems["H100 node"], **arguments)


@pytest.mark.parametrize("wrong", [None, "Llama-3.1 8B", 3])
def test_the_engine_refuses_what_is_no_model_or_system(wrong):
    with pytest.raises(InvalidInput):
        Engine.solve(wrong, Systems["H100 node"])
    with pytest.raises(InvalidInput):
        Engine.solve(Models["Llama-3.1 8B"], wrong)


def test_unknown_scenarios_and_personas_are_refused():
    with pytest.raises(errors.UnknownName, match="Did you mean 'Doorbell'"):
        ResourceSimulation("Doorbel")
    with pytest.raises(InvalidInput, match="persona"):
        ResourceSimulation(Applications.Doorbell, Applications.Doorbell)


_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=4),
    st.complex_numbers(),
    st.decimals(),
    st.dates(),
    st.lists(st.integers(), max_size=3),
    st.sampled_from(["30 days", "1e3 hour", "-1 day", "3 kg", "50 %", "∞", "nan", "1e400", "0x10"]),
)


def _sometimes_right(choice):
    if isinstance(choice, NumberChoice):
        return st.one_of(_JUNK, st.floats(choice.minimum, choice.maximum), st.integers(1, 4096))
    return st.one_of(_JUNK, st.sampled_from(list(choice.options)))


@st.composite
def _cases(draw):
    kind = draw(st.sampled_from(SIMULATIONS))
    application = draw(st.sampled_from(list(kind.applications())))
    simulation = kind(application, draw(st.sampled_from(list(Personas))))
    names = draw(st.sets(st.sampled_from([choice.name for choice in simulation.choices])))
    chosen = {c.name: draw(_sometimes_right(c)) for c in simulation.choices if c.name in names}
    if draw(st.integers(0, 9)) == 0:
        chosen[draw(st.text(max_size=12))] = draw(_JUNK)
    return simulation, chosen


@settings(max_examples=400, deadline=None)
@given(_cases())
def test_junk_is_refused_or_gives_a_ledger_that_physics_allows(case):
    simulation, choice = case
    try:
        ledger = simulation.evaluate(choice)
    except MLSysimError as error:
        refusal = str(error)
        assert "accepted: " in refusal
        return
    for path in metric_paths():
        value = ledger.si(path)
        if isinstance(value, float):
            assert math.isfinite(value), path
            assert value >= 0, path
    run = ledger.performance
    assert run.si("achieved_flop_rate") <= run.si("peak_flop_rate") * (1 + 1e-9)
    attainable = run.si("arithmetic_intensity") * run.si("memory_bandwidth")
    assert run.si("achieved_flop_rate") <= attainable * (1 + 1e-9)
    assert 0 <= (ledger.reliability.si("goodput") or 0) <= 1
    assert ledger.to_json()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"recomputation": "some"}, "recomputation: received 'some'; accepted: none, selective"),
        ({"attention": "flash"}, "attention: received 'flash'; accepted: fused, plain"),
        ({"phase": "thinking"}, "phase of Llama-3.1 8B: received 'thinking'"),
        ({"runtime": "TensorTR"}, "Did you mean 'TensorRT'"),
        ({"precision": "bf61"}, "Did you mean 'bf16'"),
    ],
)
def test_the_engine_suggests_the_names_it_knows(arguments, words):
    with pytest.raises(errors.UnknownName, match=words):
        Engine.solve(Models["Llama-3.1 8B"], Systems["H100 node"], **arguments)


def test_the_engine_divides_transformers_alone_and_by_layouts_alone():
    node = Systems["H100 node"]
    with pytest.raises(InvalidInput, match=r"layout: received 8; accepted: a Layout"):
        Engine.solve(Models["Llama-3.1 8B"], node, layout=8)
    for divided in ("tensor", "context", "pipeline"):
        with pytest.raises(InvalidInput, match="data alone: ResNet-50 is no transformer"):
            Engine.solve(Models["ResNet-50"], node, layout=Layout(**{divided: 2}))
    with pytest.raises(InvalidInput, match="data alone"):
        Engine.solve(Models["ResNet-50"], node, layout=Layout(data=2, expert=2))
    assert Engine.solve(Models["ResNet-50"], node, layout=Layout(data=2)).si("latency") > 0
    assert Engine.solve(Models["ResNet-50"], node, batch_size=8).si("communication_time") == 0.0


def test_the_engine_asks_for_a_model_a_system_and_a_share_of_memory():
    model, node = Models["Llama-3.1 8B"], Systems["H100 node"]
    with pytest.raises(InvalidInput, match=r"model: received 'Llama'; accepted: a ModelSpec"):
        Engine.solve("Llama", node)
    with pytest.raises(InvalidInput, match=r"system: .* accepted: a System"):
        Engine.solve(model, Hardware["H100"])
    for share in (0.0, -0.5, 1.01):
        with pytest.raises(InvalidInput, match="share_of_memory"):
            Engine.largest_batch(model, node, tokens_per_sequence=100, share_of_memory=share)
    assert Engine.largest_batch(model, node, tokens_per_sequence=100, share_of_memory=1.0) > 1
    for output in (0, 0.5, math.nan, np.array([5, 0])):
        with pytest.raises(InvalidInput, match=r"output_length: .* a number of at least 1"):
            Engine.solve(model, node, phase="serving", output_length=output)
