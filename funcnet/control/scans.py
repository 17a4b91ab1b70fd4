"""Loops along the first dimension of arrays: ``scan`` and ``map``."""

from __future__ import annotations

from functools import partial
from math import isqrt
from typing import TYPE_CHECKING, Any

from funcnet import backends, tree
from funcnet.compiler.capture import running_capture
from funcnet.control.captured import scan_steps
from funcnet.control.kinds import abstract, check_callable, check_same, leading, trace_without_values
from funcnet.control.mapped import as_array
from funcnet.control.private import apart, handles, private
from funcnet.core import Spec, Trace, Tracer, owner, raw
from funcnet.core.bind import scalar_array
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops import broadcast_to, concat, expand_dims, stack, zeros
from funcnet.transforms import checkpoint as recomputed
from funcnet.transforms import eval_shape, vmap
from funcnet.transforms.shape import stands_for

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["map", "scan"]

_RESULT = "the same shapes and dtypes in every step"
_CARRY = "xp.astype or xp.broadcast_to in the function, or an initial carry of that shape and dtype"


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    *,
    checkpoint: bool | int = False,
) -> tuple[Any, Any]:
    r"""Go along the first dimension of arrays with a carry, and stack what each step returns.

    .. math:: (c_{i+1}, y_i) = f(c_i, x_i), \qquad i = 0, \dots, n - 1

    Each step is recorded, so every transformation goes through, and reverse mode needs memory for the intermediate
    values of all steps. With `checkpoint` it keeps the carries between segments only and computes each segment again
    when it comes to it: for :math:`\sqrt n` segments of :math:`\sqrt n` steps, memory for :math:`O(\sqrt n)` steps
    at the price of one more forward computation. Where only shapes are known (`eval_shape`), the function runs once.

    Parameters
    ----------
    f : callable
        ``f(carry, x)`` returns ``(carry, y)``; the carry keeps its structure, shapes and dtypes.
    init : pytree
        The first carry.
    xs : pytree of arrays, optional
        Step ``i`` gets ``leaf[i]`` of each; None without leaves.
    length : int, optional
        The number of steps; needed where `xs` has no leaves.
    reverse : bool, default False
        Whether to begin with the last step. The results stay at the places of their steps.
    checkpoint : bool or int, default False
        The number of steps in a segment that `fn.checkpoint` computes again; True for the root of the number of steps.

    Returns
    -------
    carry : pytree
        The last carry; `init` if there are no steps.
    ys : pytree of arrays
        The results, stacked along a new first dimension; None where `f` returns None. Without steps their shapes are
        found as by `eval_shape`.

    Raises
    ------
    ParameterError
        If `f` does not return a pair, the number of steps is not known, or `checkpoint` is no number of steps.
    ShapeError
        If the first dimensions differ from each other or from `length`; names the leaves.
    TreeError, ShapeError, DtypeError
        If a step changes the structure, a shape or a dtype of the carry or of the results; names the path.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.scan(lambda c, x: (c + x, c * x), np.array(0.0), np.arange(1.0, 5.0))
    (np.float64(10.0), array([ 0.,  2.,  9., 24.]))
    """
    check_callable(f, "fn.scan", "f")
    steps = _steps("fn.scan", xs, length)
    size = _segment(checkpoint, steps)
    trace = trace_without_values(init, xs)
    if trace is not None:
        return _scan_shapes(trace, f, init, xs, steps)
    if steps == 0:
        return init, _empty(f, init, xs)
    if running_capture() is not None:
        return _captured(f, init, xs, steps, size, reverse)
    order = range(steps - 1, -1, -1) if reverse else range(steps)
    run = partial(_run, f, *tree.flatten(xs))
    if size == steps:
        carry, ys = run(order, init)
    else:
        again = recomputed(run)
        carry, ys = init, []
        for start in range(0, steps, size):
            carry, part = again(order[start : start + size], carry)
            if ys:
                check_same(ys[0], part[0], "fn.scan", "the result of a step", _RESULT)
            ys += part
    return carry, _stacked(ys[::-1] if reverse else ys)


