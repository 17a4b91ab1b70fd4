"""Vectorisation: ``vmap``."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from funcnet import backends, tree
from funcnet.core import Trace, Tracer, bind, owner, settled
from funcnet.core.bind import check_hashable, run, scalar_array
from funcnet.core.frames import user_frame
from funcnet.errors import AbstractValueError, FuncnetError, NotDifferentiableError, ParameterError, ShapeError
from funcnet.ops import broadcast_to, getitem, moveaxis, stack
from funcnet.ops.batching import broadcasting, padded
from funcnet.transforms.leaves import check_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.core import Primitive

__all__ = ["BatchTrace", "composed", "in_front", "vmap"]


class BatchTrace(Trace):
    """Applies every operation to all elements of a batch at once.

    A tracer's node is 0, the dimension of its value that holds the batch, or None if its value is the same for all
    elements.
    """

    __slots__ = ("size",)
    name = "vmap"
    concrete = False
    remembers = False

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def carries(self, tracer: Tracer) -> bool:  # noqa: ARG002  # the same for all
        """No derivative; `hidden` says what may be read."""
        return False

    def hidden(self, tracer: Tracer, what: str) -> FuncnetError | None:
        if tracer.node is None:
            return None
        return AbstractValueError(
            f"{what} needs one value, but fn.vmap maps over this array, in {user_frame()}.",
            found=f"an array of shape {tuple(tracer.shape)} with a value for each of {self.size} elements",
            needed="array operations, or a value that does not depend on the mapped arguments",
            write="xp.where(condition, a, b) for a choice between arrays; in_axes=None for what is not mapped; "
            "fn.lift(a)[i], and a = fn.lift(a) before a[i] = x, where a is a plain array",
        )

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if params:
            check_hashable(primitive, params)
        kind = primitive.kind
        if kind == "elementwise" and len(args) < 3:
            return self._elementwise(primitive, args, params)
        if len(args) == 1:
            values = [args[0].value]
            batched = [args[0].node is not None]
        else:
            values = []
            batched = []
            for a in args:
                if a.__class__ is Tracer and a.trace is self:
                    values.append(a.value)
                    batched.append(a.node is not None)
                else:
                    values.append(a)
                    batched.append(False)
        node = 0
        if True not in batched:
            y, node = bind(primitive, *values, **params), None
        elif kind == "elementwise":
            y = broadcasting(primitive, self.size, batched, *values, **params)
        else:
            rule = primitive.batch or _one_by_one
            y = rule(*(primitive, self.size, batched, *values), **params)
        if kind == "call" and any(v.__class__ is Tracer and v.trace is self for v in y):
            raise NotDifferentiableError(
                f"{primitive.name} uses an array over which fn.vmap maps and that is not among its arguments, in "
                f"{user_frame()}.",
                found="an array from an enclosing function, which its rules do not see",
                needed="every array that is mapped or differentiated as an argument",
                write="f(x, w) in place of a function of x that sees w",
            )
        if primitive.multiple:
            return tuple([Tracer(self, v, node) for v in y])
        return Tracer(self, y, node)

    def _elementwise(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Tracer:
        """Apply an operation on each element of one or two arrays: nearly every other one of a program."""
        x1 = args[0]
        node = None
        if x1.__class__ is Tracer and x1.trace is self:
            node = x1.node
            x1 = x1.value
        if len(args) == 1:
            raws: Any = (x1,)
            nested = x1.__class__ is Tracer
        else:
            x2 = args[1]
            first, second = node, None
            if x2.__class__ is Tracer and x2.trace is self:
                second = x2.node
                x2 = x2.value
            if first is not None or second is not None:
                node = 0
                # Counted from the last, dimensions meet as those of single elements do.
                m = len(getattr(x1, "shape", ())) - (first is not None)
                n = len(getattr(x2, "shape", ())) - (second is not None)
                if m < n and first is not None:
                    x1 = padded(x1, n)
                elif n < m and second is not None:
                    x2 = padded(x2, m)
            raws = (x1, x2)
            nested = x1.__class__ is Tracer or x2.__class__ is Tracer
        return Tracer(self, bind(primitive, *raws, **params) if nested else run(primitive, raws, params), node)


def composed(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the batching rule of an operation that ``f(*args, **params)`` computes from others."""

    def rule(primitive: Primitive, size: int, batched: list[bool], /, *args: Any, **params: Any) -> Any:
        trace = BatchTrace(size)
        tracers = [
            Tracer(trace, a, 0 if b else None) if hasattr(a, "shape") else a for a, b in zip(args, batched, strict=True)
        ]
        y = trace.run(f, tuple(tracers), params)
        if primitive.multiple:
            return tuple([in_front(trace, v, 0) for v in y])
        return in_front(trace, y, 0)

    return rule


