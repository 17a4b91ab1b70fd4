"""Copies of trees of arrays between backends and devices."""

from typing import Any, NamedTuple

import numpy as np

from funcnet import tree
from funcnet.backends import registry
from funcnet.backends.backend import Backend
from funcnet.backends.context import current
from funcnet.backends.dtypes import COMPLEX_OF
from funcnet.backends.lookup import backend_of_type
from funcnet.errors import DtypeError, MissingExtraError, TreeError

__all__ = ["Placement", "device_put", "devices", "parse_target", "to_numpy"]

# What libraries raise where they cannot exchange an array by DLPack: a data type or a kind of memory that one of them
# does not know.
_NOT_EXCHANGED = (BufferError, TypeError, ValueError, RuntimeError, AttributeError)


class Placement(NamedTuple):
    """Where arrays go.

    Attributes
    ----------
    backend : Backend
        The array library.
    device : str or None
        Canonical name of a device; ``None`` for any that the backend chooses.
    """

    backend: Backend
    device: str | None


def parse_target(target: Any) -> Placement:
    """Return what a target such as ``"cupy:0"``, ``"torch"`` or ``"strict:device1"`` means.

    Parameters
    ----------
    target : str, Backend or Placement
        The name of a backend, with the name or number of a device after a colon if need be. Without one, it is the
        device of the context in force if that is of the same backend.

    Raises
    ------
    BackendNotFoundError, BackendUnavailableError
        No such backend or device, or it cannot be used here.

    Examples
    --------
    >>> from funcnet.backends import parse_target
    >>> parse_target("numpy:0")
    Placement(backend=<funcnet backend 'numpy'>, device='cpu')
    """
    if isinstance(target, Placement):
        return target
    if isinstance(target, Backend):
        backend, device = target, ""
    else:
        name, _, device = target.partition(":") if isinstance(target, str) else (target, "", "")
        backend = registry.get(name)
    if device:
        return Placement(backend, backend.device_name(device))
    context = current()
    return Placement(backend, context.device if context.backend is backend else None)


def device_put(tree_: Any, target: Any) -> Any:
    """Put the arrays of a tree on a device, of whichever library.

    Copies go by DLPack where both libraries can, else through the host. Data types are kept exactly. An array that is
    there already is returned as it is; any other result has memory of its own.

    Parameters
    ----------
    tree_ : pytree
        Its leaves are arrays of any registered backend, or Python scalars, which become arrays of rank 0.
    target : str or Backend
        ``"cupy:0"``, ``"torch"``, ``"torch:cuda:1"``, ``"strict:device1"``, ...; see `devices`.

    Returns
    -------
    pytree
        The same structure, with arrays of the target.

    Raises
    ------
    BackendNotFoundError, BackendUnavailableError
        No such backend or device, or it cannot be used here.
    DtypeError
        The target does not have the data type of a leaf.
    TreeError
        A leaf is neither an array nor a Python scalar.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.backends import device_put
    >>> device_put({"w": np.ones(2, dtype=np.float32), "b": 0.5}, "strict:device1")["w"].device
    array_api_strict.Device('device1')
    """
    placement = parse_target(target)
    return tree.map_with_path(lambda path, leaf: _put(path, leaf, placement), tree_)


def to_numpy(tree_: Any) -> Any:
    """Copy the arrays of a tree to NumPy.

    NumPy arrays are returned as they are; any other result has memory of its own.

    Parameters
    ----------
    tree_ : pytree
        Its leaves are arrays of any registered backend, or Python scalars, which become arrays of rank 0.

    Returns
    -------
    pytree of numpy.ndarray
        The same structure, with the same data types.

    Examples
    --------
    >>> import array_api_strict as xp
    >>> from funcnet.backends import to_numpy
    >>> to_numpy([xp.ones(2)])
    [array([1., 1.])]
    """
    return device_put(tree_, "numpy:cpu")


def devices() -> list[str]:
    """Return every device of every usable backend, in the form that `device_put` takes.

    This imports every library that is registered, to see whether it works.

    Examples
    --------
    >>> from funcnet.backends import devices
    >>> devices()[0]
    'numpy:cpu'
    """
    return [f"{name}:{device}" for name in registry.available() for device in registry.get(name).devices()]


def _put(path: str, leaf: Any, placement: Placement) -> Any:
    backend, device = placement
    source = backend_of_type(type(leaf))
    try:
        if source is not None:
            dtype = source.dtype_name(leaf.dtype)
            _check_dtype(dtype, placement)
            return _copy(leaf, dtype, source, placement)
        if isinstance(leaf, (bool, int, float, complex)):
            dtype = _scalar_dtype(leaf, placement)
            _check_dtype(dtype, placement)
            return backend.asarray(leaf, dtype=dtype, device=device)
    except (DtypeError, MissingExtraError) as error:
        if not path:
            raise
        raise type(error)(f"Leaf {path} cannot be put on {_words(placement)}.\n{error}") from None
    raise TreeError(
        f"Leaf {path or 'of the tree'} is not an array.",
        found=f"{type(leaf).__name__}: {leaf!r}",
        needed="an array of a registered backend, or a Python scalar",
        write="fn.xp.asarray(...), or leave it out of the tree",
    )


def _copy(array: Any, dtype: str, source: Backend, placement: Placement) -> Any:
    backend, device = placement
    if source is backend:
        if isinstance(array, np.generic):
            # NumPy's scalars are values, not memory: a tree that was put somewhere holds arrays.
            return np.asarray(array)
        return array if device is None else backend.to_device(array, device)
    here = source.device_of(array)
    target = backend.default_device() if device is None else device
    code = source.dlpack_device(here)
    if code is not None and code == backend.dlpack_device(target) and not isinstance(array, np.generic):
        try:
            result = backend.import_dlpack(source.export_dlpack(array), target)
        except _NOT_EXCHANGED:
            # DLPack is an optimisation: what it cannot carry goes through the host, where errors do show.
            result = None
        # Some libraries export booleans as uint8.
        if result is not None and backend.dtype_name(result.dtype) == dtype:
            return result
    if backend.name == "numpy":
        return source.to_numpy(array, copy=True)
    return backend.from_numpy(source.to_numpy(array), target, copy=True)


def _scalar_dtype(leaf: complex, placement: Placement) -> str:
    """Return the name of the data type that a Python scalar gets on the target."""
    if isinstance(leaf, bool):
        return "bool"
    if isinstance(leaf, int):
        return placement.backend.default_int(placement.device)
    return current().dtype if isinstance(leaf, float) else COMPLEX_OF[current().dtype]


def _check_dtype(dtype: str, placement: Placement) -> None:
    backend, device = placement
    # First of all whether the library has it, because that error says how to get one that it lacks.
    backend.dtype(dtype)
    known = backend.dtypes(device)
    if dtype not in known:
        raise DtypeError(
            f"There is no data type {dtype!r} on {_words(placement)}.",
            found=repr(dtype),
            needed="one of " + ", ".join(known),
            write="xp.astype(x, ...) before the copy",
        )


def _words(placement: Placement) -> str:
    backend, device = placement
    return f"backend {backend.name!r}" if device is None else f"device {backend.name}:{device}"
