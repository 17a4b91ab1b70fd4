"""Draws from a key that is known when a plan runs: each word of Threefry becomes a number while it is in a register.

The words, and what is made of them, are those of the plain kernels: bits, integers and uniform numbers are the same,
and numbers of other distributions are as close as the logarithms that they are made of.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.polynomials import ERFINV_DOUBLE, ERFINV_SINGLE
from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["drawn"]

#: Elements that a thread has to have, and in a line of the cache.
_PARALLEL, _LINE = 20_000, 64
_PARITY = 0x1BD11BDA
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_TYPES = {"float32": "f4", "float64": "f8"}


def drawn(e: Equation) -> Special | None:
    """Return the kernel of a draw, None where it does not apply."""
    name, out = e.primitive.name, e.outputs[0]
    dtype, size = str(out.dtype), prod(out.shape)
    if [v.shape for v in e.values] != [(2,)] or str(e.values[0].dtype) != "uint32" or not 0 < size < 1 << 31:
        return None
    p = e.params
    numbers: list[Any] = []
    if name == "random_bits" and dtype == "uint32":
        lines = ["y[j] = w"]
    elif name in ("random_uniform", "random_normal", "random_truncated_normal") and dtype in _TYPES:
        lines, numbers = _real(name, np.dtype(dtype), p)
    elif name == "random_integers" and dtype == "int32":
        return _integers(p["low"], p["high"], size)
    else:
        return None
    source = _source(lines, ("key",), len(numbers), wide=dtype == "float64")
    return _special(name, source, dtype, numbers, size)


def _special(name: str, source: str, dtype: str, numbers: list[Any], size: int) -> Special:
    def build(compile: Compile, threads: int) -> Steps:
        kinds = ["float64" if isinstance(n, float) else "int64" for n in numbers]
        types = ["int64"] * 3 + ["uint32[::1]", f"{dtype}[::1]", *kinds]
        loop = compile(source, f"void({', '.join(types)})")
        units = -(-size // _LINE)
        parts = max(1, min(threads, units, size // _PARALLEL))
        bounds = tuple([min(units * i // parts * _LINE, size) for i in range(parts)] + [size])
        return Steps([Step(loop, bounds, [Of(0, (2,)), Of(1, (size,)), *numbers])])

    return Special(f"{name}, in registers", build)


def _hash(key: str, counter: str, to: str) -> list[str]:
    """Return lines that hash a counter below 2**32 under a key's words, which have the names `key` and 0, 1 and 2."""
    a, b = f"{to}0", f"{to}1"
    lines = [f"{b} = np.uint32(np.uint32({counter}) + {key}1)", f"{a} = {key}0"]
    for i in range(5):
        for r in _ROTATIONS[i & 1]:
            lines.append(f"{a} = np.uint32({a} + {b})")
            turned = f"np.uint32({b} << np.uint32({r})) | np.uint32({b} >> np.uint32({32 - r}))"
            lines.append(f"{b} = np.uint32(np.uint32({turned}) ^ {a})")
        lines.append(f"{a} = np.uint32({a} + {key}{(i + 1) % 3})")
        lines.append(f"{b} = np.uint32({b} + np.uint32({key}{(i + 2) % 3} + np.uint32({i + 1})))")
    return lines


def _schedule(key: str) -> str:
    return f"{key}2 = np.uint32(np.uint32({key}0 ^ {key}1) ^ np.uint32({_PARITY}))"


def _source(lines: list[str], keys: tuple[str, ...], numbers: int, *, wide: bool) -> str:
    """Return the source of a loop over all numbers."""
    head = ["key0 = key[0]", "key1 = key[1]", _schedule("key")]
    if keys != ("key",):
        for i, name in enumerate(keys):
            head += [*_hash("key", str(i), name), _schedule(name)]
    body: list[str] = []
    for name in keys:
        body += _hash(name, "j", f"w_{name}" if keys != ("key",) else "x")
    if keys == ("key",) and not wide:
        body.append("w = np.uint32(x0 ^ x1)")
    arguments = ", ".join(["lo", "hi", "part", "key", "y", *[f"n{i}" for i in range(numbers)]])
    text = [f"def loop({arguments}):", *["    " + line for line in head], "    for j in range(lo, hi):"]
    return "\n".join([*text, *["        " + line for line in (*body, *lines)], ""])


