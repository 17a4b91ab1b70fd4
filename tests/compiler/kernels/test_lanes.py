"""Linear algebra in lanes keeps to its memory, and is told apart on disk."""

from typing import Any

import numpy as np
import pytest

from funcnet.compiler.kernels import lanes
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build

needs_numba = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


@needs_numba
@pytest.mark.parametrize(("dtype", "width", "count"), [("f4", 16, 16), ("f4", 4, 3), ("f8", 8, 5), ("f8", 2, 1)])
@pytest.mark.parametrize("compile", [build.compiled, in_python])
def test_only_as_many_as_there_are(
    dtype: str, width: int, count: int, compile: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    rng = np.random.default_rng(0)
    a = np.full((width, 3, 3), np.nan, dtype)
    a[:count] = rng.standard_normal((count, 3, 3)) + 3 * np.eye(3)
    y, bad = np.full(width * 9, 7, dtype), np.zeros(1, np.int64)
    text = lanes.spec("inv", size=int(dtype[1]), width=width, order=3)
    source = f"""def loop(lo, hi, part, x, y, bad):
    lanes({text!r}, address(x), 0, address(y), address(bad), lo)
"""
    array = f"float{8 * int(dtype[1])}[::1]"
    loop = compile(source, f"void(int64, int64, int64, {array}, {array}, int64[::1])")
    loop(count, 0, 0, a.reshape(-1), y, bad)
    y = y.reshape(a.shape)
    exact = np.linalg.inv(a[:count].astype("f8"))
    np.testing.assert_allclose(y[:count], exact, rtol=0, atol=20 * float(np.finfo(dtype).eps))
    assert np.all(y[count:] == 7)
    # What is beyond is not looked at.
    assert not bad[0]


@pytest.mark.parametrize("operation", ["solve", "inv", "det", "cholesky", "cofactor"])
@pytest.mark.parametrize("turned", [False, True])
@needs_numba
def test_python_and_vectors_agree(operation: str, turned: bool) -> None:
    rng = np.random.default_rng(1)
    a = rng.standard_normal((5, 3, 3)) + 4 * np.eye(3)
    b = rng.standard_normal((5, 3, 2))
    text = lanes.spec(operation, size=8, width=8, order=3, columns=2 * (operation == "solve"), turned=turned)
    source = f"""def loop(lo, hi, part, x, b, y, bad):
    lanes({text!r}, address(x), address(b), address(y), address(bad), hi)
"""
    found = []
    for compile in (build.compiled, in_python):
        y, bad = np.zeros(45), np.zeros(1, np.int64)
        loop = compile(source, "void(int64, int64, int64, float64[::1], float64[::1], float64[::1], int64[::1])")
        loop(0, 5, 0, a.reshape(-1), b.reshape(-1), y, bad)
        assert not bad[0]
        found.append(y)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-13)
