"""Data type functions: casts, limits, kinds and promotion."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from funcnet import backends
from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.core import Tracer, raw
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError
from funcnet.ops.broadcasting import cast
from funcnet.ops.conversion import asarray
from funcnet.ops.fresh import backend_like, foreign_dtype

__all__ = [
    "FloatInfo",
    "IntegerInfo",
    "astype",
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
    "result_type",
]

#: Bits, bits after the point, and the exponent of the smallest normal number.
_FORMATS = {
    "float16": (16, 10, -14),
    "bfloat16": (16, 7, -126),
    "float32": (32, 23, -126),
    "float64": (64, 52, -1022),
}
_REAL_OF = {"complex64": "float32", "complex128": "float64"}
_LETTERS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}


class FloatInfo(NamedTuple):
    """Limits of a floating-point data type.

    Attributes
    ----------
    bits : int
        Bits of a number; of a part of it for complex ones.
    eps : float
        Distance from 1 to the next larger number.
    max, min : float
        The largest and the smallest number.
    smallest_normal : float
        The smallest positive number of full precision.
    dtype : data type
        The real data type.
    """

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Any


class IntegerInfo(NamedTuple):
    """Limits of an integer data type.

    Attributes
    ----------
    bits : int
        Bits of a number.
    max, min : int
        The largest and the smallest number.
    dtype : data type
        The data type.
    """

    bits: int
    max: int
    min: int
    dtype: Any


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """Cast an array to a data type.

    Derivative: 1 between real floating-point data types, and from them to complex ones; integers and booleans carry
    none.

    Parameters
    ----------
    x : array
        Of any data type.
    dtype : data type or its name
        Of any array library.
    copy : bool, default True
        Whether the result is an array of its own where `x` has the data type already.
    device : str, int or device of the library, optional
        Where the result lies; where `x` is if omitted.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    DtypeError
        If `x` is complex and `dtype` is not.
    MixedDeviceError
        If a traced array would have to move to another device.

    References
    ----------
    Python Array API standard, ``astype``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.astype(np.array([1, 2]), "float32")
    array([1., 2.], dtype=float32)
    """
    backend = backend_like(x)
    native = foreign_dtype(backend, dtype, device)
    if kind(x.dtype) == "c" and kind(native) != "c":
        raise DtypeError(
            "xp.astype does not cast complex numbers to real ones.",
            found=f"{x.dtype} to {native}",
            needed="a complex data type",
            write="xp.real(x), xp.imag(x) or xp.abs(x) first",
        )
    if device is not None:
        return asarray(x, dtype=native, device=device, copy=True if copy else None)
    if x.dtype != native:
        return cast(x, native)
    if not copy:
        return x
    return x.copy() if x.__class__ is Tracer else backend.asarray(x, device=backend.device_of(x), copy=True)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether a data type casts to another by the promotion rules of its library.

    Parameters
    ----------
    from_ : data type, its name, or array
        What is cast.
    to : data type or its name
        What it is cast to.

    Returns
    -------
    bool
        Whether it may be.

    References
    ----------
    Python Array API standard, ``can_cast``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.can_cast("int32", "int64"), xp.can_cast("int64", "int32")
    (True, False)
    """
    backend = _backend_of(from_) or _backend_of(to) or backends.current().backend
    wanted = _native(backend, to)
    try:
        # PyTorch's own function of this name answers another question.
        return bool(_library(backend).result_type(_native(backend, from_), wanted) == wanted)
    except TypeError:
        # The standard promotes no booleans to numbers, and no integers to floating-point numbers.
        return False


def finfo(type: Any, /) -> FloatInfo:
    """Return the limits of a floating-point data type.

    Parameters
    ----------
    type : data type, its name, or array
        Real or complex floating-point; of complex ones the limits of their parts are returned.

    Returns
    -------
    FloatInfo
        ``bits``, ``eps``, ``max``, ``min``, ``smallest_normal`` and ``dtype``.

    Raises
    ------
    DtypeError
        If it is not floating-point.

    References
    ----------
    Python Array API standard, ``finfo``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.finfo("float32").bits, xp.finfo("float64").eps == 2.0**-52
    (32, True)
    """
    backend = _backend_of(type) or backends.current().backend
    name = backend.dtype_name(_native(backend, type))
    name = _REAL_OF.get(name, name)
    if name not in _FORMATS:
        raise DtypeError(
            "xp.finfo takes floating-point data types.",
            found=name,
            needed=", ".join([*_FORMATS, *_REAL_OF]),
            write="xp.iinfo for integers",
        )
    bits, digits, exponent = _FORMATS[name]
    most = (2.0 - 2.0**-digits) * 2.0 ** (1 - exponent)
    return FloatInfo(bits, 2.0**-digits, most, -most, 2.0**exponent, backend.dtype(name))


