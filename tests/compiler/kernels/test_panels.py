"""Products of matrices with any strides, from generated loops, agree with NumPy's in double precision."""

from typing import Any

import numpy as np
import pytest

from funcnet.compiler.kernels import panels, reference, tile
from funcnet.compiler.loops import build

compiled = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

PRODUCT = """def loop(lo, hi, part, a, b, c, s, w, d):
    product_{T}(
        d[0], d[1], d[2], address(a) + d[3], d[4], d[5], address(b) + d[6], d[7], d[8], address(c) + d[9], d[10],
        address(s) + d[12] if d[11] else 0, d[13], d[14], address(w)
    )
"""
PACKED = """def loop(lo, hi, part, a, b, c, s, w, d):
    pack_{T}(d[2], d[1], address(b) + d[6], d[7], d[8], address(w))
    multiply_{T}(
        d[0], d[1], d[2], address(a) + d[3], d[4], d[5], address(w), address(c) + d[9], d[10],
        address(s) + d[12] if d[11] else 0, d[13], d[14]
    )
"""


def in_python(source: str, signature: str) -> Any:
    """Run a loop as the Python that it is."""
    names = reference.functions()
    exec(source, names)
    return names["loop"]


def matrix(rng: Any, shape: tuple[int, int], kind: str, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix, and the contiguous array that it is in."""
    rows, columns = shape
    if kind == "turned":
        memory = rng.standard_normal((columns + 1, rows + 2))
        key: Any = lambda x: x[1:, 1:-1].T  # noqa: E731
    elif kind == "spread":
        memory = rng.standard_normal((rows + 2, 3 * columns + 1))
        key = lambda x: x[1:-1, 1::3]  # noqa: E731
    elif kind == "backwards":
        memory = rng.standard_normal((rows + 1, columns + 2))
        key = lambda x: x[:0:-1, 2:]  # noqa: E731
    elif kind == "paged":
        # Rows a page apart, as those of wide arrays are.
        memory = rng.standard_normal((rows, max(1024, columns)))
        key = lambda x: x[:, :columns]  # noqa: E731
    else:
        memory, key = rng.standard_normal(shape), lambda x: x
    memory = memory.astype(dtype)
    return key(memory), memory


def offset(view: np.ndarray, memory: np.ndarray) -> int:
    return view.__array_interface__["data"][0] - memory.__array_interface__["data"][0]


def check(source: str, compile: Any, dims: Any, kinds: tuple[str, str], mode: str, relu: int, dtype: Any) -> None:
    m, n, k = dims
    rng = np.random.default_rng(m + 100 * n + 10_000 * k)
    a, a_in = matrix(rng, (m, k), kinds[0], dtype)
    b, b_in = matrix(rng, (k, n), kinds[1], dtype)
    c_in = rng.standard_normal((m + 2, n + 3)).astype(dtype)
    c, before = c_in[1:-1, 1:-2], c_in.copy()
    s, s_in = np.zeros((m, n)), np.zeros(1, dtype)
    if mode == "accumulate":
        s, s_in = c.copy(), c_in
    elif mode == "bias":
        s_in = rng.standard_normal(n).astype(dtype)
        s = np.broadcast_to(s_in, (m, n))
    s_row = c.strides[0] if mode == "accumulate" else 0
    described = [m, n, k, offset(a, a_in), *a.strides, offset(b, b_in), *b.strides, offset(c, c_in), c.strides[0]]
    described += [int(mode != "overwrite"), offset(c, c_in) if mode == "accumulate" else 0, s_row, relu]
    room = np.zeros(max(panels.scratch_size(), panels.packed_size(k, n, dtype)) + 64, np.uint8)
    room = room[-room.__array_interface__["data"][0] % 64 :]
    typed = np.dtype(dtype).str[1:]
    flat = f"{np.dtype(dtype).name}[::1]"
    loop = compile(
        source.format(T=typed),
        f"void(int64, int64, int64, {flat}, {flat}, {flat}, {flat}, uint8[::1], int64[::1])",
    )
    flats = [x.reshape(-1) for x in (a_in, b_in, c_in, s_in)]
    loop(0, 1, 0, *flats, room, np.array(described, np.int64))
    wide = [x.astype("f8") for x in (a, b, s)]
    exact = wide[2] + wide[0] @ wide[1]
    bound = np.abs(wide[2]) + np.abs(wide[0]) @ np.abs(wide[1])
    if relu:
        exact = np.maximum(exact, 0)
    assert np.all(np.abs(c - exact) <= (k + 2) * np.finfo(dtype).eps * bound)
    before[1:-1, 1:-2] = c
    np.testing.assert_array_equal(c_in, before)


#: Rows, columns and depth around the limits where the way of computing changes.
SIZES = [
    *[(1, 5, 7), (1, 40, 70), (5, 1, 9), (33, 1, 300), (1, 1, 1), (3, 33, 1), (2, 7, 0)],
    *[(14, 32, 20), (29, 10, 64), (128, 10, 33), (40, 67, 385), (191, 20, 513), (195, 35, 12)],
    *[(30, 600, 390), (5, 1040, 200), (13, 300, 1100), (130, 260, 600), (300, 140, 130)],
    *[(1, 70, 300), (8, 50, 130), (3, 21, 64), (50, 8, 77), (8, 8, 100), (17, 3, 4100), (2, 18, 9000), (60, 1, 64)],
]
KINDS = ("plain", "turned", "spread", "backwards", "paged")
MODES = [(mode, relu) for mode in ("overwrite", "accumulate", "bias") for relu in (0, 1)]
CASES = [
    (dims, (KINDS[(i + j) % 5], KINDS[(i + 3 * j + 1) % 5]), *MODES[(i + j) % 6])
    for i, dims in enumerate(SIZES)
    for j in range(5)
]


@pytest.mark.parametrize("source", [PRODUCT, PACKED], ids=["product", "packed"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@compiled
def test_compiled(source: str, dtype: Any) -> None:
    for case in CASES:
        check(source, build.compiled, *case, dtype)


@pytest.mark.parametrize("source", [PRODUCT, PACKED], ids=["product", "packed"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_in_python(source: str, dtype: Any) -> None:
    for case in CASES[::3]:
        check(source, in_python, *case, dtype)


#: Few columns and a transposed left operand: the transposed product is computed.
TURNED = [
    (dims, ("turned", kind), "overwrite", 0)
    for dims in [(70, 3, 20), (64, 1, 9), (530, 10, 33), (300, 33, 70), (560, 62, 520), (256, 20, 400)]
    for kind in KINDS
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@compiled
def test_few_columns_compiled(dtype: Any) -> None:
    for case in TURNED:
        check(PRODUCT, build.compiled, *case, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_columns_in_python(dtype: Any) -> None:
    for case in TURNED[:10]:
        check(PRODUCT, in_python, *case, dtype)


@compiled
def test_long_sums_are_as_exact_as_numpys() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(0, 1, s).astype(np.float32) for s in ((30, 20_000), (20_000, 40)))
    c, room = np.empty((30, 40), np.float32), np.zeros(panels.scratch_size(), np.uint8)
    flat = "float32[::1]"
    types = f"void(int64, int64, int64, {flat}, {flat}, {flat}, {flat}, uint8[::1], int64[::1])"
    described = [30, 40, 20_000, 0, *a.strides, 0, *b.strides, 0, c.strides[0], 0, 0, 0, 0]
    loop = build.compiled(PRODUCT.format(T="f4"), types)
    loop(0, 1, 0, a.reshape(-1), b.reshape(-1), c.reshape(-1), c.reshape(-1), room, np.array(described, np.int64))
    exact = a.astype("f8") @ b.astype("f8")
    ours, theirs = (np.abs(x / exact - 1).max() for x in (c, a @ b))
    assert ours <= max(2 * theirs, 1e-6)


def test_sizes() -> None:
    columns = tile.shape("f4").columns
    assert panels.packed_size(7, columns + 1, "f4") == 7 * 2 * columns * 4
    assert panels.used("product_f4(1)\npack_f8 (2)\nmultiply_f8(3)") == ("multiply_f8", "product_f4")
    assert panels.version(()) == ""
    assert panels.version(("pack_f4",)) != panels.version(("pack_f8",))
