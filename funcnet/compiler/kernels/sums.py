"""Sums and means over axes in the middle of an array, such as the places of an image, row by row."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.block import spec
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, type_of
from funcnet.compiler.kernels.windows import vectors_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["middle_sum"]

# Elements that a thread has to have.
_PARALLEL = 100_000
# Elements of a row up to which vectors do not pay: loops add such rows up together with what makes them.
_ROW = 16
# Elements of a row below which no vectors are made.
_VECTOR = 4
# Rows of a sum below which those do not either.
_RUN = 16

_SOURCE = """def loop(lo, hi, part, x, rows, y):
    width = y.shape[1]
    for i in range(lo, hi):
        o = y[i]
        for c in range(width):
            o[c] = {typed}(0)
        for j in range(i * rows, (i + 1) * rows):
            a = x[j]
            for c in range(width):
                o[c] += a[c]
"""
# The same for a few rows, which are read at once, so that the sum is written once.
_SHORT = """def loop(lo, hi, part, x, rows, y):
    width = y.shape[1]
    for i in range(lo, hi):
        o = y[i]
{views}
        for c in range(width):
            o[c] = {terms}
"""
# The same for a few columns, too.
_NARROW = """def loop(lo, hi, part, x, rows, y):
    X = address(x)
    Y = address(y)
    width = y.shape[1]
    for i in range(lo, hi):
        o = y[i]
{blocks}
"""
_MEAN = """        for c in range(width):
            o[c] = o[c] / {typed}(rows)
"""
# Rows, and columns, that a loop reads at once.
_FEW, _COLUMNS = 4, 128


def middle_sum(e: Equation) -> Special | None:
    """Return the kernel for a sum or mean over neighbouring axes between others, None where it does not apply."""
    x, y = e.inputs[0], e.outputs[0]
    p, shape = e.params, e.values[0].shape
    axis = p["axis"]
    axes = tuple(sorted([k % len(shape) for k in ((axis,) if isinstance(axis, int) else axis)]))
    if not axes or axes != tuple(range(axes[0], axes[-1] + 1)) or axes[0] == 0 or axes[-1] == len(shape) - 1:
        return None
    dtypes = {str(x.dtype), str(y.dtype)}
    count, rows, width = prod(shape[: axes[0]]), prod([shape[k] for k in axes]), prod(shape[axes[-1] + 1 :])
    if dtypes not in ({"float32"}, {"float64"}) or p.get("dtype") is not None or count * rows * width == 0:
        return None
    if width <= _ROW and rows >= _RUN and count * rows >= 64:
        return None
    name, dtype = e.primitive.name, str(x.dtype)

    def build(compile: Compile, threads: int) -> Steps:
        table = f"{dtype}[:,::1]"
        source = _SOURCE
        if rows <= _FEW:
            source = _narrow(rows, width, np.dtype(dtype).itemsize) if _VECTOR <= width <= _COLUMNS else _few(rows)
        source = (source + (_MEAN if name == "mean" else "")).replace("{typed}", type_of(dtype))
        if width < _VECTOR:
            # The loops over so few columns disappear.
            source = source.replace("y.shape[1]", str(width))
        loop = compile(source, f"void(int64, int64, int64, {table}, int64, {table})")
        parts = max(1, min(threads, count, count * rows * width // _PARALLEL))
        bounds = tuple([count * i // parts for i in range(parts + 1)])
        return Steps([Step(loop, bounds, [Of(0, (count * rows, width)), rows, Of(1, (count, width))])])

    return Special(f"{name}, row by row", build)


def _few(rows: int) -> str:
    views = "\n".join([f"        a{j} = x[i * {rows} + {j}]" for j in range(rows)])
    return _SHORT.format(views=views, terms=" + ".join([f"a{j}[c]" for j in range(rows)]))


def _narrow(rows: int, width: int, size: int) -> str:
    blocks, row = [], width * size
    for j in range(rows):
        lanes, mode = vectors_of(width, size)[0], "add" if j else "set"
        text = spec(size=size, width=lanes, columns=width, a=[0], c=[0], loops=[], mode=mode, kind="row")
        blocks.append(f"        block({text!r}, X + (i * {rows} + {j}) * {row}, 0, Y + i * {row}, 0, 0)")
    return _NARROW.format(blocks="\n".join(blocks))
