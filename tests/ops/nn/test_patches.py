"""Windows as rows and back: PyTorch's layout and our own, exact adjoints, errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing import check_adjoint, check_grads
from funcnet.testing.oracles import oracle

torch = oracle("torch")


torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

conv, fold, unfold = nn.functional.conv, nn.functional.fold, nn.functional.unfold
RNG = np.random.default_rng(0)


@st.composite
def windows(draw, ndim):
    window, dilation, stride, padding = (
        tuple(draw(st.integers(low, high)) for _ in range(ndim)) for low, high in ((1, 3), (1, 2), (1, 3), (0, 2))
    )
    size = tuple(
        max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 3))
        for k, d, p in zip(window, dilation, padding, strict=True)
    )
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    return (draw(st.integers(1, 2)), *size, draw(st.integers(1, 3))), window, options


@pytest.mark.requirement("D70", "D71")
@settings(max_examples=25, deadline=None)
@given(windows(2))
def test_channels_first_equals_torch(drawn):
    shape, window, options = drawn
    x = np.moveaxis(np.random.default_rng(1).standard_normal(shape), -1, 1)
    y = unfold(x, window, data_format="NCHW", **options)
    np.testing.assert_array_equal(y, torch.nn.functional.unfold(torch.from_numpy(x), window, **options).numpy())
    g = np.random.default_rng(2).standard_normal(y.shape)
    back = fold(g, shape[1:-1], window, data_format="NCHW", **options)
    wanted = torch.nn.functional.fold(torch.from_numpy(g), shape[1:-1], window, **options)
    np.testing.assert_allclose(back, wanted.numpy(), rtol=1e-13, atol=1e-13)


@pytest.mark.requirement("D70", "D71")
@pytest.mark.parametrize("ndim", [1, 2, 3])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_are_exact_adjoints(ndim, data):
    shape, window, options = data.draw(windows(ndim))
    rng = np.random.default_rng(3)
    x = rng.standard_normal(shape)
    y = unfold(x, window, **options)
    g = rng.standard_normal(y.shape)
    back = fold(g, shape[1:-1], window, **options)
    np.testing.assert_allclose(np.sum(y * g), np.sum(x * back), rtol=1e-12, atol=1e-12)
    check_adjoint(lambda x: unfold(x, window, **options), x)
    check_adjoint(lambda g: fold(g, shape[1:-1], window, **options), g)


@pytest.mark.requirement("D70", "D71")
def test_the_matrix_and_the_array_of_all_axes_agree():
    x = RNG.standard_normal((2, 5, 6, 3))
    options = {"stride": (2, 1), "padding": (1, 0)}
    whole = unfold(x, (3, 2), flat=False, **options)
    flat = unfold(x, (3, 2), **options)
    assert whole.shape == (2, 3, 5, 3, 2, 3)
    # The matrix of im2col: a row for each place.
    np.testing.assert_array_equal(flat.reshape(30, 18), whole.reshape(30, 18))
    first = unfold(np.moveaxis(x, -1, 1), (3, 2), flat=False, data_format="NCHW", **options)
    np.testing.assert_array_equal(first, whole.transpose(0, 5, 3, 4, 1, 2))
    backs = [
        fold(flat, (5, 6), (3, 2), **options),
        fold(whole, (5, 6), (3, 2), flat=False, **options),
        np.moveaxis(fold(first, (5, 6), (3, 2), flat=False, data_format="NCHW", **options), 1, -1),
    ]
    for back in backs[1:]:
        np.testing.assert_array_equal(back, backs[0])


def test_a_convolution_is_a_product_with_the_windows():
    x, w = RNG.standard_normal((2, 5, 5, 3)), RNG.standard_normal((3, 2, 3, 4))
    rows = unfold(x, (3, 2), stride=2, padding="SAME")
    np.testing.assert_allclose(rows @ w.reshape(-1, 4), conv(x, w, stride=2, padding="SAME"), rtol=1e-12, atol=1e-12)


def test_padding_modes_derivatives_and_vmap():
    x = RNG.standard_normal((2, 4, 3, 2))
    y = unfold(x, 2, padding=1, padding_mode="circular")
    np.testing.assert_array_equal(y, unfold(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="wrap"), 2))
    check_grads(lambda x: xp.sin(unfold(x, 2, padding=1, padding_mode="reflect")), (x,), order=2)
    batch = RNG.standard_normal((3, *x.shape))
    found = fn.vmap(lambda x: unfold(x, 2, stride=2))(batch)
    np.testing.assert_array_equal(found, np.stack([unfold(x, 2, stride=2) for x in batch]))
    assert fn.eval_shape(lambda x: unfold(x, 2), fn.Spec((2, 4, 3, 2))).shape == (2, 3, 2, 8)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: unfold(np.ones((4, 3)), 2), ShapeError, r"one, two or three spatial axes(?s:.*)\(4, 3\)"),
        (lambda: unfold(np.ones((1, 2, 2)), 3), ShapeError, "larger than the padded input"),
        (lambda: unfold(np.ones((1, 2, 2)), 0), ParameterError, "window=0"),
        (lambda: fold(np.ones((1, 3, 3)), (4,), 2), ShapeError, r"do not fit(?s:.*)\(n, 3, channels \* 2\)"),
        (lambda: fold(np.ones((1, 2, 2)), (4,), 2), ShapeError, "the windows of an array of size"),
        (lambda: fold(np.ones((1, 3, 2)), (4,), 2, flat=False), ShapeError, r"\(n, 3, 2, channels\)"),
        (lambda: fold(np.ones((1, 4, 4)), (4,), 2, data_format="NCW"), ShapeError, r"\(n, channels \* 2, 3\)"),
        (
            lambda: fold(np.ones((1, 4, 4)), (4,), 2, data_format="NCW", flat=False),
            ShapeError,
            r"\(n, channels, 2, 3\)",
        ),
        (lambda: fold(np.ones((1, 3, 2)), (1,), 2), ShapeError, "larger than the padded input"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_folding_has_at_most_three_axes():
    with pytest.raises(ParameterError, match=r"(?s)one, two or three spatial axes.*\(1, 1, 1, 1\)"):
        nn.functional.fold(np.ones((1, 1, 1, 1, 1, 1)), (1, 1, 1, 1), 1, data_format="NHWC")
