"""Shapes and dtypes of the results of an operation, from those of its arguments."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.core.bind import bind
from funcnet.core.spec import Spec, owner
from funcnet.core.tracer import raw
from funcnet.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from funcnet.core.primitive import Primitive

__all__ = ["backend_among", "inferred"]

# Data types that kernels were seen to return: (primitive, backend, classes or data types of arguments, parameters).
_seen: dict[Any, Any] = {}


@backends.on_change
def _forget() -> None:
    _seen.clear()


def inferred(primitive: Primitive, args: list[Any], params: dict[str, Any]) -> Any:
    """Return the `Spec` of the result, or a tuple of them; arguments are specs, arrays and Python scalars.

    Raises
    ------
    ParameterError
        If the primitive has no shape rule.
    ShapeError
        If shapes do not fit.
    """
    backend = backend_among(args)
    if primitive.kind == "elementwise":
        return _spec(_broadcast(primitive, args), _tiny(primitive, args, backend, {}), backend, args)
    if primitive.shape is None:
        raise ParameterError(
            f"The primitive {primitive.name!r} has no shape rule.",
            needed="a rule from the shapes of its arguments to the shape of its result",
            write=f"shape=lambda *specs, **params: ... in the declaration of {primitive.name!r}",
        )
    shape = primitive.shape(*args, **params)
    if primitive.multiple:
        return tuple([_result(primitive, s, args, backend, params) for s in shape])
    return _result(primitive, shape, args, backend, params)


def backend_among(args: list[Any]) -> backends.Backend:
    """Return the backend of the arrays and specs; a NumPy scalar goes with whatever the others are."""
    arrays = [a for a in args if hasattr(a, "shape")]
    arrays.sort(key=lambda a: isinstance(raw(a), np.generic))
    return owner(arrays[0]) if arrays else backends.current().backend


def _spec(shape: Any, dtype: Any, backend: backends.Backend, args: list[Any]) -> Spec:
    return Spec(shape, dtype, backend, next((a._device for a in args if a.__class__ is Spec), None))  # pyright: ignore[reportPrivateUsage]  # the device may be left open


def _broadcast(primitive: Primitive, args: list[Any]) -> tuple[int, ...]:
    shapes = [tuple(a.shape) for a in args if hasattr(a, "shape")]
    if not shapes:
        return ()
    first = shapes[0]
    if all([s == first for s in shapes]):
        return first
    out: list[int] = []
    for position in range(1, max(map(len, shapes)) + 1):
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
    primitive: Primitive, shape: Any, args: list[Any], backend: backends.Backend, params: dict[str, Any]
) -> Spec:
    if isinstance(shape, Spec):
        return shape
    return _spec(shape, _dtype(primitive, args, backend, params), backend, args)


def _dtype(primitive: Primitive, args: list[Any], backend: backends.Backend, params: dict[str, Any]) -> Any:
    rule = primitive.meta.get("result")
    if rule == "bool":
        return backend.dtype("bool")
    if rule == "index":
        return backend.dtype(backend.default_int())
    if params.get("dtype") is not None:
        return params["dtype"]
    if rule == "sum":
        first = 0 if isinstance(params["axis"], int) else (0,)
        return _tiny(primitive, args[:1], backend, dict(params, axis=first))
    arrays = [a for a in args if hasattr(a, "dtype")]
    _check_library(arrays, backend)
    dtypes = [backend.dtype(a.dtype.name) if isinstance(raw(a), np.generic) else a.dtype for a in arrays]
    if rule == "first" or all([dtype == dtypes[0] for dtype in dtypes]):
        return dtypes[0]
    return backend.namespace.result_type(*dtypes)


def _check_library(arrays: list[Any], backend: backends.Backend) -> None:
    """Refuse arrays of several libraries: not even their data types can be compared."""
    if any([owner(a) is not backend for a in arrays if not isinstance(raw(a), np.generic)]):
        backends.backend_of(*[_one(a) for a in arrays])


def _tiny(primitive: Primitive, args: list[Any], backend: backends.Backend, params: dict[str, Any]) -> Any:
    """Return the dtype of the result by running the kernel on one element of each dtype."""
    _check_library([a for a in args if hasattr(a, "dtype")], backend)
    # A Python scalar enters by its value too: an integer that the dtype cannot hold is an error.
    kinds = tuple([a.dtype if hasattr(a, "dtype") else (a.__class__, a) for a in args])
    generic = tuple([isinstance(raw(a), np.generic) for a in args])
    key = (primitive.name, backend.name, kinds, generic, tuple(params.items()))
    found = _seen.get(key)
    if found is None:
        ones = [_one(a) if hasattr(a, "dtype") else a for a in args]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = bind(primitive, *ones, **params).dtype
        if len(_seen) > 10_000:
            _seen.clear()
        _seen[key] = found
    return found


def _one(a: Any) -> Any:
    value: Any = raw(a)
    # A NumPy scalar goes with the arrays of any library; arrays of several are refused by the kernel.
    return value.dtype.type(1) if issubclass(value.__class__, np.generic) else owner(a).asarray([1], dtype=value.dtype)
