"""array_api_strict, which has nothing beyond the standard, and several made-up devices: for tests."""

from typing import Any

import numpy as np

from funcnet.backends.backend import Backend

__all__ = ["StrictBackend"]


class StrictBackend(Backend):
    """The record of array_api_strict.

    Devices are ``"CPU_DEVICE"``, for which ``"cpu"`` may be written, and the made-up ``"device1"``, ``"device2"``,
    ``"no_float64"`` and ``"no_x64"``, whose arrays refuse to meet others and to become NumPy arrays, as a GPU's would.
    """

    name = "strict"
    module = "array_api_strict"
    install = 'pip install "funcnet[test]"'

    def __init__(self) -> None:
        super().__init__()
        self._native: dict[str, Any] = {}
        self._device_names: dict[Any, str] = {}

    def devices(self) -> list[str]:
        """Return the names of the host and of the made-up devices."""
        if not self._native:
            devices = self.library.__array_namespace_info__().devices()
            self._native = {self.name_of_device(device): device for device in devices}
        return list(self._native)

    def device_name(self, spec: Any = None) -> str:
        """Return the name of the device that `spec` means; ``"cpu"`` is the host."""
        return super().device_name("CPU_DEVICE" if isinstance(spec, str) and spec == "cpu" else spec)

    def device(self, spec: Any = None) -> Any:
        """Return the library's own object for a device."""
        name = self.device_name(spec)
        self.devices()
        return self._native[name]

    def name_of_device(self, device: Any) -> str:
        """Return the name of one of the library's devices."""
        try:
            return self._device_names[device]
        except (KeyError, TypeError):
            if not isinstance(device, self.library.Device):
                return str(device)
            # A device gives its name only in its representation: array_api_strict.Device('device1').
            name = self._device_names[device] = repr(device).split("'")[1]
            return name

    def _find_dtype_name(self, dtype: Any) -> str:
        # By the representation: comparing a data type of the library to one of NumPy's is a warning.
        return str(dtype).removeprefix("array_api_strict.")

    def to_numpy(self, array: Any, *, copy: bool | None = None) -> np.ndarray:
        """Return the values as a NumPy array, from the made-up devices too, though those refuse the direct way."""
        host = array.to_device(self.device("CPU_DEVICE"))
        return np.array(np.from_dlpack(host), copy=copy)

    def export_dlpack(self, array: Any) -> Any:
        """Return the array, with its axes the right way round: PyTorch aborts the process on a negative stride."""
        strides = np.from_dlpack(array).strides
        return self.library.asarray(array, copy=True) if min(strides, default=0) < 0 else array

    def dlpack_device(self, device: str) -> tuple[int, int] | None:
        """Return the DLPack code of the host; the made-up devices count as apart from it."""
        return (1, 0) if device == "CPU_DEVICE" else None
