"""CuPy's record on a stand-in for the library: two devices, arrays in NumPy's memory, and CuPy's own peculiarities.

On a GPU the tests of every record run on CuPy itself; these hold the bookkeeping of devices where there is none.
"""

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from funcnet.backends import MemoryInfo, registry
from funcnet.backends.changes import changed
from funcnet.backends.cupy import CupyBackend
from funcnet.backends.transfer import Placement, device_put
from funcnet.errors import BackendNotFoundError, MissingExtraError

COUNT = 2
current = [0]
waited: list[int] = []
freed: list[object] = []


class Device:
    """As cupy.cuda.Device: it cannot be hashed, and two of one device are not equal."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, number: int) -> None:
        if not isinstance(number, int) or not 0 <= number < COUNT:
            raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self.id = number
        self.mem_info = (10, 100 + number)

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return self is other

    def __enter__(self) -> "Device":
        current.append(self.id)
        return self

    def __exit__(self, *_: object) -> None:
        current.pop()

    def synchronize(self) -> None:
        waited.append(self.id)


class Array(np.ndarray):
    """An array that remembers its device."""

    __module__ = "cupy"
    number: int

    def __array_finalize__(self, other: object) -> None:
        self.number = getattr(other, "number", current[-1])

    @property
    def data(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(device_id=self.number)

    @property
    def device(self) -> Any:  # type: ignore[override]
        return Device(self.number)

    def get(self) -> np.ndarray:
        return np.array(self)

    def copy(self, order: Any = "C") -> "Array":
        return array(self, copy=True) if order else self

    def __dlpack__(self, **_: object) -> Any:
        raise BufferError("not in this stand-in")


Array.__name__ = "ndarray"


def array(obj: Any, dtype: Any = None, copy: bool | None = True, blocking: bool = False) -> Array:
    if isinstance(obj, Array) and obj.number == current[-1] and not copy and dtype in (None, obj.dtype):
        return obj
    if copy is False:
        raise ValueError("Unable to avoid a copy")
    result = np.array(np.asarray(obj), dtype=dtype).view(Array)
    result.number = current[-1]
    assert isinstance(blocking, bool)
    return result


def asarray(obj: Any, dtype: Any = None, copy: bool | None = None) -> Array:
    return array(obj, dtype, copy)


class Pool:
    """As cupy's memory pool, which speaks of the current device."""

    def used_bytes(self) -> int:
        return 10 + current[-1]

    def total_bytes(self) -> int:
        return 20 + current[-1]

    def free_all_blocks(self) -> None:
        freed.append(current[-1])


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[CupyBackend]:
    module = ModuleType("cupy")
    module.__version__ = "14.0"  # type: ignore[attr-defined]
    runtime = SimpleNamespace(getDeviceCount=lambda: COUNT, getDevice=lambda: current[-1])
    vars(module).update(
        cuda=SimpleNamespace(Device=Device, runtime=runtime),
        ndarray=Array,
        array=array,
        asarray=asarray,
        arange=lambda n, dtype: array(np.arange(n, dtype=dtype)),
        get_default_memory_pool=Pool,
        get_default_pinned_memory_pool=lambda: SimpleNamespace(free_all_blocks=lambda: freed.append("pinned")),
    )
    monkeypatch.setitem(sys.modules, "cupy", module)
    record = CupyBackend()
    monkeypatch.setitem(registry._records, "cupy", record)
    changed()
    yield record
    assert current == [0]
    monkeypatch.undo()
    changed()
    waited.clear()
    freed.clear()


