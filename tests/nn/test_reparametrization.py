"""Weight and spectral normalisation against PyTorch, in models, and what errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


parametrizations = oracle("torch.nn.utils.parametrizations")


def relative(got, expected):
    return float(np.abs(np.asarray(got) - expected).max() / max(np.abs(expected).max(), 1e-300))


def dense():
    return nn.dense(5, dtype="float64"), torch.nn.Linear(3, 5), (4, 3)


def conv():
    return nn.conv(5, (3, 2), dtype="float64"), torch.nn.Conv2d(3, 5, (3, 2)), (2, 6, 5, 3)


def to_torch(kernel):
    """Return a kernel (spatial..., in, out) as PyTorch's (out, in, spatial...)."""
    return torch.from_numpy(np.moveaxis(kernel, (-1, -2), (0, 1)).copy())


def from_torch(weight):
    return np.moveaxis(weight.detach().numpy(), (0, 1), (-1, -2))


def run(module, x):
    spatial = x.ndim > 2
    y = module(torch.from_numpy(np.moveaxis(x, -1, 1).copy() if spatial else x))
    return y.movedim(1, -1) if spatial else y


def weight_norm_errors(make):
    layer, module, shape = make()
    ours = nn.weight_norm(layer)
    params, state = ours.init(random.key(0), shape)
    rng = np.random.default_rng(0)
    params = {
        "kernel": {k: rng.uniform(0.5, 1.5, p.shape) * rng.choice([-1, 1]) for k, p in params["kernel"].items()},
        "bias": rng.standard_normal(5),
    }
    module = parametrizations.weight_norm(module.double())
    module.bias.data = torch.from_numpy(params["bias"].copy())
    module.parametrizations.weight.original0.data = to_torch(
        params["kernel"]["length"].reshape((1,) * (len(shape) - 1) + (5,))
        if len(shape) == 2
        else params["kernel"]["length"]
    )
    module.parametrizations.weight.original1.data = to_torch(params["kernel"]["direction"])
    x = rng.standard_normal(shape)
    yt = run(module, x)
    g = rng.standard_normal(tuple(yt.shape))
    (yt * torch.from_numpy(g)).sum().backward()
    y, pullback = fn.vjp(lambda p: ours.apply(p, state, x)[0], params)
    (dp,) = pullback(g)
    grads = [module.parametrizations.weight.original0.grad, module.parametrizations.weight.original1.grad]
    return relative(y, yt.detach().numpy()), max(
        relative(dp["kernel"]["length"], from_torch(grads[0])),
        relative(dp["kernel"]["direction"], from_torch(grads[1])),
        relative(dp["bias"], module.bias.grad.numpy()),
    )


def spectral_norm_errors(make, iterations):
    layer, module, shape = make()
    ours = nn.spectral_norm(layer, power_iterations=iterations)
    params, state = ours.init(random.key(0), shape)
    module = module.double()
    module.weight.data = to_torch(params["kernel"])
    module.bias.data = torch.from_numpy(params["bias"].copy())
    module = parametrizations.spectral_norm(module, n_power_iterations=iterations)
    # From any vectors, so that the iterations matter.
    rng = np.random.default_rng(1)
    vectors = {k: rng.standard_normal(v.shape) for k, v in state["vectors"]["kernel"].items()}
    vectors = {k: v / np.linalg.norm(v) for k, v in vectors.items()}
    state = {"vectors": {"kernel": vectors}, "layer": {}}
    theirs = module.parametrizations.weight[0]
    theirs._u = torch.from_numpy(vectors["left"].copy())
    inside = params["kernel"].shape[:-1]
    theirs._v = torch.from_numpy(np.moveaxis(vectors["right"].reshape(inside), -1, 0).reshape(-1).copy())
    found = [0.0, 0.0, 0.0]
    for train in (True, True, True, False):
        module.train(train)
        x = rng.standard_normal(shape)
        xt = torch.from_numpy(np.moveaxis(x, -1, 1).copy() if x.ndim > 2 else x).requires_grad_()
        yt = module(xt).movedim(1, -1) if x.ndim > 2 else module(xt)
        g = rng.standard_normal(tuple(yt.shape))
        original = module.parametrizations.weight.original
        dx, dw, db = torch.autograd.grad(yt, [xt, original, module.bias], torch.from_numpy(g))
        (y, state), pullback = fn.vjp(lambda p, x, s=state, t=train: ours.apply(p, s, x, train=t), params, x)
        dp, mine = pullback((g, tree.map(np.zeros_like, state)))
        found[0] = max(found[0], relative(y, yt.detach().numpy()))
        found[1] = max(found[1], relative(mine, dx.movedim(1, -1).numpy() if x.ndim > 2 else dx.numpy()))
        left = state["vectors"]["kernel"]["left"]
        found[2] = max(
            found[2],
            relative(dp["kernel"], from_torch(dw)),
            relative(dp["bias"], db.numpy()),
            relative(left, theirs._u.numpy()),
        )
    return found


