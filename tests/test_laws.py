"""Every law, checked from its own declaration: dimensions, wrong dimensions, arrays, documents."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlsysim import formulas
from mlsysim.errors import DimensionError
from mlsysim.formulas import Law, Laws
from mlsysim.sources import Sources
from mlsysim.units import Count, Fraction, Joules, Seconds, Watts, quantity

# Inside the range where every law is defined: shares below one, counts of at least one.
_EXAMPLES = {
    "load": 0.5,
    "devices": 4.0,
    "experts_per_token": 2.0,
    "experts": 8.0,
    "spares": 3.0,
    "offered": 0.5,
    "quantile": 0.9,
    "share": 0.5,
    "lowest": 0.1,
    "cached": 0.5,
    "ports": 64.0,
    "overlap": 0.5,
    "exposed_fraction": 0.5,
    "waits": 0.5,
    "busy": 0.5,
}


def _arguments(law, value=2.0):
    return {name: _EXAMPLES.get(name, value) for name in law.units}


@pytest.fixture(params=list(Laws), ids=str)
def law(request):
    return Laws[request.param]


def test_quantities_give_the_declared_dimension_and_the_plain_number(law):
    plain = law.function(**_arguments(law))
    with_units = law.function(
        **{name: quantity(value, law.units[name]) for name, value in _arguments(law).items()}
    )
    assert str(with_units.units) == str(quantity(1.0, law.result_unit).units)
    assert with_units.magnitude == pytest.approx(float(plain), rel=1e-12)


def test_the_bare_law_has_the_declared_dimension(law):
    """The equation itself, without the checks around it, must work out in units."""
    result = law.bare(
        **{name: quantity(value, law.units[name]) for name, value in _arguments(law).items()}
    )
    result = result if hasattr(result, "units") else quantity(result, "dimensionless")
    assert result.check(quantity(1.0, law.result_unit).dimensionality)


def test_one_quantity_by_position_is_enough():
    joules = formulas.energy(quantity(2.0, "kilowatt"), 3.0)
    assert str(joules.units) == "J"
    assert joules.magnitude == 6000.0
    with pytest.raises(DimensionError, match="power of energy"):
        formulas.energy(quantity(2.0, "second"), 3.0)


def test_scaled_units_give_the_same_answer(law):
    """Milli-units in, same physics out: a law holds no hidden unit."""
    scaled = {
        name: quantity(value * 1000.0, law.units[name]) / 1000.0
        for name, value in _arguments(law).items()
    }
    expected = law.function(**_arguments(law))
    assert law.function(**scaled).magnitude == pytest.approx(float(expected), rel=1e-9)


def test_a_wrong_dimension_is_refused_for_every_argument(law):
    for name, unit in law.units.items():
        given = dict(_arguments(law))
        wrong = "kelvin" if unit != "kelvin" else "second"
        given[name] = quantity(given[name], wrong)
        with pytest.raises(DimensionError, match=name):
            law.function(**given)


def test_arrays_give_what_scalars_give(law):
    values = np.array([1.5, 2.0, 3.0])
    varied = next(iter(law.units))
    base = _arguments(law)
    many = law.function(**{**base, varied: values})
    one_by_one = [float(law.function(**{**base, varied: float(v)})) for v in values]
    np.testing.assert_allclose(many, one_by_one, rtol=1e-12)


def test_documented_with_equation_and_existing_source(law):
    assert law.source in Sources
    assert "=" in law.equation
    assert len(inspect.getsource(law.bare).split('"""')[-1].strip().splitlines()) <= 8


