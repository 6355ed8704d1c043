"""Hardware twins: what the maker states about a chip, module, board, device or rack.

Adding a `HardwareSpec(...)` entry to the table of its tier is all a new twin needs. Peaks are
dense and count one multiply-accumulate as two operations; capacities have binary prefixes,
bandwidths decimal ones; a link counts one direction. Prices and carbon are of what the tier
calls a purchase: the accelerator package, the module or board, the whole phone or computer. On
the tiny tier the price is that of the chip and the carbon that of the small device around it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import cast

from mlsysim.hardware.specification import TIERS, HardwareSpec
from mlsysim.registry import Registry

__all__ = ["TIERS", "Hardware", "HardwareSpec"]


def _tier(name: str) -> Iterable[HardwareSpec]:
    return cast("Iterable[HardwareSpec]", import_module(f"mlsysim.hardware.{name}").TWINS)


# The small ones first: who asks for a microcontroller need not read of data centres.
Hardware: Registry[HardwareSpec] = Registry(
    "hardware", *(partial(_tier, name) for name in reversed(TIERS))
)
