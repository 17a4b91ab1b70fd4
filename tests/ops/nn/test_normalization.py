"""Normalisation against PyTorch: values and gradients of two orders, axes, half precision, and what errors say."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


F = oracle("torch.nn.functional")


def channels_first(x):
    """Return a tensor with its last axis as the second one."""
    return x.movedim(-1, 1)


def torch_batch(x, scale, bias, eps=1e-5):
    return F.batch_norm(channels_first(x), None, None, scale, bias, True, 0.1, eps).movedim(1, -1)


def torch_fixed(x, mean, var, scale, bias):
    # PyTorch's function has no derivative by the statistics, so this is the formula.
    return (x - mean) / torch.sqrt(var + 1e-5) * scale + bias


def torch_lrn(x):
    return F.local_response_norm(channels_first(x), 3, 0.3, 0.6, 1.5).movedim(1, -1)


SHAPE, CHANNELS = (3, 4, 5, 6), 6
#: name, our function, PyTorch's function, shapes of the arguments.
CASES = [
    ("batch_norm 2d", lambda *a: nn.functional.batch_norm(*a)[0], torch_batch, [(7, 6), (6,), (6,)]),
    ("batch_norm 4d", lambda *a: nn.functional.batch_norm(*a)[0], torch_batch, [SHAPE, (6,), (6,)]),
    ("batch_norm of one example", lambda *a: nn.functional.batch_norm(*a)[0], torch_batch, [(1, 3, 6), (6,), (6,)]),
    ("fixed_norm", nn.functional.fixed_norm, torch_fixed, [SHAPE, (6,), (6,), (6,), (6,)]),
    ("layer_norm", nn.functional.layer_norm, lambda x, s, b: F.layer_norm(x, (6,), s, b), [SHAPE, (6,), (6,)]),
    (
        "layer_norm of three axes",
        lambda x, s, b: nn.functional.layer_norm(x, s, b, axis=(1, 2, 3)),
        lambda x, s, b: F.layer_norm(x, (4, 5, 6), s, b),
        [SHAPE, (4, 5, 6), (4, 5, 6)],
    ),
    (
        "group_norm",
        lambda x, s, b: nn.functional.group_norm(x, 3, s, b),
        lambda x, s, b: F.group_norm(channels_first(x), 3, s, b).movedim(1, -1),
        [SHAPE, (6,), (6,)],
    ),
    (
        "group_norm, channels first",
        lambda x, s, b: nn.functional.group_norm(x, 2, s, b, axis=1),
        lambda x, s, b: F.group_norm(x, 2, s, b),
        [SHAPE, (4,), (4,)],
    ),
    (
        "instance_norm",
        nn.functional.instance_norm,
        lambda x, s, b: F.instance_norm(channels_first(x), weight=s, bias=b).movedim(1, -1),
        [SHAPE, (6,), (6,)],
    ),
    ("rms_norm", nn.functional.rms_norm, lambda x, s: F.rms_norm(x, (6,), s, 1e-6), [SHAPE, (6,)]),
    (
        "local_response_norm",
        lambda x: nn.functional.local_response_norm(x, 3, alpha=0.3, beta=0.6, k=1.5),
        torch_lrn,
        [SHAPE],
    ),
    ("unit_norm", nn.functional.unit_norm, lambda x: F.normalize(x, dim=-1), [SHAPE]),
]


def relative(got, expected):
    """Return the largest difference over the largest element of the reference."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-300))


