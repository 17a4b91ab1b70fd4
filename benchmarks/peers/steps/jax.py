"""The work in JAX, compiled by ``jax.jit``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.peers.libraries.problems import LEARNING_RATE
from benchmarks.peers.steps.problems import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOSSES", "jobs"]


def _cross_entropy(logits: Any, labels: Any) -> Any:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], axis=-1).mean()


def mlp(p: Any, x: Any, labels: Any, *, depth: int) -> Any:
    for i in range(depth - 1):
        x = jax.nn.relu(x @ p[f"w{i}"] + p[f"b{i}"])
    return _cross_entropy(x @ p[f"w{depth - 1}"] + p[f"b{depth - 1}"], labels)


def _conv(x: Any, kernel: Any) -> Any:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def cnn(p: Any, x: Any, labels: Any) -> Any:
    for i in range(2):
        x = jax.nn.relu(_conv(x, p[f"k{i}"]) + p[f"b{i}"])
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return _cross_entropy(x.reshape(x.shape[0], -1) @ p["w2"] + p["b2"], labels)


def residual(p: Any, x: Any, labels: Any) -> Any:
    y = x
    for i in range(2):
        y = _conv(y, p[f"k{i}"])
        mean, var = y.mean(axis=(0, 1, 2)), y.var(axis=(0, 1, 2))
        y = (y - mean) * (lax.rsqrt(var + 1e-5) * p[f"s{i}"]) + p[f"b{i}"]
        y = jax.nn.relu(y + x if i else y)
    return _cross_entropy(y.mean(axis=(1, 2)) @ p["w2"] + p["b2"], labels)


def lstm(p: Any, x: Any, labels: Any) -> Any:
    zeros = jnp.zeros((x.shape[1], p["wh"].shape[0]), jnp.float32)

    def cell(carry: Any, projected: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(projected + h @ p["wh"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    (h, _), _ = lax.scan(cell, (zeros, zeros), x @ p["wx"] + p["b"])
    return _cross_entropy(h @ p["wo"] + p["bo"], labels)


def _layer_norm(x: Any, scale: Any, bias: Any) -> Any:
    mean = x.mean(axis=-1, keepdims=True)
    return (x - mean) * lax.rsqrt(x.var(axis=-1, keepdims=True) + 1e-5) * scale + bias


def gpt(p: Any, tokens: Any, following: Any, *, layers: int, heads: int) -> Any:
    batch, length = tokens.shape
    width = p["positions"].shape[1]
    each = width // heads
    mask = np.where(np.tril(np.ones((length, length), bool)), np.float32(0), np.float32(-1e9))
    x = p["tokens"][tokens] + p["positions"]
    for i in range(layers):
        h = _layer_norm(x, p[f"s{i}a"], p[f"b{i}a"]) @ p[f"qkv{i}"]
        q, k, v = h.reshape(batch, length, 3, heads, each).transpose(2, 0, 3, 1, 4)
        weights = jax.nn.softmax(q @ k.mT * np.float32(each**-0.5) + mask)
        x = x + (weights @ v).transpose(0, 2, 1, 3).reshape(batch, length, width) @ p[f"o{i}"]
        h = _layer_norm(x, p[f"s{i}m"], p[f"b{i}m"])
        h = jax.nn.gelu(h @ p[f"up{i}"] + p[f"ub{i}"], approximate=True)
        x = x + (h @ p[f"down{i}"] + p[f"db{i}"])
    return _cross_entropy(_layer_norm(x, p["s"], p["b"]) @ p["tokens"].T, following)


def elementwise(p: Any, weights: Any) -> Any:
    y = _layer_norm(jax.nn.gelu(p["x"], approximate=True), p["s"], p["b"])
    return (jax.nn.softmax(y) * weights).sum(axis=-1).mean()


def curved(x: Any, a: Any) -> Any:
    return (jnp.tanh(a @ x) ** 2).sum() + (x * x).sum() * x.sum()


def chain(x: Any, operations: int) -> Any:
    for _ in range(operations // 4):
        x = x + jnp.tanh(jnp.sin(x) * 0.1)
    return x


LOSSES = {"mlp": mlp, "cnn": cnn, "residual": residual, "lstm": lstm, "gpt": gpt}


def _adam(params: Any, moments: Any, count: Any, grads: Any) -> Any:
    count = count + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, moments[1], grads)
    rate, root = LEARNING_RATE / (1 - 0.9**count), 1 / jnp.sqrt(1 - 0.999**count)
    return jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + 1e-8), params, m, v), (m, v), count


def _zero_moments(params: Any) -> Any:
    return [jax.tree.map(jnp.zeros_like, params) for _ in range(2)], jnp.zeros((), jnp.float32)


def jobs() -> dict[str, Callable[..., Any]]:
    """Return the jobs. Parameters and moments are donated, so that XLA may update them in place."""

    def training(name: str) -> Callable[..., Any]:
        def prepare(**sizes: Any) -> Callable[[], float]:
            made, given, options = PROBLEMS[name](**sizes)
            params, data = jax.tree.map(jnp.asarray, (made, given))
            moments, count = _zero_moments(params)
            moments = tuple(moments)
            del made, given

            @partial(jax.jit, donate_argnums=(0, 1, 2))
            def step(params: Any, moments: Any, count: Any, *data: Any) -> Any:
                value, grads = jax.value_and_grad(lambda p: LOSSES[name](p, *data, **options))(params)
                return value, *_adam(params, moments, count, grads)

            def run() -> float:
                nonlocal params, moments, count
                value, params, moments, count = step(params, moments, count, *data)
                jax.block_until_ready(params)
                return float(value)

            return run

        return prepare

    def adam(size: int) -> Callable[[], float]:
        made, (given,), _ = PROBLEMS["adam"](size)
        params, g = jax.tree.map(jnp.asarray, (made, given))
        moments, count = _zero_moments(params)
        moments = tuple(moments)
        update = jax.jit(lambda p, s, n, g: _adam(p, s, n, {"w": g}), donate_argnums=(0, 1, 2))

        def run() -> float:
            nonlocal params, moments, count
            params, moments, count = jax.block_until_ready(update(params, moments, count, g))
            return float(params["w"][0])

        return _checked(run, lambda: params)

    def elementwise_gradient(rows: int, columns: int) -> Callable[[], float]:
        params, (weights,), _ = jax.tree.map(jnp.asarray, PROBLEMS["elementwise"](rows, columns))
        gradient = jax.jit(jax.value_and_grad(elementwise))
        out: Any = None

        def run() -> float:
            nonlocal out
            out = None
            value, out = jax.block_until_ready(gradient(params, weights))
            return float(value)

        return _checked(run, lambda: out)

    def per_example(widths: list[int], batch: int) -> Callable[[], float]:
        params, (x, labels), options = PROBLEMS["per-example"](widths, batch)
        params, x, labels = jax.tree.map(jnp.asarray, (params, x, labels))
        one = jax.grad(lambda p, x, label: mlp(p, x[None, :], label[None], **options))
        gradients = jax.jit(jax.vmap(one, (None, 0, 0)))
        last = f"b{options['depth'] - 1}"
        out: Any = None

        def run() -> float:
            nonlocal out
            out = None
            out = jax.block_until_ready(gradients(params, x, labels))
            return float(out[last][0, 0])

        return _checked(run, lambda: out)

    def batched_gradient(widths: list[int], batch: int) -> Callable[[], float]:
        params, (x, labels), options = PROBLEMS["per-example"](widths, batch)
        params, x, labels = jax.tree.map(jnp.asarray, (params, x, labels))
        gradient = jax.jit(jax.grad(lambda p: mlp(p, x, labels, **options)))
        last = f"b{options['depth'] - 1}"
        out: Any = None

        def run() -> float:
            nonlocal out
            out = jax.block_until_ready(gradient(params))
            return float(out[last][0])

        return _checked(run, lambda: out)

    def hessian(size: int) -> Callable[[], float]:
        params, (a,), _ = jax.tree.map(jnp.asarray, PROBLEMS["hessian"](size))
        curvature = jax.jit(jax.hessian(curved))
        out: Any = None

        def run() -> float:
            nonlocal out
            out = jax.block_until_ready(curvature(params["x"], a))
            return float(out[0, 0])

        return _checked(run, lambda: out)

    def scalar(operations: int) -> Callable[[], float]:
        params, _, options = PROBLEMS["scalar"](operations)
        x = jnp.asarray(params["x"])
        gradient = jax.jit(jax.value_and_grad(lambda x: chain(x, **options)))
        out: Any = None

        def run() -> float:
            nonlocal out
            value, out = jax.block_until_ready(gradient(x))
            return float(value)

        return _checked(run, lambda: out)

    def leaves(count: int) -> Callable[[], float]:
        arrays = {str(i): jnp.ones(8, jnp.float32) for i in range(count)}
        shifted = jax.jit(lambda arrays: jax.tree.map(lambda a: a + np.float32(1), arrays))

        def run() -> float:
            jax.block_until_ready(shifted(arrays))
            return 0.0

        return run

    return {
        **{f"step {name}": training(name) for name in LOSSES},
        "step elementwise": elementwise_gradient,
        "step adam": adam,
        "step per-example": per_example,
        "batched gradient": batched_gradient,
        "step hessian": hessian,
        "step scalar": scalar,
        "leaves": leaves,
    }


def _checked(run: Any, out: Callable[[], Any]) -> Callable[[], float]:
    run.check = lambda: float(sum(np.abs(np.asarray(a)).sum(dtype=np.float64) for a in jax.tree.leaves(out())))
    return run
