"""Arrays from Python numbers, nested lists, and arrays of other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.core import Tracer, constant, raw
from funcnet.core.dtypes import kind
from funcnet.errors import CopyError, DtypeError, MixedDeviceError
from funcnet.ops.broadcasting import cast
from funcnet.ops.fresh import array_like, backend_like, foreign_dtype, weak_like
from funcnet.ops.joining import stack

if TYPE_CHECKING:
    from funcnet.backends import Backend

__all__ = ["asarray", "asarray_like", "from_dlpack"]

_NUMBERS = (bool, int, float, complex)


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
    """Make an array.

    Derivative: traced arrays, and those within nested lists, keep theirs.

    Parameters
    ----------
    obj : array, Python number, nested list or tuple of them, or object with the buffer protocol
        Arrays of NumPy become arrays of the current backend, those of other libraries stay what they are, and all else
        becomes an array of the current backend. Nested lists that hold arrays are stacked.
    dtype : data type or its name, optional
        Without it arrays keep theirs; Python numbers get the default one of their kind.
    device : str, int or device of the library, optional
        Where the result lies.
    copy : bool, optional
        ``True``: the result shares no memory with `obj`; ``False``: it does, or the call fails; ``None``: it may.

    Returns
    -------
    array
        Inside a transformation, a traced array.

    Raises
    ------
    CopyError
        If a copy is needed that ``copy=False`` forbids.
    DtypeError
        If `obj` holds text, None or other objects that are no numbers.
    MixedDeviceError
        If a traced array would have to move to another device.
    ShapeError
        If a nested list is ragged.

    References
    ----------
    Python Array API standard, ``asarray``.

    Examples
    --------
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> xp.asarray([1.0, 2.0]).dtype
    dtype('float32')
    >>> fn.grad(lambda a: (xp.asarray([a, 2.0 * a]) ** 2).sum())(1.0)
    array(10., dtype=float32)
    """
    if obj.__class__ is Tracer:
        return _traced(obj, dtype, device, copy)
    backend = backends.backend_of_type(obj.__class__)
    if backend is not None and backend.name != "numpy":
        return constant(_owned(backend, obj, dtype, device, copy))
    if isinstance(obj, (list, tuple)):
        found = _first_array(obj)
        if found is not None:
            _forbid(copy is False, "a nested list")
            return _traced(_stacked(obj, found), dtype, device, None)
    context = backends.current()
    backend = context.backend
    device = context.device if device is None else device
    if dtype is not None:
        dtype = foreign_dtype(backend, dtype, device)
    if backends.backend_of_type(obj.__class__) is None:
        if not (obj.__class__ in _NUMBERS or (isinstance(obj, (list, tuple)) and _only_numbers(obj))):
            _check_numeric(obj)
        elif dtype is None:
            dtype = _default(obj, backend, device)
    if backend.name != "numpy" and not isinstance(obj, _NUMBERS):
        _forbid(copy is False and not isinstance(obj, np.ndarray), type(obj).__name__)
        host = np.asarray(obj)
        if copy is not False and (dtype is None or host.dtype.name == backend.dtype_name(dtype)):
            return constant(backend.from_numpy(host, device=device, copy=copy))
        obj = host
    try:
        return constant(backend.asarray(obj, dtype=dtype, device=device, copy=copy))
    except ValueError as error:
        if copy is False:
            raise _copy_error(type(obj).__name__) from error
        raise


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """Make an array of the current backend from an object that speaks DLPack.

    Parameters
    ----------
    x : object
        With ``__dlpack__`` and ``__dlpack_device__``. A traced array that carries a derivative is refused.
    device : str, int or device of the library, optional
        Where the result lies; where `x` is if omitted.
    copy : bool, optional
        ``True``: the result shares no memory with `x`; ``False``: it does, or the call fails; ``None``: it may.

    Returns
    -------
    array
        Of the current backend; inside a transformation, a traced array.

    Raises
    ------
    CopyError
        If a copy is needed that ``copy=False`` forbids.
    TracerConversionError
        If `x` is traced and carries a derivative.

    References
    ----------
    Python Array API standard, ``from_dlpack``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.from_dlpack(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    backend = backends.current().backend
    y = backend.library.from_dlpack(x)
    if device is not None and backend.device_of(y) != backend.device_name(device):
        _forbid(copy is False, f"an array on {backend.device_of(y)!r}")
        return constant(backend.to_device(y, device))
    return constant(backend.asarray(y, copy=True) if copy else y)


def asarray_like(x: Any, obj: Any) -> Any:
    """Return a number, array or nested list as an array that goes with `x`.

    Raises
    ------
    MixedBackendError
        If `obj` is an array of another library.
    DtypeError
        If `obj` holds text, None or other objects that are no numbers.
    """
    if isinstance(obj, np.generic) and backend_like(x).name != "numpy":
        return array_like(x, np.asarray(obj))
    if hasattr(obj, "shape"):
        backends.backend_of(raw(x), raw(obj))
        return obj
    if isinstance(obj, _NUMBERS):
        return weak_like(x, obj)
    if isinstance(obj, (list, tuple)) and _first_array(obj) is not None:
        return _stacked(obj, x)
    if not (isinstance(obj, (list, tuple)) and _only_numbers(obj)):
        _check_numeric(obj)
    return array_like(x, obj)


def _traced(x: Any, dtype: Any, device: Any, copy: bool | None) -> Any:
    backend = backend_like(x)
    if device is not None:
        value = raw(x)
        held = backend.device_of(value) if backend.owns(value.__class__) else backend.device_name(None)
        if held != backend.device_name(device):
            raise MixedDeviceError(
                "A traced array cannot be moved to another device.",
                found=f"from {held!r} to {backend.device_name(device)!r}",
                needed="arrays that are on the right device before the transformation",
                write="fn.device_put(x, device) before the call",
            )
    y = x if dtype is None else cast(x, foreign_dtype(backend, dtype, device))
    _forbid(copy is False and y is not x, f"an array of dtype {x.dtype}")
    # A handle of its own: assigning into it leaves the other as it is.
    return y.copy() if copy and y is x and x.__class__ is Tracer else y


def _owned(backend: Backend, x: Any, dtype: Any, device: Any, copy: bool | None) -> Any:
    """Return an array of a library other than NumPy, of another dtype or elsewhere if that is asked for."""
    dtype = None if dtype is None else foreign_dtype(backend, dtype, device)
    moved = device is not None and backend.device_of(x) != backend.device_name(device)
    changed = dtype is not None and dtype != x.dtype
    _forbid(copy is False and (moved or changed), f"an array of dtype {x.dtype} on {backend.device_of(x)!r}")
    if moved:
        x = backend.to_device(x, device)
    if changed:
        return cast(x, dtype)
    return backend.asarray(x, device=backend.device_of(x), copy=True) if copy and not moved else x


def _first_array(obj: Any) -> Any:
    """Return the first tracer in nested lists, else the first array of a library other than NumPy, else None."""
    found = None
    for item in obj:
        inner = _first_array(item) if isinstance(item, (list, tuple)) else item
        if inner.__class__ is Tracer:
            return inner
        if found is None and inner is not None:
            backend = backends.backend_of_type(inner.__class__)
            if backend is not None and backend.name != "numpy":
                found = inner
    return found


def _stacked(obj: Any, like: Any) -> Any:
    """Return nested lists as a stack; Python numbers in them take the dtype of the arrays."""
    if isinstance(obj, (list, tuple)):
        parts = [_stacked(item, like) for item in obj]
        return stack(parts) if parts else array_like(like, [], like.dtype)
    return obj if hasattr(obj, "shape") else weak_like(like, obj)


def _default(obj: Any, backend: Backend, device: Any) -> Any:
    """Return the default dtype of Python numbers, alone or in nested lists."""
    cls = obj.__class__
    if cls not in _NUMBERS:
        letter = kind(np.asarray(obj).dtype) if obj else "f"
        cls = {"b": bool, "i": int, "u": int, "f": float, "c": complex}.get(letter)
    return None if cls is None else foreign_dtype(backend, cls, device)


def _check_numeric(obj: Any) -> None:
    """Refuse what NumPy would make an array of text or of objects, or NaN."""
    if kind(np.asarray(obj).dtype) == "O":
        raise DtypeError(
            "xp.asarray makes arrays of numbers.",
            found=f"{type(obj).__name__}: {repr(obj)[:60]}"
            if isinstance(obj, (str, list, tuple))
            else type(obj).__name__,
            needed="an array, a Python number, or nested lists of them",
            write="xp.asarray([1.0, 2.0]); float(text) for a number that is written out",
        )


def _only_numbers(obj: Any) -> bool:
    return all([_only_numbers(o) if isinstance(o, (list, tuple)) else o.__class__ in _NUMBERS for o in obj])


def _forbid(copied: bool, what: str) -> None:
    if copied:
        raise _copy_error(what)


def _copy_error(what: str) -> CopyError:
    return CopyError(
        "copy=False forbids the copy that is needed.",
        found=what,
        needed="an array of the same library, dtype and device, in memory that can be shared",
        write="copy=None",
    )
