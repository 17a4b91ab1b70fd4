"""Products that loops follow, panel by panel: the kernel beside NumPy, and how it is divided."""

from itertools import product as pairs
from typing import Any

import numpy as np
import pytest

from funcnet.compiler.kernels import followed, tile
from funcnet.compiler.kernels.followed import Follower, Panels, called, described, divided, room, room_size, rows_of
from funcnet.compiler.kernels.products import Matrices
from funcnet.compiler.loops import build
from funcnet.compiler.team.entries import Kernel
from funcnet.compiler.workers import in_parallel

compiled = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

#: Reads the product's elements, and writes others.
DOUBLED = """def loop(lo, hi, part, x, y, z):
    for i in range(lo, hi):
        z[i] = x[i] + x[i] + y[i]
"""
#: Reads its rows, and adds them up in the line of the part.
ADDED = """def loop(lo, hi, part, x, s, t):
    for j in range(x.shape[1]):
        s[part, j] = 0
    for r in range(lo, hi):
        t[r] = r
        for j in range(x.shape[1]):
            s[part, j] += x[r, j]
"""
FAILING = """def loop(lo, hi, part, x):
    if lo > 0:
        raise MemoryError
"""


def laid(rng: Any, shape: tuple[int, int], kind: str, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix, and the flat array that begins with it."""
    rows, columns = shape
    memory = {
        "plain": lambda: rng.standard_normal((rows, columns)),
        "turned": lambda: rng.standard_normal((columns, rows)),
        "wide": lambda: rng.standard_normal((rows, columns + 5)),
    }[kind]().astype(dtype)
    view = {"plain": memory, "turned": memory.T, "wide": memory[:, :columns]}[kind]
    return view, memory.reshape(-1)


def followers_of(n: int, dtype: Any) -> list[Follower]:
    name = np.dtype(dtype).name
    first = build.compiled(DOUBLED, f"void(int64, int64, int64, {', '.join([f'{name}[::1]'] * 3)})")
    second = build.compiled(ADDED, f"void(int64, int64, int64, {name}[:,::1], {name}[:,::1], int64[::1])")
    return [Follower(first, n, 0), Follower(second, 1, 0)]


def run(
    a: Any, b: Any, division: Panels, dtype: Any, *, kept: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the product where it is kept, the results of both loops, and what the first one added."""
    (left, left_in), (right, right_in) = a, b
    m, n = left.shape[0], right.shape[1]
    c = np.full((m, n), np.nan, dtype)
    y = np.random.default_rng(1).standard_normal((m, n)).astype(dtype)
    z, s, t = np.empty_like(y), np.full((division.count, n), np.nan, dtype), np.full(m, -1)
    found = rows_of(Matrices.of(left), Matrices.of(right), Matrices.of(c), dtype)
    function = called(build.compiled, dtype)
    assert found is not None
    assert function is not None
    loops = followers_of(n, dtype)
    each = room_size(n, left.shape[1], dtype, division)
    description = described(found, dtype, division, loops, each, kept=kept)
    memory = room(each, len(division.bounds) - 1)
    joint = followed.with_tables(function, loops)
    arguments = [left_in, right_in, c.reshape(-1), memory, description]
    arguments += [c.reshape(-1), y.reshape(-1), z.reshape(-1), c, s, t]
    if len(division.bounds) == 2:
        joint(0, division.count, 0, *arguments)
    else:
        in_parallel(joint, division.bounds, tuple(arguments))
    return c, y, z, s, t


#: Rows, columns and terms, which make more panels than threads whatever the height of a tile.
SIZES = [(170, 16, 3), (160, 33, 17), (61, 100, 40), (128, 130, 64), (300, 64, 400), (230, 140, 90), (60, 2000, 5)]


@compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 3])
def test_product_and_loops(dtype: Any, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "_EACH", 1)
    monkeypatch.setattr(followed, "_PANEL", 1000)
    rng = np.random.default_rng(0)
    for i, (m, n, k) in enumerate(SIZES):
        division = divided(m, n, k, dtype, threads)
        assert division is not None
        for (one, other), kept in pairs(pairs(("plain", "turned", "wide"), repeat=2), (False, True)):
            if i % 2 and (one, other, kept) != ("turned", "plain", False):
                continue
            a, b = laid(rng, (m, k), one, dtype), laid(rng, (k, n), other, dtype)
            c, y, z, s, t = run(a, b, division, dtype, kept=kept)
            exact = a[0].astype("f8") @ b[0].astype("f8")
            bound = (k + 4) * np.finfo(dtype).eps * (np.abs(a[0]) @ np.abs(b[0]) + np.abs(y))
            assert np.all(np.abs(z - (2 * exact + y)) <= 2 * bound)
            assert np.all(np.abs(s.sum(0, dtype="f8") - exact.sum(0)) <= m * bound.sum(0))
            np.testing.assert_array_equal(t, np.arange(m))
            if kept:
                assert np.all(np.abs(c - exact) <= bound)
            else:
                assert np.isnan(c).all()


