from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.backends import get
from funcnet.core import registry
from funcnet.testing.oracles import oracle

torch = oracle("torch", "these are the kernels of PyTorch")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ["relu", "sigmoid"])
def test_the_kernels_are_the_reference(name: str, dtype: str) -> None:
    backend = get("torch")
    x = torch.asarray(
        [-np.inf, -1e4, -30.0, -1.0, -0.0, 0.0, 0.5, 30.0, 1e4, np.inf, np.nan], dtype=getattr(torch, dtype)
    )
    found = getattr(ops, name)(x)
    expected = registry[name].impl(backend.namespace, x)
    assert found.dtype == expected.dtype
    rtol = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-14}[dtype]
    np.testing.assert_allclose(
        backend.to_numpy(found), backend.to_numpy(expected), rtol=rtol, atol=1e-7 * (dtype == "float16")
    )


def test_relu_of_integers() -> None:
    x: Any = torch.asarray([-3, 0, 4])
    assert ops.relu(x).tolist() == [0, 0, 4]
