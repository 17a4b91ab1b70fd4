"""CuPy's kernels take the library as an argument: NumPy stands in for it, and it runs itself where there is a GPU."""

from types import ModuleType

import pytest

from funcnet.testing.backends import backend_params


@pytest.fixture(params=[param for param in backend_params(variants=False) if param.id in ("numpy", "cupy")])
def library(request: pytest.FixtureRequest) -> ModuleType:
    """NumPy or CuPy."""
    return request.param.backend.library
