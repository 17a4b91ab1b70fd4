"""Which backend and device arrays belong to, and the errors where they differ."""

import enum

import numpy as np
import pytest

from funcnet.backends import backend_of, backend_of_type, check_devices, get
from funcnet.errors import MixedBackendError, MixedDeviceError
from funcnet.testing.backends import BackendCase, usable_backends

strict = pytest.importorskip("array_api_strict")


class Kind(enum.IntEnum):
    ONE = 1


class Sub(np.ndarray):
    pass


@pytest.mark.requirement("D137")
def test_types(case: BackendCase) -> None:
    array = case.asarray([1.0])
    assert backend_of_type(type(array)) is case.backend
    assert backend_of(array) is case.backend
    assert backend_of(2.0, array, True, array, 1j) is case.backend


@pytest.mark.parametrize("cls", [bool, int, float, complex, str, list, dict, type(None), Kind, object])
def test_other_types_belong_to_nobody(cls: type) -> None:
    assert backend_of_type(cls) is None


def test_numpy_owns_scalars_and_subclasses() -> None:
    for cls in (np.ndarray, Sub, np.float64, np.bool_, np.int8):
        assert backend_of_type(cls) is get("numpy")


def test_torch_owns_subclasses() -> None:
    torch = pytest.importorskip("torch")
    assert backend_of_type(torch.nn.Parameter) is get("torch")
    assert backend_of_type(torch.dtype) is None


def test_no_array_no_backend() -> None:
    assert backend_of() is None
    assert backend_of(1, 2.0, None, "x") is None


def test_mixed_backends_name_both_arguments() -> None:
    with pytest.raises(MixedBackendError) as caught:
        backend_of(2.0, np.ones((2, 3)), 1, np.ones(3), strict.zeros(4))
    assert str(caught.value) == (
        "Arrays of two backends met in one operation.\n"
        "  found:  argument 1 (numpy.ndarray of shape (2, 3)) of backend 'numpy', "
        "argument 4 (array_api_strict.Array of shape (4,)) of backend 'strict'\n"
        "  needed: arrays of one backend\n"
        '  write:  fn.device_put(argument_4, "numpy:cpu")'
    )
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("other", usable_backends())
@pytest.mark.parametrize("one", usable_backends())
def test_every_pair_of_backends_is_told_apart(one: str, other: str) -> None:
    first, second = get(one).asarray([1.0]), get(other).asarray([2.0])
    if one == other:
        assert backend_of(first, second) is get(one)
    else:
        with pytest.raises(MixedBackendError, match=f"of backend {one!r}, .* of backend {other!r}"):
            backend_of(first, second)


def test_numpy_scalars_count_as_arrays() -> None:
    with pytest.raises(MixedBackendError, match=r"argument 0 \(numpy.float64 of shape \(\)\)"):
        backend_of(np.float64(2), strict.ones(2))


def test_mixed_devices_name_both_arguments() -> None:
    backend = get("strict")
    one = strict.zeros((2, 1), device=backend.device("device1"))
    other = strict.zeros(3, device=backend.device("device2"))
    check_devices(backend, [one, 2.0, one])
    with pytest.raises(MixedDeviceError) as caught:
        check_devices(backend, [2.0, one, 3, other])
    assert str(caught.value) == (
        "Arrays of two devices met in one operation.\n"
        "  found:  argument 1 (array_api_strict.Array of shape (2, 1)) on 'device1', "
        "argument 3 (array_api_strict.Array of shape (3,)) on 'device2'\n"
        "  needed: arrays of one device\n"
        '  write:  fn.device_put(argument_3, "strict:device1")'
    )
    assert isinstance(caught.value, ValueError)


def test_arrays_of_one_device_agree(case: BackendCase) -> None:
    check_devices(case.backend, [case.asarray([1.0]), case.asarray([2]), 1.0])


@pytest.mark.gpu
def test_cupy_arrays_of_two_gpus_are_told_apart() -> None:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    backend = get("cupy")
    if len(backend.devices()) < 2:
        pytest.skip("there is one GPU only")
    arrays = [backend.from_numpy(np.ones(2), device=number) for number in (0, 1)]
    assert isinstance(arrays[0], cupy.ndarray)
    with pytest.raises(MixedDeviceError, match=r"argument 0 .* on 'cuda:0', argument 1 .* on 'cuda:1'"):
        check_devices(backend, arrays)
