"""Compiled functions: whole steps at full speed, what a call costs, and what compiling costs."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import nn, optim, xp
from funcnet.compiler.execute import finish_compiling

from .common import classifier

_WIDTHS = {"small": (784, 128, 64, 10), "large": (784, 2_048, 2_048, 10)}


def _compiled(f: Any, *args: Any) -> Any:
    """Call a compiled function until its loops are ready."""
    for _ in range(3):
        f(*args)
        finish_compiling()
    return f


class Step:
    """Loss, gradients and Adam of a multi-layer perceptron."""

    params = (("small", "large"),)
    param_names = ("size",)
    timeout = 300

    def setup(self, size: str) -> None:
        loss, self.parameters, self.x, self.labels = classifier("numpy", _WIDTHS[size], 128)
        optimizer = optim.adam(1e-3)
        self.state = optimizer.init(self.parameters)

        @fn.jit
        def step(parameters: Any, state: Any, x: Any, labels: Any) -> Any:
            value, grads = fn.value_and_grad(loss)(parameters, x, labels)
            updates, state = optimizer.update(grads, state, parameters)
            return value, optim.apply_updates(parameters, updates), state

        self.step = step
        for _ in range(4):
            self.time_step()
            finish_compiling()

    def time_step(self, *_: Any) -> None:
        value, self.parameters, self.state = self.step(self.parameters, self.state, self.x, self.labels)
        float(value)

    def peakmem_step(self, *_: Any) -> None:
        self.time_step()


class Gradient:
    """Value and gradient of other kinds of work, compiled."""

    params = (("convolutions", "recurrence", "norms", "scalar"),)
    param_names = ("work",)
    timeout = 300

    def setup(self, work: str) -> None:
        rng = np.random.default_rng(0)

        def normal(*shape: int) -> Any:
            return rng.standard_normal(shape, dtype=np.float32) * np.float32(0.1)

        f, self.arguments = {
            "convolutions": lambda: (_convolutions, ((normal(3, 3, 1, 8), normal(3, 3, 8, 16)), normal(32, 28, 28, 1))),
            "recurrence": lambda: (_recurrence, ((normal(64, 128), normal(64, 128)), normal(64, 32, 64))),
            "norms": lambda: (_norms, (normal(1_000, 1_000), normal(1_000))),
            "scalar": lambda: (_scalar, (np.asarray(0.5, np.float32),)),
        }[work]()
        self.gradient = _compiled(fn.jit(fn.value_and_grad(f)), *self.arguments)

    def time_gradient(self, *_: Any) -> None:
        self.gradient(*self.arguments)


def _convolutions(kernels: Any, x: Any) -> Any:
    for kernel in kernels:
        x = nn.functional.max_pool(nn.functional.relu(nn.functional.conv(x, kernel, padding="same")), 2)
    return xp.mean(x * x)


def _recurrence(kernels: Any, x: Any) -> Any:
    inputs, recurrent = kernels

    def cell(h: Any, projected: Any) -> Any:
        z = projected + h @ recurrent
        return h + nn.functional.sigmoid(z[:, 64:]) * (xp.tanh(z[:, :64]) - h), None

    h, _ = fn.scan(cell, xp.zeros((x.shape[1], 64), dtype=xp.float32), x @ inputs)
    return xp.mean(h * h)


def _norms(x: Any, weights: Any) -> Any:
    y = nn.functional.layer_norm(nn.functional.gelu(x, approximate=True))
    return xp.mean(nn.functional.softmax(y) * weights)


def _scalar(x: Any) -> Any:
    for _ in range(50):
        x = x + xp.tanh(xp.sin(x) * 0.1)
    return x


class Call:
    """A compiled function of ten small arrays: what is left is the call itself."""

    def setup(self) -> None:
        self.arrays = {str(i): np.ones(8, np.float32) for i in range(10)}
        self.shift = _compiled(fn.jit(lambda arrays: {k: a + 1.0 for k, a in arrays.items()}), self.arrays)

    def time_call(self) -> None:
        self.shift(self.arrays)


class Compile:
    """The first call of a chain of operations: capture, passes, plain plan."""

    params = ((1_000, 10_000),)
    param_names = ("equations",)

    def setup(self, equations: int) -> None:
        self.x = np.linspace(0.0, 1.0, 16)
        self.length = equations // 2

    def time_capture(self, *_: Any) -> None:
        fn.trace(self._chain, self.x)

    def time_first_call(self, *_: Any) -> None:
        fn.jit(self._chain)(self.x)

    def _chain(self, x: Any) -> Any:
        for _ in range(self.length):
            x = xp.sin(x) * 1.1
        return x
