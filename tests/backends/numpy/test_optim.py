"""Kernels of optimizers against the operations that they stand for; NumPy's, and those of every other backend."""

import numpy as np
import pytest

from funcnet import xp
from funcnet.core import bind
from funcnet.optim.adam import adam_p
from funcnet.testing.backends import backend_params

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 5), (40_000,)])
@pytest.mark.parametrize("dtypes", [("float32", "float32"), ("float64", "float64"), ("float16", "float32")])
def test_kernels_equal_the_reference(case, shape, dtypes):
    if not set(dtypes) <= set(case.dtypes()):
        pytest.skip(f"{case.name} has no {dtypes}")
    g, mu, nu = RNG.standard_normal(shape), RNG.standard_normal(shape), RNG.random(shape)
    scalars = (-0.01, 0.1, 0.001, 1e-8)
    exact = adam_p.impl(xp, *[np.asarray(a, dtype="float64") for a in (g.astype(dtypes[0]), mu, nu, *scalars)])
    arrays = [case.asarray(g, dtypes[0]), *[case.asarray(a, dtypes[1]) for a in (mu, nu, *scalars)]]
    got = bind(adam_p, *arrays)
    for a, b, dtype in zip(got, exact, (dtypes[0], dtypes[1], dtypes[1]), strict=True):
        host = case.to_numpy(a)
        assert (host.dtype, host.shape) == (np.dtype(dtype), shape)
        np.testing.assert_allclose(host, b, rtol=5 * np.finfo(dtype).eps, atol=5 * np.finfo(dtype).eps)


def test_kernel_takes_views():
    g = RNG.standard_normal((6, 4)).T[::2]
    mu, nu = np.zeros(g.shape), np.ones(g.shape)
    got = bind(adam_p, g, mu, nu, *[np.array(v) for v in (-0.1, 0.1, 0.1, 0.5)])
    wanted = adam_p.impl(xp, g, mu, nu, -0.1, 0.1, 0.1, 0.5)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
