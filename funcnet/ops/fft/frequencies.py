"""Frequencies of bins, and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.ops.axes import reduced_axes
from funcnet.ops.comparison import where
from funcnet.ops.fft.arguments import check_length, check_real
from funcnet.ops.manipulation import roll
from funcnet.ops.ranges import arange

if TYPE_CHECKING:
    from collections.abc import Sequence

    Axes = tuple[int, ...]

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of the n bins of `fft`, for samples that are d apart, as cycles per unit of d.

    Parameters
    ----------
    n : int
        Length of the transform.
    d : float, default 1.0
        Distance of two samples.
    dtype : data type, optional
        Real floating-point; the default one without it.
    device : device, optional
        Where the result goes.

    Returns
    -------
    array, shape (n,)
        0, 1, ... and then the negative ones, over n * d. It is constant.

    References
    ----------
    Python Array API standard, ``fftfreq``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.fft.fftfreq(4, dtype=xp.float64)
    array([ 0.  ,  0.25, -0.5 , -0.25])
    """
    k = _bins("fftfreq", check_length("fftfreq", n), dtype, device)
    return where(k < (n + 1) // 2, k, k - n) * (1.0 / (n * d))


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of the n // 2 + 1 bins of `rfft`, for samples that are d apart.

    Parameters
    ----------
    n, d, dtype, device
        As in `fftfreq`.

    Returns
    -------
    array, shape (n // 2 + 1,)
        0, 1, ..., n // 2, over n * d. It is constant.

    References
    ----------
    Python Array API standard, ``rfftfreq``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.fft.rfftfreq(4, dtype=xp.float64)
    array([0.  , 0.25, 0.5 ])
    """
    return _bins("rfftfreq", check_length("rfftfreq", n) // 2 + 1, dtype, device) * (1.0 / (n * d))


def _bins(name: str, count: int, dtype: Any, device: Any) -> Any:
    k = arange(0.0, count, 1.0, dtype=dtype, device=device)
    return check_real(name, k)


def fftshift(x: Any, /, *, axes: int | Sequence[int] | None = None) -> Any:
    """Return bins in ascending order of frequency: the zero frequency moves to the middle.

    Derivative: linear; its transpose is `ifftshift`.

    Parameters
    ----------
    x : array
        Of any data type.
    axes : int, sequence of int or None, default None
        Axes along which to move; None for all.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    References
    ----------
    Python Array API standard, ``fftshift``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.fft.fftshift(np.array([0.0, 1.0, -2.0, -1.0]))
    array([-2., -1.,  0.,  1.])
    """
    axis = reduced_axes("fft.fftshift", x, axes)
    return roll(x, tuple(x.shape[a] // 2 for a in axis), axis=axis) if axis else x


def ifftshift(x: Any, /, *, axes: int | Sequence[int] | None = None) -> Any:
    """Inverse of `fftshift`, from which it differs along axes of odd length.

    Derivative: linear; its transpose is `fftshift`.

    Parameters
    ----------
    x, axes
        As in `fftshift`.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    References
    ----------
    Python Array API standard, ``ifftshift``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.fft.ifftshift(np.array([-1.0, 0.0, 1.0]))
    array([ 0.,  1., -1.])
    """
    axis = reduced_axes("fft.ifftshift", x, axes)
    return roll(x, tuple(-(x.shape[a] // 2) for a in axis), axis=axis) if axis else x