def iinfo(type: Any, /) -> IntegerInfo:
    """Return the limits of an integer data type.

    Parameters
    ----------
    type : data type, its name, or array
        Of integers.

    Returns
    -------
    IntegerInfo
        ``bits``, ``max``, ``min`` and ``dtype``.

    Raises
    ------
    DtypeError
        If it is no integer data type.

    References
    ----------
    Python Array API standard, ``iinfo``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.iinfo("int8").max
    127
    """
    backend = _backend_of(type) or backends.current().backend
    name = backend.dtype_name(_native(backend, type))
    head, bits = name.rstrip("0123456789"), name.lstrip("uint")
    if head not in ("int", "uint"):
        raise DtypeError(
            "xp.iinfo takes integer data types.",
            found=name,
            needed=", ".join([n for n in STANDARD if "int" in n]),
            write="xp.finfo for floating-point ones",
        )
    size = int(bits)
    low = -(2 ** (size - 1)) if head == "int" else 0
    return IntegerInfo(size, low + 2**size - 1, low, backend.dtype(name))


def isdtype(dtype: Any, kind: Any) -> bool:  # the standard's name
    """Whether a data type is of a kind.

    Parameters
    ----------
    dtype : data type or its name
        What is asked about.
    kind : data type, str, or tuple of them
        ``"bool"``, ``"signed integer"``, ``"unsigned integer"``, ``"integral"``, ``"real floating"``,
        ``"complex floating"``, ``"numeric"``, or a data type; with a tuple, any of them.

    Returns
    -------
    bool
        Whether it is. bfloat16 and float16 are real floating.

    Raises
    ------
    ParameterError
        If a kind is unknown.

    References
    ----------
    Python Array API standard, ``isdtype``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.isdtype(np.dtype("float32"), "real floating"), xp.isdtype("int8", ("bool", "integral"))
    (True, True)
    """
    if isinstance(kind, tuple):
        return any([isdtype(dtype, k) for k in kind])
    name = _name(dtype)
    if isinstance(kind, str):
        if kind in _LETTERS:
            return _letter(name) in _LETTERS[kind]
        if kind not in STANDARD and kind not in OPTIONAL:
            raise ParameterError(
                "xp.isdtype got an unknown kind.",
                found=f"kind={kind!r}",
                needed=", ".join([repr(k) for k in _LETTERS]) + ", or a data type",
                write="kind='real floating'",
            )
    return name == _name(kind)


def result_type(*arrays_and_dtypes: Any) -> Any:
    """Return the data type that arrays and data types promote to.

    Parameters
    ----------
    *arrays_and_dtypes : array, data type, its name, or Python number
        At least one array or data type. Python numbers count by their kind alone.

    Returns
    -------
    data type
        Of the library of the first array or data type.

    Raises
    ------
    ParameterError
        Without arguments, or with Python numbers alone.

    References
    ----------
    Python Array API standard, ``result_type``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.result_type(np.ones(2, dtype="float32"), "float64"), xp.result_type("int8", 3)
    (dtype('float64'), dtype('int8'))
    """
    dtypes = [a for a in arrays_and_dtypes if not _is_number(a)]
    if not dtypes:
        raise ParameterError(
            "xp.result_type needs an array or a data type.",
            found=f"{len(arrays_and_dtypes)} Python numbers",
            needed="at least one array or data type",
            write="xp.result_type(xp.float32, 1.0)",
        )
    backend = next((b for b in map(_backend_of, dtypes) if b is not None), None) or backends.current().backend
    return _library(backend).result_type(*[_weak(backend, a) for a in arrays_and_dtypes])


# ---------------------------------------------------------------------- helpers


def _name(dtype: Any) -> str:
    if isinstance(dtype, str):
        return dtype
    if isinstance(dtype, type) and issubclass(dtype, np.generic):
        return np.dtype(dtype).name
    return getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]


def _letter(name: str) -> str:
    return {"bool": "b", "int": "i", "uint": "u", "float": "f", "bfloat": "f", "complex": "c"}.get(
        name.rstrip("0123456789"), "O"
    )


def _backend_of(value: Any) -> Any:
    """Return the backend of an array, tracer or data type; None for a name."""
    value = raw(value)
    if isinstance(value, str):
        return None
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return backends.get("numpy")
    found = backends.backend_of_type(value.__class__) or getattr(value, "backend", None)
    if found is not None:
        return found
    root = value.__class__.__module__.partition(".")[0]
    for name in backends.names():
        record = backends.record(name)
        if record.module.partition(".")[0] == root:
            return record
    return None


def _native(backend: Any, value: Any) -> Any:
    value = raw(value)
    if hasattr(value, "dtype") and not isinstance(value, type):
        return value.dtype
    return foreign_dtype(backend, value)


def _weak(backend: Any, value: Any) -> Any:
    return value if _is_number(value) else _native(backend, value)


def _is_number(value: Any) -> bool:
    # NumPy's float64 is a subclass of Python's float.
    return isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic)


def _library(backend: Any) -> Any:
    return np if backend.name == "numpy" else backend.namespace
