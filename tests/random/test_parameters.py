"""Numbers of data types, and what parameters may be."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet import random
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.random.parameters import neighbour, rounded

TYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


@pytest.mark.parametrize("dtype", TYPES)
@given(value=st.floats(allow_nan=False))
@settings(max_examples=100)
def test_rounded_is_what_numpy_rounds_to(dtype: str, value: float) -> None:
    with np.errstate(all="ignore"):
        assert rounded(value, dtype) == float(TYPES[dtype](value))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("upwards", [False, True])
@given(data=st.data())
@settings(max_examples=100)
def test_neighbour_is_what_numpy_finds(dtype: str, upwards: bool, data: st.DataObject) -> None:
    value = data.draw(st.floats(allow_nan=False, width=int(dtype[5:])))
    towards = TYPES[dtype](math.inf if upwards else -math.inf)
    with np.errstate(all="ignore"):
        assert neighbour(value, dtype, upwards) == float(np.nextafter(TYPES[dtype](value), towards))


@pytest.mark.parametrize("value", [0.1, 1.0, -1.0, 3.0, 1e-40, 3.4e38, 1e39, 0.0, -math.inf])
def test_numbers_of_bfloat16(value: float) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 of its own")
    kind = ml_dtypes.bfloat16
    assert rounded(value, "bfloat16") == float(kind(value))
    for upwards, towards in ((True, math.inf), (False, -math.inf)):
        start = float(kind(value))
        assert neighbour(start, "bfloat16", upwards) == float(np.nextafter(kind(start), kind(towards)))


@pytest.mark.parametrize("parameter", ["0.5", None, [0.5], 1j, np.array([True]), np.array([1j])])
def test_a_parameter_is_a_number_or_an_array(parameter: Any) -> None:
    with pytest.raises(ParameterError, match=r"Parameter 'minval' of random\.uniform is neither a number nor an array"):
        random.uniform(random.key(0), (2,), minval=parameter)


def test_integer_parameters_become_floats() -> None:
    bounds = np.array([1, 2])
    found = random.uniform(random.key(0), (3, 2), minval=bounds, maxval=np.int64(5))
    assert found.dtype == np.float32
    assert np.array_equal(found, random.uniform(random.key(0), (3, 2), minval=bounds.astype(np.float32), maxval=5.0))


def test_parameters_must_fit_the_shape() -> None:
    with pytest.raises(ShapeError, match="do not broadcast to the shape of the draw") as caught:
        random.uniform(random.key(0), (2,), minval=np.zeros(3, np.float32))
    assert "parameters of shapes (3,) for a draw of shape (2,)" in str(caught.value)
    with pytest.raises(ShapeError, match=r"shape=\(3,\)"):
        random.uniform(random.key(0), (), minval=np.zeros(3, np.float32))


@pytest.mark.parametrize("dtype", ["int32", "complex64", np.dtype("uint8")])
def test_floating_point_draws_refuse_other_types(dtype: Any) -> None:
    with pytest.raises(DtypeError, match=r"random\.normal gives floating-point numbers"):
        random.normal(random.key(0), (2,), dtype)


@pytest.mark.parametrize("dtype", ["float32", "bool"])
def test_integer_draws_refuse_other_types(dtype: str) -> None:
    with pytest.raises(DtypeError, match=r"random\.randint gives integers"):
        random.randint(random.key(0), (2,), 0, 3, dtype)
    with pytest.raises(DtypeError, match=r"random\.bits gives unsigned integers"):
        random.bits(random.key(0), (2,), dtype)


def test_unknown_types_are_refused() -> None:
    with pytest.raises(DtypeError, match="float8"):
        random.normal(random.key(0), (2,), "float8")
