"""What happens when within one execution: a request in a service, a training step in a pipeline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from mlsysim.ledger import SystemLedger

FORWARD, BACKWARD, BUSY = "Forward", "Backward", "Forward and backward"

# A step runs every operator once forward and does twice that work backward, and once more
# forward where all activations are computed again.
_BACKWARD = {"full": 3.0}
_USUALLY_BACKWARD = 2.0
# Beyond these no picture shows single microbatches, and beyond those nobody waits for it.
_MOST_TASKS = 300
_MOST_SIMULATED = 10_000


class Task(NamedTuple):
    """Something that a place does between two times, in seconds."""

    place: str
    name: str
    start: float
    end: float


class _Work(NamedTuple):
    """One microbatch going through one piece of the network, forward or backward."""

    name: str
    piece: int
    microbatch: int


def request_tasks(ledger: SystemLedger) -> list[Task]:
    """Return the mean request of a service: waiting, reading the prompt, writing the answer.

    >>> from mlsysim import ServingSimulation
    >>> [task.name for task in request_tasks(ServingSimulation("Inference").evaluate({}))]
    ['Waiting', 'Prompt', 'Answer']
    """
    known = ledger.performance
    names = ("waiting_time", "time_to_first_token", "request_latency")
    if any(known.si(name) is None for name in names):
        return []
    ends = [known.si(name) for name in names]
    labels = ("Waiting", "Prompt", "Answer")
    starts = [0.0, *ends[:-1]]
    return [Task(*each) for each in zip(labels, labels, starts, ends, strict=True)]


def pipeline_tasks(ledger: SystemLedger, choice: Mapping[str, Any]) -> list[Task]:
    """Return what each stage of a pipeline does in one training step, one forward one backward.

    Stages are alike here: the step lasts as long as the ledger says, less what the fullest stage
    makes the others wait. The gaps are the bubble.

    Source: narayanan-2021-megatron.

    >>> from mlsysim import TrainingSimulation
    >>> sim = TrainingSimulation("Training")
    >>> tasks = pipeline_tasks(sim.evaluate({}), sim.defaults)
    >>> len({task.place for task in tasks})
    4
    """
    performance = ledger.performance
    chunks, batch = performance.si("pipeline_chunks"), performance.si("replica_batch")
    if chunks is None or batch is None or "pipeline" not in choice:
        return []
    stages = int(choice["pipeline"])
    pieces = int(chunks) // stages
    microbatches = math.ceil(batch / choice["microbatch_size"])
    backward = _BACKWARD.get(str(choice.get("recomputation")), _USUALLY_BACKWARD)
    busy = performance.si("latency") - performance.si("bubble_time")
    unit = busy / (microbatches * pieces * (1.0 + backward))
    lasting = {FORWARD: unit, BACKWARD: backward * unit}
    if stages * pieces * microbatches > _MOST_SIMULATED:
        return list(_outlines(stages, busy, lasting))
    every = _simulated(stages, pieces, microbatches, lasting)
    return every if len(every) <= _MOST_TASKS else list(_merged(every))


def _outlines(stages: int, busy: float, lasting: Mapping[str, float]) -> Iterator[Task]:
    """Yield the time between the first and the last microbatch of each stage."""
    whole = busy + (stages - 1) * sum(lasting.values())
    for stage in range(stages):
        start, end = stage * lasting[FORWARD], whole - stage * lasting[BACKWARD]
        yield Task(_place(stage), BUSY, start, end)


def _simulated(
    stages: int, pieces: int, microbatches: int, lasting: Mapping[str, float]
) -> list[Task]:
    """Let each stage do its work in its order, each as soon as what it needs is there."""
    queues = [_order(stage, stages, pieces, microbatches) for stage in range(stages)]
    done: dict[tuple[int, _Work], float] = {}
    free = [0.0] * stages
    places = [0] * stages
    tasks: list[Task] = []
    moving = True
    while moving:
        moving = False
        for stage, queue in enumerate(queues):
            while places[stage] < len(queue):
                work = queue[places[stage]]
                needed = _needed(stage, work, stages, pieces)
                if needed is not None and needed not in done:
                    break
                start = max(free[stage], done[needed] if needed else 0.0)
                free[stage] = done[stage, work] = start + lasting[work.name]
                tasks.append(Task(_place(stage), work.name, start, free[stage]))
                places[stage] += 1
                moving = True
    return sorted(tasks, key=lambda task: (int(task.place.split()[1]), task.start))


def _order(stage: int, stages: int, pieces: int, microbatches: int) -> list[_Work]:
    """Return the work of a stage: some forward to fill the pipeline, then one of each in turn."""
    groups = [range(microbatches)[at : at + stages] for at in range(0, microbatches, stages)]
    ways = {
        FORWARD: list(range(pieces)),
        BACKWARD: list(reversed(range(pieces))),
    }
    forward, backward = (
        [_Work(name, piece, each) for group in groups for piece in order for each in group]
        for name, order in ways.items()
    )
    filling = stages - stage - 1
    if pieces > 1:
        filling = 2 * filling + (pieces - 1) * stages
    first = forward[:filling]
    turns = [each for pair in zip(forward[filling:], backward, strict=False) for each in pair]
    return [*first, *turns, *backward[len(forward[filling:]) :]]


def _needed(stage: int, work: _Work, stages: int, pieces: int) -> tuple[int, _Work] | None:
    """Return what must be done before: the piece before it, or on the way back the one after."""
    if work.name == FORWARD:
        if stage > 0:
            return stage - 1, work
        return (stages - 1, work._replace(piece=work.piece - 1)) if work.piece else None
    if stage < stages - 1:
        return stage + 1, work
    if work.piece < pieces - 1:
        return 0, work._replace(piece=work.piece + 1)
    return stage, work._replace(name=FORWARD)


def _merged(tasks: list[Task]) -> Iterator[Task]:
    """Join what a stage does without a pause."""
    for place, own in groupby(tasks, key=lambda task: task.place):
        start = end = None
        for task in own:
            if start is None or end is None:
                start = task.start
            elif task.start > end * (1.0 + 1e-9):
                yield Task(place, BUSY, start, end)
                start = task.start
            end = task.end
        if start is not None and end is not None:
            yield Task(place, BUSY, start, end)


def _place(stage: int) -> str:
    return f"Stage {stage + 1}"