def _one_by_one(primitive: Primitive, size: int, batched: list[bool], /, *args: Any, **params: Any) -> Any:
    """Rule of a primitive that declares none: a call for each element, and a stack of the results."""
    if not size:
        raise ParameterError(
            f"The primitive {primitive.name!r} has no batching rule, so an empty batch has no result.",
            found="a batch of size 0",
            needed="a batching rule, or at least one element",
            write=f"batch=... in the declaration of {primitive.name!r}",
        )
    results = [
        bind(primitive, *[getitem(a, i) if b else a for a, b in zip(args, batched, strict=True)], **params)
        for i in range(size)
    ]
    if primitive.multiple:
        return tuple([stack(parts) for parts in zip(*results, strict=True)])
    return stack(results)


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """Return a function that applies `f` to every element of a batch, by operations on the whole batch.

    `f` is called once. Inside, an array over which is mapped does not show the dimension of the batch; every operation
    on it runs once for all elements, by the batching rule of the operation. Transformations nest in any order:
    ``vmap(grad(f))`` gives the gradient for each example, ``grad`` of a function with a `vmap` inside works as well.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays. It must not depend on the values of mapped arrays in Python: ``if x > 0``,
        ``float(x)`` and ``range(n)`` are refused. Arrays that are not mapped can be read.
    in_axes : int, None, or pytree of them, default 0
        Over which dimension of each positional argument to map; None for an argument that is the same for all
        elements. A tuple has one entry for each argument, which may be a pytree like the argument or a prefix of it.
        Arrays among keyword arguments are mapped over their first dimension; other values are passed on.
    out_axes : int, None, or pytree of them, default 0
        Where the dimension of the batch goes in each result: a pytree like the result of `f`, or a prefix of it. None
        for a result that is the same for all elements, which is then returned once.

    Returns
    -------
    callable
        With the arguments of `f`, where mapped arrays have one dimension more.

    Raises
    ------
    ParameterError
        If nothing is mapped, an axis is no integer, a mapped argument is no array, or `out_axes` is None for a result
        that differs from element to element.
    ShapeError
        If sizes differ along the mapped axes, or an array does not have the axis; the message names the leaves.
    TreeError
        If `in_axes` or `out_axes` does not have the structure of the arguments or the result.
    AbstractValueError
        If `f` reads a mapped value, or an operation's result would have a shape that depends on values.

    Notes
    -----
    A user's primitive without a batching rule is called once for each element.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.vmap(lambda x, y: x @ y)(np.ones((4, 3)), np.arange(12.0).reshape(4, 3))
    array([ 3., 12., 21., 30.])
    >>> w = np.array([1.0, 2.0])
    >>> fn.vmap(fn.grad(lambda w, x: (w @ x) ** 2), in_axes=(None, 0))(w, np.eye(2))
    array([[2., 0.],
           [0., 4.]])
    """
    check_function(f, "fn.vmap")
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    _check_axes(in_axes, "in_axes")
    _check_axes(out_axes, "out_axes")

    @wraps(f)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        if in_axes.__class__ is tuple and len(in_axes) != len(args):
            raise ParameterError(
                "fn.vmap needs an entry of in_axes for each positional argument.",
                found=f"{len(in_axes)} entries for {len(args)} argument{'s' * (len(args) != 1)}",
                needed="as many, or one integer for all",
                write="in_axes=(0, None) for a function of two arguments of which the first is mapped",
            )
        given, structures, axes = _taken_apart(in_axes, args, kwargs)

        def named(index: int) -> str:
            return _named(tree.flatten_with_paths((args, kwargs))[0][index][0])

        moved = [
            leaf if axis is None else _moved(leaf, axis, i, named)
            for i, (leaf, axis) in enumerate(zip(given, axes, strict=True))
        ]
        trace = BatchTrace(_common_size(moved, axes, named))
        leaves = [
            Tracer(trace, leaf, 0) if axis is not None else Tracer(trace, leaf, None) if _is_array(leaf) else leaf
            for leaf, axis in zip(moved, axes, strict=True)
        ]
        placed = _put_together(structures, leaves)
        by_name = placed.pop() if kwargs else {}
        out = trace.run(f, tuple(placed), by_name)
        found, shape = tree.flatten(out)
        where = (
            [out_axes] * len(found)
            if out_axes is None or out_axes.__class__ is int
            else tree.broadcast_prefix(out_axes, out, is_leaf=_is_none, name="out_axes of fn.vmap")
        )

        def result(index: int) -> str:
            path = tree.flatten_with_paths(out)[0][index][0]
            return f", leaf {path}" if path else ""

        placed = [
            settled(_placed(trace, leaf, axis, i, result))
            for i, (leaf, axis) in enumerate(zip(found, where, strict=True))
        ]
        return tree.unflatten(shape, placed)

    return mapped


