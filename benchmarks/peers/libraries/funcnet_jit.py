"""Funcnet, with `fn.jit` around the whole job, when everything is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import funcnet as fn
from benchmarks.peers.libraries.funcnet import LIBRARY, threads, version
from benchmarks.peers.steps.funcnet import jobs
from funcnet import xp
from funcnet.compiler.execute import finish_compiling

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JOBS", "LIBRARY", "growth", "settle", "threads", "version"]


def settle() -> None:
    """Wait for the loops that are being compiled."""
    finish_compiling()


def growth(length: int, clock: Callable[[], float], patience: float) -> dict[str, float]:
    """Return seconds and the size of the plan that a chain of `length` equations takes, compiled from nothing."""

    def chain(x: Any) -> Any:
        for _ in range(length // 2):
            x = xp.sin(x) * 1.1
        return x

    compiled, x = fn.jit(chain), np.linspace(0.0, 1.0, 16, dtype=np.float32)
    # What Numba and LLVM load is loaded by another loop first.
    warm = fn.jit(lambda x: xp.cos(x) * 1.2)
    for _ in range(3):
        warm(x)
        finish_compiling()
    start = clock()
    compiled(x)
    first = clock() - start
    compiled(x)
    done = finish_compiling(patience)
    settled = clock() - start
    (entry,) = compiled._entries.values()
    executable = entry.program.run
    loops = executable.fused.loops if executable.fused is not None else ()
    return {
        "compiled": done,
        "equations": len(executable.graph),
        "first": first,
        "settled": settled,
        "loops": len(loops),
        "source": sum(len(loop.source) for loop in loops),
        "planned": executable.fused.planned if executable.fused is not None else 0,
    }


JOBS = jobs(fn.jit)
