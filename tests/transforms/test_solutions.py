"""What solvers return is a solution, or has no derivative."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import NotDifferentiableError, ParameterError

A = np.array(4.0)
TEXT = "'solver' returned what is no solution"


def square_root(steps, **options):
    @fn.implicit.root(lambda y, a: y * y - a, **options)
    def solver(init, a):
        y = np.asarray(1.0, np.asarray(a).dtype)
        for _ in range(steps):
            y = (y + a / y) / 2
        return y

    return lambda a: solver(None, a)


MODES = [
    lambda f, a: fn.grad(f)(a),
    lambda f, a: fn.jvp(f, (a,), (np.ones_like(a),))[1],
    lambda f, a: fn.grad(fn.grad(f))(a),
    lambda f, a: fn.vmap(fn.grad(f))(np.stack([a, a])),
    lambda f, a: fn.vmap(lambda a: fn.jvp(f, (a,), (np.ones_like(a),))[1])(np.stack([a, a])),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_solver_that_stops_too_early(mode, dtype):
    a = A.astype(dtype)
    assert np.all(np.isfinite(mode(square_root(6), a)))
    with pytest.raises(NotDifferentiableError, match=TEXT + r"(?s:.*)residual of 2\.2e\+00"):
        mode(square_root(1), a)
    # Whoever knows better says so; the formula is evaluated where the solver stopped.
    assert np.all(np.isfinite(mode(square_root(1, tolerance=None), a)))
    assert np.all(np.isfinite(mode(square_root(1, tolerance=1.0), a)))


def test_a_result_without_derivative_is_not_checked():
    assert square_root(1)(A) == 2.5
    assert fn.vmap(square_root(1))(np.stack([A, A]))[0] == 2.5


def test_a_bound_that_is_met():
    @fn.implicit.optimum(lambda y, a: xp.sum((y - a) ** 2))
    def solver(init, a):
        return np.clip(a, 0.0, 1.0)

    np.testing.assert_allclose(fn.jacobian(lambda a: solver(None, a))(np.array([0.2, 0.7])), np.eye(2))
    with pytest.raises(NotDifferentiableError, match=TEXT):
        fn.jacobian(lambda a: solver(None, a))(np.array([0.2, 3.0]))


def test_an_iteration_that_goes_astray_and_one_that_fails():
    @fn.implicit.fixed_point(lambda y, a: xp.cos(y) * a)
    def solver(init, a):
        return init * a

    with pytest.raises(NotDifferentiableError, match=TEXT):
        fn.grad(lambda a: solver(np.array(3.0), a))(np.array(0.5))
    with pytest.raises(NotDifferentiableError, match=TEXT + r"(?s:.*)residual of nan"):
        fn.grad(lambda a: solver(np.array(np.nan), a))(np.array(0.5))


@pytest.mark.parametrize(("wrong", "right"), [(0.0, True), (1e-9, True), (1.0, False)])
def test_the_leaf_is_named(wrong, right):
    @fn.implicit.root(lambda y, a: {"u": 1e6 * (y["u"] - a), "v": 1e-6 * (y["v"] - a)})
    def solver(init, a):
        return {"u": a, "v": a + wrong}

    def f(a):
        return solver(None, a)["v"]

    if right:
        assert fn.grad(f)(A) == 1.0
    else:
        with pytest.raises(NotDifferentiableError, match=r"no solution at \.v, so"):
            fn.grad(f)(A)


@pytest.mark.parametrize("at", [0.0, 1e-12, 1e12])
def test_solutions_of_every_size(at):
    @fn.implicit.root(lambda y, a: xp.sinh(y * 1e-3) - xp.sinh(a * 1e-3) if at < 1 else y**3 - a**3)
    def solver(init, a):
        # As exact as a solver gets.
        return a * (1 + 1e-9) + 1e-17

    np.testing.assert_allclose(fn.grad(lambda a: solver(None, a))(np.array(at)), 1.0, rtol=1e-6)


def test_a_double_root_is_singular_but_a_solution():
    @fn.implicit.root(lambda y, a: (y - a) ** 2)
    def solver(init, a):
        return a

    with pytest.raises(NotDifferentiableError, match="is singular"):
        fn.grad(lambda a: solver(None, a))(A)


@pytest.mark.parametrize("backend", ["torch", "strict"])
def test_other_libraries(backend):
    with fn.use_backend(backend):
        a = xp.asarray([4.0, 9.0])
        for steps, right in ((8, True), (1, False)):

            @fn.implicit.root(lambda y, a: y * y - a)
            def solver(init, a, steps=steps):
                y = 0.0 * a + 1.0
                for _ in range(steps):
                    y = (y + a / y) / 2
                return y

            def f(a, solver=solver):
                return xp.sum(solver(None, a))

            if right:
                np.testing.assert_allclose(fn.to_numpy(fn.grad(f)(a)), [1 / 4, 1 / 6], rtol=1e-5)
            else:
                with pytest.raises(NotDifferentiableError, match=TEXT):
                    fn.grad(f)(a)


@pytest.mark.parametrize("bad", [0, -1.0, "small"])
def test_a_tolerance_that_nothing_keeps(bad):
    for decorator in (fn.implicit.root, fn.implicit.fixed_point, fn.implicit.optimum):
        with pytest.raises(ParameterError, match="takes a tolerance that a residual can keep"):
            decorator(lambda y, a: y - a, tolerance=bad)
