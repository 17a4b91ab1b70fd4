"""The rows of a loop over several threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any

from funcnet.compiler.team import crew
from funcnet.compiler.team.entries import fail, native
from funcnet.compiler.team.segments import Given, Segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.team.entries import Kernel

__all__ = ["in_parallel", "threads"]

_lock = Lock()
_pool: ThreadPoolExecutor | None = None
_count = 0
#: Segments of one step that nobody uses, by function, bounds and what the arguments are like.
_idle: dict[Any, list[Any]] = {}
#: Kinds of calls that are remembered.
_KINDS = 1000


def threads() -> int:
    """Return how many threads a large loop uses: ``OMP_NUM_THREADS``, or the processors that this process may use."""
    named = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if named.isdigit() and int(named) > 0:
        return int(named)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_parallel(loop: Callable[..., None], bounds: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
    """Call ``loop(bounds[i], bounds[i + 1], i, *arguments)`` for each part, on several threads.

    Compiled functions go to the team, others and those on systems without one to a pool of Python threads.
    """
    kernel = native(loop)
    if kernel is None or not crew.available():
        _in_pool(loop, bounds, arguments)
        return
    key = (kernel, bounds, tuple([getattr(a, "shape", None) for a in arguments]))
    try:
        pack, table, segment = _idle[key].pop()
    except (KeyError, IndexError):
        pack, table, segment = _segment(*key)
    pack(table, 0, *[id(a) if hasattr(a, "shape") else a for a in arguments])
    status = crew.run()(crew.team_of(), segment)
    if len(_idle) > _KINDS:
        _idle.clear()
    _idle.setdefault(key, []).append((pack, table, segment))
    if status:
        fail()


def _segment(kernel: Kernel, bounds: tuple[int, ...], shapes: tuple[Any, ...]) -> Any:
    segment = Segment()
    segment.add(kernel, bounds, [Given(str(i), shape) for i, shape in enumerate(shapes)])
    return segment.finish()


def _in_pool(loop: Callable[..., None], bounds: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
    pool = _workers(len(bounds) - 2)
    last = len(bounds) - 2
    waiting = [pool.submit(loop, bounds[i], bounds[i + 1], i, *arguments) for i in range(last)]
    loop(bounds[last], bounds[last + 1], last, *arguments)
    for future in waiting:
        future.result()


def _workers(count: int) -> ThreadPoolExecutor:
    global _pool, _count
    with _lock:
        if _pool is None or _count < count:
            _pool = ThreadPoolExecutor(count, thread_name_prefix="funcnet-loop")
            _count = count
        return _pool


def _after_fork() -> None:
    global _pool, _lock
    # The threads did not come along.
    _pool, _lock = None, Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
