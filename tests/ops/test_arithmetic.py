from collections.abc import Callable
from math import inf, log
from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.errors import ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

Measure = Callable[..., tuple[float, list[float], list[list[float]]]]
FLAT2 = [[0.0, 0.0], [0.0, 0.0]]
FLAT3 = [[0.0] * 3] * 3


@pytest.mark.parametrize(("function", "y"), [(ops.maximum, 1.0), (ops.minimum, 1.0)])
@pytest.mark.requirement("P10")
def test_extrema_share_ties(function: Any, y: float, derivatives: Measure) -> None:
    assert derivatives(function, 1.0, 1.0) == (y, [0.5, 0.5], FLAT2)


def test_extrema_away_from_ties(derivatives: Measure) -> None:
    assert derivatives(ops.maximum, 1.0, 3.0) == (3.0, [0.0, 1.0], FLAT2)
    assert derivatives(ops.minimum, 1.0, 3.0) == (1.0, [1.0, 0.0], FLAT2)
    assert derivatives(ops.maximum, inf, inf) == (inf, [0.5, 0.5], FLAT2)
    assert derivatives(lambda x: ops.maximum(x, 0.0), 0.0) == (0.0, [0.5], [[0.0]])
    assert derivatives(lambda x: ops.minimum(2, x), 1.0) == (1.0, [1.0], [[0.0]])


def test_extrema_with_a_few_ties_in_an_array() -> None:
    x, other = np.array([1.0, 2.0, 3.0]), np.array([[2.0], [3.0]])
    da, db = vjp(ops.maximum, x, other)[1](np.ones((2, 3)))
    np.testing.assert_array_equal(da, [0, 0.5, 1.5])
    np.testing.assert_array_equal(db, [[1.5], [2.5]])


@pytest.mark.parametrize(
    ("x", "low", "high", "y", "gradient"),
    [
        (0.5, 0.0, 1.0, 0.5, [1.0, 0.0, 0.0]),
        (0.0, 0.0, 1.0, 0.0, [1.0, 0.0, 0.0]),
        (1.0, 0.0, 1.0, 1.0, [1.0, 0.0, 0.0]),
        (1.0, 1.0, 1.0, 1.0, [1.0, 0.0, 0.0]),
        (-1.0, 0.0, 1.0, 0.0, [0.0, 1.0, 0.0]),
        (2.0, 0.0, 1.0, 1.0, [0.0, 0.0, 1.0]),
        (0.5, 2.0, 1.0, 1.0, [0.0, 0.0, 1.0]),
        (-1.0, 1.0, 1.0, 1.0, [0.0, 1.0, 0.0]),
    ],
)
@pytest.mark.requirement("D64")
def test_clip(x: float, low: float, high: float, y: float, gradient: list[float], derivatives: Measure) -> None:
    assert derivatives(ops.clip, x, low, high) == (y, gradient, FLAT3)
    assert derivatives(lambda v: ops.clip(v, low, high), x) == (y, gradient[:1], [[0.0]])
    if low <= high:
        assert derivatives(lambda v: ops.clip(v, min=low), x)[1] == [float(x >= low)]
        assert derivatives(lambda v: ops.clip(v, max=high), x)[1] == [float(x <= high)]
        assert derivatives(lambda v, b: ops.clip(v, min=b), x, low)[1] == [float(x >= low), float(x < low)]
        assert derivatives(lambda v, b: ops.clip(v, max=b), x, high)[1] == [float(x <= high), float(x > high)]
    assert derivatives(lambda v: ops.clip(v), x) == (x, [1.0], [[0.0]])


def test_clip_is_numpys_and_keeps_the_dtype() -> None:
    x = np.arange(-3, 4, dtype=np.int8)
    for bounds in ((None, None), (-1, None), (None, 2), (-1, 2)):
        found = ops.clip(x, *bounds)
        assert found.dtype == np.int8
        np.testing.assert_array_equal(found, x if bounds == (None, None) else np.clip(x, *bounds))
    bounds2 = np.array([[0.0], [2.0]])
    np.testing.assert_array_equal(ops.clip(np.array([-1.0, 1.0, 3.0]), bounds2, 2.5), [[0, 1, 2.5], [2, 2, 2.5]])


