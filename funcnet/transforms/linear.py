"""Linear maps as functions: ``linearize`` and ``linear_transpose``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core import Spec, owner, raw
from funcnet.core.bind import scalar_array
from funcnet.core.dtypes import is_inexact
from funcnet.errors import NotDifferentiableError, ParameterError
from funcnet.ops import multiply, zeros_like
from funcnet.transforms.call import Zero, place, returned
from funcnet.transforms.leaves import check_function
from funcnet.transforms.linearity import opposite, point
from funcnet.transforms.reverse import vjp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["linear_transpose", "linearize"]


def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Evaluate a function and return its derivative there as a linear function.

    The function is evaluated once, however many directions follow. Each costs one pass over what was recorded.

    Parameters
    ----------
    f : callable
        Function of the primals; returns a pytree of arrays, or a pair of it and auxiliary data with `has_aux`.
    *primals : pytree of arrays
        Where to evaluate; every leaf has a floating-point dtype.
    has_aux : bool, default False
        Whether `f` returns ``(output, auxiliary data)``.

    Returns
    -------
    y : pytree of arrays
        The output of `f`.
    push : callable
        ``push(*tangents)`` takes one pytree per primal, None for zero, and returns the tangent of the output.
    aux : pytree
        Only with `has_aux`.

    Raises
    ------
    DtypeError
        If a leaf is not floating-point.
    ParameterError, TreeError, ShapeError, DtypeError
        From ``push``, if tangents do not match the primals.

    Notes
    -----
    The map is the transpose of the transpose: reverse mode, recorded, in reverse.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> y, push = fn.linearize(np.sin, np.array(0.0))
    >>> push(np.array(1.0)), push(np.array(3.0))
    (array(1.), array(3.))
    """
    check_function(f, "fn.linearize", "x")
    y, pullback, *aux = vjp(f, *primals, has_aux=has_aux)
    outs, structure = tree.flatten(y)
    live = [i for i, leaf in enumerate(outs) if hasattr(leaf, "dtype") and is_inexact(leaf.dtype)]
    zeros = [Zero(leaf) if hasattr(leaf, "dtype") else None for leaf in outs]

    def backwards(*gs: Any) -> Any:
        cts: list[Any] = [None] * len(outs)
        for i, g in zip(live, gs, strict=True):
            cts[i] = g
        return pullback(tree.unflatten(structure, cts))

    _, transpose = vjp(backwards, *[zeros_like(outs[i]) for i in live])
    shapes = tree.map(lambda leaf: Spec(leaf.shape, leaf.dtype, owner(leaf)), _arrays(primals))

    def push(*tangents: Any) -> Any:
        if len(tangents) != len(shapes):
            raise ParameterError(
                "A linearized function takes one tangent for each primal.",
                found=str(len(tangents)),
                needed=str(len(shapes)),
                write="push(t), None for a tangent that is zero",
            )
        given = []
        for i, (t, spec) in enumerate(zip(tangents, shapes, strict=True)):
            flat = returned(t, spec, f"The tangent of argument {i}", lambda path, i=i: place(f"[{i}]{path}"))
            given.append(tree.unflatten(tree.structure(spec), flat))
        found = transpose(tuple(given))
        ts: list[Any] = [None if z is None else z.array() for z in zeros]
        for i, t in zip(live, found, strict=True):
            ts[i] = t
        return tree.unflatten(structure, ts)

    return (y, push, *aux)


def linear_transpose(f: Callable[..., Any], *primals: Any) -> Callable[..., tuple[Any, ...]]:
    r"""Return the transpose of a linear function.

    For :math:`f(x) = A x` it is :math:`g \mapsto A^T g`; nothing is conjugated.

    Parameters
    ----------
    f : callable
        Linear function of the primals, of all together; returns a pytree of arrays.
    *primals : pytree of arrays or Spec
        Shapes and dtypes of the arguments; the values do not matter.

    Returns
    -------
    callable
        Takes a pytree like the output of `f` and returns a tuple with one pytree per primal.

    Raises
    ------
    NotDifferentiableError
        If `f` is seen not to be linear: its values at a point and at -2 times that point are compared.
    DtypeError
        If a leaf is not floating-point.
    ParameterError
        If `f` cannot be called.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> a = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> transpose = fn.linear_transpose(lambda x: a @ x, np.zeros(2))
    >>> transpose(np.array([1.0, 0.0, 0.0]))
    (array([1., 2.]),)
    """
    check_function(f, "fn.linear_transpose", "x")
    points = tree.map(_point, _arrays(primals))
    y, pullback = vjp(f, *points)
    values = tree.leaves(y)
    if not any(isinstance(raw(leaf), Spec) for leaf in values):
        turned = tree.leaves(f(*tree.map(lambda x: multiply(x, -2.0), points)))
        for a, b in zip(values, turned, strict=True):
            if not opposite(a, b):
                raise NotDifferentiableError(
                    "The function given to fn.linear_transpose is not linear.",
                    found="f(-2 x) is not -2 f(x)",
                    needed="a linear function of all arguments together",
                    write="fn.vjp(f, x)[1], the transpose of its derivative at x",
                )
    return pullback


def _arrays(primals: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the primals with arrays in place of Python numbers."""
    return tree.map(lambda leaf: scalar_array(leaf) if leaf.__class__ in (float, complex) else leaf, primals)


def _point(x: Any) -> Any:
    """Return values of both signs like an array or a spec."""
    if not hasattr(x, "dtype"):
        return x
    return point(Zero(x))
