"""Waiting laws against published tables, each other, and queues simulated event by event."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from mlsysim import formulas
from mlsysim.errors import DimensionError
from mlsysim.units import quantity

REQUESTS = 60_000


def simulated_waits(*, servers, arrival_rate, service_times, seed):
    """Return how long each request waits, the start-up of the queue left out."""
    environment = simpy.Environment()
    station = simpy.Resource(environment, capacity=servers)
    gaps = np.random.default_rng(seed).exponential(1.0 / arrival_rate, REQUESTS)
    waits = np.empty(REQUESTS)

    def request(number):
        arrived = environment.now
        with station.request() as turn:
            yield turn
            waits[number] = environment.now - arrived
            yield environment.timeout(service_times[number])

    def arrivals():
        for number, gap in enumerate(gaps):
            yield environment.timeout(gap)
            environment.process(request(number))

    environment.process(arrivals())
    environment.run()
    return waits[REQUESTS // 10 :]


@pytest.mark.parametrize(("servers", "load"), [(1, 0.6), (4, 0.8), (16, 0.85)])
def test_identical_servers_wait_as_simulated(servers, load):
    service, offered = 0.5, load * servers
    waits = simulated_waits(
        servers=servers,
        arrival_rate=offered / service,
        service_times=np.random.default_rng(2).exponential(service, REQUESTS),
        seed=1,
    )
    system = {"offered": offered, "servers": float(servers)}
    mean = formulas.mean_queueing_delay(service, **system)
    assert np.mean(waits) == pytest.approx(mean, rel=0.1)
    assert np.mean(waits > 0) == pytest.approx(formulas.queueing_probability(**system), rel=0.05)
    for quantile in (0.9, 0.99):
        stated = formulas.queueing_delay_quantile(service, quantile=quantile, **system)
        assert np.quantile(waits, quantile) == pytest.approx(stated, rel=0.1)


@pytest.mark.parametrize("variation", [0.0, 0.5, 1.5])
def test_a_single_server_waits_as_simulated(variation):
    service, offered = 2.0, 0.7
    if variation:
        shape = 1.0 / variation**2
        drawn = np.random.default_rng(4).gamma(shape, service / shape, REQUESTS)
    else:
        drawn = np.full(REQUESTS, service)
    waits = simulated_waits(servers=1, arrival_rate=offered / service, service_times=drawn, seed=3)
    stated = formulas.mean_single_server_delay(
        service, offered=offered, coefficient_of_variation=variation
    )
    assert np.mean(waits) == pytest.approx(stated, rel=0.1)


@given(offered=st.floats(0.01, 0.99), service=st.floats(1e-3, 1e3))
def test_exponential_times_at_one_server_agree(offered, service):
    one = formulas.mean_queueing_delay(service, offered=offered, servers=1.0)
    general = formulas.mean_single_server_delay(
        service, offered=offered, coefficient_of_variation=1.0
    )
    assert one == pytest.approx(general, rel=1e-9)


@given(offered=st.floats(0.01, 200.0), servers=st.integers(1, 150))
def test_queueing_probability_is_the_sum_it_stands_for(offered, servers):
    """C = (a^c / c!) · c / (c - a) over the sum of all states, in exact logarithms."""
    found = float(formulas.queueing_probability(offered=offered, servers=float(servers)))
    if offered >= servers:
        assert found == 1.0
        return
    terms = [k * math.log(offered) - math.lgamma(k + 1) for k in range(servers + 1)]
    full = math.exp(terms[-1] - max(terms)) * servers / (servers - offered)
    others = sum(math.exp(term - max(terms)) for term in terms[:-1])
    assert found == pytest.approx(full / (full + others), rel=1e-6, abs=1e-250)


def test_more_servers_for_the_same_share_wait_less():
    """The economy of scale that makes one large pool better than many small ones."""
    servers = np.array([1.0, 2.0, 8.0, 64.0, 512.0])
    waits = formulas.mean_queueing_delay(1.0, offered=0.9 * servers, servers=servers)
    assert all(later < earlier / 1.5 for earlier, later in pairwise(waits))


def test_overload_waits_for_ever():
    for offered in (3.0, 4.0):
        system = {"offered": offered, "servers": 3.0}
        assert formulas.mean_queueing_delay(1.0, **system) == math.inf
        assert formulas.queueing_delay_quantile(1.0, quantile=0.5, **system) == math.inf
    assert formulas.mean_single_server_delay(
        1.0, offered=1.0, coefficient_of_variation=0.0
    ) == math.inf  # fmt: skip


def test_a_quiet_system_never_waits():
    system = {"offered": 0.0, "servers": 500.0}
    assert formulas.queueing_probability(**system) == pytest.approx(0.0, abs=1e-250)
    assert formulas.queueing_delay_quantile(1.0, quantile=0.999, **system) == 0.0


@given(offered=st.floats(0.01, 30.0), servers=st.integers(1, 40))
def test_a_pool_of_servers_is_one_whose_speed_grows_with_its_load(offered, servers):
    rates = np.arange(1.0, servers + 1) / 2.0
    shares = formulas.occupancy_probabilities(arrival_rate=offered / 2.0, completion_rates=rates)
    waits = formulas.queueing_probability(offered=offered, servers=float(servers))
    assert shares[-1] == pytest.approx(waits, rel=1e-6, abs=1e-12)
    if offered < 0.99 * servers:
        flow = (shares * rates).sum()
        assert flow == pytest.approx(offered / 2.0, rel=1e-6), "as many leave as come"


def test_states_beyond_the_last_one_change_nothing():
    few = np.array([1.0, 1.7, 2.0])
    many = np.concatenate([few, np.full(500, 2.0)])
    short, long = (
        formulas.occupancy_probabilities(arrival_rate=1.5, completion_rates=rates)
        for rates in (few, many)
    )
    assert short[:2] == pytest.approx(long[:2])
    assert short[2] == pytest.approx(long[2:].sum())


def test_occupancy_checks_its_units():
    rates = quantity(np.array([1.0, 1.7]), "1/second")
    found = formulas.occupancy_probabilities(
        arrival_rate=quantity(60.0, "1/minute"), completion_rates=rates
    )
    plain = formulas.occupancy_probabilities(arrival_rate=1.0, completion_rates=rates.magnitude)
    assert found.magnitude == pytest.approx(plain)
    with pytest.raises(DimensionError, match="arrival_rate"):
        formulas.occupancy_probabilities(arrival_rate=quantity(1.0, "s"), completion_rates=rates)


def peak_waits(load, period, servers=3000):
    """Return the waits of all who come to single servers in a peak, by Lindley's recursion."""
    random = np.random.default_rng(1)
    wait, clock, waits = np.zeros(servers), np.zeros(servers), []
    while True:
        gap = random.exponential(1.0 / load, servers)
        clock += gap
        wait = np.maximum(wait - gap, 0.0)
        if (clock >= period).all():
            return np.concatenate(waits)
        waits.append(wait[clock < period])
        wait += random.exponential(1.0, servers)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.95, 1.0, 1.05, 1.2, 1.5])