def test_probe(backend: CupyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend.probe() is None
    assert backend.version() == "14.0"
    runtime = backend.library.cuda.runtime

    def fails() -> int:
        raise RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")

    monkeypatch.setattr(runtime, "getDeviceCount", fails)
    assert CupyBackend().probe() == (
        "RuntimeError: cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
    )
    monkeypatch.setattr(runtime, "getDeviceCount", lambda: 0)
    assert CupyBackend().probe() == "RuntimeError: there is no CUDA device"


def test_a_probe_looks_at_the_results(backend: CupyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend.library, "arange", lambda n, dtype: array(np.ones(n, dtype=dtype)))
    assert CupyBackend().probe() == "RuntimeError: an elementwise kernel came out wrong"
    monkeypatch.setattr(backend.library, "arange", lambda n, dtype: array(np.arange(n, dtype=dtype)[::-1]))
    assert CupyBackend().probe() == "RuntimeError: a 2x2 matrix product came out wrong"


def test_devices(backend: CupyBackend) -> None:
    assert backend.devices() == ["cuda:0", "cuda:1"]
    for spec in (1, "1", "cuda:1", Device(1)):
        assert backend.device_name(spec) == "cuda:1"
        assert int(backend.device(spec)) == 1
    assert backend.device_name() == "cuda:0"
    with Device(1):
        assert backend.device_name() == "cuda:1"
    for spec in (2, "cuda:2", "cpu", "gpu", True + 1):
        with pytest.raises(BackendNotFoundError, match="needed: one of 'cuda:0', 'cuda:1'"):
            backend.device(spec)


def test_creation_is_under_the_device(backend: CupyBackend) -> None:
    assert backend.creation_kwargs("cuda:1") == {}
    with backend.on_device("cuda:1"):
        assert current[-1] == 1
        with backend.on_device(None):
            assert current[-1] == 1
    assert backend.device_of(backend.asarray([1.0], device=1)) == "cuda:1"
    assert backend.device_of(backend.from_numpy(np.ones(2), "cuda:1")) == "cuda:1"


def test_arrays_stay_where_they_are(backend: CupyBackend) -> None:
    x = backend.asarray([1.0], device=1)
    assert backend.asarray(x) is x
    assert backend.device_of(backend.asarray(x, copy=True)) == "cuda:1"
    assert backend.to_device(x, 1) is x
    assert backend.device_of(backend.to_device(x, 0)) == "cuda:0"


def test_functions_run_where_their_arrays_are(backend: CupyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    def where(*_: object, **__: object) -> int:
        """Words."""
        return current[-1]

    local = backend.localized(where)
    x, y = backend.asarray([1.0], device=1), backend.asarray([1.0])
    assert (local(x), local(2.0, x, axis=0), local(y), local(1.0)) == (1, 1, 0, 0)
    assert local.__doc__ == "Words."
    monkeypatch.setattr(backend.library.cuda.runtime, "getDeviceCount", lambda: 1)
    assert backend.localized(where) is where


def test_memory_and_waiting(backend: CupyBackend) -> None:
    assert backend.memory() == MemoryInfo(10, 20, None, 100)
    assert backend.memory(1) == MemoryInfo(11, 21, None, 101)
    backend.synchronize("cuda:1")
    assert waited == [1]
    backend.free_memory()
    assert freed == [0, 1, "pinned"]


def test_its_arrays_are_known_by_their_class(backend: CupyBackend) -> None:
    # As in CuPy 14: the class is called cupy.ndarray and has no __array_namespace__.
    cls = type("ndarray", (), {"__module__": "cupy"})
    assert backend.owns(cls)
    assert backend.owns(type("Mine", (cls,), {}))
    assert not backend.owns(type("ndarray", (), {"__module__": "numpy"}))
    assert not backend.owns(type("ndarray", (), {"__module__": "cupyx"}))
    assert not backend.owns(type("ufunc", (), {"__module__": "cupy"}))


def test_dtypes(backend: CupyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend.dtype("float32") == np.dtype("float32")
    assert backend.dtype_name(np.float16) == "float16"
    assert backend.default_int() == "int64"
    assert "float16" in backend.dtypes()
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'funcnet\[half\]'"):
        CupyBackend().dtype("bfloat16")


def test_copies(backend: CupyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.record("numpy"), "owns", lambda cls: cls in (np.ndarray, np.float64), raising=False)
    changed()
    tree = device_put({"w": np.arange(3.0), "b": 2.0}, "cupy:1")
    assert {backend.device_of(leaf) for leaf in tree.values()} == {"cuda:1"}
    assert backend.dlpack_device("cuda:1") == (2, 1)
    assert device_put(tree["w"], "cupy") is tree["w"]
    assert backend.device_of(device_put(tree["w"], Placement(backend, "cuda:0"))) == "cuda:0"
    host = device_put(tree["w"], "numpy")
    assert type(host) is np.ndarray
    np.testing.assert_array_equal(host, [0, 1, 2])


def test_kernels_are_cupys(backend: CupyBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("absolute", "arccos", "power"):
        monkeypatch.setattr(backend.library, name, getattr(np, name), raising=False)
    names = {"abs": "absolute", "acos": "arccos", "pow": "power"}
    monkeypatch.setattr("funcnet.backends.cupy.kernels._NAMES", names)
    assert backend.kernel("acos") is np.arccos
    assert {"abs", "pow", "gather", "index_add", "index_set", "matmul"} <= set(backend.kernels)
