"""CuPy: NVIDIA GPUs."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np

from funcnet.backends.backend import Backend
from funcnet.backends.cupy import kernels
from funcnet.backends.memory import MemoryInfo
from funcnet.backends.numpy import NumpyBackend, bfloat16

__all__ = ["CupyBackend"]


class CupyBackend(Backend):
    """The record of CuPy. Devices are ``"cuda:0"``, ``"cuda:1"``, ...; an integer or ``"0"`` means the same."""

    name = "cupy"
    module = "cupy"
    namespace_module = "array_api_compat.cupy"
    install = 'pip install "funcnet[cuda12]"   (or "funcnet[cuda13]", as the driver has it)'
