"""What captured branches and steps do on arrays from outside is done when they run, and only then."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import EscapedTracerError

YES, NO = np.array(True), np.array(False)
SINGULAR = np.zeros((2, 2))


def same(f: Callable[..., Any], *args: Any) -> None:
    wanted, found = f(*args), fn.jit(f)(*args)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def tried_index(chosen: Any, x: Any, i: Any) -> Any:
    return fn.cond(chosen, lambda: x[i], lambda: x[0])


def tried_inverse(chosen: Any, a: Any) -> Any:
    return fn.cond(chosen, lambda: xp.linalg.inv(a), lambda: a)


def tried_constant(chosen: Any, x: Any) -> Any:
    return fn.cond(chosen, lambda: x @ xp.linalg.inv(xp.asarray(SINGULAR)), lambda: x)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (tried_index, (np.arange(3.0), np.array(7))),
        (tried_inverse, (SINGULAR,)),
        (tried_constant, (np.eye(2),)),
    ],
)
def test_what_fails_in_a_branch_that_is_not_chosen(f: Any, args: Any) -> None:
    same(f, NO, *args)
    # Inside of a loop, whose steps would be relieved of what is the same in all.
    same(lambda c, *rest: fn.scan(lambda s, k: (s, f(k, *rest)), 0.0, c)[1], np.array([False, False]), *args)
    with pytest.raises((IndexError, np.linalg.LinAlgError)):
        fn.jit(f)(YES, *args)


def test_a_loop_in_a_branch_that_is_not_chosen() -> None:
    steps: list[int] = []
    count = fn.external(lambda k: (steps.append(1), k - 1)[1], shape=lambda k: k)

    def f(n: Any) -> Any:
        return fn.cond(n >= 0, lambda: fn.while_loop(lambda k: k > -3, count, n), lambda: n)

    assert int(fn.jit(f)(np.array(-1))) == -1
    assert not steps
    assert int(fn.jit(f)(np.array(0))) == -3
    assert len(steps) == 3


def test_what_fails_in_a_loop_that_makes_no_step() -> None:
    def f(a: Any, n: Any) -> Any:
        return fn.while_loop(lambda s: s[0] > 0, lambda s: (s[0] - 1, s[1] @ xp.linalg.inv(a)), (n, np.eye(2)))[1]

    same(f, SINGULAR, np.array(0))
    same(f, 2 * np.eye(2), np.array(3))


def test_prints_of_arrays_from_outside(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any, chosen: Any) -> Any:
        fn.cond(chosen, lambda: (fn.debug_print("yes {}", x), x)[1], lambda: (fn.debug_print("no {}", x), x)[1])
        fn.scan(lambda c, _: ((fn.debug_print("step {}", x), c)[1], None), 0.0, np.zeros(2))
        return fn.while_loop(lambda n: (fn.debug_print("n {}", x), n < 2)[1], lambda n: n + 1, 0)

    for chosen in (YES, NO):
        f(np.array(1.5), chosen)
        wanted = capsys.readouterr().out
        assert wanted.splitlines() == ["yes 1.5" if chosen else "no 1.5", *["step 1.5"] * 2, *["n 1.5"] * 3]
        fn.jit(f)(np.array(1.5), chosen)
        assert capsys.readouterr().out == wanted


def two_ways(x: Any, w: Any) -> Any:
    """Of closed-over arrays alone, by a rule of its own, by another transformation within, and by a loop."""
    square = lambda u: xp.sum(xp.sin(w) * u * u)  # noqa: E731
    return fn.cond(
        xp.sum(x) > 0,
        lambda: xp.sum(fn.grad(square)(x * w)) + xp.sum(fn.checkpoint(lambda: xp.exp(w) * w)()),
        lambda: fn.scan(lambda c, a: (c + fn.cond(a > 0, lambda: xp.sum(w * x), lambda: w[0]), None), xp.sum(w), x)[0],
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_derivatives_with_respect_to_arrays_from_outside(sign: int) -> None:
    x, w = sign * np.array([0.5, -0.2, 0.9]), np.array([0.3, -0.7, 1.1])
    for transform in (
        lambda f: fn.grad(f, (0, 1)),
        lambda f: lambda x, w: fn.hessian(lambda w: f(x, w))(w),
        lambda f: lambda x, w: fn.vmap(f)(xp.stack([x, -x]), xp.stack([w, x])),
        lambda f: lambda x, w: fn.jvp(fn.grad(lambda w: f(x, w)), (w,), (x,)),
    ):
        wanted = fn.tree.leaves(transform(two_ways)(x, w))
        for g in (fn.jit(transform(two_ways)), transform(fn.jit(two_ways))):
            for a, b in zip(fn.tree.leaves(g(x, w)), wanted, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_what_is_known_stays_known_in_a_branch() -> None:
    def f(x: Any) -> Any:
        n = xp.asarray(2)
        return fn.cond(xp.sum(x) > 0, lambda: x[: int(n + 1)], lambda: x[: int(n * 1) + 1])

    same(f, np.arange(5.0))


def test_what_is_made_in_a_branch_stays_there() -> None:
    def f(x: Any) -> Any:
        kept: list[Any] = []
        return fn.cond(x[0] > 0, lambda: (kept.append(x * 2), x)[1], lambda: x) + kept[0]

    with pytest.raises(EscapedTracerError, match=r"(?s)made in a branch.*test_captured.*before fn\.cond"):
        fn.jit(f)(np.ones(2))


def test_a_bound_that_is_mapped_over_outside_of_the_graph() -> None:
    def f(n: Any) -> Any:
        return fn.jit(lambda x: fn.fori_loop(0, xp.astype(n, xp.int64), lambda i, y: 2 * y + i, x))(n)

    np.testing.assert_array_equal(fn.vmap(f)(np.array([1.0, 2.0, 0.0])), [2.0, 9.0, 0.0])


def test_functions_with_rules_on_arrays_from_outside_alone(capsys: pytest.CaptureFixture[str]) -> None:
    @fn.custom_vjp
    def shown(x: Any) -> Any:
        fn.debug_print("{}", x)
        return x * 1.0

    shown.defvjp(lambda x: (x * 1.0, x), lambda x, g: (g * x,))

    def f(x: Any) -> Any:
        return xp.sum(fn.vmap(lambda a: fn.scan(lambda c, b: (c + shown(a) * b, None), a, x)[0])(x))

    x = np.array([1.0, 2.0])
    wanted = f(x), fn.grad(f)(x)
    capsys.readouterr()
    f(x)
    prints = capsys.readouterr().out
    assert prints.count("\n") == 2
    assert fn.jit(f)(x) == wanted[0]
    assert capsys.readouterr().out == prints
    np.testing.assert_allclose(fn.jit(fn.grad(f))(x), wanted[1])
