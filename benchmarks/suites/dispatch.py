"""What one operation on one number costs, traced and not; the control without funcnet tells a slow machine apart."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import xp

from .common import BACKENDS, OnBackend

_LENGTH = 1_000


def _sines(x: Any) -> Any:
    for _ in range(_LENGTH):
        x = xp.sin(x)
    return x


def _products(x: Any) -> Any:
    y = x
    for _ in range(_LENGTH):
        y = y * x
    return y


class Control:
    """A thousand operations of NumPy alone."""

    def setup(self) -> None:
        self.x = np.asarray(0.9999)

    def time_sines(self) -> None:
        _numpy_sines(self.x)

    def time_products(self) -> None:
        _products(self.x)


class Chain(OnBackend):
    """A thousand operations, each on the result of the one before."""

    params = (BACKENDS, ("sines", "products"))
    param_names = ("backend", "operation")

    def prepare(self, operation: str) -> None:
        self.f = {"sines": _sines, "products": _products}[operation]
        self.gradient = fn.grad(self.f)
        self.x = xp.asarray(0.9999)

    def time_plain(self, *_: Any) -> None:
        self.f(self.x)
        self.synchronize()

    def time_record(self, *_: Any) -> None:
        fn.vjp(self.f, self.x)
        self.synchronize()

    def time_gradient(self, *_: Any) -> None:
        self.gradient(self.x)
        self.synchronize()

    def time_tangent(self, *_: Any) -> None:
        fn.jvp(self.f, (self.x,), (self.x,))
        self.synchronize()


class Protocol:
    """A thousand operations that NumPy hands over to the tracer."""

    def setup(self) -> None:
        self.x = np.asarray(0.9999)

    def time_sines(self) -> None:
        fn.vjp(_numpy_sines, self.x)


def _numpy_sines(x: Any) -> Any:
    for _ in range(_LENGTH):
        x = np.sin(x)
    return x
