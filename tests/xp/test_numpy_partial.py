"""NumPy's reductions of a part of the elements, ``ufunc.reduce`` and ``ufunc.at``, with NumPy and JAX as oracles."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.core.tracer import raw
from funcnet.errors import ParameterError, ShapeError, TracerConversionError, UnsupportedFunctionError
from funcnet.testing import numerical_grad

RNG = np.random.default_rng(0)
A = RNG.uniform(0.2, 0.9, size=(4, 3))
B = RNG.normal(size=(4, 3))
MASK = np.array([[True, False, True], [True, True, True], [False, True, False], [True, True, False]])
C = RNG.normal(size=(4, 3))

#: Written against a module `np` that is NumPy for funcnet and jax.numpy for the oracle.
PROGRAMS = {
    "sum, where": lambda np, x: np.sum(x**2, axis=1, where=MASK) @ C[:, 0],
    "sum, where and initial": lambda np, x: np.sum(x**2, where=MASK, initial=2.0) ** 2,
    "sum, where of one row": lambda np, x: np.sum(x**2, axis=0, where=MASK[0]) @ C[0],
    "prod, where": lambda np, x: np.prod(x, axis=0, where=MASK) @ C[0],
    "prod, initial": lambda np, x: np.sum(np.prod(x, axis=1, initial=3.0, keepdims=True) * C),
    "max, where": lambda np, x: np.max(x, axis=1, where=MASK, initial=0.1) @ C[:, 0],
    "max, initial above": lambda np, x: np.max(x, axis=1, initial=0.7) @ C[:, 0],
    "min, where": lambda np, x: np.min(x, where=MASK, initial=2.0) ** 2,
    "mean, where": lambda np, x: np.mean(x**2, axis=1, where=MASK) @ C[:, 0],
    "mean, where, of all": lambda np, x: np.mean(x**2, where=MASK) ** 2,
    "var, where": lambda np, x: np.sum(np.var(x, axis=1, where=MASK, keepdims=True) * C),
    "var, where and ddof": lambda np, x: np.var(x, where=MASK, ddof=1),
    "std, where": lambda np, x: np.std(x, where=MASK, ddof=1) + np.std(x, axis=0, where=MASK) @ C[0],
    "what is left out is infinite": lambda np, x: np.sum(np.where(MASK, x, np.inf) ** 2, where=MASK),
    "any, all": lambda np, x: x[0, 0] * (np.any(x > 0.8, where=MASK) + 2.0 * np.all(x > 0.0, where=MASK)),
    "add.reduce": lambda np, x: np.add.reduce(x**2, where=MASK) @ C[0] + np.add.reduce(x, axis=None, initial=1.0) ** 2,
    "multiply.reduce": lambda np, x: np.multiply.reduce(x, where=MASK) @ C[0],
    "maximum.reduce": lambda np, x: np.maximum.reduce(x, axis=1, where=MASK, initial=0.0) @ C[:, 0],
    "minimum.reduce": lambda np, x: np.minimum.reduce(x, axis=0, keepdims=True)[0] @ C[0],
    "logaddexp.reduce": lambda np, x: np.logaddexp.reduce(x, axis=1) @ C[:, 0],
    "maximum.accumulate": lambda np, x: np.sum(np.maximum.accumulate(x, axis=1) * C),
    "minimum.accumulate": lambda np, x: np.sum(np.minimum.accumulate(x**2) * C),
    "logaddexp.accumulate": lambda np, x: np.sum(np.logaddexp.accumulate(x, axis=-1) ** 2),
    "subtract.reduce": lambda np, x: np.subtract.reduce(x**2) @ C[0],
    "Fortran order": lambda np, x: (
        np.reshape(x, (2, 6), order="F")[1] @ C.reshape(-1)[:6] + (np.ravel(x, order="F") ** 2) @ C.reshape(-1)
    ),
}


#: Where JAX has no reduction, the same in other words.
SPELLED_OUT = {
    "add.reduceat": (
        lambda x: np.sum(np.add.reduceat(x**2, [0, 2, 1, 1, 3]) ** 2 * np.arange(1, 6)[:, None]),
        lambda jnp, x: jnp.sum(
            jnp.stack([x[0] ** 2 + x[1] ** 2, x[2] ** 2, x[1] ** 2, jnp.sum(x[1:3] ** 2, axis=0), x[3] ** 2]) ** 2
            * jnp.arange(1, 6)[:, None]
        ),
    ),
    "maximum.reduceat": (
        lambda x: np.sum(np.maximum.reduceat(x, [0, 2], axis=1) * C[:, :2]),
        lambda jnp, x: jnp.sum(jnp.stack([jnp.max(x[:, :2], axis=1), x[:, 2]], axis=1) * C[:, :2]),
    ),
    "hypot.reduce": (
        lambda x: np.hypot.reduce(x, axis=1) @ C[:, 0],
        lambda jnp, x: jnp.linalg.norm(x, axis=1) @ C[:, 0],
    ),
    "divide.reduce": (
        lambda x: np.sum(np.divide.reduce(x, axis=1, keepdims=True) * C),
        lambda jnp, x: jnp.sum((x[:, 0] / x[:, 1] / x[:, 2])[:, None] * C),
    ),
    "power.reduce": (lambda x: np.power.reduce(x[:3]) @ C[0], lambda jnp, x: ((x[0] ** x[1]) ** x[2]) @ C[0]),
}


@pytest.mark.parametrize("name", [*PROGRAMS, *SPELLED_OUT])
def test_value_and_gradient(name):
    jax = pytest.importorskip("jax", reason="JAX is the oracle")
    program, oracle = SPELLED_OUT[name] if name in SPELLED_OUT else (lambda x: PROGRAMS[name](np, x), PROGRAMS[name])
    value, gradient = fn.value_and_grad(program)(A)
    assert value == pytest.approx(program(A), rel=1e-13)
    with jax.enable_x64(True):
        expected = jax.grad(lambda x: oracle(jax.numpy, x))(A)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(fn.jvp(program, (A,), (B,))[1], np.sum(gradient * B), rtol=1e-10)


@pytest.mark.parametrize("indices", [[0, -1], [0, 7]])
def test_parts_begin_inside(indices):
    with pytest.raises(IndexError):
        fn.grad(lambda x: np.add.reduceat(x, indices).sum())(A)


def test_a_running_maximum_counts_equals_once():
    x = np.array([1.0, 3.0, 2.0, 3.0, 5.0])
    w = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    np.testing.assert_array_equal(fn.grad(lambda x: np.maximum.accumulate(x) @ w)(x), [1.0, 10.0, 0.0, 4.0, 16.0])
    np.testing.assert_array_equal(fn.jit(fn.grad(lambda x: np.maximum.accumulate(x) @ w))(x), [1, 10, 0, 4, 16])


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.multiply, np.maximum, np.minimum])
def test_updates_at_indices(ufunc):
    def program(x, y):
        z = y[1:]  # a view sees the update
        ufunc.at(y, [0, 0, 1, 3], x)
        return np.sum(y * B) + np.sum(z**2)

    value, gradient = fn.value_and_grad(lambda x: program(x, fn.lift(C) * 1.0))(A)
    assert value == pytest.approx(program(A, C.copy()), rel=1e-13)
    expected = numerical_grad(lambda x: program(x, C.copy()), A)
    np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-10)


def test_a_plain_array_is_not_updated():
    plain = np.zeros(3)
    with pytest.raises(TracerConversionError, match="cannot receive traced values"):
        fn.grad(lambda x: np.add.at(plain, [0], x[0, :1]))(A)
    np.testing.assert_array_equal(plain, 0.0)


def test_second_order_with_where():
    hessian = fn.hessian(lambda x: np.sum(x**3, where=MASK[0]) + np.std(x, where=[True, True, False]))
    assert np.all(np.isfinite(hessian(A[0])))
    np.testing.assert_allclose(hessian(A[0])[2, 2], 6 * A[0, 2], rtol=1e-12)


def test_over_no_elements():
    def f(x):
        return np.max(x[:0], axis=0, initial=3.0).sum() + np.sum(x[:0], initial=2.0) + x[0, 0]

    value, gradient = fn.value_and_grad(f)(A)
    assert value == pytest.approx(11.0 + A[0, 0])
    assert gradient[0, 0] == 1.0
    assert np.isnan(fn.vjp(lambda x: np.var(x, where=MASK[:, :1], ddof=12), A)[0])


def test_windows_that_do_not_fit():
    view = np.lib.stride_tricks.sliding_window_view
    with pytest.raises(ShapeError, match=r"(?s)windows that do not fit.*windows \(5,\) along \(0,\)"):
        fn.grad(lambda x: view(x, 5, axis=0).sum())(A)
    with pytest.raises(UnsupportedFunctionError, match="writeable="):
        fn.grad(lambda x: view(x, 2, axis=0, writeable=True).sum())(A)


def test_what_numpy_refuses_too():
    with pytest.raises(ParameterError, match=r"(?s)numpy.max with where=.*initial="):
        fn.grad(lambda x: np.max(x, where=MASK))(A)
    with pytest.raises(ShapeError, match=r"(?s)where= that does not fit.*\(2, 4, 3\) for an array of shape \(4, 3\)"):
        fn.grad(lambda x: np.sum(x, where=np.ones((2, 4, 3), dtype=bool)))(A)


def test_putmask_takes_values_in_order():
    values = np.arange(5.0)

    def f(x):
        y = x * 1.0
        np.putmask(y, MASK, values)
        return y

    plain = A.copy()
    np.putmask(plain, MASK, values)
    np.testing.assert_array_equal(fn.vjp(f, A)[0], plain)


def test_the_method_trace_is_refused_by_name():
    with pytest.raises(AttributeError, match=r"(?s)no method 'trace'.*xp.linalg.trace"):
        fn.grad(lambda x: x.trace())(A)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.exp(x, dtype=np.float64),
        lambda x: np.divide(x, 3, dtype="d"),
        lambda x: np.multiply.outer(x[0], x[1], dtype=float),
        lambda x: np.sqrt(x - 1.0, dtype=complex),
        lambda x: np.absolute(x * (1 + 1j), dtype=np.float64),
        lambda x: np.ldexp(x, np.array([1, 2, 3]), dtype=np.float64),
        lambda x: np.modf(x * 3, out=(x * 1, None))[0],
        lambda x: np.add(np.ones(3, np.float32), 1, out=x[0] * 1) * x[1],
    ],
)
def test_ufuncs_compute_in_the_data_type_that_is_asked_for(f):
    # Not in that of the arguments, with a conversion of the result.
    x = np.array([[0.3, 0.5, 0.7], [0.2, 0.9, 0.4]], dtype=np.float32)
    seen = []

    def loss(x):
        seen.append(f(x))
        return np.sum(np.real(seen[-1]) + np.imag(seen[-1]) ** 2)

    gradient = fn.grad(loss)(x)
    expected = f(x)
    assert seen[-1].dtype == expected.dtype
    np.testing.assert_array_equal(raw(seen[-1]), expected)
    near = numerical_grad(lambda x: np.sum(np.real(f(x)) + np.imag(f(x)) ** 2), x.astype(np.float64))
    np.testing.assert_allclose(gradient, near, rtol=2e-6)
