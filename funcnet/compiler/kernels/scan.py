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
from funcnet.compiler.kernels.scan_arguments import ENDLESS
from funcnet.compiler.kernels.scan_body import body_of
from funcnet.compiler.kernels.scan_endless import endless_of, plain
from funcnet.compiler.kernels.scan_parts import FLAG, Branch, Kernel, Written, flagging
from funcnet.compiler.kernels.scan_scalars import scan_of_scalars, while_of_scalars
from funcnet.compiler.kernels.scan_source import Source
from funcnet.compiler.kernels.small import added
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, in_turns, type_of
from funcnet.compiler.loops.subnormal import to_zero_back
from funcnet.compiler.workers import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from funcnet.compiler.graph import Equation, Graph
    from funcnet.compiler.kernels.scan_arguments import Argument, Packed
    from funcnet.compiler.kernels.scan_body import Body
    from funcnet.compiler.kernels.special import Compile

__all__ = ["built", "fits", "inner", "whole_scan"]

#: Weighted element operations below which a second thread costs more than it saves.
_PARALLEL = 400_000
#: Elements of a matrix from which on several threads put it in order.
_PACKED = 100_000
_ALIGNED = 64
#: Elements of what a step makes up to which one thread does all steps where several could share each kernel of one,
#: and where there are no others: plans use the same memory again for what follows, whole loops do not.
_ALONE, _MOST = 100_000, 1_000_000

#: Compiles nothing: the functions are taken into others.
_TEXTS: Any = Written

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


def whole_scan(e: Equation, constants: Mapping[Value, Any]) -> Special | None:
    """Return the kernel of a loop over steps, None where its steps need more than loops over elements and products.

    What it begins with may be among the constants: sums begin with the first term then, if they are zeros.
    """
    if not _plain(e):
        return None
    if (special := scan_of_scalars(e)) is not None:
        return special
    call: Any = e.primitive
    body = body_of(call.regions[0], call.held, call.carried, inner)
    if body is None or not fits(body):
        return None
    zeros = _zeros(e, body, constants)
    return Special("whole scan", lambda compile, count: built(body, call, zeros, compile, count))


def inner(e: Equation) -> Branch | Kernel | None:
    """Return what a loop or a branch in a step is, None if there is more to it."""
    call: Any = e.primitive
    if any([v.__class__ is not Value for v in e.inputs]) or not e.outputs or call.meta.get("effect"):
        return None
    if call.name == "switch":
        index, *operands = e.values
        if str(index.dtype) not in ("bool", "int32", "int64"):
            return None
        kernels = [_once(graph, operands, e.outputs) for graph in call.regions]
        there = [k for k in kernels if k is not None]
        return Branch(index, tuple(there), tuple(e.values), e.outputs) if len(there) == len(kernels) else None
    special: Special | None = None
    found: tuple[Any, Body | None] | None = None
    if call.name == "scan" and _plain(e) and (special := scan_of_scalars(e)) is None:
        found = call, body_of(call.regions[0], call.held, call.carried, inner)
    elif call.name == "while" and plain(e) and (special := while_of_scalars(e, nested=True)) is None:
        found = endless_of(e, inner)
    if special is not None:
        return Kernel(lambda: flagging(special.build(_TEXTS, 1)), tuple(e.values), e.outputs)
    loop, body = found if found is not None else (None, None)
    if body is None or body.size > _ALONE:
        return None
    zeros = [False] * len(body.sums)
    return Kernel(lambda: built(body, loop, zeros, _TEXTS, 1, flag=FLAG), tuple(e.values), e.outputs)


class _Once:
    """What a branch is to those who write the source of loops: one step of which nothing is carried."""

    reverse_order = False
    back = False
    length = 1
    carried = 0

    def __init__(self, graph: Graph) -> None:
        self.regions = (graph,)
        self.held = len(graph.inputs)


def _once(graph: Graph, operands: Sequence[Value], outputs: Sequence[Value]) -> Kernel | None:
    call = _Once(graph)
    body = body_of(graph, call.held, 0, inner)
    if body is None or body.size > _ALONE:
        return None
    return Kernel(lambda: built(body, call, [], _TEXTS, 1, flag=FLAG), tuple(operands), tuple(outputs))


def _plain(e: Equation) -> bool:
    """Whether a loop is of known length and makes arrays of NumPy of such."""
    return bool(e.primitive.length) and plain(e)  # type: ignore[attr-defined]


def _zeros(e: Equation, body: Body, constants: Mapping[Value, Any]) -> list[bool]:
    """Return which sums begin with zeros."""
    call: Any = e.primitive
    first = call.held + call.carried - len(body.sums)
    return [v in constants and not np.any(constants[v]) for v in e.values[first : call.held + call.carried]]


def fits(body: Body) -> bool:
    """Whether all steps at once take less time than step after step by a plan."""
    return body.units > 1 or not body.kernels or body.size <= (_MOST if threads() == 1 else _ALONE)


