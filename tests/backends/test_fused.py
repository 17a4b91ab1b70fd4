"""The multiply-add that rounds once."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.backends.fused import fused_multiply_add, split_factor

NUMBERS = st.floats(2.0**-100, 2.0**100) | st.floats(-(2.0**100), -(2.0**-100))


@pytest.mark.parametrize(("digits", "factor"), [(24, 4097.0), (53, 134217729.0)])
def test_factors_of_dekker(digits: int, factor: float) -> None:
    assert split_factor(digits) == factor


@given(NUMBERS, NUMBERS, NUMBERS)
@settings(max_examples=200)
def test_it_is_the_nearest_number_or_next_to_it(a: float, b: float, c: float) -> None:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    found = fused_multiply_add(a, b, c, split_factor(53))
    assert abs(Fraction(found) - exact) <= Fraction(float(np.spacing(abs(found)))) * Fraction(500001, 1000000)


def test_it_sees_what_two_roundings_lose() -> None:
    a = 1 + 2.0**-30
    assert a * a - (1 + 2.0**-29) == 0
    assert fused_multiply_add(a, a, -(1 + 2.0**-29), split_factor(53)) == 2.0**-60
