"""Memory that arrays leave behind stays for the next ones.

glibc hands the free end of its heap back to the system once it is larger than twice the largest block that the process
has ever freed. A training step frees its arrays at the end and asks for as many at the next start, so with arrays of a
few hundred kilobytes the system would map, and clear, the same pages again at every step: 5 to 15 % of a small one.
"""

import numpy as np

__all__ = ["keep_freed_memory"]

_BLOCK = 1 << 24


def keep_freed_memory() -> None:
    """Ask for a block and free it untouched: glibc then keeps up to twice as much; elsewhere nothing changes.

    It is what happens anyway in a process that has once freed an array of 16 MiB. Such arrays are still mapped one by
    one, and returned.
    """
    np.empty(_BLOCK, np.uint8)
