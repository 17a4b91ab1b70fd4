"""Funcnet, as its users write it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

import numpy as np

import funcnet as fn
from benchmarks.peers.libraries.problems import LEARNING_RATE, classification
from benchmarks.peers.steps.funcnet import jobs
from funcnet import xp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JOBS", "LIBRARY", "gradient", "threads", "version"]

LIBRARY = "funcnet"


def version() -> str:
    """Return the version, and that of Numba, which makes large draws and outer products faster where it is there."""
    try:
        return f"{fn.__version__} with Numba {installed('numba')}"
    except PackageNotFoundError:
        return f"{fn.__version__} without Numba"


def threads(n: int) -> None:
    """Do nothing: OpenBLAS reads the environment."""


def _sines(length: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        for _ in range(length):
            x = xp.sin(x)
        return x

    return f


def _products(length: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        y = x
        for _ in range(length):
            y = y * x
        return y

    return f


def record_sines(length: int) -> Callable[[], float]:
    f, x = _sines(length), np.array(0.9)
    return lambda: float(fn.vjp(f, x)[0])


def grad_sines(length: int) -> Callable[[], float]:
    g, x = fn.grad(_sines(length)), np.array(0.9)
    return lambda: float(g(x))


def record_products(length: int) -> Callable[[], float]:
    f, x = _products(length), np.array(0.9999)
    return lambda: float(fn.vjp(f, x)[0])


def grad_products(length: int) -> Callable[[], float]:
    g, x = fn.grad(_products(length)), np.array(0.9999)
    return lambda: float(g(x))


def fan_out(uses: int, size: int) -> Callable[[], float]:
    def f(x: Any) -> Any:
        total = x
        for _ in range(uses - 1):
            total = total + x
        return xp.sum(total)

    g, x = fn.grad(f), np.ones(size)
    return lambda: float(g(x)[0])


def elements(size: int) -> Callable[[], float]:
    def f(x: Any) -> Any:
        total = 0.0
        for i in range(size):
            total = total + x[i]
        return total

    g, x = fn.grad(f), np.ones(size)
    return lambda: float(g(x)[0])


def gradient(widths: list[int], batch: int) -> tuple[Callable[..., Any], Any, Any, Any]:
    """Return ``value_and_grad`` of the classifier's loss and its arguments."""
    layers, x, labels = classification(widths, batch)
    parts: list[Any] = []
    for width in widths[1:-1]:
        parts += [fn.nn.dense(width), fn.nn.relu()]
    model = fn.nn.sequential(*parts, fn.nn.dense(widths[-1]))
    # Not from `init`: every library starts from the same numbers, and a large draw would count as the step's memory.
    params = {f"dense_{i}": {"kernel": kernel, "bias": bias} for i, (kernel, bias) in enumerate(layers)}

    def loss(params: Any, x: Any, labels: Any) -> Any:
        logits, _ = model.apply(params, {}, x)
        return fn.losses.softmax_cross_entropy(logits, labels)

    return fn.value_and_grad(loss), params, x, labels


def training_step(widths: list[int], batch: int) -> Callable[[], float]:
    loss_and_grad, params, x, labels = gradient(widths, batch)
    optimizer = fn.optim.adam(LEARNING_RATE)
    opt_state = optimizer.init(params)

    def run() -> float:
        nonlocal params, opt_state
        value, grads = loss_and_grad(params, x, labels)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = fn.optim.apply_updates(params, updates)
        return float(value)

    return run


def uniform(size: int) -> Callable[[], float]:
    key = fn.random.key(0)
    return lambda: float(fn.random.uniform(key, (size,))[0])


def normal(size: int) -> Callable[[], float]:
    key = fn.random.key(0)
    return lambda: float(fn.random.normal(key, (size,))[0])


JOBS = {
    "record sines": record_sines,
    "grad sines": grad_sines,
    "record products": record_products,
    "grad products": grad_products,
    "fan-out": fan_out,
    "elements": elements,
    "training step": training_step,
    "uniform": uniform,
    "normal": normal,
    **jobs(lambda f, **_: f),
}
