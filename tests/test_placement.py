"""Placement: ledgers worked by hand, the limits that break, and what may depend on what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlsysim import (
    Applications,
    Engine,
    InvalidInput,
    PlacementSimulation,
    Regions,
    ResourceSimulation,
)
from mlsysim.enclosures import Enclosures
from mlsysim.ledger import metric_paths
from mlsysim.places import Places
from mlsysim.radios import Radios

PLACES = ("device", "gateway", "regional_data_center", "data_center")
SERVED = tuple(PlacementSimulation.applications())


def evaluated(application, persona="TinyPioneer", **choice):
    return PlacementSimulation(application, persona).evaluate(choice)


def verdict(ledger, constraint):
    (found,) = [each for each in ledger.verdicts if each.constraint == constraint]
    return found


def holds(ledger, constraint):
    return verdict(ledger, constraint).holds


def test_data_center_missions_are_refused_with_the_reason():
    assert set(Applications) - set(SERVED) == {
        "Frontier",
        "Training",
        "Inference",
        "Recommendation",
    }
    with pytest.raises(InvalidInput, match="runs in a data center anyhow"):
        PlacementSimulation("Inference")


@pytest.mark.parametrize("application", SERVED)
@pytest.mark.parametrize("place", PLACES)
def test_the_parts_of_the_latency_add_up(application, place):
    run = evaluated(application, placement=place).performance
    parts = ("inference_time", "propagation_time", "transfer_time")
    assert sum(run.si(part) for part in parts) == pytest.approx(run.si("latency"), rel=1e-12)


@pytest.mark.parametrize("application", SERVED)
def test_a_model_on_its_device_takes_what_the_deployment_takes(application):
    here, usual = (
        evaluated(application, placement="device"),
        ResourceSimulation(application).evaluate(),
    )
    for path in ("performance.latency", "sustainability.device_power", "economics.cost_per_sample",
                 "sustainability.energy", "economics.tco"):  # fmt: skip
        assert here.si(path) == pytest.approx(usual.si(path), rel=1e-9), path
    for name in ("latency", "throughput"):
        ends = usual.performance.si_interval(name)
        assert here.performance.si_interval(name) == pytest.approx(ends, rel=1e-9), name


def test_a_picture_sent_over_wifi_worked_by_hand():
    """80 · 80 · 3 bytes at 2.5 MB/s, woken in 80 ms, 500 km of cable and a half, there and back."""
    ledger = evaluated("Doorbell", placement="data_center", distance_km=500)
    run = ledger.performance
    light = 2 * 750e3 * 1.468 / 299_792_458
    wait = 0.005 + light
    sending, receiving = 19_200 / 2.5e6, 100 / 2.5e6
    assert run.si("propagation_time") == pytest.approx(wait, rel=1e-12)
    assert run.si("transfer_time") == pytest.approx(0.08 + sending + receiving, rel=1e-12)
    radio = Radios["wifi"]
    joules = (0.08 * 0.29 + sending * 0.283 * 3.3 + 0.24 * 0.12
              + (receiving + wait + run.si("inference_time")) * 0.088 * 3.3)  # fmt: skip
    assert run.si("link_energy") == pytest.approx(joules, rel=1e-12)
    rate = PlacementSimulation("Doorbell").defaults["work_per_hour"] / 3600
    awake = rate * (run.si("latency") + radio.tail_s)
    mean = rate * joules + 2.3e-5
    assert ledger.sustainability.si("device_power") == pytest.approx(mean, rel=1e-9)
    assert awake < 1
    assert ledger.sustainability.battery_life_hours == pytest.approx(4 * 2.8 / mean, rel=1e-9)


def test_what_an_ocean_adds_no_server_can_take_away():
    near, far = (evaluated("AutoDrive", distance_km=km) for km in (50, 8000))
    more = far.performance.si("propagation_time") - near.performance.si("propagation_time")
    assert more == pytest.approx(2 * (10_000e3 - 75e3) * 1.468 / 299_792_458, rel=1e-12)
    assert not holds(near, "Deadline")
    assert holds(evaluated("AutoDrive", placement="device"), "Deadline")


def test_far_costs_the_battery_more_than_near():
    lives = [evaluated("KeywordSpotting", distance_km=km).si("sustainability.battery_life")
             for km in (50, 500, 5000)]  # fmt: skip
    assert lives == sorted(lives, reverse=True)
    assert lives[0] > lives[2]


def test_a_phone_that_never_rests_throttles_and_one_in_the_sun_stops():
    busy = {"placement": "device", "work_per_hour": 59_000}
    cool, warm, hot = (evaluated("Assistant", **busy, ambient_celsius=at) for at in (5, 25, 60))
    assert cool.performance.si("clock_fraction") == 1.0
    assert holds(cool, "Full clock")
    limit = Enclosures["phone_body"].limit_celsius
    run = warm.performance
    assert 1 / 3 < run.si("clock_fraction") < 1
    assert run.si("temperature") == pytest.approx(limit, abs=1e-6)
    assert not holds(warm, "Full clock")
    assert holds(warm, "Stays cool")
    assert run.si("latency") > cool.performance.si("latency")
    assert hot.performance.si("clock_fraction") == pytest.approx(1 / 3)
    assert not holds(hot, "Stays cool")


@pytest.mark.parametrize("application", SERVED)
def test_a_device_is_too_warm_only_at_its_lowest_clock(application):
    simulation = PlacementSimulation(application)
    own = simulation.defaults["work_per_hour"]
    grid = simulation.evaluate(
        {
            "placement": "device",
            "ambient_celsius": np.linspace(-20.0, 80.0, 101)[:, None],
            "work_per_hour": own * np.geomspace(0.1, 8.0, 11)[None, :],
        }
    )
    clock = np.broadcast_to(grid.performance.si("clock_fraction"), (101, 11))
    cool = np.broadcast_to(holds(grid, "Stays cool"), (101, 11))
    assert cool[clock > 1 / 3 + 1e-12].all()
    temperature = grid.performance.si("temperature")
    assert (np.diff(temperature, axis=0) > -1e-6).all()


def test_throttled_power_is_what_the_enclosure_gives_off():
    ledger = evaluated("Assistant", placement="device", work_per_hour=59_000)
    phone = Enclosures["phone_body"]
    given_off = (phone.limit_celsius - 25) / phone.thermal_resistance_k_per_w
    assert ledger.sustainability.si("device_power") == pytest.approx(given_off, rel=1e-6)


def test_a_lora_link_cannot_carry_pictures():
    ledger = evaluated("Doorbell", radio="lora")
    air = 19_200 * 8 / 5470
    rate = PlacementSimulation("Doorbell").defaults["work_per_hour"] / 3600
    assert ledger.performance.si("link_load") == pytest.approx(rate * air / 0.01, rel=1e-9)
    assert not holds(ledger, "Link carries the traffic")
    assert holds(evaluated("Doorbell", radio="lora", input_bytes=10), "Link carries the traffic")


def test_more_than_a_device_can_do_is_not_done():
    slow, mad = (evaluated("AutoDrive", work_per_hour=work) for work in (26_000, 900_000))
    assert not holds(slow, "Keeps up")
    assert mad.si("economics.transfer_cost") == pytest.approx(
        slow.si("economics.transfer_cost"), rel=1e-9
    )


def test_the_tail_of_a_radio_ends_where_the_next_request_begins():
    rare, often = (
        evaluated("Assistant", radio="lte", work_per_hour=work).performance.si("link_energy")
        for work in (256, 256 * 3600 / 5)
    )
    lte = Radios["lte"]
    awake = evaluated("Assistant", radio="lte", work_per_hour=256 * 3600 / 5).performance
    assert awake.si("transfer_time") * 256 == pytest.approx(8192 / 0.75e6 + 1024 / 1.625e6)
    shorter = lte.tail_s - (5 - 256 * awake.si("latency"))
    saved = shorter * lte.tail_w + lte.setup_s * lte.setup_w
    assert rare - often == pytest.approx(saved, rel=1e-9)


def test_a_box_on_the_local_network_idles_for_its_few_devices():
    ledger, none = (evaluated("Doorbell", placement=at) for at in ("gateway", "data_center"))
    boxes = 10e6 / 20
    assert ledger.si("sustainability.energy") >= boxes * 12.0 * 365 * 86_400
    assert none.si("sustainability.energy") < 0.1 * ledger.si("sustainability.energy")


def test_a_box_nearby_is_no_farther_for_a_distant_data_center():
    near, far = (evaluated("Doorbell", placement="gateway", distance_km=km) for km in (5, 5000))
    assert near.performance == far.performance


def test_all_parts_of_the_energy_and_the_cost_worked_by_hand():
    """A vehicle that sends 10 frames a second while it drives, 5 % of the time, by 5G."""
    ledger = evaluated("AutoDrive", "CloudTitan", input_bytes=49_900, output_bytes=100,
                       work_per_hour=1800, duration_days=1, distance_km=50)  # fmt: skip
    run, radio = ledger.performance, Radios["5g"]
    frames, seconds = 43_200, 0.05 * 86_400
    gigabytes = frames * 50_000 / 1e9
    asking = frames * run.si("link_energy")
    vehicle = seconds * 5.0 + asking
    there = PlacementSimulation("AutoDrive")._solve_at(
        Places["data_center"], {"server_batch_size": 8}
    )
    busy = frames / there.si("throughput")
    server = (busy * there.si("power") + busy * (0.4 / 0.6) * (70 + 575)) * 1.09
    network = gigabytes * (0.1 + 0.001875) * 3.6e6
    energy = ledger.sustainability.si("energy")
    assert energy == pytest.approx(vehicle + server + network, rel=1e-9)
    lifetimes = 699 / (10 * 365.25) + 30_000 * busy / 0.6 / 86_400 / (5 * 365.25)
    assert ledger.economics.si("transfer_cost") == pytest.approx(2 * gigabytes, rel=1e-9)
    assert ledger.economics.si("capital_cost") == pytest.approx(lifetimes, rel=1e-9)
    electricity = energy * Regions["US_Avg"].price_usd_per_j
    assert ledger.economics.si("running_cost") == pytest.approx(electricity, rel=1e-9)
    total = lifetimes + electricity + 2 * gigabytes
    assert ledger.economics.si("tco") == pytest.approx(total, rel=1e-9)
    assert ledger.economics.si("cost_per_sample") == pytest.approx(total / frames, rel=1e-9)
    assert radio.tail_s > run.si("latency")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("application", SERVED)
def test_time_place_and_scale_do_what_they_should(application, place):
    once = evaluated(application, placement=place, duration_days=100)
    twice = evaluated(application, placement=place, duration_days=200)
    for path in ("sustainability.energy", "sustainability.carbon", "economics.tco"):
        assert twice.si(path) == pytest.approx(2 * once.si(path), rel=1e-12)
    clean = evaluated(application, placement=place, duration_days=100, region="Quebec")
    changed = {path for path in metric_paths() if clean.si(path) != once.si(path)}
    assert all(word in " ".join(changed) for word in ("operational_carbon", "running_cost"))
    assert {path.split(".")[0] for path in changed} <= {"sustainability", "economics"}
    assert clean.si("sustainability.energy") == once.si("sustainability.energy")
    many = evaluated(application, "MobileNomad", placement=place, duration_days=100)
    for path in ("sustainability.energy", "sustainability.water", "economics.tco"):
        assert many.si(path) == pytest.approx(10 * once.si(path), rel=1e-9)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("application", SERVED)
def test_arrays_give_what_scalars_give(application, place):
    simulation = PlacementSimulation(application, "EdgeGuardian")
    rates, ambients = np.array([10.0, 1e4, 3e5]), np.array([0.0, 30.0, 70.0])
    grid = simulation.evaluate(
        {"placement": place, "work_per_hour": rates[:, None], "ambient_celsius": ambients[None, :],
         "distance_km": np.array([[5.0]]), "server_batch_size": np.array([[1, 8, 32]])}
    )  # fmt: skip
    for i, rate in enumerate(rates):
        for j, ambient in enumerate(ambients):
            one = simulation.evaluate(
                {"placement": place, "work_per_hour": rate, "ambient_celsius": ambient,
                 "distance_km": 5.0, "server_batch_size": (1, 8, 32)[j]}
            )  # fmt: skip
            for path in metric_paths():
                if isinstance(value := one.si(path), float):
                    many = np.broadcast_to(grid.si(path), (3, 3))[i, j]
                    assert many == pytest.approx(value, rel=1e-9, abs=1e-12), path


def test_a_coin_cell_cannot_feed_wifi():
    usual = Applications.KeywordSpotting
    for watt_hours, radio in ((0.7, "bluetooth_le"), (0.99, "bluetooth_le"), (1.0, "wifi")):
        system = replace(usual.system, battery_wh=watt_hours)
        simulation = PlacementSimulation(replace(usual, system=system))
        assert simulation.defaults["radio"] == radio


def test_a_throttled_clock_slows_the_fastest_and_the_slowest_guess_alike():
    cool, warm = (
        evaluated("Assistant", placement="device", work_per_hour=59_000, ambient_celsius=at)
        for at in (5, 25)
    )
    slower = 1 / warm.performance.si("clock_fraction")
    assert slower > 1.05
    for name, factor in (("latency", slower), ("throughput", 1 / slower)):
        free, throttled = (each.performance.si_interval(name) for each in (cool, warm))
        assert throttled == pytest.approx([end * factor for end in free], rel=1e-9), name


def test_a_clock_goes_no_lower_than_a_third_and_is_full_or_throttled():
    """A Jetson Orin NX clocks its GPU at 306 to 918 MHz."""
    hot = evaluated("Assistant", placement="device", work_per_hour=59_000, ambient_celsius=60)
    assert hot.performance.si("clock_fraction") == pytest.approx(306 / 918)
    assert verdict(hot, "Full clock").limit == 1.0
    assert verdict(evaluated("Doorbell"), "Link carries the traffic").limit == 1.0


def test_what_a_gateway_answers_goes_over_no_line():
    """Energy of radio access, 19,300 bytes a picture, is all that its network draws."""
    ledger = evaluated("Doorbell", "CloudTitan", placement="gateway", duration_days=1)
    pictures = PlacementSimulation("Doorbell").defaults["work_per_hour"] * 24
    gigabytes = pictures * 19_300 / 1e9
    network = gigabytes * Radios["wifi"].access_kwh_per_gb * 3.6e6
    camera = ledger.sustainability.si("device_power") * 86_400
    box = Places["gateway"]
    there = PlacementSimulation("Doorbell")._solve_at(box, {"server_batch_size": 8})
    busy = pictures / there.si("throughput")
    idle = box.system.hardware.idle_power_w + box.system.host_power_w
    drawn = busy * there.si("power") + (86_400 / box.most_devices - busy) * idle
    expected = camera + drawn * box.facility.power_usage_effectiveness + network
    assert ledger.si("sustainability.energy") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("application", SERVED)
def test_the_cost_of_one_answer_is_as_uncertain_as_the_whole(application):
    economics = evaluated(application, placement="data_center").economics
    whole, each = economics.si_interval("tco"), economics.si_interval("cost_per_sample")
    answers = economics.si("tco") / economics.si("cost_per_sample")
    assert whole[0] < economics.si("tco") < whole[1]
    assert [end * answers for end in each] == pytest.approx(whole, rel=1e-9)


def test_a_server_reads_the_prompt_that_the_phone_would_read():
    reader = replace(Applications.Assistant, phase="prefill", sequence_length=512)
    place = Places["data_center"]
    found = PlacementSimulation(reader)._solve_at(place, {"server_batch_size": 1})
    asked = Engine.solve(
        reader.model, place.system, phase="prefill", batch_size=1, sequence_length=512,
        precision=reader.precision, runtime=place.runtime,
    )  # fmt: skip
    assert found.si("latency") == asked.si("latency")


@pytest.mark.parametrize("application", SERVED)
@pytest.mark.parametrize("ambient", [25, 60])
def test_rates_and_energies_on_a_device_fit_together_however_hot_it_is(application, ambient):
    simulation = PlacementSimulation(application)
    busy = 8 * simulation.defaults["work_per_hour"]
    run = simulation.evaluate(
        {"placement": "device", "ambient_celsius": ambient, "work_per_hour": busy}
    ).performance
    assert run.si("throughput") * run.si("latency") == pytest.approx(1.0, rel=1e-9)
    assert run.si("energy") == pytest.approx(run.si("power") * run.si("latency"), rel=1e-12)
    assert run.si("energy_per_sample") == pytest.approx(run.si("energy"), rel=1e-9)


@pytest.mark.parametrize("application", SERVED)
@pytest.mark.parametrize("place", PLACES[1:])
def test_what_a_device_that_asks_spends_on_one_answer(application, place):
    """It idles until the answer and the tail of its radio are over; its link takes the rest."""
    run = evaluated(application, placement=place, work_per_hour=1).performance
    device = Applications[application].system.hardware.idle_power_w
    tokens = 256 if application == "Assistant" else 1
    assert run.si("throughput") * run.si("latency") == pytest.approx(1.0, rel=1e-12)
    radio = Radios[PlacementSimulation(application).defaults["radio"]]
    awake = run.si("latency") + radio.tail_s / tokens
    assert run.si("energy") == pytest.approx(run.si("power") * awake, rel=1e-12)
    assert run.si("clock_fraction") == 1.0, "a data center cools at any load"
    spent = device * awake + run.si("link_energy") / tokens
    assert run.si("energy") == pytest.approx(spent, rel=1e-9)
    there = PlacementSimulation(application)._solve_at(Places[place], {"server_batch_size": 8})
    served = there.si("energy_per_sample")
    assert run.si("energy_per_sample") == pytest.approx(spent + served, rel=1e-9)
    away = run.si("latency") - there.si("latency")
    ends = [end + away for end in there.si_interval("latency")]
    assert run.si_interval("latency") == pytest.approx(ends, rel=1e-9)


def test_answers_in_tokens_share_what_one_request_takes():
    """Of 2,560 tokens an hour ten requests: 8,192 bytes there, 1,024 back, by 5G."""
    choice = {"work_per_hour": 2560, "radio": "5g", "duration_days": 1}
    one, many = (evaluated("Assistant", persona, **choice)
                 for persona in ("CloudTitan", "EdgeGuardian"))  # fmt: skip
    gigabytes = 240 * (8192 + 1024) / 1e9
    radio, on_duty = Radios["5g"], 0.02
    dollars = gigabytes * radio.price_usd_per_gb
    assert one.si("economics.transfer_cost") == pytest.approx(dollars, rel=1e-9)
    assert many.si("economics.transfer_cost") == pytest.approx(10_000 * dollars, rel=1e-9)
    air = max(8192 / radio.uplink_byte_per_s, 1024 / radio.downlink_byte_per_s)
    duty = 1.0 if Applications.Assistant.system.sleeps else on_duty
    load = 10 / 3600 * air / radio.air_time_limit / duty
    assert one.performance.si("link_load") == pytest.approx(load, rel=1e-9)


def test_a_radio_that_is_still_being_woken_has_less_of_a_tail():
    """Wi-Fi stays awake for 0.24 s: the next picture comes 0.04 s before that and waking end."""
    slow = evaluated("Doorbell").performance
    radio = Radios["wifi"]
    busy = slow.si("latency") - radio.setup_s
    interval = busy + radio.tail_s + radio.setup_s / 2
    often = evaluated("Doorbell", work_per_hour=3600 / interval).performance
    saved = radio.setup_s / 2 * radio.tail_w
    assert slow.si("link_energy") - often.si("link_energy") == pytest.approx(saved, rel=1e-6)


def test_a_box_nearby_is_as_far_as_the_radio():
    run = evaluated("Doorbell", placement="gateway").performance
    assert run.si("propagation_time") == Radios["wifi"].round_trip_s


@pytest.mark.parametrize(
    ("application", "choice", "words"),
    [
        ("Doorbell", {"radio": "lora"}, "transfer"),
        ("Doorbell", {"radio": "wifi", "input_bytes": 1, "distance_km": 20_000}, "propagation"),
        ("Assistant", {"radio": "5g", "distance_km": 1}, "the model"),
    ],
)
def test_what_takes_most_of_a_request_is_named(application, choice, words):
    assert evaluated(application, **choice).performance.binding_limit == words


def test_a_vehicle_is_warm_while_it_drives_and_must_do_its_work_then():
    """A twentieth of the day: its mean power then is twenty times that of the day."""
    ledger = evaluated("AutoDrive", placement="device", work_per_hour=1800)
    box = Enclosures["finned_box"]
    warm = 25 + 20 * ledger.sustainability.si("device_power") * box.thermal_resistance_k_per_w
    assert ledger.performance.si("temperature") == pytest.approx(warm, abs=1e-5)
    assert verdict(ledger, "Keeps up").limit == pytest.approx(1800 / 3600 * 20)
    assert verdict(ledger, "Stays cool").limit == box.limit_celsius
    asking = evaluated("AutoDrive", work_per_hour=1800, radio="5g").performance
    picture = 640 * 640 * 3 / Radios["5g"].uplink_byte_per_s
    air = 1800 / 3600 * 20 * picture / Radios["5g"].air_time_limit
    assert asking.si("link_load") == pytest.approx(air, rel=1e-9)
