r"""The operations under normalisation: deviations in units of the standard deviation, and their derivative.

For :math:`\hat x = (x - \mu) r` with :math:`r = (\sigma^2 + \epsilon)^{-1/2}` the derivative is the map
:math:`g \mapsto r (g - \bar g - \hat x\, \overline{g \hat x})`, which is its own transpose. It is a primitive, so that
no array of the size of x is made but the result; of x itself nothing is kept.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, bind, case, elementwise, general, linear
from funcnet.ops import add, broadcast_to, mean, multiply, subtract
from funcnet.ops.axes import element_count, kept_shape
from funcnet.ops.batching import along_axis, as_it_is
from funcnet.ops.broadcasting import sum_over

if TYPE_CHECKING:
    from collections.abc import Callable

    Axes = tuple[int, ...]
    Pull = Callable[[Any], Any]

__all__ = ["inverse_root", "product_sum_p", "rescale_p", "rescale_pull_p", "scale_shift", "standardize_p"]


def _inverse_root_impl(xp: Any, x: Any) -> Any:
    one = xp.ones_like(x)
    return xp.where(x > 0, one / xp.sqrt(xp.where(x > 0, x, one)), xp.zeros_like(x) * x)


inverse_root_p = elementwise(
    "inverse_root",
    _inverse_root_impl,
    partials=(lambda g, y: g * (-0.5 * (y * y * y)),),
    derivative=("-1/2*x**(-3/2)",),
    domain=((0.0, inf),),
    dtypes="real floating",
    analytic=False,
    internal=True,
)


def inverse_root(x: Any) -> Any:
    """Return ``1 / sqrt(x)`` for a variance; 0, with derivative 0, where that is 0."""
    return bind(inverse_root_p, x)


def _stretched(total: Any, x: Any) -> Any:
    return broadcast_to(total, x.shape)


# ---------------------------------------------------------------------- scale and shift


def _product_sum_impl(xp: Any, a: Any, b: Any, *, axis: Axes) -> Any:
    return xp.sum(a * b, axis=axis, keepdims=True)


# Without the array of products.
product_sum_p = linear(
    "product_sum",
    _product_sum_impl,
    transpose=(
        lambda y, a, b, *, axis: lambda g: multiply(g, b),  # noqa: ARG005  # one signature for all makers
        lambda y, a, b, *, axis: lambda g: multiply(g, a),  # noqa: ARG005
    ),
    shape=lambda a, b, *, axis: kept_shape(a.shape, axis),  # noqa: ARG005  # the rule's form
    internal=True,
    batch=along_axis,
    dtypes="real floating",
    cases=(
        case((2, 3), (2, 3), axis=(1,)),
        case((2, 3, 2), (2, 3, 2), axis=(0, 1)),
        case((2, 3, 2), (2, 3, 2), axis=(1,)),
        case((2, 0), (2, 0), axis=(1,)),
        case((2, 3), (2, 3), axis=()),
    ),
)


def _repeated(small: Any, large: Any) -> Axes:
    """Return the axes along which an array repeats to have the shape of another."""
    return tuple([i for i, (n, m) in enumerate(zip(small.shape, large.shape, strict=True)) if n != m])


def _scale_to_bias(y: Any, x: Any, scale: Any, bias: Any) -> Pull:  # noqa: ARG001  # one signature for all makers
    axes = _repeated(bias, x)
    return lambda g: sum_over(g, axes, keepdims=True) if axes else g


def _scale_to_scale(y: Any, x: Any, scale: Any, bias: Any) -> Pull:  # noqa: ARG001
    axes = _repeated(scale, x)
    return lambda g: bind(product_sum_p, g, x, axis=axes)


def _scale_jvp(ts: Any, y: Any, x: Any, scale: Any, bias: Any) -> Any:  # noqa: ARG001
    tx, tscale, tbias = ts
    total = None if tbias is None else broadcast_to(tbias, x.shape)
    for t, other in ((tx, scale), (tscale, x)):
        if t is not None:
            total = multiply(t, other) if total is None else add(total, multiply(t, other))
    return total


scale_shift_p = general(
    "scale_shift",
    lambda xp, x, scale, bias: x * scale + bias,  # noqa: ARG005  # the form of every implementation
    vjp=(
        lambda y, x, scale, bias: lambda g: multiply(g, scale),  # noqa: ARG005  # one signature for all makers
        _scale_to_scale,
        _scale_to_bias,
    ),
    jvp=_scale_jvp,
    shape=lambda x, scale, bias: x.shape,  # noqa: ARG005  # the rule's form
    internal=True,
    batch=as_it_is,
    dtypes="real floating",
    cases=(
        case((2, 3), (1, 3), (1, 3)),
        case((2, 3, 2), (1, 3, 1), (1, 1, 2)),
        case((2, 3), (2, 3), (2, 3)),
        case((0, 3), (1, 3), (1, 3)),
    ),
)


def scale_shift(x: Any, scale: Any, bias: Any) -> Any:
    """Return ``x * scale + bias``, where scale and bias have size 1 or that of `x` along every axis."""
    return bind(scale_shift_p, x, scale, bias)


# ---------------------------------------------------------------------- the derivative


def _average(xp: Any, x: Any, axis: Axes) -> Any:
    return xp.mean(x, axis=axis, keepdims=True)


def _pull_impl(xp: Any, g: Any, y: Any, r: Any, *, axis: Axes, centered: bool) -> Any:
    t = g - y * _average(xp, g * y, axis)
    return r * (t - _average(xp, g, axis) if centered else t)


def _mean_of(a: Any, b: Any, axis: Axes) -> Any:
    """Return the mean of the products."""
    return bind(product_sum_p, a, b, axis=axis) / float(element_count(a.shape, axis))


def _to_cotangent(out: Any, g: Any, y: Any, r: Any, **params: Any) -> Pull:  # noqa: ARG001  # one signature for all
    return lambda c: bind(rescale_pull_p, c, y, r, **params)


def _to_result(out: Any, g: Any, y: Any, r: Any, *, axis: Axes, centered: bool) -> Pull:  # noqa: ARG001
    def pull(c: Any) -> Any:
        c = multiply(c, r)
        return -add(multiply(c, _mean_of(g, y, axis)), multiply(g, _mean_of(c, y, axis)))

    return pull


def _to_scale(out: Any, g: Any, y: Any, r: Any, *, axis: Axes, centered: bool) -> Pull:  # noqa: ARG001
    n = float(element_count(g.shape, axis))

    def pull(c: Any) -> Any:
        total = subtract(_mean_of(c, g, axis), multiply(_mean_of(c, y, axis), _mean_of(g, y, axis)))
        if centered:
            both = multiply(mean(c, axis=axis, keepdims=True), mean(g, axis=axis, keepdims=True))
            total = subtract(total, both)
        return n * total

    return pull


rescale_pull_p = general(
    "rescale_pull",
    _pull_impl,
    vjp=(_to_cotangent, _to_result, _to_scale),
    shape=lambda g, y, r, *, axis, centered: g.shape,  # noqa: ARG005  # the rule's form
    internal=True,
    batch=along_axis,
    dtypes="real floating",
    cases=(
        case((2, 3), (2, 3), (2, 1), axis=(1,), centered=True),
        case((3, 2, 2), (3, 2, 2), (1, 1, 2), axis=(0, 1), centered=True),
        case((2, 3, 2), (2, 3, 2), (2, 1, 2), axis=(1,), centered=True),
        case((2, 3), (2, 3), (1, 1), axis=(0, 1), centered=False),
        case((0, 3), (0, 3), (0, 1), axis=(1,), centered=True),
    ),
)


# ---------------------------------------------------------------------- with and without the mean


def _standardize_impl(xp: Any, x: Any, *, axis: Axes, eps: float) -> tuple[Any, Any, Any]:
    center = _average(xp, x, axis)
    d = x - center
    # The mean of the differences is the rounding error of the first mean. Without it, a constant would be off by that.
    error = _average(xp, d, axis)
    d = d - error
    var = _average(xp, d * d, axis)
    return d * _inverse_root_impl(xp, var + eps), center + error, var


def _root(shifted: Any, r: Any) -> Any:
    """Return the square root, from the inverse one."""
    return multiply(shifted, r)


def _sum_of(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = add(total, term)
    return total


def _standardize_vjp(ys: Any, x: Any, *, axis: Axes, eps: float) -> Pull:
    y, _, var = ys
    n = float(element_count(x.shape, axis))

    def pull(gs: Any) -> Any:
        gy, gm, gv = gs
        shifted = var + eps
        r = inverse_root(shifted)
        terms = []
        if gy is not None:
            terms.append(bind(rescale_pull_p, gy, y, r, axis=axis, centered=True))
        if gm is not None:
            terms.append(_stretched(gm / n, y))
        if gv is not None:
            # The difference from the mean is y times the root of the shifted variance.
            terms.append(multiply(multiply(gv * (2.0 / n), _root(shifted, r)), y))
        return _sum_of(terms)

    return pull


def _standardize_jvp(ts: Any, ys: Any, x: Any, *, axis: Axes, eps: float) -> list[Any]:  # noqa: ARG001
    (t,), (y, _, var) = ts, ys
    shifted = var + eps
    r = inverse_root(shifted)
    return [
        bind(rescale_pull_p, t, y, r, axis=axis, centered=True),
        mean(t, axis=axis, keepdims=True),
        2.0 * multiply(_root(shifted, r), _mean_of(t, y, axis)),
    ]


standardize_p = general(
    "standardize",
    _standardize_impl,
    vjp=(_standardize_vjp,),
    jvp=_standardize_jvp,
    shape=lambda x, *, axis, eps: (x.shape, kept_shape(x.shape, axis), kept_shape(x.shape, axis)),  # noqa: ARG005
    internal=True,
    batch=along_axis,
    multiple=True,
    dtypes="real floating",
    cases=(
        case((2, 3), axis=(1,), eps=1e-3),
        case((3, 2, 2), axis=(0, 1), eps=1e-3),
        case((2, 3, 2), axis=(1,), eps=0.0),
        case((2, 2, 2, 3), axis=(1, 3), eps=1e-3),
        case(Arg((2, 3), low=1.0), axis=(0, 1), eps=1e-3),
        case((0, 3), axis=(1,), eps=1e-3),
    ),
)


def _rescale_impl(xp: Any, x: Any, *, axis: Axes, eps: float) -> tuple[Any, Any]:
    square = _average(xp, x * x, axis)
    return x * _inverse_root_impl(xp, square + eps), square


def _rescale_vjp(ys: Any, x: Any, *, axis: Axes, eps: float) -> Pull:
    y, square = ys
    n = float(element_count(x.shape, axis))

    def pull(gs: Any) -> Any:
        gy, gs_ = gs
        shifted = square + eps
        r = inverse_root(shifted)
        terms = []
        if gy is not None:
            terms.append(bind(rescale_pull_p, gy, y, r, axis=axis, centered=False))
        if gs_ is not None:
            terms.append(multiply(multiply(gs_ * (2.0 / n), _root(shifted, r)), y))
        return _sum_of(terms)

    return pull


def _rescale_jvp(ts: Any, ys: Any, x: Any, *, axis: Axes, eps: float) -> list[Any]:  # noqa: ARG001
    (t,), (y, square) = ts, ys
    shifted = square + eps
    r = inverse_root(shifted)
    return [
        bind(rescale_pull_p, t, y, r, axis=axis, centered=False),
        2.0 * multiply(_root(shifted, r), _mean_of(t, y, axis)),
    ]


rescale_p = general(
    "rescale",
    _rescale_impl,
    vjp=(_rescale_vjp,),
    jvp=_rescale_jvp,
    shape=lambda x, *, axis, eps: (x.shape, kept_shape(x.shape, axis)),  # noqa: ARG005  # the rule's form
    internal=True,
    batch=along_axis,
    multiple=True,
    dtypes="real floating",
    cases=(
        case((2, 3), axis=(1,), eps=1e-3),
        case((3, 2, 2), axis=(0, 1), eps=0.0),
        case((2, 3, 2), axis=(1,), eps=1e-3),
        case((0, 3), axis=(1,), eps=1e-3),
    ),
)
