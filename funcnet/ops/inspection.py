"""The standard's inspection functions."""

from __future__ import annotations

from typing import Any

from funcnet import backends
from funcnet.backends.dtypes import COMPLEX_OF, STANDARD
from funcnet.ops.dtypes import isdtype

__all__ = ["NamespaceInfo", "namespace_info"]


class NamespaceInfo:
    """What a namespace can do, and its devices and data types: the standard's inspection functions.

    Parameters
    ----------
    backend : Backend, optional
        The library; the current one at each call if omitted.

    Examples
    --------
    >>> from funcnet.ops import namespace_info
    >>> info = namespace_info()
    >>> info.default_device(), info.default_dtypes()["real floating"]
    ('cpu', dtype('float32'))
    """

    __slots__ = ("_backend",)

    def __init__(self, backend: Any = None) -> None:
        self._backend = backend

    def capabilities(self) -> dict[str, Any]:
        """Return what the namespace can do beyond fixed shapes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Return the name of the device where arrays are created."""
        backend, device = self._where()
        return backend.device_name(device)

    def devices(self) -> list[str]:
        """Return the names of the devices."""
        return self._where()[0].devices()

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """Return the data types that Python numbers get, by kind."""
        backend, current = self._where()
        name = backends.current().dtype
        integer = backend.dtype(backend.default_int(current if device is None else device))
        return {
            "real floating": backend.dtype(name),
            "complex floating": backend.dtype(COMPLEX_OF[name]),
            "integral": integer,
            "indexing": integer,
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """Return the data types of a device by name, those of a kind only if one is given."""
        backend, current = self._where()
        known = [n for n in backend.dtypes(current if device is None else device) if n in STANDARD]
        return {n: backend.dtype(n) for n in known if kind is None or isdtype(n, kind)}

    def _where(self) -> tuple[Any, Any]:
        context = backends.current()
        if self._backend is None or self._backend is context.backend:
            return context.backend, context.device
        return self._backend, None


def namespace_info(backend: Any = None) -> NamespaceInfo:
    """Return the inspection object of a backend's namespace, or of the current one's."""
    return NamespaceInfo(backend)
