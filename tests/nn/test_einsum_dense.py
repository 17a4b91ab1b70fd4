"""The layer of an equation: against NumPy's einsum, shapes, gradients, transformations, and what its errors say."""

import re

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params

# Equation, output_shape, bias_axes, shape of the input; then the shapes of kernel, bias and result.
CASES = [
    ("ab,bc->ac", 5, None, (4, 3), (3, 5), None, (4, 5)),
    ("ab,bc->ac", (5,), "c", (4, 3), (3, 5), (5,), (4, 5)),
    ("abc,cd->abd", (None, 5), "d", (4, 2, 3), (3, 5), (5,), (4, 2, 5)),
    ("abc,cd->abd", (2, 5), "b", (4, 2, 3), (3, 5), (2, 1), (4, 2, 5)),
    ("abc,cd->abd", (2, 5), "db", (4, 2, 3), (3, 5), (2, 5), (4, 2, 5)),
    ("...x,xy->...y", 5, "y", (4, 2, 6, 3), (3, 5), (5,), (4, 2, 6, 5)),
    ("...x,xy->...y", 5, "y", (3,), (3, 5), (5,), (5,)),
    (" ...x, xy -> ...y ", 5, "y", (4, 3), (3, 5), (5,), (4, 5)),
    ("...xy,yz->...zx", (5, None), "z", (4, 2, 3), (3, 5), (5, 1), (4, 5, 2)),
    ("ab...,bc->ac...", 5, "c", (4, 3, 2, 6), (3, 5), (5, 1, 1), (4, 5, 2, 6)),
    ("ab...,bc->ac...", 5, "c", (4, 3), (3, 5), (5,), (4, 5)),
    ("abc,cde->abde", (None, 5, 2), "de", (4, 6, 3), (3, 5, 2), (5, 2), (4, 6, 5, 2)),
    ("abde,dec->abc", (None, 7), "c", (4, 6, 5, 2), (5, 2, 7), (7,), (4, 6, 7)),
    ("abc,bcd->abd", (None, 5), "bd", (4, 2, 3), (2, 3, 5), (2, 5), (4, 2, 5)),
    ("abc,bd->ad", 5, None, (4, 2, 3), (2, 5), None, (4, 5)),
    ("ab,b->ab", None, "b", (4, 3), (3,), (3,), (4, 3)),
    ("ab,bc->ac", 5, "ac", (4, 3), (3, 5), (4, 5), (4, 5)),
    ("ab,bc->ac", 5, "c", (0, 3), (3, 5), (5,), (0, 5)),
]


def made(equation, output_shape, bias_axes, shape):
    layer = nn.einsum_dense(
        equation, output_shape, bias_axes=bias_axes, bias_init=nn.initializers.normal(1.0), dtype="float64"
    )
    x = np.random.default_rng(0).standard_normal(shape)
    return layer, layer.init(random.key(1), shape)[0], x


def closed(equation, params, x):
    return np.einsum(equation, x, params["kernel"]) + params.get("bias", 0.0)


def adjoints(equation, params, x, g):
    """Return the cotangents of kernel, bias and input: the equation with the terms exchanged, and sums."""
    # NumPy sums over no ellipsis, so it gets letters.
    count = x.ndim - equation.replace(" ", "").replace("...", "").index(",")
    term, kernel, output = re.split(",|->", equation.replace(" ", "").replace("...", "PQR"[:count]))
    ones = np.ones_like(x)  # for letters of the input that neither the kernel nor the result has
    dk = np.einsum(f"{term},{output}->{kernel}", x, g)
    dx = np.einsum(f"{term},{output},{kernel}->{term}", ones, g, params["kernel"])
    db = None
    if "bias" in params:
        shape = (1,) * (g.ndim - params["bias"].ndim) + params["bias"].shape
        axes = tuple(i for i, n in enumerate(shape) if n == 1)
        db = g.sum(axis=axes, keepdims=True).reshape(params["bias"].shape)
    return dk, db, dx


def error(found, wanted):
    """Return the largest difference over the largest element."""
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape
    return np.max(np.abs(found - wanted), initial=0.0) / max(np.max(np.abs(wanted), initial=0.0), 1e-300)


def close(found, wanted):
    assert error(np.asarray(found), wanted) < 1e-12


def compare(case):
    """Return the errors of output, gradient by the input and gradients by the parameters, against NumPy."""
    equation = case[0]
    layer, params, x = made(*case[:4])
    y, pullback = fn.vjp(lambda p, x: layer.apply(p, {}, x)[0], params, x)
    g = np.random.default_rng(1).standard_normal(y.shape)
    dp, dx = pullback(g)
    dk, db, wanted = adjoints(equation, params, x, g)
    both = [error(dp["kernel"], dk), *([error(dp["bias"], db)] if "bias" in params else [])]
    return error(y, closed(equation, params, x)), error(dx, wanted), max(both)


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for i in (2, 5, 9, 11):
        yield f"einsum_dense, {CASES[i][0]}", "numpy", *compare(CASES[i])


