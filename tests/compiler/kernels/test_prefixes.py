"""Associative scans in compiled plans: in turn where that is one loop, pair by pair elsewhere; as without a graph."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.execute import Executable
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.control import associative

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

X, Y = np.random.default_rng(0).normal(size=(2, 3, 9, 4))
P = np.array(0.3)


def affine(a: Any, b: Any) -> Any:
    return a[0] * b[0], b[0] * a[1] + b[1]


def products(a: Any, b: Any) -> Any:
    return a @ b


def planned(f: Any, *arrays: np.ndarray, compile: Any, loops: int = 1) -> FusedPlan:
    """Compare a function of a plan with the same without a graph; return the plan."""
    graph = optimised(fn.trace(f, *arrays))
    plan = FusedPlan(graph, compile)
    for found in (plan(*arrays), plan(*arrays), Executable(graph)(*arrays)):
        for a, b in zip(fn.tree.leaves(f(*arrays)), found, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-11)
    assert sum(["whole scan" in call for call in plan.calls]) == loops, plan.calls
    return plan


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_along_any_axis(in_python: Any, axis: int, reverse: bool) -> None:
    x, y = np.repeat(X, 2, axis=0), np.repeat(Y, 2, axis=0)
    many = x.shape[axis] > 4
    planned(
        lambda *xs: fn.associative_scan(affine, xs, axis=axis, reverse=reverse),
        x,
        y,
        compile=in_python,
        loops=int(many),
    )


def test_products_of_matrices(in_python: Any) -> None:
    planned(lambda x: fn.associative_scan(products, x), X.reshape(12, 3, 3), compile=in_python)


def test_numbers_and_arrays_from_outside(in_python: Any) -> None:
    def f(p: Any, x: Any) -> Any:
        return fn.associative_scan(lambda a, b: p * a * b, x) + fn.associative_scan(xp.maximum, x)

    planned(f, P, X.reshape(-1), compile=in_python, loops=2)


def test_derivatives_and_batches(in_python: Any) -> None:
    def total(p: Any, x: Any, y: Any) -> Any:
        return xp.sum(fn.associative_scan(lambda a, b: affine(a, (p * b[0], b[1])), (x, y), axis=1)[1] ** 2)

    gradient = fn.grad(total, argnums=(0, 1, 2))
    # The loop that keeps what the derivative needs, and the one back, beside the first.
    planned(gradient, P, X, Y, compile=in_python, loops=3)
    planned(lambda *xs: fn.jvp(total, xs, xs), P, X, Y, compile=in_python)
    batched = fn.vmap(lambda x, y: fn.associative_scan(affine, (x, y), reverse=True), in_axes=(0, None))
    planned(batched, X, Y[0], compile=in_python)
    planned(fn.vmap(fn.grad(lambda x: xp.sum(fn.associative_scan(xp.multiply, x)[-1]))), X, compile=in_python, loops=2)


def test_in_the_step_of_a_loop(in_python: Any) -> None:
    def f(x: Any) -> Any:
        return fn.scan(lambda c, _: (xp.tanh(fn.associative_scan(xp.add, c)), None), x, None, length=3)[0]

    assert planned(f, X[0], compile=in_python).calls == ["whole scan"]


def test_what_stays_pair_by_pair(in_python: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlike(a: Any, b: Any) -> Any:
        return xp.sort(a + b, axis=-1)

    graph = optimised(fn.trace(lambda x: fn.associative_scan(unlike, x), np.zeros((9, 3))))
    assert "scan" not in " ".join(FusedPlan(graph, in_python).calls)
    monkeypatch.setattr(associative, "_MANY", 8)
    planned(lambda x: fn.associative_scan(xp.add, x, axis=1), X, compile=in_python, loops=0)


def test_effects_are_those_of_pairs(in_python: Any, capfd: pytest.CaptureFixture[str]) -> None:
    def told(a: Any, b: Any) -> Any:
        fn.debug_print("added {}", a)
        return a + b

    graph = optimised(fn.trace(lambda x: fn.associative_scan(told, x), np.zeros(9)))
    counts = []
    for run in (Executable(graph), FusedPlan(graph, in_python)):
        run(np.ones(9))
        counts.append(capfd.readouterr().out.count("added"))
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled(dtype: str) -> None:
    def f(p: Any, x: Any, y: Any) -> Any:
        return xp.sum(fn.associative_scan(lambda a, b: affine(a, (p * b[0], b[1])), (x, y), axis=1)[1] ** 2)

    gradient = fn.value_and_grad(f, argnums=(0, 1, 2))
    arrays = [np.asarray(a, dtype) for a in (P, X, Y)]
    plan = FusedPlan(optimised(fn.trace(gradient, *arrays)))
    tol = 1e-5 if dtype == "float32" else 1e-12
    for a, b in zip(fn.tree.leaves(gradient(*arrays)), plan(*arrays), strict=True):
        np.testing.assert_allclose(b, a, rtol=tol, atol=tol)
