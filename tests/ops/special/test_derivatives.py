"""Special functions: derivatives against JAX, mpmath, closed forms and differences; poles and ends of domains."""

from math import factorial, inf, log, pi, sqrt
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import NotDifferentiableError
from funcnet.testing import check_grads

pytest.importorskip("scipy.special", reason="SciPy computes special functions")

X = np.array([0.15, 0.4, 0.85])
POSITIVE = np.array([0.3, 1.7, 6.5])

#: name -> arguments, of which all floating-point arrays are differentiated
PEERS: dict[str, tuple[Any, ...]] = {
    "gammaln": (POSITIVE,),
    "erf": (POSITIVE,),
    "erfc": (POSITIVE,),
    "erfinv": (X,),
    "ndtr": (POSITIVE,),
    "ndtri": (X,),
    "log_ndtr": (np.array([-30.0, -2.0, 3.0]),),
    "expit": (POSITIVE,),
    "logit": (X,),
    "entr": (POSITIVE,),
    "rel_entr": (POSITIVE, X),
    "kl_div": (POSITIVE, X),
    "xlogy": (POSITIVE, X),
    "xlog1py": (POSITIVE, X),
    "i0": (POSITIVE,),
    "i0e": (POSITIVE,),
    "i1": (POSITIVE,),
    "i1e": (POSITIVE,),
}


@pytest.mark.parametrize("name", sorted(PEERS))
def test_gradients_are_jaxs(name: str) -> None:
    jax = pytest.importorskip("jax", reason="JAX is the oracle")
    args = PEERS[name]
    which = tuple(range(len(args)))
    with jax.enable_x64(True):
        wanted = jax.grad(lambda *a: getattr(jax.scipy.special, name)(*a).sum(), which)(*args)
        wanted = [np.asarray(v) for v in wanted]
    found = fn.grad(lambda *a: getattr(xp.special, name)(*a).sum(), argnums=which)(*args)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


#: name -> arguments of one call, the position that is differentiated, and how mpmath writes the function
EXACT: dict[str, tuple[tuple[float, ...], Any]] = {
    "gammainc": ((0.7, 2.5), lambda mp, a, x: mp.gammainc(a, 0, x, regularized=True)),
    "gammaincc": ((20.0, 31.0), lambda mp, a, x: mp.gammainc(a, x, mp.inf, regularized=True)),
    "betainc": ((2.5, 0.6, 0.8), lambda mp, a, b, x: mp.betainc(a, b, 0, x, regularized=True)),
    "zeta": ((2.5, 0.7), lambda mp, s, q: mp.zeta(s, q)),
    "zetac": ((0.5,), lambda mp, s: mp.zeta(s)),
    "rgamma": ((-2.0,), lambda mp, x: mp.rgamma(x)),
    "digamma": ((0.4,), lambda mp, x: mp.digamma(x)),
    "gamma": ((2.3,), lambda mp, x: mp.gamma(x)),
    "betaln": ((2.3, 0.4), lambda mp, a, b: mp.log(mp.beta(a, b))),
    "poch": ((2.3, 0.4), lambda mp, z, m: mp.rf(z, m)),
    "binom": ((5.3, 2.4), lambda mp, n, k: mp.binomial(n, k)),
    "exp1": ((0.7,), lambda mp, x: mp.e1(x)),
    "expi": ((0.7,), lambda mp, x: mp.ei(x)),
    "ellipk": ((0.0,), lambda mp, m: mp.ellipk(m)),
    "ellipkm1": ((1e-3,), lambda mp, p: mp.ellipk(1 - p)),
    "exprel": ((1e-9,), lambda mp, x: mp.hyp1f1(1, 2, x)),
    "spence": ((1.0,), lambda mp, x: mp.polylog(2, 1 - x)),
    "erfcx": ((2.0,), lambda mp, x: mp.exp(x * x) * mp.erfc(x)),
    "boxcox": ((3.0, 0.0), lambda mp, x, k: mp.log(x) * mp.hyp1f1(1, 2, k * mp.log(x))),
    "inv_boxcox": ((0.7, 0.0), lambda mp, y, k: mp.exp(y * mp.hyp2f1(1, 1, 2, -k * y))),
    "j1": ((0.0,), lambda mp, x: mp.besselj(1, x)),
    "y1": ((1.3,), lambda mp, x: mp.bessely(1, x)),
    "i1": ((0.0,), lambda mp, x: mp.besseli(1, x)),
    "k1": ((1.3,), lambda mp, x: mp.besselk(1, x)),
    "k1e": ((1.3,), lambda mp, x: mp.exp(x) * mp.besselk(1, x)),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("name", "position"), [(n, i) for n, (args, _) in EXACT.items() for i in range(len(args))])