@compiled
def test_loops_that_fail() -> None:
    dtype = np.dtype("float32")
    division = divided(100, 600, 20, dtype, 1)
    function = called(build.compiled, dtype)
    assert division is not None
    assert function is not None
    a, b, c = np.ones((100, 20), dtype), np.ones((20, 600), dtype), np.empty((100, 600), dtype)
    found = rows_of(Matrices.of(a), Matrices.of(b), Matrices.of(c), dtype)
    assert found is not None
    loops = [Follower(build.compiled(FAILING, "void(int64, int64, int64, float32[::1])"), 600, 0)]
    each = room_size(600, 20, dtype, division)
    description = described(found, dtype, division, loops, each, kept=False)
    joint = followed.with_tables(function, loops)
    arguments = [x.reshape(-1) for x in (a, b, c)]
    with pytest.raises(MemoryError):
        joint(0, division.count, 0, *arguments, room(each, 1), description, arguments[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divisions(dtype: Any) -> None:
    most = tile.shape(dtype).rows
    for m, n, k, threads in pairs((1, 14, 100, 784, 4096), (16, 64, 1000, 5000), (1, 30, 600), (1, 2, 5)):
        found = divided(m, n, k, dtype, threads)
        if found is None:
            continue
        # As many blocks as the product has alone, none of them empty, in panels for all threads.
        assert -(-m // found.height) == -(-m // most)
        assert (found.count - 1) * found.each * found.height < m <= found.count * found.each * found.height
        assert found.bounds[0] == 0
        shares = np.diff(found.bounds)
        assert len(shares) <= threads
        assert shares.min() >= 1
        assert shares.max() - shares.min() <= 1
        assert found.together >= 1


def test_products_that_are_not_for_panels() -> None:
    # Few columns, a right operand that does not stay in the cache, rows that are no panel, one panel only.
    assert divided(1000, 15, 100, "float32", 1) is None
    assert divided(1000, 1000, 1000, "float32", 1) is None
    assert divided(1000, 1 << 20, 1, "float32", 1) is None
    assert divided(5, 100, 100, "float32", 1) is None


def test_results_that_are_no_rows() -> None:
    a, b = np.empty((20, 30), "f4"), np.empty((30, 40), "f4")
    for c in (np.empty((40, 20), "f4").T, np.empty((20, 50), "f4")[:, :40]):
        assert rows_of(Matrices.of(a), Matrices.of(b), Matrices.of(c), "f4") is None
    stack = Matrices.of(np.empty((3, 20, 30), "f4").swapaxes(0, 1))
    assert rows_of(stack, Matrices.of(b), Matrices.of(np.empty((20, 3, 40), "f4")), "f4") is None


def test_where_there_is_no_machine_code() -> None:
    assert called(lambda _source, _signature: lambda *_: None, "float32") is None


@compiled
def test_arguments_follow_each_other() -> None:
    function = called(build.compiled, "float64")
    assert isinstance(function, Kernel)
    assert len(function.kinds) == 5
    assert followed.with_tables(function, followers_of(3, "float64")).kinds[5:] == (
        *[("array", 1)] * 3,
        *[("array", 2)] * 2,
        ("array", 1),
    )
