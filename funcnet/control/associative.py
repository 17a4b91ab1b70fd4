"""Prefixes of an associative operation: ``associative_scan``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.compiler.capture import running_capture
from funcnet.compiler.graph import spec_of
from funcnet.compiler.loops.build import available
from funcnet.control.captured import captured_prefixes, scan_steps
from funcnet.control.kinds import check_callable, check_same, trace_without_values
from funcnet.control.private import private
from funcnet.core import Tracer
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops import concat, expand_dims, flip, moveaxis, reshape, squeeze, stack

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["associative_scan"]

#: Numbers of elements up to which pairs are few, and beyond which they round less.
_FEW, _MANY = 4, 1 << 16


def associative_scan(fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    r"""Combine all prefixes of a sequence by an associative operation.

    .. math:: y_i = x_0 \circ x_1 \circ \dots \circ x_i

    For :math:`n` elements the function is called :math:`O(\log n)` times, each time on many elements at once. Compiled
    loops under `fn.jit` combine up to 65,536 elements in turn, which rounds otherwise in the last digits.

    Parameters
    ----------
    fn : callable
        ``fn(a, b)``, of two pytrees like `elems` with any size along `axis`, acts on each element along `axis` by
        itself and returns such a pytree. It must be associative; otherwise the result has no meaning.
    elems : pytree of arrays
        The elements, along `axis` of each leaf.
    reverse : bool, default False
        Whether to combine suffixes instead: ``fn(a, b)`` then gets the later elements as `a`.
    axis : int, default 0
        The dimension along which the elements stand.

    Returns
    -------
    pytree of arrays
        Of the shapes of `elems`.

    Raises
    ------
    ShapeError
        If leaves have no such axis, or different sizes along it, or `fn` changes a shape.
    ParameterError
        If `fn` is not a function, or there is no array.

    References
    ----------
    Blelloch, "Prefix sums and their applications", Carnegie Mellon University, CMU-CS-90-190, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.associative_scan(np.multiply, np.array([1.0, 2.0, 3.0, 4.0]))
    array([ 1.,  2.,  6., 24.])
    """
    check_callable(fn, "fn.associative_scan", "fn")
    flat, structure = tree.flatten(elems)
    axes = _axes(tree.flatten_with_paths(elems)[0], axis)

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        first = tree.unflatten(structure, a)
        out = fn(private(first), private(tree.unflatten(structure, b)))
        check_same(
            first, out, "fn.associative_scan", "the result of fn", "a function that acts on each element by itself"
        )
        return tree.leaves(out)

    def pairs(xs: list[Any]) -> list[Any]:
        if reverse:
            xs = [flip(x, axis=k) for x, k in zip(xs, axes, strict=True)]
        found = _prefixes(combine, xs, axes)
        return [flip(x, axis=k) for x, k in zip(found, axes, strict=True)] if reverse else found

    if trace_without_values(elems) is None and _compiled(flat, axes):
        found = captured_prefixes(pairs, partial(_in_turn, combine, axes=axes, reverse=reverse), flat)
    else:
        found = pairs(flat)
    return tree.unflatten(structure, found)


def _compiled(xs: list[Any], axes: list[int]) -> bool:
    """Whether a graph is captured that may come to run as compiled loops, and the elements are neither few nor many.

    One thread that combines them in turn is faster than pairs; rounding errors of many steps add up, though.
    """
    trace = running_capture()
    # What depends on no argument has values, and its prefixes have them too.
    if trace is None or not any([x.__class__ is Tracer and (x.trace is not trace or x.node is not None) for x in xs]):
        return False
    arrays = all([x.size > 0 and spec_of(x).backend.name == "numpy" for x in xs])
    return _FEW < xs[0].shape[axes[0]] <= _MANY and arrays and not available()


def _in_turn(
    combine: Callable[[list[Any], list[Any]], list[Any]], xs: list[Any], *, axes: list[int], reverse: bool
) -> list[Any]:
    def step(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        y = combine(carry, x)
        return y, y

    n = xs[0].shape[axes[0]]
    at, rest = ((n - 1, n), (0, n - 1)) if reverse else ((0, 1), (1, n))
    first = _part(xs, axes, *at, 1)
    # An element has a dimension of size 1 where the elements stand.
    others = [expand_dims(moveaxis(x, k, 0), axis=k + 1) for x, k in zip(_part(xs, axes, *rest, 1), axes, strict=True)]
    _, found = scan_steps(step, first, others, n - 1, reverse=reverse, again=False)
    later = [moveaxis(squeeze(y, axis=k + 1), 0, k) for y, k in zip(found, axes, strict=True)]
    return [concat([b, a] if reverse else [a, b], axis=k) for a, b, k in zip(first, later, axes, strict=True)]


def _axes(leaves: list[tuple[str, Any]], axis: int) -> list[int]:
    if not leaves:
        raise ParameterError(
            "fn.associative_scan needs an array to go along.",
            found="a tree without leaves",
            needed="at least one array",
            write="fn.associative_scan(xp.add, x)",
        )
    axes, size, first = [], None, ""
    for path, leaf in leaves:
        shape = tuple(getattr(leaf, "shape", ()))
        shown = path or "the array"
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"fn.associative_scan goes along axis {axis}, which {shown} does not have.",
                found=f"shape {shape}",
                needed="an axis of every leaf",
                write="axis=0",
            )
        k = axis % len(shape)
        if size is None:
            size, first = shape[k], shown
        elif shape[k] != size:
            raise ShapeError(
                "The leaves given to fn.associative_scan do not have one size along the axis.",
                found=f"{size} in {first} and {shape[k]} in {shown}",
                needed="the same number of elements in every leaf",
                write="x[:n]",
            )
        axes.append(k)
    return axes


def _prefixes(combine: Callable[[list[Any], list[Any]], list[Any]], xs: list[Any], axes: list[int]) -> list[Any]:
    n = xs[0].shape[axes[0]]
    if n < 2:
        return xs
    # Pairs first: their prefixes are the odd places, from which one more step makes the even ones.
    odd = _prefixes(combine, combine(_part(xs, axes, 0, n - 1, 2), _part(xs, axes, 1, n, 2)), axes)
    if n == 2:
        even = _part(xs, axes, 0, 1, 1)
    else:
        before = _part(odd, axes, 0, (n - 1) // 2, 1)
        later = combine(before, _part(xs, axes, 2, n, 2))
        even = [concat([a, b], axis=k) for a, b, k in zip(_part(xs, axes, 0, 1, 1), later, axes, strict=True)]
    return [_interleaved(a, b, k) for a, b, k in zip(even, odd, axes, strict=True)]


def _part(xs: list[Any], axes: list[int], start: int, stop: int, step: int) -> list[Any]:
    return [x[(slice(None),) * k + (slice(start, stop, step),)] for x, k in zip(xs, axes, strict=True)]


def _interleaved(even: Any, odd: Any, axis: int) -> Any:
    """Return ``even[0], odd[0], even[1], ...``; `even` may have one element more."""
    n = odd.shape[axis]
    shape = (*even.shape[:axis], 2 * n, *even.shape[axis + 1 :])
    head = even[(slice(None),) * axis + (slice(n),)]
    pairs = reshape(stack([head, odd], axis=axis + 1), shape)
    if even.shape[axis] == n:
        return pairs
    return concat([pairs, even[(slice(None),) * axis + (slice(n, None),)]], axis=axis)
