"""Explorations: figures about more than one design, made only when somebody opens them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mlsysim.errors import UnknownName
from mlsysim.ledger import SystemLedger
from mlsysim.simulations.base import BaseSimulation
from mlsysim_widgets.views import costs, front, optimum, queue, regions, timeline, tornado
from mlsysim_widgets.views.asked import Asked
from mlsysim_widgets.views.figure import Figure


class Exploration(NamedTuple):
    """One question about a design space: how it is called, when it makes sense, its answer."""

    label: str
    help: str
    applies: Callable[[Asked], bool]
    draw: Callable[[Asked], Figure]


EXPLORATIONS: Mapping[str, Exploration] = {
    "tornado": Exploration(
        "What moves it", "How far each choice alone could move a number.",
        tornado.applies, tornado.swings,
    ),
    "regions": Exploration(
        "Other regions", "The same design on other grids, from the best to the worst.",
        regions.applies, regions.by_region,
    ),
    "map": Exploration(
        "World map", "Where the same design would emit, cost or use how much.",
        regions.applies, regions.world,
    ),
    "front": Exploration(
        "Trade-offs", "Designs of which none is better in both of two aims.",
        front.applies, front.traded,
    ),
    "costs": Exploration(
        "Cost over time", "What the money is spent on, as the deployment goes on.",
        costs.applies, costs.over_time,
    ),
    "queue": Exploration(
        "Queue and tail", "How waiting grows as requests come near the capacity.",
        queue.applies, queue.tail,
    ),
    "optimum": Exploration(
        "Best interval", "Saving too often costs time, saving too rarely loses work.",
        optimum.applies, optimum.interval,
    ),
    "timeline": Exploration(
        "Timeline", "What happens when in one request, or in one step on every stage.",
        timeline.applies, timeline.schedule,
    ),
}  # fmt: skip


def offered(simulation: BaseSimulation, ledger: SystemLedger) -> list[dict[str, str]]:
    """Return name, label and help of the explorations that a simulation can answer.

    >>> from mlsysim import ResourceSimulation
    >>> simulation = ResourceSimulation("Doorbell")
    >>> [each["name"] for each in offered(simulation, simulation.evaluate({}))]
    ['tornado', 'regions', 'map', 'front', 'costs']
    """
    asked = Asked(simulation, simulation.defaults, ledger, None, "performance.latency")
    return [
        {"name": name, "label": each.label, "help": each.help}
        for name, each in EXPLORATIONS.items()
        if each.applies(asked)
    ]


def explored(
    name: str,
    simulation: BaseSimulation,
    choice: Mapping[str, Any],
    ledger: SystemLedger,
    *,
    pinned: SystemLedger | None = None,
    metric: str = "performance.latency",
) -> Figure:
    """Return the figure of one exploration of a design, with the pinned one where it applies.

    Raises `UnknownName` for an exploration that is not offered, or a metric there is not.

    >>> from mlsysim import ResourceSimulation
    >>> simulation = ResourceSimulation("Doorbell")
    >>> explored("queue", simulation, {}, simulation.evaluate({}))
    Traceback (most recent call last):
    mlsysim.errors.UnknownName: exploration: received 'queue'; accepted: tornado, regions, map, \
front, costs.
    """
    SystemLedger.metric(metric)
    asked = Asked(simulation, simulation.complete(choice), ledger, pinned, metric)
    known = [each["name"] for each in offered(simulation, ledger)]
    if name not in known:
        raise UnknownName("exploration", name, known)
    return EXPLORATIONS[name].draw(asked)
