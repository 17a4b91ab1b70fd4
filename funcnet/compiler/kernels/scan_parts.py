"""What a step of a loop has beside loops over elements and products with fixed matrices: moves, kernels, products."""

from __future__ import annotations

from itertools import product as combinations
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.factors import factored
from funcnet.compiler.kernels.makers import MAKERS
from funcnet.compiler.kernels.products import Matrices, product, scratch, signature
from funcnet.compiler.kernels.small_matrices import MATRICES, small_matrices
from funcnet.compiler.kernels.special import Of, Special, Step, Steps
from funcnet.compiler.layout import basic_key, view_of
from funcnet.compiler.loops.group import REDUCTIONS
from funcnet.core import Spec, registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "FLAG",
    "Branch",
    "Kernel",
    "Moves",
    "Written",
    "kernel_of",
    "moves_of",
    "product_of",
    "rows_last",
    "with_kernels",
]

#: Dimensions of a move at most, once those that lie side by side are one.
_DIMENSIONS = 4
#: Kernels that steps take in. What else there is one for, loops over elements have as well; and for indices, which may
#: be wrong in one of many steps only, `indexed_of` has.
_KERNELS = frozenset(MAKERS) - {"gather", "multiply"}
_EXTREMES = ("max", "min", "any", "all")


#: Stands for an array of one integer, which functions set where they find that something is wrong.
FLAG = object()


class Written(NamedTuple):
    """A function that is not compiled by itself."""

    source: str
    signature: str


class Kernel(NamedTuple):
    """Compiled functions one after the other: what makes them, and the values that they are called with."""

    build: Callable[..., Any]
    read: tuple[Value, ...]
    made: tuple[Value, ...]
    #: Whether what it makes is the first that it reads with some elements changed, and may be where that is.
    changes: bool = False


class Branch(NamedTuple):
    """Kernels of which a number says which one runs; all make the same values."""

    index: Value
    kernels: tuple[Kernel, ...]
    read: tuple[Value, ...]
    made: tuple[Value, ...]


class Piece(NamedTuple):
    """Elements that go from one array to another: how many, and where they are there, in elements."""

    x: Value
    shape: tuple[int, ...]
    here: tuple[int, ...]
    there: tuple[int, ...]
    start: int
    to: int
    #: Whether they are added to what is there.
    added: bool


class Moves(NamedTuple):
    """Elements of arrays that are put together to another array."""

    pieces: tuple[Piece, ...]
    out: Value
    #: Whether the first piece is all of an array, of which the others change elements.
    changes: bool = False


def with_kernels(graph: Graph) -> Graph:
    """Return a step in which kernels take the place of primitives, and extremes of all elements are those of a row."""
    kept: list[Equation] = []
    graph = factored(graph)
    for e in graph.equations:
        name = e.primitive.name
        if name in _EXTREMES and e.params.get("dtype") is None and _all_axes(e):
            kept += _of_one_row(e)
            continue
        special: Any = MAKERS[name](e) if name in _KERNELS else None
        if name in MATRICES and (matrices := small_matrices(e, {})) is not None:
            special = matrices[0]
        taken = None if special is None else Equation(special, tuple(e.values), {}, e.outputs, e.line, e.again)
        # What else there may be for an equation is not asked for one that a kernel took the place of.
        kept.append(e if taken is None or kernel_of(taken) is None else taken)
    return graph.with_equations(kept)


def _all_axes(e: Equation) -> bool:
    axis, rank = e.params.get("axis"), len(e.values[0].shape)
    return axis is None or (not isinstance(axis, int) and len(axis) == rank) or (rank == 1 and isinstance(axis, int))


def _of_one_row(e: Equation) -> list[Equation]:
    x, out = e.values[0], e.outputs[0]
    if not prod(x.shape):
        return [e]

    row, found = _like(x, (1, prod(x.shape))), _like(out, (1,))
    reshape = registry["reshape"]
    params = {**e.params, "axis": (1,), "keepdims": False}
    return [
        Equation(reshape, (x,), {"shape": row.shape}, (row,), e.line, e.again),
        Equation(e.primitive, (row,), params, (found,), e.line, e.again),
        Equation(reshape, (found,), {"shape": out.shape}, (out,), e.line, e.again),
    ]