def test_derivatives_are_mpmaths(name: str, position: int, order: int) -> None:
    mpmath = pytest.importorskip("mpmath", reason="mpmath is the oracle")
    args, exact = EXACT[name]

    def f(v: Any) -> Any:
        return getattr(xp.special, name)(*(v if i == position else np.array(a) for i, a in enumerate(args)))

    for _ in range(order):
        f = fn.grad(f)
    with mpmath.workdps(40):
        given = [mpmath.mpf(a) for a in args]
        orders = tuple(order if i == position else 0 for i in range(len(args)))
        wanted = float(mpmath.diff(lambda *a: exact(mpmath, *a), tuple(given), orders, h=mpmath.mpf(10) ** -12))
    np.testing.assert_allclose(f(np.array(args[position])), wanted, rtol=3e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("chdtr", (3.0 * POSITIVE, POSITIVE)),
        ("chdtrc", (3.0 * POSITIVE, POSITIVE)),
        ("chdtri", (3.0 * POSITIVE, X)),
        ("fdtr", (POSITIVE, POSITIVE[::-1].copy(), POSITIVE)),
        ("fdtrc", (POSITIVE, POSITIVE[::-1].copy(), POSITIVE)),
        ("fdtri", (POSITIVE + 1, POSITIVE[::-1] + 1, X)),
        ("gdtr", (X, POSITIVE, POSITIVE)),
        ("gdtrc", (X, POSITIVE, POSITIVE)),
        ("stdtr", (POSITIVE, np.array([-1.5, 0.4, 2.0]))),
        ("stdtrit", (POSITIVE + 1, X)),
        ("huber", (np.array([1.0, 1.0, 2.0]), np.array([0.5, -3.0, 1.0]))),
        ("pseudo_huber", (POSITIVE, np.array([0.5, -3.0, 1.0]))),
        ("radian", (X, X, X)),
        ("log_expit", (POSITIVE,)),
        ("sinc", (np.array([0.0, 0.3, 1.5]),)),
    ],
)
def test_derivatives_by_differences(name: str, args: tuple[Any, ...]) -> None:
    check_grads(getattr(xp.special, name), args, order=2)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        *((name, (2, 5)) for name in ("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri")),
        *((name, (2,)) for name in ("pdtr", "pdtrc", "pdtri")),
    ],
)
def test_probabilities_of_counts_by_differences(name: str, counts: tuple[int, ...]) -> None:
    whole = [np.full(3, n) for n in counts]
    check_grads(lambda p: getattr(xp.special, name)(*whole, p), [X], order=2)


@pytest.mark.parametrize("signed", [False, True])
def test_logsumexp_with_weights_by_differences(signed: bool) -> None:
    a, b = np.array([[0.3, 2.0, -1.0], [0.1, 0.2, 4.0]]), np.array([[1.0, 2.0, 0.5], [0.3, 1.0, 1.0]])

    def f(a: Any, b: Any) -> Any:
        found = xp.special.logsumexp(a, axis=1, b=-b if signed else b, return_sign=signed)
        return found[0] if signed else found

    check_grads(f, [a, b], order=2)


def test_multigammaln_by_differences() -> None:
    check_grads(lambda a: xp.special.multigammaln(a, 3), [np.array([1.5, 4.0])], order=2)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-15)])
def test_expit_has_all_digits_in_the_tails(dtype: str, rtol: float) -> None:
    x = np.array([-80.0, -30.0, -10.0, 10.0, 20.0, 30.0, 40.0, 80.0])
    exact = np.exp(-np.abs(x)) / (1.0 + np.exp(-np.abs(x))) ** 2
    first = fn.grad(lambda x: xp.special.expit(x).sum())
    np.testing.assert_allclose(first(x.astype(dtype)), exact, rtol=rtol)
    second = fn.grad(lambda x: first(x).sum())(x.astype(dtype))
    np.testing.assert_allclose(second, -exact * np.tanh(x / 2.0), rtol=4.0 * rtol)
    np.testing.assert_allclose(fn.jit(first)(x.astype(dtype)), exact, rtol=2.0 * rtol)