def compared(mine, theirs, arrays):
    """Return the errors of the output, of the first and second derivatives by input, and of those by parameters."""
    tensors = [torch.from_numpy(a).requires_grad_() for a in arrays]
    yt = theirs(*tensors)
    g = np.random.default_rng(1).standard_normal(tuple(yt.shape))
    first = torch.autograd.grad((torch.sin(yt) * torch.from_numpy(g)).sum(), tensors, create_graph=True)
    directions = [np.random.default_rng(i).standard_normal(a.shape) for i, a in enumerate(arrays)]
    pairing = sum((d * torch.from_numpy(t)).sum() for d, t in zip(first, directions, strict=True))
    second = torch.autograd.grad(pairing, tensors)
    grad = fn.grad(lambda *a: xp.sum(xp.sin(mine(*a)) * g), tuple(range(len(arrays))))
    ours, along = fn.jvp(grad, tuple(arrays), tuple(directions))
    turned = fn.grad(
        lambda *a: sum(xp.sum(d * t) for d, t in zip(grad(*a), directions, strict=True)), tuple(range(len(arrays)))
    )(*arrays)
    output = relative(mine(*arrays), yt.detach().numpy())
    errors = [
        max(
            relative(ours[i], first[i].detach().numpy()),
            relative(along[i], second[i].numpy()),
            relative(turned[i], second[i].numpy()),
        )
        for i in range(len(arrays))
    ]
    return output, errors[0], max(errors[1:], default=0.0)


def arguments(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shapes[0]), *[rng.uniform(0.5, 2.0, shape) for shape in shapes[1:]]]


def errors():
    """Yield the name, the reference, and the largest relative errors of output, input and parameter gradients."""
    for name, mine, theirs, shapes in CASES:
        yield name, "torch", *compared(mine, theirs, arguments(shapes))


@pytest.mark.requirement("D60", "DX7", "PX19")
@pytest.mark.parametrize(("mine", "theirs", "shapes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_equals_torch_in_values_and_derivatives_of_two_orders(mine, theirs, shapes):
    assert max(compared(mine, theirs, arguments(shapes))) < 1e-10


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=5), st.data(), st.sampled_from([0.0, 1e-5, 0.1]), st.integers(0, 9)
)
def test_any_axes_against_the_formula(shape, data, eps, seed):
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    x = np.random.default_rng(seed).standard_normal(shape)
    x += np.random.default_rng(seed + 1).standard_normal(shape) * 1e-3
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    spread = np.where(var + eps > 0, var + eps, 1.0)
    # A single element is its own mean.
    expected = (x - mean) / np.sqrt(spread)
    np.testing.assert_allclose(nn.functional.layer_norm(x, axis=axes, eps=eps), expected, rtol=1e-9, atol=1e-9)
    square = np.mean(x * x, axes, keepdims=True)
    np.testing.assert_allclose(
        nn.functional.rms_norm(x, axis=axes, eps=eps), x / np.sqrt(square + eps), rtol=1e-12, atol=1e-12
    )
    channel = data.draw(st.integers(0, len(shape) - 1))
    others = tuple(i for i in range(len(shape)) if i != channel)
    y, got_mean, got_var = nn.functional.batch_norm(x, axis=channel, eps=0.1)
    np.testing.assert_allclose(got_mean, x.mean(others), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got_var, x.var(others), rtol=1e-12, atol=1e-12)
    spread = np.sqrt(x.var(others, keepdims=True) + 0.1)
    np.testing.assert_allclose(y, (x - x.mean(others, keepdims=True)) / spread, rtol=1e-12, atol=1e-12)


