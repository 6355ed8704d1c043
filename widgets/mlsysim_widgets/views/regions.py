"""Regions: the same design in every other place, as bars and on a map."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mlsysim import units
from mlsysim.ledger import SystemLedger
from mlsysim.regions import Regions, land
from mlsysim_widgets.views.asked import PARTS, Asked, paths_of, stacked
from mlsysim_widgets.views.figure import Figure, axis, plain

_BARS = 14
_ALIKE = 0.05
_CLOUD = "Cloud region"
_CARBON = "sustainability.carbon"
_BASIS = "sustainability.carbon_basis"


class _Places(NamedTuple):
    """Places that can be compared, and what the design comes to in each, least first."""

    path: str
    names: list[str]
    values: Any
    parts: list[tuple[str, Any]]
    basis: str

    @property
    def metric(self) -> Any:
        return SystemLedger.metric(self.path)

    def text(self, place: int) -> str:
        return units.humanize(float(self.values[place]), self.metric.unit)

    def finding(self, here: str) -> str:
        if np.isclose(self.values[0], self.values[-1], rtol=_ALIKE):
            name = max(self.parts, key=lambda part: float(part[1].sum()))[0].lower()
            return f"{self.metric.label}: {self.text(0)} nearly everywhere, as {name} prevails"
        ends = (f"{self.text(end)} in {_label(self.names[end])}" for end in (0, -1))
        own = f"{self.text(self.names.index(here))} in {_label(here)}"
        return f"{self.metric.label}: {own}, from {' to '.join(ends)}"

    def axis(self, scale: units.Scale) -> dict[str, Any]:
        basis = f", {self.basis} basis" if self.basis else ""
        return axis(f"{self.metric.label}{basis}", scale.label)


def applies(asked: Asked) -> bool:
    """Tell whether a simulation lets people choose among the registered regions."""
    region = asked.declared.get("region")
    options = getattr(region, "options", None)
    return options is Regions and asked.ledger.si(_CARBON) is not None


def by_region(asked: Asked) -> Figure:
    """Return what a design comes to in regions from the best to the worst, by its parts."""
    places = _places(asked)
    here, there = asked.choice["region"], asked.pinned_choice.get("region")
    last = np.subtract(len(places.names), 1)
    chosen = {int(each) for each in np.round(np.linspace(0, last, _BARS))}
    kept = [
        place for place, name in enumerate(places.names) if name in (here, there) or place in chosen
    ]
    scale = units.best_scale(float(places.values[kept[-1]]), places.metric.unit)
    marks = {there: "A ", here: "▸ "}
    labels = [
        f"{marks.get(places.names[place], '')}{_label(places.names[place])}" for place in kept
    ]
    texts = [
        [units.humanize(float(v[p]), places.metric.unit) for p in kept] for _, v in places.parts
    ]
    return {
        "name": "regions",
        "kind": "bars",
        "title": places.finding(here),
        "alt": f"{places.finding(here)}. {_note(places)}",
        "axes": {"x": places.axis(scale)},
        "series": [
            {
                "name": name,
                "role": "bar",
                "x": plain(scale.of(values[kept])),
                "y": labels,
                "text": f"{name} by region",
                "texts": [
                    f"{label}: {name.lower()} {text}"
                    for label, text in zip(labels, each, strict=True)
                ],
            }
            for (name, values), each in zip(places.parts, texts, strict=True)
        ],
        "table": {
            "columns": ["Region", places.metric.label, *(name for name, _ in places.parts)],
            "rows": [
                [label, places.text(place), *cells]
                for label, place, *cells in zip(labels, kept, *texts, strict=True)
            ],
        },
    }


def world(asked: Asked) -> Figure:
    """Return what a design comes to over the map."""
    places = _places(asked)
    here, there = asked.choice["region"], asked.pinned_choice.get("region")
    kept = [
        place for place, name in enumerate(places.names) if Regions[name].latitude_deg is not None
    ]
    names = [places.names[place] for place in kept]
    scale = units.best_scale(float(np.median(places.values[kept])), places.metric.unit)
    texts = [
        f"{_label(name)}: {places.text(place)}" for name, place in zip(names, kept, strict=True)
    ]
    longitudes, latitudes = land()
    marked = [
        _mark(name, role, label)
        for name, role, label in ((there, "pinned", "A"), (here, "point", "Now"))
        if name in names
    ]
    return {
        "name": "map",
        "kind": "map",
        "title": places.finding(here),
        "alt": f"{places.finding(here)}. {_note(places)}",
        "axes": {
            "x": {**axis("Longitude", "°"), "range": [-170.0, 190.0]},
            "y": {**axis("Latitude", "°"), "range": [-57.0, 78.0]},
        },
        "series": [
            {"name": "Land", "role": "land", "x": longitudes, "y": latitudes, "text": "Coasts"},
            {
                "name": places.metric.label,
                "role": "points",
                "x": [Regions[name].longitude_deg for name in names],
                "y": [Regions[name].latitude_deg for name in names],
                "values": plain(scale.of(places.values[kept])),
                "scale": " ".join(filter(None, (places.axis(scale)["label"], f"({scale.label})"))),
                "text": places.metric.label,
                "texts": texts,
            },
            *marked,
        ],
        "table": {
            "columns": ["Region", places.metric.label],
            "rows": [
                [_label(name), places.text(place)] for name, place in zip(names, kept, strict=True)
            ],
        },
    }


def _places(asked: Asked) -> _Places:
    path = asked.metric if asked.metric in PARTS else _CARBON
    swept = asked.sweep([*paths_of(path), _BASIS], region=_candidates(asked))
    names = [str(name) for name in swept.space.axes[0].values]
    values = swept.full(path)
    comparable, basis = np.isfinite(values), ""
    if path == _CARBON and _BASIS in swept.values:
        # Carbon counted on another basis differs up to thirty times for the same plants.
        bases = swept.full(_BASIS)
        basis = str(bases[names.index(asked.choice["region"])])
        comparable &= bases == basis
    order = [int(place) for place in np.argsort(values, kind="stable") if comparable[place]]
    parts = [(name, each[order]) for name, each in stacked(swept, path)]
    return _Places(path, [names[place] for place in order], values[order], parts, basis)


def _mark(name: str, role: str, label: str) -> dict[str, Any]:
    region = Regions[name]
    return {
        "name": label,
        "role": role,
        "x": region.longitude_deg,
        "y": region.latitude_deg,
        "text": region.label,
    }


def _label(name: str) -> str:
    return str(Regions[name].label).removesuffix(" (average)")


def _candidates(asked: Asked) -> list[str]:
    """Return all regions; cloud regions repeat the grid they lie in, and are for their own kind."""
    own = {asked.choice["region"], asked.pinned_choice.get("region")}
    clouds = any(name in Regions and Regions[name].group == _CLOUD for name in own)
    return [name for name, region in Regions.items() if clouds or region.group != _CLOUD]


def _note(places: _Places) -> str:
    basis = f" whose carbon is counted on the {places.basis} basis" if places.basis else ""
    return f"Among {len(places.names)} regions{basis}"