def test_second_order_of_the_dilogarithm_near_0() -> None:
    second = fn.vmap(fn.grad(fn.grad(xp.special.spence)))
    x = np.array([0.0, 1e-30, 1e-8, 0.1])
    with np.errstate(divide="ignore"):
        exact = 1.0 / (x * (1.0 - x)) + np.where(x > 0.0, np.log(np.where(x > 0.0, x, 1.0)) / (1.0 - x) ** 2, 0.0)
        np.testing.assert_allclose(second(x), exact, rtol=1e-14)


@pytest.mark.parametrize("name", ["rel_entr", "kl_div"])
def test_relative_entropy_by_the_first_argument_at_the_edge(name: str) -> None:
    f = getattr(xp.special, name)
    with np.errstate(divide="ignore", invalid="ignore"):
        # f(h, 0) is infinite for every positive h, and f(h, 1) falls more steeply than any line.
        found = fn.grad(lambda x: f(x, np.array([0.0, 1.0, 0.5])).sum())(np.array([0.0, 0.0, 0.5]))
        masked = fn.grad(lambda x: xp.where(x > 0, f(x, np.array([0.0, 0.5])), 0.0).sum())(np.array([0.0, 0.5]))
    rest = 1.0 if name == "rel_entr" else 0.0
    np.testing.assert_array_equal(found, [inf, -inf, rest])
    np.testing.assert_array_equal(masked, [0.0, rest])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "at", "wanted"),
    [
        *(("rgamma", (-float(n),), (-1) ** n * factorial(n)) for n in range(4)),
        ("xlogy", (0.0, 0.0), 0.0),
        ("xlog1py", (0.0, -1.0), 0.0),
        ("rel_entr", (0.0, 0.0), 0.0),
        ("kl_div", (0.0, 0.0), 1.0),
        ("erfinv", (1.0,), inf),
        ("ndtri", (0.0,), inf),
        ("cbrt", (0.0,), inf),
        ("logit", (0.0,), inf),
        ("entr", (0.0,), inf),
        ("gammainc", (1.0, 0.0), 1.0),
        ("gammainc", (0.5, 0.0), inf),
        ("betainc", (1.0, 2.0, 0.0), 2.0),
        ("i0e", (0.0,), 0.0),
        ("i1e", (0.0,), 0.5),
        ("jv", (1, 0.0), 0.5),
        ("sinc", (0.0,), 0.0),
        ("spence", (1.0,), -1.0),
        ("spence", (0.25,), log(0.25) / 0.75),
        ("spence", (1e-30,), log(1e-30)),
        ("ellipk", (0.0,), pi / 8),
        ("pseudo_huber", (0.0, 2.0), 0.0),
        ("log_ndtr", (-1e3,), 1e3 + 1e-3),
        ("stdtr", (1.0, 0.0), 1 / pi),
    ],
)
def test_derivatives_by_the_last_argument_at_nasty_points(name: str, at: Any, wanted: float, dtype: str) -> None:
    *first, last = at
    fixed = [a if isinstance(a, int) else np.array(a, dtype) for a in first]

    def f(x: Any) -> Any:
        return getattr(xp.special, name)(*fixed, x)

    with np.errstate(all="ignore"):
        found = fn.grad(f)(np.array(last, dtype))
        _, tangent = fn.jvp(f, (np.array(last, dtype),), (np.array(1.0, dtype),))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=3e-7)
    np.testing.assert_allclose(tangent, wanted, rtol=3e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "pole"),
    [
        *((name, 0.0) for name in "gamma gammaln digamma k0 k1 y0 y1 exp1 expi cbrt entr ellipkm1 spence k1e".split()),
        *((name, 1.0) for name in "erfinv ndtri logit ellipk".split()),
        ("log_ndtr", -inf),
    ],
)
def test_a_zero_cotangent_annihilates_a_pole(name: str, pole: float, dtype: str) -> None:
    x = np.array([pole, 0.5], dtype=dtype)

    def f(x: Any) -> Any:
        return xp.sum(xp.where(x == pole, 0.0, getattr(xp.special, name)(x)))

    with np.errstate(all="ignore"):
        first = fn.grad(f)(x)
        second = fn.grad(lambda x: xp.sum(fn.grad(f)(x)))(x)
    assert first[0] == 0
    assert np.isfinite(first[1])
    assert second[0] == 0
    assert np.isfinite(second[1])


