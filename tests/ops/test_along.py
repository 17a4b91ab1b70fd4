"""Taking elements along one dimension."""

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.core import bind, registry
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops import sum, take, take_along_axis
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.reverse import grad, vjp

PLAIN = backend_params(variants=False)


def values(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 9, shape).astype(np.float32)


@pytest.mark.parametrize("case", PLAIN)
def test_take(case: BackendCase) -> None:
    host, indices = values((2, 3, 4)), np.array([2, 0, 2, -1])
    for axis in (1, -1):
        x = case.asarray(host)
        y, pullback = vjp(lambda x, a=axis: take(x, case.asarray(indices), axis=a), x)
        np.testing.assert_array_equal(case.to_numpy(y), np.take(host, indices, axis=axis))
        g = values(tuple(y.shape), 1)
        key = (slice(None),) * (axis % 3) + (indices,)
        expected = np.zeros_like(host)
        np.add.at(expected, key, g)
        np.testing.assert_array_equal(case.to_numpy(pullback(case.asarray(g))[0]), expected)
    np.testing.assert_array_equal(case.to_numpy(take(case.asarray(host[0, 0]), [1, 1])), host[0, 0][[1, 1]])


@pytest.mark.parametrize("case", PLAIN)
def test_take_along_axis(case: BackendCase) -> None:
    @settings(max_examples=50)
    @given(shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=3), data=st.data())
    def check(shape: tuple[int, ...], data: st.DataObject) -> None:
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        wanted = list(shape)
        wanted[axis] = data.draw(st.integers(0, 4))
        size = shape[axis]
        indices = data.draw(hnp.arrays(np.int64, tuple(wanted), elements=st.integers(-size, size - 1)))
        host = values(shape)
        there = case.asarray(indices)
        y, pullback = vjp(lambda x: take_along_axis(x, there, axis=axis), case.asarray(host))
        np.testing.assert_array_equal(case.to_numpy(y), np.take_along_axis(host, indices, axis))
        g = values(tuple(wanted), 1)
        (back,) = pullback(case.asarray(g))
        assert (case.to_numpy(y) * g).sum() == (host * case.to_numpy(back)).sum()
        grid = list(np.indices(wanted))
        grid[axis] = indices
        expected = np.zeros_like(host)
        np.add.at(expected, tuple(grid), g)
        np.testing.assert_array_equal(case.to_numpy(back), expected)

    check()


def test_other_dimensions_broadcast() -> None:
    x, i = np.arange(6.0).reshape(2, 3), np.array([[2, 0]])
    np.testing.assert_array_equal(take_along_axis(x, i), [[2, 0], [5, 3]])
    g = grad(lambda x: sum(take_along_axis(x, i) * np.array([[1.0, 2.0], [3.0, 4.0]])))(x)
    np.testing.assert_array_equal(g, [[2, 0, 1], [4, 0, 3]])
    g = grad(lambda x: sum(take_along_axis(x, np.array([[0], [2]]))))(x[:1])
    np.testing.assert_array_equal(g, [[1, 0, 1]])


def test_higher_orders() -> None:
    i = np.array([[0, 0], [2, 1]])

    def f(x: Any) -> Any:
        return sum(take_along_axis(x, i, axis=1) ** 3) + sum(take(x, [1, 1], axis=0) ** 3)

    x, t, step = np.arange(1.0, 7.0).reshape(2, 3), np.linspace(-1, 1, 6).reshape(2, 3), 1e-5
    second = grad(lambda x: sum(grad(f)(x) * t))(x)
    np.testing.assert_allclose(
        second, (grad(f)(x + step * t) - grad(f)(x - step * t)) / (2 * step), rtol=1e-9, atol=1e-8
    )
    third = grad(lambda x: sum(grad(lambda x: sum(grad(f)(x) * t))(x) * t))(x)
    counts = np.array([[2.0, 0, 0], [0, 1, 1]]) + np.array([[0.0] * 3, [2.0] * 3])
    np.testing.assert_allclose(third, 6 * counts * t * t)


@pytest.mark.parametrize("case", PLAIN)
def test_out_of_range(case: BackendCase) -> None:
    x = case.asarray(values((2, 3)))
    for i in (3, -4):
        with pytest.raises(IndexError):
            take(x, case.asarray(np.array([i])), axis=1)
        with pytest.raises(IndexError):
            take_along_axis(x, case.asarray(np.array([[i], [0]])))
        with pytest.raises(IndexError):
            bind(registry["add_along_axis"], x, case.asarray(np.array([[i] * 3] * 2)), axis=1, size=3)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda x: take(x, [0]), ParameterError, "needs an axis"),
        (lambda x: take(x, [0], axis=2), ShapeError, "an axis that the array does not have"),
        (lambda x: take(x, [True, False], axis=0), DtypeError, "takes integers as indices"),
        (lambda x: take(x, np.ones(2), axis=0), DtypeError, "integers or booleans"),
        (lambda x: take_along_axis(x, [0]), ShapeError, "as many dimensions as the array"),
        (lambda x: take_along_axis(x, np.zeros((3, 2), int)), ShapeError, "do not broadcast"),
        (lambda x: take_along_axis(x, np.zeros((2, 2), int), axis=-3), ShapeError, "an axis that the array does not"),
    ],
)
def test_errors(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call(np.ones((2, 3)))
