"""Memory figures, in bytes."""

import os
import sys
from typing import NamedTuple

__all__ = ["MemoryInfo", "give_back", "host_memory"]


class MemoryInfo(NamedTuple):
    """Memory of one device, in bytes; ``None`` where the library does not say.

    Attributes
    ----------
    used : int or None
        Held by live arrays. On the host: the resident size of the process.
    reserved : int or None
        Taken from the device by the library's pool, whether in use or kept for later.
    peak : int or None
        The largest value that ``used`` has had.
    total : int or None
        What the device has.
    """

    used: int | None
    reserved: int | None
    peak: int | None
    total: int | None


def host_memory() -> MemoryInfo:
    """Return the figures of this process and its machine.

    Examples
    --------
    >>> from funcnet.backends.memory import host_memory
    >>> host_memory().reserved is None
    True
    """
    used = peak = total = None
    if sys.platform != "win32":
        # Not on Windows, and not loaded otherwise.
        import resource

        # The kernel reports kibibytes, except on macOS, where it reports bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        page = os.sysconf("SC_PAGE_SIZE")
        total = page * os.sysconf("SC_PHYS_PAGES")
        try:
            with open("/proc/self/statm", encoding="ascii") as file:
                used = int(file.read().split()[1]) * page
                # The kernel brings the peak up to date a little later than the size.
                peak = max(peak, used)
        except OSError:
            used = None
    return MemoryInfo(used, None, peak, total)


def give_back() -> None:
    """Give memory of the host that nobody uses back to the system.

    The GNU C library keeps large arrays that were freed where smaller things lie above them. Others give it back, or
    are not asked.
    """
    if sys.platform == "linux":
        import ctypes  # takes long

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
