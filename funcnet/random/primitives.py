"""The primitives behind the draws. Their names are those under which backends offer kernels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core import Arg, Case, bind, case, elementwise, general
from funcnet.ops.batching import expanded, padded
from funcnet.ops.strong import strong_multiply
from funcnet.random import special, threefry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = [
    "random_affine",
    "random_bits",
    "random_erf",
    "random_erfinv",
    "random_fold_in",
    "random_integers",
    "random_integers_between",
    "random_normal",
    "random_order",
    "random_orders",
    "random_split",
    "random_truncated_normal",
    "random_uniform",
]

#: The largest number below one is ``1 - 2**-digits``.
_DIGITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}


def _uniform(ns: Any, key: Any, *, shape: tuple[int, ...], dtype: str, low: float = 0.0, high: float = 1.0) -> Any:
    u = threefry.uniform(ns, key, shape=shape, dtype=dtype)
    if low == 0.0 and high == 1.0:
        return u
    lowest, highest = (ns.full((1,), v, dtype=u.dtype, device=key.device) for v in (low, high))
    scaled = special.affine(ns, u, highest - lowest, lowest)
    return ns.reshape(ns.where(scaled > lowest, scaled, lowest), u.shape)


def _normal(ns: Any, key: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    u = threefry.uniform(ns, key, shape=shape, dtype=dtype)
    # Twice a draw is exact, so this rounds once. The bounds of the draw lie within (-1, 1).
    u = u * 2 - (1 - 2.0 ** -_DIGITS[dtype])
    return special.erfinv(ns, u) * ns.full((), math.sqrt(2.0), dtype=u.dtype, device=key.device)


def _truncated_normal(
    ns: Any,
    key: Any,
    *,
    shape: tuple[int, ...],
    dtype: str,
    low: float,
    high: float,
    least: float,
    most: float,
) -> Any:
    u = _uniform(ns, key, shape=shape, dtype=dtype, low=low, high=high)
    y = special.erfinv(ns, u) * ns.full((), math.sqrt(2.0), dtype=u.dtype, device=key.device)
    smallest, largest = (ns.full((), v, dtype=u.dtype, device=key.device) for v in (least, most))
    y = ns.where(y > smallest, y, smallest)
    return ns.where(y < largest, y, largest)


def _sized(key: Any, *bounds: Any, shape: tuple[int, ...], **params: Any) -> tuple[int, ...]:  # noqa: ARG001
    return shape


_KEY = (2,)


def _cases(*dtypes: str, **params: Any) -> tuple[Any, ...]:
    return tuple(case(_KEY, shape=shape, dtype=dtype, **params) for dtype in dtypes for shape in ((2, 3), (), (0,)))


_DRAW = {"vjp": None, "internal": True, "dtypes": "key"}


def _several(name: str, impl: Callable[..., Any], *, cases: tuple[Any, ...], **meta: Any) -> Primitive:
    """Declare a draw, and under the name with ``_batch`` the same from several keys at once, for `vmap`.

    Kernels are for one key and large draws; several keys go through the reference, which takes all of them together.
    """
    shape = meta.pop("shape")

    def many_shape(key: Any, *bounds: Any, **params: Any) -> tuple[int, ...]:
        return (*key.shape[:-1], *shape(key, *bounds, **params))

    def rule(primitive: Primitive, size: int, batched: Sequence[bool], key: Any, /, *bounds: Any, **params: Any) -> Any:  # noqa: ARG001
        ndim = len(key.shape) - batched[0] - 1 + len(params.get("shape", ()))
        bounds = tuple([padded(a, ndim) if b else a for a, b in zip(bounds, batched[1:], strict=True)])
        return bind(many, expanded(key, size, batched[0]), *bounds, **params)

    several = tuple([c._replace(args=(Arg((3, *_KEY)), *_of_each(c))) for c in cases])
    many = general(f"{name}_batch", impl, shape=many_shape, batch=rule, cases=several, **_DRAW, **meta)
    return general(name, impl, shape=shape, batch=rule, cases=cases, **_DRAW, **meta)


def _of_each(case: Case) -> list[Arg]:
    """Return the bounds of a case for three keys."""
    ndim = len(case.params.get("shape", ()))
    return [b._replace(shape=(3, *(1,) * (ndim - len(b.shape)), *b.shape)) for b in case.args[1:]]


random_split = _several(
    "random_split",
    threefry.split,
    shape=lambda key, *, shape: (*shape, 2),  # noqa: ARG005
    result="first",
    cases=(case((2,), shape=(3,)), case((2,), shape=())),
)
random_fold_in = _several(
    "random_fold_in",
    threefry.fold_in,
    shape=lambda key, data: (2,),  # noqa: ARG005
    result="first",
    cases=(case(_KEY, Arg((), "int", 0, 1000)),),
)
random_bits = _several("random_bits", threefry.bits, shape=_sized, cases=_cases("uint32", "uint8"))
random_uniform = _several("random_uniform", _uniform, shape=_sized, cases=_cases("float32"))
random_normal = _several("random_normal", _normal, shape=_sized, cases=_cases("float32"))
random_truncated_normal = _several(
    "random_truncated_normal",
    _truncated_normal,
    shape=_sized,
    cases=_cases("float32", low=-0.9, high=0.7, least=-2.0, most=1.5),
)
random_integers = _several("random_integers", threefry.integers, shape=_sized, cases=_cases("int32", low=-3, high=9))
random_integers_between = _several(
    "random_integers_between",
    threefry.integers_between,
    shape=_sized,
    cases=(case(_KEY, Arg((3,), "int", -4, 0), Arg((1,), "int", 1, 9), shape=(2, 3), dtype="int32"),),
)
random_order = _several(
    "random_order",
    threefry.order,
    shape=lambda key, *, size: (size,),  # noqa: ARG005
    result="index",
    cases=(case(_KEY, size=5), case(_KEY, size=0)),
)
random_orders = _several(
    "random_orders",
    threefry.orders,
    shape=_sized,
    result="index",
    cases=(case(_KEY, shape=(3, 4), axis=1),),
)

_SMOOTH = {"internal": True, "dtypes": "real floating", "kinks": (), "analytic": False}

random_affine = elementwise(
    "random_affine",
    special.affine,
    partials=(lambda g, x2: g * x2, lambda g, x1: g * x1, 1),
    derivative=("x2", "x1", "1"),
    domain=((-math.inf, math.inf),) * 3,
    **_SMOOTH,
)
random_erf = elementwise(
    "random_erf",
    special.erf,
    partials=(lambda g, x: g * (2 / math.sqrt(math.pi)) * xp.exp(-x * x),),
    derivative=("2*exp(-x**2)/sqrt(pi)",),
    domain=((-math.inf, math.inf),),
    **_SMOOTH,
)
random_erfinv = elementwise(
    "random_erfinv",
    special.erfinv,
    # Infinite at the ends, which a draw between infinite bounds can reach before it is clipped.
    partials=(lambda g, y: strong_multiply(g, (math.sqrt(math.pi) / 2) * xp.exp(y * y)),),
    derivative=("sqrt(pi)*exp(erfinv(x)**2)/2",),
    domain=((-1.0, 1.0),),
    **_SMOOTH,
)
