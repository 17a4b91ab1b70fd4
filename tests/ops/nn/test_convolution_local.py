"""A kernel for each place: against a loop of convolutions, and Keras's sizes."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn
from funcnet.errors import ShapeError
from funcnet.testing import check_grads

conv, conv_local = nn.functional.conv, nn.functional.conv_local
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "window", "options", "places"),
    [
        ((2, 7, 3), (3,), {"stride": 2, "padding": 1}, (4,)),
        ((2, 5, 4, 2), (2, 3), {"padding": "SAME", "dilation": (2, 1)}, (5, 4)),
        ((1, 3, 4, 3, 2), (2, 2, 2), {"padding_mode": "circular", "padding": ((1, 0), (0, 0), (0, 1))}, (3, 3, 3)),
    ],
)
def test_is_a_convolution_at_each_place(shape, window, options, places):
    kernel = RNG.standard_normal((*places, *window, shape[-1], 4))
    x, bias = RNG.standard_normal(shape), RNG.standard_normal((*places, 4))
    y = conv_local(x, kernel, bias, **options)
    for at in np.ndindex(*places):
        here = (slice(None), *at)
        np.testing.assert_allclose(y[here], conv(x, kernel[at], bias[at], **options)[here], rtol=1e-11, atol=1e-12)
    check_grads(lambda *a: conv_local(*a, **options), (x, kernel, bias), order=1)
    # One kernel everywhere is a convolution.
    same = np.broadcast_to(kernel[(0,) * len(places)], kernel.shape)
    np.testing.assert_allclose(
        conv_local(x, same, **options), conv(x, same[(0,) * len(places)], **options), rtol=1e-11, atol=1e-12
    )


def test_channels_first_and_shapes():
    x, kernel = RNG.standard_normal((2, 5, 4, 3)), RNG.standard_normal((4, 3, 2, 2, 3, 5))
    first = conv_local(np.moveaxis(x, -1, 1), kernel, data_format="NCHW")
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), conv_local(x, kernel))
    assert fn.eval_shape(conv_local, fn.Spec(x.shape), fn.Spec(kernel.shape)).shape == (2, 4, 3, 5)


@pytest.mark.parametrize(
    ("x", "kernel", "bias", "text"),
    [
        ((2, 3), (3, 2, 2), None, "one, two or three spatial axes"),
        ((2, 5, 3), (4, 2, 3), None, r"kernel that does not fit(?s:.*)\(\*places, \*window, in, out\)"),
        ((2, 5, 3), (5, 2, 3, 4), None, r"needed: shape \(4, 2, 3\)"),
        ((2, 5, 3), (4, 2, 2, 4), None, r"needed: shape \(4, 2, 3\)"),
        ((2, 1, 3), (4, 2, 3, 4), None, "larger than the padded input"),
        ((2, 5, 3), (4, 2, 3, 4), (4,), r"bias that does not fit(?s:.*)\(4, 4\)"),
    ],
)
def test_errors(x, kernel, bias, text):
    with pytest.raises(ShapeError, match=text):
        conv_local(np.ones(x), np.ones(kernel), None if bias is None else np.ones(bias))
