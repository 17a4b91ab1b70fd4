"""Covariance and correlation of variables."""

from __future__ import annotations

from typing import Any

from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import ShapeError
from funcnet.ops.arithmetic import clip, divide, multiply
from funcnet.ops.broadcasting import cast, real, reshaped
from funcnet.ops.complex import conj, imag
from funcnet.ops.exponential import sqrt
from funcnet.ops.extras.contraction import diagonal_of
from funcnet.ops.extras.inputs import arrays_of, inexact
from funcnet.ops.joining import concat
from funcnet.ops.linear_algebra import matmul
from funcnet.ops.manipulation import permute_dims
from funcnet.ops.moments import centered
from funcnet.ops.statistical import sum

__all__ = ["corrcoef", "cov"]


def cov(
    x: Any,
    y: Any = None,
    /,
    *,
    rowvar: bool = True,
    correction: float = 1.0,
    fweights: Any = None,
    aweights: Any = None,
) -> Any:
    r"""Covariance matrix of variables.

    :math:`C_{ij} = \sum_k w_k (x_{ik} - \bar x_i) \overline{(x_{jk} - \bar x_j)} / (n - c)`.

    Derivative: of the formula, with respect to the observations and the weights.

    Parameters
    ----------
    x : array
        Observations of numeric data types: a row for each variable and a column for each observation, or one variable
        as a vector.
    y : array, optional
        Further variables with the same observations.
    rowvar : bool, default True
        Whether variables are rows; columns otherwise.
    correction : number, default 1.0
        What is taken off the number of observations, or of the sum of weights as by `numpy.cov`.
    fweights : array, optional
        How often each observation was made: a vector of integers.
    aweights : array, optional
        The weight of each observation: a vector.

    Returns
    -------
    array
        A square matrix; without dimensions for one variable. Infinite or NaN where too few observations are left.

    Raises
    ------
    ShapeError
        If there are more than two dimensions, or the numbers of observations differ.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.cov(np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    m = _variables("cov", x, y, rowvar)
    n = m.shape[1]
    weights = _weights(m, fweights, aweights)
    if weights is None:
        d = centered(m, (1,))
        product, total = matmul(d, conj(permute_dims(d, (1, 0)))), n - float(correction)
    else:
        w, whole = weights, sum(weights)
        mean = reshaped(divide(sum(multiply(m, w), axis=1), whole), (m.shape[0], 1))
        d = m - mean
        product = matmul(multiply(d, w), conj(permute_dims(d, (1, 0))))
        if aweights is None:
            total = whole - float(correction)
        else:
            _, a = arrays_of(m, aweights)
            total = whole - float(correction) * divide(sum(multiply(w, a)), whole)
    result = divide(product, total)
    return reshaped(result, ()) if m.shape[0] == 1 else result


def corrcoef(x: Any, y: Any = None, /, *, rowvar: bool = True) -> Any:
    r"""Correlation coefficients of variables, :math:`C_{ij} / \sqrt{C_{ii} C_{jj}}`.

    Derivative: of the formula; values that rounding puts beyond -1 or 1 are brought back, with derivative 0.

    Parameters
    ----------
    x, y, rowvar
        As in `cov`.

    Returns
    -------
    array
        A square matrix; without dimensions for one variable. NaN for variables that are constant.

    Raises
    ------
    ShapeError
        As in `cov`.

    References
    ----------
    K. Pearson, Notes on regression and inheritance in the case of two parents, Proceedings of the Royal Society of
    London 58 (1895).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.corrcoef(np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    c = cov(x, y, rowvar=rowvar)
    if not c.shape:
        return divide(c, c)
    n = c.shape[0]
    deviation = sqrt(real(diagonal_of(c, 0, 1)))
    r = divide(divide(c, reshaped(deviation, (n, 1))), reshaped(deviation, (1, n)))
    if kind(r.dtype) == "c":
        return clip(real(r), -1.0, 1.0) + 1j * clip(imag(r), -1.0, 1.0)
    return clip(r, -1.0, 1.0)


def _variables(name: str, x: Any, y: Any, rowvar: bool) -> Any:
    """Return all variables as the rows of a matrix."""
    given = arrays_of(x) if y is None else arrays_of(x, y)
    rows = []
    for m in given:
        shape = tuple(m.shape)
        if len(shape) > 2:
            raise ShapeError(
                f"xp.{name} takes observations as a matrix.", found=f"shape {shape}", needed="at most two dimensions"
            )
        m = inexact(m)
        if len(shape) < 2:
            rows.append(reshaped(m, (1, shape[0] if shape else 1)))
        else:
            rows.append(m if rowvar else permute_dims(m, (1, 0)))
    if len({m.shape[1] for m in rows}) > 1:
        raise ShapeError(
            f"xp.{name} got different numbers of observations.",
            found=" and ".join([str(m.shape[1]) for m in rows]),
            needed="as many observations of each variable",
            write="rowvar=False if variables are columns",
        )
    return rows[0] if len(rows) == 1 else concat(rows, axis=0)


def _weights(m: Any, fweights: Any, aweights: Any) -> Any:
    given = [arrays_of(m, w)[1] for w in (fweights, aweights) if w is not None]
    given = [w if is_inexact(w.dtype) else cast(w, m.dtype) for w in given]
    for w in given:
        if tuple(w.shape) != (m.shape[1],):
            raise ShapeError(
                "xp.cov takes one weight for each observation.",
                found=f"weights of shape {tuple(w.shape)} for {m.shape[1]} observations",
                needed=f"a vector of {m.shape[1]}",
            )
    if not given:
        return None
    return given[0] if len(given) == 1 else multiply(*given)
