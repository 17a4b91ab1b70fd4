"""Shapes and dtypes without values: ``eval_shape``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core import Spec, Trace, Tracer, raw
from funcnet.core.bind import check_hashable
from funcnet.core.inference import backend_among, inferred
from funcnet.transforms.leaves import check_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.core import Primitive
    from funcnet.errors import FuncnetError

__all__ = ["eval_shape"]


#: What looks on while operations run without values; see `watch`.
_watcher: ContextVar[Watcher | None] = ContextVar("funcnet_shape_watcher", default=None)


class Watcher(ABC):
    """Looks on while operations run without values; a subclass counts something in `see`.

    Attributes
    ----------
    times : int
        How often the operations at hand would run: the product of the numbers of steps of the loops around.
    """

    def __init__(self) -> None:
        self.times = 1

    @abstractmethod
    def see(self, primitive: Primitive, specs: list[Any], results: Any, params: dict[str, Any]) -> None:
        """Take note of an operation with the specs of its arguments and results."""


def watch(watcher: Watcher | None, f: Callable[..., Any], *args: Any) -> Any:
    """Return ``f(*args)`` with `watcher` looking on at what `eval_shape` meets; None for nobody."""
    token = _watcher.set(watcher)
    try:
        return f(*args)
    finally:
        _watcher.reset(token)


def stands_for(times: int, f: Callable[..., Any], *args: Any) -> Any:
    """Return ``f(*args)``, one run of a function of which there would be so many."""
    watcher = _watcher.get()
    if watcher is None:
        return f(*args)
    outer = watcher.times
    watcher.times = outer * times
    try:
        return f(*args)
    finally:
        watcher.times = outer


class ShapeTrace(Trace):
    """Applies the shape rules; a tracer's value is a `Spec`."""

    __slots__ = ()
    name = "eval_shape"
    concrete = False

    def carries(self, tracer: Tracer) -> bool:  # noqa: ARG002  # the same for all
        """Values are unknown, so there is none to drop."""
        return False

    def hidden(self, tracer: Tracer, what: str) -> FuncnetError | None:
        """Arrays that no operation has made are known."""
        return super().hidden(tracer, what) if isinstance(raw(tracer), Spec) else None

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if primitive.kind == "call":
            return primitive.abstract(self, *args)  # type: ignore[attr-defined]  # see call.py
        check_hashable(primitive, params)
        specs = [a.value if a.__class__ is Tracer and a.trace is self else a for a in args]
        found = inferred(primitive, specs, params)
        watcher = _watcher.get()
        if watcher is not None:
            watcher.see(primitive, specs, found, params)
        if primitive.multiple:
            return tuple([Tracer(self, s, None) for s in found])
        return Tracer(self, found, None)


def eval_shape(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return the shapes and dtypes of a function's result without computing it.

    Parameters
    ----------
    f : callable
        Function of pytrees of arrays.
    *args : pytree of arrays, Spec or Python values
        Arrays and specs become abstract; other leaves are passed on as they are.
    **kwargs
        Passed on as they are.

    Returns
    -------
    pytree of Spec
        Like the result of ``f(*args, **kwargs)``.

    Raises
    ------
    AbstractValueError
        If the function reads a value.
    ParameterError
        If `f` cannot be called.
    ShapeError
        If shapes do not fit.

    Examples
    --------
    >>> import funcnet as fn
    >>> fn.eval_shape(lambda a, b: a @ b, fn.Spec((8, 3)), fn.Spec((3, 5)))
    Spec((8, 5), 'float32')
    """
    check_function(f, "fn.eval_shape", "x")
    trace = ShapeTrace()

    def abstract(leaf: Any) -> Any:
        if isinstance(leaf, Spec):
            return Tracer(trace, leaf, None)
        if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
            return Tracer(trace, Spec(leaf.shape, leaf.dtype, backend_among([leaf])), None)
        return leaf

    out = trace.run(f, tuple(tree.map(abstract, a) for a in args), kwargs)
    return tree.map(lambda leaf: _spec(leaf), out)


def _spec(leaf: Any) -> Any:
    value = raw(leaf)
    if not hasattr(value, "shape"):
        return value
    if not isinstance(value, Spec):
        return Spec(leaf.shape, value.dtype, backend_among([value]))
    # Where `vmap` maps over what is captured around it, the value is that of the whole batch.
    return value if value.shape == leaf.shape else Spec(leaf.shape, value.dtype, value.backend, value._device)  # pyright: ignore[reportPrivateUsage]  # may be open
