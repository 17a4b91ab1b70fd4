"""Magnitude, sign and the parts of complex numbers."""

from __future__ import annotations

from math import inf
from typing import Any

from funcnet.core import elementwise
from funcnet.core.dtypes import kind
from funcnet.ops.broadcasting import cast, real
from funcnet.ops.functions import binary, unary
from funcnet.ops.strong import divide_or_zero

__all__ = ["abs", "conj", "copysign", "imag", "sign", "signbit"]

_TRANSPOSE = "Complex arrays follow the convention of the plain transpose: "

conj = unary(
    "conj",
    "Complex conjugate of each element; a real array is returned with its values unchanged.",
    partial=lambda g: conj(g),
    derivative="1",
    dtypes="numeric",
    analytic=False,
    notes=_TRANSPOSE + "the cotangent is conjugated as well.",
    example=""">>> xp.conj(np.array([1 + 2j]))
array([1.-2.j])""",
)

imag = unary(
    "imag",
    "Imaginary part of each element.",
    # Of a real array it is 0, and so is that of its real cotangent.
    partial=lambda g, x: cast(g, x.dtype) * -1j if kind(x.dtype) == "c" else imag(g),
    forward=lambda g: imag(g),
    derivative="0",
    dtypes="complex",
    analytic=False,
    notes=_TRANSPOSE + "the cotangent g of the result gives ``-1j * g``.",
    example=""">>> xp.imag(np.array([1 + 2j]))
array([2.])""",
)


def _abs_partial(g: Any, x: Any) -> Any:
    unit = sign(x)
    return g * (conj(unit) if kind(unit.dtype) == "c" else unit)


def _abs_forward(g: Any, x: Any) -> Any:
    unit = sign(x)
    return real(g * conj(unit)) if kind(unit.dtype) == "c" else g * unit


abs = unary(
    "abs",
    "Absolute value of each element; the modulus of a complex number.",
    partial=_abs_partial,
    forward=_abs_forward,
    derivative="sign(x)",
    kinks=(0.0,),
    dtypes="numeric",
    analytic=False,
    notes="The derivative at 0 is 0. " + _TRANSPOSE + "``conj(x) / abs(x)``.",
    example=""">>> xp.abs(np.array([-2.0, 3.0]))
array([2., 3.])""",
)


def _turned(g: Any, x: Any, y: Any, other: Any) -> Any:
    return cast(divide_or_zero(imag(g * y), abs(x)), y.dtype) * 1j * other


# Apart from the real sign, which has no derivative to follow.
_sign_complex_p = elementwise(
    "sign_complex",
    lambda xp, x: xp.sign(x),
    partials=(lambda g, x, y: _turned(g, x, y, conj(y)),),
    forwards=(lambda g, x, y: _turned(g, x, conj(y), y),),
    derivative=("0",),
    domain=((-inf, inf),),
    kinks=(0.0,),
    dtypes="complex",
    analytic=False,
    internal=True,
)

sign = unary(
    "sign",
    "Sign of each element: -1, 0 or 1; ``x / abs(x)`` for a complex number, and 0 for 0.",
    partial=None,
    on_complex=_sign_complex_p,
    derivative="0",
    kinks=(0.0,),
    dtypes="numeric",
    analytic=False,
    notes="The derivative of a real sign is 0, at 0 too. A complex sign turns with the argument of x.",
    example=""">>> xp.sign(np.array([-2.0, 0.0, 3.0]))
array([-1.,  0.,  1.])""",
)

copysign = binary(
    "copysign",
    "Magnitude of the first array with the sign of the second.",
    # Where y is 0, so is x1, and both signs are 0.
    partials=(lambda g, x1, y: g * (sign(x1) * sign(y)), None),
    derivative=("sign(x1)*sign(x2)", "0"),
    dtypes="real floating",
    analytic=False,
    notes="Derivatives are 0 where x1 is 0. The sign bit of x2 counts, so -0.0 is negative.",
    example=""">>> xp.copysign(np.array([1.0, 2.0]), np.array([-3.0, 0.0]))
array([-1.,  2.])""",
)

signbit = unary(
    "signbit",
    "Whether the sign bit of each element is set; true for -0.0.",
    partial=None,
    derivative="0",
    dtypes="real floating",
    analytic=False,
    example=""">>> xp.signbit(np.array([-1.0, -0.0, 2.0]))
array([ True,  True, False])""",
)
