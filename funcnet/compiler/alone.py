"""Whether nobody else shows the memory of arrays: many arrays looked at in one native call."""

from __future__ import annotations

import ctypes
from array import array
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.loops.build import available, compiled

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LARGE", "all_alone", "count_at", "prepare"]

#: Where an object has the number of references to it and its type, and an array's object the address of its elements,
#: the number of dimensions (half a word), shape, strides, the array whose memory it shows, data type, flags (half a
#: word), in bytes.
_COUNT, _TYPE, _DATA, _DIMENSIONS, _SHAPE, _STRIDES, _BASE, _DTYPE, _FLAGS = 0, 8, 16, 24, 32, 40, 48, 56, 64
#: Bytes of arrays that have to begin with a line of the cache.
LARGE = 1 << 12
#: Where a tuple has its objects.
_ITEMS = tuple.__basicsize__
#: Flags of arrays whose elements lie side by side and may be written to.
_C_CONTIGUOUS, _WRITEABLE = 0x0001, 0x0400

_SOURCE = f"""
def loop(lo, hi, part, objects, references, answer):
    store_relaxed(answer, 0)
    for i in range(lo, hi):
        a = load_relaxed(objects + 8 * i)
        m = load_relaxed(a + {_BASE})
        if m == 0 or load_relaxed(m + {_TYPE}) != load_relaxed(a + {_TYPE}):
            return
        if load_relaxed(m + {_COUNT}) & 0xFFFFFFFF != references:
            return
        if load_relaxed(a + {_FLAGS}) & {_C_CONTIGUOUS | _WRITEABLE} != {_C_CONTIGUOUS | _WRITEABLE}:
            return
        if load_relaxed(a + {_DATA}) != load_relaxed(m + {_DATA}):
            return
        if load_relaxed(a + {_DTYPE}) != load_relaxed(m + {_DTYPE}):
            return
        n = load_relaxed(a + {_DIMENSIONS}) & 0xFFFFFFFF
        if n != load_relaxed(m + {_DIMENSIONS}) & 0xFFFFFFFF:
            return
        shape, other_shape = load_relaxed(a + {_SHAPE}), load_relaxed(m + {_SHAPE})
        strides, other_strides = load_relaxed(a + {_STRIDES}), load_relaxed(m + {_STRIDES})
        # Vectors that lie across two lines of the cache take longer.
        if n > 0 and load_relaxed(a + {_DATA}) & 63 != 0 and load_relaxed(shape) * load_relaxed(strides) >= {LARGE}:
            return
        for k in range(n):
            if load_relaxed(shape + 8 * k) != load_relaxed(other_shape + 8 * k):
                return
            if load_relaxed(strides + 8 * k) != load_relaxed(other_strides + 8 * k):
                return
    store_relaxed(answer, 1)
"""


_look: Callable[..., int] | None = None


def all_alone(arrays: tuple[np.ndarray, ...], references: int) -> bool:
    """Return whether each array shows the memory of another one, all of it, and nobody else does.

    Parameters
    ----------
    arrays : tuple of numpy.ndarray
        They, not those whose memory they show, are asked for.
    references : int
        How many references there are to an array whose memory one array shows, as :func:`count_at` says.

    Returns
    -------
    bool
        False also if that cannot be found out here or yet, if elements do not lie side by side or cannot be written,
        and of large arrays if they do not begin with a line of the cache.
    """
    if _look is None or not references:
        return False
    words = array("q", (id(arrays) + _ITEMS, references, 0, 0))
    start = words.buffer_info()[0]
    words[2] = start + 24
    table = array("q", (start, start + 8, start + 16))
    _look(0, len(arrays), 0, table.buffer_info()[0])
    return words[3] == 1


def count_at(place: int) -> int:
    """Return the number of references to the object of an ``id`` as it is in memory, 0 where it may be elsewhere."""
    return ctypes.c_uint32.from_address(place + _COUNT).value if _readable() else 0


def prepare() -> None:
    """Compile what looks at arrays, if it can be compiled here; until then nothing is alone."""
    global _look
    if _look is None and not available() and _readable():
        kernel = compiled(_SOURCE, f"void({', '.join(['int64'] * 6)})")
        # Without letting go of the interpreter's lock, so that nobody shows or drops an array meanwhile.
        _look = ctypes.PYFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 4)(kernel.address)


@cache
def _readable() -> bool:
    """Return whether arrays have everything where it is expected, which is so in every CPython and NumPy so far."""
    memory = np.zeros((3, 5), np.float32)
    shown, fixed = memory[1:, ::2], memory[...]
    fixed.flags.writeable = False
    several = (memory, shown, fixed)
    if tuple((ctypes.c_ssize_t * 3).from_address(id(several) + _ITEMS)) != tuple(map(id, several)):
        return False
    for a in several:

        def word(offset: int, a: np.ndarray = a) -> int:
            return ctypes.c_ssize_t.from_address(id(a) + offset).value

        def half(offset: int, a: np.ndarray = a) -> int:
            return ctypes.c_int32.from_address(id(a) + offset).value

        expected = (id(type(a)), a.ctypes.data, 0 if a.base is None else id(a.base), id(a.dtype))
        places = [tuple((ctypes.c_ssize_t * a.ndim).from_address(word(at))) for at in (_SHAPE, _STRIDES)]
        if tuple([word(at) for at in (_TYPE, _DATA, _BASE, _DTYPE)]) != expected or places != [a.shape, a.strides]:
            return False
        if half(_DIMENSIONS) != a.ndim or half(_FLAGS) != a.flags.num:
            return False
    before = ctypes.c_uint32.from_address(id(memory) + _COUNT).value
    held = [memory, memory]
    return ctypes.c_uint32.from_address(id(memory) + _COUNT).value == before + len(held)
