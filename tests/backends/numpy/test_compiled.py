"""Compiled loops: the same numbers, and nothing in the way of those who have no Numba."""

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from funcnet.backends.numpy import compiled, products, threefry
from funcnet.backends.numpy.compiled import Loop
from funcnet.backends.numpy.products import KERNELS as PRODUCTS
from funcnet.backends.numpy.threefry import KERNELS, hash_words

KEY = np.array([123, 4_000_000_000], np.uint32)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Loop:
    """Threefry's loop, not asked for yet; what the test compiles is forgotten afterwards."""
    loop = Loop(compiled.hash_loop, *compiled.HASH._signatures)
    monkeypatch.setattr(threefry, "HASH", loop)
    return loop


@pytest.fixture
def outer(monkeypatch: pytest.MonkeyPatch) -> Loop:
    """The loop of outer products, likewise."""
    loop = Loop(compiled.outer_loop, *compiled.OUTER._signatures)
    monkeypatch.setattr(products, "OUTER", loop)
    return loop


@pytest.mark.parametrize("first", [0, 5, 2**32 - 12, 2**40 + 3])
def test_the_loop_gives_the_words(first: int) -> None:
    out0, out1 = np.empty(12, np.uint32), np.empty(12, np.uint32)
    # In Python the words of NumPy warn where they wrap around.
    with np.errstate(over="ignore"):
        compiled.hash_loop(KEY[0], KEY[1], np.uint32(first >> 32), np.uint32(first & 0xFFFFFFFF), out0, out1)
    expected = hash_words(KEY, 12, first)
    assert np.array_equal(out0, expected[0])
    assert np.array_equal(out1, expected[1])


@pytest.mark.parametrize("size", [9, 100, 1001])
def test_draws_do_not_depend_on_it(size: int, fresh: Loop) -> None:
    whole = KERNELS["random_bits"](KEY, shape=(size,), dtype="uint32")
    calls = []

    def loop(*args: Any) -> None:
        calls.append(len(args[-1]))
        with np.errstate(over="ignore"):
            compiled.hash_loop(*args)

    fresh.ready = loop
    assert np.array_equal(KERNELS["random_bits"](KEY, shape=(size,), dtype="uint32"), whole)
    assert calls == [size]


def test_only_large_draws_ask_for_it(fresh: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(fresh, "request", lambda: asked.append(True))
    monkeypatch.setattr(threefry, "_SHARED", 1000)
    KERNELS["random_bits"](KEY, shape=(999,), dtype="uint32")
    assert not asked
    KERNELS["random_bits"](KEY, shape=(1000,), dtype="uint32")
    assert asked


def test_numba_can_be_kept_out(fresh: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCNET_JIT", "0")
    fresh.request(wait=True)
    assert fresh.ready is None
    assert fresh.status == "FUNCNET_JIT=0"


def test_without_numba_draws_go_on(fresh: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    monkeypatch.setattr(compiled, "find_spec", lambda _: None)
    fresh.request(wait=True)
    assert fresh.ready is None
    assert fresh.status == "Numba is not installed"


def test_a_numba_that_fails_is_told_and_survived(fresh: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(cache: bool) -> Any:
        raise ImportError(f"Numba needs another NumPy, {cache=}")

    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    monkeypatch.setattr(compiled, "find_spec", lambda _: True)
    monkeypatch.setattr(fresh, "_with_numba", fail)
    fresh.request(wait=True)
    fresh.request(wait=True)
    assert fresh.ready is None
    assert fresh.status == "ImportError: Numba needs another NumPy, cache=True"


def test_small_draws_do_not_import_numba() -> None:
    code = (
        "import sys, numpy as np\n"
        "from funcnet.backends.numpy.threefry import KERNELS\n"
        "KERNELS['random_bits'](np.zeros(2, np.uint32), shape=(1000,), dtype='uint32')\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(find_spec("numba") is None, reason="Numba is not installed")
def test_numba_compiles_it(fresh: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    expected = hash_words(KEY, 100_003, 2**32 - 50_000)
    fresh.request(wait=True)
    assert fresh.status == "compiled"
    found = hash_words(KEY, 100_003, 2**32 - 50_000)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])


def _pair(dtype: str, rows: int = 3) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(rows, 5)).astype(dtype), generator.normal(size=(rows, 4)).astype(dtype)


def test_only_large_outer_products_ask_for_it(outer: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(outer, "request", lambda: asked.append(True))
    monkeypatch.setattr(products, "_LARGE", 60)
    PRODUCTS["outer_of"](*_pair("float32", 2))
    assert not asked
    PRODUCTS["outer_of"](*_pair("float32", 3))
    assert asked


def _strided(x: np.ndarray) -> np.ndarray:
    return np.repeat(x, 2, axis=1)[:, ::2]


def _unaligned(x: np.ndarray) -> np.ndarray:
    return np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)


@pytest.mark.skipif(find_spec("numba") is None, reason="Numba is not installed")
def test_outer_products_do_not_depend_on_it(outer: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    outer.request(wait=True)
    assert outer.status == "compiled"
    loop, calls = outer.ready, []
    assert loop is not None

    def counted(*args: Any) -> None:
        calls.append(args)
        loop(*args)

    kernel = PRODUCTS["outer_of"]
    for dtype in ("float32", "float64"):
        a, b = _pair(dtype)
        a[0, 0], b[0, 3], b[1, 0], b[2, 1] = 0.0, -1.0, np.inf, np.nan
        a.flags.writeable = False
        outer.ready = None
        expected = kernel(a, b)
        outer.ready = counted
        found = kernel(a, b)
        assert len(calls) == 1
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        assert not np.signbit([found[0, 0, 3], expected[0, 0, 3]]).any()
        assert found.flags.c_contiguous
        assert found.flags.owndata
        for change in (_strided, _unaligned, np.asfortranarray, lambda x: x.astype(x.dtype.newbyteorder())):
            np.testing.assert_array_equal(kernel(change(a), b), expected)
            np.testing.assert_array_equal(kernel(b, change(a)), expected.swapaxes(1, 2))
        assert len(calls) == 1
        np.testing.assert_array_equal(kernel(a[1:2], b), a[1:2, :, None] * b[:, None, :])
        np.testing.assert_array_equal(kernel(a[0], b[0]), a[0, :, None] * b[0])
        assert kernel(a[:0], b[:0]).shape == (0, 5, 4)
        assert kernel(a[:, :0], b).shape == (3, 0, 4)
        calls.clear()
