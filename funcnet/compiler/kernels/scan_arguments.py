"""The arrays that a loop over steps gets."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Argument", "Packed"]


class Argument(NamedTuple):
    """An array that the loop gets: what it is, and in which shape.

    `kind` is ``"input"`` or ``"output"`` with the number of one of the equation's, ``"constant"`` or ``"own"`` with a
    value, ``"fixed"`` with the number of an array of a kernel, ``"packed"`` with the number of a `Packed`, or ``"sum"``
    with that of a sum, which each part has for itself.
    """

    kind: str
    which: Any
    shape: tuple[int, ...]
    dtype: str


class Packed(NamedTuple):
    """A matrix that products read in columns side by side: which argument it is, and whether it is transposed."""

    source: Argument
    turned: bool
    depth: int
    width: int
