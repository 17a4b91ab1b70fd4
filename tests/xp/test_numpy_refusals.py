"""What the refusals of NumPy's functions say."""

import numpy as np
import pytest

from funcnet.errors import TracerConversionError, UnsupportedFunctionError
from funcnet.xp.numpy_refusals import receives, unsupported


def test_a_plain_array_is_told_by_its_class_and_shape():
    error = receives(np.zeros((2, 3)))
    assert isinstance(error, TracerConversionError)
    assert "found:  numpy.ndarray of shape (2, 3)" in str(error)
    assert "write:  a = fn.lift(a) before the assignment; or a = xp.at(a, index).set(x)" in str(error)
    assert __file__.rpartition("/")[2] in str(error)


STOP = "fn.stop_gradient(x) where no derivative is wanted"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("numpy.gcd with where=", "numpy.gcd(fn.stop_gradient(x)); it has no derivative"),
        ("numpy.savetxt", "return the array from the transformed function, and save it outside"),
        (
            "numpy.linalg.nothing",
            "the same computation with funcnet.xp; fn.stop_gradient(x) where no derivative is wanted",
        ),
    ],
)
def test_a_function_without_a_counterpart_says_what_to_write(name, write):
    error = unsupported(name)
    assert isinstance(error, UnsupportedFunctionError)
    assert str(error).startswith(f"{name} cannot be traced, in ")
    assert str(error).endswith(f"write:  {write}")
