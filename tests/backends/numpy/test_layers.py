"""Kernels of layers."""

import numpy as np
import pytest

from funcnet import xp
from funcnet.core import bind
from funcnet.nn.dense import affine_p

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 3, 4), (0, 4), (2, 0, 4)])
def test_affine_equals_product_and_sum(shape):
    x, kernel, bias = RNG.standard_normal(shape), RNG.standard_normal((4, 3)), RNG.standard_normal(3)
    for a in (x, kernel, bias):
        a.flags.writeable = False
    np.testing.assert_allclose(bind(affine_p, x, kernel, bias), affine_p.impl(xp, x, kernel, bias), rtol=1e-14)


@pytest.mark.parametrize("dtypes", [("float32", "float32", "float64"), ("float64", "float32", "float32")])
def test_affine_promotes(dtypes):
    x, kernel, bias = (np.ones(s, dtype=d) for s, d in zip([(2, 4), (4, 3), (3,)], dtypes, strict=True))
    assert bind(affine_p, x, kernel, bias).dtype == np.float64
