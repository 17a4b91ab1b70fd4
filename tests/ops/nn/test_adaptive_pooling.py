"""Adaptive and fractional pooling: PyTorch's windows, ties, gradients, and what errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


F = oracle("torch.nn.functional")


@pytest.mark.parametrize("n", [1, 3, 7, 10])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12])
def test_every_combination_of_sizes_equals_torch(n, count):
    x = np.random.default_rng(0).standard_normal((2, n, 3))
    xt = torch.from_numpy(x.transpose(0, 2, 1).copy())
    for name in ("avg", "max"):
        expected = getattr(F, f"adaptive_{name}_pool1d")(xt, count).numpy().transpose(0, 2, 1)
        got = getattr(nn.functional, f"adaptive_{name}_pool")(x, count)
        np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-15)


def test_of_equal_elements_the_first_in_the_order_of_the_array_gets_the_gradient():
    x = np.zeros((1, 3, 5, 1))
    x[0, :, :, 0] = [[0, 1, 0, 2, 0], [1, 0, 0, 0, 2], [1, 0, 3, 3, 3]]
    xt = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).requires_grad_()
    F.adaptive_max_pool2d(xt, (2, 2)).sum().backward()
    g = fn.grad(lambda x: xp.sum(nn.functional.adaptive_max_pool(x, 2)))(x)
    np.testing.assert_array_equal(g[0, :, :, 0], xt.grad.numpy()[0, 0])


@pytest.mark.parametrize("name", ["adaptive_avg_pool", "adaptive_max_pool"])
def test_derivatives(name):
    x = np.random.default_rng(0).permutation(70).reshape(1, 5, 7, 2) / 20.0
    check_grads(lambda x: xp.sin(getattr(nn.functional, name)(x, (2, 3))), (x,), order=2)


# Without 64-bit integers array_api_strict can update no array at an index.
@pytest.mark.parametrize("case", [p for p in backend_params() if p.id != "strict-no-x64"])
@pytest.mark.parametrize("name", ["adaptive_avg_pool", "adaptive_max_pool"])
def test_on_every_backend(case, name):
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3)).astype("float32")

    def f(x):
        return xp.sum(getattr(nn.functional, name)(x, (3, 2)) ** 2)

    expected = fn.grad(f)(x)
    with case.active():
        g = fn.grad(f)(case.asarray(x, "float32"))
        np.testing.assert_allclose(case.to_numpy(g), expected, rtol=1e-5, atol=1e-6)


FRACTIONAL = [(2, 2, (4, 5)), (2, (3, 2), (3, 3)), (3, 2, (3, 2, 2)), (2, 2, (1, 6))]


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize(("dims", "window", "sizes"), FRACTIONAL)
def test_fractional_pooling_equals_torch(dims, window, sizes, channels_first):
    shape = {2: (2, 3, 9, 8), 3: (2, 3, 6, 5, 4)}[dims]
    x, samples = np.random.default_rng(0).standard_normal(shape), np.random.default_rng(1).random((2, 3, dims))
    xt = torch.from_numpy(x).requires_grad_()
    pool = {2: F.fractional_max_pool2d, 3: F.fractional_max_pool3d}[dims]
    # In two dimensions PyTorch takes the sample for the width first.
    theirs = samples[..., ::-1].copy() if dims == 2 else samples
    yt, it = pool(xt, window, sizes, _random_samples=torch.from_numpy(theirs), return_indices=True)
    g = np.random.default_rng(2).standard_normal(tuple(yt.shape))
    (dx,) = torch.autograd.grad(yt, xt, torch.from_numpy(g))
    last = (0, *range(2, dims + 2), 1)
    format_ = {2: "NCHW", 3: "NCDHW"}[dims] if channels_first else None

    def placed(a):
        return a if channels_first else a.transpose(last)

    def f(x, return_indices=False):
        return nn.functional.fractional_max_pool(
            x, window, samples, sizes=sizes, data_format=format_, return_indices=return_indices
        )

    y, pullback = fn.vjp(f, placed(x))
    np.testing.assert_array_equal(y, placed(yt.detach().numpy()))
    np.testing.assert_allclose(pullback(placed(g))[0], placed(dx.numpy()), rtol=1e-14)
    np.testing.assert_array_equal(f(placed(x), True)[1], placed(it.numpy()))


def test_ratio_gives_the_sizes():
    x, samples = np.zeros((1, 10, 20, 1)), np.zeros((1, 1, 2))
    assert nn.functional.fractional_max_pool(x, 2, samples, ratio=(0.5, 0.7)).shape == (1, 5, 14, 1)
    assert nn.functional.fractional_max_pool(x, 2, samples, ratio=0.7).shape == (1, 7, 14, 1)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"window": 2}, ParameterError, "the number of windows, or its ratio"),
        ({"window": 2, "sizes": 2, "ratio": 0.5}, ParameterError, "the number of windows, or its ratio"),
        ({"window": 2, "ratio": 1.0}, ParameterError, "a ratio that it cannot use"),
        ({"window": 2, "ratio": (0.5, 0.5, 0.5)}, ParameterError, "a ratio that it cannot use"),
        ({"window": 2, "sizes": 0}, ParameterError, "sizes that it cannot use"),
        ({"window": 3, "sizes": 4}, ShapeError, "more windows than there are places"),
        ({"window": 9, "sizes": 1}, ShapeError, "more windows than there are places"),
        ({"window": 2, "sizes": 2, "samples": np.zeros((1, 2))}, ShapeError, "a random number for each spatial axis"),
        ({"window": 2, "sizes": 2, "x": np.zeros((1, 5, 5, 1), int)}, DtypeError, "not floating-point"),
    ],
)
def test_arguments_of_fractional_pooling(options, kind, message):
    with pytest.raises(kind, match=message):
        nn.functional.fractional_max_pool(**({"x": np.zeros((1, 5, 5, 1)), "samples": np.zeros((1, 1, 2))} | options))


def test_arguments_of_adaptive_pooling():
    for f in (nn.functional.adaptive_avg_pool, nn.functional.adaptive_max_pool):
        with pytest.raises(ParameterError, match="sizes that it cannot use"):
            f(np.zeros((1, 5, 5, 1)), (2, 2, 2))
        with pytest.raises(ShapeError, match="without elements along a spatial axis"):
            f(np.zeros((1, 0, 5, 1)), 2)
        with pytest.raises(ShapeError, match="wrong number of axes"):
            f(np.zeros((5, 1)), 2)
