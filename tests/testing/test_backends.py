"""Backends as parameters of tests."""

import numpy as np
import pytest

from funcnet.backends import current, get
from funcnet.errors import BackendNotFoundError
from funcnet.testing.backends import ENVIRONMENT, backend_cases, backend_params, case, usable_backends

pytest.importorskip("array_api_strict")


@pytest.fixture(autouse=True)
def _unrestricted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def test_cases_cover_every_backend_and_variant() -> None:
    found = [one.name for one in backend_cases()]
    assert {"numpy", "numpy-readonly", "strict", "strict-device1", "strict-flags", "torch", "cupy"} <= set(found)
    assert len(found) == len(set(found))
    assert [one.name for one in backend_cases(variants=False)] == [
        one.backend_name for one in backend_cases(variants=False)
    ]


def test_usable_backends_are_usable() -> None:
    found = usable_backends()
    assert {"numpy", "strict"} <= set(found)
    for name in found:
        assert get(name).probe() is None


def test_the_environment_restricts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "numpy, strict-device1")
    assert [one.name for one in backend_cases()] == ["numpy", "numpy-readonly", "strict-device1"]
    assert usable_backends() == ["numpy"]
    assert [param.id for param in backend_params()] == ["numpy", "numpy-readonly", "strict-device1"]


def test_an_unknown_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "numpi")
    with pytest.raises(BackendNotFoundError) as caught:
        backend_cases()
    lines = str(caught.value).splitlines()
    assert lines[:2] == ["There is no backend or variant of one 'numpi'.", "  found:  'numpi'"]
    assert lines[2].startswith("  needed: one of 'numpy', 'numpy-readonly', 'cupy', ")
    assert lines[3] == "  write:  FUNCNET_TEST_BACKENDS=numpy"


def test_unusable_backends_skip_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get("strict"), "_probed", True)
    monkeypatch.setattr(get("strict"), "_reason", "ImportError: gone")
    skipped = {param.id: param.marks for param in backend_params() if param.id.startswith("strict")}
    assert skipped
    for marks in skipped.values():
        assert [(mark.name, mark.kwargs["reason"]) for mark in marks] == [
            ("skip", "backend 'strict': ImportError: gone")
        ]
    assert "strict" not in usable_backends()


def test_cupy_carries_the_gpu_marker() -> None:
    marks = {param.id: [mark.name for mark in param.marks] for param in backend_params()}
    assert "gpu" in marks["cupy"]
    assert marks["numpy"] == []


def test_readonly_arrays_refuse_to_be_written() -> None:
    one = case("numpy-readonly")
    host = np.ones(3)
    x = one.asarray(host)
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 2
    assert host.flags.writeable
    assert one.asarray(2.0).flags.writeable is False


def test_arrays_share_no_memory_with_what_they_were_made_from() -> None:
    for name in usable_backends():
        host = np.ones(3)
        x = case(name).asarray(host)
        host[0] = 5
        np.testing.assert_array_equal(case(name).to_numpy(x), [1, 1, 1])


def test_an_active_case_decides_what_is_created() -> None:
    with case("strict-device1").active() as one:
        assert (current().backend.name, current().device) == ("strict", "device1")
        assert one.target == "strict:device1"
    assert current().backend.name == "numpy"


def test_flags_hold_while_the_case_is_active() -> None:
    strict = pytest.importorskip("array_api_strict")
    x = strict.ones(3)
    with case("strict-flags").active(), pytest.raises(RuntimeError, match="data_dependent_shapes"):
        strict.nonzero(x)
    assert strict.nonzero(x)[0].shape == (3,)


def test_devices_without_wide_types_get_narrow_ones() -> None:
    one = case("strict-no-x64")
    for values in ([1.5], [1], [1j], [True]):
        x = one.asarray(values)
        assert one.backend.dtype_name(x.dtype) in one.dtypes()
        np.testing.assert_array_equal(one.to_numpy(x), values)
    assert one.backend.dtype_name(case("strict").asarray([1.5]).dtype) == "float64"
