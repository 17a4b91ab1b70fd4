"""Matrix products as steps of a fused plan."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.fusion.nodes import seen_through
from funcnet.compiler.kernels.products import Matrices, product, scratch, signature
from funcnet.compiler.layout import view_of
from funcnet.compiler.steps import Fixed, Given
from funcnet.compiler.team.uses import OWN, READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from funcnet.compiler.fusion.arrays import Arrays
    from funcnet.compiler.graph import Equation, Value

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["EACH", "ProductSteps"]

#: Multiplications that take as long as a weighted element operation of a loop.
EACH = 6


class ProductSteps:
    """Writes the products of a plan.

    Parameters
    ----------
    arrays : Arrays
        Where values lie.
    compile : callable
        Makes functions of the sources of loops.
    count : int
        How many threads there are.
    turns : mapping of Value to Equation
        What shows something else in another order.
    """

    __slots__ = ("_scratch", "arrays", "compile", "count", "turns", "writer")

    def __init__(self, arrays: Arrays, compile: Compile, count: int, turns: Mapping[Value, Equation]) -> None:
        self.arrays, self.writer = arrays, arrays.writer
        self.compile = compile
        self.count = count
        self.turns = turns
        #: Where products rearrange their operands.
        self._scratch: np.ndarray | None = None

    def write(self, e: Equation) -> None:
        """Write the step that is a product into memory that is there."""
        if self._multiply(e):
            return
        self.writer.flush()
        a, b, y = e.inputs[0], e.inputs[1], e.outputs[0]
        if len(b.shape) == 2 and (y not in self.arrays.planned or self.arrays.planned[y].flags.c_contiguous):
            # One product of all rows in place of a stack of products.
            names = [self._rows(a), self.writer.name(b), self._rows(y)]
            self.writer.lines.append(f"{self.writer.constant(np.dot)}({', '.join(names)})")
        else:
            names = [self.writer.name(v) for v in (a, b, y)]
            self.writer.lines.append(f"{self.writer.constant(np.matmul)}({', '.join(names)})")

    def _multiply(self, e: Equation) -> bool:
        """Write the call of the compiled product; return False if this one is left to BLAS."""
        out = e.outputs[0]
        (a, left), (b, right) = (self.matrices(v, READ) for v in e.inputs)
        c, result = self.matrices(out, WRITE)
        found = product(left, right, result, out.dtype, self.count)
        if found is None:
            return False
        if self._scratch is None:
            self._scratch = scratch(self.count)
        if found.turned:
            a, b = b, a
        function = self.compile(found.source, signature(out.dtype))
        given = [a, b, c, Fixed(self._scratch, OWN), Fixed(found.description, READ)]
        self.writer.step(function, found.bounds, given, [out], amount=found.work // EACH)
        return True

    def matrices(self, v: Value, kind: str) -> tuple[Fixed | Given, Matrices]:
        """Return a flat array that begins with or holds a value, and where in it the value lies."""
        array = self.arrays.planned.get(v)
        if array is None:
            array = self.arrays.graph.constants.get(v)
        if isinstance(array, np.ndarray):
            return Fixed(array[(slice(0, 1),) * array.ndim].reshape(-1), kind, array), Matrices.of(array)
        if v in self.arrays.fresh:
            return Given(self.writer.name(v), (prod(v.shape),), kind), Matrices.of(np.empty(v.shape, v.dtype))
        base, views = seen_through(v, self.turns)
        inside = whole = np.empty(base.shape, base.dtype)
        for e in views:
            found = view_of(e, inside)
            assert found is not None
            inside = found
        return Given(self.arrays.once(base), (prod(base.shape),), kind), Matrices.of(inside, whole)

    def _rows(self, v: Value) -> str:
        """Return an expression for a matrix of the rows of an array."""
        if len(v.shape) == 2:
            return self.writer.name(v)
        shape = (prod(v.shape[:-1]), v.shape[-1])
        array = self.arrays.planned.get(v)
        if array is not None and array.flags.c_contiguous:
            return self.writer.constant(array.reshape(shape))
        return f"{self.writer.name(v)}.reshape({shape!r})"
