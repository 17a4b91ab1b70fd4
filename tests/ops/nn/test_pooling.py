"""Pooling against PyTorch: values, gradients of every order, options drawn by hypothesis, and what errors say."""

from itertools import product

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
TORCH = {
    "max": {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d},
    "avg": {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d},
    "lp": {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d},
    "adaptive_max": {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d},
    "adaptive_avg": {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d},
}

#: name, number of spatial axes, keywords of ours, arguments of PyTorch's function.
CASES = [
    ("max", 1, {"window": 3}, {"kernel_size": 3}),
    ("max", 2, {"window": 2}, {"kernel_size": 2}),
    ("max", 2, {"window": (3, 2), "stride": (1, 2)}, {"kernel_size": (3, 2), "stride": (1, 2)}),
    ("max", 2, {"window": 3, "stride": 2, "padding": 1}, {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max", 2, {"window": 2, "dilation": 2, "stride": 1}, {"kernel_size": 2, "dilation": 2, "stride": 1}),
    (
        "max",
        2,
        {"window": 3, "stride": 2, "padding": (1, 0), "ceil_mode": True},
        {"kernel_size": 3, "stride": 2, "padding": (1, 0), "ceil_mode": True},
    ),
    ("max", 3, {"window": 2, "stride": 1}, {"kernel_size": 2, "stride": 1}),
    ("avg", 1, {"window": 3, "stride": 1, "padding": 1}, {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("avg", 2, {"window": (2, 3)}, {"kernel_size": (2, 3)}),
    (
        "avg",
        2,
        {"window": 3, "stride": 2, "padding": 1, "count_include_pad": False},
        {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
    ),
    (
        "avg",
        2,
        {"window": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True},
        {"kernel_size": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True},
    ),
    ("avg", 3, {"window": (1, 2, 2)}, {"kernel_size": (1, 2, 2)}),
    ("lp", 1, {"p": 2, "window": 2}, {"norm_type": 2, "kernel_size": 2}),
    ("lp", 2, {"p": 4, "window": (2, 3), "stride": 1}, {"norm_type": 4, "kernel_size": (2, 3), "stride": 1}),
    ("lp", 3, {"p": 2, "window": 2}, {"norm_type": 2, "kernel_size": 2}),
    ("adaptive_max", 1, {"sizes": 3}, {"output_size": 3}),
    ("adaptive_max", 2, {"sizes": (2, 3)}, {"output_size": (2, 3)}),
    ("adaptive_max", 3, {"sizes": 2}, {"output_size": 2}),
    ("adaptive_avg", 1, {"sizes": 3}, {"output_size": 3}),
    ("adaptive_avg", 2, {"sizes": (2, 3)}, {"output_size": (2, 3)}),
    ("adaptive_avg", 3, {"sizes": (2, 1, 3)}, {"output_size": (2, 1, 3)}),
]
IDS = [f"{name}_pool{dims}d {i}" for i, (name, dims, _, _) in enumerate(CASES)]
SHAPES = {1: (2, 7, 3), 2: (2, 6, 7, 3), 3: (2, 5, 4, 6, 2)}


def ours(name):
    return getattr(nn.functional, f"{name}_pool")


def relative(got, expected):
    """Return the largest difference over the largest element of the reference."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-300))


def compared(name, dims, mine, theirs, x, channels_first=False):
    """Return the errors of the output, of the gradient, and of the derivative of the squared gradient."""
    move = (0, dims + 1, *range(1, dims + 1))
    back = (0, *range(2, dims + 2), 1)
    options = dict(mine, data_format={1: "NCW", 2: "NCHW", 3: "NCDHW"}[dims]) if channels_first else mine
    given_x = np.ascontiguousarray(x.transpose(move)) if channels_first else x

    def f(x):
        return ours(name)(x, **options)

    xt = torch.from_numpy(x.transpose(move).copy()).requires_grad_()
    yt = TORCH[name][dims](xt, **theirs)
    g = np.random.default_rng(1).standard_normal(tuple(yt.shape))
    (dx,) = torch.autograd.grad(yt, xt, torch.from_numpy(g), create_graph=True)
    gg = np.random.default_rng(2).standard_normal(tuple(xt.shape))

    def placed(a):
        return a if channels_first else a.transpose(back)

    y, pullback = fn.vjp(f, given_x)
    errors = [relative(y, placed(yt.detach().numpy())), relative(pullback(placed(g))[0], placed(dx.detach().numpy()))]
    # A second derivative that does not vanish: of the product with a nonlinear function of the output.
    loss = (torch.sin(yt) * torch.from_numpy(g)).sum()
    (first,) = torch.autograd.grad(loss, xt, create_graph=True)
    (second,) = torch.autograd.grad(first, xt, torch.from_numpy(gg))
    grad = fn.grad(lambda x: xp.sum(xp.sin(f(x)) * placed(g)))
    errors.append(relative(fn.jvp(grad, (given_x,), (placed(gg),))[1], placed(second.numpy())))
    return errors


def errors():
    """Yield the name, the reference, and the largest relative errors of output, input and parameter gradients."""
    for (name, dims, mine, theirs), label in zip(CASES, IDS, strict=True):
        x = np.random.default_rng(0).standard_normal(SHAPES[dims])
        found = compared(name, dims, mine, theirs, x)
        yield label, "torch", found[0], max(found[1:]), 0.0


@pytest.mark.requirement("D68", "D69", "P49", "P54", "DX4", "PX1", "PX4", "PX5", "PX31")
@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize(("name", "dims", "mine", "theirs"), CASES, ids=IDS)
def test_equals_torch(name, dims, mine, theirs, channels_first):
    x = np.random.default_rng(0).standard_normal(SHAPES[dims])
    assert max(compared(name, dims, mine, theirs, x, channels_first)) < 1e-12


@st.composite
def options(draw):
    dims = draw(st.integers(1, 3))
    name = draw(st.sampled_from(["max", "avg", "lp"]))
    shape = (draw(st.integers(1, 2)), *[draw(st.integers(1, 7)) for _ in range(dims)], draw(st.integers(1, 3)))
    window = tuple(draw(st.integers(1, min(n, 4))) for n in shape[1:-1])
    stride = draw(st.none() | st.tuples(*[st.integers(1, 4)] * dims))
    mine = {"window": window, "stride": stride, "ceil_mode": draw(st.booleans())}
    theirs = {"kernel_size": window, "ceil_mode": mine["ceil_mode"]}
    if stride is not None:
        theirs["stride"] = stride
    if name != "lp":
        mine["padding"] = theirs["padding"] = tuple(draw(st.integers(0, w // 2)) for w in window)
    if name == "max":
        room = [(n - 1) // (w - 1) if w > 1 else 3 for n, w in zip(shape[1:-1], window, strict=True)]
        mine["dilation"] = theirs["dilation"] = tuple(draw(st.integers(1, max(min(r, 3), 1))) for r in room)
    if name == "avg":
        mine["count_include_pad"] = theirs["count_include_pad"] = draw(st.booleans())
    if name == "lp":
        mine["p"] = theirs["norm_type"] = draw(st.sampled_from([2, 4]))
        theirs["kernel_size"] = window if dims > 1 else window[0]
        # Of a last window that reaches beyond the array PyTorch scales the sum by the share that lies on the array.
        mine["ceil_mode"] = theirs["ceil_mode"] = False
    return name, dims, mine, theirs, shape


@settings(max_examples=60)
@given(options())
def test_any_options_equal_torch(drawn):
    name, dims, mine, theirs, shape = drawn
    x = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) / 7.0 - 3.1
    assert max(compared(name, dims, mine, theirs, x)) < 1e-11


# ---------------------------------------------------------------------- padding, ties, indices


@pytest.mark.requirement("D68", "DX9", "PX3")
@pytest.mark.parametrize("case", backend_params())
def test_padding_is_never_the_maximum(case):
    x = -1 - np.arange(10, dtype="float32").reshape(1, 2, 5, 1)
    with case.active():
        y = case.to_numpy(nn.functional.max_pool(case.asarray(x, "float32"), 3, stride=1, padding="SAME"))
    assert y.max() == -1
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    np.testing.assert_array_equal(y, windows.max(axis=(-1, -2)))


@pytest.mark.requirement("D68", "PX2")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 1e4, 1e30, -5.0, np.inf, -np.inf])
def test_of_equal_elements_the_first_gets_the_gradient(value, dtype):
    x = np.full((1, 4, 4, 1), value, dtype=dtype)
    y, pullback = fn.vjp(lambda x: nn.functional.max_pool(x, 2), x)
    np.testing.assert_array_equal(y, np.full((1, 2, 2, 1), value, dtype))
    (g,) = pullback(np.arange(1, 5, dtype=dtype).reshape(1, 2, 2, 1))
    expected = np.zeros((4, 4), dtype)
    expected[::2, ::2] = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(g[0, :, :, 0], expected)
    assert g.dtype == x.dtype


@pytest.mark.parametrize("case", backend_params())
def test_the_first_of_equal_elements_on_every_backend(case):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (2, 5, 6, 2)).astype("float32")
    expected = np.zeros_like(x)
    for n, c, i, j in product(range(2), range(2), range(3), range(3)):
        rows, columns = [r for r in range(2 * i - 1, 2 * i + 2) if 0 <= r < 5], range(2 * j, min(2 * j + 2, 6))
        places = [(r, k) for r in rows for k in columns]
        r, k = max(places, key=lambda place: (x[n, *place, c], -places.index(place)))
        expected[n, r, k, c] += 1 + i
    with case.active():
        g = fn.grad(
            lambda x: xp.sum(
                nn.functional.max_pool(x, (3, 2), stride=2, padding=((1, 1), (0, 0)))
                * case.asarray(np.arange(1.0, 4.0).reshape(3, 1, 1), "float32")
            )
        )(case.asarray(x, "float32"))
        np.testing.assert_array_equal(case.to_numpy(g), expected)


def test_nan_is_a_maximum_and_gets_the_gradient():
    x = np.array([1.0, np.nan, 2.0, 3.0]).reshape(1, 4, 1)
    y, pullback = fn.vjp(lambda x: nn.functional.max_pool(x, 2), x)
    np.testing.assert_array_equal(y.ravel(), [np.nan, 3])
    np.testing.assert_array_equal(pullback(np.array([5.0, 7.0]).reshape(1, 2, 1))[0].ravel(), [0, 5, 0, 7])


def test_an_infinite_cotangent_stays_with_its_element():
    x = np.arange(4.0).reshape(1, 4, 1)
    for stride, expected in ((2, [0, np.inf, 0, 1]), (1, [0, np.inf, 1, 1])):
        y, pullback = fn.vjp(lambda x, s=stride: nn.functional.max_pool(x, 2, stride=s), x)
        g = np.ones_like(y)
        g[0, 0] = np.inf
        np.testing.assert_array_equal(pullback(g)[0].ravel(), expected)


@pytest.mark.requirement("D68", "DX6")
@pytest.mark.parametrize("window", [2, 3])
def test_third_order(window):
    x = np.random.default_rng(0).standard_normal((1, 5, 5, 1))

    def f(x):
        return xp.sum(nn.functional.max_pool(x, window, stride=2) ** 4)

    def nth(f, n):
        return f if n == 0 else nth(lambda x: xp.sum(fn.grad(f)(x)), n - 1)

    # The sum of all third derivatives: 24 y for each path to a maximum, in which maxima of several windows count once.
    place = np.zeros_like(x)
    for i, j in product(range((5 - window) // 2 + 1), repeat=2):
        part = x[0, 2 * i : 2 * i + window, 2 * j : 2 * j + window, 0]
        r, c = np.unravel_index(part.argmax(), part.shape)
        place[0, 2 * i + r, 2 * j + c, 0] += 1
    np.testing.assert_allclose(nth(f, 3)(x), (24 * x * place).sum(), rtol=1e-12)
    assert nth(f, 4)(x) == pytest.approx(24 * place.sum(), rel=1e-12)


@pytest.mark.requirement("D69", "DX6")
def test_average_pooling_to_third_order():
    x = np.random.default_rng(0).standard_normal((1, 3, 4, 2))
    check_grads(lambda x: xp.sin(nn.functional.avg_pool(x, (2, 3), stride=1, padding="SAME")), (x,), order=3)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("channels_first", [False, True])
def test_indices_and_unpooling_equal_torch(dims, channels_first):
    x = np.random.default_rng(0).standard_normal(SHAPES[dims])
    move, back = (0, dims + 1, *range(1, dims + 1)), (0, *range(2, dims + 2), 1)
    options = {"window": 2, "stride": 2, "padding": 1}
    formats = {"data_format": {1: "NCW", 2: "NCHW", 3: "NCDHW"}[dims]} if channels_first else {}
    xt = torch.from_numpy(x.transpose(move).copy())
    yt, it = getattr(F, f"max_pool{dims}d")(xt, 2, 2, 1, return_indices=True)
    ut = getattr(F, f"max_unpool{dims}d")(yt.clone(), it, 2, 2, 1, output_size=xt.shape)
    mine = xt.numpy() if channels_first else x
    y, indices = nn.functional.max_pool(mine, return_indices=True, **options, **formats)
    u = nn.functional.max_unpool(y, indices, x.shape[1:-1], **formats)
    for got, expected in ((y, yt), (indices, it), (u, ut)):
        np.testing.assert_array_equal(got, expected.numpy() if channels_first else expected.numpy().transpose(back))


def test_unpooling_is_linear_with_gradient_at_the_indices():
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 2))
    y, indices = nn.functional.max_pool(x, 2, return_indices=True)
    check_grads(lambda y: xp.square(nn.functional.max_unpool(y, indices, (6, 6))), (y,), order=2)
    _, pullback = fn.vjp(lambda y: nn.functional.max_unpool(y, indices, (6, 6)), y)
    np.testing.assert_array_equal(pullback(x)[0], y)


# ---------------------------------------------------------------------- averages and norms


@pytest.mark.requirement("D69")
def test_same_padding_that_does_not_count_keeps_constants():
    x = np.full((1, 5, 4, 1), 3.0)
    y = nn.functional.avg_pool(x, 3, stride=2, padding="SAME", count_include_pad=False)
    np.testing.assert_allclose(y, np.full((1, 3, 2, 1), 3.0), rtol=1e-15)
    corner = nn.functional.avg_pool(x, 3, stride=1, padding="SAME")[0, 0, 0, 0]
    assert corner == pytest.approx(3 * 4 / 9, rel=1e-15)


@pytest.mark.requirement("U15")
@settings(max_examples=15)
@given(st.tuples(*[st.integers(1, 4)] * 2), st.tuples(*[st.integers(1, 3)] * 2), st.sampled_from(["SAME", "VALID"]))
def test_average_pooling_and_its_transpose_are_exact_adjoints(window, stride, padding):
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3))
    y, pullback = fn.vjp(lambda x: nn.functional.avg_pool(x, window, stride=stride, padding=padding), x)
    g = np.random.default_rng(1).standard_normal(y.shape)
    left, right = np.vdot(y, g), np.vdot(x, pullback(g)[0])
    assert abs(left - right) <= 1e-12 * np.linalg.norm(y) * np.linalg.norm(g)


def test_windows_of_padding_alone():
    x = np.ones((1, 3, 1))
    options = {"stride": 1, "padding": 2, "dilation": 4}
    np.testing.assert_array_equal(nn.functional.max_pool(x, 2, **options).ravel(), [1, -np.inf, 1])
    np.testing.assert_array_equal(
        nn.functional.avg_pool(x, 2, count_include_pad=False, **options).ravel(), [1.0, 0.0, 1.0]
    )
    np.testing.assert_array_equal(nn.functional.lp_pool(x, np.inf, 2, **options).ravel(), [1.0, 0.0, 1.0])
    g = fn.grad(lambda x: xp.sum(nn.functional.max_pool(x, 2, **options)[:, ::2]))(x)
    np.testing.assert_array_equal(g.ravel(), [1, 0, 1])


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
def test_norms_of_negative_numbers_equal_numpys(p):
    x = np.random.default_rng(0).standard_normal((2, 6, 3))
    y = nn.functional.lp_pool(x, p, 3)
    np.testing.assert_allclose(y, np.linalg.norm(x.reshape(2, 2, 3, 3), ord=p, axis=2), rtol=1e-14)
    check_grads(lambda x: nn.functional.lp_pool(x, p, 3, stride=1), (x,), order=2)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
def test_norm_of_a_clipped_window(p):
    y = nn.functional.lp_pool(np.arange(5.0).reshape(1, 5, 1), p, 2, ceil_mode=True)
    np.testing.assert_allclose(y.ravel(), [1, np.linalg.norm([2, 3], ord=p), 4], rtol=1e-14)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
def test_norm_of_a_window_of_zeros_has_derivative_zero(p):
    x = np.zeros((1, 4, 1))
    x[0, 3] = 2.0
    y, pullback = fn.vjp(lambda x: nn.functional.lp_pool(x, p, 2), x)
    np.testing.assert_array_equal(y.ravel(), [0, 2])
    np.testing.assert_array_equal(pullback(np.ones_like(y))[0].ravel(), [0, 0, 0, 1])


@pytest.mark.parametrize("scale", [1e-25, 1e20])
def test_norm_neither_overflows_nor_vanishes(scale):
    x = np.array([3.0, -4.0], dtype="float32").reshape(1, 2, 1) * np.float32(scale)
    y, pullback = fn.vjp(lambda x: nn.functional.lp_pool(x, 2, 2), x)
    np.testing.assert_allclose(y.ravel(), [5 * scale], rtol=1e-6)
    np.testing.assert_allclose(pullback(np.ones_like(y))[0].ravel(), [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("name", ["avg", "adaptive_avg", "global_avg", "lp"])
def test_half_precision_is_summed_in_float32(name):
    x = np.full((1, 300, 300, 1), 300.0, dtype="float16")
    arguments = {"avg": (300,), "adaptive_avg": (1,), "global_avg": (), "lp": (2, 2)}[name]
    y = getattr(nn.functional, f"{name}_pool")(x, *arguments)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, np.float16(600 if name == "lp" else 300))


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", ["max", "avg", "lp"])
def test_values_and_gradients_on_every_backend(case, name):
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3)).astype("float32")
    options = {"window": (2, 3), "stride": (1, 2), "padding": ((0, 1), (2, 0)), "dilation": (2, 1)}
    if name == "lp":
        options["p"] = 3

    def f(x):
        return xp.sum(ours(name)(x, **options) ** 2)

    expected = fn.value_and_grad(f)(x)
    with case.active():
        value, g = fn.value_and_grad(f)(case.asarray(x, "float32"))
        np.testing.assert_allclose(case.to_numpy(value), expected[0], rtol=2e-5)
        np.testing.assert_allclose(case.to_numpy(g), expected[1], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["max", "avg", "lp"])
def test_under_vmap_and_eval_shape(name):
    x = np.random.default_rng(0).standard_normal((3, 2, 5, 6, 3))
    options = {"window": 3, "stride": 2, "padding": "SAME"} | ({"p": 2} if name == "lp" else {})

    def f(x):
        return ours(name)(x, **options)

    together = fn.vmap(fn.grad(lambda x: xp.sum(f(x) ** 2)))(x)
    for i in range(3):
        np.testing.assert_allclose(together[i], fn.grad(lambda x: xp.sum(f(x) ** 2))(x[i]), rtol=1e-13)
    assert fn.eval_shape(f, fn.Spec((2, 5, 6, 3))).shape == f(x[0]).shape


@pytest.mark.parametrize("name", ["max", "avg"])
def test_batches_without_elements(name):
    y, pullback = fn.vjp(lambda x: ours(name)(x, 2), np.zeros((0, 4, 4, 3)))
    assert y.shape == (0, 2, 2, 3)
    assert pullback(y)[0].shape == (0, 4, 4, 3)


# ---------------------------------------------------------------------- errors

X = np.zeros((2, 5, 6, 3))


@pytest.mark.requirement("PX28")
def test_windows_larger_than_the_padded_input():
    with pytest.raises(ShapeError, match="windows larger than the padded input") as error:
        nn.functional.max_pool(X, (6, 2))
    assert "window (6, 2) with dilation (1, 1), which extends over (6, 2), on spatial sizes (5, 6)" in str(error.value)
    nn.functional.max_pool(X, (6, 2), padding=((1, 0), 0))
    with pytest.raises(ShapeError, match="windows larger"):
        nn.functional.avg_pool(X, 2, dilation=5)


@pytest.mark.parametrize("shape", [(5,), (5, 3), (1, 2, 2, 2, 2, 3)])
def test_wrong_number_of_axes(shape):
    with pytest.raises(ShapeError, match="wrong number of axes"):
        nn.functional.max_pool(np.zeros(shape), 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "a window that it cannot use"),
        ({"window": (2, 2, 2)}, "a window that it cannot use"),
        ({"window": 2.5}, "a window that it cannot use"),
        ({"window": True}, "a window that it cannot use"),
        ({"window": 2, "stride": 0}, "a stride that it cannot use"),
        ({"window": 2, "dilation": -1}, "a dilation that it cannot use"),
        ({"window": 2, "padding": "FULL"}, "a padding that it cannot use"),
        ({"window": 2, "padding": -1}, "a padding that it cannot use"),
        ({"window": 2, "padding": (1, 1, 1)}, "a padding that it cannot use"),
        ({"window": 2, "padding": ((1, 1), (1, 1, 1))}, "a padding that it cannot use"),
        ({"window": 2, "padding": 2}, "so much padding"),
        ({"window": 2, "data_format": "NHCW"}, "a data format that does not fit"),
    ],
)
def test_parameters_are_checked(options, message):
    with pytest.raises(ParameterError, match=message):
        nn.functional.max_pool(X, **options)


def test_data_format_of_another_rank():
    with pytest.raises(ShapeError, match="a data format that does not fit") as error:
        nn.functional.avg_pool(X, 2, data_format="NCW")
    assert "'NHWC', the default, or 'NCHW'" in str(error.value)


def test_data_types_and_empty_axes():
    for f in (nn.functional.max_pool, nn.functional.avg_pool):
        with pytest.raises(DtypeError, match="not floating-point"):
            f(np.zeros((1, 4, 4, 1), dtype=np.uint8), 2)
        with pytest.raises(ShapeError, match="without elements along a spatial axis"):
            f(np.zeros((1, 0, 4, 1)), 2, padding=1)


@pytest.mark.parametrize("p", [0.5, 0, -1, "2", None, True, float("nan")])
def test_exponent_is_checked(p):
    with pytest.raises(ParameterError, match="takes the exponent of a norm"):
        nn.functional.lp_pool(X, p, 2)


def test_unpooling_checks_its_arguments():
    y, indices = nn.functional.max_pool(np.random.default_rng(0).standard_normal((1, 4, 4, 1)), 2, return_indices=True)
    with pytest.raises(ShapeError, match="an index for every element"):
        nn.functional.max_unpool(y, indices[:, :1], (4, 4))
    with pytest.raises(DtypeError, match="integers as indices"):
        nn.functional.max_unpool(y, y, (4, 4))
    with pytest.raises(ParameterError, match="sizes that it cannot use"):
        nn.functional.max_unpool(y, indices, (4, 4, 4))
    with pytest.raises(ParameterError, match=r"(?s)no place in the result.*from 5 to 13.*sizes \(2, 2\)"):
        nn.functional.max_unpool(y, indices, (2, 2))


@pytest.mark.parametrize("bad", [-1, 4])
def test_unpooling_refuses_indices_beyond_the_result(bad):
    with pytest.raises(ParameterError, match=r"(?s)an index that is no place.*integers from 0 to 3.*sizes \(4,\)"):
        nn.functional.max_unpool(np.ones((1, 2, 1)), np.array([0, bad]).reshape(1, 2, 1), (4,))
