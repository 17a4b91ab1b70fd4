"""Plain NumPy code on traced arrays, with JAX as the oracle."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.errors import TracerConversionError, UnsupportedFunctionError

RNG = np.random.default_rng(0)
A = RNG.uniform(0.2, 0.9, size=(4, 3))
V = np.array([0.3, 0.5, 0.7])

#: Written against a module `np` that is NumPy for funcnet and jax.numpy for the oracle.
PROGRAMS = {
    "operators": lambda np, x: np.sum(2.0 / (1.0 + x) ** 2 - 3.0 * x + V * x),
    "array on the left": lambda np, x: np.sum((V * x + V - x) / (V + x)),
    "matrix product": lambda np, x: np.sum((A[:3] @ (x.T @ x)) ** 2),
    "ufuncs": lambda np, x: np.sum(np.sin(x) * np.exp(-x) + np.sqrt(x) + np.log1p(x) + np.arctan2(x, 2.0)),
    "inverse functions": lambda np, x: np.sum(np.arcsin(x) + np.arccosh(1 + x) + np.absolute(x - 0.5) + np.power(x, 3)),
    "reductions": lambda np, x: (
        np.mean(x) + np.std(x) + np.var(x, axis=0)[1] + np.prod(x, axis=1)[2] + np.max(x) - np.min(x, axis=0).sum()
    ),
    "ddof": lambda np, x: np.std(x, ddof=1) + np.sum(np.var(x, axis=0, ddof=1)),
    "cumulative": lambda np, x: np.sum(np.cumsum(x, axis=1) ** 2) + np.sum(np.cumprod(x)),
    "shapes": lambda np, x: (
        np.sum(np.transpose(np.reshape(x, (2, 6)))[1] * np.ravel(x)[:2]) + np.sum(np.expand_dims(x, 0) ** 2)
    ),
    "joining": lambda np, x: (
        np.sum(np.concatenate([x, x**2], axis=1) ** 2)
        + np.sum(np.stack([x, x]) ** 3)
        + np.sum(np.vstack([x, x]) * 2)
        + np.sum(np.hstack([x, x**2])[0])
    ),
    "where": lambda np, x: np.sum(np.where(x > 0.5, x**2, -x)),
    "clip": lambda np, x: np.sum(np.clip(x, 0.3, 0.6) * x),
    "sort": lambda np, x: np.sum(np.sort(x, axis=0)[1:] * np.sort(x, axis=None)[0]),
    "indexing": lambda np, x: np.sum(x[1:, ::2] ** 2) + x[0, 1] * x[-1, -1] + np.sum(x[np.array([0, 0, 2])] ** 3),
    "products": lambda np, x: (
        np.sum(np.outer(x, x)) + np.sum(np.inner(x, x)) + np.sum(np.tensordot(x, x, axes=2)) + np.sum(np.dot(x, x.T))
    ),
    "repeat and tile": lambda np, x: np.sum(np.tile(x, (2, 1))[3:] ** 2) + np.sum(np.repeat(x, 2, axis=1)[:, 1:] ** 3),
    "roll and flip": lambda np, x: np.sum(np.roll(x, 1, axis=0) * np.flip(x, axis=1)),
    "like": lambda np, x: np.sum((np.ones_like(x) * 2 + np.zeros_like(x) + np.full_like(x, 3.0)) * x),
    "diff": lambda np, x: np.sum(np.diff(x, axis=0) ** 2),
    "take": lambda np, x: np.sum(np.take(x, np.array([2, 0]), axis=1) ** 2),
    "take, clipped": lambda np, x: np.sum(np.take(x, np.array([-1, 3, 12]), mode="clip") * V),
    "take, wrapped": lambda np, x: np.sum(np.take(x, np.array([-1, 1, 5]), axis=1, mode="wrap") ** 2),
    "take, one wrapped": lambda np, x: np.take(x, -2, mode="wrap") ** 2,
    "tensordot, an axis of each": lambda np, x: np.sum(np.tensordot(x, x[:3], axes=(1, 0)) ** 2),
    "triangles": lambda np, x: np.sum(np.tril(x) * np.triu(x, k=-1)),
    "moving axes": lambda np, x: (
        np.sum(np.moveaxis(x, 0, 1)[0] * np.swapaxes(x, 0, 1)[1]) + np.sum(np.squeeze(x[:, :1]))
    ),
    "outer": lambda np, x: np.sum(np.multiply.outer(x[0], x[1])),
    "reduce": lambda np, x: np.sum(np.add.reduce(x, axis=0) ** 2) + np.maximum.reduce(x[0]),
    "dtype": lambda np, x: np.sum(x.astype(np.float64) * 2),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.requirement("D29")
def test_gradient_of_plain_numpy_code(name):
    jax = pytest.importorskip("jax", reason="JAX is the oracle")
    program = PROGRAMS[name]
    with jax.enable_x64(True):
        expected = jax.grad(lambda x: program(jax.numpy, x))(A)
    np.testing.assert_allclose(fn.grad(lambda x: program(np, x))(A), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_code_gives_numpys_value(name):
    value, _ = fn.value_and_grad(lambda x: PROGRAMS[name](np, x))(A)
    assert value == pytest.approx(PROGRAMS[name](np, A), rel=1e-14)


def test_concrete_questions_are_answered():
    def f(x):
        assert np.shape(x) == (4, 3)
        assert (np.ndim(x), np.size(x)) == (2, 12)
        assert np.allclose(x, A)
        assert not np.array_equal(x, A + 1)
        assert np.any(x > 0.5)
        assert np.all(np.isfinite(x))
        assert int(np.argmax(x)) == int(np.argmax(A))
        assert np.count_nonzero(x) == 12
        assert not np.iscomplexobj(x)
        return np.sum(x)

    np.testing.assert_array_equal(fn.grad(f)(A), 1.0)


def test_out_and_where():
    def f(x):
        y = x * 1.0
        np.multiply(x, x, out=y)
        np.add(y, 1.0, out=y, where=x > 0.5)
        np.sum(x, axis=0, out=(z := x[0] * 0.0))
        return np.sum(y) + np.sum(z)

    np.testing.assert_allclose(fn.grad(f)(A), 2 * A + 1)


def test_a_plain_array_cannot_receive():
    plain = np.zeros(3)

    def ufunc(x):
        return np.add(x[0], 1.0, out=plain)

    def function(x):
        return np.sum(x, axis=0, out=plain)

    for f in (ufunc, function):
        with pytest.raises(TracerConversionError, match="cannot receive traced values") as caught:
            fn.grad(lambda x, f=f: np.sum(f(x)))(A)
        assert "fn.lift(a)" in str(caught.value)
        assert "xp.at" in str(caught.value)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: np.polydiv(x[0], x[1]), "numpy.polydiv"),
        (lambda x: np.frexp(x)[0], "numpy.frexp"),
        (lambda x: np.add(x, 1.0, where=x > 0.5), "numpy.add with where="),
        (lambda x: np.divide.at(x, 0, 1.0), "numpy.divide.at"),
        (lambda x: np.arctan2.reduceat(x, [0, 2]), "numpy.arctan2.reduceat"),
        (lambda x: np.maximum.accumulate(x, dtype=float), "numpy.maximum.accumulate with dtype="),
        (lambda x: np.take(x, [0], mode="most"), "numpy.take with mode='most'"),
        (lambda x: np.arctan2.reduce(x), "numpy.arctan2.reduce"),
        (lambda x: np.hypot.reduce(x, where=x > 0.5), "numpy.hypot.reduce with where="),
        (lambda x: np.subtract.accumulate(x), "numpy.subtract.accumulate"),
        (lambda x: np.einsum_path("ij,kj", x, x), "numpy.einsum_path"),
    ],
)
@pytest.mark.requirement("PX18")
def test_functions_without_a_counterpart_are_named(f, name):
    with pytest.raises(UnsupportedFunctionError) as caught:
        fn.grad(lambda x: np.sum(f(x)))(A)
    assert name in str(caught.value)
    assert "test_numpy_protocol.py" in str(caught.value)
    assert "funcnet.xp" in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_second_order_through_numpy_code():
    f = fn.grad(fn.grad(lambda x: np.sin(x) * np.exp(x)))
    assert f(np.array(0.4)) == pytest.approx(2 * np.cos(0.4) * np.exp(0.4))
