"""vmap of functions with derivative rules of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import AbstractValueError, NotDifferentiableError

X = np.random.default_rng(0).normal(size=(6, 5))
W = np.linspace(1.0, 2.0, 5)
CALLS: list[str] = []


# The rules are twice the true derivative, so that it shows whether they were used.


@fn.custom_vjp
def reverse(x: Any, w: Any) -> Any:
    CALLS.append("f")
    return xp.sum(xp.sin(x) * w), {"k": x * w}


def _fwd(x: Any, w: Any) -> Any:
    CALLS.append("fwd")
    return (xp.sum(xp.sin(x) * w), {"k": x * w}), (x, w)


def _bwd(residuals: Any, g: Any) -> Any:
    CALLS.append("bwd")
    x, w = residuals
    total, product = g
    return 2.0 * total * xp.cos(x) * w + product["k"] * w, total * xp.sin(x) + product["k"] * x


reverse.defvjp(_fwd, _bwd)


@fn.custom_jvp
def forward(x: Any, w: Any) -> Any:
    CALLS.append("f")
    return xp.sin(x) * w


@forward.defjvp
def _(primals: Any, tangents: Any) -> Any:
    CALLS.append("jvp")
    (x, w), (dx, dw) = primals, tangents
    return xp.sin(x) * w, 2.0 * xp.cos(x) * w * dx + xp.sin(x) * dw


BOTH = pytest.mark.parametrize("f", [reverse, forward], ids=["custom_vjp", "custom_jvp"])


@pytest.fixture(autouse=True)
def _no_calls() -> Iterator[None]:
    CALLS.clear()
    yield
    CALLS.clear()


def _loop(f: Callable[..., Any]) -> Callable[..., Any]:
    def looped(x: Any, w: Any) -> Any:
        return fn.tree.map(lambda *leaves: xp.stack(list(leaves)), *[f(x[i], w) for i in range(6)])

    return looped


def _total(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: sum(xp.sum(leaf * leaf) for leaf in fn.tree.leaves(f(*args)))


def _same(found: Any, wanted: Any) -> None:
    for a, b in zip(fn.tree.leaves(found), fn.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@BOTH
def test_values(f: Any) -> None:
    found = fn.vmap(f, (0, None))(X, W)
    assert CALLS == ["f"]
    _same(found, _loop(f)(X, W))


@BOTH
def test_gradient_of_vmap(f: Any) -> None:
    found = fn.grad(_total(fn.vmap(f, (0, None))), (0, 1))(X, W)
    assert len(CALLS) <= 2
    _same(found, fn.grad(_total(_loop(f)), (0, 1))(X, W))


@BOTH
def test_jvp_of_vmap(f: Any) -> None:
    found = fn.jvp(fn.vmap(f, (0, None)), (X, W), (X * 2.0, W))
    assert len(CALLS) <= 2
    _same(found, fn.jvp(_loop(f), (X, W), (X * 2.0, W)))


@BOTH
def test_vmap_of_gradient(f: Any) -> None:
    found = fn.vmap(fn.grad(_total(f)), (0, None))(X, W)
    assert len(CALLS) <= 2
    _same(found, np.stack([fn.grad(_total(f))(X[i], W) for i in range(6)]))


@BOTH
def test_second_order(f: Any) -> None:
    def twice(g: Any) -> Any:
        first = fn.grad(_total(g), (0, 1))
        return fn.grad(_total(first), (0, 1))

    _same(twice(fn.vmap(f, (0, None)))(X, W), twice(_loop(f))(X, W))
    direction = (X, W)
    vmapped, looped = fn.grad(_total(fn.vmap(f, (0, None)))), fn.grad(_total(_loop(f)))
    _same(fn.jvp(vmapped, (X, W), direction), fn.jvp(looped, (X, W), direction))


@BOTH
def test_nested(f: Any) -> None:
    many = np.stack([W, W + 1.0])
    nested = fn.vmap(fn.vmap(f, (0, None)), (None, 0))
    found = nested(X, many)
    assert CALLS == ["f"]
    _same(found, fn.tree.map(lambda *leaves: np.stack(leaves), *[_loop(f)(X, w) for w in many]))
    gradient = fn.grad(_total(nested), (0, 1))(X, many)
    looped = fn.grad(lambda x, ws: _total(_loop(f))(x, ws[0]) + _total(_loop(f))(x, ws[1]), (0, 1))(X, many)
    _same(gradient, looped)


@BOTH
def test_shapes(f: Any) -> None:
    spec = fn.eval_shape(fn.grad(_total(fn.vmap(f, (0, None))), (0, 1)), X, W)
    assert [s.shape for s in spec] == [(6, 5), (5,)]


def test_values_that_rules_read() -> None:
    @fn.custom_vjp
    def f(x: Any) -> Any:
        return x * x

    f.defvjp(lambda x: (x * x, float(x)), lambda x, g: (2.0 * x * g,))
    with pytest.raises(AbstractValueError, match=r"float\(\) needs one value"):
        fn.grad(lambda x: xp.sum(fn.vmap(f)(x)))(X[0])


def test_a_black_box_is_called_for_each_element() -> None:
    seen = []

    def host(x: Any) -> Any:
        seen.append(x.shape)
        return np.sin(x)

    box = fn.external(host)
    np.testing.assert_allclose(fn.vmap(box)(X), np.sin(X))
    assert seen == [(5,)] * 6


def test_mapped_arrays_from_outside_are_refused() -> None:
    def outer(w: Any, x: Any) -> Any:
        f = fn.custom_vjp(lambda x: x * w)
        f.defvjp(lambda x: (x * w, None), lambda _, g: (g * w,))
        return f(x)

    for axes in ((0, 0), (0, None)):
        with pytest.raises(NotDifferentiableError, match=r"(?s)fn.vmap maps and that is not among.*write: +f\(x, w\)"):
            fn.vmap(outer, axes)(X[0], X[0] if axes[1] == 0 else np.array(2.0))


def test_black_boxes_of_batches() -> None:
    box = fn.external(np.sin, vjp=lambda g, y, x: (g * xp.cos(x),), shape=lambda x: x.shape)
    np.testing.assert_allclose(fn.vmap(fn.grad(lambda x: xp.sum(box(x))))(X), np.cos(X), rtol=1e-15)
    np.testing.assert_allclose(fn.grad(lambda x: xp.sum(fn.vmap(box)(x)))(X), np.cos(X), rtol=1e-15)
    second = fn.vmap(fn.hessian(lambda x: xp.sum(box(x))))(X)
    np.testing.assert_allclose(second, [np.diag(-np.sin(x)) for x in X], rtol=1e-15)


def test_solvers_of_batches() -> None:
    @fn.implicit.root(lambda y, a: y * y - a)
    def root(init: Any, a: Any) -> Any:
        return np.sqrt(np.asarray(a))

    a = np.abs(X) + 1.0
    np.testing.assert_allclose(fn.vmap(lambda a: root(None, a))(a), np.sqrt(a), rtol=1e-15)
    np.testing.assert_allclose(fn.vmap(fn.grad(lambda a: xp.sum(root(None, a))))(a), 0.5 / np.sqrt(a), rtol=1e-14)
    np.testing.assert_allclose(
        fn.grad(lambda a: xp.sum(fn.vmap(root, (None, 0))(None, a)))(a), 0.5 / np.sqrt(a), rtol=1e-14
    )
