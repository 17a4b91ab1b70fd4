"""vmap: gradients for each example, beside a loop and beside the gradient of the whole batch; Hessians."""

from __future__ import annotations

from typing import Any

import funcnet as fn
from funcnet import tree, xp

from .common import BACKENDS, OnBackend, classifier


class PerExample(OnBackend):
    """Gradients of a perceptron for each of 256 examples.

    Writing them takes more of the time the larger the model is, whoever computes them: those of the last take 111 MB.
    """

    params = (BACKENDS, ((16, 16, 4), (64, 32, 10), (784, 128, 64, 10)))
    param_names = ("backend", "widths")

    def setup(self, backend: str, *parameters: Any) -> None:
        self.backend = backend
        super().setup(backend, *parameters)

    def prepare(self, widths: tuple[int, ...]) -> None:
        loss, self.model, self.x, self.labels = classifier(self.backend, widths, 256)
        self.whole = fn.grad(loss)
        self.each = fn.vmap(fn.grad(loss), (None, 0, 0))

    def time_vmap(self, *_: Any) -> None:
        self.each(self.model, self.x, self.labels)
        self.synchronize()

    def time_loop(self, *_: Any) -> None:
        found = [self.whole(self.model, self.x[i, :], self.labels[i]) for i in range(256)]
        tree.map(lambda *leaves: xp.stack(leaves), *found)
        self.synchronize()

    def time_whole_batch(self, *_: Any) -> None:
        self.whole(self.model, self.x, self.labels)
        self.synchronize()


class Hessian(OnBackend):
    """The Hessian of a function of 100 variables: products with all unit vectors at once, and one by one."""

    def prepare(self) -> None:
        self.x = xp.linspace(0.1, 1.0, 100)
        self.unit = xp.eye(100)
        gradient = fn.grad(lambda x: xp.sum(xp.sin(x) * xp.cumulative_sum(x * x)))
        self.product = lambda v: fn.jvp(gradient, (self.x,), (v,))[1]
        self.products = fn.vmap(self.product)

    def time_vmap(self, *_: Any) -> None:
        self.products(self.unit)
        self.synchronize()

    def time_loop(self, *_: Any) -> None:
        xp.stack([self.product(self.unit[i, :]) for i in range(100)])
        self.synchronize()
