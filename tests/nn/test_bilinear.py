"""The bilinear layer: against PyTorch, gradients, transformations, and what its errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


def layer_and_params(features=5, bias=True):
    layer = nn.bilinear(features, bias=bias, bias_init=nn.initializers.normal(1.0), dtype="float64")
    return layer, layer.init(random.key(1), ((1, 3), (1, 4)))[0]


def inputs(lead=(6,)):
    rng = np.random.default_rng(0)
    return rng.standard_normal((*lead, 3)), rng.standard_normal((*lead, 4))


def error(found, wanted):
    """Return the largest difference over the largest element."""
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape
    return np.max(np.abs(found - wanted), initial=0.0) / max(np.max(np.abs(wanted), initial=0.0), 1e-300)


def close(found, wanted):
    assert error(np.asarray(found), wanted) < 1e-12


def compare(lead, features, bias):
    """Return the errors of output, gradients by the inputs and gradients by the parameters, against PyTorch."""
    layer, params = layer_and_params(features, bias)
    reference = torch.nn.Bilinear(3, 4, features, bias=bias, dtype=torch.float64)
    reference.weight.data = torch.from_numpy(np.moveaxis(params["kernel"], -1, 0).copy())
    if bias:
        reference.bias.data = torch.from_numpy(params["bias"].copy())
    x = inputs(lead)
    g = np.random.default_rng(1).standard_normal((*lead, features))
    y, pullback = fn.vjp(lambda p, x: layer.apply(p, {}, x)[0], params, x)
    dp, dx = pullback(g)
    leaves = [torch.from_numpy(a).requires_grad_() for a in x]
    yt = reference(*leaves)
    yt.backward(torch.from_numpy(g))
    wanted = {"kernel": np.moveaxis(reference.weight.grad.numpy(), 0, -1)}
    if bias:
        wanted["bias"] = reference.bias.grad.numpy()
    assert sorted(dp) == sorted(wanted)
    return (
        error(y, yt.detach().numpy()),
        max(error(d, leaf.grad.numpy()) for d, leaf in zip(dx, leaves, strict=True)),
        max(error(dp[name], wanted[name]) for name in wanted),
    )


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradients and parameter gradients."""
    yield "bilinear", "torch", *compare((2, 5), 5, True)
    yield "bilinear without bias", "torch", *compare((6,), 1, False)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("features", [1, 5])
@pytest.mark.parametrize("lead", [(), (6,), (2, 5), (2, 1, 3), (0,)])
def test_equals_torch(lead, features, bias):
    assert max(compare(lead, features, bias)) < 1e-12


def test_second_order():
    layer, params = layer_and_params(2)
    check_grads(lambda p, x: layer.apply(p, {}, x)[0], (params, inputs((2,))), order=2)


def test_compiled_and_its_gradients():
    layer, params = layer_and_params()
    x = inputs()

    def loss(p, x):
        return xp.sum(xp.sin(layer.apply(p, {}, x)[0]))

    one, two = x
    inner = np.einsum("ni,ijk,nj->nk", one, params["kernel"], two) + params["bias"]
    slope = np.cos(inner)
    wanted = {"kernel": np.einsum("ni,nj,nk->ijk", one, two, slope), "bias": slope.sum(axis=0)}
    step = fn.jit(fn.value_and_grad(loss))
    for _ in range(2):
        value, grads = step(params, x)
        close(value, np.sin(inner).sum())
        tree.map(close, grads, wanted)


def test_batched_over_inputs_and_over_parameters():
    layer, params = layer_and_params()
    one, two = inputs((2, 6))
    wanted = np.einsum("...i,ijk,...j->...k", one, params["kernel"], two) + params["bias"]
    close(fn.vmap(lambda x: layer.apply(params, {}, x)[0])((one, two)), wanted)
    many = tree.map(lambda p: np.stack([p, -2 * p]), params)
    close(fn.vmap(lambda p, x: layer.apply(p, {}, x)[0])(many, (one, two)), wanted * np.array([1, -2])[:, None, None])
    rows = fn.vmap(fn.grad(lambda p, x: xp.sum(layer.apply(p, {}, x)[0])), in_axes=(None, 0))(params, (one[0], two[0]))
    close(rows["kernel"], np.einsum("ni,nj->nij", one[0], two[0])[..., None] * np.ones(5))


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    with case.active():
        layer = nn.bilinear(2)
        params, state = layer.init(random.key(0), [(6, 3), (6, 4)])
        x = tuple(case.asarray(a, "float32") for a in inputs())
        grads = fn.grad(lambda p: xp.sum(layer.apply(p, state, x)[0]))(params)
        assert fn.backends.backend_of(grads["kernel"]).name == case.backend_name
        found = case.to_numpy(grads["kernel"])
    one, two = inputs()
    np.testing.assert_allclose(found, (one.T @ two)[..., None] * np.ones(2), rtol=1e-5, atol=1e-5)


