"""Elementwise functions of neural networks."""

from __future__ import annotations

from typing import Any

from funcnet.core.dtypes import is_inexact
from funcnet.ops.functions import unary
from funcnet.ops.strong import masked

__all__ = ["relu", "sigmoid", "softplus"]


def _floating(x: Any) -> Any:
    # Not all integers have a negative one of their type.
    return x if is_inexact(x.dtype) else x * 1.0


def _sigmoid(xp: Any, x: Any) -> Any:
    x = _floating(x)
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0, small) / (1.0 + small)


def _softplus(xp: Any, x: Any) -> Any:
    x = _floating(x)
    return xp.log1p(xp.exp(-xp.abs(x))) + xp.where(x <= 0, 0.0, x)


sigmoid = unary(
    "sigmoid",
    "Logistic function ``1 / (1 + exp(-x))``, which neither overflows nor gives NaN for any real x.",
    impl=_sigmoid,
    partial=lambda g, y: g * (y * (1.0 - y)),
    derivative="exp(-x)/(1 + exp(-x))**2",
    dtypes="real floating",
    analytic=False,
    reference="",
    example=""">>> xp.sigmoid(np.array([-1e4, 0.0, 1e4]))
array([0. , 0.5, 1. ])""",
)

softplus = unary(
    "softplus",
    "``log(1 + exp(x))``, a smooth version of `relu`, without overflow.",
    impl=_softplus,
    partial=lambda g, x: g * sigmoid(x),
    derivative="1/(1 + exp(-x))",
    dtypes="real floating",
    analytic=False,
    reference="",
    example=""">>> xp.softplus(np.array([-1e4, 0.0, 1e4]))
array([0.00000000e+00, 6.93147181e-01, 1.00000000e+04])""",
)

relu = unary(
    "relu",
    "Rectified linear unit: x where it is positive, 0 elsewhere.",
    impl=lambda xp, x: xp.where(x <= 0, xp.zeros_like(x), x),
    partial=lambda g, y: masked(g, y > 0),
    derivative="Heaviside(x)",
    kinks=(0.0,),
    dtypes="real",
    analytic=False,
    notes="The derivative at 0 is 0.",
    reference="",
    example=""">>> xp.relu(np.array([-1.0, 0.0, 2.0]))
array([0., 0., 2.])""",
)
