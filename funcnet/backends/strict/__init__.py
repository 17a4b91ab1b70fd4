"""array_api_strict, which has nothing beyond the standard, and several made-up devices: for tests."""

from typing import Any

import numpy as np

from funcnet.backends.backend import Backend

__all__ = ["StrictBackend"]


class StrictBackend(Backend):
    """The record of array_api_strict. Devices are ``"CPU_DEVICE"`` (or ``"cpu"``), ``"device1"``, ``"no_float64"``, ..."""

    name = "strict"
    module = "array_api_strict"
    namespace_module = "array_api_strict"
    install = 'pip install "funcnet[test]"'

    def __init__(self) -> None:
        super().__init__()
        self._native: dict[str, Any] = {}
        self._device_names: dict[Any, str] = {}
        self._device_dtypes: dict[str, tuple[str, ...]] = {}

    def owns(self, cls: type) -> bool:
        """Say whether `cls` is the library's array class."""
        return cls.__name__ == "Array" and cls.__module__.partition(".")[0] == self.module

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[str]:
        """Return the names of the host and of the made-up devices."""
        if not self._native:
            for device in self.library.__array_namespace_info__().devices():
                # A device shows its name only in its representation: array_api_strict.Device('device1').
                name = repr(device).split("'")[1]
                self._device_names[device] = name
                self._native[name] = device
        return list(self._native)

    def device_of(self, array: Any) -> str:
        """Return the name of the array's device."""
        if not self._device_names:
            self.devices()
        return self._device_names[array.device]

    def device_name(self, spec: Any = None) -> str:
        """Return the name of the device that `spec` means; ``"cpu"`` is the host."""
        return super().device_name("CPU_DEVICE" if spec == "cpu" else spec)

    def device(self, spec: Any = None) -> Any:
        """Return the library's own object for a device."""
        name = self.device_name(spec)
        return self._native[name]

    def _native_device_name(self, device: Any) -> str:
        return self._device_names.get(device, "") if isinstance(device, type(self.device())) else ""

    # ------------------------------------------------------------------ data types

    def dtypes(self, device: Any = None) -> tuple[str, ...]:
        """Return the names of the data types that the device has."""
        name = self.device_name(device)
        if name not in self._device_dtypes:
            info = self.library.__array_namespace_info__()
            self._device_dtypes[name] = tuple(info.dtypes(device=self._native[name]))
        return self._device_dtypes[name]

    def default_int(self, device: Any = None) -> str:
        """Return the name of the device's default data type of integers."""
        defaults = self.library.__array_namespace_info__().default_dtypes(device=self.device(device))
        return self.dtype_name(defaults["integral"])

    # ------------------------------------------------------------------ copies

    def to_numpy(self, array: Any, *, copy: bool | None = None) -> np.ndarray:
        """Copy an array to the host, from the made-up devices too."""
        # The library refuses the direct way for its made-up devices, as a GPU library would.
        if self.device_of(array) != "CPU_DEVICE":
            return np.array(np.from_dlpack(array.to_device(self.device("CPU_DEVICE"))))
        return np.array(np.from_dlpack(array), copy=copy)

    def dlpack_device(self, device: str) -> tuple[int, int] | None:
        """Return DLPack's code of the host; the made-up devices count as apart from it."""
        return (1, 0) if device == "CPU_DEVICE" else None
