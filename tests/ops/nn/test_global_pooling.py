"""Global pooling: any number of spatial axes, ties, gradients, and what errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


@pytest.mark.requirement("D73")
@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 4, 5, 3), (2, 3, 2, 4, 3), (1, 2, 2, 2, 2, 3)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_any_number_of_spatial_axes(shape, keepdims):
    x = np.random.default_rng(0).standard_normal(shape)
    axes = tuple(range(1, len(shape) - 1))
    xt = torch.from_numpy(x).requires_grad_()
    for f, expected in (
        (nn.functional.global_avg_pool, xt.mean(axes, keepdim=keepdims)),
        (nn.functional.global_max_pool, xt.amax(axes, keepdim=keepdims)),
    ):
        y, pullback = fn.vjp(lambda x, f=f: f(x, keepdims=keepdims), x)
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-14)
        g = np.random.default_rng(1).standard_normal(y.shape)
        (dx,) = torch.autograd.grad(expected, xt, torch.from_numpy(g))
        np.testing.assert_allclose(pullback(g)[0], dx.numpy(), rtol=1e-14)


def test_channels_first():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    for f, reduce in ((nn.functional.global_avg_pool, np.mean), (nn.functional.global_max_pool, np.max)):
        np.testing.assert_allclose(f(x, data_format="NCHW"), reduce(x, axis=(2, 3)), rtol=1e-14)
        assert f(x, data_format="NCHW", keepdims=True).shape == (2, 3, 1, 1)


def test_of_equal_maxima_the_first_gets_the_gradient():
    g = fn.grad(lambda x: xp.sum(nn.functional.global_max_pool(x)))(np.ones((1, 2, 2, 1)))
    np.testing.assert_array_equal(g.ravel(), [1, 0, 0, 0])


@pytest.mark.parametrize("name", ["global_avg_pool", "global_max_pool"])
def test_derivatives(name):
    x = np.random.default_rng(0).permutation(24).reshape(2, 2, 3, 2) / 6.0
    check_grads(lambda x: xp.sin(getattr(nn.functional, name)(x)), (x,), order=3)


# Without 64-bit integers array_api_strict has no argmax.
@pytest.mark.parametrize("case", [p for p in backend_params() if p.id != "strict-no-x64"])
def test_on_every_backend(case):
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 3)).astype("float32")
    with case.active():
        y = case.asarray(x, "float32")
        np.testing.assert_allclose(
            case.to_numpy(nn.functional.global_avg_pool(y)), x.mean((1, 2)), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_array_equal(case.to_numpy(nn.functional.global_max_pool(y)), x.max((1, 2)))


@pytest.mark.parametrize("f", [nn.functional.global_avg_pool, nn.functional.global_max_pool])
def test_errors(f):
    for shape in ((3,), (2, 3), (2, 0, 3), (2, 4, 0, 3)):
        with pytest.raises(ShapeError, match="without spatial axes, or without elements along one"):
            f(np.zeros(shape))
    with pytest.raises(ParameterError, match="a data format that does not fit"):
        f(np.zeros((2, 4, 4, 3)), data_format="channels_first")
    with pytest.raises(DtypeError, match="not floating-point"):
        f(np.zeros((2, 4, 3), dtype=int))