@pytest.mark.requirement("D64")
def test_clip_sums_the_cotangent_over_bounds_that_were_broadcast() -> None:
    x = np.array([-2.0, -1.0, 0.5, 4.0])
    _, pullback = vjp(ops.clip, x, np.array(0.0), np.array([1.0]))
    dx, dlow, dhigh = pullback(np.array([1.0, 2.0, 4.0, 8.0]))
    np.testing.assert_array_equal(dx, [0, 0, 4, 0])
    assert (dlow.shape, float(dlow)) == ((), 3.0)
    np.testing.assert_array_equal(dhigh, [8.0])


@pytest.mark.requirement("D22", "DX25")
def test_a_quotient_of_small_numbers() -> None:
    x, y = np.float32(1e-30), np.float32(1e-25)
    assert grad(ops.divide, argnums=1)(x, y) == pytest.approx(-1e20, rel=1e-5)
    assert grad(ops.divide, argnums=1)(np.float64(x), np.float64(y)) == pytest.approx(-1e20, rel=1e-5)


def test_a_quotient_by_a_python_scalar(derivatives: Measure) -> None:
    assert derivatives(lambda x: x / 4, 2.0) == (0.5, [0.25], [[0.0]])
    assert derivatives(lambda x: 4 / x, 2.0) == (2.0, [-1.0], [[1.0]])
    assert derivatives(lambda x: x / 0.0, 2.0)[1] == [inf]


@pytest.mark.parametrize(
    ("x", "p", "dx", "dp"),
    [
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 1.0, 0.0),
        (0.0, 1.5, 0.0, 0.0),
        (0.0, 2.0, 0.0, 0.0),
        (0.0, 3.0, 0.0, 0.0),
        (0.0, -1.0, -inf, -inf),
        (2.0, 0.0, 0.0, log(2)),
        (2.0, 3.0, 12.0, 8 * log(2)),
        (2.0, -1.0, -0.25, 0.5 * log(2)),
        (-2.0, 3.0, 12.0, None),
        (-2.0, 2.0, -4.0, None),
        (-2.0, 0.0, 0.0, None),
    ],
)
@pytest.mark.requirement("D25")
def test_powers(x: float, p: float, dx: float, dp: float | None, derivatives: Measure) -> None:
    y, gradient, hessian = derivatives(ops.pow, x, p)
    assert y == (inf if x == 0 and p < 0 else x**p)
    assert gradient[0] == pytest.approx(dx)
    if dp is None:
        assert np.isnan(gradient[1])
    else:
        assert gradient[1] == pytest.approx(dp)
    if x > 0:
        mixed = x ** (p - 1) * (1 + p * log(x))
        expected = [[p * (p - 1) * x ** (p - 2), mixed], [mixed, x**p * log(x) ** 2]]
        np.testing.assert_allclose(hessian, expected, rtol=1e-5)
    # A Python scalar takes another path.
    assert derivatives(lambda v: v**p, x)[1][0] == pytest.approx(dx)
    if p == int(p):
        assert derivatives(lambda v: v ** int(p), x)[1][0] == pytest.approx(dx)
    if dp is not None and p >= 0:
        assert derivatives(lambda v: x**v, p)[1][0] == pytest.approx(dp)


def test_a_root_as_a_power_at_zero() -> None:
    assert vjp(ops.pow, np.float32(0), np.float32(0.5))[1](np.float32(1)) == (inf, 0)
    assert vjp(lambda x: x**0.5, np.float32(0))[1](np.float32(1)) == (inf,)


