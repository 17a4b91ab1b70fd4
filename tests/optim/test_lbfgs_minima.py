"""Whole runs of L-BFGS: to minima that are known, and along the iterates of conjugate gradients.

Steps of two implementations drift apart on a curved valley; where they end does not.
"""

import functools

import numpy as np
import pytest
from scipy import optimize
from scipy.sparse import linalg

from funcnet import optim, xp

BOUND = 1e-10


def run(opt, f, x, steps):
    """Return the iterates."""
    state = opt.init(x)
    both = optim.value_and_grad_from_state(f)
    found = []
    for _ in range(steps):
        value, grad = both(x, state=state)
        updates, state = opt.update(grad, state, x, value=value, grad=grad, value_fn=f)
        x = optim.apply_updates(x, updates)
        found.append(x)
    return found


def relative(got, wanted):
    return float(np.max(np.abs(got - wanted)) / np.max(np.abs(wanted)))


def quadratic(size, condition, seed=0):
    """Return the matrix and the vector of ``x A x / 2 - b x``, and the function."""
    r = np.random.default_rng(seed)
    q, _ = np.linalg.qr(r.standard_normal((size, size)))
    a = q * np.geomspace(1, condition, size) @ q.T
    a, b = (a + a.T) / 2, r.standard_normal(size)
    return a, b, lambda x: 0.5 * xp.sum(x * (a @ x)) - xp.sum(b * x)


#: size, condition -> options and number of steps.
QUADRATICS = {
    (6, 10.0): ({}, 30),
    (20, 100.0): ({"memory_size": 3}, 150),
    (20, 101.0): ({}, 120),
    (20, 1e4): ({"memory_size": 30}, 170),
}


@functools.cache
def error_of_quadratic(size, condition):
    a, b, f = quadratic(size, condition)
    options, steps = QUADRATICS[size, condition]
    return relative(run(optim.lbfgs(**options), f, np.zeros(size), steps)[-1], np.linalg.solve(a, b))


def rosenbrock(x):
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


#: Size -> number of steps. The minimum is where all are 1; further starts end there as well.
VALLEYS = {2: 60, 5: 80, 10: 110}


@functools.cache
def error_of_valley(size):
    start = np.tile([-1.2, 1.0], size)[:size]
    return relative(run(optim.lbfgs(), rosenbrock, start, VALLEYS[size])[-1], np.ones(size))


def regression():
    """Return a logistic regression with a penalty: the function, its gradient and its matrix in NumPy, and its size."""
    r = np.random.default_rng(1)
    x, y = r.standard_normal((80, 5)), np.sign(r.standard_normal(80))

    def f(w):
        return xp.mean(xp.logaddexp(xp.zeros(80, dtype="float64"), -y * (x @ w))) + 0.01 * xp.sum(w * w)

    def share(w):
        return 1 / (1 + np.exp(y * (x @ w)))

    def gradient(w):
        return -(x.T @ (y * share(w))) / 80 + 0.02 * w

    def matrix(w):
        return (x.T * (share(w) * (1 - share(w)))) @ x / 80 + 0.02 * np.eye(5)

    return f, gradient, matrix, 5


@functools.cache
def error_of_regression():
    f, gradient, matrix, size = regression()
    # Newton's steps by hand-written derivatives: to the last digits, which SciPy's own L-BFGS does not reach.
    wanted = optimize.root(gradient, np.zeros(size), jac=matrix, tol=1e-15).x
    assert np.abs(gradient(wanted)).max() < 1e-15
    return relative(run(optim.lbfgs(), f, np.zeros(size), 40)[-1], wanted)


def exact_steps(a, b):
    """Return the transform that goes to the minimum of a quadratic along the direction it is given."""

    def update(updates, state, params):
        return updates * (-xp.sum(updates * (a @ params - b)) / xp.sum(updates * (a @ updates))), state

    return optim.Transform(lambda params: (), update)


@functools.cache
def error_of_iterates(memory_size):
    a, b, _ = quadratic(12, 50.0, seed=2)
    wanted = []
    linalg.cg(a, b, rtol=1e-14, maxiter=11, callback=lambda x: wanted.append(x.copy()))
    opt = optim.chain(optim.scale_by_lbfgs(memory_size=memory_size), exact_steps(a, b))
    x, state = np.zeros(12), opt.init(np.zeros(12))
    worst = 0.0
    for other in wanted:
        updates, state = opt.update(a @ x - b, state, x)
        x = optim.apply_updates(x, updates)
        worst = max(worst, relative(x, other))
    assert len(wanted) == 11
    return worst


def errors():
    for size, condition in QUADRATICS:
        yield f"lbfgs, quadratic of {size}, condition {condition:g}", "closed form", error_of_quadratic(size, condition)
    for size in VALLEYS:
        yield f"lbfgs, Rosenbrock's valley of {size}", "closed form", error_of_valley(size)
    yield "lbfgs, logistic regression", "scipy", error_of_regression()
    for memory_size in (1, 10):
        name = f"scale_by_lbfgs({memory_size}), exact steps: conjugate gradients"
        yield name, "scipy", error_of_iterates(memory_size)


@pytest.mark.parametrize(("size", "condition"), QUADRATICS)
def test_minima_of_quadratics(size, condition):
    assert error_of_quadratic(size, condition) < BOUND


@pytest.mark.parametrize("size", VALLEYS)
def test_the_end_of_the_valley(size):
    assert error_of_valley(size) < BOUND


def test_the_minimum_that_scipy_finds():
    assert error_of_regression() < BOUND


@pytest.mark.parametrize("memory_size", [1, 3, 10])
def test_exact_steps_on_a_quadratic_are_those_of_conjugate_gradients(memory_size):
    # Then all but the last of the differences that it remembers are orthogonal to the gradient.
    assert error_of_iterates(memory_size) < BOUND


def test_scipys_own_ends_in_the_same_place():
    start = np.array([-1.2, 1.0, 0.5])
    found = optimize.minimize(
        lambda x: (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(),
        start,
        jac=lambda x: optimize.rosen_der(x),
        method="L-BFGS-B",
        options={"ftol": 1e-20, "gtol": 1e-12},
    )
    np.testing.assert_allclose(run(optim.lbfgs(), rosenbrock, start, 60)[-1], found.x, rtol=1e-7)
