"""HIPS autograd, and Adam in place, in NumPy."""

from __future__ import annotations

from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

import autograd
import autograd.numpy as anp
import numpy as np
from autograd.scipy.special import logsumexp

from benchmarks.peers.libraries.problems import LEARNING_RATE, classification
from benchmarks.peers.steps.autograd import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JOBS", "LIBRARY", "threads", "version"]

LIBRARY = "HIPS autograd"


def version() -> str:
    return installed("autograd")


def threads(n: int) -> None:
    """Do nothing: OpenBLAS reads the environment."""


def _sines(length: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        for _ in range(length):
            x = anp.sin(x)
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
    record, x = autograd.make_vjp(_sines(length)), np.array(0.9)
    return lambda: float(record(x)[1])


def grad_sines(length: int) -> Callable[[], float]:
    g, x = autograd.grad(_sines(length)), np.array(0.9)
    return lambda: float(g(x))


def record_products(length: int) -> Callable[[], float]:
    record, x = autograd.make_vjp(_products(length)), np.array(0.9999)
    return lambda: float(record(x)[1])


def grad_products(length: int) -> Callable[[], float]:
    g, x = autograd.grad(_products(length)), np.array(0.9999)
    return lambda: float(g(x))


def fan_out(uses: int, size: int) -> Callable[[], float]:
    def f(x: Any) -> Any:
        total = x
        for _ in range(uses - 1):
            total = total + x
        return anp.sum(total)

    g, x = autograd.grad(f), np.ones(size)
    return lambda: float(g(x)[0])


def elements(size: int) -> Callable[[], float]:
    def f(x: Any) -> Any:
        total = 0.0
        for i in range(size):
            total = total + x[i]
        return total

    g, x = autograd.grad(f), np.ones(size)
    return lambda: float(g(x)[0])


def training_step(widths: list[int], batch: int, fastest: bool = False) -> Callable[[], float]:
    """Train with the rectifier as `np.maximum(x, 0)`, or in the spelling that autograd runs fastest."""
    layers, x, labels = classification(widths, batch)
    params = [a for layer in layers for a in layer]
    one_hot = np.zeros((batch, widths[-1]), np.float32)
    one_hot[np.arange(batch), labels] = 1.0
    last = len(layers) - 1

    def loss(params: list[Any], x: Any, one_hot: Any) -> Any:
        for i in range(last + 1):
            x = anp.dot(x, params[2 * i]) + params[2 * i + 1]
            if i < last:
                x = x * (x > 0) if fastest else anp.maximum(x, 0.0)
        return -anp.sum((x - logsumexp(x, axis=1, keepdims=True)) * one_hot) / batch

    loss_and_grad = autograd.value_and_grad(loss)
    means = [np.zeros_like(p) for p in params]
    squares = [np.zeros_like(p) for p in params]
    count = 0

    def run() -> float:
        nonlocal count
        value, grads = loss_and_grad(params, x, one_hot)
        count += 1
        rate = LEARNING_RATE / (1.0 - 0.9**count)
        root = 1.0 / (1.0 - 0.999**count) ** 0.5
        for p, g, m, v in zip(params, grads, means, squares, strict=True):
            m *= 0.9
            m += 0.1 * g
            v *= 0.999
            np.multiply(g, g, out=g)
            g *= 0.001
            v += g
            np.sqrt(v, out=g)
            g *= root
            g += 1e-8
            np.divide(m, g, out=g)
            g *= rate
            p -= g
        return float(value)

    return run


JOBS = {
    "record sines": record_sines,
    "grad sines": grad_sines,
    "record products": record_products,
    "grad products": grad_products,
    "fan-out": fan_out,
    "elements": elements,
    "training step": training_step,
    **jobs(),
}
