"""What many arrays are like, looked at in one native call: whether nobody else shows their memory, and whether they are
of given shapes and data types or lie side by side.
"""

from __future__ import annotations

import ctypes
from array import array
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.loops.build import available, routine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LARGE", "MANY", "Alike", "all_alone", "contiguous", "count_at", "prepare"]

#: Where an object has the number of references to it and its type, and an array's object the address of its elements,
#: the number of dimensions (half a word), shape, strides, the array whose memory it shows, data type, flags (half a
#: word), in bytes.
_COUNT, _TYPE, _DATA, _DIMENSIONS, _SHAPE, _STRIDES, _BASE, _DTYPE, _FLAGS = 0, 8, 16, 24, 32, 40, 48, 56, 64
#: Bytes of arrays that have to begin with a line of the cache.
LARGE = 1 << 12
#: From so many arrays on a native call takes less time than a loop in Python.
MANY = 8
#: Where a tuple has its objects.
_ITEMS = tuple.__basicsize__
_ARRAY = id(np.ndarray)
#: Flags of arrays whose elements lie side by side and may be written to.
_C_CONTIGUOUS, _WRITEABLE = 0x0001, 0x0400

_SOURCE = f"""
def loop(objects, count, cls, references, owner, others):
    for i in range(count):
        a = load_relaxed(objects + 8 * i)
        if load_relaxed(a + {_TYPE}) != cls:
            return 0
        m = load_relaxed(a + {_BASE})
        if m == 0 or load_relaxed(m + {_TYPE}) != cls:
            return 0
        if load_relaxed(m + {_COUNT}) & 0xFFFFFFFF != references:
            return 0
        if owner != 0:
            w = load_relaxed(m + {_BASE})
            if w == 0 or load_relaxed(w + {_TYPE}) != owner:
                return 0
        if load_relaxed(a + {_FLAGS}) & {_C_CONTIGUOUS | _WRITEABLE} != {_C_CONTIGUOUS | _WRITEABLE}:
            return 0
        if load_relaxed(a + {_DATA}) != load_relaxed(m + {_DATA}):
            return 0
        if load_relaxed(a + {_DTYPE}) != load_relaxed(m + {_DTYPE}):
            return 0
        n = load_relaxed(a + {_DIMENSIONS}) & 0xFFFFFFFF
        if n != load_relaxed(m + {_DIMENSIONS}) & 0xFFFFFFFF:
            return 0
        shape, other_shape = load_relaxed(a + {_SHAPE}), load_relaxed(m + {_SHAPE})
        strides, other_strides = load_relaxed(a + {_STRIDES}), load_relaxed(m + {_STRIDES})
        # Vectors that lie across two lines of the cache take longer.
        if n > 0 and load_relaxed(a + {_DATA}) & 63 != 0 and load_relaxed(shape) * load_relaxed(strides) >= {LARGE}:
            return 0
        for k in range(n):
            if load_relaxed(shape + 8 * k) != load_relaxed(other_shape + 8 * k):
                return 0
            if load_relaxed(strides + 8 * k) != load_relaxed(other_strides + 8 * k):
                return 0
    if others != 0:
        for i in range(count):
            a, b = load_relaxed(objects + 8 * i), load_relaxed(others + 8 * i)
            for at in range({_DATA}, {_FLAGS} + 8, 8):
                word = load_relaxed(a + at)
                store_relaxed(a + at, load_relaxed(b + at))
                store_relaxed(b + at, word)
    return 1
"""

#: Whether objects are arrays, C-contiguous if there are no kinds, and else of these: data type, dimensions, shape.
_ALIKE = f"""
def loop(objects, count, cls, kinds):
    at = kinds
    for i in range(count):
        a = load_relaxed(objects + 8 * i)
        if load_relaxed(a + {_TYPE}) != cls:
            return 0
        if kinds == 0:
            if load_relaxed(a + {_FLAGS}) & {_C_CONTIGUOUS} == 0:
                return 0
            continue
        n = load_relaxed(a + {_DIMENSIONS}) & 0xFFFFFFFF
        if load_relaxed(a + {_DTYPE}) != load_relaxed(at) or n != load_relaxed(at + 8):
            return 0
        shape = load_relaxed(a + {_SHAPE})
        at += 16
        for k in range(n):
            if load_relaxed(shape + 8 * k) != load_relaxed(at):
                return 0
            at += 8
    return 1
"""

_look: Callable[..., int] | None = None
_compare: Callable[..., int] | None = None


def all_alone(
    arrays: tuple[Any, ...], references: int, owner: type | None = None, others: tuple[Any, ...] = ()
) -> bool:
    """Return whether each is an array that shows the memory of another one, all of it, and nobody else does.

    Parameters
    ----------
    arrays : tuple
        They, not those whose memory they show, are asked for.
    references : int
        How many references there are to an array whose memory one array shows, as :func:`count_at` says.
    owner : type, optional
        What that array's memory belongs to, if that matters: an object of this class.
    others : tuple of numpy.ndarray, optional
        As many views as there are arrays. If the answer is yes, each of them shows from then on what an array has
        shown, and the array what the view has.

    Returns
    -------
    bool
        False also if that cannot be found out here or yet, if elements do not lie side by side or cannot be written,
        and of large arrays if they do not begin with a line of the cache.
    """
    if _look is None or references < 1:
        return False
    belongs, other = 0 if owner is None else id(owner), id(others) + _ITEMS if others else 0
    return _look(id(arrays) + _ITEMS, len(arrays), _ARRAY, references, belongs, other) == 1


def contiguous(arrays: tuple[Any, ...]) -> bool:
    """Return whether all are C-contiguous arrays; False also if that cannot be found out here yet."""
    return _compare is not None and _compare(id(arrays) + _ITEMS, len(arrays), _ARRAY, 0) == 1


class Alike:
    """Whether objects are arrays of given shapes and data types; False also if that cannot be found out here yet.

    Parameters
    ----------
    kinds : sequence of (tuple of int, numpy.dtype)
        Shapes and data types, which have to be the same object.
    """

    __slots__ = ("_count", "_kinds", "_place", "_words")

    def __init__(self, kinds: Sequence[tuple[tuple[int, ...], Any]]) -> None:
        #: The data types have to live.
        self._kinds = tuple(kinds)
        self._count = len(self._kinds)
        self._words = array("q", [w for shape, dtype in kinds for w in (id(dtype), len(shape), *shape)])
        self._place = self._words.buffer_info()[0]

    def __call__(self, objects: tuple[Any, ...]) -> bool:
        if _compare is None or len(objects) != self._count:
            return False
        return _compare(id(objects) + _ITEMS, self._count, _ARRAY, self._place) == 1


def count_at(place: int) -> int:
    """Return the number of references to the object of an ``id`` as it is in memory, 0 where it may be elsewhere."""
    return ctypes.c_uint32.from_address(place + _COUNT).value if _readable() else 0


def prepare() -> None:
    """Compile what looks at arrays, if it can be compiled here; until then the answer is no."""
    global _look, _compare
    if (_look is None or _compare is None) and not available() and _readable():
        # Without letting go of the interpreter's lock, so that nobody shows or drops an array meanwhile.
        _look, _compare = routine(_SOURCE, 6, locked=True), routine(_ALIKE, 4, locked=True)


@cache
def _readable() -> bool:
    """Return whether arrays have everything where it is expected, which is so in every CPython and NumPy so far."""
    # Behind the flags are weak references, exported buffers and the allocator, which stay with the object.
    if np.ndarray.__basicsize__ != _FLAGS + 32:
        return False
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
