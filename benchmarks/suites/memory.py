"""Peak memory, process and libraries included; the control has the arrays without derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import optim, xp

from .common import classifier

_WIDTHS, _BATCH = (784, 2_048, 2_048, 10), 1_024


class TrainingStep:
    """A perceptron whose parameters and activations outweigh the library."""

    def setup(self) -> None:
        self.loss, self.parameters, self.x, self.labels = classifier("numpy", _WIDTHS, _BATCH)
        self.gradient = fn.value_and_grad(self.loss)
        self.optimizer = optim.adam(1e-3)
        self.state = self.optimizer.init(self.parameters)

    def peakmem_loss(self) -> None:
        self.loss(self.parameters, self.x, self.labels)

    def peakmem_gradient(self) -> None:
        self.gradient(self.parameters, self.x, self.labels)

    def peakmem_step(self) -> None:
        for _ in range(3):
            _, grads = self.gradient(self.parameters, self.x, self.labels)
            updates, self.state = self.optimizer.update(grads, self.state, self.parameters)
            self.parameters = optim.apply_updates(self.parameters, updates)


class DeepChain:
    """A chain on a large array: sines keep one array each, additions keep none."""

    def setup(self) -> None:
        self.x = np.linspace(0.0, 1.0, 1_000_000)

    def peakmem_sines(self) -> None:
        fn.grad(lambda x: xp.sum(_repeat(xp.sin, x)))(self.x)

    def peakmem_additions(self) -> None:
        fn.grad(lambda x: xp.sum(_repeat(lambda y: y + 1.0, x)))(self.x)


def _repeat(f: Any, x: Any) -> Any:
    for _ in range(20):
        x = f(x)
    return x
