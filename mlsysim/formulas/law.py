"""What makes a function a law: units in its signature, an equation, and a source."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import numpy as np

from mlsysim.errors import DimensionError
from mlsysim.registry import Registry
from mlsysim.tracing import call, is_traced, leads_to_a_source
from mlsysim.units import is_quantity, quantity, to_unit

Function = TypeVar("Function", bound=Callable[..., Any])

_PLAIN = frozenset({float, int, np.ndarray, np.float64, np.int64, np.float32, np.int32})
_laws: list[Law] = []


@dataclass(frozen=True)
class Law:
    """A law of the registry: the function that callers use, the bare one, and its units."""

    name: str
    function: Callable[..., Any]
    bare: Callable[..., Any]
    source: str

    @functools.cached_property
    def units(self) -> Mapping[str, str]:
        """The unit of each argument, by name."""
        hints = get_type_hints(self.bare, include_extras=True)
        return {
            name: hints[name].__metadata__[0] for name in inspect.signature(self.bare).parameters
        }

    @functools.cached_property
    def result_unit(self) -> str:
        """The unit of the result."""
        hints = get_type_hints(self.bare, include_extras=True)
        return str(hints["return"].__metadata__[0])

    @property
    def equation(self) -> str:
        """The second paragraph of the docstring: the law as in a textbook."""
        return (inspect.getdoc(self.bare) or "").split("\n\n")[1].strip()

    def of_others(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Evaluate with what is neither a plain number nor an array of them."""
        given = (*args, *kwargs.values())
        if any(map(is_quantity, given)):
            return self.with_quantities(*args, **kwargs)
        if any(map(is_traced, given)) or leads_to_a_source(given):
            return call(self.bare, args, kwargs, self)
        return self.bare(*args, **kwargs)

    def with_quantities(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate with quantities; plain numbers are taken to be in the declared unit."""
        bound = inspect.signature(self.bare).bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            unit = self.units[name]
            plain = to_unit(f"{name} of {self.name}", value, unit)
            bound.arguments[name] = quantity(plain, unit)
        result = self.bare(*bound.args, **bound.kwargs)
        if not is_quantity(result):
            return quantity(result, "dimensionless").to(self.result_unit)
        if not result.check(quantity(1.0, self.result_unit).dimensionality):
            raise DimensionError(f"result of {self.name}", str(result), self.result_unit)
        return result.to(self.result_unit)


def law(source: str) -> Callable[[Function], Function]:
    """Declare a function to be a law that `source` states.

    Plain numbers and arrays pass straight through, as SI numbers in the units of the signature.
    As soon as one argument is a quantity, all are checked against their units, and the result
    comes back as a quantity. Raises `DimensionError` for a quantity of another dimension.
    """

    def declare(bare: Function) -> Function:
        @functools.wraps(bare)
        def function(*args: Any, **kwargs: Any) -> Any:
            for value in args:
                if type(value) not in _PLAIN:
                    return record.of_others(args, kwargs)
            if not kwargs:
                return bare(*args)
            for value in kwargs.values():
                if type(value) not in _PLAIN:
                    return record.of_others(args, kwargs)
            return bare(*args, **kwargs)

        record = Law(bare.__name__, function, bare, source)
        _laws.append(record)
        return function  # type: ignore[return-value]  # same signature as the function it wraps

    return declare


Laws: Registry[Law] = Registry("law", lambda: tuple(_laws))
