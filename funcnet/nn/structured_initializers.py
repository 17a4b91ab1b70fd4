"""Initialisers whose values belong together: orthogonal and sparse matrices, and kernels that change nothing."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import random, xp
from funcnet.core import owner
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.spec import beside

if TYPE_CHECKING:
    from collections.abc import Callable

    Initializer = Callable[..., Any]

__all__ = ["delta_orthogonal", "dirac", "identity", "orthogonal", "sparse"]


def orthogonal(scale: float = 1.0, *, column_axis: int = -1) -> Initializer:
    r"""Return an initialiser of orthogonal matrices, uniformly distributed.

    The kernel as a matrix :math:`W`, with all axes but `column_axis` in one, has orthogonal columns or rows, of which
    there are fewer: :math:`W^T W = \mathrm{scale}^2 I` or :math:`W W^T = \mathrm{scale}^2 I`.

    Parameters
    ----------
    scale : float, default 1
        Length of the columns or rows.
    column_axis : int, default -1
        The axis whose elements are columns.

    Returns
    -------
    callable
        ``init(key, shape, dtype=None)``, which raises `ShapeError` for fewer than two dimensions.

    References
    ----------
    .. [1] A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
       neural networks", ICLR 2014.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> w = nn.initializers.orthogonal()(random.key(0), (3, 2), "float64")
    >>> abs(w.T @ w).round(12)
    array([[1., 0.],
           [0., 1.]])
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        ndim = len(shape)
        if ndim < 2 or not -ndim <= column_axis < ndim:
            raise ShapeError(
                "nn.initializers.orthogonal makes matrices.",
                found=f"shape {tuple(shape)} and column_axis={column_axis}",
                needed="at least two dimensions, among them that axis",
                write="nn.initializers.normal(0.01) for a vector of parameters",
            )
        axis = column_axis % ndim
        columns = shape[axis]
        others = (*shape[:axis], *shape[axis + 1 :])
        rows = prod(others)
        with beside(key):
            wanted, wide = _precisions(key, dtype)
            drawn = random.normal(key, (max(rows, columns), min(rows, columns)), dtype=wide)
            if 0 in drawn.shape:
                return xp.zeros(shape, dtype=wanted)
            q, r = xp.linalg.qr(drawn)
            # The factorisation leaves the signs open; these make the distribution uniform.
            negative = xp.linalg.diagonal(r) < 0
            q = q * (1.0 - 2.0 * xp.astype(negative, q.dtype))
            q = xp.matrix_transpose(q) if rows < columns else q
            kernel = xp.moveaxis(xp.reshape(q, (*others, columns)), -1, axis) * scale
            return xp.astype(kernel, wanted)

    return init


def _precisions(key: Any, dtype: Any) -> tuple[Any, Any]:
    """Return the data type that is wanted, and the one to compute in."""
    wanted = xp.zeros((), dtype=dtype).dtype
    return wanted, "float64" if owner(key).dtype_name(wanted) == "float64" else "float32"


