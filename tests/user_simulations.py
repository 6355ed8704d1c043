"""Simulations as teaching assistants write them: well, with mistakes, with hostile texts."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from mlsysim import (
    Applications,
    BaseSimulation,
    NumberChoice,
    OptionChoice,
    Performance,
    Personas,
    Sustainability,
    SystemLedger,
)
from mlsysim.choices import Labelled
from mlsysim.ledger import Verdict

HOSTILE = "<img src=x onerror=\"document.title='broken into'\">"


class Waiting(BaseSimulation):
    """One control of each kind: even, logarithmic and without bounds, and a list with headings."""

    choices = (
        NumberChoice(
            name="load", label="Load", help="Share of time at work.", unit="dimensionless",
            minimum=0.0, maximum=0.9, default=0.5,
        ),
        NumberChoice(
            name="servers", label="Servers", help="How many serve.", unit="dimensionless",
            minimum=1, maximum=1_000_000, default=10, integer=True, scale="log",
        ),
        NumberChoice(
            name="service_s", label="Service time", help="Of one request.", unit="second",
            minimum=0.0, maximum=math.inf, default=1.0,
        ),
        OptionChoice(
            name="policy", label="Policy", help="Who is next.",
            options={
                "fifo": Labelled("fifo", "First come, first served", "Fair"),
                "random": Labelled("random", "Whoever", "Unfair"),
            },
            default="fifo",
        ),
    )  # fmt: skip

    def evaluate(self, choice):
        """Return the wait of a queue with one server for each share of the load."""
        latency = choice["service_s"] / (1.0 - choice["load"]) / choice["servers"]
        late = Verdict(
            "Deadline", "performance.latency", latency, 0.5, "second", "at most", "Add servers."
        )
        return SystemLedger(performance=Performance(latency=latency), verdicts=(late,))


class Careless(BaseSimulation):
    """Everything that a simulation can do wrong when it is asked."""

    choices = (
        OptionChoice(
            name="mistake", label="Mistake", help="Which one is made.",
            options={
                name: Labelled(name, name.capitalize(), "")
                for name in ("none", "raises", "hangs")
            },
            default="none",
        ),
    )  # fmt: skip

    def evaluate(self, choice):
        """Return a ledger, divide by nothing, or never return."""
        while choice["mistake"] == "hangs":
            time.sleep(1)
        shares = 0 if choice["mistake"] == "raises" else 2
        return SystemLedger(performance=Performance(latency=1 / shares))


class Hostile(BaseSimulation):
    """Every text that comes from outside tries to break into the page."""

    title = HOSTILE
    choices = (
        NumberChoice(
            name="number", label=HOSTILE, help=HOSTILE, unit="second",
            minimum=0.0, maximum=1.0, default=0.5,
        ),
        OptionChoice(
            name="option", label=HOSTILE, help=HOSTILE,
            options={
                "good": Labelled("good", "Good", HOSTILE),
                HOSTILE: Labelled(HOSTILE, HOSTILE, HOSTILE),
            },
            default="good",
        ),
    )  # fmt: skip

    def __init__(self, scenario=None, persona=None):
        hostile = {"name": HOSTILE, "label": HOSTILE}
        super().__init__(
            scenario
            or replace(
                Applications.Doorbell, **hostile, group=HOSTILE, unit=HOSTILE, mission=HOSTILE
            ),
            persona or replace(Personas.TinyPioneer, **hostile, role=HOSTILE),
        )

    def evaluate(self, choice):
        """Return a ledger with hostile notes and verdicts, or raise with a hostile message."""
        if choice["number"] == 1.0:
            raise RuntimeError(HOSTILE)
        missed = Verdict(HOSTILE, "performance.latency", 2.0, 1.0, "second", "at most", HOSTILE)
        return SystemLedger(
            performance=Performance(latency=choice["number"], binding_limit=HOSTILE),
            sustainability=Sustainability(region=HOSTILE, carbon=1.0),
            verdicts=(missed,),
        )
