"""Training steps of convolutional networks under ``fn.jit``, at full speed: loops and kernels are compiled before."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import losses, nn, optim
from funcnet.compiler.execute import finish_compiling


def plain() -> tuple[tuple[int, ...], Any]:
    """Return the shape of an example and a small network for images of 28x28."""
    layers = [nn.conv(32, 3, padding="SAME"), nn.relu(), nn.max_pool(2)]
    layers += [nn.conv(64, 3, padding="SAME"), nn.relu(), nn.max_pool(2), nn.flatten(), nn.dense(10)]
    return (28, 28, 1), nn.sequential(*layers)


def normalised() -> tuple[tuple[int, ...], Any]:
    """Return the shape of an example and two convolutions of 64 channels with batch norm."""
    layers = [nn.conv(64, 3, padding="SAME"), nn.batch_norm(), nn.relu()]
    layers += [nn.conv(64, 3, padding="SAME"), nn.batch_norm(), nn.relu(), nn.flatten(), nn.dense(10)]
    return (14, 14, 64), nn.sequential(*layers)


NETWORKS = {"two convolutions": plain, "batch norm": normalised}


class CompiledConvolutions:
    """A step of training with Adam, single precision, NumPy."""

    params = (tuple(NETWORKS), (32, 128))
    param_names = ("network", "batch")

    def setup(self, network: str, batch: int) -> None:
        shape, model = NETWORKS[network]()
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((batch, *shape), dtype=np.float32)
        self.labels = rng.integers(0, 10, batch)
        params, state = model.init(fn.random.key(0), self.x.shape)
        opt = optim.adam(1e-3)

        def step(everything: Any, x: Any, labels: Any) -> Any:
            params, state, opt_state = everything

            def loss(p: Any) -> Any:
                z, new = model.apply(p, state, x, train=True)
                return losses.softmax_cross_entropy(z, labels), new

            (value, state), grads = fn.value_and_grad(loss, has_aux=True)(params)
            updates, opt_state = opt.update(grads, opt_state, params)
            return (optim.apply_updates(params, updates), state, opt_state), value

        self.step = fn.jit(step)
        self.everything = params, state, opt.init(params)
        for _ in range(2):
            self.time_step()
        finish_compiling()

    def time_step(self, *_: Any) -> None:
        self.everything, _ = self.step(self.everything, self.x, self.labels)