def test_arguments_of_one_dimension_are_keyword_only(law):
    """Two times or two counts cannot be swapped unnoticed."""
    positional = [
        law.units[name]
        for name, parameter in inspect.signature(law.bare).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    assert len(positional) == len(set(positional))


# One exact number by hand for each law whose docstring number is not already one.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (formulas.all_reduce_time(8e9, devices=8.0, bandwidth=450e9, latency=1e-6),
         2 * 7 / 8 * 8e9 / 450e9 + 3e-6),
        (formulas.exchange_time(8e9, devices=8.0, bandwidth=400e9), 7 / 400),
        (formulas.ring_all_reduce_time(8e9, devices=8.0, bandwidth=400e9, latency=1e-3),
         14e-3 + 2 * 7 / 400),
        (formulas.tree_all_reduce_time(8e9, devices=8.0, bandwidth=400e9, latency=1e-3),
         6e-3 + 16 / 400),
        (formulas.hierarchical_all_reduce_time(inside=0.1, across=0.5), 0.7),
        (formulas.in_switch_all_reduce_time(8e9, levels=2.0, bandwidth=400e9, latency=1e-3),
         4e-3 + 8 / 400),
        (formulas.central_all_reduce_time(8e9, devices=8.0, bandwidth=400e9, latency=1e-3),
         2e-3 + 128 / 400),
        (formulas.bus_bandwidth(8e9, 0.035, devices=8.0), 400e9),
        (formulas.ring_tree_crossover(50e9, devices=128.0, latency=14e-6),
         128 * 14e-6 * 50e9 * 120),
        (formulas.fat_tree_levels(devices=65_536.0, ports=64.0), 3.0),
        (formulas.fat_tree_levels(devices=2048.0, ports=64.0), 2.0),
        (formulas.bisection_bandwidth(50e9, devices=1024.0, oversubscription=7.0),
         512 * 50e9 / 7),
        (formulas.torus_bisection_bandwidth(300e9, devices=4096.0, dimensions=3.0), 256 * 100e9),
        (formulas.torus_mean_distance(devices=4096.0, dimensions=3.0), 12.0),
        (formulas.congested_bandwidth(50e9, 2.5), 20e9),
        (formulas.exposed_time(communication=3.0, hidden_behind=1.0, exposed_fraction=0.1), 2.1),
        (formulas.exposed_fraction(overlap=0.9, buckets=10.0), 0.19),
        (formulas.tile_fill_time(ideal=100e-6, fill=16e-6), 40e-6),
        (formulas.overlapped_time(one=3.0, other=4.0), 91 ** (1 / 3)),
        (formulas.power_limited_fraction(power=100.0, at_full_clock=800.0), 0.5),
        (formulas.power_limited_fraction(power=900.0, at_full_clock=800.0), 1.0),
        (formulas.dynamic_power_share(
            memory=0.5, arithmetic=0.1, memory_weight=0.5, arithmetic_weight=3.9), 0.8),
        (formulas.dynamic_power_share(
            memory=1.0, arithmetic=1.0, memory_weight=0.5, arithmetic_weight=3.9), 1.0),
        (formulas.pipeline_bubble_fraction(stages=16.0, microbatches=16.0, virtual_stages=8.0),
         15 / 128),
        (formulas.transfer_time(19_200.0, bandwidth=2.5e6, latency=0.08), 0.08768),
        (formulas.route_length(500e3, near=1e6), 750e3),
        (formulas.route_length(1200e3, near=1e6), 1500e3),
        (formulas.route_length(8000e3, near=1e6), 10_000e3),
        (formulas.propagation_delay(
            1000e3, speed_of_light=299_792_458.0, refractive_index=1.468), 1468 / 299_792.458),
        (formulas.radio_tail_time(tail=11.6, interval=60.0, busy=0.4), 11.6),
        (formulas.radio_tail_time(tail=11.6, interval=1.0, busy=3.0), 0.0),
        (formulas.steady_temperature(298.15, power=4.5, resistance=4.2), 317.05),
        (formulas.sustained_power(limit=317.15, ambient=298.15, resistance=4.0), 4.75),
        (formulas.sustained_power(limit=317.15, ambient=330.0, resistance=4.0), 0.0),
        (formulas.sustained_clock_fraction(
            power=1.0, at_full_clock=8.0, load=1.0, lowest=0.1), 0.5),
        (formulas.sustained_clock_fraction(
            power=1.0, at_full_clock=8.0, load=0.25, lowest=0.1), 0.5**0.5),
        (formulas.sustained_clock_fraction(
            power=0.0, at_full_clock=8.0, load=0.25, lowest=0.3), 0.3),
        (formulas.cached_rate(10e9, cached=0.9), 100e9),
        (formulas.pipeline_rate(storage=5.0, link=4.0, decoding=3.0), 3.0),
        (formulas.starved_fraction(supply=1.0, demand=10.0), 0.9),
        (formulas.starved_fraction(supply=10.0, demand=1.0), 0.0),
        (formulas.mean_data_age(interval=86_400.0, delay=600.0), 43_800.0),
        (formulas.transfer_cost(10e12, price=0.09 / 1e9), 900.0),
        (formulas.storage_cost(1e12, price=0.023 / 1e9 / 2_629_800.0, duration=2_629_800.0),
         23.0),
        (formulas.power_at_load(idle=70.0, maximum=700.0, load=0.9), 637.0),
        (formulas.embodied_carbon(164.0, devices=8.0, duration=365.25, lifetime=5 * 365.25),
         164 * 8 / 5),
        (formulas.expected_active_experts(experts=8.0, experts_per_token=2.0, tokens=2.0), 3.5),
        (formulas.spare_shortage_probability(spares=1.0, demand=1.0), 1 - 2 / math.e),
        (formulas.availability(interval=1000.0, repair=10.0), 1000 / 1010),
        (formulas.peak_queueing_delay(
            3600.0, load=1.0, completion_rate=2.0, waits=1.0, coefficient_of_variation=1.0), 30.0),
        (formulas.occupancy_probabilities(
            arrival_rate=1.0, completion_rates=np.array([1.0, 2.0]))[0], 1 / 3),
    ],
)  # fmt: skip
def test_numbers_worked_by_hand(value, expected):
    assert float(value) == pytest.approx(expected, rel=1e-12)