def errors():
    """Yield the name, the reference, and the largest relative errors of output, input and parameter gradients."""
    for make in (dense, conv):
        output, parameters = weight_norm_errors(make)
        yield f"weight_norm of {make.__name__}", "torch", output, 0.0, parameters
        yield f"spectral_norm of {make.__name__}", "torch", *spectral_norm_errors(make, 1)


@pytest.mark.parametrize("make", [dense, conv])
def test_weight_norm_equals_torch(make):
    assert max(weight_norm_errors(make)) < 1e-10


@pytest.mark.parametrize("make", [dense, conv])
@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_norm_equals_torch(make, iterations):
    assert max(spectral_norm_errors(make, iterations)) < 1e-10


def test_at_first_the_kernels_are_those_of_the_layer():
    model = nn.sequential(nn.dense(4), nn.relu(), head=nn.dense(2))
    params, state = model.init(random.key(3), (1, 3))
    x = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    expected = model.apply(params, state, x)[0]
    normed = nn.weight_norm(model)
    kept, state = normed.init(random.key(3), (1, 3))
    assert set(kept["head"]["kernel"]) == {"direction", "length"}
    np.testing.assert_allclose(normed.apply(kept, state, x)[0], expected, rtol=1e-5, atol=1e-6)


def test_largest_singular_value_becomes_one():
    layer = nn.spectral_norm(nn.dense(6, bias=False, dtype="float64"))
    params, state = layer.init(random.key(0), (1, 4))
    for _ in range(60):
        y, state = layer.apply(params, state, np.eye(4), train=True)
    assert np.linalg.norm(y, 2) == pytest.approx(1, rel=1e-6)
    u, _, vt = np.linalg.svd(params["kernel"].T)
    vectors = state["vectors"]["kernel"]
    assert abs(vectors["left"] @ u[:, 0]) == pytest.approx(1, rel=1e-6)
    assert abs(vectors["right"] @ vt[0]) == pytest.approx(1, rel=1e-6)
    again, same = layer.apply(params, state, np.eye(4))
    assert same["vectors"] is state["vectors"]
    np.testing.assert_allclose(again, y, rtol=1e-9)


def test_around_a_model_with_state_and_keys():
    inner = nn.sequential(nn.dense(4), nn.batch_norm(), nn.dropout(0.5), nn.dense(2))
    x = np.random.default_rng(0).standard_normal((8, 3)).astype("float32")
    for layer in (nn.spectral_norm(inner), nn.weight_norm(inner), nn.sequential(nn.spectral_norm(inner))):
        params, state = layer.init(random.key(0), x.shape)
        y, after = layer.apply(params, state, x, key=random.key(1), train=True)
        assert y.shape == (8, 2)
        assert tree.structure(after) == tree.structure(state)
        with pytest.raises(ParameterError, match=r"dropout_0 needs a random key"):
            layer.apply(params, state, x, train=True)
        grads = fn.grad(lambda p, f=layer, s=state: xp.sum(f.apply(p, s, x)[0] ** 2))(params)
        assert tree.structure(grads) == tree.structure(params)


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    x = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
    for layer in (nn.spectral_norm(nn.dense(4)), nn.weight_norm(nn.dense(4))):
        params, state = layer.init(random.key(2), x.shape)
        expected = layer.apply(params, state, x, train=True)[0]
        with case.active():
            params, state = layer.init(random.key(2), x.shape)
            y = layer.apply(params, state, case.asarray(x, "float32"), train=True)[0]
            np.testing.assert_allclose(case.to_numpy(y), expected, rtol=1e-4, atol=1e-5)


