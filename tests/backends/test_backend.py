"""What every record does: devices, data types, creation, copies, execution."""

from typing import Any

import numpy as np
import pytest

from funcnet.backends import Backend, MemoryInfo, get, names, record
from funcnet.backends.dtypes import COMPLEX_OF, OPTIONAL, STANDARD
from funcnet.errors import BackendNotFoundError, DtypeError
from funcnet.testing.backends import BackendCase


class Plain(Backend):
    """A backend that overrides nothing, over the library that is nothing but the standard."""

    name = "plain"
    module = "array_api_strict"

    def name_of_device(self, device: Any) -> str:
        return repr(device)


@pytest.fixture
def plain() -> Plain:
    pytest.importorskip("array_api_strict")
    return Plain()


@pytest.mark.parametrize("name", names())
def test_a_record_needs_no_library(name: str) -> None:
    backend = record(name)
    assert repr(backend) == f"<funcnet backend {name!r}>"
    assert backend.install.startswith("pip install ")
    reason = backend.probe()
    assert (backend.version() is None) == (reason is not None)
    assert not backend.owns(int)


def test_devices(case: BackendCase) -> None:
    backend = case.backend
    known = backend.devices()
    assert backend.default_device() in known
    assert backend.device_name() == backend.default_device()
    for name in known:
        native = backend.device(name)
        assert backend.device_name(name) == name
        assert backend.device_name(native) == name
        assert backend.device_of(backend.asarray([1, 2], dtype="int32", device=native)) == name
        backend.synchronize(name)
        hash(name)


def test_unknown_devices_list_the_known(case: BackendCase) -> None:
    backend = case.backend
    for spec in ("nowhere", "", 99, -1, object()):
        with pytest.raises(BackendNotFoundError) as caught:
            backend.device(spec)
        assert str(caught.value) == (
            f"Backend {backend.name!r} has no device {spec!r}.\n"
            f"  found:  {spec!r}\n"
            f"  needed: one of {', '.join(map(repr, backend.devices()))}\n"
            f'  write:  fn.use_backend("{backend.name}", device="{backend.devices()[0]}")'
        )


@pytest.mark.parametrize("method", ["on_device", "creation_kwargs", "synchronize", "memory", "dtypes", "default_int"])
def test_each_method_checks_its_device(case: BackendCase, method: str) -> None:
    with pytest.raises(BackendNotFoundError, match="has no device 'nowhere'"):
        getattr(case.backend, method)("nowhere")


def test_creation_on_a_device(case: BackendCase) -> None:
    backend = case.backend
    for spec in (None, *backend.devices()):
        with backend.on_device(spec):
            array = backend.namespace.ones(3, dtype=backend.dtype("float32"), **backend.creation_kwargs(spec))
        assert backend.device_of(array) == backend.device_name(spec)
        assert backend.owns(type(array))


def test_to_device(case: BackendCase) -> None:
    backend = case.backend
    array = case.asarray([1.0, 2.0], dtype="float32")
    assert backend.to_device(array, backend.device_of(array)) is array
    for name in backend.devices():
        moved = backend.to_device(array, name)
        assert backend.device_of(moved) == name
        np.testing.assert_array_equal(case.to_numpy(moved), [1, 2])


def test_dtypes(case: BackendCase) -> None:
    backend = case.backend
    there = case.dtypes()
    assert set(there) <= set(STANDARD + OPTIONAL)
    assert {"bool", "int32", "float32", "complex64"} <= set(there)
    for name in there:
        native = backend.dtype(name)
        assert backend.dtype_name(native) == name
        assert backend.dtype(native) == native
        assert backend.dtype_name(backend.asarray(1, dtype=name, device=case.device).dtype) == name
    assert backend.default_int(case.device) in there
    assert set(COMPLEX_OF.values()) <= set(STANDARD)


@pytest.mark.parametrize("wrong", ["float31", "str", "object", "S3", ""])
def test_unknown_dtypes_list_the_known(case: BackendCase, wrong: str) -> None:
    backend = case.backend
    with pytest.raises(DtypeError) as caught:
        backend.dtype(wrong)
    assert str(caught.value) == (
        f"Backend {backend.name!r} has no data type {wrong!r}.\n"
        f"  found:  {wrong!r}\n"
        f"  needed: one of {', '.join(backend.dtypes())}"
    )


def test_data_types_of_others_are_refused() -> None:
    with pytest.raises(DtypeError, match="Backend 'numpy' has no data type 'bytes24'"):
        get("numpy").dtype_name(np.dtype("S3"))
    pytest.importorskip("array_api_strict")
    with pytest.raises(DtypeError, match="Backend 'strict' has no data type 'float16'"):
        get("strict").dtype_name(np.dtype("float16"))
    torch = pytest.importorskip("torch")
    with pytest.raises(DtypeError, match=r"Backend 'torch' has no data type 'complex32'"):
        get("torch").dtype_name(torch.complex32)


