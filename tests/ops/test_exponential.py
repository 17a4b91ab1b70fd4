from collections.abc import Callable
from math import e, exp, inf, log
from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.reverse import grad, vjp

Measure = Callable[..., tuple[float, list[float], list[list[float]]]]


@pytest.mark.requirement("P18")
def test_exp_overflows_to_infinity_without_nan(derivatives: Measure) -> None:
    assert derivatives(ops.exp, 1e4) == (inf, [inf], [[inf]])
    assert derivatives(ops.exp, -1e4) == (0.0, [0.0], [[0.0]])
    assert derivatives(ops.exp, -inf) == (0.0, [0.0], [[0.0]])


def test_expm1_and_log1p_are_accurate_near_zero(derivatives: Measure) -> None:
    y, (first,), ((second,),) = derivatives(ops.expm1, 1e-10)
    assert y == pytest.approx(1e-10, rel=1e-7)
    assert (first, second) == (pytest.approx(1.0), pytest.approx(1.0))
    y, (first,), ((second,),) = derivatives(ops.log1p, 1e-10)
    assert y == pytest.approx(1e-10, rel=1e-7)
    assert (first, second) == (pytest.approx(1.0), pytest.approx(-1.0))


def test_the_derivative_of_expm1_keeps_its_digits_where_the_result_is_minus_one(derivatives: Measure) -> None:
    y, (first,), ((second,),) = derivatives(ops.expm1, -50.0)
    assert y == -1.0
    assert first == pytest.approx(exp(-50), rel=1e-6)
    assert second == pytest.approx(exp(-50), rel=1e-6)


@pytest.mark.parametrize(
    ("function", "scale"), [(ops.log, 1.0), (ops.log2, 1 / log(2)), (ops.log10, 1 / log(10))], ids=["e", "2", "10"]
)
@pytest.mark.requirement("D35", "P20")
def test_logarithms(function: Any, scale: float, derivatives: Measure) -> None:
    for x in (1e-30, 0.5, 3.0, 1e30):
        y, (first,), ((second,),) = derivatives(function, x)
        assert y == pytest.approx(scale * log(x), rel=1e-6)
        assert first == pytest.approx(scale / x, rel=1e-6)
        if 1e-15 < x < 1e15:
            assert second == pytest.approx(-scale / x**2, rel=1e-6)
    assert derivatives(function, 0.0)[:2] == (-inf, [inf])
    assert derivatives(function, inf) == (inf, [0.0], [[0.0]])


def test_log1p_at_its_pole(derivatives: Measure) -> None:
    assert derivatives(ops.log1p, -1.0)[:2] == (-inf, [inf])


@pytest.mark.requirement("P13")
def test_sqrt(derivatives: Measure) -> None:
    assert derivatives(ops.sqrt, 4.0) == (2.0, [0.25], [[-0.03125]])
    assert derivatives(ops.sqrt, 0.0)[:2] == (0.0, [inf])
    assert derivatives(ops.sqrt, inf) == (inf, [0.0], [[0.0]])


def test_square(derivatives: Measure) -> None:
    assert derivatives(ops.square, 3.0) == (9.0, [6.0], [[2.0]])


@pytest.mark.parametrize(
    ("a", "b", "y", "first", "second"),
    [
        (0.0, 0.0, log(2), [0.5, 0.5], 0.25),
        (1.0, 1.0 - log(3.0), 1 + log(4 / 3), [0.75, 0.25], 0.1875),
        (1e4, -1e4, 1e4, [1.0, 0.0], 0.0),
        (inf, 1.0, inf, [1.0, 0.0], 0.0),
        (1.0, inf, inf, [0.0, 1.0], 0.0),
        (-inf, 1.0, 1.0, [0.0, 1.0], 0.0),
        (-inf, -inf, -inf, [0.5, 0.5], 0.25),
        (inf, inf, inf, [0.5, 0.5], 0.25),
        (inf, -inf, inf, [1.0, 0.0], 0.0),
    ],
)
def test_logaddexp(a: float, b: float, y: float, first: list[float], second: float, derivatives: Measure) -> None:
    found, gradient, hessian = derivatives(ops.logaddexp, a, b)
    assert found == pytest.approx(y)
    assert gradient == pytest.approx(first)
    np.testing.assert_allclose(hessian, [[second, -second], [-second, second]], rtol=1e-6)


def test_logaddexp_of_infinities_in_arrays() -> None:
    x = np.array([inf, -inf, -inf, 0.0])
    other = np.array([inf, -inf, 0.0, 0.0])
    ct = vjp(lambda v: ops.logaddexp(v, other), x)[1](np.ones(4))[0]
    np.testing.assert_array_equal(ct, [0.5, 0.5, 0.0, 0.5])


@pytest.mark.parametrize("case", backend_params())
def test_gradients_on_every_backend(case: BackendCase) -> None:
    a, w = np.float32([0.5, 2.0, e]), np.float32([1, 2, 3])

    def loss(x: Any, weights: Any) -> Any:
        total = ops.zeros_like(weights)
        for function in (ops.exp, ops.expm1, ops.log, ops.log1p, ops.log2, ops.log10, ops.sqrt, ops.square):
            total = ops.add(total, function(x))
        return ops.sum_over(ops.multiply(ops.add(total, ops.logaddexp(x, weights)), weights), (0,))

    expected = grad(loss)(a, w)
    with case.active():
        found = grad(loss)(case.asarray(a), case.asarray(w))
    np.testing.assert_allclose(case.to_numpy(found), expected, rtol=1e-5)
