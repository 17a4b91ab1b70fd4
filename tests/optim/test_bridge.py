"""SciPy's solvers on trees."""

import sys

import numpy as np
import pytest
import scipy.optimize

from funcnet import optim, tree, xp
from funcnet.errors import DtypeError, MissingExtraError, ParameterError, TreeError
from funcnet.optim import bridge
from funcnet.testing.backends import backend_params

START = {"x": np.array([-1.2]), "y": np.array(1.0)}


def rosenbrock(p):
    return xp.sum(100.0 * (p["y"] - p["x"] ** 2) ** 2 + (1.0 - p["x"]) ** 2)


def near_one(params, atol):
    for leaf in tree.leaves(params):
        np.testing.assert_allclose(leaf, 1.0, atol=atol)


def errors():
    for method in ("BFGS", "Newton-CG", "trust-exact"):
        got = optim.minimize(rosenbrock, START, method=method)
        wanted = scipy.optimize.minimize(
            scipy.optimize.rosen,
            [-1.2, 1.0],
            method=method,
            jac=scipy.optimize.rosen_der,
            hess=None if method == "BFGS" else scipy.optimize.rosen_hess,
        )
        yield f"minimize, {method}", "scipy", float(np.max(np.abs(got.raw.x - wanted.x)))


def test_equal_to_scipy_with_derivatives_by_hand():
    found = list(errors())
    assert max(error for *_, error in found) < 1e-8, found


@pytest.mark.requirement("D141")
@pytest.mark.parametrize("method", bridge._METHODS)
def test_rosenbrock_by_every_method(method):
    options = {"maxiter": 5000} if method in ("CG", "trust-constr", "Nelder-Mead", "Powell") else {}
    if method == "COBYQA":
        options = {"maxfev": 800}
    if method == "TNC":
        options = {"maxfun": 1000}
    if method in ("dogleg", "COBYLA"):
        # The one needs a positive definite Hessian all the way, the other one very many steps.
        result = optim.minimize(rosenbrock, {"x": np.array([0.9]), "y": np.array(0.8)}, method=method)
    else:
        result = optim.minimize(rosenbrock, START, method=method, tol=1e-8, options=options)
    near_one(result.params, 0.2 if method == "COBYLA" else 1e-3)
    assert result.params["x"].shape == (1,)
    assert result.steps > 0
    assert isinstance(result.message, str)


def test_upper_and_lower_case():
    assert optim.minimize(rosenbrock, START, method="l-bfgs-b").converged


def test_bounds_on_parts_of_the_tree():
    result = optim.minimize(rosenbrock, START, method="L-BFGS-B", bounds=({"x": None, "y": 2.0}, 3.0))
    assert result.converged
    np.testing.assert_allclose(result.params["y"], 2.0)
    np.testing.assert_allclose(abs(result.params["x"]), 2**0.5, atol=0.01)
    low = {"x": np.array([1.1]), "y": np.array(-np.inf)}
    result = optim.minimize(rosenbrock, START, method="TNC", bounds=(low, None))
    np.testing.assert_allclose(result.params["x"], 1.1, atol=1e-6)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_constraints(method):
    goal = np.array([3.0, 1.0, 2.0])
    result = optim.minimize(
        lambda p: xp.sum((p["w"] - goal) ** 2),
        {"w": np.array([0.5, 0.5, 0.5])},
        method=method,
        constraints=[
            {"type": "eq", "fun": lambda p: xp.sum(p["w"] ** 2) - 1.0},
            {"type": "ineq", "fun": lambda p: 0.25 - p["w"][2:] ** 2},
        ],
    )
    wanted = np.array([3.0, 1.0, 0.0]) / 10**0.5 * 0.75**0.5 + np.array([0.0, 0.0, 0.5])
    np.testing.assert_allclose(result.params["w"], wanted, atol=1e-3)


