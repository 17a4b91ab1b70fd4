"""What the suites share: the backend as a parameter, and the model that several of them run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np

import funcnet as fn
from funcnet import backends, losses, nn

__all__ = ["BACKENDS", "OnBackend", "classifier"]

#: Every suite is run on each of these; one that cannot be used here is skipped.
BACKENDS = ("numpy", "torch", "cupy")


class OnBackend:
    """A suite with the backend as its first parameter: its setup enters the backend, its teardown leaves it."""

    params: Any = (BACKENDS,)
    param_names: Any = ("backend",)

    def setup(self, backend: str, *parameters: Any) -> None:
        # First, since airspeed velocity tears down what its setup has skipped, too.
        self.stack = ExitStack()
        if backend not in backends.available():
            raise NotImplementedError(f"the {backend} backend cannot be used here")
        self.stack.enter_context(fn.use_backend(backend))
        # Timed functions end with this, or a device's queue would be timed in place of its work.
        self.synchronize = backends.get(backend).synchronize
        self.prepare(*parameters)

    def prepare(self, *parameters: Any) -> None:
        """Make the arrays, on the current backend."""
        raise NotImplementedError

    def teardown(self, backend: str, *parameters: Any) -> None:  # noqa: ARG002  # airspeed velocity passes them all
        self.stack.close()


def classifier(backend: str, widths: tuple[int, ...], batch: int) -> tuple[Any, Any, Any, Any]:
    """Return a loss function of a multi-layer perceptron, its parameters, inputs and labels on the backend."""
    rng = np.random.default_rng(0)
    parts: list[Any] = []
    for width in widths[1:-1]:
        parts += [nn.dense(width), nn.relu()]
    model = nn.sequential(*parts, nn.dense(widths[-1]))
    params, state = model.init(fn.random.key(0), (batch, widths[0]))
    x = fn.device_put(rng.standard_normal((batch, widths[0]), dtype=np.float32), backend)
    labels = fn.device_put(rng.integers(0, widths[-1], batch), backend)

    def loss(params: Any, x: Any, labels: Any) -> Any:
        logits, _ = model.apply(params, state, x)
        return losses.softmax_cross_entropy(logits, labels)

    return loss, params, x, labels
