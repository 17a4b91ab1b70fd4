"""NumPy: the default backend, always there."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from funcnet.backends.backend import Backend
from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.backends.numpy.kernels import KERNELS
from funcnet.errors import MissingExtraError

__all__ = ["NumpyBackend"]

_DTYPES = {name: np.dtype(name) for name in STANDARD + OPTIONAL if name != "bfloat16"}


class NumpyBackend(Backend):
    """The record of NumPy, which has one device, ``"cpu"``."""

    name = "numpy"
    module = "numpy"
    # About 100 ms to import, because it reads NumPy's lazy submodules: nothing on a hot path may need it.
    namespace_module = "array_api_compat.numpy"
    install = "pip install numpy"

    def __init__(self) -> None:
        super().__init__()
        self._dtypes.update(_DTYPES)
        self._dtype_names.update({dtype: name for name, dtype in _DTYPES.items()})

    def check(self) -> None:
        """NumPy is a hard dependency: there is nothing to check."""

    def owns(self, cls: type) -> bool:
        """Say whether `cls` is an array or scalar class of NumPy."""
        return issubclass(cls, (np.ndarray, np.generic))

    @cached_property
    def kernels(self) -> dict[str, Callable[..., Any]]:
        """NumPy's own functions, where they agree with the standard."""
        return dict(KERNELS)

    def creation_kwargs(self, spec: Any = None) -> dict[str, Any]:
        """Check `spec`; NumPy needs no keyword, since it has one device."""
        self.device_name(spec)
        return {}

    def to_device(self, array: Any, spec: Any) -> Any:
        """Return `array`, after checking that `spec` is the one device there is."""
        self.device_name(spec)
        return array

    def _find_dtype(self, name: str) -> Any | None:
        return bfloat16() if name == "bfloat16" else _DTYPES[name]

    def _find_dtype_name(self, dtype: Any) -> str:
        return np.dtype(dtype).name

    def dtypes(self, device: Any = None) -> tuple[str, ...]:
        """Return the names of the data types, bfloat16 left out: NumPy needs the package ``ml_dtypes`` for it."""
        return tuple(_DTYPES)

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> np.ndarray:
        """Make a NumPy array; see `Backend.asarray`."""
        self.device_name(device)
        return np.asarray(obj, dtype=None if dtype is None else self.dtype(dtype), copy=copy)

    def from_numpy(self, array: np.ndarray, device: Any = None, *, copy: bool | None = None) -> np.ndarray:
        """Return the array, or a copy of it where `copy` is true."""
        self.device_name(device)
        return np.asarray(array, copy=copy)

    def to_numpy(self, array: Any, *, copy: bool | None = None) -> np.ndarray:
        """Return the array, or a copy of it where `copy` is true."""
        return np.asarray(array, copy=copy)

    def dlpack_device(self, device: str) -> tuple[int, int] | None:
        """Return DLPack's code of the host."""
        return (1, 0)

    def import_dlpack(self, exported: Any, device: str) -> np.ndarray:
        """Copy from an object with ``__dlpack__``."""
        # NumPy 2.0 has no copy= here.
        return np.array(np.from_dlpack(exported))


def bfloat16() -> np.dtype:
    """Return NumPy's bfloat16, which the package ``ml_dtypes`` defines.

    Raises
    ------
    MissingExtraError
        The package is not installed.
    """
    try:
        import ml_dtypes
    except ImportError as error:
        raise MissingExtraError(
            "NumPy has no bfloat16 of its own.",
            found=str(error),
            needed="the package ml_dtypes",
            write="pip install ml_dtypes",
        ) from error
    return np.dtype(ml_dtypes.bfloat16)