@pytest.mark.requirement("DX18")
def test_second_derivatives_of_powers_at_zero(derivatives: Measure) -> None:
    assert derivatives(ops.pow, 0.0, 2.0)[2] == [[2.0, 0.0], [0.0, 0.0]]
    assert derivatives(ops.pow, 0.0, 3.0)[2] == FLAT2
    assert derivatives(ops.pow, 0.0, 1.0)[2] == [[0.0, 1.0], [1.0, 0.0]]
    assert derivatives(lambda x: x**0.0, 0.0) == (1.0, [0.0], [[0.0]])
    assert derivatives(lambda x: x**0, 0.0) == (1.0, [0.0], [[0.0]])
    assert derivatives(lambda x: x**1, 0.0) == (0.0, [1.0], [[0.0]])
    assert derivatives(lambda x: x**2, 0.0) == (0.0, [0.0], [[2.0]])
    assert derivatives(lambda x: x**4, 0.0) == (0.0, [0.0], [[0.0]])


@pytest.mark.requirement("PX7", "DX19")
def test_a_scalar_base_is_not_taken_for_the_exponent(derivatives: Measure) -> None:
    y, (first,), ((second,),) = derivatives(lambda x: 2**x, 3.0)
    assert (y, first, second) == (8.0, pytest.approx(8 * log(2)), pytest.approx(8 * log(2) ** 2))
    assert derivatives(lambda x: 0**x, 3.0) == (0.0, [0.0], [[0.0]])
    assert np.isnan(derivatives(lambda x: (-2) ** x, 3.0)[1][0])


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
@pytest.mark.requirement("D25")
def test_powers_with_arrays_of_integers(dtype: Any) -> None:
    x = np.array([0.0, 2.0, -3.0, 0.0], np.float32)
    n = np.array([0, 3, 2, 1], dtype)
    y, pullback = vjp(lambda v: ops.pow(v, n), x)
    ct = pullback(np.ones(4, y.dtype))[0]
    assert ct.dtype == np.float32
    np.testing.assert_array_equal(ct, [0, 12, -6, 1])


def test_powers_of_small_whole_exponents_are_products() -> None:
    x = np.random.default_rng(0).normal(size=100)
    for n in range(-3, 7):
        np.testing.assert_allclose(ops.pow(x, n), np.power(x, float(n)), rtol=1e-15)
    integers = np.array([-3, 2, 5], np.int16)
    for n in (0, 1, 2, 3, 4):
        found = ops.pow(integers, n)
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found, integers**n)


def test_complex_powers_are_jaxs(jax64: Any) -> None:
    z, p = np.array([1 + 2j, -2 + 0.5j]), np.array([0.5 - 1j, 2 + 0j])
    _, pullback = vjp(ops.pow, z, p)
    _, expected = jax64.vjp(jax64.numpy.power, z, p)
    g = np.array([1 + 1j, -2j])
    np.testing.assert_allclose(pullback(g), expected(jax64.numpy.asarray(g)), rtol=1e-12)


@pytest.mark.parametrize("size", [1.0, 1e20, 1e-25])
def test_hypot_of_large_and_small_numbers(size: float, derivatives: Measure) -> None:
    y, gradient, hessian = derivatives(ops.hypot, 3 * size, 4 * size)
    assert y == pytest.approx(5 * size, rel=1e-6)
    assert gradient == pytest.approx([0.6, 0.8], rel=1e-6)
    curved = np.array([[0.128, -0.096], [-0.096, 0.072]]) / size
    np.testing.assert_allclose(hessian, curved, rtol=1e-5)


def test_hypot_at_the_origin(derivatives: Measure) -> None:
    assert derivatives(ops.hypot, 0.0, 0.0) == (0.0, [0.0, 0.0], FLAT2)


def test_remainder_and_floor_divide(derivatives: Measure) -> None:
    assert derivatives(ops.remainder, 7.0, 4.0) == (3.0, [1.0, -1.0], FLAT2)
    assert derivatives(ops.remainder, -7.0, 4.0) == (1.0, [1.0, 2.0], FLAT2)
    assert derivatives(ops.remainder, 8.0, 4.0) == (0.0, [1.0, -2.0], FLAT2)
    assert derivatives(ops.floor_divide, -7.0, 4.0) == (-2.0, [0.0, 0.0], FLAT2)


