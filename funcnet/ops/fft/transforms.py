"""Discrete Fourier transforms, as the standard's extension ``fft`` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind
from funcnet.ops.complex import conj
from funcnet.ops.fft.arguments import (
    as_complex,
    check_floating,
    check_length,
    check_norm,
    check_real,
    dimensions,
    fitted,
    one_axis_of,
    some_axis,
)
from funcnet.ops.fft.primitives import TURNED, fft_p, irfft_p, rfft_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    Axes = tuple[int, ...]

__all__ = ["fft", "fftn", "hfft", "ifft", "ifftn", "ihfft", "irfft", "irfftn", "rfft", "rfftn"]


def _complex_transform(name: str, x: Any, lengths: Sequence[Any], axes: Axes, norm: str, inverse: bool) -> Any:
    x = as_complex(name, x)
    for axis, n in zip(axes, lengths, strict=True):
        x = fitted(name, x, axis, n)
    return bind(fft_p, x, axes=axes, norm=check_norm(name, norm), inverse=inverse) if axes else x


def _from_half(name: str, x: Any, n: Any, axis: int, norm: str) -> Any:
    n = check_length(name, 2 * (x.shape[axis] - 1) if n is None else n)
    x = fitted(name, as_complex(name, x), axis, n // 2 + 1)
    return bind(irfft_p, x, n=n, axis=axis, norm=norm)


def fft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    r"""Discrete Fourier transform: :math:`y_k = c \sum_j x_j e^{-2\pi i jk/n}`."""
    return _complex_transform("fft", x, (n,), (one_axis_of("fft", x, axis),), norm, False)


def ifft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    r"""Inverse of `fft`: :math:`y_k = c \sum_j x_j e^{2\pi i jk/n}`."""
    return _complex_transform("ifft", x, (n,), (one_axis_of("ifft", x, axis),), norm, True)


def rfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """Bins 0 to n // 2 of the discrete Fourier transform of real numbers; the others are their mirror images."""
    axis = one_axis_of("rfft", x, axis)
    return bind(rfft_p, fitted("rfft", check_real("rfft", x), axis, n), axis=axis, norm=check_norm("rfft", norm))


def irfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """Inverse of `rfft`: the n real numbers whose bins 0 to n // 2 are given; n is 2 * (size - 1) by default."""
    return _from_half("irfft", x, n, one_axis_of("irfft", x, axis), check_norm("irfft", norm))


def hfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """Discrete Fourier transform, which is real, of a signal with Hermitian symmetry, given by its first half."""
    return _from_half(
        "hfft", conj(check_floating("hfft", x)), n, one_axis_of("hfft", x, axis), TURNED[check_norm("hfft", norm)]
    )


def ihfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """Inverse of `hfft`: the first half of a signal with Hermitian symmetry whose transform is real."""
    axis = one_axis_of("ihfft", x, axis)
    x = fitted("ihfft", check_real("ihfft", x), axis, n)
    return conj(bind(rfft_p, x, axis=axis, norm=TURNED[check_norm("ihfft", norm)]))


def fftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Any:
    """Discrete Fourier transform along several axes."""
    order, lengths = dimensions("fftn", x, s, axes)
    return _complex_transform("fftn", x, lengths, order, norm, False)


def ifftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Any:
    """Inverse of `fftn`."""
    order, lengths = dimensions("ifftn", x, s, axes)
    return _complex_transform("ifftn", x, lengths, order, norm, True)


def rfftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Any:
    """`rfft` along the last axis, then `fft` along the others."""
    order, lengths = dimensions("rfftn", x, s, axes)
    some_axis("rfftn", order)
    y = rfft(x, n=lengths[-1], axis=order[-1], norm=check_norm("rfftn", norm))
    return _complex_transform("rfftn", y, lengths[:-1], order[:-1], norm, False)


def irfftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Any:
    """Inverse of `rfftn`: `ifft` along all axes but the last, then `irfft` along that."""
    order, lengths = dimensions("irfftn", x, s, axes)
    some_axis("irfftn", order)
    y = _complex_transform("irfftn", x, lengths[:-1], order[:-1], check_norm("irfftn", norm), True)
    return irfft(y, n=lengths[-1], axis=order[-1], norm=norm)


def _document(function: Any, kind: tuple[str, str, str], argument: str, result: str) -> None:
    name = function.__name__
    taken, given, derivative = kind
    several = name.endswith("n")
    where_ = (
        "    s : sequence of int, optional\n"
        "        Length along each axis, to which `x` is cut, or filled with zeros at the end.\n"
        "    axes : sequence of int, optional\n"
        "        What to transform; the last ones if only `s` is given, all of them without both."
        if several
        else "    n : int, optional\n"
        "        Length, to which `x` is cut, or filled with zeros at the end.\n"
        "    axis : int, default -1\n"
        "        What to transform."
    )
    function.__doc__ = f"""{function.__doc__}

    Derivative: {derivative}

    Parameters
    ----------
    x : array
        Of a {taken} floating-point data type.
{where_}
    norm : {{"backward", "ortho", "forward"}}, default "backward"
        The factor 1/n belongs to the inverse, its root to both directions, or it belongs to the forward one.

    Returns
    -------
    array
        Of the {given} data type with the precision of `x`.

    Raises
    ------
    ShapeError
        If an axis does not exist or comes twice, or a length is below 1.
    DtypeError
        If `x` is not of such a data type.
    ParameterError
        If there is no such normalisation.

    References
    ----------
    Python Array API standard, ``{name}``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.fft.{name}(np.array({argument}))
    array({result})
    """


#: What is transformed to what: the data types, and the derivative.
_WHOLE = (
    "complex or real",
    "complex",
    "linear; the matrix is symmetric, so the transform is its own transpose (nothing is conjugated).",
)
_TO_HALF = (
    "real",
    "complex",
    "linear over the real numbers; the transpose is the transform back from half a spectrum, without the doubling\n"
    "    of the bins that have a mirror image.",
)
_FROM_HALF = (
    "complex or real",
    "real",
    "linear over the real numbers; the transpose is the conjugate of the transform to half a spectrum, doubled in\n"
    "    the bins that have a mirror image. The imaginary parts of the others are not read and get 0.",
)

for _function, _kind, _argument, _result in (
    (fft, _WHOLE, "[1.0, 0.0]", "[1.+0.j, 1.+0.j]"),
    (ifft, _WHOLE, "[1 + 0j, 1]", "[1.+0.j, 0.+0.j]"),
    (fftn, _WHOLE, "[[1.0, 0.0]]", "[[1.+0.j, 1.+0.j]]"),
    (ifftn, _WHOLE, "[[1 + 0j, 1]]", "[[1.+0.j, 0.+0.j]]"),
    (rfft, _TO_HALF, "[1.0, 0.0, 0.0]", "[1.+0.j, 1.+0.j]"),
    (rfftn, _TO_HALF, "[[1.0, 0.0]]", "[[1.+0.j, 1.+0.j]]"),
    (ihfft, _TO_HALF, "[2.0, 0.0]", "[1.-0.j, 1.-0.j]"),
    (irfft, _FROM_HALF, "[1 + 0j, 1]", "[1., 0.]"),
    (irfftn, _FROM_HALF, "[[1 + 0j, 1]]", "[[1., 0.]]"),
    (hfft, _FROM_HALF, "[1 + 0j, 1]", "[2., 0.]"),
):
    _document(_function, _kind, _argument, _result)
