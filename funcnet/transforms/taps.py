"""Gradients of intermediate values: ``tap`` and ``grad_of_taps``."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.compiler.capture import GraphTrace
from funcnet.core import Trace, Tracer
from funcnet.core.dtypes import is_inexact
from funcnet.core.frames import user_frame
from funcnet.errors import DtypeError, NotDifferentiableError, ParameterError
from funcnet.ops import ones_like
from funcnet.transforms.call import Arguments, Call, Zero
from funcnet.transforms.leaves import check_function, finish
from funcnet.transforms.outputs import scalar_output
from funcnet.transforms.reverse import ReverseTrace, Sweep
from funcnet.transforms.tape import Node, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["collecting", "grad_of_taps", "tap"]

_collector: ContextVar[_Collector | None] = ContextVar("funcnet_taps", default=None)


class _Collector:
    """The taps that one call of a function passes."""

    __slots__ = ("structures", "sweeping", "taps", "trace")

    def __init__(self) -> None:
        self.trace = ReverseTrace()
        #: Name -> structure; (name, position of the leaf) -> where its cotangent arrives, and zeros like it.
        self.structures: dict[str, Any] = {}
        self.taps: dict[tuple[str, int], tuple[Node, Zero]] = {}
        self.sweeping = False


def collecting() -> bool:
    """Whether taps are collected in this thread or task."""
    return _collector.get() is not None


class _Tap(Call):
    """The identity, with a second parent that collects the cotangent."""

    __slots__ = ("collector", "key")

    def __init__(self, collector: _Collector, key: tuple[str, int]) -> None:
        super().__init__("tap", Arguments(()))
        self.collector = collector
        self.key = key

    def in_reverse(self, trace: Trace, args: Sequence[Any]) -> tuple[Any, ...]:
        x = args[0]
        own = x.__class__ is Tracer and x.trace is trace
        value, parent = (x.value, x.node) if own else (x, None)
        taps = self.collector.taps
        if self.key not in taps:
            taps[self.key] = Node(()), Zero(value)
        edges = [(taps[self.key][0], None)]
        if parent is not None:
            edges.append((parent, None))
        return (Tracer(trace, value, Node(tuple(edges))),)


def tap(x: Any, name: str) -> Any:
    """Give an intermediate value a name, under which `grad_of_taps` returns its gradient.

    Parameters
    ----------
    x : pytree of arrays
        The value; leaves are floating-point.
    name : str
        Its name, once per call of the function.

    Returns
    -------
    pytree of arrays
        The same value. Without `grad_of_taps` around, `x` itself.

    Raises
    ------
    ParameterError
        If the name was used already, or is no string.
    DtypeError
        If a leaf is not floating-point.
    NotDifferentiableError
        If the value is inside of a function under `jit`, or of a loop or branch of such a function, that is captured
        within `grad_of_taps`.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> def f(x):
    ...     h = fn.tap(x * 2, "hidden")
    ...     return (h * h).sum()
    >>> fn.grad_of_taps(f)(np.array([1.0, 3.0]))
    {'hidden': array([ 4., 12.])}
    """
    if not isinstance(name, str):
        raise ParameterError(
            "fn.tap needs a name.", found=type(name).__name__, needed="a string", write='fn.tap(h, "hidden")'
        )
    collector = _collector.get()
    if collector is None or not collector.trace.alive:
        return x
    leaves, structure = tree.flatten(x)
    if name in collector.structures and not collector.sweeping:
        raise ParameterError(
            f"fn.tap was given the name {name!r} twice.",
            found="two values of one name in one call of the function",
            needed="a name for each",
            write='fn.tap(h, f"hidden {i}")',
        )
    for path, leaf in tree.flatten_with_paths(x)[0]:
        if not (hasattr(leaf, "dtype") and is_inexact(leaf.dtype)):
            raise DtypeError(
                f"fn.tap cannot give the gradient of {name!r}{path and f' at {path}'}.",
                found=f"dtype {leaf.dtype}" if hasattr(leaf, "dtype") else type(leaf).__name__,
                needed="floating-point arrays",
                write="a tap on what is computed from it",
            )
    for leaf in leaves:
        _check_known(collector, leaf, name)
    collector.structures[name] = structure
    return tree.unflatten(structure, [_tapped(collector, leaf, (name, i)) for i, leaf in enumerate(leaves)])


def _check_known(collector: _Collector, x: Any, name: str) -> None:
    """Refuse a value inside of a graph that is captured within: the cotangent would have no way out of it."""
    while x.__class__ is Tracer and x.trace.level > collector.trace.level:
        if x.trace.__class__ is GraphTrace and x.node is not None:
            raise NotDifferentiableError(
                f"fn.tap cannot give the gradient of {name!r} inside of a captured function, in {user_frame()}.",
                found=f"{x.value!r}, of a function under fn.jit, or of a loop or branch under fn.jit",
                needed="a value outside of what is captured within fn.grad_of_taps",
                write="fn.jit(fn.grad_of_taps(f)) in place of fn.grad_of_taps(fn.jit(f)); "
                "a tap on what a loop or branch returns",
            )
        x = x.value


def _tapped(collector: _Collector, x: Any, key: tuple[str, int]) -> Any:
    if x.__class__ is Tracer and x.trace.level > collector.trace.level:
        # For the transformations within, a tap is the identity.
        return Tracer(x.trace, _tapped(collector, x.value, key), x.node)
    return collector.trace.process(_Tap(collector, key), (x,), {})[0]


def grad_of_taps(f: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Return the function of the gradients of a scalar function with respect to its taps.

    Parameters
    ----------
    f : callable
        Calls `tap` on what is of interest, and returns a real floating-point scalar.

    Returns
    -------
    callable
        With the arguments of `f`; returns a dict from each tap's name to the gradient of the result with respect to the
        value there, a pytree like it; zeros where the result does not depend on it. Inside `vmap`, a tap holds the
        whole batch.

    Raises
    ------
    NonScalarOutputError
        If the result is not a real scalar.
    IndependentOutputError
        If it depends on no tap.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> def loss(w, x):
    ...     z = fn.tap(x @ w, "pre-activation")
    ...     return xp.sum(fn.tap(xp.tanh(z), "activation"))
    >>> g = fn.grad_of_taps(loss)(np.zeros((3, 2)), np.ones(3))
    >>> g["activation"], g["pre-activation"]
    (array([1., 1.]), array([1., 1.]))
    """
    check_function(f, "fn.grad_of_taps")

    @wraps(f)
    def gradients(*args: Any, **kwargs: Any) -> dict[str, Any]:
        collector = _Collector()
        token = _collector.set(collector)
        try:
            out = collector.trace.run(f, args, kwargs)
        finally:
            _collector.reset(token)
        value, root = scalar_output(collector.trace, out, "fn.grad_of_taps", False)
        del out
        collector.sweeping = True
        collector.trace.watch.check()
        nodes = [node for node, _ in collector.taps.values()]
        found = Sweep().run(sweep, ([(root, ones_like(value))], nodes), {"free": True})
        zeros = [zero.array() for _, zero in collector.taps.values()]
        cts = dict(zip(collector.taps, finish(found, zeros), strict=True))
        return {
            name: tree.unflatten(structure, [cts[name, i] for i in range(structure.num_leaves)])
            for name, structure in collector.structures.items()
        }

    return gradients
