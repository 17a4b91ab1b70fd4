"""The standard's inspection functions."""

from typing import Any

import pytest

from funcnet.backends import get, use_backend
from funcnet.ops import namespace_info
from funcnet.testing.backends import BackendCase, backend_params


@pytest.mark.parametrize("case", backend_params())
def test_the_current_backend(case: BackendCase) -> None:
    with case.active():
        info = namespace_info()
        backend = case.backend
        assert info.default_device() == backend.device_name(case.device)
        assert info.default_device() in info.devices()
        assert set(info.capabilities()) == {"boolean indexing", "data-dependent shapes", "max dimensions"}
        names = {kind: backend.dtype_name(d) for kind, d in info.default_dtypes().items()}
        integer = backend.default_int(case.device)
        wanted = {"real floating": "float32", "complex floating": "complex64", "integral": integer, "indexing": integer}
        assert names == wanted
        assert info.dtypes(kind="bool") == {"bool": backend.dtype("bool")}
        assert set(info.dtypes()) <= set(case.dtypes())
        assert "float32" in info.dtypes(kind=("real floating", "integral"))
        assert "float16" not in info.dtypes()


def test_another_backend() -> None:
    def described() -> Any:
        info = namespace_info(get("strict"))
        return info.default_device(), info.default_dtypes()["real floating"]

    pytest.importorskip("array_api_strict", reason="a second array library")
    assert described() == ("CPU_DEVICE", get("strict").dtype("float32"))
    with use_backend("strict", device="device1", dtype="float64"):
        assert described() == ("device1", get("strict").dtype("float64"))
