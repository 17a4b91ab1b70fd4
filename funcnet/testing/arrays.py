"""What the checks need to know about arrays of any library: where they are, their bytes, and whose memory they use."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from funcnet import backends
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import DtypeError

__all__ = ["Place", "place_of", "share_memory", "snapshot"]


class Place(NamedTuple):
    """A backend and one of its devices.

    Attributes
    ----------
    backend : Backend
        The array library.
    device : str
        Canonical name of the device.
    """

    backend: backends.Backend
    device: str

    @classmethod
    def host(cls) -> Place:
        """Return NumPy's place."""
        numpy = backends.get("numpy")
        return cls(numpy, numpy.default_device())

    def to_host(self, array: Any) -> np.ndarray:
        """Copy an array of this place, or a Python scalar, to NumPy."""
        if backends.backend_of_type(array.__class__) is None or isinstance(array, np.generic):
            return np.array(array)
        return self.backend.to_numpy(array, copy=True)

    def array(self, values: np.ndarray, dtype: str | None = None) -> Any:
        """Make an array here, in memory of its own."""
        host = np.asarray(values)
        if dtype is not None and host.dtype.name != dtype:
            if kind(host.dtype) == "c" and not dtype.startswith("complex"):
                host = np.real(host)
            host = host.astype(backends.get("numpy").dtype(dtype))
        return self.backend.from_numpy(np.array(host), self.device, copy=True)

    def dtype_of(self, array: Any) -> Any:
        """Return the dtype of an array or of a Python scalar."""
        return array.dtype if hasattr(array, "dtype") else np.asarray(array).dtype

    def dtype_name(self, array: Any) -> str:
        """Return the name of an array's dtype."""
        return (
            self.backend.dtype_name(self.dtype_of(array)) if hasattr(array, "dtype") else np.asarray(array).dtype.name
        )

    def wide(self) -> Place:
        """Return this place where it has double precision, and NumPy's where it has not."""
        return self if "float64" in self.backend.dtypes(self.device) else Place.host()

    def widened(self, values: np.ndarray) -> Any:
        """Make an array here in double precision; integers and booleans keep their dtype."""
        if not is_inexact(values.dtype):
            return self.array(values)
        return self.array(values, "complex128" if kind(values.dtype) == "c" else "float64")


def place_of(array: Any) -> Place:
    """Return where an array is; Python scalars count as NumPy's."""
    backend = backends.backend_of_type(array.__class__)
    if backend is None:
        if isinstance(array, (bool, int, float, complex)):
            return Place.host()
        raise DtypeError(
            "A leaf is not an array.",
            found=f"{type(array).__module__}.{type(array).__qualname__}",
            needed="arrays of a registered backend, or Python numbers",
        )
    return Place(backend, backend.device_of(array))


def snapshot(array: Any) -> bytes:
    """Return the bytes of an array's elements, to see later whether it was written to."""
    return place_of(array).to_host(array).tobytes()


def share_memory(a: Any, b: Any) -> bool:
    """Whether two arrays use overlapping memory; False where a library does not tell."""
    one, other = _span(a), _span(b)
    return one is not None and other is not None and one[0] < other[1] and other[0] < one[1]


def _span(array: Any) -> tuple[int, int] | None:
    """Return the first address of an array's elements and the one after the last."""
    if hasattr(array, "untyped_storage"):
        storage = array.untyped_storage()
        start, size = storage.data_ptr(), storage.nbytes()
        return (start, start + size) if size else None
    if hasattr(array, "__cuda_array_interface__"):
        return (array.data.ptr, array.data.ptr + array.nbytes) if array.nbytes else None
    if not isinstance(array, np.ndarray):
        try:
            array = np.from_dlpack(array)
        except Exception:  # each library refuses in its own way
            return None
    if not isinstance(array, np.ndarray) or not array.size:
        return None
    return np.lib.array_utils.byte_bounds(array)
