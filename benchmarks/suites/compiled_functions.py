"""Single functions that are compiled: what a loop over elements, a sum of all, and elements that are moved take."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import xp
from funcnet.compiler.execute import finish_compiling
from funcnet.nn import functional as nnf

FUNCTIONS: dict[str, Any] = {
    "exp": xp.exp,
    "log": lambda x: xp.log(xp.abs(x)),
    "tanh": xp.tanh,
    "gelu": nnf.gelu,
    "asin": lambda x: xp.asin(xp.clip(x, -1.0, 1.0)),
    "sinh": xp.sinh,
    "erfc": xp.special.erfc,
    "norm": xp.linalg.vector_norm,
    "var": xp.var,
    "flip": lambda x: xp.flip(x, axis=1),
    "repeat": lambda x: xp.repeat(x, 2, axis=1),
    "8 largest": lambda x: xp.sort(x, axis=1)[:, -8:],
    "low frequencies": lambda x: xp.fft.irfft(xp.fft.rfft(x, axis=1)[:, :20], n=100, axis=1),
    "power of -1.5": lambda x: xp.abs(x) ** -1.5,
    "every second": lambda x: x[:, ::2],
}


class CompiledFunctions:
    """A function of a matrix in single precision, alone and with the derivative of the sum of its results."""

    params = (tuple(FUNCTIONS), (1_000, 100_000, 1_000_000), ("value", "derivative"))
    param_names = ("function", "size", "what")

    def setup(self, function: str, size: int, what: str) -> None:
        f = FUNCTIONS[function]
        self.x = np.random.default_rng(0).standard_normal((size // 100, 100), dtype=np.float32)
        self.f = fn.jit(f if what == "value" else fn.value_and_grad(lambda x: xp.sum(f(x))))
        for _ in range(3):
            self.f(self.x)
            finish_compiling()

    def time_call(self, *_: Any) -> None:
        self.f(self.x)
