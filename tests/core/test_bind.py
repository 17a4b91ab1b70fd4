"""Dispatch on plain arrays."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import backends, xp
from funcnet.errors import DtypeError, MixedBackendError, MixedDeviceError, ShapeError


def test_python_scalars_are_computed_on_the_current_backend():
    assert xp.sin(0.5).dtype == np.float32
    with fn.use_backend("numpy", dtype="float64"):
        assert xp.add(0.5, 1.0).dtype == np.float64
    assert xp.abs(-3).dtype == np.int64
    assert xp.logical_not(True).dtype == np.bool_


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.requirement("T16")
def test_shapes_that_do_not_broadcast(traced):
    def f(x):
        return xp.sum(x + np.ones(4)) if traced else xp.add(x, np.ones(4))

    with pytest.raises(ShapeError, match="do not broadcast") as caught:
        (fn.grad(f) if traced else f)(np.ones(3))
    assert "float64[3], float64[4]" in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [[1.0, 2.0], "x", None, {1: 2}])
@pytest.mark.requirement("D2", "T16")
def test_what_is_no_array_is_named(value):
    with pytest.raises(DtypeError, match=r"Argument 0 of xp\.sin is not an array") as caught:
        xp.sin(value)
    assert type(value).__name__ in str(caught.value)
    assert "xp.asarray" in str(caught.value)


@pytest.mark.skipif("strict" not in backends.available(), reason="array_api_strict is not installed")
class TestMixing:
    def test_two_libraries(self):
        other = fn.device_put(np.ones(3), "strict")
        with pytest.raises(MixedBackendError) as caught:
            xp.add(np.ones(3), other)
        for word in ("argument 0", "numpy", "argument 1", "strict", "fn.device_put"):
            assert word in str(caught.value)

    def test_two_devices(self):
        a, b = (fn.device_put(np.ones(3, dtype=np.float32), f"strict:device{i}") for i in (1, 2))
        with pytest.raises(MixedDeviceError) as caught:
            xp.add(a, b)
        for word in ("argument 0", "device1", "argument 1", "device2"):
            assert word in str(caught.value)

    def test_a_traced_array_with_another_library(self):
        other = fn.device_put(np.ones(3), "strict")
        with pytest.raises(MixedBackendError):
            fn.grad(lambda x: xp.sum(xp.multiply(x, other)))(np.ones(3))
        assert fn.grad(lambda x: x * x)(np.array(3.0)) == 6.0, "the state is intact afterwards"

    @pytest.mark.parametrize("name", ["add", "matmul"])
    def test_a_captured_array_with_another_library(self, name):
        other = fn.device_put(np.ones((3, 3), "float32"), "strict")
        for run in (fn.jit(lambda x: getattr(xp, name)(x, other)), fn.jit(lambda x: getattr(xp, name)(other, x))):
            with pytest.raises(MixedBackendError, match=r"(?s)numpy.*strict|strict.*numpy"):
                run(np.ones((3, 3)))

    def test_numpy_scalars_go_with_any_library(self):
        x = fn.device_put(np.ones(3, dtype=np.float32), "strict:device1")
        y = xp.multiply(x, np.float32(2.0))
        assert y.device == x.device
        np.testing.assert_array_equal(fn.to_numpy(y), 2.0)


def test_a_kernels_own_error_keeps_its_class_and_names_the_operation():
    with pytest.raises(ValueError, match="matmul") as caught:
        xp.matmul(np.ones((2, 3)), np.ones((4, 5)))
    assert "xp.matmul" in "".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def test_a_kernel_added_later_is_used():
    x = np.ones(3)
    before = xp.square(x)
    backend = backends.get("numpy")
    original = backend.kernels["square"]
    try:
        backend.add_kernel("square", lambda x: x * 10)
        np.testing.assert_array_equal(xp.square(x), 10.0)
    finally:
        backend.add_kernel("square", original)
    np.testing.assert_array_equal(xp.square(x), before)


@pytest.mark.requirement("T8", "D140")
def test_a_kernel_for_one_dtype_leaves_the_others_to_the_reference():
    backend = backends.get("numpy")
    original = backend.kernels["square"]
    try:
        del backend.kernels["square"]
        backend.add_kernel("square", lambda x: x * 10, dtypes=("float32",))
        np.testing.assert_array_equal(xp.square(np.full(2, 3.0, dtype=np.float32)), 30.0)
        np.testing.assert_array_equal(xp.square(np.full(2, 3.0)), 9.0)
    finally:
        backend.kernels.pop("square")
        backend.add_kernel("square", original)


@pytest.mark.parametrize("operation", [xp.add, xp.subtract, xp.multiply, xp.divide, xp.pow])
def test_a_python_complex_number_beside_a_float64_scalar(operation):
    """Python's own operators know float64, a subclass of float, and would give a Python number."""
    x = np.float64(0.5)
    for y in (operation(1j, x), operation(x, 1j)):
        assert type(y) is np.complex128
    assert type(xp.equal(1j, x)) is np.bool_

    def f(x):
        return xp.real(xp.exp(operation(1j, xp.sum(x))))

    jax = pytest.importorskip("jax", reason="JAX is the oracle")
    at = np.array([0.3, 0.4])
    with jax.enable_x64(True):
        their = getattr(jax.numpy, operation.__name__)
        expected = jax.grad(lambda x: jax.numpy.real(jax.numpy.exp(their(1j, jax.numpy.sum(x)))))(at)
    np.testing.assert_allclose(fn.grad(f)(at), expected, rtol=1e-12)
