"""Arrays that a caller gives away: their memory is used again, and using them again is an error.

What a function with donated arguments returns are views of arrays that nobody else has, the buffers. When such a result
is donated, it is emptied, and its buffer becomes the memory of a new result, provided that nothing else shows it: NumPy
makes every view of a view a view of the buffer, so the number of references to the buffer tells. Other arrays are only
remembered, so that the next call which gets them refuses.
"""

from __future__ import annotations

import sys
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from funcnet.errors import DonatedArrayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.execute import Executable

__all__ = ["Donated", "check_not_donated", "gone", "run_donating"]


def _refused(name: str) -> Any:
    def method(self: Donated, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG001  # whatever it takes
        raise self.error()

    method.__name__ = name
    return method


class Donated:
    """The only element of an array that was donated: every use of it raises `DonatedArrayError`."""

    __slots__ = ("owner",)
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


class _Buffer:
    """Memory that results show, held by nobody else."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array


_lock = Lock()
#: Identity of a result -> a weak reference to it and its buffer, which must outlive the result: other libraries may
#: have got its address from the result.
_owned: dict[int, tuple[Any, _Buffer]] = {}
#: Identity of an array that was donated and could not be emptied -> a weak reference to it, and what it has become.
gone: dict[int, tuple[Any, Donated]] = {}


def _remember(table: dict[int, Any], array: Any, thing: Any) -> bool:
    key = id(array)

    def forget(dead: Any) -> None:
        found = table.get(key)
        if found is not None and found[0] is dead:
            del table[key]

    try:
        table[key] = (ref(array, forget), thing)
    except TypeError:
        # The library's arrays cannot be watched, and an identity alone may become another's.
        return False
    return True


def _references(buffer: _Buffer) -> int:
    return sys.getrefcount(buffer.array)


def _measure() -> int:
    """Return the number of references to a buffer that one result shows and nothing else."""
    buffer = _Buffer(np.empty(1))
    result = buffer.array[...]
    return _references(buffer) if result.base is buffer.array else -1


#: Without a global lock the number says nothing.
_ALONE = _measure() if getattr(sys, "_is_gil_enabled", lambda: True)() else -1


def check_not_donated(leaves: Sequence[Any]) -> None:
    """Raise `DonatedArrayError` if an array was donated before."""
    for leaf in leaves:
        found = gone.get(id(leaf))
        if found is not None and found[0]() is leaf:
            raise found[1].error()
        if leaf.__class__ is np.ndarray and leaf.dtype.hasobject and leaf.size == 1:
            element = leaf.reshape(-1)[:1].tolist()[0]
            if element.__class__ is Donated:
                raise element.error()


def run_donating(executable: Executable, values: Sequence[Any], donated: Sequence[int], owner: str) -> tuple[Any, ...]:
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

    Returns
    -------
    tuple of arrays
        The outputs.
    """
    plan = executable.next_plan()
    given = list(values)
    for i in getattr(plan, "reused", {}):
        buffer = _claimed(values[i], values)
        # What is not free is copied: the plan writes to it.
        given[i] = np.array(values[i], order="C") if buffer is None else buffer
    try:
        found = plan(*given)
    finally:
        del given
        mark = Donated(owner)
        for i in donated:
            _give_up(values[i], mark)
    return tuple([_adopted(y) for y in found])


def _claimed(array: Any, values: Sequence[Any]) -> Any:
    """Return the buffer of an array if only this array shows it, all of it, and None otherwise."""
    entry = _owned.get(id(array))
    if entry is None or entry[0]() is not array:
        return None
    buffer = entry[1]
    memory = buffer.array
    same = array.base is memory and array.shape == memory.shape and array.dtype == memory.dtype
    same = same and array.strides == memory.strides and array.flags.writeable
    if not same or sum([v is array for v in values]) != 1:
        return None
    del memory
    return buffer.array if _references(buffer) == _ALONE else None


def _give_up(array: Any, mark: Donated) -> None:
    entry = _owned.get(id(array))
    with _lock:
        if entry is not None and entry[0]() is array and array.base is not None:
            # The array lets go of its memory; views of it keep theirs.
            array.__setstate__((1, (), np.dtype(object), False, [mark]))
        else:
            _remember(gone, array, mark)


def _adopted(y: Any) -> Any:
    """Return a result as a view of memory that it shares with nobody, so that it can be donated."""
    if y.__class__ is not np.ndarray or not y.size or y.dtype.hasobject:
        return y
    if y.base is None:
        memory, y = y, y[...]
    elif y.base.__class__ is np.ndarray and y.base.base is None:
        memory = y.base
    else:
        return y
    with _lock:
        _remember(_owned, y, _Buffer(memory))
    return y
