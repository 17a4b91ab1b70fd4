"""Stacks of small matrices in compiled plans agree with LAPACK in double precision, and fail as it does."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import small_matrices
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def planned(f: Any, *given: Any) -> FusedPlan:
    return FusedPlan(optimised(fn.trace(f, *given)))


def regular(count: int, n: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(n)
    # Rows in another order, so that pivots are exchanged.
    return (rng.standard_normal((count, n, n)) + 2 * n**0.5 * np.eye(n)[rng.permutation(n)]).astype(dtype)


def adjugate(a: Any) -> Any:
    """Return the derivative of determinants by its definition."""
    n = a.shape[-1]
    found = np.ones_like(a)
    for i in range(n):
        for j in range(n):
            rest = np.delete(np.delete(a, i, -2), j, -1)
            found[..., i, j] = (-1) ** (i + j) * (np.linalg.det(rest) if n > 1 else 1)
    return found


CASES: dict[str, Any] = {
    "solve": (xp.linalg.solve, np.linalg.solve),
    "solve transposed": (
        lambda a, b: xp.linalg.solve(xp.matrix_transpose(a), b),
        lambda a, b: np.linalg.solve(a.mT, b),
    ),
    "inv": (xp.linalg.inv, np.linalg.inv),
    "det": (xp.linalg.det, np.linalg.det),
    "slogdet": (
        lambda a: xp.prod(xp.stack(xp.linalg.slogdet(a)), axis=0),
        lambda a: np.prod(np.linalg.slogdet(a), axis=0),
    ),
    "cofactor": (fn.grad(lambda a: xp.sum(xp.linalg.det(a))), adjugate),
    "cholesky": (xp.linalg.cholesky, lambda a: np.linalg.cholesky((a + a.mT) / 2)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("count", "n"), [(1, 1), (37, 2), (5, 3), (16, 4), (3, 5)])
@pytest.mark.parametrize("name", list(CASES))
def test_as_lapack(name: str, count: int, n: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "threads", lambda: 2)
    monkeypatch.setattr(small_matrices, "_EACH", 1)
    f, by_numpy = CASES[name]
    a = regular(count, n, dtype)
    if name == "cholesky":
        a = a @ a.mT + np.eye(n, dtype=dtype)
        # The other half of an unsymmetric matrix is looked at, too.
        a[:, 0, n - 1] += 0.01
    given = [a]
    if name.startswith("solve"):
        given.append(np.random.default_rng(1).standard_normal((count, n, 3)).astype(dtype))
    plan = planned(f, *given)
    how = "by rows" if name == "slogdet" or (name == "cofactor" and n > 4) else "several at once"
    assert f"{name.split()[0]}, {how}" in plan.calls
    exact = by_numpy(*[x.astype("f8") for x in given])
    layouts = [given, [np.asfortranarray(x) for x in given], [np.repeat(x, 2, -1)[..., ::2] for x in given]]
    for arrays in layouts:
        (found,) = plan(*arrays)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=0, atol=100 * np.finfo(dtype).eps * np.abs(exact).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", range(1, 9))
def test_signs_and_logarithms_as_lapack(n: int, dtype: str, in_python: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "threads", lambda: 2)
    monkeypatch.setattr(small_matrices, "_WORK", 1)
    rng = np.random.default_rng(n)
    a = np.concatenate([regular(9, n, dtype), rng.integers(-1, 2, (30, n, n)).astype(dtype)])
    # Nothing, determinants out of range, and rows that are not finite.
    a[9], a[10], a[11] = 0, a[0] * 1e-30, a[1] * 1e30
    a[12:14] = a[2:4]
    a[12, n - 1], a[13, n - 1] = np.nan, np.inf
    plan = FusedPlan(optimised(fn.trace(lambda a: tuple(xp.linalg.slogdet(a)), a)), in_python)
    assert plan.calls == ["slogdet, by rows"]
    sign, size = plan(a)
    finite = np.isfinite(a).all((-2, -1))
    with np.errstate(all="ignore"):
        wanted_sign, wanted_size = np.linalg.slogdet(a)
    # Elimination in small integers rounds in its own way whether nothing is left.
    same = np.isinf(size) == np.isinf(wanted_size)
    assert (same | (np.arange(39) > 13))[finite].all()
    np.testing.assert_array_equal(sign[finite & same], wanted_sign[finite & same])
    np.testing.assert_allclose(
        size[finite & same], wanted_size[finite & same], rtol=0, atol=2e3 * float(np.finfo(dtype).eps)
    )
    assert np.isnan(size[12])
    assert not np.isfinite(size[13])


@pytest.mark.parametrize("rank", range(7))
def test_derivatives_of_determinants_at_each_rank(rank: int) -> None:
    rng = np.random.default_rng(rank)
    a = rng.integers(-3, 4, (4, 6, rank)) @ rng.integers(-3, 4, (4, rank, 6)) * 1.0
    (found,) = planned(CASES["cofactor"][0], a)(a)
    np.testing.assert_allclose(found, adjugate(a), rtol=0, atol=1e-10 * np.abs(a).max() ** 5 if rank else 0)


def test_derivatives_of_determinants_with_nan() -> None:
    a = regular(3, 6, "float64")
    a[1, 4, 2] = np.nan
    (found,) = planned(CASES["cofactor"][0], a)(a)
    assert np.isnan(found[1]).any()
    np.testing.assert_allclose(found[[0, 2]], adjugate(a[[0, 2]]), rtol=1e-10, atol=1e-10)


def test_derivatives_of_singular_matrices() -> None:
    a = np.array([[[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]])
    plan = planned(fn.value_and_grad(lambda a: xp.sum(xp.linalg.det(a))), a)
    value, slope = plan(a)
    assert value == 0
    np.testing.assert_array_equal(slope, adjugate(a))
    b = np.ones((2, 3, 3))
    np.testing.assert_array_equal(planned(xp.linalg.det, b)(b)[0], [0, 0])


@pytest.mark.parametrize("name", ["solve", "inv", "cholesky"])
def test_fails_as_numpy(name: str) -> None:
    good = regular(20, 3, "float64")
    good = good @ good.mT
    bad = good.copy()
    bad[17] = -np.eye(3) if name == "cholesky" else 1
    f, by_numpy = CASES[name]
    further = [np.ones((20, 3, 1))] if name == "solve" else []
    plan = planned(f, good, *further)
    for _ in range(2):
        np.testing.assert_allclose(plan(good, *further)[0], by_numpy(good, *further), rtol=0, atol=1e-12)
        with pytest.raises(np.linalg.LinAlgError, match=r"definite|[Ss]ingular"):
            plan(bad, *further)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_stays_in_its_matrix(value: float) -> None:
    a = regular(20, 3, "float64")
    wanted = np.linalg.inv(a)
    a[3, 2, 0] = value
    (found,) = planned(xp.linalg.inv, a)(a)
    # Dividing by a pivot that is infinite gives 0, as it does in LAPACK.
    assert np.isnan(found[3]).any() == np.isnan(value)
    others = [i for i in range(20) if i != 3]
    np.testing.assert_allclose(found[others], wanted[others], rtol=0, atol=1e-13)
    determinants = planned(xp.linalg.det, a)(a)[0]
    assert not np.isfinite(determinants[3])


def test_others_are_left_to_numpy() -> None:
    for shapes in [((3, 3), (4, 3, 1)), ((0, 3, 3), (0, 3, 1)), ((4, 3, 3), (4, 3, 9))]:
        a, b = (np.ones(s) for s in shapes)
        assert planned(xp.linalg.solve, a, b).calls == ["solve"]
    a = np.ones((4, 3, 3), complex)
    assert planned(xp.linalg.inv, a).calls == ["inv"]


def test_gradients_as_pytorch() -> None:
    torch = pytest.importorskip("torch")
    a, b = regular(6, 4, "float64"), np.random.default_rng(0).standard_normal((6, 4, 2))

    def f(a: Any, b: Any) -> Any:
        s = a @ xp.matrix_transpose(a)
        return xp.sum(xp.linalg.solve(a, b) ** 2) + xp.sum(xp.linalg.cholesky(s) ** 3) + xp.sum(xp.linalg.det(a))

    found = planned(fn.grad(f, argnums=(0, 1)), a, b)(a, b)
    x, y = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    z = (torch.linalg.solve(x, y) ** 2).sum() + (torch.linalg.cholesky(x @ x.mT) ** 3).sum() + torch.linalg.det(x).sum()
    for one, other in zip(found, torch.autograd.grad(z, (x, y)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
