"""Number formats: the bytes one value takes, and which format computes it where it is foreign."""

from __future__ import annotations

from dataclasses import dataclass

from mlsysim.registry import Registry


@dataclass(frozen=True, slots=True)
class Precision:
    """A number format in which weights and activations are stored.

    `computes_as` lists, best first, the formats a device may compute in when it has no arithmetic
    for this one: values are stored compactly and widened on the way to the multiplier.
    Accumulators and activations of integer and sub-byte formats keep `activation_bytes`.

    >>> Precisions["int4"].bytes_per_value
    0.5
    """

    name: str
    bytes_per_value: float
    activation_bytes: float
    computes_as: tuple[str, ...]


Precisions: Registry[Precision] = Registry(
    "precision",
    lambda: (
        Precision("fp64", 8.0, 8.0, ()),
        Precision("fp32", 4.0, 4.0, ("fp64",)),
        Precision("tf32", 4.0, 4.0, ("fp32",)),
        Precision("fp16", 2.0, 2.0, ("bf16", "fp32")),
        Precision("bf16", 2.0, 2.0, ("fp16", "fp32")),
        Precision("fp8", 1.0, 2.0, ("bf16", "fp16", "fp32")),
        Precision("fp4", 0.5, 2.0, ("fp8", "bf16", "fp16", "fp32")),
        Precision("int8", 1.0, 1.0, ("fp16", "bf16", "fp32")),
        Precision("int4", 0.5, 2.0, ("int8", "fp16", "bf16", "fp32")),
    ),
)
