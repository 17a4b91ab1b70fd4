"""The one dispatcher: a traced argument's innermost transformation handles a call, otherwise a kernel runs it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from funcnet import backends
from funcnet.core.primitive import registry
from funcnet.core.spec import Spec
from funcnet.core.trace import current_trace, keepers
from funcnet.core.tracer import Tracer, raw
from funcnet.errors import DtypeError, FuncnetError, ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.backends import Backend
    from funcnet.core.primitive import Primitive
    from funcnet.core.trace import Trace

__all__ = ["bind", "check_arrays", "check_hashable", "kernel_of", "run", "scalar_array", "watch"]

_SCALARS = (bool, int, float, complex)
_watchers: list[Callable[..., Any]] = []


def bind(primitive: Primitive, *args: Any, **params: Any) -> Any:
    """Apply `primitive` to arrays or tracers.

    Parameters
    ----------
    primitive : Primitive
        The operation.
    *args : array, Tracer or Python scalar
        Its arrays.
    **params : hashable
        Its parameters.

    Returns
    -------
    array, Tracer or tuple of them
        A tracer of the innermost transformation among the arguments', or a plain array.
    """
    trace = None
    for a in args:
        if a.__class__ is Tracer:
            other = a.trace
            if other is not trace and (trace is None or other.level > trace.level):
                trace = other
    if trace is not None:
        if not trace.alive:
            raise trace.escaped(f"xp.{primitive.name}")
        return _kept(trace, primitive, args, params) if keepers else trace.process(primitive, args, params)
    return run(primitive, args, params)


def _kept(trace: Trace, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Have an operation done by its arguments' trace or by one within, of what may never run.

    What a branch of a graph does on arrays from outside is to be done when that branch is chosen only: it may fail, go
    on for ever or print something. What is known is computed at once all the same, unless it has an effect.
    """
    wanted = primitive.meta.get("effect") or any([raw(a).__class__ is Spec for a in args])
    inner = current_trace()
    passed = False
    while inner is not None and inner is not trace:
        if inner.alive and inner.keeps is not None and inner.level > trace.level:
            passed = True
            if wanted and inner.keeps(primitive):
                return inner.process(primitive, args, params)
        inner = inner.outer
    if passed:
        # The operations of its rules belong where it does.
        return trace.inside(lambda: trace.process(primitive, args, params))
    return trace.process(primitive, args, params)