@pytest.mark.parametrize(
    ("name", "args", "position", "text"),
    [
        ("polygamma", (1.0, 0.5), 0, "the order is a whole number"),
        ("expn", (1.0, 0.5), 0, "the order is a whole number"),
        ("yn", (1.0, 0.5), 0, "the order is a whole number"),
        ("lpmv", (1.0, 2.0, 0.5), 0, "the order is a whole number"),
        ("lpmv", (1.0, 2.0, 0.5), 1, "no formula of the derivative by the degree holds for all arguments"),
    ],
)
def test_what_is_refused_says_why(name: str, args: tuple[float, ...], position: int, text: str) -> None:
    def f(v: Any) -> Any:
        return getattr(xp.special, name)(*(v if i == position else np.array(a) for i, a in enumerate(args)))

    v = np.array(args[position])
    with pytest.raises(NotDifferentiableError, match=text):
        fn.grad(f)(v)
    with pytest.raises(NotDifferentiableError, match=text):
        fn.jvp(f, (v,), (v,))


def test_the_density_of_students_distribution_far_out() -> None:
    t = np.array([1e3, -1e3])
    wanted = (1 + t * t / 4) ** -2.5 * 3 / 8
    np.testing.assert_allclose(fn.grad(lambda t: xp.special.stdtr(4.0, t).sum())(t), wanted, rtol=1e-12)


@pytest.mark.parametrize("backend", ["strict", "torch"])
def test_derivatives_stay_with_the_library(backend: str) -> None:
    pytest.importorskip({"strict": "array_api_strict"}.get(backend, backend), reason=f"no {backend}")
    like = fn.backends.get(backend)
    a, x = (like.asarray(v, dtype="float64") for v in ([2.0, 0.5], [0.3, 0.6]))

    def f(a: Any, x: Any) -> Any:
        there = x.__array_namespace__()
        return there.sum(there.special.gammainc(a, x) + there.special.erf(x) * there.special.betainc(a, 2.0, x))

    found = fn.grad(f, argnums=(0, 1))(a, x)
    wanted = fn.grad(f, argnums=(0, 1))(fn.to_numpy(a), fn.to_numpy(x))
    for ours, numpys in zip(found, wanted, strict=True):
        assert type(ours) is type(a)
        np.testing.assert_allclose(fn.to_numpy(ours), numpys, rtol=1e-9)


def test_the_normal_density_by_hand() -> None:
    x = np.array([-1.0, 0.0, 2.5])
    np.testing.assert_allclose(
        fn.grad(lambda x: xp.special.ndtr(x).sum())(x), np.exp(-x * x / 2) / sqrt(2 * pi), rtol=1e-15
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_second_derivatives_of_distributions_at_the_ends_of_their_range(dtype):
    a, x = np.array([1.0, 2.0, 3.0, 2.5], dtype), np.zeros(4, dtype)

    def gamma(x):
        return xp.sum(xp.special.gammainc(a, x))

    def beta(x):
        return xp.sum(xp.special.betainc(a, xp.flip(a), x))

    # The density of the first is x**(a - 1) exp(-x) / Gamma(a).
    np.testing.assert_allclose(fn.grad(gamma)(x), [1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(fn.hessian(gamma)(x), np.diag([-1.0, 1.0, 0.0, 0.0]), rtol=1e-6)
    np.testing.assert_allclose(fn.jvp(fn.grad(gamma), (x,), (x + 1,))[1], [-1.0, 1.0, 0.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(fn.grad(lambda x: xp.sum(fn.grad(lambda x: fn.grad(gamma)(x)[2])(x)))(x)[2], 1.0)
    # With parameters 1 and 2.5, 2 and 3, and so on: (1 - x)**1.5 / B(1, 2.5).
    for end, expected in ((0.0, [-3.75, 12.0, 0.0, 0.0]), (1.0, [0.0, 0.0, -12.0, 3.75])):
        found = fn.jit(fn.hessian(beta))(x + np.asarray(end, dtype))
        np.testing.assert_allclose(found, np.diag(expected), rtol=1e-5)
