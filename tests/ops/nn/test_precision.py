"""Which data types are widened."""

import numpy as np
import pytest

from funcnet import backends
from funcnet.ops.nn.precision import widened


@pytest.mark.parametrize(("name", "wide"), [("float16", "float32"), ("float32", "float32"), ("float64", "float64")])
def test_half_precision_becomes_float32(name, wide):
    x = np.array([1.5, -2.0], dtype=name)
    assert widened(x).dtype == wide
    assert widened(x).tolist() == x.tolist()
    assert (widened(x) is x) == (name == wide)


def test_bfloat16_of_torch():
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.5], dtype=torch.bfloat16)
    assert backends.backend_of(x).dtype_name(widened(x).dtype) == "float32"
