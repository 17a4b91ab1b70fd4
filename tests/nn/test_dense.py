"""Dense layers: every rank, against PyTorch, gradients, and what their errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RANKS = [(4,), (5, 4), (2, 5, 4), (2, 3, 5, 4), (2, 1, 3, 2, 4), (1, 2, 1, 3, 2, 4), (0, 4)]


def layer_and_params(features=3, bias=True, size=4):
    layer = nn.dense(features, bias=bias, bias_init=nn.initializers.normal(1.0), dtype="float64")
    params, _ = layer.init(random.key(1), (1, size))
    return layer, params


@pytest.mark.parametrize("shape", RANKS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.requirement("N1", "N4", "P48", "D47", "DX11", "PX11", "PX33")
def test_equals_torch_at_every_rank(shape, bias):
    layer, params = layer_and_params(bias=bias)
    reference = torch.nn.Linear(4, 3, bias=bias, dtype=torch.float64)
    reference.weight.data = torch.from_numpy(params["kernel"].T.copy())
    if bias:
        reference.bias.data = torch.from_numpy(params["bias"].copy())
    x = np.random.default_rng(0).standard_normal(shape)
    g = np.random.default_rng(1).standard_normal((*shape[:-1], 3))
    y, pullback = fn.vjp(lambda p, x: layer.apply(p, {}, x)[0], params, x)
    dp, dx = pullback(g)
    xt = torch.from_numpy(x).requires_grad_()
    yt = reference(xt)
    yt.backward(torch.from_numpy(g))
    np.testing.assert_allclose(y, yt.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, xt.grad.numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dp["kernel"], reference.weight.grad.numpy().T, rtol=1e-12, atol=1e-12)
    if bias:
        np.testing.assert_allclose(dp["bias"], reference.bias.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("shape", "out"), [((2, 3, 6), (2, 3, 10)), ((2, 3, 5, 6), (2, 3, 5, 10))])
@pytest.mark.requirement("N1", "N2")
def test_contracts_the_last_axis(shape, out):
    layer, params = layer_and_params(10, bias=False, size=6)
    x = np.random.default_rng(0).standard_normal(shape)
    y = layer.apply(params, {}, x)[0]
    assert y.shape == out
    np.testing.assert_allclose(y, np.tensordot(x, params["kernel"], axes=[[-1], [0]]), rtol=1e-14)
    np.testing.assert_array_equal(y.reshape(-1, 10), x.reshape(-1, 6) @ params["kernel"])


@pytest.mark.requirement("N3")
def test_equal_rows_give_equal_rows():
    layer, params = layer_and_params()
    x = np.repeat(np.random.default_rng(0).standard_normal((1, 4)), 6, axis=0).reshape(2, 3, 4)
    y = layer.apply(params, {}, x)[0].reshape(-1, 3)
    np.testing.assert_array_equal(y, np.broadcast_to(y[0], y.shape))


@pytest.mark.requirement("N4")
def test_batch_of_size_zero_has_zero_gradients():
    layer, params = layer_and_params()
    grads = fn.grad(lambda p: xp.sum(layer.apply(p, {}, np.zeros((0, 4)))[0]))(params)
    assert tree.map(lambda g: g.tolist(), grads) == {"kernel": [[0.0] * 3] * 4, "bias": [0.0] * 3}


@pytest.mark.requirement("D47", "D48")
def test_fused_equals_unfused_in_both_modes_and_second_order():
    rng = np.random.default_rng(0)
    x, kernel, bias = rng.standard_normal((2, 3, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)

    def value(f):
        return lambda x, w, b: xp.sum(xp.sin(f(x, w, b)))

    def fused(x, w, b):
        return nn.affine(x, w, b)

    def unfused(x, w, b):
        return xp.matmul(x, w) + b

    args = (x, kernel, bias)
    for argnum in range(3):
        first, second = (fn.grad(value(f), argnum)(*args) for f in (fused, unfused))
        np.testing.assert_allclose(first, second, rtol=1e-13)
        direction = rng.standard_normal(args[argnum].shape)

        def along(f, direction=direction, argnum=argnum):
            tangents = tuple(direction if i == argnum else None for i in range(3))
            gradient = fn.grad(value(f), (0, 1, 2))
            return fn.jvp(gradient, args, tangents)[1], fn.jvp(f, args, tangents)[1]

        for a, b in zip(tree.leaves(along(fused)), tree.leaves(along(unfused)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_kernel_can_be_replaced_by_a_function_of_other_parameters():
    layer, params = layer_and_params(bias=False)
    x = np.ones((2, 4))

    def normalised(p):
        kernel = p["direction"] / xp.sqrt(xp.sum(p["direction"] ** 2, axis=0)) * p["length"]
        return xp.sum(layer.apply({"kernel": kernel}, {}, x)[0] ** 2)

    grads = fn.grad(normalised)({"direction": params["kernel"], "length": np.ones(3)})
    # The result does not depend on the length of the direction.
    np.testing.assert_allclose((grads["direction"] * params["kernel"]).sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.requirement("A10")
def test_on_every_backend(case):
    with case.active():
        layer = nn.dense(3)
        params, state = layer.init(random.key(0), (2, 4))
        x = case.asarray(np.linspace(-1, 1, 8).reshape(2, 4), "float32")
        grads = fn.grad(lambda p: xp.sum(xp.square(layer.apply(p, state, x)[0])))(params)
        got = {name: case.to_numpy(g) for name, g in grads.items()}
        assert fn.backends.backend_of(grads["kernel"]).name == case.backend_name
    reference, _ = layer.init(random.key(0), (2, 4))
    host = case.to_numpy(x)
    y = host @ reference["kernel"]
    np.testing.assert_allclose(got["kernel"], 2 * host.T @ y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got["bias"], 2 * y.sum(axis=0), rtol=1e-5, atol=1e-6)
    assert got["kernel"].dtype == np.float32


@pytest.mark.requirement("D78")
def test_data_type_of_parameters():
    assert nn.dense(2).init(random.key(0), (1, 3))[0]["kernel"].dtype == np.float32
    assert nn.dense(2, dtype="float16").init(random.key(0), (1, 3))[0]["bias"].dtype == np.float16
    with fn.use_backend(dtype="float64"):
        assert nn.dense(2).init(random.key(0), (1, 3))[0]["kernel"].dtype == np.float64


def test_bias_does_not_change_the_kernel():
    with_bias, _ = nn.dense(3).init(random.key(0), (1, 4))
    without, _ = nn.dense(3, bias=False).init(random.key(0), (1, 4))
    np.testing.assert_array_equal(with_bias["kernel"], without["kernel"])
    assert list(without) == ["kernel"]


def test_init_is_pure():
    layer = nn.dense(3)
    first, second = (layer.init(random.key(5), (1, 4))[0] for _ in range(2))
    np.testing.assert_array_equal(first["kernel"], second["kernel"])
    assert not np.array_equal(first["kernel"], layer.init(random.key(6), (1, 4))[0]["kernel"])


@pytest.mark.parametrize("features", [0, -1, 2.5, True, None])
def test_number_of_features_is_checked(features):
    with pytest.raises(ParameterError, match="positive integer"):
        nn.dense(features)


def test_wrong_number_of_features_names_layer_found_and_needed():
    model = nn.sequential(nn.dense(8), nn.relu(), nn.sequential(nn.dense(3)))
    params, state = model.init(random.key(0), (2, 4))
    with pytest.raises(ShapeError, match=r"Layer sequential\.dense_0 got.*number of features") as error:
        model.apply(params, state, np.zeros((2, 5), dtype="float32"))
    assert "found:  5 features, in shape (2, 5)" in str(error.value)
    assert "needed: 4 features on the last axis, as its kernel has shape (4, 8)" in str(error.value)
    inner = {**params, "sequential_0": {"dense_0": {"kernel": np.zeros((9, 3)), "bias": np.zeros(3)}}}
    with pytest.raises(ShapeError, match=r"Layer sequential\.sequential_0\.dense_0 got"):
        model.apply(inner, state, np.zeros((2, 4), dtype="float32"))


def test_input_without_dimensions():
    layer, params = layer_and_params()
    with pytest.raises(ShapeError, match="Layer dense got an input without dimensions"):
        layer.apply(params, {}, np.array(1.0))
    with pytest.raises(ShapeError, match="Layer dense needs features"):
        layer.init(random.key(0), ())


def test_input_that_is_not_floating_point():
    layer, params = layer_and_params()
    with pytest.raises(DtypeError, match="Layer dense got an input that is not floating-point") as error:
        layer.apply(params, {}, np.zeros((2, 4), dtype=np.uint8))
    assert "xp.astype(x, xp.float32)" in str(error.value)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"bias": np.zeros(3)},
        {"kernel": np.zeros((4, 3))},
        {"kernel": np.zeros((4, 3)), "bias": np.zeros(2)},
        {"kernel": np.zeros((4, 5)), "bias": np.zeros(5)},
        {"kernel": np.zeros((4, 3)), "bias": np.zeros(3), "extra": np.zeros(1)},
        [np.zeros((4, 3)), np.zeros(3)],
        None,
    ],
)
def test_parameters_of_another_layer(params):
    with pytest.raises(ParameterError, match="Layer dense got parameters that are not its own") as error:
        nn.dense(3).apply(params, {}, np.zeros((2, 4)))
    assert "needed: {'kernel': (in, 3), 'bias': (3,)}" in str(error.value)


def test_affine_says_which_shapes_fit():
    with pytest.raises(ShapeError, match=r"nn.affine got shapes") as error:
        nn.affine(np.zeros((2, 3)), np.zeros((4, 3)), np.zeros(3))
    assert "x (2, 3), kernel (4, 3), bias (3,)" in str(error.value)


def test_several_inputs_are_refused():
    with pytest.raises(ShapeError, match="Layer dense takes one array"):
        nn.dense(3).init(random.key(0), [(2, 3), (2, 3)])
