import operator
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.ops import strong
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize(
    ("function", "g", "x", "expected"),
    [
        (strong.strong_multiply, [0, 0, 0, 2, 2], [INF, -INF, NAN, 3, 0], [0, 0, 0, 6, 0]),
        (strong.strong_divide, [0, 0, 0, 2], [0, NAN, INF, 4], [0, 0, 0, 0.5]),
        (strong.strong_divide_sqrt, [0, 0, 0, 2], [0, -1, NAN, 4], [0, 0, 0, 1]),
        (strong.strong_product, [0, INF, 0, 2], [INF, 0, NAN, 3], [0, 0, 0, 6]),
        (strong.divide_or_zero, [0, 3, INF, 3], [0, 0, 0, 2], [0, 0, 0, 1.5]),
        (strong.logistic_difference, [1, INF, -INF, INF, 0], [1, INF, -INF, 0, INF], [0.5, 0.5, 0.5, 1, 0]),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_values_on_every_backend(
    function: Callable[[Any, Any], Any], g: list[float], x: list[float], expected: list[float], case: BackendCase
) -> None:
    # No warning either: the suite turns warnings into errors.
    with case.active():
        found = function(case.asarray(g, "float32"), case.asarray(x, "float32"))
    np.testing.assert_array_equal(case.to_numpy(found), np.asarray(expected, np.float32))


@pytest.mark.parametrize("case", backend_params())
def test_power_and_masks_on_every_backend(case: BackendCase) -> None:
    def a(*values: float) -> Any:
        return case.asarray(values, "float32")

    with case.active():
        power = strong.strong_power(a(0, 0, 2, 2), a(0, -1, 3, 0), a(-1, 0.5, 2, 2))
        logs = strong.strong_power(a(0, 1, 1, 2), a(0, 0, 0, np.e), a(-1, 0, 2, 2), 1)
        masked = strong.masked(a(INF, INF, 2), case.asarray([True, False, False]))
        winning = strong.winning(a(INF, 2, INF), a(1, 2, 3), a(0, 2, 4))
    np.testing.assert_array_equal(case.to_numpy(power), np.float32([0, 0, 18, 0]))
    np.testing.assert_allclose(case.to_numpy(logs), np.float32([0, 0, 0, 2 * np.e**2]), rtol=1e-6)
    np.testing.assert_array_equal(case.to_numpy(masked), np.float32([INF, 0, 0]))
    np.testing.assert_array_equal(case.to_numpy(winning), np.float32([INF, 1, 0]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 0), (60, 70)])
def test_finite_results_are_those_of_the_operators_to_the_bit(dtype: Any, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    g, x = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    for strong_one, plain in (
        (strong.strong_multiply, operator.mul),
        (strong.strong_divide, operator.truediv),
        (strong.strong_product, operator.mul),
    ):
        found, expected = strong_one(g, x), plain(g, x)
        assert found.dtype == expected.dtype
        assert np.asarray(found).tobytes() == np.asarray(expected).tobytes()


def test_other_nans_stay() -> None:
    np.testing.assert_array_equal(
        strong.strong_multiply(np.array([0.0, NAN, 1.0]), np.array([NAN, 0.0, NAN])), [0, NAN, NAN]
    )
    assert np.isnan(strong.strong_divide(np.float64(INF), np.float64(INF)))


def test_a_python_scalar_is_a_factor() -> None:
    assert strong.strong_multiply(np.float32(3), 2.0) == 6
    assert strong.strong_divide(np.float32(3), 2.0) == 1.5
    assert strong.strong_divide(np.float64(0), 0.0) == 0


def test_zeros_are_strong_in_broadcasting() -> None:
    g = np.array([[0.0], [1.0]])
    np.testing.assert_array_equal(strong.strong_divide(g, np.array([0.0, 2.0])), [[0, 0], [INF, 0.5]])


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (ops.log, 0.0),
        (ops.log, -1.0),
        (ops.log2, 0.0),
        (ops.log10, 0.0),
        (ops.sqrt, 0.0),
        (ops.sqrt, -1.0),
        (ops.reciprocal, 0.0),
        (ops.log1p, -1.0),
        (lambda x: 1 / x, 0.0),
        (lambda x: x / x, 0.0),
        (lambda x: 1 / ops.sqrt(x), 0.0),
        (lambda x: x**0.5, 0.0),
        (lambda x: x**-0.5, 0.0),
        (lambda x: x**-2, 0.0),
        (lambda x: x**1.5, -1.0),
        (lambda x: ops.pow(x, x), 0.0),
        (lambda x: x**9, 1e35),
        (lambda x: 2**x, 1e5),
        (ops.exp, 1e5),
        (ops.asin, 1.0),
        (ops.asin, 2.0),
        (ops.acos, -1.0),
        (ops.acos, 3.0),
        (ops.acosh, 1.0),
        (ops.acosh, 0.0),
        (ops.atanh, 1.0),
        (ops.atanh, -4.0),
        (lambda x: ops.hypot(x, x), 0.0),
        (lambda x: ops.atan2(x, x), 0.0),
    ],
)
def test_a_choice_of_something_else_has_no_derivative_at_any_order(
    f: Callable[[Any], Any], x: float, derivatives: Callable[..., Any]
) -> None:
    assert derivatives(lambda v: ops.where(v != v, f(v), 0.0), x) == (0.0, [0.0], [[0.0]])


