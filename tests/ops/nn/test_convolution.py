"""Convolution as a function: against its definition and PyTorch, at every order, and what its errors say."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_adjoint, check_grads
from funcnet.testing.oracles import oracle

torch = oracle("torch")


torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

conv = nn.functional.conv
RNG = np.random.default_rng(0)


def close(found, wanted, rtol=1e-10):
    wanted = np.asarray(wanted)
    found = np.asarray(found)
    assert found.shape == wanted.shape
    scale = max(1.0, np.max(np.abs(wanted), initial=0.0))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=rtol * scale)


def direct(x, kernel, bias, stride, padding, dilation, groups):
    """Convolution by its definition, one number at a time; for two spatial axes."""
    (kh, kw, inputs, features), n = kernel.shape, x.shape[0]
    (top, bottom), (left, right) = padding
    big = np.zeros((n, x.shape[1] + top + bottom, x.shape[2] + left + right, x.shape[3]))
    big[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    oh = (big.shape[1] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (big.shape[2] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((n, oh, ow, features)) + bias
    for i in range(oh):
        for j in range(ow):
            for f in range(features):
                first = f // (features // groups) * inputs
                for a in range(kh):
                    for c in range(kw):
                        row, column = i * stride[0] + a * dilation[0], j * stride[1] + c * dilation[1]
                        y[:, i, j, f] += big[:, row, column, first : first + inputs] @ kernel[a, c, :, f]
    return y


@pytest.mark.requirement("D65")
@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((2, 6, 7, 3), (3, 2, 3, 4), {"stride": (2, 3), "padding": ((1, 0), (2, 1)), "dilation": (1, 2)}),
        ((1, 5, 4, 4), (2, 3, 2, 6), {"stride": 1, "padding": 1, "dilation": 1, "groups": 2}),
        ((2, 5, 5, 1), (3, 3, 1, 2), {"stride": 2, "padding": (0, 1), "dilation": 1}),
        ((1, 4, 9, 3), (1, 4, 1, 6), {"stride": (1, 2), "padding": 0, "dilation": (3, 2), "groups": 3}),
    ],
)
def test_equals_the_definition(shape, kernel, options):
    x, w, b = (RNG.standard_normal(s) for s in (shape, kernel, kernel[-1:]))

    def pair(v):
        return v if isinstance(v, tuple) else (v, v)

    pads = tuple(p if isinstance(p, tuple) else (p, p) for p in pair(options["padding"]))
    wanted = direct(x, w, b, pair(options["stride"]), pads, pair(options["dilation"]), options.get("groups", 1))
    close(conv(x, w, b, **options), wanted)


@pytest.mark.requirement("D65", "PX32")
def test_gradients_with_respect_to_input_kernel_and_bias():
    x, w, b = (RNG.standard_normal(s) for s in ((2, 5, 6, 4), (3, 2, 2, 6), (6,)))

    def f(x, w, b):
        return conv(x, w, b, stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(1, 2), groups=2)

    check_grads(f, (x, w, b), order=2)
    # The gradient has the shape of the input, without its padding.
    assert fn.grad(lambda x: xp.sum(f(x, w, b)))(x).shape == x.shape


def _sizes(draw, ndim, low, high):
    return tuple(draw(st.integers(low, high)) for _ in range(ndim))


@st.composite
def convolutions(draw, ndim):
    window = _sizes(draw, ndim, 1, 3)
    dilation = _sizes(draw, ndim, 1, 2)
    padding = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(ndim))
    spatial = tuple(
        max(1, d * (k - 1) + 1 - sum(p)) + draw(st.integers(0, 4))
        for k, d, p in zip(window, dilation, padding, strict=True)
    )
    groups = draw(st.integers(1, 3))
    inputs, features = (groups * draw(st.integers(1, 3)) for _ in range(2))
    options = {
        "stride": _sizes(draw, ndim, 1, 3),
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "input_dilation": _sizes(draw, ndim, 1, 2),
    }
    seed = draw(st.integers(0, 99))
    return (draw(st.integers(1, 3)), *spatial, inputs), (*window, inputs // groups, features), options, seed


def torch_conv(x, w, b=None, *, stride, padding, dilation, groups, input_dilation=None):
    """Convolution of PyTorch's on arrays in this library's layout."""
    ndim = x.ndim - 2
    x, w = x.permute(0, ndim + 1, *range(1, ndim + 1)), w.permute(ndim + 1, ndim, *range(ndim)).contiguous()
    for axis, d in enumerate(input_dilation or ()):
        apart = x.new_zeros([(n - 1) * d + 1 if i == axis + 2 else n for i, n in enumerate(x.shape)])
        apart[(slice(None),) * (axis + 2) + (slice(None, None, d),)] = x
        x = apart
    x = torch.nn.functional.pad(x, [p for pair in reversed(padding) for p in pair])
    function = getattr(torch.nn.functional, f"conv{ndim}d")
    return function(x, w, b, stride, 0, dilation, groups).permute(0, *range(2, ndim + 2), 1)


@pytest.mark.requirement("D65")
@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_equals_torch(ndim, data):
    shape, kernel, options, seed = data.draw(convolutions(ndim))
    rng = np.random.default_rng(seed)
    args = [rng.standard_normal(s) for s in (shape, kernel, kernel[-1:])]
    y, pullback = fn.vjp(lambda *a: conv(*a, **options), *args)
    tensors = [torch.from_numpy(a).requires_grad_() for a in args]
    wanted = torch_conv(*tensors, **options)
    close(y, wanted.detach())
    g = rng.standard_normal(y.shape)
    wanted.backward(torch.from_numpy(g))
    for found, tensor in zip(pullback(g), tensors, strict=True):
        close(found, tensor.grad)


@pytest.mark.requirement("D66", "DX5")
@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_second_derivatives_equal_those_of_torch(ndim, data):
    shape, kernel, options, seed = data.draw(convolutions(ndim))
    rng = np.random.default_rng(seed)
    x, w, u, v = (rng.standard_normal(s) for s in (shape, kernel) * 2)

    def value(x, w):
        return xp.sum(xp.sin(conv(x, w, **options)))

    def along(x, w):
        gx, gw = fn.grad(value, (0, 1))(x, w)
        return xp.sum(gx * u) + xp.sum(gw * v)

    found = fn.grad(along, (0, 1))(x, w)
    xt, wt = (torch.from_numpy(a).requires_grad_() for a in (x, w))
    gx, gw = torch.autograd.grad(torch_conv(xt, wt, **options).sin().sum(), (xt, wt), create_graph=True)
    (gx * torch.from_numpy(u)).sum().add((gw * torch.from_numpy(v)).sum()).backward()
    close(found[0], xt.grad)
    close(found[1], wt.grad)


@pytest.mark.requirement("DX5")
def test_third_order_exists():
    x, w = RNG.standard_normal((1, 4, 1)), RNG.standard_normal((2, 1, 1))

    def f(w):
        return xp.sum(conv(conv(x, w), w) ** 3)

    check_grads(lambda w: fn.grad(lambda w: xp.sum(fn.grad(f)(w) ** 2))(w), (w,), order=1)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_transposes_are_exact_adjoints(ndim, data):
    shape, kernel, options, seed = data.draw(convolutions(ndim))
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal(shape), rng.standard_normal(kernel)
    check_adjoint(lambda x: conv(x, w, **options), x)
    check_adjoint(lambda w: conv(x, w, **options), w)


@pytest.mark.requirement("PX28")
def test_sizes_are_floored_and_a_kernel_larger_than_its_input_is_refused():
    w = np.ones((3, 3, 1, 1))
    assert conv(np.ones((1, 6, 7, 1)), w, stride=2).shape == (1, 2, 3, 1)
    with pytest.raises(ShapeError, match=r"larger than the padded input(?s:.*)3 on 2 \+ 0 \+ 0 elements along .* 0"):
        conv(np.ones((1, 2, 7, 1)), w)
    with pytest.raises(ShapeError, match=r"3, dilated to 5, on 2 \+ 1 \+ 1"):
        conv(np.ones((1, 7, 2, 1)), w, dilation=(1, 2), padding=((0, 0), (1, 1)))
    # Truncation towards zero would have given one place here.
    with pytest.raises(ShapeError, match="larger than the padded input"):
        conv(np.ones((1, 2, 2, 1)), w, stride=5)


@pytest.mark.parametrize("size", [4, 5, 6, 7])
@pytest.mark.parametrize("window", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_pads_as_xla_does(size, window, stride, dilation):
    x, w = RNG.standard_normal((1, size, 2)), RNG.standard_normal((window, 2, 3))
    reach = dilation * (window - 1) + 1
    pads = jax.lax.padtype_to_pads((size,), (reach,), (stride,), "SAME")
    options = {"stride": stride, "dilation": dilation}
    y = conv(x, w, padding="SAME", **options)
    close(y, conv(x, w, padding=pads, **options))
    assert y.shape[1] == -(-size // stride)
    if reach <= size:
        close(conv(x, w, padding="valid", **options), conv(x, w, padding=0, **options))


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_padding_modes_are_those_of_torch(mode):
    x, w = RNG.standard_normal((2, 5, 6, 3)), RNG.standard_normal((3, 3, 3, 4))
    module = torch.nn.Conv2d(3, 4, 3, stride=2, padding=(1, 2), padding_mode=mode, bias=False, dtype=torch.float64)
    module.weight.data = torch.from_numpy(w).permute(3, 2, 0, 1)
    xt = torch.from_numpy(x).requires_grad_()
    y = module(xt.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    found, pullback = fn.vjp(lambda x: conv(x, w, stride=2, padding=(1, 2), padding_mode=mode), x)
    close(found, y.detach())
    g = RNG.standard_normal(found.shape)
    y.backward(torch.from_numpy(g))
    close(pullback(g)[0], xt.grad)
    # The name of a mode alone pads as "SAME" does.
    close(conv(x, w, padding=mode), conv(x, w, padding=1, padding_mode=mode))


@pytest.mark.parametrize(("ndim", "names"), [(1, ("NWC", "NCW")), (2, ("NHWC", "NCHW")), (3, ("NDHWC", "NCDHW"))])
def test_data_formats(ndim, names):
    x, w = RNG.standard_normal((2, *[5] * ndim, 3)), RNG.standard_normal((*[2] * ndim, 3, 4))
    y = conv(x, w, data_format=names[0])
    first = conv(np.moveaxis(x, -1, 1), w, data_format=names[1])
    close(np.moveaxis(first, 1, -1), y)


def test_complex_arrays():
    x = RNG.standard_normal((1, 4, 2)) + 1j * RNG.standard_normal((1, 4, 2))
    w = RNG.standard_normal((2, 2, 3)) + 1j * RNG.standard_normal((2, 2, 3))
    close(conv(x, w).real, conv(x.real, w.real) - conv(x.imag, w.imag))
    close(conv(x, w).imag, conv(x.real, w.imag) + conv(x.imag, w.real))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes_are_kept_and_mixed_ones_promoted(dtype):
    x, w = np.ones((1, 4, 2), dtype), np.ones((2, 2, 3), dtype)
    y, pullback = fn.vjp(conv, x, w)
    assert y.dtype == dtype
    assert [g.dtype for g in pullback(y)] == [np.dtype(dtype)] * 2
    y, pullback = fn.vjp(conv, x, w.astype("float64"))
    assert y.dtype == "float64"
    assert [g.dtype.name for g in pullback(y)] == [dtype, "float64"]


@pytest.mark.parametrize("in_axes", [(0, None), (None, 0), (0, 0)])
def test_vmap_with_groups_and_an_empty_batch(in_axes):
    x, w = RNG.standard_normal((3, 2, 5, 4)), RNG.standard_normal((3, 2, 2, 6))

    def f(x, w):
        return conv(x, w, groups=2, padding=1, stride=2)

    args = [a if axis == 0 else a[0] for a, axis in zip((x, w), in_axes, strict=True)]
    wanted = [f(*[a[i] if axis == 0 else a for a, axis in zip(args, in_axes, strict=True)]) for i in range(3)]
    close(fn.vmap(f, in_axes)(*args), np.stack(wanted))
    empty = [a[:0] if axis == 0 else a for a, axis in zip(args, in_axes, strict=True)]
    assert fn.vmap(f, in_axes)(*empty).shape == (0, 2, 3, 6)

    def gradients(x, w):
        return fn.grad(lambda x, w: xp.sum(f(x, w) ** 2), (0, 1))(x, w)

    per_example = fn.vmap(gradients, in_axes)(*args)
    for i in range(3):
        one = gradients(*[a[i] if axis == 0 else a for a, axis in zip(args, in_axes, strict=True)])
        for found, wanted in zip(per_example, one, strict=True):
            close(found[i], wanted)


def test_shapes_without_values():
    spec = fn.eval_shape(
        lambda x, w: conv(x, w, stride=2, padding="SAME"), fn.Spec((8, 7, 7, 3)), fn.Spec((3, 3, 3, 5))
    )
    assert spec == fn.Spec((8, 4, 4, 5))


def test_a_batch_of_size_zero_has_zero_gradients():
    x, w = np.zeros((0, 5, 3)), np.ones((2, 3, 4))
    gx, gw = fn.grad(lambda x, w: xp.sum(conv(x, w)), (0, 1))(x, w)
    assert gx.shape == x.shape
    assert gw.tolist() == np.zeros((2, 3, 4)).tolist()


def test_inputs_are_not_written_to():
    x, w = RNG.standard_normal((2, 5, 5, 3)), RNG.standard_normal((3, 3, 3, 4))
    for a in (x, w):
        a.flags.writeable = False
    fn.grad(lambda x, w: xp.sum(conv(x, w, padding="SAME")), (0, 1))(x, w)


X, W = np.ones((2, 5, 5, 4)), np.ones((3, 3, 4, 6))


@pytest.mark.parametrize(
    ("args", "options", "error", "text"),
    [
        ((X[0], W), {}, ShapeError, r"ranks do not fit(?s:.*)x \(5, 5, 4\), kernel \(3, 3, 4, 6\)"),
        ((X, W[0]), {}, ShapeError, "ranks do not fit"),
        ((np.ones((2, 3)), np.ones((3, 4))), {}, ShapeError, "one, two or three spatial axes"),
        ((X, W[:, :, :3]), {}, ShapeError, r"wrong number of channels(?s:.*)4 channels(?s:.*)needed: 3 channels"),
        ((X, W), {"groups": 3}, ShapeError, r"divided into groups(?s:.*)4 input channels and 6 output channels in 3"),
        ((X, W, np.ones(4)), {}, ShapeError, r"bias of shape \(4,\)(?s:.*)\(6,\)"),
        ((X, np.ones((3, 0, 4, 6))), {}, ShapeError, "empty kernel"),
        ((X.astype(int), W), {}, DtypeError, r"not floating-point(?s:.*)x of dtype int64"),
        ((X, W.astype(int)), {}, DtypeError, "kernel of dtype int64"),
        ((X, W), {"stride": 0}, ParameterError, r"stride that does not fit(?s:.*)at least 1, or a tuple of 2"),
        ((X, W), {"stride": (1, 2, 3)}, ParameterError, "stride"),
        ((X, W), {"stride": 1.5}, ParameterError, r"stride=1\.5"),
        ((X, W), {"dilation": -1}, ParameterError, "dilation"),
        ((X, W), {"input_dilation": 0}, ParameterError, "input_dilation"),
        ((X, W), {"groups": 0}, ParameterError, r"groups that it cannot have(?s:.*)groups=0"),
        ((X, W), {"padding": "same-ish"}, ParameterError, r"padding='same-ish'(?s:.*)'SAME', 'VALID'"),
        ((X, W), {"padding": -1}, ParameterError, "padding=-1"),
        ((X, W), {"padding": (1, 2, 3)}, ParameterError, "padding that does not fit"),
        ((X, W), {"padding_mode": "mirror"}, ParameterError, r"padding mode(?s:.*)'mirror'(?s:.*)'reflect'"),
        ((X, W), {"padding": 5, "padding_mode": "reflect"}, ShapeError, r"more padding(?s:.*)at most 4"),
        ((X, W), {"padding": 6, "padding_mode": "circular"}, ShapeError, "at most 5"),
        ((X, W), {"data_format": "NCDHW"}, ParameterError, r"data format(?s:.*)'NHWC' or 'NCHW'"),
    ],
)
def test_errors(args, options, error, text):
    with pytest.raises(error, match=text):
        conv(*args, **options)
