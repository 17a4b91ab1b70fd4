"""PyTorch, on the CPU and on its accelerators."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from funcnet.backends.backend import Backend
from funcnet.backends.memory import MemoryInfo, host_memory
from funcnet.backends.numpy import bfloat16

__all__ = ["TorchBackend"]

# DLPack's device codes.
_DLPACK = {"cpu": 1, "cuda": 2}


class TorchBackend(Backend):
    """The record of PyTorch. Devices are ``"cpu"``, ``"cuda:0"``, ``"mps:0"``, ...; an integer means an accelerator."""

    name = "torch"
    module = "torch"
    namespace_module = "array_api_compat.torch"
    install = 'pip install "funcnet[torch]"'

    def __init__(self) -> None:
        super().__init__()
        self._device_names: dict[Any, str] = {}

    def check(self) -> None:
        """Import the library and use it: a broken build fails at the first product."""
        x = self.library.ones((2, 2))
        if float((x @ x).sum()) != 8.0:
            raise RuntimeError("a 2x2 matrix product came out wrong")

    def owns(self, cls: type) -> bool:
        """Say whether `cls` is ``torch.Tensor`` or a subclass of it."""
        return any(base.__module__ == "torch" and base.__name__ == "Tensor" for base in cls.__mro__)

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[str]:
        """Return ``"cpu"`` and the accelerators that this build can use."""
        torch = self.library
        names = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        if torch.backends.mps.is_available():
            names.append("mps:0")
        return names

    def device_of(self, array: Any) -> str:
        """Return the name of the tensor's device."""
        device = array.device
        try:
            return self._device_names[device]
        except KeyError:
            name = self._device_names[device] = str(device)
            return name

    def device(self, spec: Any = None) -> Any:
        """Return the ``torch.device`` that `spec` means."""
        return self.library.device(self.device_name(spec))

    def _indexed_device(self, index: int) -> str:
        # As in PyTorch itself, where the CPU has no number.
        accelerators = self.devices()[1:]
        return accelerators[index] if 0 <= index < len(accelerators) else ""

    def _native_device_name(self, device: Any) -> str:
        name = str(device)
        return name if ":" in name or name == "cpu" else f"{name}:0"

    def to_device(self, array: Any, spec: Any) -> Any:
        """Return the tensor on the device `spec`."""
        return array.to(self.device(spec))

    # ------------------------------------------------------------------ data types

    def _find_dtype(self, name: str) -> Any | None:
        return getattr(self.library, name, None)

    def _find_dtype_name(self, dtype: Any) -> str:
        return str(dtype).removeprefix("torch.")

    # ------------------------------------------------------------------ copies

    def from_numpy(self, array: np.ndarray, device: Any = None, *, copy: bool | None = None) -> Any:
        """Make a tensor from a NumPy array; see `Backend.from_numpy`."""
        torch = self.library
        dtype = self.dtype(array.dtype.name)
        # PyTorch can express neither memory that may not be written nor negative strides.
        if copy or not array.flags.writeable or any(stride < 0 for stride in array.strides):
            array = array.copy()
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        if array.dtype.name == "bfloat16":
            tensor = torch.from_numpy(array.view(np.int16)).view(dtype)
        else:
            tensor = torch.from_numpy(np.asarray(array))
        return tensor if device is None else tensor.to(self.device(device))

    def to_numpy(self, array: Any, *, copy: bool | None = None) -> np.ndarray:
        """Copy a tensor to the host, without its place in a graph of PyTorch's own autograd."""
        host = self.export_dlpack(array).cpu()
        if host.dtype == self.library.bfloat16:
            result = host.view(self.library.int16).numpy().view(bfloat16())
        else:
            result = host.numpy()
        return result.copy() if copy and array.device.type == "cpu" else result

    def dlpack_device(self, device: str) -> tuple[int, int] | None:
        """Return the DLPack code of the CPU or of a CUDA device."""
        kind, _, index = device.partition(":")
        return (_DLPACK[kind], int(index or 0)) if kind in _DLPACK else None

    def export_dlpack(self, array: Any) -> Any:
        """Return the tensor's values, without autograd's graph and without lazy conjugation or negation."""
        return array.detach().resolve_conj().resolve_neg()

    def import_dlpack(self, exported: Any, device: str) -> Any:
        """Copy from an object with ``__dlpack__``."""
        return self.library.from_dlpack(exported).clone()

    # ------------------------------------------------------------------ execution and memory

    def on_device(self, spec: Any = None) -> AbstractContextManager[Any]:
        """Return a context manager that makes a CUDA device current; others are chosen by ``device=`` alone."""
        name = self.device_name(spec)
        return self.library.cuda.device(name) if name.startswith("cuda") else nullcontext()

    def synchronize(self, device: Any = None) -> None:
        """Wait until the device has finished what it was given."""
        name = self.device_name(device)
        if name.startswith("cuda"):
            self.library.cuda.synchronize(name)
        elif name.startswith("mps"):
            self.library.mps.synchronize()

    def memory(self, device: Any = None) -> MemoryInfo:
        """Return the figures of PyTorch's pool for a CUDA device, of the process for the CPU."""
        name = self.device_name(device)
        torch = self.library
        if name.startswith("cuda"):
            return MemoryInfo(
                torch.cuda.memory_allocated(name),
                torch.cuda.memory_reserved(name),
                torch.cuda.max_memory_allocated(name),
                torch.cuda.mem_get_info(name)[1],
            )
        if name.startswith("mps"):
            return MemoryInfo(
                torch.mps.current_allocated_memory(),
                torch.mps.driver_allocated_memory(),
                None,
                torch.mps.recommended_max_memory(),
            )
        return host_memory()

    def free_memory(self) -> None:
        """Collect garbage and give the pools' unused blocks back."""
        super().free_memory()
        if self.probe() is None:
            if self.library.cuda.is_initialized():
                self.library.cuda.empty_cache()
            if self.library.backends.mps.is_available():
                self.library.mps.empty_cache()
