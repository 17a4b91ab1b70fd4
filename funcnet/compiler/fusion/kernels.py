"""Kernels of their own as steps of a fused plan: convolutions, pooling, attention, loops over steps."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.small import cleared
from funcnet.compiler.kernels.special import Of, Special, Steps
from funcnet.compiler.layout import contiguous, flattened, readable
from funcnet.compiler.steps import Fixed, Given
from funcnet.compiler.team.uses import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.fusion.arrays import Arrays
    from funcnet.compiler.graph import Equation, Value

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["KernelSteps"]


class KernelSteps:
    """Writes the kernels of a plan.

    Parameters
    ----------
    arrays : Arrays
        Where values lie.
    compile : callable
        Makes functions of the sources of loops.
    count : int
        How many threads there are.
    """

    __slots__ = ("arrays", "compile", "count", "writer")

    def __init__(self, arrays: Arrays, compile: Compile, count: int) -> None:
        self.arrays, self.writer = arrays, arrays.writer
        self.compile = compile
        self.count = count

    def write(self, e: Equation, special: Special) -> None:
        """Write the steps of a kernel."""
        if special.strided:
            self._strided(e, special)
            return
        given = [self.arrays.contiguous(v) for v in e.inputs]
        for v in e.outputs:
            if v not in self.arrays.planned:
                # Memory that is fresh is zero already, as far as nobody touches it.
                self.arrays.make(v, zeroed=special.zeroed)
        kernel = special.build(self.compile, self.count)
        if isinstance(kernel, Steps):
            if special.zeroed:
                self._clear(e.outputs)
            arrays = (*e.inputs, *e.outputs)
            names = (*given, *[self.writer.name(v) for v in e.outputs])
            if kernel.bad is not None:
                # A call before may have ended with another kernel's error before anybody looked.
                self.writer.lines.append(f"{self.writer.constant(kernel.bad)}.fill(0)")
            for function, bounds, arguments in kernel.steps:
                seen = [
                    self.arrays.seen(arrays[a.index], names[a.index], a, READ if a.index < len(e.inputs) else WRITE)
                    if isinstance(a, Of)
                    else Fixed(a)
                    for a in arguments
                ]
                self.writer.step(function, bounds, seen, e.outputs)
            if kernel.check is not None:
                self.writer.after([f"{self.writer.constant(kernel.check)}()"], e.outputs)
            if kernel.bad is not None:
                self.writer.flush()
                bad = self.writer.constant(kernel.bad)
                any_bad = " or ".join([f"{bad}[{i}]" for i in range(0, len(kernel.bad), 8)])
                self.writer.lines.append(f"if {any_bad}: {self.writer.constant(kernel.mend)}({', '.join(names)})")
            return
        given += [self.writer.name(v) for v in e.outputs]
        self.writer.flush()
        self.writer.lines.append(f"{self.writer.constant(kernel)}({', '.join(given)})")

    def _clear(self, results: Sequence[Value]) -> None:
        """Have arrays that were not made for this call filled with zeros."""
        for v in results:
            if not self.arrays.made_zero(v):
                function = cleared(self.compile, str(v.dtype))
                whole = Of(0, (prod(v.shape),))
                self.writer.step(
                    function, (0, prod(v.shape)), [self.arrays.seen(v, self.writer.name(v), whole, WRITE)], [v]
                )

    def _strided(self, e: Equation, special: Special) -> None:
        given: list[Fixed | Given] = []
        layouts, copies = [], []
        for v in e.outputs:
            if v not in self.arrays.planned:
                self.arrays.make(v)
        for k, v in enumerate((*e.inputs, *e.outputs)):
            kind = READ if k < len(e.inputs) else WRITE
            array = self.arrays.planned.get(v)
            if array is None and v in self.arrays.graph.constants:
                array = np.asarray(self.arrays.graph.constants[v])
            strides = contiguous(v.shape, np.dtype(v.dtype).itemsize)
            if array is not None and readable(array):
                given.append(Fixed(flattened(array), kind, array))
                strides = array.strides
            elif v in e.inputs:
                given.append(Given(self.arrays.contiguous(v), (prod(v.shape),), kind))
            elif array is None:
                given.append(Given(self.writer.name(v), (prod(v.shape),), kind))
            else:
                scratch = np.empty(v.shape, v.dtype)
                given.append(Fixed(scratch.reshape(-1)))
                copies.append(
                    f"{self.writer.constant(np.copyto)}({self.writer.name(v)}, {self.writer.constant(scratch)})"
                )
            layouts.append((v.shape, strides))
        function, bounds, arguments = special.build(self.compile, self.count, layouts)
        seen = [given[a.index] if isinstance(a, Of) else Fixed(a) for a in arguments]
        self.writer.step(function, bounds, seen, e.outputs)
        if copies:
            self.writer.flush()
            self.writer.lines += copies
