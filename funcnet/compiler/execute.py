"""From a graph to something that runs: the plain plan at once, compiled loops when they are ready."""

from __future__ import annotations

import atexit
import warnings
from collections import deque
from threading import Condition, Thread, main_thread
from typing import TYPE_CHECKING, Any

from funcnet.compiler.loops.build import available
from funcnet.compiler.passes import optimised
from funcnet.compiler.plain import plain_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Graph

__all__ = ["CompilationWarning", "Executable", "finish_compiling"]


class CompilationWarning(UserWarning):
    """A graph could not be compiled, and goes on without."""


class Executable:
    """A graph that runs on plain arrays.

    The first call runs the plain plan. From the second on, where the arrays are NumPy's and Numba is installed, loops
    are compiled on a thread of their own, and the plan with them takes over when it is ready.

    Attributes
    ----------
    graph : Graph
        The optimised graph.
    status : str
        What runs, or why nothing faster does.
    """

    __slots__ = ("_calls", "_run", "fused", "graph", "status")

    def __init__(self, graph: Graph) -> None:
        self.graph = optimised(graph)
        self._run: Callable[..., tuple[Any, ...]] = plain_plan(self.graph)
        self._calls = 0
        self.fused: Any = None
        self.status = "plain calls; loops are compiled from the second call on"

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        self._calls += 1
        if self._calls == 2:
            self._request()
        return self._run(*values)

    def _request(self) -> None:
        reason = available()
        specs = [v.spec for v in (*self.graph.inputs, *self.graph.constants)]
        if any([s.backend.name != "numpy" for s in specs]) or not self.graph.equations:
            self.status = "the optimised graph, operation by operation"
        elif reason:
            self.status = f"plain calls; {reason}"
        else:
            self.status = "plain calls; loops are being compiled"
            _enqueue(self)

    def compile(self) -> None:
        """Compile now, and return when that is done."""
        try:
            from funcnet.compiler.fused import FusedPlan  # only where loops are wanted

            plan = FusedPlan(self.graph)
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


_condition = Condition()
_waiting: deque[Executable] = deque()
_thread: Thread | None = None
_stopping = False
_working = False


def _enqueue(executable: Executable) -> None:
    global _thread
    with _condition:
        _waiting.append(executable)
        if _thread is None or not _thread.is_alive():
            _thread = Thread(target=_work, name="funcnet-compile", daemon=True)
            _thread.start()
        _condition.notify_all()


def _work() -> None:
    global _working
    while True:
        with _condition:
            while not _waiting and not _stopping:
                _condition.wait()
            if _stopping:
                return
            executable = _waiting.popleft()
            _working = True
        try:
            executable.compile()
        finally:
            with _condition:
                _working = False
                _condition.notify_all()


def finish_compiling(timeout: float | None = None) -> bool:
    """Wait until nothing is being compiled; return whether that is so.

    For benchmarks, and for programs that are to run at full speed from the start.
    """
    with _condition:
        return _condition.wait_for(lambda: not _waiting and not _working, timeout)


def _stop() -> None:
    """Let the loop that is being compiled come to its end, since the process must not end in the middle of it."""
    global _stopping
    with _condition:
        _stopping = True
        _waiting.clear()
        _condition.notify_all()
    if _thread is not None:
        _thread.join(timeout=30.0)


atexit.register(_stop)
