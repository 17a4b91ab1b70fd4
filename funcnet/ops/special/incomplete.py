"""Incomplete gamma and beta functions and their inverses, with the derivatives by their parameters."""

from __future__ import annotations

from math import inf
from typing import Any

from funcnet.backends import incomplete
from funcnet.backends.leibniz import leibniz
from funcnet.backends.special import hosted_by
from funcnet.core import bind, elementwise
from funcnet.ops.arithmetic import pow
from funcnet.ops.comparison import where
from funcnet.ops.exponential import exp, log, log1p
from funcnet.ops.special.declare import ALL, POSITIVE, UNIT, declare, lifted
from funcnet.ops.special.gamma import betaln, digamma, gammaln, polygamma
from funcnet.ops.special.information import xlog1py, xlogy
from funcnet.ops.strong import strong_divide, strong_multiply

__all__ = [
    "betainc",
    "betainc_derivative_by_a",
    "betaincc",
    "betaincinv",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
]

_BY_PARAMETER = (
    "Derivatives by the parameters, of every order, are integrals of the density times a polynomial in its\n"
    "    logarithm, computed in double precision by the double exponential formula."
)
#: Larger powers of the distance from an edge vanish there in all but derivatives of high order.
_FEW = 8.0
_INTERNAL: dict[str, Any] = {"internal": True, "hosted": True, "dtypes": "real floating", "analytic": False}


# ---------------------------------------------------------------------- gamma


def _gamma_density(a: Any, x: Any) -> Any:
    # At 0 the logarithm has no slope to go on with, but the power has. At infinity the density vanishes.
    edge, far = x == 0.0, x == inf
    s, e = where(edge | far, 1.0, x), where(edge, x, 1.0)
    inside = where(far, 0.0, exp(xlogy(a - 1.0, s) - s - gammaln(a)))
    return where(edge, pow(e, a - 1.0) * exp(-e - gammaln(a)), inside)


def _gamma_factor(a: Any, x: Any, n: int) -> Any:
    """Return the derivative of order n of the density by a, over the density."""
    return leibniz(n, 0, lambda i, _: log(x) - digamma(a) if i == 0 else -polygamma(i, a))


gammainc_derivative_p = elementwise(
    "gammainc_derivative",
    hosted_by("gammainc_derivative", incomplete.gammainc_derivative),
    partials=lifted(
        (
            lambda g, x1, x2, x3: strong_multiply(g, _gamma_by_a(x1, x2, x3 + 1)),
            lambda g, x1, x2, x3: strong_multiply(g, _gamma_density(x1, x2) * _gamma_factor(x1, x2, x3)),
            None,
        ),
        (2,),
    ),
    derivative=("", "", ""),
    domain=(POSITIVE, POSITIVE, ALL),
    scalars={2: (1, 2)},
    **_INTERNAL,
)


def _gamma_by_a(a: Any, x: Any, n: int = 1) -> Any:
    return bind(gammainc_derivative_p, a, x, n)


gammainc = declare(
    "gammainc",
    "a x",
    "Regularised lower incomplete gamma function.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, _gamma_by_a(x1, x2)),
        lambda g, x1, x2: strong_multiply(g, _gamma_density(x1, x2)),
    ),
    derivative=("", "x2**(x1 - 1)*exp(-x2)/gamma(x1)"),
    domain=(POSITIVE, POSITIVE),
    example=("2.0, 1.0", "0.2642411177"),
    reference="DLMF 8.2.4 and 8.8.13; SciPy, ``gammainc``.",
    notes=_BY_PARAMETER,
)

gammaincc = declare(
    "gammaincc",
    "a x",
    "Regularised upper incomplete gamma function, ``1 - gammainc(a, x)`` without cancellation.",
    partials=(
        lambda g, x1, x2: strong_multiply(-g, _gamma_by_a(x1, x2)),
        lambda g, x1, x2: strong_multiply(-g, _gamma_density(x1, x2)),
    ),
    derivative=("", "-x2**(x1 - 1)*exp(-x2)/gamma(x1)"),
    domain=(POSITIVE, POSITIVE),
    example=("2.0, 1.0", "0.7357588823"),
    reference="DLMF 8.2.4 and 8.8.14; SciPy, ``gammaincc``.",
    notes=_BY_PARAMETER,
)

gammaincinv = declare(
    "gammaincinv",
    "a p",
    "Inverse of `gammainc` in its second argument.",
    partials=(
        lambda g, x1, y: strong_divide(strong_multiply(-g, _gamma_by_a(x1, y)), _gamma_density(x1, y)),
        lambda g, x1, y: strong_divide(g, _gamma_density(x1, y)),
    ),
    derivative=("", "gamma(x1)*exp(gammaincinv(x1, x2))*gammaincinv(x1, x2)**(1 - x1)"),
    domain=((0.5, 5.0), UNIT),
    example=("2.0, 0.5", "1.67834699"),
    reference="DLMF 8.2.4 and 8.8.13; SciPy, ``gammaincinv``.",
    notes=f"The derivatives are those of the implicit function. {_BY_PARAMETER}",
)

gammainccinv = declare(
    "gammainccinv",
    "a p",
    "Inverse of `gammaincc` in its second argument.",
    partials=(
        lambda g, x1, y: strong_divide(strong_multiply(-g, _gamma_by_a(x1, y)), _gamma_density(x1, y)),
        lambda g, x1, y: strong_divide(-g, _gamma_density(x1, y)),
    ),
    derivative=("", "-gamma(x1)*exp(gammainccinv(x1, x2))*gammainccinv(x1, x2)**(1 - x1)"),
    domain=((0.5, 5.0), UNIT),
    example=("2.0, 0.5", "1.67834699"),
    reference="DLMF 8.2.4 and 8.8.14; SciPy, ``gammainccinv``.",
    notes=f"The derivatives are those of the implicit function. {_BY_PARAMETER}",
)


