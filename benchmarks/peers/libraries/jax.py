"""JAX, with ``jax.jit`` around the whole job: what compiling buys, for information."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from benchmarks.peers.libraries.problems import LEARNING_RATE, classification
from benchmarks.peers.steps.jax import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JOBS", "LIBRARY", "threads", "version"]

LIBRARY = "JAX"


def version() -> str:
    return jax.__version__


def threads(n: int) -> None:
    """Do nothing: XLA takes its threads from the cores that the process may run on."""


def training_step(widths: list[int], batch: int) -> Callable[[], float]:
    layers, x, labels = classification(widths, batch)
    params: Any = [(jnp.asarray(kernel), jnp.asarray(bias)) for kernel, bias in layers]
    inputs, targets = jnp.asarray(x), jnp.asarray(labels)
    moments = jax.tree.map(jnp.zeros_like, (params, params))
    count = jnp.zeros((), jnp.float32)

    def loss(params: Any, x: Any, labels: Any) -> Any:
        for kernel, bias in params[:-1]:
            x = jax.nn.relu(x @ kernel + bias)
        logits = x @ params[-1][0] + params[-1][1]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()

    @jax.jit
    def step(params: Any, moments: Any, count: Any, x: Any, labels: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x, labels)
        count = count + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, moments[1], grads)
        rate, root = LEARNING_RATE / (1 - 0.9**count), 1 / jnp.sqrt(1 - 0.999**count)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + 1e-8), params, m, v)
        return value, params, (m, v), count

    def run() -> float:
        nonlocal params, moments, count
        value, params, moments, count = step(params, moments, count, inputs, targets)
        jax.block_until_ready(params)
        return float(value)

    return run


def uniform(size: int) -> Callable[[], float]:
    draw = jax.jit(lambda key: jax.random.uniform(key, (size,)))
    key = jax.random.key(0)
    return lambda: float(jax.block_until_ready(draw(key))[0])


def normal(size: int) -> Callable[[], float]:
    draw = jax.jit(lambda key: jax.random.normal(key, (size,)))
    key = jax.random.key(0)
    return lambda: float(jax.block_until_ready(draw(key))[0])


JOBS = {"training step": training_step, "uniform": uniform, "normal": normal, **jobs()}
