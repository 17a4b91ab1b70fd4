"""The arrays of each kind of work, in single precision, so that every library computes the same numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

__all__ = ["PROBLEMS", "Problem"]


class Problem(NamedTuple):
    """Parameters by name, data that stay the same from step to step, and what is no array."""

    params: dict[str, Any]
    data: tuple[Any, ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012  # never written to


class _Draws:
    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def weights(self, *shape: int) -> Any:
        """Return a kernel whose products keep the variance of their inputs; all axes but the last are inputs."""
        a = self.rng.standard_normal(shape, dtype=np.float32)
        a *= np.float32(np.prod(shape[:-1]) ** -0.5)
        return a

    def inputs(self, *shape: int) -> Any:
        return self.rng.standard_normal(shape, dtype=np.float32)

    def labels(self, count: int, *shape: int) -> Any:
        return self.rng.integers(0, count, shape)


def _zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def _ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def _layers(draw: _Draws, widths: list[int]) -> dict[str, Any]:
    params = {}
    for i, (n, m) in enumerate(pairwise(widths)):
        params[f"w{i}"], params[f"b{i}"] = draw.weights(n, m), _zeros(m)
    return params


def mlp(widths: list[int], batch: int) -> Problem:
    """A classifier of dense layers with rectifiers."""
    draw = _Draws()
    params = _layers(draw, widths)
    return Problem(params, (draw.inputs(batch, widths[0]), draw.labels(widths[-1], batch)), {"depth": len(widths) - 1})


def cnn(batch: int, size: int, channels: list[int], kernel: int) -> Problem:
    """Convolution, rectifier, pooling, twice, and a dense layer; channels last."""
    draw = _Draws()
    first, second = channels
    side = size // 4
    params = {
        "k0": draw.weights(kernel, kernel, 1, first),
        "b0": _zeros(first),
        "k1": draw.weights(kernel, kernel, first, second),
        "b1": _zeros(second),
        "w2": draw.weights(side * side * second, 10),
        "b2": _zeros(10),
    }
    return Problem(params, (draw.inputs(batch, size, size, 1), draw.labels(10, batch)))


def residual(batch: int, size: int, channels: int) -> Problem:
    """Two convolutions with batch norm around which the input is added, and a classifier of the mean."""
    draw = _Draws()
    params: dict[str, Any] = {}
    for i in range(2):
        params[f"k{i}"] = draw.weights(3, 3, channels, channels)
        params[f"s{i}"], params[f"b{i}"] = _ones(channels), _zeros(channels)
    params["w2"], params["b2"] = draw.weights(channels, 10), _zeros(10)
    return Problem(params, (draw.inputs(batch, size, size, channels), draw.labels(10, batch)))


def lstm(batch: int, steps: int, width: int, hidden: int) -> Problem:
    """A long short-term memory, the sequence first, and a classifier of its last state."""
    draw = _Draws()
    params = {
        "wx": draw.weights(width, 4 * hidden),
        "wh": draw.weights(hidden, 4 * hidden),
        "b": _zeros(4 * hidden),
        "wo": draw.weights(hidden, 10),
        "bo": _zeros(10),
    }
    return Problem(params, (draw.inputs(steps, batch, width), draw.labels(10, batch)))


def gpt(layers: int, batch: int, length: int, width: int, heads: int, vocabulary: int) -> Problem:
    """A transformer that predicts the next token: norms before the blocks, tied embeddings."""
    draw = _Draws()
    params = {
        "tokens": draw.inputs(vocabulary, width) * np.float32(0.02),
        "positions": draw.inputs(length, width) * np.float32(0.02),
        "s": _ones(width),
        "b": _zeros(width),
    }
    for i in range(layers):
        params |= {
            f"s{i}a": _ones(width),
            f"b{i}a": _zeros(width),
            f"qkv{i}": draw.weights(width, 3 * width),
            f"o{i}": draw.weights(width, width),
            f"s{i}m": _ones(width),
            f"b{i}m": _zeros(width),
            f"up{i}": draw.weights(width, 4 * width),
            f"ub{i}": _zeros(4 * width),
            f"down{i}": draw.weights(4 * width, width),
            f"db{i}": _zeros(width),
        }
    tokens = draw.labels(vocabulary, batch, length + 1)
    data = np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:])
    return Problem(params, data, {"layers": layers, "heads": heads})


def elementwise(rows: int, columns: int) -> Problem:
    """An array on which a GELU, a layer norm and a softmax follow each other."""
    draw = _Draws()
    params = {"x": draw.inputs(rows, columns), "s": _ones(columns), "b": _zeros(columns)}
    return Problem(params, (draw.inputs(columns),))


def adam(size: int) -> Problem:
    """Parameters and their gradient."""
    draw = _Draws()
    return Problem({"w": draw.inputs(size)}, (draw.inputs(size),))


def per_example(widths: list[int], batch: int) -> Problem:
    """The classifier of `mlp`, for a gradient of each example."""
    return mlp(widths, batch)


def hessian(size: int) -> Problem:
    """A point, and the matrix of a function of all its coordinates."""
    draw = _Draws()
    return Problem({"x": draw.inputs(size)}, (draw.weights(size, size),))


def scalar(operations: int) -> Problem:
    """One number."""
    return Problem({"x": np.float32(0.5).reshape(())}, (), {"operations": operations})


#: Job -> what makes its arrays.
PROBLEMS = {
    "mlp": mlp,
    "cnn": cnn,
    "residual": residual,
    "lstm": lstm,
    "gpt": gpt,
    "elementwise": elementwise,
    "adam": adam,
    "per-example": per_example,
    "hessian": hessian,
    "scalar": scalar,
}
