"""Complex numbers: holomorphic functions, and the way from real numbers to them and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet.testing.families.operation import GAP, MATRIX, Operation, broadcasts, is_complex

__all__ = ["COMPLEX"]


def _joined(xp: Any, a: Any, b: Any) -> Any:
    del xp
    return a + 1j * b


def _off_the_cut(x: Any) -> bool:
    """Whether no branch cut along the negative axis is near."""
    return bool(np.all((np.real(x) > GAP) | (np.abs(np.imag(x)) > GAP)))


def _away(x: Any) -> bool:
    return bool(np.all(np.abs(x) > GAP))


def _bounded(x: Any) -> bool:
    """Whether functions that grow exponentially in some direction stay of moderate size."""
    return bool(np.all(np.abs(x) < 3.0))  # moderate


def _no_pole(x: Any) -> bool:
    return _bounded(x) and bool(np.all(np.abs(np.cosh(x)) > 0.2))  # not near


def _off_both_cuts(x: Any) -> bool:
    """Whether neither part is nearly zero: the cuts of inverse functions are on the axes."""
    return bool(np.all((np.abs(np.imag(x)) > GAP) & (np.abs(np.real(x)) > GAP)))


def _unary(name: str, smooth: Any, scale: float = 1.0) -> Operation:
    return Operation(
        1,
        lambda xp, x: getattr(xp, name)(scale * (x + 0j)),
        smooth=lambda x: smooth(scale * (x + 0j)),
        complex=True,
    )


def _matmul(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    del rng
    fits = a.ndim == b.ndim == MATRIX and a.shape[1] == b.shape[0]
    return () if fits else None


def _both(x: Any) -> bool:
    return is_complex(x) and _away(x)


COMPLEX: dict[str, Operation] = {
    "complex": Operation(2, _joined, broadcasts),
    "turn": Operation(1, lambda xp, x: xp.exp(1j * x), smooth=lambda x: _bounded(np.imag(x)), complex=True),
    "rotate": Operation(1, lambda xp, x: x * (0.6 + 0.8j), complex=True),  # noqa: ARG005  # one signature
    **{f"complex_{name}": _unary(name, _bounded, 0.5) for name in ("exp", "sin", "cos", "sinh", "cosh", "expm1")},
    "complex_tanh": _unary("tanh", _no_pole),
    "complex_tan": _unary("tan", lambda x: _no_pole(1j * x)),
    **{f"complex_{name}": _unary(name, lambda x: _off_the_cut(x) and _away(x)) for name in ("log", "sqrt", "log10")},
    "complex_log1p": _unary("log1p", lambda x: _off_the_cut(1.0 + x) and _away(1.0 + x)),
    **{f"complex_{name}": _unary(name, _off_both_cuts) for name in ("asin", "acos", "atan", "asinh", "atanh")},
    # On the left JAX's derivative has the wrong sign.
    "complex_acosh": _unary("acosh", lambda x: _off_both_cuts(x) and bool(np.all(np.real(x) > GAP))),
    "complex_square": _unary("square", lambda x: True),  # noqa: ARG005  # one signature
    "complex_divide": Operation(
        2,
        lambda xp, a, b: a / (b + 3.0 + 1j),  # noqa: ARG005  # one signature
        broadcasts,
        lambda a, b: bool(np.all(np.abs(b + 3.0 + 1j) > 0.5)),  # noqa: ARG005  # one signature
        complex=True,
    ),
    "complex_power": Operation(
        1,
        lambda xp, x: xp.pow(x + 0j, 1.5),
        smooth=lambda x: _off_the_cut(x) and _away(x),
        complex=True,
    ),
    "complex_cube": Operation(1, lambda xp, x: 0.1 * x**3, complex=True),  # noqa: ARG005  # one signature
    "complex_matmul": Operation(2, lambda xp, a, b: xp.matmul(a, b * (1.0 - 0.5j)), _matmul, complex=True),
    "conj": Operation(1, lambda xp, x: xp.conj(x), smooth=is_complex, complex=True),
    "real": Operation(1, lambda xp, x: xp.real(x), smooth=is_complex, complex=True),
    "imag": Operation(1, lambda xp, x: xp.imag(x), smooth=is_complex, complex=True),
    "modulus": Operation(1, lambda xp, x: xp.abs(x), smooth=_both, complex=True),
    "complex_prod": Operation(
        1,
        lambda xp, x: xp.prod(x, axis=-1),
        lambda rng, x: () if x.ndim else None,  # noqa: ARG005  # one signature
        complex=True,
    ),
    "absolute_square": Operation(1, lambda xp, x: xp.real(x * xp.conj(x)), smooth=is_complex, complex=True),
    "complex_where": Operation(
        2,
        lambda xp, a, b: xp.where(xp.real(a) > 0.1, 1j * a, b),
        broadcasts,
        lambda a, b: _away(np.real(a) - 0.1),  # noqa: ARG005  # one signature
        complex=True,
    ),
}