def _taken_apart(in_axes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return all leaves, the structure of each argument and of keyword arguments if there are, and each leaf's axis."""
    flats = [tree.flatten(a) for a in args]
    entries = in_axes if in_axes.__class__ is tuple else (in_axes,) * len(args)
    axes: list[Any] = []
    for axis, (found, _) in zip(entries, flats, strict=False):
        if axis is None or axis.__class__ is int:
            axes += [axis] * len(found)
        else:
            # As a whole, so that messages have the whole path.
            axes = tree.broadcast_prefix(in_axes, args, is_leaf=_is_none, name="in_axes of fn.vmap")
            break
    if kwargs:
        flats.append(tree.flatten(kwargs))
        axes += [0 if _is_array(leaf) else None for leaf in flats[-1][0]]
    return [leaf for found, _ in flats for leaf in found], [structure for _, structure in flats], axes


def _put_together(structures: list[Any], leaves: list[Any]) -> list[Any]:
    """Return the leaves in trees of these structures."""
    trees, start = [], 0
    for structure in structures:
        end = start + structure.num_leaves
        trees.append(tree.unflatten(structure, leaves[start:end]))
        start = end
    return trees


def _is_none(node: Any) -> bool:
    return node is None


def _is_array(leaf: Any) -> bool:
    return leaf.__class__ is Tracer or backends.backend_of_type(leaf.__class__) is not None


def _check_axes(axes: Any, name: str) -> None:
    for axis in tree.leaves(axes, is_leaf=_is_none):
        if axis is not None and axis.__class__ is not int:
            raise ParameterError(
                f"fn.vmap takes integers and None as {name}.",
                found=f"{type(axis).__name__}: {axis!r}",
                needed="an integer, None, or a pytree of them",
                write=f"{name}=0",
            )


def _named(path: str) -> str:
    """Return the path of a leaf of ``(args, kwargs)`` in words."""
    if path.startswith("[1]"):
        return f"keyword argument {path[3:].lstrip('.')}"
    place, bracket, rest = path[4:].partition("]")
    return f"argument {place}" + (f", leaf {rest}" if bracket and rest else "")


def _moved(leaf: Any, axis: int, index: int, named: Callable[[int], str]) -> Any:
    """Return a mapped array with the dimension of the batch in front."""
    if not _is_array(leaf):
        raise ParameterError(
            f"fn.vmap cannot map over {named(index)}.",
            found=f"{type(leaf).__name__}: {leaf!r}",
            needed="an array, or None in in_axes",
            write="in_axes=(0, None), with None for what is the same for all elements",
        )
    shape = tuple(leaf.shape)
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(
            f"fn.vmap cannot map over axis {axis} of {named(index)}.",
            found=f"an array of shape {shape}",
            needed=f"an axis from {-len(shape)} to {len(shape) - 1}"
            if shape
            else "an array with a dimension to map over",
            write="in_axes=None for what is the same for all elements",
        )
    return moveaxis(leaf, axis, 0) if axis % len(shape) else leaf


def _common_size(leaves: list[Any], axes: list[Any], named: Callable[[int], str]) -> int:
    sizes = {i: leaf.shape[0] for i, (leaf, axis) in enumerate(zip(leaves, axes, strict=True)) if axis is not None}
    if not sizes:
        raise ParameterError(
            "fn.vmap has nothing to map over.",
            found="no array argument" if not any(map(_is_array, leaves)) else "in_axes with None for every array",
            needed="at least one array with an axis",
            write="in_axes=0",
        )
    different = set(sizes.values())
    if len(different) > 1:
        raise ShapeError(
            "fn.vmap got arrays whose sizes differ along the axes that are mapped over.",
            found="; ".join([f"{size} along axis {axes[i]} of {named(i)}" for i, size in sizes.items()]),
            needed="one size",
            write="in_axes=None for what is the same for all elements",
        )
    return different.pop()


def in_front(trace: BatchTrace, leaf: Any, axis: int | None) -> Any:
    """Return a result without the trace, with the dimension of the batch in front unless `axis` is None."""
    if leaf.__class__ is Tracer and leaf.trace is trace:
        if leaf.node is not None:
            return leaf.value
        leaf = leaf.value
    if axis is None:
        return leaf
    if leaf.__class__ in (bool, int, float, complex):
        leaf = scalar_array(leaf)
    spread = broadcast_to(leaf, (trace.size, *leaf.shape))
    # An array of its own, that may be written to.
    if spread.__class__ is Tracer:
        return spread.copy()
    return owner(spread).asarray(spread, copy=True)


def _placed(trace: BatchTrace, leaf: Any, axis: int | None, index: int, named: Callable[[int], str]) -> Any:
    """Return a result with the dimension of the batch where `out_axes` wants it."""
    if axis == 0 and leaf.__class__ is Tracer and leaf.trace is trace and leaf.node is not None:
        return leaf.value
    if axis is None:
        if leaf.__class__ is Tracer and leaf.trace is trace and leaf.node is not None:
            raise ParameterError(
                f"The result of a function in fn.vmap{named(index)} differs between elements, but out_axes is None.",
                found=f"an array of shape {tuple(leaf.shape)} that depends on mapped arguments",
                needed="a place for the dimension of the batch",
                write="out_axes=0",
            )
        return in_front(trace, leaf, None)
    if not _is_array(leaf) and leaf.__class__ not in (bool, int, float, complex):
        raise ParameterError(
            f"The result of a function in fn.vmap{named(index)} is no array.",
            found=f"{type(leaf).__name__}: {leaf!r}",
            needed="arrays and numbers in nested containers",
            write="out_axes=None for what is the same for all elements",
        )
    y = in_front(trace, leaf, axis)
    ndim = len(y.shape)
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"fn.vmap cannot put the dimension of the batch at axis {axis} of the result{named(index)}.",
            found=f"a result of shape {tuple(y.shape[1:])} for each element",
            needed=f"an axis from {-ndim} to {ndim - 1}",
            write="out_axes=0",
        )
    return moveaxis(y, 0, axis) if axis % ndim else y
