"""Where a model runs: on the device, on a box nearby, or in a data center near or far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from mlsysim import formulas
from mlsysim.applications import Application
from mlsysim.arrays import ndim
from mlsysim.choices import Choice, NumberChoice, OptionChoice, labelled
from mlsysim.constants import (
    JOULES_PER_KWH,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_YEAR,
    Constants,
)
from mlsysim.enclosures import Enclosures
from mlsysim.engine import Engine
from mlsysim.facilities import Facilities
from mlsysim.ledger import Economics, Factors, Performance, Sustainability, SystemLedger, Verdict
from mlsysim.models.graph import Network
from mlsysim.places import Place, Places
from mlsysim.radios import Radio, Radios
from mlsysim.regions import Regions
from mlsysim.simulations.base import BaseSimulation
from mlsysim.simulations.combined import paid_together, together, use_of
from mlsysim.simulations.declared import DURATION, REGION
from mlsysim.simulations.deployment import Deployment, ends_of, solve, verdicts
from mlsysim.tracing import SourcedFloat, as_float

ON_DEVICE = "device"

_BYTES_PER_GB = 1e9
_METERS_PER_KM = 1e3
# English has about four characters in a token; one value of a picture or a sound is a byte.
_BYTES_PER_TOKEN = 4.0
_TOKENS_PER_ANSWER = 256
_BYTES_OF_A_RESULT = 100.0
# A coin cell cannot feed the transmitter of a Wi-Fi radio.
_SMALL_BATTERY_WH = 1.0
# The GPU of a Jetson Orin NX runs at 306 to 918 MHz; other governors stop at about a third, too.
_LOWEST_CLOCK = 1.0 / 3.0
_USUAL_ENCLOSURE = {"tiny": "sealed_box", "mobile": "phone_body", "edge": "finned_box"}
# What stands in a data center is cooled at any load.
_FULL_CLOCK = SourcedFloat(
    1.0,
    name="full_clock",
    label="clock of a device that a data center cools",
    unit="dimensionless",
    source="place-estimate",
)


def _answers_in_tokens(simulation: Any) -> bool:
    return bool(simulation.scenario.phase == "decode")


def _usual_radio(simulation: Any) -> str:
    system = simulation.scenario.system
    if system.battery_wh is not None and system.battery_wh < _SMALL_BATTERY_WH:
        return "bluetooth_le"
    return "wifi" if system.hardware.tier == "tiny" else "5g"


def _usual_input(simulation: Any) -> float:
    scenario = simulation.scenario
    if isinstance(scenario.model, Network):
        return float(np.prod(scenario.model.input_shape))
    return _BYTES_PER_TOKEN * float(scenario.sequence_length or 1)


def _usual_output(simulation: Any) -> float:
    in_tokens = _answers_in_tokens(simulation)
    return _BYTES_PER_TOKEN * _TOKENS_PER_ANSWER if in_tokens else _BYTES_OF_A_RESULT


def _usual_rate(simulation: Any) -> float:
    scenario = simulation.scenario
    alone = solve(scenario, {}).si("throughput")
    return float(alone * scenario.duty_cycle * scenario.utilization * SECONDS_PER_HOUR)


@dataclass(frozen=True, slots=True)
class _Visit:
    """What one request to a place away from the device takes of its link, in seconds and joules."""

    propagation: Any
    transfer: Any
    tail: Any
    air_time: Any
    energy: Any


class PlacementSimulation(BaseSimulation):
    """Where a model should run: distance, link, battery and heat decide.

    A device that asks elsewhere wakes its radio, sends the input, listens for the answer, and goes
    back to sleep; one request follows the other. An answer in tokens is asked for once and comes
    in full: its latency is the mean per token, reading the prompt left out at every place.

    >>> sim = PlacementSimulation("AutoDrive", "EdgeGuardian")
    >>> near, far = (sim.evaluate({"placement": name}) for name in ("device", "data_center"))
    >>> near.performance.latency < far.performance.latency
    True
    """

    title: ClassVar[str] = "Where a model runs"
    choices: tuple[Choice, ...] = (
        REGION,
        OptionChoice(
            name="placement",
            label="Placement",
            help="Where the model runs: on the device itself, or on a server that it asks.",
            options=lambda _: {**labelled({ON_DEVICE: "The device itself"}), **Places},
            default="data_center",
        ),
        NumberChoice(
            name="distance_km",
            label="Distance",
            help="To the data center as the crow flies: 50 to the next city, 8,000 over an ocean.",
            unit="kilometer",
            minimum=1.0,
            maximum=20_000.0,
            default=500.0,
            scale="log",
        ),
        OptionChoice(
            name="radio",
            label="Link",
            help="How the device reaches the network: rate, waking time and power.",
            options=Radios,
            default=_usual_radio,
        ),
        NumberChoice(
            name="input_bytes",
            label="Input",
            help="Bytes sent for one answer: as the model takes them, or compressed.",
            unit="byte",
            minimum=1.0,
            maximum=1e9,
            default=_usual_input,
            scale="log",
        ),
        NumberChoice(
            name="output_bytes",
            label="Output",
            help="Bytes that come back.",
            unit="byte",
            minimum=1.0,
            maximum=1e9,
            default=_usual_output,
            scale="log",
        ),
        NumberChoice(
            name="tokens_per_answer",
            label="Answer",
            help="Tokens that one request is answered with.",
            unit="dimensionless",
            minimum=1,
            maximum=4096,
            default=_TOKENS_PER_ANSWER,
            integer=True,
            scale="log",
            applies=_answers_in_tokens,
        ),
        NumberChoice(
            name="work_per_hour",
            label="Work",
            help="Inferences, or tokens, that one device needs in an hour, day and night.",
            unit="dimensionless",
            minimum=0.01,
            maximum=1e6,
            default=_usual_rate,
            scale="log",
        ),
        NumberChoice(
            name="server_batch_size",
            label="Batch on the server",
            help="Requests of different devices that a server works on together.",
            unit="dimensionless",
            minimum=1,
            maximum=256,
            default=8,
            integer=True,
            scale="log",
        ),
        NumberChoice(
            name="ambient_celsius",
            label="Ambient",
            help="Temperature of the air around the device.",
            unit="degree_Celsius",
            minimum=-20.0,
            maximum=80.0,
            default=25.0,
        ),
        OptionChoice(
            name="enclosure",
            label="Enclosure",
            help="What the device's heat has to pass, and how warm the device may become.",
            options=Enclosures,
            default=lambda simulation: _USUAL_ENCLOSURE[simulation.scenario.system.hardware.tier],
        ),
        DURATION,
    )

    @classmethod
    def refusal(cls, application: Application) -> str | None:
        """Return why an application that runs in a data center has nowhere else to go."""
        if application.system.hardware.tier in _USUAL_ENCLOSURE:
            return None
        return f"{application.label} has no device of its own: it runs in a data center anyhow."

    def evaluate(self, choice: dict[str, Any]) -> SystemLedger:
        """Return the full ledger of the devices, and of the servers and networks they ask."""
        on_device = choice["placement"] == ON_DEVICE
        return self._here(choice) if on_device else self._elsewhere(choice)

    # On the device.

    def _here(self, choice: dict[str, Any]) -> SystemLedger:
        hardware = self.scenario.system.hardware
        alone = solve(self.scenario, choice)
        rate = choice["work_per_hour"] / SECONDS_PER_HOUR
        latency, dynamic = alone.si("latency"), alone.si("power") - hardware.idle_power_w
        clock = formulas.sustained_clock_fraction(
            power=np.maximum(self._sustained_power(choice) - hardware.idle_power_w, 0.0),
            at_full_clock=dynamic,
            load=self._load(rate * latency),
            lowest=_LOWEST_CLOCK,
        )
        power = hardware.idle_power_w + dynamic * clock**3
        slower = latency / clock
        performance = alone.replace(
            latency=slower,
            throughput=alone.si("throughput") * clock,
            power=power,
            energy=power * slower,
            energy_per_sample=power / (alone.si("throughput") * clock),
            inference_time=slower,
            propagation_time=0.0,
            transfer_time=0.0,
            clock_fraction=clock,
        ).within(**_as_uncertain_as(alone, "latency", "throughput"))
        devices = self._devices(choice, performance, slower)
        sustainability = devices.sustainability()
        return self._ledger(
            choice, devices, sustainability, devices.economics(sustainability), performance
        )

    # Elsewhere.

    def _elsewhere(self, choice: dict[str, Any]) -> SystemLedger:
        place, radio = Places[choice["placement"]], Radios[choice["radio"]]
        there = self._solve_at(place, choice)
        rate = choice["work_per_hour"] / SECONDS_PER_HOUR
        per_request = choice.get("tokens_per_answer", 1)
        visit = self._visit(choice, place, radio, there, rate / per_request / self._on_duty)
        asking, awake = self._asking(choice, radio, there, visit)
        devices = self._devices(
            choice, asking.replace(throughput=formulas.throughput(1.0, awake)), awake
        )
        served = np.minimum(rate / self._on_duty, asking.si("throughput")) * self._on_duty
        servers = self._servers(choice, place, there, served)
        gigabytes = (
            served * devices.duration_s * devices.units / per_request
            * (choice["input_bytes"] + choice["output_bytes"]) / _BYTES_PER_GB
        )  # fmt: skip
        line_kwh_per_gb = Constants["fixed_line_energy"].value if place.far else 0.0
        network = use_of(
            gigabytes * (radio.access_kwh_per_gb + line_kwh_per_gb) * JOULES_PER_KWH,
            devices.duration_s,
            devices.region,
        )
        of_devices, of_servers = devices.sustainability(), servers.sustainability()
        cost = self._cost(
            devices.economics(of_devices),
            servers.economics(of_servers),
            formulas.energy_cost(network.si("energy"), devices.region.price_usd_per_j),
            gigabytes * radio.price_usd_per_gb,
            devices.samples,
        )
        return self._ledger(
            choice, devices, together(of_devices, of_servers, network), cost, asking
        )

    def _asking(
        self, choice: dict[str, Any], radio: Radio, there: Performance, visit: _Visit
    ) -> tuple[Performance, Any]:
        """Return what one unit of work takes of a device that asks, and how long it is awake."""
        per_request = choice.get("tokens_per_answer", 1)
        away = (visit.propagation + visit.transfer) / per_request
        latency = there.si("latency") + away
        awake = latency + visit.tail / per_request
        power = self.scenario.system.hardware.idle_power_w + visit.energy / per_request / awake
        requests = choice["work_per_hour"] / SECONDS_PER_HOUR / per_request / self._on_duty
        asking = there.replace(
            latency=latency,
            throughput=formulas.throughput(1.0, latency),
            power=power,
            energy=power * awake,
            energy_per_sample=power * awake + there.si("energy_per_sample"),
            inference_time=there.si("latency"),
            propagation_time=visit.propagation / per_request,
            transfer_time=visit.transfer / per_request,
            link_load=requests * visit.air_time / radio.air_time_limit,
            link_energy=visit.energy,
            clock_fraction=_FULL_CLOCK,
            binding_limit=_largest(there.si("latency"), visit, per_request),
        )
        low, high = ends_of(there, "latency")
        return asking.within(latency=(low + away, high + away)), awake

    def _solve_at(self, place: Place, choice: dict[str, Any]) -> Performance:
        scenario, in_tokens = self.scenario, _answers_in_tokens(self)
        return Engine.solve(
            scenario.model,
            place.system,
            phase=scenario.phase,
            batch_size=choice["server_batch_size"],
            precision=scenario.precision,
            runtime=place.decode_runtime if in_tokens else place.runtime,
            sequence_length=scenario.sequence_length,
            context_length=scenario.sequence_length,
        )

    @staticmethod
    def _visit(
        choice: dict[str, Any], place: Place, radio: Radio, there: Performance, requests: Any
    ) -> _Visit:
        route = formulas.route_length(
            choice["distance_km"] * _METERS_PER_KM, near=Constants["near_route"].value
        )
        light = formulas.propagation_delay(
            route if place.far else 0.0,
            speed_of_light=Constants["speed_of_light"].value,
            refractive_index=Constants["fibre_refractive_index"].value,
        )
        sending = formulas.transfer_time(
            choice["input_bytes"], bandwidth=radio.uplink_byte_per_s, latency=0.0
        )
        receiving = formulas.transfer_time(
            choice["output_bytes"], bandwidth=radio.downlink_byte_per_s, latency=0.0
        )
        propagation = radio.round_trip_s + 2.0 * light
        waiting = propagation + there.si("latency") * choice.get("tokens_per_answer", 1)
        busy, interval = sending + waiting + receiving, 1.0 / requests
        # A radio that is still awake from the last request need not be woken.
        waking = np.where(interval > busy + radio.tail_s, radio.setup_s, 0.0)
        tail = formulas.radio_tail_time(tail=radio.tail_s, interval=interval, busy=busy + waking)
        energy = (
            formulas.energy(radio.setup_w, waking)
            + formulas.energy(radio.transmit_w, sending)
            + formulas.energy(radio.receive_w, receiving + waiting)
            + formulas.energy(radio.tail_w, tail)
        )
        return _Visit(
            propagation=propagation,
            transfer=waking + sending + receiving,
            tail=tail,
            air_time=np.maximum(sending, receiving),
            energy=energy,
        )

    def _servers(
        self, choice: dict[str, Any], place: Place, there: Performance, rate: Any
    ) -> Deployment:
        devices = as_float(self.persona.scale_factor)
        busy = formulas.offered_load(rate * devices, 1.0 / there.si("throughput"))
        least = 0.0 if place.most_devices is None else devices / place.most_devices
        units = np.maximum(busy / place.utilization, least)
        scenario = replace(self.scenario, system=place.system)
        return Deployment(
            scenario=scenario,
            performance=there,
            units=units,
            region=Regions[choice["region"]],
            facility=place.facility,
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=place.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=1.0,
            utilization=busy / units,
        )

    @staticmethod
    def _cost(
        devices: Economics, servers: Economics, network_usd: Any, traffic_usd: Any, samples: Any
    ) -> Economics:
        network = Economics(tco=network_usd + traffic_usd, running_cost=network_usd)
        paid = paid_together(devices, servers, network)
        return paid.replace(
            cost_per_sample=formulas.cost_per_sample(paid.si("tco"), samples),
            transfer_cost=traffic_usd,
        ).within(cost_per_sample=tuple(end / samples for end in ends_of(paid, "tco")))

    # Both.

    @property
    def _on_duty(self) -> float:
        """The share of time in which a device can work: always, where it can sleep in between."""
        return 1.0 if self.scenario.system.sleeps else self.scenario.duty_cycle

    def _load(self, busy: Any) -> Any:
        """Return the share of its time on duty that a device works, if that is `busy` of all."""
        return np.minimum(busy / self._on_duty, 1.0)

    def _devices(self, choice: dict[str, Any], performance: Performance, each: Any) -> Deployment:
        """Return the devices, awake while they work, or as long as they are on duty."""
        scenario = self.scenario
        load = self._load(choice["work_per_hour"] / SECONDS_PER_HOUR * each)
        asleep = scenario.system.sleeps
        return Deployment(
            scenario=scenario,
            performance=performance,
            units=as_float(self.persona.scale_factor),
            region=Regions[choice["region"]],
            facility=Facilities[scenario.facility],
            duration_s=choice["duration_days"] * SECONDS_PER_DAY,
            lifetime_s=scenario.lifetime_years * SECONDS_PER_YEAR,
            duty_cycle=load if asleep else scenario.duty_cycle,
            utilization=1.0 if asleep else load,
        )

    def _sustained_power(self, choice: dict[str, Any]) -> Any:
        enclosure, zero = Enclosures[choice["enclosure"]], Constants["zero_celsius"].value
        return formulas.sustained_power(
            limit=enclosure.limit_celsius + zero,
            ambient=choice["ambient_celsius"] + zero,
            resistance=enclosure.thermal_resistance_k_per_w,
        )

    def _temperature(self, choice: dict[str, Any], devices: Deployment) -> Any:
        zero = Constants["zero_celsius"].value
        kelvins = formulas.steady_temperature(
            choice["ambient_celsius"] + zero,
            power=devices.unit_power_w / self._on_duty,
            resistance=Enclosures[choice["enclosure"]].thermal_resistance_k_per_w,
        )
        # Rounding must not lift a device above the limit that its clock was set for.
        return np.round(kelvins - zero, 6)

    def _ledger(
        self,
        choice: dict[str, Any],
        devices: Deployment,
        sustainability: Sustainability,
        economics: Economics,
        performance: Performance,
    ) -> SystemLedger:
        ledger = SystemLedger(
            performance=performance.replace(temperature=self._temperature(choice, devices)),
            sustainability=sustainability,
            economics=economics,
            reliability=devices.failures(self.scenario.failure_rate),
        )
        own = self._verdicts(choice, ledger)
        return replace(ledger, verdicts=(*verdicts(self.scenario, ledger), *own))

    def _verdicts(self, choice: dict[str, Any], ledger: SystemLedger) -> tuple[Verdict, ...]:
        performance = ledger.performance
        needed = choice["work_per_hour"] / SECONDS_PER_HOUR / self._on_duty
        found = [
            Verdict("Keeps up", "performance.throughput", performance.si("throughput"), needed,
                    "sample/second", "at least",
                    "Ask for less work, run it nearer, or on a faster device or link."),
            Verdict("Stays cool", "performance.temperature", performance.si("temperature"),
                    Enclosures[choice["enclosure"]].limit_celsius, "degree_Celsius", "at most",
                    "Work less often, move the device to cooler air, or give it a heat sink."),
            Verdict("Full clock", "performance.clock_fraction", performance.si("clock_fraction"),
                    1.0, "dimensionless", "at least",
                    "Let a server do the work, or give the device a better heat sink."),
        ]  # fmt: skip
        if performance.si("link_load") is not None:
            found.append(
                Verdict("Link carries the traffic", "performance.link_load",
                        performance.si("link_load"), 1.0, "dimensionless", "at most",
                        "Send less often, compress the input, or take a faster link.")
            )  # fmt: skip
        return tuple(found)


def _as_uncertain_as(alone: Performance, *names: str) -> dict[str, Factors]:
    """Return the ends of intervals over the values between them: a clock changes both alike."""
    return {
        name: Factors(*(end / alone.si(name) for end in ends_of(alone, name))) for name in names
    }


def _largest(model: Any, visit: _Visit, per_request: Any) -> str | None:
    """Say what takes most of the time, where there is one time to say it of."""
    parts = {
        "the model": model * per_request,
        "propagation": visit.propagation,
        "transfer": visit.transfer,
    }
    if any(ndim(part) for part in parts.values()):
        return None
    return max(parts, key=lambda name: parts[name])
