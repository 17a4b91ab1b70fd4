"""CuPy's convolutions, run with NumPy in its place, against the reference implementation."""

import numpy as np
import pytest

import funcnet.ops.nn  # noqa: F401  # declares the primitives
from funcnet.backends.cupy import convolution
from funcnet.core import registry
from funcnet.testing.backends import case
from funcnet.testing.primitives import native
from funcnet.testing.samples import samples

XP = pytest.importorskip("array_api_compat.numpy")
KERNELS = convolution.kernels(np)


@pytest.mark.parametrize("name", sorted(KERNELS))
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_equals_the_reference(name, dtype):
    for sample in samples(registry[name], dtype):
        args, params = native(registry[name], case("numpy"), sample)
        wide = [a.astype("complex128" if dtype.startswith("c") else "float64") for a in args]
        found, wanted = KERNELS[name](*args, **params), registry[name].impl(XP, *wide, **params)
        assert found.dtype == dtype
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5 if dtype == "float32" else 1e-12)
