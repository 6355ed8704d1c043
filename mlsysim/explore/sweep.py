"""A design space as one labelled result: arrays as far as they go, options one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from mlsysim.errors import InvalidInput, UnknownName, require_number
from mlsysim.explore.space import Space, library
from mlsysim.ledger import SystemLedger, metric_paths

VERDICTS = "verdicts."
Values = dict[str, Any]


class Block(NamedTuple):
    """The part of a sweep that is one evaluation: an index of options, and a slice of numbers."""

    place: tuple[int, ...]
    slices: tuple[slice, ...]


@dataclass(frozen=True)
class Sweep:
    """Every metric and every verdict at every point of a design space.

    `sweep["performance.latency"]` is an xarray.DataArray in SI units over the choices it depends
    on, `sweep["verdicts.Fits in memory"]` the margin of a verdict (negative: violated), and
    `sweep["feasible"]` tells where every verdict holds. `dataset` holds them all.

    >>> from mlsysim import ResourceSimulation
    >>> sweep = ResourceSimulation().sweep(region=["Quebec", "Poland"], duration_days=[30, 365])
    >>> sweep["sustainability.carbon"].dims
    ('region', 'duration_days')
    >>> bool(sweep["sustainability.carbon"].sel(region="Quebec", duration_days=30) > 0)
    True
    """

    space: Space
    values: Mapping[str, Any]
    dims: Mapping[str, tuple[str, ...]]

    @property
    def shape(self) -> dict[str, int]:
        """How many values each choice takes, by name."""
        return {axis.name: len(axis.values) for axis in self.space.axes}

    @property
    def size(self) -> int:
        """How many points there are."""
        return int(np.prod(list(self.shape.values())))

    @cached_property
    def dataset(self) -> Any:
        """The whole result as an xarray.Dataset, with units and names for plots."""
        xarray = library("xarray")
        coordinates = {
            axis.name: (axis.name, axis.values, axis.attributes) for axis in self.space.axes
        }
        variables = {
            path: (self.dims[path], array, _attributes(path)) for path, array in self.values.items()
        }
        return xarray.Dataset(variables, coordinates)

    def __getitem__(self, path: str) -> Any:
        return self.dataset[self._known(path)]

    def full(self, path: str) -> np.ndarray[Any, Any]:
        """Return the values of a metric at every point, in the order of `shape`."""
        path, shape = self._known(path), self.shape
        kept = [size if name in self.dims[path] else 1 for name, size in shape.items()]
        array = self.values[path].reshape(kept)
        return np.broadcast_to(array, tuple(shape.values()))

    def choice_at(self, index: int) -> dict[str, Any]:
        """Return the complete choice at a point, counted through `full` in C order."""
        places = np.unravel_index(index, tuple(self.shape.values()))
        axes = zip(self.space.axes, places, strict=True)
        chosen = {axis.name: _plain(axis.values[place]) for axis, place in axes}
        return {**self.space.fixed, **chosen}

    def to_dataframe(self) -> Any:
        """Return a pandas.DataFrame: a row for each point, a column for each metric."""
        columns = {path: self.full(path).ravel() for path in self.values}
        pandas = library("pandas")
        index = pandas.MultiIndex.from_product(
            [axis.values for axis in self.space.axes], names=list(self.shape)
        )
        return pandas.DataFrame(columns, index=index)

    def to_csv(self, path: str | Path) -> None:
        """Write the table, with the SI unit of each metric in its heading."""
        frame = self.to_dataframe()
        frame.columns = [_heading(name) for name in frame.columns]
        frame.to_csv(path)

    def _known(self, path: str) -> str:
        if path in self.values:
            return path
        raise UnknownName("metric", path, self.values)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name} × {size}" for name, size in self.shape.items())
        return (
            f"<Sweep of {self.size:,} points: {axes}; {len(self.values) - 1} metrics and verdicts>"
        )

    def _repr_html_(self) -> str:
        return str(self.dataset._repr_html_())


def sweep(
    space: Space,
    *,
    metrics: Sequence[str] | None = None,
    chunks: int | None = None,
    client: Any = None,
) -> Sweep:
    """Evaluate every point of a space; see `BaseSimulation.sweep`."""
    wanted = None if metrics is None else {_metric_path(path) for path in metrics}
    blocks = list(_blocks(space, chunks))
    found: dict[tuple[int, ...], list[tuple[Block, Values]]] = {}
    for block, values in _evaluated(space, blocks, wanted, client):
        found.setdefault(block.place, []).append((block, values))
    parts = [part for index in sorted(found) for part in found[index]]
    return _assembled(space, parts)


def evaluate_block(space: Space, block: Block, wanted: set[str] | None) -> Values:
    """Return the metrics and margins of one block, by path, with an axis for each number."""
    chosen: dict[str, Any] = dict(space.fixed)
    for axis, place in zip(space.separate, block.place, strict=True):
        chosen[axis.name] = axis.values[place]
    dimensions = len(space.together)
    for position, (axis, part) in enumerate(zip(space.together, block.slices, strict=True)):
        shape = [1] * dimensions
        shape[position] = -1
        chosen[axis.name] = axis.values[part].reshape(shape)
    return _values_of(space.simulation.evaluate(chosen), wanted)


def _values_of(ledger: SystemLedger, wanted: set[str] | None) -> Values:
    found: Values = {}
    for path in metric_paths() if wanted is None else wanted:
        value = ledger.si(path)
        if value is not None:
            found[path] = value
    for verdict in ledger.verdicts:
        found[f"{VERDICTS}{verdict.constraint}"] = verdict.margin
    holds: Any = True
    for verdict in ledger.verdicts:
        holds = holds & np.asarray(verdict.holds)
    found["feasible"] = holds
    return found


def _blocks(space: Space, chunks: int | None) -> Iterator[Block]:
    """Cut a space into evaluations: by option, and by `chunks` points along the longest axis.

    A slice has two points at least, so that its result tells what depends on the axis.
    """
    sizes = [len(axis.values) for axis in space.together]
    points = int(np.prod(sizes)) if sizes else 1
    pieces = 1
    longest = int(np.argmax(sizes)) if sizes else 0
    if chunks is not None:
        require_number("chunks", chunks, minimum=1.0)
        pieces = max(min(-(-points // int(chunks)), sizes[longest] // 2 if sizes else 1), 1)
    whole = [slice(0, size) for size in sizes]
    for index in itertools.product(*(range(len(axis.values)) for axis in space.separate)):
        for part in range(pieces):
            slices = list(whole)
            if sizes:
                ends = [sizes[longest] * place // pieces for place in (part, part + 1)]
                slices[longest] = slice(*ends)
            yield Block(index, tuple(slices))


def _evaluated(
    space: Space, blocks: Sequence[Block], wanted: set[str] | None, client: Any
) -> Iterable[tuple[Block, Values]]:
    bar = tqdm(total=len(blocks), desc="Sweep", unit="block", delay=1.0, leave=False)
    with bar:
        results = (
            ((block, evaluate_block(space, block, wanted)) for block in blocks)
            if client is None
            else _distributed(space, blocks, wanted, client)
        )
        for block, values in results:
            bar.update()
            yield block, values


def _distributed(
    space: Space, blocks: Sequence[Block], wanted: set[str] | None, client: Any
) -> Iterator[tuple[Block, Values]]:
    """Evaluate blocks on the workers of a dask.distributed client, which replaces lost ones."""
    distributed = library("distributed", "cluster")
    futures = client.map(lambda block: evaluate_block(space, block, wanted), blocks, pure=False)
    by_future = dict(zip(futures, blocks, strict=True))
    for future, values in distributed.as_completed(futures, with_results=True):
        yield by_future[future], values


def _assembled(space: Space, parts: Sequence[tuple[Block, Values]]) -> Sweep:
    paths = dict.fromkeys(path for _, values in parts for path in values)
    separate, together = (
        [len(axis.values) for axis in axes] for axes in (space.separate, space.together)
    )
    names = [axis.name for axis in space.axes]
    arrays, dims = {}, {}
    for path in paths:
        shapes = {np.shape(values[path]) for _, values in parts if path in values}
        spread = _spread(shapes, together)
        shape = [
            *separate,
            *(size if own else 1 for size, own in zip(together, spread, strict=True)),
        ]
        array = np.empty(shape, dtype=_type_of(path))
        if not all(path in values for _, values in parts):
            array[...] = _nothing(path)
        for block, values in parts:
            if path in values:
                within: list[slice] = [
                    part if own else slice(None)
                    for part, own in zip(block.slices, spread, strict=True)
                ]
                array[block.place + tuple(within)] = values[path]
        kept = [*([True] * len(separate)), *spread]
        dims[path] = tuple(name for name, own in zip(names, kept, strict=True) if own)
        arrays[path] = array.reshape([size for size, own in zip(shape, kept, strict=True) if own])
    return Sweep(space, arrays, dims)


def _spread(shapes: Iterable[tuple[int, ...]], sizes: Sequence[int]) -> list[bool]:
    """Tell along which axes of numbers a result varies: those where a block has several values."""
    padded = [(1,) * (len(sizes) - len(shape)) + shape for shape in shapes]
    return [
        any(shape[axis] > 1 for shape in padded) or size == 1 for axis, size in enumerate(sizes)
    ]


def _is_note(path: str) -> bool:
    return path in metric_paths() and not SystemLedger.metric(path).unit


def _nothing(path: str) -> Any:
    return "" if _is_note(path) else path == "feasible" or np.nan


def _type_of(path: str) -> Any:
    return object if _is_note(path) else bool if path == "feasible" else float


def _metric_path(path: str) -> str:
    SystemLedger.metric(path)
    return path


def _attributes(path: str) -> dict[str, str]:
    if path.startswith(VERDICTS):
        return {"long_name": f"Margin: {path.removeprefix(VERDICTS)}", "units": "1"}
    if path == "feasible":
        return {"long_name": "Every constraint holds"}
    metric = SystemLedger.metric(path)
    return {
        "long_name": metric.label,
        "units": "1" if metric.unit == "dimensionless" else metric.unit,
        "description": metric.description,
    }


def _heading(path: str) -> str:
    units = _attributes(path).get("units", "")
    return path if units in ("", "1") else f"{path} [{units}]"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def require_metric(path: Any) -> str:
    """Return the path of a metric that is a number, or raise.

    >>> require_metric("performance.binding_limit")
    Traceback (most recent call last):
    mlsysim.errors.InvalidInput: metric: received 'performance.binding_limit'; accepted: a metric \
that is a number.
    """
    if not SystemLedger.metric(path).unit:
        raise InvalidInput("metric", path, "a metric that is a number")
    return str(path)
