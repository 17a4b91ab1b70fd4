"""The compiled loop: the same words, and nothing in the way of those who have no Numba."""

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from funcnet.backends.numpy import compiled, threefry
from funcnet.backends.numpy.threefry import KERNELS, hash_words

KEY = np.array([123, 4_000_000_000], np.uint32)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing asked for yet; what the test compiles is forgotten afterwards."""
    monkeypatch.setattr(compiled, "_thread", None)
    monkeypatch.setattr(compiled, "_compiled", None)
    monkeypatch.setattr(compiled, "_reason", "not asked for yet")


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
def test_draws_do_not_depend_on_it(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = KERNELS["random_bits"](KEY, shape=(size,), dtype="uint32")
    calls = []

    def loop(*args: Any) -> None:
        calls.append(len(args[-1]))
        with np.errstate(over="ignore"):
            compiled.hash_loop(*args)

    monkeypatch.setattr(compiled, "_compiled", loop)
    assert np.array_equal(KERNELS["random_bits"](KEY, shape=(size,), dtype="uint32"), whole)
    assert calls == [size]


@pytest.mark.usefixtures("fresh")
def test_only_large_draws_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(compiled, "request", lambda: asked.append(True))
    monkeypatch.setattr(threefry, "_SHARED", 1000)
    KERNELS["random_bits"](KEY, shape=(999,), dtype="uint32")
    assert not asked
    KERNELS["random_bits"](KEY, shape=(1000,), dtype="uint32")
    assert asked


@pytest.mark.usefixtures("fresh")
def test_numba_can_be_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCNET_JIT", "0")
    compiled.request(wait=True)
    assert compiled.ready() is None
    assert compiled.status() == "FUNCNET_JIT=0"


@pytest.mark.usefixtures("fresh")
def test_without_numba_draws_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    monkeypatch.setattr(compiled, "find_spec", lambda _: None)
    compiled.request(wait=True)
    assert compiled.ready() is None
    assert compiled.status() == "Numba is not installed"


@pytest.mark.usefixtures("fresh")
def test_a_numba_that_fails_is_told_and_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(cache: bool) -> Any:
        raise ImportError(f"Numba needs another NumPy, {cache=}")

    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    monkeypatch.setattr(compiled, "find_spec", lambda _: True)
    monkeypatch.setattr(compiled, "_with_numba", fail)
    compiled.request(wait=True)
    compiled.request(wait=True)
    assert compiled.ready() is None
    assert compiled.status() == "ImportError: Numba needs another NumPy, cache=True"


def test_small_draws_do_not_import_numba() -> None:
    code = (
        "import sys, numpy as np\n"
        "from funcnet.backends.numpy.threefry import KERNELS\n"
        "KERNELS['random_bits'](np.zeros(2, np.uint32), shape=(1000,), dtype='uint32')\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(find_spec("numba") is None, reason="Numba is not installed")
@pytest.mark.usefixtures("fresh")
def test_numba_compiles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCNET_JIT", raising=False)
    expected = hash_words(KEY, 100_003, 2**32 - 50_000)
    compiled.request(wait=True)
    assert compiled.status() == "compiled"
    found = hash_words(KEY, 100_003, 2**32 - 50_000)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
