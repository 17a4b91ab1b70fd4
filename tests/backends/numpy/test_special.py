"""The inverse error function and the fused multiply-add of NumPy."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.backends.numpy import special
from funcnet.backends.numpy.special import KERNELS, erfinv_block, fma


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erfinv_inverts_erf(dtype: str) -> None:
    x = np.concatenate([np.linspace(-0.999, 0.999, 999), 1 - np.logspace(-6, -3, 50), [0.0]]).astype(dtype)
    found = KERNELS["random_erfinv"](x)
    assert found.dtype == dtype
    back = np.array([math.erf(v) for v in found.astype(float)])
    assert np.max(np.abs(back - x)) <= 3 * np.finfo(dtype).eps


def test_every_piece_of_the_double_precision_one() -> None:
    distance = np.array([2.0**-k for k in range(2, 53)])
    back = np.array([math.erfc(v) for v in KERNELS["random_erfinv"](1 - distance)])
    assert np.all(np.abs(back - distance) <= 4 * np.finfo(float).eps)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_ends_and_beyond(dtype: str) -> None:
    x = np.array([-1, 1, 1.5, -np.inf, np.nan, 0], dtype)
    with np.errstate(all="raise"):
        found = KERNELS["random_erfinv"](x)
    np.testing.assert_array_equal(found, np.array([-np.inf, np.inf, np.nan, np.nan, np.nan, 0], dtype))
    assert x[0] == -1


@pytest.mark.parametrize("shape", [(), (0,), (3, 40)])
def test_shapes_and_blocks(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-0.9, 0.9, math.prod(shape)).reshape(shape)
    whole = KERNELS["random_erfinv"](x)
    assert whole.shape == shape
    monkeypatch.setattr(special, "_BLOCK", 16)
    assert np.array_equal(KERNELS["random_erfinv"](x), whole)
    assert np.array_equal(KERNELS["random_erfinv"](x.T), whole.T)


def test_a_block_is_overwritten() -> None:
    x = np.array([0.25, -0.5], np.float32)
    erfinv_block(x, np.empty_like(x), np.empty_like(x))
    np.testing.assert_allclose(x, [0.22531206, -0.47693628], rtol=1e-6)


def nearest(value: Fraction, digits: int) -> float:
    if value == 0:
        return 0.0
    unit = Fraction(2) ** (math.frexp(float(value))[1] - digits)
    return float(round(value / unit) * unit)


@pytest.mark.parametrize(("dtype", "digits"), [("float16", 11), ("float32", 24), ("float64", 53)])
@given(data=st.data())
@settings(max_examples=60)
def test_fma_rounds_once(dtype: str, digits: int, data: st.DataObject) -> None:
    numbers = st.floats(0.25, 4, width=int(dtype[5:]))
    a, b, c = (data.draw(numbers) for _ in range(3))
    found = fma(*(np.array([v], dtype) for v in (a, b, c)))
    assert found.dtype == dtype
    assert float(found[0]) == nearest(Fraction(a) * Fraction(b) + Fraction(c), digits)


def test_fma_broadcasts() -> None:
    found = fma(np.ones((2, 1), np.float32), np.float32(2), np.arange(3, dtype=np.float32))
    assert np.array_equal(found, np.tile(np.float32([2, 3, 4]), (2, 1)))


def test_fma_of_large_numbers() -> None:
    with np.errstate(all="raise"):
        assert fma(np.array([0.5]), np.array([1.7e308]), np.array([-1e307]))[0] == 0.5 * 1.7e308 - 1e307


def test_fma_of_bfloat16_rounds_twice_as_xla_does() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 of its own")
    a, b, c = (np.array([v], ml_dtypes.bfloat16) for v in (0.7, 0.3, 0.1))
    assert fma(a, b, c)[0] == ((a * b).astype(ml_dtypes.bfloat16) + c)[0]
    assert fma(a, b, c).dtype == ml_dtypes.bfloat16
