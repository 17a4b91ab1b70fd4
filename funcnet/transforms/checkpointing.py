"""Less memory for more time: ``checkpoint``.

While a checkpointed function runs, reverse-mode traces compute values and drop what they would record. One node stands
for the whole call. When the sweep arrives there, the function runs once more, now recorded, and the sweep goes on
through the new part of the tape. Nothing has to be known of what the function reads from outside, since the second run
meets the very same arrays.
"""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context
from functools import wraps
from threading import Lock
from typing import TYPE_CHECKING, Any

from funcnet import backends, tree
from funcnet.compiler.capture import GraphTrace, recomputing
from funcnet.core import Trace, Tracer, constant, current_trace
from funcnet.errors import NotDifferentiableError
from funcnet.transforms.call import call_rule
from funcnet.transforms.leaves import check_function
from funcnet.transforms.reverse import ReverseTrace
from funcnet.transforms.tape import Node, Replay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from funcnet.core import Primitive

__all__ = ["checkpoint"]

_regions: ContextVar[Mapping[Trace, _Region]] = ContextVar("funcnet_checkpoints", default={})  # noqa: B039  # never changed
_lock = Lock()
_revived: dict[Trace, int] = {}


class _Region:
    """One run of a checkpointed function, as one trace sees it."""

    __slots__ = ("inner", "outer", "spares")

    def __init__(self, *, spares: bool) -> None:
        #: Whether nothing is recorded.
        self.spares = spares
        #: Stands for every node inside; only what the function returns gets one of its own.
        self.inner = Node(((Node(()), _left_behind),))
        #: The nodes from outside that were used: they must be the same when the function runs again.
        self.outer: set[int] = set()

    def use(self, node: int) -> None:
        """Take note of a node that was used."""
        if node < self.inner.id:
            self.outer.add(node)


class _SparingTrace(ReverseTrace):
    """A reverse-mode trace in which functions are checkpointed."""

    __slots__ = ()

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        out = super().process(primitive, args, params)
        region = _regions.get().get(self)
        if region is None:
            return out
        for a in args:
            if a.__class__ is Tracer and a.trace is self and a.node is not None:
                region.use(a.node.id)
        if region.spares:
            for y in out if primitive.multiple else (out,):
                # What only has an effect gives no tracer.
                if y.__class__ is Tracer and y.trace is self and y.node is not None:
                    y.node = region.inner
        return out


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    r"""Return a function that is computed again in the backward pass instead of being remembered.

    Reverse mode keeps the intermediate values of a function until the backward pass. A checkpointed function keeps its
    arguments only. Derivatives are the same, to the last bit.

    A chain of :math:`n` blocks, cut into :math:`\sqrt n` checkpointed segments, needs memory for :math:`O(\sqrt n)`
    blocks and one more forward computation; segments may hold checkpointed functions in turn.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays and anything else; returns a pytree. It may use traced arrays from outside, which
        are differentiated as well. Called twice, it must do the same twice: random numbers come from keys, plain arrays
        from outside are not changed in between. It gets handles of its own, also outside of all transformations, so
        that its assignments to arguments stay inside.

    Returns
    -------
    callable
        With the arguments and the result of `f`.

    Raises
    ------
    NotDifferentiableError
        In the backward pass, if an array left `f` by another way than its result, or if the second run does not
        use or return what the first did, as when a traced array from outside was assigned to in between.

    References
    ----------
    T. Chen, B. Xu, C. Zhang, C. Guestrin: Training deep nets with sublinear memory cost, 2016, arXiv:1604.06174.
    A. Griewank, A. Walther: Algorithm 799: revolve, ACM Transactions on Mathematical Software 26 (2000), 19-45.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> block = fn.checkpoint(lambda x: xp.sin(xp.exp(x)))
    >>> fn.grad(lambda x: xp.sum(block(x)))(np.zeros(2))
    array([0.54030231, 0.54030231])
    """
    check_function(f, "fn.checkpoint")

    @wraps(f)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        inherited = _regions.get()
        trace = current_trace()
        running: list[Trace] = []
        new: dict[Trace, _Region] = {}
        captured = False
        while trace is not None:
            around = inherited.get(trace)
            recorded = not captured and isinstance(trace, ReverseTrace) and trace.alive
            if recorded and not (around is not None and around.spares):
                new[trace] = _Region(spares=True)
                trace.__class__ = _SparingTrace
            running.append(trace)
            # The step of a loop that is captured takes in what it makes of arrays from outside alone, result or not.
            captured = captured or isinstance(trace, GraphTrace)
            trace = trace.outer
        if not running:
            # As inside a transformation, assignments to arguments do not reach the caller's arrays.
            return call_rule(lambda args, kwargs: f(*args, **kwargs), args, kwargs)
        if not new:
            args, kwargs = _copies((args, kwargs))
            return f(*args, **kwargs)
        again = _Again(f, _copies((args, kwargs)), copy_context(), running)
        token = _regions.set({**inherited, **new})
        try:
            out = again.call()
        finally:
            _regions.reset(token)
        for trace, region in new.items():
            _cut(trace, region, again, out)
            if trace in inherited:
                for node in region.outer:
                    inherited[trace].use(node)
        return out

    return checkpointed