def test_asarray(case: BackendCase) -> None:
    backend = case.backend
    array = backend.asarray([[1, 2], [3, 4]], dtype="float32", device=case.device)
    assert backend.dtype_name(array.dtype) == "float32"
    assert backend.device_of(array) == backend.device_name(case.device)
    np.testing.assert_array_equal(case.to_numpy(array), [[1, 2], [3, 4]])
    assert backend.asarray(array) is array or case.backend_name == "strict"
    copy = backend.asarray(array, copy=True)
    copy[0, 0] = 9
    np.testing.assert_array_equal(case.to_numpy(array), [[1, 2], [3, 4]])
    host = np.array([1, 2, 3], dtype=np.int32)
    made = backend.asarray(host, dtype="float32", device=case.device)
    assert backend.dtype_name(made.dtype) == "float32"
    host[0] = 7
    np.testing.assert_array_equal(case.to_numpy(made), [1, 2, 3])
    assert backend.asarray(np.float32(2), device=case.device).shape == ()


def test_an_array_stays_on_its_device(case: BackendCase) -> None:
    for name in case.backend.devices():
        array = case.backend.asarray([1, 2], dtype="int32", device=name)
        assert case.backend.device_of(case.backend.asarray(array)) == name
        assert case.backend.device_of(case.backend.asarray(array, copy=True)) == name


def test_a_copy_that_must_not_be_raises(case: BackendCase) -> None:
    backend = case.backend
    host = np.array([1, 2, 3], dtype=np.int32)
    with pytest.raises(ValueError, match=r"(?i)(copy|copies)"):
        backend.asarray(host, dtype="float32", copy=False)
    if case.backend_name == "cupy":
        with pytest.raises(ValueError, match="Unable to avoid"):
            backend.to_numpy(case.asarray([1.0]), copy=False)
    elif case.device is None:
        shared = backend.asarray(host, copy=False)
        host[0] = 9
        np.testing.assert_array_equal(case.to_numpy(shared), [9, 2, 3])


def test_torch_cannot_share_memory_that_may_not_be_written() -> None:
    pytest.importorskip("torch")
    backend = get("torch")
    host = np.arange(3.0)
    for array in (host[::-1], host.astype(">f8"), np.broadcast_to(host, (2, 3))):
        with pytest.raises(ValueError, match="Unable to avoid a copy of this NumPy array to cpu"):
            backend.asarray(array, copy=False)
        np.testing.assert_array_equal(backend.to_numpy(backend.asarray(array)), array)


def test_from_numpy_and_back(case: BackendCase) -> None:
    host = np.arange(6, dtype=np.float32).reshape(2, 3)
    array = case.backend.from_numpy(host, case.device, copy=True)
    host[0, 0] = 9
    back = case.backend.to_numpy(array, copy=True)
    assert type(back) is np.ndarray
    assert back.dtype == np.float32
    back[0, 1] = 9
    np.testing.assert_array_equal(case.to_numpy(array), np.arange(6).reshape(2, 3))


def test_memory(case: BackendCase) -> None:
    backend = case.backend
    figures = backend.memory(case.device)
    assert isinstance(figures, MemoryInfo)
    assert all(figure is None or (isinstance(figure, int) and figure >= 0) for figure in figures)
    assert figures.used is not None
    keep = case.asarray(np.ones(2**22, dtype=np.float32))
    assert backend.memory(case.device).used - figures.used > 2**23
    del keep
    backend.free_memory()
    backend.synchronize(case.device)


def test_localized_functions_compute_where_their_arrays_are(case: BackendCase) -> None:
    backend = case.backend
    double = backend.localized(lambda x, *, times: x * times)
    for name in backend.devices():
        array = backend.asarray([1, 2], dtype="int32", device=name)
        result = double(array, times=2)
        assert backend.device_of(result) == name
        np.testing.assert_array_equal(case.to_numpy(result), [2, 4])


def test_the_base_class_serves_a_library_of_the_standard(plain: Plain) -> None:
    xp = plain.namespace
    assert plain.probe() is None
    assert plain.version() == xp.__version__
    assert plain.owns(type(xp.ones(2)))
    assert not plain.owns(np.ndarray)
    assert len(plain.devices()) == 5
    assert plain.default_device() == plain.devices()[0]
    assert plain.device_name(1) == plain.device_name("1") == plain.devices()[1]
    array = plain.asarray([1, 2], dtype="float32", device=1)
    assert array.device == plain.device(1)
    assert plain.device_of(array) == plain.devices()[1]
    assert plain.to_device(array, 0).device == plain.device(0)
    assert plain.default_int("array_api_strict.Device('no_x64')") == "int32"
    assert plain.dtypes() == tuple(xp.__array_namespace_info__().dtypes())
    assert plain.dtype_name(xp.int8) == "int8"
    np.testing.assert_array_equal(plain.to_numpy(plain.from_numpy(np.arange(3))), [0, 1, 2])
    assert plain.dlpack_device("cpu") == (1, 0)
    assert plain.dlpack_device("other") is None
    imported = plain.import_dlpack(plain.export_dlpack(np.arange(3)), plain.devices()[0])
    np.testing.assert_array_equal(plain.to_numpy(imported), [0, 1, 2])
    assert plain.memory().total is not None
    plain.synchronize()
    plain.free_memory()


def test_a_probe_computes_something(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain.namespace, "sum", lambda x: x[0, 0])
    assert plain.probe() == "RuntimeError: a 2x2 matrix product came out wrong"
