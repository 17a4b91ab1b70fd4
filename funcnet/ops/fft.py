"""Discrete Fourier transforms: the primitives, and the functions of the standard's extension ``fft``."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from funcnet.core import Spec, bind, case, linear, owner
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.axes import reduced_axes
from funcnet.ops.batching import along_axes, along_axis
from funcnet.ops.broadcasting import cast
from funcnet.ops.comparison import where
from funcnet.ops.complex import conj
from funcnet.ops.dtypes import result_type
from funcnet.ops.manipulation import roll
from funcnet.ops.ranges import arange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Axes = tuple[int, ...]

__all__ = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]

#: The normalisation of the transposed transform: the other direction with the same factor.
_TURNED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}

#: Real data type -> complex one of its precision, and back.
_PARTNER = {"float32": "complex64", "float64": "complex128", "complex64": "float32", "complex128": "float64"}


def _spec(x: Any, axis: int, n: int) -> Spec:
    backend = owner(x)
    return Spec(_with_length(x.shape, axis, n), _PARTNER[backend.dtype_name(x.dtype)], backend)


def _fft_impl(xp: Any, x: Any, *, axes: Axes, norm: str, inverse: bool) -> Any:
    return (xp.fft.ifftn if inverse else xp.fft.fftn)(x, axes=axes, norm=norm)


def _fft_transpose(y: Any, x: Any, *, axes: Axes, norm: str, inverse: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    # The matrix of the transform is symmetric.
    return lambda g: bind(fft_p, g, axes=axes, norm=norm, inverse=inverse)


fft_p = linear(
    "fft",
    _fft_impl,
    transpose=(_fft_transpose,),
    shape=lambda x, **_: x.shape,
    batch=along_axes,
    dtypes="complex",
    cases=(
        case((2, 4), axes=(1,), norm="backward", inverse=False),
        case((3, 2), axes=(0,), norm="ortho", inverse=True),
        case((2, 3), axes=(0, 1), norm="forward", inverse=True),
        case((0, 2), axes=(1,), norm="backward", inverse=True),
    ),
)


def _rfft_transpose(y: Any, x: Any, *, axis: int, norm: str) -> Callable[[Any], Any]:  # noqa: ARG001
    n = x.shape[axis]
    # The real part of the sum over half of the bins: that over all of them, with the inner ones halved.
    return lambda g: bind(
        irfft_p, bind(weigh_bins_p, conj(g), axis=axis, n=n, inner=0.5), n=n, axis=axis, norm=_TURNED[norm]
    )


rfft_p = linear(
    "rfft",
    lambda xp, x, *, axis, norm: xp.fft.rfft(x, axis=axis, norm=norm),
    transpose=(_rfft_transpose,),
    shape=lambda x, *, axis, norm: _spec(x, axis, x.shape[axis] // 2 + 1),  # noqa: ARG005
    batch=along_axis,
    dtypes="real floating",
    cases=(
        case((2, 5), axis=1, norm="backward"),
        case((4, 2), axis=0, norm="forward"),
        case((1,), axis=0, norm="ortho"),
        case((0, 3), axis=1, norm="ortho"),
    ),
)


def _irfft_transpose(y: Any, x: Any, *, n: int, axis: int, norm: str) -> Callable[[Any], Any]:  # noqa: ARG001
    # Every inner bin stands for itself and its mirror image.
    return lambda g: bind(weigh_bins_p, conj(bind(rfft_p, g, axis=axis, norm=_TURNED[norm])), axis=axis, n=n, inner=2.0)


irfft_p = linear(
    "irfft",
    lambda xp, x, *, n, axis, norm: xp.fft.irfft(x, n=n, axis=axis, norm=norm),
    transpose=(_irfft_transpose,),
    shape=lambda x, *, n, axis, norm: _spec(x, axis, n),  # noqa: ARG005
    batch=along_axis,
    dtypes="complex",
    cases=(
        case((2, 3), n=5, axis=1, norm="backward"),
        case((3, 2), n=4, axis=0, norm="forward"),
        case((1,), n=1, axis=0, norm="ortho"),
        case((0, 2), n=2, axis=1, norm="ortho"),
    ),
)


def _weigh_bins(xp: Any, x: Any, *, axis: int, n: int, inner: float) -> Any:
    k = xp.arange(x.shape[axis], device=x.device)
    single = xp.astype((k == 0) | (2 * k == n), xp.float32 if x.dtype == xp.complex64 else xp.float64)
    weights = inner + (1.0 - inner) * single
    return x * xp.reshape(weights, (-1,) + (1,) * (x.ndim - axis - 1))


def _weigh_bins_transpose(y: Any, x: Any, **params: Any) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    return lambda g: bind(weigh_bins_p, g, **params)


# Multiplies the bins of a half spectrum that have a mirror image by `inner`; n is the length of the whole.
weigh_bins_p = linear(
    "weigh_bins",
    _weigh_bins,
    transpose=(_weigh_bins_transpose,),
    shape=lambda x, **_: x.shape,
    internal=True,
    batch=along_axis,
    dtypes="complex",
    cases=(case((2, 3), axis=1, n=5, inner=0.5), case((3, 2), axis=0, n=4, inner=2.0)),
)


def _fit_length(xp: Any, x: Any, *, axis: int, n: int) -> Any:
    missing = n - x.shape[axis]
    if missing <= 0:
        return xp.asarray(x[(slice(None),) * axis + (slice(0, n), ...)], copy=True)
    zeros = xp.zeros(_with_length(x.shape, axis, missing), dtype=x.dtype, device=x.device)
    return xp.concat([x, zeros], axis=axis)


def _fit_length_transpose(y: Any, x: Any, *, axis: int, n: int) -> Callable[[Any], Any]:  # noqa: ARG001
    size = x.shape[axis]
    return lambda g: bind(fit_length_p, g, axis=axis, n=size)


# Cuts the end off, or appends zeros.
fit_length_p = linear(
    "fit_length",
    _fit_length,
    transpose=(_fit_length_transpose,),
    shape=lambda x, *, axis, n: _with_length(x.shape, axis, n),
    internal=True,
    batch=along_axis,
    dtypes="floating",
    cases=(case((2, 3), axis=1, n=5), case((3, 2), axis=0, n=2), case((0,), axis=0, n=2)),
)


def _with_length(shape: tuple[int, ...], axis: int, n: int) -> tuple[int, ...]:
    return (*shape[:axis], n, *shape[axis + 1 :])


# ---------------------------------------------------------------------- what users pass


def _norm(name: str, norm: Any) -> str:
    if norm not in _TURNED:
        raise ParameterError(
            f"xp.fft.{name} does not have that normalisation.",
            found=f"norm={norm!r}",
            needed="'backward', 'ortho' or 'forward'",
            write=f"xp.fft.{name}(x, norm='ortho')",
        )
    return norm


def _length(name: str, n: Any) -> int:
    try:
        length = index(n)
    except TypeError:
        raise ParameterError(
            f"xp.fft.{name} takes an integer as length.", found=f"{type(n).__name__}: {n!r}", needed="an integer"
        ) from None
    if length < 1:
        raise ShapeError(
            f"xp.fft.{name} needs at least one element to transform.",
            found=f"length {length}",
            needed="a length of 1 or more",
            write=f"xp.fft.{name}(x, n=...), or no call for an empty array",
        )
    return length


def _fitted(name: str, x: Any, axis: int, n: Any) -> Any:
    size = x.shape[axis]
    length = _length(name, size if n is None else n)
    return x if length == size else bind(fit_length_p, x, axis=axis, n=length)


def _floating(name: str, x: Any) -> Any:
    if kind(x.dtype) not in "fc":
        raise DtypeError(
            f"xp.fft.{name} does not take this data type.",
            found=f"an array of dtype {x.dtype}",
            needed="a floating-point data type",
            write=f"xp.fft.{name}(xp.astype(x, xp.float32))",
        )
    return x


def _complex(name: str, x: Any) -> Any:
    """Return `x` as complex numbers of its own precision."""
    return x if kind(_floating(name, x).dtype) == "c" else cast(x, result_type(x, 1j))


def _real(name: str, x: Any) -> Any:
    if kind(x.dtype) != "f":
        raise DtypeError(
            f"xp.fft.{name} transforms real numbers.",
            found=f"an array of dtype {x.dtype}",
            needed="a real floating-point data type",
            write="xp.fft.fft(x) for complex numbers, xp.astype(x, xp.float32) for integers",
        )
    return x


def _dimensions(name: str, x: Any, s: Any, axes: Any) -> tuple[Axes, tuple[Any, ...]]:
    """Return the axes, in the caller's order, and the length along each, None for the array's own."""
    ndim = len(x.shape)
    if axes is None:
        axes = range(ndim) if s is None else range(ndim - len(s), ndim)
    order = tuple(reduced_axes(name, x, int(a))[0] for a in axes)
    reduced_axes(f"fft.{name}", x, order)  # raises where an axis comes twice
    if s is not None and len(s) != len(order):
        raise ShapeError(
            f"xp.fft.{name} needs one length for each axis.",
            found=f"s={tuple(s)} and axes={order}",
            needed="two sequences of the same length",
            write=f"xp.fft.{name}(x, s=(...), axes={order})",
        )
    return order, (None,) * len(order) if s is None else tuple(s)


def _complex_transform(name: str, x: Any, lengths: Sequence[Any], axes: Axes, norm: str, inverse: bool) -> Any:
    x = _complex(name, x)
    for axis, n in zip(axes, lengths, strict=True):
        x = _fitted(name, x, axis, n)
    return bind(fft_p, x, axes=axes, norm=_norm(name, norm), inverse=inverse) if axes else x


def _from_half(name: str, x: Any, n: Any, axis: int, norm: str) -> Any:
    n = _length(name, 2 * (x.shape[axis] - 1) if n is None else n)
    x = _fitted(name, _complex(name, x), axis, n // 2 + 1)
    return bind(irfft_p, x, n=n, axis=axis, norm=norm)


def _axis(name: str, x: Any, axis: Any) -> int:
    return reduced_axes(f"fft.{name}", x, (axis,))[0]


# ---------------------------------------------------------------------- one dimension


def fft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    r"""Discrete Fourier transform: :math:`y_k = c \sum_j x_j e^{-2\pi i jk/n}`."""
    return _complex_transform("fft", x, (n,), (_axis("fft", x, axis),), norm, False)


def ifft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    r"""Inverse of `fft`: :math:`y_k = c \sum_j x_j e^{2\pi i jk/n}`."""
    return _complex_transform("ifft", x, (n,), (_axis("ifft", x, axis),), norm, True)


def rfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """Bins 0 to n // 2 of the discrete Fourier transform of real numbers; the others are their mirror images."""
    axis = _axis("rfft", x, axis)
    return bind(rfft_p, _fitted("rfft", _real("rfft", x), axis, n), axis=axis, norm=_norm("rfft", norm))


def irfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """Inverse of `rfft`: the n real numbers whose bins 0 to n // 2 are given; n is 2 * (size - 1) by default."""
    return _from_half("irfft", x, n, _axis("irfft", x, axis), _norm("irfft", norm))


def hfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """Discrete Fourier transform, which is real, of a signal with Hermitian symmetry, given by its first half."""
    return _from_half("hfft", conj(_floating("hfft", x)), n, _axis("hfft", x, axis), _TURNED[_norm("hfft", norm)])


def ihfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """Inverse of `hfft`: the first half of a signal with Hermitian symmetry whose transform is real."""
    axis = _axis("ihfft", x, axis)
    x = _fitted("ihfft", _real("ihfft", x), axis, n)
    return conj(bind(rfft_p, x, axis=axis, norm=_TURNED[_norm("ihfft", norm)]))


# ---------------------------------------------------------------------- several dimensions


def fftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Any:
    """Discrete Fourier transform along several axes."""
    order, lengths = _dimensions("fftn", x, s, axes)
    return _complex_transform("fftn", x, lengths, order, norm, False)


def ifftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Any:
    """Inverse of `fftn`."""
    order, lengths = _dimensions("ifftn", x, s, axes)
    return _complex_transform("ifftn", x, lengths, order, norm, True)


def rfftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Any:
    """`rfft` along the last axis, then `fft` along the others."""
    order, lengths = _dimensions("rfftn", x, s, axes)
    _some_axis("rfftn", order)
    y = rfft(x, n=lengths[-1], axis=order[-1], norm=_norm("rfftn", norm))
    return _complex_transform("rfftn", y, lengths[:-1], order[:-1], norm, False)


def irfftn(
    x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Any:
    """Inverse of `rfftn`: `ifft` along all axes but the last, then `irfft` along that."""
    order, lengths = _dimensions("irfftn", x, s, axes)
    _some_axis("irfftn", order)
    y = _complex_transform("irfftn", x, lengths[:-1], order[:-1], _norm("irfftn", norm), True)
    return irfft(y, n=lengths[-1], axis=order[-1], norm=norm)


def _some_axis(name: str, axes: Axes) -> None:
    if not axes:
        raise ShapeError(
            f"xp.fft.{name} needs an axis to transform.",
            found="no axes",
            needed="at least one",
            write=f"xp.fft.{name}(x, axes=(-1,))",
        )


# ---------------------------------------------------------------------- frequencies and order


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
    k = _bins("fftfreq", _length("fftfreq", n), dtype, device)
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
    return _bins("rfftfreq", _length("rfftfreq", n) // 2 + 1, dtype, device) * (1.0 / (n * d))


def _bins(name: str, count: int, dtype: Any, device: Any) -> Any:
    k = arange(0.0, count, 1.0, dtype=dtype, device=device)
    return _real(name, k)


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


# ---------------------------------------------------------------------- documentation


def _document(function: Any, taken: str, given: str, derivative: str, example: str) -> None:
    name = function.__name__
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
    {example}
    """


_SYMMETRIC = "linear; the matrix is symmetric, so the transform is its own transpose (nothing is conjugated)."
_HALF = (
    "linear over the real numbers; the transpose is the transform back from half a spectrum, without the doubling\n"
    "    of the bins that have a mirror image."
)
_BACK = (
    "linear over the real numbers; the transpose is the conjugate of the transform to half a spectrum, doubled in\n"
    "    the bins that have a mirror image. The imaginary parts of the others are not read and get 0."
)

_document(
    fft,
    "complex or real",
    "complex",
    _SYMMETRIC,
    ">>> xp.fft.fft(np.array([1.0, 0.0]))\n    array([1.+0.j, 1.+0.j])",
)
_document(
    ifft,
    "complex or real",
    "complex",
    _SYMMETRIC,
    ">>> xp.fft.ifft(np.array([1 + 0j, 1]))\n    array([1.+0.j, 0.+0.j])",
)
_document(
    fftn,
    "complex or real",
    "complex",
    _SYMMETRIC,
    ">>> xp.fft.fftn(np.array([[1.0, 0.0]]))\n    array([[1.+0.j, 1.+0.j]])",
)
_document(
    ifftn,
    "complex or real",
    "complex",
    _SYMMETRIC,
    ">>> xp.fft.ifftn(np.array([[1 + 0j, 1]]))\n    array([[1.+0.j, 0.+0.j]])",
)
_document(
    rfft,
    "real",
    "complex",
    _HALF,
    ">>> xp.fft.rfft(np.array([1.0, 0.0, 0.0]))\n    array([1.+0.j, 1.+0.j])",
)
_document(
    rfftn,
    "real",
    "complex",
    _HALF,
    ">>> xp.fft.rfftn(np.array([[1.0, 0.0]]))\n    array([[1.+0.j, 1.+0.j]])",
)
_document(
    ihfft,
    "real",
    "complex",
    _HALF,
    ">>> xp.fft.ihfft(np.array([2.0, 0.0]))\n    array([1.-0.j, 1.-0.j])",
)
_document(
    irfft,
    "complex or real",
    "real",
    _BACK,
    ">>> xp.fft.irfft(np.array([1 + 0j, 1]))\n    array([1., 0.])",
)
_document(
    irfftn,
    "complex or real",
    "real",
    _BACK,
    ">>> xp.fft.irfftn(np.array([[1 + 0j, 1]]))\n    array([[1., 0.]])",
)
_document(
    hfft,
    "complex or real",
    "real",
    _BACK,
    ">>> xp.fft.hfft(np.array([1 + 0j, 1]))\n    array([2., 0.])",
)
