"""Copies between every pair of backends, of every data type; placement; errors."""

import builtins
import itertools
import sys
from typing import Any

import numpy as np
import pytest

from funcnet.backends import (
    Placement,
    available,
    current,
    device_put,
    devices,
    get,
    parse_target,
    to_numpy,
    transfer,
    use_backend,
)
from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.errors import BackendNotFoundError, DtypeError, MissingExtraError, TreeError
from funcnet.testing.backends import BackendCase, backend_cases

pytest.importorskip("array_api_strict")
CASES = [one for one in backend_cases() if one.reason is None and not one.flags]
PAIRS = list(itertools.product(CASES, CASES))


def values(dtype: str, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    """Return values that tell the data types apart: signs, large integers, infinities, parts of complex numbers."""
    native = get("numpy").dtype(dtype)
    size = int(np.prod(shape))
    if dtype == "bool":
        return (np.arange(size) % 2 == 0).reshape(shape)
    if "int" in dtype:
        info = np.iinfo(native)
        return np.resize(np.array([info.max, info.min, 1, 0, 7], dtype=native), shape)
    host = np.resize(np.array([0.1, -2.5, np.inf, -0.0, 3.0]), shape)
    return (host + 1j * np.resize([2.0, -1.0], shape)).astype(native) if "complex" in dtype else host.astype(native)


def put(host: np.ndarray, case: BackendCase) -> Any:
    result = case.backend.from_numpy(host, case.device, copy=True)
    if case.readonly:
        result.flags.writeable = False
    return result


def check(array: Any, case: BackendCase, host: np.ndarray) -> None:
    backend = case.backend
    assert backend.owns(type(array))
    assert backend.device_of(array) == backend.device_name(case.device)
    assert backend.dtype_name(array.dtype) == host.dtype.name
    back = backend.to_numpy(array)
    assert back.dtype == host.dtype
    assert back.shape == host.shape
    assert back.tobytes() == np.ascontiguousarray(host).tobytes()


@pytest.mark.parametrize(
    ("source", "target", "dtype"),
    [
        pytest.param(source, target, dtype, id=f"{source.name}-{target.name}-{dtype}")
        for source, target in PAIRS
        for dtype in STANDARD + OPTIONAL
        if dtype in source.dtypes()
    ],
)
@pytest.mark.requirement("D76", "PX14")
def test_copies_keep_values_and_dtype(source: BackendCase, target: BackendCase, dtype: str) -> None:
    for shape in ((2, 3), (), (0, 2)):
        host = values(dtype, shape)
        array = put(host, source)
        if dtype not in target.dtypes():
            with pytest.raises(DtypeError, match=f"no data type '{dtype}'"):
                device_put(array, target.target)
            continue
        moved = device_put(array, target.target)
        check(moved, target, host)
        check(device_put(moved, source.target), source, host)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda one: one.name)
def test_copies_share_no_memory(source: BackendCase, target: BackendCase) -> None:
    host = values("float32")
    array = put(host, source)
    moved = device_put(array, target.target)
    if source.target == target.target:
        assert moved is array
        return
    moved[1, 1] = 77.0
    check(array, source, host)
    fresh = device_put(array, target.target)
    if not source.readonly:
        array[0, 0] = 99.0
    check(fresh, target, host)


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_strided_arrays_are_copied(one: BackendCase) -> None:
    host = values("float32", (4, 6))
    views = (host.T, host[::2, 1:5:2], host[::-1], host[:, ::-1], np.broadcast_to(host[0], (3, 6)), host.astype(">f4"))
    for view in views:
        # NumPy keeps a foreign byte order; the others have none.
        expected = view if one.backend_name == "numpy" else view.astype("=f4")
        check(device_put(view, one.target), one, expected)
        check(one.backend.from_numpy(view, one.device, copy=True), one, expected)


def test_views_of_a_backend_are_copied(case: BackendCase) -> None:
    array = case.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    view = array[1:, 1:3].T
    np.testing.assert_array_equal(to_numpy(view), np.arange(12).reshape(3, 4)[1:, 1:3].T)


