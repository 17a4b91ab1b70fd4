"""Threefry as one compiled loop, where Numba is installed (the extra ``jit``).

NumPy makes about a hundred passes over a block; a compiled loop makes one. Importing Numba and compiling take most of a
second, so both happen on a thread of their own while draws go on with NumPy, from the first large draw on. The numbers
are the same. ``FUNCNET_JIT=0`` in the environment keeps Numba out.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from threading import Lock, Thread
from typing import Any

import numpy as np

__all__ = ["hash_loop", "ready", "request", "status"]

_WORD = np.uint32
_PARITY = np.uint32(0x1BD11BDA)
_ONE, _TWO, _THREE, _FOUR, _FIVE, _WIDTH = (np.uint32(n) for n in (1, 2, 3, 4, 5, 32))
_EVEN = tuple(np.uint32(r) for r in (13, 15, 26, 6))
_ODD = tuple(np.uint32(r) for r in (17, 29, 16, 24))

_lock = Lock()
_thread: Thread | None = None
_compiled: Callable[..., None] | None = None
_reason = "not asked for yet"


def hash_loop(k0: Any, k1: Any, high: Any, low: Any, out0: Any, out1: Any) -> None:
    """Fill two arrays with the words of the counters from ``(high, low)`` on, all with the same upper word.

    Parameters
    ----------
    k0, k1 : numpy.uint32
        The key.
    high, low : numpy.uint32
        The first counter.
    out0, out1 : numpy.ndarray of uint32, shape (n,)
        Overwritten.
    """
    # Written for Numba, which keeps 32-bit words only where every intermediate is declared to be one.
    k2 = _WORD(k0 ^ k1 ^ _PARITY)
    for i in range(out0.shape[0]):
        x0 = _WORD(high + k0)
        x1 = _WORD(_WORD(low + _WORD(i)) + k1)
        for r in _EVEN:
            x0 = _WORD(x0 + x1)
            x1 = _WORD(_WORD(_WORD(x1 << r) | _WORD(x1 >> _WORD(_WIDTH - r))) ^ x0)
        x0 = _WORD(x0 + k1)
        x1 = _WORD(x1 + _WORD(k2 + _ONE))
        for r in _ODD:
            x0 = _WORD(x0 + x1)
            x1 = _WORD(_WORD(_WORD(x1 << r) | _WORD(x1 >> _WORD(_WIDTH - r))) ^ x0)
        x0 = _WORD(x0 + k2)
        x1 = _WORD(x1 + _WORD(k0 + _TWO))
        for r in _EVEN:
            x0 = _WORD(x0 + x1)
            x1 = _WORD(_WORD(_WORD(x1 << r) | _WORD(x1 >> _WORD(_WIDTH - r))) ^ x0)
        x0 = _WORD(x0 + k0)
        x1 = _WORD(x1 + _WORD(k1 + _THREE))
        for r in _ODD:
            x0 = _WORD(x0 + x1)
            x1 = _WORD(_WORD(_WORD(x1 << r) | _WORD(x1 >> _WORD(_WIDTH - r))) ^ x0)
        x0 = _WORD(x0 + k1)
        x1 = _WORD(x1 + _WORD(k2 + _FOUR))
        for r in _EVEN:
            x0 = _WORD(x0 + x1)
            x1 = _WORD(_WORD(_WORD(x1 << r) | _WORD(x1 >> _WORD(_WIDTH - r))) ^ x0)
        out0[i] = _WORD(x0 + k2)
        out1[i] = _WORD(x1 + _WORD(k0 + _FIVE))


def ready() -> Callable[..., None] | None:
    """Return the compiled loop, or ``None`` while there is none."""
    return _compiled


def request(*, wait: bool = False) -> None:
    """Begin to compile, unless that was done before.

    Parameters
    ----------
    wait : bool, optional
        Whether to return only when it is finished, as a benchmark wants it.
    """
    global _thread
    with _lock:
        if _thread is None:
            # A daemon: a short program need not wait for a loop that it will not use.
            _thread = Thread(target=_compile, name="funcnet-compile-threefry", daemon=True)
            _thread.start()
    if wait:
        _thread.join()


def status() -> str:
    """Return ``"compiled"``, or why there is no compiled loop."""
    return _reason


def _compile() -> None:
    global _compiled, _reason
    if os.environ.get("FUNCNET_JIT") == "0":
        _reason = "FUNCNET_JIT=0"
        return
    if find_spec("numba") is None:
        _reason = "Numba is not installed"
        return
    _reason = "compiling"
    try:
        _compiled = _with_numba(cache=True)
        _reason = "compiled"
    except Exception as error:
        # A Numba that does not fit this NumPy must not end a program that can do without.
        _reason = f"{type(error).__name__}: {error}"


def _with_numba(cache: bool) -> Callable[..., None]:
    import numba

    signature = "void(uint32, uint32, uint32, uint32, uint32[::1], uint32[::1])"
    try:
        return numba.njit(signature, nogil=True, cache=cache)(hash_loop)
    except RuntimeError:
        # There is no place to which the compiled code could be written.
        if not cache:
            raise
        return _with_numba(cache=False)
