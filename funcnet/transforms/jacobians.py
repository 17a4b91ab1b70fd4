"""Matrices of derivatives: ``jacobian``, ``jacfwd``, ``jacrev``, ``hessian``, and ``hvp``."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import tree
from funcnet.core import determined, owner, raw
from funcnet.core.bind import scalar_array
from funcnet.core.dtypes import is_inexact
from funcnet.errors import DtypeError, NonScalarOutputError, ParameterError
from funcnet.ops import concat, moveaxis, ones_like, reshape
from funcnet.transforms.batch import vmap
from funcnet.transforms.forward import jvp
from funcnet.transforms.holomorphic import check_input, check_output
from funcnet.transforms.leaves import as_leaf, check_function, positions
from funcnet.transforms.reverse import grad, vjp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["hessian", "hvp", "jacfwd", "jacobian", "jacrev"]


def jacrev(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    r"""Return the function of the Jacobian, row by row in reverse mode.

    :math:`J_{ij} = \partial y_i / \partial x_j`. Fit for fewer outputs than inputs: one forward pass, and one backward
    pass for all rows together.

    Parameters
    ----------
    f : callable
        Returns a pytree of real arrays, or a pair of it and auxiliary data with `has_aux`.
    argnums : int or sequence of int, default 0
        Positional arguments to differentiate: pytrees of floating-point arrays.
    has_aux : bool, default False
        Whether `f` returns ``(output, auxiliary data)``.
    holomorphic : bool, default False
        Says that `f` is holomorphic: arguments and outputs are complex, and the derivatives are complex ones.
    chunk_size : int, optional
        How many rows to compute together; all if omitted. Less memory, more time.

    Returns
    -------
    callable
        With the arguments of `f`; returns a pytree like the output, where each leaf is a pytree like the argument (a
        tuple of them if `argnums` is a sequence) of arrays of shape ``y.shape + x.shape``; a pair of it and the
        auxiliary data with `has_aux`.

    Raises
    ------
    DtypeError
        If a leaf is not floating-point, or not complex with `holomorphic`, or an output is complex without.
    ParameterError
        If `chunk_size` is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.jacrev(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _transformed(f, argnums, has_aux, holomorphic, chunk_size, "fn.jacrev", _by_rows)


def jacfwd(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the function of the Jacobian, column by column in forward mode.

    Fit for fewer inputs than outputs: one pass for all columns together. Real arguments may have complex results.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic, chunk_size
        As in `jacrev`; chunks are of columns.

    Returns
    -------
    callable
        As in `jacrev`.

    Raises
    ------
    DtypeError, ParameterError
        As in `jacrev`; arguments are real unless `holomorphic`.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.jacfwd(lambda x: {"sum": x[0] + x[1], "x": x})(np.array([1.0, 2.0]))
    {'sum': array([1., 1.]), 'x': array([[1., 0.],
           [0., 1.]])}
    """
    return _transformed(f, argnums, has_aux, holomorphic, chunk_size, "fn.jacfwd", _by_columns)


def jacobian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the function of the Jacobian, in the mode that takes fewer passes.

    Reverse mode where there are no more outputs than inputs, else forward mode, for which `f` is evaluated again.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic, chunk_size
        As in `jacrev`.

    Returns
    -------
    callable
        As in `jacrev`.

    Raises
    ------
    DtypeError, ParameterError
        As in `jacrev`.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.jacobian(lambda x: x[0] * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [2., 1.]])
    """
    return _transformed(f, argnums, has_aux, holomorphic, chunk_size, "fn.jacobian", _by_fewer)


def hessian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the function of the matrix of second derivatives: forward over reverse, all columns together.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic
        As in `jacrev`; usually `f` returns a scalar.
    chunk_size : int, optional
        How many columns to compute together; all if omitted.

    Returns
    -------
    callable
        With the arguments of `f`; returns a pytree like the output, where each leaf is a pytree like the argument, of
        pytrees like the argument, of arrays of shape ``y.shape + x1.shape + x2.shape``; a pair of it and the auxiliary
        data with `has_aux`.

    Raises
    ------
    DtypeError, ParameterError
        As in `jacrev`.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.hessian(lambda x: x[0] * x[1] ** 2)(np.array([1.0, 2.0]))
    array([[0., 4.],
           [4., 2.]])
    """
    inner = jacrev(f, argnums, has_aux=has_aux, holomorphic=holomorphic)
    return jacfwd(inner, argnums, has_aux=has_aux, holomorphic=holomorphic, chunk_size=chunk_size)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """Return the product of the Hessian of a scalar function and a vector, without the Hessian.

    Forward over reverse: a few times the cost of the function.

    Parameters
    ----------
    f : callable
        Function of the primals; returns a real floating-point scalar.
    primals : sequence of pytrees of arrays
        Where to differentiate.
    tangents : sequence of pytrees of arrays
        The vector: one pytree per primal; None stands for zero.

    Returns
    -------
    tuple
        One pytree per primal.

    Raises
    ------
    ParameterError, TreeError, ShapeError, DtypeError
        If tangents do not match the primals.
    NonScalarOutputError, IndependentOutputError
        As in `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> x, v = np.array([1.0, 2.0]), np.array([1.0, 0.0])
    >>> fn.hvp(lambda x: x[0] * x[1] ** 2, (x,), (v,))
    (array([0., 4.]),)
    """
    if not isinstance(primals, (tuple, list)):
        raise ParameterError(
            "fn.hvp takes sequences of primals and tangents.",
            found=type(primals).__name__,
            needed="two tuples or lists of the same length",
            write="fn.hvp(f, (x,), (v,))",
        )
    return jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]


def _transformed(
    f: Callable[..., Any],
    argnums: int | Sequence[int],
    has_aux: bool,
    holomorphic: bool,
    chunk_size: int | None,
    name: str,
    compute: Callable[..., tuple[Any, Any]],
) -> Callable[..., Any]:
    check_function(f, name)
    if chunk_size is not None and not (chunk_size.__class__ is int and chunk_size > 0):
        raise ParameterError(
            f"{name} got a chunk_size that is no number of rows.",
            found=repr(chunk_size),
            needed="a positive integer, or None for all together",
            write="chunk_size=128",
        )

    @wraps(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        where = positions(argnums, len(args), name)
        single = isinstance(argnums, int)
        primals = tuple([_lifted(args[i], name, i) for i in where])

        def of_primals(*chosen: Any) -> Any:
            call = list(args)
            for i, argument in zip(where, chosen, strict=True):
                call[i] = argument
            out = f(*call, **kwargs)
            if not has_aux:
                return out, None
            if not (isinstance(out, tuple) and len(out) == 2):
                raise NonScalarOutputError(
                    f"{name} with has_aux=True needs a function that returns a pair.",
                    found=type(out).__name__,
                    needed="(output, auxiliary data)",
                    write="return y, {'hidden': h}",
                )
            return out

        check_input(primals, name, holomorphic=holomorphic, real=compute is _by_columns, where=where)
        result, aux = compute(of_primals, primals, single, holomorphic, chunk_size, name)
        return (result, aux) if has_aux else result

    return matrix


def _lifted(primal: Any, name: str, position: int) -> Any:
    def one(path: str, leaf: Any) -> Any:
        return as_leaf(leaf, name, lambda: f"argument {position}" + (f", leaf {path}" if path else ""))

    return tree.map_with_path(one, primal)


def _array(leaf: Any) -> Any:
    return scalar_array(leaf) if leaf.__class__ in (float, complex) else leaf


def _by_rows(
    f: Callable[..., Any], primals: Any, single: bool, holomorphic: bool, chunk: int | None, name: str
) -> tuple[Any, Any]:
    y, pullback, aux = vjp(f, *primals, has_aux=True)
    _all_determined(y)
    return _rows(y, pullback, single, holomorphic, chunk, name), aux


def _rows(y: Any, pullback: Callable[..., Any], single: bool, holomorphic: bool, chunk: int | None, name: str) -> Any:
    check_output(y, name, holomorphic=holomorphic)
    outs, structure = tree.flatten(y)
    outs = [_inexact(_array(leaf), name) for leaf in outs]
    if _sizes(outs) == [1]:
        row = pullback(tree.unflatten(structure, [ones_like(outs[0])]))
        blocks = [tree.map(lambda leaf: reshape(leaf, (*outs[0].shape, *leaf.shape)), row)]
    else:
        rows = _mapped(lambda *g: pullback(tree.unflatten(structure, g)), outs, chunk)
        blocks = [
            tree.map(lambda leaf: reshape(leaf[start : start + size, ...], (*out.shape, *leaf.shape[1:])), rows)  # noqa: B023  # called now
            for out, start, size in _slices(outs)
        ]
    return tree.unflatten(structure, [block[0] if single else block for block in blocks])


def _by_columns(
    f: Callable[..., Any], primals: Any, single: bool, holomorphic: bool, chunk: int | None, name: str
) -> tuple[Any, Any]:
    ins, structure = tree.flatten(primals)
    auxiliary: list[Any] = []

    def push(*tangents: Any) -> Any:
        y, t, aux = jvp(f, primals, tree.unflatten(structure, tangents), has_aux=True)
        check_output(y, name, holomorphic=holomorphic, real=False)
        _all_determined(y)
        auxiliary[:] = [aux]
        return t, aux

    columns, aux = _mapped(push, ins, chunk, out_axes=(0, None))

    def blocks(leaf: Any) -> Any:
        last = moveaxis(leaf, 0, -1)
        parts = [
            reshape(last[..., start : start + size], (*leaf.shape[1:], *x.shape)) for x, start, size in _slices(ins)
        ]
        found = tree.unflatten(structure, parts)
        return found[0] if single else found

    return tree.map(blocks, columns), aux


def _by_fewer(
    f: Callable[..., Any], primals: Any, single: bool, holomorphic: bool, chunk: int | None, name: str
) -> tuple[Any, Any]:
    y, pullback, aux = vjp(f, *primals, has_aux=True)
    _all_determined(y)
    check_output(y, name, holomorphic=holomorphic)
    if sum(_sizes(tree.leaves(y))) <= sum(_sizes(tree.leaves(primals))):
        return _rows(y, pullback, single, holomorphic, chunk, name), aux
    return _by_columns(f, primals, single, holomorphic, chunk, name)


def _all_determined(y: Any) -> None:
    for leaf in tree.leaves(y):
        determined(leaf)


def _inexact(leaf: Any, name: str) -> Any:
    if not (hasattr(leaf, "dtype") and is_inexact(leaf.dtype)):
        raise DtypeError(
            f"{name} needs floating-point arrays, but the result has something else.",
            found=f"an array of dtype {leaf.dtype}" if hasattr(leaf, "dtype") else f"{type(leaf).__name__}: {leaf!r}",
            needed="a floating-point dtype",
            write="has_aux=True for what is not differentiated",
        )
    return leaf


def _sizes(leaves: list[Any]) -> list[int]:
    sizes = []
    for leaf in leaves:
        size = 1
        for n in getattr(leaf, "shape", ()):
            size *= n
        sizes.append(size)
    return sizes


def _slices(leaves: list[Any]) -> list[tuple[Any, int, int]]:
    out, start = [], 0
    for leaf, size in zip(leaves, _sizes(leaves), strict=True):
        out.append((leaf, start, size))
        start += size
    return out


def _mapped(f: Callable[..., Any], leaves: list[Any], chunk: int | None, out_axes: Any = 0) -> Any:
    """Apply `f` to every vector of the standard basis of all leaves together, and stack the results."""
    total = sum(_sizes(leaves))
    step = max(total, 1) if chunk is None else chunk
    parts = []
    for begin in range(0, max(total, 1), step):
        rows = range(begin, min(begin + step, total))
        basis = [_basis(leaf, start, size, rows) for leaf, start, size in _slices(leaves)]
        parts.append(vmap(f, out_axes=out_axes)(*basis))
    if len(parts) == 1:
        return parts[0]
    if out_axes == 0:
        return tree.map(lambda *pieces: concat(pieces, axis=0), *parts)
    return tree.map(lambda *pieces: concat(pieces, axis=0), *[first for first, _ in parts]), parts[-1][1]


def _basis(leaf: Any, start: int, size: int, rows: range) -> Any:
    """Return the rows of the identity matrix, of which columns from `start` belong to `leaf`."""
    array = raw(leaf)
    backend = owner(array)
    eye = np.eye(len(rows), size, k=rows.start - start).reshape((len(rows), *leaf.shape))
    return backend.asarray(eye, dtype=leaf.dtype, device=backend.device_of(array))
