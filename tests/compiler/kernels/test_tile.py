"""Tiles of matrix products agree with NumPy's in double precision, and touch no memory beside the result."""

import ctypes
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from funcnet.compiler.loops import build

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

from funcnet.compiler.kernels import tile  # noqa: E402
from funcnet.compiler.kernels.dot_code import dot_shape  # noqa: E402
from funcnet.compiler.kernels.tile_code import Shape  # noqa: E402

#: Vectors of 128, 256 and 512 bits, as NEON, AVX2 and AVX-512 have them, and the last with more vectors than here.
SHAPES = {4: (Shape(8, 3, 4), Shape(6, 2, 8), Shape(14, 2, 16)), 8: (Shape(6, 2, 2), Shape(6, 2, 4), Shape(14, 2, 8))}
KINDS = [(size, shape) for size, shapes in SHAPES.items() for shape in shapes]
EPS = {4: 1.2e-7, 8: 2.3e-16}


def dtype_of(size: int) -> Any:
    return np.dtype(f"f{size}")


def functions(size: int, shape: Shape) -> Any:
    native = tile.native(size, shape)
    made = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 16)(native.tile)
    others = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 6)
    return made, others(native.turn), others(native.copy)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def places(rows: np.ndarray) -> tuple[int, int]:
    """Return where rows begin, and how far apart they are."""
    return address(rows), rows.strides[0]


def strided(rng: np.random.Generator, dtype: Any, shape: tuple[int, ...], order: tuple[int, ...]) -> np.ndarray:
    """Return an array whose axes lie in memory in any order, with gaps."""
    inside = rng.standard_normal([shape[k] + 3 for k in order]).astype(dtype)
    return inside.transpose(np.argsort(order))[tuple([slice(1, n + 1) for n in shape])]


def check(rng: np.random.Generator, size: int, shape: Shape, dims: Any, order: Any, mode: str, relu: int) -> None:
    rows, columns, outer, inner = dims
    dtype = dtype_of(size)
    a = strided(rng, dtype, (rows, outer, inner), order)
    b = strided(rng, dtype, (outer, inner, columns), (0, 1, 2))
    whole = rng.standard_normal((rows + 2, columns + 5)).astype(dtype)
    c = whole[1:-1, 2:-3]
    before = whole.copy()
    s = {"overwrite": np.zeros((rows, columns), dtype), "accumulate": c.copy()}.get(mode)
    if s is None:
        s = np.broadcast_to(rng.standard_normal(columns).astype(dtype), (rows, columns))
    place = {"overwrite": (0, 0), "accumulate": (address(c), c.strides[0])}.get(mode, (address(s), 0))
    steps = (a.strides[0], a.strides[1], a.strides[2], address(b), b.strides[0], b.strides[1])
    functions(size, shape)[0](rows, columns, outer, inner, address(a), *steps, address(c), c.strides[0], *place, relu)
    exact = s.astype("f8") + np.einsum("iok,okj->ij", a.astype("f8"), b.astype("f8"))
    bound = np.abs(s).astype("f8") + np.einsum("iok,okj->ij", np.abs(a).astype("f8"), np.abs(b).astype("f8"))
    if relu:
        exact = np.maximum(exact, 0)
    assert np.all(np.abs(c - exact) <= (outer * inner + 2) * EPS[size] * bound)
    before[1:-1, 2:-3] = c
    np.testing.assert_array_equal(whole, before)


