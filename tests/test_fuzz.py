"""The fuzzer finds nothing in the simulations, and finds what it is meant to find."""

from __future__ import annotations

import re

import fuzz
import pytest

from mlsysim import NumberChoice, SystemLedger
from mlsysim.choices import OptionChoice
from mlsysim.simulations.base import BaseSimulation


def test_simulations_keep_their_promises():
    assert fuzz.fuzz(choices=300, seed=1, quiet=True) == []


def test_the_same_seed_draws_the_same_choices():
    simulation = fuzz.simulations()[0]
    drawn = [[fuzz.Draw(seed).choice(simulation) for _ in range(5)] for seed in (3, 3, 4)]
    assert drawn[0] == drawn[1] != drawn[2]


def _promises_broken() -> set[str]:
    return {each.promise for each in fuzz.fuzz(choices=60, seed=1, quiet=True)}


@pytest.mark.parametrize("choice", [NumberChoice, OptionChoice])
def test_a_simulation_that_accepts_anything_is_noticed(monkeypatch, choice):
    right = choice.validate

    def careless(self, value):
        try:
            return right(self, value)
        except fuzz.MLSysimError:
            return self.default

    monkeypatch.setattr(choice, "validate", careless)
    assert _promises_broken() == {"nothing out of range is accepted"}


def test_an_error_of_another_family_is_noticed_with_the_line_that_shows_it(monkeypatch):
    def clumsy(_self, choice):
        raise KeyError(choice)

    whole = fuzz.simulations()
    monkeypatch.setattr(fuzz, "simulations", lambda: whole)
    monkeypatch.setattr(BaseSimulation, "complete", clumsy)
    found = fuzz.fuzz(choices=5, seed=2, quiet=True)
    assert {each.promise for each in found} == {"no error is a stranger's"}
    assert re.search(r"\n    \w+Simulation\('\w+', '\w+'\)\.evaluate\(\{.*\}\)$", str(found[0]))


@pytest.mark.parametrize(
    ("what", "promise"),
    [({"economics": {"tco": float("nan")}}, "every number is finite"),
     ({"context": {1: "a"}}, "a ledger survives JSON")],
)  # fmt: skip
def test_a_ledger_that_is_no_record_is_noticed(monkeypatch, what, promise):
    whole = SystemLedger.to_dict
    monkeypatch.setattr(SystemLedger, "to_dict", lambda self: {**whole(self), **what})
    monkeypatch.setattr(SystemLedger, "from_dict", lambda record: SystemLedger())  # noqa: ARG005
    assert promise in _promises_broken()
