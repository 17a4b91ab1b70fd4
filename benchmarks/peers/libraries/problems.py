"""The arrays that every library gets, so that all of them compute the same numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["LEARNING_RATE", "classification"]

#: Adam's step size in every training step; its other settings are the usual 0.9, 0.999 and 1e-8.
LEARNING_RATE = 1e-3


def classification(widths: list[int], batch: int) -> tuple[list[tuple[Any, Any]], Any, Any]:
    """Return ``[(kernel, bias), ...]``, a batch of inputs and its integer labels, all of single precision.

    Everything is made in single precision, so that no larger temporary array enters a measurement of memory.
    """
    rng = np.random.default_rng(0)
    layers = []
    for n_in, n_out in pairwise(widths):
        kernel = rng.standard_normal((n_in, n_out), dtype=np.float32)
        kernel *= np.float32((2.0 / n_in) ** 0.5)
        layers.append((kernel, np.zeros(n_out, np.float32)))
    x = rng.standard_normal((batch, widths[0]), dtype=np.float32)
    return layers, x, rng.integers(0, widths[-1], batch)
