"""Normalisation layers: running statistics against PyTorch, purity, saving, and what errors say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import nn, random, serialize, tree, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


def randomised(params, seed=0):
    rng = np.random.default_rng(seed)
    return tree.map(lambda p: rng.uniform(0.5, 1.5, p.shape), params)


def first(x):
    return torch.from_numpy(np.moveaxis(x, -1, 1).copy())


def last(x):
    return np.moveaxis(x.detach().numpy(), 1, -1)


def relative(got, expected):
    return float(np.abs(np.asarray(got) - expected).max() / max(np.abs(expected).max(), 1e-300))


TORCH_BATCH = {2: "BatchNorm1d", 3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}

#: name, our layer, PyTorch's module, shape of the input.
CASES = [
    ("layer_norm", nn.layer_norm(dtype="float64"), lambda: torch.nn.LayerNorm(6), (3, 4, 6), False),
    ("rms_norm", nn.rms_norm(dtype="float64"), lambda: torch.nn.RMSNorm(6, eps=1e-6), (3, 4, 6), False),
    ("group_norm", nn.group_norm(3, dtype="float64"), lambda: torch.nn.GroupNorm(3, 6), (3, 4, 5, 6), True),
    (
        "instance_norm",
        nn.instance_norm(dtype="float64"),
        lambda: torch.nn.InstanceNorm2d(6, affine=True),
        (3, 4, 5, 6),
        True,
    ),
    (
        "instance_norm with statistics",
        nn.instance_norm(track=True, decay=0.75, dtype="float64"),
        lambda: torch.nn.InstanceNorm2d(6, affine=True, track_running_stats=True, momentum=0.25),
        (3, 4, 5, 6),
        True,
    ),
    (
        "instance_norm with statistics only",
        nn.instance_norm(track=True, scale=False, bias=False, dtype="float64"),
        lambda: torch.nn.InstanceNorm1d(6, track_running_stats=True),
        (3, 5, 6),
        True,
    ),
    ("local_response_norm", nn.local_response_norm(3), lambda: torch.nn.LocalResponseNorm(3), (3, 4, 5, 6), True),
    ("batch_norm 2d", nn.batch_norm(dtype="float64"), lambda: torch.nn.BatchNorm1d(6), (5, 6), True),
    ("batch_norm 3d", nn.batch_norm(dtype="float64"), lambda: torch.nn.BatchNorm1d(6), (5, 3, 6), True),
    ("batch_norm 4d", nn.batch_norm(dtype="float64"), lambda: torch.nn.BatchNorm2d(6), (2, 3, 4, 6), True),
    ("batch_norm 5d", nn.batch_norm(dtype="float64"), lambda: torch.nn.BatchNorm3d(6), (2, 3, 2, 2, 6), True),
    (
        "batch_norm, average of all steps",
        nn.batch_norm(decay=None, dtype="float64"),
        lambda: torch.nn.BatchNorm2d(6, momentum=None),
        (2, 3, 4, 6),
        True,
    ),
    (
        "batch_norm without statistics",
        nn.batch_norm(track=False, scale=False, bias=False, dtype="float64"),
        lambda: torch.nn.BatchNorm2d(6, track_running_stats=False, affine=False),
        (2, 3, 4, 6),
        True,
    ),
]
IDS = [c[0] for c in CASES]


def compared(layer, module, shape, moved, steps=4):
    """Return the errors of output, input gradient, and parameter gradients or statistics, over steps of training."""
    module = module().double()
    params, state = layer.init(random.key(0), shape)
    params = randomised(params)
    for name, p in module.named_parameters():
        p.data = torch.from_numpy(params["scale" if name == "weight" else "bias"].copy())
    found = [0.0, 0.0, 0.0]
    rng = np.random.default_rng(1)
    for step in range(steps + 1):
        train = step < steps
        module.train(train)
        x, g = rng.standard_normal(shape) * 2 + 1, rng.standard_normal(shape)
        xt = (first(x) if moved else torch.from_numpy(x)).requires_grad_()
        yt = module(xt)
        inputs = [xt, *module.parameters()]
        grads = torch.autograd.grad(yt, inputs, first(g) if moved else torch.from_numpy(g))
        (y, state), pullback = fn.vjp(lambda p, x, s=state, t=train: layer.apply(p, s, x, train=t), params, x)
        dp, dx = pullback((g, tree.map(np.zeros_like, state)))
        found[0] = max(found[0], relative(y, last(yt) if moved else yt.detach().numpy()))
        found[1] = max(found[1], relative(dx, last(grads[0]) if moved else grads[0].numpy()))
        for (name, _), expected in zip(module.named_parameters(), grads[1:], strict=True):
            found[2] = max(found[2], relative(dp["scale" if name == "weight" else "bias"], expected.numpy()))
        buffers = dict(module.named_buffers())
        for entry in ("mean", "var"):
            if entry in state:
                found[2] = max(found[2], relative(state[entry], buffers[f"running_{entry}"].numpy()))
    return found


def errors():
    """Yield the name, the reference, and the largest relative errors of output, input and parameter gradients."""
    for name, layer, module, shape, moved in CASES:
        yield name, "torch", *compared(layer, module, shape, moved)


@pytest.mark.requirement("D60", "D84", "P52", "DX7", "PX19", "PX20")
@pytest.mark.parametrize(("layer", "module", "shape", "moved"), [c[1:] for c in CASES], ids=IDS)
def test_equals_torch_in_training_and_outside_of_it(layer, module, shape, moved):
    assert max(compared(layer, module, shape, moved)) < 1e-10


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.5, 0.99, None]),
    st.sampled_from([1e-5, 0.1]),
    st.booleans(),
)
def test_batch_norm_with_any_options(spatial, channels, decay, eps, scale):
    shape = (2, *spatial, channels)
    layer = nn.batch_norm(decay=decay, eps=eps, scale=scale, dtype="float64")
    momentum = None if decay is None else 1 - decay
    module = getattr(torch.nn, TORCH_BATCH[len(shape)])(channels, eps=eps, momentum=momentum).double()
    params, state = layer.init(random.key(0), shape)
    rng = np.random.default_rng(0)
    for _ in range(3):
        x = rng.standard_normal(shape)
        y, state = layer.apply(params, state, x, train=True)
        np.testing.assert_allclose(y, last(module(first(x))), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(state["mean"], module.running_mean.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(state["var"], module.running_var.numpy(), rtol=1e-10, atol=1e-12)
    module.eval()
    np.testing.assert_allclose(layer.apply(params, state, x)[0], last(module(first(x))), rtol=1e-9, atol=1e-9)


def test_channels_first():
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 6))
    for make in (nn.batch_norm, nn.instance_norm, lambda **o: nn.group_norm(2, **o)):
        layer, moved = make(axis=1, dtype="float64"), make(dtype="float64")
        params, state = layer.init(random.key(0), x.shape)
        params = randomised(params)
        assert params["scale"].shape == (4,)
        y = layer.apply(params, state, x, train=True)[0]
        expected = moved.apply(params, state, np.moveaxis(x, 1, -1), train=True)[0]
        np.testing.assert_allclose(np.moveaxis(y, 1, -1), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.requirement("D60")
def test_state_is_new_and_the_old_one_untouched():
    layer = nn.batch_norm()
    params, state = layer.init(random.key(0), (4, 3))
    before = tree.map(np.copy, state)
    x = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")
    y, after = layer.apply(params, state, x, train=True)
    again, _ = layer.apply(params, state, x, train=True)
    np.testing.assert_array_equal(y, again)
    for entry in state:
        np.testing.assert_array_equal(state[entry], before[entry])
        assert not np.array_equal(after[entry], state[entry])
    assert layer.apply(params, state, x)[1] is state


@pytest.mark.requirement("D60")
def test_no_derivative_flows_into_the_state():
    layer = nn.batch_norm()
    params, state = layer.init(random.key(0), (4, 3))

    def f(x):
        after = layer.apply(params, state, x, train=True)[1]
        return xp.sum(after["mean"]) + xp.sum(after["var"]) + 0.0 * xp.sum(x)

    np.testing.assert_array_equal(fn.grad(f)(np.ones((4, 3), dtype="float32")), 0)


@pytest.mark.requirement("D84")
def test_statistics_are_saved_and_restored(tmp_path):
    model = nn.sequential(nn.dense(3), nn.batch_norm(), nn.relu(), norm=nn.batch_norm())
    params, state = model.init(random.key(0), (8, 2))
    x = np.random.default_rng(0).standard_normal((8, 2)).astype("float32")
    _, state = model.apply(params, state, x, train=True)
    assert set(state) == {"batch_norm_0", "norm"}
    assert set(params) == {"dense_0", "batch_norm_0", "norm"}
    serialize.save(tmp_path / "model.safetensors", {"params": params, "state": state})
    _, fresh = model.init(random.key(1), (8, 2))
    loaded = serialize.load(tmp_path / "model.safetensors", {"params": params, "state": fresh})
    np.testing.assert_array_equal(
        model.apply(loaded["params"], loaded["state"], x)[0], model.apply(params, state, x)[0]
    )


@pytest.mark.parametrize("case", backend_params())
def test_training_step_on_every_backend(case):
    model = nn.sequential(
        nn.batch_norm(), nn.layer_norm(), nn.group_norm(2), nn.instance_norm(), nn.rms_norm(), nn.unit_norm()
    )
    x = np.random.default_rng(0).standard_normal((3, 5, 4)).astype("float32")
    params, state = model.init(random.key(0), x.shape)

    def step(params, state, x):
        def loss(params):
            y, after = model.apply(params, state, x, train=True)
            return xp.sum(xp.sin(y)), after

        return fn.value_and_grad(loss, has_aux=True)(params)

    expected = tree.leaves(step(params, state, x))
    with case.active():
        params, state = model.init(random.key(0), x.shape)
        got = tree.leaves(step(params, state, case.asarray(x, "float32")))
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(case.to_numpy(a), b, rtol=1e-3, atol=2e-4)


def test_data_types_of_parameters_and_statistics():
    params, state = nn.batch_norm(dtype="float16").init(random.key(0), (2, 3))
    assert params["scale"].dtype == np.float16
    assert state["mean"].dtype == state["var"].dtype == np.float32
    x = np.random.default_rng(0).standard_normal((6, 3)).astype("float16")
    y, after = nn.batch_norm(dtype="float16").apply(params, state, x, train=True)
    assert y.dtype == np.float16
    assert after["mean"].dtype == np.float32
    with fn.use_backend(dtype="float64"):
        assert nn.batch_norm().init(random.key(0), (2, 3))[1]["var"].dtype == np.float64


def test_batch_of_one_example():
    layer = nn.batch_norm()
    params, state = layer.init(random.key(0), (1, 4, 4, 3))
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 3)).astype("float32")
    y, after = layer.apply(params, state, x, train=True)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-6)
    assert np.isfinite(after["var"]).all()
    with pytest.raises(ShapeError, match="Layer batch_norm needs more than one element in each channel") as error:
        layer.apply(params, state, x[:, 0, 0], train=True)
    assert "nn.layer_norm()" in str(error.value)
    assert layer.apply(params, state, x[:, 0, 0])[0].shape == (1, 3)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.batch_norm(), (3,), "needs an axis of channels"),
        (nn.batch_norm(axis=4), (2, 3), "needs an axis of channels"),
        (nn.group_norm(3), (2, 5, 4), "does not divide the number of channels"),
        (nn.group_norm(1, axis=0), (2, 5, 4), "the axis of the batch as that of the channels"),
        (nn.instance_norm(), (2, 4), "without spatial axes"),
        (nn.instance_norm(track=True), (2, 4), "without spatial axes"),
        (nn.layer_norm(axis=(-1, 3)), (2, 4), "without the axes over which it normalises"),
        (nn.layer_norm(axis=()), (2, 4), "without the axes over which it normalises"),
        (nn.rms_norm(axis=(1, -1)), (2, 4), "without the axes over which it normalises"),
        (nn.local_response_norm(), (4,), "needs an axis of channels"),
        (nn.unit_norm(axis=2), (2, 4), "without the axes over which it normalises"),
    ],
)
def test_init_names_the_layer(layer, shape, message):
    with pytest.raises(ShapeError, match=rf"Layer sequential\.\w+_0 .*{message}"):
        nn.sequential(layer).init(random.key(0), shape)


@pytest.mark.parametrize("make", [nn.batch_norm, nn.layer_norm, nn.rms_norm, nn.instance_norm, nn.unit_norm])
def test_eps_is_checked_by_the_maker(make):
    with pytest.raises(ParameterError, match=rf"nn\.{make.__name__} takes"):
        make(eps=-1.0)


def test_arguments_of_makers():
    for decay in (-0.1, 1.5, "0.9", True):
        with pytest.raises(ParameterError, match="the part of the old statistics that stays"):
            nn.batch_norm(decay=decay)
        with pytest.raises(ParameterError, match=r"nn\.instance_norm takes the part of the old statistics"):
            nn.instance_norm(decay=decay)
    for groups in (0, 2.5):
        with pytest.raises(ParameterError, match=r"nn\.group_norm takes a number of groups"):
            nn.group_norm(groups)
    with pytest.raises(ParameterError, match=r"nn\.local_response_norm takes a number of neighbouring channels"):
        nn.local_response_norm(0)
    with pytest.raises(ParameterError, match="takes integers as axes"):
        nn.layer_norm(axis=1.5).init(random.key(0), (2, 3))


@pytest.mark.parametrize("change", [lambda p: {}, lambda p: {**p, "more": p["scale"]}, lambda p: None])
def test_parameters_of_another_layer(change):
    for layer in (nn.batch_norm(), nn.layer_norm(), nn.group_norm(1)):
        params, state = layer.init(random.key(0), (2, 4))
        with pytest.raises(ParameterError, match="needs its own parameters, made for"):
            layer.apply(change(params), state, np.zeros((2, 4)))


def test_state_of_another_model():
    model = nn.sequential(nn.batch_norm())
    params, state = model.init(random.key(0), (2, 4))
    _, other = model.init(random.key(0), (2, 5))
    for wrong in (other, {}):
        with pytest.raises(
            ParameterError, match=r"Layer sequential\.batch_norm_0 needs its own state, made for"
        ) as error:
            model.apply(params, wrong, np.zeros((2, 4)))
        assert "needed: {'mean': (4,), 'var': (4,)}" in str(error.value)
    with pytest.raises(ParameterError, match="needs its own parameters, made for"):
        model.apply(params, state, np.zeros((2, 5)))
    with pytest.raises(DtypeError, match="not floating-point"):
        model.apply(params, state, np.zeros((2, 4), dtype=int))


@pytest.mark.parametrize(
    "layer",
    [
        nn.batch_norm(),
        nn.batch_norm(decay=None),
        nn.layer_norm(axis=(1, 2)),
        nn.group_norm(2),
        nn.instance_norm(axis=1),
        nn.instance_norm(track=True),
        nn.rms_norm(),
        nn.local_response_norm(3),
        nn.unit_norm(),
    ],
    ids=lambda layer: nn.layer.kind_of(layer),
)
def test_compiled_training_step(layer):
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 6)).astype("float32")
    params, state = layer.init(random.key(0), x.shape)

    def step(params, state, x):
        def loss(params, x):
            y, after = layer.apply(params, state, x, train=True)
            return xp.sum(xp.sin(y)), after

        return fn.value_and_grad(loss, (0, 1), has_aux=True)(params, x)

    plain, compiled = step(params, state, x), fn.jit(step)(params, state, x)
    for a, b in zip(tree.leaves(compiled), tree.leaves(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
