"""Arrays from Python numbers, nested lists and arrays of other libraries."""

import array
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.backends import use_backend
from funcnet.core import Tracer
from funcnet.errors import CopyError, DtypeError, MixedBackendError, MixedDeviceError, ShapeError, TracerConversionError
from funcnet.ops import asarray, from_dlpack, sum
from funcnet.ops.conversion import asarray_like
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.reverse import grad, vjp


@pytest.fixture(params=backend_params())
def case(request: pytest.FixtureRequest) -> Any:
    with request.param.active():
        yield request.param


def check(case: BackendCase, got: Any, dtype: str, wanted: Any) -> None:
    assert case.backend.owns(type(got))
    assert case.backend.device_of(got) == case.backend.device_name(case.device)
    assert case.backend.dtype_name(got.dtype) == dtype
    np.testing.assert_array_equal(case.to_numpy(got), wanted)


def test_numbers_and_lists(case: BackendCase) -> None:
    integer = case.backend.default_int(case.device)
    check(case, asarray(1.5), "float32", 1.5)
    check(case, asarray(2), integer, 2)
    check(case, asarray(True), "bool", True)
    check(case, asarray([1, 2]), integer, [1, 2])
    check(case, asarray([[1, 2.5], [3, 4]]), "float32", [[1, 2.5], [3, 4]])
    check(case, asarray([]), "float32", [])
    check(case, asarray((True, False)), "bool", [True, False])
    check(case, asarray([1, 2], dtype="float32"), "float32", [1, 2])
    check(case, asarray([np.float32(1), 2.0], dtype="float32"), "float32", [1, 2])
    check(case, asarray(array.array("f", [1, 2])), "float32", [1, 2])
    check(case, asarray(np.array([1, 2], np.int8)), "int8", [1, 2])
    check(case, asarray(np.float32(3)), "float32", 3)
    with use_backend(dtype="float64") if "float64" in case.dtypes() else use_backend():
        assert case.backend.dtype_name(asarray([1.0]).dtype) in ("float64", "float32")


@pytest.mark.requirement("P24")
def test_arrays_keep_their_library(case: BackendCase) -> None:
    x = case.asarray(np.array([1.0, 2.0], np.float32))
    assert asarray(x) is x
    if case.backend_name != "numpy":
        with use_backend("numpy"):
            assert asarray(x) is x
    check(case, asarray(x, dtype="int32"), "int32", [1, 2])
    check(case, asarray([x, x]), "float32", [[1, 2], [1, 2]])
    y = asarray(x, copy=True)
    y[0] = 9.0
    np.testing.assert_array_equal(case.to_numpy(x), [1, 2])
    assert asarray(x, copy=False) is x


def test_traced_arrays_keep_their_derivative() -> None:
    def f(a: Any, x: Any) -> Any:
        y = asarray([[a, 2.0], list(x), [1, a * a]])
        assert y.shape == (3, 2)
        return sum(y * np.arange(6.0).reshape(3, 2)) + sum(asarray(x, dtype="float64") * asarray(3.0))

    ga, gx = grad(f, argnums=(0, 1))(np.array(5.0), np.array([1.0, 2.0]))
    assert ga == 0.0 + 5.0 * 10.0
    np.testing.assert_array_equal(gx, [5.0, 6.0])


def test_traced_arrays_and_copies() -> None:
    def f(x: Any) -> Any:
        assert asarray(x) is x
        assert isinstance(asarray([1.0]), Tracer)
        y = asarray(x, copy=True)
        y[0] = 0.0
        return sum(y * x)

    x = np.array([3.0, 4.0])
    np.testing.assert_array_equal(grad(f)(x), [0.0, 8.0])


def test_plain_arrays_inside_a_transformation_are_not_written() -> None:
    data = np.zeros(2)

    def f(x: Any) -> Any:
        y = asarray(data)
        y[0] = x * x
        return sum(y)

    assert grad(f)(np.array(3.0)) == 6.0
    np.testing.assert_array_equal(data, 0)


