"""Products of arrays: dot, inner, outer, Kronecker, convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.keys import ARRAY
from funcnet.core import bind, case, linear
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.arithmetic import multiply
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.extras.inputs import along, arrays_of, flattened
from funcnet.ops.fresh import array_like, zeros_raw
from funcnet.ops.joining import concat
from funcnet.ops.linear_algebra import matmul, tensordot
from funcnet.ops.manipulation import flip
from funcnet.ops.slicing import taken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = ["convolve", "dot", "inner", "kron", "outer"]


def dot(a: Any, b: Any, /) -> Any:
    """Product over the last dimension of `a` and the last but one of `b`.

    Of two vectors it is their inner product, without conjugation; of matrices the matrix product; of a number and an
    array the elementwise product.

    Derivative: linear in each argument.

    Parameters
    ----------
    a, b : array
        Of a numeric data type. A vector `b` is summed over its only dimension.

    Returns
    -------
    array
        Its dimensions are those of `a` that are left, then those of `b`.

    Raises
    ------
    ShapeError
        If the sizes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    a, b = arrays_of(a, b)
    if not len(a.shape) or not len(b.shape):
        return multiply(a, b)
    if len(b.shape) <= 2:
        return matmul(a, b)
    return tensordot(a, b, axes=((len(a.shape) - 1,), (len(b.shape) - 2,)))


def inner(a: Any, b: Any, /) -> Any:
    """Product over the last dimensions of two arrays, without conjugation.

    Derivative: linear in each argument.

    Parameters
    ----------
    a, b : array
        Of a numeric data type, of the same size along the last dimension; numbers multiply elementwise.

    Returns
    -------
    array
        Of shape ``a.shape[:-1] + b.shape[:-1]``.

    Raises
    ------
    ShapeError
        If the sizes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.inner(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0]))
    array([21., 43.])
    """
    a, b = arrays_of(a, b)
    if not len(a.shape) or not len(b.shape):
        return multiply(a, b)
    return tensordot(a, b, axes=((len(a.shape) - 1,), (len(b.shape) - 1,)))


