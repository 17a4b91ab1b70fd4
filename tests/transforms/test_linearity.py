"""Rules that are transposed have to be linear: those that are, by any operations, and those that are not."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import NotDifferentiableError

X = np.array([0.3, 0.7, -1.2])
W = np.arange(9.0).reshape(3, 3) + np.eye(3)
ONES = np.ones(3)

LINEAR: dict[str, Any] = {
    "products": lambda x, t: xp.cos(x) * t,
    "matrices": lambda x, t: W @ t,
    "choices": lambda x, t: xp.where(x > 0, t, 0.0),
    "systems": lambda x, t: xp.linalg.solve(W, t),
    "transforms": lambda x, t: xp.fft.irfft(xp.fft.rfft(t), n=3),
    "parts": lambda x, t: xp.concat([t[1:], xp.at(t, 0).set(0.0)[:1]]),
    "places": lambda x, t: t[xp.argsort(x)],
    "sums": lambda x, t: xp.cumulative_sum(t) + xp.mean(t),
    "no tangent": lambda x, t: None,
    "zeros": lambda x, t: xp.zeros_like(t),
    "a loop": lambda x, t: fn.scan(lambda c, _: (0.1 * W @ c, None), t, None, length=3)[0],
    "a branch": lambda x, t: fn.cond(xp.sum(x) > 0, lambda t: 2.0 * t, lambda t: t, t),
    "a graph": lambda x, t: fn.jit(lambda x, t: t * xp.cos(x))(x, t),
    "a derivative": lambda x, t: fn.jvp(xp.sin, (x,), (t,))[1],
    "a linearized function": lambda x, t: fn.linearize(xp.sin, x)[1](t),
    "a checkpoint": lambda x, t: fn.checkpoint(lambda t: t * x)(t),
}
OTHERS: dict[str, Any] = {
    "a square": lambda x, t: t**2,
    "a magnitude": lambda x, t: xp.abs(t),
    "a bound": lambda x, t: xp.clip(t, -1.0, 1.0),
    "a choice by the direction": lambda x, t: xp.where(t > 0, t, 0.0),
    "a norm": lambda x, t: t / xp.linalg.vector_norm(t + 1e-3),
    "an order": lambda x, t: xp.sort(t),
    "a maximum": lambda x, t: xp.max(t) + 0.0 * t,
    "a constant": lambda x, t: t * xp.cos(x) + 1.0,
    "an element that is constant": lambda x, t: xp.at(t, 0).set(xp.cos(x[0])),
    "a square in a loop": lambda x, t: fn.scan(lambda c, v: (c * v + v, c), t[0], t)[1],
}


#: What is noticed by values, which a graph that is being captured does not have.
_BY_VALUES = {"a square in a loop", "a constant", "an element that is constant"}


def with_jvp(rule: Any) -> Any:
    @fn.custom_jvp
    def f(x: Any) -> Any:
        return xp.sin(x)

    f.defjvp(lambda primals, tangents: (xp.sin(primals[0]), rule(primals[0], tangents[0])))
    return f


def with_vjp(rule: Any) -> Any:
    @fn.custom_vjp
    def f(x: Any) -> Any:
        return xp.sin(x)

    f.defvjp(lambda x: (xp.sin(x), x), lambda x, g: (rule(x, g),))
    return f


def backwards(f: Any, x: Any) -> Any:
    return fn.vjp(f, x)[1](ONES)[0]


def forwards(f: Any, x: Any) -> Any:
    return fn.jvp(f, (x,), (ONES,))[1]


def matrix(rule: Any) -> np.ndarray:
    return np.stack([np.zeros(3) if (t := rule(X, e)) is None else np.asarray(t) for e in np.eye(3)], axis=-1)


@pytest.mark.parametrize("name", LINEAR)
def test_linear_rules_are_transposed(name: str) -> None:
    rule = LINEAR[name]
    wanted = matrix(rule).T @ ONES
    for f, mode in ((with_jvp(rule), backwards), (with_vjp(rule), forwards)):
        for transform in (lambda g: g, lambda g: lambda x: fn.vmap(g)(x[None])[0], fn.jit):
            np.testing.assert_allclose(transform(lambda x, f=f, m=mode: m(f, x))(X), wanted, atol=1e-14)
        fn.jacrev(lambda x, f=f, m=mode: m(f, x))(X)
        fn.jacfwd(lambda x, f=f, m=mode: m(f, x))(X)


@pytest.mark.parametrize("name", OTHERS)
def test_other_rules_are_refused(name: str) -> None:
    rule = OTHERS[name]
    for f, mode, text in (
        (with_jvp(rule), backwards, "jvp rule of 'f', which reverse mode transposes, is not linear"),
        (with_vjp(rule), forwards, "backward rule of 'f', which forward mode transposes, is not linear"),
    ):
        with pytest.raises(NotDifferentiableError, match=text):
            mode(f, X)
        with pytest.raises(NotDifferentiableError, match=text):
            fn.vmap(lambda x, f=f, m=mode: m(f, x))(X[None])
        if name not in _BY_VALUES:
            with pytest.raises(NotDifferentiableError, match=text):
                fn.jit(lambda x, f=f, m=mode: m(f, x))(X)


@pytest.mark.parametrize("name", OTHERS)
def test_the_mode_of_the_rule_takes_it_as_it_is(name: str) -> None:
    rule = OTHERS[name]
    np.testing.assert_array_equal(forwards(with_jvp(rule), X), rule(X, ONES))
    np.testing.assert_array_equal(backwards(with_vjp(rule), X), rule(X, ONES))


def test_a_black_box_with_a_rule_that_is_not_linear() -> None:
    f = fn.external(np.sin, vjp=lambda g, y, x: (g * g,))
    np.testing.assert_array_equal(backwards(f, X), ONES)
    with pytest.raises(NotDifferentiableError, match="backward rule of 'sin', which forward mode transposes"):
        forwards(f, X)


LATER: dict[str, Any] = {
    "jacrev": lambda f, x: fn.jacrev(f)(x) @ x,
    "linearize": lambda f, x: fn.linearize(f, x)[1](x),
    "transpose of linearize": lambda f, x: fn.linear_transpose(fn.linearize(f, x)[1], x)(x)[0],
    "vmap": lambda f, x: fn.vmap(fn.vjp(f, x)[1])(np.diag(x))[0].sum(axis=0),
    "jvp": lambda f, x: fn.jvp(fn.vjp(f, x)[1], (x,), (x,))[1][0],
    "grad": lambda f, x: fn.grad(lambda c: xp.sum(fn.vjp(f, x)[1](c)[0] * x))(x),
}


@pytest.mark.parametrize("name", LATER)
def test_transposes_under_transformations_that_start_later(name: str) -> None:
    """What follows the direction lay inside of their arrays: it came out with the results, and was not looked at."""
    x = np.array([1.0, 4.0, 9.0])
    root = fn.implicit.root(lambda y, a: y * y - a)(lambda _, a: np.sqrt(a))
    f = with_jvp(lambda x, t: fn.jvp(lambda a: root(None, a), (x,), (t,))[1])
    found = LATER[name](f, x)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, 0.5 * np.sqrt(x))
    with pytest.raises(NotDifferentiableError, match="which reverse mode transposes, is not linear"):
        LATER[name](with_jvp(lambda x, t: t * xp.abs(t)), x)