def test_reversed_axes_are_copied() -> None:
    # PyTorch aborts the whole process where DLPack hands it a negative stride.
    torch = pytest.importorskip("torch")
    reversed_ = get("strict").asarray([[1.0, 2.0], [3.0, 4.0]])[:, ::-1]
    assert device_put(reversed_, "torch").tolist() == [[2.0, 1.0], [4.0, 3.0]]
    assert isinstance(device_put(np.arange(3)[::-1], "torch"), torch.Tensor)


@pytest.mark.requirement("D138", "P33")
def test_to_numpy_keeps_numpy_and_copies_the_rest(case: BackendCase) -> None:
    array = case.asarray([1.0, 2.0], dtype="float32")
    host = to_numpy([array])[0]
    assert type(host) is np.ndarray
    assert host.dtype == np.float32
    if case.backend_name == "numpy":
        assert host is array
    else:
        host[0] = 5
        np.testing.assert_array_equal(case.to_numpy(array), [1, 2])


@pytest.mark.requirement("D76", "P39", "PX14")
def test_put_on_the_same_device_is_the_identity(case: BackendCase) -> None:
    array = case.asarray([1.0, 2.0], dtype="float32")
    assert device_put(array, case.target) is array
    assert device_put(array, case.backend_name) is array
    assert device_put(array, case.backend) is array


def test_no_device_keeps_the_array_where_it_is() -> None:
    array = get("strict").asarray([1.0], device="device2")
    assert device_put(array, "strict") is array
    assert get("strict").device_of(device_put(array, "strict:device1")) == "device1"


def test_the_context_chooses_the_device() -> None:
    with use_backend("strict", device="device2"):
        assert get("strict").device_of(device_put(np.ones(2), "strict")) == "device2"
        assert get("strict").device_of(device_put(np.ones(2), "strict:device1")) == "device1"
    assert get("strict").device_of(device_put(np.ones(2), "strict")) == "CPU_DEVICE"


def test_scalars_become_arrays(case: BackendCase) -> None:
    tree = device_put({"f": 0.5, "i": 3, "b": True, "c": 1 + 2j, "none": None, "inner": [1.0]}, case.target)
    name = case.backend.dtype_name
    assert {key: name(tree[key].dtype) for key in "fibc"} == {
        "f": "float32",
        "i": "int32" if case.device == "no_x64" else "int64",
        "b": "bool",
        "c": "complex64",
    }
    assert tree["none"] is None
    assert tree["inner"][0].shape == ()
    assert all(case.backend.device_of(tree[key]) == case.backend.device_name(case.device) for key in "fibc")
    assert [case.to_numpy(tree[key]).item() for key in "fibc"] == [0.5, 3, True, 1 + 2j]
    if "float64" in case.dtypes():
        with use_backend(dtype="float64"):
            assert name(device_put(0.5, case.target).dtype) == "float64"
            assert name(device_put(1j, case.target).dtype) == "complex128"


def test_numpy_scalars_become_arrays(case: BackendCase) -> None:
    array = device_put(np.float32(2.5), case.target)
    assert array.shape == ()
    assert not isinstance(array, np.generic)
    assert case.backend.dtype_name(array.dtype) == "float32"


def test_unsupported_leaves_name_their_path() -> None:
    with pytest.raises(TreeError) as caught:
        device_put({"w": np.ones(2), "names": ["a", object]}, "strict")
    assert str(caught.value) == (
        "Leaf .names[0] is not an array.\n"
        "  found:  str: 'a'\n"
        "  needed: an array of a registered backend, or a Python scalar\n"
        "  write:  fn.xp.asarray(...), or leave it out of the tree"
    )
    with pytest.raises(TreeError, match="Leaf of the tree is not an array"):
        device_put("a", "numpy")


def test_unsupported_dtypes_name_their_path() -> None:
    with pytest.raises(DtypeError) as caught:
        device_put({"a": [np.ones(2, dtype=np.float32), np.ones(3)]}, "strict:no_float64")
    assert str(caught.value).splitlines() == [
        "Leaf .a[1] cannot be put on device strict:no_float64.",
        "There is no data type 'float64' on device strict:no_float64.",
        "  found:  'float64'",
        "  needed: one of " + ", ".join(get("strict").dtypes("no_float64")),
        "  write:  xp.astype(x, ...) before the copy",
    ]
    with pytest.raises(DtypeError, match=r"^Backend 'numpy' has no data type 'object'"):
        device_put(np.array([None]), "numpy")
    with pytest.raises(DtypeError, match=r"Leaf \.a cannot be put on backend 'strict'\.\nBackend 'strict' has no data"):
        device_put({"a": np.ones(2, dtype=np.float16)}, "strict")


