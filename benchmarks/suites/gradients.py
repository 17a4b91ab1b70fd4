"""Gradients whose graph is deep, wide or nested, or that index and reduce."""

from __future__ import annotations

from typing import Any

import funcnet as fn
from funcnet import xp

from .common import BACKENDS, OnBackend


class Deep(OnBackend):
    """A chain of operations: the time per operation must not depend on its length."""

    params = (BACKENDS, (1_000, 10_000, 100_000))
    param_names = ("backend", "operations")
    timeout = 300

    def prepare(self, operations: int) -> None:
        def chain(x: Any) -> Any:
            for _ in range(operations):
                x = xp.sin(x)
            return x

        self.gradient = fn.grad(chain)
        self.x = xp.asarray(0.9)

    def time_gradient(self, *_: Any) -> None:
        self.gradient(self.x)
        self.synchronize()


class Wide(OnBackend):
    """One input used many times, whole and element by element: both must be linear."""

    params = (BACKENDS, (500, 5_000))
    param_names = ("backend", "uses")

    def prepare(self, uses: int) -> None:
        def whole(x: Any) -> Any:
            total = x
            for _ in range(uses - 1):
                total = total + x
            return xp.sum(total)

        def elements(x: Any) -> Any:
            total = x[0]
            for i in range(1, uses):
                total = total + x[i]
            return total

        self.whole = fn.grad(whole)
        self.elements = fn.grad(elements)
        self.short = xp.ones(100)
        self.long = xp.ones(uses)

    def time_whole(self, *_: Any) -> None:
        self.whole(self.short)
        self.synchronize()

    def time_elements(self, *_: Any) -> None:
        self.elements(self.long)
        self.synchronize()


class Arrays(OnBackend):
    """Operations on a large array, where the kernels and the sums of cotangents count."""

    def prepare(self) -> None:
        self.x = xp.reshape(xp.linspace(0.1, 1.0, 1_000_000), (1_000, 1_000))
        self.elementwise = fn.grad(lambda x: xp.sum(xp.tanh(xp.exp(-x) * x) / (1.0 + x)))
        self.broadcast = fn.grad(lambda row: xp.sum(self.x * row + row))
        self.softmax = fn.grad(lambda x: xp.sum(xp.exp(x - xp.max(x, axis=1, keepdims=True))))
        self.product = fn.grad(lambda x: xp.sum(x @ x))
        self.row = self.x[0, :]

    def time_elementwise(self, *_: Any) -> None:
        self.elementwise(self.x)
        self.synchronize()

    def time_broadcast(self, *_: Any) -> None:
        self.broadcast(self.row)
        self.synchronize()

    def time_softmax(self, *_: Any) -> None:
        self.softmax(self.x)
        self.synchronize()

    def time_product(self, *_: Any) -> None:
        self.product(self.x)
        self.synchronize()


class Nested(OnBackend):
    """Derivatives of derivatives."""

    params = (BACKENDS, (1, 2, 3))
    param_names = ("backend", "order")

    def prepare(self, order: int) -> None:
        def f(x: Any) -> Any:
            return xp.sin(x) * xp.exp(x) / (1.0 + x * x)

        for _ in range(order):
            f = fn.grad(f)
        self.f = f
        self.x = xp.asarray(0.5)

    def time_reverse(self, *_: Any) -> None:
        self.f(self.x)
        self.synchronize()
