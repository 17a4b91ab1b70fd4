"""Creation functions."""

from typing import Any

import numpy as np
import pytest

from funcnet.backends import use_backend
from funcnet.core import Tracer
from funcnet.errors import BackendNotFoundError, DtypeError, ParameterError, ShapeError
from funcnet.ops import empty, empty_like, eye, full, full_like, meshgrid, ones, ones_like, sum, zeros, zeros_like
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.reverse import grad, vjp


@pytest.fixture(params=backend_params())
def case(request: pytest.FixtureRequest) -> Any:
    with request.param.active():
        yield request.param


def check(case: BackendCase, array: Any, dtype: str, wanted: Any) -> None:
    backend = case.backend
    assert backend.owns(type(array))
    assert backend.device_of(array) == backend.device_name(case.device)
    assert backend.dtype_name(array.dtype) == dtype
    np.testing.assert_array_equal(case.to_numpy(array), wanted)


@pytest.mark.requirement("P4", "P6", "P8")
def test_follow_the_context(case: BackendCase) -> None:
    check(case, zeros((2, 3)), "float32", np.zeros((2, 3)))
    check(case, ones(2), "float32", np.ones(2))
    check(case, ones((), dtype="int32"), "int32", 1)
    check(case, full((2,), 1.5), "float32", [1.5, 1.5])
    check(case, full(2, 3), case.backend.default_int(case.device), [3, 3])
    check(case, full(2, True), "bool", [True, True])
    check(case, full(2, 3, dtype="float32"), "float32", [3, 3])
    check(case, eye(2, 3, k=1), "float32", np.eye(2, 3, k=1))
    check(case, eye(2, dtype=bool), "bool", np.eye(2))
    assert tuple(empty((2, 0)).shape) == (2, 0)
    if "complex64" in case.dtypes():
        check(case, full(1, 1j), "complex64", [1j])
    if "float64" in case.dtypes():
        with use_backend(dtype="float64"):
            check(case, zeros(1), "float64", [0])
            check(case, full(1, 2.0), "float64", [2])
        check(case, zeros(1, dtype=np.float64), "float64", [0])
        check(case, zeros(1, dtype=case.backend.dtype("float64")), "float64", [0])


@pytest.mark.requirement("P7", "P9")
def test_like_another(case: BackendCase) -> None:
    x = case.asarray(np.array([[1, 2]], np.int32))
    with use_backend("numpy"):
        check(case, zeros_like(x), "int32", [[0, 0]])
        check(case, ones_like(x, dtype="float32"), "float32", [[1, 1]])
        check(case, full_like(x, 7), "int32", [[7, 7]])
        check(case, full_like(x, 7.5, dtype="float32"), "float32", [[7.5, 7.5]])
        assert tuple(empty_like(x).shape) == (1, 2)


def test_data_types_of_other_libraries() -> None:
    torch = pytest.importorskip("torch", reason="a second array library")
    strict = pytest.importorskip("array_api_strict", reason="a third array library")
    for dtype in (torch.float64, strict.float64, np.dtype("float64"), np.float64, "float64"):
        assert zeros(1, dtype=dtype).dtype == np.float64
        with use_backend("torch"):
            assert zeros(1, dtype=dtype).dtype == torch.float64
    assert [zeros(1, dtype=t).dtype.name for t in (bool, int, float, complex)] == [
        "bool",
        "int64",
        "float32",
        "complex64",
    ]


def test_constants_inside_a_transformation() -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        y = zeros_like(x)
        seen.extend(
            [y, zeros(2), ones(2), empty(1), eye(2), full(2, 1.0), full_like(x, 2), empty_like(x), ones_like(x)]
        )
        y[0] = x[1] * 3.0
        return sum(y * x)

    np.testing.assert_array_equal(grad(f)(np.array([2.0, 5.0])), [15.0, 6.0])
    assert all(isinstance(v, Tracer) for v in seen)
    assert all(not isinstance(v, Tracer) for v in (zeros(2), full(2, 1.0), eye(2)))


@pytest.mark.parametrize("make", [lambda: full((2,), 1j, dtype="float32"), lambda: full_like(np.ones(2), 1 + 1j)])
def test_a_complex_number_does_not_fill_a_real_array(make: Any) -> None:
    with pytest.raises(DtypeError, match=r"(?s)imaginary part.*found: .*1j.* for float.*write: .*dtype=xp.complex128"):
        make()


def test_a_traced_value_fills(case: BackendCase) -> None:
    a = case.asarray(np.float32(3))
    y, pullback = vjp(lambda a: full((2, 2), a), a)
    check(case, y, "float32", np.full((2, 2), 3))
    assert float(pullback(case.asarray(np.array([[1, 2], [3, 4]], np.float32)))[0]) == 10.0
    x = case.asarray(np.ones((3,), np.float32))
    assert float(grad(lambda a: sum(full_like(x, a * a)))(a)) == 18.0
    spread = full((2,), a)
    check(case, spread, "float32", [3, 3])


def test_what_fills_is_not_shared() -> None:
    row = np.array([1.0, 2.0])
    y = full((2, 2), row)
    y[0, 0] = 9.0
    np.testing.assert_array_equal(y, [[9, 2], [1, 2]])
    np.testing.assert_array_equal(row, [1, 2])


def test_meshgrid(case: BackendCase) -> None:
    hosts = [np.arange(n, dtype=np.float32) + n for n in (2, 3, 4)]
    for indexing in ("xy", "ij"):
        for count in range(4):
            found = meshgrid(*map(case.asarray, hosts[:count]), indexing=indexing)
            for got, wanted in zip(found, np.meshgrid(*hosts[:count], indexing=indexing), strict=True):
                np.testing.assert_array_equal(case.to_numpy(got), wanted)
    weights = np.arange(6, dtype=np.float32)
    for indexing, shape, axis in (("xy", (3, 2), 0), ("ij", (2, 3), 1)):
        w = case.asarray(weights.reshape(shape))
        g = grad(lambda a, w=w, i=indexing: sum(meshgrid(a, case.asarray(hosts[1]), indexing=i)[0] * w))(
            case.asarray(hosts[0])
        )
        np.testing.assert_array_equal(case.to_numpy(g), weights.reshape(shape).sum(axis=axis))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: zeros(2, dtype="float12"), DtypeError, "no data type 'float12'"),
        (lambda: zeros(2, dtype=3), DtypeError, "data type"),
        (lambda: zeros(2, device="moon"), BackendNotFoundError, "no device 'moon'"),
        (lambda: meshgrid(np.ones(2), indexing="yx"), ParameterError, "unknown indexing"),
        (lambda: meshgrid(np.ones((2, 2))), ShapeError, "coordinates in one dimension"),
        (lambda: full((2,), np.ones(3)), ShapeError, "does not broadcast to"),
    ],
)
def test_errors(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()
