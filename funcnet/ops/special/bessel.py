"""Bessel functions, modified and scaled ones included."""

from __future__ import annotations

from typing import Any

from funcnet.backends import bessel
from funcnet.backends.special import hosted_by
from funcnet.core import Primitive, Refused, bind, elementwise
from funcnet.ops.broadcasting import cast
from funcnet.ops.complex import sign
from funcnet.ops.rounding import trunc
from funcnet.ops.special.declare import ALL, POSITIVE, declare, lifted
from funcnet.ops.strong import strong_divide, strong_multiply

__all__ = ["i0", "i0e", "i1", "i1e", "iv", "ive", "j0", "j1", "jv", "k0", "k0e", "k1", "k1e", "y0", "y1", "yn"]

_ORDER = Refused("the order is a whole number", "fn.stop_gradient(n)")
_POLE = "Function and derivative are infinite at 0, unless the cotangent is 0."
_KINK = "At 0, where the scale has its kink, the derivative is that without the scale's."
_WHOLE = "The order is a whole number and not differentiated."
_ORDERS = (
    "Derivatives by the order are computed in double precision, by the power series (DLMF 10.2.2, 10.25.2) or\n"
    "    Schlaefli's integrals (DLMF 10.9.6, 10.9.17, 10.32.4, 10.32.12). For negative x, where the functions are\n"
    "    real at whole orders only, there is none: NaN. Orders and arguments above 100,000, or 1,000,000 where the\n"
    "    function does not oscillate, are refused."
)

# The derivatives are differences of neighbouring orders, which need no division and are right at 0 to every order.


def _by_order(name: str, function: Any, sign_of_next: float, *, scaled: bool = False) -> Primitive:
    """Declare the derivative of order x3 by the order x1; the recurrence by x2 is that of the function."""

    def neighbours(g: Any, x1: Any, x2: Any, x3: Any, y: Any) -> Any:
        slope = 0.5 * (bind(primitive, x1 - 1.0, x2, x3) + sign_of_next * bind(primitive, x1 + 1.0, x2, x3))
        return strong_multiply(g, slope - sign(x2) * y if scaled else slope)

    primitive = elementwise(
        name,
        hosted_by(name, function),
        partials=lifted(
            (lambda g, x1, x2, x3: strong_multiply(g, bind(primitive, x1, x2, x3 + 1)), neighbours, None), (2,)
        ),
        derivative=("", "", ""),
        domain=((0.5, 4.0), (0.5, 6.0), ALL),
        scalars={2: (1, 2)},
        internal=True,
        hosted=True,
        dtypes="real floating",
        analytic=False,
    )
    return primitive


jv_derivative_p = _by_order("jv_derivative", bessel.jv_derivative, -1.0)
iv_derivative_p = _by_order("iv_derivative", bessel.iv_derivative, 1.0)
ive_derivative_p = _by_order("ive_derivative", bessel.ive_derivative, 1.0, scaled=True)

jv = declare(
    "jv",
    "v x",
    "Bessel function of the first kind, of order v.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, bind(jv_derivative_p, x1, x2, 1)),
        lambda g, x1, x2: g * (0.5 * (jv(x1 - 1, x2) - jv(x1 + 1, x2))),
    ),
    derivative=("", "(jv(x1 - 1, x2) - jv(x1 + 1, x2))/2"),
    domain=((0.5, 5.0), POSITIVE),
    example=("2, 1.0", "0.1149034849"),
    reference="DLMF 10.2.2 and 10.6.1; SciPy, ``jv``.",
    notes=_ORDERS,
)

j0 = declare(
    "j0",
    "x",
    "Bessel function of the first kind, of order 0.",
    partials=(lambda g, x: -g * j1(x),),
    derivative=("-j1(x)",),
    domain=(ALL,),
    example=("1.0", "0.7651976866"),
    reference="DLMF 10.2.2 and 10.6.3; SciPy, ``j0``.",
)

j1 = declare(
    "j1",
    "x",
    "Bessel function of the first kind, of order 1.",
    partials=(lambda g, x: g * (0.5 * (j0(x) - jv(2, x))),),
    derivative=("(j0(x) - jv(2, x))/2",),
    domain=(ALL,),
    example=("1.0", "0.4400505857"),
    reference="DLMF 10.2.2 and 10.6.1; SciPy, ``j1``.",
)

y0 = declare(
    "y0",
    "x",
    "Bessel function of the second kind, of order 0.",
    partials=(lambda g, x: strong_multiply(-g, y1(x)),),
    derivative=("-y1(x)",),
    domain=(POSITIVE,),
    example=("1.0", "0.08825696422"),
    reference="DLMF 10.2.3 and 10.6.3; SciPy, ``y0``.",
    notes=_POLE,
)

y1 = declare(
    "y1",
    "x",
    "Bessel function of the second kind, of order 1.",
    partials=(lambda g, x, y: strong_multiply(g, y0(x)) - strong_divide(strong_multiply(g, y), x),),
    derivative=("y0(x) - y1(x)/x",),
    domain=(POSITIVE,),
    example=("1.0", "-0.7812128213"),
    reference="DLMF 10.2.3 and 10.6.2; SciPy, ``y1``.",
    notes=_POLE,
)


def _yn_slope(g: Any, n: Any, x: Any, y: Any) -> Any:
    """Return the cotangent of x for the order n, already without its fraction, which SciPy cuts off."""
    return strong_multiply(g, yn(n - 1, x)) - strong_divide(strong_multiply(g, n * y), x)