def test_default_kernel_keeps_the_variance():
    kernel = nn.bilinear(50).init(random.key(0), ((1, 30), (1, 40)))[0]["kernel"]
    assert kernel.dtype == np.float32
    np.testing.assert_allclose(np.std(kernel), (30 * 40) ** -0.5, rtol=0.02)
    without = nn.bilinear(50, bias=False).init(random.key(0), ((1, 30), (1, 40)))[0]
    assert list(without) == ["kernel"]
    np.testing.assert_array_equal(without["kernel"], kernel)


def test_summary_counts_parameters_and_products():
    model = nn.sequential(nn.bilinear(5), nn.relu())
    row = next(row for row in nn.summary(model, ((8, 3), (8, 4))).rows if row.kind == "bilinear")
    assert (row.output, row.parameters) == ((8, 5), 3 * 4 * 5 + 5)
    # At the least the contraction with one of the inputs first, then with the other.
    assert 2 * 8 * 3 * 4 * 5 <= row.flops <= 2 * 8 * (3 * 4 * 5 + 4 * 5 + 3 * 4) + 8 * 5


@pytest.mark.parametrize("features", [0, -1, 2.5, True, "3"])
def test_number_of_features(features):
    with pytest.raises(ParameterError, match=r"nn.bilinear takes the number") as error:
        nn.bilinear(features)
    assert "nn.bilinear(128)" in str(error.value)


@pytest.mark.parametrize("spec", [(8, 3), [(8, 3)], [(8, 3)] * 3, {"a": (8, 3), "b": (8, 4)}])
def test_specs_that_are_not_two(spec):
    with pytest.raises(ShapeError, match=r"Layer sequential.bilinear_0 takes two arrays") as error:
        nn.sequential(nn.bilinear(2)).init(random.key(0), spec)
    assert "layer.init(key, (x1.shape, x2.shape))" in str(error.value)


@pytest.mark.parametrize("x", [np.ones((6, 3)), (np.ones((6, 3)),), None, (np.ones((6, 3)), 2.0)])
def test_inputs_that_are_not_two(x):
    layer, params = layer_and_params()
    with pytest.raises(ShapeError, match="Layer bilinear takes two arrays"):
        layer.apply(params, {}, x)


@pytest.mark.parametrize("shapes", [((6, 3), (5, 4)), ((6, 3), (4,)), ((), (4,)), ((6, 3), (1, 4))])
def test_inputs_that_do_not_belong_together(shapes):
    layer, params = layer_and_params()
    with pytest.raises(ShapeError, match="Layer bilinear got two inputs that do not belong together") as error:
        layer.apply(params, {}, tuple(np.ones(s) for s in shapes))
    assert f"shapes {shapes[0]} and {shapes[1]}" in str(error.value)
    with pytest.raises(ShapeError, match="Layer bilinear got two inputs that do not belong together"):
        layer.init(random.key(0), tuple(fn.Spec(s) for s in shapes))


def test_inputs_with_the_wrong_features():
    layer, params = layer_and_params()
    with pytest.raises(ShapeError, match="Layer bilinear got inputs with the wrong numbers of features") as error:
        layer.apply(params, {}, inputs()[::-1])
    assert "needed: 3 and 4 features" in str(error.value)


def test_inputs_that_are_not_floating_point():
    layer, params = layer_and_params()
    with pytest.raises(DtypeError, match="Layer bilinear got an input that is not floating-point"):
        layer.apply(params, {}, (np.ones((2, 3)), np.ones((2, 4), dtype="int64")))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"kernel": np.zeros((3, 4, 5))},
        {"kernel": np.zeros((3, 4, 2)), "bias": np.zeros(2)},
        {"kernel": np.zeros((3, 5)), "bias": np.zeros(5)},
        {"kernel": np.zeros((3, 4, 5)), "bias": np.zeros(4)},
        {"kernel": np.zeros((3, 4, 5)), "bias": np.zeros(5), "extra": np.zeros(1)},
        None,
    ],
)
def test_parameters_of_another_layer(params):
    with pytest.raises(ParameterError, match="Layer bilinear got parameters that are not its own") as error:
        nn.bilinear(5).apply(params, {}, inputs())
    assert "needed: {'kernel': (in1, in2, 5), 'bias': (5,)}" in str(error.value)
