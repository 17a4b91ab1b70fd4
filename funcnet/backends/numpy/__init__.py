"""NumPy: the default backend, always there."""

from collections.abc import Callable
from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from funcnet.backends.backend import Backend
from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.backends.numpy import (
    activations,
    attention,
    convolution,
    draws,
    elementwise,
    fft,
    identity,
    indexing,
    layers,
    linalg,
    losses,
    manipulation,
    narrow,
    normalization,
    optim,
    ordering,
    patches,
    pooling,
    products,
    recurrent,
    reductions,
    scans,
    softmax,
    special,
    threefry,
)
from funcnet.backends.numpy.heap import keep_freed_memory
from funcnet.backends.numpy.kernels import KERNELS
from funcnet.errors import MissingExtraError

__all__ = ["NumpyBackend", "bfloat16", "has_bfloat16"]

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

    def rounding(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` such that it computes with bfloat16 in float32; itself where nobody uses bfloat16."""
        return narrow.Rounded(function) if narrow.in_use() else function

    def check(self) -> None:
        """NumPy is a hard dependency: there is nothing to check."""

    def owns(self, cls: type) -> bool:
        """Say whether `cls` is an array or scalar class of NumPy."""
        return issubclass(cls, (np.ndarray, np.generic))

    @cached_property
    def kernels(self) -> dict[str, Callable[..., Any]]:
        """NumPy's own functions, where they agree with the standard, and whole draws of random numbers."""
        keep_freed_memory()
        parts = (
            patches,
            attention,
            convolution,
            elementwise,
            fft,
            identity,
            indexing,
            manipulation,
            normalization,
            ordering,
            pooling,
            products,
            recurrent,
            reductions,
            scans,
            softmax,
            threefry,
            draws,
            special,
            activations,
            layers,
            linalg,
            losses,
            optim,
        )
        return KERNELS | {name: kernel for part in parts for name, kernel in part.KERNELS.items()}

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[str]:
        """Return ``["cpu"]``."""
        return ["cpu"]

    def default_device(self) -> str:
        """Return ``"cpu"``."""
        return "cpu"

    def device_of(self, array: Any) -> str:
        """Return ``"cpu"``."""
        return array.device

    def device(self, spec: Any = None) -> str:
        """Return ``"cpu"``, which is NumPy's own object for its device."""
        return self.device_name(spec)

    def creation_kwargs(self, spec: Any = None) -> dict[str, Any]:
        """Return no keywords, since there is one device, after checking that `spec` means it."""
        if spec is not None:
            self.device_name(spec)
        return {}

    # ------------------------------------------------------------------ data types

    def dtypes(self, device: Any = None) -> tuple[str, ...]:
        """Return the names of the data types; bfloat16 is one of them where the package ``ml_dtypes`` is installed."""
        self.device_name(device)
        return (*_DTYPES, "bfloat16") if has_bfloat16() else tuple(_DTYPES)

    def default_int(self, device: Any = None) -> str:
        """Return ``"int64"``."""
        self.device_name(device)
        return "int64"

    def _find_dtype(self, name: str) -> Any | None:
        return bfloat16() if name == "bfloat16" else _DTYPES[name]

    def _find_dtype_name(self, dtype: Any) -> str:
        return np.dtype(dtype).name

    # ------------------------------------------------------------------ copies

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> np.ndarray:
        """Make a NumPy array; see `Backend.asarray`."""
        self.device_name(device)
        return np.asarray(obj, dtype=None if dtype is None else self.dtype(dtype), copy=copy)

    def storage(self, array: Any) -> tuple[int, bool]:
        """Return the array's identity, and whether it has memory of its own; see `Backend.storage`."""
        return id(array), array.base is None and array.flags.writeable

    def from_numpy(self, array: np.ndarray, device: Any = None, *, copy: bool | None = None) -> np.ndarray:
        """Return the array, or a copy of it where `copy` is true."""
        self.device_name(device)
        return np.asarray(array, copy=copy)

    def to_numpy(self, array: Any, *, copy: bool | None = None) -> np.ndarray:
        """Return the array, or a copy of it where `copy` is true."""
        return np.asarray(array, copy=copy)

    def export_dlpack(self, array: Any) -> np.ndarray:
        """Return the array, with its axes the right way round: PyTorch aborts the process on a negative stride."""
        return np.array(array) if min(array.strides, default=0) < 0 else array

    def import_dlpack(self, exported: Any, device: str) -> np.ndarray:
        """Copy from an object with ``__dlpack__``."""
        # NumPy 2.0 has no copy= here.
        return self.to_device(np.array(np.from_dlpack(exported)), device)


@cache
def has_bfloat16() -> bool:
    """Say whether the package ``ml_dtypes`` is installed, without importing it."""
    return find_spec("ml_dtypes") is not None


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
            found=f"{type(error).__name__}: {error}",
            needed="the package ml_dtypes, or another data type",
            write="pip install 'funcnet[half]'",
        ) from error
    return narrow.begin(np.dtype(ml_dtypes.bfloat16))
