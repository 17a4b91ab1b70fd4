"""PyTorch, eager, on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmarks.peers.libraries.problems import LEARNING_RATE, classification
from benchmarks.peers.steps.torch import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JOBS", "LIBRARY", "threads", "version"]

LIBRARY = "PyTorch"


def version() -> str:
    return torch.__version__


def threads(n: int) -> None:
    torch.set_num_threads(n)


def _gradient(f: Callable[[Any], Any], start: Any) -> Callable[[], float]:
    def run() -> float:
        x = start.clone().requires_grad_()
        (g,) = torch.autograd.grad(f(x), x)
        return float(g.reshape(-1)[0])

    return run


def _record(f: Callable[[Any], Any], start: Any) -> Callable[[], float]:
    def run() -> float:
        return float(f(start.clone().requires_grad_()).detach())

    return run


def _sines(length: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        for _ in range(length):
            x = torch.sin(x)
        return x

    return f


def _products(length: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        y = x
        for _ in range(length):
            y = y * x
        return y

    return f


def record_sines(length: int) -> Callable[[], float]:
    return _record(_sines(length), torch.tensor(0.9, dtype=torch.float64))


def grad_sines(length: int) -> Callable[[], float]:
    return _gradient(_sines(length), torch.tensor(0.9, dtype=torch.float64))


def record_products(length: int) -> Callable[[], float]:
    return _record(_products(length), torch.tensor(0.9999, dtype=torch.float64))


def grad_products(length: int) -> Callable[[], float]:
    return _gradient(_products(length), torch.tensor(0.9999, dtype=torch.float64))


def fan_out(uses: int, size: int) -> Callable[[], float]:
    def f(x: Any) -> Any:
        total = x
        for _ in range(uses - 1):
            total = total + x
        return total.sum()

    return _gradient(f, torch.ones(size, dtype=torch.float64))


def elements(size: int) -> Callable[[], float]:
    def f(x: Any) -> Any:
        total = 0.0
        for i in range(size):
            total = total + x[i]
        return total

    return _gradient(f, torch.ones(size, dtype=torch.float64))


def training_step(widths: list[int], batch: int, foreach: bool | None = None) -> Callable[[], float]:
    layers, x, labels = classification(widths, batch)
    parts: list[torch.nn.Module] = []
    for kernel, bias in layers:
        layer = torch.nn.Linear(*kernel.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernel).T)
            layer.bias.copy_(torch.from_numpy(bias))
        parts += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*parts[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, foreach=foreach)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels)

    def run() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return run


def uniform(size: int) -> Callable[[], float]:
    return lambda: float(torch.rand(size)[0])


def normal(size: int) -> Callable[[], float]:
    return lambda: float(torch.randn(size)[0])


JOBS = {
    "record sines": record_sines,
    "grad sines": grad_sines,
    "record products": record_products,
    "grad products": grad_products,
    "fan-out": fan_out,
    "elements": elements,
    "training step": training_step,
    "uniform": uniform,
    "normal": normal,
    **jobs(lambda f: f),
}
