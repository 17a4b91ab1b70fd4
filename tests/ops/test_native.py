"""Data types in code written for an array library: as outside of a transformation, whatever funcnet's default is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp

#: What NumPy computes in double precision, also of arrays in single precision.
PRECISE: dict[str, Callable[[Any], Any]] = {
    "astype": lambda x: x.astype(float),
    "astype, complex": lambda x: x.astype(complex),
    "astype, by a short name": lambda x: x.astype("f8") + x.astype("<f8"),
    "a short name": lambda x: np.sum(x, axis=0, dtype="d"),
    "zeros_like": lambda x: np.zeros_like(x, float) + x,
    "full_like": lambda x: np.full_like(x, 0.1, dtype=complex),
    "linspace": lambda x: np.linspace(x[0], 1.0, 3, dtype=float),
    "a universal function": lambda x: np.add(x, x, dtype=float),
    "the mean method": lambda x: (x > 0.5).mean(),
    "the mean": lambda x: np.mean(x > 0.5),
    "the mean, of a class": lambda x: x.mean(dtype=float),
    "the std method": lambda x: (x > 0.5).std(),
    "the variance": lambda x: np.var((x > 0.5).astype(int), axis=0),
    "the median": lambda x: np.median((x > 0.5).astype(int)),
    "sinc": lambda x: np.sinc((x > 0.5).astype(int)),
    "float_power": lambda x: np.float_power(x, 0.1),
    "bincount": lambda x: np.bincount([0, 1, 1], weights=x),
    "cumsum": lambda x: x.cumsum(dtype=float),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PRECISE)
def test_numpys_code_has_numpys_precision(name: str, dtype: str) -> None:
    f, x = PRECISE[name], np.array([0.1, 0.7, 1.3], dtype)
    expected = f(x)
    for found in (fn.vjp(f, x)[0], fn.jit(f)(x), fn.vmap(f)(x[None])[0]):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_the_namespace_computes_as_the_library() -> None:
    def f(x: Any) -> Any:
        ns = x.__array_namespace__()
        share = ns.mean(x > 0.5) + ns.var(ns.asarray([0, 1, 1])) + ns.std(x > 0.5)
        return ns.astype(x, float) * share + ns.ones_like(x, dtype=float) * share

    x = np.array([0.1, 0.7, 1.3], "float32")
    expected = (x.astype(float) + 1) * (np.mean(x > 0.5) + np.var([0, 1, 1]) + np.std(x > 0.5))
    value, gradient = fn.value_and_grad(lambda x: f(x).sum())(x)
    np.testing.assert_allclose(value, expected.sum(), rtol=1e-14)
    assert gradient.dtype == x.dtype


def test_funcnets_functions_take_the_default() -> None:
    for x in (np.array([0, 1, 1]), fn.lift(np.array([0, 1, 1]))):
        assert str(xp.mean(x).dtype) == str(xp.astype(x, float).dtype) == "float32"
        with fn.use_backend("numpy", dtype="float64"):
            assert str(xp.mean(x).dtype) == str(xp.astype(x, float).dtype) == "float64"


def test_pytorch_reads_float_as_double_precision() -> None:
    torch = pytest.importorskip("torch")
    assert fn.vjp(lambda x: x.astype(float), torch.ones(2))[0].dtype == torch.ones(2).to(float).dtype == torch.float64
