"""Steps of a model: the loss, its gradients, and a whole step of training."""

from __future__ import annotations

from typing import Any

import funcnet as fn
from funcnet import optim

from .common import BACKENDS, OnBackend, classifier


class Classifier(OnBackend):
    """A multi-layer perceptron with Adam, eager."""

    params = (BACKENDS, (128, 1_024))
    param_names = ("backend", "batch")

    def setup(self, backend: str, *parameters: Any) -> None:
        self.backend = backend
        super().setup(backend, *parameters)

    def prepare(self, batch: int) -> None:
        self.loss, self.parameters, self.x, self.labels = classifier(self.backend, (784, 128, 64, 10), batch)
        self.gradient = fn.value_and_grad(self.loss)
        self.optimizer = optim.adam(1e-3)
        self.state = self.optimizer.init(self.parameters)

    def time_loss(self, *_: Any) -> None:
        self.loss(self.parameters, self.x, self.labels)
        self.synchronize()

    def time_gradient(self, *_: Any) -> None:
        self.gradient(self.parameters, self.x, self.labels)
        self.synchronize()

    def time_step(self, *_: Any) -> None:
        _, grads = self.gradient(self.parameters, self.x, self.labels)
        updates, self.state = self.optimizer.update(grads, self.state, self.parameters)
        self.parameters = optim.apply_updates(self.parameters, updates)
        self.synchronize()
