"""Convolutions with windows of one element as products: the values and gradients of PyTorch."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import products
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

torch = pytest.importorskip("torch")

_CALLS = {"conv, product", "conv_adjoint, product", "conv_kernel, product"}


def planned(x: Any, w: Any, g: Any, **options: Any) -> FusedPlan:
    def f(x: Any, w: Any, g: Any) -> Any:
        y, pull = fn.vjp(lambda x, w: nn.functional.conv(x, w, **options), x, w)
        return y, *pull(g)

    return FusedPlan(optimised(fn.trace(f, x, w, g)))


def problem(shape: Any, features: int, dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(features)
    sizes = (shape, (*(1,) * (len(shape) - 2), shape[-1], features), (*shape[:-1], features))
    return [rng.standard_normal(s).astype(dtype) for s in sizes]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("shape", "features", "dtype"),
    [((2, 5, 3, 300), 260, "float32"), ((1, 1, 1, 200), 170, "float64"), ((3, 7, 256), 128, "float64")],
)
def test_as_pytorch(shape: Any, features: int, dtype: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr(products, "_EACH", 1)
    x, w, g = problem(shape, features, dtype)
    plan = planned(x, w, g)
    assert set(plan.calls) >= _CALLS
    tx, tw, tg = (torch.tensor(a.astype("f8"), requires_grad=True) for a in (x, w, g))
    function = torch.nn.functional.conv1d if len(shape) == 3 else torch.nn.functional.conv2d
    y = function(tx.movedim(-1, 1), tw.movedim((-1, -2), (0, 1))).movedim(1, -1)
    wanted = (y, *torch.autograd.grad(y, (tx, tw), tg))
    for given in ((x, w, g), (np.asfortranarray(x), np.repeat(w, 2, -1)[..., ::2], g)):
        for found, exact in zip(plan(*given), wanted, strict=True):
            exact = exact.detach().numpy()
            np.testing.assert_allclose(found, exact, rtol=0, atol=30 * np.finfo(dtype).eps * np.abs(exact).max())


@pytest.mark.parametrize("options", [{"stride": 2}, {"groups": 2}, {"padding": ((1, 1), (0, 0))}])
def test_others_stay_direct(options: Any) -> None:
    x, w, _ = problem((2, 5, 3, 600), 400, "float32")
    w = w[:, :, : 600 // options.get("groups", 1)]
    g = nn.functional.conv(x, w, **options)
    assert not [name for name in planned(x, w, g, **options).calls if "product" in name]


def test_small_kernels_stay_direct() -> None:
    arrays = problem((2, 5, 3, 60), 40, "float32")
    assert not [name for name in planned(*arrays).calls if "product" in name]