def built(body: Body, call: Any, zeros: Sequence[bool], compile: Compile, count: int, *, flag: Any = None) -> Any:
    """Return the steps that a loop consists of, or a function where something may turn out wrong.

    With a `flag` these are always steps, which set it then.
    """
    columns = {typed: tile.shape(dtype).columns for typed, dtype in (("f4", "float32"), ("f8", "float64"))}
    source = Source(body, call, columns, zeros, count, flag is not None)
    parts = min(count, body.units) if call.length * source.work >= _PARALLEL else 1
    matrices: list[np.ndarray] = []
    steps: list[Step] = []
    own: dict[Any, np.ndarray] = {}

    def given(a: Argument) -> Of | np.ndarray:
        """Return what stands for an argument of a loop."""
        if a.kind == "input":
            return Of(a.which, a.shape)
        if a.kind == "output":
            return Of(len(call.regions[0].inputs) + a.which, a.shape)
        if a.kind == "packed":
            return matrices[a.which]
        if a.kind == "fixed":
            array = source.arrays[a.which]
            return flag if flag is not None and array is source.flag else array
        if a.kind == "sum":
            return sums[a.which]
        if a.kind == "constant":
            return np.ascontiguousarray(body.graph.constants[a.which]).reshape(a.shape)
        # One piece of memory for all shapes.
        return own.setdefault(a.which, _empty(prod(a.shape), a.dtype)).reshape(a.shape)

    for p in source.packed:
        width = columns[type_of(p.source.dtype)]
        panels = -(-p.width // width)
        matrices.append(_empty(panels * width * p.depth, p.source.dtype))
        pair = [given(p.source), matrices[-1]]
        # Every thread has its part in a large matrix, also where one thread alone does the steps.
        several = count if panels * width * p.depth >= _PACKED else parts
        steps.append(Step(_pack(p, width, compile), _shared(panels, several), pair))
    types = [f"{_type(a.dtype)}[{':, ' * (len(a.shape) - 1)}::1]" for a in source.arguments]
    text = to_zero_back(source.text, body.whole) if call.back else source.text
    function = compile(text, f"void(int64, int64, int64, int64[::1], {', '.join(types)})")
    sizes = np.array(source.sizes, dtype=np.int64)
    totals: list[Step] = []
    sums: list[Of | np.ndarray] = []
    place = len(call.regions[0].inputs) + call.carried - len(body.sums)
    for i, (x, y) in enumerate(body.sums):
        size = y.shape[1] * (1 if x is None else x.shape[1])
        if parts == 1:
            sums.append(Of(place + i, (1, size)))
        else:
            memory = _empty(parts * size, str(y.dtype)).reshape(parts, size)
            sums.append(memory)
            total = added(compile, _type(str(y.dtype)))
            totals.append(Step(total, _shared(size, parts), [memory, 1, Of(place + i, (size,))]))
    arguments = [sizes, *[given(a) for a in source.arguments]]
    step = Step(function, _shared(body.units, parts), arguments)
    if call.length == ENDLESS and flag is None:
        more = sizes.copy()
        more[1] = 1
        whole = in_turns([*steps, step], step._replace(arguments=[more, *arguments[1:]]), source.unfinished)
    else:
        whole = Steps([*steps, step, *totals])
    if not source.checked or flag is not None:
        return whole
    count = len(call.regions[0].inputs)

    def by_steps(*arrays: np.ndarray) -> None:
        """Make the steps one by one where an index was wrong, which says so."""
        for y, x in zip(arrays[count:], call.evaluate(*arrays[:count]), strict=True):
            y[...] = x

    return _checked(whole, source.flag, by_steps)


def _checked(whole: Steps, flag: np.ndarray, otherwise: Callable[..., None]) -> Any:
    """Return steps after which something else is done if the flag is set; a function if they stop now and then."""
    if whole.bad is None:
        return Steps(whole.steps, bad=flag, otherwise=otherwise)

    def run(*arrays: np.ndarray) -> None:
        flag[0] = 0
        whole(*arrays)
        if flag[0]:
            otherwise(*arrays)

    return run


def _shared(units: int, parts: int) -> tuple[int, ...]:
    """Return where the parts of each thread begin and end."""
    parts = min(units, parts)
    return tuple([units * i // parts for i in range(parts + 1)])


def _pack(p: Packed, columns: int, compile: Compile) -> Callable[..., None]:
    typed, size = type_of(p.source.dtype), np.dtype(p.source.dtype).itemsize
    text = (_TURNED if p.turned else _BESIDE).format(typed=typed, columns=columns, size=size, line=columns * size)
    shape = "x.shape[1], x.shape[0]" if p.turned else "x.shape"
    source = _PACK.format(shape=shape, columns=columns, body=text)
    name = _type(p.source.dtype)
    return compile(source, f"void(int64, int64, int64, {name}[:, ::1], {name}[::1])")


def _empty(size: int, dtype: str) -> np.ndarray:
    """Return memory in which vectors do not cross the lines of the cache."""
    item = np.dtype(dtype).itemsize
    block = np.empty(size * item + _ALIGNED, np.uint8)
    start = -block.ctypes.data % _ALIGNED
    return block[start : start + size * item].view(dtype)


def _type(dtype: str) -> str:
    return "boolean" if dtype == "bool" else dtype
