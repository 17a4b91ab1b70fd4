"""Shapes and dtypes without values: ``eval_shape``."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, tree
from funcnet.core import Spec, Trace, Tracer, bind, owner, raw
from funcnet.core.bind import check_hashable
from funcnet.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.core import Primitive

__all__ = ["eval_shape"]


class ShapeTrace(Trace):
    """Applies the shape rules; a tracer's value is a `Spec`."""

    __slots__ = ()
    name = "eval_shape"
    concrete = False

    def carries(self, tracer: Tracer) -> bool:  # noqa: ARG002  # the same for all
        """Values are unknown, so there is none to drop."""
        return False

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if primitive.kind == "call":
            return primitive.abstract(self, *args)  # type: ignore[attr-defined]  # see call.py
        check_hashable(primitive, params)
        specs = [a.value if a.__class__ is Tracer and a.trace is self else a for a in args]
        backend = _backend(specs)
        if primitive.kind == "elementwise":
            return Tracer(self, Spec(_broadcast(primitive, specs), _tiny(primitive, specs, backend, {}), backend), None)
        if primitive.shape is None:
            raise ParameterError(
                f"The primitive {primitive.name!r} has no shape rule.",
                needed="a rule from the shapes of its arguments to the shape of its result",
                write=f"shape=lambda *specs, **params: ... in the declaration of {primitive.name!r}",
            )
        shape = primitive.shape(*specs, **params)
        if primitive.multiple:
            return tuple([Tracer(self, _result(primitive, s, specs, backend, params), None) for s in shape])
        return Tracer(self, _result(primitive, shape, specs, backend, params), None)


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
    ShapeError
        If shapes do not fit.

    Examples
    --------
    >>> import funcnet as fn
    >>> fn.eval_shape(lambda a, b: a @ b, fn.Spec((8, 3)), fn.Spec((3, 5)))
    Spec((8, 5), 'float32')
    """
    trace = ShapeTrace()

    def abstract(leaf: Any) -> Any:
        if isinstance(leaf, Spec):
            return Tracer(trace, leaf, None)
        if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
            return Tracer(trace, Spec(leaf.shape, leaf.dtype, _backend([leaf])), None)
        return leaf

    out = trace.run(f, tuple(tree.map(abstract, a) for a in args), kwargs)
    return tree.map(lambda leaf: _spec(leaf), out)


def _spec(leaf: Any) -> Any:
    value = raw(leaf)
    if isinstance(value, Spec) or not hasattr(value, "shape"):
        return value
    return Spec(leaf.shape, value.dtype, _backend([value]))


def _backend(specs: list[Any]) -> backends.Backend:
    """Return the backend of the arrays among `specs`; a NumPy scalar goes with whatever the others are."""
    arrays = [s for s in specs if hasattr(s, "shape")]
    arrays.sort(key=lambda s: isinstance(raw(s), np.generic))
    return owner(arrays[0]) if arrays else backends.current().backend


def _broadcast(primitive: Primitive, specs: list[Any]) -> tuple[int, ...]:
    shapes = [tuple(s.shape) for s in specs if hasattr(s, "shape")]
    out: list[int] = []
    for position in range(1, max(map(len, shapes), default=0) + 1):
        sizes = {s[-position] for s in shapes if len(s) >= position} - {1}
        if len(sizes) > 1:
            raise ShapeError(
                f"xp.{primitive.name} got shapes that do not broadcast.",
                found=" and ".join(map(str, shapes)),
                needed="dimensions that are equal, or 1, counted from the last",
                write="xp.reshape or xp.expand_dims on one of them",
            )
        out.append(sizes.pop() if sizes else 1)
    return tuple(reversed(out))


def _result(
    primitive: Primitive, shape: Any, specs: list[Any], backend: backends.Backend, params: dict[str, Any]
) -> Spec:
    if isinstance(shape, Spec):
        return shape
    return Spec(shape, _dtype(primitive, specs, backend, params), backend)


def _dtype(primitive: Primitive, specs: list[Any], backend: backends.Backend, params: dict[str, Any]) -> Any:
    rule = primitive.meta.get("result")
    if rule == "bool":
        return backend.dtype("bool")
    if rule == "index":
        return backend.dtype(backend.default_int())
    if params.get("dtype") is not None:
        return params["dtype"]
    if rule == "sum":
        first = 0 if isinstance(params["axis"], int) else (0,)
        return _tiny(primitive, specs[:1], backend, dict(params, axis=first))
    dtypes = [
        backend.dtype(s.dtype.name) if isinstance(raw(s), np.generic) else s.dtype for s in specs if hasattr(s, "dtype")
    ]
    if rule == "first" or all(dtype == dtypes[0] for dtype in dtypes):
        return dtypes[0]
    return backend.namespace.result_type(*dtypes)


def _tiny(primitive: Primitive, specs: list[Any], backend: backends.Backend, params: dict[str, Any]) -> Any:
    """Return the dtype of the result by running the kernel on one element of each dtype."""
    ones = [_one(s, backend) if hasattr(s, "dtype") else s for s in specs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bind(primitive, *ones, **params).dtype


def _one(s: Any, backend: backends.Backend) -> Any:
    value = raw(s)
    # A NumPy scalar goes with the arrays of any library.
    return value.dtype.type(1) if isinstance(value, np.generic) else backend.asarray([1], dtype=value.dtype)
