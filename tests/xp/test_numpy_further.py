"""NumPy's functions that are compositions here: values against NumPy itself, derivatives against differences."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.errors import TracerConversionError, UnsupportedFunctionError
from funcnet.testing import numerical_grad
from funcnet.xp import numpy_further

rng = np.random.default_rng(0)
X, Y, P = rng.normal(size=6), rng.normal(size=6), rng.uniform(0.5, 2.0, size=4)
A, B = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
HOLES = A.copy()
HOLES[[0, 2, 2], [1, 0, 2]] = np.nan
K = np.array([0.2, -0.5, 0.3])
LEVELS = np.array([0.1, 0.5, 0.77])


def copied(function):
    """Return the function of a copy, so that it may write into its argument."""

    def f(x, *args):
        y = x + 0.0 * sum(a.sum() for a in args)
        function(y, *args)
        return y

    return f


#: Name of the function, a use of it, its arguments; the derivative is by all of them.
CASES = [
    ("apply_along_axis", lambda a: np.apply_along_axis(lambda r: np.outer(r, r**2), 0, a), (A,)),
    ("apply_along_axis", lambda a: np.apply_along_axis(lambda r: (r**2).sum(), 1, a), (A,)),
    ("apply_along_axis", lambda a: np.apply_along_axis(lambda r: 2.5, 1, a) * a[:, 0], (A,)),
    ("apply_over_axes", lambda a: np.apply_over_axes(np.sum, a**2, [0, -1]), (A,)),
    ("astype", lambda x: np.astype(x, np.float64) ** 2, (X,)),
    ("choose", lambda a, b: np.choose(np.array([0, 1, 0]), [a[0], b[1]]), (A, B)),
    ("compress", lambda a: np.compress([True, False, True], a, axis=1), (A,)),
    ("compress", lambda a: np.compress(a > 0, a**2), (A[0],)),
    ("copyto", copied(lambda y, x: np.copyto(y, x**2, where=np.arange(6) > 2)), (X, Y)),
    ("copyto", copied(lambda y: np.copyto(y[0], 3.0)), (A,)),
    ("correlate", lambda x, v: np.correlate(x, v), (X, K)),
    ("correlate", lambda x, v: np.correlate(x, v, "same"), (X, K)),
    ("correlate", lambda x, v: np.correlate(x, v, "full"), (K, X)),
    ("cross", lambda a, b: np.cross(a, b), (A, B)),
    ("cross", lambda a, b: np.cross(a, b, axis=0), (A.T, B.T)),
    ("cumulative_prod", lambda x: np.cumulative_prod(x), (X,)),
    ("cumulative_sum", lambda x: np.cumulative_sum(x, axis=0, include_initial=True), (A,)),
    ("diagflat", lambda a: np.diagflat(a, 1), (A[:2],)),
    ("divmod", lambda x: np.divmod(x, 0.7)[1] + np.divmod(x, 0.7)[0], (X,)),
    ("ediff1d", lambda x: np.ediff1d(x, to_begin=[1.0, 2.0], to_end=x[0]), (X,)),
    ("extract", lambda x: np.extract(x > 0, x**2), (X,)),
    ("fill_diagonal", copied(lambda y: np.fill_diagonal(y, 2.0)), (A,)),
    ("fix", lambda x: np.fix(3 * x) + x, (X,)),
    ("fmax", lambda x, y: np.fmax(x, y), (HOLES, B)),
    ("fmin", lambda x, y: np.fmin(x, y), (B, HOLES)),
    ("fmod", lambda x, y: np.fmod(5 * x, y), (X, np.sign(Y) * (1 + Y**2))),
    # A Python number alone is in double precision for NumPy.
    ("fmod", lambda x: np.fmod(5 * x, 0.3), (X,)),
    ("geomspace", lambda a: np.geomspace(a, 2.3, 4, endpoint=False) + np.geomspace(-a, -2.3, 4), (P,)),
    ("logspace", lambda a: np.logspace(0.1, 1.3, 3, base=a[0]) + np.logspace(0.1, a[:3], 3).sum(axis=1), (P,)),
    ("geomspace", lambda a, b: np.geomspace(a, b, 4, axis=1), (P, P + 1)),
    ("i0", lambda x: np.i0(x), (X,)),
    ("sliding_window_view", lambda a: np.lib.stride_tricks.sliding_window_view(a, (2, 3)) ** 2, (A,)),
    ("sliding_window_view", lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, axis=-1) ** 3, (A,)),
    ("sliding_window_view", lambda a: np.lib.stride_tricks.sliding_window_view(a, (2, 2), axis=(0, 0)) ** 3, (A,)),
    ("heaviside", lambda x, h: np.heaviside(x, h) + np.heaviside(0 * x, h), (X, Y)),
    ("ldexp", lambda x: np.ldexp(x, np.array([2, -1, 0, 3, 1, 2])), (X,)),
    ("logaddexp2", lambda x, y: np.logaddexp2(x, y), (X, Y)),
    ("logspace", lambda a: np.logspace(a, 2 * a, 3, base=2.0), (P,)),
    ("matvec", lambda a, v: np.matvec(a, v), (A, K)),
    ("modf", lambda x: np.modf(3 * x)[0] + np.modf(3 * x)[1], (X,)),
    ("nancumprod", lambda a: np.nancumprod(a, axis=1), (HOLES,)),
    ("nancumsum", lambda a: np.nancumsum(a), (HOLES,)),
    ("nanpercentile", lambda a: np.nanpercentile(a, 100 * LEVELS), (HOLES,)),
    ("nanpercentile", lambda a: np.nanpercentile(a, 30, axis=0, keepdims=True), (HOLES,)),
    ("nanquantile", lambda a: np.nanquantile(a, LEVELS, axis=1), (HOLES,)),
    ("nanquantile", lambda a, q: np.nanquantile(a, q, axis=(0, 1)), (HOLES, LEVELS)),
    ("partition", lambda x: np.sort(np.partition(x, 3)[:3]), (X,)),
    ("argpartition", lambda x: np.sort(x[np.argpartition(x, 3)[:3]]), (X,)),
    ("piecewise", lambda x: np.piecewise(x, [x < 0, x > 0.5], [np.exp, lambda t: t**2, 1.5]), (X,)),
    ("piecewise", lambda x: np.piecewise(x, x < 0, [np.exp, lambda t: np.sqrt(t)]), (X,)),
    ("poly", lambda x: np.poly(x), (P,)),
    ("polyadd", lambda p, q: np.polyadd(p, q), (P, K)),
    ("polyder", lambda p: np.polyder(p, 2), (P,)),
    ("polyfit", lambda x, y: np.polyfit(x, y, 2), (X, Y)),
    ("polyfit", lambda x, y, w: np.polyfit(x, np.stack([y, y**2], axis=1), 1, w=w), (X, Y, np.abs(X) + 1)),
    ("polyint", lambda p: np.polyint(p, 2, [1.0, 2.0]), (P,)),
    ("polyint", lambda p: np.polyint(p), (P,)),
    ("polymul", lambda p, q: np.polymul(p, q), (P, K)),
    ("polymul", lambda p: np.polymul(np.pad(p, (2, 0)), p), (P,)),
    ("polysub", lambda p, q: np.polysub(q, p), (P, K)),
    ("place", copied(lambda y: np.place(y, A > 0, y[1] ** 2)), (A,)),
    ("place", copied(lambda y: np.place(y, y > 0, [1.0, 2.0])), (A,)),
    ("put", copied(lambda y: np.put(y, [1, -1], 9.0)), (A,)),
    ("put", copied(lambda y, x: np.put(y, [[0, 2, 1], [5, 4, 7]], x[:2] ** 2)), (A, X)),
    ("put_along_axis", copied(lambda y: np.put_along_axis(y, np.array([[0], [1], [2], [0]]), 9.0, axis=1)), (A,)),
    ("putmask", copied(lambda y, x: np.putmask(y, y > 0, x**2)), (X, Y)),
    ("resize", lambda x: np.resize(x, (4, 2)), (X,)),
    ("roots", lambda p: np.abs(np.roots(p)).sum(), (P,)),
    ("rollaxis", lambda a: np.rollaxis(np.stack([a, a**2]), 2, 1), (A,)),
    ("union1d", lambda x, y: np.union1d(x, y), (X, Y)),
    ("unique_values", lambda x: np.unique_values(x), (X,)),
    ("unwrap", lambda x: np.unwrap(5 * x) ** 2, (X,)),
    ("unwrap", lambda a: np.unwrap(5 * a, axis=0, period=3.0) ** 2, (A,)),
    ("vecmat", lambda v, a: np.vecmat(v, a), (P, A)),
]
#: What has no derivative, but is asked of traced arrays on the way.
ANSWERS = [
    ("array_repr", lambda x: np.array_repr(x).startswith("traced("), True),
    ("array_str", lambda x: np.array_str(x).startswith("traced("), True),
    ("array2string", lambda x: np.array2string(x).startswith("traced("), True),
    ("can_cast", lambda x: np.can_cast(x.dtype, np.float32), False),
    ("common_type", lambda x: np.common_type(x, np.zeros(1, np.float32)) is np.float64, True),
    ("diag_indices_from", lambda x: len(np.diag_indices_from(x[:2][:, None] * x[:2])), 2),
    ("digitize", lambda x: np.digitize(x, np.array([-0.5, 0.5])).tolist(), np.digitize(X, [-0.5, 0.5]).tolist()),
    ("digitize", lambda x: np.digitize(x, np.array([1, -1]), True).tolist(), np.digitize(X, [1, -1], True).tolist()),
    ("iscomplex", lambda x: bool(np.iscomplex(x).any()), False),
    ("iscomplex", lambda x: bool(np.iscomplex(x + 1j).all()), True),
    ("isin", lambda x: np.isin(x, [X[1], X[4]]).tolist(), [False, True, False, False, True, False]),
    ("isin", lambda x: np.isin(x, X[:2], invert=True).tolist(), [False, False, True, True, True, True]),
    ("isneginf", lambda x: bool(np.isneginf(np.where(x > 1, -np.inf, x)).any()), bool((X > 1).any())),
    ("isposinf", lambda x: bool(np.isposinf(np.where(x < 0, np.inf, x)).any()), True),
    ("isreal", lambda x: bool(np.isreal(x).all()), True),
    ("isreal", lambda x: bool(np.isreal(x + 1j).any()), False),
    ("lexsort", lambda x: np.lexsort((x, x > 0)).tolist(), np.lexsort((X, X > 0)).tolist()),
    ("lexsort", lambda x: np.lexsort(([1, 0, 0], x[:3], [0, 0, 1])).tolist(), [*np.argsort(X[:2]), 2]),
    (
        "lexsort",
        lambda x: np.lexsort(x.reshape(3, 2, 1) > 0, axis=0).tolist(),
        np.lexsort(X.reshape(3, 2, 1) > 0, axis=0).tolist(),
    ),
    ("min_scalar_type", lambda x: np.min_scalar_type(x), np.dtype(float)),
    ("nanargmax", lambda x: int(np.nanargmax(np.where(x > 1, np.nan, x))), int(np.argmax(np.where(X > 1, -9, X)))),
    ("nanargmin", lambda x: int(np.nanargmin(np.where(x < 0, np.nan, x))), int(np.argmin(np.where(X < 0, 9, X)))),
    ("result_type", lambda x: np.result_type(x, np.float32, 1.0), np.dtype(float)),
    ("tril_indices_from", lambda x: len(np.tril_indices_from(x[:, None] * x)[0]), 21),
    ("triu_indices_from", lambda x: len(np.triu_indices_from(x[:, None] * x, 1)[0]), 15),
    ("unique_all", lambda x: np.unique_all(x).indices.tolist(), np.argsort(X).tolist()),
    ("unique_counts", lambda x: np.unique_counts(x).counts.tolist(), [1] * 6),
    ("unique_inverse", lambda x: np.unique_inverse(x).inverse_indices.tolist(), np.argsort(np.argsort(X)).tolist()),
]


@pytest.mark.parametrize(("f", "args"), [c[1:] for c in CASES], ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_values_and_derivatives(f, args):
    expected = f(*args)
    value, _ = fn.vjp(f, *args)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
    assert value.dtype == expected.dtype
    if any(np.isnan(a).any() for a in args):
        return
    weights = np.random.default_rng(1).normal(size=expected.shape)
    for i, arg in enumerate(args):
        part = lambda a, i=i: (weights * f(*args[:i], a, *args[i + 1 :])).sum()  # noqa: E731
        np.testing.assert_allclose(fn.grad(part)(arg), numerical_grad(part, arg), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", ["fmax", "fmin", "nancumsum", "nancumprod", "nanquantile"])
def test_missing_values_get_no_derivative_and_spoil_none(name):
    function = getattr(np, name)
    f = {"fmax": lambda a: function(a, B), "fmin": lambda a: function(a, B)}.get(
        name, (lambda a: function(a, 0.3, axis=0)) if name == "nanquantile" else function
    )
    found = fn.grad(lambda a: (f(a) ** 2).sum())(HOLES)
    here = ~np.isnan(HOLES)
    # Differences by the others, one at a time.
    for i, j in zip(*np.nonzero(here), strict=True):
        step = np.zeros_like(HOLES)
        step[i, j] = 1e-6
        wanted = ((f(HOLES + step) ** 2).sum() - (f(HOLES - step) ** 2).sum()) / 2e-6
        np.testing.assert_allclose(found[i, j], wanted, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(found[~here], 0.0)


@pytest.mark.parametrize(
    ("f", "expected"), [a[1:] for a in ANSWERS], ids=[f"{a[0]}-{i}" for i, a in enumerate(ANSWERS)]
)
def test_answers(f, expected):
    answers = []

    def program(x):
        answers.append(f(x))
        return x.sum()

    fn.grad(program)(X)
    assert answers == [expected]


def test_every_function_of_the_tables_is_tested():
    tested = {c[0] for c in CASES} | {a[0] for a in ANSWERS}
    assert tested == set(numpy_further.FUNCTIONS) | set(numpy_further.UFUNCS)


@pytest.mark.parametrize(
    ("f", "name", "write"),
    [
        (lambda x: np.frexp(x)[0].sum(), "numpy.frexp", r"numpy.frexp\(fn.stop_gradient\(x\)\)\[1\]"),
        (lambda x: np.histogram2d(x, x)[0].sum(), "numpy.histogram2d", "xp.segment_sum"),
        (lambda x: np.trim_zeros(x).sum(), "numpy.trim_zeros", r"x\[a:b\]"),
        (lambda x: np.shares_memory(x, x), "numpy.shares_memory", "share no memory"),
        (lambda x: np.save("nowhere.npy", x), "numpy.save", "outside"),
        (lambda x: np.polydiv(x, x)[0].sum(), "numpy.polydiv", "funcnet.xp"),
        (lambda x: np.polyfit(x, x, 1, full=True), "numpy.polyfit with full= or cov=", "funcnet.xp"),
        (lambda x: np.nanquantile(x, 0.5, method="lower"), "numpy.nanquantile with another method", "funcnet.xp"),
        (lambda x: np.choose(np.array([0]), [x], mode="clip").sum(), "numpy.choose with mode=", "funcnet.xp"),
        (lambda x: np.fill_diagonal(x, 1.0), "numpy.fill_diagonal of other than two", "funcnet.xp"),
        (lambda x: np.put_along_axis(x, np.array([0]), 1.0, None), "numpy.put_along_axis with axis=None", "funcnet.xp"),
    ],
)
def test_refusals_say_what_to_write(f, name, write):
    with pytest.raises((UnsupportedFunctionError, TracerConversionError), match=rf"(?s){name}.*write:.*{write}"):
        fn.grad(f)(X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.copyto(np.zeros(6), x),
        lambda x: np.putmask(np.zeros(6), x > 0, x),
        lambda x: np.put_along_axis(np.zeros(6), np.array([0]), x[:1], 0),
    ],
    ids=["copyto", "putmask", "put_along_axis"],
)
def test_plain_arrays_receive_no_traced_values(f):
    with pytest.raises(TracerConversionError, match=r"fn.lift\(a\)"):
        fn.grad(lambda x: (f(x), x.sum())[1])(X)
