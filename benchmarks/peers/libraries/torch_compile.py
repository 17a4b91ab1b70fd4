"""PyTorch, with ``torch.compile`` around the loss; Adam is its fused kernel."""

from __future__ import annotations

import os
from shutil import which

import torch

from benchmarks.peers.libraries.torch import LIBRARY, threads, version
from benchmarks.peers.steps.torch import jobs

__all__ = ["JOBS", "LIBRARY", "threads", "version"]

_COMPILER = os.environ.get("CXX", "g++")
if which(_COMPILER) is None:
    # As a library that is not installed: there is nothing to measure.
    raise ImportError(f"torch.compile needs a C++ compiler, and there is no {_COMPILER}")

JOBS = jobs(torch.compile)
