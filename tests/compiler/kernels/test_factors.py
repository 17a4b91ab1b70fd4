"""Square matrices of any size in compiled plans agree with LAPACK in double precision, and fail as it does."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import factors
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def planned(f: Any, *given: Any) -> FusedPlan:
    return FusedPlan(optimised(fn.trace(f, *given)))


def regular(stack: tuple[int, ...], n: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(n)
    # Rows in another order, so that pivots are exchanged.
    a = rng.standard_normal((*stack, n, n)) / n**0.5 + np.eye(n)[rng.permutation(n)]
    return a.astype(dtype)


def spread(x: np.ndarray) -> np.ndarray:
    """Return the same numbers with gaps between them."""
    return np.repeat(x, 2, -1)[..., ::2]


def turned(x: Any) -> Any:
    return xp.matrix_transpose(x)


def definite(a: Any) -> Any:
    return a @ turned(a) + np.eye(a.shape[-1], dtype=str(a.dtype))


#: What is computed of a matrix and right-hand sides, and the same by NumPy.
CASES: dict[str, tuple[Any, Any]] = {
    "solve": (xp.linalg.solve, np.linalg.solve),
    "solve, transposed": (lambda a, b: xp.linalg.solve(turned(a), b), lambda a, b: np.linalg.solve(a.mT, b)),
    "solve, right side transposed": (
        lambda a, b: xp.linalg.solve(a, turned(a)),
        lambda a, b: np.linalg.solve(a, a.mT),
    ),
    "inv": (lambda a, b: xp.linalg.inv(a), lambda a, b: np.linalg.inv(a)),
    "inv, transposed": (lambda a, b: xp.linalg.inv(turned(a)), lambda a, b: np.linalg.inv(a.mT)),
    "det": (lambda a, b: xp.linalg.det(a), lambda a, b: np.linalg.det(a)),
    "slogdet": (
        lambda a, b: xp.prod(xp.stack(xp.linalg.slogdet(a)), axis=0),
        lambda a, b: np.prod(np.linalg.slogdet(a), axis=0),
    ),
    "cholesky": (lambda a, b: xp.linalg.cholesky(definite(a)), lambda a, b: np.linalg.cholesky(definite(a))),
    "factor": (
        lambda a, b: xp.linalg.solve(xp.linalg.cholesky(definite(a)), b),
        lambda a, b: np.linalg.solve(np.linalg.cholesky(definite(a)), b),
    ),
    "factor, transposed": (
        lambda a, b: xp.linalg.solve(turned(xp.linalg.cholesky(definite(a))), b),
        lambda a, b: np.linalg.solve(np.linalg.cholesky(definite(a)).mT, b),
    ),
    "upper triangle": (
        lambda a, b: xp.linalg.solve(xp.triu(a + 2), b),
        lambda a, b: np.linalg.solve(np.triu(a + 2), b),
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("stack", "n", "columns"), [((), 9, 1), ((5,), 17, 3), ((2, 2), 32, 1), ((), 33, 40), ((), 70, 2), ((), 203, 5)]
)
@pytest.mark.parametrize("name", list(CASES))
def test_as_lapack(
    name: str, stack: tuple[int, ...], n: int, columns: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "threads", lambda: 2)
    monkeypatch.setattr(factors, "_WORK", 1)
    f, by_numpy = CASES[name]
    a, b = regular(stack, n, dtype), np.random.default_rng(1).standard_normal((*stack, n, columns)).astype(dtype)
    plan = planned(f, a, b)
    assert any([c.endswith(("by factors", "by blocks", "triangular")) for c in plan.calls])
    exact = by_numpy(a.astype("f8"), b.astype("f8"))
    again = by_numpy(a, b)
    for given in ((a, b), (np.asfortranarray(a), np.asfortranarray(b)), (spread(a), spread(b))):
        (found,) = plan(*given)
        assert found.dtype == dtype
        # As accurate as LAPACK in the same precision, but for a constant.
        scale = np.abs(exact).max()
        limit = 20 * np.abs(again - exact).max() + 20 * n**0.5 * np.finfo(dtype).eps * scale
        np.testing.assert_allclose(found, exact, rtol=0, atol=limit)


@pytest.mark.parametrize("n", [12, 45])
def test_gradients_as_pytorch(n: int) -> None:
    torch = pytest.importorskip("torch")
    a, b = regular((2,), n, "float64"), np.random.default_rng(0).standard_normal((2, n, 3))
    c = definite(a)

    def of_library(m: Any, linalg: Any, t: Any) -> Any:
        def f(a: Any, b: Any, c: Any) -> Any:
            x = linalg.solve(a, b)
            y = linalg.solve(t(a), x)
            return (
                m.sum(y**2)
                + m.sum(linalg.inv(a) ** 2)
                + m.sum(linalg.slogdet(a)[1])
                + m.sum(linalg.det(a))
                + m.sum(linalg.cholesky(c) ** 3)
                + m.sum(linalg.solve(linalg.cholesky(c), b) ** 2)
            )

        return f

    plan = planned(fn.grad(of_library(xp, xp.linalg, turned), argnums=(0, 1, 2)), a, b, c)
    # One factorisation for all that is asked of a matrix, and none for triangles.
    assert plan.calls.count("factors, by blocks") == 1
    assert plan.calls.count("cholesky, by blocks") == 1
    assert not {"solve", "inv", "det", "slogdet", "cofactor", "cholesky"} & set(plan.calls)
    given = [torch.tensor(x, requires_grad=True) for x in (a, b, c)]
    value = of_library(torch, torch.linalg, lambda x: x.mT)(*given)
    for one, other in zip(plan(a, b, c), torch.autograd.grad(value, given), strict=True):
        wanted = other.numpy()
        np.testing.assert_allclose(one, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hessians_as_by_the_graph(dtype: str) -> None:
    a = regular((), 10, dtype)
    f = fn.hessian(lambda a: xp.linalg.slogdet(a)[1] + xp.sum(xp.linalg.inv(a)))
    (found,) = planned(f, a)(a)
    wanted = f(a.astype("f8"))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e3 * np.finfo(dtype).eps * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["solve", "solve, transposed", "inv", "cholesky", "lower"])
def test_fails_as_numpy(name: str) -> None:
    good = regular((3,), 20, "float64")
    good = definite(good)
    bad = good.copy()
    # A row of zeros, which is exactly singular.
    bad[1, 7] = 0
    bad[1, :, 7] = 0
    functions: dict[str, Any] = {
        **{k: v[0] for k, v in CASES.items()},
        "cholesky": lambda a, b: xp.linalg.cholesky(a),
        "lower": lambda a, b: xp.linalg.solve(xp.tril(a), b),
    }
    b = np.ones((3, 20, 2))
    plan = planned(functions[name], good, b)
    (first,) = plan(good, b)
    for _ in range(2):
        with pytest.raises(np.linalg.LinAlgError, match=r"definite|[Ss]ingular"):
            plan(bad, b)
        np.testing.assert_array_equal(plan(good, b)[0], first)


def test_errors_of_one_call_are_not_the_next_ones() -> None:
    a, b, x = regular((), 12, "float64"), np.ones((12, 2)), np.ones((30, 16))
    plan = planned(lambda a, b, x, i: (x[i] * 2, xp.linalg.solve(a, b)), a, b, x, np.array([1, 2]))
    wanted = plan(a, b, x, np.array([1, 2]))
    with pytest.raises(IndexError):
        # The matrix is singular, too.
        plan(0 * a, b, x, np.array([1, 99]))
    for one, other in zip(plan(a, b, x, np.array([1, 2])), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_choices_than_unit_matrices() -> None:
    a = regular((10,), 10, "float64")
    a[3, 3] = 0

    def chosen(a: Any, shape: tuple[int, ...], other: np.ndarray) -> Any:
        return xp.linalg.inv(xp.where(xp.reshape(xp.linalg.slogdet(a)[0] != 0, shape), a, other))

    # For each matrix a number, and for each row, whose sign is that of another matrix.
    for shape, other in (((10, 1, 1), np.array(0.5) + np.eye(10)), ((1, 10, 1), np.eye(10))):
        f = lambda a, shape=shape, other=other: chosen(a, shape, other)  # noqa: E731
        np.testing.assert_allclose(planned(f, a)(a)[0], f(a), rtol=0, atol=1e-10)
    scalar = planned(lambda a: chosen(a, (10, 1, 1), np.array(1.0)), a)
    with pytest.raises(np.linalg.LinAlgError):
        scalar(a)


def test_singular_matrices_have_determinants() -> None:
    a = np.random.default_rng(0).integers(-3, 4, (3, 12, 12)).astype("float64")
    a[1, :, 3] = 0
    a[2] = 0
    f = fn.value_and_grad(lambda a: xp.sum(xp.linalg.det(a)))
    value, slope = planned(f, a)(a)
    wanted, exact = f(a)
    np.testing.assert_allclose(value, wanted, rtol=1e-12)
    np.testing.assert_allclose(slope, exact, rtol=0, atol=1e-11 * np.abs(exact).max())
    sign, logarithm = planned(xp.linalg.slogdet, a)(a)
    np.testing.assert_array_equal(sign[1:], 0)
    np.testing.assert_array_equal(logarithm[1:], -np.inf)
    # The derivative of a logarithm of nothing.
    found = planned(fn.grad(lambda a: xp.sum(xp.linalg.slogdet(a)[1])), a)(a)[0]
    assert np.isinf(found[1:]).all()
    np.testing.assert_allclose(found[0], np.linalg.inv(a[0]).T, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_determinants_whose_pivots_multiply_out_of_range(dtype: str) -> None:
    size = 1e30 if dtype == "float32" else 1e250
    diagonal = np.array([size] * 6 + [1 / size] * 6, dtype)
    a = np.diag(diagonal)
    (found,) = planned(xp.linalg.det, a)(a)
    np.testing.assert_allclose(found, 1, rtol=1e-5 if dtype == "float32" else 1e-12)
    # Out of range altogether.
    assert planned(xp.linalg.det, a)(np.diag(np.full(12, -size, dtype)))[0] == np.inf
    assert planned(xp.linalg.det, a)(np.diag(np.full(12, 1 / size, dtype)))[0] == 0
    # The determinant of all is out of range, and those of parts are not.
    large = np.eye(40, dtype=dtype) * np.asarray(10.0 if dtype == "float32" else 1e8, dtype)
    (slope,) = planned(fn.grad(xp.linalg.det), large)(large)
    with np.errstate(over="ignore"):
        wanted = np.diag(np.full(40, large[0, 0] ** 39))
    np.testing.assert_allclose(np.diag(slope), np.diag(wanted), rtol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_stays_in_its_matrix(value: float) -> None:
    a, b = regular((3,), 12, "float64"), np.ones((3, 12, 2))
    wanted = [np.linalg.inv(a), np.linalg.solve(a, b), np.linalg.det(a)]
    a[1, 4, 2] = value
    found = planned(lambda a, b: (xp.linalg.inv(a), xp.linalg.solve(a, b), xp.linalg.det(a)), a, b)(a, b)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one[[0, 2]], other[[0, 2]], rtol=0, atol=1e-12)
    assert not np.isfinite(found[2][1])
    assert np.isnan(found[0][1]).any() == np.isnan(value)


def test_cholesky_factors_of_what_is_no_number() -> None:
    a = definite(regular((3,), 12, "float64"))
    plan = planned(xp.linalg.cholesky, a)
    wanted = np.linalg.cholesky(a)
    for place in ((0, 0), (9, 4), (11, 11)):
        x = a.copy()
        x[1][place] = np.nan
        (found,) = plan(x)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(xp.linalg.cholesky(x)))
        np.testing.assert_allclose(found[[0, 2]], wanted[[0, 2]], rtol=0, atol=1e-12)


def test_others_are_left_to_numpy() -> None:
    for shapes in [((9, 9), (4, 9, 1)), ((0, 9, 9), (0, 9, 1)), ((4, 9, 9), (4, 9, 0))]:
        a, b = (np.ones(s) for s in shapes)
        assert planned(xp.linalg.solve, a, b).calls == ["solve"]
    a = np.ones((4, 10, 10), complex)
    assert planned(xp.linalg.inv, a).calls == ["inv"]
