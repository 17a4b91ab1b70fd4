"""Special functions where the arrays are: SciPy's on the host, CuPy's on its devices."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.lookup import backend_of
from funcnet.backends.torch.special import native
from funcnet.errors import MissingExtraError, NotDifferentiableError, UnsupportedFunctionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["hosted", "hosted_by", "scipy_special"]


def scipy_special() -> ModuleType:
    """Return ``scipy.special``, imported at the first call.

    Raises
    ------
    MissingExtraError
        SciPy is not installed.
    """
    try:
        return import_module("scipy.special")
    except ImportError as error:
        raise MissingExtraError(
            "This special function is computed by SciPy.",
            found=f"{type(error).__name__}: {error}",
            needed="the package scipy",
            write="pip install scipy",
        ) from error


def hosted(name: str) -> Callable[..., Any]:
    """Return the reference implementation of the special function that SciPy and CuPy call `name`."""
    return hosted_by(name, lambda special, *args: getattr(special, name)(*args))


def hosted_by(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a reference implementation that computes ``function(scipy.special, *args)`` in the host's memory.

    Arrays of other libraries than NumPy that lie there are lent to SciPy. CuPy's arrays go to the function `name` of
    ``cupyx.scipy.special``. For other devices there is an error: nothing is moved unasked.
    """

    def impl(xp: Any, *args: Any) -> Any:  # noqa: ARG001  # the form of an implementation
        arrays = [a for a in args if hasattr(a, "dtype")]
        backend = backend_of(*arrays)
        assert backend is not None
        if backend.name == "numpy":
            return _on_host(function, args)
        place = backend.device_of(arrays[0])
        if place.partition(":")[0] in ("cuda", "mps"):
            native = _native(backend, name)
            if native is None:
                raise UnsupportedFunctionError(
                    f"xp.special.{name} has no kernel for this device.",
                    found=f"an array of backend {backend.name!r} on {place!r}",
                    needed="an array in the host's memory, where SciPy computes it",
                    write=f'fn.device_put(x, "{"numpy" if backend.name == "cupy" else backend.name + ":cpu"}")',
                )
            return native(*args)
        if any(getattr(a, "requires_grad", False) for a in arrays):
            raise NotDifferentiableError(
                f"xp.special.{name} is computed by SciPy, outside of PyTorch's autograd.",
                found="a tensor with requires_grad=True",
                needed="a tensor without, or a derivative by funcnet",
                write="x.detach(), or fn.grad",
            )
        lent = [backend.to_numpy(a) if hasattr(a, "dtype") else a for a in args]
        return backend.from_numpy(np.asarray(_on_host(function, lent)), device=place)

    return impl


def _on_host(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Call a function of SciPy's; the result has the data type of the floating-point arrays."""
    dtypes = [a.dtype for a in args if hasattr(a, "dtype") and a.dtype.kind in "fc"]
    if not dtypes:
        with np.errstate(all="ignore"):
            return function(scipy_special(), *args)
    dtype = np.result_type(*dtypes)
    # SciPy computes in double precision where a Python number is among the arguments.
    numbers = [dtype.type(a) if a.__class__ is float else a for a in args]
    with np.errstate(all="ignore"):
        y = function(scipy_special(), *numbers)
    return y if y.dtype == dtype else y.astype(dtype)


def _native(backend: Any, name: str) -> Callable[..., Any] | None:
    """Return the function of CuPy or PyTorch that runs on their devices, if there is one."""
    if backend.name == "cupy":
        return getattr(import_module("cupyx.scipy.special"), name, None)
    return native(backend.library, name) if backend.name == "torch" else None
