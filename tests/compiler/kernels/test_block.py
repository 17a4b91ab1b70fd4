"""Blocks in registers agree with NumPy, touch nothing beside their result, and are told apart on disk."""

from typing import Any

import numpy as np
import pytest

from funcnet.compiler.loops import build

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

from funcnet.compiler.kernels import block  # noqa: E402
from funcnet.compiler.kernels.instructions import Instruction  # noqa: E402


def run(text: str, a: Any, b: Any, c: Any, bias: Any, count: int = 0) -> None:
    array = f"float{8 * a.itemsize}[::1]"
    source = f"""def loop(lo, hi, part, a, b, c, bias):
    block({text!r}, address(a), address(b), address(c) + {4 * a.itemsize}, address(bias), lo)
"""
    loop = build.compiled(source, f"void(int64, int64, int64, {array}, {array}, {array}, {array})")
    loop(count, 0, 0, a, b, c, bias)


@pytest.mark.parametrize(
    ("size", "width", "columns"), [(4, 16, 32), (4, 16, 21), (4, 8, 8), (4, 4, 3), (8, 8, 11), (8, 4, 4), (8, 2, 1)]
)
@pytest.mark.parametrize("mode", ["set", "add", "bias"])
def test_as_numpy(size: int, width: int, columns: int, mode: str, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    rng = np.random.default_rng(columns)
    dtype = np.dtype(f"f{size}")
    counts, a_steps, b_steps = (3, 2, 70), (400, 170, 2), (150, 75, 1)
    rows, places = (0, 5, 3, 900), (0, 40, 80, 160)
    a, b = rng.standard_normal(2600).astype(dtype), rng.standard_normal((450, columns)).astype(dtype)
    c, bias = rng.standard_normal(300).astype(dtype), rng.standard_normal(columns).astype(dtype)
    loops = [
        (n if k else -1, i * size, j * columns * size)
        for k, (n, i, j) in enumerate(zip(counts, a_steps, b_steps, strict=True))
    ]
    text = block.spec(
        size=size,
        width=width,
        columns=columns,
        a=[i * size for i in rows],
        c=[i * size for i in places],
        loops=loops,
        mode=mode,
    )
    wanted = c.astype("f8")
    for row, place in zip(rows, places, strict=True):
        total = np.zeros(columns)
        for i, j, k in np.ndindex(*counts):
            at, of = np.dot((i, j, k), a_steps), np.dot((i, j, k), b_steps)
            total += a[row + at].astype("f8") * b[of].astype("f8")
        before = {"set": 0, "add": wanted[4 + place : 4 + place + columns], "bias": bias}[mode]
        wanted[4 + place : 4 + place + columns] = before + total
    run(text, a, b.reshape(-1), c, bias, counts[0])
    np.testing.assert_allclose(c, wanted, rtol=0, atol=np.abs(wanted).max() * 50 * np.finfo(dtype).eps)


def test_columns_with_gaps(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    rng = np.random.default_rng(3)
    a, b, c = rng.standard_normal((3, 5)), rng.standard_normal((11, 6)), np.zeros(4 + 3 * 11)
    text = block.spec(
        size=8, width=4, columns=11, a=[0, 40, 80], c=[0, 88, 176], loops=[(5, 8, 8)], mode="add", apart=48
    )
    run(text, a.reshape(-1), b.reshape(-1), c, c)
    np.testing.assert_allclose(c[4:].reshape(3, 11), a @ b[:, :5].T, rtol=0, atol=1e-14)
    assert not c[:4].any()


@pytest.mark.parametrize(("size", "width", "columns"), [(4, 16, 37), (4, 2, 2), (8, 8, 8)])
@pytest.mark.parametrize("kind", ["each", "sum"])
def test_channels_that_do_not_mix(
    size: int, width: int, columns: int, kind: str, tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    rng = np.random.default_rng(columns)
    dtype = np.dtype(f"f{size}")
    a, b = rng.standard_normal((40, columns)).astype(dtype), rng.standard_normal((6, columns)).astype(dtype)
    c, places, row = np.zeros(8 * columns, dtype), (0, 5, 11), columns * size
    text = block.spec(
        size=size,
        width=width,
        columns=columns,
        a=[i * row for i in places],
        c=[0, row, 3 * row],
        loops=[(2, 9 * row, 3 * row), (3, 2 * row, row)],
        kind=kind,
    )
    run(text, a.reshape(-1), b.reshape(-1), c, c)
    c = c[4 : 4 + 4 * columns].reshape(4, columns)
    for place, i in zip(places, (0, 1, 3), strict=True):
        rows = [a[place + 9 * j + 2 * k] * (b[3 * j + k] if kind == "each" else 1) for j in range(2) for k in range(3)]
        np.testing.assert_allclose(c[i], np.sum(rows, 0), rtol=0, atol=20 * np.finfo(dtype).eps)
    assert not c[2].any()


def test_infinities_stay_where_they_belong() -> None:
    a = np.array([1, np.inf, 0, np.nan], "f4")
    b, c = np.zeros((1, 4), "f4"), np.ones(30, "f4")
    b[:] = [1, 2, -1, 0]
    text = block.spec(size=4, width=4, columns=4, a=[0, 4, 8, 12], c=[0, 16, 32, 48], loops=[(1, 4, 16)])
    with np.errstate(invalid="ignore"):
        wanted = a[:, None] * b
    run(text, a, b.reshape(-1), c, b[0])
    np.testing.assert_array_equal(c[4:20].reshape(4, 4), wanted)


def test_another_version_is_compiled_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    text = block.spec(size=4, width=4, columns=4, a=[0], c=[0], loops=[(7, 4, 16)])
    for version in ("one", "two", "two"):
        monkeypatch.setattr(Instruction, "version", lambda _, version=version: version)
        monkeypatch.setattr(build, "_known", {})
        c = np.zeros(8, "f4")
        run(text, np.ones(7, "f4"), np.ones(28, "f4"), c, c)
        np.testing.assert_array_equal(c, [0, 0, 0, 0, 7, 7, 7, 7])
    assert len(list(tmp_path.glob("loop_*"))) == 2
