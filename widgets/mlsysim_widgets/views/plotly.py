"""Plotly: the same figures as plain data for plotly.js, for whoever hovers, zooms or exports."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mlsysim.explore.space import MissingLibrary
from mlsysim_widgets.views.figure import Figure, axis_title

# The light theme; the page puts its own colours in their place.
INK, SOFT, LINE = "#16202b", "#51606f", "#d5dce3"
ACCENT, PART, WARM, BAD, PANEL = "#0b6e6e", "#8fa3b5", "#c98a1b", "#a8260f", "#f6f8fa"
COLORS = (ACCENT, PART, WARM, INK, BAD)
_CLEAR = "rgba(0,0,0,0)"
_NARROW = 20
_FAR = 20.0
_STARTS_AT_ZERO = ("bars", "stack", "breakdown")

Trace = dict[str, Any]


def plotly_spec(figure: Figure) -> dict[str, Any]:
    """Return data and layout for plotly.js.

    >>> from mlsysim import ResourceSimulation
    >>> from mlsysim_widgets.views import latency
    >>> spec = plotly_spec(latency(ResourceSimulation().evaluate({})))
    >>> sorted(spec), spec["layout"]["xaxis"]["title"]["text"]
    (['data', 'layout'], 'Time (ms)')
    """
    rows = _rows(figure)
    shown = [entry for entry in figure["series"] if not _beyond(entry, figure)]
    # A line across rows goes from the first to the last.
    ends = {"x": _ends(figure, "x"), "y": _ends(figure, "y") or [rows[0], rows[-1]]}
    data = [
        _TRACES[entry["role"]](entry, COLORS[min(place, 4)], ends)
        for place, entry in enumerate(shown)
    ]
    named = sum(trace.get("showlegend", True) for trace in data)
    axes = {f"{name}axis": _axis(figure, name) for name in ("x", "y")}
    return {
        "data": data,
        "layout": {
            **axes,
            "showlegend": named > 1,
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 0,
                "yref": "container",
                "yanchor": "bottom",
            },
            "margin": {"l": 8, "r": 14, "t": 40, "b": 14},
            "font": {"color": SOFT, "size": 12},
            "paper_bgcolor": _CLEAR,
            "plot_bgcolor": _CLEAR,
            "hovermode": "closest",
            "barmode": "overlay" if figure["kind"] in ("gantt", "tornado") else "stack",
            "bargap": 0.25,
            "hoverlabel": {"bgcolor": PANEL, "bordercolor": LINE, "font": {"color": INK}},
            "modebar": {"bgcolor": _CLEAR, "color": SOFT, "activecolor": ACCENT},
            "meta": {"rows": len(rows), "flat": figure["kind"] == "map"},
        },
    }


def go_figure(figure: Figure) -> Any:
    """Return a `plotly.graph_objects.Figure`, with the finding as its title.

    >>> from mlsysim import ResourceSimulation
    >>> from mlsysim_widgets.views import latency
    >>> go_figure(latency(ResourceSimulation().evaluate({}))).layout.title.text[:5]
    'Time:'
    """
    try:
        from plotly import graph_objects
    except ImportError as error:
        raise MissingLibrary("plotly", "widgets") from error
    drawn = graph_objects.Figure(plotly_spec(figure))
    drawn.update_layout(title=html.escape(figure["title"], quote=False), margin={"t": 90})
    return drawn


def library_source() -> bytes:
    """Return plotly.js as the installed plotly package carries it, which is not imported.

    >>> library_source()[:20].startswith(b"/**")
    True
    """
    found = find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        raise MissingLibrary("plotly", "widgets")
    (folder,) = found.submodule_search_locations
    return Path(folder, "package_data", "plotly.min.js").read_bytes()


def _axis(figure: Figure, name: str) -> Trace:
    declared = figure["axes"].get(name, {"scale": "category"})
    shared = {
        "type": declared["scale"],
        "automargin": True,
        "gridcolor": LINE,
        "linecolor": LINE,
        "zeroline": False,
        "exponentformat": "power" if declared["scale"] == "log" else "SI",
    }
    if declared["scale"] == "category":
        # The first row stands on top.
        return {**shared, "autorange": "reversed", "showgrid": False}
    if declared["scale"] == "log":
        shared["dtick"] = _log_step(_ends(figure, name))
    title = _safe(axis_title(declared))
    if "y" not in figure["axes"] and len(title) > _NARROW:
        # Names of rows leave little width: the unit goes below.
        title = title.replace(" (", "<br>(")
    titled = {**shared, "title": {"text": title}}
    if declared["scale"] == "linear" and name == "x" and figure["kind"] in _STARTS_AT_ZERO:
        titled["rangemode"] = "tozero"
    if "range" in declared:
        # A map keeps its proportions: degrees of a plate carrée.
        titled |= {"range": declared["range"], "visible": False, "constrain": "domain"}
        if name == "y":
            titled |= {"scaleanchor": "x", "scaleratio": 1.0}
    return titled


def _beyond(entry: Mapping[str, Any], figure: Figure) -> bool:
    """Tell whether a capacity would squeeze what is held against it to nothing."""
    whole = [each["value"] for each in figure["series"] if each["role"] == "total"]
    limit = entry["role"] == "limit" and "value" in entry
    return limit and bool(entry["value"] > np.multiply(max(whole), _FAR))


def _log_step(ends: list[Any]) -> Any:
    """Return the ticks of a logarithmic axis: 1, 2 and 5, or whole decades where there are many."""
    decades = np.ptp(np.log10(ends))
    return "D2" if decades < 2.0 else float(np.ceil(np.divide(decades, 4.0)))


def _rows(figure: Figure) -> list[str]:
    if "y" in figure["axes"]:
        return []
    rows = [row for entry in figure["series"] for row in _list(entry.get("y", []))]
    return [_safe(row) for row in dict.fromkeys(rows)] or ["", ""]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _ends(figure: Figure, name: str) -> list[Any]:
    """Return the least and the most of all numbers on an axis."""
    numbers = [
        number
        for entry in figure["series"]
        for key in (name, "until" if name == "x" else name)
        for number in _list(entry.get(key))
        if isinstance(number, int | float)
    ]
    return [min(numbers), max(numbers)] if numbers else []


def _safe(text: Any) -> Any:
    """Return text that plotly.js shows as it stands: it would take markup for markup."""
    return (
        [_safe(each) for each in text]
        if isinstance(text, list)
        else html.escape(str(text), quote=False)
    )


def _named(entry: Mapping[str, Any], **more: Any) -> Trace:
    texts = entry.get("texts") or entry["text"]
    return {
        "name": _safe(entry["name"]),
        "hovertext": _safe(texts),
        "hoverinfo": "text+name" if isinstance(texts, str) else "text",
        **more,
    }


def _line(entry: Mapping[str, Any], color: str, _ends: Any) -> Trace:
    line = {"color": color, "width": 2.5, "dash": entry.get("dash", "solid")}
    return _named(entry, type="scatter", mode="lines", x=entry["x"], y=entry["y"], line=line)


def _area(entry: Mapping[str, Any], color: str, _ends: Any) -> Trace:
    return _named(
        entry, type="scatter", mode="lines", x=entry["x"], y=entry["y"], stackgroup="all",
        fillcolor=color, line={"color": color, "width": 0.5},
    )  # fmt: skip


def _bar(entry: Mapping[str, Any], color: str, _ends: Any) -> Trace:
    return _named(
        entry, type="bar", orientation="h", x=entry["x"], y=_safe(entry["y"]),
        marker={"color": color},
    )  # fmt: skip


def _span(entry: Mapping[str, Any], color: str, _ends: Any) -> Trace:
    return _named(
        entry, type="bar", orientation="h", base=entry["x"], y=_safe(entry["y"]),
        x=np.subtract(entry["until"], entry["x"]).tolist(),
        marker={"color": color, "line": {"color": PANEL, "width": entry.get("edge", 0)}},
    )  # fmt: skip


def _part(entry: Mapping[str, Any], _color: str, _ends: Any) -> Trace:
    paint = {"total": INK, "limit": BAD}.get(entry["role"], ACCENT)
    return _named(
        entry, type="bar", orientation="h", x=[entry["value"]], y=[_safe(entry["name"])],
        marker={"color": paint}, text=[_safe(entry["text"])], showlegend=False,
    )  # fmt: skip


def _roof(entry: Mapping[str, Any], _color: str, ends: Mapping[str, list[Any]]) -> Trace:
    # Left of its corner the roof rises with slope one, and is flat right of it.
    least, most = np.multiply(ends["x"], (0.3, 3.0)).tolist()
    rising = float(np.multiply(entry["y"], np.divide(least, entry["x"])))
    x, y = [least, entry["x"], most], [rising, entry["y"], entry["y"]]
    return _line({**entry, "x": x, "y": y}, ACCENT, ends)


def _point(entry: Mapping[str, Any], _color: str, _ends: Any) -> Trace:
    here = entry["role"] == "point"
    marker = {
        "color": INK if here else WARM,
        "size": 13,
        "symbol": "diamond" if here else "square",
        "line": {"color": PANEL, "width": 1.5},
    }
    return _named(
        entry, type="scatter", mode="markers", x=[entry["x"]], y=[entry["y"]], marker=marker,
        cliponaxis=False,
    )  # fmt: skip


def _points(entry: Mapping[str, Any], color: str, _ends: Any) -> Trace:
    marker: Trace = {"size": 9, "color": color, "line": {"color": PANEL, "width": 1}}
    if "values" in entry:
        marker |= {
            "color": entry["values"],
            "colorscale": [[0.0, ACCENT], [0.5, WARM], [1.0, BAD]],
            "colorbar": {
                "orientation": "h", "thickness": 10, "outlinewidth": 0,
                "y": -0.02, "yanchor": "top",
                "title": {"text": _safe(entry["scale"]), "side": "bottom"},
            },
        }  # fmt: skip
    mode = "lines+markers" if entry.get("joined") else "markers"
    joined = {"color": color, "shape": "hv", "width": 1.5}
    return _named(
        entry, type="scatter", mode=mode, x=entry["x"], y=entry["y"], marker=marker, line=joined,
        showlegend="values" not in entry,
    )  # fmt: skip


def _land(entry: Mapping[str, Any], _color: str, _ends: Any) -> Trace:
    return {
        "type": "scatter", "mode": "lines", "x": entry["x"], "y": entry["y"], "fill": "toself",
        "fillcolor": LINE, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _upright(entry: Mapping[str, Any], _color: str, ends: Mapping[str, list[Any]]) -> Trace:
    x = [entry["x"], entry["x"]]
    if entry["role"] == "flip":
        return _dashed(entry["text"], x, ends["y"])
    return _dashed(f"{entry['name']} {entry['text']}", x, ends["y"], INK)


def _level(entry: Mapping[str, Any], _color: str, ends: Mapping[str, list[Any]]) -> Trace:
    name = f"{entry['name']} {entry['text']}"
    if "value" in entry:
        # A breakdown's limit is a row of its own: a line would need numbers on the other axis.
        return _part(entry, BAD, ends)
    return _dashed(name, ends["x"], [entry["y"], entry["y"]])


def _dashed(name: str, x: list[Any], y: list[Any], color: str = BAD) -> Trace:
    line = {"color": color, "width": 1.5, "dash": "dash"}
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "name": _safe(name),
        "hoverinfo": "name",
    }  # fmt: skip


_TRACES: Mapping[str, Callable[[Mapping[str, Any], str, Any], Trace]] = {
    "line": _line,
    "area": _area,
    "bar": _bar,
    "span": _span,
    "part": _part,
    "total": _part,
    "roof": _roof,
    "point": _point,
    "pinned": _point,
    "points": _points,
    "land": _land,
    "flip": _upright,
    "mark": _upright,
    "limit": _level,
}