# Published table of periods (work plus checkpoint): C = 600 s, R = 600 s, D = 60 s.
# Young (1974); Daly (2006) https://doi.org/10.1016/j.future.2004.11.016
@pytest.mark.parametrize(
    ("interval", "young", "exact"),
    [(240601.0, 17592, 17194), (60150.0, 9096, 8701), (15038.0, 4848, 4458)],
)
def test_checkpoint_intervals_match_the_published_table(interval, young, exact):
    first_order = formulas.young_checkpoint_interval(checkpoint=600.0, interval=interval)
    optimum = formulas.optimal_checkpoint_interval(checkpoint=600.0, interval=interval)
    assert first_order + 600.0 == pytest.approx(young, abs=0.6)
    assert optimum + 600.0 == pytest.approx(exact, abs=0.6)


@given(st.floats(1.0, 1e10), st.integers(2, 65_536), st.floats(1e9, 1e12), st.floats(1e-7, 1e-4))
def test_no_algorithm_beats_the_least_traffic_in_the_least_steps(message, devices, link, latency):
    given = {"devices": float(devices), "bandwidth": link, "latency": latency}
    bound = float(formulas.all_reduce_time(message, **given)) * (1 - 1e-12)
    ring = float(formulas.ring_all_reduce_time(message, **given))
    tree = float(formulas.tree_all_reduce_time(message, **given))
    assert bound <= min(ring, tree)
    assert (
        tree <= float(formulas.central_all_reduce_time(message, **given))
        or devices < 4
        or (2 * (np.log2(devices) - 1) * latency > 2 * (devices - 1) * message / link * (1 - 1e-9))
    )
    crossover = float(formulas.ring_tree_crossover(link, devices=float(devices), latency=latency))
    if abs(message - crossover) > 1e-6 * crossover:
        assert (ring < tree) is (message > crossover)


@given(power=st.floats(0.01, 10.0), full=st.floats(0.1, 100.0), load=st.floats(0.001, 1.0))
def test_the_sustained_clock_keeps_the_mean_power_and_no_higher_one_does(power, full, load):
    clock = float(
        formulas.sustained_clock_fraction(power=power, at_full_clock=full, load=load, lowest=0.0)
    )

    def mean_power(at):
        return full * at**3 * min(1.0, load / at)

    assert mean_power(clock) <= power * (1 + 1e-9)
    assert clock == 1.0 or mean_power(clock * 1.01) > power


def test_beyond_twice_the_failure_interval_daly_saves_once_an_interval():
    """At C = M the expansion holds: √2 · (1 + √½ / 3 + ½ / 9) - 1 = √2 · 19 / 18 - 2 / 3."""
    before, beyond = (
        formulas.daly_checkpoint_interval(checkpoint=cost, interval=1000.0)
        for cost in (1000.0, 2050.0)
    )
    assert before == pytest.approx(1000 * (math.sqrt(2) * 19 / 18 - 2 / 3), rel=1e-12)
    assert beyond == 1000.0


@given(checkpoint=st.floats(0.1, 1e4), interval=st.floats(10.0, 1e8), restart=st.floats(0.0, 1e4))
def test_no_interval_beats_the_exact_optimum(checkpoint, interval, restart):
    assume(checkpoint < 100 * interval and restart < 100 * interval)  # beyond, nothing is kept
    best = float(formulas.optimal_checkpoint_interval(checkpoint=checkpoint, interval=interval))
    assert best > 0

    def kept(work):
        return float(
            formulas.checkpointed_goodput(
                work=work, checkpoint=checkpoint, restart=restart, interval=interval
            )
        )

    assert 0 <= kept(best) <= 1
    assert all(kept(best) >= kept(best * factor) * (1 - 1e-9) for factor in (0.5, 0.9, 1.1, 2.0))


@given(st.floats(1e-3, 1e3), st.floats(1.0, 1e15), st.floats(1.0, 1e13))
def test_the_roofline_is_never_above_either_roof(intensity, rate, bandwidth):
    attained = formulas.attainable_rate(intensity, rate, bandwidth)
    assert attained <= rate
    assert attained <= intensity * bandwidth
    ridge = formulas.ridge_point(rate, bandwidth)
    assert formulas.attainable_rate(ridge, rate, bandwidth) == pytest.approx(rate)


def _half(number: Count) -> Fraction:  # noqa: ARG001 - the answer is the same for every number
    return 0.5


def _wrong(power: Watts, duration: Seconds) -> Joules:
    return power / duration


def test_a_law_that_gives_a_plain_number_gives_it_as_a_quantity():
    law = Law("half", _half, _half, "mlsysim-fit")
    assert law.with_quantities(quantity(3.0, "dimensionless")) == quantity(0.5, "dimensionless")


def test_a_law_whose_equation_has_another_dimension_is_told_so():
    law = Law("wrong", _wrong, _wrong, "mlsysim-fit")
    with pytest.raises(DimensionError, match=r"result of wrong: .* accepted: joule"):
        law.with_quantities(quantity(6.0, "watt"), quantity(3.0, "second"))


def test_every_public_formula_is_a_registered_law():
    assert set(Laws) == set(formulas.__all__) - {"Law", "Laws", "law"}
