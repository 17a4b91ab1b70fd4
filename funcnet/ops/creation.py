"""Creation functions."""

from __future__ import annotations

from operator import index as as_integer
from typing import TYPE_CHECKING, Any

from funcnet.core import Tracer, constant, raw
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.axes import rank
from funcnet.ops.broadcasting import broadcast_to, reshaped
from funcnet.ops.conversion import asarray, from_dlpack
from funcnet.ops.fresh import backend_like, context_place, created, filled_like, foreign_dtype
from funcnet.ops.shapes import broadcast_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "meshgrid",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]


def zeros(shape: int | Sequence[int], *, dtype: Any = None, device: Any = None) -> Any:
    """Make an array of zeros.

    Parameters
    ----------
    shape : int or tuple of int
        The shape.
    dtype : data type or its name, optional
        The default floating-point one of the context if omitted.
    device : str, int or device of the library, optional
        That of the context if omitted.

    Returns
    -------
    array
        Of the current backend; inside a transformation, a traced constant.

    References
    ----------
    Python Array API standard, ``zeros``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.zeros(3)
    array([0., 0., 0.], dtype=float32)
    """
    return _filled("zeros", shape, dtype, device)


def ones(shape: int | Sequence[int], *, dtype: Any = None, device: Any = None) -> Any:
    """Make an array of ones.

    Parameters
    ----------
    shape, dtype, device
        As in `zeros`.

    Returns
    -------
    array
        Of the current backend; inside a transformation, a traced constant.

    References
    ----------
    Python Array API standard, ``ones``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.ones((2, 2), dtype="int64")
    array([[1, 1],
           [1, 1]])
    """
    return _filled("ones", shape, dtype, device)