def rows_last(e: Equation) -> list[Equation] | None:
    """Return a sum, mean or extreme as one of the last dimensions of an array in another order; None for others."""
    if e.primitive.name not in (*REDUCTIONS, "count_nonzero") or len(e.inputs) != 1:
        return None
    x, out = e.values[0], e.outputs[0]
    axis, rank = e.params["axis"], len(x.shape)
    axes = [axis] if isinstance(axis, int) else list(axis)
    order = [k for k in range(rank) if k not in axes] + axes
    if order == list(range(rank)) or not axes:
        return None
    short = [x.shape[k] for k in order[: rank - len(axes)]]
    turned = _like(x, tuple([x.shape[k] for k in order]))
    found = _like(out, tuple(short))
    params = {**e.params, "axis": tuple(range(len(short), rank)), "keepdims": False}
    return [
        Equation(registry["permute_dims"], (x,), {"axes": tuple(order)}, (turned,), e.line, e.again),
        Equation(e.primitive, (turned,), params, (found,), e.line, e.again),
        Equation(registry["reshape"], (found,), {"shape": out.shape}, (out,), e.line, e.again),
    ]


def _like(v: Value, shape: tuple[int, ...]) -> Value:
    spec = v.spec
    return Value(Spec(shape, spec.dtype, spec.backend, spec._device))  # pyright: ignore[reportPrivateUsage]  # may be open


def kernel_of(e: Equation) -> Kernel | None:
    """Return the functions of a kernel, None if there is more to it."""
    special = e.primitive
    if not isinstance(special, Special) or special.strided or special.zeroed:
        return None
    if any([v.__class__ is not Value for v in e.inputs]):
        return None
    built = special.build(Written, 1)
    if not isinstance(built, Steps) or built.check is not None:
        return None
    if built.bad is not None and not any([a is built.bad for s in built.steps for a in s.arguments]):
        return None
    if any([not s.function.source.startswith("def loop(") for s in built.steps]):  # type: ignore[attr-defined]
        return None
    for s in built.steps:
        if any([isinstance(a, np.ndarray) and not a.flags.c_contiguous for a in s.arguments]):
            return None
    return Kernel(lambda: flagging(special.build(Written, 1)), tuple(e.values), e.outputs)


def flagging(built: Steps) -> Steps:
    """Return steps that set the flag if they could not do something."""
    return Steps(
        [s._replace(arguments=[FLAG if a is built.bad else a for a in s.arguments]) for s in built.steps]
        if built.bad is not None
        else built.steps
    )


def product_of(e: Equation, turns: Mapping[Value, Equation]) -> Kernel | None:
    """Return the product of two arrays of a step, either of which may be a view of another; None if it is none."""
    if e.primitive.name != "matmul" or len(e.values) != 2:
        return None
    out = e.outputs[0]
    if str(out.dtype) not in ("float32", "float64") or any([v.dtype != out.dtype for v in e.values]):
        return None
    a, b = [_matrices(v, turns) for v in e.values]
    left, right = a[1], b[1]
    result = np.empty(out.shape, out.dtype)
    if left.ndim == 1:
        left, result = left[None, :], result[..., None, :] if right.ndim > 1 else result[None]
    if right.ndim == 1:
        right, result = right[:, None], result[..., None]
    found = product(Matrices.of(left, a[2]), Matrices.of(right, b[2]), Matrices.of(result), out.dtype, 1)
    if found is None:
        return None
    values = (a[0], b[0], out)
    order = (1, 0, 2) if found.turned else (0, 1, 2)

    def build() -> Steps:
        given = [*[Of(i, (prod(values[i].shape),)) for i in order], scratch(1), found.description]
        function: Any = Written(found.source, signature(out.dtype))
        return Steps([Step(function, found.bounds, given)])

    return Kernel(build, values[:2], (out,))


def _matrices(v: Value, turns: Mapping[Value, Equation]) -> tuple[Value, np.ndarray, np.ndarray]:
    """Return what a value is a view of, and both as arrays of no meaning."""
    views: list[Equation] = []
    while (e := turns.get(v)) is not None:
        views.insert(0, e)
        v = e.inputs[0]
    inside = whole = np.empty(v.shape, v.dtype)
    for e in views:
        found = view_of(e, inside)
        assert found is not None
        inside = found
    return v, inside, whole


# ---------------------------------------------------------------------- moves


