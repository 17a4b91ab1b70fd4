"""The backend, device and data type with which arrays are created from nothing."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from funcnet.backends import registry
from funcnet.backends.backend import Backend
from funcnet.backends.dtypes import COMPLEX_OF, FLOATS
from funcnet.errors import DtypeError, ParameterError

__all__ = ["Context", "current", "default_complex_dtype", "default_dtype", "default_int_dtype", "use_backend"]

F = TypeVar("F", bound=Callable[..., Any])


class Context(NamedTuple):
    """What decides where and how arrays are created from nothing.

    Attributes
    ----------
    backend : Backend
        The array library.
    device : str or None
        Canonical name of the device; ``None`` for the backend's default.
    dtype : str
        Name of the default floating-point data type.
    """

    backend: Backend
    device: str | None
    dtype: str


class _Entry(NamedTuple):
    """One link of the chain of contexts that are in force, innermost first."""

    context: Context
    owner: object
    parent: "_Entry | None"


_ROOT = _Entry(Context(registry.record("numpy"), None, "float32"), None, None)

_state: ContextVar[_Entry] = ContextVar("funcnet_backend", default=_ROOT)


def current() -> Context:
    """Return the context in force in this thread or task.

    Examples
    --------
    >>> from funcnet.backends import current
    >>> current().backend.name, current().device, current().dtype
    ('numpy', None, 'float32')
    """
    return _state.get().context


class use_backend:  # noqa: N801 - it reads as a function, as the context managers of contextlib do
    """Create arrays with another backend, on another device, or in another data type.

    As a context manager it holds within the ``with`` block; as a decorator, within each call of the function, which may
    also be asynchronous or a generator (then it holds while the generator's own code runs, not while its consumer's
    does). It nests, holds for one thread or task only, and ends with the block, whatever is raised. One object may be
    used many times and within itself.

    It decides only what is created from nothing: creation functions, random numbers, ``init``. The arrays passed to an
    operation decide where that runs.

    Parameters
    ----------
    name : str, optional
        The backend. Without it, the one in force stays.
    device : str, int or device of the library, optional
        The device, such as ``"cuda:0"`` or 0. Without it, the one in force stays if the backend does; else it is the
        backend's default.
    dtype : str or data type of the library, optional
        The default floating-point data type. Without it, the one in force stays; it begins as ``"float32"``.

    Raises
    ------
    BackendNotFoundError, BackendUnavailableError
        On entry: no such backend or device, or it cannot be used here.
    DtypeError
        On entry: the data type is none of floating-point numbers, or the device does not have it.

    Examples
    --------
    >>> from funcnet.backends import current, use_backend
    >>> with use_backend("numpy", dtype="float64"):
    ...     current().dtype
    'float64'
    >>> @use_backend(dtype="float64")
    ... def f():
    ...     return current().dtype
    >>> f(), current().dtype
    ('float64', 'float32')
    """

    __slots__ = ("_device", "_dtype", "_name")

    def __init__(self, name: str | None = None, *, device: Any = None, dtype: Any = None) -> None:
        self._name = name
        self._device = device
        self._dtype = dtype

    def __enter__(self) -> Context:
        outer = _state.get()
        context = self._resolve(outer.context)
        _state.set(_Entry(context, self, outer))
        return context

    def __exit__(self, *exception: object) -> None:
        _state.set(_without(_state.get(), self))

    def __call__(self, function: F) -> F:
        # Not at the top: a decorator is rare, and this module is imported with funcnet.
        import inspect

        if isinstance(function, type) or not callable(function):
            raise ParameterError(
                "use_backend decorates functions.",
                found=repr(function),
                needed="a function, an asynchronous function or a generator function",
                write="with use_backend(...):",
            )
        if inspect.iscoroutinefunction(function):
            wrapper = self._coroutine(function)
        elif inspect.isasyncgenfunction(function):
            wrapper = self._async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapper = self._generator(function)
        else:
            wrapper = self._function(function)
        return wraps(function)(wrapper)  # type: ignore[return-value]

    def _resolve(self, outer: Context) -> Context:
        backend = outer.backend if self._name is None else registry.get(self._name)
        if self._device is not None:
            device = backend.device_name(self._device)
        else:
            device = outer.device if backend is outer.backend else None
        dtype = outer.dtype
        if self._dtype is not None:
            dtype = self._dtype if isinstance(self._dtype, str) else backend.dtype_name(self._dtype)
        known = backend.dtypes(device)
        if dtype not in FLOATS or dtype not in known:
            raise DtypeError(
                f"{dtype!r} cannot be the default data type of backend {backend.name!r}.",
                found=repr(dtype),
                needed="one of " + ", ".join(name for name in FLOATS if name in known),
                write=f'use_backend("{backend.name}", dtype="float32")',
            )
        return Context(backend, device, dtype)

    def _function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return call

    def _coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await function(*args, **kwargs)

        return call

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            inner = _Suspended(self)
            step, value = generator.send, None
            while True:
                with inner:
                    try:
                        item = step(value)
                    except StopIteration as stop:
                        return stop.value
                try:
                    step, value = generator.send, (yield item)
                except GeneratorExit:
                    with inner:
                        generator.close()
                    raise
                except BaseException as error:
                    step, value = generator.throw, error

        return call

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            inner = _Suspended(self)
            step, value = generator.asend, None
            while True:
                with inner:
                    try:
                        item = await step(value)
                    except StopAsyncIteration:
                        return
                try:
                    step, value = generator.asend, (yield item)
                except GeneratorExit:
                    with inner:
                        await generator.aclose()
                    raise
                except BaseException as error:
                    step, value = generator.athrow, error

        return call


class _Suspended:
    """Puts a generator's contexts in force while it runs, and its consumer's while it waits.

    The generator may itself wait inside ``with use_backend(...)``: the whole chain is kept, not only the first link.
    """

    __slots__ = ("_consumer", "_manager", "_own")

    def __init__(self, manager: use_backend) -> None:
        self._manager = manager
        self._own: _Entry | None = None
        self._consumer: _Entry | None = None

    def __enter__(self) -> None:
        self._consumer = _state.get()
        if self._own is None:
            self._manager.__enter__()
        else:
            _state.set(self._own)

    def __exit__(self, *exception: object) -> None:
        self._own = _state.get()
        if self._consumer is not None:
            _state.set(self._consumer)


def _without(entry: _Entry, owner: object) -> _Entry:
    """Return the chain without the innermost link of `owner`.

    That is nearly always the first. It is a later one where a generator that waits inside ``with use_backend(...)`` is
    closed while its consumer is inside another block, and none where it is closed in another thread or task.
    """
    passed = []
    link: _Entry | None = entry
    while link is not None and link.owner is not owner:
        passed.append(link)
        link = link.parent
    if link is None or link.parent is None:
        return entry
    rest = link.parent
    for other in reversed(passed):
        rest = _Entry(other.context, other.owner, rest)
    return rest


def default_dtype() -> Any:
    """Return the default floating-point data type, as the current backend's own object.

    Examples
    --------
    >>> from funcnet.backends import default_dtype
    >>> default_dtype()
    dtype('float32')
    """
    context = current()
    return context.backend.dtype(context.dtype)


def default_complex_dtype() -> Any:
    """Return the complex data type that goes with `default_dtype`.

    Returns
    -------
    dtype
        An object of the current backend's library.

    Examples
    --------
    >>> from funcnet import backends
    >>> with backends.use_backend("numpy", dtype="float64"):
    ...     backends.default_complex_dtype()
    dtype('complex128')
    """
    context = current()
    return context.backend.dtype(COMPLEX_OF[context.dtype])


def default_int_dtype() -> Any:
    """Return the data type that Python integers get on the current device.

    Returns
    -------
    dtype
        An object of the current backend's library.

    Examples
    --------
    >>> from funcnet import backends
    >>> with backends.use_backend("numpy"):
    ...     backends.default_int_dtype()
    dtype('int64')
    """
    context = current()
    return context.backend.dtype(context.backend.default_int(context.device))
