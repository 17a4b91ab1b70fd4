from typing import Any

import numpy as np
import pytest

from funcnet.backends.numpy.softmax import KERNELS


def reference(x: Any, axis: Any) -> dict[str, Any]:
    x = x.astype(np.longdouble)
    total = np.log(np.sum(np.exp(x), axis=axis, keepdims=True))
    return {"softmax": np.exp(x - total), "log_softmax": x - total, "logsumexp": total}


# Up to 32 columns are worked on as rows of the transpose.
@pytest.mark.parametrize("n", [1, 2, 10, 32, 33, 100])
@pytest.mark.parametrize("lead", [(), (5,), (2, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_last_axis(n: int, lead: tuple[int, ...], order: Any, dtype: str) -> None:
    x = np.asarray(np.random.default_rng(n).normal(size=(*lead, n)), dtype, order=order)
    x.flags.writeable = False
    axis = (x.ndim - 1,)
    rtol = {"float16": 5e-3, "float32": 2e-6, "float64": 1e-14}[dtype]
    for name, wanted in reference(x, -1).items():
        params = {"keepdims": True} if name == "logsumexp" else {}
        found = KERNELS[name](x, axis=axis, **params)
        assert found.dtype == dtype
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted.astype(float), rtol=rtol, atol=rtol)
        if params:
            np.testing.assert_array_equal(KERNELS[name](x, axis=axis, keepdims=False), found[..., 0])


@pytest.mark.parametrize("n", [3, 50])
def test_rows_of_infinities_beside_ordinary_ones(n: int) -> None:
    x = np.random.default_rng(0).normal(size=(5, n)).astype(np.float32)
    plain = {
        name: KERNELS[name](x, axis=(1,), **({"keepdims": False} if name == "logsumexp" else {})) for name in KERNELS
    }
    x[1], x[2, 0], x[3, 1], x[4, :2] = -np.inf, np.inf, np.nan, np.inf
    p = KERNELS["softmax"](x, axis=(1,))
    logp = KERNELS["log_softmax"](x, axis=(1,))
    total = KERNELS["logsumexp"](x, axis=(1,), keepdims=False)
    np.testing.assert_array_equal(p[0], plain["softmax"][0])
    np.testing.assert_array_equal(logp[0], plain["log_softmax"][0])
    assert total[0] == plain["logsumexp"][0]
    np.testing.assert_array_equal(p[1], np.zeros(n))
    np.testing.assert_array_equal(logp[1], np.full(n, -np.inf))
    np.testing.assert_array_equal(p[2], [1, *[0] * (n - 1)])
    assert np.isnan(p[3]).all()
    assert np.isnan(logp[3]).all()
    np.testing.assert_array_equal(p[4], [0.5, 0.5, *[0] * (n - 2)])
    np.testing.assert_allclose(logp[4, :2], -np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(total[1:], [-np.inf, np.inf, np.nan, np.inf])
