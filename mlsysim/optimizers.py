"""Optimizers: what each keeps for every weight that it trains."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.errors import require_number
from mlsysim.registry import Registry
from mlsysim.sources import Sourced

DEFAULT_OPTIMIZER = "Adam"
# Weights in 16 bits or fewer are updated in a copy of 32 bits (ZeRO, section 3.1).
MASTER_BYTES = 4.0

_BLOCK = 2048.0


@dataclass(frozen=True, kw_only=True)
class Optimizer(Sourced):
    """A rule that updates weights, and the moments of the gradient it keeps for each of them.

    `moment_bytes` is per weight; the copy in 32 bits that narrower weights are updated in comes
    on top.

    >>> Optimizers["Adam"].moment_bytes
    8.0
    """

    name: str
    label: str
    moment_bytes: float
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_number(f"moment_bytes of {self.name}", self.moment_bytes)


Optimizers: Registry[Optimizer] = Registry(
    "optimizer",
    lambda: (
        Optimizer(
            name="Adam",
            label="Adam: two moments in 32 bits",
            moment_bytes=8.0,
            aliases=("AdamW",),
            source="rajbhandari-2020-zero",
        ),
        Optimizer(
            name="Adam 8-bit",
            label="Adam: two moments in 8 bits",
            # Each block of both moments shares a scale of 4 bytes.
            moment_bytes=2.0 * (1.0 + 4.0 / _BLOCK),
            source="dettmers-2022-8-bit",
        ),
        Optimizer(
            name="SGD momentum",
            label="Gradient descent with momentum in 32 bits",
            moment_bytes=4.0,
            source="sutskever-2013-momentum",
        ),
        Optimizer(
            name="SGD",
            label="Gradient descent, nothing kept",
            moment_bytes=0.0,
            source="sutskever-2013-momentum",
        ),
    ),
)
