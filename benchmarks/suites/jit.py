"""Compiled functions: what a call costs, and what compiling costs; whole steps are in `compiled_steps`."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import optim, xp
from funcnet.compiler.execute import finish_compiling


def _compiled(f: Any, *args: Any) -> Any:
    """Call a compiled function until its loops are ready."""
    for _ in range(3):
        f(*args)
        finish_compiling()
    return f


class Call:
    """A compiled function of ten small arrays: what is left is the call itself."""

    def setup(self) -> None:
        self.arrays = {str(i): np.ones(8, np.float32) for i in range(10)}
        self.shift = _compiled(fn.jit(lambda arrays: {k: a + 1.0 for k, a in arrays.items()}), self.arrays)

    def time_call(self) -> None:
        self.shift(self.arrays)


class DonatedCall:
    """Updates whose parameters and state are donated: memory changes hands in the call, arrays are updated in place.

    Of ten small arrays the call itself takes most of the time, of a million numbers the memory does.
    """

    params = ((8, 100_000),)
    param_names = ("length",)

    def setup(self, length: int) -> None:
        self.parameters = {str(i): np.ones(length, np.float32) for i in range(10)}
        optimizer = optim.adam(1e-3)
        self.state = optimizer.init(self.parameters)
        self.grads = {k: np.full(length, 0.5, np.float32) for k in self.parameters}

        def update(parameters: Any, state: Any, grads: Any) -> Any:
            updates, state = optimizer.update(grads, state, parameters)
            return optim.apply_updates(parameters, updates), state

        self.update = fn.jit(update, donate=(0, 1))
        for _ in range(3):
            self.time_call()
            finish_compiling()

    def time_call(self, *_: Any) -> None:
        self.parameters, self.state = self.update(self.parameters, self.state, self.grads)


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
