"""Kernels that serve only some data types or kinds of device."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from funcnet.errors import DtypeError

__all__ = ["Kernel", "KernelTable"]


class Kernel(NamedTuple):
    """One kernel and what it serves; an empty set serves everything.

    Attributes
    ----------
    function : callable
        ``function(*arrays, **params)``.
    dtypes : frozenset of str
        Data types, one of which each array argument must have.
    device_kinds : frozenset of str
        Kinds of device, such as ``"cpu"`` or ``"cuda"``.
    """

    function: Callable[..., Any]
    dtypes: frozenset[str] = frozenset()
    device_kinds: frozenset[str] = frozenset()

    def describe(self) -> str:
        """Return the constraint in words."""
        dtypes = ", ".join(sorted(self.dtypes)) or "any dtype"
        return f"{dtypes} on {', '.join(sorted(self.device_kinds)) or 'any device'}"


class _Arrays(Protocol):
    """What a table needs to know about the arrays of a library."""

    def owns(self, cls: type) -> bool: ...
    def dtype_name(self, dtype: Any) -> str: ...
    def device_of(self, array: Any) -> str: ...


class KernelTable:
    """Kernels of one primitive for one backend; calling the table runs the most specific one that fits.

    A kernel fits if it serves the data type of every array argument and their device. Of those that fit, the one with
    more kinds of constraint wins (data type and device, then data type, then device, then none), then the one with
    fewer data types, then the one that was added last. Where none fits, the fallback runs.

    Parameters
    ----------
    name : str
        The primitive.
    backend : Backend
        Whose arrays the kernels take.
    kernels : iterable of Kernel, optional
        What to begin with.
    fallback : callable, optional
        Runs where no kernel fits; without it that is an error.

    Raises
    ------
    DtypeError
        On a call that nothing serves; the message lists what there is.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.backends import Kernel, KernelTable, get
    >>> table = KernelTable("twice", get("numpy"), [Kernel(lambda x: x + x)])
    >>> table.add(Kernel(lambda x: x << 1, frozenset({"int64"})))
    >>> table(np.int64(3)), table(np.float64(3.5))
    (np.int64(6), np.float64(7.0))
    """

    __slots__ = ("_backend", "_chosen", "_kernels", "fallback", "name")

    def __init__(
        self,
        name: str,
        backend: _Arrays,
        kernels: Iterable[Kernel] = (),
        fallback: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.fallback = fallback
        self._backend = backend
        self._kernels = tuple(kernels)
        self._chosen: dict[tuple[frozenset[str], str], Callable[..., Any] | None] = {}

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """What the table holds, in the order in which it was added."""
        return self._kernels

    def add(self, kernel: Kernel) -> None:
        """Add a kernel."""
        self._kernels = (*self._kernels, kernel)
        # A new dictionary: a call on another thread may still be filling the old one with choices that are now stale.
        self._chosen = {}

    def with_fallback(self, fallback: Callable[..., Any]) -> "KernelTable":
        """Return a table of the same kernels that runs `fallback` where none fits."""
        return KernelTable(self.name, self._backend, self._kernels, fallback)

    def select(self, dtypes: frozenset[str], device_kind: str) -> Callable[..., Any] | None:
        """Return the function for arrays of these data types on that kind of device, or ``None``."""
        best, best_rank = self.fallback, None
        for position, kernel in enumerate(self._kernels):
            if kernel.dtypes and not dtypes <= kernel.dtypes:
                continue
            if kernel.device_kinds and device_kind not in kernel.device_kinds:
                continue
            rank = (2 * bool(kernel.dtypes) + bool(kernel.device_kinds), -len(kernel.dtypes), position)
            if best_rank is None or rank > best_rank:
                best, best_rank = kernel.function, rank
        return best

    def __call__(self, *arrays: Any, **params: Any) -> Any:
        backend = self._backend
        own = [array for array in arrays if backend.owns(type(array))]
        dtypes = frozenset([backend.dtype_name(array.dtype) for array in own])
        kind = backend.device_of(own[0]).partition(":")[0] if own else ""
        chosen = self._chosen
        try:
            function = chosen[dtypes, kind]
        except KeyError:
            function = chosen[dtypes, kind] = self.select(dtypes, kind)
        if function is None:
            raise DtypeError(
                f"No kernel of {self.name!r} serves these arguments.",
                found=f"{', '.join(sorted(dtypes)) or 'no array'} on {kind or 'no device'}",
                needed="; ".join(kernel.describe() for kernel in self._kernels) or "a kernel, but none is registered",
            )
        return function(*arrays, **params)
