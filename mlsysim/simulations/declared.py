"""Choices that several simulations offer, declared once."""

from __future__ import annotations

from typing import Any

from mlsysim.choices import NumberChoice, OptionChoice
from mlsysim.facilities import Facilities
from mlsysim.failure_rates import FailureRates
from mlsysim.regions import Regions


def trains(simulation: Any) -> bool:
    """Return whether a simulation's application trains a model, rather than answers with it."""
    return bool(simulation.scenario.phase == "training")


REGION = OptionChoice(
    name="region",
    label="Region",
    help="Where the electricity comes from: it sets carbon, water and price, nothing else.",
    options=Regions,
    default="US_Avg",
)
FACILITY = OptionChoice(
    name="facility",
    label="Facility",
    help="The building around the computers: what it adds to their energy, and its cooling water.",
    options=Facilities,
    default=lambda simulation: simulation.scenario.facility,
)
DURATION = NumberChoice(
    name="duration_days",
    label="Duration",
    help="How long the deployment runs.",
    unit="day",
    minimum=1.0,
    maximum=3650.0,
    default=365.0,
    scale="log",
)
BATCH_SIZE = NumberChoice(
    name="batch_size",
    label="Batch size",
    help="Inputs worked on together in one execution.",
    unit="dimensionless",
    minimum=1,
    maximum=lambda simulation: max(256, 16 * simulation.scenario.batch_size),
    default=lambda simulation: simulation.scenario.batch_size,
    integer=True,
    scale="log",
)
PRECISION = OptionChoice(
    name="precision",
    label="Precision",
    help="Number format of the weights: narrower is smaller, and faster where supported.",
    options=lambda simulation: simulation.scenario.system.hardware.precisions,
    default=lambda simulation: simulation.scenario.precision,
)
DUTY_CYCLE = NumberChoice(
    name="duty_cycle",
    label="Duty cycle",
    help="Share of the time the system is powered up; otherwise it sleeps or is off.",
    unit="dimensionless",
    minimum=0.0001,
    maximum=1.0,
    default=lambda simulation: simulation.scenario.duty_cycle,
    scale="log",
)
UTILIZATION = NumberChoice(
    name="utilization",
    label="Utilization",
    help="Share of its powered-up time the system works; otherwise it idles.",
    unit="dimensionless",
    minimum=0.01,
    maximum=1.0,
    default=lambda simulation: simulation.scenario.utilization,
)
FAILURE_RATE = OptionChoice(
    name="failure_rate",
    label="Failure rate",
    help="How often one node or device fails: published fleets differ sevenfold.",
    options=FailureRates,
    default=lambda simulation: simulation.scenario.failure_rate.name,
)
REPAIR_TIME = NumberChoice(
    name="repair_hours",
    label="Repair time",
    help="How long a failed node or device is out of service.",
    unit="hour",
    minimum=0.1,
    maximum=720.0,
    default=24.0,
    scale="log",
)
CHECKPOINT_INTERVAL = NumberChoice(
    name="checkpoint_interval_minutes",
    label="Checkpoint interval",
    help="How long the job works between two checkpoints.",
    unit="minute",
    minimum=0.5,
    maximum=1440.0,
    default=10.0,
    scale="log",
)
RESTART_TIME = NumberChoice(
    name="restart_minutes",
    label="Restart time",
    help="How long it takes to replace what failed and load the last checkpoint.",
    unit="minute",
    minimum=0.1,
    maximum=240.0,
    default=5.0,
    scale="log",
)
