"""PyTorch, on the CPU and on its accelerators."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from funcnet.backends.backend import Backend
from funcnet.backends.memory import MemoryInfo, host_memory
from funcnet.backends.numpy import bfloat16
from funcnet.backends.torch import (
    activations,
    along,
    convolution,
    draws,
    elementwise,
    fft,
    indexing,
    pooling,
    softmax,
    special,
)

__all__ = ["TorchBackend"]

# Codes of DLPack.
_DLPACK = {"cpu": 1, "cuda": 2}


class TorchBackend(Backend):
    """The record of PyTorch.

    Devices are ``"cpu"``, ``"cuda:0"``, ``"mps:0"``, ...; a number means an accelerator, as in PyTorch itself.
    """

    name = "torch"
    module = "torch"
    namespace_module = "array_api_compat.torch"
    install = 'pip install "funcnet[torch]"'

    def __init__(self) -> None:
        super().__init__()
        self._device_names: dict[Any, str] = {}

    def owns(self, cls: type) -> bool:
        """Say whether `cls` is ``torch.Tensor`` or a subclass of it."""
        return any(base.__name__ == "Tensor" and base.__module__ == "torch" for base in cls.__mro__)

    @cached_property
    def kernels(self) -> dict[str, Callable[..., Any]]:
        """What PyTorch does otherwise than the standard or NumPy, and draws of random numbers on the CPU."""
        torch = self.library
        parts = (activations, along, convolution, elementwise, fft, indexing, pooling, softmax, special)
        shared = {name: kernel for part in parts for name, kernel in part.kernels(torch).items()}
        return shared | draws.kernels(torch, self)

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[str]:
        """Return ``"cpu"`` and the accelerators that this build can use."""
        torch = self.library
        names = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        return [*names, "mps:0"] if torch.backends.mps.is_available() else names

    def default_device(self) -> str:
        """Return the name of the device that ``torch.set_default_device`` chose, the CPU if nobody did."""
        return self.device_of(self.library.empty(0))

    def device_of(self, array: Any) -> str:
        """Return the name of the tensor's device."""
        device = array.device
        try:
            return self._device_names[device]
        except KeyError:
            name = self._device_names[device] = self.name_of_device(device)
            return name

    def device(self, spec: Any = None) -> Any:
        """Return the ``torch.device`` that `spec` means."""
        return self.library.device(self.device_name(spec))

    def device_name(self, spec: Any = None) -> str:
        """Return the name of the device that `spec` means; ``"cuda"`` is the current one."""
        if isinstance(spec, str) and spec in ("cuda", "mps"):
            spec = self.library.device(spec)
        return super().device_name(spec)

    def to_device(self, array: Any, spec: Any) -> Any:
        """Return the tensor on the device `spec`: itself where it is there already, else a copy."""
        return array.to(self.device(spec))

    def _numbered_device(self, number: int) -> str:
        accelerators = self.devices()[1:]
        return accelerators[number] if 0 <= number < len(accelerators) else ""

    def name_of_device(self, device: Any) -> str:
        """Return the name of a ``torch.device``, with its number."""
        name = str(device)
        if name == "cuda":
            return f"cuda:{self.library.cuda.current_device()}" if self.library.cuda.is_available() else name
        return "mps:0" if name == "mps" else name

    # ------------------------------------------------------------------ data types

    def dtypes(self, device: Any = None) -> tuple[str, ...]:
        """Return the names of the data types that tensors on `device` may have."""
        names = super().dtypes(device)
        wide = ("float64", "complex128") if self.device_name(device).startswith("mps") else ()
        return tuple(name for name in names if name not in wide)

    def _find_dtype(self, name: str) -> Any | None:
        return getattr(self.library, name, None)

    def _find_dtype_name(self, dtype: Any) -> str:
        return str(dtype).removeprefix("torch.")

    # ------------------------------------------------------------------ copies

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
        """Make a tensor; see `Backend.asarray`."""
        if not isinstance(obj, (np.ndarray, np.generic)):
            return super().asarray(obj, dtype, device, copy)
        tensor = self.from_numpy(np.asarray(obj), device, copy=copy)
        if dtype is None or tensor.dtype == self.dtype(dtype):
            return tensor
        if copy is False:
            raise ValueError(f"Unable to avoid a copy from {tensor.dtype} to {self.dtype(dtype)}.")
        return tensor.to(self.dtype(dtype))

    def from_numpy(self, array: np.ndarray, device: Any = None, *, copy: bool | None = None) -> Any:
        """Make a tensor from a NumPy array; see `Backend.from_numpy`."""
        torch = self.library
        array = np.asarray(array)
        dtype = self.dtype(array.dtype.name)
        target = self.device(device)
        # PyTorch has neither memory that may not be written, nor negative strides, nor foreign byte orders.
        sharable = array.flags.writeable and array.dtype.isnative and min(array.strides, default=0) >= 0
        if copy is False and not (sharable and target.type == "cpu"):
            raise ValueError(f"Unable to avoid a copy of this NumPy array to {target}.")
        if not sharable or (copy and target.type == "cpu"):
            array = array.astype(array.dtype.newbyteorder("="), copy=True)
        # PyTorch does not know the data type that ml_dtypes adds to NumPy, but has the same one of its own.
        bits = array.view(np.int16) if dtype == torch.bfloat16 else array
        return torch.from_numpy(bits).view(dtype).to(target)

    def to_numpy(self, array: Any, *, copy: bool | None = None) -> np.ndarray:
        """Return the values as a NumPy array, without the tensor's place in PyTorch's own autograd."""
        torch = self.library
        host = self.export_dlpack(array).cpu()
        values = host.view(torch.int16).numpy().view(bfloat16()) if host.dtype == torch.bfloat16 else host.numpy()
        return values.copy() if copy and array.device.type == "cpu" else values

    def storage(self, array: Any) -> tuple[int, bool]:
        """Return the address of the tensor's storage, and whether the tensor fills it; see `Backend.storage`."""
        memory = array.untyped_storage()
        return memory.data_ptr(), memory.nbytes() == array.numel() * array.element_size()

    def dlpack_device(self, device: str) -> tuple[int, int] | None:
        """Return the DLPack code of the CPU or of a CUDA device."""
        kind, _, number = device.partition(":")
        return (_DLPACK[kind], int(number or 0)) if kind in _DLPACK else None

    def export_dlpack(self, array: Any) -> Any:
        """Return the tensor's values, without autograd's graph and without conjugation or negation still to be done."""
        return array.detach().resolve_conj().resolve_neg()

    def import_dlpack(self, exported: Any, device: str) -> Any:
        """Copy from an object with ``__dlpack__``."""
        # Older releases have no copy= here.
        return self.to_device(self.library.from_dlpack(exported).clone(), device)

    # ------------------------------------------------------------------ execution and memory

    def synchronize(self, device: Any = None) -> None:
        """Wait until the device has finished what it was given."""
        name = self.device_name(device)
        if name.startswith("cuda"):
            self.library.cuda.synchronize(name)
        elif name.startswith("mps"):
            self.library.mps.synchronize()

    def memory(self, device: Any = None) -> MemoryInfo:
        """Return the figures of PyTorch's pool for an accelerator, of the process for the CPU."""
        torch = self.library
        name = self.device_name(device)
        if name.startswith("cuda"):
            used, reserved = torch.cuda.memory_allocated(name), torch.cuda.memory_reserved(name)
            return MemoryInfo(used, reserved, torch.cuda.max_memory_allocated(name), torch.cuda.mem_get_info(name)[1])
        if name.startswith("mps"):
            used, reserved = torch.mps.current_allocated_memory(), torch.mps.driver_allocated_memory()
            return MemoryInfo(used, reserved, None, torch.mps.recommended_max_memory())
        return host_memory()

    def free_memory(self) -> None:
        """Collect garbage, and give the unused blocks of PyTorch's pools back."""
        super().free_memory()
        torch = self.library
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()