def test_a_choice_in_forward_mode() -> None:
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        y, t = jvp(lambda v: ops.where(v > 0, ops.log(v), 0.0), (x,), (np.array([0.0, 2.0]),))
    np.testing.assert_array_equal(t, [0, 0.5])
    np.testing.assert_array_equal(y, [0, np.log(4.0)])


def test_without_a_choice_the_derivative_is_infinite() -> None:
    assert grad(ops.sqrt)(np.float64(0)) == INF
    with np.errstate(divide="ignore"):
        _, pullback = vjp(ops.log, np.float64(0))
    assert pullback(np.float64(1))[0] == INF


def test_derivatives_of_the_strong_operations_themselves() -> None:
    g, x = np.array([2.0, 3.0]), np.array([4.0, 9.0])
    one = np.ones(2)
    for function, dg, dx in (
        (strong.strong_multiply, x, g),
        (strong.strong_product, x, g),
        (strong.strong_divide, 1 / x, -g / x**2),
        (strong.divide_or_zero, 1 / x, -g / x**2),
        (strong.strong_divide_sqrt, x**-0.5, -0.5 * g * x**-1.5),
        (lambda a, b: strong.strong_power(a, b, 1.5), x**1.5, 1.5 * g * x**0.5),
        (
            lambda a, b: strong.strong_power(a, b, 1.5, 2),
            x**1.5 * np.log(x) ** 2,
            g * (1.5 * x**0.5 * np.log(x) ** 2 + 2 * x**0.5 * np.log(x)),
        ),
    ):
        found = vjp(function, g, x)[1](one)
        np.testing.assert_allclose(found, [dg, dx], rtol=1e-13)


def test_threads_do_not_disturb_each_other() -> None:
    # Contexts without warnings are entered by one thread at a time, and NumPy gives the lock away in large products.
    failures: list[BaseException] = []
    x = np.full(50_000, INF)
    x[0] = 3.0

    def work() -> None:
        try:
            g = np.zeros(50_000)
            g[0] = 1.0
            for _ in range(30):
                assert strong.strong_multiply(g, x)[0] == 3.0
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


def test_the_callers_floating_point_state_is_left_alone() -> None:
    before = np.geterr()
    strong.strong_divide(np.float64(1), np.float64(0))
    strong.strong_multiply(np.zeros(3), np.full(3, INF))
    assert np.geterr() == before
    with pytest.raises(FloatingPointError), np.errstate(divide="raise"):
        np.ones(1) / np.zeros(1)
