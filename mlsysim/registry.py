"""Named collections of twins, reachable by name, alias or attribute."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

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


class _Read(NamedTuple):
    """What a registry has read so far: twins by name, by every name, and the tables to come."""

    twins: dict[str, Any]
    names: dict[str, Any]
    unread: tuple[Callable[[], Iterable[Any]], ...]


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping from name to twin, filled when first used.

    Looked up by name, by one of the twin's `aliases`, or as an attribute:
    `Regions["Quebec"]`, `Regions["CA-QC"]` and `Regions.Quebec` are the same twin.
    Where it has several tables, looking up a name reads them in turn until it is found.

    Raises `UnknownName` with the nearest names when there is no such twin.
    """

    def __init__(self, kind: str, *tables: Callable[[], Iterable[T]]):
        self._kind = kind
        self._tables = tables
        self.refill()

    def refill(self) -> None:
        """Forget the twins, so that the next use builds them again."""
        self._read = _Read({}, {}, self._tables)

    def _load(self) -> Iterator[T]:
        return (twin for table in self._tables for twin in table())

    def _read_a_table(self, so_far: _Read) -> None:
        twins, names, unread = dict(so_far.twins), dict(so_far.names), so_far.unread
        with recording(None):
            loaded = tuple(unread[0]())
        for twin in loaded:
            if twin.name in twins:
                raise InvalidInput(self._kind, twin.name, "a name that is not taken yet")
            twins[twin.name] = twin
            own = (twin.name, *getattr(twin, "aliases", ()))
            for name in (*own, *map(identifier, own)):
                if names.setdefault(name, twin) is not twin:
                    raise InvalidInput(self._kind, name, "a name that is not taken yet")
        # In one step, so that two threads that read the same table do not disturb each other.
        self._read = _Read(twins, names, unread[1:])

    @property
    def _twins(self) -> dict[str, T]:
        while (so_far := self._read).unread:
            self._read_a_table(so_far)
        return self._read.twins

    def _found(self, name: object) -> T | None:
        if not isinstance(name, str):
            return None
        while name not in (so_far := self._read).names and so_far.unread:
            self._read_a_table(so_far)
        return self._read.names.get(name)

    def __getitem__(self, name: str) -> T:
        if (twin := self._found(name)) is not None:
            recorder = current_recorder()
            return twin if recorder is None else recorder.traced(twin)
        raise UnknownName(self._kind, name, self._twins)

    def __getattr__(self, name: str) -> T:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return self._found(name) is not None

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


class ByName(Generic[T]):
    """A field of a record that holds a twin, or its name until the twin is first asked for.

    The record's `__post_init__` begins with `ByName.keep_names(self)`.

    >>> from mlsysim import Applications
    >>> Applications.Doorbell.system.hardware.name
    'ESP32-S3'
    """

    def __init__(self, registry: Registry[T], kind: type):
        self._registry = registry
        self._kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self._field = name

    def __get__(self, record: Any, owner: type) -> T:
        """Look the twin up and leave it in the record, where Python finds it from then on."""
        if record is None:
            raise AttributeError(self._field)
        with recording(None):
            twin = self._registry[vars(record)[f"name of {self._field}"]]
        vars(record)[self._field] = twin
        return twin

    if TYPE_CHECKING:

        def __set__(self, record: Any, value: T | str) -> None: ...

    @staticmethod
    def keep_names(record: Any) -> None:
        """Put names aside, to look them up later; raise `InvalidInput` for what is no twin."""
        values = vars(record)
        for field, by_name in _fields_by_name(record.__class__).items():
            if isinstance(values[field], str):
                values[f"name of {field}"] = values.pop(field)
            elif not isinstance(values[field], by_name._kind):
                accepted = f"a {by_name._kind.__name__} or the name of one"
                raise InvalidInput(field, values[field], accepted)


@cache
def _fields_by_name(kind: Any) -> dict[str, ByName[Any]]:
    declared = (each for base in kind.__mro__ for each in vars(base).values())
    return {each._field: each for each in declared if isinstance(each, ByName)}
