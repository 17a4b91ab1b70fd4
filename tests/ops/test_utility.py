from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.core import carries_derivative
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.strategies import arrays, shapes
from funcnet.transforms.reverse import vjp

TESTS = pytest.mark.parametrize("name", ["all", "any"])


@TESTS
@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_tests(case: BackendCase, name: str, axis: Any, keepdims: bool) -> None:
    x = np.array([[0.0, np.nan, 1.0], [0.0, 2.0, 0.0]], np.float32)
    with case.active():
        y = getattr(ops, name)(case.asarray(x), axis=axis, keepdims=keepdims)
        bools = getattr(ops, name)(case.asarray(x != 0), axis=axis, keepdims=keepdims)
    wanted = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    found = case.to_numpy(y)
    assert found.dtype == bool
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(case.to_numpy(bools), wanted)


@TESTS
def test_tests_of_nothing_and_their_constants(name: str) -> None:
    f = getattr(ops, name)
    assert f(np.zeros((0, 2))) == (name == "all")
    assert f(np.array([1j, 0j])) == (name == "any")
    (_, carried) = vjp(lambda v: (v, carries_derivative(f(v))), np.ones(2), has_aux=True)[::2]
    assert not carried
    assert fn.eval_shape(lambda v: f(v, axis=0), fn.Spec((2, 3))) == fn.Spec((3,), "bool")


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("axis", [0, -1])
def test_differences(case: BackendCase, n: int, axis: int) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    before, after = (x[:2], x[1:]) if axis == 0 else (x[:, :1], x[:, 2:])
    with case.active():
        there = [case.asarray(v) for v in (x, before, after)]
        plain = ops.diff(there[0], n=n, axis=axis)
        longer = ops.diff(there[0], n=n, axis=axis, prepend=there[1], append=there[2])
    np.testing.assert_allclose(case.to_numpy(plain), np.diff(x, n, axis), atol=1e-5)
    wanted = np.diff(x, n, axis, prepend=before, append=after) if n else x
    np.testing.assert_allclose(case.to_numpy(longer), wanted, atol=1e-5)


def test_differences_of_other_dtypes() -> None:
    np.testing.assert_array_equal(ops.diff(np.array([True, True, False])), [False, True])
    assert ops.diff(np.array([1, 4, 9], np.int16), n=2) == np.array([2], np.int16)
    assert ops.diff(np.zeros((2, 1)), n=3).shape == (2, 0)


@settings(max_examples=15)
@given(st.data())
def test_derivatives_of_differences(data: st.DataObject) -> None:
    x = data.draw(arrays(shape=shapes(min_dims=1, min_side=1, max_side=4)))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = data.draw(st.integers(1, 2))
    check_grads(lambda v, p, a: ops.diff(v, axis=axis, n=n, prepend=p, append=a), [x, x + 1, 2 * x])


def test_bad_differences() -> None:
    for n in (-1, 1.0, True):
        with pytest.raises(ParameterError, match="non-negative integer") as error:
            ops.diff(np.ones(3), n=n)  # type: ignore[arg-type]
        assert f"n={n!r}" in str(error.value)
    with pytest.raises(DtypeError, match="takes an array as prepend"):
        ops.diff(np.ones(3), prepend=0.0)
    with pytest.raises(ShapeError, match="got an array as append that does not fit") as shape_error:
        ops.diff(np.ones((2, 3)), append=np.ones((1, 3)))
    assert "shape (1, 3) beside (2, 3)" in str(shape_error.value)
    assert "xp.broadcast_to(append, (2, 1))" in str(shape_error.value)
    with pytest.raises(ShapeError, match=r"xp\.diff got an axis"):
        ops.diff(np.float64(1.0))
