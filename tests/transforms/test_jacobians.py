"""jacobian, jacfwd, jacrev, hessian and hvp."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, NonScalarOutputError, ParameterError

X = np.array([0.3, 0.7, -1.2])
M = np.arange(6.0).reshape(2, 3) / 7
ALL = [fn.jacrev, fn.jacfwd, fn.jacobian]


@pytest.fixture(autouse=True)
def _double():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def program(xp):
    def f(p, x, name):
        assert name == "tree"
        y = xp.tanh(p["m"] @ x) * p["s"]
        return {"y": y, "z": (xp.sum(x**2 * y[0]), xp.outer(x, y) if xp is jnp else x[:, None] * y[None, :])}

    return f


P = {"m": M, "s": np.array(1.5)}


def loss(xp):
    return lambda p, x: program(xp)(p, x, "tree")["z"][0] ** 2


@functools.cache
def theirs():
    """JAX's Jacobian and Hessian with respect to both arguments; compiled, which is faster than one by one."""
    both = jax.jit(
        lambda p, x: (
            jax.jacrev(lambda p, x: program(jnp)(p, x, "tree"), (0, 1))(p, x),
            jax.hessian(loss(jnp), (0, 1))(p, x),
        )
    )
    return both(P, X)


def is_pair(node):
    return type(node) is tuple and len(node) == 2 and type(node[0]) is dict


def pick(pair, argnums):
    return pair[argnums] if isinstance(argnums, int) else tuple([pair[i] for i in argnums])


def assert_same(ours, theirs, rtol=1e-13):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)


@pytest.mark.parametrize("transform", ALL)
@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1,)])
@pytest.mark.parametrize("chunk_size", [None, 1, 3])
def test_trees_as_in_jax(transform, argnums, chunk_size):
    ours = transform(program(xp), argnums, chunk_size=chunk_size)(P, X, "tree")
    whole = theirs()[0]
    assert_same(ours, fn.tree.map(lambda pair: pick(pair, argnums), whole, is_leaf=is_pair))


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
@pytest.mark.parametrize("chunk_size", [None, 2])
def test_hessian_as_in_jax(argnums, chunk_size):
    ours = fn.hessian(loss(xp), argnums, chunk_size=chunk_size)(P, X)
    rows = pick(theirs()[1], argnums)
    if isinstance(argnums, int):
        assert_same(ours, fn.tree.map(lambda pair: pick(pair, argnums), rows, is_leaf=is_pair), rtol=1e-11)
    else:
        assert_same(ours, rows, rtol=1e-11)


def test_hessian_of_a_tree_of_outputs():
    h = fn.hessian(lambda x: {"a": x**2 * x[0], "b": xp.sum(x**3)})(X)
    np.testing.assert_allclose(h["b"], np.diag(6 * X), rtol=1e-14)
    one = np.eye(3)[0]
    expected = [
        2 * X[0] * np.outer(e, e) + 2 * x * (np.outer(e, one) + np.outer(one, e))
        for e, x in zip(np.eye(3), X, strict=True)
    ]
    np.testing.assert_allclose(h["a"], expected, rtol=1e-14, atol=1e-15)


def test_hvp_is_the_product():
    def f(p, x):
        return xp.sum(xp.sin(p["m"] @ x) ** 2) * p["s"]

    v = ({"m": M + 1, "s": np.array(0.5)}, X**2)
    h = fn.hessian(f, (0, 1))(P, X)
    got = fn.hvp(f, (P, X), v)
    expected = np.tensordot(h[1][0]["m"], v[0]["m"], 2) + h[1][0]["s"] * 0.5 + h[1][1] @ v[1]
    np.testing.assert_allclose(got[1], expected, rtol=1e-13)
    partly = fn.hvp(f, (P, X), (None, v[1]))
    np.testing.assert_allclose(partly[0]["s"], h[0]["s"][1] @ v[1], rtol=1e-13)


@pytest.mark.parametrize("transform", [*ALL, fn.hessian])
def test_aux(transform):
    def f(x):
        return xp.sum(x**2), {"twice": 2 * x, "name": "aux"}

    result, aux = transform(f, has_aux=True)(X)
    np.testing.assert_allclose(result, fn.grad(lambda x: f(x)[0])(X) if transform is not fn.hessian else 2 * np.eye(3))
    np.testing.assert_array_equal(aux["twice"], 2 * X)
    assert type(aux["twice"]) is np.ndarray
    assert aux["name"] == "aux"


