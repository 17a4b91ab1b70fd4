"""Steps that are parts of neural networks: convolutions, pools, norms, activations, losses, whole layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import losses, nn, random, tree
from funcnet.nn import functional
from funcnet.testing.families.operation import GAP, MATRIX, Operation, an_axis

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LAYERS", "fitted"]

_IMAGES = (3, 4)
_SPREAD = 0.02


def fitted(xp: Any, x: Any, shape: tuple[int, ...]) -> Any:
    """Return the elements of an array, again and again, in another shape."""
    positions = np.arange(int(np.prod(shape))) % int(np.prod(x.shape))
    return xp.reshape(xp.reshape(x, (-1,))[positions], shape)


def _apart(x: Any, *points: float) -> bool:
    return all(bool(np.all(np.abs(np.asarray(x) - p) > GAP)) for p in points)


def _untied(x: Any, *_: Any) -> bool:
    values = np.unique(x)
    return values.size == x.size and (values.size == 1 or bool(np.min(np.diff(values)) > GAP))


def _convolution(rng: np.random.Generator, x: np.ndarray, *_: np.ndarray) -> tuple[Any, ...] | None:
    if x.ndim not in _IMAGES:
        return None
    channels = x.shape[-1]
    groups = channels if rng.random() < 0.2 else 1  # evenly enough
    size = tuple(int(rng.integers(1, 4)) for _ in x.shape[1:-1])
    return (
        (*size, channels // groups, groups * int(rng.integers(1, 3))),
        int(rng.integers(1, 3)),
        ("SAME", "VALID")[int(rng.integers(2))] if min(x.shape[1:-1]) >= max(size) else "SAME",
        groups,
    )


def _conv(xp: Any, x: Any, w: Any, shape: tuple[int, ...], stride: int, padding: str, groups: int) -> Any:
    kernel = fitted(xp, w, shape)
    return functional.conv(x, kernel, fitted(xp, w, shape[-1:]), stride=stride, padding=padding, groups=groups)


def _dilated(xp: Any, x: Any, w: Any, shape: tuple[int, ...], stride: int, padding: str, groups: int) -> Any:
    del padding
    return functional.conv(x, fitted(xp, w, shape), padding="SAME", dilation=1 + stride % 2, groups=groups)


def _transposed(xp: Any, x: Any, w: Any, shape: tuple[int, ...], stride: int, padding: str, groups: int) -> Any:
    del groups
    kernel = fitted(xp, w, (*shape[:-2], 2, x.shape[-1]))
    return functional.conv_transpose(x, kernel, stride=stride, padding=padding)


def _window(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if x.ndim not in _IMAGES or min(x.shape[1:-1]) < MATRIX:
        return None
    return 2, int(rng.integers(1, 3)), ("SAME", "VALID")[int(rng.integers(2))]


def _varied(x: Any, axis: int) -> bool:
    return bool(np.all(np.std(x, axis=axis) > _SPREAD))


def _rows(rng: np.random.Generator, x: np.ndarray, *_: np.ndarray) -> tuple[Any, ...] | None:
    del rng
    return () if x.ndim >= MATRIX and x.shape[-1] >= MATRIX else None


def _norm(f: Callable[..., Any]) -> Operation:
    def run(xp: Any, x: Any, w: Any) -> Any:
        return f(x, fitted(xp, w, x.shape[-1:]))

    return Operation(2, run, _rows, lambda x, w: _varied(x, -1))  # noqa: ARG005  # one signature


def _batch_norm(xp: Any, x: Any, w: Any) -> Any:
    y, mean, var = functional.batch_norm(x, fitted(xp, w, x.shape[-1:]), fitted(xp, w * 0.5, x.shape[-1:]))
    return y + mean * var


def _layer(make: Callable[[int], Any], ndim: int) -> Operation:
    """Return a step that applies a layer, whose parameters depend on the second operand."""

    def run(xp: Any, x: Any, w: Any) -> Any:
        layer = make(x.shape[-1])
        params, state = layer.init(random.key(3), x.shape)
        scale = 1.0 + 0.1 * xp.mean(xp.sin(w))
        params = tree.map(lambda p: xp.astype(xp.asarray(p), x.dtype) * scale, params)
        return tree.leaves(layer.apply(params, state, x)[0])[0]

    def draw(rng: np.random.Generator, x: np.ndarray, *_: np.ndarray) -> tuple[Any, ...] | None:
        del rng
        return () if x.ndim == ndim and x.shape[-1] % 2 == 0 else None  # heads share the features

    return Operation(2, run, draw)


def _classes(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if x.ndim != MATRIX or x.shape[-1] < MATRIX:
        return None
    return (tuple(int(i) for i in rng.integers(0, x.shape[-1], x.shape[0])),)


def _same(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    del rng
    return () if a.shape == b.shape and a.ndim else None


def _attended(xp: Any, q: Any, k: Any, causal: bool) -> Any:
    return functional.scaled_dot_product_attention(q, k, xp.sin(k), causal=causal)


def _sequences(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    return (bool(rng.random() < 0.5),) if a.ndim == b.ndim == 4 and a.shape == b.shape else None  # evenly


def _activation(name: str, *kinks: float, **options: Any) -> Operation:
    f = getattr(functional, name)
    return Operation(1, lambda xp, x: f(x, **options), smooth=lambda x: _apart(x, *kinks))  # noqa: ARG005


LAYERS: dict[str, Operation] = {
    "conv": Operation(2, _conv, _convolution),
    "dilated_conv": Operation(2, _dilated, _convolution),
    "conv_transpose": Operation(2, _transposed, _convolution),
    "max_pool": Operation(
        1,
        lambda xp, x, n, stride, padding: functional.max_pool(x, n, stride=stride, padding=padding),  # noqa: ARG005
        _window,
        _untied,
    ),
    "avg_pool": Operation(
        1,
        lambda xp, x, n, stride, padding: functional.avg_pool(x, n, stride=stride, padding=padding),  # noqa: ARG005
        _window,
    ),
    "global_avg_pool": Operation(
        1,
        lambda xp, x: functional.global_avg_pool(x),  # noqa: ARG005
        lambda rng, x: () if x.ndim in _IMAGES else None,  # noqa: ARG005
    ),
    "softmax": Operation(1, lambda xp, x, axis: functional.softmax(x, axis=axis), an_axis),  # noqa: ARG005
    "log_softmax": Operation(1, lambda xp, x, axis: functional.log_softmax(x, axis=axis), an_axis),  # noqa: ARG005
    "logsumexp": Operation(1, lambda xp, x, axis: xp.logsumexp(x, axis=axis), an_axis),
    "layer_norm": _norm(functional.layer_norm),
    "rms_norm": _norm(functional.rms_norm),
    "batch_norm": Operation(2, _batch_norm, _rows, lambda x, w: _varied(x, tuple(range(x.ndim - 1)))),  # type: ignore[arg-type]  # noqa: ARG005
    "affine": Operation(
        2, lambda xp, x, w: functional.affine(x, fitted(xp, w, (x.shape[-1], 3)), fitted(xp, w, (3,))), _rows
    ),
    "attention": Operation(2, _attended, _sequences),
    "gelu": _activation("gelu"),
    "gelu_by_tanh": _activation("gelu", approximate=True),
    "silu": _activation("silu"),
    "sigmoid": _activation("sigmoid"),
    "softplus": _activation("softplus"),
    "mish": _activation("mish"),
    "relu": _activation("relu", 0.0),
    "relu6": _activation("relu6", 0.0, 6.0),
    "leaky_relu": _activation("leaky_relu", 0.0),
    "elu": _activation("elu", 0.0),
    "selu": _activation("selu", 0.0),
    "hard_swish": _activation("hard_swish", -3.0, 3.0),
    "hard_sigmoid": _activation("hard_sigmoid", -3.0, 3.0),
    "log_sigmoid": _activation("log_sigmoid"),
    "softmax_cross_entropy": Operation(
        1, lambda xp, x, labels: losses.softmax_cross_entropy(x, xp.asarray(list(labels))), _classes
    ),
    "sigmoid_cross_entropy": Operation(
        2,
        lambda xp, x, y: losses.sigmoid_cross_entropy(x, functional.sigmoid(y), reduction="none"),  # noqa: ARG005
        _same,
    ),
    "mse": Operation(2, lambda xp, x, y: losses.mse(x, y), _same),  # noqa: ARG005
    "huber": Operation(
        2,
        lambda xp, x, y: losses.huber(x, y, reduction="none"),  # noqa: ARG005
        _same,
        lambda x, y: _apart(np.abs(x - y), 1.0),
    ),
    "log_cosh": Operation(2, lambda xp, x, y: losses.log_cosh(x, y), _same),  # noqa: ARG005
    "dense": _layer(lambda n: nn.dense(n + 1), 2),
    "lstm": _layer(lambda n: nn.lstm(n), 3),
    "gru": _layer(lambda n: nn.gru(n), 3),
    "multi_head_attention": _layer(lambda n: nn.multi_head_attention(2), 3),  # noqa: ARG005
    "transformer": _layer(lambda n: nn.transformer_encoder_block(2, hidden=n), 3),
}
