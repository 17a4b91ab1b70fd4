"""Values and derivatives of the extras at kinks, poles and other awkward points, and their data types."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import ops, xp
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.numerical import numerical_grad


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sinc_at_zero(dtype: str) -> None:
    f: Any = xp.sinc
    for expected in (1.0, 0.0, -(np.pi**2) / 3, 0.0, np.pi**4 / 5):
        y = f(np.array(0.0, dtype))
        assert y.dtype == dtype
        np.testing.assert_allclose(y, expected, rtol=1e-6 if dtype == "float32" else 1e-14, atol=1e-12)
        f = fn.grad(f)


def test_sinc_where_the_series_ends(jax64: Any) -> None:
    # The exact derivatives of sin(u) / u in u = pi x, times pi**n.
    x = np.concatenate([np.linspace(-2.0, 2.0, 41), [1e-9, 1e-4, 1 / np.pi, 2 / np.pi, 3 / np.pi, 50.5]])
    u = np.pi * x
    f, far = xp.sinc, np.abs(x) > 0.5
    np.testing.assert_allclose(f(x), np.sinc(x), rtol=1e-14, atol=1e-16)
    s, c, v = np.sin(u[far]), np.cos(u[far]), u[far]
    first = np.pi * (c / v - s / v**2)
    second = np.pi**2 * (-s / v - 2 * c / v**2 + 2 * s / v**3)
    third = np.pi**3 * (-c / v + 3 * s / v**2 + 6 * c / v**3 - 6 * s / v**4)
    for expected in (first, second, third):
        f = (lambda g: lambda x: fn.grad(lambda x: g(x).sum())(x))(f)
        np.testing.assert_allclose(f(x)[far], expected, rtol=1e-11, atol=1e-11)
    near = np.linspace(-0.3, 0.3, 7)
    check_grads(xp.sinc, [near], order=3)
    # JAX has the first derivative right.
    expected = jax64.vmap(jax64.grad(jax64.numpy.sinc))(near)
    np.testing.assert_allclose(fn.grad(lambda x: xp.sinc(x).sum())(near), np.asarray(expected), rtol=1e-7, atol=1e-12)


def test_sinc_of_complex_numbers() -> None:
    z = np.array([0.0, 0.1 + 0.2j, 1.0 - 1.0j, 2.0])
    u = np.where(z == 0, 1.0, np.pi * z)
    np.testing.assert_allclose(xp.sinc(z), np.where(z == 0, 1.0, np.sin(u) / u), rtol=1e-13, atol=1e-15)
    check_grads(xp.sinc, [z[1:]])


def test_quantiles_at_infinities() -> None:
    inf = np.inf
    assert xp.median(np.array([inf, inf])) == inf
    assert xp.median(np.array([-inf, -inf, 3.0, inf])) == -inf
    assert xp.quantile(np.array([1.0, inf]), 0.0) == 1.0
    assert np.isnan(xp.median(np.array([1.0, np.nan, 2.0])))
    np.testing.assert_array_equal(fn.grad(xp.median)(np.array([1.0, inf, inf])), [0.0, 1.0, 0.0])


def test_quantiles_of_a_constant_are_exact() -> None:
    x = np.full(7, 0.1)
    assert all(xp.quantile(x, q) == 0.1 for q in np.linspace(0, 1, 31))


PLOTTING = ["hazen", "interpolated_inverted_cdf", "median_unbiased", "normal_unbiased", "weibull"]
JUMPING = ["averaged_inverted_cdf", "closest_observation", "inverted_cdf"]


@pytest.mark.parametrize("n", range(1, 9))
def test_places_of_quantiles(n: int) -> None:
    x = np.random.default_rng(n).normal(size=n)
    for method in ("linear", "lower", "higher", "midpoint", "nearest", *PLOTTING, *JUMPING):
        q = np.linspace(0, 1, 17)
        np.testing.assert_allclose(xp.quantile(x, q, method=method), np.quantile(x, q, method=method), rtol=1e-13)
        np.testing.assert_allclose(
            ops.stack([xp.quantile(x, float(p), method=method) for p in q]),
            np.quantile(x, q, method=method),
            rtol=1e-13,
        )


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_traced_quantiles(method: str, jax64: Any) -> None:
    x, q = np.random.default_rng(0).normal(size=(3, 6)), np.array([0.13, 0.55])
    w = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 4.0]])

    def value(namespace: Any, x: Any, q: Any) -> Any:
        return (namespace.quantile(x, q, axis=1, method=method) * w).sum()

    for i in (0, 1):
        found = fn.vjp(lambda x, q: value(xp, x, q), x, q)[1](np.array(1.0))[i]
        expected = jax64.grad(lambda x, q: value(jax64.numpy, x, q), i)(x, q)
        np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method", PLOTTING + JUMPING)
def test_traced_quantiles_by_other_rules(method: str) -> None:
    x, q = np.random.default_rng(0).normal(size=(3, 6)), np.array([0.01, 0.13, 0.47, 0.55, 0.98])
    w = np.random.default_rng(1).normal(size=(5, 3))

    def value(x: Any, q: Any) -> Any:
        return (np.quantile(x, q, axis=1, method=method) * w).sum()

    found, pull = fn.vjp(value, x, q)
    assert found == pytest.approx(value(x, q), rel=1e-13)
    gradients = pull(np.array(1.0))
    np.testing.assert_allclose(gradients[0], numerical_grad(lambda x: value(x, q), x), rtol=1e-7, atol=1e-9)
    if method in JUMPING:
        np.testing.assert_array_equal(gradients[1], 0.0)
    else:
        slopes = [(value(x, q + d) - value(x, q - d)) / 2e-6 for d in 1e-6 * np.eye(5)]
        np.testing.assert_allclose(gradients[1], slopes, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", ["median", "nanmedian", "nanmax", "nanmin", "nanmean", "nanstd", "nanvar", "nansum"])
def test_nan_gets_no_derivative(name: str, jax64: Any) -> None:
    x = np.array([[3.0, 1.0, 2.0, 5.0], [1.0, np.nan, 7.0, 3.0]])
    found = fn.grad(lambda x: getattr(xp, name)(x, axis=1).sum())(x[1:] if name != "median" else x[:1])
    expected = jax64.grad(lambda x: getattr(jax64.numpy, name)(x, axis=1).sum())(x[1:] if name != "median" else x[:1])
    assert np.isfinite(found).all()
    if name != "nanstd":  # JAX gives NaN there.
        np.testing.assert_allclose(found, np.nan_to_num(np.asarray(expected)), rtol=1e-12)


def test_of_nan_alone() -> None:
    x = np.array([np.nan, np.nan])
    for name, value in {"nansum": 0.0, "nanprod": 1.0, "nanmax": np.nan, "nanmean": np.nan, "nanstd": np.nan}.items():
        np.testing.assert_array_equal(getattr(xp, name)(x), value)
        np.testing.assert_array_equal(fn.grad(getattr(xp, name))(x), [0.0, 0.0])


def test_nanstd_of_a_constant() -> None:
    x = np.array([2.0, np.nan, 2.0])
    np.testing.assert_array_equal(fn.grad(xp.nanstd)(x), np.zeros(3))
    np.testing.assert_array_equal(fn.grad(lambda x: fn.grad(xp.nanstd)(x).sum())(x), np.zeros(3))
    check_grads(lambda x: xp.nanstd(ops.concat([x, np.array([np.nan])])), [np.array([1.0, 2.0, 4.0])])


def test_integers_hold_no_nan() -> None:
    x = np.array([3, 1, 2])
    assert xp.nanmax(x) == 3
    assert xp.nansum(x) == 6
    assert xp.nan_to_num(x) is x
    assert xp.nanmean(x).dtype == np.float32
    with fn.use_backend(dtype="float64"):
        assert xp.median(x).dtype == np.float64


def test_complex_nan() -> None:
    z = np.array([1.0 + 2.0j, np.nan, 3.0 - 1.0j])
    for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd"):
        np.testing.assert_allclose(getattr(xp, name)(z), getattr(np, name)(z), rtol=1e-13)
    z = np.array([complex(np.nan, np.inf), 1j])
    np.testing.assert_array_equal(xp.nan_to_num(z), np.nan_to_num(z))


def test_nan_to_num() -> None:
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(xp.nan_to_num(x), np.nan_to_num(x))
    given = {"nan": 3.0, "posinf": 4.0, "neginf": 5.0}
    np.testing.assert_array_equal(xp.nan_to_num(x, **given), np.nan_to_num(x, **given))
    np.testing.assert_array_equal(fn.grad(lambda x: xp.nan_to_num(x).sum())(x), [1.0, 0.0, 0.0, 0.0])


def test_interp_at_points_and_outside(jax64: Any) -> None:
    px, py = np.array([0.0, 1.0, 3.0]), np.array([0.0, 10.0, 0.0])
    x = np.array([-np.inf, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, np.inf])
    np.testing.assert_array_equal(xp.interp(x, px, py), np.interp(x, px, py))
    slopes = fn.grad(lambda x: xp.interp(x, px, py).sum())(x)
    np.testing.assert_array_equal(slopes, [0.0, 0.0, 10.0, -5.0, -5.0, -5.0, 0.0, 0.0])
    for i in (1, 2):
        found = fn.grad(lambda *a: xp.interp(*a).sum(), i)(x, px, py)
        assert np.isfinite(found).all()
        expected = jax64.grad(lambda *a: jax64.numpy.interp(*a).sum(), i)(x[1:-1], px, py)
        inner = fn.grad(lambda *a: xp.interp(*a).sum(), i)(x[1:-1], px, py)
        np.testing.assert_allclose(inner, np.asarray(expected), rtol=1e-12)
    assert np.isnan(xp.interp(np.array(np.nan), px, py))


def test_interp_of_points_that_coincide() -> None:
    for px in ([0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 1.0, 1.0]):
        x, p, f = np.array([0.5, 1.0, 1.5]), np.array(px), np.array([1.0, 2.0, 4.0, 8.0])
        np.testing.assert_array_equal(xp.interp(x, p, f), np.interp(x, p, f))
        assert all(np.isfinite(g).all() for g in fn.vjp(xp.interp, x, p, f)[1](np.ones(3)))
    np.testing.assert_array_equal(xp.interp(np.array([0.0, 3.0, 9.0]), np.array([3.0]), np.array([7.0])), [7.0] * 3)
    z = np.array([1j, 2.0, 3.0])
    np.testing.assert_allclose(xp.interp(np.array(0.5), np.arange(3.0), z), np.interp(0.5, np.arange(3.0), z))


def test_pad_of_traced_constants() -> None:
    x, c = np.ones((2, 3)), np.array([[1.0, 2.0], [3.0, 4.0]])
    check_grads(lambda x, c: xp.pad(x, ((1, 2), (0, 5)), constant_values=c), [x, c])
    np.testing.assert_array_equal(
        fn.grad(lambda c: xp.pad(x, ((1, 2), (0, 5)), constant_values=c).sum())(c), [[3.0, 6.0], [0.0, 25.0]]
    )
    assert xp.pad(np.array([1, 2]), 1, constant_values=3).dtype == np.int64


def test_corners_of_pad() -> None:
    x = np.zeros((1, 1))
    np.testing.assert_array_equal(
        xp.pad(x, 1, constant_values=((1, 2), (3, 4))), np.pad(x, 1, constant_values=((1, 2), (3, 4)))
    )


def test_histogram() -> None:
    x = np.array([0.0, 1.0, 2.5, 3.0, 9.0])
    counts, edges = xp.histogram(x, [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(counts, [1, 1, 2])
    assert counts.dtype == np.int64
    assert edges.dtype == np.float64
    np.testing.assert_array_equal(xp.histogram(np.ones(3), 4)[1], np.histogram(np.ones(3), 4)[1])
    np.testing.assert_array_equal(xp.histogram(np.ones(0), 4)[0], np.zeros(4))
    w = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    np.testing.assert_array_equal(xp.histogram(x, [0.0, 2.0, 3.0], weights=w)[0], [3.0, 7.0])
    weighted = fn.grad(lambda w: xp.histogram(x, [0.0, 2.0, 3.0], weights=w)[0][1])(w)
    np.testing.assert_array_equal(weighted, [0.0, 0.0, 1.0, 1.0, 0.0])
    y = np.random.default_rng(0).normal(size=12)
    check_grads(lambda y: xp.histogram(y, 5, density=True), [y])


def test_segments() -> None:
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(xp.segment_sum(x, np.array([1, 1, 0])), [[4.0, 5.0], [2.0, 4.0]])
    np.testing.assert_array_equal(xp.segment_sum(x[:0], np.zeros(0, int)), np.zeros((0, 2)))
    g = fn.grad(lambda x: (xp.segment_sum(x, [1, 1, 0], num_segments=4)[1] * np.array([1.0, 2.0])).sum())(x)
    np.testing.assert_array_equal(g, [[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])


@pytest.mark.parametrize("case", [p for p in backend_params() if p.id != "strict-no-x64"])
@pytest.mark.requirement("P77")
def test_one_hot(case: BackendCase) -> None:
    classes = np.array([[0, 2], [5, 1]])
    expected = (classes[..., None] == np.arange(3)).astype(np.float32)
    with case.active():
        x = case.asarray(classes)
        for axis in (-1, 0, 1):
            y = case.to_numpy(xp.one_hot(x, 3, axis=axis))
            assert y.dtype == np.float32
            np.testing.assert_array_equal(y, np.moveaxis(expected, -1, axis))
        assert case.to_numpy(xp.one_hot(x, 3, dtype="bool")).dtype == bool


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.requirement("D132")
def test_closeness(case: BackendCase) -> None:
    nan, inf = np.nan, np.inf
    a = np.array([1.0, nan, inf, -inf, 0.0, 1e-9, 1.0, 2.0], np.float32)
    b = np.array([1.0 + 1e-7, nan, inf, inf, inf, 0.0, 1.1, 2.0], np.float32)
    with case.active():
        x, y = case.asarray(a), case.asarray(b)
        for equal_nan in (False, True):
            found = case.to_numpy(xp.isclose(x, y, equal_nan=equal_nan))
            np.testing.assert_array_equal(found, np.isclose(a, b, equal_nan=equal_nan))
        assert not bool(xp.allclose(x, y))
        assert bool(xp.allclose(x[:1], y[:1]))
        assert bool(xp.array_equal(x, x, equal_nan=True))
        assert not bool(xp.array_equal(x, x))
        assert not bool(xp.array_equal(x, x[:2]))
        assert bool(xp.array_equal(x[2:], x[2:]))


@pytest.mark.parametrize("case", backend_params())
def test_angle(case: BackendCase) -> None:
    x = np.array([1.0, -2.0, 0.0], np.float32)
    z = np.array([1.0 + 1.0j, -1.0j, -2.0], np.complex64)
    with case.active():
        np.testing.assert_allclose(case.to_numpy(xp.angle(case.asarray(x))), np.angle(x), rtol=1e-6)
        if "complex64" in case.dtypes():
            np.testing.assert_allclose(case.to_numpy(xp.angle(case.asarray(z))), np.angle(z), rtol=1e-6)
    check_grads(xp.angle, [z.astype(complex)[:2]])
    np.testing.assert_array_equal(fn.grad(lambda x: xp.angle(x).sum())(x), np.zeros(3))


def test_values_that_are_not_chosen_do_no_harm() -> None:
    x = np.array([-1.0, 0.0, 4.0])
    roots = fn.grad(lambda x: xp.apply_where(x > 0, x, ops.sqrt, lambda x: x * 3.0).sum())(x)
    np.testing.assert_array_equal(roots, [3.0, 3.0, 0.25])
    chosen = fn.grad(lambda x: xp.select([x > 0], [ops.sqrt(ops.where(x > 0, x, 1.0))], x).sum())(x)
    np.testing.assert_array_equal(chosen, [1.0, 1.0, 0.25])
    y = xp.apply_where(x > 0, x, lambda x, *, k: x * k, fill_value=0.0, kwargs={"k": 2.0})
    np.testing.assert_array_equal(y, [0.0, 0.0, 8.0])
    fill = fn.grad(lambda c: xp.apply_where(x > 0, x, ops.sqrt, fill_value=c).sum())(np.array(1.0))
    assert fill == 2.0


def test_polynomials_at_zero() -> None:
    p, x = np.array([2.0, 3.0, 5.0]), np.array(0.0)
    np.testing.assert_array_equal(fn.grad(xp.polyval)(p, x), [0.0, 0.0, 1.0])
    assert fn.grad(xp.polyval, 1)(p, x) == 3.0
    assert fn.grad(fn.grad(xp.polyval, 1), 1)(p, x) == 4.0
    np.testing.assert_array_equal(xp.polyval(p[:0], np.ones(2)), np.zeros(2))
    np.testing.assert_array_equal(fn.grad(lambda x: xp.vander(x, 4).sum())(np.array([0.0, 1.0])), [1.0, 6.0])
    assert xp.vander(np.ones(2), 0).shape == (2, 0)


def test_cov_of_complex_and_weighted() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3, 6)) + 1j * rng.normal(size=(3, 6))
    f, a = np.array([1, 2, 3, 1, 1, 2]), rng.random(6)
    np.testing.assert_allclose(xp.cov(z), np.cov(z), rtol=1e-12)
    np.testing.assert_allclose(xp.corrcoef(z), np.corrcoef(z), rtol=1e-12)
    for given in ({"fweights": f}, {"aweights": a}, {"fweights": f, "aweights": a}):
        np.testing.assert_allclose(xp.cov(z.real, **given), np.cov(z.real, **given), rtol=1e-12)
    check_grads(lambda x, a: xp.cov(x, aweights=a, fweights=f), [z.real, a])
    assert xp.corrcoef(z.real[0]) == 1.0


def test_against_jax(jax64: Any) -> None:
    rng = np.random.default_rng(1)
    x, v, w = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=4)
    programs: dict[str, Any] = {
        "convolve": lambda n, x, v, w: (n.convolve(v, w, mode="same") ** 2).sum(),
        "pad": lambda n, x, v, w: (n.pad(x, ((1, 2), (2, 4)), "reflect") ** 2).sum(),
        "median": lambda n, x, v, w: (n.median(x, axis=0) ** 2).sum(),
        "corrcoef": lambda n, x, v, w: (n.corrcoef(x) ** 3).sum(),
        "interp": lambda n, x, v, w: (n.interp(x, n.sort(v), v) ** 2).sum(),
    }
    for name, program in programs.items():
        for i in range(3):
            try:
                found = fn.grad(lambda *a, program=program: program(xp, *a), i)(x, v, w)
            except fn.errors.IndependentOutputError:
                continue
            expected = jax64.grad(lambda *a, program=program: program(jax64.numpy, *a), i)(x, v, w)
            np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-9, atol=1e-10, err_msg=name)