def test_a_peak_builds_up_the_queue_that_is_simulated(load):
    period = 300.0
    waits = peak_waits(load, period)
    system = {"completion_rate": 1.0, "waits": min(load, 1.0), "coefficient_of_variation": 1.0}
    stated = formulas.peak_queueing_delay(period, load=load, **system)
    assert np.mean(waits) == pytest.approx(stated, rel=0.06)
    bounded = formulas.peak_queueing_delay(period, load=min(load, 1.0), **system)
    tail = formulas.exponential_delay_quantile(
        bounded / system["waits"], waits=system["waits"], quantile=0.99
    )
    tail += formulas.backlog_delay(period, load=load)
    assert np.quantile(waits, 0.99) == pytest.approx(tail, rel=0.2)


def test_a_long_peak_is_the_steady_state():
    system = {"completion_rate": 4.0, "waits": 0.7, "coefficient_of_variation": 0.5}
    long = formulas.peak_queueing_delay(1e9, load=0.7, **system)
    steady = formulas.mean_single_server_delay(0.25, offered=0.7, coefficient_of_variation=0.5)
    assert long == pytest.approx(steady, rel=1e-6)


@pytest.mark.parametrize(("delay", "waits"), [(0.1, 0.9), (1.0, 0.5), (1.0, 1.0), (20.0, 0.3)])
def test_a_wait_and_a_service_together_as_drawn(delay, waits):
    random = np.random.default_rng(5)
    drawn = random.exponential(1.0, 400_000)
    drawn += np.where(random.random(400_000) < waits, random.exponential(delay, 400_000), 0.0)
    for quantile in (0.5, 0.99):
        stated = formulas.response_time_quantile(1.0, delay=delay, waits=waits, quantile=quantile)
        assert np.quantile(drawn, quantile) == pytest.approx(stated, rel=0.02)


def test_the_rest_of_a_span_as_drawn():
    """A moment at random falls into a long span more often than into a short one."""
    random = np.random.default_rng(6)
    for variation in (0.5, 1.0, 1.5):
        spans = random.gamma(1 / variation**2, variation**2, 400_000)
        rest = (spans**2).sum() / 2.0 / spans.sum()
        stated = formulas.residual_fraction(coefficient_of_variation=variation)
        assert rest == pytest.approx(stated, rel=0.02)
    arrivals = np.where(random.random(400_000) < 0.3, random.random(400_000) * 2.0, 0.0)
    stated = formulas.residual_time_quantile(2.0, busy=0.3, quantile=0.9)
    assert np.quantile(arrivals, 0.9) == pytest.approx(stated, rel=0.02)
