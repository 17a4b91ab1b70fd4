"""The rows of the table of `nasty_points`: functions, points, and the derivatives that are wanted there."""

from __future__ import annotations

from math import exp, inf, pi, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DTYPES", "POINTS", "Point"]

DTYPES = ("float64", "float32")


class Point(NamedTuple):
    """A function, a point, and the derivatives that are wanted there."""

    name: str
    #: ``function(m, x)``, where ``m`` holds a library's functions under the names of funcnet's.
    function: Callable[[Any, Any], Any]
    at: Any
    #: The wanted gradient.
    first: Any
    #: The wanted derivative of ``sum(weights * gradient)``; None where there is none, or no library agrees on one.
    second: Any = None
    weights: Any = None
    dtypes: tuple[str, ...] = DTYPES
    #: The dtypes in which the second derivative is representable.
    second_dtypes: tuple[str, ...] = DTYPES


_W2 = [[1.0, 2.0], [3.0, 4.0]]
#: The larger of the two weights of a softmax of numbers that are one apart.
_HEAVY = 1 / (1 + exp(-1))

POINTS: tuple[Point, ...] = (
    Point("abs(x) at 0", lambda m, x: m.sum(m.abs(x)), [0.0], [0.0], [0.0], [1.0]),
    Point("max(x), two largest", lambda m, x: m.max(x), [1.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0] * 3, [1.0, 2.0, 3.0]),
    Point("maximum(x, 1) at 1", lambda m, x: m.sum(m.maximum(x, m.ones(x))), [1.0], [0.5], [0.0], [1.0]),
    Point("clip(x, 0, 1) at 0 and 1", lambda m, x: m.sum(m.clip(x, 0.0, 1.0)), [0.0, 1.0], [1.0, 1.0], [0.0] * 2),
    Point("norm(x) at 0", lambda m, x: m.norm(x), [0.0, 0.0], [0.0, 0.0]),
    Point("std(x), all equal", lambda m, x: m.std(x), [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]),
    Point("norm(x) at 1e20", lambda m, x: m.norm(x), [3e20, 4e20], [0.6, 0.8], [1.28e-21, -0.96e-21], [1.0, 0.0]),
    Point("norm(x) at 1e-25", lambda m, x: m.norm(x), [3e-25, 4e-25], [0.6, 0.8], [1.28e24, -0.96e24], [1.0, 0.0]),
    Point("hypot at 1e20", lambda m, x: m.hypot(x[0], x[1]), [3e20, 4e20], [0.6, 0.8], [1.28e-21, -0.96e-21], [1, 0]),
    Point(
        "hypot at 1e-25", lambda m, x: m.hypot(x[0], x[1]), [3e-25, 4e-25], [0.6, 0.8], [1.28e24, -0.96e24], [1.0, 0.0]
    ),
    Point(
        "1e-30 / y at 1e-25",
        lambda m, y: m.sum((m.ones(y) * 1e-30) / y),
        [1e-25],
        [-1e20],
        [2e45],
        [1.0],
        second_dtypes=("float64",),
    ),
    Point(
        "where(x > 0, log(x), 0) at 0 and 2",
        lambda m, x: m.sum(m.where(x > 0, m.log(x), 0.0 * m.ones(x))),
        [0.0, 2.0],
        [0.0, 0.5],
        [0.0, -0.25],
        [1.0, 1.0],
    ),
    Point(
        "where(x > 0, sqrt(x), 0) at 0 and 4",
        lambda m, x: m.sum(m.where(x > 0, m.sqrt(x), 0.0 * m.ones(x))),
        [0.0, 4.0],
        [0.0, 0.25],
        [0.0, -1 / 32],
        [1.0, 1.0],
    ),
    Point("x**0.0 at 0", lambda m, x: m.sum(x**0.0), [0.0], [0.0], [0.0]),
    Point(
        "prod, one zero", lambda m, x: m.prod(x), [0.0, 2.0, 3.0], [6.0, 0.0, 0.0], [12.0, 3.0, 2.0], [1.0, 2.0, 3.0]
    ),
    Point("prod, two zeros", lambda m, x: m.prod(x), [0.0, 0.0, 3.0], [0.0] * 3, [6.0, 3.0, 0.0], [1.0, 2.0, 3.0]),
    Point("logaddexp(x, 1) at infinity", lambda m, x: m.sum(m.logaddexp(x, m.ones(x))), [inf], [1.0], [0.0], [1.0]),
    Point(
        "det of a singular matrix",
        lambda m, x: m.det(x),
        [[1.0, 2.0], [2.0, 4.0]],
        [[4.0, -2.0], [-2.0, 1.0]],
        [[4.0, -3.0], [-2.0, 1.0]],
        _W2,
    ),
    Point(
        "det of a diagonal matrix with a zero",
        lambda m, x: m.det(x),
        [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]],
        [[6.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ),
    Point(
        "V Vᵀ of eigh at the identity",
        lambda m, x: m.sum(m.like(x, _W2) * m.eigenprojector(x)),
        [[1.0, 0.0], [0.0, 1.0]],
        [[0.0, 0.0], [0.0, 0.0]],
    ),
    Point(
        "U Vᵀ of svd at twice the identity",
        lambda m, x: m.sum(m.like(x, _W2) * m.polar(x)),
        [[2.0, 0.0], [0.0, 2.0]],
        [[0.0, -0.25], [0.25, 0.0]],
    ),
    Point(
        "unique_values(3, 1, 2)",
        lambda m, x: m.sum(m.like(x, [1.0, 2.0, 4.0]) * m.unique_values(x)),
        [3.0, 1.0, 2.0],
        [4.0, 1.0, 2.0],
        [0.0] * 3,
    ),
    Point(
        "unique_values(3, 1, 3)",
        lambda m, x: m.sum(m.like(x, [1.0, 2.0]) * m.unique_values(x)),
        [3.0, 1.0, 3.0],
        [1.0, 1.0, 1.0],
    ),
    Point("arange(x, 4) at 0.5", lambda m, x: m.sum(m.arange(x, 4.0)), 0.5, 4.0, 0.0),
    Point("linspace(x, 4, 5) at 1", lambda m, x: m.sum(m.linspace(x, 4.0, 5)), 1.0, 2.5, 0.0),
    Point(
        "eig of a non-symmetric matrix",
        # The eigenvectors' components have a ratio that does not depend on their scale, and a sum not on their order.
        lambda m, x: m.sum(m.ratios(x)),
        [[4.0, 1.0], [2.0, 3.0]],
        [[0.5, 0.0], [-0.25, -0.5]],
        [[-0.75, 0.0], [1.5, 0.75]],
        _W2,
    ),
    Point("atan2(y, x) at (0, 0)", lambda m, x: m.atan2(x[0], x[1]), [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 2.0]),
    Point("sinc(x) at 0", lambda m, x: m.sum(m.sinc(x)), [0.0], [0.0], [-(pi**2) / 3], [1.0]),
    Point(
        "norm(x, inf), two largest",
        lambda m, x: m.norm(x, ord=inf),
        [1.0, -1.0, 0.0],
        [0.5, -0.5, 0.0],
        [0.0] * 3,
        [1.0, 2.0, 3.0],
    ),
    Point(
        "log_softmax(x), one -inf",
        lambda m, x: m.log_softmax(x, axis=0)[1],
        [-inf, 1.0, 2.0],
        [0.0, _HEAVY, -_HEAVY],
        [0.0, _HEAVY * (1 - _HEAVY), -_HEAVY * (1 - _HEAVY)],
        [1.0, 2.0, 3.0],
    ),
    Point("gammainc(2, x) at 0", lambda m, x: m.sum(m.gammainc(2.0 * m.ones(x), x)), [0.0], [0.0], [1.0], [1.0]),
    Point("gammainc(3, x) at infinity", lambda m, x: m.sum(m.gammainc(3.0 * m.ones(x), x)), [inf], [0.0], [0.0], [1.0]),
    Point(
        "betainc(2, 2, x) at 0 and 1",
        lambda m, x: m.sum(m.betainc(2.0 * m.ones(x), 2.0 * m.ones(x), x)),
        [0.0, 1.0],
        [0.0, 0.0],
        [6.0, -6.0],
    ),
    Point("log_ndtr(x) at -1e4", lambda m, x: m.sum(m.log_ndtr(x)), [-1e4], [1e4 + 1e-4], [-1.0 + 1e-8], [1.0]),
    Point(
        "erfcx(x) at 1e8",
        lambda m, x: m.sum(m.erfcx(x)),
        [1e8],
        [-1e-16 / sqrt(pi)],
        [2e-24 / sqrt(pi)],
        [1.0],
    ),
    Point(
        "abs(z)² at 1+2i, by z",
        lambda m, z: m.sum(m.abs(z) ** 2),
        [1 + 2j],
        [2 - 4j],
        dtypes=("complex128", "complex64"),
    ),
)
