"""Products and the loops that take their rows, as one step of a compiled plan or one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet.compiler.execute import finish_compiling
from funcnet.compiler.fusion import following
from funcnet.nn import functional as nnf

_LEAST = following._LEAST
#: What follows a product, of its result, an array like it, and a row.
_ENDS: dict[str, Any] = {
    "rectifier": lambda c, _, b: nnf.relu(c + b),
    "gelu": lambda c, _, b: nnf.gelu(c + b),
    "layer norm of a residual": lambda c, r, b: nnf.layer_norm(c + r, b, b),
    "softmax": lambda c, *_: nnf.softmax(c),
    "product": lambda c, r, _: c * r,
}
_SHAPES = ("1024 x 256 x 1024", "4096 x 256 x 256", "16384 x 128 x 128")


class FollowedProducts:
    """The activation, residual or norm after a product of rows, terms and columns."""

    params = (("apart", "followed"), _SHAPES, tuple(_ENDS))
    param_names = ("steps", "shape", "end")

    def setup(self, steps: str, shape: str, end: str) -> None:
        m, k, n = map(int, shape.split(" x "))
        rng = np.random.default_rng(0)
        self.arrays = [rng.standard_normal(s, dtype=np.float32) for s in ((m, k), (k, n), (m, n), n)]
        # As weights are: the results have about the size of the arguments.
        self.arrays[1] *= np.float32(k**-0.5)
        self.run = _prepared(fn.jit(lambda x, w, r, b: _ENDS[end](x @ w, r, b)), steps, lambda f: f(*self.arrays))

    def time_step(self, *_: Any) -> None:
        self.run(*self.arrays)


class FollowedUpdates:
    """Adam after the gradient of a weight, of rows, examples and columns."""

    params = (("apart", "followed"), ("2048 x 128 x 2048", "1024 x 256 x 1024", "2048 x 64 x 512"))
    param_names = ("steps", "shape")

    def setup(self, steps: str, shape: str) -> None:
        m, k, n = map(int, shape.split(" x "))
        rng = np.random.default_rng(0)
        optimizer = fn.optim.adam(1e-3)
        weights = rng.standard_normal((m, n), dtype=np.float32)
        x, g = (rng.standard_normal(s, dtype=np.float32) for s in ((k, m), (k, n)))
        state = weights, optimizer.init(weights)

        def update(weights: Any, moments: Any, x: Any, g: Any) -> Any:
            updates, moments = optimizer.update(x.T @ g, moments, weights)
            return fn.optim.apply_updates(weights, updates), moments

        def run(f: Any) -> None:
            nonlocal state
            state = f(*state, x, g)

        f = _prepared(fn.jit(update, donate=(0, 1)), steps, run)
        self.run = lambda: run(f)

    def time_step(self, *_: Any) -> None:
        self.run()


def _prepared(f: Any, steps: str, run: Any) -> Any:
    """Return a function under `jit` when its loops are compiled."""
    following._LEAST = _LEAST if steps == "followed" else 1 << 60
    for _ in range(4):
        run(f)
        finish_compiling()
    following._LEAST = _LEAST
    return f
