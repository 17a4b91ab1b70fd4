"""The rows of the comparison with other libraries under ``fn.jit``: the same work, at the same two sizes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import funcnet as fn
from funcnet.compiler.execute import finish_compiling

# Airspeed velocity puts nothing but the folder of the suites on the path; last, so that the version of funcnet that is
# installed is the one that is timed.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.peers.compiled import STEPS
from benchmarks.peers.steps.funcnet import jobs

_WORK = {work.job.removeprefix("step "): work for work in STEPS}


class CompiledStep:
    """What a row of the comparison times, when all loops are compiled."""

    params = (tuple(_WORK), ("small", "large"))
    param_names = ("work", "size")
    timeout = 300

    def setup(self, name: str, size: str) -> None:
        work = _WORK[name]
        _, problem = work.small if size == "small" else work.large
        self.run = jobs(fn.jit)[work.job](**problem)
        for _ in range(4):
            self.run()
            finish_compiling()

    def time_step(self, *_: Any) -> None:
        self.run()

    def peakmem_step(self, *_: Any) -> None:
        self.run()