@pytest.mark.parametrize("transform", ALL)
def test_empty_and_scalar(transform):
    assert transform(lambda x: x * 2)(np.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert transform(lambda x: x**2)(3.0).shape == ()
    assert transform(lambda x: xp.stack([x, x]))(np.array(1.0)).shape == (2,)
    np.testing.assert_array_equal(transform(lambda x: xp.zeros(2))(X), np.zeros((2, 3)))


@pytest.mark.parametrize("transform", ALL)
def test_python_control_flow_on_values(transform):
    def f(x):
        return x**2 if x[0] > 0 else x**3

    np.testing.assert_allclose(transform(f)(X), np.diag(2 * X))


def test_nested_with_other_transformations():
    def f(x):
        return xp.sin(x) * x[0]

    expected = jax.jit(jax.hessian(lambda x: jnp.sin(x) * x[0]))(X)
    for outer in ALL:
        for inner in ALL:
            np.testing.assert_allclose(outer(inner(f))(X), expected, rtol=1e-13, atol=1e-15)
    pair = np.stack([X, 2 * X])
    np.testing.assert_allclose(fn.vmap(fn.jacrev(f))(pair), np.stack([fn.jacrev(f)(x) for x in pair]), rtol=1e-13)
    g = fn.grad(lambda x: xp.sum(fn.jacfwd(f)(x) ** 2))(X)
    np.testing.assert_allclose(g, 2 * np.einsum("ij,ijk->k", fn.jacfwd(f)(X), expected), rtol=1e-12)


@pytest.mark.parametrize("transform", ALL)
@pytest.mark.parametrize("backend", ["numpy", "torch", "strict"])
def test_backends(transform, backend):
    with fn.use_backend(backend):
        x = xp.asarray(X, dtype=xp.float32)
        j = transform(lambda x: xp.sin(x) * x[0])(x)
        assert type(j) is type(x)
        assert j.dtype == x.dtype
        expected = fn.jacrev(lambda x: xp.sin(x) * x[0])(X)
        np.testing.assert_allclose(fn.to_numpy(j), expected, rtol=1e-5, atol=1e-6)


def test_hessian_of_100_variables_is_not_a_loop():
    calls = []

    def f(x):
        calls.append(1)
        return xp.sum(xp.sin(x[:-1] * x[1:]) ** 2)

    x = np.linspace(0.0, 1.0, 100)
    h = fn.hessian(f)(x)
    assert len(calls) == 1
    rows = np.stack([fn.hvp(f, (x,), (e,))[0] for e in np.eye(100)])
    assert len(calls) == 101
    np.testing.assert_allclose(h, rows, rtol=1e-12, atol=1e-14)


def test_shapes_without_values():
    assert fn.eval_shape(fn.jacrev(lambda x: x[:2] ** 2), X) == fn.Spec((2, 3), "float64")


@pytest.mark.parametrize("transform", [*ALL, fn.hessian])
def test_bad_input(transform):
    with pytest.raises(DtypeError, match="argument 0"):
        transform(lambda x: x * 2.0)(np.arange(3))
    with pytest.raises(ParameterError, match="transforms a function"):
        transform(3)
    for size in (0, -1, 2.0, True):
        with pytest.raises(ParameterError, match="chunk_size"):
            transform(lambda x: x, chunk_size=size)
    with pytest.raises(NonScalarOutputError, match="returns a pair"):
        transform(lambda x: x, has_aux=True)(X)
    with pytest.raises(ParameterError, match="was asked for argument 1"):
        transform(lambda x: x, 1)(X)


def test_integer_results_and_hvp_of_no_tuple():
    with pytest.raises(DtypeError, match="the result has something else"):
        fn.jacrev(lambda x: (x, xp.argmax(x)))(X)
    with pytest.raises(ParameterError, match=r"fn\.hvp\(f, \(x,\), \(v,\)\)"):
        fn.hvp(lambda x: xp.sum(x), X, X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: xp.var(x),
        lambda x: xp.std(x, axis=1)[0],
        lambda x: xp.sum(xp.softmax(x, axis=1) ** 2),
        lambda x: xp.sum(xp.log_softmax(x, axis=1) ** 2),
        lambda x: xp.logsumexp(x),
        lambda x: (xp.ones_like(x[0, :]) @ x[0, :]) ** 2,
    ],
    ids=["var", "std", "softmax", "log_softmax", "logsumexp", "dot"],
)
def test_hessians_on_a_library_whose_operators_refuse_traced_arrays(f):
    """Directions of a batch met plain arrays at the left of an operator, which array_api_strict does not give up."""
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict is not installed")
    x = np.random.default_rng(3).normal(size=(2, 3))
    for derivative in (fn.hessian, lambda f: fn.jacrev(fn.grad(f)), lambda f: fn.jacfwd(fn.jacfwd(f))):
        found = np.asarray(derivative(f)(strict.asarray(x)))
        np.testing.assert_allclose(found, derivative(f)(x), rtol=1e-12, atol=1e-14)
