"""Timeline: what happens one after the other, and who waits meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlsysim import units
from mlsysim.explore.timeline import Task, pipeline_tasks, request_tasks
from mlsysim_widgets.views.asked import Asked
from mlsysim_widgets.views.figure import Figure, axis, plain

# So many tasks stand apart without a line around each.
_SEVERAL = 30


def applies(asked: Asked) -> bool:
    """Tell whether a ledger describes requests in a queue, or a step in a pipeline."""
    performance = asked.ledger.performance
    return "waiting_time" in performance or "bubble_fraction" in performance


def schedule(asked: Asked) -> Figure:
    """Return a request from its arrival to its last token, or one step on every stage."""
    tasks = _tasks(asked)
    kinds = list(dict.fromkeys(task.name for task in tasks))
    end = max(task.end for task in tasks)
    scale = units.best_scale(end, "second")
    queued = "waiting_time" in asked.ledger.performance
    title = _request(asked, end) if queued else _step(asked)
    whole = asked.ledger.performance.si("request_latency" if queued else "latency")
    return {
        "name": "timeline",
        "kind": "gantt",
        "title": title,
        "alt": f"{title}. {'; '.join(_told(task) for task in tasks[:12])}",
        "axes": {"x": axis("Time", scale.label)},
        "series": [
            *(
                _series(kind, [task for task in tasks if task.name == kind], scale)
                for kind in kinds
            ),
            {
                "name": "Done" if queued else "Step done, uneven stages included",
                "role": "mark",
                "x": plain([scale.of(whole)])[0],
                "text": units.humanize(whole, "second"),
            },
        ],
        "table": {
            "columns": ["Where", "What", "From", "Until"],
            "rows": [
                [
                    task.place,
                    task.name,
                    *(units.humanize(at, "second") for at in (task.start, task.end)),
                ]
                for task in tasks
            ],
        },
    }


def _tasks(asked: Asked) -> list[Task]:
    return request_tasks(asked.ledger) or pipeline_tasks(asked.ledger, asked.choice)


def _series(name: str, tasks: Sequence[Task], scale: units.Scale) -> dict[str, Any]:
    return {
        "name": name,
        "role": "span",
        "edge": int(len(tasks) < _SEVERAL),
        "x": plain(scale.of(task.start) for task in tasks),
        "until": plain(scale.of(task.end) for task in tasks),
        "y": [task.place for task in tasks],
        "text": name,
        "texts": [_told(task) for task in tasks],
    }


def _told(task: Task) -> str:
    ends = (units.humanize(at, "second") for at in (task.start, task.end))
    return f"{task.place}, {task.name.lower()}: {' to '.join(ends)}"


def _request(asked: Asked, end: float) -> str:
    first = asked.ledger.performance.text("time_to_first_token")
    whole = units.humanize(end, "second")
    return f"A request takes {whole} on average: first token after {first}"


def _step(asked: Asked) -> str:
    performance = asked.ledger.performance
    bubble = performance.text("bubble_fraction")
    return f"A step takes {performance.text('latency')}; {bubble} of it is the pipeline's bubble"
