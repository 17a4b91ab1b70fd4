"""Array libraries and devices. Nothing here knows of tracing.

A `Backend` describes one library. `get`, `available`, `status` and `register` keep them by name; `backend_of` finds
the one that arrays belong to; `use_backend` sets the one with which arrays are created; `device_put` and `to_numpy`
copy between them.
"""

from funcnet.backends.backend import Backend
from funcnet.backends.changes import on_change
from funcnet.backends.context import (
    Context,
    current,
    default_complex_dtype,
    default_dtype,
    default_int_dtype,
    use_backend,
)
from funcnet.backends.kernels import Kernel, KernelTable
from funcnet.backends.lookup import backend_of, backend_of_type, check_devices
from funcnet.backends.memory import MemoryInfo
from funcnet.backends.registry import (
    ENTRY_POINT_GROUP,
    available,
    get,
    names,
    record,
    register,
    status,
    unregister,
)
from funcnet.backends.transfer import Placement, device_put, devices, parse_target, to_numpy
from funcnet.surface import listing as _listing

__all__ = [
    "ENTRY_POINT_GROUP",
    "Backend",
    "Context",
    "Kernel",
    "KernelTable",
    "MemoryInfo",
    "Placement",
    "available",
    "backend_of",
    "backend_of_type",
    "check_devices",
    "current",
    "default_complex_dtype",
    "default_dtype",
    "default_int_dtype",
    "device_put",
    "devices",
    "get",
    "names",
    "on_change",
    "parse_target",
    "record",
    "register",
    "status",
    "to_numpy",
    "unregister",
    "use_backend",
]

__dir__ = _listing(__name__)