yn = declare(
    "yn",
    "n x",
    "Bessel function of the second kind, of whole order n.",
    partials=(
        _ORDER,
        lambda g, x1, x2, y: _yn_slope(g, cast(trunc(x1), g.dtype) if hasattr(x1, "dtype") else int(x1), x2, y),
    ),
    derivative=("", "yv(x1 - 1, x2) - x1/x2*yv(x1, x2)"),
    domain=(POSITIVE, POSITIVE),
    scalars={0: (0, 1, 2)},
    example=("2, 1.0", "-1.650682607"),
    reference="DLMF 10.2.3 and 10.6.2; SciPy, ``yn``.",
    notes=f"{_WHOLE} {_POLE}",
)

iv = declare(
    "iv",
    "v x",
    "Modified Bessel function of the first kind, of order v.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, bind(iv_derivative_p, x1, x2, 1)),
        lambda g, x1, x2: g * (0.5 * (iv(x1 - 1, x2) + iv(x1 + 1, x2))),
    ),
    derivative=("", "(iv(x1 - 1, x2) + iv(x1 + 1, x2))/2"),
    domain=((0.5, 5.0), POSITIVE),
    example=("2, 1.0", "0.1357476698"),
    reference="DLMF 10.25.2 and 10.29.1; SciPy, ``iv``.",
    notes=_ORDERS,
)

i0 = declare(
    "i0",
    "x",
    "Modified Bessel function of the first kind, of order 0.",
    partials=(lambda g, x: g * i1(x),),
    derivative=("i1(x)",),
    domain=(ALL,),
    example=("1.0", "1.266065878"),
    reference="DLMF 10.25.2 and 10.29.3; SciPy, ``i0``.",
)

i1 = declare(
    "i1",
    "x",
    "Modified Bessel function of the first kind, of order 1.",
    partials=(lambda g, x: g * (0.5 * (i0(x) + iv(2, x))),),
    derivative=("(i0(x) + iv(2, x))/2",),
    domain=(ALL,),
    example=("1.0", "0.565159104"),
    reference="DLMF 10.25.2 and 10.29.1; SciPy, ``i1``.",
)

ive = declare(
    "ive",
    "v x",
    "Modified Bessel function of the first kind, of order v, times ``exp(-abs(x))``.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, bind(ive_derivative_p, x1, x2, 1)),
        lambda g, x1, x2, y: g * (0.5 * (ive(x1 - 1, x2) + ive(x1 + 1, x2)) - sign(x2) * y),
    ),
    derivative=("", "(ive(x1 - 1, x2) + ive(x1 + 1, x2))/2 - sign(x2)*ive(x1, x2)"),
    domain=((0.5, 5.0), POSITIVE),
    example=("2, 1.0", "0.04993877689"),
    reference="DLMF 10.25.2 and 10.29.1; SciPy, ``ive``.",
    notes=f"{_ORDERS} {_KINK}",
)

i0e = declare(
    "i0e",
    "x",
    "Modified Bessel function of the first kind, of order 0, times ``exp(-abs(x))``.",
    partials=(lambda g, x, y: g * (i1e(x) - sign(x) * y),),
    derivative=("i1e(x) - sign(x)*i0e(x)",),
    domain=(ALL,),
    kinks=(0.0,),
    example=("1.0", "0.4657596076"),
    reference="DLMF 10.25.2 and 10.29.3; SciPy, ``i0e``.",
    notes=_KINK,
)

i1e = declare(
    "i1e",
    "x",
    "Modified Bessel function of the first kind, of order 1, times ``exp(-abs(x))``.",
    partials=(lambda g, x, y: g * (0.5 * (i0e(x) + ive(2, x)) - sign(x) * y),),
    derivative=("(i0e(x) + ive(2, x))/2 - sign(x)*i1e(x)",),
    domain=(ALL,),
    kinks=(0.0,),
    example=("1.0", "0.2079104153"),
    reference="DLMF 10.25.2 and 10.29.1; SciPy, ``i1e``.",
    notes=_KINK,
)

k0 = declare(
    "k0",
    "x",
    "Modified Bessel function of the second kind, of order 0.",
    partials=(lambda g, x: strong_multiply(-g, k1(x)),),
    derivative=("-k1(x)",),
    domain=(POSITIVE,),
    example=("1.0", "0.4210244382"),
    reference="DLMF 10.25.3 and 10.29.3; SciPy, ``k0``.",
    notes=_POLE,
)

k1 = declare(
    "k1",
    "x",
    "Modified Bessel function of the second kind, of order 1.",
    partials=(lambda g, x, y: strong_multiply(-g, k0(x)) - strong_divide(strong_multiply(g, y), x),),
    derivative=("-k0(x) - k1(x)/x",),
    domain=(POSITIVE,),
    example=("1.0", "0.6019072302"),
    reference="DLMF 10.25.3 and 10.29.2; SciPy, ``k1``.",
    notes=_POLE,
)

k0e = declare(
    "k0e",
    "x",
    "Modified Bessel function of the second kind, of order 0, times ``exp(x)``.",
    partials=(lambda g, x, y: strong_multiply(g, y - k1e(x)),),
    derivative=("k0e(x) - k1e(x)",),
    domain=(POSITIVE,),
    example=("1.0", "1.14446308"),
    reference="DLMF 10.25.3 and 10.29.3; SciPy, ``k0e``.",
    notes=_POLE,
)

k1e = declare(
    "k1e",
    "x",
    "Modified Bessel function of the second kind, of order 1, times ``exp(x)``.",
    partials=(lambda g, x, y: strong_multiply(g, y - k0e(x)) - strong_divide(strong_multiply(g, y), x),),
    derivative=("k1e(x) - k0e(x) - k1e(x)/x",),
    domain=(POSITIVE,),
    example=("1.0", "1.636153486"),
    reference="DLMF 10.25.3 and 10.29.2; SciPy, ``k1e``.",
    notes=_POLE,
)
