"""Loops over several threads: what posting them costs, and from which size on that pays."""

from __future__ import annotations

import numpy as np

from funcnet.compiler.loops.build import compiled
from funcnet.compiler.workers import in_parallel

SOURCE = """
def loop(lo, hi, part, x, y):
    a = x[lo:hi]
    b = y[lo:hi]
    for i in range(hi - lo):
        b[i] = exp32(a[i]) + f4(1)
"""


class SharedLoops:
    """Exponentials of a vector in single precision, in equal parts."""

    params = ((100, 10_000, 100_000, 400_000, 1_000_000), (1, 2, 4))
    param_names = ("size", "threads")

    def setup(self, size: int, threads: int) -> None:
        self.loop = compiled(SOURCE, "void(int64, int64, int64, float32[::1], float32[::1])")
        self.bounds = tuple([size * i // threads for i in range(threads + 1)])
        rng = np.random.default_rng(0)
        self.arrays = rng.standard_normal(size, dtype=np.float32), np.empty(size, np.float32)
        self.time_loop(size, threads)

    def time_loop(self, size: int, threads: int) -> None:
        if threads == 1:
            self.loop(0, size, 0, *self.arrays)
        else:
            in_parallel(self.loop, self.bounds, self.arrays)
