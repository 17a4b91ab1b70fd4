"""Requirements that no single module shows: operators, examples of a few lines, and what must not come back."""

import gc
import operator
import sys

import numpy as np
import pytest

import funcnet as fn
from funcnet import errors, nn, random, tree, xp
from funcnet.testing.backends import backend_params

RNG = np.random.default_rng(0)
A, B = RNG.uniform(0.5, 2.0, (2, 3, 3)), RNG.uniform(0.5, 2.0, (3, 3))

#: Operator, whether it is differentiable, and arguments.
OPERATORS = [
    *[(getattr(operator, name), True, (A, B)) for name in ("add", "sub", "mul", "truediv", "pow", "matmul")],
    *[(getattr(operator, name), True, (A,)) for name in ("neg", "pos", "abs")],
    *[(getattr(operator, name), False, (A, B)) for name in ("floordiv", "mod", "lt", "le", "gt", "ge", "eq", "ne")],
    *[(getattr(operator, name), False, (A > 1, B > 1)) for name in ("and_", "or_", "xor")],
    *[(getattr(operator, name), False, (np.arange(9).reshape(3, 3), 2)) for name in ("lshift", "rshift")],
    (operator.invert, False, (A > 1,)),
]


@pytest.mark.requirement("P25", "P26", "P28", "P29", "P30", "P55", "DX19", "PX8")
@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: row[0].__name__)
def test_every_operator_on_every_backend(row, case):
    f, differentiable, arguments = row
    wanted = f(*arguments)
    with case.active():
        own = [case.asarray(a) if hasattr(a, "shape") else a for a in arguments]
        plain = case.to_numpy(f(*own))
        np.testing.assert_allclose(plain, wanted, rtol=1e-6)
        if differentiable:
            values, pull = fn.vjp(f, *own)
            np.testing.assert_allclose(case.to_numpy(values), wanted, rtol=1e-6)
            shapes = [tuple(g.shape) for g in pull(values)]
            assert shapes == [a.shape for a in arguments]


@pytest.mark.requirement("D20", "D23", "P25", "PX7", "DX19")
def test_operators_with_a_number_on_the_left():
    x = np.array([0.5, 2.0, 3.0])
    for f, slope in [
        (lambda x: 3.0 - x, -np.ones(3)),
        (lambda x: 3.0 / x, -3.0 / x**2),
        (lambda x: 2.0**x, np.log(2.0) * 2.0**x),
        (lambda x: 3.0 + x, np.ones(3)),
        (lambda x: 3.0 * x, np.full(3, 3.0)),
    ]:
        np.testing.assert_allclose(fn.grad(lambda x, f=f: xp.sum(f(x)))(x), slope, rtol=1e-14)
        np.testing.assert_allclose(fn.jvp(f, (x,), (np.ones(3),))[1], slope, rtol=1e-14)


@pytest.mark.requirement("D10")
def test_without_a_transformation_there_is_no_tape():
    x = np.ones(1000)
    for _ in range(3):
        x = xp.tanh(x * 1.5)
    assert type(x) is np.ndarray
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(2000):
        x = xp.tanh(x * 1.5)
    gc.collect()
    assert sys.getallocatedblocks() - before < 200


@pytest.mark.requirement("D11", "P41", "PX20")
def test_training_is_an_argument_of_each_call():
    layer = nn.sequential(nn.batch_norm(), nn.dropout(0.5))
    params, state = layer.init(random.key(0), (6, 4))
    x = RNG.standard_normal((6, 4)).astype("float32")
    still, same = layer.apply(params, state, x)
    moved, after = layer.apply(params, state, x, key=random.key(1), train=True)
    again, _ = layer.apply(params, state, x)
    np.testing.assert_array_equal(still, again)
    assert (moved == 0).any()
    assert not np.array_equal(after["batch_norm_0"]["mean"], same["batch_norm_0"]["mean"])


@pytest.mark.requirement("D15")
def test_arrays_without_dimensions_stay_so():
    x = np.array(2.0)
    for f in (xp.sin, lambda x: x * x, lambda x: xp.reshape(x, ()), lambda x: xp.sum(x)):
        value, slope = fn.value_and_grad(f)(x)
        assert xp.asarray(value).shape == slope.shape == ()
    assert fn.grad(lambda x: x**3)(x) == 12.0


