import numpy as np
import pytest

from funcnet.backends.numpy.products import KERNELS


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3), (5, 1, 2, 3), (0, 2, 3), (4, 0, 3)])
@pytest.mark.parametrize("contiguous", [False, True])
def test_a_stack_times_one_matrix(shape: tuple[int, ...], contiguous: bool) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    if not contiguous:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    w = np.random.default_rng(1).normal(size=(3, 2))
    np.testing.assert_allclose(KERNELS["matmul"](x, w), np.matmul(x, w), rtol=1e-13)


def test_transposes_are_views() -> None:
    x = np.ones((2, 3, 4))
    assert np.shares_memory(KERNELS["matrix_transpose"](x), x)
    assert KERNELS["matrix_transpose"](x).shape == (2, 4, 3)
