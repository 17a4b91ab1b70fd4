"""Oracles and measures that the tests of operations share."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from funcnet.transforms.reverse import vjp


@pytest.fixture
def jax64() -> Iterator[Any]:
    """JAX in double precision; the test skips where it is not installed."""
    jax = pytest.importorskip("jax", reason="JAX is the oracle of this test")
    with jax.enable_x64(True):
        yield jax


@pytest.fixture(params=["float32", "float64"])
def derivatives(request: pytest.FixtureRequest) -> Callable[..., tuple[float, list[float], list[list[float]]]]:
    """Value, gradient and Hessian of a function of scalars.

    NumPy may warn of what a forward pass computes, but nothing may warn in a backward pass.
    """
    dtype = np.dtype(request.param).type

    def measure(f: Callable[..., Any], *points: float) -> tuple[float, list[float], list[list[float]]]:
        args = [dtype(p) for p in points]

        def gradient(*xs: Any) -> Any:
            return vjp(f, *xs)[1](dtype(1))

        with np.errstate(all="ignore"):
            y, pullback = vjp(f, *args)
            _, pullback2 = vjp(gradient, *args)
        first = pullback(dtype(1))
        rows = []
        for i in range(len(args)):
            rows.append(pullback2(tuple(dtype(1) if k == i else None for k in range(len(args)))))
        assert y.dtype == dtype
        assert {v.dtype for v in first} | {v.dtype for row in rows for v in row} == {np.dtype(dtype)}
        return float(y), [float(v) for v in first], [[float(v) for v in row] for row in rows]

    return measure
