"""NumPy's convolutions against the reference implementation, on shapes that take each of their ways."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.backends.numpy import convolution
from funcnet.backends.numpy.frames import mirrored_padding, padded
from funcnet.backends.windows import places_of
from funcnet.core import registry
from funcnet.ops import nn  # noqa: F401  # declares the convolutions

XP = pytest.importorskip("array_api_compat.numpy")
KERNELS = convolution.KERNELS


def check(shape, kernel, stride, padding, dilation, groups, dtype="float64"):
    rng = np.random.default_rng(0)
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    x, w = rng.standard_normal(shape).astype(dtype), rng.standard_normal(kernel).astype(dtype)
    g = rng.standard_normal((shape[0], *places_of(shape[1:-1], kernel[:-2], stride, padding, dilation), kernel[-1]))
    g = g.astype(dtype)
    calls = [
        ("conv", (x, w), params),
        ("conv_bias", (x, w, rng.standard_normal(kernel[-1]).astype(dtype)), params),
        ("conv_adjoint", (g, w), params | {"size": shape[1:-1]}),
        ("conv_kernel", (x, g), params | {"size": kernel[:-2]}),
    ]
    for name, arrays, given_params in calls:
        for a in arrays:
            a.flags.writeable = False
        found = KERNELS[name](*arrays, **given_params)
        wide = [a.astype("float64") for a in arrays]
        wanted = registry[name].impl(XP, *wide, **given_params)
        assert found.dtype == dtype
        assert found.shape == wanted.shape
        scale = np.max(np.abs(wanted), initial=1.0)
        tolerance = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-12}[dtype]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale, err_msg=name)
        # What comes back can be written to and is the caller's alone.
        assert found.flags.writeable
        assert not any(np.shares_memory(found, a) for a in arrays)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        pytest.param((3, 9, 10, 2), (3, 3, 2, 8), (1, 1, 1, 1), id="by columns"),
        pytest.param((3, 12, 20, 1), (3, 3, 1, 8), (2, 1, 1, 1), id="by columns, with a stride"),
        pytest.param((2, 9, 8, 16), (3, 3, 16, 4), (1, 1, 1, 1), id="by rows"),
        pytest.param((2, 9, 8, 16), (3, 3, 16, 4), (2, 0, 2, 1), id="by rows, dilated"),
        pytest.param((2, 9, 8, 16), (1, 1, 16, 4), (1, 0, 1, 1), id="pointwise"),
        pytest.param((2, 9, 8, 16), (1, 1, 16, 4), (3, 0, 1, 1), id="pointwise, with a stride"),
        pytest.param((2, 9, 8, 16), (1, 1, 16, 4), (1, 2, 1, 1), id="pointwise, padded"),
        pytest.param((2, 7, 9, 6), (3, 3, 1, 6), (1, 1, 1, 6), id="depthwise"),
        pytest.param((2, 7, 9, 6), (3, 3, 1, 12), (2, 1, 1, 6), id="depthwise, multiplied, with a stride"),
        pytest.param((2, 7, 9, 6), (3, 2, 1, 6), (1, 3, 2, 6), id="depthwise, dilated"),
        pytest.param((2, 5, 6, 24), (3, 3, 4, 12), (1, 1, 1, 6), id="groups joined"),
        pytest.param((2, 5, 6, 24), (3, 3, 4, 12), (2, 1, 1, 6), id="groups joined, with a stride"),
        pytest.param((2, 5, 6, 24), (1, 1, 6, 8), (1, 0, 1, 4), id="groups joined, pointwise"),
        pytest.param((1, 4, 4, 120), (3, 3, 40, 6), (1, 1, 1, 3), id="groups apart"),
        pytest.param((1, 5, 4, 120), (3, 3, 40, 6), (2, 1, 1, 3), id="groups apart, with a stride"),
        pytest.param((2, 6, 6, 2), (3, 3, 2, 32), (1, 1, 1, 1), id="many features of few channels"),
        pytest.param((1, 3, 3, 2), (2, 2, 2, 3), (1, 4, 1, 1), id="more padding than window"),
    ],
)
def test_equals_the_reference(shape, kernel, options, dtype):
    s, p, d, groups = options
    check(shape, kernel, (s, s), ((p, p), (p, p)), (d, d), groups, dtype)


@pytest.mark.parametrize("block", [1, 500, 4000])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("channels", [1, 40])
def test_blocks_of_every_size(monkeypatch, block, groups, channels):
    # Several images a block, one image, and parts of one.
    monkeypatch.setattr(convolution, "_BLOCK", block)
    monkeypatch.setattr(convolution, "_ROWS", max(1, block // 100))
    check((5, 9, 10, channels * groups), (3, 2, channels, 2 * groups), (2, 1), ((1, 0), (0, 2)), (1, 2), groups)
    check((5, 9, 10, channels * groups), (3, 2, channels, 2 * groups), (1, 1), ((1, 0), (0, 2)), (1, 1), groups)
    check((5, 12, channels * groups), (3, channels, 2 * groups), (1,), ((1, 1),), (1,), groups)
    check((2, 4, 3, 9, channels * groups), (2, 1, 3, channels, groups), (1, 2, 1), ((0, 1),) * 3, (1, 1, 1), groups)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_shapes(data):
    ndim = data.draw(st.integers(1, 3))

    def several(low, high):
        return data.draw(st.tuples(*[st.integers(low, high)] * ndim))

    window, stride, dilation = several(1, 3), several(1, 3), several(1, 2)
    padding = tuple(zip(several(0, 3), several(0, 3), strict=True))
    spare = several(0, 9)
    size = tuple(
        max(1, d * (k - 1) + 1 - sum(p)) + n for k, d, p, n in zip(window, dilation, padding, spare, strict=True)
    )
    groups = data.draw(st.sampled_from([1, 1, 2, 4, 5]))
    inputs, features = data.draw(st.sampled_from([1, 2, 3, 9])), groups * data.draw(st.integers(1, 3))
    shape = (data.draw(st.integers(0, 3)), *size, groups * inputs)
    check(shape, (*window, inputs, features), stride, padding, dilation, groups)


def test_arrays_that_are_not_contiguous():
    rng = np.random.default_rng(0)
    params = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
    for channels, inputs, groups in ((3, 3, 1), (16, 16, 1), (4, 1, 4)):
        x = rng.standard_normal((2, channels, 9, 8)).transpose(0, 3, 2, 1)[:, ::-1]
        w = rng.standard_normal((channels * 2, inputs, 3, 3)).transpose(3, 2, 1, 0)
        g = rng.standard_normal((2, channels * 2, 9, 8)).transpose(0, 3, 2, 1)
        calls = (
            ("conv", (x, w), {}),
            ("conv_adjoint", (g, w), {"size": (8, 9)}),
            ("conv_kernel", (x, g), {"size": (3, 3)}),
        )
        for name, arrays, more in calls:
            found = KERNELS[name](*arrays, **params, **more, groups=groups)
            wanted = KERNELS[name](*map(np.ascontiguousarray, arrays), **params, **more, groups=groups)
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_padding_that_is_negative_cuts_off():
    x = np.arange(5.0).reshape(1, 5, 1)
    assert padded(x, ((-1, 2),)).ravel().tolist() == [1.0, 2.0, 3.0, 4.0, 0.0, 0.0]
    assert padded(x, ((0, 0),)) is x
    assert mirrored_padding((3,), ((1, 5),), (2,)) == ((3, -1),)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("stride", "features"), [(1, 8), (2, 8), (1, 64)])
def test_what_is_not_finite_stays_in_its_group(value, stride, features):
    """Groups of few channels are computed together, with zeros between them."""
    rng = np.random.default_rng(1)
    options = {"stride": (stride,) * 2, "padding": ((1, 1),) * 2, "dilation": (1, 1), "groups": 4}
    x, w = rng.standard_normal((2, 6, 6, 8)), rng.standard_normal((3, 3, 2, features))
    g = rng.standard_normal((2, *places_of((6, 6), (3, 3), (stride,) * 2, ((1, 1),) * 2, (1, 1)), features))
    x[0, 2, 2, 3] = g[0, 1, 1, features // 4] = value
    bias = rng.standard_normal(features)
    calls = [
        ("conv", (x, w), {}),
        ("conv_bias", (x, w, bias), {}),
        ("conv_adjoint", (g, w), {"size": (6, 6)}),
        ("conv_kernel", (x, g), {"size": (3, 3)}),
    ]
    for name, arrays, more in calls:
        with np.errstate(invalid="ignore"):
            found = KERNELS[name](*arrays, **options, **more)
        other = found.reshape(*found.shape[:-1], 4, -1)[..., [0, 2, 3], :]
        assert np.isfinite(other).all(), name
        assert not np.isfinite(found).all(), name
        zeroed = [np.where(np.isfinite(a), a, 0.0) for a in arrays]
        wanted = KERNELS[name](*zeroed, **options, **more).reshape(*found.shape[:-1], 4, -1)[..., [0, 2, 3], :]
        np.testing.assert_allclose(other, wanted, rtol=0, atol=1e-12)
