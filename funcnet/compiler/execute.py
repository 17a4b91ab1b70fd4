"""From a graph to something that runs: the plain plan at once, compiled loops when they are ready."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import warnings
from collections import deque
from math import prod
from threading import Condition, Thread, main_thread
from typing import TYPE_CHECKING, Any

from funcnet.backends.memory import give_back
from funcnet.compiler import alone
from funcnet.compiler.loops import build
from funcnet.compiler.loops.store import numba_version
from funcnet.compiler.passes import in_pairs, optimised
from funcnet.compiler.plain import plain_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.graph import Graph

__all__ = ["CompilationWarning", "Executable", "finish_compiling"]


#: As in the extra `jit` of the package.
MINIMUM_NUMBA = (0, 61)


#: Bytes of arrays from which on it is worthwhile to look for memory that is free.
_LARGE = 1 << 23


class CompilationWarning(UserWarning):
    """A graph could not be compiled, and goes on without."""


class Executable:
    """A graph that runs on plain arrays.

    The first call runs the plain plan. From the second on, where the arrays are NumPy's and Numba is installed, loops
    are compiled on a thread of their own, and the plan with them takes over when it is ready.

    Parameters
    ----------
    graph : Graph
        The function.
    donated : sequence of int
        Inputs that may be written to, where the plan's `reused` says so.

    Attributes
    ----------
    graph : Graph
        The optimised graph.
    fused : FusedPlan or None
        The plan with compiled loops.
    status : str
        What runs, or why nothing faster does.
    missing : str
        What this installation lacks for more than plain calls.
    """

    __slots__ = ("_calls", "_due", "_run", "donated", "fused", "graph", "missing", "status")

    def __init__(self, graph: Graph, donated: Sequence[int] = ()) -> None:
        self.donated = tuple(donated)
        self.graph = optimised(graph)
        self._run: Callable[..., tuple[Any, ...]] = plain_plan(in_pairs(self.graph))
        self._calls = 0
        #: At which call there is something to do beside it.
        self._due = 2
        self.fused: Any = None
        self.missing = ""
        self.status = "plain calls; loops are compiled from the second call on"

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        return self.next_plan()(*values)

    def next_plan(self) -> Callable[..., tuple[Any, ...]]:
        """Return what a call runs, for callers that look at it first."""
        self._calls += 1
        if self._calls == self._due:
            if self.fused is None:
                self._request()
            else:
                give_back()
        return self._run

    def _request(self) -> None:
        reason = build.available() or _unusable
        specs = [v.spec for v in (*self.graph.inputs, *self.graph.constants)]
        if any([s.backend.name != "numpy" for s in specs]) or not self.graph.equations:
            self.status = "the optimised graph, operation by operation"
        elif reason:
            self._without(reason)
        else:
            self.status = "plain calls; loops are being compiled"
            _enqueue(self)

    def _without(self, reason: str) -> None:
        self.missing = reason
        self.status = f"plain calls; {reason}"

    def compile(self) -> None:
        """Compile now, and return when that is done."""
        try:
            from funcnet.compiler.fused import FusedPlan  # only where loops are wanted

            reason = _outdated()
            if reason:
                self._without(reason)
                return
            plan = FusedPlan(self.graph, donated=self.donated)
            if plan.reused or len(self.graph.inputs) >= alone.MANY:
                alone.prepare()
        except Exception as error:
            if _stopping or not main_thread().is_alive():
                # The interpreter is about to end, and refuses what it takes to go on.
                return
            self.status = f"plain calls; compilation failed: {type(error).__name__}: {error}"
            warnings.warn(
                f"fn.jit could not compile a graph of {len(self.graph)} equations and goes on without.\n"
                f"  found:  {type(error).__name__}: {str(error)[:500]}\n"
                "  write:  FUNCNET_JIT=0 in the environment to keep Numba out",
                CompilationWarning,
                stacklevel=2,
            )
            return
        self.fused = plan
        self._run = plan
        self.status = f"{len(plan.loops)} compiled loops and {len(plan.calls)} calls"
        if _bytes(self.graph) >= _LARGE:
            # What plain calls have made, the plan does not make any more: it is free once the caller has new results.
            self._due = self._calls + 2


def _bytes(graph: Graph) -> int:
    """Return the size of all arrays that plain calls make."""
    return sum([prod(v.shape) * v.spec.dtype.itemsize for e in graph.equations for v in e.outputs])


def _outdated() -> str:
    """Return what is wrong with the version of Numba, or an empty string."""
    version = numba_version()
    numbers = tuple([int(n) for n in version.split(".")[:2] if n.isdigit()])
    if numbers >= MINIMUM_NUMBA:
        return ""
    wanted = ".".join(map(str, MINIMUM_NUMBA))
    return f'Numba {version} is too old, {wanted} is needed (pip install "funcnet[jit]")'


_condition = Condition()
_waiting: deque[Executable] = deque()
_thread: Thread | None = None
_stopping = False
#: Why nothing can be compiled in this process any more.
_unusable = ""
#: What the thread is at.
_current: Executable | None = None


def _enqueue(executable: Executable) -> None:
    global _thread
    with _condition:
        _waiting.append(executable)
        if _thread is None or not _thread.is_alive():
            _thread = Thread(target=_work, name="funcnet-compile", daemon=True)
            _thread.start()
        _condition.notify_all()


def _work() -> None:
    global _current
    while True:
        with _condition:
            while not _waiting and not _stopping:
                _condition.wait()
            if _stopping:
                return
            executable = _current = _waiting.popleft()
        try:
            executable.compile()
        except BaseException:
            # Such as a warning that is to be an error. The thread goes on: others wait for what it has to do.
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        finally:
            # Its arrays are not to live as long as this thread waits.
            del executable
            with _condition:
                _current = None
                _condition.notify_all()


def finish_compiling(timeout: float | None = None) -> bool:
    """Wait until nothing is being compiled; return whether that is so.

    For benchmarks, and for programs that are to run at full speed from the start.
    """
    with _condition:
        return _condition.wait_for(lambda: not _waiting and _current is None, timeout)


def _stop() -> None:
    """Let the loop that is being compiled come to its end, since the process must not end in the middle of it."""
    global _stopping
    build.end()
    with _condition:
        _stopping = True
        _waiting.clear()
        _condition.notify_all()
    if _thread is not None:
        _thread.join(timeout=30.0)


atexit.register(_stop)


def _after_fork() -> None:
    """Begin anew in a process that was forked: the thread did not come along, and it may have held locks."""
    global _condition, _thread, _current, _unusable
    if _current is not None:
        # Numba's locks are among those, and stay closed.
        _unusable = "the process was forked while loops were being compiled"
        _current.status = f"plain calls; {_unusable}"
    for executable in _waiting:
        executable._calls = 1  # pyright: ignore[reportPrivateUsage]  # the next call asks again
    _waiting.clear()
    _condition, _thread, _current = Condition(), None, None
    build.forget_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
