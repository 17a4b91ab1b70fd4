"""Names and kinds of data types."""

import numpy as np
import pytest

from funcnet.random.dtypes import dtype_name, kind
from funcnet.testing.backends import BackendCase


@pytest.mark.parametrize(
    ("name", "letter"),
    [("float32", "f"), ("int32", "i"), ("uint32", "u"), ("bool", ""), ("complex64", "")],
)
def test_every_library_gives_the_same_name(case: BackendCase, name: str, letter: str) -> None:
    dtype = case.backend.dtype(name)
    assert dtype_name(dtype) == name
    assert kind(dtype) == letter


def test_bfloat16_is_a_float() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    assert kind(torch.bfloat16) == "f"
    assert dtype_name(np.dtype(">f4")) == "float32"
