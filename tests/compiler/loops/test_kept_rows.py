"""Sums of rows keep their dimensions where these are put back later, and one loop does what comes between."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.loops.kept_rows import with_rows_kept
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def compared(f: Any, *args: np.ndarray, compile: Any = in_python) -> FusedPlan:
    graph = fn.trace(f, *args)
    wanted = interpret(graph, args)
    plan = FusedPlan(optimised(graph), compile)
    for _ in range(2):
        for a, b in zip(wanted, plan(*args), strict=True):
            assert (np.shape(a), a.dtype) == (np.shape(b), b.dtype)
            tolerance = 50 * np.finfo(a.dtype).eps
            np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * float(np.max(np.abs(a), initial=1.0)))
    return plan


def forces(x: Any, m: Any) -> Any:
    d = x[None] - x[:, None]
    # In single precision not nearer: terms of 1,000 would cancel in the gradient, and leave their rounding errors.
    near = xp.sum(d * d, axis=-1) + (0.01 if x.dtype == xp.float64 else 1.0)
    return xp.sum((m / (near * xp.sqrt(near)))[:, :, None] * d, axis=1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("points", "dimensions"), [(40, 3), (16, 16), (5, 3), (2, 2), (1, 4), (3, 30)])
def test_forces(points: int, dimensions: int, dtype: str) -> None:
    x, m = normal(points, dimensions).astype(dtype), np.abs(normal(points)).astype(dtype)
    compared(forces, x, m)
    compared(fn.grad(lambda x, m: xp.sum(xp.sin(forces(x, m))), argnums=(0, 1)), x, m)


def test_one_loop_computes_forces() -> None:
    plan = compared(forces, normal(40, 3), np.abs(normal(40)), compile=build.compiled)
    assert len(plan.loops) == 1


@pytest.mark.parametrize("shape", [(), (6,), (6, 1), (1, 6), (1, 1), (6, 6), (1,)])
@pytest.mark.parametrize("columns", [6, 3, 1, 20])
def test_what_meets_sums_is_aligned_with_them(shape: tuple[int, ...], columns: int) -> None:
    def f(x: Any, a: Any) -> Any:
        total, most = xp.sum(x, axis=-1), xp.max(x * x, axis=-1)
        weight = xp.where(most > a, a * total, most - a)
        # Not all of it gets its dimension back.
        return weight[..., None] * x, weight + a, xp.tanh(total)[:, :, None] + x, total

    compared(f, normal(6, 6, columns), normal(*shape))
    many = np.broadcast_to(normal(*shape), (6, 6))[:1] if shape == (1, 6) else normal(*shape)
    compared(f, normal(6, 6, columns).astype("f4"), many.astype("f4"))


def test_sums_over_several_axes() -> None:
    def f(x: Any, a: Any) -> Any:
        total = a * xp.sum(x, axis=(1, 2)) + 1.0
        few = xp.mean(x, axis=2) * a[:, None]
        return total[:, None, None] * x, few[:, :, None] * x, total[:, None] * few, xp.sum(x, axis=0)[None] * x

    compared(f, normal(7, 5, 3), normal(7))
    compared(f, normal(3, 3, 3), normal(3))


def test_what_does_not_go_element_by_element_reads_them_as_they_were() -> None:
    """A product of as many rows as columns would take what has one more dimension, too."""

    def f(x: Any, w: Any) -> tuple[Any, ...]:
        y = xp.sum(xp.sin(x), axis=-1)
        others = (y @ w, xp.permute_dims(y, (1, 0)), xp.reshape(y, (6,)), xp.tril(y @ xp.matrix_transpose(y)))
        return tuple([2 * xp.reshape(z, (*z.shape, 1)) for z in (y, *others)])

    compared(f, normal(2, 3, 4), normal(3, 5))


def test_graphs_without_such_sums_stay() -> None:
    def f(x: Any) -> Any:
        return xp.sum(x, axis=0)[:, None] * x, xp.sum(x, axis=1, keepdims=True) * x, xp.exp(x)[..., None]

    graph = optimised(fn.trace(f, normal(4, 4)))
    assert with_rows_kept(graph) is graph
