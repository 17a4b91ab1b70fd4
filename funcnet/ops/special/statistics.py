"""Distribution functions of statistics, their complements and inverses, made of incomplete gamma and beta functions."""

from __future__ import annotations

from math import floor as floor_of_number
from math import inf, nan
from typing import Any

from funcnet import backends
from funcnet.core.bind import check_arrays
from funcnet.core.dtypes import is_inexact
from funcnet.ops.broadcasting import cast
from funcnet.ops.comparison import where
from funcnet.ops.complex import sign
from funcnet.ops.exponential import exp, log, log1p
from funcnet.ops.rounding import floor
from funcnet.ops.special.declare import ALL, UNIT, declare, documented
from funcnet.ops.special.gamma import betaln, digamma
from funcnet.ops.special.incomplete import (
    betainc,
    betainc_derivative_by_a,
    betaincc,
    betaincinv,
    gammainc,
    gammaincc,
    gammainccinv,
)
from funcnet.ops.special.integrals import hyp2f1, hyp2f1_by
from funcnet.ops.strong import strong_divide, strong_multiply

__all__ = [
    "bdtr",
    "bdtrc",
    "bdtri",
    "chdtr",
    "chdtrc",
    "chdtri",
    "fdtr",
    "fdtrc",
    "fdtri",
    "gdtr",
    "gdtrc",
    "nbdtr",
    "nbdtrc",
    "nbdtri",
    "pdtr",
    "pdtrc",
    "pdtri",
    "stdtr",
    "stdtrit",
]


def _floating(name: str, *args: Any) -> list[Any]:
    """Return the arguments with integer arrays as floating-point ones, of the others' data type if there is one."""
    check_arrays(name, args)
    arrays = [a for a in args if hasattr(a, "dtype")]
    dtype = next((a.dtype for a in arrays if is_inexact(a.dtype)), None)
    if dtype is None and arrays:
        dtype = backends.default_dtype()
    return [cast(a, dtype) if hasattr(a, "dtype") and not is_inexact(a.dtype) else a for a in args]


def _whole(k: Any) -> Any:
    """Round a count down, as SciPy does."""
    return floor(k) if hasattr(k, "dtype") else float(floor_of_number(k))


# ---------------------------------------------------------------------- chi-squared, gamma, F


def chdtr(v: Any, x: Any, /) -> Any:
    v, x = _floating("chdtr", v, x)
    return gammainc(v / 2.0, x / 2.0)


def chdtrc(v: Any, x: Any, /) -> Any:
    v, x = _floating("chdtrc", v, x)
    return gammaincc(v / 2.0, x / 2.0)


def chdtri(v: Any, p: Any, /) -> Any:
    v, p = _floating("chdtri", v, p)
    return 2.0 * gammainccinv(v / 2.0, p)


def gdtr(a: Any, b: Any, x: Any, /) -> Any:
    a, b, x = _floating("gdtr", a, b, x)
    return gammainc(b, a * x)


def gdtrc(a: Any, b: Any, x: Any, /) -> Any:
    a, b, x = _floating("gdtrc", a, b, x)
    return gammaincc(b, a * x)


def fdtr(dfn: Any, dfd: Any, x: Any, /) -> Any:
    dfn, dfd, x = _floating("fdtr", dfn, dfd, x)
    far = x == inf
    if hasattr(far, "dtype"):
        # Infinity over infinity is 1 here.
        top = dfn * where(far, 1.0, x)
        share = top / where(far, top, dfd + top)
    else:
        share = dfn / dfn if far else dfn * x / (dfd + dfn * x)
    return betainc(dfn / 2.0, dfd / 2.0, share)


def fdtrc(dfn: Any, dfd: Any, x: Any, /) -> Any:
    dfn, dfd, x = _floating("fdtrc", dfn, dfd, x)
    return betainc(dfd / 2.0, dfn / 2.0, dfd / (dfd + dfn * x))


def fdtri(dfn: Any, dfd: Any, p: Any, /) -> Any:
    dfn, dfd, p = _floating("fdtri", dfn, dfd, p)
    w = betaincinv(dfn / 2.0, dfd / 2.0, p)
    # The smaller of w and 1 - w carries the digits.
    rest = betaincinv(dfd / 2.0, dfn / 2.0, 1.0 - p)
    low = w < 0.5
    return dfd / dfn * where(low, w / (1.0 - w), (1.0 - rest) / rest)