def _real(name: str, dtype: np.dtype, p: Any) -> tuple[list[str], list[Any]]:
    """Return lines that make a number of words, and the numbers that these take."""
    t, kind = _TYPES[dtype.name], dtype.type
    if t == "f4":
        # 23 bits as the fraction of a number in [1, 2), less one.
        lines = ["u = as_float(np.int32(np.uint32(w >> np.uint32(9)) | np.uint32(0x3F800000))) - f4(1)"]
    else:
        lines = [f"u = f8(x0) * {2.0**-32!r} + f8(np.uint32(x1 >> np.uint32(12))) * {2.0**-52!r}"]
    low, high = kind(p.get("low", 0.0)), kind(p.get("high", 1.0))
    scaled = [f"u = fma(u, {t}(n0), {t}(n1))", f"u = u if u > {t}(n1) else {t}(n1)"]
    with np.errstate(over="ignore"):
        bounds = [float(high - low), float(low)]
    if name == "random_uniform":
        plain = bounds == [1.0, 0.0]
        return ([*lines, "y[j] = u"], []) if plain else ([*lines, *scaled, "y[j] = u"], bounds)
    if name == "random_normal":
        # Twice a draw is exact, so this rounds once.
        lowest = float(np.nextafter(kind(-1), kind(0)))
        return [*lines, f"u = u * {t}(2) + {t}({lowest!r})", *_erfinv(dtype), "y[j] = q"], []
    bounds += [float(kind(p["least"])), float(kind(p["most"]))]
    ends = [
        f"q = q if abs(u) < {t}(1) else u * {t}(np.inf)",
        f"q = q if q > {t}(n2) else {t}(n2)",
        f"y[j] = q if q < {t}(n3) else {t}(n3)",
    ]
    return [*lines, *scaled, *_erfinv(dtype), *ends], bounds


def _erfinv(dtype: np.dtype) -> list[str]:
    """Return lines that make `q`, a normal quantile, of `u`, with the pieces of the plain kernel."""
    t = _TYPES[dtype.name]
    pieces = ERFINV_SINGLE if t == "f4" else ERFINV_DOUBLE
    lines = [f"z = -log{8 * int(t[1])}({t}(1) - u * u)", f"root = np.sqrt(z if z > {t}(0) else {t}(0))"]
    for i, piece in enumerate(pieces):
        lines.append(f"d = {'root' if i else 'z'} - {t}({piece.centre!r})")
        first, *others = [float(c) for c in piece.coefficients]
        lines.append(f"p{i} = {t}({first!r})")
        lines += [f"p{i} = p{i} * d + {t}({c!r})" for c in others]
    text = f"p{len(pieces) - 1}"
    for i in reversed(range(len(pieces) - 1)):
        text = f"(p{i} if z < {t}({float(pieces[i].limit)!r}) else {text})"
    return [*lines, f"q = u * {text} * {t}({float(dtype.type(sqrt(2.0)))!r})"]


def _integers(low: int, high: int, size: int) -> Special:
    """Return the kernel of integers of 32 bits, by the remainders of 64 bits in two words."""
    span = (high - low) % (1 << 32) if high > low else 1
    base = (1 << 16) % span if span else 0
    weight = base * base % (1 << 32) % span if span else 0

    def remainder(text: str) -> list[str]:
        # Exact: the quotient of two numbers of 32 bits is never rounded up to a whole one.
        quotient = f"np.uint32(np.int64(f8({text}) / f8(n1)))"
        return [f"{text} = np.uint32({text} - np.uint32({quotient} * np.uint32(n1)))"]

    lines = ["r = np.uint32(w_lower_0 ^ w_lower_1)"]
    if span:
        lines += remainder("r")
        if weight:
            lines += ["h = np.uint32(w_upper_0 ^ w_upper_1)", *remainder("h")]
            lines += ["r = np.uint32(r + np.uint32(h * np.uint32(n2)))", *remainder("r")]
    lines.append("y[j] = np.int32(np.uint32(r + np.uint32(n0)))")
    source = _source(lines, ("upper_", "lower_"), 3, wide=False)
    return _special("random_integers", source, "int32", [low % (1 << 32), span, weight], size)