def test_mean_and_variance_have_derivatives():
    x = np.random.default_rng(0).standard_normal((4, 3, 2))
    for i in range(3):
        check_grads(lambda x, i=i: xp.sin(nn.functional.batch_norm(x, eps=0.1)[i]), (x,), order=3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constants_become_zero_with_derivative_zero(dtype):
    x = np.full((4, 3), 0.1, dtype=dtype)
    for f in (nn.functional.layer_norm, lambda x, eps: nn.functional.batch_norm(x, eps=eps)[0]):
        y, pullback = fn.vjp(lambda x, f=f: f(x, eps=0.0), x)
        np.testing.assert_array_equal(y, 0)
        np.testing.assert_array_equal(pullback(np.arange(12, dtype=dtype).reshape(4, 3))[0], 0)
    assert not np.any(nn.functional.rms_norm(np.zeros((2, 3), dtype), eps=0.0))
    assert not np.any(nn.functional.unit_norm(np.zeros((2, 3), dtype)))


def test_a_mean_much_larger_than_the_deviation_in_float32():
    deviation = np.random.default_rng(0).standard_normal((64, 8, 16))
    x = (1e4 + deviation).astype("float32")
    exact = x.astype("float64")
    for axes in ((0, 1), (2,), (1, 2), (1,)):
        expected = (exact - exact.mean(axes, keepdims=True)) / np.sqrt(exact.var(axes, keepdims=True) + 1e-5)
        np.testing.assert_allclose(nn.functional.layer_norm(x, axis=axes), expected, atol=2e-5)


@pytest.mark.parametrize("scale", [100.0, 6e4])
def test_half_precision_does_not_overflow(scale):
    x = (np.random.default_rng(0).uniform(-1, 1, (64, 32)) * scale).astype("float16")
    exact = x.astype("float64")
    cases = {
        "layer_norm": (exact - exact.mean(-1, keepdims=True)) / np.sqrt(exact.var(-1, keepdims=True) + 1e-5),
        "rms_norm": exact / np.sqrt(np.mean(exact**2, -1, keepdims=True) + 1e-6),
        "unit_norm": exact / np.linalg.norm(exact, axis=-1, keepdims=True),
        "batch_norm": (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5),
    }
    for name, expected in cases.items():

        def f(x, name=name):
            y = getattr(nn.functional, name)(x)
            return y[0] if name == "batch_norm" else y

        y, pullback = fn.vjp(f, x)
        assert y.dtype == x.dtype
        np.testing.assert_allclose(y, expected, rtol=2e-3, atol=1e-3)
        (g,) = pullback(np.ones_like(x))
        assert g.dtype == x.dtype
        assert np.isfinite(g).all()


@pytest.mark.parametrize("case", backend_params())
def test_values_and_gradients_on_every_backend(case):
    rng = np.random.default_rng(0)
    x, scale, bias = (rng.standard_normal(s).astype("float32") for s in ((4, 5, 6), (6,), (6,)))

    def f(x, scale, bias):
        y, mean, var = nn.functional.batch_norm(x, scale, bias)
        y = nn.functional.layer_norm(y, scale, bias) + nn.functional.group_norm(y, 2, scale)
        y = y + nn.functional.instance_norm(y, None, bias) + nn.functional.rms_norm(y, scale, axis=(1, 2)[1])
        y = y + nn.functional.local_response_norm(y, 3) + nn.functional.unit_norm(y)
        return xp.sum(y**2) + xp.sum(nn.functional.fixed_norm(x, mean, var, scale, bias) ** 3)

    expected = fn.value_and_grad(f, (0, 1, 2))(x, scale, bias)
    with case.active():
        value, grads = fn.value_and_grad(f, (0, 1, 2))(*[case.asarray(a, "float32") for a in (x, scale, bias)])
        np.testing.assert_allclose(case.to_numpy(value), expected[0], rtol=1e-4)
        for got, wanted in zip(grads, expected[1], strict=True):
            np.testing.assert_allclose(case.to_numpy(got), wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_under_vmap_and_eval_shape():
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 6))
    for name in ("layer_norm", "rms_norm", "unit_norm", "local_response_norm", "instance_norm"):
        f = getattr(nn.functional, name)
        together = fn.vmap(fn.grad(lambda x, f=f: xp.sum(f(x) ** 3)))(x)
        for i in range(3):
            expected = fn.grad(lambda x, f=f: xp.sum(f(x) ** 3))(x[i])
            np.testing.assert_allclose(together[i], expected, rtol=1e-11, atol=1e-13)
        assert fn.eval_shape(f, fn.Spec((2, 5, 6))).shape == (2, 5, 6)
    shapes = fn.eval_shape(nn.functional.batch_norm, fn.Spec((2, 5, 6)))
    assert [s.shape for s in shapes] == [(2, 5, 6), (6,), (6,)]