def test_callback_gets_the_tree():
    seen = []
    result = optim.minimize(rosenbrock, START, callback=lambda p: seen.append(float(rosenbrock(p))))
    assert len(seen) == result.steps
    assert seen[-1] < 1e-8


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    with case.active():
        start = tree.map(lambda p: case.asarray(p.astype("float32")), START)
        result = optim.minimize(rosenbrock, start, method="L-BFGS-B")
        assert {case.backend.dtype_name(leaf.dtype) for leaf in tree.leaves(result.params)} == {"float32"}
        near_one(tree.map(case.to_numpy, result.params), 0.02)
        least = optim.least_squares(lambda p: xp.concat([10.0 * (p["y"] - p["x"] ** 2), 1.0 - p["x"]]), start)
        near_one(tree.map(case.to_numpy, least.params), 1e-3)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    t = np.linspace(0, 1, 30)
    y = 2.0 * np.exp(-3.0 * t) + 0.01 * np.random.default_rng(0).standard_normal(30)
    result = optim.least_squares(
        lambda p: p["a"] * xp.exp(-p["k"] * t) - y, {"a": np.array(1.0), "k": np.array(1.0)}, method=method, xtol=1e-14
    )
    wanted = scipy.optimize.least_squares(lambda v: v[0] * np.exp(-v[1] * t) - y, [1.0, 1.0], xtol=1e-14).x
    np.testing.assert_allclose([result.params["a"], result.params["k"]], wanted, rtol=1e-6)
    np.testing.assert_allclose(result.value, 0.5 * np.sum(result.raw.fun**2))


def test_least_squares_in_bounds_with_a_robust_loss():
    result = optim.least_squares(
        lambda p: p["a"] - np.array([1.0, 1.1, 0.9, 50.0]), {"a": np.array(0.0)}, loss="soft_l1", bounds=(None, 1.05)
    )
    np.testing.assert_allclose(result.params["a"], 1.05, atol=1e-6)


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov", "df-sane"])
def test_root(method):
    result = optim.root(
        lambda p: {"one": p["x"] + p["y"] - 3, "two": p["x"] - p["y"] ** 2 + 3},
        {"x": np.array(0.5), "y": np.array(1.5)},
        method=method,
        tol=1e-10,
    )
    assert result.converged
    np.testing.assert_allclose([result.params["x"], result.params["y"]], [1.0, 2.0], rtol=1e-6)
    np.testing.assert_allclose(result.value, 0.0, atol=1e-6)


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match=r"optim\.minimize takes a function"):
        optim.minimize(3, START)
    with pytest.raises(ParameterError, match=r"optim\.minimize does not know this method") as error:
        optim.minimize(rosenbrock, START, method="Newton")
    assert "Newton-CG" in str(error.value)
    with pytest.raises(ParameterError, match="does not know this method"):
        optim.root(rosenbrock, START, method=None)
    with pytest.raises(ParameterError, match="Bounds are a pair"):
        optim.minimize(rosenbrock, START, method="L-BFGS-B", bounds=3.0)
    with pytest.raises(TreeError, match="structure of the lower bounds differs"):
        optim.minimize(rosenbrock, START, method="L-BFGS-B", bounds=({"z": 0.0}, None))
    with pytest.raises(ParameterError, match="got a constraint that it cannot use"):
        optim.minimize(rosenbrock, START, method="SLSQP", constraints=[{"type": "le", "fun": rosenbrock}])
    with pytest.raises(TreeError, match="as many equations as unknowns"):
        optim.root(lambda p: p["x"], START)
    with pytest.raises(DtypeError, match="real floating-point"):
        optim.minimize(rosenbrock, {"x": np.array([1])})


@pytest.mark.parametrize("solver", [optim.minimize, optim.least_squares, optim.root])
def test_without_scipy(solver, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match=f"optim.{solver.__name__} needs the package scipy") as error:
        solver(rosenbrock, START)
    assert "pip install scipy" in str(error.value)
