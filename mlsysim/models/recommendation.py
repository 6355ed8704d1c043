"""Recommendation: large embedding tables, small dense networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlsysim.models.graph import Graph, Network, Tensor
from mlsysim.tracing import as_float

# Categories of the 26 features of Criteo 1TB, hashed to at most 40 million each.
CRITEO_CATEGORIES = (
    39_884_406, 39_043, 17_289, 7_420, 20_263, 3, 7_120, 1_543, 63, 38_532_951, 2_953_546,
    403_346, 10, 2_208, 11_938, 155, 4, 976, 14, 39_979_771, 25_641_295, 39_664_984, 585_935,
    12_972, 108, 36,
)  # fmt: skip


def dlrm(
    graph: Graph,
    dense: Tensor,
    *,
    categories: Sequence[int] = CRITEO_CATEGORIES,
    width: int = 128,
    bottom: Sequence[int] = (512, 256, 128),
    top: Sequence[int] = (1024, 1024, 512, 256),
) -> None:
    """DLRM: a bottom network, one row of each table, all dot products of pairs, a top network."""
    x = dense
    for outputs in bottom:
        x = graph.linear(x, outputs, activated=True)
    rows = []
    for index, count in enumerate(categories):
        rows.append(Tensor(1, 1, width))
        graph.note(
            "embedding", (), rows[-1], parameters=float(count * width),
            name=f"table_{index}", experts=count,
        )  # fmt: skip
    vectors = len(rows) + 1
    pairs = Tensor(1, 1, vectors * (vectors - 1) // 2 + width)
    graph.note("attention", (x, *rows), pairs, flops=2.0 * vectors**2 * width, name="interaction")
    x = pairs
    for outputs in top:
        x = graph.linear(x, outputs, activated=True)
    graph.linear(x, 1)


@dataclass(frozen=True, kw_only=True)
class Recommender(Network):
    """A network with embedding tables, of which a sample reads a few rows."""

    @cached_property
    def active_parameters(self) -> float:
        """Trained weights outside the embedding tables: those that every sample uses."""
        table = self.operators("training")
        columns = table.at()
        dense = np.array(table.kinds) != "embedding"
        number: float = as_float((columns.parameters * columns.count)[dense].sum())
        return number