def test_batches_without_elements():
    x = np.zeros((0, 5, 6))
    for name in ("layer_norm", "rms_norm", "unit_norm", "instance_norm", "local_response_norm"):
        assert getattr(nn.functional, name)(x).shape == x.shape
    with pytest.raises(ShapeError, match="got channels without elements"):
        nn.functional.batch_norm(x)


def test_less_is_kept_than_plain_operations_keep():
    x = np.ones((64, 8, 8, 16), dtype="float32")

    def plain(x):
        mean = xp.mean(x, axis=(0, 1, 2), keepdims=True)
        d = x - mean
        return d / xp.sqrt(xp.mean(d * d, axis=(0, 1, 2), keepdims=True) + 1e-5)

    def kept(f):
        tracemalloc.start()
        _, pullback = fn.vjp(f, x)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        del pullback
        return size

    fused = kept(lambda x: nn.functional.batch_norm(x)[0])
    assert fused < 1.1 * x.nbytes
    assert fused < kept(plain)


X = np.zeros((2, 3, 4))


def test_shapes_of_parameters():
    for f in (nn.functional.layer_norm, nn.functional.instance_norm, nn.functional.batch_norm):
        with pytest.raises(ShapeError, match="got a scale of the wrong shape") as error:
            f(X, np.ones(3))
        assert "needed: shape (4,)" in str(error.value)
    with pytest.raises(ShapeError, match="got a bias of the wrong shape"):
        nn.functional.group_norm(X, 2, None, np.ones(2))
    with pytest.raises(ShapeError, match="got a mean of the wrong shape"):
        nn.functional.fixed_norm(X, np.ones(3), np.ones(4))


def test_axes_and_groups():
    with pytest.raises(ShapeError, match="needs an axis of channels"):
        nn.functional.batch_norm(X, axis=3)
    with pytest.raises(ShapeError, match="needs an axis of channels"):
        nn.functional.batch_norm(np.zeros(3))
    with pytest.raises(ParameterError, match="takes an integer as axis"):
        nn.functional.batch_norm(X, axis=1.0)
    with pytest.raises(ShapeError, match="an axis that the array does not have"):
        nn.functional.layer_norm(X, axis=(-1, 5))
    with pytest.raises(ShapeError, match="nothing to normalise over"):
        nn.functional.rms_norm(X, axis=())
    with pytest.raises(ShapeError, match="the axis of the batch as that of the channels"):
        nn.functional.group_norm(X, 1, axis=0)
    with pytest.raises(ShapeError, match="does not divide the number of channels") as error:
        nn.functional.group_norm(X, 3)
    assert "3 groups for 4 channels" in str(error.value)
    for groups in (0, -1, 1.5, True):
        with pytest.raises(ParameterError, match="takes a number of groups"):
            nn.functional.group_norm(X, groups)
    with pytest.raises(ShapeError, match="groups without elements"):
        nn.functional.group_norm(np.zeros((2, 0, 4)), 2)
    with pytest.raises(ShapeError, match="without spatial axes"):
        nn.functional.instance_norm(np.zeros((2, 4)))


@pytest.mark.parametrize("eps", [-1e-5, float("nan"), float("inf"), "small", None, True])
def test_eps_is_checked(eps):
    for f in (nn.functional.batch_norm, nn.functional.layer_norm, nn.functional.rms_norm, nn.functional.instance_norm):
        with pytest.raises(ParameterError, match="to add to the variance"):
            f(X, eps=eps)
    for value in (eps, 0):
        with pytest.raises(ParameterError, match="the least length to divide by"):
            nn.functional.unit_norm(X, eps=value)


def test_data_types_and_sizes():
    for name in ("batch_norm", "layer_norm", "rms_norm", "instance_norm", "unit_norm", "local_response_norm"):
        with pytest.raises(DtypeError, match="not floating-point"):
            getattr(nn.functional, name)(np.zeros((2, 3, 4), dtype=int))
    for size in (0, 2.5, True):
        with pytest.raises(ParameterError, match="a number of neighbouring channels"):
            nn.functional.local_response_norm(X, size)
