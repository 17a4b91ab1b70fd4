"""Rules of functions in graphs: what is captured first and differentiated later has the derivatives of the rules."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import passes
from funcnet.compiler.capture import interpret
from funcnet.compiler.plain import plain_plan

X = np.array([1.0, 2.0, -3.0])


# A rule that is not the derivative shows who is asked.
@fn.custom_vjp
def ruled(x: Any) -> Any:
    return x * x


ruled.defvjp(lambda x: (x * x, x), lambda x, g: (g * x * 3.0,))


@fn.custom_jvp
def pushed(x: Any) -> Any:
    return x * x


pushed.defjvps(lambda t, y, x: 5.0 * x * t)


@partial(fn.custom_vjp, nondiff_argnums=(1,))
def scaled(x: Any, by: Any) -> Any:
    return x * x * by["s"]


scaled.defvjp(lambda x, by: (x * x * by["s"], x), lambda by, x, g: (g * 7.0 * x * by["s"],))


def branch(f: Any) -> Any:
    return lambda x: fn.cond(xp.sum(x) > -9.0, f, lambda x: x, x)


def loop(f: Any) -> Any:
    return lambda x: fn.scan(lambda c, _: (c * 0.0 + f(x), None), x, None, length=2)[0]


FORMS = pytest.mark.parametrize("form", [lambda f: f, branch, loop, fn.jit, lambda f: branch(loop(f))])


@FORMS
@pytest.mark.parametrize(("f", "slope"), [(ruled, 3.0), (pushed, 5.0)])
class TestDerivatives:
    def test_reverse(self, form: Any, f: Any, slope: float) -> None:
        g = lambda x: xp.sum(form(f)(x))  # noqa: E731
        np.testing.assert_allclose(fn.grad(fn.jit(g))(X), slope * X)
        np.testing.assert_allclose(fn.jit(fn.grad(g))(X), slope * X)
        np.testing.assert_allclose(fn.jit(fn.grad(fn.jit(g)))(X), slope * X)

    def test_forward(self, form: Any, f: Any, slope: float) -> None:
        g = form(f)
        for h in (fn.jit(g), g):
            y, t = fn.jit(lambda x, h=h: fn.jvp(h, (x,), (xp.ones_like(x),)))(X)
            np.testing.assert_allclose(y, X * X)
            np.testing.assert_allclose(t, slope * X)
        np.testing.assert_allclose(fn.jvp(fn.jit(g), (X,), (np.ones(3),))[1], slope * X)

    def test_second_order(self, form: Any, f: Any, slope: float) -> None:
        g = lambda x: xp.sum(form(f)(x))  # noqa: E731
        np.testing.assert_allclose(fn.hessian(fn.jit(g))(X), slope * np.eye(3))
        np.testing.assert_allclose(fn.jit(fn.hessian(g))(X), slope * np.eye(3))

    def test_batches(self, form: Any, f: Any, slope: float) -> None:
        g = fn.grad(lambda x: xp.sum(form(f)(x)))
        batch = np.stack([X, 2.0 * X])
        np.testing.assert_allclose(fn.vmap(fn.jit(g))(batch), slope * batch)
        np.testing.assert_allclose(fn.jit(fn.vmap(g))(batch), slope * batch)
        h = fn.jit(lambda b: xp.sum(fn.vmap(form(f))(b)))
        np.testing.assert_allclose(fn.grad(h)(batch), slope * batch)

    def test_values(self, form: Any, f: Any, slope: float) -> None:
        np.testing.assert_allclose(fn.jit(form(f))(X), X * X)
        graph = fn.trace(fn.value_and_grad(lambda x: xp.sum(form(f)(x))), X)
        value, g = interpret(graph, [X])
        np.testing.assert_allclose(value, X @ X)
        np.testing.assert_allclose(g, slope * X)


def test_arguments_that_are_not_differentiated() -> None:
    f = lambda x, s: xp.sum(scaled(x, {"s": s, "name": "held"}))  # noqa: E731
    s = np.array(2.0)
    np.testing.assert_allclose(fn.grad(fn.jit(f))(X, s), 14.0 * X)
    np.testing.assert_allclose(fn.jit(fn.grad(f))(X, s), 14.0 * X)
    np.testing.assert_allclose(
        fn.grad(fn.jit(lambda x, s: branch(lambda x: scaled(x, {"s": s}))(x).sum()))(X, s), 14 * X
    )
    np.testing.assert_allclose(fn.vmap(fn.jit(f), in_axes=(None, 0))(X, np.ones(2)), 14.0 * np.ones(2))
    with pytest.raises(fn.errors.NotDifferentiableError, match="not among its arguments"):
        fn.grad(fn.jit(f), 1)(X, s)


def test_arrays_from_outside() -> None:
    def f(x: Any, w: Any) -> Any:
        @fn.custom_vjp
        def g(x: Any) -> Any:
            return x * w

        g.defvjp(lambda x: (x * w, None), lambda _, g: (g * w,))
        return xp.sum(g(x))

    np.testing.assert_allclose(fn.jit(f)(X, X), X @ X)
    np.testing.assert_allclose(fn.jit(fn.grad(f))(X, X), X)
    # The rules see a tracer of a capture that is over, and have no derivative for it.
    with pytest.raises(fn.errors.EscapedTracerError, match="jit transformation has ended"):
        fn.grad(fn.jit(f))(X, X)
    for g in (fn.grad(f, 1), fn.jit(fn.grad(f, 1)), fn.grad(fn.jit(f), 1)):
        with pytest.raises(fn.errors.NotDifferentiableError, match="not among its arguments"):
            g(X, X)


def test_one_call_twice_in_a_graph() -> None:
    inner = fn.trace(lambda x: xp.sin(ruled(x)), X)

    def f(x: Any) -> Any:
        return interpret(inner, interpret(inner, [x]))

    graph = fn.trace(f, X)
    expanded = passes.expand_calls(graph)
    expanded.verify()
    assert [e.primitive.name for e in expanded.equations] == ["multiply", "sin"] * 2
    wanted = np.sin(np.sin(X * X) ** 2)
    np.testing.assert_allclose(plain_plan(expanded)(X)[0], wanted)
    np.testing.assert_allclose(plain_plan(passes.optimised(graph))(X)[0], wanted)


def test_results_that_are_arguments_and_constants() -> None:
    @fn.custom_vjp
    def f(x: Any) -> Any:
        return x, np.array([1.0, 2.0, 3.0]), 4.0

    f.defvjp(lambda x: ((x, np.array([1.0, 2.0, 3.0]), 4.0), None), lambda _, g: (g[0] * 2.0 + g[1],))

    def total(x: Any) -> Any:
        a, b, c = f(x)
        return xp.sum(a + b * c)

    np.testing.assert_allclose(fn.jit(total)(X), np.sum(X) + 24.0)
    np.testing.assert_allclose(fn.grad(fn.jit(total))(X), 6.0 * np.ones(3))


def test_print() -> None:
    assert str(fn.trace(ruled, X)) == (
        "graph(a: float64[3])\n"
        "  b: float64[3] = ruled(a) {\n"
        "    graph(c: float64[3])\n"
        "      d: float64[3] = multiply(c, c)\n"
        "      return d\n"
        "  }\n"
        "  return b"
    )
