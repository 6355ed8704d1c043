"""Named collections of twins, reachable by name, alias or attribute."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from mlsysim.errors import InvalidInput, UnknownName
from mlsysim.tracing import current_recorder, recording


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """Name by which people ask for it."""


T = TypeVar("T", bound=Named)
K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A dictionary that cannot change, so that a frozen record holding one is frozen all through.

    >>> FrozenDict(fp16=1.0)["fp16"] = 2.0
    Traceback (most recent call last):
    TypeError: a FrozenDict cannot be changed
    """

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a FrozenDict cannot be changed")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)


def identifier(name: str) -> str:
    """Turn a display name into a Python identifier.

    >>> identifier("NVIDIA H100 SXM5 80GB")
    'NVIDIA_H100_SXM5_80GB'
    """
    return re.sub(r"\W+", "_", name).strip("_")


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping from name to twin, filled when first used.

    Looked up by name, by one of the twin's `aliases`, or as an attribute:
    `Regions["Quebec"]`, `Regions["CA-QC"]` and `Regions.Quebec` are the same twin.

    Raises `UnknownName` with the nearest names when there is no such twin.
    """

    def __init__(self, kind: str, load: Callable[[], Iterable[T]]):
        self._kind = kind
        self._load = load

    @cached_property
    def _twins(self) -> dict[str, T]:
        twins: dict[str, T] = {}
        with recording(None):
            loaded = tuple(self._load())
        for twin in loaded:
            if twin.name in twins:
                raise InvalidInput(self._kind, twin.name, "a name that is not taken yet")
            twins[twin.name] = twin
        return twins

    @cached_property
    def _lookup(self) -> dict[str, T]:
        names: dict[str, T] = {}
        for twin in self._twins.values():
            own = (twin.name, *getattr(twin, "aliases", ()))
            for name in (*own, *map(identifier, own)):
                if names.setdefault(name, twin) is not twin:
                    raise InvalidInput(self._kind, name, "a name that is not taken yet")
        return names

    def refill(self) -> None:
        """Forget the twins, so that the next use builds them again."""
        self.__dict__.pop("_twins", None)
        self.__dict__.pop("_lookup", None)

    def __getitem__(self, name: str) -> T:
        if isinstance(name, str) and name in self._lookup:
            twin = self._lookup[name]
            recorder = current_recorder()
            return twin if recorder is None else recorder.traced(twin)
        raise UnknownName(self._kind, name, self._twins)

    def __getattr__(self, name: str) -> T:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._lookup

    def __iter__(self) -> Iterator[str]:
        return iter(self._twins)

    def __len__(self) -> int:
        return len(self._twins)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(identifier(name) for name in self._twins)]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._twins)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._kind}s: {', '.join(list(self)[:4])}, …>"

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)
