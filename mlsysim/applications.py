"""Missions that tie a model to a system, with the constraints they must meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlsysim.constants import SECONDS_PER_DAY, SECONDS_PER_YEAR
from mlsysim.errors import InvalidInput, require_number
from mlsysim.failure_rates import FailureRate, FailureRates
from mlsysim.models import Models, ModelSpec
from mlsysim.registry import ByName, Registry
from mlsysim.runtimes import Runtime, Runtimes
from mlsysim.sources import Sourced
from mlsysim.systems import System, Systems


@dataclass(frozen=True, slots=True)
class Target:
    """A limit that a mission sets to one metric of the ledger, and what would help to meet it."""

    constraint: str
    metric: str
    sense: str
    limit: float
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Application(Sourced):
    """A mission: what runs where, how often, and what it must not exceed.

    `unit` is what one copy of it is called. `duty_cycle` is the share of time the system is
    powered up, `utilization` the share of that time it works. `gang` tells devices that must all
    work at once (a training job) from devices that fail one by one.

    >>> Applications.Doorbell.deadline_s
    0.2
    """

    name: str
    label: str
    group: str
    unit: str
    mission: str
    model: ByName[ModelSpec] = ByName(Models, ModelSpec)
    system: ByName[System] = ByName(Systems, System)
    runtime: Runtime
    phase: str
    batch_size: int
    precision: str
    critical_constraint: str
    duty_cycle: float
    utilization: float
    lifetime_years: float
    facility: str
    failure_rate: FailureRate
    gang: bool
    deadline_s: float | None = None
    sequence_length: int | None = None
    targets: tuple[Target, ...] = ()
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A model that is only named is checked by the engine, when it is first asked for.
        ByName.keep_names(self)
        given = vars(self).get("model")
        if isinstance(given, ModelSpec) and self.phase not in given.phases:
            raise InvalidInput(f"phase of {self.name}", self.phase, ", ".join(given.phases))
        for field in ("duty_cycle", "utilization"):
            value = getattr(self, field)
            require_number(f"{field} of {self.name}", value, maximum=1.0, exclusive=True)

    @property
    def all_targets(self) -> tuple[Target, ...]:
        """The deadline, where there is one, and the mission's other targets."""
        if self.deadline_s is None:
            return self.targets
        deadline = Target(
            "Deadline",
            "performance.latency",
            "at most",
            self.deadline_s,
            "Try a narrower precision, a smaller batch, a smaller model or a faster device.",
        )
        return (deadline, *self.targets)


def _application(name: str, **fields: Any) -> Application:
    return Application(
        name=name,
        runtime=Runtimes[fields.pop("runtime")],
        failure_rate=FailureRates[fields.pop("failure_rate")],
        source="project-mission",
        **fields,
    )


def _applications() -> tuple[Application, ...]:
    return (*_devices(), *_fleet())


