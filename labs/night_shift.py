"""A simulation of one's own, beside the notebook that imports it."""

from mlsysim import BaseSimulation, NumberChoice, Sustainability, SystemLedger
from mlsysim.ledger import Verdict
from mlsysim.simulations.deployment import solve


class NightShift(BaseSimulation):
    """A pile of work that has to be done by the morning: `throughput ≥ pile / night`.

    >>> night = NightShift("Doorbell", "TinyPioneer")
    >>> [verdict.constraint for verdict in night.evaluate({"pile": 1e6}).violations]
    ['Done by morning']
    """

    title = "One pile a night"
    choices = (
        NumberChoice(name="pile", label="Pile", help="Pictures, or tokens of text, a night.",
                     unit="dimensionless", minimum=1, maximum=1e12, default=1e5, scale="log"),
        NumberChoice(name="night", label="Night", help="Time until the morning.",
                     unit="hour", minimum=1, maximum=24, default=8),
    )  # fmt: skip

    def evaluate(self, choice):
        """Return how fast the work goes, what energy it takes, and whether it gets done."""
        run = solve(self.scenario, choice)
        pace, needed = run.si("throughput"), choice["pile"] / (choice["night"] * 3600)
        done = Verdict("Done by morning", "performance.throughput", pace, needed, "sample/second",
                       "at least", "Take a smaller pile or a longer night.")  # fmt: skip
        energy = Sustainability(it_energy=run.si("energy_per_sample") * choice["pile"])
        return SystemLedger(performance=run, sustainability=energy, verdicts=(done,))
