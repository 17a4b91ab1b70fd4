"""Loops as the Python that they are, with what blocks in registers do written out for NumPy."""

import ctypes
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet.compiler.kernels.reference import functions


def at(place: int, size: int, shape: Any, strides: Any) -> np.ndarray:
    """Return the array at an address."""
    length = size + sum([(n - 1) * s for n, s in zip(shape, strides, strict=True)])
    memory: Any = (ctypes.c_char * length).from_address(place)
    return np.ndarray(shape, f"f{size}", memory, 0, strides)


def block(text: str, a: int, b: int, c: int, bias: int, count: int) -> None:
    """Do in Python what a block does in registers."""
    p = json.loads(text)
    size, columns = p["size"], p["columns"]
    counts = [n if n > 0 else count for n, _, _ in p["loops"]]
    steps = [s for _, s, _ in p["loops"]]
    everything = tuple(range(len(counts)))
    for i, j in zip(p["a"], p["c"], strict=True):
        result = at(c + j, size, (columns,), (size,))
        if p["kind"] == "sum":
            total = at(a + i, size, (*counts, columns), (*steps, size)).sum(everything)
        else:
            rows = at(b, size, (*counts, columns), (*[s for _, _, s in p["loops"]], size))
            if p["kind"] == "each":
                total = (at(a + i, size, (*counts, columns), (*steps, size)) * rows).sum(everything)
            else:
                total = np.tensordot(at(a + i, size, counts, steps), rows, len(counts))
        if p["mode"] == "add":
            total += result
        elif p["mode"] == "bias":
            total += at(bias, size, (columns,), (size,))
        result[:] = total


def loop_of(source: str, signature: str) -> Callable[..., None]:
    """Run a loop as the Python that it is."""
    names = {**functions(), "block": block}
    exec(source, names)
    return names["loop"]


@pytest.fixture(scope="session")
def in_python() -> Callable[[str, str], Callable[..., None]]:
    """Return what takes the place of a compiler."""
    return loop_of
