"""The record that describes one array library."""

import gc
import warnings
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from funcnet.backends.changes import changed
from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.backends.kernels import Kernel, KernelTable
from funcnet.backends.memory import MemoryInfo, host_memory
from funcnet.errors import BackendNotFoundError, DtypeError

__all__ = ["Backend"]


class Backend:
    """One array library: its namespace, devices, data types, copies, memory and kernels.

    The base class serves any library that follows the Array API standard and computes at once in the host's memory; a
    subclass overrides what its library does differently. Making a record must not import the library: that happens
    when `library` or `namespace` is first read.

    Attributes
    ----------
    name : str
        The name under which the backend is registered.
    module : str
        The module that is imported to use the library; arrays whose class lives under its root are the backend's.
    namespace_module : str
        The module that speaks the Array API standard for the library; `module` where it is not given.
    install : str
        The command that installs the library, shown where it cannot be used.

    Examples
    --------
    >>> from funcnet.backends import Backend
    >>> class Strict(Backend):
    ...     name = "mine"
    ...     module = "array_api_strict"
    >>> Strict().probe() is None
    True
    >>> Strict().dtype("float32")
    array_api_strict.float32
    """

    name: str = ""
    module: str = ""
    namespace_module: str = ""
    install: str = ""

    def __init__(self) -> None:
        self._dtypes: dict[str, Any] = {}
        self._dtype_names: dict[Hashable, str] = {}
        self._probed = False
        self._reason: str | None = None

    def __repr__(self) -> str:
        return f"<funcnet backend {self.name!r}>"

    # ------------------------------------------------------------------ the library

    @cached_property
    def library(self) -> ModuleType:
        """The library's own module, imported at the first access."""
        return import_module(self.module)

    @cached_property
    def namespace(self) -> ModuleType:
        """The module that speaks the Array API standard, imported at the first access."""
        return import_module(self.namespace_module or self.module)

    def version(self) -> str | None:
        """Return the version of the library, or ``None`` where it cannot be used."""
        return None if self.probe() else str(getattr(self.library, "__version__", "unknown"))

    def check(self) -> None:
        """Use the library a little; raise whatever it raises where it cannot be used.

        Subclasses override this; callers use `probe`.
        """
        x = self.namespace.ones((2, 2))
        if float(self.namespace.sum(x @ x)) != 8.0:
            raise RuntimeError("a 2x2 matrix product came out wrong")

    def probe(self) -> str | None:
        """Return ``None`` where the backend can be used here, else the reason why not.

        It never raises, and answers from memory after the first call.
        """
        if not self._probed:
            try:
                # A warning does not make a library unusable, even where warnings are errors.
                with warnings.catch_warnings():
                    warnings.simplefilter("default")
                    self.check()
            except Exception as error:
                # Only the text is kept: the exception's traceback would keep frames alive.
                self._reason = f"{type(error).__name__}: {error}"
            self._probed = True
        return self._reason

    def owns(self, cls: type) -> bool:
        """Say whether `cls` is an array class of this library, without importing the library."""
        root = self.module.partition(".")[0]
        return hasattr(cls, "__array_namespace__") and any(
            base.__module__.partition(".")[0] == root for base in cls.__mro__
        )

    # ------------------------------------------------------------------ kernels

    @cached_property
    def kernels(self) -> dict[str, Callable[..., Any]]:
        """Primitive name to the callable ``kernel(*arrays, **params)`` that replaces the reference implementation."""
        return {}

    def kernel(self, name: str, fallback: Callable[..., Any] | None = None) -> Callable[..., Any] | None:
        """Return the kernel of the primitive `name`, or `fallback` where there is none.

        Parameters
        ----------
        name : str
            The primitive.
        fallback : callable, optional
            The reference implementation. A kernel that serves only some data types or kinds of device calls it for
            the others.
        """
        kernel = self.kernels.get(name, fallback)
        if isinstance(kernel, KernelTable) and fallback is not None:
            return kernel.with_fallback(fallback)
        return kernel

    def add_kernel(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        dtypes: tuple[str, ...] = (),
        device_kinds: tuple[str, ...] = (),
    ) -> None:
        """Contribute a kernel for the primitive `name`.

        Without constraints it takes the place of a kernel without constraints; with them it is chosen where they hold.

        Parameters
        ----------
        name : str
            The primitive.
        function : callable
            ``function(*arrays, **params)``.
        dtypes : tuple of str, optional
            Names of the data types that it serves; every array argument must have one of them. Empty: any.
        device_kinds : tuple of str, optional
            Kinds of device that it serves, such as ``"cpu"`` or ``"cuda"``. Empty: any.

        See Also
        --------
        funcnet.backends.KernelTable : how the most specific kernel is chosen.
        """
        table = self.kernels.get(name)
        if not dtypes and not device_kinds and not isinstance(table, KernelTable):
            self.kernels[name] = function
        else:
            if not isinstance(table, KernelTable):
                table = self.kernels[name] = KernelTable(name, self, [] if table is None else [Kernel(table)])
            table.add(Kernel(function, frozenset(dtypes), frozenset(device_kinds)))
        changed()

    def localized(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` such that it computes on the device of its array arguments.

        That is `function` itself for a library whose operations do so anyway. CuPy's run on the current device.
        """
        return function

    def rounding(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, a kernel that computes, such that it rounds to the data types that its arguments have.

        That is `function` itself for a library with all of its data types built in. NumPy's bfloat16 is another one's.
        """
        return function

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[str]:
        """Return the canonical names of the devices, such as ``["cpu", "cuda:0"]``."""
        return [self.name_of_device(device) for device in self.namespace.__array_namespace_info__().devices()]

    def default_device(self) -> str:
        """Return the name of the device where arrays are created unless another is asked for."""
        return self.name_of_device(self.namespace.__array_namespace_info__().default_device())

    def device_of(self, array: Any) -> str:
        """Return the canonical name of the device that holds `array`."""
        return self.name_of_device(array.device)

    def name_of_device(self, device: Any) -> str:
        """Return the canonical name of one of the library's own device objects."""
        return str(device)

    def device_name(self, spec: Any = None) -> str:
        """Return the canonical name of the device that `spec` means.

        Parameters
        ----------
        spec : str, int, device of the library or None
            A name, a number (as a string too), the library's own object, or ``None`` for the default.

        Raises
        ------
        BackendNotFoundError
            The backend has no such device; the message lists those that it has.
        """
        if spec is None:
            return self.default_device()
        if isinstance(spec, str):
            name = self._numbered_device(int(spec)) if spec.isdecimal() else spec
        elif isinstance(spec, int):
            name = self._numbered_device(spec)
        else:
            name = self.name_of_device(spec)
        known = self.devices()
        if name in known:
            return name
        raise BackendNotFoundError(
            f"Backend {self.name!r} has no device {spec!r}.",
            found=repr(spec),
            needed="one of " + ", ".join(repr(device) for device in known),
            write=f'fn.use_backend("{self.name}", device="{known[0]}")',
        )

    def device(self, spec: Any = None) -> Any:
        """Return the library's own object for the device that `spec` means; see `device_name`."""
        name = self.device_name(spec)
        for device in self.namespace.__array_namespace_info__().devices():
            if self.name_of_device(device) == name:
                return device
        return name

    def _numbered_device(self, number: int) -> str:
        known = self.devices()
        return known[number] if 0 <= number < len(known) else ""

    def on_device(self, spec: Any = None) -> AbstractContextManager[Any]:
        """Return a context manager under which the library creates arrays on the device that `spec` means.

        For a library whose creation functions take ``device=`` it does nothing; use it together with
        `creation_kwargs`, and arrays are created there by either kind.
        """
        if spec is not None:
            self.device_name(spec)
        return nullcontext()

    def creation_kwargs(self, spec: Any = None) -> dict[str, Any]:
        """Return the keywords with which a creation function of the namespace creates on the device `spec`."""
        return {} if spec is None else {"device": self.device(spec)}

    def to_device(self, array: Any, spec: Any) -> Any:
        """Return `array` on the device `spec`: itself where it is there already, else a copy."""
        name = self.device_name(spec)
        return array if self.device_of(array) == name else array.to_device(self.device(name))

    # ------------------------------------------------------------------ data types

    def dtype(self, dtype: Any) -> Any:
        """Return the library's data type of that name; the library's own data types pass through.

        Raises
        ------
        DtypeError
            The library has no such data type; the message lists those that it has.
        """
        name = dtype if isinstance(dtype, str) else self.dtype_name(dtype)
        found = self._dtypes.get(name)
        if found is None:
            found = self._find_dtype(name) if name in STANDARD + OPTIONAL else None
            if found is None:
                raise self._no_dtype(name)
            self._dtypes[name] = found
        return found

    def dtype_name(self, dtype: Any) -> str:
        """Return the name of one of the library's data types, such as ``"float32"``.

        Raises
        ------
        DtypeError
            It is none that funcnet knows; the message lists those that the library has.
        """
        try:
            return self._dtype_names[dtype]
        except (KeyError, TypeError):
            name = self._find_dtype_name(dtype)
            if name not in STANDARD + OPTIONAL or self._find_dtype(name) is None:
                raise self._no_dtype(name) from None
            self._dtype_names[dtype] = name
            return name

    def dtypes(self, device: Any = None) -> tuple[str, ...]:
        """Return the names of the data types that arrays on `device` may have."""
        info = self.namespace.__array_namespace_info__()
        there = info.dtypes(device=None if device is None else self.device(device))
        return (*there, *(name for name in OPTIONAL if self._find_dtype(name) is not None))

    def default_int(self, device: Any = None) -> str:
        """Return the name of the data type that Python integers get on `device`."""
        native = None if device is None else self.device(device)
        return self.dtype_name(self.namespace.__array_namespace_info__().default_dtypes(device=native)["integral"])

    def _find_dtype(self, name: str) -> Any | None:
        return getattr(self.namespace, name, None)

    def _find_dtype_name(self, dtype: Any) -> str:
        for name in STANDARD + OPTIONAL:
            known = self._find_dtype(name)
            if known is not None and known == dtype:
                return name
        return str(dtype)

    def _no_dtype(self, name: str) -> DtypeError:
        return DtypeError(
            f"Backend {self.name!r} has no data type {name!r}.",
            found=repr(name),
            needed="one of " + ", ".join(self.dtypes()),
        )

    # ------------------------------------------------------------------ copies

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
        """Make an array of this library from its own arrays, NumPy arrays, Python scalars and nested lists.

        Parameters
        ----------
        obj : array_like
            What the array is made from.
        dtype : str or data type of the library, optional
            The data type; the library's own choice where it is not given.
        device : str, int or device of the library, optional
            Where the array goes; an array of the library stays where it is if this is not given.
        copy : bool, optional
            ``True`` copies always, ``None`` where needed, ``False`` raises ``ValueError`` where it would have to.
        """
        native = None if dtype is None else self.dtype(dtype)
        with self.on_device(device):
            return self.namespace.asarray(obj, dtype=native, copy=copy, **self.creation_kwargs(device))

    def from_numpy(self, array: np.ndarray, device: Any = None, *, copy: bool | None = None) -> Any:
        """Make an array of this library from a NumPy array, of the same data type.

        Parameters
        ----------
        array : numpy.ndarray
            The host array.
        device : str, int or device of the library, optional
            Where the result goes.
        copy : bool, optional
            ``True``: the result never shares memory with `array`. ``None``: it may.
        """
        return self.asarray(array, dtype=self.dtype(array.dtype.name), device=device, copy=copy)

    def to_numpy(self, array: Any, *, copy: bool | None = None) -> np.ndarray:
        """Return the values as a NumPy array, of the same data type.

        Parameters
        ----------
        array : array
            An array of this library.
        copy : bool, optional
            ``True``: the result never shares memory with `array`. ``None``: it may, where the array is on the host.
        """
        return np.array(array, copy=copy)

    def storage(self, array: Any) -> tuple[int, bool]:
        """Return what identifies the memory behind `array`, and whether the array is the whole of it, once, writable.

        A slice or a broadcast array is not. The answer for a library that does not tell: no.
        """
        return id(array), False

    def dlpack_device(self, device: str) -> tuple[int, int] | None:
        """Return the DLPack code of the device of that name, or ``None`` where DLPack does not serve it."""
        return (1, 0) if device == "cpu" else None

    def export_dlpack(self, array: Any) -> Any:
        """Return an object with ``__dlpack__`` that has the values of `array`."""
        return array

    def import_dlpack(self, exported: Any, device: str) -> Any:
        """Make an array of this library, in memory of its own, from an object with ``__dlpack__``.

        Parameters
        ----------
        exported : object
            What `export_dlpack` of another backend returned.
        device : str
            Name of the device where the values are and where the result goes.

        Raises
        ------
        BufferError, TypeError, ValueError, RuntimeError, AttributeError
            The libraries do not agree on the data type or the memory.
        """
        return self.to_device(self.namespace.from_dlpack(exported, copy=True), device)

    # ------------------------------------------------------------------ execution and memory

    def synchronize(self, device: Any = None) -> None:
        """Wait until the device has finished what it was given; a library that computes at once has nothing to do."""
        self.device_name(device)

    def memory(self, device: Any = None) -> MemoryInfo:
        """Return the memory figures of a device."""
        self.device_name(device)
        return host_memory()

    def free_memory(self) -> None:
        """Give memory that no live array needs back to the system."""
        gc.collect()
