"""What the parameters of distributions may be, and the numbers that they become."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcnet import backends, xp
from funcnet.core import constant, raw
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.random.dtypes import dtype_name, kind
from funcnet.random.keys import described
from funcnet.random.threefry import FRACTIONS

__all__ = [
    "as_array",
    "check_real",
    "fits",
    "float_name",
    "integer_name",
    "is_number",
    "neighbour",
    "number",
    "rounded",
]

#: Binary digits of each floating-point data type, and the exponent of its smallest number.
_FORMATS = {"bfloat16": (8, -133), "float16": (11, -24), "float32": (24, -149), "float64": (53, -1074)}


def float_name(dtype: Any, key: Any, what: str) -> str:
    """Return the name of the floating-point data type that a draw is to have."""
    name = _name(dtype, key, backends.current().dtype)
    if name not in FRACTIONS:
        raise DtypeError(
            f"random.{what} gives floating-point numbers.",
            found=name,
            needed="one of " + ", ".join(sorted(FRACTIONS)),
            write='dtype="float32"',
        )
    return name


def integer_name(dtype: Any, key: Any, what: str, default: str, kinds: str = "iu") -> str:
    """Return the name of the integer data type that a draw is to have."""
    name = _name(dtype, key, default)
    if not name.lstrip("u").startswith("int") or name[0] not in kinds:
        unsigned = kinds == "u"
        raise DtypeError(
            f"random.{what} gives {'unsigned ' if unsigned else ''}integers.",
            found=name,
            needed=f"an {'unsigned ' if unsigned else ''}integer data type of 8, 16, 32 or 64 bits",
            write=f'dtype="{default}"',
        )
    return name


def _name(dtype: Any, key: Any, default: str) -> str:
    value = raw(key)
    backend = backends.backend_of_type(type(value)) or value.backend
    name = default if dtype is None else dtype
    # The backend's own answer: it knows its data types by name and by object, and says which it has not.
    return backend.dtype_name(backend.dtype(name))


def is_number(value: Any) -> bool:
    """Whether `value` is a Python number or a NumPy scalar that stands for one."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, np.ndarray)


def number(value: Any, what: str, name: str) -> Any:
    """Return a parameter as a float, or as it is where it is an array or tracer of real numbers."""
    if is_number(value):
        return float(value)
    dtype = getattr(value, "dtype", None)
    if dtype is None or not hasattr(value, "shape") or not kind(dtype):
        raise ParameterError(
            f"Parameter {name!r} of random.{what} is neither a number nor an array of real numbers.",
            found=described(value),
            needed="a number, or an array that broadcasts to the shape of the draw",
            write=f"xp.asarray({name})",
        )
    return value


def as_array(value: Any, dtype: str, key: Any) -> Any:
    """Return a parameter as an array of that data type beside the key."""
    like = raw(key)
    backend = backends.backend_of_type(type(like))
    if isinstance(value, float):
        # Of an abstract key only the library is known.
        device = None if backend is None else backend.device_of(like)
        return constant((backend or like.backend).asarray(value, dtype=dtype, device=device))
    if dtype_name(value.dtype) == dtype:
        return value
    found = backends.backend_of_type(type(raw(value)))
    return xp.astype(value, (found or raw(value).backend).dtype(dtype))


def fits(what: str, shape: tuple[int, ...] | None, *parameters: Any) -> tuple[int, ...]:
    """Return the shape of a draw; raise unless the parameters broadcast to it. None means that they decide it."""
    shapes = [tuple(p.shape) for p in parameters if hasattr(p, "shape")]
    try:
        joint = np.broadcast_shapes(*shapes, *([] if shape is None else [shape]))
    except ValueError:
        joint = None
    if joint is None or (shape is not None and joint != shape):
        raise ShapeError(
            f"The parameters of random.{what} do not broadcast to the shape of the draw.",
            found=f"parameters of shapes {', '.join(map(str, shapes))}"
            + ("" if shape is None else f" for a draw of shape {shape}"),
            needed="shapes that broadcast to that of the draw",
            write="" if joint is None else f"shape={joint}",
        )
    return joint


def rounded(value: float, dtype: str) -> float:
    """Return the nearest number of a floating-point data type.

    Examples
    --------
    >>> from funcnet.random.parameters import rounded
    >>> rounded(0.1, "float32"), rounded(0.1, "bfloat16"), rounded(1e6, "float16")
    (0.10000000149011612, 0.10009765625, inf)
    """
    if dtype == "float64" or not math.isfinite(value) or value == 0.0:
        return value
    if abs(value) > 2.0**128:
        return math.copysign(math.inf, value)
    digits, smallest = _FORMATS[dtype]
    unit = max(math.frexp(value)[1] - digits, smallest)
    nearest = math.ldexp(round(math.ldexp(value, -unit)), unit)
    largest = {"float16": 65504.0, "float32": 3.4028234663852886e38, "bfloat16": 3.3895313892515355e38}[dtype]
    return nearest if abs(nearest) <= largest else math.copysign(math.inf, value)


def neighbour(value: float, dtype: str, upwards: bool) -> float:
    """Return the number of a floating-point data type that is next to one of its numbers.

    Examples
    --------
    >>> from funcnet.random.parameters import neighbour
    >>> neighbour(1.0, "float64", True) - 1.0, 1.0 - neighbour(1.0, "float16", False)
    (2.220446049250313e-16, 0.00048828125)
    """
    if math.isinf(value):
        if upwards == (value > 0):
            return value
        digits, _ = _FORMATS[dtype]
        top = {"float16": 16, "float64": 1024}.get(dtype, 128)
        return math.copysign((2.0 - 2.0 ** (1 - digits)) * 2.0 ** (top - 1), value)
    digits, smallest = _FORMATS[dtype]
    mantissa, exponent = math.frexp(value)
    # Below a power of two the numbers are twice as dense.
    shrinking = upwards != (value > 0)
    unit = smallest if value == 0.0 else max(exponent - digits - (abs(mantissa) == 0.5 and shrinking), smallest)
    return rounded(value + math.ldexp(1.0 if upwards else -1.0, unit), dtype)


def check_real(value: Any, what: str) -> None:
    """Raise unless an array holds floating-point numbers."""
    if kind(value.dtype) != "f":
        raise DtypeError(
            f"random.{what} takes floating-point numbers.",
            found=described(value),
            needed="an array of floating-point numbers, or a Python number",
            write='xp.astype(x, "float32")',
        )
