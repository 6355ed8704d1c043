"""Fuzzing: give every simulation choices of all kinds, and see whether it keeps its promises.

    python tests/fuzz.py --choices 10000 --seed 1

A choice out of range is refused with one of our errors, whatever it is made of. A ledger that is
returned holds finite numbers alone, and is the same after a journey through JSON. Values are drawn
as Python expressions, so that the line printed with a finding is what was tried.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import signal
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from mlsysim import MLSysimError, NumberChoice, Personas, SystemLedger
from mlsysim.simulations import SIMULATIONS, BaseSimulation, Choice

_SECONDS_FOR_ONE = 5.0
_IMPORTS = """\
import datetime, decimal, fractions, math, numpy as np, pint
from mlsysim import *
from mlsysim.units import quantity"""

_NO_VALUES = (
    "None", "True", "False", "...", "b'1'", "1j", "object()", "int", "print", "lambda: 1",
    "[]", "[1]", "(1,)", "{}", "{1}", "{'value': 1}", "[[1, 2], [3]]", "iter([1])", "range(3)",
    "datetime.date(2030, 1, 1)", "np.datetime64('2030-01-01')", "np.bool_(True)",
    "np.complex128(1j)", "np.array([])", "np.array([], dtype=object)", "np.array(['a'])",
    "np.array([None])", "np.array([True])", "np.array([1j])", "np.zeros((0, 3))",
    "np.array([{}])", "np.array(1j)", "np.array('a')", "np.array(None)", "np.zeros(2, dtype='i,f')",
    "type('Loud', (), {'__repr__': lambda self: 1 / 0})()",
    "type('Loud', (), {'__str__': lambda self: 1 / 0})()",
    "type('Sly', (), {'__getattr__': lambda self, name: self})()",
    "type('Sly', (), {'dtype': None, '__float__': lambda self: 1 / 0})()",
    "type('Sly', (), {'magnitude': 1, 'dimensionality': {}})()",
)  # fmt: skip
_NO_NAMES = (
    "''", "' '", "'\\0'", "'\\ud800'", "'\\u202e'", "'\\ufeff'", "'a\\u0301' * 999", "'\\n'",
    "'<script>alert(1)</script>'", "'{}'", "'{0.__class__}'", "'%s%n'", "'../../etc/passwd'",
    "'__class__'", "'__import__(\"os\")'", "'🤖'", "'∞'", "'①'", "'x' * 1_000_000", "'(' * 99_999",
    "'9' * 5_000", "'9**9**9**9'", "'9^9^9^9'", "'1e400'", "'nan'", "'-inf'", "'Infinity'",
    "'1 nan'", "'day'", "'3 kg kg'", "'3 +'", "'1/0'", "'9⁹⁹⁹⁹⁹⁹⁹⁹⁹'", "'1 day**999999999'",
    "'0**-1'", "'1_'", "'0x'", "'3 flurb'",
    "np.str_('no')", "'second' * 9_999",
)  # fmt: skip
_NO_NUMBERS = (
    "math.nan", "math.inf", "-math.inf", "-1e308", "10**400", "-10**400", "-1", "-5e-324",
    "float('nan')", "np.float64('nan')", "np.float32('inf')", "np.array(math.nan)",
    "np.array([math.nan])", "np.array([math.inf, 1])", "np.array([-1.0, -2.0])",
    "np.array([10**400])", "decimal.Decimal('nan')", "fractions.Fraction(-1, 3)",
    "quantity(math.nan, 'day')", "quantity(3, 'kg')", "quantity(3, 'USD')", "quantity(1e300, 'm')",
    "quantity(np.array([1.0, 2.0]), 'kg')", "quantity(np.array([]), 'kg')",
    "pint.Quantity(3, 'kg')", "pint.Quantity(3, 'candela')", "'3 kg'", "'3 USD/m'", "'-1e300'",
    "quantity(3, 'degree_Celsius')", "'3 degC'", "quantity(-1.0, 'dimensionless')",
)  # fmt: skip


class Given(NamedTuple):
    """A value as a Python expression, and whether it must be refused."""

    expression: str
    wrong: bool


@dataclass(frozen=True)
class Finding:
    """A promise that was not kept, and the line of Python that shows it."""

    number: int
    promise: str
    what: str
    line: str

    def __str__(self) -> str:
        return f"choice {self.number}: {self.promise}: {self.what}\n    {self.line}"


class Draw:
    """Draws choices for simulations, the same from the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - choices that can be drawn again

    def choice(self, simulation: BaseSimulation) -> dict[str, Given]:
        """Return expressions by the expression of a name: all right in half of the cases."""
        declared = [each for each in simulation.choices if self.chance.random() < 0.6]
        drawn = {repr(each.name): self.right(each) for each in declared}
        if self.chance.random() < 0.5:
            name, value = self.wrong(self.chance.choice(simulation.choices))
            drawn[name] = value
        return drawn

    def right(self, choice: Choice) -> Given:
        """Draw a value that is accepted in itself, in one of the forms it may have."""
        if not isinstance(choice, NumberChoice):
            return Given(repr(self.chance.choice(choice.listed()).value), wrong=False)
        number, other = self._inside(choice), self._inside(choice)
        forms = [f"{number!r}"] * 3 + [f"np.float64({number!r})", f"'{number!r}'"]
        if choice.unit != "degree_Celsius":
            forms += [f"'{number!r} {choice.unit}'", f"quantity({number!r}, {choice.unit!r})"]
        if not choice.structural:
            both = f"{number!r}, {other!r}"
            forms += [f"np.array([{both}])", f"np.array([[{number!r}], [{other!r}]])"]
            forms += [f"np.array([{both}, {number!r}])", f"quantity([{both}], {choice.unit!r})"]
        return Given(self.chance.choice(forms), wrong=False)

    def wrong(self, choice: Choice) -> tuple[str, Given]:
        """Draw an unknown name, or a value that must be refused."""
        if self.chance.random() < 0.1:
            unhashable = ("[", "{", "iter", "np.array", "np.zeros")
            names = [each for each in _NO_VALUES if not each.startswith(unhashable)]
            return self.chance.choice([*_NO_NAMES, *names]), Given("1", wrong=True)
        values = _NO_VALUES + _NO_NAMES
        if isinstance(choice, NumberChoice):
            values += self._outside(choice) * 3 + self._unfit(choice)
        return repr(choice.name), Given(self.chance.choice(values), wrong=True)

    def _inside(self, choice: NumberChoice) -> float:
        low, high = choice.minimum, min(choice.maximum, 1e30)
        share = self.chance.choice([0.0, 1.0, self.chance.random(), self.chance.random() ** 9])
        within = low + share * (high - low)
        number = min(max(math.floor(within) if choice.integer else within, low), high)
        whole = number == int(number) and self.chance.random() < 0.5
        return int(number) if choice.integer or whole else float(number)

    @staticmethod
    def _outside(choice: NumberChoice) -> tuple[str, ...]:
        low, high = float(choice.minimum), float(choice.maximum)
        beyond = [math.nextafter(low, -math.inf), low - 1.0, low - 0.5, -1.0 - abs(low) * 2.0]
        if math.isfinite(high):
            beyond += [math.nextafter(high, math.inf), high + 1.0, high * 1e9 + 1.0, 1e308]
        beyond += [low + 0.5] * choice.integer
        beside = [f"np.array([{low!r}, {number!r}])" for number in beyond]
        named = [f"quantity({number!r}, {choice.unit!r})" for number in beyond]
        return (*map(repr, beyond), *beside, *named)

    @staticmethod
    def _unfit(choice: NumberChoice) -> tuple[str, ...]:
        def may_be_right(expression: str) -> bool:
            if choice.unit == "USD":
                return "'USD'" in expression
            if choice.unit == "degree_Celsius":
                return True
            return choice.minimum <= -1.0

        return tuple(each for each in _NO_NUMBERS if not may_be_right(each))


