"""PyTorch kernels of pooling: what they forward to PyTorch's functions, and what PyTorch alone would refuse."""

import numpy as np
import pytest

from funcnet import nn
from funcnet.testing.backends import case
from funcnet.testing.oracles import oracle

torch = oracle("torch", "these are the kernels of PyTorch")


def both(f, x):
    there = case("torch").asarray(x)
    return f(there).numpy(), f(x)


@pytest.mark.parametrize("shape", [(2, 7, 3), (2, 6, 5, 3), (2, 4, 5, 4, 2), (0, 6, 5, 3)])
@pytest.mark.parametrize("options", [{"padding": "SAME"}, {"padding": 1, "stride": 1}, {"ceil_mode": True}])
@pytest.mark.parametrize("name", ["max_pool", "avg_pool"])
def test_equal_numpys(name, options, shape):
    x = np.random.default_rng(0).standard_normal(shape)
    got, expected = both(lambda x: getattr(nn.functional, name)(x, 2, **options), x)
    np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-15)


def test_more_padding_than_half_a_window_and_windows_that_stop_early():
    x = np.random.default_rng(0).standard_normal((1, 8, 8, 2))
    for padding in (((2, 0), (0, 2)), ((0, 1), (2, 2))):
        got, expected = both(lambda x, p=padding: nn.functional.max_pool(x, 3, stride=4, padding=p), x)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    x = torch.arange(16.0, dtype=dtype).reshape(1, 4, 4, 1)
    assert nn.functional.max_pool(x, 2).flatten().tolist() == [5, 7, 13, 15]
    assert nn.functional.avg_pool(x, 2).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert nn.functional.max_pool(x, 2).dtype == dtype


def test_nan_is_a_maximum():
    x = torch.tensor([1.0, float("nan"), 2.0, 3.0]).reshape(1, 4, 1)
    y = nn.functional.max_pool(x, 2).flatten()
    assert torch.isnan(y[0])
    assert y[1] == 3