def _captured(
    f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, steps: int, size: int, reverse: bool
) -> tuple[Any, Any]:
    """Go along the steps as one equation of a graph, or one in another where segments are computed again."""

    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        return _step(f, carry, x)

    if size == steps:
        return scan_steps(step, init, xs, steps, reverse=reverse, again=False)
    count, rest = divmod(steps, size)
    split = rest if reverse else steps - rest
    # Whole segments, and what is left over, which comes last.
    head, tail = (slice(split, None), slice(None, split)) if reverse else (slice(None, split), slice(split, None))

    def segment(carry: Any, part: Any) -> tuple[Any, Any]:
        return scan_steps(step, carry, part, size, reverse=reverse, again=False)

    parts = tree.map(lambda leaf: leaf[head].reshape((count, size, *leaf.shape[1:])), xs)
    carry, ys = scan_steps(segment, init, parts, count, reverse=reverse, again=True)
    ys = tree.map(lambda y: y.reshape((count * size, *y.shape[2:])), ys)
    if not rest:
        return carry, ys
    left = tree.map(lambda leaf: leaf[tail], xs)
    carry, more = scan_steps(step, carry, left, rest, reverse=reverse, again=False)
    return carry, tree.map(lambda a, b: concat((b, a) if reverse else (a, b)), ys, more)


def _run(
    f: Callable[[Any, Any], Any], flat: list[Any], structure: Any, order: range, carry: Any
) -> tuple[Any, list[Any]]:
    """Return the carry after the given steps, and their results in the order in which they came."""
    ys: list[Any] = []
    carry = private(carry)
    for i in order:
        carry, y = _step(f, handles(carry), private(tree.unflatten(structure, [_part(leaf, i) for leaf in flat])))
        y = apart(y, carry)
        if ys:
            check_same(ys[0], y, "fn.scan", "the result of a step", _RESULT)
        ys.append(y)
    return carry, ys


def _part(leaf: Any, i: int) -> Any:
    # Not every library takes one index for several dimensions; with an ellipsis NumPy would make no scalar of one.
    return leaf[i] if len(leaf.shape) == 1 else leaf[i, ...]


def _segment(checkpoint: bool | int, steps: int) -> int:
    """Return the number of steps in a segment; all of them where nothing is computed again."""
    if checkpoint is False:
        return steps
    if checkpoint is True:
        return isqrt(max(steps - 1, 0)) + 1
    if checkpoint.__class__ is not int or checkpoint < 1:
        raise ParameterError(
            "The checkpoint of fn.scan must be a number of steps.",
            found=repr(checkpoint),
            needed="a positive Python integer, or a bool",
            write="checkpoint=True",
        )
    return min(checkpoint, steps)


