"""Arrays that a caller gives away: their memory is used again, and using them again is an error.

What a function with donated arguments returns are views of arrays that nobody else has, the buffers. When such a result
is donated, it is emptied, and its buffer becomes the memory of a new result, provided that nothing else shows it: NumPy
makes every view of a view a view of the buffer, so the number of references to the buffer tells. Other arrays are only
remembered, so that the next call which gets them refuses.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from funcnet.compiler.alone import LARGE, all_alone, count_at
from funcnet.errors import DonatedArrayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.execute import Executable

__all__ = ["Donated", "check_not_donated", "donations", "gone", "run_donating"]


def _refused(name: str) -> Any:
    def method(self: Donated, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG001  # whatever it takes
        raise self.error()

    method.__name__ = name
    return method


#: Bytes of a page, and of arrays that begin with one.
_PAGE, _LONG = 1 << 12, 1 << 20


class Donated:
    """The only element of an array that was donated: every use of it raises `DonatedArrayError`."""

    __slots__ = ("kept", "owner")
    # What NumPy asks of elements that are objects.
    for _name in (
        *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "and", "or", "xor"),
        *("lshift", "rshift"),
    ):
        locals()[f"__{_name}__"] = _refused(f"__{_name}__")
        locals()[f"__r{_name}__"] = _refused(f"__r{_name}__")
    for _name in (
        *("neg", "pos", "abs", "invert", "bool", "int", "float", "complex", "index", "round", "floor", "ceil"),
        *("lt", "le", "gt", "ge", "eq", "ne", "hash", "iter", "len", "getitem", "setitem", "array", "reduce"),
    ):
        locals()[f"__{_name}__"] = _refused(f"__{_name}__")
    del _name

    def __init__(self, owner: str) -> None:
        self.owner = owner
        #: Buffers of arrays with this element. Other libraries may have got their addresses from the arrays.
        self.kept: list[Any] = []

    def __repr__(self) -> str:
        return f"<donated to {self.owner!r}>"

    def __getattr__(self, name: str) -> Any:
        # NumPy looks for methods such as `exp`.
        if name.startswith("__"):
            raise AttributeError(name)
        raise self.error()

    def error(self) -> DonatedArrayError:
        """Return the error for a use."""
        return DonatedArrayError(
            f"An array is used that was donated to the fn.jit function {self.owner!r}.",
            found="an array whose memory was given away by donate=",
            needed="the array that the function returned in its place",
            write="w = step(w), or step(w.copy()) to keep it",
        )


class _Watch(ref[Any]):
    """A weak reference to a result, with its buffer, or to a donated array, with what it has become.

    A buffer must outlive the result: other libraries may have got its address from the result.
    """

    __slots__ = ("key", "thing")
    key: int
    thing: Any


class _Block(np.ndarray[Any, Any]):
    """What buffers lie in. They are known by it: nothing has to be written down for each of their results.

    NumPy takes large memory in large pages, as `bytearray` does not; views end at an array of another class.
    """


#: Of a kind that a thread may take twice: what the garbage collector calls in between may give arrays away, too.
_lock = RLock()
_donations = 0
#: By the identity of a result, which a weak reference to it confirms.
_owned: dict[int, _Watch] = {}
#: By the identity of an array that was donated and could not be emptied.
gone: dict[int, _Watch] = {}


def _forget_result(dead: Any) -> None:
    if _owned.get(dead.key) is dead:
        del _owned[dead.key]


def _forget_donated(dead: Any) -> None:
    if gone.get(dead.key) is dead:
        del gone[dead.key]


def _references(result: Any) -> int:
    return sys.getrefcount(result.base)


def _measure() -> tuple[int, int]:
    """Return the number of references to a buffer that one result shows and nothing else, and the one in memory."""
    memory = np.empty(1)
    result = memory[...]
    same = result.base is memory
    del memory
    return (_references(result), count_at(id(result.base))) if same else (-2, -1)


#: Without a global lock the number says nothing.
_ALONE, _COUNTED = _measure() if getattr(sys, "_is_gil_enabled", lambda: True)() else (-2, -1)
_OBJECT = np.dtype(object)


def donations() -> int:
    """Return how many calls have given arrays away."""
    return _donations


def check_not_donated(leaves: Sequence[Any]) -> None:
    """Raise `DonatedArrayError` if an array was donated before."""
    for leaf in leaves:
        found = gone.get(id(leaf))
        if found is not None and found() is leaf:
            raise found.thing.error()
        if leaf.__class__ is np.ndarray and leaf.dtype.hasobject and leaf.size == 1:
            element = leaf.reshape(-1)[:1].tolist()[0]
            if element.__class__ is Donated:
                raise element.error()


def run_donating(
    executable: Executable,
    values: Sequence[Any],
    donated: Sequence[int],
    owner: str,
    given: Sequence[Any] = (),
    before: int = -1,
) -> tuple[Any, ...]:
    """Run a graph on arrays, some of which are the caller's no longer.

    Parameters
    ----------
    executable : Executable
        Made with the same `donated`.
    values : sequence of arrays
        The inputs.
    donated : sequence of int
        Which of them are given away. They cannot be used after the call, even if it fails.
    owner : str
        What errors say that they were given to.
    given : sequence of arrays, optional
        The caller's arrays, of which `values` are made.
    before : int, optional
        What `donations` was when they were checked.

    Returns
    -------
    tuple of arrays
        The outputs.
    """
    global _donations
    plan = executable.next_plan()
    with _lock:
        # Other threads may have given away some of these arrays, and must not do so from now on.
        if before != _donations:
            check_not_donated(given or values)
        mark = Donated(owner)
        written = getattr(plan, "written", ())
        repeated = len(set(map(id, values))) < len(values)
        try:
            new = _exchanged(values, written, mark) if written and not repeated else ()
            places = _places(values, donated, written, repeated, mark.kept)
            _give_up(given or values, _others(tuple(donated), written) if new else donated, mark)
        finally:
            # Not before: a call that begins meanwhile finds arrays that are whole, and has to look again.
            _donations += 1
    found = plan(*places)
    del places
    results = list(found)
    if new:
        for i, y in zip(written, new, strict=True):
            results[plan.reused[i]] = y
    return _adopted(found, results)


def _exchanged(values: Sequence[Any], written: tuple[int, ...], mark: Donated) -> tuple[Any, ...]:
    """Empty arrays that are written to; return new ones that show their memory, none if not all of it is free.

    This takes a fraction of the time that emptying them and showing what was written take one by one.
    """
    empty = np.ndarray((), object)
    _empty(empty, mark)
    new = tuple([empty[...] for _ in written])
    if not all_alone(tuple([values[i] for i in written]), _COUNTED, _Block, new):
        return ()
    mark.kept += [y.base for y in new]
    return new


def _places(
    values: Sequence[Any],
    donated: Sequence[int],
    written: tuple[int, ...],
    repeated: bool,
    memories: Sequence[Any],
) -> list[Any]:
    """Return what a plan runs on: memory that it may write to, and what shows donated arrays once they are empty.

    The former may be known already.
    """
    places = list(values)
    if memories:
        for i, memory in zip(written, memories, strict=True):
            places[i] = memory
    else:
        for i in written:
            array = values[i]
            alone = not repeated or sum([v is array for v in values]) == 1
            memory = _claimed(array) if alone else None
            # What is not free is copied: the plan writes to it.
            places[i] = _copied(array) if memory is None else memory
    if repeated:
        emptied = {id(values[i]) for i in donated if _ours(values[i])}
        for i, array in enumerate(values):
            if places[i] is array and id(array) in emptied:
                places[i] = array[...]
    else:
        for i in _others(tuple(donated), written):
            if _ours(values[i]):
                places[i] = values[i][...]
    return places


@cache
def _others(donated: tuple[int, ...], written: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([i for i in donated if i not in written])


def _shows_buffer(array: Any) -> bool:
    """Whether an array shows a buffer that is known by what it lies in."""
    return array.__class__ is np.ndarray and array.base.__class__ is np.ndarray and array.base.base.__class__ is _Block


def _ours(array: Any) -> bool:
    """Whether an array is emptied when it is donated."""
    return id(array) in _owned or _shows_buffer(array)


def _claimed(array: Any) -> Any:
    """Return the buffer of an array if only this array shows it, all of it, and None otherwise."""
    # Results that are written down are copied, into a buffer that need not be.
    if not _shows_buffer(array) or _references(array) != _ALONE:
        return None
    memory = array.base
    same = array.shape == memory.shape and array.dtype == memory.dtype and array.strides == memory.strides
    return memory if same and array.flags.writeable else None


def _copied(array: Any) -> Any:
    """Return a copy whose rows follow each other, and which begins with a line of the cache if it is large.

    It is made once: loops write to it from then on. Long ones begin with a page, before where NumPy's other long arrays
    begin in theirs: processors take a read from the place in a page that is being written in another one for a read of
    what is written, and a gradient is read along with what it changes.
    """
    line = _PAGE if array.nbytes >= _LONG else 64 if array.nbytes >= LARGE else 1
    whole = _Block((array.nbytes + line - 1,), np.uint8)
    memory = np.ndarray(array.shape, array.dtype, whole, -whole.ctypes.data % line)
    memory[...] = array
    return memory


def _empty(array: Any, mark: Donated) -> None:
    """Have an array let go of its memory; views of it keep theirs."""
    array.__setstate__((1, (), _OBJECT, False, [mark]))
    # Nor may anybody put something else in the place of the mark. By position, which takes a third of the time.
    array.setflags(False)


def _give_up(values: Sequence[Any], donated: Sequence[int], mark: Donated) -> None:
    for i in donated:
        array = values[i]
        if _shows_buffer(array):
            mark.kept.append(array.base)
        else:
            key = id(array)
            watch = _owned.get(key)
            if watch is None or watch() is not array or array.base is None:
                try:
                    watch = gone[key] = _Watch(array, _forget_donated)
                    watch.key, watch.thing = key, mark
                except TypeError:
                    # The library's arrays cannot be watched, and an identity alone may become another's.
                    pass
                continue
        _empty(array, mark)


def _adopted(found: Sequence[Any], results: list[Any]) -> tuple[Any, ...]:
    """Return results as views of memory that they share with nobody, so that they can be donated.

    Where `results` has another array than the one that was found, it is such a view.
    """
    with _lock:
        for k, y in enumerate(found):
            if results[k] is not y:
                continue
            # Graphs hold no arrays of objects.
            if y.__class__ is np.ndarray and y.size:
                memory = y.base
                if memory.__class__ is _Block:
                    results[k] = y[...]
                    continue
                if memory is None:
                    memory, y = y, y[...]
                    results[k] = y
                if memory.__class__ is np.ndarray and memory.base is None:
                    watch = _owned[id(y)] = _Watch(y, _forget_result)
                    watch.key, watch.thing = id(y), memory
    return tuple(results)


def _after_fork() -> None:
    """Make the lock anew in a process that was forked while a thread may have held it."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
