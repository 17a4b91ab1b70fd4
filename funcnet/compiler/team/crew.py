"""The workers of a team: when they start, what becomes of them in a fork and at the end.

Workers are Python threads, so that debuggers and profilers know them, which stay in machine code and never need the
interpreter's lock. They start when the first plan with work for several threads is called.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import time
from functools import cache
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from funcnet.compiler.loops.build import routine
from funcnet.compiler.team import driver
from funcnet.compiler.team.entries import readable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["available", "run", "team_of", "want"]

#: Nanoseconds after its last part in which a worker waits at full attention, and in which it does not sleep. Waking up
#: takes some 50 microseconds; the time between two loops of a training step is mostly less than a millisecond.
_SPIN, _PATIENCE = 100_000, 1_000_000

_lock = Lock()
#: The memory of the team; 0 where there is none yet.
_address = 0
_workers: list[Thread] = []
_wanted = 1


@cache
def _library() -> ctypes.CDLL | None:
    """Return what has the functions that workers call, None where it is not there."""
    if os.name != "posix" or not hasattr(time, "CLOCK_MONOTONIC"):
        return None
    library = ctypes.CDLL(None)
    names = (*driver.FUNCTIONS, "pthread_mutex_init", "pthread_cond_init")
    return library if all([hasattr(library, name) for name in names]) else None


@cache
def available() -> bool:
    """Return whether this system has what a team needs: POSIX threads, 64 bits, arrays that machine code can read."""
    return ctypes.sizeof(ctypes.c_void_p) == 8 and _library() is not None and readable()


@cache
def run() -> Callable[[int, int], int]:
    """Return the function ``run(team, segment)`` of two addresses, the team's or 0; its result is 0 or an error."""
    return routine(driver.RUN, 2)


def want(count: int) -> None:
    """Let the team have so many threads, the caller's included, from its next use on."""
    global _wanted
    with _lock:
        _wanted = min(max(_wanted, count), driver.LIMIT)
        if _address and len(_workers) < _wanted - 1:
            _start()


def team_of() -> int:
    """Return the team, which is made and started if need be."""
    if not _address:
        with _lock:
            if not _address and not _ended:
                _make()
    return _address


def _make() -> None:
    global _address
    memory = ctypes.create_string_buffer(driver.BYTES + 128)
    # For ever: workers may outlive the module.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))
    base = ctypes.addressof(memory)
    base += -base % 128
    library: Any = _library()
    values = {driver.SPIN: _SPIN, driver.PATIENCE: _PATIENCE, driver.CLOCK: time.CLOCK_MONOTONIC}
    values |= {
        at: ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name, at in driver.FUNCTIONS.items()
    }
    for at, value in values.items():
        ctypes.c_int64.from_address(base + at).value = value
    library.pthread_mutex_init(ctypes.c_void_p(base + driver.MUTEX), None)
    library.pthread_cond_init(ctypes.c_void_p(base + driver.CONDITION), None)
    _start(base)
    _address = base


def _start(address: int = 0) -> None:
    serve = routine(driver.SERVE, 2)
    for me in range(len(_workers) + 1, _wanted):
        worker = Thread(target=serve, args=(address or _address, me), name=f"funcnet-team-{me}", daemon=True)
        worker.start()
        _workers.append(worker)


_ended = False


def _end() -> None:
    """Let the workers come to their end, since the interpreter takes machine code away with it."""
    global _ended, _address
    with _lock:
        _ended = True
        address, _address = _address, 0
    if not address:
        return
    library: Any = _library()
    ctypes.c_int64.from_address(address + driver.STOP).value = 1
    library.pthread_mutex_lock(ctypes.c_void_p(address + driver.MUTEX))
    library.pthread_cond_broadcast(ctypes.c_void_p(address + driver.CONDITION))
    library.pthread_mutex_unlock(ctypes.c_void_p(address + driver.MUTEX))
    for worker in _workers:
        worker.join(timeout=10.0)


atexit.register(_end)


def _after_fork() -> None:
    """Forget the team in a process that was forked: the threads did not come along, and may have held the mutex."""
    global _lock, _address
    _lock, _address = Lock(), 0
    _workers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
