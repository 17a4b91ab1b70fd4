"""Traces: one per running transformation, ordered by level.

A trace is created when a transformation starts and is dead when it ends. Levels come from one counter, so a
transformation that starts inside another has the higher level, in whatever thread or task it runs.
"""

from __future__ import annotations

from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any

from funcnet.core.frames import user_frame
from funcnet.core.tracer import Tracer
from funcnet.errors import AbstractValueError, EscapedTracerError, TracerAttributeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.core.primitive import Primitive
    from funcnet.errors import FuncnetError

__all__ = ["Trace", "constant", "current_trace", "determined", "keepers", "settled", "untraced"]

_levels = count(1)
_innermost: ContextVar[Trace | None] = ContextVar("funcnet_trace", default=None)
#: The traces with `keeps` that run, in whatever thread: in most programs there is none to look for.
keepers: list[Trace] = []


class Trace:
    """What one running transformation does with the operations that meet its tracers.

    Subclasses implement `process`; ``name`` is what error messages call the transformation.
    """

    __slots__ = ("alive", "level", "outer")
    name = "transformation"
    #: ``jvp``, for a trace that differentiates primitives of its own accord; set by forward mode.
    along: Callable[..., Any]
    #: Whether every tracer's value may be read; if not, `hidden` says which may not.
    concrete = True
    #: Whether it keeps what its arrays were computed from, so that derivatives may be taken of them later.
    remembers = True
    #: Which operations it takes that its function does on arrays from outside alone; None for none.
    keeps: Callable[[Primitive], bool] | None = None

    def __init__(self) -> None:
        self.level = next(_levels)
        self.alive = True
        #: The transformation around, while this one runs.
        self.outer: Trace | None = None

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Apply `primitive`, of whose `args` at least one is a tracer of this trace and none of an inner one."""
        raise NotImplementedError

    def carries(self, tracer: Tracer) -> bool:
        """Whether dropping `tracer` to a plain value would lose something that this trace follows."""
        return tracer.node is not None

    def hidden(self, tracer: Tracer, what: str) -> FuncnetError | None:
        """Return the error for reading the value of `tracer`, None where it may be read; not asked if concrete."""
        return AbstractValueError(
            f"{what} needs the value of an array of which only shape and dtype are known, in {user_frame()}.",
            found=repr(tracer),
            needed="a value that does not depend on the traced arguments",
            write="xp.where(condition, a, b) for a choice between arrays",
        )

    def __call__(self, *_: Any, **__: Any) -> Any:
        # NumPy's arrays have a method `trace`, a traced array has its transformation in that place.
        raise TracerAttributeError(
            f"A traced array has no method 'trace', in {user_frame()}.",
            found=f"a call of the {self.name} transformation of an array",
            needed="a function",
            write="xp.linalg.trace(x)",
            name="trace",
            obj=self,
        )

    def settle(self, tracer: Tracer) -> Any:
        """Return what leaves all transformations in place of `tracer`."""
        return tracer

    def derived(self, tracer: Tracer) -> None:
        """Learn that `tracer` is a derivative."""

    def determine(self, tracer: Tracer) -> None:
        """Raise if the value that is being differentiated does not follow from the arguments alone."""

    def run(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call ``f(*args, **kwargs)`` with this trace as the innermost one; the trace is dead afterwards."""
        self.outer = _innermost.get()
        token = _innermost.set(self)
        try:
            return f(*args, **kwargs)
        finally:
            _innermost.reset(token)
            self.alive = False

    def innermost(self) -> None:
        """Come before every transformation that has started so far, among them those that started after this one."""
        self.level = next(_levels)

    def inside(self, f: Callable[[], Any]) -> Any:
        """Call ``f()`` as if the traces that run inside this one did not."""
        token = _innermost.set(self)
        try:
            return f()
        finally:
            _innermost.reset(token)

    def escaped(self, what: str) -> EscapedTracerError:
        """Return the error for the use of a tracer that outlived this trace."""
        return EscapedTracerError(
            f"{what} met a traced array whose {self.name} transformation has ended.",
            found="an array kept from inside a transformed function, for example in a global or a closure",
            needed="values that leave a transformed function through its return value",
            write="fn.value_and_grad(f, has_aux=True) with f returning (loss, extra values)",
        )


def current_trace() -> Trace | None:
    """Return the innermost transformation that runs in this thread or task, or None."""
    trace = _innermost.get()
    # A task that was started inside a transformation keeps its context after the end of that.
    while trace is not None and not trace.alive:
        trace = trace.outer
    return trace


def untraced(f: Callable[..., Any], *args: Any) -> Any:
    """Call ``f(*args)`` as if no transformation ran: what it makes from nothing are plain arrays."""
    token = _innermost.set(None)
    try:
        return f(*args)
    finally:
        _innermost.reset(token)


def constant(value: Any) -> Any:
    """Return `value` as a traced constant inside a transformation, and unchanged outside.

    Arrays made from nothing pass through here, so that code which creates an array and then fills it with traced
    values is differentiated as it stands.
    """
    trace = _innermost.get()
    if trace is not None and not trace.alive:
        trace = current_trace()
    return value if trace is None else Tracer(trace, value, None)


def settled(value: Any, *, derivative: bool = False) -> Any:
    """Return a result as it leaves a transformation: outside of all others, what only they need is dropped."""
    if value.__class__ is Tracer:
        if derivative and (found := _lowest(value)) is not None:
            found.trace.derived(found)
        if _innermost.get() is None:
            return value.trace.settle(value)
    return value


def determined(value: Any) -> None:
    """Raise if a value of which a derivative is taken does not follow from the arguments alone."""
    found = _lowest(value)
    if found is not None:
        found.trace.determine(found)


def _lowest(value: Any) -> Tracer | None:
    found = None
    while value.__class__ is Tracer:
        found = value
        value = value.value
    return found
