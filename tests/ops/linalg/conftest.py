"""Matrices that the tests of linear algebra share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet.transforms.reverse import vjp


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def draw(rng: np.random.Generator) -> Callable[..., np.ndarray]:
    """Random arrays; with ``spectrum=`` symmetric matrices, with ``values=`` matrices of these singular values."""

    def orthogonal(n: int) -> np.ndarray:
        return np.linalg.qr(rng.normal(size=(n, n)))[0]

    def make(*shape: int, dtype: str = "float64", spectrum: Any = None, values: Any = None) -> np.ndarray:
        if spectrum is not None:
            q = orthogonal(len(spectrum))
            return np.asarray((q * np.asarray(spectrum, dtype=float)) @ q.T, dtype=dtype)
        if values is not None:
            k = len(values)
            m, n = shape or (k, k)
            return np.asarray((orthogonal(m)[:, :k] * np.asarray(values, dtype=float)) @ orthogonal(n)[:k], dtype=dtype)
        x = rng.normal(size=shape)
        return (x + 1j * rng.normal(size=shape) if dtype.startswith("c") else x).astype(dtype)

    return make


@pytest.fixture
def hessian() -> Callable[..., np.ndarray]:
    """Second derivatives of a real function of one array, as a square matrix."""

    def of(f: Callable[..., Any], x: np.ndarray) -> np.ndarray:
        one = x.dtype.type(1)
        _, pullback = vjp(lambda z: vjp(f, z)[1](one)[0], x)
        rows = [pullback(row.reshape(x.shape).astype(x.dtype))[0].ravel() for row in np.eye(x.size)]
        return np.asarray(rows)

    return of
