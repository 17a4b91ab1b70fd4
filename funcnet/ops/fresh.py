"""Raw arrays made from nothing, and like another array, on any backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.core import raw

if TYPE_CHECKING:
    from funcnet.backends import Backend

__all__ = ["array_like", "backend_like", "created", "filled_like", "integers_like", "zeros_raw"]


def created(backend: Backend, device: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a creation function of the library so that the result lies on `device`, None for the default one."""
    if backend.name == "numpy":
        if device is not None:
            backend.device_name(device)
        return getattr(np, name)(*args, **kwargs)
    with backend.on_device(device):
        return getattr(backend.namespace, name)(*args, **kwargs, **backend.creation_kwargs(device))


def backend_like(x: Any) -> Backend:
    """Return the backend of an array or tracer; the current one for a Python scalar."""
    value = raw(x)
    # Where only shapes are known, the value is a specification that names its backend.
    return backends.backend_of_type(value.__class__) or getattr(value, "backend", None) or backends.current().backend


def _device(backend: Backend, value: Any) -> Any:
    return backend.device_of(value) if backend.owns(value.__class__) else None


def zeros_raw(like: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Return zeros of that shape with the backend and device of an array or tracer."""
    like = raw(like)
    dtype = like.dtype if dtype is None else dtype
    if isinstance(like, (np.ndarray, np.generic)):
        return np.zeros(shape, dtype)
    backend = backend_like(like)
    return created(backend, _device(backend, like), "zeros", shape, dtype=dtype)


def filled_like(x: Any, name: str, dtype: Any, device: Any) -> Any:
    """Return ``zeros``, ``ones`` or ``empty`` of the shape, backend, device and dtype of an array or tracer."""
    value = raw(x)
    if isinstance(value, (np.ndarray, np.generic)) and device is None:
        function = getattr(np, name)
        return function(value.shape, value.dtype if dtype is None else backends.get("numpy").dtype(dtype))
    backend = backend_like(value)
    if not hasattr(value, "shape"):
        value = backend.asarray(value)
    device = _device(backend, value) if device is None else device
    dtype = value.dtype if dtype is None else backend.dtype(dtype)
    return created(backend, device, name, tuple(value.shape), dtype=dtype)


def integers_like(x: Any, name: str, *args: Any) -> Any:
    """Return what a creation function makes of int64 numbers, with the backend and device of an array or tracer."""
    backend, value = backend_like(x), raw(x)
    return created(backend, _device(backend, value), name, *args, dtype=backend.dtype("int64"))


def array_like(x: Any, obj: Any, dtype: Any = None) -> Any:
    """Return Python numbers, nested lists or a NumPy array with the backend and device of an array or tracer."""
    backend, value = backend_like(x), raw(x)
    if obj.__class__ is np.ndarray and dtype is None:
        return backend.from_numpy(obj, device=_device(backend, value))
    return backend.asarray(obj, dtype=None if dtype is None else backend.dtype(dtype), device=_device(backend, value))
