"""The extras under the other transformations: mapped over a batch, and with shapes alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.core import Spec
from funcnet.errors import AbstractValueError, ParameterError
from funcnet.transforms import vmap

_RNG = np.random.default_rng(0)
X = _RNG.normal(size=(3, 4, 4))
F = _RNG.normal(size=5)
P = np.sort(_RNG.normal(size=5))

PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "angle": lambda x: xp.angle(x + 1j),
    "append": lambda x: xp.append(x, x),
    "block": lambda x: xp.block([[x, x], [x, x]]),
    "convolve": lambda x: xp.convolve(x[0], F),
    "convolve with itself": lambda x: xp.convolve(x[0], x[1, :2], mode="valid"),
    "convolve of the shorter": lambda x: xp.convolve(F, x[1]),
    "corrcoef": xp.corrcoef,
    "cov": xp.cov,
    "delete": lambda x: xp.delete(x, 1, axis=0),
    "diagonal": lambda x: xp.einsum("ii->i", x),
    "dot": lambda x: xp.dot(x, x),
    "einsum": lambda x: xp.einsum("ij,jk->ki", x, x),
    "gradient": lambda x: xp.gradient(x, axis=1),
    "histogram": lambda x: xp.histogram(x, 4, range=(-3.0, 3.0), weights=x)[0],
    "insert": lambda x: xp.insert(x, 1, 3.0, axis=1),
    "interp": lambda x: xp.interp(x, P, F),
    "interp of values": lambda x: xp.interp(P[:3], P, xp.append(x[0], 1.0)),
    "kron": lambda x: xp.kron(x, x),
    "median": lambda x: xp.median(x, axis=0),
    "nan_to_num": xp.nan_to_num,
    "nanmax": lambda x: xp.nanmax(x, axis=1),
    "nanmedian": lambda x: xp.nanmedian(x, axis=1),
    "nanstd": xp.nanstd,
    "pad": lambda x: xp.pad(x, 1),
    "pad reflect": lambda x: xp.pad(x, 2, "reflect"),
    "polyval": lambda x: xp.polyval(x[0], x[1]),
    "quantile": lambda x: xp.quantile(x, [0.1, 0.5], axis=1),
    "rot90": xp.rot90,
    "segment_sum": lambda x: xp.segment_sum(x, [0, 1, 0, 1], num_segments=2),
    "select": lambda x: xp.select([x > 0], [x * x], 1.0),
    "sinc": xp.sinc,
    "trapezoid": xp.trapezoid,
    "vander": lambda x: xp.vander(x[0]),
}

#: Those that need values, which a batch has too.
VALUES: dict[str, Callable[[Any], Any]] = {
    "apply_where": lambda x: xp.apply_where(x > 0, (x, 2.0), lambda x, y: xp.log(x) * y, lambda x, y: xp.sqrt(-x) + y),
    "apply_where with a value": lambda x: xp.apply_where(x > 0, x, xp.log, fill_value=1.0),
    "histogram of weights": lambda x: xp.histogram(x, 3, weights=x)[0],
    "edges of a histogram": lambda x: xp.histogram(x, 3)[1],
}


@pytest.mark.parametrize("name", [*PROGRAMS, *VALUES])
def test_mapped(name: str) -> None:
    f = (PROGRAMS | VALUES)[name]
    found = vmap(f)(X)
    np.testing.assert_allclose(found, np.stack([f(x) for x in X]), rtol=1e-12, atol=1e-13)

    def total(x: Any) -> Any:
        return (f(x) ** 2).sum()

    if name == "angle":
        return
    gradients = vmap(fn.grad(total))(X)
    np.testing.assert_allclose(gradients, np.stack([fn.grad(total)(x) for x in X]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", PROGRAMS)
def test_shapes(name: str) -> None:
    f = PROGRAMS[name]
    y = f(X[0])
    assert fn.eval_shape(f, Spec((4, 4), "float64")) == Spec(tuple(y.shape), str(y.dtype))


def test_values_that_are_needed() -> None:
    with pytest.raises(AbstractValueError):
        fn.eval_shape(lambda x: xp.histogram(x)[0], Spec((4,), "float64"))


@pytest.mark.parametrize("name", ["apply_where", "apply_where with a value"])
def test_functions_for_some_elements_are_captured(name: str) -> None:
    f = VALUES[name]
    np.testing.assert_allclose(fn.jit(f)(X), f(X), rtol=1e-14)
    gradient = fn.grad(lambda x: f(x).sum())
    np.testing.assert_allclose(fn.jit(gradient)(X), gradient(X), rtol=1e-14)
    np.testing.assert_allclose(fn.jit(vmap(gradient))(X), gradient(X), rtol=1e-14)
    assert fn.eval_shape(lambda x: xp.apply_where(x > 0, x, xp.log, fill_value=0.0), X[0]).shape == (4, 4)


def test_histograms_of_batches() -> None:
    x = np.stack([X[0], X[1], np.ones((4, 4))])
    numbers, edges = vmap(lambda x: xp.histogram(x, 4))(x)
    for i in range(3):
        wanted = np.histogram(x[i], 4)
        np.testing.assert_array_equal(numbers[i], wanted[0])
        np.testing.assert_allclose(edges[i], wanted[1], rtol=1e-14)
    x[1, 0, 0] = np.inf
    with pytest.raises(ParameterError, match="an element of the batch without"):
        vmap(lambda x: xp.histogram(x, 4)[0])(x)


def test_a_function_for_some_elements_of_each_of_a_batch() -> None:
    x = np.array([[1.0, -1.0, 0.0], [4.0, 2.0, -3.0]])
    with np.errstate(all="ignore"):
        f = vmap(lambda x: xp.apply_where(x > 0, x, xp.log, lambda x: x * x))
        np.testing.assert_allclose(f(x), np.where(x > 0, np.log(np.abs(x) + (x == 0)), x * x))
        # The infinite derivative of the logarithm at 0 does not get through.
        np.testing.assert_allclose(fn.grad(lambda x: f(x).sum())(x), np.where(x > 0, 1 / (x + (x == 0)), 2 * x))
