"""The names of data types."""

import numpy as np
import pytest

from funcnet.backends.dtypes import COMPLEX_OF, FLOATS, OPTIONAL, STANDARD


def test_the_standards_names_are_all_there() -> None:
    strict = pytest.importorskip("array_api_strict")
    assert set(STANDARD) == set(strict.__array_namespace_info__().dtypes())


def test_names_are_numpys() -> None:
    for name in (*STANDARD, "float16"):
        assert np.dtype(name).name == name


def test_each_float_has_a_complex_companion_at_least_as_wide() -> None:
    assert set(COMPLEX_OF) == set(FLOATS)
    assert set(FLOATS) <= set(STANDARD + OPTIONAL)
    for name in ("float16", "float32", "float64"):
        assert np.zeros(1, COMPLEX_OF[name]).real.dtype.itemsize >= np.dtype(name).itemsize
