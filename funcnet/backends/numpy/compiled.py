"""Loops that Numba compiles, where it is installed (the extra ``jit``), for operations outside of `fn.jit`.

NumPy makes about a hundred passes over a block for Threefry, and one call of a loop for each row of an outer product; a
compiled loop makes one of each. Importing Numba and compiling take most of a second, so both happen on a thread of
their own while work goes on with NumPy, from the first large draw or product on. The numbers are the same.
``FUNCNET_JIT=0`` in the environment keeps Numba out.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from threading import Lock, Thread
from typing import Any

import numpy as np

__all__ = ["HASH", "OUTER", "Loop", "hash_loop", "outer_loop"]

_WORD = np.uint32
_PARITY = np.uint32(0x1BD11BDA)
_ONE, _TWO, _THREE, _FOUR, _FIVE, _WIDTH = (np.uint32(n) for n in (1, 2, 3, 4, 5, 32))
_EVEN = tuple(np.uint32(r) for r in (13, 15, 26, 6))
_ODD = tuple(np.uint32(r) for r in (17, 29, 16, 24))


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


def outer_loop(a: Any, b: Any, out: Any) -> None:
    """Fill an array with the outer products of the rows of two others.

    Parameters
    ----------
    a, b : numpy.ndarray, shapes (n, i) and (n, j)
        Of one real floating-point data type, contiguous.
    out : numpy.ndarray, shape (n, i, j)
        Overwritten.
    """
    # Products of -0 come out as 0, as from `numpy.einsum`, which adds them up.
    zero = a.dtype.type(0)
    for n in range(a.shape[0]):
        for i in range(a.shape[1]):
            x = a[n, i]
            for j in range(b.shape[1]):
                out[n, i, j] = x * b[n, j] + zero


class Loop:
    """A function that Numba compiles once it is asked for.

    Parameters
    ----------
    function : callable
        Takes arrays, and writes to some of them.
    signatures : str
        Types to compile it for, in Numba's notation.

    Attributes
    ----------
    ready : callable or None
        The compiled function, None while there is none.
    status : str
        ``"compiled"``, or why there is no compiled function.
    """

    def __init__(self, function: Callable[..., None], *signatures: str) -> None:
        self.ready: Callable[..., None] | None = None
        self.status = "not asked for yet"
        self._function = function
        self._signatures = signatures
        self._lock = Lock()
        self._thread: Thread | None = None

    def request(self, *, wait: bool = False) -> None:
        """Begin to compile, unless that was done before.

        Parameters
        ----------
        wait : bool, optional
            Whether to return only when it is finished, as a benchmark wants it.
        """
        with self._lock:
            if self._thread is None:
                # A daemon: a short program need not wait for a loop that it will not use.
                self._thread = Thread(target=self._compile, name=f"funcnet-{self._function.__name__}", daemon=True)
                self._thread.start()
        if wait:
            self._thread.join()

    def _compile(self) -> None:
        if os.environ.get("FUNCNET_JIT") == "0":
            self.status = "FUNCNET_JIT=0"
            return
        if find_spec("numba") is None:
            self.status = "Numba is not installed"
            return
        self.status = "compiling"
        try:
            self.ready = self._with_numba(cache=True)
            self.status = "compiled"
        except Exception as error:
            # A Numba that does not fit this NumPy must not end a program that can do without.
            self.status = f"{type(error).__name__}: {error}"

    def _with_numba(self, cache: bool) -> Callable[..., None]:
        import numba

        try:
            return numba.njit(list(self._signatures), nogil=True, cache=cache)(self._function)
        except RuntimeError:
            # There is no place to which the compiled code could be written.
            if not cache:
                raise
            return self._with_numba(cache=False)


def _rows(dtype: str) -> str:
    """Return the type of an array of rows that is only read, and so may be read-only."""
    return f"Array({dtype}, 2, 'C', readonly=True)"


#: Threefry for the counters of a block.
HASH = Loop(hash_loop, "void(uint32, uint32, uint32, uint32, uint32[::1], uint32[::1])")
#: Outer products of rows.
OUTER = Loop(outer_loop, *[f"void({_rows(t)}, {_rows(t)}, {t}[:, :, ::1])" for t in ("float32", "float64")])
