"""The work in HIPS autograd. It has no fast convolution, so one product of shifted images takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import autograd
import autograd.numpy as anp
import numpy as np

from benchmarks.peers.libraries.problems import LEARNING_RATE
from benchmarks.peers.steps.problems import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOSSES", "jobs"]

# Single precision survives only with constants of that precision.
_F = np.float32


def _relu(x: Any) -> Any:
    return x * (x > 0)  # which it runs faster than np.maximum(x, 0)


def _cross_entropy(logits: Any, labels: Any) -> Any:
    one_hot = np.eye(logits.shape[-1], dtype=np.float32)[labels]
    shifted = logits - anp.max(logits, axis=-1, keepdims=True)
    total = anp.log(anp.sum(anp.exp(shifted), axis=-1))
    return anp.mean(total - anp.sum(shifted * one_hot, axis=-1))


def mlp(p: Any, x: Any, labels: Any, *, depth: int) -> Any:
    for i in range(depth - 1):
        x = _relu(anp.dot(x, p[f"w{i}"]) + p[f"b{i}"])
    return _cross_entropy(anp.dot(x, p[f"w{depth - 1}"]) + p[f"b{depth - 1}"], labels)


def _conv(x: Any, kernel: Any) -> Any:
    height, width, n_in, n_out = kernel.shape
    top, left = (height - 1) // 2, (width - 1) // 2
    padded = anp.pad(x, ((0, 0), (top, height - 1 - top), (left, width - 1 - left), (0, 0)), "constant")
    rows, columns = x.shape[1:3]
    shifts = [padded[:, i : i + rows, j : j + columns, :] for i in range(height) for j in range(width)]
    return anp.dot(anp.concatenate(shifts, axis=-1), anp.reshape(kernel, (height * width * n_in, n_out)))


def cnn(p: Any, x: Any, labels: Any) -> Any:
    for i in range(2):
        x = _relu(_conv(x, p[f"k{i}"]) + p[f"b{i}"])
        # A maximum of four: its derivative along two axes at once is slower.
        x = anp.maximum(anp.maximum(x[:, ::2, ::2], x[:, 1::2, ::2]), anp.maximum(x[:, ::2, 1::2], x[:, 1::2, 1::2]))
    return _cross_entropy(anp.dot(anp.reshape(x, (x.shape[0], -1)), p["w2"]) + p["b2"], labels)


def residual(p: Any, x: Any, labels: Any) -> Any:
    y = x
    for i in range(2):
        y = _conv(y, p[f"k{i}"])
        d = y - anp.mean(y, axis=(0, 1, 2))
        y = d / anp.sqrt(anp.mean(d * d, axis=(0, 1, 2)) + _F(1e-5)) * p[f"s{i}"] + p[f"b{i}"]
        y = _relu(y + x if i else y)
    return _cross_entropy(anp.dot(anp.mean(y, axis=(1, 2)), p["w2"]) + p["b2"], labels)


def _sigmoid(x: Any) -> Any:
    return _F(0.5) * (anp.tanh(_F(0.5) * x) + _F(1))


def lstm(p: Any, x: Any, labels: Any) -> Any:
    hidden = p["wh"].shape[0]
    h = c = np.zeros((x.shape[1], hidden), np.float32)
    projected = anp.dot(x, p["wx"]) + p["b"]
    for t in range(x.shape[0]):
        i, f, g, o = anp.split(projected[t] + anp.dot(h, p["wh"]), 4, axis=-1)
        c = _sigmoid(f) * c + _sigmoid(i) * anp.tanh(g)
        h = _sigmoid(o) * anp.tanh(c)
    return _cross_entropy(anp.dot(h, p["wo"]) + p["bo"], labels)


def _layer_norm(x: Any, scale: Any, bias: Any) -> Any:
    d = x - anp.mean(x, axis=-1, keepdims=True)
    return d / anp.sqrt(anp.mean(d * d, axis=-1, keepdims=True) + _F(1e-5)) * scale + bias


def _gelu(x: Any) -> Any:
    return x * _F(0.5) * (_F(1) + anp.tanh(_F((2 / np.pi) ** 0.5) * (x + _F(0.044715) * x * x * x)))


def _softmax(x: Any) -> Any:
    e = anp.exp(x - anp.max(x, axis=-1, keepdims=True))
    return e / anp.sum(e, axis=-1, keepdims=True)


def gpt(p: Any, tokens: Any, following: Any, *, layers: int, heads: int) -> Any:
    batch, length = tokens.shape
    width = p["positions"].shape[1]
    each = width // heads
    mask = np.where(np.tril(np.ones((length, length), bool)), _F(0), _F(-1e9))
    x = p["tokens"][tokens] + p["positions"]
    for i in range(layers):
        h = anp.dot(_layer_norm(x, p[f"s{i}a"], p[f"b{i}a"]), p[f"qkv{i}"])
        h = anp.transpose(anp.reshape(h, (batch, length, 3, heads, each)), (2, 0, 3, 1, 4))
        weights = _softmax(anp.matmul(h[0], anp.swapaxes(h[1], -1, -2)) * _F(each**-0.5) + mask)
        h = anp.reshape(anp.transpose(anp.matmul(weights, h[2]), (0, 2, 1, 3)), (batch, length, width))
        x = x + anp.dot(h, p[f"o{i}"])
        h = _gelu(anp.dot(_layer_norm(x, p[f"s{i}m"], p[f"b{i}m"]), p[f"up{i}"]) + p[f"ub{i}"])
        x = x + (anp.dot(h, p[f"down{i}"]) + p[f"db{i}"])
    return _cross_entropy(anp.dot(_layer_norm(x, p["s"], p["b"]), anp.transpose(p["tokens"])), following)


def elementwise(p: Any, weights: Any) -> Any:
    y = _layer_norm(_gelu(p["x"]), p["s"], p["b"])
    return anp.mean(anp.sum(_softmax(y) * weights, axis=-1))


def curved(x: Any, a: Any) -> Any:
    return anp.sum(anp.tanh(anp.dot(a, x)) ** 2) + anp.sum(x * x) * anp.sum(x)


def chain(x: Any, operations: int) -> Any:
    for _ in range(operations // 4):
        x = x + anp.tanh(anp.sin(x) * _F(0.1))
    return x


LOSSES = {"mlp": mlp, "cnn": cnn, "residual": residual, "lstm": lstm, "gpt": gpt}


class _Adam:
    """Adam in place, in NumPy."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.means = {k: np.zeros_like(p) for k, p in params.items()}
        self.squares = {k: np.zeros_like(p) for k, p in params.items()}
        self.count = 0

    def update(self, grads: dict[str, Any]) -> None:
        self.count += 1
        rate = LEARNING_RATE / (1.0 - 0.9**self.count)
        root = 1.0 / (1.0 - 0.999**self.count) ** 0.5
        for k, p in self.params.items():
            g, m, v = grads[k], self.means[k], self.squares[k]
            m *= 0.9
            m += 0.1 * g
            v *= 0.999
            v += 0.001 * (g * g)
            g = np.sqrt(v)
            g *= root
            g += 1e-8
            np.divide(m, g, out=g)
            g *= rate
            p -= g