@pytest.mark.parametrize(("size", "shape"), KINDS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_every_remainder(size: int, shape: Shape, order: Any) -> None:
    rng = np.random.default_rng(0)
    modes = [(mode, relu) for mode in ("overwrite", "accumulate", "bias") for relu in (0, 1)]
    count = 0
    for rows in range(1, 2 * shape.rows + 2):
        for columns in (*range(1, shape.columns + 2), 3 * shape.columns - 1):
            outer, inner = count % 3 + 1, count % 7 + 1
            check(rng, size, shape, (rows, columns, outer, inner), order, *modes[count % 6])
            count += 1


@pytest.mark.parametrize(("size", "shape"), KINDS)
@pytest.mark.parametrize("mode", ["overwrite", "accumulate", "bias"])
def test_sums_without_terms(size: int, shape: Shape, mode: str) -> None:
    rng = np.random.default_rng(1)
    check(rng, size, shape, (5, 3, 0, 4), (0, 1, 2), mode, 1)
    check(rng, size, shape, (5, 3, 4, 0), (0, 1, 2), mode, 0)
    check(rng, size, shape, (0, 3, 4, 2), (0, 1, 2), mode, 0)
    check(rng, size, shape, (5, 0, 4, 2), (0, 1, 2), mode, 0)


@pytest.mark.parametrize(("size", "shape"), KINDS)
def test_rows_that_overlap_and_run_backwards(size: int, shape: Shape) -> None:
    # A convolution: windows overlap; and a kernel that is read from its end.
    rng = np.random.default_rng(2)
    dtype = dtype_of(size)
    image = rng.standard_normal((9, 12, 5)).astype(dtype)
    kernel = rng.standard_normal((3, 3, 5, 7)).astype(dtype)
    out = np.empty((7, 10, 7), dtype)
    run = functions(size, shape)[0]
    _, y_step, x_step, c_step = kernel.strides[0], image.strides[0], image.strides[1], image.strides[2]
    for y in range(7):
        args = (address(image[y]), x_step, y_step, c_step, address(kernel), kernel.strides[0], kernel.strides[2])
        run(10, 7, 3, 15, *args, address(out[y]), out.strides[1], 0, 0, 0)
    windows = as_strided(image.astype("f8"), (7, 10, 3, 3, 5), [8 * n for n in (60, 5, 60, 5, 1)])
    exact = np.einsum("yxijc,ijcf->yxf", windows, kernel.astype("f8"))
    np.testing.assert_allclose(out, exact, rtol=0, atol=50 * EPS[size] * np.abs(exact).max())
    turned, x = np.empty((4, 7), dtype), kernel.reshape(45, 7)
    a = rng.standard_normal((4, 45)).astype(dtype)
    backwards = (address(x[-1]), 0, -x.strides[0])
    run(4, 7, 1, 45, address(a), a.strides[0], 0, size, *backwards, address(turned), turned.strides[0], 0, 0, 0)
    exact = a.astype("f8") @ x[::-1].astype("f8")
    np.testing.assert_allclose(turned, exact, rtol=0, atol=50 * EPS[size] * np.abs(exact).max())


@pytest.mark.parametrize(("size", "shape"), KINDS)
def test_nan_and_infinity_spread_as_in_the_plain_product(size: int, shape: Shape) -> None:
    dtype = dtype_of(size)
    a, b = np.ones((20, 6), dtype), np.ones((6, shape.columns), dtype)
    a[3, 2], a[7, 1], b[4, 1], b[1, 2] = np.nan, np.inf, np.nan, 0
    c = np.empty((20, shape.columns), dtype)
    strides = (a.strides[0], 0, size, address(b), 0, b.strides[0])
    for relu in (0, 1):
        functions(size, shape)[0](20, shape.columns, 1, 6, address(a), *strides, address(c), c.strides[0], 0, 0, relu)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(c, a @ b)


@pytest.mark.parametrize(("size", "shape"), KINDS)
def test_transposition(size: int, shape: Shape) -> None:
    rng = np.random.default_rng(3)
    dtype = dtype_of(size)
    turn = functions(size, shape)[1]
    for columns in range(2 * shape.width + 2):
        for depth in (0, 1, shape.width - 1, shape.width, shape.width + 1, 3 * shape.width + 2):
            x = rng.standard_normal((columns + 1, depth + 2)).astype(dtype)
            whole = rng.standard_normal((depth + 2, columns + 3)).astype(dtype)
            y, before = whole[1:-1, 1:-2], whole.copy()
            turn(columns, depth, address(x) + size, x.strides[0], address(whole) + y.strides[0] + size, y.strides[0])
            before[1:-1, 1:-2] = x[:columns, 1 : depth + 1].T
            np.testing.assert_array_equal(whole, before)


@pytest.mark.parametrize(("size", "shape"), KINDS)
def test_copies(size: int, shape: Shape) -> None:
    rng = np.random.default_rng(5)
    dtype = dtype_of(size)
    copy = functions(size, shape)[2]
    for rows in (0, 1, 5):
        for columns in range(2 * shape.width + 2):
            x = rng.standard_normal((2 * rows + 1, columns + 2)).astype(dtype)[::-2]
            whole = rng.standard_normal((rows + 2, columns + 3)).astype(dtype)
            y, before = whole[1:-1, 1:-2], whole.copy()
            copy(rows, columns, address(x) + size, x.strides[0], address(whole) + y.strides[0] + size, y.strides[0])
            before[1:-1, 1:-2] = x[:rows, 1:-1]
            np.testing.assert_array_equal(whole, before)


@pytest.mark.parametrize(("size", "shape"), KINDS)
def test_groups_of_columns(size: int, shape: Shape) -> None:
    rng = np.random.default_rng(7)
    dtype, width = dtype_of(size), shape.width
    spread = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 8)(tile.native(size, shape).spread)
    for rows, groups, columns in np.ndindex(4, 4, 2 * width + 2):
        wide = -(-columns // width) * width
        x = rng.standard_normal((rows + 1, groups * columns + 3 + width)).astype(dtype)
        whole = rng.standard_normal((groups, rows * columns + width + 2)).astype(dtype)
        before = whole.copy()
        spread(rows, groups, columns, *places(x), address(whole) + size, columns * size, whole.strides[0])
        for g, i in np.ndindex(groups, rows):
            start = 1 + i * columns
            before[g, start : start + wide] = x[i, g * columns : g * columns + wide]
        np.testing.assert_array_equal(whole, before)


@pytest.mark.parametrize(("size", "shape"), KINDS)
def test_scalar_products(size: int, shape: Shape) -> None:
    rng = np.random.default_rng(6)
    dtype = dtype_of(size)
    dot = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 11)(tile.native(size, shape).dot)
    most = dot_shape(shape)
    for rows, columns, turned in np.ndindex(most[0], most[1], 2):
        for depth in (0, 1, shape.width - 1, shape.width, shape.width + 1, 5 * shape.width + 3):
            x, v = (rng.standard_normal((2 * n + 2, depth + 2)).astype(dtype) for n in (rows, columns))
            # What is beside the terms has no part in sums.
            x[:, [0, -1]] = v[:, [0, -1]] = np.nan
            x, v = x[::-2][: rows + 1, 1:-1], v[::2][: columns + 1, 1:-1]
            whole = rng.standard_normal((columns + 4, rows + 4) if turned else (rows + 4, columns + 4)).astype(dtype)
            y = (whole.T if turned else whole)[1:-2, 1:-2]
            for more in (0, 1):
                exact = x.astype("f8") @ v.T.astype("f8") + more * y
                bound = np.abs(x).astype("f8") @ np.abs(v.T) + np.abs(y)
                before = whole.copy()
                dot(rows + 1, columns + 1, depth, *places(x), *places(v), address(y), *y.strides, more)
                assert np.all(np.abs(y - exact) <= (depth + 2) * EPS[size] * bound)
                (before.T if turned else before)[1:-2, 1:-2] = y
                np.testing.assert_array_equal(whole, before)