def empty(shape: int | Sequence[int], *, dtype: Any = None, device: Any = None) -> Any:
    """Make an array whose elements are whatever the memory held.

    Parameters
    ----------
    shape, dtype, device
        As in `zeros`.

    Returns
    -------
    array
        Of the current backend; inside a transformation, a traced constant.

    References
    ----------
    Python Array API standard, ``empty``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.empty((2, 3)).shape
    (2, 3)
    """
    return _filled("empty", shape, dtype, device)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Make an array of zeros like another.

    Parameters
    ----------
    x : array
        Whose shape and backend the result has.
    dtype : data type or its name, optional
        That of `x` if omitted.
    device : str, int or device of the library, optional
        That of `x` if omitted.

    Returns
    -------
    array
        Inside a transformation, a traced constant.

    References
    ----------
    Python Array API standard, ``zeros_like``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.zeros_like(np.array([1.0, 2.0]))
    array([0., 0.])
    """
    return constant(filled_like(x, "zeros", dtype, device))


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Make an array of ones like another.

    Parameters
    ----------
    x, dtype, device
        As in `zeros_like`.

    Returns
    -------
    array
        Inside a transformation, a traced constant.

    References
    ----------
    Python Array API standard, ``ones_like``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.ones_like(np.array([3, 4]))
    array([1, 1])
    """
    return constant(filled_like(x, "ones", dtype, device))


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Make an array like another, whose elements are whatever the memory held.

    Parameters
    ----------
    x, dtype, device
        As in `zeros_like`.

    Returns
    -------
    array
        Inside a transformation, a traced constant.

    References
    ----------
    Python Array API standard, ``empty_like``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.empty_like(np.array([3, 4])).dtype
    dtype('int64')
    """
    return constant(filled_like(x, "empty", dtype, device))


def full(shape: int | Sequence[int], fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """Make an array of one value.

    Derivative: linear in a traced value; its transpose sums the cotangent.

    Parameters
    ----------
    shape : int or tuple of int
        The shape.
    fill_value : Python number or array
        The value; an array, which may be traced, must broadcast to the shape.
    dtype : data type or its name, optional
        That of the array, or the default one of the number's kind, if omitted.
    device : str, int or device of the library, optional
        That of the context, or of the array, if omitted.

    Returns
    -------
    array
        Of the backend of the array, else of the current one; inside a transformation, a traced array.

    Raises
    ------
    DtypeError
        If the value is complex and the data type is not.

    References
    ----------
    Python Array API standard, ``full``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.full((2,), 3)
    array([3, 3])
    """
    shape = _shape(shape)
    if hasattr(fill_value, "shape"):
        return _spread(fill_value, shape, dtype, device)
    backend, device, default = context_place(device)
    given = fill_value.__class__ if dtype is None else dtype
    native = default if given is float else foreign_dtype(backend, given, device)
    _check_fill("full", fill_value, native)
    return constant(created(backend, device, "full", shape, fill_value, dtype=native))


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """Make an array of one value like another array.

    Derivative: linear in a traced value; its transpose sums the cotangent.

    Parameters
    ----------
    x : array
        Whose shape and backend the result has.
    fill_value : Python number or array
        The value; an array, which may be traced, must broadcast to the shape.
    dtype, device
        As in `zeros_like`.

    Returns
    -------
    array
        Inside a transformation, a traced array.

    Raises
    ------
    DtypeError
        If the value is complex and the data type is not.

    References
    ----------
    Python Array API standard, ``full_like``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.full_like(np.array([1.0, 2.0]), 3)
    array([3., 3.])
    """
    if hasattr(fill_value, "shape"):
        return _spread(fill_value, tuple(x.shape), x.dtype if dtype is None else dtype, device)
    rank("full_like", x)
    backend, value = backend_like(x), raw(x)
    if device is None and backend.owns(value.__class__):
        device = backend.device_of(value)
    dtype = value.dtype if dtype is None else foreign_dtype(backend, dtype, device)
    _check_fill("full_like", fill_value, dtype)
    return constant(created(backend, device, "full", tuple(x.shape), fill_value, dtype=dtype))


def _check_fill(name: str, fill_value: Any, dtype: Any) -> None:
    if isinstance(fill_value, complex) and kind(dtype) != "c":
        raise DtypeError(
            f"xp.{name} does not drop the imaginary part of a number.",
            found=f"{fill_value!r} for {dtype}",
            needed="a real number, or a complex data type",
            write=f"xp.{name}(..., dtype=xp.complex128)",
        )


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Any:
    """Make a matrix with ones on a diagonal.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    n_cols : int, optional
        Number of columns; that of rows if omitted.
    k : int, default 0
        Which diagonal: 0 the main one, positive above, negative below.
    dtype, device
        As in `zeros`.

    Returns
    -------
    array
        Of shape ``(n_rows, n_cols)``; inside a transformation, a traced constant.

    References
    ----------
    Python Array API standard, ``eye``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.eye(2, dtype="float64")
    array([[1., 0.],
           [0., 1.]])
    """
    rows = as_integer(n_rows)
    columns = rows if n_cols is None else as_integer(n_cols)
    backend, device, default = context_place(device)
    dtype = default if dtype is None else foreign_dtype(backend, dtype, device)
    return constant(created(backend, device, "eye", rows, columns, k=as_integer(k), dtype=dtype))


def meshgrid(*arrays: Any, indexing: str = "xy") -> tuple[Any, ...]:
    """Return coordinate arrays of a grid.

    Derivative: linear; its transpose sums over the other dimensions.

    Parameters
    ----------
    *arrays : array
        The coordinates along each axis, each of one dimension or none.
    indexing : {"xy", "ij"}, default "xy"
        ``"ij"``: dimension i of the results belongs to array i; ``"xy"``: the first two are exchanged.

    Returns
    -------
    tuple of array
        One for each argument, all of the grid's shape; they may share memory with the arguments.

    Raises
    ------
    ParameterError
        If `indexing` is something else.
    ShapeError
        If an array has more than one dimension.

    References
    ----------
    Python Array API standard, ``meshgrid``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> a, b = xp.meshgrid(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> b
    array([[3., 3.],
           [4., 4.]])
    """
    if indexing not in ("xy", "ij"):
        raise ParameterError(
            "xp.meshgrid got an unknown indexing.",
            found=f"indexing={indexing!r}",
            needed="'xy' or 'ij'",
            write="indexing='ij'",
        )
    for a in arrays:
        if rank("meshgrid", a) > 1:
            raise ShapeError(
                "xp.meshgrid takes coordinates in one dimension.",
                found=f"an array of shape {tuple(a.shape)}",
                needed="arrays of one dimension",
                write="xp.reshape(x, (-1,))",
            )
    places = list(range(len(arrays)))
    if indexing == "xy" and len(places) > 1:
        places[:2] = [1, 0]
    count = len(arrays)
    lifted = [
        reshaped(a, tuple([(a.shape or (1,))[0] if i == place else 1 for i in range(count)]))
        for a, place in zip(arrays, places, strict=True)
    ]
    shape = broadcast_shapes(*[a.shape for a in lifted])
    # Grids of their own, not views, as in NumPy.
    return tuple([broadcast_to(a, shape).copy() if a.__class__ is Tracer else broadcast_to(a, shape) for a in lifted])


# ---------------------------------------------------------------------- helpers


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple([as_integer(n) for n in shape]) if isinstance(shape, (tuple, list)) else (as_integer(shape),)


def _filled(name: str, shape: Any, dtype: Any, device: Any) -> Any:
    backend, device, default = context_place(device)
    dtype = default if dtype is None else foreign_dtype(backend, dtype, device)
    return constant(created(backend, device, name, _shape(shape), dtype=dtype))


def _spread(value: Any, shape: tuple[int, ...], dtype: Any, device: Any) -> Any:
    """Return an array broadcast to a shape, in memory of its own."""
    value = asarray(value, dtype=dtype, device=device)
    spread = broadcast_to(value, shape)
    if spread.__class__ is Tracer:
        return spread.copy()
    return constant(backend_like(spread).asarray(spread, copy=True))
