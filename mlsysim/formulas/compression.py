"""Models made smaller: what sparse weights take, when they are faster, what quality is left."""

from __future__ import annotations

import numpy as np

from mlsysim.formulas.law import law
from mlsysim.units import BytesPerParameter, Count, FlopPerSecond, Fraction, Joules


@law("sparse-bitmap")
def sparse_bytes_per_parameter(
    *, dense: BytesPerParameter, index: BytesPerParameter, density: Fraction
) -> BytesPerParameter:
    """Return the bytes a weight takes when only those that are not zero are stored, with an index.

    b = min(b_dense, d · b_dense + b_index)

    >>> float(sparse_bytes_per_parameter(dense=1.0, index=0.125, density=0.5))
    0.625
    """
    return np.minimum(dense, density * dense + index)


@law("gale-2020-sputnik")
def sparse_arithmetic_share(
    *, density: Fraction, dense_rate: FlopPerSecond, sparse_rate: FlopPerSecond
) -> Fraction:
    """Return the time that weights without pattern take over that of a dense product.

    s = min(1, d · R_dense / R_sparse): whoever skips zeros one by one forgoes the matrix units

    >>> float(sparse_arithmetic_share(density=0.1, dense_rate=4e12, sparse_rate=1e12))
    0.4
    """
    return np.minimum(1.0, density * dense_rate / sparse_rate)


@law("howard-2017-mobilenets")
def width_share(density: Fraction) -> Fraction:
    """Return the share of channels left where whole channels are removed.

    α = √d: a layer has as many weights as pairs of channels

    >>> width_share(0.25)
    0.5
    """
    return density**0.5


@law("compression-independence")
def quality_left(*, of_model: Count, of_format: Fraction, of_pruning: Fraction) -> Count:
    """Return the quality left when a model is exchanged, pruned and written in another format.

    q = q_model · q_format · q_pruning, as if each lost its share of what the others left

    >>> quality_left(of_model=1.0, of_format=0.9, of_pruning=0.5)
    0.45
    """
    return of_model * of_format * of_pruning


@law("horowitz-2014-energy")
def multiply_add_energy(*, multiply: Joules, add: Joules) -> Joules:
    """Return the energy of one multiplication and one addition, without moving their operands.

    E = E_multiply + E_add

    >>> round(multiply_add_energy(multiply=3.7e-12, add=0.9e-12) * 1e12, 1)
    4.6
    """
    return multiply + add
