"""The module object that a traced array gives as its Array API namespace, one per backend."""

from __future__ import annotations

from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from funcnet import backends
from funcnet.backends.dtypes import STANDARD
from funcnet.errors import ParameterError
from funcnet.ops import extras
from funcnet.ops.native import native_dtype, native_floating
from funcnet.surface import unknown
from funcnet.xp.spellings import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["API_VERSION", "EXTENSIONS", "Namespace", "namespace_of"]

API_VERSION = "2025.12"

#: Functions that make arrays from nothing, and so need to be told the backend.
_CREATION = (
    "arange",
    "asarray",
    "empty",
    "eye",
    "fftfreq",
    "from_dlpack",
    "full",
    "linspace",
    "ones",
    "rfftfreq",
    "zeros",
)

#: Functions whose data type, if one is given, may be a Python class, and those that make numbers of integers.
_TYPED = ("astype", "empty_like", "full_like", "ones_like", "zeros_like")
_FLOATING = ("mean", "std", "var")

#: Modules of `funcnet.xp` that are loaded at first use.
EXTENSIONS = ("fft", "linalg", "special")

_namespaces: dict[str, Namespace] = {}


class Namespace(ModuleType):
    """`funcnet.xp` for the arrays of one backend.

    Its data types are the backend's. What it creates is of that backend and, unless told otherwise, of the data type
    that the library itself would choose, so that other people's code computes in the same precision under a
    transformation as outside.
    """

    def __init__(self, backend: backends.Backend, source: ModuleType) -> None:
        super().__init__(f"funcnet.xp.{backend.name}", f"The Array API namespace of traced {backend.name} arrays.")
        names: list[str] = source.__all__
        for name in [n for n in names if n not in extras.__all__]:
            value = getattr(source, name)
            setattr(self, name, _as_library(backend, name, value))
        for name in (*STANDARD, "float16"):
            if name in backend.dtypes():
                setattr(self, name, backend.dtype(name))
        self.__all__ = sorted({*names, *(n for n in STANDARD if hasattr(self, n))})
        self.__array_api_version__ = API_VERSION
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        if name in extras.__all__:
            value = getattr(extras, name)
            setattr(self, name, value)
            return value
        if name == "bfloat16" and name in self._backend.dtypes():
            # Not before somebody wants it: NumPy's comes from another package, and costs time in every call.
            return self._backend.dtype(name)
        if name not in EXTENSIONS:
            raise unknown("funcnet.xp", name, EXTENSIONS, SPELLINGS)
        source = import_module(f"funcnet.xp.{name}")
        names: list[str] = source.__all__
        extension = ModuleType(f"{self.__name__}.{name}", source.__doc__)
        for one in names:
            value = getattr(source, one)
            setattr(extension, one, _as_library(self._backend, one, value))
        extension.__dict__["__all__"] = list(names)
        setattr(self, name, extension)
        return extension

    def __dir__(self) -> list[str]:
        return sorted({*self.__all__, *EXTENSIONS, *(name for name in vars(self) if name[:2] == "__")})

    def __repr__(self) -> str:
        # What array-api-compat shows where it refuses a traced array beside a plain one.
        return f"<namespace {self.__name__!r} of traced arrays; write fn.lift(array) for a plain array beside them>"

    def __array_namespace_info__(self) -> Any:
        """Return the inspection object of the backend's own namespace."""
        (backend,) = [b for b, n in _namespaces.items() if n is self]
        return backends.get(backend).namespace.__array_namespace_info__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _by_name, (self.__name__.rpartition(".")[2],)


def namespace_of(backend: backends.Backend, source: ModuleType, api_version: str | None = None) -> Namespace:
    """Return the namespace for traced arrays of `backend`; `source` is the module whose functions it has."""
    if api_version is not None and (not isinstance(api_version, str) or api_version > API_VERSION):
        raise ParameterError(
            "funcnet does not have that version of the Array API standard.",
            found=f"api_version={api_version!r}",
            needed=f"{API_VERSION!r} or earlier",
            write="x.__array_namespace__()",
        )
    found = _namespaces.get(backend.name)
    if found is None:
        found = _namespaces.setdefault(backend.name, Namespace(backend, source))
    return found


def _by_name(name: str) -> Namespace:
    return _namespaces[name]


def _as_library(backend: backends.Backend, name: str, value: Any) -> Any:
    """Return a function of `funcnet.xp` with the data types that the library would choose."""
    if name in _CREATION:
        return _created_by(backend, value)
    if name in _FLOATING:
        return wraps(value)(lambda x, /, **options: value(native_floating(x), **options))
    return _typed(value) if name in _TYPED else value


def _typed(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def typed(x: Any, /, *args: Any, **kwargs: Any) -> Any:
        if "dtype" in kwargs:
            kwargs["dtype"] = native_dtype(x, kwargs["dtype"])
        return function(x, *[native_dtype(x, a) for a in args], **kwargs)

    return typed


def _created_by(backend: backends.Backend, create: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(create)
    def function(*args: Any, **kwargs: Any) -> Any:
        defaults = backend.namespace.__array_namespace_info__().default_dtypes()
        with backends.use_backend(backend.name, dtype=backend.dtype_name(defaults["real floating"])):
            return create(*args, **kwargs)

    return function
