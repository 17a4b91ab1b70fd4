from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.core import Tracer
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import vjp

COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
LOGIC = ["logical_and", "logical_or", "logical_xor"]


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.requirement("P26")
def test_comparisons_are_numpys(name: str, case: BackendCase) -> None:
    a, b = np.float32([1, 2, 3, np.nan, np.inf]), np.float32([[2], [np.nan], [np.inf]])
    with case.active():
        found = getattr(ops, name)(case.asarray(a), case.asarray(b))
        with_scalar = getattr(ops, name)(case.asarray(a), 2.0)
    np.testing.assert_array_equal(case.to_numpy(found), getattr(np, name)(a, b))
    np.testing.assert_array_equal(case.to_numpy(with_scalar), getattr(np, name)(a, 2.0))


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", LOGIC)
def test_logic_is_numpys(name: str, case: BackendCase) -> None:
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    with case.active():
        found = getattr(ops, name)(case.asarray(a), case.asarray(b))
        inverted = ops.logical_not(case.asarray(a))
    np.testing.assert_array_equal(case.to_numpy(found), getattr(np, name)(a, b))
    np.testing.assert_array_equal(case.to_numpy(inverted), ~a)


@pytest.mark.parametrize("name", COMPARISONS)
def test_results_are_traced_but_carry_no_derivative(name: str) -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        mask = getattr(ops, name)(x, 1.0)
        seen.append(mask)
        return ops.where(mask, x, 0.0)

    x = np.array([0.0, 1.0, 2.0])
    _, pullback = vjp(f, x)
    np.testing.assert_array_equal(pullback(np.ones(3))[0], getattr(np, name)(x, 1.0))
    assert seen[0].__class__ is Tracer
    assert seen[0].node is None


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.requirement("P12")
def test_where_gives_the_cotangent_to_what_was_chosen(case: BackendCase) -> None:
    with case.active():
        condition = case.asarray([[True], [False]])
        a, b = case.asarray([1.0, 2.0], "float32"), case.asarray([[10.0], [20.0]], "float32")
        y, pullback = vjp(lambda u, v: ops.where(condition, u, v), a, b)
        da, db = pullback(case.asarray([[1.0, 2.0], [4.0, 8.0]], "float32"))
    np.testing.assert_array_equal(case.to_numpy(y), [[1, 2], [20, 20]])
    np.testing.assert_array_equal(case.to_numpy(da), [1, 2])
    np.testing.assert_array_equal(case.to_numpy(db), [[0], [12]])


def test_where_drops_infinite_and_nan_cotangents_of_what_was_not_chosen() -> None:
    condition = np.array([True, False, True])
    _, pullback = vjp(lambda u, v: ops.where(condition, u, v), np.zeros(3), np.zeros(3))
    da, db = pullback(np.array([np.inf, np.nan, 1.0]))
    np.testing.assert_array_equal(da, [np.inf, 0, 1])
    np.testing.assert_array_equal(db, [0, np.nan, 0])


def test_where_with_scalars_keeps_the_dtype() -> None:
    condition, x = np.array([True, False]), np.float32([1, 2])
    assert ops.where(condition, x, 0.0).dtype == np.float32
    assert ops.where(condition, 0.0, x).dtype == np.float32
    y, t = jvp(lambda v: ops.where(condition, v, 2.0), (x,), (x,))
    assert (y.dtype, t.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(t, [1, 0])


def test_where_chooses_between_complex_numbers() -> None:
    condition = np.array([True, False])
    _, pullback = vjp(lambda z: ops.where(condition, z, 1j * z), np.array([1j, 2.0]))
    np.testing.assert_array_equal(pullback(np.array([1j, 2.0]))[0], [1j, 2j])


def test_where_of_scalars_without_dimensions() -> None:
    for condition in (np.True_, np.array(False)):
        _, pullback = vjp(lambda a, b: ops.where(condition, a, b), np.float32(1), np.float64(2))  # noqa: B023  # called now
        da, db = pullback(np.float64(3))
        assert (float(da), float(db)) == ((3.0, 0.0) if condition else (0.0, 3.0))
        assert (da.dtype, db.dtype) == (np.float32, np.float64)


def test_large_masks_are_as_exact_as_small_ones() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.float16, np.float32, np.float64, np.complex64):
        g = rng.normal(size=(70, 80)).astype(dtype)
        g[:7] = np.inf
        g[7:9] = np.nan
        mask = rng.random((70, 80)) > 0.5
        for one in (mask, mask.T.copy().T, mask[::-1]):
            found = vjp(lambda v: ops.where(one, v, 0.0), g)[1](g)[0]  # noqa: B023  # called now
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, np.where(one, g, dtype(0)))
