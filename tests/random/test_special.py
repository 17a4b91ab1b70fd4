"""The error function, its inverse and the scaling of draws."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.random import special
from funcnet.testing.backends import BackendCase

FLOATS = ("float32", "float64")


@pytest.mark.parametrize("dtype", FLOATS)
def test_erf(case: BackendCase, dtype: str) -> None:
    if dtype not in case.dtypes():
        pytest.skip(f"the device has no {dtype}")
    x = np.concatenate([np.linspace(-7, 7, 1001), [0.46875, 4.0, 30.0, 1e30, -1e30, np.inf, -np.inf, 1e-30]]).astype(
        dtype
    )
    expected = np.array([math.erf(v) for v in x.astype(float)])
    found = case.to_numpy(special.erf(case.backend.namespace, case.asarray(x)))
    assert found.dtype == dtype
    ulp = np.spacing(np.abs(expected).astype(dtype)).astype(float)
    assert np.max(np.abs(found.astype(float) - expected) / ulp) <= (4 if "float64" in case.dtypes() else 8)


def test_erf_of_nan_is_nan(case: BackendCase) -> None:
    assert np.isnan(case.to_numpy(special.erf(case.backend.namespace, case.asarray(np.float32([np.nan])))))[0]


@pytest.mark.parametrize("dtype", FLOATS)
def test_erfinv_inverts_erf(case: BackendCase, dtype: str) -> None:
    if dtype not in case.dtypes():
        pytest.skip(f"the device has no {dtype}")
    # Towards one the inverse magnifies the rounding of its argument, so the comparison is of the arguments.
    x = np.concatenate([np.linspace(-0.999, 0.999, 1001), 1 - np.logspace(-6, -3, 50)]).astype(dtype)
    found = case.to_numpy(special.erfinv(case.backend.namespace, case.asarray(x)))
    assert found.dtype == dtype
    back = np.array([math.erf(v) for v in found.astype(float)])
    assert np.max(np.abs(back - x)) <= 3 * np.finfo(dtype).eps


def test_erfinv_far_out_in_double_precision(case: BackendCase) -> None:
    if "float64" not in case.dtypes():
        pytest.skip("the device has no float64")
    # Each of the three pieces: erfc, which keeps its digits, is the measure.
    distance = np.array([2.0**-k for k in range(2, 53)])
    found = case.to_numpy(special.erfinv(case.backend.namespace, case.asarray(1 - distance)))
    back = np.array([math.erfc(v) for v in found])
    assert np.all(np.abs(back - distance) <= 4 * np.finfo(float).eps)
    assert found[-1] == pytest.approx(5.805018683193453, rel=1e-3)


def test_erfinv_at_and_beyond_the_ends(case: BackendCase) -> None:
    x = case.asarray(np.float32([-1, 1, 1.5, -np.inf, np.nan, 0]))
    with np.errstate(all="ignore"):
        found = case.to_numpy(special.erfinv(case.backend.namespace, x))
    np.testing.assert_array_equal(found, np.float32([-np.inf, np.inf, np.nan, np.nan, np.nan, 0]))


def rounded(value: Fraction, dtype: str) -> float:
    """The nearest number of a data type, ties to even, by way of integers."""
    if value == 0:
        return 0.0
    digits = {"float32": 24, "float64": 53}[dtype]
    exponent = math.frexp(float(value))[1] - digits
    unit = Fraction(2) ** exponent
    return float(round(value / unit) * unit)


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
@settings(max_examples=60)
def test_affine_rounds_once(dtype: str, data: st.DataObject) -> None:
    width = int(dtype[5:])
    numbers = st.floats(0.0009765625, 1000, width=width) | st.floats(-1000, -0.0009765625, width=width)
    u = data.draw(st.integers(0, 2**23 - 1)) * 2.0**-23
    span, low = data.draw(numbers), data.draw(numbers)
    found = special.affine(np_namespace(), *(np.array([v], dtype) for v in (u, span, low)))
    assert float(found[0]) == rounded(Fraction(u) * Fraction(span) + Fraction(low), dtype)


def test_affine_beyond_the_halves_of_a_number() -> None:
    # Halving by multiplication overflows here; the plain result does not.
    with np.errstate(all="ignore"):
        found = special.affine(np_namespace(), np.array([0.5]), np.array([1.7e308]), np.array([-1e307]))
    assert found[0] == 0.5 * 1.7e308 - 1e307


def test_affine_without_float64() -> None:
    case = BackendCase("strict-no-x64", "strict", device="no_x64")
    if case.reason:
        pytest.skip(case.reason)
    rng = np.random.default_rng(0)
    u, span, low = (rng.random(20_000, dtype=np.float32) for _ in range(3))
    found = case.to_numpy(special.affine(case.backend.namespace, *map(case.asarray, (u, span, low))))
    expected = (u.astype(float) * span + low).astype(np.float32)
    # Two roundings in a row: about one number in ten millions.
    assert np.count_nonzero(found != expected) <= 1


def np_namespace() -> object:
    return BackendCase("numpy", "numpy").backend.namespace
