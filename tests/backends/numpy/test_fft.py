"""NumPy's kernels of Fourier transforms give the bits of what they stand for."""

from typing import Any

import array_api_compat.numpy as standard
import numpy as np
import pytest

from funcnet.backends.numpy.fft import KERNELS
from funcnet.ops.fft.primitives import _weigh_bins


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_one_axis_is_one_of_several(dtype: type, norm: Any) -> None:
    x = np.random.default_rng(0).normal(size=(3, 5, 4, 2)).astype(np.float64).view(complex)[..., 0].astype(dtype)
    for axis in range(3):
        for inverse, several in ((False, np.fft.fftn), (True, np.fft.ifftn)):
            found = KERNELS["fft"](x, axes=(axis,), norm=norm, inverse=inverse)
            assert found.dtype == dtype
            assert found.tobytes() == several(x, axes=(axis,), norm=norm).tobytes()


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("n", [1, 2, 7, 8])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # infinity times the imaginary part of a weight
def test_weights_of_bins(dtype: type, n: int) -> None:
    rng = np.random.default_rng(0)
    for axis in (0, 1, 2):
        shape = [3, 2, 4]
        shape[axis] = n // 2 + 1
        x = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
        x.reshape(-1)[:4] = [-0.0, np.inf, complex(0, -np.inf), np.nan]
        for inner in (0.5, 2.0):
            given = {"axis": axis, "n": n, "inner": inner}
            found, wanted = KERNELS["weigh_bins"](x, **given), _weigh_bins(standard, x, **given)
            assert found.dtype == dtype
            assert found.tobytes() == wanted.tobytes()
