"""What an attention of one shape is, and which of its scores a mask leaves."""

from __future__ import annotations

from math import inf, prod
from typing import Any, NamedTuple

import numpy as np

__all__ = ["BAND", "Problem", "Step", "limit", "most", "spans_of"]

#: Queries that are computed together, and keys.
BAND = 16
#: What a mask has to take from a score to count as hiding it.
_HIDDEN = 1e4


class Step(NamedTuple):
    """What is done to scores before the softmax: ``kind`` is scale, divide, add or where."""

    kind: str
    #: The factor, or what is written where the condition does not hold.
    number: float
    #: Which of the further inputs is added, or is the condition; -1 for none.
    extra: int


class Problem(NamedTuple):
    """Attention of one shape.

    ``lead`` are the dimensions before (queries, keys), which all arrays broadcast to, and ``extras`` the shapes of the
    arrays that steps name. ``hides`` is what a constant mask takes from each score, of shape (queries, keys), or None.
    """

    dtype: str
    lead: tuple[int, ...]
    queries: int
    keys: int
    features: int
    out_features: int
    steps: tuple[Step, ...]
    extras: tuple[tuple[int, ...], ...]
    conditions: tuple[bool, ...]
    hides: Any

    @property
    def units(self) -> int:
        """The number of heads, over all examples."""
        return prod(self.lead)

    @property
    def work(self) -> int:
        """The number of products."""
        return self.units * self.queries * self.keys * (self.features + self.out_features)


def limit(p: Problem) -> tuple[np.ndarray, float]:
    """Return which scores a mask leaves, and how large scores may be so that the others have probability 0."""
    hides = p.hides
    if hides is None or not hides.size:
        return np.ones((p.queries, p.keys), bool), 0.0
    with np.errstate(invalid="ignore"):
        below = np.max(hides, axis=-1, keepdims=True) - hides
    # A row of which everything is hidden has to be computed.
    below = np.where(np.isnan(below), 0.0, below)
    hidden = below >= _HIDDEN
    if not np.any(hidden):
        return ~hidden, 0.0
    # Exponentials below that of -104 are 0 in single precision, below that of -746 in double precision.
    return ~hidden, float((np.min(below[hidden]) - 800.0) / 2)


def most(p: Problem) -> float:
    """Return the largest product of squared norms of queries and keys at which the mask decides; 0 without one."""
    largest = limit(p)[1]
    if largest <= 0 or largest == inf:
        return 1e300 if largest > 0 else 0.0
    scale = 1.0
    for step in p.steps:
        scale *= step.number if step.kind == "scale" else 1 / step.number if step.kind == "divide" else 1
    # A score is at most the product of the norms.
    return (largest / max(abs(scale), 1e-30)) ** 2


def spans_of(p: Problem) -> np.ndarray:
    """Return the keys that each band of queries sees, and the queries that see each band of keys."""
    seen, _ = limit(p)
    rows, columns = -(-p.queries // BAND), -(-p.keys // BAND)
    spans = np.zeros((rows + columns, 2), np.int64)
    # By whole bands of keys, so that both agree on what is computed.
    blocks = np.zeros((rows, columns), bool)
    for i in range(rows):
        band = np.any(seen[i * BAND : (i + 1) * BAND], axis=0)
        for j in range(columns):
            blocks[i, j] = np.any(band[j * BAND : (j + 1) * BAND])
        found = np.flatnonzero(blocks[i])
        if found.size:
            blocks[i, found[0] : found[-1] + 1] = True
            spans[i] = found[0] * BAND, min((found[-1] + 1) * BAND, p.keys)
    for j in range(columns):
        found = np.flatnonzero(blocks[:, j])
        if found.size:
            spans[rows + j] = found[0] * BAND, min((found[-1] + 1) * BAND, p.queries)
    return spans
