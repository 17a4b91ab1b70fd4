"""Loops until a condition fails as one compiled function each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from funcnet.compiler.kernels.scan import built, fits, inner
from funcnet.compiler.kernels.scan_endless import endless_of, plain
from funcnet.compiler.kernels.scan_scalars import while_of_scalars
from funcnet.compiler.kernels.special import Special

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation

__all__ = ["whole_while"]


def whole_while(e: Equation) -> Special | None:
    """Return the kernel of a loop, None where its steps or its condition need more than steps of a `scan` may have."""
    if not plain(e):
        return None
    if (special := while_of_scalars(e)) is not None:
        return special
    found = endless_of(e, inner)
    if found is None or not fits(found[1]):
        return None
    endless, body = found
    return Special("whole while loop", lambda compile, count: built(body, endless, [], compile, count))
