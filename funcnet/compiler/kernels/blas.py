"""One thread for each matrix product, while several threads of ours call products."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["can_limit", "one_thread_each"]

_lock = Lock()
_inside = 0
_before: list[int] = []


@cache
def _libraries() -> tuple[Any, ...]:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return ()
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def can_limit() -> bool:
    """Return whether the threads of matrix products can be set, which takes threadpoolctl."""
    return bool(_libraries())


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let matrix products use the thread that they are called from only; for the whole process, as long as needed."""
    global _inside, _before
    libraries = _libraries()
    with _lock:
        if _inside == 0:
            _before = [library.get_num_threads() for library in libraries]
            for library in libraries:
                library.set_num_threads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                for library, count in zip(libraries, _before, strict=True):
                    library.set_num_threads(count)