@pytest.mark.parametrize("case", CASES)
def test_is_what_numpy_gives(case):
    layer, params, x = made(*case[:4])
    kernel, bias, out = case[4:]
    assert params["kernel"].shape == kernel
    assert (params["bias"].shape if "bias" in params else None) == bias
    assert layer.apply(params, {}, x)[0].shape == out
    assert max(compare(case)) < 1e-12


@pytest.mark.parametrize("i", [2, 8, 9, 11, 13, 14])
def test_second_order(i):
    layer, params, x = made(*CASES[i][:4])
    check_grads(lambda p, x: layer.apply(p, {}, x)[0], (params, x), order=2)


@pytest.mark.parametrize("i", [2, 5, 9, 11])
def test_compiled_and_its_gradients(i):
    equation = CASES[i][0]
    layer, params, x = made(*CASES[i][:4])
    step = fn.jit(fn.value_and_grad(lambda p, x: xp.sum(xp.sin(layer.apply(p, {}, x)[0])), (0, 1)))
    inner = closed(equation, params, x)
    dk, db, dx = adjoints(equation, params, x, np.cos(inner))
    for _ in range(2):
        value, (grads, found) = step(params, x)
        close(value, np.sin(inner).sum())
        tree.map(close, (grads, found), ({"kernel": dk, "bias": db}, dx))


@pytest.mark.parametrize("i", [2, 5, 9, 11])
def test_batched_over_inputs_and_over_parameters(i):
    equation = CASES[i][0]
    layer, params, x = made(*CASES[i][:4])
    xs = np.stack([x, 3 * x])
    ps = tree.map(lambda p: np.stack([p, -2 * p]), params)
    alone = [closed(equation, params, each) for each in xs]
    close(fn.vmap(lambda x: layer.apply(params, {}, x)[0])(xs), alone)
    both = [closed(equation, tree.map(lambda p, i=i: p[i], ps), each) for i, each in enumerate(xs)]
    close(fn.vmap(lambda p, x: layer.apply(p, {}, x)[0])(ps, xs), both)


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    with case.active():
        layer = nn.einsum_dense("abc,cde->abde", (None, 2, 5), bias_axes="de")
        params, state = layer.init(random.key(0), (4, 6, 3))
        x = case.asarray(np.linspace(-1, 1, 72).reshape(4, 6, 3), "float32")
        grads = fn.grad(lambda p: xp.sum(layer.apply(p, state, x)[0]))(params)
        assert fn.backends.backend_of(grads["kernel"]).name == case.backend_name
        found = case.to_numpy(grads["kernel"])
        host = case.to_numpy(x)
    np.testing.assert_allclose(found, host.sum(axis=(0, 1))[:, None, None] * np.ones((2, 5)), rtol=1e-4, atol=1e-5)


def test_default_kernel_is_that_of_dense():
    kernel = nn.einsum_dense("ab,bc->ac", 5).init(random.key(0), (4, 3))[0]["kernel"]
    np.testing.assert_array_equal(kernel, nn.dense(5).init(random.key(0), (4, 3))[0]["kernel"])
    # Of the axes of a kernel, those that are summed over count, wherever they are.
    kernel = nn.einsum_dense("abde,dec->abc", (None, 60)).init(random.key(0), (1, 1, 20, 30))[0]["kernel"]
    np.testing.assert_allclose(np.std(kernel), 600**-0.5, rtol=0.02)


def test_an_initialiser_of_ones_own_gets_the_shape_and_the_data_type():
    init = nn.initializers.constant(2.0)
    layer = nn.einsum_dense("ab,cb->ac", 5, bias_axes="c", kernel_init=init, bias_init=init, dtype="float64")
    params, _ = layer.init(random.key(0), (4, 3))
    np.testing.assert_array_equal(params["kernel"], np.full((5, 3), 2.0))
    np.testing.assert_array_equal(params["bias"], np.full(5, 2.0))
    assert params["kernel"].dtype == params["bias"].dtype == np.float64


def test_summary_counts_as_that_of_dense():
    rows = [
        nn.summary(nn.sequential(layer), (8, 4, 3)).rows[-1]
        for layer in (nn.einsum_dense("abc,cd->abd", (None, 5), bias_axes="d"), nn.dense(5))
    ]
    assert rows[0].kind == "einsum_dense"
    for field in ("output", "parameters", "flops"):
        assert getattr(rows[0], field) == getattr(rows[1], field)


