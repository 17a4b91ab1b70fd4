"""Remainders and quotients of integers in steps of a loop, which counters need."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Value
from funcnet.compiler.kernels.scan_parts import Kernel, Written
from funcnet.compiler.kernels.special import Of, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation

__all__ = ["INTEGERS", "integers_of"]

#: Integers of these are in Python what they are in NumPy, whatever their signs. The least one, divided by -1, is an
#: error of the processor, which ends the process.
INTEGERS = {
    "floor_divide": "({0} // {1} if {1} != -1 else -{0})",
    "remainder": "({0} % {1} if {1} != -1 else {0} - {0})",
}
_SOURCE = """def loop(lo, hi, part, a, b, y, near, far):
    for j in range(y.shape[0]):
        p, q = a[j * near], b[j * far]
        y[j] = {quotient}
"""


def integers_of(e: Equation) -> Kernel | None:
    """Return what divides integers with a rest, each pair of the same place or all by one; None for others."""
    template = INTEGERS.get(e.primitive.name)
    out = e.outputs[0]
    dtype = np.dtype(out.dtype)
    if template is None or dtype.kind != "i" or dtype.itemsize < 4 or any([v.dtype != dtype for v in e.values]):
        return None
    size = prod(out.shape)
    sizes = [prod(v.shape) if v.__class__ is Value else 1 for v in e.inputs]
    if any([n not in (1, size) for n in sizes]) or any([v.shape != out.shape for v in e.values if prod(v.shape) > 1]):
        return None
    given: list[Any] = []
    for v in e.inputs:
        given.append(Of(e.values.index(v), (prod(v.shape),)) if v.__class__ is Value else np.array([v], dtype))
    given += [Of(len(e.values), (size,)), *[int(n > 1) for n in sizes]]
    function: Any = Written(_SOURCE.format(quotient=template.format("p", "q")), "")
    return Kernel(lambda: Steps([Step(function, (0, 1), given)]), tuple(e.values), (out,))
