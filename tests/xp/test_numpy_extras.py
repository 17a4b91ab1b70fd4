"""NumPy's own functions on traced arrays, in NumPy's signatures, where the standard has no counterpart."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet.xp import numpy_extras

_RNG = np.random.default_rng(0)
X = _RNG.normal(size=(3, 4))
S = _RNG.normal(size=(4, 4))
V = _RNG.normal(size=4)
P = np.sort(_RNG.normal(size=4))
C = _RNG.normal(size=(2, 3, 4))

#: name -> calls of it on a matrix of shape (3, 4).
CALLS: dict[str, list[Callable[[Any], Any]]] = {
    "angle": [lambda x: np.angle(x + 1j), lambda x: np.angle(x + 1j, deg=True)],
    "append": [lambda x: np.append(x, V), lambda x: np.append(X, x, axis=0)],
    "array_split": [lambda x: np.array_split(x, 3, axis=1), lambda x: np.array_split(x, [1])],
    "atleast_1d": [lambda x: np.atleast_1d(x[0, 0]), lambda x: np.atleast_1d(x, x[0])],
    "atleast_2d": [lambda x: np.atleast_2d(x[0])],
    "atleast_3d": [lambda x: np.atleast_3d(x)],
    "average": [
        lambda x: np.average(x),
        lambda x: np.average(x, axis=1),
        lambda x: np.average(x, axis=(0, 1), keepdims=True),
        lambda x: np.multiply(*np.average(x, axis=0, returned=True)),
        lambda x: np.average(x, axis=1, weights=V),
        lambda x: np.average(X, weights=x),
    ],
    "bincount": [
        lambda x: np.bincount(np.array([0, 2, 2, 1]), x[0]),
        lambda x: np.bincount(np.array([0, 0]), x[0, :2], 5),
    ],
    "block": [lambda x: np.block([[x, X], [np.ones((1, 4)), x[:1]]])],
    "column_stack": [lambda x: np.column_stack((x, x[:, 0]))],
    "convolve": [lambda x: np.convolve(x[0], V, "same"), lambda x: np.convolve(V, x[0])],
    "corrcoef": [lambda x: np.corrcoef(x)[0, 1], lambda x: np.corrcoef(x, rowvar=False)[0, 1]],
    "cov": [lambda x: np.cov(x), lambda x: np.cov(x, rowvar=False, bias=True), lambda x: np.cov(x[0], x[1], ddof=0)],
    "deg2rad": [lambda x: np.deg2rad(x), lambda x: np.radians(x)],
    "delete": [lambda x: np.delete(x, 1, axis=1), lambda x: np.delete(x, [0, 2])],
    "diag": [lambda x, k=k: np.diag(x, k) for k in (-1, 0, 2)] + [lambda x, k=k: np.diag(x[0], k) for k in (-2, 0, 1)],
    "diagonal": [lambda x: np.diagonal(x), lambda x: np.diagonal(x, 1), lambda x: np.diagonal(C * x, -1, 1, 2)],
    "dot": [lambda x: np.dot(x, V), lambda x: np.dot(X.T, x)],
    "dsplit": [lambda x: np.dsplit(C * x, 2)],
    "dstack": [lambda x: np.dstack((x, X))],
    "einsum": [lambda x: np.einsum("ij,kj->ik", x, X), lambda x: np.einsum(x, [0, 1], V, [1], [0])],
    "fliplr": [lambda x: np.fliplr(x)],
    "flipud": [lambda x: np.flipud(x)],
    "gradient": [
        lambda x: np.gradient(x),
        lambda x: np.gradient(x, 0.5, P, edge_order=2),
        lambda x: np.gradient(x, axis=1),
    ],
    "histogram": [lambda x: np.histogram(X, 4, weights=x)[0], lambda x: np.histogram(X, 3, (-1.0, 1.0), True, x)[0]],
    "hsplit": [lambda x: np.hsplit(x, 2), lambda x: np.hsplit(x[0], [1])],
    "hstack": [lambda x: np.hstack((x, X)), lambda x: np.hstack((x[0], V))],
    "inner": [lambda x: np.inner(x, V), lambda x: np.inner(X, x)],
    "insert": [lambda x: np.insert(x, 1, 5.0, axis=1), lambda x: np.insert(X, [0, 2], x[:, :2], axis=1)],
    "interp": [
        lambda x: np.interp(x, P, V),
        lambda x: np.interp(X, P, x[0], left=1.0, right=2.0),
        lambda x: np.interp(x, xp=P, fp=V),
    ],
    "kron": [lambda x: np.kron(x, np.ones((2, 2)))],
    "linspace": [
        lambda x: np.linspace(x[0], x[1], 5),
        lambda x: np.linspace(x[0], V, 5, endpoint=False, axis=-1),
        lambda x: np.linspace(0.0, x[0, 0], 3, retstep=True),
    ],
    "median": [lambda x: np.median(x), lambda x: np.median(x, axis=0, keepdims=True)],
    "meshgrid": [
        lambda x: np.meshgrid(x[0], V),
        lambda x: np.meshgrid(x[0], V[:2], indexing="ij", sparse=True),
        lambda x: np.meshgrid(x[0], V[:2], sparse=True),
    ],
    "nan_to_num": [
        lambda x: np.nan_to_num(x, nan=1.0),
        lambda x: (lambda y: (np.nan_to_num(y, copy=False, nan=3.0), y)[1])(np.where(x > 0, x, np.nan)),
    ],
    "nanmax": [lambda x: np.nanmax(x, axis=1)],
    "nanmean": [lambda x: np.nanmean(x, axis=1), lambda x: np.nanmean(x, dtype=np.float64, keepdims=True)],
    "nanmedian": [lambda x: np.nanmedian(x, axis=1)],
    "nanmin": [lambda x: np.nanmin(x)],
    "nanprod": [lambda x: np.nanprod(x, axis=1)],
    "nanstd": [lambda x: np.nanstd(x, axis=1, ddof=1)],
    "nansum": [lambda x: np.nansum(x, axis=1, keepdims=True)],
    "nanvar": [lambda x: np.nanvar(x), lambda x: np.nanvar(x, axis=0, correction=1)],
    "outer": [lambda x: np.outer(x[0], V)],
    "pad": [
        lambda x: np.pad(x, 1),
        lambda x: np.pad(x, ((1, 2), (0, 1)), "edge"),
        lambda x: np.pad(x, 1, constant_values=2.0),
        lambda x: np.pad(x, {-1: (1, 2), 0: 1}, mode="wrap"),
    ],
    "percentile": [lambda x: np.percentile(x, [10, 60], axis=1)],
    "polyval": [lambda x: np.polyval(V, x), lambda x: np.polyval(x[0], X)],
    "ptp": [lambda x: np.ptp(x), lambda x: np.ptp(x, axis=1)],
    "quantile": [lambda x: np.quantile(x, 0.3), lambda x: np.quantile(x, [0.1, 0.6], axis=1, method="midpoint")],
    "rad2deg": [lambda x: np.rad2deg(x), lambda x: np.degrees(x)],
    "rot90": [lambda x: np.rot90(x), lambda x: np.rot90(x, 3, (1, 0))],
    "select": [lambda x: np.select([X > 0.5, X < 0], [x * x, x], 3.0)],
    "sinc": [lambda x: np.sinc(x)],
    "split": [lambda x: np.split(x, 2, axis=1), lambda x: np.split(x, [1])],
    "swapaxes": [lambda x: np.swapaxes(x, 0, 1)],
    "trace": [lambda x: np.trace(x), lambda x: np.trace(x, 1), lambda x: np.trace(C * x, axis1=1, axis2=2)],
    "trapezoid": [lambda x: np.trapezoid(x), lambda x: np.trapezoid(x, P), lambda x: np.trapezoid(x, dx=0.5, axis=0)],
    "vander": [lambda x: np.vander(x[0]), lambda x: np.vander(x[0], N=3, increasing=True)],
    "vdot": [lambda x: np.vdot(x, X), lambda x: np.vdot(x + 1j, X)],
    "vsplit": [lambda x: np.vsplit(x, 3)],
    "vstack": [lambda x: np.vstack((x, V))],
}
_ROWS = [pytest.param(name, f, id=f"{name}{i}") for name, calls in CALLS.items() for i, f in enumerate(calls)]
#: Those whose results carry no derivative, tested below.
_EXACT = {"allclose", "argwhere", "array_equal", "flatnonzero", "isclose"}


def test_every_entry_is_tested() -> None:
    assert set(CALLS) | _EXACT == set(numpy_extras.FUNCTIONS) | {"deg2rad", "dot", "rad2deg"}


@pytest.mark.parametrize(("name", "f"), _ROWS)
def test_values_and_derivatives(name: str, f: Callable[[Any], Any]) -> None:
    found, _ = fn.vjp(f, X)
    expected = f(X)
    if not isinstance(expected, (tuple, list)):
        found, expected = [found], [expected]
    assert len(found) == len(expected)
    for y, e in zip(found, expected, strict=True):
        assert y.shape == np.shape(e)
        np.testing.assert_allclose(y, e, rtol=1e-12, atol=1e-14)
    # NumPy's own evaluation rounds otherwise than the traced one, so the slope is taken of NumPy's.
    direction = np.random.default_rng(1).normal(size=X.shape)
    weights = [np.random.default_rng(2).normal(size=np.shape(e)) for e in expected]

    def total(x: Any) -> Any:
        y = f(x)
        return sum((e * w).sum() for e, w in zip(y if isinstance(y, (tuple, list)) else [y], weights, strict=True)).real

    h = 1e-4
    slope = (
        8 * (total(X + h * direction) - total(X - h * direction))
        - (total(X + 2 * h * direction) - total(X - 2 * h * direction))
    ) / (12 * h)
    np.testing.assert_allclose((fn.grad(total)(X) * direction).sum(), slope, rtol=1e-8, atol=1e-8)


def test_comparisons() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.extend(
            [np.allclose(x, X), np.array_equal(x, X), np.array_equal(x, X[:1]), np.allclose(x, X + 1, atol=2.0)]
        )
        seen.append(bool(np.isclose(x, X, rtol=0.0, atol=0.0).all()))
        return x.sum()

    fn.grad(f)(X)
    assert seen == [True, True, False, True, True]
    assert all(s.__class__ is bool for s in seen)


def test_positions() -> None:
    def f(x: Any) -> Any:
        np.testing.assert_array_equal(fn.stop_gradient(np.argwhere(x > 0)), np.argwhere(X > 0))
        np.testing.assert_array_equal(fn.stop_gradient(np.flatnonzero(x > 0)), np.flatnonzero(X > 0))
        return x.sum()

    fn.grad(f)(X)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.copy(x, order="K", subok=True),
        lambda x: np.reshape(x, (-1,), order="C"),
        lambda x: np.ravel(x, order="K"),
        lambda x: np.ones_like(x, subok=False, order="C") * x,
        lambda x: np.diff(x, prepend=0.5),
        lambda x: np.diff(x, 2, 0, append=x[:1], prepend=1),
        lambda x: np.unique(x, return_inverse=True, return_counts=True)[0],
        lambda x: np.unique(x, return_index=True)[0][np.unique(x, return_index=True)[1] % 3],
    ],
)
def test_options_that_are_obeyed(call: Callable[[Any], Any]) -> None:
    value, pullback = fn.vjp(call, X)
    np.testing.assert_array_equal(value, call(X))
    direction = np.arange(12.0).reshape(3, 4)
    (found,) = pullback(np.ones_like(value))
    np.testing.assert_allclose(
        (found * direction).sum(), (call(X + 1e-4 * direction) - call(X - 1e-4 * direction)).sum() / 2e-4, rtol=1e-9
    )


def test_options_that_cannot_be_traced() -> None:
    for call, message in [
        (lambda x: np.median(x, overwrite_input=True), "numpy.median with overwrite_input= cannot"),
        (lambda x: np.nanmax(x, where=X > 0), "numpy.nanmax with where= cannot"),
        (lambda x: np.pad(x, 1, "mean", stat_length=2), "stat_length"),
        (lambda x: np.pad(x, 1, mode="mean", stat_length=1), "numpy.pad with stat_length= cannot"),
        (lambda x: np.pad(x, 1, mode="reflect", reflect_type="odd"), "numpy.pad with reflect_type= cannot"),
        (lambda x: np.nansum(x, where=X > 0), "numpy.nansum with where= cannot"),
        (lambda x: np.reshape(np.stack([x, x]).T, (-1,), order="A"), "does not depend on how they lie in memory"),
        (lambda x: np.unique(x, axis=0), "numpy.unique with axis= cannot"),
    ]:
        with pytest.raises(TypeError, match=message):
            fn.grad(lambda x, call=call: call(x).sum())(X)
