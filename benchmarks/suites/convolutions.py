"""Convolutions of the kinds that networks are made of: forward, and both gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import nn

from .common import BACKENDS, OnBackend

#: Name -> shape of the input, shape of the kernel, options.
KINDS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "3x3, 14x14, 32 to 64": ((64, 14, 14, 32), (3, 3, 32, 64), {"padding": "SAME"}),
    "3x3, 28x28, 64 to 64": ((16, 28, 28, 64), (3, 3, 64, 64), {"padding": "SAME"}),
    "3x3, 28x28, 1 to 32": ((128, 28, 28, 1), (3, 3, 1, 32), {"padding": "SAME"}),
    "3x3, stride 2": ((32, 28, 28, 64), (3, 3, 64, 128), {"padding": "SAME", "stride": 2}),
    "1x1": ((32, 14, 14, 256), (1, 1, 256, 64), {}),
    "depthwise 3x3": ((32, 28, 28, 64), (3, 3, 1, 64), {"padding": "SAME", "groups": 64}),
    "grouped 3x3": ((16, 14, 14, 128), (3, 3, 4, 128), {"padding": "SAME", "groups": 32}),
    "one axis": ((64, 512, 32), (5, 32, 64), {"padding": "SAME"}),
    "three axes": ((4, 12, 12, 12, 16), (3, 3, 3, 16, 32), {"padding": "SAME"}),
}


class Convolution(OnBackend):
    """One convolution in single precision."""

    params = (BACKENDS, tuple(KINDS))
    param_names = ("backend", "kind")

    def setup(self, backend: str, *parameters: Any) -> None:
        self.backend = backend
        super().setup(backend, *parameters)

    def prepare(self, kind: str) -> None:
        shape, window, options = KINDS[kind]
        rng = np.random.default_rng(0)
        arrays = [rng.standard_normal(s, dtype=np.float32) for s in (shape, window)]
        self.x, self.kernel = (fn.device_put(a, self.backend) for a in arrays)
        self.conv = lambda x, kernel: nn.functional.conv(x, kernel, **options)
        y, self.to_x = fn.vjp(lambda x: self.conv(x, self.kernel), self.x)
        _, self.to_kernel = fn.vjp(lambda kernel: self.conv(self.x, kernel), self.kernel)
        self.g = fn.device_put(rng.standard_normal(tuple(y.shape), dtype=np.float32), self.backend)

    def time_forward(self, *_: Any) -> None:
        self.conv(self.x, self.kernel)
        self.synchronize()

    def time_input_gradient(self, *_: Any) -> None:
        self.to_x(self.g)
        self.synchronize()

    def time_kernel_gradient(self, *_: Any) -> None:
        self.to_kernel(self.g)
        self.synchronize()