# ---------------------------------------------------------------------- beta


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    edge = ((x == 0.0) & (a < _FEW)) | ((x == 1.0) & (b < _FEW))
    s, e = where(edge, 0.5, x), where(edge, x, 0.5)
    inside = exp(xlogy(a - 1.0, s) + xlog1py(b - 1.0, -s) - betaln(a, b))
    return where(edge, pow(e, a - 1.0) * pow(1.0 - e, b - 1.0) * exp(where(edge, -betaln(a, b), 0.0)), inside)


def _psi(order: int, x: Any) -> Any:
    return polygamma(order, x) if order else digamma(x)


def _beta_factor(a: Any, b: Any, x: Any, m: int, n: int) -> Any:
    """Return the derivative of order m by a and n by b of the density, over the density."""

    def by_a(i: int, j: int) -> Any:
        slope = _psi(i + j, a + b) - (_psi(i, a) if j == 0 else 0.0)
        return slope + log(x) if i == j == 0 else slope

    def by_b(i: int, j: int) -> Any:
        slope = _psi(i + j, a + b) - (_psi(j, b) if i == 0 else 0.0)
        return slope + log1p(-x) if i == j == 0 else slope

    return leibniz(m, n, by_a, by_b)


betainc_derivative_p = elementwise(
    "betainc_derivative",
    hosted_by("betainc_derivative", incomplete.betainc_derivative),
    partials=lifted(
        (
            lambda g, x1, x2, x3, x4, x5: strong_multiply(g, _beta_by(x1, x2, x3, x4 + 1, x5)),
            lambda g, x1, x2, x3, x4, x5: strong_multiply(g, _beta_by(x1, x2, x3, x4, x5 + 1)),
            lambda g, x1, x2, x3, x4, x5: strong_multiply(
                g, _beta_density(x1, x2, x3) * _beta_factor(x1, x2, x3, x4, x5)
            ),
            None,
            None,
        ),
        (3, 4),
    ),
    derivative=("", "", "", "", ""),
    domain=(POSITIVE, POSITIVE, UNIT, ALL, ALL),
    scalars={3: (1, 0), 4: (0, 1)},
    **_INTERNAL,
)


def _beta_by(a: Any, b: Any, x: Any, m: int, n: int) -> Any:
    return bind(betainc_derivative_p, a, b, x, m, n)


betainc = declare(
    "betainc",
    "a b x",
    "Regularised incomplete beta function.",
    partials=(
        lambda g, x1, x2, x3: strong_multiply(g, _beta_by(x1, x2, x3, 1, 0)),
        lambda g, x1, x2, x3: strong_multiply(g, _beta_by(x1, x2, x3, 0, 1)),
        lambda g, x1, x2, x3: strong_multiply(g, _beta_density(x1, x2, x3)),
    ),
    derivative=("", "", "x3**(x1 - 1)*(1 - x3)**(x2 - 1)/exp(betaln(x1, x2))"),
    domain=(POSITIVE, POSITIVE, UNIT),
    example=("2.0, 3.0, 0.5", "0.6875"),
    reference="DLMF 8.17.2; SciPy, ``betainc``.",
    notes=_BY_PARAMETER,
)

betaincc = declare(
    "betaincc",
    "a b x",
    "Complement of `betainc`, ``1 - betainc(a, b, x)`` without cancellation.",
    partials=(
        lambda g, x1, x2, x3: strong_multiply(-g, _beta_by(x1, x2, x3, 1, 0)),
        lambda g, x1, x2, x3: strong_multiply(-g, _beta_by(x1, x2, x3, 0, 1)),
        lambda g, x1, x2, x3: strong_multiply(-g, _beta_density(x1, x2, x3)),
    ),
    derivative=("", "", "-x3**(x1 - 1)*(1 - x3)**(x2 - 1)/exp(betaln(x1, x2))"),
    domain=(POSITIVE, POSITIVE, UNIT),
    example=("2.0, 3.0, 0.5", "0.3125"),
    reference="DLMF 8.17.2; SciPy, ``betaincc``.",
    notes=_BY_PARAMETER,
)

betaincinv = declare(
    "betaincinv",
    "a b p",
    "Inverse of `betainc` in its third argument.",
    partials=(
        lambda g, x1, x2, y: strong_divide(strong_multiply(-g, _beta_by(x1, x2, y, 1, 0)), _beta_density(x1, x2, y)),
        lambda g, x1, x2, y: strong_divide(strong_multiply(-g, _beta_by(x1, x2, y, 0, 1)), _beta_density(x1, x2, y)),
        lambda g, x1, x2, y: strong_divide(g, _beta_density(x1, x2, y)),
    ),
    derivative=(
        "",
        "",
        "exp(betaln(x1, x2))*betaincinv(x1, x2, x3)**(1 - x1)*(1 - betaincinv(x1, x2, x3))**(1 - x2)",
    ),
    domain=((0.5, 5.0), (0.5, 5.0), UNIT),
    example=("2.0, 3.0, 0.5", "0.3857275681"),
    reference="DLMF 8.17.2; SciPy, ``betaincinv``.",
    notes=f"The derivatives are those of the implicit function. {_BY_PARAMETER}",
)


def betainc_derivative_by_a(a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of `betainc` by its first parameter."""
    return _beta_by(a, b, x, 1, 0)
