"""NumPy's functions of traced arrays and lists of numbers, against the same on plain arrays and differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet.testing.numerical import numerical_grad

V = np.array([0.3, -1.2, 2.1, 0.7, -0.4, 1.5])
X = np.arange(20.0).reshape(4, 5) ** 1.5 / 20 + np.eye(4, 5)
SIX = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
SOME = [True, False, True, True, False, True]

CALLS: dict[str, tuple[Callable[[Any], Any], np.ndarray]] = {
    "a universal function": (lambda v: np.maximum(v, [0.0] * 6), V),
    "a universal function, first": (lambda v: np.arctan2(SIX, v), V),
    "a list that holds traced numbers": (lambda v: np.multiply(v[:2], [v[0], 3.0]), V),
    "nested lists": (lambda v: np.add(v[:2], [[1.0, v[2]], [v[3], 2.0]]), V),
    "ldexp": (lambda v: np.ldexp(v, 2), V),
    "append": (lambda v: np.append(v, [1.0]), V),
    "average": (lambda v: np.average(v, weights=[1, 2, 3, 4, 5, 6]), V),
    "average along an axis": (lambda x: np.average(x, 0, [1.0, 2.0, 3.0, 4.0], True)[0], X),
    "average, its weights": (lambda x: np.average(X, axis=(0, 1), weights=x, returned=True)[1], X),
    "average, with dimensions": (lambda x: np.average(x, axis=1, keepdims=True), X),
    "broadcast_arrays": (lambda v: v * sum(np.broadcast_arrays(v, SIX)), V),
    "broadcast_arrays, of numbers": (lambda v: v * sum(np.broadcast_arrays(2.0, v)), V),
    "an outer product": (lambda v: np.add.outer(v, [1.0, 2.0]) * np.multiply.outer([[3.0]], v[:2]), V),
    "vecdot along the first axis": (lambda x: np.vecdot(x, [1.0, 2.0, 3.0, 4.0], axis=0), X),
    "vecdot of linalg": (lambda x: np.linalg.vecdot(x, x**2, axis=0), X),
    "ptp": (lambda x: np.ptp(x, axis=1, keepdims=True), X),
    "like another, of another shape": (lambda v: np.zeros_like(v, shape=(2, 3)) + np.full_like(v, v[0], shape=3), V),
    "options of methods": (lambda x: x.sum(0, where=X > 1) + x.max(0, initial=2.0) + x.std(0, mean=x.mean(0)), X),
    "more options of methods": (
        lambda x: (x * 0 + 2.26).round(decimals=1) * x + x.clip(0.5, 2, out=x * 0) + x.cumsum(1, float),
        X,
    ),
    "the rest of them": (lambda x: x.take([9, -9], axis=1, mode="clip") * x.mean(where=X > 1), X),
    "multi_dot": (lambda v: np.linalg.multi_dot([np.reshape(v, (2, 3)), np.ones((3, 2)), [1.0, 2.0]]), V),
    "matrix_power": (lambda x: np.linalg.matrix_power(x[:, :4], n=3) * np.size(x, 0) * np.size(x, (0, 1)), X),
    "nanquantile": (
        lambda v: np.nanquantile([0.1, 0.2, 0.7], v / 10 + 0.4) + np.nanpercentile(v, [10.1, 70.0]).sum(),
        V,
    ),
    "piecewise": (lambda v: np.piecewise(v, [SOME], [lambda u: u**2, 0.1]) + np.piecewise(v, SOME, [0.1, np.exp]), V),
    "putmask": (lambda v: (lambda y: (np.putmask(y, SOME, [0.1, 0.7]), y * v)[1])(v * 1), V),
    "quantile": (lambda v: np.quantile([0.1, 0.2, 0.7], v / 10 + 0.4) + np.percentile(v, [10.1, 70.0]).sum(), V),
    "polyadd": (lambda v: np.polyadd(v, [1.0, 2.0]), V),
    "polymul": (lambda v: np.polymul([1.0, 2.0], v), V),
    "polysub": (lambda v: np.polysub([1.0, 2.0], v), V),
    "bincount": (lambda v: np.bincount([0, 1, 1, 2, 0, 1], v), V),
    "choose": (lambda v: np.choose([0, 1], [v[:2], [5.0, 6.0]]), V),
    "clip": (lambda v: np.clip(v, [-1.0] * 6, [1.0] * 6), V),
    "column_stack": (lambda v: np.column_stack([v, SIX]), V),
    "compress": (lambda v: np.compress(SOME, v), V),
    "concatenate": (lambda v: np.concatenate([v, [1.0]]), V),
    "cov": (lambda v: np.cov(v, SIX), V),
    "cross": (lambda v: np.cross(v[:3], [1.0, 2.0, 3.0]), V),
    "diff": (lambda v: np.diff(v, prepend=[0.0]), V),
    "digitize": (lambda v: np.digitize(v, [0.0, 1.0]) * v, V),
    "dot": (lambda v: np.dot(v, SIX), V),
    "dot, first": (lambda v: np.dot(SIX, v), V),
    "interp": (lambda v: np.interp(v, [-2.0, 0.0, 2.5], [0.0, 1.0, 5.0]), V),
    "kron": (lambda v: np.kron(v, [1.0, 2.0]), V),
    "meshgrid": (lambda v: np.meshgrid(v, [1.0, 2.0])[0], V),
    "outer": (lambda v: np.outer([1.0, 2.0], v), V),
    "polyfit": (lambda v: np.polyfit([0, 1, 2, 3, 4, 5], v, 1), V),
    "searchsorted": (lambda v: np.searchsorted(SIX, v) * v, V),
    "select": (lambda v: np.select([SOME], [v], 1.0) + np.select([SOME], [v], [0.1] * 6), V),
    "solve": (lambda x: np.linalg.solve(x[:, :4], [1.0, 2.0, 3.0, 4.0]), X),
    "stack": (lambda v: np.stack([v, SIX], axis=1), V),
    "take": (lambda x: np.take(x, 1, 1), X),
    "take, of the flattened array": (lambda x: np.take(x, 7), X),
    "tensordot": (lambda x: np.tensordot(x, [1.0, 2.0, 3.0, 4.0, 5.0], 1), X),
    "trapezoid": (lambda v: np.trapezoid(v, [0.0, 1.0, 2.0, 4.0, 5.0, 9.0]), V),
    "union1d": (lambda v: np.union1d(v, [0.1, 0.2]), V),
    "vecdot, first": (lambda v: np.vecdot(SIX, v) + np.linalg.vecdot(SIX, v), V),
    "where": (lambda v: np.where(SOME, v, [0.0] * 6), V),
}


@pytest.mark.parametrize("name", CALLS)
def test_lists_are_taken_as_arrays(name: str) -> None:
    f, x = CALLS[name]

    def loss(a: Any) -> Any:
        return (f(a) ** 2).sum()

    value, gradient = fn.value_and_grad(loss)(x)
    np.testing.assert_allclose(value, loss(x), rtol=1e-13)
    np.testing.assert_allclose(gradient, numerical_grad(loss, x), rtol=1e-7, atol=1e-7)


def test_a_gradient_in_numpys_own_words() -> None:
    def loss(v: Any) -> Any:
        return np.sum(np.concatenate([np.maximum(v, [0.0] * 6), [v[0] ** 2]])) + np.take(v, 2)

    np.testing.assert_allclose(fn.grad(loss)(V), (V > 0) + np.eye(6)[2] + 2 * V[0] * np.eye(6)[0])
