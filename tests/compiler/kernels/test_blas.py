"""The number of threads of matrix products is set for a while, and set back."""

import threading

import pytest

from funcnet.compiler.kernels import blas

pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")


def counts() -> list[int]:
    return [library.get_num_threads() for library in blas._libraries()]


def test_one_thread_while_needed() -> None:
    assert blas.can_limit()
    before = counts()
    with blas.one_thread_each():
        assert set(counts()) == {1}
        with blas.one_thread_each():
            assert set(counts()) == {1}
        assert set(counts()) == {1}
    assert counts() == before


def test_set_back_after_an_error_and_from_several_threads() -> None:
    before = counts()

    def work() -> None:
        for _ in range(50):
            with blas.one_thread_each():
                assert set(counts()) == {1}

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with pytest.raises(ValueError, match="planned"), blas.one_thread_each():
        raise ValueError("planned")
    assert counts() == before


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_libraries", lambda: ())
    assert not blas.can_limit()
    with blas.one_thread_each():
        pass
