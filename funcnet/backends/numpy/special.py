"""Numerical parts of the samplers for NumPy: the inverse error function and the fused multiply-add."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from funcnet.backends.fused import fused_multiply_add, split_factor
from funcnet.backends.polynomials import ERFINV_DOUBLE, ERFINV_SINGLE

__all__ = ["KERNELS", "erfinv_block", "fma"]

_BLOCK = 1 << 15
_PIECES = {"f": ERFINV_SINGLE, "d": ERFINV_DOUBLE}


def erfinv_block(x: np.ndarray, w: np.ndarray, y: np.ndarray) -> None:
    """Replace x by erfinv(x).

    Parameters
    ----------
    x : numpy.ndarray of float32 or float64, shape (n,)
        Values strictly between -1 and 1; overwritten.
    w, y : numpy.ndarray, as x
        Scratch.
    """
    first, *others = _PIECES[x.dtype.char]
    # The square is rounded before it is taken from one, which costs digits where abs(x) is near one, because that is
    # how jax.random evaluates it. The difference itself is exact there, so log1p would bring nothing.
    np.multiply(x, x, out=w)
    np.subtract(1, w, out=w)
    np.log(w, out=w)
    tail = np.flatnonzero(w <= -first.limit)
    far = np.negative(w[tail]) if tail.size else None
    np.subtract(-first.centre, w, out=w)
    _horner(first.coefficients, w, y)
    if far is not None:
        root = np.sqrt(far)
        value = np.empty_like(root)
        low = first.limit
        for piece in others:
            inside = np.flatnonzero((far >= low) & (far < piece.limit))
            if inside.size:
                t = root[inside] - x.dtype.type(piece.centre)
                part = np.empty_like(t)
                _horner(piece.coefficients, t, part)
                value[inside] = part
            low = piece.limit
        y[tail] = value
    np.multiply(x, y, out=x)


def _horner(coefficients: tuple[float, ...], t: np.ndarray, out: np.ndarray) -> None:
    np.multiply(t, coefficients[0], out=out)
    for c in coefficients[1:-1]:
        np.add(out, c, out=out)
        np.multiply(out, t, out=out)
    np.add(out, coefficients[-1], out=out)


def _erfinv(x: Any) -> np.ndarray:
    """Return the inverse error function, infinite at -1 and 1 and NaN outside."""
    x = np.asarray(x)
    dtype = x.dtype
    work = dtype if dtype.char in _PIECES else np.dtype(np.float32)
    result = np.array(x, dtype=work, order="C", copy=True)
    flat = result.reshape(-1)
    size = min(flat.size, _BLOCK)
    w, y = np.empty(size, work), np.empty(size, work)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        edge = np.flatnonzero(~(np.abs(block) < 1))
        ends = block[edge]
        block[edge] = 0
        erfinv_block(block, w[: block.size], y[: block.size])
        block[edge] = np.where(np.abs(ends) == 1, np.copysign(np.inf, ends), np.nan)
    return result if dtype == work else result.astype(dtype)


def fma(a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c``, rounded once; bfloat16 rounds twice, as in XLA.

    Parameters
    ----------
    a, b, c : numpy.ndarray or NumPy scalar
        All of one floating-point data type.

    Returns
    -------
    numpy.ndarray or NumPy scalar
        Of that data type.
    """
    dtype = np.result_type(a, b, c)
    if dtype == np.float64:
        with np.errstate(over="ignore", invalid="ignore"):
            y = fused_multiply_add(a, b, c, split_factor(53))
            return np.where(np.isfinite(y), y, a * b + c)
    if dtype.char not in "ef":
        return a * b + c
    # A product of two numbers is exact in a type with twice their digits, so only the sum rounds, and the cast.
    wide = np.float64 if dtype == np.float32 else np.float32
    a, b, c = (np.asarray(v, dtype=wide) for v in (a, b, c))
    with np.errstate(over="ignore"):
        return (a * b + c).astype(dtype)


KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType({"random_erfinv": _erfinv, "random_affine": fma})
