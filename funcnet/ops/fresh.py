"""Raw arrays made from nothing, or from Python values, on any backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.backends.dtypes import COMPLEX_OF
from funcnet.core import Tracer, raw
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError

if TYPE_CHECKING:
    from funcnet.backends import Backend

__all__ = [
    "array_like",
    "backend_like",
    "context_place",
    "created",
    "filled_like",
    "foreign_dtype",
    "integers_like",
    "weak_like",
    "zeros_raw",
]

_PYTHON_KINDS = {bool: "b", int: "u", float: "f", complex: "c"}
#: Kinds of number, each of which casts to those after it; a Python integer goes with every integer dtype.
_KINDS = "buifc"


def created(backend: Backend, device: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a creation function of the library so that the result lies on `device`, None for the default one."""
    if backend.name == "numpy":
        if device is not None:
            backend.device_name(device)
        return getattr(np, name)(*args, **kwargs)
    with backend.on_device(device):
        return getattr(backend.namespace, name)(*args, **kwargs, **backend.creation_kwargs(device))


def backend_like(x: Any) -> Backend:
    """Return the backend of an array, tracer or specification; the current one for a Python scalar."""
    value = raw(x)
    return backends.backend_of_type(value.__class__) or getattr(value, "backend", None) or backends.current().backend


def foreign_dtype(backend: Backend, dtype: Any, device: Any = None) -> Any:
    """Return a data type of any library, its name, or a Python number class, as the object that `backend` has for it.

    Raises
    ------
    DtypeError
        If it is no data type, or the backend does not have it.
    """
    if dtype.__class__ is type and dtype in (bool, int, float, complex):
        if dtype is bool:
            return backend.dtype("bool")
        if dtype is int:
            return backend.dtype(backend.default_int(device))
        default = backends.current().dtype
        return backend.dtype(default if dtype is float else COMPLEX_OF[default])
    if isinstance(dtype, str):
        return backend.dtype(dtype)
    if isinstance(dtype, type) and issubclass(dtype, np.generic):
        dtype = np.dtype(dtype)
    name = getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]
    if not isinstance(name, str) or not name:
        raise DtypeError("A data type was expected.", found=repr(dtype), needed="a data type or its name")
    return backend.dtype(name)


def context_place(device: Any) -> tuple[Any, Any, Any]:
    """Return the current backend, `device` or else the current one, and the default floating-point dtype."""
    context = backends.current()
    return context.backend, context.device if device is None else device, context.backend.dtype(context.dtype)


def zeros_raw(like: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Return zeros of that shape with the backend and device of an array or tracer."""
    like = raw(like)
    dtype = like.dtype if dtype is None else dtype
    if isinstance(like, (np.ndarray, np.generic)):
        return np.zeros(shape, dtype)
    backend = backend_like(like)
    return created(backend, _device(backend, like), "zeros", tuple(shape), dtype=dtype)


def filled_like(x: Any, name: str, dtype: Any, device: Any) -> Any:
    """Return ``zeros``, ``ones`` or ``empty`` of the shape, backend, device and dtype of an array or tracer."""
    value = raw(x)
    if isinstance(value, (np.ndarray, np.generic)) and device is None:
        dtype = value.dtype if dtype is None else foreign_dtype(backend_like(value), dtype)
        return getattr(np, name)(x.shape, dtype)
    backend = backend_like(value)
    if not hasattr(value, "shape"):
        value = backend.asarray(value, dtype=foreign_dtype(backend, type(value)))
    shape = tuple(value.shape if value is x or x.__class__ is not Tracer else x.shape)
    device = _device(backend, value) if device is None else device
    dtype = value.dtype if dtype is None else foreign_dtype(backend, dtype, device)
    return created(backend, device, name, shape, dtype=dtype)


def integers_like(x: Any, name: str, *args: Any) -> Any:
    """Return a creation function's result of the default integer dtype, with the backend and device of `x`."""
    backend, value = backend_like(x), raw(x)
    device = _device(backend, value)
    return created(backend, device, name, *args, dtype=backend.dtype(backend.default_int(device)))


def array_like(x: Any, obj: Any, dtype: Any = None) -> Any:
    """Return Python numbers, nested lists or a NumPy array with the backend and device of an array or tracer."""
    backend = backend_like(x)
    device = _device(backend, raw(x))
    if obj.__class__ is np.ndarray and dtype is None:
        if obj.dtype == np.int64 and backend.default_int(device) != "int64":
            # Not every device has 64-bit integers.
            obj = obj.astype(backend.default_int(device))
        return backend.from_numpy(obj, device=device)
    return backend.asarray(obj, dtype=None if dtype is None else backend.dtype(dtype), device=device)


def weak_like(x: Any, number: Any) -> Any:
    """Return a Python number as an array like `x`, of its dtype where that can hold the number."""
    letter = _PYTHON_KINDS.get(number.__class__)
    if letter is not None and _KINDS.index(letter) <= _KINDS.index(kind(x.dtype)):
        return array_like(x, number, x.dtype)
    return array_like(x, number)


def _device(backend: Backend, value: Any) -> Any:
    return backend.device_of(value) if backend.owns(value.__class__) else getattr(value, "_device", None)
