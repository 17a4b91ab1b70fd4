"""Permutations that are written to memory agree with NumPy's, and those that are read as views stay what they are."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

KERNEL = "permute_dims, block by block"
RNG = np.random.default_rng(0)
needs_compiler = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def checked(f: Any, *arrays: Any, compile: Any, kernel: bool = True) -> None:
    plan = FusedPlan(optimised(fn.trace(f, *arrays)), compile)
    assert (KERNEL in plan.calls) == kernel
    for _ in range(2):
        found, wanted = plan(*arrays)[0], f(*arrays)
        assert found.flags.c_contiguous or not kernel
        np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_order(in_python: Any, monkeypatch: pytest.MonkeyPatch, dtype: str, threads: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.permuted._PARALLEL", 1)
    x = RNG.normal(size=(3, 2, 5, 4)).astype(dtype)
    for axes in permutations(range(4)):
        kernel = axes != (0, 1, 2, 3)
        checked(lambda x, axes=axes: xp.permute_dims(x, axes), x, compile=in_python, kernel=kernel)
    checked(lambda x: xp.permute_dims(x, (-1, 0, -2, 1)), x, compile=in_python)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((70, 130), (1, 0)),
        ((1, 9, 1, 4), (3, 1, 0, 2)),
        ((2, 65, 3, 64), (0, 2, 1, 3)),
        ((2, 3, 4, 5, 6), (4, 0, 3, 1, 2)),
    ],
)
def test_blocks_and_dimensions_that_stay_together(in_python: Any, shape: Any, axes: Any) -> None:
    checked(lambda x: xp.permute_dims(x, axes), RNG.normal(size=shape), compile=in_python)


def test_in_and_out_of_loops(in_python: Any) -> None:
    x, y = RNG.normal(size=(2, 6, 7))
    checked(lambda x, y: xp.matrix_transpose(x) * 2 + xp.sum(y), x, y, compile=in_python)
    checked(lambda x, y: xp.sum(xp.permute_dims(x + y, (1, 0)), axis=0), x, y, compile=in_python)
    checked(lambda x, y: xp.reshape(x.T, (2, 21)) + xp.reshape(y, (2, 21)), x, y, compile=in_python)


def test_what_is_read_as_a_view(in_python: Any) -> None:
    x, y = RNG.normal(size=(2, 6, 7))
    checked(lambda x, y: x.T @ y, x, y, compile=in_python, kernel=False)
    checked(lambda x, y: (x + y).T, x, y, compile=in_python, kernel=False)
    # Nothing to move, and nothing at all.
    checked(lambda x, y: xp.permute_dims(x[:, None], (1, 0, 2)) + y, x, y, compile=in_python, kernel=False)
    z = np.zeros((0, 3))
    checked(lambda x: x.T, z, compile=in_python, kernel=False)
    i = np.arange(6).reshape(2, 3)
    checked(lambda x: x.T, i, compile=in_python, kernel=False)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axes", [(0, 3, 1, 2), (0, 2, 3, 1), (0, 2, 1, 3), (3, 2, 1, 0), (1, 0, 2, 3)])
def test_as_machine_code(dtype: str, axes: Any) -> None:
    x = RNG.normal(size=(2, 33, 70, 67)).astype(dtype)
    x.reshape(-1)[:4] = [np.nan, np.inf, -0.0, 1e-45]
    plan = FusedPlan(optimised(fn.trace(lambda x: xp.permute_dims(x, axes), x)))
    assert plan.calls == [KERNEL]
    np.testing.assert_array_equal(
        plan(x)[0].view(f"i{x.itemsize}"), np.ascontiguousarray(x.transpose(axes)).view(f"i{x.itemsize}")
    )
