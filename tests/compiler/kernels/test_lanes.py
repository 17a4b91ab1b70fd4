"""Linear algebra in lanes keeps to its memory, and is told apart on disk."""

from typing import Any

import numpy as np
import pytest

from funcnet.compiler.kernels import lanes
from funcnet.compiler.loops import build

needs_numba = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


@needs_numba
@pytest.mark.parametrize(("dtype", "width", "count"), [("f4", 16, 16), ("f4", 4, 3), ("f8", 8, 5), ("f8", 2, 1)])
def test_only_as_many_as_there_are(dtype: str, width: int, count: int, tmp_path: Any, monkeypatch: Any) -> None:
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
    loop = build.compiled(source, f"void(int64, int64, int64, {array}, {array}, int64[::1])")
    loop(count, 0, 0, a.reshape(-1), y, bad)
    y = y.reshape(a.shape)
    exact = np.linalg.inv(a[:count].astype("f8"))
    np.testing.assert_allclose(y[:count], exact, rtol=0, atol=20 * float(np.finfo(dtype).eps))
    assert np.all(y[count:] == 7)
    # What is beyond is not looked at.
    assert not bad[0]


def test_sources() -> None:
    assert lanes.used("    lanes('', 0, 0, 0, 0, 1)")
    assert not lanes.used("    planes(3)")
    assert len(lanes.version()) == 64
