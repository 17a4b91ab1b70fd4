"""The published coefficients: typing errors would show here."""

import math

import pytest

from funcnet.backends import polynomials
from funcnet.backends.polynomials import ErfinvPiece, Rational


def value(coefficients: tuple[float, ...], t: float) -> float:
    y = 0.0
    for c in coefficients:
        y = y * t + c
    return y


def quotient(rational: Rational, t: float) -> float:
    return value(rational.numerator, t) / value(rational.denominator, t)


@pytest.mark.parametrize(
    ("pieces", "largest", "tolerance"),
    # The largest w is that of the number next to one.
    [(polynomials.ERFINV_SINGLE, 16.0, 3e-7), (polynomials.ERFINV_DOUBLE, 36.0, 2e-15)],
)
def test_erfinv(pieces: tuple[ErfinvPiece, ...], largest: float, tolerance: float) -> None:
    low = 0.0
    for number, piece in enumerate(pieces):
        for i in range(40):
            w = low + (min(piece.limit, largest) - low) * (i + 0.5) / 40
            # x from w, and the distance from one, which keeps its digits.
            x, distance = math.sqrt(-math.expm1(-w)), math.exp(-w) / (1 + math.sqrt(-math.expm1(-w)))
            y = x * value(piece.coefficients, (math.sqrt(w) if number else w) - piece.centre)
            slope = 2 / math.sqrt(math.pi) * math.exp(-y * y)
            assert abs(math.erfc(y) - distance) <= tolerance * y * slope + 3e-16 * distance
        low = piece.limit
    assert low == math.inf


def test_erf() -> None:
    for i in range(1, 48):
        x = i / 100
        assert x * quotient(polynomials.ERF_SMALL, x * x) == pytest.approx(math.erf(x), rel=4e-16)
    for i in range(47, 401):
        x = i / 100
        assert math.exp(-x * x) * quotient(polynomials.ERF_MIDDLE, x) == pytest.approx(math.erfc(x), rel=4e-15)
    for i in range(400, 2000, 25):
        x = i / 100
        inverse = 1 / (x * x)
        factor = 1 / math.sqrt(math.pi) - inverse * quotient(polynomials.ERF_LARGE, inverse)
        assert math.exp(-x * x) / x * factor == pytest.approx(math.erfc(x), rel=1e-13)