@pytest.mark.parametrize(
    ("equation", "needed"),
    [
        (3, "letters"),
        ("ab,bc", "letters"),
        ("ab->ab", "letters"),
        ("ab,bc,cd->ad", "letters"),
        ("a1,1c->ac", "letters"),
        ("aab,bc->ac", "letters"),
        ("a...b,bc->a...c", "letters"),
        ("...ab,bc->ac", "letters"),
        ("ab...,bc->...ac", "letters"),
        ("...,xy->...", "letters"),
        ("ab,bc->ca", "the same letter first"),
        ("ab,bcd->ac", "the letter 'd' of the kernel"),
        ("ab,bc->acd", "the letter 'd' of the result"),
    ],
)
def test_equations_that_are_not_understood(equation, needed):
    with pytest.raises(ParameterError, match=r"nn.einsum_dense does not understand this equation") as error:
        nn.einsum_dense(equation, 5)
    assert f"needed: {needed}" in str(error.value)


@pytest.mark.parametrize("output_shape", [5, (5,), (2, 5, 1), (2, None), (2, 0), (2, True), (2, 5.0), None, ()])
def test_output_shapes_that_do_not_fit(output_shape):
    with pytest.raises(ParameterError, match="an output_shape that does not fit its equation") as error:
        nn.einsum_dense("abc,cd->abd", output_shape)
    assert "2 sizes, of the axes 'bd': positive integers, or None for one of 'b'" in str(error.value)


@pytest.mark.parametrize("bias_axes", ["c", "dd", "", 1, "xd"])
def test_bias_along_axes_that_are_not_there(bias_axes):
    with pytest.raises(ParameterError, match="a bias along axes that the result does not have") as error:
        nn.einsum_dense("abc,cd->abd", (None, 5), bias_axes=bias_axes)
    assert "some of the letters 'abd'" in str(error.value)


@pytest.mark.parametrize(
    ("equation", "shape", "needed"),
    [
        ("ab,bc->ac", (4, 2, 3), "2 dimensions, for"),
        ("ab,bc->ac", (4,), "2 dimensions, for"),
        ("ab...,bc->ac...", (4,), "2 dimensions or more, for"),
    ],
)
def test_inputs_that_the_equation_does_not_describe(equation, shape, needed):
    layer = nn.einsum_dense(equation, 5)
    with pytest.raises(ShapeError, match=r"Layer sequential.einsum_dense_0 got an input that its equation") as error:
        nn.sequential(layer).init(random.key(0), shape)
    assert f"needed: {needed}" in str(error.value)
    params, _ = layer.init(random.key(0), (4, 3))
    with pytest.raises(ShapeError, match="Layer einsum_dense got an input that its equation"):
        layer.apply(params, {}, np.ones(shape))


def test_inputs_that_the_output_shape_does_not_fit():
    layer = nn.einsum_dense("abc,cd->abd", (2, 5))
    with pytest.raises(ShapeError, match="Layer einsum_dense got an input that does not fit its output_shape") as error:
        layer.init(random.key(0), (4, 6, 3))
    assert "'b' of size 6, in shape (4, 6, 3)" in str(error.value)
    assert "None in output_shape" in str(error.value)


def test_inputs_that_are_not_floating_point():
    layer, params, _ = made("ab,bc->ac", 5, "c", (4, 3))
    with pytest.raises(DtypeError, match="Layer einsum_dense got an input that is not floating-point"):
        layer.apply(params, {}, np.ones((4, 3), dtype="int64"))


def test_several_inputs_are_refused():
    with pytest.raises(ShapeError, match="Layer einsum_dense takes one array"):
        nn.einsum_dense("ab,bc->ac", 5).init(random.key(0), [(2, 3), (2, 3)])


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"kernel": np.zeros((3, 5))},
        {"kernel": np.zeros((1, 5)), "bias": np.zeros(5)},
        {"kernel": np.zeros((3, 5)), "bias": np.zeros(1)},
        {"kernel": np.zeros((3, 5)), "bias": np.zeros(5), "extra": np.zeros(1)},
        None,
    ],
)
def test_parameters_of_another_layer(params):
    layer = nn.einsum_dense("ab,bc->ac", 5, bias_axes="c")
    with pytest.raises(ParameterError, match="Layer einsum_dense got parameters that are not its own") as error:
        layer.apply(params, {}, np.ones((4, 3)))
    assert "needed: {'kernel': (3, 5), 'bias': (5,)}, for an input of shape (4, 3) and 'ab,bc->ac'" in str(error.value)
