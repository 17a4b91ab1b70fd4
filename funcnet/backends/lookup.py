"""Which backend and device an array belongs to."""

from collections.abc import Sequence
from typing import Any

from funcnet.backends import registry
from funcnet.backends.backend import Backend
from funcnet.backends.changes import on_change
from funcnet.errors import MixedBackendError, MixedDeviceError

__all__ = ["backend_of", "backend_of_type", "check_devices"]

_by_class: dict[type, Backend | None] = {}
# A new array library can own classes that nobody owned.
on_change(_by_class.clear)


def backend_of_type(cls: type) -> Backend | None:
    """Return the backend whose arrays are of that class, or ``None``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.backends import backend_of_type
    >>> backend_of_type(np.ndarray), backend_of_type(float)
    (<funcnet backend 'numpy'>, None)
    """
    try:
        return _by_class[cls]
    except KeyError:
        found = _by_class[cls] = _find(cls)
        return found


def _find(cls: type) -> Backend | None:
    # Reading the entry points takes about 10 ms, and neither plain Python values nor ours need it.
    known = cls.__module__.partition(".")[0] in ("builtins", __name__.partition(".")[0])
    for plugins in (False,) if known else (False, True):
        for backend in registry.records(plugins=plugins):
            if backend.owns(cls):
                return backend
    return None


def backend_of(*arrays: Any) -> Backend | None:
    """Return the one backend that all the arrays belong to; ``None`` where no argument is an array.

    Arguments that are no arrays, such as Python scalars, do not count.

    Parameters
    ----------
    *arrays : array or Python scalar
        What the backend follows from.

    Returns
    -------
    Backend or None

    Raises
    ------
    MixedBackendError
        Two arguments belong to different libraries.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import backends
    >>> backends.backend_of(np.ones(2), 3.0).name
    'numpy'
    """
    found: Backend | None = None
    first = 0
    for position, array in enumerate(arrays):
        backend = backend_of_type(type(array))
        if backend is None or backend is found:
            continue
        if found is not None:
            raise _mixed_backends(found, first, backend, position, arrays)
        found, first = backend, position
    return found


def check_devices(backend: Backend, arrays: Sequence[Any]) -> None:
    """Check that all arrays of `backend` among `arrays` are on one device.

    Parameters
    ----------
    backend : Backend
        Whose arrays are looked at.
    arrays : sequence
        Arguments of one operation; what is no array does not count.

    Raises
    ------
    MixedDeviceError
        Two of them are not.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import backends
    >>> backends.check_devices(backends.get("numpy"), [np.ones(2), 3.0])
    """
    device: str | None = None
    first = 0
    for position, array in enumerate(arrays):
        if backend_of_type(type(array)) is not backend:
            continue
        other = backend.device_of(array)
        if device is None:
            device, first = other, position
        elif other != device:
            raise MixedDeviceError(
                "Arrays of two devices met in one operation.",
                found=f"argument {first} {_words(arrays[first])} on {device!r}, "
                f"argument {position} {_words(array)} on {other!r}",
                needed="arrays of one device",
                write=f'fn.device_put(argument_{position}, "{backend.name}:{device}")',
            )


def _mixed_backends(
    backend: Backend, position: int, other: Backend, other_position: int, arrays: Sequence[Any]
) -> MixedBackendError:
    array, other_array = arrays[position], arrays[other_position]
    return MixedBackendError(
        "Arrays of two backends met in one operation.",
        found=f"argument {position} {_words(array)} of backend {backend.name!r}, "
        f"argument {other_position} {_words(other_array)} of backend {other.name!r}",
        needed="arrays of one backend",
        write=f'fn.device_put(argument_{other_position}, "{backend.name}:{backend.device_of(array)}")',
    )


def _words(array: Any) -> str:
    cls = type(array)
    return f"({cls.__module__.partition('.')[0]}.{cls.__qualname__} of shape {tuple(array.shape)})"
