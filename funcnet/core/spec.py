"""Shape and dtype of an array that need not exist, and the backend that an array or a spec belongs to."""

from __future__ import annotations

from typing import Any

from funcnet import backends
from funcnet.core.tracer import raw
from funcnet.errors import DtypeError

__all__ = ["Spec", "owner"]


class Spec:
    """Shape and dtype of an array that need not exist.

    Parameters
    ----------
    shape : sequence of int
        The shape.
    dtype : str or dtype, optional
        The data type; the default floating-point one of the current backend if omitted.
    backend : Backend, optional
        The array library; the current one if omitted.
    device : device of the library, optional
        Where the array is; the backend's default device if omitted.

    Examples
    --------
    >>> import funcnet as fn
    >>> fn.Spec((2, 3))
    Spec((2, 3), 'float32')
    """

    __slots__ = ("_device", "backend", "dtype", "shape")

    def __init__(
        self, shape: Any, dtype: Any = None, backend: backends.Backend | None = None, device: Any = None
    ) -> None:
        self._device = device
        self.shape = tuple(int(n) for n in shape)
        self.backend = backends.current().backend if backend is None else backend
        self.dtype = backends.default_dtype() if dtype is None else self.backend.dtype(dtype)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def device(self) -> Any:
        """Where the array is: the backend's default device if nothing was said."""
        return self.backend.device() if self._device is None else self._device

    def __repr__(self) -> str:
        return f"Spec({self.shape}, {self.backend.dtype_name(self.dtype)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.backend.dtype_name(self.dtype)))


def owner(x: Any) -> backends.Backend:
    """Return the backend of an array, a spec, or what a tracer stands for.

    Raises
    ------
    DtypeError
        If it is none of them.
    """
    value = raw(x)
    found = value.backend if isinstance(value, Spec) else backends.backend_of_type(value.__class__)
    if found is None:
        raise DtypeError(
            "An array was expected.",
            found=f"{type(value).__module__}.{type(value).__qualname__}",
            needed="an array of a registered backend",
            write="xp.asarray(x)",
        )
    return found
