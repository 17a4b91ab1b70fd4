"""Constants on request: ``stop_gradient`` and ``lift``."""

from __future__ import annotations

from typing import Any

from funcnet import backends, tree
from funcnet.core import Tracer, bind, case, constant, current_trace, general
from funcnet.ops.batching import as_it_is

__all__ = ["lift", "stop_gradient"]

stop_gradient_p = general(
    "stop_gradient",
    lambda xp, x: x,  # noqa: ARG005  # the identity on every backend
    vjp=None,
    shape=lambda x: x.shape,
    batch=as_it_is,
    dtypes="all",
    cases=(case((2, 3)), case(())),
)


def stop_gradient(x: Any, /) -> Any:
    """Return the same values, through which no derivative flows.

    Parameters
    ----------
    x : pytree of arrays
        Leaves that are not arrays are returned as they are.

    Returns
    -------
    pytree of arrays
        The same structure; constants for every transformation around.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.grad(lambda x: x * fn.stop_gradient(x))(np.array(3.0))
    array(3.)
    """
    return tree.map(lambda leaf: bind(stop_gradient_p, leaf) if leaf.__class__ is Tracer else leaf, x)


def lift(x: Any, /) -> Any:
    """Return arrays that may be written to inside a transformation.

    A plain array made outside cannot receive traced values: ``a[0] = x`` would drop the derivative of ``x``. Its lifted
    copy can. The original is never changed.

    Parameters
    ----------
    x : pytree of arrays
        Traced arrays stay as they are; leaves that are not arrays, too.

    Returns
    -------
    pytree of arrays
        Traced constants inside a transformation; copies outside, so that the same code leaves the caller's arrays
        alone in both cases.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> table = np.zeros(3)
    >>> def f(x):
    ...     t = fn.lift(table)
    ...     t[1] = x * x
    ...     return t.sum()
    >>> fn.grad(f)(np.array(4.0)), table
    (array(8.), array([0., 0., 0.]))
    """

    def one(leaf: Any) -> Any:
        if leaf.__class__ is Tracer:
            return leaf
        backend = backends.backend_of_type(leaf.__class__)
        if backend is None:
            return leaf
        return backend.asarray(leaf, copy=True) if current_trace() is None else constant(leaf)

    return tree.map(one, x)
