"""NumPy without derivatives: the control that tells a slow machine from a slow library, and the yardstick of draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JOBS", "LIBRARY", "threads", "version"]

LIBRARY = "NumPy"


def version() -> str:
    return np.__version__


def threads(n: int) -> None:
    """Do nothing: OpenBLAS reads the environment."""


def sine_chain(length: int) -> Callable[[], float]:
    start = np.array(0.9)

    def run() -> Any:
        x = start
        for _ in range(length):
            x = np.sin(x)
        return x

    return run


def product_chain(length: int) -> Callable[[], float]:
    x = np.array(0.9999)

    def run() -> Any:
        y = x
        for _ in range(length):
            y = y * x
        return y

    return run


def uniform(size: int) -> Callable[[], float]:
    generator = np.random.Generator(np.random.Philox(0))
    return lambda: float(generator.random(size, dtype=np.float32)[0])


def normal(size: int) -> Callable[[], float]:
    generator = np.random.Generator(np.random.Philox(0))
    return lambda: float(generator.standard_normal(size, dtype=np.float32)[0])


JOBS = {"sine chain": sine_chain, "product chain": product_chain, "uniform": uniform, "normal": normal}