@pytest.mark.requirement("D43", "D44")
@pytest.mark.parametrize(("small", "large"), [((3, 1), (2, 3, 4)), ((), (2, 3)), ((1, 1), (5, 4)), ((2, 3), (2, 3))])
def test_the_sum_to_a_shape_is_the_transpose_of_broadcasting(small, large):
    x, y = RNG.standard_normal(small), RNG.standard_normal(large)
    spread, pull = fn.vjp(lambda x: xp.broadcast_to(x, large), x)
    (back,) = pull(y)
    assert back.shape == small
    np.testing.assert_allclose(np.vdot(spread, y), np.vdot(x, back), rtol=1e-12)
    # And summing has broadcasting as its transpose.
    total, pull = fn.vjp(lambda y: fn.vjp(lambda x: xp.broadcast_to(x, large), x)[1](y)[0], y)
    np.testing.assert_allclose(pull(x)[0], np.broadcast_to(x, large), rtol=1e-14)
    np.testing.assert_allclose(total, back, rtol=1e-14)


@pytest.mark.requirement("D131", "D132")
def test_arrays_are_compared_inside_of_a_derivative():
    def f(x):
        assert np.array_equal(x, x)
        assert not np.array_equal(x, x + 1)
        assert np.allclose(x, x + 1e-12)
        assert bool(xp.all(x == x))
        return xp.sum(x)

    np.testing.assert_array_equal(fn.grad(f)(np.ones(3)), np.ones(3))


