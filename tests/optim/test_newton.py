"""Solvers with second derivatives on functions whose minima are known, against SciPy."""

import numpy as np
import pytest
import scipy.optimize

import funcnet as fn
from funcnet import optim, tree, xp
from funcnet.errors import DtypeError, ParameterError
from funcnet.testing.backends import backend_params

X0 = np.array([-1.2, 1.0])
RNG = np.random.default_rng(0)
T = np.linspace(0.0, 2.0, 40)
Y = 2.5 * np.exp(-1.3 * T) + 0.5 + 0.01 * RNG.standard_normal(40)


def rosenbrock(p):
    x, y = (p["x"], p["y"]) if isinstance(p, dict) else (p[0], p[1])
    return 100.0 * (y - x**2) ** 2 + (1.0 - x) ** 2


def valley(p):
    x, y = (p["x"], p["y"]) if isinstance(p, dict) else (p[0], p[1])
    return xp.stack([10.0 * (y - x**2), 1.0 - x])


def decay(p):
    return p["a"] * xp.exp(-p["rate"] * T) + p["floor"] - Y


def wave(p):
    """Goldstein and Price's function."""
    x, y = p[0], p[1]
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    return first * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))


MINIMA = {
    "Rosenbrock": (rosenbrock, [-1.2, 1.0], [1.0, 1.0], 0.0),
    "sphere": (lambda p: xp.sum(p**2), [3.0, -2.0], [0.0, 0.0], 0.0),
    "Matyas": (lambda p: 0.26 * (p[0] ** 2 + p[1] ** 2) - 0.48 * p[0] * p[1], [3.0, -5.0], [0.0, 0.0], 0.0),
    "Goldstein and Price": (wave, [0.1, -1.1], [0.0, -1.0], 3.0),
}


def squares(solver, **options):
    return solver(decay, {"a": np.array(1.0), "rate": np.array(0.5), "floor": np.array(0.0)}, **options)


def errors():
    # By complex steps: with differences its result has ten digits.
    theirs = scipy.optimize.least_squares(
        lambda v: v[0] * np.exp(-v[2] * T) + v[1] - Y, [1.0, 0.0, 0.5], jac="cs", xtol=1e-15, ftol=1e-15, gtol=1e-15
    ).x
    for solver in (optim.gauss_newton, optim.levenberg_marquardt):
        got = np.array(tree.leaves(squares(solver, tol=1e-11).params))
        yield solver.__name__, "scipy", float(np.max(np.abs(got - theirs)) / np.max(np.abs(theirs)))


def test_least_squares_equal_scipy():
    found = list(errors())
    assert max(error for *_, error in found) < 1e-10, found


@pytest.mark.requirement("D141", "D154")
@pytest.mark.parametrize("name", MINIMA)
def test_known_minima(name):
    f, start, where, value = MINIMA[name]
    result = optim.newton_cg(f, np.array(start), tol=1e-9)
    assert bool(result.converged)
    np.testing.assert_allclose(result.params, where, atol=1e-8)
    np.testing.assert_allclose(result.value, value, atol=1e-12)
    assert int(result.steps) < 80


@pytest.mark.requirement("D141")
def test_rosenbrock_by_gradient_descent_and_by_newton():
    opt, x = optim.sgd(1e-3), np.array([0.0, 2.0])
    state = opt.init(x)
    for _ in range(10_000):
        updates, state = opt.update(fn.grad(rosenbrock)(x), state, x)
        x = optim.apply_updates(x, updates)
    np.testing.assert_allclose(x, 1.0, atol=0.02)
    x = np.array([0.0, 2.0])
    for _ in range(6):
        x = x - np.linalg.solve(fn.hessian(rosenbrock)(x), fn.grad(rosenbrock)(x))
    np.testing.assert_allclose(x, 1.0, atol=1e-10)


@pytest.mark.parametrize("solver", [optim.newton_cg, optim.gauss_newton, optim.levenberg_marquardt])
def test_rosenbrock_on_a_tree(solver):
    f = rosenbrock if solver is optim.newton_cg else valley
    result = solver(f, {"x": np.array(-1.2), "y": np.array(1.0)}, tol=1e-10)
    assert bool(result.converged)
    for leaf in result.params.values():
        np.testing.assert_allclose(leaf, 1.0, atol=1e-9)


def test_negative_curvature_and_many_dimensions():
    # A saddle at 0, minima at -1 and 1.
    f = lambda x: xp.sum((x**2 - 1) ** 2) + 0.01 * xp.sum(x)  # noqa: E731
    result = optim.newton_cg(f, np.linspace(-0.3, 0.3, 12))
    assert bool(result.converged)
    assert (np.linalg.eigvalsh(fn.hessian(f)(result.params)) > 0).all()


def test_a_jacobian_that_is_not_of_full_rank():
    result = optim.levenberg_marquardt(lambda p: xp.stack([p[0] + p[1] - 1, 2 * (p[0] + p[1] - 1)]), np.zeros(2))
    assert bool(result.converged)
    np.testing.assert_allclose(result.params.sum(), 1.0, atol=1e-8)


def test_what_does_not_converge_says_so():
    for result in (
        optim.newton_cg(rosenbrock, X0, max_steps=2),
        optim.gauss_newton(decay, {"a": np.array(9.0), "rate": np.array(5.0), "floor": np.array(-9.0)}, max_steps=1),
        optim.levenberg_marquardt(valley, X0, max_steps=1),
    ):
        assert not bool(result.converged)
        assert int(result.steps) <= 2
        assert float(result.grad_norm) > 1e-8


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize("solver", [optim.newton_cg, optim.gauss_newton, optim.levenberg_marquardt])
def test_on_every_backend(case, solver):
    dtype = "float64" if "float64" in case.dtypes() else "float32"
    f = rosenbrock if solver is optim.newton_cg else valley
    with case.active():
        start = {"x": case.asarray(np.array(-1.2, dtype)), "y": case.asarray(np.array(1.0, dtype))}
        result = solver(f, start, tol=1e-8 if dtype == "float64" else 1e-3)
        assert {fn.backends.backend_of(leaf).name for leaf in tree.leaves(result)} == {case.backend_name}
        got = [float(case.to_numpy(leaf)) for leaf in result.params.values()]
    np.testing.assert_allclose(got, 1.0, atol=1e-6 if dtype == "float64" else 1e-2)


def test_arguments_are_checked():
    for solver in (optim.newton_cg, optim.gauss_newton, optim.levenberg_marquardt):
        with pytest.raises(ParameterError, match=f"optim.{solver.__name__} takes a function"):
            solver(3, X0)
        with pytest.raises(ParameterError, match="got a tolerance"):
            solver(valley, X0, tol=-1.0)
        with pytest.raises(ParameterError, match="got a number of steps"):
            solver(valley, X0, max_steps=0)
        with pytest.raises(DtypeError, match="real floating-point"):
            solver(valley, np.array([1, 2]))
    with pytest.raises(ParameterError, match="got a damping"):
        optim.levenberg_marquardt(valley, X0, damping=0.0)
