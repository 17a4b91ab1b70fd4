"""PyTorch, with ``torch.compile`` around the loss; Adam is its fused kernel."""

from __future__ import annotations

import os
from shutil import which
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.peers.libraries.torch import LIBRARY, threads, version
from benchmarks.peers.steps.torch import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JOBS", "LIBRARY", "threads", "version"]

_COMPILER = os.environ.get("CXX", "g++")
if which(_COMPILER) is None:
    # As a library that is not installed: there is nothing to measure.
    raise ImportError(f"torch.compile needs a C++ compiler, and there is no {_COMPILER}")


def _compiled(f: Callable[..., Any]) -> Any:
    # Without the reset, what was compiled for one size or kind of work counts as a version of the same function, and
    # the next one is compiled for any shape, or not at all.
    torch._dynamo.reset()
    return torch.compile(f, dynamic=False)


JOBS = jobs(_compiled)
