"""Bytes that have to be somewhere: weights, activations, caches and training state."""

from __future__ import annotations

from mlsysim.formulas.law import law
from mlsysim.units import Bytes, BytesPerParameter, Count, Parameters


@law("rajbhandari-2020-zero")
def parameter_bytes(parameters: Parameters, bytes_per_parameter: BytesPerParameter) -> Bytes:
    """Return the bytes that parameters (or a state kept for each of them) take.

    M = N · b

    >>> parameter_bytes(parameters=8e9, bytes_per_parameter=2.0)
    16000000000.0
    """
    return parameters * bytes_per_parameter


@law("rajbhandari-2020-zero")
def element_bytes(elements: Count, bytes_per_element: Bytes) -> Bytes:
    """Return the bytes that values take in memory or in traffic.

    M = n · b

    >>> element_bytes(elements=1000.0, bytes_per_element=2.0)
    2000.0
    """
    return elements * bytes_per_element
