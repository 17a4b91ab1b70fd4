"""CuPy's products of matrices."""

from typing import Any

import numpy as np
import pytest

from funcnet.backends.cupy.products import kernels

SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((6, 5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((0, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
]


def host(array: Any) -> np.ndarray:
    return array if isinstance(array, (np.ndarray, np.generic)) else array.get()


@pytest.mark.parametrize(("first", "second"), SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_matmul(library: Any, first: tuple[int, ...], second: tuple[int, ...], dtype: str) -> None:
    check(library, first, second, np.dtype(dtype))


@pytest.mark.parametrize(("first", "second"), [((5, 2, 3), (5, 3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (3,))])
def test_stacks_of_bfloat16(library: Any, first: tuple[int, ...], second: tuple[int, ...]) -> None:
    check(library, first, second, np.dtype(pytest.importorskip("ml_dtypes").bfloat16))


def check(library: Any, first: tuple[int, ...], second: tuple[int, ...], native: np.dtype) -> None:
    # Small integers, so that products are exact in every data type.
    x1, x2 = (np.arange(np.prod(shape)).reshape(shape) % 5 - 2.0 for shape in (first, second))
    found = kernels(library)["matmul"](*(library.asarray(x.astype(native)) for x in (x1, x2)))
    assert found.dtype == native
    np.testing.assert_array_equal(host(found).astype(np.complex128), (x1 @ x2).astype(np.complex128))
