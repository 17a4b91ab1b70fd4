"""Random numbers, beside NumPy's counter-based generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet import random

from .common import BACKENDS, OnBackend


class Draws(OnBackend):
    """Arrays of numbers from one key."""

    params = (BACKENDS, (1_000, 10_000_000))
    param_names = ("backend", "size")
    timeout = 120

    def prepare(self, size: int) -> None:
        self.shape = (size,)
        self.key = random.key(0)

    def time_uniform(self, *_: Any) -> None:
        random.uniform(self.key, self.shape)
        self.synchronize()

    def time_normal(self, *_: Any) -> None:
        random.normal(self.key, self.shape)
        self.synchronize()

    def time_bernoulli(self, *_: Any) -> None:
        random.bernoulli(self.key, 0.5, self.shape)
        self.synchronize()


class Keys(OnBackend):
    """New keys from old ones."""

    def prepare(self) -> None:
        self.key = random.key(0)

    def time_split(self, *_: Any) -> None:
        random.split(self.key)
        self.synchronize()

    def time_fold_in(self, *_: Any) -> None:
        random.fold_in(self.key, 7)
        self.synchronize()


class Control:
    """NumPy's Philox."""

    params = (1_000, 10_000_000)
    param_names = ("size",)

    def setup(self, size: int) -> None:  # noqa: ARG002  # airspeed velocity passes the parameter
        self.generator = np.random.Generator(np.random.Philox(0))

    def time_uniform(self, size: int) -> None:
        self.generator.random(size, dtype=np.float32)

    def time_normal(self, size: int) -> None:
        self.generator.standard_normal(size, dtype=np.float32)
