"""One update of the parameters, without the gradients that it takes."""

from __future__ import annotations

from typing import Any

from funcnet import optim, tree, xp

from .common import BACKENDS, OnBackend

_OPTIMIZERS = {
    "sgd": lambda: optim.sgd(1e-3),
    "momentum": lambda: optim.sgd(1e-3, momentum=0.9),
    "adam": lambda: optim.adam(1e-3),
}


class Update(OnBackend):
    """Parameters of a model of 111,146 numbers, and as many in a hundred small arrays."""

    params = (BACKENDS, tuple(_OPTIMIZERS), ("large", "many"))
    param_names = ("backend", "optimizer", "arrays")

    def prepare(self, optimizer: str, arrays: str) -> None:
        shapes = [(784, 128), (128,), (128, 64), (64,), (64, 10), (10,)] if arrays == "large" else [(1_111,)] * 100
        self.parameters = {str(i): xp.ones(shape, dtype=xp.float32) for i, shape in enumerate(shapes)}
        self.grads = tree.map(lambda a: a * 0.5, self.parameters)
        self.optimizer = _OPTIMIZERS[optimizer]()
        self.state = self.optimizer.init(self.parameters)

    def time_update(self, *_: Any) -> None:
        updates, self.state = self.optimizer.update(self.grads, self.state, self.parameters)
        self.parameters = optim.apply_updates(self.parameters, updates)
        self.synchronize()