def moves_of(e: Equation) -> Moves | None:
    """Return what an equation moves, None if it does anything else, or in more dimensions than there are loops."""
    made = _PARTS.get(e.primitive.name)
    if made is None or len(e.outputs) != 1 or any([v.__class__ is not Value for v in e.inputs]):
        return None
    (out,) = e.outputs
    if any([v.dtype != out.dtype for v in e.values]):
        return None
    # One byte for each element, so that its address tells its number.
    places = [_numbered(v.shape) for v in e.values]
    result = _numbered(out.shape)
    found = made(e, places, result)
    if found is None:
        return None
    pieces = [_piece(e.values[i], x, places[i], y, result, added) for i, x, y, added in found if x.size]
    changes = made is _put and len(pieces) == 2
    return None if None in pieces else Moves(tuple([p for p in pieces if p is not None]), out, changes)


def _numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, np.uint8)


def _start(view: np.ndarray, whole: np.ndarray) -> int:
    return view.__array_interface__["data"][0] - whole.__array_interface__["data"][0]


def _piece(v: Value, x: np.ndarray, base: np.ndarray, y: np.ndarray, result: np.ndarray, added: bool) -> Piece | None:
    shape: list[int] = []
    here: list[int] = []
    there: list[int] = []
    for n, a, b in zip(x.shape, x.strides, y.strides, strict=True):
        if n == 1:
            continue
        if shape and here[-1] == a * n and there[-1] == b * n:
            shape[-1], here[-1], there[-1] = shape[-1] * n, a, b
        else:
            shape, here, there = [*shape, n], [*here, a], [*there, b]
    rest = _DIMENSIONS - len(shape)
    if rest < 0:
        return None
    zeros = (0,) * rest
    return Piece(
        v,
        ((1,) * rest + tuple(shape)),
        zeros + tuple(here),
        zeros + tuple(there),
        _start(x, base),
        _start(y, result),
        added,
    )


def _viewed(e: Equation, places: Any, result: np.ndarray) -> Any:
    view = view_of(e, places[0])
    if view is None and e.primitive.name == "getitem" and len(e.inputs) == 1:
        key = basic_key(e.params["key"])
        # NumPy makes a number of an array without dimensions.
        view = None if key is None else places[0][(*key, ...)]
    return None if view is None or view.shape != result.shape else [(0, view, result, False)]


def _broadcast(e: Equation, places: Any, result: np.ndarray) -> Any:  # noqa: ARG001
    return [(0, np.broadcast_to(places[0], result.shape), result, False)]


def _flipped(e: Equation, places: Any, result: np.ndarray) -> Any:
    return [(0, np.flip(places[0], e.params["axis"]), result, False)]


def _rolled(e: Equation, places: Any, result: np.ndarray) -> Any:
    cuts: list[list[tuple[slice, slice]]] = []
    shifts = dict(zip(e.params["axis"], e.params["shift"], strict=True))
    if len(shifts) < len(e.params["axis"]) or any([not 0 <= k < result.ndim for k in shifts]):
        return None
    for k, n in enumerate(result.shape):
        s = shifts.get(k, 0) % n
        both = [(slice(0, n - s), slice(s, n)), (slice(n - s, n), slice(0, s))]
        cuts.append(both if s else [(slice(None), slice(None))])
    return [
        (0, places[0][tuple([c[0] for c in cut])], result[tuple([c[1] for c in cut])], False)
        for cut in combinations(*cuts)
    ]


def _beside(e: Equation, places: Any, result: np.ndarray) -> Any:
    axis = e.params["axis"]
    if axis is None:
        return None
    axis %= result.ndim
    found = []
    start = 0
    for i, x in enumerate(places):
        stop = start + (1 if e.primitive.name == "stack" else x.shape[axis])
        x = np.expand_dims(x, axis) if e.primitive.name == "stack" else x
        found.append((i, x, result[(*(slice(None),) * axis, slice(start, stop))], False))
        start = stop
    return found


def _put(e: Equation, places: Any, result: np.ndarray) -> Any:
    key = basic_key(e.params["key"])
    if key is None or len(places) != 2:
        return None
    part = result[(*key, ...)]
    if places[1].ndim > part.ndim:
        return None
    given = np.broadcast_to(places[1], part.shape)
    return [(0, places[0], result, False), (1, given, part, e.primitive.name == "index_add")]


_PARTS: dict[str, Callable[..., Any]] = {
    "broadcast_to": _broadcast,
    "concat": _beside,
    "flip": _flipped,
    "getitem": _viewed,
    "index_add": _put,
    "index_set": _put,
    "matrix_transpose": _viewed,
    "permute_dims": _viewed,
    "roll": _rolled,
    "stack": _beside,
}
