"""The sources of fused loops, run as the Python that they are."""

from __future__ import annotations

import builtins
from dis import get_instructions
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.reference import functions
from funcnet.compiler.loops.build import compiled
from funcnet.compiler.loops.vector_math import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["as_python"]


@lru_cache
def _environment() -> dict[str, Any]:
    names: dict[str, Any] = {
        "np": np,
        "f4": np.float32,
        "f8": np.float64,
        "i4": np.int32,
        "i8": np.int64,
        "b1": np.bool_,
        "as_bits": lambda x: np.float32(x).view(np.int32),
        "as_float": lambda i: np.int32(i).view(np.float32),
        "joined": lambda x, y: x + y,
        "larger": lambda x, y: x if x > y else y,
        "smaller": lambda x, y: x if x < y else y,
        **functions(),
    }
    exec(SOURCE, names)
    return names


def as_python(source: str, signature: str) -> Callable[..., None]:
    """Return the function ``loop`` of a source as a Python function; compiled where it uses what Python has not."""
    names = dict(_environment())
    exec(source, names)
    loop = names["loop"]
    used = {i.argval for i in get_instructions(loop) if i.opname == "LOAD_GLOBAL"}
    return loop if used <= {*names, *dir(builtins)} else compiled(source, signature)