def jobs() -> dict[str, Callable[..., Any]]:
    """Return the jobs."""

    def training(name: str) -> Callable[..., Any]:
        def prepare(**sizes: Any) -> Callable[[], float]:
            params, data, options = PROBLEMS[name](**sizes)
            gradient = autograd.value_and_grad(lambda p: LOSSES[name](p, *data, **options))
            optimizer = _Adam(params)

            def run() -> float:
                value, grads = gradient(params)
                optimizer.update(grads)
                return float(value)

            return run

        return prepare

    def adam(size: int) -> Callable[[], float]:
        params, (g,), _ = PROBLEMS["adam"](size)
        optimizer = _Adam(params)

        def run() -> float:
            optimizer.update({"w": g})
            return float(params["w"][0])

        return _checked(run, lambda: params)

    def elementwise_gradient(rows: int, columns: int) -> Callable[[], float]:
        params, (weights,), _ = PROBLEMS["elementwise"](rows, columns)
        gradient = autograd.value_and_grad(lambda p: elementwise(p, weights))
        out: Any = None

        def run() -> float:
            nonlocal out
            out = None
            value, out = gradient(params)
            return float(value)

        return _checked(run, lambda: out)

    def per_example(widths: list[int], batch: int) -> Callable[[], float]:
        params, (x, labels), options = PROBLEMS["per-example"](widths, batch)
        one = autograd.grad(lambda p, i: mlp(p, x[i : i + 1], labels[i : i + 1], **options))
        last = f"b{options['depth'] - 1}"
        out: Any = None

        def run() -> float:
            nonlocal out
            out = None
            found = [one(params, i) for i in range(batch)]
            out = {k: np.stack([g[k] for g in found]) for k in params}
            return float(out[last][0, 0])

        return _checked(run, lambda: out)

    def hessian(size: int) -> Callable[[], float]:
        params, (a,), _ = PROBLEMS["hessian"](size)
        curvature = autograd.hessian(curved)
        out: Any = None

        def run() -> float:
            nonlocal out
            out = {"x": curvature(params["x"], a)}
            return float(out["x"][0, 0])

        return _checked(run, lambda: out)

    def scalar(operations: int) -> Callable[[], float]:
        params, _, options = PROBLEMS["scalar"](operations)
        gradient = autograd.value_and_grad(lambda x: chain(x, **options))
        out: Any = None

        def run() -> float:
            nonlocal out
            value, g = gradient(params["x"])
            out = {"x": g}
            return float(value)

        return _checked(run, lambda: out)

    return {
        **{f"step {name}": training(name) for name in LOSSES},
        "step elementwise": elementwise_gradient,
        "step adam": adam,
        "step per-example": per_example,
        "step hessian": hessian,
        "step scalar": scalar,
    }


def _checked(run: Any, out: Callable[[], Any]) -> Callable[[], float]:
    run.check = lambda: float(sum(np.abs(a).sum(dtype=np.float64) for a in out().values()))
    return run
