"""eval_shape."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import backends, xp
from funcnet.errors import ShapeError


@pytest.mark.requirement("A7")
def test_shapes_and_dtypes_without_values():
    def f(p, x):
        y = xp.tanh(x @ p["w"] + p["b"])
        return y, xp.argmax(y, axis=1), y > 0, xp.sum(y), xp.astype(y, xp.int32)

    specs = fn.eval_shape(f, {"w": fn.Spec((3, 4)), "b": np.zeros(4, dtype=np.float64)}, fn.Spec((8, 3)))
    assert specs == (
        fn.Spec((8, 4), "float64"),
        fn.Spec((8,), "int64"),
        fn.Spec((8, 4), "bool"),
        fn.Spec((), "float64"),
        fn.Spec((8, 4), "int32"),
    )


@pytest.mark.requirement("A7")
def test_nothing_is_computed():
    huge = fn.Spec((10**6, 10**6))
    assert fn.eval_shape(lambda x: xp.exp(x).T @ x, huge).shape == (10**6, 10**6)


def test_gradients_have_shapes_too():
    f = fn.grad(lambda w, x: xp.mean((x @ w) ** 2))
    assert fn.eval_shape(f, fn.Spec((3, 2), "float64"), fn.Spec((5, 3), "float64")) == fn.Spec((3, 2), "float64")


@pytest.mark.requirement("T38")
def test_shape_errors_come_before_data():
    with pytest.raises(ShapeError, match="do not broadcast"):
        fn.eval_shape(lambda a, b: a + b, fn.Spec((3,)), fn.Spec((4,)))


def test_a_numpy_scalar_goes_with_the_other_arrays():
    if "strict" not in backends.available():
        pytest.skip("array_api_strict is not installed")
    with fn.use_backend("strict"):
        spec = fn.Spec((3,))
    out = fn.eval_shape(lambda x: np.float32(2.0) * x + xp.multiply(np.float32(1.0), x), spec)
    assert out == spec
    assert out.backend.name == "strict"


@pytest.mark.parametrize("captured", [fn.jit, lambda f: lambda w: fn.eval_shape(f, w)])
def test_what_vmap_maps_over_has_the_shape_of_one_element_also_where_it_is_captured(captured):
    seen = []

    def f(w):
        seen.append(fn.eval_shape(lambda x: (w, w * x, xp.stack([w, w])), fn.Spec(())))
        return fn.scan(lambda c, x: (c, (w, c * w)), 1.0, np.zeros((0, 2)))[1]

    found = captured(fn.vmap(f))(np.arange(3.0))
    assert [s.shape for s in seen[-1]] == [(), (), (2,)]
    assert [y.shape for y in found] == [(3, 0), (3, 0)]


def test_spec():
    spec = fn.Spec([2, 3], "float64")
    assert (spec.shape, spec.dtype, spec.ndim) == ((2, 3), np.float64, 2)
    assert repr(spec) == "Spec((2, 3), 'float64')"
    assert len({spec, fn.Spec((2, 3), "float64"), fn.Spec((2, 3))}) == 2
    with fn.use_backend("numpy", dtype="float64"):
        assert fn.Spec(()).dtype == np.float64
