"""CuPy: NVIDIA GPUs."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, wraps
from typing import Any

import numpy as np

from funcnet.backends.backend import Backend
from funcnet.backends.cupy import along, convolution, indexing, kernels, products
from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.backends.memory import MemoryInfo
from funcnet.backends.numpy import bfloat16, has_bfloat16

__all__ = ["CupyBackend"]


class CupyBackend(Backend):
    """The record of CuPy. Devices are ``"cuda:0"``, ``"cuda:1"``, ...; a number means the same."""

    name = "cupy"
    module = "cupy"
    namespace_module = "array_api_compat.cupy"
    install = 'pip install "funcnet[cuda12]" or pip install "funcnet[cuda13]", whichever the driver supports'

    def check(self) -> None:
        """Ask the driver for devices, then compile a kernel and multiply two matrices: each can fail on its own."""
        cupy = self.library
        # Unlike cupy.is_available(), which answers False, this raises the driver's reason.
        if cupy.cuda.runtime.getDeviceCount() == 0:
            raise RuntimeError("there is no CUDA device")
        x = cupy.arange(4, dtype=np.float32).reshape(2, 2)
        if float((x + x).sum()) != 12.0:
            raise RuntimeError("an elementwise kernel came out wrong")
        if (x @ x).get().tolist() != [[2.0, 3.0], [6.0, 11.0]]:
            raise RuntimeError("a 2x2 matrix product came out wrong")

    def owns(self, cls: type) -> bool:
        """Say whether `cls` is ``cupy.ndarray`` or a subclass of it. The class has no ``__array_namespace__``."""
        return any(base.__name__ == "ndarray" and base.__module__ == "cupy" for base in cls.__mro__)

    @cached_property
    def kernels(self) -> dict[str, Callable[..., Any]]:
        """CuPy's own functions, and what it does otherwise than NumPy."""
        return {
            name: kernel
            for part in (kernels, along, convolution, indexing, products)
            for name, kernel in part.kernels(self.library).items()
        }

    def localized(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` such that it computes on the device of its array arguments.

        CuPy launches on the current device, wherever the arrays are. With a single device there is nothing to do.
        """
        if self.library.cuda.runtime.getDeviceCount() == 1:
            return function
        cupy = self.library

        @wraps(function)
        def call(*arrays: Any, **params: Any) -> Any:
            for array in arrays:
                if isinstance(array, cupy.ndarray):
                    with cupy.cuda.Device(array.data.device_id):
                        return function(*arrays, **params)
            return function(*arrays, **params)

        return call

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[str]:
        """Return the names of all GPUs that the process may use."""
        return list(self._names)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(f"cuda:{number}" for number in range(self.library.cuda.runtime.getDeviceCount()))

    def default_device(self) -> str:
        """Return the name of CUDA's current device."""
        return self._names[self.library.cuda.runtime.getDevice()]

    def device_of(self, array: Any) -> str:
        """Return the name of the array's device."""
        return self._names[array.data.device_id]

    def device(self, spec: Any = None) -> Any:
        """Return the ``cupy.cuda.Device`` that `spec` means."""
        return self.library.cuda.Device(self._number(spec))

    def on_device(self, spec: Any = None) -> AbstractContextManager[Any]:
        """Return a context manager that makes the device current; without `spec`, it does nothing."""
        return nullcontext() if spec is None else self.device(spec)

    def creation_kwargs(self, spec: Any = None) -> dict[str, Any]:
        """Return no keywords: CuPy creates on the current device, which `on_device` sets."""
        if spec is not None:
            self.device_name(spec)
        return {}

    def to_device(self, array: Any, spec: Any) -> Any:
        """Return `array` on the device `spec`: itself where it is there already, else a copy."""
        with self.device(spec):
            return self.library.asarray(array)

    def _number(self, spec: Any) -> int:
        return self._names.index(self.device_name(spec))

    def name_of_device(self, device: Any) -> str:
        """Return the name of a ``cupy.cuda.Device``, which itself can be neither compared nor hashed."""
        return f"cuda:{int(device)}" if isinstance(device, self.library.cuda.Device) else str(device)

    # ------------------------------------------------------------------ data types

    def dtypes(self, device: Any = None) -> tuple[str, ...]:
        """Return the names of the data types; bfloat16 is one of them where the package ``ml_dtypes`` is installed."""
        self.device_name(device)
        return tuple(name for name in STANDARD + OPTIONAL if name != "bfloat16" or has_bfloat16())

    def default_int(self, device: Any = None) -> str:
        """Return ``"int64"``."""
        self.device_name(device)
        return "int64"

    def _find_dtype(self, name: str) -> Any | None:
        return bfloat16() if name == "bfloat16" else np.dtype(name)

    def _find_dtype_name(self, dtype: Any) -> str:
        return np.dtype(dtype).name

    # ------------------------------------------------------------------ copies

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
        """Make a CuPy array; see `Backend.asarray`."""
        cupy = self.library
        if device is None and isinstance(obj, cupy.ndarray):
            # Else an array of another GPU would come over to the current one.
            device = self.device_of(obj)
        with self.on_device(device):
            return cupy.array(obj, dtype=None if dtype is None else self.dtype(dtype), copy=copy)

    def from_numpy(self, array: np.ndarray, device: Any = None, *, copy: bool | None = None) -> Any:
        """Copy a NumPy array to a GPU; see `Backend.from_numpy`."""
        dtype = self.dtype(array.dtype.name)
        with self.on_device(device):
            # Pinned host memory is read while the call has returned already, unless it blocks.
            return self.library.array(array, dtype=dtype, blocking=bool(copy))

    def to_numpy(self, array: Any, *, copy: bool | None = None) -> np.ndarray:
        """Copy an array to the host, which waits until its value is there."""
        if copy is False:
            raise ValueError("Unable to avoid a copy from a GPU to the host.")
        return array.get()

    def storage(self, array: Any) -> tuple[int, bool]:
        """Return the address of the array's memory, and whether the array fills it; see `Backend.storage`."""
        whole = array.base is None or array.base.nbytes == array.nbytes
        return array.data.mem.ptr, whole and 0 not in array.strides

    def dlpack_device(self, device: str) -> tuple[int, int] | None:
        """Return the DLPack code of a CUDA device."""
        return (2, self._number(device))

    def import_dlpack(self, exported: Any, device: str) -> Any:
        """Copy from an object with ``__dlpack__`` on the same GPU."""
        with self.device(device):
            return self.library.from_dlpack(exported).copy()

    # ------------------------------------------------------------------ execution and memory

    def synchronize(self, device: Any = None) -> None:
        """Wait until the device has finished what it was given."""
        self.device(device).synchronize()

    def memory(self, device: Any = None) -> MemoryInfo:
        """Return the figures of CuPy's memory pool on a device. CuPy does not record a peak."""
        native = self.device(device)
        pool = self.library.get_default_memory_pool()
        with native:
            return MemoryInfo(pool.used_bytes(), pool.total_bytes(), None, native.mem_info[1])

    def free_memory(self) -> None:
        """Collect garbage, and give the unused blocks of CuPy's pools back."""
        super().free_memory()
        cupy = self.library
        for number in range(len(self._names)):
            with cupy.cuda.Device(number):
                cupy.get_default_memory_pool().free_all_blocks()
        cupy.get_default_pinned_memory_pool().free_all_blocks()