def delta_orthogonal(scale: float = 1.0, *, column_axis: int = -1) -> Initializer:
    """Return an initialiser of convolution kernels that are zero but for an orthogonal matrix in their centre.

    With circular padding such a convolution preserves lengths.

    Parameters
    ----------
    scale : float, default 1
        Factor of the matrix.
    column_axis : int, default -1
        The axis of the matrix whose elements are columns.

    Returns
    -------
    callable
        ``init(key, shape, dtype=None)`` for shapes (spatial..., in, out) with one to three spatial axes and ``in`` at
        most ``out``; otherwise it raises `ShapeError`.

    References
    ----------
    .. [1] L. Xiao et al., "Dynamical isometry and a mean field theory of CNNs", ICML 2018.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> w = nn.initializers.delta_orthogonal()(random.key(0), (3, 2, 2), "float64")
    >>> abs(w[1].T @ w[1]).round(12), w[0].any(), w[2].any()
    (array([[1., 0.],
           [0., 1.]]), np.False_, np.False_)
    """
    matrix = orthogonal(scale, column_axis=column_axis)

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        if not 3 <= len(shape) <= 5 or shape[-1] < shape[-2] or 0 in shape[:-2]:
            raise ShapeError(
                "nn.initializers.delta_orthogonal makes kernels of convolutions that do not lose channels.",
                found=f"shape {tuple(shape)}",
                needed="(spatial..., in, out) with one to three spatial axes and in <= out",
                write="nn.initializers.orthogonal()",
            )
        with beside(key):
            center = tuple([(n - 1) // 2 for n in shape[:-2]])
            inner = matrix(key, shape[-2:], dtype)
            return xp.at(xp.zeros(shape, dtype=inner.dtype), center).set(inner)

    return init


def identity(scale: float = 1.0) -> Initializer:
    """Return an initialiser of matrices with `scale` on the diagonal and zeros elsewhere.

    Parameters
    ----------
    scale : float, default 1
        The value on the diagonal.

    Returns
    -------
    callable
        ``init(key, shape, dtype=None)``, which raises `ShapeError` but for two dimensions.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.identity()(random.key(0), (2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]], dtype=float32)
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        _check_matrix("identity", shape)
        with beside(key):
            return xp.eye(shape[0], shape[1], dtype=dtype) * scale

    return init


def _check_matrix(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise ShapeError(
            f"nn.initializers.{name} makes matrices.",
            found=f"shape {tuple(shape)}",
            needed="two dimensions",
            write="nn.initializers.dirac() for the kernel of a convolution" if name == "identity" else "",
        )


def dirac(groups: int = 1) -> Initializer:
    """Return an initialiser of convolution kernels that give back as many of the channels as there are.

    With padding "SAME" and an odd size, a convolution with such a kernel is the identity on its first channels.

    Parameters
    ----------
    groups : int, default 1
        Number of groups of the convolution; each gives back its own channels.

    Returns
    -------
    callable
        ``init(key, shape, dtype=None)`` for shapes (spatial..., in / groups, out) with one to three spatial axes, out
        being a multiple of `groups`; otherwise it raises `ShapeError`.

    Raises
    ------
    ParameterError
        If `groups` is no positive integer.

    References
    ----------
    .. [1] S. Zagoruyko, N. Komodakis, "DiracNets: training very deep neural networks without skip-connections", 2017,
       arXiv:1706.00388.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.dirac()(random.key(0), (3, 1, 1)).ravel()
    array([0., 1., 0.], dtype=float32)
    """
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ParameterError(
            "nn.initializers.dirac takes a number of groups.", found=repr(groups), needed="a positive integer"
        )

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        if not 3 <= len(shape) <= 5 or shape[-1] % groups:
            raise ShapeError(
                "nn.initializers.dirac makes kernels of convolutions.",
                found=f"shape {tuple(shape)} for {groups} groups",
                needed="(spatial..., in / groups, out) with one to three spatial axes, groups dividing out",
                write="nn.initializers.identity() for a matrix",
            )
        kernel = np.zeros(shape)
        size = shape[-1] // groups
        center = tuple([n // 2 for n in shape[:-2]])
        for start in range(0, shape[-1], max(size, 1)):
            for i in range(min(size, shape[-2])):
                kernel[(*center, i, start + i)] = 1.0
        with beside(key):
            wanted = xp.zeros((), dtype=dtype).dtype
            return xp.asarray(kernel.tolist(), dtype=wanted) if kernel.size else xp.zeros(shape, dtype=wanted)

    return init


def sparse(sparsity: float, *, stddev: float = 1e-2) -> Initializer:
    """Return an initialiser of matrices (in, out) of normal numbers with as many zeros in every column.

    So each output depends on the same number of inputs.

    Parameters
    ----------
    sparsity : float
        Share of zeros in each column, from 0 to 1, rounded up to a number of elements.
    stddev : float, default 0.01
        Standard deviation of the other elements.

    Returns
    -------
    callable
        ``init(key, shape, dtype=None)``, which raises `ShapeError` but for two dimensions.

    Raises
    ------
    ParameterError
        If `sparsity` is no share.

    References
    ----------
    .. [1] J. Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> w = nn.initializers.sparse(0.7)(random.key(0), (10, 3))
    >>> (w == 0).sum(axis=0)
    array([7, 7, 7])
    """
    if isinstance(sparsity, bool) or not isinstance(sparsity, (int, float)) or not 0 <= sparsity <= 1:
        raise ParameterError(
            "nn.initializers.sparse takes the share of zeros.",
            found=repr(sparsity),
            needed="a number from 0 to 1",
            write="nn.initializers.sparse(0.9)",
        )

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        _check_matrix("sparse", shape)
        # A product such as 0.1 * 30 may come out a little too large.
        zeros = ceil(round(sparsity * shape[0], 9))
        with beside(key):
            keys = random.split(key)
            values = random.normal(keys[0, :], shape, dtype=dtype) * stddev
            order = random.uniform(keys[1, :], shape, dtype="float32")
            ranks = xp.argsort(xp.argsort(order, axis=0), axis=0)
            return xp.where(ranks < zeros, 0.0, values)

    return init
