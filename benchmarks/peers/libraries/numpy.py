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


def products(shapes: list[list[int]]) -> Callable[[], float]:
    """Matrix products of shapes ``[batch, m, k, n]`` into memory that is there already."""
    rng = np.random.default_rng(0)
    work = []
    for batch, m, k, n in shapes:
        a, b = (rng.standard_normal((batch, *shape), dtype=np.float32) for shape in ((m, k), (k, n)))
        work.append((a, b, np.empty((batch, m, n), np.float32)) if batch > 1 else (a[0], b[0], np.empty((m, n), "f4")))

    def run() -> float:
        for a, b, out in work:
            np.matmul(a, b, out=out)
        return 0.0

    return run


JOBS = {
    "sine chain": sine_chain,
    "product chain": product_chain,
    "uniform": uniform,
    "normal": normal,
    "products": products,
}