def test_dlpack(case: BackendCase) -> None:
    x = case.asarray(np.array([1.0, 2.0], np.float32))
    if case.name in ("strict-device1", "strict-no-x64"):
        pytest.skip("array_api_strict exports no DLPack from its made-up devices")
    if case.readonly:
        check(case, from_dlpack(x), "float32", [1, 2])
        return
    shared, own = from_dlpack(x), from_dlpack(x, copy=True)
    x[0] = 7.0
    check(case, shared, "float32", [7, 2])
    check(case, own, "float32", [1, 2])
    check(case, from_dlpack(x, device=case.backend.device_name(case.device)), "float32", [7, 2])


def test_no_dlpack_of_derivatives() -> None:
    with pytest.raises(TracerConversionError, match="DLPack"):
        grad(lambda x: sum(from_dlpack(x)))(np.ones(2))


def test_copies_that_are_forbidden() -> None:
    for call in (
        lambda: asarray([1.0], copy=False),
        lambda: asarray(1.0, copy=False),
        lambda: asarray(np.ones(2), dtype="float32", copy=False),
        lambda: grad(lambda x: sum(asarray(x, dtype="float32", copy=False)))(np.ones(2)),
        lambda: grad(lambda x: sum(asarray([x], copy=False)))(np.ones(2)),
    ):
        with pytest.raises(CopyError, match="copy=False forbids"):
            call()
    torch = pytest.importorskip("torch", reason="a second array library")
    with pytest.raises(CopyError, match="an array of dtype torch"):
        asarray(torch.ones(2), dtype="float64", copy=False)
    with use_backend("torch"), pytest.raises(CopyError, match=r"found: +list"):
        asarray([1.0], copy=False)


def test_traced_arrays_do_not_move() -> None:
    strict = pytest.importorskip("array_api_strict", reason="made-up devices")
    x = strict.ones(2, dtype=strict.float32)
    with pytest.raises(MixedDeviceError, match="cannot be moved"):
        vjp(lambda x: asarray(x, device="device1"), x)
    vjp(lambda x: asarray(x, device="cpu"), x)


def test_ragged_lists_of_traced_arrays() -> None:
    with pytest.raises(ShapeError, match="different shapes"):
        grad(lambda x: sum(asarray([x[:1], x])))(np.ones(3))
    with pytest.raises(ValueError, match="inhomogeneous"):
        asarray([[1.0], [1.0, 2.0]])


def test_values_that_go_with_an_array() -> None:
    x = np.ones(2, np.float32)
    assert asarray_like(x, 1.5).dtype == np.float32
    assert asarray_like(np.ones(2, int), 1.5).dtype == np.float64
    assert asarray_like(np.ones(2, np.uint8), 1).dtype == np.uint8
    torch = pytest.importorskip("torch", reason="a second array library")
    assert asarray_like(torch.ones(2), np.float64(2)).dtype == torch.float64
    with pytest.raises(MixedBackendError):
        asarray_like(x, torch.ones(2))


@pytest.mark.parametrize("dtype", [None, "float64"])
@pytest.mark.parametrize(
    "bad", ["1", b"1", None, [None], ["1", "2"], [1.0, "2"], {"a": 1}, object()], ids=lambda v: type(v).__name__
)
def test_what_holds_no_numbers(bad: Any, dtype: Any) -> None:
    for backend in ("numpy", "torch"):
        with use_backend(backend), pytest.raises(DtypeError, match=r"xp\.asarray makes arrays of numbers"):
            xp.asarray(bad, dtype=dtype)
    # These take numbers and lists, too.
    for f in (xp.sinc, xp.deg2rad, xp.angle, lambda x: xp.interp(x, np.ones(1), np.ones(1))):
        with pytest.raises(DtypeError, match="numbers"):
            f(bad)
