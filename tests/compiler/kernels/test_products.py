"""Products in compiled plans agree with NumPy's in double precision and copy no operand."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import products, reference
from funcnet.compiler.kernels.products import Matrices, product
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def t(x: Any) -> Any:
    return xp.matrix_transpose(x)


def swapped(x: Any) -> Any:
    return xp.permute_dims(x, (0, 2, 1, 3))


#: What is computed, and the shapes of its arguments.
CASES: dict[str, Any] = {
    "plain": (lambda a, b: (a + 0) @ b, (20, 30), (30, 40)),
    "arguments": (lambda a, b: a @ b, (20, 30), (30, 40)),
    "transposed left": (lambda a, b: t(a) @ b, (30, 20), (30, 40)),
    "transposed right": (lambda a, b: a @ t(b), (20, 30), (40, 30)),
    "transposed result": (lambda a, b: t(a @ b) * 2, (20, 30), (30, 40)),
    "stack": (lambda a, b: a @ b, (3, 20, 30), (3, 30, 40)),
    "rows of a stack": (lambda a, b: a @ b, (3, 4, 20, 30), (30, 40)),
    "repeated left": (lambda a, b: a @ b, (20, 30), (3, 30, 40)),
    "repeated both": (lambda a, b: a @ b, (4, 1, 20, 30), (3, 30, 40)),
    "heads": (lambda q, k: swapped(swapped(q) @ t(swapped(k))), (2, 17, 3, 8), (2, 17, 3, 8)),
    "outer products": (lambda a, b: a[:, :, None] @ b[:, None, :], (12, 20), (12, 30)),
    "rows one by one": (lambda a, b: a[:, None, :] @ b, (12, 20), (20, 30)),
    "few columns": (lambda a, b: a @ b, (128, 64), (64, 10)),
    "several blocks": (lambda a, b: a @ b, (40, 900), (900, 700)),
    "a few of each": (lambda a, b: a @ b, (3, 4), (4, 5)),
    "row": (lambda a, b: a @ b, (1, 40), (40, 50)),
    "column": (lambda a, b: a @ b, (40, 50), (50, 1)),
    "row with rows": (lambda a, b: a @ t(b), (1, 140), (50, 140)),
    "columns with column": (lambda a, b: t(a) @ b, (140, 50), (140, 1)),
    "rows with few columns": (lambda a, b: a @ b, (150, 140), (140, 3)),
    "few rows with rows": (lambda a, b: a @ t(b), (5, 140), (150, 140)),
    "stack of rows with columns": (lambda a, b: a @ b, (3, 1, 140), (3, 140, 50)),
    "outer": (lambda a, b: a @ b, (40, 1), (1, 50)),
    "nothing": (lambda a, b: a @ b, (3, 0), (0, 5)),
    "part": (lambda a, b: (a + 0)[:, 3:17] @ (b * 1)[3:17], (20, 30), (30, 40)),
    "every second": (lambda a, b: (a + 0)[::2] @ (b * 1)[:, ::3], (20, 30), (30, 40)),
}


def arrays(shapes: Any, dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(len(shapes[0]))
    return [rng.standard_normal(s).astype(dtype) for s in shapes]


def check(f: Any, given: Any, plan: Any, dtype: str) -> None:
    wide = [a.astype("f8") for a in given]
    exact, bound = f(*wide), f(*[np.abs(a) for a in wide])
    for _ in range(2):
        (found,) = plan(*given)
        assert found.dtype == dtype
        assert np.all(np.abs(found - exact) <= 50 * np.finfo(dtype).eps * np.abs(bound) + 1e-300)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", list(CASES))
def test_as_numpy(name: str, threads: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    f, *shapes = CASES[name]
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr(products, "_EACH", 1)
    given = arrays(shapes, dtype)
    check(f, given, FusedPlan(optimised(fn.trace(f, *given))), dtype)


@pytest.mark.parametrize("name", ["arguments", "transposed right", "stack"])
def test_arguments_in_any_order(name: str) -> None:
    f, *shapes = CASES[name]
    given = arrays(shapes, "float32")
    plan = FusedPlan(optimised(fn.trace(f, *given)))
    check(f, [np.asfortranarray(a) for a in given], plan, "float32")
    check(f, [np.repeat(a, 2, -1)[..., ::2] for a in given], plan, "float32")


def test_nothing_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    given = arrays([(20, 30), (20, 40), (50, 40)], "float32")
    plan = FusedPlan(optimised(fn.trace(lambda a, b, c: t(a) @ b @ t(c), *given)))
    (expected,) = plan(*given)
    for name in ("dot", "matmul", "copyto"):
        monkeypatch.setattr(np, name, None)
    np.testing.assert_array_equal(plan(*given)[0], expected)
    assert plan.planned == -(-30 * 40 * 4 // 64) * 64


def test_values_that_are_made_by_calls() -> None:
    def f(x: Any, w: Any) -> Any:
        rows = xp.take(x, xp.asarray([3, 1, 2]), axis=0)
        return t(rows) @ w, rows @ t(w @ w), xp.roll(x, 1) @ t(w)

    x, w = arrays([(5, 7), (3, 7)], "float64")
    given = (x[:, :3], w[:, :3])
    found = FusedPlan(optimised(fn.trace(f, *given)))(*given)
    for a, b in zip(found, f(*given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_several_products_at_once() -> None:
    # Plans of their own for calls at the same time, each with its memory.
    from concurrent.futures import ThreadPoolExecutor

    plan = FusedPlan(optimised(fn.trace(lambda a, b: t(a @ b) + 1, *arrays([(60, 70), (70, 80)], "float32"))))
    rng = np.random.default_rng(0)
    pairs = [[rng.standard_normal(s).astype("f4") for s in ((60, 70), (70, 80))] for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda pair: plan(*pair)[0], pairs))
    for (a, b), found in zip(pairs, results, strict=True):
        np.testing.assert_allclose(found, (a @ b).T + 1, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("shapes", "threads", "bounds"),
    [
        (((60, 64), (64, 64)), 4, 2),
        (((512, 512), (512, 512)), 4, 5),
        (((32, 8, 200, 200), (32, 8, 200, 200)), 3, 4),
        (((400, 300), (300, 40)), 2, 3),
        (((10, 2000), (2000, 400)), 2, 3),
    ],
)
def test_threads_share_the_work(shapes: Any, threads: int, bounds: int) -> None:
    a, b = (np.empty(s, np.float32) for s in shapes)
    c = np.empty((*a.shape[:-1], b.shape[-1]), np.float32)
    found = product(*[Matrices.of(x) for x in (a, b, c)], np.float32, threads)
    assert found is not None
    assert len(found.bounds) == bounds
    assert found.bounds[0] == 0
    assert np.ptp(np.diff(found.bounds)) <= 1


@pytest.mark.parametrize("shapes", [((3, 0), (0, 5)), ((0, 3), (3, 5))])
def test_products_of_nothing_are_left_to_numpy(shapes: Any) -> None:
    a, b = (np.empty(s, np.float32) for s in shapes)
    c = np.empty((a.shape[0], b.shape[1]), np.float32)
    assert product(*[Matrices.of(x) for x in (a, b, c)], np.float32, 2) is None


def test_results_with_gaps_both_ways() -> None:
    a, b = np.empty((6, 7), np.float32), np.empty((7, 8), np.float32)
    c = np.empty((6, 16), np.float32)[:, ::2]
    assert product(*[Matrices.of(x) for x in (a, b, c)], np.float32, 1) is None


def test_loop_in_python() -> None:
    names: dict[str, Any] = reference.functions()
    exec(products.source("float64"), names)
    rng = np.random.default_rng(1)
    a, b, c = rng.standard_normal((3, 5, 6)), rng.standard_normal((6, 7)), np.empty((3, 5, 7))
    found = product(Matrices.of(a), Matrices.of(b), Matrices.of(c), np.float64, 1)
    assert found is not None
    names["loop"](0, found.bounds[1], 0, a.reshape(-1), b.reshape(-1), c.reshape(-1), products.scratch(1), found[1])
    np.testing.assert_allclose(c, a @ b, rtol=0, atol=1e-14)