def outer(a: Any, b: Any, /) -> Any:
    """Products of each element of one array with each of another, both flattened.

    Derivative: linear in each argument.

    Parameters
    ----------
    a, b : array
        Of a numeric data type.

    Returns
    -------
    array
        Of shape ``(a.size, b.size)``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    a, b = [flattened(x) for x in arrays_of(a, b)]
    return multiply(reshaped(a, (a.shape[0], 1)), reshaped(b, (1, b.shape[0])))


def kron(a: Any, b: Any, /) -> Any:
    """Kronecker product: each element of `a` replaced by its product with all of `b`.

    Derivative: linear in each argument.

    Parameters
    ----------
    a, b : array
        Of a numeric data type; the one of fewer dimensions gets leading ones of size 1.

    Returns
    -------
    array
        Each size is the product of those of `a` and `b`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.kron(np.array([1.0, 10.0]), np.array([1.0, 2.0]))
    array([ 1.,  2., 10., 20.])
    """
    a, b = arrays_of(a, b)
    ndim = max(len(a.shape), len(b.shape))
    m, n = [(1,) * (ndim - len(x.shape)) + tuple(x.shape) for x in (a, b)]
    left = reshaped(a, tuple([k for i in m for k in (i, 1)]))
    right = reshaped(b, tuple([k for i in n for k in (1, i)]))
    return reshaped(multiply(left, right), tuple([i * j for i, j in zip(m, n, strict=True)]))


def _length(a: int, v: int, mode: str) -> int:
    return a + v - 1 if mode == "full" else a - v + 1


def _convolve_impl(xp: Any, a: Any, v: Any, *, mode: str) -> Any:
    n, m = a.shape[0], v.shape[0]
    if mode == "full":
        if n < m:
            return _convolve_impl(xp, v, a, mode=mode)
        edge = xp.zeros((m - 1,), dtype=a.dtype, device=a.device)
        a = xp.concat([edge, a, edge])
    count = _length(n, m, mode)
    # Row i holds the elements that element i of the result is made of.
    places = xp.reshape(xp.arange(count, device=a.device), (-1, 1)) + xp.arange(m, device=a.device)
    windows = xp.reshape(xp.take(a, xp.reshape(places, (-1,)), axis=0), (count, m))
    return xp.matmul(windows, xp.flip(v))


def _first_transpose(y: Any, a: Any, v: Any, *, mode: str) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    other = "valid" if mode == "full" else "full"
    return lambda g: bind(convolve_p, g, flip(v), mode=other)


def _second_transpose(y: Any, a: Any, v: Any, *, mode: str) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    if mode == "full":
        return lambda g: bind(convolve_p, g, flip(a), mode="valid")
    return lambda g: flip(bind(convolve_p, a, flip(g), mode="valid"))


def _convolve_batch(
    primitive: Primitive,  # noqa: ARG001  # the rule's form
    size: int,  # noqa: ARG001  # the rule's form
    batched: Sequence[bool],
    a: Any,
    v: Any,
    /,
    *,
    mode: str,
) -> Any:
    """Return the convolutions of a batch as products of windows with vectors."""
    n, m = a.shape[-1], v.shape[-1]
    if mode == "full" and n < m:
        a, v, n, m, batched = v, a, m, n, batched[::-1]
    lead = tuple(a.shape[:-1])
    if mode == "full":
        edge = zeros_raw(a, (*lead, m - 1))
        a = concat([edge, a, edge], axis=-1)
    count = _length(n, m, mode)
    places = np.add.outer(np.arange(count), np.arange(m)).reshape(-1)
    windows = taken(a, ((None, None, None),) * len(lead) + (ARRAY,), (array_like(a, places),))
    windows, v = reshaped(windows, (*lead, count, m)), flip(v, axis=-1)
    if not batched[1]:
        return matmul(windows, v)
    return reshaped(matmul(windows, reshaped(v, (v.shape[0], m, 1))), (v.shape[0], count))


# A product of windows would be differentiated into a scatter of each of them; the transposes are convolutions again.
convolve_p = linear(
    "convolve",
    _convolve_impl,
    transpose=(_first_transpose, _second_transpose),
    shape=lambda a, v, *, mode: (_length(a.shape[0], v.shape[0], mode),),
    batch=_convolve_batch,
    dtypes="floating",
    cases=(
        case((5,), (3,), mode="full"),
        case((2,), (4,), mode="full"),
        case((5,), (3,), mode="valid"),
        case((3,), (3,), mode="valid"),
        case((1,), (1,), mode="full"),
    ),
)


def convolve(a: Any, v: Any, /, *, mode: str = "full") -> Any:
    r"""Discrete convolution of two vectors.

    :math:`y_k = \sum_j a_{k-j} v_j`.

    Derivative: linear in each argument; the transposes are convolutions with the reversed other one.

    Parameters
    ----------
    a, v : array
        Of a numeric data type and one dimension, neither empty. The shorter one is moved along the longer.
    mode : {"full", "same", "valid"}, default "full"
        Which part of the result: all of it, of ``len(a) + len(v) - 1`` elements; the middle of it, as many as the
        longer vector has; or what is made of complete overlaps.

    Returns
    -------
    array
        Of one dimension.

    Raises
    ------
    ShapeError
        If an argument is not a vector, or is empty.
    ParameterError
        If `mode` is something else.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0]))
    array([ 1., 12., 23., 30.])
    """
    a, v = arrays_of(a, v)
    if len(a.shape) != 1 or len(v.shape) != 1 or not a.shape[0] or not v.shape[0]:
        raise ShapeError(
            "xp.convolve takes vectors.",
            found=f"shapes {tuple(a.shape)} and {tuple(v.shape)}",
            needed="one dimension each, of at least one element",
            write="xp.convolve(xp.reshape(a, (-1,)), v)",
        )
    if mode not in ("full", "same", "valid"):
        raise ParameterError(
            "xp.convolve got an unknown mode.",
            found=f"mode={mode!r}",
            needed="'full', 'same' or 'valid'",
            write="mode='full'",
        )
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    y = bind(convolve_p, a, v, mode="full" if mode == "same" else mode)
    if mode != "same":
        return y
    start = (v.shape[0] - 1) // 2
    return along(y, 0, start, start + a.shape[0])