def test_bfloat16_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from funcnet.backends.numpy import NumpyBackend

    real = builtins.__import__

    def absent(name: str, *args: Any) -> Any:
        if name == "ml_dtypes":
            raise ModuleNotFoundError("No module named 'ml_dtypes'")
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", absent)
    monkeypatch.delitem(sys.modules, "ml_dtypes", raising=False)
    with pytest.raises(MissingExtraError) as caught:
        get("torch").to_numpy(torch.ones(2, dtype=torch.bfloat16))
    assert str(caught.value) == (
        "NumPy has no bfloat16 of its own.\n"
        "  found:  ModuleNotFoundError: No module named 'ml_dtypes'\n"
        "  needed: the package ml_dtypes, or another data type\n"
        "  write:  pip install 'funcnet[half]'"
    )
    with pytest.raises(MissingExtraError):
        device_put(torch.ones(2, dtype=torch.bfloat16), Placement(NumpyBackend(), None))


def test_torch_exports_without_its_own_autograd() -> None:
    torch = pytest.importorskip("torch")
    leaf = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    for target in ("numpy", "strict", "strict:device1"):
        np.testing.assert_array_equal(to_numpy(device_put((leaf * 1j).conj(), target)), np.array([-1j, -1j]))
        np.testing.assert_array_equal(to_numpy(device_put((leaf * 1j).conj().imag, target)), np.array([-1.0, -1.0]))
    assert device_put(leaf, "torch") is leaf


def test_dlpack_is_used_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    calls = []
    for backend in (get("torch"), get("strict"), get("numpy")):
        monkeypatch.setattr(backend, "from_numpy", lambda *args, **kwargs: calls.append((args, kwargs)))
    tensor = device_put(np.ones(2), "torch")
    device_put(tensor, "strict")
    device_put(tensor, "numpy")
    assert calls == []
    assert device_put(tensor, "strict:device1") is None
    assert len(calls) == 1


@pytest.mark.parametrize("error", transfer._NOT_EXCHANGED)
def test_the_host_serves_where_dlpack_fails(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    backend = get("strict")

    def refuse(*_: object) -> None:
        raise error("not by DLPack")

    monkeypatch.setattr(backend, "import_dlpack", refuse)
    np.testing.assert_array_equal(to_numpy(device_put(np.arange(3), "strict")), [0, 1, 2])


def test_a_dlpack_import_of_another_dtype_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = get("strict")
    monkeypatch.setattr(backend, "import_dlpack", lambda *_: backend.asarray([1, 0], dtype="uint8"))
    assert device_put(np.array([True, False]), "strict").dtype == backend.dtype("bool")


@pytest.mark.parametrize(
    ("target", "backend", "device"),
    [
        ("numpy", "numpy", None),
        ("numpy:cpu", "numpy", "cpu"),
        ("numpy:0", "numpy", "cpu"),
        ("strict:1", "strict", "device1"),
        ("strict:device2", "strict", "device2"),
        ("strict:cpu", "strict", "CPU_DEVICE"),
    ],
)
@pytest.mark.requirement("D139")
def test_targets(target: str, backend: str, device: str | None) -> None:
    placement = parse_target(target)
    assert placement == (get(backend), device)
    assert parse_target(placement) is placement


@pytest.mark.parametrize("target", ["nope", "cuda:0", 3, None, "strict:device9", "strict:7", "numpy:cuda:0"])
def test_unknown_targets(target: Any) -> None:
    with pytest.raises(BackendNotFoundError, match="needed: one of "):
        device_put(np.ones(2), target)
    assert current().backend.name == "numpy"


def test_devices_are_targets() -> None:
    known = devices()
    assert known[0] == "numpy:cpu"
    assert {"strict:CPU_DEVICE", "strict:device1", "strict:device2", "strict:no_float64", "strict:no_x64"} <= set(known)
    assert {device.partition(":")[0] for device in known} == set(available())
    for device in known:
        name, _, rest = device.partition(":")
        array = device_put(np.ones(2, dtype=np.float32), device)
        assert get(name).device_of(array) == rest