@pytest.mark.requirement("D136")
def test_one_number_stands_for_both_axes():
    x = RNG.standard_normal((2, 9, 8, 3)).astype("float32")
    one = nn.conv(4, 3, stride=2, padding=1, dilation=2)
    both = nn.conv(4, (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(2, 2))
    params, _ = one.init(random.key(0), x.shape)
    np.testing.assert_array_equal(one.apply(params, {}, x)[0], both.apply(params, {}, x)[0])
    pools = nn.max_pool(2), nn.max_pool((2, 2), stride=(2, 2))
    np.testing.assert_array_equal(*(pool.apply({}, {}, x)[0] for pool in pools))


@pytest.mark.requirement("D135")
@pytest.mark.parametrize(("n", "window", "stride", "pad"), [(7, 3, 2, 1), (8, 2, 3, 0), (10, 5, 1, 2), (5, 5, 4, 0)])
def test_sizes_of_convolutions_and_their_transposes(n, window, stride, pad):
    out = (n + 2 * pad - window) // stride + 1
    down = nn.conv(1, window, stride=stride, padding=pad)
    assert nn.summary(down, (1, n, n, 1)).rows[0].output == (1, out, out, 1)
    up = nn.conv_transpose(1, window, stride=stride, padding=pad)
    back = stride * (out - 1) + window - 2 * pad
    assert nn.summary(up, (1, out, out, 1)).rows[0].output == (1, back, back, 1)


@pytest.mark.requirement("D148")
def test_a_gradient_inside_of_a_function_that_is_differentiated():
    def f(x):
        return fn.grad(lambda x: x**2)(x) ** 3 + x**2

    # (2 x)**3 + x**2.
    assert fn.grad(f)(np.array(2.0)) == 24 * 4 + 4


@pytest.mark.requirement("D151")
def test_gradients_at_an_inner_layer_show_what_a_class_depends_on():
    # One class sees the sum of the first channel, the other one that of the second.
    maps = nn.conv(2, 1, bias=False)
    kernel = np.eye(2).reshape(1, 1, 2, 2)
    x = np.zeros((1, 4, 4, 2))
    x[0, 0, 0, 0] = x[0, 3, 3, 1] = 1.0

    def score(x, which):
        seen = fn.tap(maps.apply({"kernel": kernel}, {}, x)[0], "maps")
        return xp.mean(seen, axis=(1, 2))[0, which], seen

    for which, place in ((0, (0, 0)), (1, (3, 3))):
        (_, seen), taps = score(x, which), fn.grad_of_taps(lambda x, c=which: score(x, c)[0])(x)
        weights = np.mean(taps["maps"], axis=(1, 2), keepdims=True)
        heat = np.maximum((weights * seen).sum(-1)[0], 0)
        assert np.unravel_index(heat.argmax(), heat.shape) == place
        assert np.count_nonzero(heat) == 1


@pytest.mark.requirement("DX1")
def test_a_new_last_axis_comes_last():
    assert xp.expand_dims(np.ones((2, 3)), axis=-1).shape == (2, 3, 1)
    assert xp.expand_dims(np.ones((2, 3)), axis=(0, -1)).shape == (1, 2, 3, 1)


@pytest.mark.requirement("DX10")
def test_the_gradient_of_the_identity_is_one():
    assert fn.grad(lambda x: x)(np.array(3.0)) == 1.0
    np.testing.assert_array_equal(fn.vjp(lambda x: x, np.ones(2))[1](np.array([3.0, 4.0]))[0], [3.0, 4.0])


@pytest.mark.requirement("N5")
@pytest.mark.parametrize("lead", [(0,), (1,), (7,), (2, 0, 5), (3, 4)])
def test_shapes_of_dense_for_a_batch_of_any_size(lead):
    layer = nn.dense(10)
    params, _ = layer.init(random.key(0), (1, 6))
    found = fn.eval_shape(lambda p, x: layer.apply(p, {}, x)[0], params, fn.Spec((*lead, 6)))
    assert found.shape == (*lead, 10) == layer.apply(params, {}, np.ones((*lead, 6), dtype="float32"))[0].shape


@pytest.mark.requirement("N9")
def test_likelihood_of_a_mixture_equals_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    y, outputs = RNG.standard_normal(5), RNG.standard_normal((5, 9))

    def loss(outputs):
        logits, mean, log_std = (outputs[:, i : i + 3] for i in (0, 3, 6))
        z = (y[:, None] - mean) * xp.exp(-log_std)
        densities = xp.log_softmax(logits, axis=1) - 0.5 * z * z - log_std - 0.5 * np.log(2 * np.pi)
        return -xp.mean(xp.logsumexp(densities, axis=1))

    t = torch.from_numpy(outputs.copy()).requires_grad_()
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=t[:, :3]), torch.distributions.Normal(t[:, 3:6], t[:, 6:].exp())
    )
    wanted = -mixture.log_prob(torch.from_numpy(y)).mean()
    wanted.backward()
    value, slope = fn.value_and_grad(loss)(outputs)
    np.testing.assert_allclose(value, wanted.item(), rtol=1e-12)
    np.testing.assert_allclose(slope, t.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.requirement("PX9")
def test_a_factor_is_not_lost_on_the_way_back():
    model = nn.sequential(nn.dense(3), lambda x: 3.0 * x, nn.relu())
    params, _ = model.init(random.key(0), (1, 4))
    x = RNG.standard_normal((2, 4)).astype("float32")

    def total(factor):
        return fn.grad(lambda p: xp.sum(nn.sequential(nn.dense(3), lambda x: factor * x).apply(p, {}, x)[0]))(params)

    one, three = total(1.0), total(3.0)
    np.testing.assert_allclose(three["dense_0"]["kernel"], 3.0 * one["dense_0"]["kernel"], rtol=1e-6)


@pytest.mark.requirement("PX23", "T16")
def test_every_error_is_an_exception_of_ours_and_a_builtin_one():
    classes = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]
    assert len(classes) > 5
    for kind in classes:
        assert issubclass(kind, Exception)
        assert issubclass(kind, errors.FuncnetError)


@pytest.mark.requirement("A3", "P38")
def test_all_parameters_depth_first():
    model = nn.sequential(nn.dense(2), nn.sequential(nn.dense(3, bias=False), nn.relu()), nn.dense(1))
    params, _ = model.init(random.key(0), (1, 4))
    assert tree.paths(params) == [
        ".dense_0.bias",
        ".dense_0.kernel",
        ".dense_1.bias",
        ".dense_1.kernel",
        ".sequential_0.dense_0.kernel",
    ]


@pytest.mark.requirement("P71", "P73", "P74")
def test_images_with_channels_last_through_a_chain():
    x = RNG.standard_normal((2, 6, 6, 3)).astype("float32")
    model = nn.sequential(nn.relu(), nn.max_pool(2), nn.flatten())
    y, _ = model.apply({}, {}, x)
    wanted = np.maximum(x, 0).reshape(2, 3, 2, 3, 2, 3).max(axis=(2, 4)).reshape(2, 27)
    np.testing.assert_array_equal(y, wanted)
