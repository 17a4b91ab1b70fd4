"""Positions in a sequence, as numbers that a model can use: sinusoids, rotations, and biases by distance."""

from __future__ import annotations

from math import log2
from typing import Any

from funcnet import backends
from funcnet.core.arguments import check_array
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.arithmetic import add, multiply, subtract
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.complex import abs
from funcnet.ops.fresh import array_like, backend_like, foreign_dtype, integers_like
from funcnet.ops.joining import concat, stack
from funcnet.ops.manipulation import expand_dims
from funcnet.ops.ranges import arange
from funcnet.ops.trigonometric import cos, sin

__all__ = ["alibi_bias", "alibi_slopes", "rotary", "sinusoidal_positions"]


def sinusoidal_positions(positions: Any, features: int, *, base: float = 10000.0, dtype: Any = None) -> Any:
    r"""Positions as sines and cosines of geometrically spaced frequencies.

    :math:`y_{p, 2i} = \sin(p\, b^{-2i/d})` and :math:`y_{p, 2i+1} = \cos(p\, b^{-2i/d})` for `features` d, `base` b.

    Derivative: that of the sines and cosines, where positions are floating-point.

    Parameters
    ----------
    positions : int or array
        A number n stands for the positions 0 to n - 1; an array of integers or floating-point numbers for itself.
    features : int
        Size d of the new last axis; an odd one drops the last cosine.
    base : float, default 10000
        Ratio of the slowest wave length to the fastest, about.
    dtype : str or dtype, optional
        Data type of the result; the default floating-point one if omitted, or that of floating-point positions.

    Returns
    -------
    array, shape (n, features) or (\*positions.shape, features)

    Raises
    ------
    ParameterError
        If `features` or `base` is not positive.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.functional.sinusoidal_positions(2, 4).round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.01 , 1.   ]], dtype=float32)
    """
    _check_positive("sinusoidal_positions", features, base)
    if isinstance(positions, int):
        positions = arange(positions)
    if dtype is not None or kind(positions.dtype) != "f":
        wanted = backends.default_dtype() if dtype is None else dtype
        positions = cast(positions, foreign_dtype(backend_like(positions), wanted))
    half = (features + 1) // 2
    frequencies = array_like(positions, [base ** (-2 * i / features) for i in range(half)], positions.dtype)
    angles = multiply(expand_dims(positions, axis=-1), frequencies)
    shape = tuple(angles.shape)
    waves = reshaped(stack([sin(angles), cos(angles)], axis=-1), (*shape[:-1], 2 * half))
    return waves if features == 2 * half else waves[..., :features]


def rotary(
    x: Any,
    positions: Any = None,
    *,
    base: float = 10000.0,
    interleaved: bool = False,
    features: int | None = None,
) -> Any:
    r"""Rotate pairs of features by angles proportional to the position, so that products depend on distances only.

    .. math::

        \begin{pmatrix} y_a \\ y_b \end{pmatrix} = \begin{pmatrix} \cos p\theta_i & -\sin p\theta_i \\
        \sin p\theta_i & \cos p\theta_i \end{pmatrix} \begin{pmatrix} x_a \\ x_b \end{pmatrix}, \qquad
        \theta_i = \mathrm{base}^{-2i/d}

    Two conventions of the pairs :math:`(a, b)` are in use; models trained with one do not work with the other. By
    halves, :math:`(i, i + d/2)`: Llama in Hugging Face's form, GPT-NeoX, Gemma. Interleaved, :math:`(2i, 2i + 1)`: the
    paper, GPT-J, Llama's own code. Attention gives the same with both if the weights of queries and keys are permuted
    alike.

    Derivative: linear in `x`; its transpose is the rotation back. Floating-point positions are differentiated too.

    Parameters
    ----------
    x : array, shape (..., length, heads, d)
        Queries or keys, of a floating-point data type.
    positions : array, shape (length,) or (..., length), optional
        Integers or floating-point numbers; 0, 1, 2, ... if omitted. With dimensions of the batch, every dimension of
        `x` before the length.
    base : float, default 10000
        Sets the slowest rotation.
    interleaved : bool, default False
        Whether pairs are neighbours, in place of halves.
    features : int, optional
        How many of the first features are rotated, an even number; the others stay. All if omitted.

    Returns
    -------
    array
        Like `x`.

    Raises
    ------
    ShapeError
        If `x` has fewer than three dimensions, or positions do not fit.
    ParameterError
        If the number of features to rotate is odd or too large.
    DtypeError
        If `x` is not floating-point.

    References
    ----------
    J. Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021, arXiv:2104.09864.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.array([1.0, 0.0]).reshape(1, 1, 2).repeat(3, axis=0)
    >>> nn.functional.rotary(x)[:, 0].round(3)
    array([[ 1.   ,  0.   ],
           [ 0.54 ,  0.841],
           [-0.416,  0.909]])
    """
    check_array("nn.functional.rotary", x)
    shape = tuple(x.shape)
    if len(shape) < 3:
        raise ShapeError(
            "nn.functional.rotary got an array without heads.",
            found=f"shape {shape}",
            needed="shape (..., length, heads, features)",
            write="xp.expand_dims(x, axis=-2) for a single head",
        )
    if kind(x.dtype) != "f":
        raise DtypeError(
            "nn.functional.rotary takes floating-point arrays.", found=f"dtype {x.dtype}", needed="float32, for example"
        )
    size = shape[-1] if features is None else features
    if size.__class__ is not int or not 0 < size <= shape[-1] or size % 2:
        raise ParameterError(
            "nn.functional.rotary rotates pairs of features.",
            found=f"{size!r} features to rotate, of {shape[-1]}",
            needed=f"an even number from 2 to {shape[-1]}",
            write=f"features={max(shape[-1] // 2 * 2, 2)}",
        )
    half = size // 2
    if positions is None:
        positions = integers_like(x, "arange", shape[-3])
    places = tuple(positions.shape)
    if places[-1:] != shape[-3:-2] or (len(places) > 1 and not _broadcasts(places[:-1], shape[:-3])):
        raise ShapeError(
            "nn.functional.rotary got positions that do not fit.",
            found=f"positions {places} for x {shape}",
            needed=f"({shape[-3]},) or {shape[:-2]}",
        )
    if positions.dtype != x.dtype:
        positions = cast(positions, x.dtype)
    frequencies = array_like(x, [base ** (-2 * i / size) for i in range(half)], x.dtype)
    # (..., length, 1, half): the same for all heads.
    angles = multiply(reshaped(positions, (*places, 1, 1)), frequencies)
    c, s = cos(angles), sin(angles)
    if interleaved:
        pairs = reshaped(x[..., :size] if size < shape[-1] else x, (*shape[:-1], half, 2))
        a, b = pairs[..., 0], pairs[..., 1]
        turned = reshaped(stack(_turned(a, b, c, s), axis=-1), (*shape[:-1], size))
        return turned if size == shape[-1] else concat([turned, x[..., size:]], axis=-1)
    a, b = x[..., :half], x[..., half:size]
    rest = [] if size == shape[-1] else [x[..., size:]]
    return concat([*_turned(a, b, c, s), *rest], axis=-1)


