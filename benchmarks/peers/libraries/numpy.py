"""NumPy without derivatives: the control that tells a slow machine from a slow library, and the yardstick of draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.steps.problems import PROBLEMS

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


def _errors(widths: list[int], batch: int) -> tuple[int, Callable[[int], tuple[list[Any], list[Any]]]]:
    """Return the number of layers, and what computes their inputs and the loss's gradients to their outputs."""
    params, (x, labels), options = PROBLEMS["per-example"](widths, batch)
    depth, rows = options["depth"], np.arange(batch)

    def backward(examples: int) -> tuple[list[Any], list[Any]]:
        inputs, signs = [x], []
        for i in range(depth - 1):
            y = inputs[i] @ params[f"w{i}"]
            y += params[f"b{i}"]
            signs.append(y > 0)
            inputs.append(np.maximum(y, 0, out=y))
        y = inputs[-1] @ params[f"w{depth - 1}"]
        y += params[f"b{depth - 1}"]
        y -= y.max(axis=1, keepdims=True)
        np.exp(y, out=y)
        y /= y.sum(axis=1, keepdims=True)
        y[rows, labels] -= 1
        if examples > 1:
            y /= examples
        errors = [y]
        for i in reversed(range(depth - 1)):
            y = y @ params[f"w{i + 1}"].T
            y *= signs[i]
            errors.insert(0, y)
        return inputs, errors

    return depth, backward


def per_example(widths: list[int], batch: int) -> Callable[[], float]:
    """Derive the classifier's gradients by hand, for each example."""
    depth, backward = _errors(widths, batch)
    out: dict[str, Any] = {}

    def run() -> float:
        out.clear()
        for i, (x, error) in enumerate(zip(*backward(1), strict=True)):
            out[f"w{i}"], out[f"b{i}"] = np.einsum("bi,bj->bij", x, error), error
        return float(out[f"b{depth - 1}"][0, 0])

    return run


def batched_gradient(widths: list[int], batch: int) -> Callable[[], float]:
    """Derive the gradient of their mean by hand."""
    depth, backward = _errors(widths, batch)
    out: dict[str, Any] = {}

    def run() -> float:
        inputs, errors = backward(batch)
        for i in range(depth):
            out[f"w{i}"], out[f"b{i}"] = inputs[i].T @ errors[i], errors[i].sum(axis=0)
        return float(out[f"b{depth - 1}"][0])

    return run


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
    "step per-example": per_example,
    "batched gradient": batched_gradient,
    "sine chain": sine_chain,
    "product chain": product_chain,
    "uniform": uniform,
    "normal": normal,
    "products": products,
}