# ---------------------------------------------------------------------- counts


def bdtr(k: Any, n: Any, p: Any, /) -> Any:
    return _binomial("bdtr", betaincc, 1.0, nan, k, n, p)


def bdtrc(k: Any, n: Any, p: Any, /) -> Any:
    return _binomial("bdtrc", betainc, 0.0, 1.0, k, n, p)


def _binomial(name: str, function: Any, all_of_them: float, below: float, k: Any, n: Any, p: Any) -> Any:
    k, n, p = _floating(name, k, n, p)
    k, n = _whole(k), _whole(n)
    d = (n - k) + 0.0 * p
    k = k + 0.0 * p
    inside = (d > 0) & (k >= 0)
    value = function(where(inside, k, 0.0) + 1.0, where(inside, d, 1.0), p)
    edge = where(k < 0, below, where(d == 0, all_of_them + 0.0 * d, nan))
    return where(inside, value, edge)


def bdtri(k: Any, n: Any, y: Any, /) -> Any:
    k, n, y = _floating("bdtri", k, n, y)
    k, n = _whole(k), _whole(n)
    return 1.0 - betaincinv(n - k, k + 1.0, y)


def nbdtr(k: Any, n: Any, p: Any, /) -> Any:
    k, n, p = _floating("nbdtr", k, n, p)
    return betainc(_whole(n), _whole(k) + 1.0, p)


def nbdtrc(k: Any, n: Any, p: Any, /) -> Any:
    k, n, p = _floating("nbdtrc", k, n, p)
    return betaincc(_whole(n), _whole(k) + 1.0, p)


def nbdtri(k: Any, n: Any, y: Any, /) -> Any:
    k, n, y = _floating("nbdtri", k, n, y)
    return betaincinv(_whole(n), _whole(k) + 1.0, y)


def pdtr(k: Any, m: Any, /) -> Any:
    k, m = _floating("pdtr", k, m)
    return gammaincc(_whole(k) + 1.0, m)


def pdtrc(k: Any, m: Any, /) -> Any:
    k, m = _floating("pdtrc", k, m)
    return gammainc(_whole(k) + 1.0, m)


def pdtri(k: Any, y: Any, /) -> Any:
    k, y = _floating("pdtri", k, y)
    return gammainccinv(_whole(k) + 1.0, y)


_CHAIN = "follows from those of `{0}`, by the parameters too"
_SCIPY = "SciPy, ``{0}``."

for _function, _names, _summary, _source, _example in (
    (
        chdtr,
        "v x",
        "Chi-squared distribution of v degrees of freedom: probability up to x.",
        "gammainc",
        ("2.0, 2.0", "0.6321205588"),
    ),
    (
        chdtrc,
        "v x",
        "Chi-squared distribution of v degrees of freedom: probability above x.",
        "gammaincc",
        ("2.0, 2.0", "0.3678794412"),
    ),
    (chdtri, "v p", "Inverse of `chdtrc` in x.", "gammainccinv", ("2.0, 0.5", "1.386294361")),
    (
        gdtr,
        "a b x",
        "Gamma distribution of rate a and shape b: probability up to x.",
        "gammainc",
        ("1.0, 2.0, 1.0", "0.2642411177"),
    ),
    (
        gdtrc,
        "a b x",
        "Gamma distribution of rate a and shape b: probability above x.",
        "gammaincc",
        ("1.0, 2.0, 1.0", "0.7357588823"),
    ),
    (fdtr, "dfn dfd x", "F distribution: probability up to x.", "betainc", ("2.0, 2.0, 3.0", "0.75")),
    (fdtrc, "dfn dfd x", "F distribution: probability above x.", "betainc", ("2.0, 2.0, 3.0", "0.25")),
    (fdtri, "dfn dfd p", "Inverse of `fdtr` in x.", "betaincinv", ("2.0, 2.0, 0.75", "3")),
    (bdtr, "k n p", "Binomial distribution: probability of up to k of n.", "betaincc", ("1, 2, 0.5", "0.75")),
    (bdtrc, "k n p", "Binomial distribution: probability of more than k of n.", "betainc", ("1, 2, 0.5", "0.25")),
    (bdtri, "k n y", "Inverse of `bdtr` in p.", "betaincinv", ("1, 2, 0.75", "0.5")),
    (
        nbdtr,
        "k n p",
        "Negative binomial distribution: probability of up to k failures before n successes.",
        "betainc",
        ("1, 1, 0.5", "0.75"),
    ),
    (
        nbdtrc,
        "k n p",
        "Negative binomial distribution: probability of more than k failures before n successes.",
        "betaincc",
        ("1, 1, 0.5", "0.25"),
    ),
    (nbdtri, "k n y", "Inverse of `nbdtr` in p.", "betaincinv", ("1, 1, 0.75", "0.5")),
    (pdtr, "k m", "Poisson distribution of mean m: probability of up to k.", "gammaincc", ("0, 1.0", "0.3678794412")),
    (
        pdtrc,
        "k m",
        "Poisson distribution of mean m: probability of more than k.",
        "gammainc",
        ("0, 1.0", "0.6321205588"),
    ),
    (pdtri, "k y", "Inverse of `pdtr` in m.", "gammainccinv", ("0, 0.5", "0.6931471806")),
):
    documented(
        _function,
        _function.__name__,
        _names.split(),
        _summary,
        _CHAIN.format(_source),
        "Counts are rounded down, and not differentiated." if _names[0] == "k" else "",
        _SCIPY.format(_function.__name__),
        _example,
    )