def test_a_direction_of_zero_gives_a_kernel_of_zero():
    layer = nn.weight_norm(nn.dense(2, bias=False))
    params = {"kernel": {"direction": np.zeros((3, 2)), "length": np.ones((1, 2))}}
    y, pullback = fn.vjp(lambda p: layer.apply(p, {}, np.ones((1, 3)))[0], params)
    assert not y.any()
    assert all(np.isfinite(g).all() for g in tree.leaves(pullback(np.ones((1, 2)))))


def test_one_length_for_the_whole_kernel():
    layer = nn.weight_norm(nn.dense(2), axis=None)
    params, _ = layer.init(random.key(0), (1, 3))
    assert params["kernel"]["length"].shape == (1, 1)


@pytest.mark.requirement("N6")
def test_kernels_can_be_any_function_of_other_parameters():
    layer = nn.reparametrize(
        nn.dense(3, bias=False, dtype="float64"),
        lambda p: {"root": xp.sqrt(xp.abs(p["kernel"]))},
        lambda p: {"kernel": xp.square(p["root"])},
    )
    params, state = layer.init(random.key(0), (1, 2))
    x = np.random.default_rng(0).standard_normal((4, 2))
    y, pullback = fn.vjp(lambda p: layer.apply(p, state, x)[0], params)
    np.testing.assert_allclose(y, x @ params["root"] ** 2, rtol=1e-13)
    g = np.random.default_rng(1).standard_normal((4, 3))
    np.testing.assert_allclose(pullback(g)[0]["root"], 2 * params["root"] * (x.T @ g), rtol=1e-12)


def test_arguments_are_checked():
    for maker in (nn.weight_norm, nn.spectral_norm):
        with pytest.raises(ParameterError, match=rf"nn\.{maker.__name__} takes a layer"):
            maker(3)
        with pytest.raises(ParameterError, match=rf"Layer {maker.__name__} has nothing to normalise"):
            maker(nn.dense(3), name="weight").init(random.key(0), (1, 2))
        with pytest.raises(ShapeError, match="has a parameter without the axis"):
            maker(nn.dense(3), axis=2).init(random.key(0), (1, 2))
    for iterations in (0, 1.5, True):
        with pytest.raises(ParameterError, match="the number of its power iterations"):
            nn.spectral_norm(nn.dense(3), power_iterations=iterations)
    with pytest.raises(ParameterError, match="the least length to divide by"):
        nn.spectral_norm(nn.dense(3), eps=0)
    with pytest.raises(ParameterError, match=r"nn\.reparametrize takes a layer"):
        nn.reparametrize("dense", abs, abs)
    with pytest.raises(ParameterError, match=r"nn\.reparametrize takes two functions"):
        nn.reparametrize(nn.dense(3), abs, None)


def test_parameters_and_state_of_another_layer():
    x = np.zeros((1, 2), dtype="float32")
    plain, _ = nn.dense(3).init(random.key(0), (1, 2))
    with pytest.raises(ParameterError, match=r"Layer sequential\.weight_norm_0 needs its own parameters"):
        nn.sequential(nn.weight_norm(nn.dense(3))).apply({"weight_norm_0": plain}, {}, x)
    layer = nn.spectral_norm(nn.dense(3))
    params, state = layer.init(random.key(0), (1, 2))
    _, other = layer.init(random.key(0), (1, 4))
    for wrong in ({}, other, {"vectors": {}, "layer": {}}):
        with pytest.raises(ParameterError, match="Layer spectral_norm needs its own state"):
            layer.apply(params, wrong, x)
    with pytest.raises(ParameterError, match="Layer spectral_norm needs its own parameters"):
        layer.apply({"bias": params["bias"]}, state, x)
    with pytest.raises(ParameterError, match=r"spectral_norm\.|in layer spectral_norm|Layer spectral_norm"):
        layer.apply({"kernel": params["kernel"]}, state, x)