SOURCE = """def loop(lo, hi, part, x, w, y):
    m, k = x.shape
    n = w.shape[1]
    for j in range(lo, hi, {columns}):
        tile_{typed}(
            m, min({columns}, n - j), 1, k, address(x), x.strides[0], 0, x.strides[1],
            address(w) + {size} * j, 0, w.strides[0], address(y) + {size} * j, y.strides[0], 0, 0, 0
        )
"""


@pytest.mark.parametrize("typed", ["f4", "f8"])
@pytest.mark.parametrize("where", ["on disk", "read again", "in memory"])
def test_from_generated_sources(typed: str, where: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(blocked if where == "in memory" else tmp_path))
    source = SOURCE.format(typed=typed, size=typed[1], columns=tile.shape(typed).columns)
    array = f"float{8 * int(typed[1])}[:,::1]"
    monkeypatch.setattr(build, "_known", {})
    for _ in range(2 if where == "read again" else 1):
        build._known.clear()
        loop = build.compiled(source, f"void(int64, int64, int64, {array}, {array}, {array})")
        x, w = (np.random.default_rng(4).standard_normal(s).astype(typed) for s in ((37, 29), (29, 83)))
        y = np.empty((37, 83), typed)
        loop(0, 83, 0, x, w, y)
        np.testing.assert_allclose(y, x.astype("f8") @ w.astype("f8"), rtol=0, atol=200 * EPS[int(typed[1])])


def test_code_is_kept_and_damage_mended(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    fresh = tile.native.__wrapped__
    shape = Shape(3, 1, 4)
    first = fresh(4, shape)
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    file.write_bytes(good[:-5] + b"12345")
    again = fresh(4, shape)
    assert again.digest == first.digest
    assert file.read_bytes() == good


def test_names_in_sources() -> None:
    assert tile.used("def loop(a):\n    b[tile_f4] = 1\n    my_tile_f4(1)\n") == ()
    assert tile.used("turn_f8(1)\ntile_f4(2, address(a))") == ("address", "tile_f4", "turn_f8")
    assert tile.version(("address",)) == ""
    assert tile.version(("tile_f4",)) == tile.version(("turn_f4", "address"))
    assert tile.version(("tile_f4",)) != tile.version(("tile_f8",))


@pytest.mark.parametrize(
    ("triple", "features", "expected"),
    [
        (
            "x86_64-unknown-linux-gnu",
            {"avx": True, "avx2": True, "avx512f": True},
            {"f4": (14, 2, 16), "f8": (14, 2, 8)},
        ),
        ("x86_64-unknown-linux-gnu", {"avx": True, "avx2": True}, {"f4": (6, 2, 8), "f8": (6, 2, 4)}),
        ("x86_64-pc-windows-msvc", {}, {"f4": (6, 2, 4), "f8": (6, 2, 2)}),
        ("arm64-apple-darwin", {"neon": True}, {"f4": (8, 3, 4), "f8": (8, 3, 2)}),
        ("aarch64-unknown-linux-gnu", {"neon": True}, {"f4": (8, 3, 4), "f8": (8, 3, 2)}),
    ],
)
def test_shapes_of_processors(triple: str, features: Any, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from llvmlite import binding

    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: features)
    monkeypatch.setattr(binding, "get_default_triple", lambda: triple)
    monkeypatch.setattr(tile, "_shape", tile._shape.__wrapped__)
    assert {typed: tuple(tile.shape(typed)) for typed in ("f4", "f8")} == expected
