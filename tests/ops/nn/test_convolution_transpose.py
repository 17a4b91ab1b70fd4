"""Transposed convolution: the adjoint of convolution, PyTorch's sizes, and what its errors say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.oracles import oracle

torch = oracle("torch")


torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

conv, conv_transpose = nn.functional.conv, nn.functional.conv_transpose
RNG = np.random.default_rng(0)


def close(found, wanted, rtol=1e-10):
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    scale = max(1.0, np.max(np.abs(wanted), initial=0.0))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=rtol * scale)


@st.composite
def arguments(draw, ndim):
    window, places, dilation, stride = (
        tuple(draw(st.integers(low, high)) for _ in range(ndim)) for low, high in ((1, 3), (1, 4), (1, 3), (1, 3))
    )
    groups = draw(st.integers(1, 3))
    inputs, features = (groups * draw(st.integers(1, 2)) for _ in range(2))
    extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    padding = tuple(
        draw(st.integers(0, min(2, ((n - 1) * s + d * (k - 1) + e) // 2)))
        for n, k, s, d, e in zip(places, window, stride, dilation, extra, strict=True)
    )
    options = {"stride": stride, "padding": padding, "output_padding": extra, "dilation": dilation, "groups": groups}
    shape = (draw(st.integers(1, 2)), *places, inputs)
    return shape, (*window, features // groups, inputs), options, draw(st.integers(0, 99))


@pytest.mark.requirement("D67")
@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_equals_torch(ndim, data):
    shape, kernel, options, seed = data.draw(arguments(ndim))
    rng = np.random.default_rng(seed)
    x, w, b = (rng.standard_normal(s) for s in (shape, kernel, (options["groups"] * kernel[-2],)))
    xt, wt, bt = (torch.from_numpy(a).requires_grad_() for a in (x, w, b))
    function = getattr(torch.nn.functional, f"conv_transpose{ndim}d")
    weight = wt.permute(ndim + 1, ndim, *range(ndim)).contiguous()
    yt = function(xt.permute(0, ndim + 1, *range(1, ndim + 1)), weight, bt, **options)
    yt = yt.permute(0, *range(2, ndim + 2), 1)
    y, pullback = fn.vjp(lambda *a: conv_transpose(*a, **options), x, w, b)
    close(y, yt.detach())
    g = rng.standard_normal(y.shape)
    yt.backward(torch.from_numpy(g))
    for found, wanted in zip(pullback(g), (xt, wt, bt), strict=True):
        close(found, wanted.grad)


@pytest.mark.requirement("D67")
@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_is_the_adjoint_of_conv(ndim, data):
    shape, kernel, options, seed = data.draw(arguments(ndim))
    # More than the stride adds places that the convolution does not look at.
    extra = tuple(min(e, s - 1) for e, s in zip(options.pop("output_padding"), options["stride"], strict=True))
    spread = zip(shape[1:-1], kernel[:-2], options["stride"], options["dilation"], extra, strict=True)
    most = [((n - 1) * s + d * (k - 1) + e) // 2 for n, k, s, d, e in spread]
    options["padding"] = tuple(min(p, m) for p, m in zip(options["padding"], most, strict=True))
    rng = np.random.default_rng(seed)
    w, v = rng.standard_normal(kernel), rng.standard_normal(shape)
    y = conv_transpose(v, w, output_padding=extra, **options)
    u = rng.standard_normal(y.shape)
    left = np.sum(conv(u, w, **options) * v)
    np.testing.assert_allclose(left, np.sum(u * y), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_same_multiplies_the_size_by_the_stride_and_is_the_adjoint_of_same(stride, window):
    x, w = RNG.standard_normal((1, 4, 3, 2)), RNG.standard_normal((window, window, 5, 2))
    y = conv_transpose(x, w, stride=stride, padding="SAME")
    assert y.shape == (1, 4 * stride, 3 * stride, 5)
    u = RNG.standard_normal(y.shape)
    close(np.sum(conv(u, w, stride=stride, padding="SAME") * x), np.sum(u * y))


def test_derivatives_to_second_order():
    x, w, b = (RNG.standard_normal(s) for s in ((1, 3, 2, 4), (3, 2, 2, 4), (4,)))
    check_grads(
        lambda *a: conv_transpose(*a, stride=(2, 3), padding=((1, 0), (0, 1)), output_padding=1, groups=2),
        (x, w, b),
        order=2,
    )


def test_channels_first():
    x, w = RNG.standard_normal((2, 4, 3, 2)), RNG.standard_normal((3, 3, 5, 2))
    first = conv_transpose(np.moveaxis(x, -1, 1), w, stride=2, data_format="NCHW")
    close(np.moveaxis(first, 1, -1), conv_transpose(x, w, stride=2))


def test_vmap_and_shapes():
    x, w = RNG.standard_normal((3, 2, 4, 2)), RNG.standard_normal((3, 3, 5, 2))
    found = fn.vmap(lambda x, w: conv_transpose(x, w, stride=2))(x, w)
    close(found, np.stack([conv_transpose(a, b, stride=2) for a, b in zip(x, w, strict=True)]))
    spec = fn.eval_shape(lambda x, w: conv_transpose(x, w, stride=2), xp.asarray(x[0]), xp.asarray(w[0]))
    assert spec.shape == (2, 9, 5)


X, W = np.ones((2, 5, 5, 4)), np.ones((3, 3, 6, 4))


@pytest.mark.parametrize(
    ("args", "options", "error", "text"),
    [
        ((X, np.ones((3, 3, 6, 5))), {}, ShapeError, r"wrong number of channels(?s:.*)needed: 5 channels"),
        ((X, W), {"groups": 3}, ShapeError, "divided into groups"),
        ((X, W, np.ones(5)), {}, ShapeError, r"\(6,\)"),
        ((X, W), {"output_padding": 1}, ParameterError, r"output padding that is too large(?s:.*)less than the stride"),
        ((X, W), {"output_padding": 1, "stride": 2, "padding": "SAME"}, ParameterError, "no output padding"),
        ((X, W), {"padding": "circular"}, ParameterError, "cuts padding off"),
        ((X, W), {"padding": 4}, ShapeError, r"nothing left(?s:.*)of \(7, 7\)"),
        ((X, np.ones((3, 3, 0, 4))), {}, ShapeError, "empty kernel"),
    ],
)
def test_errors(args, options, error, text):
    with pytest.raises(error, match=text):
        conv_transpose(*args, **options)