def _copies(arguments: Any) -> Any:
    """Return the arguments with handles of their own, which assignments elsewhere do not change, nor change others."""
    return tree.map(_handle, arguments)


def _handle(leaf: Any) -> Any:
    if leaf.__class__ is Tracer:
        return leaf.copy()
    return constant(leaf) if backends.backend_of_type(leaf.__class__) is not None else leaf


class _Again:
    """What is needed to call a function once more as it was called: its arguments and the traces that ran."""

    __slots__ = ("context", "f", "kept", "running")

    def __init__(self, f: Callable[..., Any], kept: tuple[Any, Any], context: Context, running: list[Trace]) -> None:
        self.f = f
        self.kept = kept
        self.context = context
        self.running = running

    def call(self) -> Any:
        """Call the function."""
        args, kwargs = _copies(self.kept)
        return self.f(*args, **kwargs)

    def call_inside(self, trace: Trace, region: _Region) -> Any:
        """Call the function where it was called first: inside `trace` and those within, which have ended since."""
        ended = [t for t in self.running if t.level >= trace.level]
        around = {t: r for t, r in _regions.get().items() if t.level < trace.level}

        def call() -> Any:
            _regions.set({**around, trace: region})
            with recomputing():
                return self.call()

        _revive(ended, 1)
        try:
            return self.context.copy().run(call)
        finally:
            _revive(ended, -1)

    def changed(self, found: str) -> NotDifferentiableError:
        """Return the error for a function that cannot be called again."""
        return NotDifferentiableError(
            f"The checkpointed function {getattr(self.f, '__name__', self.f)!r} cannot be computed again as it was.",
            found=found,
            needed="a function that does the same each time it is called",
            write="the array as an argument; a random key as an argument",
        )


def _cut(trace: Trace, region: _Region, again: _Again, out: Any) -> None:
    """Give the arrays of `trace` in the result one common node, which runs the function again."""
    found = _inside(trace, out)
    which = [i for i, t in enumerate(found) if t.node is region.inner]
    if not which:
        return
    count, outer = len(found), region.outer

    def record(gs: list[Any]) -> list[tuple[Node, Any]]:
        second = _Region(spares=False)
        results = _inside(trace, again.call_inside(trace, second))
        if second.outer != outer:
            raise again.changed("other traced arrays from outside in the second run than in the first")
        if len(results) != count:
            raise again.changed(f"{count} traced arrays in the result of the first run, {len(results)} of the second")
        pairs = [(results[i].node, g) for i, g in zip(which, gs, strict=True) if g is not None]
        return [(node, g) for node, g in pairs if node is not None]

    whole = Node(((None, Replay(record)),), len(which))
    for position, i in enumerate(which):
        found[i].node = Node(((whole, position),))


def _inside(trace: Trace, out: Any) -> list[Tracer]:
    """Return the tracers of `trace` in a result, also those inside the tracers of inner transformations."""
    found: dict[int, Tracer] = {}
    stack: list[Any] = tree.leaves(out)[::-1]
    while stack:
        value = stack.pop()
        if value.__class__ is Tracer:
            if value.trace is trace:
                found[id(value)] = value
            else:
                # The value first, then the tangent of forward mode.
                stack += [value.node, value.value]
    return list(found.values())


def _revive(traces: list[Trace], change: int) -> None:
    # Counted, because threads may share a pullback.
    with _lock:
        for t in traces:
            if t.alive and t not in _revived:
                continue
            _revived[t] = _revived.get(t, 0) + change
            t.alive = _revived[t] > 0
            if not t.alive:
                del _revived[t]


def _left_behind(_: Any) -> Any:
    raise NotDifferentiableError(
        "The derivative goes through an array from inside a checkpointed function that is not in its result.",
        found="an array kept in a list, an attribute or a variable of an outer scope",
        needed="arrays that leave a checkpointed function by its return value",
        write="return y, extra",
    )
