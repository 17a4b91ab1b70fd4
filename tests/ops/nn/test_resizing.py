"""Interpolation and rearranged channels, against PyTorch."""

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

F = nn.functional
RNG = np.random.default_rng(0)
NAMES = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
TORCH = {"linear": {1: "linear", 2: "bilinear", 3: "trilinear"}, "cubic": {2: "bicubic"}}


def _equal_to_torch(x, method, align, **sizes):
    ndim = x.ndim - 2
    xt = torch.from_numpy(x).requires_grad_()
    theirs = {"scale_factor" if k == "scale" else k: v for k, v in sizes.items()}
    mode = TORCH.get(method, {}).get(ndim, method)
    wanted = torch.nn.functional.interpolate(xt, mode=mode, align_corners=align, **theirs)
    options = {"method": method, "align_corners": bool(align), "data_format": NAMES[ndim]}
    found, pullback = fn.vjp(lambda x: F.resize(x, **sizes, **options), x)
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-10, atol=1e-10)
    g = np.random.default_rng(1).standard_normal(found.shape)
    wanted.backward(torch.from_numpy(g))
    np.testing.assert_allclose(pullback(g)[0], xt.grad.numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("ndim", "method", "align"),
    [(n, m, a) for n in (1, 2, 3) for m, a in (("linear", False), ("linear", True))]
    + [(2, "cubic", False), (2, "cubic", True)],
)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_interpolation_equals_torch(ndim, method, align, data):
    sizes = st.tuples(*[st.integers(1, 7)] * ndim)
    x = np.random.default_rng(2).standard_normal((2, 3, *data.draw(sizes)))
    _equal_to_torch(x, method, align, size=data.draw(sizes))


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("method", ["nearest", "nearest-exact"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_nearest_equals_torch(ndim, method, data):
    # PyTorch rounds the step to single precision; with these sizes that does not move a place over an edge.
    sizes = st.tuples(*[st.sampled_from([1, 2, 4, 8])] * ndim)
    x = np.random.default_rng(2).standard_normal((2, 3, *data.draw(sizes)))
    _equal_to_torch(x, method, None, size=data.draw(sizes))


@pytest.mark.parametrize("method", ["nearest", "nearest-exact", "linear", "cubic"])
@pytest.mark.parametrize("scale", [2, 3, 0.5, 1.5, (2.5, 1.0)])
def test_scales_are_those_of_torch(method, scale):
    x = RNG.standard_normal((1, 2, 5, 4))
    _equal_to_torch(x, method, None if method.startswith("nearest") else False, scale=scale)


def test_the_places_of_nearest_are_exact_where_single_precision_is_not():
    # Result 9 lies on the edge between the elements 2 and 3.
    for n, m in ((7, 21), (3, 41), (41, 3)):
        y = F.resize(np.arange(float(n)).reshape(1, n, 1), m)
        assert y.ravel().tolist() == [i * n // m for i in range(m)]


@pytest.mark.parametrize("method", ["linear", "cubic"])
@pytest.mark.parametrize("align", [False, True])
def test_derivatives_vmap_and_adjoint(method, align):
    x = RNG.standard_normal((2, 4, 3, 2))

    def f(x):
        return F.resize(x, (7, 2), method=method, align_corners=align)

    check_adjoint(f, x)
    check_grads(lambda x: xp.sin(f(x)), (x,), order=2)
    batch = RNG.standard_normal((3, *x.shape))
    np.testing.assert_allclose(fn.vmap(f)(batch), np.stack([f(x) for x in batch]), rtol=1e-14)
    assert fn.eval_shape(f, fn.Spec((2, 4, 3, 2))).shape == (2, 7, 2, 2)


def test_dtypes_are_kept():
    for method in ("nearest", "linear", "cubic"):
        y, pullback = fn.vjp(lambda x, m=method: F.resize(x, 5, method=m), np.ones((1, 3, 1), "float32"))
        assert y.dtype == pullback(y)[0].dtype == "float32"
        np.testing.assert_allclose(y, 1.0, rtol=1e-6)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_pixel_shuffle_equals_torch(factor):
    x = RNG.standard_normal((2, 2 * factor**2, 3, 4))
    y = F.pixel_shuffle(x, factor, data_format="NCHW")
    np.testing.assert_array_equal(y, torch.nn.functional.pixel_shuffle(torch.from_numpy(x), factor).numpy())
    back = F.pixel_unshuffle(y, factor, data_format="NCHW")
    np.testing.assert_array_equal(back, torch.nn.functional.pixel_unshuffle(torch.from_numpy(y), factor).numpy())
    np.testing.assert_array_equal(back, x)
    last = F.pixel_shuffle(np.moveaxis(x, 1, -1), factor)
    np.testing.assert_array_equal(np.moveaxis(last, -1, 1), y)


@pytest.mark.parametrize("ndim", [1, 3])
def test_pixel_shuffle_of_other_ranks_is_undone(ndim):
    x = RNG.standard_normal((2, *[3] * ndim, 2**ndim * 3))
    y = F.pixel_shuffle(x, 2)
    assert y.shape == (2, *[6] * ndim, 3)
    np.testing.assert_array_equal(F.pixel_unshuffle(y, 2), x)
    check_adjoint(lambda x: F.pixel_shuffle(x, 2), x)
    check_adjoint(lambda y: F.pixel_unshuffle(y, 2), y)


def test_channel_shuffle_equals_torch():
    x = RNG.standard_normal((2, 6, 3, 2))
    wanted = torch.nn.functional.channel_shuffle(torch.from_numpy(x), 3).numpy()
    np.testing.assert_array_equal(F.channel_shuffle(x, 3, data_format="NCHW"), wanted)
    np.testing.assert_array_equal(F.channel_shuffle(np.moveaxis(x, 1, -1), 3), np.moveaxis(wanted, 1, -1))
    np.testing.assert_array_equal(F.channel_shuffle(F.channel_shuffle(x[:, 0], 2), 1), F.channel_shuffle(x[:, 0], 2))
    check_adjoint(lambda x: F.channel_shuffle(x, 3, data_format="NCHW"), x)


X = np.ones((1, 4, 4, 6))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: F.resize(X), ParameterError, "either a size or a scale"),
        (lambda: F.resize(X, 2, scale=2), ParameterError, "either a size or a scale"),
        (lambda: F.resize(X, 0), ParameterError, "size=0"),
        (lambda: F.resize(X, (2, 2, 2)), ParameterError, "a tuple of 2"),
        (lambda: F.resize(X, scale=-1), ParameterError, "scale=-1"),
        (lambda: F.resize(X, scale="two"), ParameterError, "scale='two'"),
        (lambda: F.resize(X, scale=0.1), ShapeError, "would leave nothing"),
        (lambda: F.resize(X[:, :0], 2), ShapeError, "nothing to interpolate"),
        (lambda: F.resize(X, 2, method="area"), ParameterError, r"method='area'(?s:.*)'linear'"),
        (lambda: F.resize(X, 2, align_corners=True), ParameterError, "aligns corners only where it interpolates"),
        (lambda: F.resize(X[0, 0], 2), ShapeError, "one, two or three spatial axes"),
        (lambda: F.resize(X.astype(int), 2), DtypeError, "not floating-point"),
        (lambda: F.pixel_shuffle(X, 2), ShapeError, r"6 channels and factor 2(?s:.*)multiple of 4 channels"),
        (lambda: F.pixel_shuffle(X, 0), ParameterError, "factor=0"),
        (lambda: F.pixel_unshuffle(X, 3), ShapeError, r"spatial size \(4, 4\) and factor 3"),
        (lambda: F.channel_shuffle(X, 4), ShapeError, "6 channels in 4 groups"),
        (lambda: F.channel_shuffle(X, True), ParameterError, "groups=True"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