# ---------------------------------------------------------------------- Student


def _density(df: Any, t: Any) -> Any:
    return exp(-betaln(0.5 * df, 0.5) - 0.5 * log(df) - 0.5 * (df + 1.0) * log1p(t * t / df))


def _by_freedom(df: Any, t: Any) -> Any:
    # In the middle, where that of the distribution's tails cancels, the distribution is 1/2 + t c(df) F(-t**2/df).
    ratio = t * t / df
    middle = ratio < 0.25
    one = 0.0 * ratio + 1.0
    outside = _by_freedom_outside(df, where(middle, one, t))
    center, power, shift = 0.5 * df, 0.5 * df + 0.5, -where(middle, ratio, 0.0 * ratio)
    value = hyp2f1(0.5, power, 1.5, shift)
    slope = 0.5 * (digamma(power) - digamma(center) - 1.0 / df) * value
    slope = slope + 0.5 * hyp2f1_by(0.5, power, 1.5, shift, 0, 1, 0)
    slope = slope - shift / df * (power / 3.0) * hyp2f1(1.5, power + 1.0, 2.5, shift)
    return where(middle, t * slope * exp(-betaln(center, 0.5) - 0.5 * log(df)), outside)


def _by_freedom_outside(df: Any, t: Any) -> Any:
    # The distribution is I_x(df/2, 1/2)/2 on the left, with x = df/(df + t**2).
    total = df + t * t
    direct = 0.5 * betainc_derivative_by_a(0.5 * df, 0.5, df / total)
    moved = t * exp((0.5 * df - 1.0) * (log(df) - log(total)) - betaln(0.5 * df, 0.5) - 1.5 * log(total))
    return -0.5 * (sign(t) * direct + moved)


stdtr = declare(
    "stdtr",
    "df t",
    "Student's distribution of df degrees of freedom: probability up to t.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, _by_freedom(x1, x2)),
        lambda g, x1, x2: strong_multiply(g, _density(x1, x2)),
    ),
    derivative=("", "exp(-betaln(x1/2, 1/2))/sqrt(x1)*(1 + x2**2/x1)**(-(x1 + 1)/2)"),
    domain=((0.5, 5.0), ALL),
    kinks=(),
    example=("2.0, 1.0", "0.7886751346"),
    reference="DLMF 8.17.2; SciPy, ``stdtr``.",
    notes="The derivative by df is that of `betainc` by its parameter. In the middle it is that of `hyp2f1`.",
)

stdtrit = declare(
    "stdtrit",
    "df p",
    "Inverse of `stdtr` in t.",
    partials=(
        lambda g, x1, y: strong_divide(strong_multiply(-g, _by_freedom(x1, y)), _density(x1, y)),
        lambda g, x1, y: strong_divide(g, _density(x1, y)),
    ),
    derivative=("", "exp(betaln(x1/2, 1/2))*sqrt(x1)*(1 + stdtrit(x1, x2)**2/x1)**((x1 + 1)/2)"),
    domain=((0.5, 5.0), UNIT),
    example=("2.0, 0.75", "0.8164965809"),
    reference="DLMF 8.17.2; SciPy, ``stdtrit``.",
    notes="The derivatives are those of the implicit function.",
)
