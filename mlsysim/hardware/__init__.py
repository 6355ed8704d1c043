"""Hardware twins: what the maker states about a chip, module, board, device or rack.

Adding a `HardwareSpec(...)` entry to the table of its tier is all a new twin needs. Peaks are
dense and count one multiply-accumulate as two operations; capacities have binary prefixes,
bandwidths decimal ones; a link counts one direction. Prices and carbon are of what the tier
calls a purchase: the accelerator package, the module or board, the whole phone or computer. On
the tiny tier the price is that of the chip and the carbon that of the small device around it.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlsysim.hardware.specification import TIERS, HardwareSpec
from mlsysim.registry import Registry

__all__ = ["TIERS", "Hardware", "HardwareSpec"]


def _load() -> Iterable[HardwareSpec]:
    from mlsysim.hardware import cloud, edge, mobile, tiny

    return cloud.TWINS + edge.TWINS + mobile.TWINS + tiny.TWINS


Hardware: Registry[HardwareSpec] = Registry("hardware", _load)
