"""Evenly spaced numbers."""

from __future__ import annotations

from operator import index as as_integer
from typing import Any

import numpy as np

from funcnet.core import Tracer, constant
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.fresh import array_like, backend_like, context_place, created, foreign_dtype, integers_like

__all__ = ["arange", "linspace"]


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Any:
    """Make evenly spaced numbers from `start` to before `stop`.

    Derivative: of each element with respect to a traced `start` 1, to a traced `step` its position. How many there are
    is piecewise constant, so `stop` gets zero.

    Parameters
    ----------
    start : number
        The first of them; the end of the range, which then begins at 0, if `stop` is omitted.
    stop : number, optional
        The end of the range.
    step : number, default 1
        The distance between neighbours; not 0.
    dtype : data type or its name, optional
        If omitted, that of traced arguments, else the default integer one if all arguments are integers, else the
        default floating-point one.
    device : str, int or device of the library, optional
        That of the context if omitted.

    Returns
    -------
    array
        Of shape ``(ceil((stop - start) / step),)``, or ``(0,)`` if that is negative.

    Raises
    ------
    ParameterError
        If `step` is 0.

    References
    ----------
    Python Array API standard, ``arange``.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> xp.arange(3)
    array([0, 1, 2])
    >>> fn.grad(lambda a: xp.arange(a, 4.0).sum())(np.array(1.5))
    array(3.)
    """
    start, stop, step = _plain(start), _plain(stop), _plain(step)
    if stop is None:
        start, stop = 0, start
    if step.__class__ in (int, float) and step == 0:
        raise ParameterError("xp.arange cannot step by 0.", found="step=0", needed="a number other than 0")
    given = [v for v in (start, stop, step) if hasattr(v, "dtype")]
    if not given:
        backend, device, default = context_place(device)
        if dtype is not None:
            default = foreign_dtype(backend, dtype, device)
        elif all([v.__class__ is int for v in (start, stop, step)]):
            default = foreign_dtype(backend, int, device)
        return constant(created(backend, device, "arange", start, stop, step, dtype=default))
    like = given[0]
    backend = backend_like(like)
    native = _common_dtype(backend, given) if dtype is None else foreign_dtype(backend, dtype, device)
    count = max(0, _ceil(_minus(stop, start), step))
    # Computed in the arguments' own precision, cast at the end.
    ramp = constant(array_like(like, np.arange(count), like.dtype if kind(like.dtype) in "fc" else None))
    return _traced_or_constant(cast(ramp * step + start, native))


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Any:
    """Make `num` evenly spaced numbers from `start` to `stop`.

    Derivative: of element i, which is ``(1 - w) * start + w * stop`` with ``w = i / (num - 1)``, with respect to the
    ends ``1 - w`` and ``w``. The first and the last element are the ends exactly.

    Parameters
    ----------
    start, stop : number or array
        The ends. Arrays, which may be traced, broadcast against each other.
    num : int
        How many.
    dtype : data type or its name, optional
        That of array ends, else the default floating-point one (complex if an end is) if omitted.
    device : str, int or device of the library, optional
        That of the context, or of array ends, if omitted.
    endpoint : bool, default True
        Whether `stop` is the last element; without it there would be one more and it is left out.

    Returns
    -------
    array
        Of shape ``(num,)``, or ``(num, ...)`` for array ends.

    Raises
    ------
    ParameterError
        If `num` is negative.

    References
    ----------
    Python Array API standard, ``linspace``.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> xp.linspace(0, 1, 5)
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    >>> fn.grad(lambda a: xp.linspace(a, 4.0, 3).sum())(np.array(1.0))
    array(1.5)
    """
    num = as_integer(num)
    if num < 0:
        raise ParameterError("xp.linspace cannot make less than no numbers.", found=f"num={num}", needed="num >= 0")
    given = [v for v in (start, stop) if hasattr(v, "dtype")]
    if not given:
        backend, device, default = context_place(device)
        if dtype is not None:
            default = foreign_dtype(backend, dtype, device)
        elif complex in (start.__class__, stop.__class__):
            default = foreign_dtype(backend, complex, device)
        return constant(created(backend, device, "linspace", start, stop, num, dtype=default, endpoint=endpoint))
    backend = backend_like(given[0])
    floating = _common_dtype(backend, given)
    if kind(floating) not in "fc":
        floating = foreign_dtype(backend, float)
    native = floating if dtype is None else foreign_dtype(backend, dtype, device)
    # The weights of the two ends are rounded once each, so that both are exactly 0 and 1 at the ends.
    to = np.linspace(0.0, 1.0, num, endpoint=endpoint)
    ndim = max([len(v.shape) for v in given])
    shape = (num,) + (1,) * ndim
    real = backend.dtype(
        {"complex64": "float32", "complex128": "float64"}.get(name := backend.dtype_name(floating), name)
    )
    to, of = [constant(reshaped(array_like(given[0], w, real), shape)) for w in (to, 1.0 - to)]
    start, stop = [cast(v, floating) if hasattr(v, "dtype") else v for v in (start, stop)]
    return _traced_or_constant(cast(of * start + to * stop, native))


def _traced_or_constant(x: Any) -> Any:
    return x if x.__class__ is Tracer else constant(x)


def _plain(value: Any) -> Any:
    """Return NumPy's scalars and integers that are traced as Python numbers."""
    if isinstance(value, np.generic):
        return value.item()
    return int(value) if hasattr(value, "dtype") and kind(value.dtype) in "iu" else value


def _minus(a: Any, b: Any) -> Any:
    return -b if a.__class__ is int and a == 0 else a if b.__class__ is int and b == 0 else a - b


def _ceil(span: Any, step: Any) -> int:
    """Return the number of steps in a span; its value has no derivative, so a traced one is read."""
    steps = span / step
    if not hasattr(steps, "dtype"):
        return int(np.ceil(steps))
    return -int(cast(-steps // 1, integers_like(steps, "arange", 0).dtype))


def _common_dtype(backend: Any, arrays: list[Any]) -> Any:
    dtypes = [a.dtype for a in arrays]
    if all([d == dtypes[0] for d in dtypes]):
        return dtypes[0]
    namespace = np if backend.name == "numpy" else backend.namespace
    return namespace.result_type(*dtypes)
