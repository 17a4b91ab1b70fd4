"""Stacks of small products agree with NumPy's in double precision, in any order of their operands."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import products
from funcnet.compiler.kernels.products import Matrices, product
from funcnet.compiler.kernels.stacks import Sizes, stack
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

t = xp.matrix_transpose
#: Rows, terms, columns, and the stacks of both operands.
CASES = [
    (1, 1, 1, (7,), (7,)),
    (4, 4, 4, (33,), (33,)),
    (3, 3, 1, (9,), (9,)),
    (1, 3, 3, (5, 2), (2,)),
    (2, 5, 3, (2, 1), (1, 5)),
    (17, 19, 33, (3,), (3,)),
    (40, 10, 1, (4,), (4,)),
    (22, 3, 4, (), (6,)),
]


def by_definition(a: Any, b: Any) -> np.ndarray:
    return np.einsum("...ij,...jk->...ik", a.astype("f8"), b.astype("f8"))


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("turns", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_as_numpy(case: Any, turns: Any) -> None:
    m, k, n, first, second = case
    rng = np.random.default_rng(k)
    dtype = "float64" if turns == (1, 1) else "float32"
    a = rng.standard_normal((*first, *((k, m) if turns[0] else (m, k)))).astype(dtype)
    b = rng.standard_normal((*second, *((n, k) if turns[1] else (k, n)))).astype(dtype)
    plan = FusedPlan(optimised(fn.trace(lambda a, b: (t(a) if turns[0] else a) @ (t(b) if turns[1] else b), a, b)))
    for given in ((a, b), (np.asfortranarray(a), np.repeat(b, 2, -1)[..., ::2])):
        x, y = given[0].mT if turns[0] else given[0], given[1].mT if turns[1] else given[1]
        bound = by_definition(np.abs(x), np.abs(y))
        assert np.all(np.abs(plan(*given)[0] - by_definition(x, y)) <= 10 * np.finfo(dtype).eps * bound)


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
def test_threads_share_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "threads", lambda: 3)
    monkeypatch.setattr(products, "_CYCLES", 1)
    rng = np.random.default_rng(0)
    # Transposed operands are brought in order in memory of each thread.
    a, b = rng.standard_normal((40, 9, 20)), rng.standard_normal((40, 13, 20))
    plan = FusedPlan(optimised(fn.trace(lambda a, b: a @ t(b), a, b)))
    for _ in range(5):
        np.testing.assert_allclose(plan(a, b)[0], by_definition(a, b.mT), rtol=0, atol=1e-13)


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_stays_in_its_row(value: float) -> None:
    a, b = np.ones((5, 3, 3), np.float32), np.zeros((5, 3, 3), np.float32)
    a[2, 1, 0] = value
    (found,) = FusedPlan(optimised(fn.trace(lambda a, b: a @ b, a, b)))(a, b)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(found, a @ b)
    assert np.isnan(found).sum() == 3


def test_only_small_ones() -> None:
    def sizes(m: int, n: int, k: int) -> Sizes:
        return Sizes(m, n, k, k * 4, 4, n * 4, 4, n * 4)

    assert stack(sizes(4, 4, 4), 1, 4) is not None
    assert stack(sizes(4, 4, 65), 1, 4) is None
    assert stack(sizes(4, 65, 4), 1, 4) is None
    assert stack(sizes(64, 64, 64), 1, 4) is None
    # Scalar products of rows are long vectors.
    assert stack(sizes(4, 1, 50), 1, 4) is None
    assert stack(sizes(4, 1, 5), 1, 4) is not None
    assert stack(sizes(4, 1, 5)._replace(c_row=8), 1, 4) is None


def test_loop_in_python(in_python: Any) -> None:
    rng = np.random.default_rng(1)
    a, b, c = rng.standard_normal((2, 1, 22, 3)), rng.standard_normal((5, 8, 3)).mT, np.empty((2, 5, 22, 8))
    found = product(Matrices.of(a), Matrices.of(b), Matrices.of(c), np.float64, 1)
    assert found is not None
    loop = in_python(found.source, "")
    flat = [a.reshape(-1), b.mT.reshape(-1), c.reshape(-1)]
    loop(0, found.bounds[1], 0, *flat, products.scratch(1), found.description)
    np.testing.assert_allclose(c, a @ b, rtol=0, atol=1e-14)


@pytest.mark.parametrize("axes", [(2, 0, 1), (2, 1, 0), (1, 0, 2), (0, 2, 1)])
@pytest.mark.parametrize("left", [False, True])
def test_permuted_operands(in_python: Any, axes: Any, left: bool) -> None:
    """Neither rows nor columns of a matrix are neighbours where the stack is the last dimension in memory."""
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((4, 6, 23) if not left else (4, 23, 6)), rng.standard_normal((4, 23, 23))
    b = np.ascontiguousarray(b.transpose(np.argsort(axes)))

    def f(a: Any, b: Any) -> Any:
        matrices = xp.permute_dims(b, axes)
        return t(matrices @ a) if left else a @ matrices

    plan = FusedPlan(optimised(fn.trace(f, a, b)), in_python)
    np.testing.assert_allclose(plan(a, b)[0], f(a, b), rtol=0, atol=1e-13)


def test_zeros_times_infinite_numbers(in_python: Any) -> None:
    a, b = np.zeros((3, 1, 1)), np.ones((3, 1, 7))
    b[1, 0, 2] = np.inf
    (found,) = FusedPlan(optimised(fn.trace(lambda a, b: a @ b, a, b)), in_python)(a, b)
    assert np.argwhere(np.isnan(found)).tolist() == [[1, 0, 2]]


def test_reversed_operands(in_python: Any) -> None:
    """Views of what the plan has made are read from their last element back."""
    rng = np.random.default_rng(3)
    a, b, w = rng.standard_normal((4, 6, 5)), rng.standard_normal((4, 5, 5)), rng.standard_normal((5, 5))

    def f(a: Any, b: Any, w: Any) -> Any:
        return (a @ w)[:, ::-1, ::-1] @ (b @ w)[::-1, ::-1]

    plan = FusedPlan(optimised(fn.trace(f, a, b, w)), in_python)
    np.testing.assert_allclose(plan(a, b, w)[0], f(a, b, w), rtol=0, atol=1e-13)
