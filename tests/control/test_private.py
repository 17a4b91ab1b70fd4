"""Functions of loops and branches that write into what they are given."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp

XS = np.array([1.0, 2.0, 3.0])


def _scanned(a, xs):
    def step(c, x):
        c += x
        return c, c

    return fn.scan(step, a, xs)


def _parts(a, xs):
    def step(c, x):
        x *= 2.0
        return c + x[0], x

    return fn.scan(step, a, xs[:, None] * np.ones(2))


def _counted(a, xs):
    def body(i, c):
        c *= xs[i % 3] if isinstance(i, int) else xs[0]
        return c

    return fn.fori_loop(0, 3, body, a)


def _while(a, xs):
    def body(c):
        c *= 1.0 + xs[0]
        return c

    return fn.while_loop(lambda c: c[0] < 40.0, body, a)


def _joined(a, xs):
    def combine(x, y):
        x += y
        return x

    return fn.associative_scan(combine, xs) + a[0]


def _mapped(a, xs):
    def f(x):
        x += a
        return x

    return fn.map(f, xs[:, None] * np.ones(2))


#: Programs and their results for `a` of threes and `XS`.
PROGRAMS = {
    "scan": (_scanned, [np.full(2, 9.0), np.array([[4.0, 4.0], [6.0, 6.0], [9.0, 9.0]])]),
    "parts": (_parts, [np.full(2, 15.0), np.array([[2.0, 2.0], [4.0, 4.0], [6.0, 6.0]])]),
    "fori_loop": (_counted, [np.full(2, 18.0)]),
    "while_loop": (_while, [np.full(2, 48.0)]),
    "associative_scan": (_joined, [np.array([4.0, 6.0, 9.0])]),
    "map": (_mapped, [np.array([[4.0, 4.0], [5.0, 5.0], [6.0, 6.0]])]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_step_writes_into_is_its_own(name):
    f, expected = PROGRAMS[name]
    a, xs = np.full(2, 3.0), XS.copy()
    runs = {
        "plain": lambda: f(a, xs),
        "reverse": lambda: fn.vjp(f, a, xs)[0],
        "forward": lambda: fn.jvp(f, (a, xs), (a, xs))[0],
        "vmap": lambda: fn.tree.map(lambda y: y[0], fn.vmap(f)(np.stack([a, 2 * a]), np.stack([xs, xs]))),
        "jit": lambda: fn.jit(f)(a, xs),
        "vmap in jit": lambda: fn.tree.map(lambda y: y[0], fn.jit(fn.vmap(f))(a[None], xs[None])),
    }
    for how, run in runs.items():
        for found, wanted in zip(fn.tree.leaves(run()), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-14, err_msg=how)
    np.testing.assert_array_equal(a, np.full(2, 3.0))
    np.testing.assert_array_equal(xs, XS)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_gradients_of_steps_that_write(checkpoint):
    def f(xs):
        def step(c, x):
            c *= x
            return c, c

        c, ys = fn.scan(step, np.ones(2) * xs[0], xs, checkpoint=checkpoint)
        return (c * ys).sum()

    def plain(xs):
        ys = xs[0] * xp.cumulative_prod(xs)
        return 2 * (ys[-1] * ys).sum()

    np.testing.assert_allclose(fn.grad(f)(XS), fn.grad(plain)(XS), rtol=1e-12)
    np.testing.assert_allclose(fn.jit(fn.grad(f))(XS), fn.grad(plain)(XS), rtol=1e-12)


def test_branches_that_write_do_not_see_each_other():
    def doubled(x):
        x *= 2.0
        return x

    def squared(x):
        x *= x
        return x

    def f(p, x):
        return fn.cond(p, doubled, squared, x), fn.switch(p * 1, [doubled, squared, lambda x: x], x)

    first, second = fn.vmap(f)(np.array([True, False]), np.array([[3.0], [3.0]]))
    np.testing.assert_array_equal(first, [[6.0], [9.0]])
    np.testing.assert_array_equal(second, [[9.0], [6.0]])


def test_elements_that_are_through_stay_as_they_are():
    def f(x):
        def body(c):
            c *= 2.0
            return c

        return fn.while_loop(lambda c: c[0] < 10.0, body, x)

    np.testing.assert_array_equal(fn.vmap(f)(np.array([[9.0], [1.0]])), [[18.0], [16.0]])


@pytest.mark.parametrize("init", [0.0, np.float64(0.0), np.array(0.0)])
def test_carried_numbers_are_replaced(init):
    def f(init, xs):
        def step(c, x):
            before = c
            c += x
            return c, before

        return fn.scan(step, init, xs)

    start = np.asarray(init)
    runs = [
        f(init, XS),
        fn.vjp(f, start, XS)[0],
        fn.jit(f)(start, XS),
        fn.vjp(lambda xs: f(init, xs), XS)[0],
        [y[0] for y in fn.vmap(f)(start[None], XS[None])],
    ]
    for last, befores in runs:
        assert last == 6.0
        np.testing.assert_array_equal(befores, [0.0, 1.0, 3.0])