def map(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """Apply a function to each element along the first dimension of arrays, and stack the results.

    The function runs once for each element, `vmap` runs it once for all; with `batch_size` it runs once for so many at
    a time, which bounds the memory.

    Parameters
    ----------
    f : callable
        Function of a pytree like `xs`, with the leaves' first dimensions gone.
    xs : pytree of arrays
        With first dimensions of one size.
    batch_size : int, optional
        How many elements `vmap` takes at once; the last batch may be smaller.

    Returns
    -------
    pytree of arrays
        The results, stacked along a new first dimension.

    Raises
    ------
    ParameterError
        If `xs` has no leaves, or `batch_size` is no positive integer.
    ShapeError
        If the first dimensions differ; names the leaves.
    TreeError, ShapeError, DtypeError
        If the results differ in structure, shape or dtype; names the path.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.map(lambda x: x @ x, np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([ 5., 25.])
    """
    check_callable(f, "fn.map", "f")
    steps = leading(xs, "fn.map")
    if steps is None:
        raise ParameterError(
            "fn.map needs an array to go along.", found=repr(xs), needed="at least one array", write="fn.map(f, xs)"
        )
    if batch_size is not None:
        if batch_size.__class__ is not int or batch_size < 1:
            raise ParameterError(
                "The batch_size of fn.map must be a number of elements.",
                found=repr(batch_size),
                needed="a positive Python integer, or None",
                write="batch_size=32",
            )
        if steps:
            return _in_batches(vmap(f), xs, steps, batch_size)
    return scan(lambda carry, x: (carry, f(x)), None, xs)[1]


def _in_batches(f: Callable[[Any], Any], xs: Any, steps: int, size: int) -> Any:
    flat, structure = tree.flatten(xs)
    parts = [
        f(tree.unflatten(structure, [leaf[start : start + size] for leaf in flat])) for start in range(0, steps, size)
    ]
    return tree.map(lambda *leaves: concat(leaves), *parts)


def _steps(name: str, xs: Any, length: Any) -> int:
    size = leading(xs, name)
    if length is not None and (length.__class__ is not int or length < 0):
        raise ParameterError(
            f"The length of {name} must be a number of steps.",
            found=repr(length),
            needed="a Python integer that is not negative",
            write="length=x.shape[0]",
        )
    if size is None:
        if length is None:
            raise ParameterError(
                f"{name} does not know how many steps to make.",
                found="neither arrays nor a length",
                needed="one of them",
                write=f"{name}(f, init, xs) or {name}(f, init, length=n)",
            )
        return length
    if length is not None and length != size:
        raise ShapeError(
            f"The length of {name} is not the size of the first dimensions.",
            found=f"length={length}, and {size} in the arrays",
            needed="the same number, or no length",
            write=f"{name}(f, init, xs)",
        )
    return size


def _step(f: Callable[[Any, Any], Any], carry: Any, x: Any) -> tuple[Any, Any]:
    out = f(carry, x)
    if not (isinstance(out, tuple) and len(out) == 2):
        raise ParameterError(
            "The function given to fn.scan must return a pair.",
            found=type(out).__name__ if not isinstance(out, tuple) else f"a tuple of length {len(out)}",
            needed="(carry, y)",
            write="return carry, None where there is nothing to stack",
        )
    check_same(carry, out[0], "fn.scan", "the carry", _CARRY)
    return out


def _stacked(ys: list[Any]) -> Any:
    flats = [tree.leaves(y) for y in ys]
    structure = tree.structure(ys[0])
    return tree.unflatten(
        structure, [stack([as_array(leaf) for leaf in column]) for column in zip(*flats, strict=True)]
    )


def _scan_shapes(trace: Trace, f: Callable[[Any, Any], Any], init: Any, xs: Any, steps: int) -> tuple[Any, Any]:
    carry = tree.map(lambda leaf: abstract(trace, leaf), init)
    new, y = stands_for(steps, _step, f, carry, tree.map(lambda leaf: _element(trace, leaf), xs))
    ys = tree.map(lambda leaf: broadcast_to(expand_dims(as_array(leaf), axis=0), (steps, *as_array(leaf).shape)), y)
    return tree.map(lambda leaf: abstract(trace, leaf), new if steps else carry), ys


def _element(trace: Trace, leaf: Any) -> Any:
    """Return an element along the first dimension, of which there may be none."""
    if leaf.shape[0]:
        return abstract(trace, _part(leaf, 0))
    return Tracer(trace, Spec(leaf.shape[1:], leaf.dtype, owner(leaf)), None)


def _empty(f: Callable[[Any, Any], Any], init: Any, xs: Any) -> Any:
    """Return the results of no step at all."""
    element = tree.map(lambda leaf: Spec(leaf.shape[1:], leaf.dtype, owner(leaf)), xs)
    _, specs = eval_shape(lambda carry, x: _step(f, carry, x), init, element)
    arrays = [raw(leaf) for leaf in tree.leaves((init, xs)) if hasattr(leaf, "shape")]

    def empty(spec: Any) -> Any:
        spec = spec if isinstance(spec, Spec) else Spec((), scalar_array(spec).dtype)
        near = next((a for a in arrays if backends.backend_of_type(a.__class__) is spec.backend), None)
        device = None if near is None else spec.backend.device_of(near)
        with backends.use_backend(spec.backend.name, device=device):
            return zeros((0, *spec.shape), dtype=spec.dtype)

    return tree.map(empty, specs)
