"""Loops over steps as one compiled function each: no Python between the steps, and products that start at once.

Each thread goes through all steps by itself, for its part of the batch, where the parts have nothing to do with each
other: it waits for nobody. Matrices that are the same in each step are put in the order in which products read them
once for all steps.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Value
from funcnet.compiler.kernels import tile
from funcnet.compiler.kernels.scan_body import body_of
from funcnet.compiler.kernels.scan_source import Argument, Packed, Source
from funcnet.compiler.kernels.special import Special, type_of
from funcnet.compiler.loops.templates import type_name
from funcnet.compiler.workers import in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.scan_body import Body
    from funcnet.compiler.kernels.special import Compile

__all__ = ["whole_scan"]

#: Weighted element operations below which a second thread costs more than it saves.
_PARALLEL = 400_000
_ALIGNED = 64

_TYPES = {"f4": "float32", "f8": "float64", "i4": "int32", "i8": "int64", "b1": "boolean"}
#: Writes the columns of a matrix, some side by side, one group of them after the other.
_PACK = """def loop(lo, hi, part, x, y):
    depth, width = {shape}
    for p in range(lo, hi):
        j = p * {columns}
        n = min({columns}, width - j)
{body}"""
_BESIDE = """        at = j * depth * {size}
        copy_{typed}(depth, n, address(x) + j * {size}, width * {size}, address(y) + at, {line})
"""
_TURNED = """        at = j * depth * {size}
        turn_{typed}(n, depth, address(x) + at, depth * {size}, address(y) + at, {line})
"""


def whole_scan(e: Equation) -> Special | None:
    """Return the kernel of a loop over steps, None where its steps need more than loops over elements and products."""
    call: Any = e.primitive
    if not call.length or not e.outputs or any([v.__class__ is not Value for v in e.inputs]):
        return None
    if any([v.spec.backend.name != "numpy" for v in (*e.values, *e.outputs)]) or call.meta.get("effect"):
        return None
    body = body_of(call.regions[0], call.held)
    if body is None:
        return None
    return Special("whole scan", lambda compile, count: _built(body, call, compile, count))


def _built(body: Body, call: Any, compile: Compile, count: int) -> Callable[..., None]:
    columns = {typed: tile.shape(dtype).columns for typed, dtype in (("f4", "float32"), ("f8", "float64"))}
    source = Source(body, call, columns)
    types = [f"{_type(a.dtype)}[{':, ' * (len(a.shape) - 1)}::1]" for a in source.arguments]
    function = compile(source.text, f"void(int64, int64, int64, int64[::1], {', '.join(types)})")
    parts = min(count, body.units) if call.length * source.work >= _PARALLEL else 1
    matrices = [_empty(_panels(p, columns) * _width(p, columns) * p.depth, p.source.dtype) for p in source.packed]
    packs = [
        (_pack(p, _width(p, columns), compile), _shared(_panels(p, columns), parts), _get(p.source, {}, body), m)
        for p, m in zip(source.packed, matrices, strict=True)
    ]
    own: dict[Any, np.ndarray] = {}
    gets = [_get(a, own, body, matrices) for a in source.arguments]
    sizes = np.array(source.sizes, dtype=np.int64)
    bounds = _shared(body.units, parts)
    inputs = len(body.graph.inputs)

    def run(*given: Any) -> None:
        values, places = given[:inputs], given[inputs:]
        for pack, panels, get, matrix in packs:
            _run(pack, panels, get(values, places), matrix)
        _run(function, bounds, sizes, *[get(values, places) for get in gets])

    return run


def _shared(units: int, parts: int) -> tuple[int, ...]:
    """Return where the parts of each thread begin and end."""
    parts = min(units, parts)
    return tuple([units * i // parts for i in range(parts + 1)])


def _run(function: Callable[..., None], bounds: tuple[int, ...], *arguments: Any) -> None:
    if len(bounds) == 2:
        function(*bounds, 0, *arguments)
    else:
        in_parallel(function, bounds, arguments)


def _get(
    a: Argument, own: dict[Any, np.ndarray], body: Body, matrices: list[np.ndarray] | None = None
) -> Callable[[Any, Any], np.ndarray]:
    """Return a function that gives an argument of the loop, of the inputs and of the places of results."""
    shape, which = a.shape, a.which
    if a.kind == "input":
        return lambda values, places: values[which].reshape(shape)  # noqa: ARG005
    if a.kind == "output":
        return lambda values, places: places[which].reshape(shape)  # noqa: ARG005
    if a.kind == "packed":
        assert matrices is not None
        array = matrices[which]
    elif a.kind == "constant":
        array = np.ascontiguousarray(body.graph.constants[which]).reshape(shape)
    else:
        # One piece of memory for all shapes.
        array = own.setdefault(which, _empty(prod(shape), a.dtype)).reshape(shape)
    return lambda values, places: array  # noqa: ARG005


def _pack(p: Packed, columns: int, compile: Compile) -> Callable[..., None]:
    typed, size = type_of(p.source.dtype), np.dtype(p.source.dtype).itemsize
    text = (_TURNED if p.turned else _BESIDE).format(typed=typed, columns=columns, size=size, line=columns * size)
    shape = "x.shape[1], x.shape[0]" if p.turned else "x.shape"
    source = _PACK.format(shape=shape, columns=columns, body=text)
    name = _type(p.source.dtype)
    return compile(source, f"void(int64, int64, int64, {name}[:, ::1], {name}[::1])")


def _width(p: Packed, columns: dict[str, int]) -> int:
    return columns[type_of(p.source.dtype)]


def _panels(p: Packed, columns: dict[str, int]) -> int:
    return -(-p.width // _width(p, columns))


def _empty(size: int, dtype: str) -> np.ndarray:
    """Return memory in which vectors do not cross the lines of the cache."""
    item = np.dtype(dtype).itemsize
    block = np.empty(size * item + _ALIGNED, np.uint8)
    start = -block.ctypes.data % _ALIGNED
    return block[start : start + size * item].view(dtype)


def _type(dtype: str) -> str:
    return _TYPES[type_name(dtype) or ""]