def _turned(a: Any, b: Any, c: Any, s: Any) -> list[Any]:
    # Functions in place of operators: not every library lets a traced array answer for those of its own.
    return [subtract(multiply(a, c), multiply(b, s)), add(multiply(b, c), multiply(a, s))]


def alibi_slopes(heads: int) -> list[float]:
    r"""Return the slope of each head for `alibi_bias`.

    :math:`2^{-8i/n}` for the heads i = 1, ..., n if n is a power of two. Otherwise those of the next lower power, then
    every other one of twice that power, as in the paper's code.

    Derivative: none; it takes and returns Python numbers, of no data type.

    Parameters
    ----------
    heads : int
        Their number n.

    Returns
    -------
    list of float

    Raises
    ------
    ParameterError
        If `heads` is not positive.

    Examples
    --------
    >>> from funcnet.ops.nn.positions import alibi_slopes
    >>> alibi_slopes(3)
    [0.0625, 0.00390625, 0.25]
    """
    if heads.__class__ is not int or heads < 1:
        raise ParameterError(
            "nn.functional.alibi_bias takes the number of heads.",
            found=repr(heads),
            needed="a positive integer",
        )
    power = 1 << int(log2(heads))
    slopes = [2.0 ** (-8 * (i + 1) / power) for i in range(power)]
    return slopes + [2.0 ** (-8 * (i + 1) / (2 * power)) for i in range(0, 2 * (heads - power), 2)]


def alibi_bias(heads: int, queries: Any, keys: Any = None, *, dtype: Any = None) -> Any:
    r"""Biases of attention that fall linearly with the distance, with a slope for each head.

    :math:`b_{hij} = -m_h |p_i - p_j|` for positions p of queries i and keys j. With a causal mask that is the paper's;
    without, its symmetric form.

    Derivative: none, since positions are integers.

    Parameters
    ----------
    heads : int
        Number of heads.
    queries, keys : int or array of int, shape (n,)
        Their positions, of an integer data type; a number stands for 0 to n - 1. Keys are
        those of the queries if omitted.
    dtype : str or dtype, optional
        Data type of the result; the default floating-point one if omitted.

    Returns
    -------
    array, shape (heads, queries, keys)
        To be given to `scaled_dot_product_attention` as ``bias``.

    Raises
    ------
    ParameterError
        If `heads` is not positive.

    References
    ----------
    O. Press, N. Smith, M. Lewis, "Train short, test long: attention with linear biases enables input length
    extrapolation", ICLR 2022, arXiv:2108.12409.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.functional.alibi_bias(1, 3)[0] * 256
    array([[-0., -1., -2.],
           [-1., -0., -1.],
           [-2., -1., -0.]], dtype=float32)
    """
    slopes = alibi_slopes(heads)
    keys = queries if keys is None else keys
    example = next((p for p in (queries, keys) if hasattr(p, "shape")), None)
    if example is None:
        queries, keys = arange(queries), arange(keys)
    else:
        queries, keys = [integers_like(example, "arange", p) if isinstance(p, int) else p for p in (queries, keys)]
    wanted = foreign_dtype(backend_like(queries), backends.default_dtype() if dtype is None else dtype)
    distances = cast(abs(expand_dims(queries, axis=1) - expand_dims(keys, axis=0)), wanted)
    # A product of a raw array with a traced one, whichever it is, goes through the operation.
    return multiply(reshaped(array_like(distances, [-m for m in slopes], wanted), (heads, 1, 1)), distances)


def _check_positive(name: str, features: Any, base: Any) -> None:
    if features.__class__ is not int or features < 1 or not base > 0:
        raise ParameterError(
            f"nn.functional.{name} takes a number of features and a base.",
            found=f"features={features!r}, base={base!r}",
            needed="a positive integer and a positive number",
        )


def _broadcasts(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(found) == len(wanted) and all(n in (1, m) for n, m in zip(found, wanted, strict=True))