def simulations() -> list[BaseSimulation]:
    """Return every simulation of every application for every persona."""
    return [
        kind(application, persona)
        for kind in SIMULATIONS
        for application in kind.applications()
        for persona in Personas
    ]


def line_of(simulation: BaseSimulation, drawn: dict[str, Given]) -> str:
    """Return the expression that evaluates a choice."""
    inside = ", ".join(f"{name}: {given.expression}" for name, given in drawn.items())
    kind = type(simulation).__name__
    return (
        f"{kind}({simulation.scenario.name!r}, {simulation.persona.name!r}).evaluate({{{inside}}})"
    )


def not_finite(value: Any, path: str = "") -> Iterator[str]:
    """List the places at which a record holds a number that is none, or not finite."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from not_finite(part, f"{path}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from not_finite(part, f"{path}[]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path} is {value}"


def broken_in(ledger: SystemLedger) -> Iterator[tuple[str, str]]:
    """List the promises that a ledger breaks."""
    record = ledger.to_dict()
    yield from (("every number is finite", where) for where in not_finite(record))
    declared = json.loads(json.dumps(record))
    again = SystemLedger.from_dict(declared).to_dict()
    if again != declared:
        yield "a ledger survives JSON", f"{[name for name in again if again[name] != record[name]]}"
    if not str(ledger):
        yield "a ledger can be read", "nothing"


def broken_by(
    simulation: BaseSimulation, drawn: dict[str, Given], names: dict[str, Any]
) -> list[tuple[str, str]]:
    """List the promises that a simulation breaks when it gets a choice."""
    try:
        choice = {eval(name, names): eval(given.expression, names) for name, given in drawn.items()}  # noqa: S307 - drawn above
        ledger = simulation.evaluate(choice)
    except MLSysimError as error:
        return (
            [] if "accepted: " in str(error) else [("a refusal says what is accepted", f"{error}")]
        )
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return [("no error is a stranger's", f"{type(error).__name__}: {error}"[:200])]
    wrong = [f"{name}: {given.expression}" for name, given in drawn.items() if given.wrong]
    broken = [("nothing out of range is accepted", each) for each in wrong]
    try:
        return broken + list(broken_in(ledger))
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return [*broken, ("a ledger can be written", f"{type(error).__name__}: {error}"[:200])]


def _late(*_: object) -> None:
    raise TimeoutError(f"no answer within {_SECONDS_FOR_ONE:g} s")


def fuzz(choices: int, seed: int, *, quiet: bool = False) -> list[Finding]:
    """Try so many choices, and return what was found."""
    draw, found = Draw(seed), []
    names: dict[str, Any] = {}
    exec(_IMPORTS, names)  # noqa: S102 - written above
    every = simulations()
    draw.chance.shuffle(every)
    before = signal.signal(signal.SIGALRM, _late)
    bar = tqdm(islice(cycle(every), choices), total=choices, unit="choice", disable=quiet)
    for number, simulation in enumerate(bar):
        drawn = draw.choice(simulation)
        signal.setitimer(signal.ITIMER_REAL, _SECONDS_FOR_ONE)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            broken = broken_by(simulation, drawn, names)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        for promise, what in broken:
            found.append(Finding(number, promise, what, line_of(simulation, drawn)))
            if not quiet:
                tqdm.write(str(found[-1]))
    signal.signal(signal.SIGALRM, before)
    return found


def main() -> int:
    """Draw choices, try them, and tell what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--choices", type=int, default=10_000, help="how many choices to try")
    parser.add_argument("--seed", type=int, default=0, help="which choices are drawn")
    parser.add_argument("--json", type=Path, help="write every finding here")
    options = parser.parse_args()
    print(_IMPORTS)  # noqa: T201
    found = fuzz(options.choices, options.seed)
    if options.json:
        records = [asdict(finding) for finding in found]
        options.json.write_text(json.dumps(records, indent=1), encoding="utf-8")
    print(f"{len(found)} findings in {options.choices:,} choices of seed {options.seed}")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