def run(primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
    """Run the kernel of `primitive` on plain arrays and Python scalars."""
    n = len(args)
    if n == 1:
        key: Any = args[0].__class__
    elif n == 2:
        key = args[0].__class__, args[1].__class__
    else:
        key = tuple([a.__class__ for a in args])
    try:
        call = primitive.table[key]
    except KeyError:
        call = _resolve(primitive, args)
        for wrap in _watchers:
            call = wrap(primitive, call)
        primitive.table[key] = call
    try:
        return call(*args, **params) if params else call(*args)
    except FuncnetError:
        raise
    except Exception as error:
        _explain(primitive, args, params, error)


def kernel_of(primitive: Primitive, backend: Backend | None) -> Callable[..., Any] | None:
    """Return the function that runs `primitive` on any arrays of `backend`, None where that depends on the arrays."""
    if backend is None or backend.name != "numpy" or _watchers:
        return None
    call = backend.kernel(primitive.name)
    if isinstance(call, backends.KernelTable):
        return None
    return _rounding(primitive, backend, _reference(primitive, backend) if call is None else call)


def check_hashable(primitive: Primitive, params: dict[str, Any]) -> None:
    """Raise `ParameterError` if a parameter cannot be part of a graph's key."""
    for name, value in params.items():
        try:
            hash(value)
        except TypeError:
            raise ParameterError(
                f"Parameter {name!r} of {primitive.name!r} is not hashable.",
                found=f"{type(value).__name__}: {value!r}",
                needed="a hashable value: a number, a string, a tuple, a dtype",
                write=f"{name}=tuple(...)",
            ) from None


def scalar_array(value: complex) -> Any:
    """Return a Python scalar as an array of the current backend, in its default dtype for that kind of number."""
    context = backends.current()
    if isinstance(value, bool):
        dtype: Any = "bool"
    elif isinstance(value, int):
        dtype = backends.default_int_dtype()
    else:
        dtype = backends.default_dtype() if isinstance(value, float) else backends.default_complex_dtype()
    return context.backend.asarray(value, dtype=dtype, device=context.device)


def check_arrays(name: str, args: Sequence[Any]) -> None:
    """Refuse arguments of ``xp.name`` that are neither arrays, traced or not, nor Python scalars."""
    for i, a in enumerate(args):
        if a.__class__ not in _SCALARS and a.__class__ is not Tracer and backends.backend_of_type(a.__class__) is None:
            raise DtypeError(
                f"Argument {i} of xp.{name} is not an array.",
                found=type(a).__name__,
                needed="an array of a registered backend, or a Python scalar",
                write="xp.asarray(x)",
            )


def _resolve(primitive: Primitive, args: Sequence[Any]) -> Callable[..., Any]:
    """Find what runs `primitive` on arguments of these types; the answer is cached by the types."""
    check_arrays(primitive.name, args)
    # NumPy's scalars are what its reductions return, so they go with the arrays of any library.
    generic = [i for i, a in enumerate(args) if isinstance(a, np.generic)]
    arrays = [i for i, a in enumerate(args) if a.__class__ not in _SCALARS and i not in generic]
    if arrays:
        backend = backends.backend_of(*[a.item() if i in generic else a for i, a in enumerate(args)])
    elif generic:
        backend = backends.get("numpy")
    else:
        return _Converted(primitive)
    assert backend is not None
    call = backend.kernel(primitive.name)
    if call is None or isinstance(call, backends.KernelTable):
        # Only now: the namespace of NumPy takes a while to import.
        call = backend.kernel(primitive.name, fallback=_reference(primitive, backend))
        assert call is not None
    call = _rounding(primitive, backend, call)
    if backend.name == "numpy":
        classes = {a.__class__ for a in args}
        return _NumpyComplex(call) if complex in classes and np.float64 in classes else call
    call = backend.localized(call)
    if generic:
        call = _Adopted(backend, generic, arrays[0], call)
    return _SameDevice(backend, call) if len(arrays) > 1 else call


def _rounding(primitive: Primitive, backend: Backend, call: Callable[..., Any]) -> Callable[..., Any]:
    # What only moves elements knows nothing of data types.
    moves = primitive.kind != "elementwise" and primitive.meta.get("dtypes") == "all"
    return call if moves else backend.rounding(call)


def _reference(primitive: Primitive, backend: Backend) -> Callable[..., Any]:
    namespace = backend.namespace
    return getattr(namespace, primitive.name) if primitive.impl is None else partial(primitive.impl, namespace)


def watch(wrap: Callable[..., Any], *, start: bool) -> None:
    """Have every kernel called through ``wrap(primitive, kernel)``, or no longer."""
    if start:
        _watchers.append(wrap)
    else:
        _watchers.remove(wrap)
    _forget()


@backends.on_change
def _forget() -> None:
    """Have every primitive look for its kernels anew."""
    for primitive in registry.values():
        primitive.table.clear()


class _Converted:
    """Runs a primitive whose arguments are all Python scalars on arrays of the current backend."""

    __slots__ = ("primitive",)

    def __init__(self, primitive: Primitive) -> None:
        self.primitive = primitive

    def __call__(self, *args: Any, **params: Any) -> Any:
        return bind(self.primitive, *map(scalar_array, args), **params)


class _Adopted:
    """Turns NumPy scalars among the arguments into arrays of the others' library, of their own dtype."""

    __slots__ = ("backend", "call", "first", "generic")

    def __init__(self, backend: Backend, generic: list[int], first: int, call: Callable[..., Any]) -> None:
        self.backend = backend
        self.generic = generic
        self.first = first
        self.call = call

    def __call__(self, *args: Any, **params: Any) -> Any:
        device = self.backend.device_of(args[self.first])
        adopted = list(args)
        for i in self.generic:
            adopted[i] = self.backend.from_numpy(np.asarray(args[i]), device=device)
        return self.call(*adopted, **params)


class _NumpyComplex:
    """Turns Python's complex numbers into NumPy's: beside a float64 scalar Python would take the operation itself."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *args: Any, **params: Any) -> Any:
        return self.call(*[np.complex128(a) if a.__class__ is complex else a for a in args], **params)


class _SameDevice:
    """Checks that all arrays are on one device before a call."""

    __slots__ = ("backend", "call")

    def __init__(self, backend: Backend, call: Callable[..., Any]) -> None:
        self.backend = backend
        self.call = call

    def __call__(self, *args: Any, **params: Any) -> Any:
        backends.check_devices(self.backend, args)
        return self.call(*args, **params)


def _explain(primitive: Primitive, args: Sequence[Any], params: dict[str, Any], error: Exception) -> NoReturn:
    """Raise the clearest error for a kernel's failure; the library's own message stays attached."""
    shapes = [tuple(a.shape) for a in args if hasattr(a, "shape")]
    described = ", ".join(_describe(a) for a in args)
    if primitive.kind == "elementwise" and not _broadcastable(shapes):
        raise ShapeError(
            f"xp.{primitive.name} got shapes that do not broadcast.",
            found=described,
            needed="dimensions that are equal, or 1, counted from the last",
            write="xp.reshape or xp.expand_dims on one of them",
        ) from error
    error.add_note(f"in xp.{primitive.name}({described}{''.join(f', {k}={v!r}' for k, v in params.items())})")
    raise error


def _describe(a: Any) -> str:
    return f"{a.dtype}{list(a.shape)}" if hasattr(a, "shape") else repr(a)


def _broadcastable(shapes: list[tuple[int, ...]]) -> bool:
    for position in range(1, max(map(len, shapes), default=0) + 1):
        sizes = {s[-position] for s in shapes if len(s) >= position} - {1}
        if len(sizes) > 1:
            return False
    return True
