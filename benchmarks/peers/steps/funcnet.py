"""The work in funcnet, compiled by `fn.jit` or eager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import funcnet as fn
from benchmarks.peers.libraries.problems import LEARNING_RATE
from benchmarks.peers.steps.problems import PROBLEMS
from funcnet import tree, xp
from funcnet.losses import softmax_cross_entropy
from funcnet.nn import functional as nnf

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOSSES", "jobs"]


def mlp(p: Any, x: Any, labels: Any, *, depth: int) -> Any:
    for i in range(depth - 1):
        x = nnf.relu(x @ p[f"w{i}"] + p[f"b{i}"])
    return softmax_cross_entropy(x @ p[f"w{depth - 1}"] + p[f"b{depth - 1}"], labels)


def cnn(p: Any, x: Any, labels: Any) -> Any:
    for i in range(2):
        x = nnf.max_pool(nnf.relu(nnf.conv(x, p[f"k{i}"], p[f"b{i}"], padding="same")), 2)
    return softmax_cross_entropy(xp.reshape(x, (x.shape[0], -1)) @ p["w2"] + p["b2"], labels)


def residual(p: Any, x: Any, labels: Any) -> Any:
    y = x
    for i in range(2):
        y = nnf.conv(y, p[f"k{i}"], padding="same")
        y = nnf.batch_norm(y, p[f"s{i}"], p[f"b{i}"])[0]
        y = nnf.relu(y + x if i else y)
    return softmax_cross_entropy(xp.mean(y, axis=(1, 2)) @ p["w2"] + p["b2"], labels)


def lstm(p: Any, x: Any, labels: Any) -> Any:
    hidden = p["wh"].shape[0]
    zeros = xp.zeros((x.shape[1], hidden), dtype=xp.float32)

    def cell(carry: Any, projected: Any) -> Any:
        h, c = carry
        z = projected + h @ p["wh"]
        i, f, g, o = [z[:, k * hidden : (k + 1) * hidden] for k in range(4)]
        c = nnf.sigmoid(f) * c + nnf.sigmoid(i) * xp.tanh(g)
        return (nnf.sigmoid(o) * xp.tanh(c), c), None

    (h, _), _ = fn.scan(cell, (zeros, zeros), x @ p["wx"] + p["b"])
    return softmax_cross_entropy(h @ p["wo"] + p["bo"], labels)


def gpt(p: Any, tokens: Any, following: Any, *, layers: int, heads: int) -> Any:
    batch, length = tokens.shape
    width = p["positions"].shape[1]
    each = width // heads
    mask = np.where(np.tril(np.ones((length, length), bool)), np.float32(0), np.float32(-1e9))
    x = nnf.embedding(tokens, p["tokens"]) + p["positions"]
    for i in range(layers):
        h = nnf.layer_norm(x, p[f"s{i}a"], p[f"b{i}a"]) @ p[f"qkv{i}"]
        q, k, v = xp.permute_dims(xp.reshape(h, (batch, length, 3, heads, each)), (2, 0, 3, 1, 4))
        weights = nnf.softmax(q @ xp.matrix_transpose(k) * np.float32(each**-0.5) + mask)
        h = xp.reshape(xp.permute_dims(weights @ v, (0, 2, 1, 3)), (batch, length, width))
        x = x + h @ p[f"o{i}"]
        h = nnf.layer_norm(x, p[f"s{i}m"], p[f"b{i}m"])
        h = nnf.gelu(h @ p[f"up{i}"] + p[f"ub{i}"], approximate=True)
        x = x + (h @ p[f"down{i}"] + p[f"db{i}"])
    logits = nnf.layer_norm(x, p["s"], p["b"]) @ p["tokens"].mT
    return softmax_cross_entropy(logits, following)


def elementwise(p: Any, weights: Any) -> Any:
    y = nnf.layer_norm(nnf.gelu(p["x"], approximate=True), p["s"], p["b"])
    return xp.mean(xp.sum(nnf.softmax(y) * weights, axis=-1))


def curved(x: Any, a: Any) -> Any:
    return xp.sum(xp.tanh(a @ x) ** 2) + xp.sum(x * x) * xp.sum(x)


def chain(x: Any, operations: int) -> Any:
    for _ in range(operations // 4):
        x = x + xp.tanh(xp.sin(x) * 0.1)
    return x


LOSSES = {"mlp": mlp, "cnn": cnn, "residual": residual, "lstm": lstm, "gpt": gpt}


def jobs(wrap: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Return the jobs whose functions went through `wrap`; parameters and moments are donated where it can."""

    def training(name: str) -> Callable[..., Any]:
        def prepare(**sizes: Any) -> Callable[[], float]:
            params, data, options = PROBLEMS[name](**sizes)
            optimizer = fn.optim.adam(LEARNING_RATE)
            state = optimizer.init(params)

            def step(params: Any, state: Any, *data: Any) -> Any:
                value, grads = fn.value_and_grad(lambda p: LOSSES[name](p, *data, **options))(params)
                updates, state = optimizer.update(grads, state, params)
                return value, fn.optim.apply_updates(params, updates), state

            step = wrap(step, donate=(0, 1))

            def run() -> float:
                nonlocal params, state
                value, params, state = step(params, state, *data)
                return float(value)

            run.step = step  # type: ignore[attr-defined]  # for a look at the plan
            return run

        return prepare

    def adam(size: int) -> Callable[[], float]:
        params, (g,), _ = PROBLEMS["adam"](size)
        optimizer = fn.optim.adam(LEARNING_RATE)
        state = optimizer.init(params)

        def update(params: Any, state: Any, g: Any) -> Any:
            updates, state = optimizer.update({"w": g}, state, params)
            return fn.optim.apply_updates(params, updates), state

        update = wrap(update, donate=(0, 1))

        def run() -> float:
            nonlocal params, state
            params, state = update(params, state, g)
            return float(params["w"][0])

        return _checked(run, lambda: params, update)

    def elementwise_gradient(rows: int, columns: int) -> Callable[[], float]:
        params, (weights,), _ = PROBLEMS["elementwise"](rows, columns)
        gradient = wrap(fn.value_and_grad(elementwise))
        out: Any = None

        def run() -> float:
            nonlocal out
            out = None
            value, out = gradient(params, weights)
            return float(value)

        return _checked(run, lambda: out, gradient)

    def per_example(widths: list[int], batch: int) -> Callable[[], float]:
        params, (x, labels), options = PROBLEMS["per-example"](widths, batch)
        one = fn.grad(lambda p, x, label: mlp(p, x[None, :], label[None], **options))
        gradients = wrap(fn.vmap(one, in_axes=(None, 0, 0)))
        last = f"b{options['depth'] - 1}"
        out: Any = None

        def run() -> float:
            nonlocal out
            out = None
            out = gradients(params, x, labels)
            return float(out[last][0, 0])

        return _checked(run, lambda: out, gradients)

    def loop_of_examples(widths: list[int], batch: int) -> Callable[[], float]:
        params, (x, labels), options = PROBLEMS["per-example"](widths, batch)
        one = wrap(fn.grad(lambda p, x, label: mlp(p, x[None, :], label[None], **options)))
        last = f"b{options['depth'] - 1}"
        out: Any = None

        def run() -> float:
            nonlocal out
            out = None
            out = tree.map(lambda *leaves: np.stack(leaves), *[one(params, x[i], labels[i]) for i in range(batch)])
            return float(out[last][0, 0])

        return _checked(run, lambda: out, one)

    def batched_gradient(widths: list[int], batch: int) -> Callable[[], float]:
        params, (x, labels), options = PROBLEMS["per-example"](widths, batch)
        gradient = wrap(fn.grad(lambda p: mlp(p, x, labels, **options)))
        last = f"b{options['depth'] - 1}"
        out: Any = None

        def run() -> float:
            nonlocal out
            out = gradient(params)
            return float(out[last][0])

        return _checked(run, lambda: out, gradient)

    def hessian(size: int) -> Callable[[], float]:
        params, (a,), _ = PROBLEMS["hessian"](size)
        curvature = wrap(fn.hessian(curved))
        out: Any = None

        def run() -> float:
            nonlocal out
            out = curvature(params["x"], a)
            return float(out[0, 0])

        return _checked(run, lambda: out, curvature)

    def scalar(operations: int) -> Callable[[], float]:
        params, _, options = PROBLEMS["scalar"](operations)
        gradient = wrap(fn.value_and_grad(lambda x: chain(x, **options)))
        out: Any = None

        def run() -> float:
            nonlocal out
            value, out = gradient(params["x"])
            return float(value)

        return _checked(run, lambda: out, gradient)

    def leaves(count: int) -> Callable[[], float]:
        arrays = {str(i): np.ones(8, np.float32) for i in range(count)}
        shifted = wrap(lambda arrays: tree.map(lambda a: a + np.float32(1), arrays))

        def run() -> float:
            shifted(arrays)
            return 0.0

        run.step, run.arrays = shifted, list(arrays.values())  # type: ignore[attr-defined]
        return run

    return {
        **{f"step {name}": training(name) for name in LOSSES},
        "step elementwise": elementwise_gradient,
        "step adam": adam,
        "step per-example": per_example,
        "loop of examples": loop_of_examples,
        "batched gradient": batched_gradient,
        "step hessian": hessian,
        "step scalar": scalar,
        "leaves": leaves,
    }


def _checked(run: Any, out: Callable[[], Any], step: Any) -> Callable[[], float]:
    run.check = lambda: float(sum(np.abs(a).sum(dtype=np.float64) for a in tree.leaves(out())))
    run.step = step
    return run
