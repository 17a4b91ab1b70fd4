"""Weights in panels are those of the kernel."""

from typing import Any

import numpy as np
import pytest

from funcnet.compiler.kernels.packing import packed
from funcnet.compiler.kernels.special import Steps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("rows", "columns", "panel"), [(3, 7, 4), (70, 8, 4), (2, 5, 5), (130, 3, 4)])
def test_panels(in_python: Any, dtype: str, turned: bool, rows: int, columns: int, panel: int) -> None:
    kernel = np.random.default_rng(0).normal(size=(3, columns, rows) if turned else (3, rows, columns)).astype(dtype)
    # The last matrix alone, then the first two together, in this order.
    step, each = kernel.shape[-1], rows * columns
    matrices = [(2 * each, 0, rows, 0), (0, each, 2 * rows, 0), (each, each, 2 * rows, rows)]
    to = np.zeros(kernel.size, dtype)
    sizes = (rows, columns, panel, step)
    step_of = packed(in_python, 2, kernel.size, matrices, *sizes, to, turned=turned)
    Steps([step_of])(None, kernel.reshape(-1))
    tables = kernel.swapaxes(1, 2) if turned else kernel
    wanted = [
        table[:, first : first + panel].reshape(-1)
        for table in (tables[2], np.concatenate(tables[:2]))
        for first in range(0, columns, panel)
    ]
    np.testing.assert_array_equal(to, np.concatenate(wanted))
