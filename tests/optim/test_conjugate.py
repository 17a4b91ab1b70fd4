"""Conjugate gradients against direct solution."""

import numpy as np
import pytest

from funcnet import optim, tree
from funcnet.errors import ParameterError, TreeError
from funcnet.testing.backends import backend_params

RNG = np.random.default_rng(0)
A = RNG.standard_normal((8, 8))
A = A @ A.T + np.eye(8)
B = RNG.standard_normal(8)


def errors():
    wanted = np.linalg.solve(A, B)
    yield (
        "cg",
        "numpy",
        float(np.max(np.abs(optim.cg(lambda x: A @ x, B, tol=1e-14).x - wanted)) / np.max(np.abs(wanted))),
    )


def test_equal_to_a_direct_solution():
    assert next(errors())[2] < 1e-12
    for options in ({"x0": np.ones(8)}, {"preconditioner": lambda r: r / np.diag(A)}):
        result = optim.cg(lambda x: A @ x, B, tol=1e-13, **options)
        assert bool(result.converged)
        np.testing.assert_allclose(result.x, np.linalg.solve(A, B), rtol=1e-10)


def test_on_trees():
    b = {"p": B[:5], "q": B[5:].reshape(3, 1)}

    def matvec(x):
        y = A @ np.concatenate([x["p"], x["q"].ravel()])
        return {"p": y[:5], "q": y[5:].reshape(3, 1)}

    result = optim.cg(matvec, b, tol=1e-13)
    np.testing.assert_allclose(np.concatenate([leaf.ravel() for leaf in tree.leaves(result.x)]), np.linalg.solve(A, B))
    with pytest.raises(TreeError, match="The structure of the product differs"):
        optim.cg(lambda x: {"p": x["p"]}, b)


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_on_every_backend(case):
    dtype = "float64" if "float64" in case.dtypes() else "float32"
    with case.active():
        a = case.asarray(A.astype(dtype))
        result = optim.cg(lambda x: a @ x, case.asarray(B.astype(dtype)), tol=1e-12 if dtype == "float64" else 1e-5)
        got = case.to_numpy(result.x)
    np.testing.assert_allclose(got, np.linalg.solve(A, B), rtol=1e-9 if dtype == "float64" else 1e-2)


def test_what_does_not_converge_says_so():
    assert not bool(optim.cg(lambda x: A @ x, B, max_steps=2).converged)
    result = optim.cg(lambda x: -x, B)
    assert not bool(result.converged)
    nothing = optim.cg(lambda x: A @ x, np.zeros(8))
    assert bool(nothing.converged)
    assert int(nothing.steps) == 0


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match=r"optim\.cg takes a function"):
        optim.cg(A, B)
    with pytest.raises(ParameterError, match="got a tolerance"):
        optim.cg(lambda x: x, B, tol=-1.0)
    with pytest.raises(ParameterError, match="got a number of steps"):
        optim.cg(lambda x: x, B, max_steps=0)
