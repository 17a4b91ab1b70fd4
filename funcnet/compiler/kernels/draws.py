"""Draws from a key that is known when a plan runs: each word of Threefry becomes a number while it is in a register.

The words, and what is made of them, are those of the plain kernels: bits, integers and uniform numbers are the same,
and numbers of other distributions are as close as the logarithms that they are made of.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.polynomials import ERFINV_DOUBLE, ERFINV_SINGLE
from funcnet.compiler.graph import Value
from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["drawn", "new_keys"]

#: Elements that a thread has to have, and in a line of the cache.
_PARALLEL, _LINE = 20_000, 64
_PARITY = 0x1BD11BDA
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_TYPES = {"float32": "f4", "float64": "f8"}
#: Numbers of each key up to which a loop over many keys goes through the keys first.
_FEW = 16
#: What follows the names of draws from several keys at once.
_SEVERAL = "_batch"


def drawn(e: Equation) -> Special | None:
    """Return the kernel of a draw from one key or from several, None where it does not apply."""
    name, out = e.primitive.name.removesuffix(_SEVERAL), e.outputs[0]
    count = _keys(e)
    dtype, size = str(out.dtype), prod(out.shape) // count if count else 0
    if len(e.values) > 1 or not 0 < size < 1 << 31:
        return None
    p = e.params
    numbers: list[Any] = []
    if name == "random_bits" and dtype == "uint32":
        lines = ["y[at] = w"]
    elif name in ("random_uniform", "random_normal", "random_truncated_normal") and dtype in _TYPES:
        lines, numbers = _real(name, np.dtype(dtype), p)
    elif name == "random_integers" and dtype == "int32":
        return _integers(e, p["low"], p["high"], count)
    else:
        return None
    source = _source(lines, ("key",), len(numbers), _form(e, size), wide=dtype == "float64")
    return _special(e, source, numbers, count)


def new_keys(e: Equation) -> Special | None:
    """Return the kernel of keys that are made of one or of several, by splitting or of a number; None for others."""
    name, out = e.primitive.name.removesuffix(_SEVERAL), e.outputs[0]
    count = _keys(e)
    size = prod(out.shape) // (2 * count) if count else 0
    if not 0 < size < 1 << 30:
        return None
    lines = ["y[2 * at] = x0", "y[2 * at + 1] = x1"]
    if name == "random_split":
        return _special(e, _source(lines, ("key",), 0, _form(e, size), wide=True), [], count)
    data = e.inputs[1]
    if data.__class__ is not Value:
        source = _source(lines, ("key",), 1, "several", wide=True, counter="n0")
        return _special(e, source, [int(data) % (1 << 32)], count)
    if str(data.dtype) not in ("int32", "int64", "uint32") or prod(data.shape) not in (1, count):
        return None
    counter = "x[row]" if prod(data.shape) > 1 else "x[0]"
    return _special(e, _source(lines, ("key",), 0, "several", wide=True, counter=counter, given="x, "), [], count)


def _keys(e: Equation) -> int:
    """Return how many keys there are, 0 if they are none of NumPy's."""
    key = e.values[0] if e.values and e.values[0] is e.inputs[0] else None
    if key is None or key.shape[-1:] != (2,) or str(key.dtype) != "uint32":
        return 0
    return prod(key.shape[:-1])


def _form(e: Equation, size: int) -> str:
    """Return how a loop goes: through the numbers of one key, or of one key after the other, or through keys first."""
    if len(e.values[0].shape) == 1:
        return "one"
    return "several" if size > _FEW else "keys first" if size > 1 else "each"


def _special(e: Equation, source: str, numbers: list[Any], count: int) -> Special:
    out = e.outputs[0]
    total = prod(out.shape)
    single = len(e.values[0].shape) == 1 and e.primitive.name != "random_fold_in"
    size = total // (2 * count if e.primitive.name.startswith(("random_split", "random_fold")) else count)

    def build(compile: Compile, threads: int) -> Steps:
        kinds = ["float64" if isinstance(n, float) else "int64" for n in numbers]
        arrays = [f"{v.dtype}[::1]" for v in (*e.values, out)]
        loop = compile(source, f"void({', '.join([*['int64'] * 3, *arrays, 'int64', *kinds])})")
        each = _LINE if single else 1
        units = -(-size // _LINE) if single else count
        parts = max(1, min(threads, units, total // _PARALLEL))
        bounds = tuple([min(units * i // parts * each, size if single else count) for i in range(parts)])
        given = [Of(i, (prod(v.shape),)) for i, v in enumerate((*e.values, out))]
        return Steps([Step(loop, (*bounds, size if single else count), [*given, size, *numbers])])

    return Special(f"{e.primitive.name}, in registers", build)


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


def _source(
    lines: list[str],
    keys: tuple[str, ...],
    numbers: int,
    form: str,
    *,
    wide: bool,
    counter: str = "j",
    given: str = "",
) -> str:
    """Return the source of a loop over all numbers, which `lines` write to their place ``y[at]``."""
    head = ["key0 = key[0]", "key1 = key[1]"] if form == "one" else ["key0 = key[2 * row]", "key1 = key[2 * row + 1]"]
    head.append(_schedule("key"))
    if keys != ("key",):
        for i, name in enumerate(keys):
            head += [*_hash("key", str(i), name), _schedule(name)]
    body: list[str] = []
    for name in keys:
        body += _hash(name, counter, f"w_{name}" if keys != ("key",) else "x")
    if keys == ("key",) and not wide:
        body.append("w = np.uint32(x0 ^ x1)")
    arguments = ", ".join(["lo", "hi", "part", f"key, {given}y", "size", *[f"n{i}" for i in range(numbers)]])
    place = {"one": "j", "each": "row"}.get(form, "row * size + j")
    body += [line.replace("[at]", f"[{place}]").replace("2 * at", f"2 * ({place})") for line in lines]
    loops = {
        "one": [*head, "for j in range(lo, hi):", body],
        "several": ["for row in range(lo, hi):", [*head, "for j in range(size):", body]],
        "each": ["for row in range(lo, hi):", ["j = 0", *head, *body]],
        "keys first": ["for j in range(size):", ["for row in range(lo, hi):", [*head, *body]]],
    }
    return "\n".join([f"def loop({arguments}):", *_indented(loops[form]), ""])


def _indented(text: list[Any], depth: int = 1) -> list[str]:
    found: list[str] = []
    for line in text:
        found += _indented(line, depth + 1) if isinstance(line, list) else ["    " * depth + line]
    return found


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
        return ([*lines, "y[at] = u"], []) if plain else ([*lines, *scaled, "y[at] = u"], bounds)
    if name == "random_normal":
        # Twice a draw is exact, so this rounds once.
        lowest = float(np.nextafter(kind(-1), kind(0)))
        return [*lines, f"u = u * {t}(2) + {t}({lowest!r})", *_erfinv(dtype), "y[at] = q"], []
    bounds += [float(kind(p["least"])), float(kind(p["most"]))]
    ends = [
        f"q = q if abs(u) < {t}(1) else u * {t}(np.inf)",
        f"q = q if q > {t}(n2) else {t}(n2)",
        f"y[at] = q if q < {t}(n3) else {t}(n3)",
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


def _integers(e: Equation, low: int, high: int, count: int) -> Special:
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
    lines.append("y[at] = np.int32(np.uint32(r + np.uint32(n0)))")
    form = _form(e, prod(e.outputs[0].shape) // count)
    source = _source(lines, ("upper_", "lower_"), 3, form, wide=False)
    return _special(e, source, [low % (1 << 32), span, weight], count)
