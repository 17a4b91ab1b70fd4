"""The figures of the host."""

import builtins
import sys

import numpy as np
import pytest

from funcnet.backends.memory import give_back, host_memory


@pytest.mark.skipif(sys.platform != "linux", reason="the size of the process is read from /proc")
@pytest.mark.requirement("P69")
def test_an_allocation_shows() -> None:
    before = host_memory()
    keep = np.ones(2**23)
    after = host_memory()
    assert after.used - before.used >= keep.nbytes // 2
    assert before.used <= before.peak <= after.peak
    assert after.peak >= after.used > 2**20
    assert before.reserved is None
    assert before.total == after.total > after.used


def test_without_proc_the_size_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(builtins, "open", absent)
    assert host_memory().used is None


def test_on_windows_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert host_memory() == (None, None, None, None)


def test_freed_memory_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [np.ones(1 << 15) for _ in range(200)]
    kept = blocks[::20]
    del blocks
    give_back()
    assert all(k.sum() == 1 << 15 for k in kept)
    # Elsewhere nothing is asked of the C library.
    monkeypatch.setattr(sys, "platform", "darwin")
    give_back()
