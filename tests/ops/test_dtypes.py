"""Data type functions."""

from typing import Any

import numpy as np
import pytest

from funcnet.core import Tracer
from funcnet.errors import DtypeError, MixedDeviceError, ParameterError
from funcnet.ops import astype, can_cast, finfo, iinfo, isdtype, result_type, sum
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp


@pytest.fixture(params=backend_params())
def case(request: pytest.FixtureRequest) -> Any:
    with request.param.active():
        yield request.param


def test_astype(case: BackendCase) -> None:
    host = np.array([0.0, 1.5, -2.0], np.float32)
    x = case.asarray(host)
    for dtype in ("int32", "bool", "float32", "float64", "complex64"):
        if dtype in case.dtypes():
            y = astype(x, dtype)
            assert case.backend.dtype_name(y.dtype) == dtype
            np.testing.assert_array_equal(case.to_numpy(y), host.astype(dtype))
    assert astype(x, "float32", copy=False) is x
    y = astype(x, "float32")
    y[0] = 9.0
    np.testing.assert_array_equal(case.to_numpy(x), host)
    y = astype(x, "int32", device=case.backend.device_name(case.device))
    assert case.backend.dtype_name(y.dtype) == "int32"


def test_derivatives_of_casts() -> None:
    x = np.array([1.5, -2.0], np.float32)
    y, pullback = vjp(lambda x: astype(x, "float64"), x)
    assert y.dtype == np.float64
    (g,) = pullback(np.array([1.0, 2.0]))
    assert g.dtype == np.float32
    np.testing.assert_array_equal(g, [1.0, 2.0])
    y, pullback = vjp(lambda x: astype(x, "complex64"), x)
    np.testing.assert_array_equal(pullback(np.array([1 + 2j, 3j], np.complex64))[0], [1.0, 0.0])
    assert grad(lambda x: sum(astype(x, "int32") * 1.0) + sum(x))(x).tolist() == [1.0, 1.0]
    _, tangent = jvp(lambda x: astype(x, "float64") * 2, (x,), (x,))
    np.testing.assert_array_equal(tangent, 2 * x)
    _, tangent = jvp(lambda x: astype(x, "int32"), (x,), (x,))
    np.testing.assert_array_equal(tangent, 0)


def test_a_copy_of_a_traced_array_is_its_own() -> None:
    def f(x: Any) -> Any:
        y = astype(x, x.dtype)
        assert isinstance(y, Tracer)
        y[0] = 0.0
        return sum(y * x)

    np.testing.assert_array_equal(grad(f)(np.array([3.0, 4.0])), [0.0, 8.0])


def test_casts_that_are_refused() -> None:
    with pytest.raises(DtypeError, match=r"xp.real\(x\), xp.imag\(x\)"):
        astype(np.array([1j]), "float64")
    with pytest.raises(DtypeError, match="complex64 to bool"):
        grad(lambda x: sum(astype(astype(x, "complex64"), "bool")))(np.ones(2, np.float32))
    strict = pytest.importorskip("array_api_strict", reason="made-up devices")
    with pytest.raises(MixedDeviceError):
        grad(lambda x: sum(astype(x, "float32", device="device1")))(strict.ones(2))


@pytest.mark.parametrize("name", ["float16", "float32", "float64", "complex64", "complex128"])
def test_finfo(name: str) -> None:
    got, wanted = finfo(name), np.finfo(name)
    assert (got.bits, got.eps, got.max, got.min, got.smallest_normal) == (
        wanted.bits,
        float(wanted.eps),
        float(wanted.max),
        float(wanted.min),
        float(wanted.smallest_normal),
    )
    assert got.dtype == wanted.dtype
    assert all(type(v) is float for v in got[1:5])


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_iinfo(name: str) -> None:
    got, wanted = iinfo(name), np.iinfo(name)
    assert got == (wanted.bits, wanted.max, wanted.min, wanted.dtype)


def test_limits_by_arrays_and_data_types(case: BackendCase) -> None:
    x = case.asarray(np.ones(2, np.float32))
    assert finfo(x).eps == finfo(x.dtype).eps == 2.0**-23
    assert finfo(x).dtype == x.dtype
    i = case.asarray(np.ones(2, np.int32))
    assert iinfo(i.dtype).max == iinfo(i).max == 2**31 - 1
    assert iinfo(i).dtype == i.dtype


def test_limits_of_bfloat16() -> None:
    torch = pytest.importorskip("torch", reason="it has bfloat16")
    got, wanted = finfo(torch.bfloat16), torch.finfo(torch.bfloat16)
    assert got == (16, wanted.eps, wanted.max, wanted.min, wanted.tiny, torch.bfloat16)
    assert isdtype(torch.bfloat16, "real floating")


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("bool", ["bool"]),
        ("signed integer", ["int8", "int64"]),
        ("unsigned integer", ["uint8", "uint64"]),
        ("integral", ["int8", "int64", "uint8", "uint64"]),
        ("real floating", ["float16", "float32", "float64", "bfloat16"]),
        ("complex floating", ["complex64", "complex128"]),
    ],
)
def test_kinds(kind: str, names: list[str]) -> None:
    every = ["bool", "int8", "int64", "uint8", "uint64", "float16", "bfloat16", "float32", "float64", "complex64"]
    every += ["complex128"]
    assert [n for n in every if isdtype(n, kind)] == [n for n in every if n in names]
    assert [n for n in every if isdtype(n, "numeric")] == every[1:]


def test_kinds_of_a_library(case: BackendCase) -> None:
    dtype = case.backend.dtype("float32")
    assert isdtype(dtype, dtype)
    assert isdtype(dtype, ("integral", "real floating"))
    assert isdtype(dtype, np.float32)
    assert not isdtype(dtype, (case.backend.dtype("int32"), "complex floating"))


@pytest.mark.requirement("A8")
def test_promotion(case: BackendCase) -> None:
    x = case.asarray(np.ones(2, np.float32))
    assert case.backend.dtype_name(result_type(x, 1.0)) == "float32"
    assert case.backend.dtype_name(result_type("int8", case.asarray(np.ones(1, np.int32)))) == "int32"
    assert can_cast(x.dtype, x.dtype)
    assert can_cast("int8", case.backend.dtype("int32"))
    assert not can_cast(case.backend.dtype("int32"), "int8")
    if "float64" in case.dtypes():
        assert case.backend.dtype_name(result_type(x, case.backend.dtype("float64"))) == "float64"
        assert can_cast(x, "float64")


def test_promotion_of_traced_arrays() -> None:
    def f(x: Any) -> Any:
        assert result_type(x, np.float64) == np.float64
        assert finfo(x).bits == 32
        return sum(x)

    grad(f)(np.ones(2, np.float32))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: finfo("int8"), DtypeError, "xp.iinfo for integers"),
        (lambda: iinfo("float32"), DtypeError, "xp.finfo for floating-point"),
        (lambda: iinfo("bool"), DtypeError, "takes integer data types"),
        (lambda: isdtype("int8", "integer"), ParameterError, "unknown kind"),
        (lambda: result_type(1, 2.0), ParameterError, "2 Python numbers"),
        (lambda: astype(np.ones(1), "float12"), DtypeError, "no data type 'float12'"),
    ],
)
def test_errors(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()
