"""What compression costs in quality: published measurements, and what they say of other models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlsysim.errors import InvalidInput, UnknownName, require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced, cell_number, read_table
from mlsysim.tracing import SourcedFloat

TECHNIQUES = ("format", "unstructured", "channels", "2:4", "model")
# In 16 bits and more, networks compute what they were trained to.
REFERENCE_FORMATS = ("fp32", "tf32", "fp16", "bf16")

AS_TRAINED = SourcedFloat(
    1.0,
    name="quality_as_trained",
    label="quality of a network as it was trained",
    unit="dimensionless",
    source="quality-reference",
)


@dataclass(frozen=True, kw_only=True)
class QualityMeasurement(Sourced):
    """The quality of a network before and after one way of making it smaller.

    `setting` is a format, the share of weights removed, or the name of another model; `parameters`
    are those of the network measured, which stands for the networks of its `task` that are nearest
    in size. Of a measure of which less is better, such as perplexity, the ratio is turned around.

    >>> round(Compressions["yolov8n_int8"].kept, 3)
    0.889
    """

    name: str
    task: str
    technique: str
    setting: str
    parameters: float
    measured_on: str
    before: float
    after: float
    lower_is_better: bool = False

    def __post_init__(self) -> None:
        if self.technique not in TECHNIQUES:
            raise UnknownName(f"technique of {self.name}", self.technique, TECHNIQUES)
        for field in ("parameters", "before", "after"):
            require_number(f"{field} of {self.name}", getattr(self, field), exclusive=True)

    @property
    def kept(self) -> float:
        """Quality after over quality before."""
        ratio = self.after / self.before
        return 1.0 / ratio if self.lower_is_better else ratio


def _measurement(row: dict[str, str]) -> QualityMeasurement:
    if row["lower_is_better"] not in ("yes", "no"):
        raise InvalidInput(f"lower_is_better of {row['name']}", row["lower_is_better"], "yes, no")
    return QualityMeasurement(
        name=row["name"],
        task=row["task"],
        technique=row["technique"],
        setting=row["setting"],
        parameters=cell_number(row, "parameters"),
        measured_on=row["measured_on"],
        before=cell_number(row, "before"),
        after=cell_number(row, "after"),
        lower_is_better=row["lower_is_better"] == "yes",
        source=row["source"],
    )


Compressions: Registry[QualityMeasurement] = Registry(
    "compression", lambda: read_table("compression.csv", _measurement)
)


def measured(task: str, technique: str) -> tuple[QualityMeasurement, ...]:
    """Return what was measured of one technique on the networks of a task.

    >>> [row.setting for row in measured("recommendation", "format")]
    ['int8']
    """
    return tuple(
        row for row in Compressions.values() if (row.task, row.technique) == (task, technique)
    )


def of_format(task: str, precision: str, parameters: float) -> tuple[float, str]:
    """Return the quality a format keeps, and what it was measured on.

    >>> of_format("object detection", "bf16", 3e6)
    (1.0, '')
    """
    if precision in REFERENCE_FORMATS:
        return AS_TRAINED, ""
    rows = [row for row in measured(task, "format") if row.setting == precision]
    if not rows:
        known = [*REFERENCE_FORMATS, *(row.setting for row in measured(task, "format"))]
        raise UnknownName(f"format of {task}", precision, dict.fromkeys(known))
    nearest = _nearest(rows, parameters)[0]
    return nearest.kept, nearest.measured_on


def of_pruning(task: str, technique: str, sparsity: Any, parameters: float) -> tuple[Any, str]:
    """Return the quality that pruning keeps, on straight lines between what was measured.

    Beyond the last measurement the line leads to nothing where nothing is left. Two of every four
    weights are always one half.

    >>> kept, _ = of_pruning("visual wake words", "channels", 0.881, 4e6)
    >>> round(float(kept), 3)
    0.717
    """
    rows = _nearest(measured(task, technique), parameters)
    if not rows:
        raise UnknownName("task", task, dict.fromkeys(row.task for row in Compressions.values()))
    if technique == "2:4":
        return rows[0].kept, rows[0].measured_on
    known = sorted((float(row.setting), row.kept) for row in rows)
    shares = [0.0, *(share for share, _ in known), 1.0]
    kept = [1.0, *(quality for _, quality in known), 0.0]
    return np.interp(sparsity, shares, kept), rows[0].measured_on


def of_model(task: str, own: str, other: str) -> float:
    """Return the quality of another model over that of one's own.

    >>> of_model("keyword spotting", "any", "any")
    1.0
    """
    if own == other:
        return AS_TRAINED
    scores = {row.setting: row.kept for row in measured(task, "model")}
    for name in (own, other):
        if name not in scores:
            raise UnknownName("model", name, scores)
    return scores[other] / scores[own]


def _nearest(rows: Iterable[QualityMeasurement], parameters: float) -> list[QualityMeasurement]:
    """Return the measurements of the network nearest in size."""
    rows = list(rows)
    distances = [abs(float(np.log(row.parameters / parameters))) for row in rows]
    least = min(distances, default=0.0)
    return [row for row, distance in zip(rows, distances, strict=True) if distance == least]
