"""Products of a column and a row are part of the loops that read them, as scalar products are; axes go in turn."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def t(x: Any) -> Any:
    return xp.matrix_transpose(x)


def step(w: Any, m: Any, x: Any, d: Any) -> Any:
    # A weight's gradient for one example, and a step of an optimizer with momentum.
    m = 0.9 * m + t(x) @ d
    return w - 0.1 * m, m


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (30, 50), (257, 129)])
def test_gradients_for_one_example(shape: tuple[int, int], dtype: Any) -> None:
    rng = np.random.default_rng(sum(shape))
    shapes = [shape, shape, (1, shape[0]), (1, shape[1])]
    given = [rng.standard_normal(s).astype(dtype) for s in shapes]
    plan = FusedPlan(optimised(fn.trace(step, *given)))
    assert plan.planned == 0
    strided = [np.repeat(a, 2, -1)[..., ::2] for a in given]
    for arrays in (given, strided, [np.asfortranarray(a) for a in given]):
        for found, expected in zip(plan(*arrays), step(*[a.astype("f8") for a in arrays]), strict=True):
            assert found.dtype == dtype
            np.testing.assert_allclose(found, expected, rtol=0, atol=20 * np.finfo(dtype).eps)


def test_also_read_by_products_and_returned() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        outer = a @ b
        return outer, xp.exp(outer) * 2, outer @ c, xp.sum(outer * outer), xp.sum(outer, axis=0), t(outer)

    rng = np.random.default_rng(0)
    given = [rng.standard_normal(s) for s in ((40, 1), (1, 30), (30, 20))]
    for found, expected in zip(FusedPlan(optimised(fn.trace(f, *given)))(*given), f(*given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_one_example_as_the_same_in_a_batch() -> None:
    # Two equal examples have the same mean gradient as one, and their gradient is no outer product.
    def loss(w: Any, x: Any, y: Any) -> Any:
        return xp.mean((xp.tanh(x @ w[0]) @ w[1] - y) ** 2)

    rng = np.random.default_rng(1)
    w = [rng.standard_normal(s) for s in ((70, 90), (90, 80))]
    x, y = rng.standard_normal((1, 70)), rng.standard_normal((1, 80))
    grad = fn.jit(fn.grad(loss))
    one, two = grad(w, x, y), grad(w, np.repeat(x, 2, 0), np.repeat(y, 2, 0))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


#: Products of vectors, and the shapes of their arguments.
VECTORS: list[Any] = [
    (lambda a, b: a @ b, (37,), (37,)),
    (lambda a, b: a @ b, (5, 37), (37,)),
    (lambda a, b: a @ b, (37,), (37, 5)),
    (lambda a, b: a @ b, (2, 3, 5), (5,)),
    (lambda a, b: a @ b, (5,), (2, 5, 3)),
    (lambda a, b: a @ b, (1,), (1,)),
    (lambda a, b: a @ b, (0,), (0,)),
    (lambda a, b: a @ b, (3, 0), (0,)),
    (lambda a, b: xp.vecdot(a, b), (4, 37), (4, 37)),
    (lambda a, b: xp.vecdot(a, b), (4, 1, 5), (3, 5)),
    (lambda a, b: xp.vecdot(a, b, axis=-2), (4, 5, 3), (5, 3)),
    (lambda a, b: xp.vecdot(a, b), (3, 0), (3, 0)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case[1]} {case[2]}")
def test_products_of_vectors(case: Any, dtype: str) -> None:
    f, *shapes = case
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(s).astype(dtype) for s in shapes]
    plan = FusedPlan(optimised(fn.trace(f, *given)))
    assert "vecdot" not in plan.calls
    for arrays in (given, [np.asfortranarray(a) for a in given], [np.repeat(a, 2, -1)[..., ::2] for a in given]):
        (found,) = plan(*arrays)
        wide = [a.astype("f8") for a in arrays]
        exact = f(*wide)
        assert found.shape == exact.shape
        assert found.dtype == dtype
        assert np.all(np.abs(found - exact) <= 10 * np.finfo(dtype).eps * f(*[np.abs(a) for a in wide]))


def test_products_of_other_vectors_stay() -> None:
    whole, turned = np.arange(4), np.arange(4) * (1 + 1j)
    for a in (whole, turned):
        plan = FusedPlan(optimised(fn.trace(lambda a: xp.vecdot(a, a), a)))
        assert plan.calls == ["vecdot"]
        np.testing.assert_array_equal(plan(a)[0], np.vecdot(a, a))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
@pytest.mark.parametrize(
    ("shape", "axis", "keepdims"),
    [((4, 5, 3, 6), (0, 2), False), ((2, 5, 1, 3, 7), (1, 2, 4), True), ((3, 4, 5), (0, 2), False)],
)
def test_axes_with_others_between(name: str, shape: Any, axis: Any, keepdims: bool) -> None:
    """No call of the library is left, and NaN stays NaN."""
    x = np.random.default_rng(2).standard_normal(shape)
    x[(1,) * len(shape) if shape[2] > 1 else (1, 1, 0, 1, 1)] = np.nan
    plan = FusedPlan(optimised(fn.trace(lambda x: getattr(xp, name)(x, axis=axis, keepdims=keepdims) * 2.0, x)))
    assert name not in plan.calls
    wanted = getattr(np, name)(x, axis=axis, keepdims=keepdims) * 2
    for _ in range(2):
        np.testing.assert_allclose(plan(x)[0], wanted, rtol=1e-13, atol=1e-14)


def test_gradient_of_tiles() -> None:
    x, w = np.arange(6.0).reshape(2, 3), np.random.default_rng(3).standard_normal((6, 6))
    plan = FusedPlan(optimised(fn.trace(fn.grad(lambda x, w: xp.sum(xp.tile(x, (3, 2)) * w)), x, w)))
    assert "sum" not in plan.calls
    np.testing.assert_allclose(plan(x, w)[0], w.reshape(3, 2, 2, 3).sum((0, 2)), rtol=1e-13)
