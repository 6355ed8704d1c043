"""Number formats: the bytes one value takes, and which format computes it where it is foreign."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from mlsysim.registry import Registry
from mlsysim.sources import Sourced


@dataclass(frozen=True)
class Precision(Sourced):
    """A number format in which weights and activations are stored.

    `computes_as` lists, best first, the formats a device may compute in when it has no arithmetic
    for this one: values are stored compactly and widened on the way to the multiplier.
    Accumulators and activations of integer and sub-byte formats keep `activation_bytes`. A format
    of `bytes_per_value` that is not whole shares a scale among a block of values.

    >>> Precisions["int4"].bytes_per_value
    0.5
    """

    name: str
    bytes_per_value: float
    activation_bytes: float
    computes_as: tuple[str, ...]
    source: str = field(default="number-formats", kw_only=True)

    @cached_property
    def of_activations(self) -> tuple[str, ...]:
        """Formats in which operators without weights, such as attention, compute, best first.

        >>> Precisions["fp8"].of_activations[0], Precisions["int8"].of_activations[0]
        ('bf16', 'int8')
        """
        if self.bytes_per_value >= self.activation_bytes:
            return (self.name, *self.computes_as)
        return tuple(
            name
            for name in self.computes_as
            if Precisions[name].bytes_per_value >= self.activation_bytes
        )


_HALF = ("fp16", "bf16", "fp32")

Precisions: Registry[Precision] = Registry(
    "precision",
    lambda: (
        Precision("fp64", 8.0, 8.0, ()),
        Precision("fp32", 4.0, 4.0, ("fp64",)),
        Precision("tf32", 4.0, 4.0, ("fp32",)),
        Precision("fp16", 2.0, 2.0, ("bf16", "fp32")),
        Precision("bf16", 2.0, 2.0, ("fp16", "fp32")),
        Precision("fp8", 1.0, 2.0, ("bf16", "fp16", "fp32")),
        Precision("mxfp8", 1.0 + 1 / 32, 2.0, ("fp8", "bf16", "fp16", "fp32")),
        Precision("fp4", 0.5, 2.0, ("fp8", "bf16", "fp16", "fp32")),
        Precision("nvfp4", 0.5 + 1 / 16, 2.0, ("fp4", "fp8", "bf16", "fp16", "fp32")),
        Precision("mxfp4", 0.5 + 1 / 32, 2.0, ("bf16", "fp16", "fp32")),
        Precision("int8", 1.0, 1.0, _HALF),
        Precision("int4", 0.5, 2.0, ("int8", *_HALF)),
        # Weights alone are quantised, in blocks of 32 with a half-precision scale.
        Precision("q8_0", 1.0 + 2 / 32, 2.0, _HALF),
        Precision("q4_0", 0.5 + 2 / 32, 2.0, _HALF),
        # A mix of blocks of 4 and 6 bits; 4.85 bits a weight over a whole model.
        Precision("q4_k_m", 4.85 / 8, 2.0, _HALF),
    ),
)
