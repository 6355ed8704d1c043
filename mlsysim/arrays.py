"""What NumPy tells of arrays, told of single numbers without asking it: most calls have one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def ndim(value: Any) -> int:
    """Return how many axes a value has: none, if it is one number.

    >>> ndim(2.0), ndim(np.ones((3, 2)))
    (0, 2)
    """
    return 0 if isinstance(value, float | int) else np.ndim(value)


def common_shape(*values: Any) -> tuple[int, ...]:
    """Return the shape that values have together; raise `ValueError` where they have none.

    >>> common_shape(2.0, None), common_shape(2.0, np.ones((3, 1)), np.ones(2))
    ((), (3, 2))
    """
    shapes = {np.shape(value) for value in values if not isinstance(value, float | int | None)}
    return np.broadcast_shapes(*shapes) if shapes else ()


def for_each(value: Any, of: Any) -> Any:
    """Return a value with an entry for each of an array's; beside one number, as it is.

    >>> for_each(2.0, 5.0), for_each(2.0, np.array([5.0, 6.0]))
    (2.0, array([2., 2.]))
    """
    return value + np.zeros_like(of) if ndim(of) else value


def anywhere(condition: Any) -> bool:
    """Tell whether a truth, or any entry of an array, holds.

    >>> anywhere(0.0), anywhere(np.array([False, True]))
    (False, True)
    """
    if isinstance(condition, float | int):
        return bool(condition)
    return bool(np.asarray(condition).any())


def all_finite(value: Any) -> bool:
    """Tell whether a number, or every entry of an array, is finite.

    >>> all_finite(2.0), all_finite(np.array([1.0, np.inf]))
    (True, False)
    """
    if isinstance(value, float):
        return math.isfinite(value)
    return bool(np.isfinite(value).all())