def test_nextafter_moves_with_its_first_argument(derivatives: Measure) -> None:
    y, gradient, hessian = derivatives(ops.nextafter, 1.0, 2.0)
    assert 0 < y - 1 < 1e-6
    assert (gradient, hessian) == ([1.0, 0.0], FLAT2)


@pytest.mark.requirement("D18", "D19", "D24")
def test_linear_operations(derivatives: Measure) -> None:
    assert derivatives(ops.add, 1.0, 2.0) == (3.0, [1.0, 1.0], FLAT2)
    assert derivatives(ops.subtract, 1.0, 2.0) == (-1.0, [1.0, -1.0], FLAT2)
    assert derivatives(ops.multiply, 3.0, 2.0) == (6.0, [2.0, 3.0], [[0.0, 1.0], [1.0, 0.0]])
    assert derivatives(ops.negative, 3.0) == (-3.0, [-1.0], [[0.0]])
    assert derivatives(ops.positive, 3.0) == (3.0, [1.0], [[0.0]])


@pytest.mark.requirement("D21", "PX9")
def test_integer_factors_keep_the_dtype_of_the_gradient() -> None:
    x = np.ones(3, np.float32)
    n = np.arange(3)
    for f in (lambda v: v * n, lambda v: n * v, lambda v: v + n, lambda v: v / (n + 1), lambda v: ops.hypot(v, n + 1)):
        y, pullback = vjp(f, x)
        assert pullback(np.ones(3, y.dtype))[0].dtype == np.float32
    assert vjp(lambda v: v * True, x)[1](x)[0].dtype == np.float32


def test_real_and_complex_factors() -> None:
    x, z = np.array([2.0, 3.0]), np.array([1 + 2j, -1j])
    y, pullback = vjp(ops.multiply, x, z)
    dx, dz = pullback(np.array([1j, 1.0]))
    assert (y.dtype, dx.dtype, dz.dtype) == (np.complex128, np.float64, np.complex128)
    np.testing.assert_array_equal(dx, [-2, 0])
    np.testing.assert_array_equal(dz, [2j, 3])


@pytest.mark.parametrize("case", backend_params())
def test_gradients_on_every_backend(case: BackendCase) -> None:
    a, b = np.float32([0.5, 2.0, 2.0]), np.float32([[1.5], [2.0]])
    w = np.float32([[1, 2, 3], [4, 5, 6]])

    def loss(x: Any, y: Any, weights: Any) -> Any:
        total = ops.zeros_like(weights)
        for function in (ops.pow, ops.divide, ops.hypot, ops.maximum, ops.minimum, ops.remainder, ops.subtract):
            total = ops.add(total, function(x, y))
        total = ops.add(total, ops.clip(ops.square(x), 1.0, y))
        return ops.sum_over(ops.multiply(weights, total), (0, 1))

    expected = grad(loss, argnums=(0, 1))(a, b, w)
    with case.active():
        found = grad(loss, argnums=(0, 1))(case.asarray(a), case.asarray(b), case.asarray(w))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(case.to_numpy(one), other, rtol=1e-5)


def test_forward_mode_of_a_mixture() -> None:
    x = np.array([1.0, 2.0])
    y, t = jvp(lambda v: ops.maximum(v, 1.0) * 2**v / (v + 1), (x,), (np.array([1.0, 1.0]),))
    half = np.array([0.5, 1.0])
    expected = half * 2**x / (x + 1) + x * (log(2) * 2**x / (x + 1) - 2**x / (x + 1) ** 2)
    np.testing.assert_allclose(t, expected)
    np.testing.assert_allclose(y, x * 2**x / (x + 1))


def test_shapes_that_do_not_broadcast() -> None:
    for function in (ops.pow, ops.maximum, ops.clip):
        with pytest.raises(ShapeError, match=f"xp.{'clip_below' if function is ops.clip else function.__name__} got"):
            function(np.ones(2), np.ones(3))