def _devices() -> tuple[Application, ...]:
    alone = {"batch_size": 1, "gang": False, "facility": "none"}
    return (
        _application(
            "Doorbell",
            label="Doorbell camera",
            unit="doorbell",
            group="Tiny",
            mission="Tell from a picture whether a person stands at the door",
            model="Wake Vision MCUNet-5fps (vww1)",
            system="ESP32-S3 camera",
            runtime="TFLite Micro ESP-NN",
            phase="inference",
            precision="int8",
            critical_constraint="battery life",
            duty_cycle=0.002,
            utilization=1.0,
            lifetime_years=5.0,
            failure_rate="consumer_device",
            deadline_s=0.2,
            targets=(
                Target(
                    "Battery for a year",
                    "sustainability.battery_life",
                    "at least",
                    SECONDS_PER_YEAR,
                    "Wake less often: lower the duty cycle.",
                ),
            ),
            **alone,
        ),
        _application(
            "KeywordSpotting",
            label="Keyword spotting",
            unit="voice sensor",
            group="Tiny",
            mission="Hear a wake word, always on, on a coin cell",
            model="MLPerf Tiny KWS DS-CNN",
            system="STM32U3 sensor",
            runtime="X-CUBE-AI",
            phase="inference",
            precision="int8",
            critical_constraint="average power",
            duty_cycle=0.1,
            utilization=1.0,
            lifetime_years=5.0,
            failure_rate="consumer_device",
            deadline_s=0.1,
            targets=(
                Target(
                    "Under a milliwatt",
                    "sustainability.device_power",
                    "at most",
                    1e-3,
                    "Listen less often: lower the duty cycle.",
                ),
            ),
            **alone,
        ),
        _application(
            "AutoDrive",
            label="Driving assistant",
            unit="vehicle",
            group="Edge",
            mission="Find cars and people in every camera frame while driving",
            model="YOLOv8n",
            system="Vehicle computer",
            runtime="TensorRT on a module",
            phase="inference",
            precision="fp16",
            critical_constraint="latency",
            duty_cycle=0.05,
            utilization=0.6,
            lifetime_years=10.0,
            failure_rate="industrial_device",
            deadline_s=0.01,
            **alone,
        ),
        _application(
            "Assistant",
            label="Phone assistant",
            unit="phone",
            group="Mobile",
            mission="Answer questions on the phone, without a network",
            model="Llama-3.1 8B",
            system="Smartphone",
            runtime="llama.cpp",
            phase="decode",
            precision="int4",
            critical_constraint="memory bandwidth",
            duty_cycle=0.02,
            utilization=1.0,
            lifetime_years=3.0,
            failure_rate="consumer_device",
            deadline_s=0.15,
            sequence_length=2048,
            targets=(
                Target(
                    "Battery for a day",
                    "sustainability.battery_life",
                    "at least",
                    SECONDS_PER_DAY,
                    "Answer less often: lower the duty cycle.",
                ),
            ),
            **alone,
        ),
    )


def _fleet() -> tuple[Application, ...]:
    hall = {"duty_cycle": 1.0, "lifetime_years": 5.0, "facility": "air_cooled_ai_hall"}
    return (
        _application(
            "Frontier",
            label="Frontier model training",
            unit="frontier cluster",
            group="Cloud",
            mission="Train a model of 405 billion parameters on 16,384 GPUs",
            model="Llama-3.1 405B",
            system="H100 cluster 16384",
            runtime="torchtitan",
            phase="training",
            precision="bf16",
            batch_size=2048,
            sequence_length=8192,
            utilization=1.0,
            critical_constraint="grid power and failures",
            failure_rate="llama3_cluster",
            gang=True,
            targets=(_busy(0.35),),
            **hall,
        ),
        _application(
            "Training",
            label="Model training",
            unit="training cluster",
            group="Cloud",
            mission="Train a model of 70 billion parameters on 1,024 GPUs",
            model="Llama-3.1 70B",
            system="H100 cluster 1024",
            runtime="Training framework",
            phase="training",
            precision="bf16",
            batch_size=1024,
            sequence_length=8192,
            utilization=1.0,
            critical_constraint="time to train",
            failure_rate="llama3_cluster",
            gang=True,
            targets=(_busy(0.35),),
            **hall,
        ),
        _application(
            "Inference",
            label="Chat service",
            unit="chat node",
            group="Cloud",
            mission="Answer many conversations at once from one node",
            model="Llama-3.1 70B",
            system="H100 node",
            runtime="Serving engine",
            phase="decode",
            precision="bf16",
            batch_size=64,
            sequence_length=4096,
            utilization=0.6,
            critical_constraint="memory bandwidth",
            failure_rate="rsc1_cluster",
            gang=False,
            deadline_s=0.05,
            **hall,
        ),
        _application(
            "Recommendation",
            label="Recommendation service",
            unit="ranking node",
            group="Cloud",
            mission="Rank what millions of people see next",
            model="DLRM",
            system="H100 recommendation node",
            runtime="Serving engine",
            phase="inference",
            precision="fp32",
            batch_size=8192,
            utilization=0.5,
            critical_constraint="memory capacity",
            failure_rate="rsc1_cluster",
            gang=False,
            deadline_s=0.01,
            **hall,
        ),
    )


def _busy(fraction: float) -> Target:
    return Target(
        "Devices kept busy",
        "performance.model_flops_utilization",
        "at least",
        fraction,
        "Enlarge the batch, so that pipeline and links wait less.",
    )


Applications: Registry[Application] = Registry("application", _applications)
